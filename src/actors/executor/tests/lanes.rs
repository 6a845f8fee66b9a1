//! Two lanes of one chain.

use super::{Bench, Guardian, NONCE};
use crate::actors::facts::Lane;
use crate::actors::testing::chain::address;
use crate::actors::testing::{secs, settle};
use crate::domain::operation::{LaneRole, State};
use crate::domain::outcome::Outcome;
use crate::domain::trigger::Class;
use crate::domain::units::GasPrice;
use crate::observe::Event;

/// A drift of `a` keeps the keeper's lane busy: it pays up to 30 gwei, and a block costs 50.
async fn stuck() -> (Bench, Guardian) {
    let mut bench = Bench::start().await;
    let guardian = Guardian::beside(&bench).await;
    bench.lead = secs(3_600);
    bench.give("a", Class::Drift).await;
    bench.chain.with(|state| state.base_fee = GasPrice::from_gwei(50));
    bench.block().await;
    bench.cap = GasPrice::from_gwei(300);
    (bench, guardian)
}

#[tokio::test(start_paused = true)]
async fn a_freeze_goes_at_once_with_a_nonce_of_its_own_while_the_keeper_is_stuck() {
    let (mut bench, guardian) = stuck().await;
    let freeze = bench.freeze("b");
    guardian.hand_in(freeze).await;
    let sent = guardian.sender.broadcasts();
    assert_eq!((sent.len(), sent[0].1.nonce, sent[0].1.call.target), (1, NONCE, address("b")));
    assert_eq!(bench.states("a").await, [State::InFlight], "what is stuck is of no concern to it");
    assert!(matches!(guardian.args.lane.read(), Lane::Busy { .. }));

    bench.block().await;
    let (outcome, _) = bench.outcome("b").await;
    assert_eq!(outcome.label(), "done");
    assert!(bench.chain.with(|state| state.pools[&address("b")].frozen));
    assert!(matches!(guardian.args.lane.read(), Lane::Idle { .. }));
    assert!(matches!(bench.args.lane.read(), Lane::Busy { .. }));
    let moved = |role| bench.events.count(|event| matches!(event, Event::OperationMoved { role: of, .. } if *of == role));
    assert!(moved(LaneRole::Guardian) > 0 && moved(LaneRole::Keeper) > 0);
    bench.is_sound().await;
    assert!(guardian.sender.unwritten().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_freeze_is_read_back_and_trading_that_goes_on_is_told() {
    let mut bench = Bench::start().await;
    let guardian = Guardian::beside(&bench).await;
    bench.chain.with(|state| state.ignores_freeze = true);
    let freeze = bench.freeze("a");
    guardian.hand_in(freeze).await;
    bench.block().await;
    let Outcome::Deviates { difference, .. } = bench.outcome("a").await.0 else { panic!("{}", bench.events.story()) };
    assert_eq!(difference, "trading is still on");
}

#[tokio::test(start_paused = true)]
async fn freezes_follow_each_other_with_consecutive_nonces() {
    let mut bench = Bench::start().await;
    let guardian = Guardian::beside(&bench).await;
    for pool in ["a", "b", "c"] {
        let freeze = bench.freeze(pool);
        guardian.hand_in(freeze).await;
    }
    let nonces: Vec<u64> = guardian.sender.broadcasts().iter().map(|(_, draft)| draft.nonce).collect();
    assert_eq!(nonces, [NONCE, NONCE + 1, NONCE + 2]);
    bench.block().await;
    for pool in ["a", "b", "c"] {
        assert_eq!(bench.label(pool).await, "done");
    }
    bench.blocks(3).await;
    assert_eq!(bench.states("c").await, [State::FinalOk]);
}

#[tokio::test(start_paused = true)]
async fn a_freeze_of_a_pool_whose_drift_is_stuck_waits_for_the_word_that_it_is_taken_back_and_for_no_block() {
    let (mut bench, guardian) = stuck().await;
    let freeze = bench.freeze("a");
    guardian.hand_in(freeze).await;
    assert_eq!(guardian.sender.broadcasts().len(), 0, "one live operation for a pool");
    bench.chain.with(|state| state.includes = false);
    bench.block().await;
    assert_eq!(bench.states("a").await[0], State::Cancelling, "the keeper was told");
    tokio::time::sleep(secs(1)).await;
    settle().await;
    assert_eq!(bench.states("a").await, [State::Cancelling, State::InFlight]);
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    let mut labels = [bench.label("a").await, bench.label("a").await];
    labels.sort_unstable();
    assert_eq!(labels, ["cancelled", "done"]);
    assert!(bench.chain.with(|state| state.pools[&address("a")].frozen));
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_freeze_takes_nothing_back_that_is_as_urgent_as_itself() {
    let mut bench = Bench::start().await;
    let guardian = Guardian::beside(&bench).await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Depeg).await;
    let mut freeze = bench.freeze("a");
    // Another episode: the same one is a duplicate anyway.
    freeze.trigger = crate::domain::trigger::Trigger::Depeg {
        episode: crate::domain::ids::EpisodeId { asset: crate::domain::ids::AssetId::new("DAI"), number: 1 },
        below: Vec::new(),
    };
    guardian.hand_in(freeze).await;
    assert_eq!(bench.label("a").await, "pool_busy");
    bench.block().await;
    assert_eq!(bench.states("a").await, [State::InFlight]);
}

#[tokio::test(start_paused = true)]
async fn each_lane_recovers_what_is_its_own() {
    let (mut bench, mut guardian) = stuck().await;
    bench.chain.with(|state| state.includes = false);
    let freeze = bench.freeze("b");
    guardian.hand_in(freeze).await;
    let hash = guardian.sender.broadcasts()[0].0;
    let keepers = bench.sender.broadcasts().len();
    guardian.executor.get_cell().kill_and_wait(None).await.unwrap();
    bench.chain.with(|state| state.account(address("guardian")).mempool.clear());
    guardian =
        Guardian { executor: ractor::Actor::spawn(None, super::Executor, guardian.args.clone()).await.unwrap().0, ..guardian };
    settle().await;
    let sent = guardian.sender.broadcasts();
    assert_eq!((sent.len(), sent[1].0), (2, hash), "the same bytes");
    assert_eq!(bench.sender.broadcasts().len(), keepers);
    bench.chain.with(|state| state.includes = true);
    bench.blocks(2).await;
    assert_eq!(bench.states("b").await, [State::Included]);
    assert!(matches!(guardian.args.lane.read(), Lane::Idle { .. }));
    drop(guardian.executor);
}
