//! A defence finds something less urgent in its way.

use super::{Bench, NONCE};
use crate::actors::facts::Lane;
use crate::actors::testing::chain::address;
use crate::actors::testing::journal::Fails;
use crate::actors::testing::secs;
use crate::actors::testing::sender::{Signing, Simulation};
use crate::domain::operation::State;
use crate::domain::trigger::Class;
use crate::domain::units::GasPrice;

/// A drift of `a` for 30 gwei, and a block costs 50. A cancellation may pay 40 by itself.
async fn stuck() -> Bench {
    let mut bench = Bench::start().await;
    bench.args.cancel_cap = GasPrice::from_gwei(40);
    bench.crash().await;
    bench.lead = secs(3_600);
    bench.give("a", Class::Drift).await;
    bench.chain.with(|state| state.base_fee = GasPrice::from_gwei(50));
    bench.block().await;
    assert!(matches!(bench.args.lane.read(), Lane::Busy { yields: true, .. }));
    bench.cap = GasPrice::from_gwei(300);
    bench
}

#[tokio::test(start_paused = true)]
async fn a_stuck_drift_is_cancelled_at_the_price_of_the_defence_which_follows_with_the_next_nonce() {
    let mut bench = stuck().await;
    bench.give("b", Class::Depeg).await;
    let sent = bench.sender.broadcasts();
    assert_eq!(bench.nonces(), [NONCE, NONCE, NONCE + 1], "at once");
    assert_eq!(sent[1].1.call.target, address("keeper"));
    assert!(sent[1].1.fees.max_fee > GasPrice::from_gwei(50), "more than a cancellation may pay by itself: {:?}", sent[1].1.fees);
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("cancelled", "done"));
    assert_eq!(bench.known_ramp("a").await, None);
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_handed_over_to_its_defence_when_the_cancellation_is_written_down_and_not_before() {
    let mut bench = stuck().await;
    bench.sender.behave(|node| node.signings = [Signing::Takes(secs(5))].into());
    bench.give("a", Class::Depeg).await;
    tokio::time::sleep(secs(4)).await;
    assert_eq!((bench.states("a").await, bench.nonces()), (vec![State::InFlight], vec![NONCE]));
    tokio::time::sleep(secs(2)).await;
    assert_eq!(bench.states("a").await, [State::Cancelling, State::InFlight]);
    assert_eq!(bench.nonces(), [NONCE, NONCE, NONCE + 1]);
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("a").await), ("cancelled", "done"));
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_drift_that_wins_against_its_cancellation_lands_before_the_defence() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    let (hash, draft) = bench.sender.broadcasts()[0].clone();
    bench.give("a", Class::Depeg).await;
    bench.chain.with(|state| {
        state.includes = true;
        state.keeper().mempool.insert(NONCE, crate::actors::testing::chain::Held { hash, draft })
    });
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("a").await), ("done", "done"));
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")), "the ramp of the defence, which came after it");
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_cannot_be_written_down_or_signed_at_once_does_not_keep_the_defence_waiting_for_long() {
    for trouble in 0..3 {
        let mut bench = stuck().await;
        match trouble {
            0 => bench.disk.behave(|moods| moods.breaks = Some(("cancel", Fails::Before))),
            1 => bench.disk.behave(|moods| moods.breaks = Some(("cancel", Fails::After))),
            _ => bench.sender.behave(|node| node.signings = [Signing::Away].into()),
        }
        bench.give("a", Class::Depeg).await;
        bench.block().await;
        assert_eq!(
            bench.states("a").await.len(),
            2,
            "trouble {trouble}: the defence is on its way at the next block at the latest"
        );
        bench.block().await;
        assert_eq!((bench.label("a").await, bench.label("a").await), ("cancelled", "done"), "trouble {trouble}");
        bench.is_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drift_that_is_only_simulated_steps_aside_at_once_for_the_same_pool_and_for_another() {
    for pool in ["a", "b"] {
        let mut bench = Bench::start().await;
        bench.sender.behave(|node| node.simulation = Simulation::Hangs);
        bench.give("a", Class::Drift).await;
        assert_eq!(bench.states("a").await, [State::Queued]);
        bench.sender.behave(|node| node.simulation = Simulation::Works);
        bench.give(pool, Class::Depeg).await;
        assert_eq!(bench.label("a").await, "superseded");
        assert_eq!((bench.states("a").await[0], bench.nonces()), (State::Superseded, vec![NONCE]), "pool {pool}");
        bench.block().await;
        assert_eq!(bench.label(pool).await, "done");
        bench.is_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drift_that_is_being_written_down_steps_aside_too() {
    for fails in [None, Some(Fails::Before), Some(Fails::After)] {
        let mut bench = Bench::start().await;
        bench.disk.behave(|moods| {
            moods.writes_take = vec![secs(2)];
            moods.breaks = fails.map(|fails| ("queue", fails));
        });
        bench.give("a", Class::Drift).await;
        bench.give("a", Class::Depeg).await;
        assert_eq!(bench.label("a").await, "superseded");
        tokio::time::sleep(secs(4)).await;
        assert_eq!(bench.states("a").await.last(), Some(&State::InFlight), "{fails:?}");
        bench.block().await;
        assert_eq!((bench.label("a").await, bench.nonces()), ("done", vec![NONCE]), "{fails:?}");
        bench.is_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drift_that_is_being_signed_is_taken_back_as_soon_as_it_is_out() {
    let mut bench = Bench::start().await;
    bench.lead = secs(600);
    bench.chain.with(|state| state.includes = false);
    bench.sender.behave(|node| node.signings = [Signing::Takes(secs(5))].into());
    bench.give("a", Class::Drift).await;
    bench.give("b", Class::Depeg).await;
    assert!(bench.nonces().is_empty());
    tokio::time::sleep(secs(6)).await;
    assert_eq!(bench.states("a").await, [State::Cancelling]);
    let mut nonces = bench.nonces();
    nonces.sort_unstable();
    assert_eq!(nonces, [NONCE, NONCE, NONCE + 1]);
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("cancelled", "done"));
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_defence_gives_way_to_nobody() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Depeg).await;
    assert!(matches!(bench.args.lane.read(), Lane::Busy { yields: false, .. }));
    bench.give("b", Class::Depeg).await;
    assert_eq!((bench.nonces(), bench.states("a").await), (vec![NONCE, NONCE + 1], vec![State::InFlight]));
}
