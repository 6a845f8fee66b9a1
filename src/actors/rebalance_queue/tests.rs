//! The queue with its pools, in the whole tree.

mod random;
mod roster;

use std::time::Duration;

use crate::actors::facts::Lane;
use crate::actors::testing::drill::Break;
use crate::actors::testing::words::{decided, died, first_sent, granted, requested, restarted, sends, settled};
use crate::actors::testing::world::{SPACING, Spec, World};
use crate::actors::testing::{millis, secs};
use crate::domain::trigger::Class;
use crate::domain::units::GasPrice;
use crate::observe::Event;

const FIVE: [&str; 5] = ["a", "b", "c", "d", "e"];
const OFF: [u32; 2] = [6_000, 4_000];

fn about(found: Duration, expected: Duration) -> bool {
    found >= expected && found < expected + millis(50)
}

/// Pools other than `pool` that died or were restarted, and supervisors that did.
fn disturbed(world: &World, pool: &str) -> Vec<String> {
    let mine = format!("pool {pool}");
    let other = |event: &Event| match event {
        Event::ActorDied { actor, .. } | Event::ActorRestarted { actor, .. } if *actor != mine => Some(actor.clone()),
        _ => None,
    };
    world.events.pick(other).into_iter().map(|(_, actor)| actor).collect()
}

#[tokio::test(start_paused = true)]
async fn turns_go_out_one_at_a_time_and_sends_keep_their_distance() {
    let world = World::start(Spec::pools(&FIVE)).await;
    for pool in FIVE {
        world.chain.push_off(pool, &OFF);
    }
    for pool in FIVE {
        world.events.first(secs(400), |event| settled(event, pool, "done")).await;
    }
    let sends = sends(&world.events);
    assert_eq!(sends.len(), 5);
    for pair in sends.windows(2) {
        assert!(about(pair[1].0 - pair[0].0, SPACING), "{sends:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_hangs_is_killed_after_five_seconds_and_is_back_after_one_more() {
    let world = World::start(Spec::pools(&FIVE)).await;
    world.drill.break_holder("a", Break::Hang);
    world.chain.push_off("a", &OFF);
    let granted_at = world.events.first(secs(60), |event| granted(event, "a")).await;
    world.chain.push_off("b", &OFF);
    let overdue = world.events.first(secs(60), |event| matches!(event, Event::HolderOverdue { .. })).await;
    assert!(about(overdue - granted_at, secs(5)));
    let died = world.events.first(secs(60), |event| died(event, "pool a")).await;
    assert!(about(died - granted_at, secs(5)));
    let back = world.events.first(secs(60), |event| restarted(event, "pool a")).await;
    assert!(about(back - died, secs(1)));

    world.events.first(secs(120), |event| settled(event, "a", "done")).await;
    world.events.first(secs(120), |event| settled(event, "b", "done")).await;
    tokio::time::sleep(secs(300)).await;
    assert_eq!(sends(&world.events).len(), 2, "no second transaction for a turn that hung");
    assert_eq!(disturbed(&world, "a"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_panics_blocks_nobody_for_a_moment() {
    let world = World::start(Spec::pools(&FIVE)).await;
    world.drill.break_holder("a", Break::PanicForEver);
    world.chain.push_off("a", &OFF);
    world.chain.push_off("b", &OFF);
    let died = world.events.first(secs(60), |event| died(event, "pool a")).await;
    let sent = world.events.first(secs(60), |event| first_sent(event, "b")).await;
    assert!(sent <= died + millis(50), "nothing was sent, so nothing is spaced: {died:?} {sent:?}");
    assert_eq!(disturbed(&world, "a"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_panics_for_ever_slows_down_alone() {
    let world = World::start(Spec::pools(&FIVE)).await;
    world.drill.break_pool("a", Break::PanicForEver);
    let is_death = |event: &Event| died(event, "pool a");
    let fifth = world.events.nth(5, secs(60), is_death).await;
    world.events.nth(8, secs(900), is_death).await;
    let pauses: Vec<u64> = world
        .events
        .pick(|event| if let Event::ActorDied { restart_in, .. } = event { Some(restart_in.as_secs()) } else { None })
        .into_iter()
        .map(|(_, pause)| pause)
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8, 256, 256, 256, 256]);
    let deaths = world.events.pick(|event| is_death(event).then_some(()));
    for (pair, pause) in deaths.windows(2).zip(&pauses) {
        assert!(about(pair[1].0 - pair[0].0, secs(*pause)), "{deaths:?}");
    }
    let quarantines = world.events.pick(|event| matches!(event, Event::ActorQuarantined { .. }).then_some(()));
    assert_eq!(quarantines.iter().map(|(at, ())| *at).collect::<Vec<_>>(), [fifth], "once, at the fifth death");

    world.chain.push_off("b", &OFF);
    world.events.first(secs(60), |event| settled(event, "b", "done")).await;
    assert_eq!(disturbed(&world, "a"), Vec::<String>::new());

    world.drill.mend();
    world.chain.push_off("a", &OFF);
    world.events.first(secs(400), |event| settled(event, "a", "done")).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_crashes_grants_nothing_beside_what_is_in_flight() {
    let world = World::start(Spec::pools(&FIVE)).await;
    world.chain.with(|state| state.includes = false);
    world.chain.push_off("a", &OFF);
    let sent = world.events.first(secs(60), |event| first_sent(event, "a")).await;
    world.chain.push_off("b", &OFF);
    world.drill.break_queue();
    let died = world.events.first(secs(60), |event| died(event, "rebalance queue test")).await;
    let back = world.events.first(secs(60), |event| matches!(event, Event::QueueStarted { epoch: 2, .. })).await;
    assert!(about(back - died, secs(1)));
    world.events.nth(1, secs(60), |event| requested(event, "b")).await;

    tokio::time::sleep(secs(10)).await;
    assert_eq!(world.events.count(|event| matches!(event, Event::TurnGranted { .. })), 1, "the lane is busy");
    world.chain.with(|state| state.includes = true);
    world.events.first(secs(60), |event| settled(event, "a", "done")).await;
    let second = world.events.first(secs(90), |event| first_sent(event, "b")).await;
    assert!(second - sent >= SPACING, "the spacing is the lane's, not the queue's");
    tokio::time::sleep(secs(300)).await;
    assert_eq!(sends(&world.events).len(), 2, "the pool that was in flight is not served twice");
    assert_eq!(world.events.count(|event| decided(event, "a", "foreign_change")), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_queue_crash_the_pools_come_back_one_by_one_and_nobodys_count_is_forgotten() {
    let world = World::start(Spec::pools(&FIVE)).await;
    world.drill.break_pool("a", Break::Panic);
    world.events.first(secs(60), |event| restarted(event, "pool a")).await;
    world.events.clear();
    world.drill.break_queue();
    world.events.first(secs(60), |event| matches!(event, Event::QueueStarted { epoch: 2, .. })).await;
    let mut back = Vec::new();
    for pool in FIVE {
        back.push(world.events.first(secs(60), |event| decided(event, pool, "on_target")).await);
    }
    assert!(back.windows(2).all(|pair| pair[1] - pair[0] >= millis(9)), "staggered: {back:?}");

    world.drill.break_pool("a", Break::Panic);
    world.drill.break_pool("b", Break::Panic);
    world.events.first(secs(60), |event| died(event, "pool a")).await;
    world.events.first(secs(60), |event| died(event, "pool b")).await;
    world.drill.break_queue();
    world.events.nth(2, secs(60), |event| died(event, "rebalance queue test")).await;
    let pause = |name: &str| {
        let pauses = world.events.pick(|event| match event {
            Event::ActorDied { actor, restart_in, .. } if actor == name => Some(restart_in.as_secs()),
            _ => None,
        });
        pauses.into_iter().map(|(_, pause)| pause).collect::<Vec<_>>()
    };
    assert_eq!(pause("pool a"), [2], "its first death was under another queue");
    assert_eq!(pause("pool b"), [1]);
    assert_eq!(pause("rebalance queue test"), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_depeg_is_answered_by_all_holders_at_once() {
    let pools = vec![("a", ["USDC", "DAI"]), ("b", ["USDC", "DAI"]), ("c", ["USDC", "USDT"]), ("d", ["DAI", "USDT"])];
    let world = World::start(Spec { pools, ..Spec::pools(&[]) }).await;
    world.chain.set_price("USDC", 960);
    for pool in ["a", "b", "c"] {
        world.events.first(secs(60), |event| settled(event, pool, "done")).await;
    }
    let sends = sends(&world.events);
    assert_eq!(sends.len(), 3);
    assert!(sends.iter().all(|(at, (_, class))| *at - sends[0].0 < millis(10) && *class == Class::Depeg), "{sends:?}");
    let nonces: Vec<u64> = world.chain.with(|state| state.mined.iter().map(|tx| tx.nonce).collect());
    assert_eq!(nonces, [7, 8, 9]);
    assert_eq!(world.chain.with(|state| state.mined.iter().map(|tx| tx.at).collect::<std::collections::BTreeSet<_>>().len()), 1);
    assert_eq!(world.events.count(|event| requested(event, "d")), 0, "it holds none of it");
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_nobody_who_has_declined() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    // Someone changed b by hand: it holds, and says so to the queue when the depeg comes.
    world.chain.foreign_ramp("b", &[4_000, 6_000], secs(60));
    world.events.first(secs(60), |event| decided(event, "b", "foreign_change")).await;
    world.chain.set_price("USDC", 960);
    let asked = world.events.first(secs(60), |event| requested(event, "a")).await;
    let granted = world.events.first(secs(60), |event| granted(event, "a")).await;
    assert!(granted - asked < millis(5), "the window of 20 ms is for those who have not answered");
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_a_pool_that_cannot_answer_no_longer_than_its_window() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.drill.break_pool("b", Break::Hang);
    world.chain.set_price("USDC", 960);
    let asked = world.events.first(secs(60), |event| requested(event, "a")).await;
    let granted = world.events.first(secs(60), |event| granted(event, "a")).await;
    assert!(granted - asked >= millis(20) && granted - asked < millis(30), "{:?}", granted - asked);
}

#[tokio::test(start_paused = true)]
async fn gas_holds_a_request_and_not_the_queue() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.chain.with(|state| state.base_fee = GasPrice::from_gwei(100));
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| matches!(event, Event::TurnHeldForGas { .. })).await;
    world.chain.set_price("USDC", 960);
    world.events.first(secs(60), |event| settled(event, "b", "done")).await;
    assert!(sends(&world.events).iter().all(|(_, (_, class))| *class == Class::Depeg), "dear gas is no reason not to protect");
}

#[tokio::test(start_paused = true)]
async fn what_a_pool_asked_for_dies_with_it() {
    let world = World::start(Spec::pools(&["a"])).await;
    world.chain.with(|state| state.base_fee = GasPrice::from_gwei(100));
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| matches!(event, Event::TurnHeldForGas { .. })).await;
    world.drill.break_pool("a", Break::PanicForEver);
    world.events.nth(2, secs(60), |event| died(event, "pool a")).await;
    world.events.clear();
    tokio::time::sleep(secs(30)).await;
    let waiting = |event: &Event| matches!(event, Event::QueueSeen { waiting, .. } if *waiting != [0; 5]);
    assert_eq!(world.events.count(waiting), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_gas_holds_too_long_expires_and_the_pool_looks_again() {
    let world = World::start(Spec::pools(&["a"])).await;
    world.chain.with(|state| state.base_fee = GasPrice::from_gwei(100));
    world.chain.push_off("a", &OFF);
    let asked = world.events.first(secs(60), |event| requested(event, "a")).await;
    let expired = world.events.first(secs(4_000), |event| matches!(event, Event::TurnExpired { .. })).await;
    assert!(about(expired - asked, secs(3_600)));
    world.events.nth(2, secs(60), |event| requested(event, "a")).await;
    world.chain.with(|state| state.base_fee = GasPrice::from_gwei(10));
    world.events.first(secs(60), |event| settled(event, "a", "done")).await;
}

#[tokio::test(start_paused = true)]
async fn after_an_executor_crash_its_transaction_is_waited_for_and_its_ramp_is_ours() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.chain.with(|state| state.includes = false);
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| first_sent(event, "a")).await;
    world.chain.push_off("b", &OFF);
    world.executor.actor().unwrap().kill();
    world.events.first(secs(60), |event| restarted(event, "executor test keeper")).await;
    tokio::time::sleep(secs(20)).await;
    assert!(matches!(world.lane.read(), Lane::Busy { .. }), "its transaction is still pending");
    assert_eq!(sends(&world.events).len(), 1);
    world.chain.with(|state| state.includes = true);
    world.events.first(secs(120), |event| settled(event, "b", "done")).await;
    tokio::time::sleep(secs(300)).await;
    assert_eq!(sends(&world.events).len(), 2, "nothing is sent twice");
    assert_eq!(world.events.count(|event| decided(event, "a", "foreign_change")), 0, "the pool knows its ramp again");
    assert!(world.pool_is_on_target("a"));
    assert_eq!(disturbed(&world, "a").iter().filter(|actor| !actor.starts_with("executor")).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_faster_policy_clock_scales_the_spacing_and_not_the_patience_with_a_holder() {
    let world = World::start(Spec { speed: 10, ..Spec::pools(&["a", "b"]) }).await;
    for pool in ["a", "b"] {
        world.chain.push_off(pool, &OFF);
    }
    world.events.first(secs(60), |event| settled(event, "a", "done")).await;
    world.events.first(secs(60), |event| settled(event, "b", "done")).await;
    let sends = sends(&world.events);
    assert!(about(sends[1].0 - sends[0].0, SPACING / 10), "{sends:?}");

    world.drill.break_holder("a", Break::Hang);
    tokio::time::sleep(secs(400)).await;
    world.events.clear();
    world.chain.push_off("a", &OFF);
    let granted_at = world.events.first(secs(60), |event| granted(event, "a")).await;
    let overdue = world.events.first(secs(60), |event| matches!(event, Event::HolderOverdue { .. })).await;
    assert!(about(overdue - granted_at, secs(5)));
}
