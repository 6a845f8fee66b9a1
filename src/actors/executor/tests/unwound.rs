//! A reorganisation, and then something else as well.

use super::{Bench, NONCE};
use crate::actors::facts::Lane;
use crate::actors::testing::chain::{Orphans, address};
use crate::actors::testing::secs;
use crate::domain::operation::State;
use crate::domain::trigger::Class;

#[tokio::test(start_paused = true)]
async fn a_crash_between_a_reorganisation_and_what_follows_forgets_neither() {
    let mut bench = Bench::start().await;
    let before = bench.chain.ramp("a");
    bench.give("a", Class::Drift).await;
    bench.blocks(3).await;
    assert_eq!(bench.label("a").await, "done");
    tokio::time::sleep(secs(13)).await;
    // The end of the block is written down, and then nothing is heard any more.
    bench.sender.behave(|node| node.receipts_fail = true);
    bench.reorganise(3, Orphans::Forgotten).await;
    assert_eq!(bench.states("a").await, [State::InFlight]);
    bench.crash().await;
    bench.sender.behave(|node| node.receipts_fail = false);
    bench.blocks(2).await;
    assert_eq!(bench.nonces(), [NONCE, NONCE], "too late, it is taken back");
    assert_eq!(bench.known_ramp("a").await, Some(before), "the ramp that is gone would keep the pool waiting for it for ever");
    bench.blocks(3).await;
    assert_eq!(bench.states("a").await, [State::FinalCancelled]);
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_whose_block_is_gone_stays_one_in_the_next_life() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.give("b", Class::Depeg).await;
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("cancelled", "done"));
    bench.sender.behave(|node| node.receipts_fail = true);
    bench.reorganise(1, Orphans::Forgotten).await;
    assert_eq!((bench.states("a").await, bench.states("b").await), (vec![State::InFlight], vec![State::InFlight]));
    bench.crash().await;

    bench.chain.with(|state| state.includes = false);
    bench.sender.behave(|node| node.receipts_fail = false);
    let before = bench.sender.broadcasts().len();
    bench.blocks(8).await;
    let again = &bench.sender.broadcasts()[before..];
    let first: Vec<_> = again.iter().filter(|(_, draft)| draft.nonce == NONCE).collect();
    assert!(!first.is_empty() && first.iter().all(|(_, draft)| draft.call.target == address("keeper")), "{first:?}");
    bench.chain.with(|state| state.includes = true);
    bench.blocks(5).await;
    assert_eq!((bench.states("a").await, bench.states("b").await), (vec![State::FinalCancelled], vec![State::FinalOk]));
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_defence_does_not_wait_for_a_drift_that_a_reorganisation_has_brought_back() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    bench.chain.with(|state| state.includes = false);
    bench.reorganise(1, Orphans::Forgotten).await;
    assert!(matches!(bench.args.lane.read(), Lane::Busy { yields: true, .. }), "{:?}", bench.args.lane.read());
    // The same pool: what was unwound claims it no longer.
    bench.give("a", Class::Depeg).await;
    assert_eq!(bench.states("a").await, [State::Cancelling, State::InFlight]);
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.known_ramp("a").await), ("done", Some(bench.chain.ramp("a"))));
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_unwound_is_raised_and_taken_back_like_anything_else() {
    let mut bench = Bench::start().await;
    bench.lead = secs(120);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    bench.chain.with(|state| state.includes = false);
    bench.reorganise(1, Orphans::Forgotten).await;
    bench.blocks(2).await;
    let fees: Vec<_> = bench.sender.broadcasts().iter().map(|(_, draft)| draft.fees.max_fee).collect();
    assert!(fees.len() == 3 && fees[0] == fees[1] && fees[2] > fees[1], "{fees:?}");
    bench.blocks(7).await;
    assert_eq!(bench.states("a").await, [State::Cancelling]);
    bench.chain.with(|state| state.includes = true);
    bench.blocks(4).await;
    assert_eq!(bench.states("a").await, [State::FinalCancelled]);
    bench.is_sound().await;
}
