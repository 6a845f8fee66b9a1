//! Ends other than a happy one.

use super::{Bench, NONCE};
use crate::actors::facts::Lane;
use crate::actors::testing::secs;
use crate::domain::lane::Stop;
use crate::domain::operation::State;
use crate::domain::outcome::Outcome;
use crate::domain::trigger::Class;
use crate::ports::Operations;
use crate::ports::journal::Selection;

#[tokio::test(start_paused = true)]
async fn a_key_that_someone_else_uses_stops_its_lane_until_an_operator_accepts_it() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.keeper().nonce += 3);
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.label("a").await, "lane_not_ready");
    bench.lane(|lane| matches!(lane, Lane::Stopped { reason: Stop::JournalBehind { journal: 7, chain: 10 }, .. })).await;
    assert_eq!(bench.sender.signed(), 0);
    tokio::time::sleep(secs(60)).await;
    assert!(matches!(bench.args.lane.read(), Lane::Stopped { .. }), "it does not pass by itself");

    bench.journal.accept_nonces(&bench.key(), NONCE + 3, "a test", bench.now()).await.unwrap();
    tokio::time::sleep(secs(2)).await;
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
    bench.give("b", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.label("b").await, bench.nonces()), ("done", vec![NONCE + 3]));
    // A node that is behind does not take it back.
    bench.sender.behave(|node| node.lags_at = Some(NONCE));
    bench.give("c", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.label("c").await, bench.nonces()), ("done", vec![NONCE + 3, NONCE + 4]));
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_someone_else_spent_is_an_alarm_after_ten_blocks_and_never_a_second_send() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    // Another holder of the key sends, and the endpoint that is asked has not seen it yet.
    bench.sender.behave(|node| node.lags_at = Some(NONCE));
    bench.chain.with(|state| state.keeper().nonce += 1);
    bench.give("a", Class::Drift).await;
    bench.sender.behave(|node| node.lags_at = None);
    bench.blocks(8).await;
    assert!(matches!(bench.args.lane.read(), Lane::Busy { .. }), "it may still turn up");
    bench.blocks(4).await;
    assert_eq!(bench.label("a").await, "nonce_taken");
    assert_eq!(bench.nonces(), [NONCE], "sent once, under one nonce");
    assert_eq!(bench.chain.with(|state| state.mined.len()), 0);
    assert_eq!(bench.states("a").await, [State::Quarantined]);
    tokio::time::sleep(secs(60)).await;
    assert!(matches!(bench.args.lane.read(), Lane::Stopped { reason: Stop::Quarantined { nonce: NONCE, .. }, .. }));

    let operation = bench.journal.list(&Selection { limit: 1, ..Selection::default() }).await.unwrap()[0].id;
    bench.journal.abandon(&operation, "a test", bench.now()).await.unwrap();
    tokio::time::sleep(secs(2)).await;
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
    bench.give("b", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("b").await, "done");
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1]);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_turns_up_after_the_alarm_is_ours_all_the_same() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.sender.behave(|node| node.hides_receipts = true);
    bench.give("a", Class::Drift).await;
    bench.blocks(12).await;
    assert_eq!(bench.label("a").await, "nonce_taken");
    bench.sender.behave(|node| node.hides_receipts = false);
    bench.block().await;
    tokio::time::sleep(secs(2)).await;
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
    assert_eq!(bench.states("a").await, [State::Included]);
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_hidden_for_a_while_is_waited_for() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.hides_receipts = true);
    bench.lead = secs(600);
    bench.give("a", Class::Drift).await;
    bench.blocks(8).await;
    assert!(matches!(bench.args.lane.read(), Lane::Busy { .. }));
    bench.sender.behave(|node| node.hides_receipts = false);
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_asked_for_receipts_proves_nothing_however_long() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.receipts_fail = true);
    bench.lead = secs(600);
    bench.give("a", Class::Drift).await;
    bench.blocks(40).await;
    assert!(matches!(bench.args.lane.read(), Lane::Busy { .. }), "the nonce is spent, by us, and nobody could say so");
    bench.sender.behave(|node| node.receipts_fail = false);
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_silent_chain_at_the_wrong_moment_does_not_make_a_spent_nonce_foreign() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.hides_receipts = true);
    bench.lead = secs(600);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    // The raise is answered with "nonce spent" while no block is known.
    bench.block().await;
    bench.args.blocks.publish(None);
    bench.blocks(3).await;
    assert!(matches!(bench.args.lane.read(), Lane::Busy { .. }));
    bench.sender.behave(|node| node.hides_receipts = false);
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_ramp_that_differs_on_chain_deviates() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.ends_later = secs(1));
    bench.give("a", Class::Drift).await;
    bench.block().await;
    let (outcome, ramp) = bench.outcome("a").await;
    let Outcome::Deviates { difference, .. } = outcome else { panic!("{outcome:?}") };
    assert!(difference.starts_with("ordered from "), "{difference}");
    assert_eq!(ramp, Some(bench.chain.ramp("a")), "our own doing all the same");
}

#[tokio::test(start_paused = true)]
async fn a_revert_is_told_and_makes_no_ramp_ours() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.reverts = true);
    // What made it revert may be a change by hand, which must not be taken for ours.
    bench.chain.foreign_ramp("a", &[7_000, 3_000], secs(60));
    bench.give("a", Class::Drift).await;
    bench.block().await;
    let (outcome, ramp) = bench.outcome("a").await;
    assert_eq!((outcome.label(), ramp), ("reverted", None));
    assert_eq!(bench.known_ramp("a").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_block_that_the_node_cannot_serve_yet_is_read_a_few_seconds_later() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.hides_blocks = true);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    tokio::time::sleep(secs(4)).await;
    bench.sender.behave(|node| node.hides_blocks = false);
    tokio::time::sleep(secs(4)).await;
    assert_eq!(bench.label("a").await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_ramp_that_can_never_be_read_back_deviates_and_frees_the_lane() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.hides_blocks = true);
    bench.give("a", Class::Drift).await;
    bench.blocks(3).await;
    let (outcome, ramp) = bench.outcome("a").await;
    assert_eq!((outcome.label(), ramp), ("deviates", None));
    assert!(bench.is_idle());
}
