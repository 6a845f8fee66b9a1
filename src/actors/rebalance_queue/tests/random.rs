//! Whatever goes wrong, in whatever order: never two turns out beside each other, never a request lost, never two sends too close,
//! never a neighbour touched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;

use super::OFF;
use crate::actors::facts::Lane;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::testing::drill::Break;
use crate::actors::testing::secs;
use crate::actors::testing::words::decided;
use crate::actors::testing::world::{SPACING, Spec, World, policy};
use crate::domain::ids::EpisodeId;
use crate::domain::policy::Policy;
use crate::domain::trigger::Class;
use crate::domain::units::GasPrice;
use crate::observe::Event;
use crate::observe::event::AttemptKind;

const POOLS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
enum Step {
    PushOff(usize),
    BreakHolder(usize, Break),
    BreakPool(usize, Break),
    KillPool(usize),
    BreakQueue,
    KillExecutor,
    CutLink,
    Gas(u64),
    Includes(bool),
    Price(u128),
}

fn step() -> impl Strategy<Value = Step> {
    let pool = 0..POOLS.len();
    let how = prop_oneof![Just(Break::Panic), Just(Break::Hang), Just(Break::PanicForEver)];
    prop_oneof![
        6 => pool.clone().prop_map(Step::PushOff),
        2 => (pool.clone(), how.clone()).prop_map(|(pool, how)| Step::BreakHolder(pool, how)),
        // A pool that hangs outside of a turn is nobody's to kill: it is for the liveness probe.
        1 => (pool.clone(), prop_oneof![Just(Break::Panic), Just(Break::PanicForEver)]).prop_map(|(pool, how)| Step::BreakPool(pool, how)),
        1 => pool.prop_map(Step::KillPool),
        1 => Just(Step::BreakQueue),
        1 => Just(Step::KillExecutor),
        1 => Just(Step::CutLink),
        1 => prop_oneof![Just(10), Just(100)].prop_map(Step::Gas),
        1 => any::<bool>().prop_map(Step::Includes),
        1 => prop_oneof![Just(1_000), Just(960)].prop_map(Step::Price),
    ]
}

/// Short enough for a pool to be served several times in a test.
fn brisk() -> Policy {
    Policy { min_interval: secs(120), ..policy() }
}

/// What went wrong, for the checks that depend on it.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "a list of what was done, not a state")]
struct Wrongs {
    broken: BTreeSet<&'static str>,
    any_pool: bool,
    queue: bool,
    executor: bool,
    depeg: bool,
    pushes: BTreeMap<&'static str, usize>,
}

fn take(world: &World, step: &Step, wrongs: &mut Wrongs) {
    match step {
        Step::PushOff(pool) => {
            *wrongs.pushes.entry(POOLS[*pool]).or_default() += 1;
            world.chain.push_off(POOLS[*pool], &OFF);
        }
        Step::BreakHolder(pool, how) => {
            wrongs.broken.insert(POOLS[*pool]);
            world.drill.break_holder(POOLS[*pool], *how);
        }
        Step::BreakPool(pool, how) => {
            wrongs.broken.insert(POOLS[*pool]);
            world.drill.break_pool(POOLS[*pool], *how);
        }
        Step::KillPool(nth) => {
            wrongs.any_pool = true;
            if let Some(pool) = world.cell_of::<QueueMsg>().and_then(|queue| queue.get_children().get(*nth).cloned()) {
                pool.kill();
            }
        }
        Step::BreakQueue => {
            wrongs.queue = true;
            world.drill.break_queue();
        }
        Step::KillExecutor => {
            wrongs.executor = true;
            if let Some(executor) = world.executor.actor() {
                executor.kill();
            }
        }
        Step::CutLink => world.link.cut(),
        Step::Gas(gwei) => world.chain.with(|state| state.base_fee = GasPrice::from_gwei(*gwei)),
        Step::Includes(includes) => world.chain.with(|state| state.includes = *includes),
        Step::Price(thousandths) => {
            wrongs.depeg |= *thousandths < 1_000;
            world.chain.set_price("USDC", *thousandths);
        }
    }
}

async fn play(steps: &[(u64, Step)]) -> Result<(), TestCaseError> {
    let world = World::start(Spec { policy: brisk(), ..Spec::pools(&POOLS) }).await;
    let mut wrongs = Wrongs::default();
    for (pause, step) in steps {
        sleep(Duration::from_millis(*pause)).await;
        take(&world, step, &mut wrongs);
    }
    world.drill.mend();
    world.chain.set_price("USDC", 1_000);
    world.chain.with(|state| (state.base_fee, state.includes) = (GasPrice::from_gwei(10), true));
    // Long enough for a quarantine, a depeg's recovery and two ramps; mostly it is done much sooner.
    for _ in 0..24 {
        sleep(secs(100)).await;
        let served = POOLS.iter().all(|pool| world.pool_is_on_target(pool));
        if served && matches!(world.lane.read(), Lane::Idle { .. }) {
            break;
        }
    }
    sleep(secs(30)).await;
    check(&world, &wrongs)
}

fn check(world: &World, wrongs: &Wrongs) -> Result<(), TestCaseError> {
    let story = || world.events.story();
    for pool in POOLS {
        prop_assert!(world.pool_is_on_target(pool), "{pool} is not served:\n{}", story());
        let foreign = world.events.count(|event| decided(event, pool, "foreign_change"));
        prop_assert_eq!(foreign, 0, "{} takes its own ramp for a stranger's:\n{}", pool, story());
        let pushes = wrongs.pushes.get(pool).copied().unwrap_or_default();
        let at = crate::actors::testing::chain::address(pool);
        // One whose executor died, and that is included after its ramp was over, reverts: it may be asked for again.
        let mined = world.chain.with(|state| state.mined.iter().filter(|tx| tx.target == at && tx.success).count());
        prop_assert!(wrongs.depeg || mined <= pushes, "{pool}: {mined} transactions for {pushes} triggers:\n{}", story());
    }
    let mut turns: Vec<(String, Class, Option<EpisodeId>)> = Vec::new();
    let mut flying: BTreeMap<String, Class> = BTreeMap::new();
    let mut last_sent: Option<Duration> = None;
    for (at, event) in world.events.all() {
        match event {
            Event::QueueStarted { .. } => turns.clear(),
            Event::TurnGranted { pool, class, episode, .. } => {
                // A defence waits for nothing that is less urgent.
                let batch = |(_, c, e): &(String, Class, Option<EpisodeId>)| {
                    class.is_protective() && (!c.is_protective() || *e == episode)
                };
                prop_assert!(turns.iter().all(batch), "{pool} beside {turns:?}:\n{}", story());
                turns.push((pool.to_string(), class, episode));
            }
            Event::TurnEnded { pool, .. } => turns.retain(|(holder, ..)| *holder != pool.as_str()),
            Event::TxSent { pool, class, kind: AttemptKind::First, .. } => {
                let alone = flying.is_empty() || class.is_protective();
                prop_assert!(alone, "{pool} beside {flying:?}:\n{}", story());
                let apart = last_sent.is_none_or(|last| class.is_protective() || at - last >= SPACING);
                prop_assert!(apart, "{pool} is sent too soon, at {at:?}:\n{}", story());
                last_sent = Some(at);
                flying.insert(pool.to_string(), class);
            }
            Event::Settled(order) => {
                flying.remove(order.pool.as_str());
            }
            Event::ActorDied { actor, kind, .. } => {
                let guilty = match kind {
                    "pool" => wrongs.any_pool || wrongs.broken.iter().any(|pool| actor.ends_with(pool)),
                    "rebalance_queue" => wrongs.queue,
                    "executor" => {
                        flying.clear();
                        wrongs.executor
                    }
                    _ => false,
                };
                prop_assert!(guilty, "{actor} died:\n{}", story());
            }
            _ => {}
        }
    }
    prop_assert!(turns.is_empty(), "{turns:?} never ended:\n{}", story());
    prop_assert!(flying.is_empty(), "{flying:?} never landed:\n{}", story());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_queue_cannot_wedge_and_never_sends_twice(steps in prop::collection::vec((0..20_000u64, step()), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(&steps))?;
    }
}
