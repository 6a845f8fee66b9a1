//! From the order to the block: fees, nonces, replacements, cancellations.

use super::{BLOCK, Bench, NONCE, RAMP};
use crate::actors::facts::Lane;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::testing::chain::address;
use crate::actors::testing::sender::{Mood, Simulation};
use crate::actors::testing::{secs, settle};
use crate::domain::fees::Fees;
use crate::domain::outcome::Outcome;
use crate::domain::trigger::Class;
use crate::domain::units::{GasPrice, Timestamp};
use crate::observe::event::AttemptKind;

/// As the rule of replacement says, in the test's own arithmetic.
const fn raised(price: GasPrice) -> GasPrice {
    GasPrice::from_wei((price.wei() * 9).div_ceil(8) + 1)
}

fn fees(gwei: u64, tip: u64) -> Fees {
    Fees { max_fee: GasPrice::from_gwei(gwei), tip: GasPrice::from_gwei(tip) }
}

#[tokio::test(start_paused = true)]
async fn an_order_is_simulated_signed_sent_included_read_back_and_settled() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Drift).await;
    let sent_at = bench.now();
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnExecuting(id)) if id.number == 1));
    assert_eq!(bench.attempts(), [AttemptKind::First]);
    let (hash, draft) = bench.sender.broadcasts()[0].clone();
    assert_eq!((draft.nonce, draft.gas_limit, draft.fees), (NONCE, 100_000, fees(21, 1)));
    assert!(matches!(bench.args.lane.read(), Lane::Busy { pools, .. } if pools[0].as_str() == "a"));

    bench.block().await;
    let (outcome, ramp) = bench.outcome("a").await;
    let Outcome::Done(inclusion) = outcome else { panic!("{outcome:?}") };
    assert_eq!((inclusion.tx, inclusion.nonce, inclusion.attempts), (hash, NONCE, 1));
    assert_eq!(inclusion.cost_usd.unwrap().to_string(), "$3.00", "100,000 gas at 10 gwei and $3000");
    assert_eq!(ramp, Some(bench.chain.ramp("a")));
    assert_eq!(bench.known_ramp("a").await, ramp, "accounted for");
    assert!(matches!(bench.args.lane.read(), Lane::Idle { last_sent: Some(at) } if sent_at.since(at) < secs(1)));
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnEnded { id, .. }) if id.number == 1));
}

#[tokio::test(start_paused = true)]
async fn what_would_revert_is_never_signed() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.simulation = Simulation::Reverts);
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.label("a").await, "would_revert");
    assert_eq!(bench.sender.signed(), 0);
    assert!(matches!(bench.args.lane.read(), Lane::Idle { last_sent: None }), "nothing was sent, so nothing is spaced");

    bench.sender.behave(|node| node.simulation = Simulation::NoNode);
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.label("a").await, "unreachable", "an error is no revert");
    bench.sender.behave(|node| node.simulation = Simulation::Works);
    bench.give("b", Class::Drift).await;
    assert_eq!(bench.nonces(), [NONCE], "no nonce was lost");
}

#[tokio::test(start_paused = true)]
async fn the_fee_is_raised_by_an_eighth_every_other_block_up_to_the_cap_and_then_the_same_bytes_go_again() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.attempts().len(), 1, "one block is too early");
    bench.blocks(9).await;

    let sent = bench.sender.broadcasts();
    let mut expected = fees(21, 1);
    for (_, draft) in &sent[..4] {
        assert_eq!(draft.fees, expected);
        assert_eq!(draft.nonce, NONCE);
        expected = Fees { max_fee: raised(expected.max_fee), tip: raised(expected.tip) };
    }
    assert!(expected.max_fee > bench.cap, "21 gwei, raised four times, is more than 30");
    assert_eq!(bench.attempts()[1..], [AttemptKind::Replacement; 3]);
    assert_eq!(sent.len(), 6, "five raises are due in ten blocks");
    assert!(sent[4..].iter().all(|(hash, _)| *hash == sent[3].0), "at the cap the same bytes go again");

    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_nonce_is_taken_away_from_the_order() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    // The ramp starts after 60 s, so the last block for it is the one after 48 s.
    bench.blocks(3).await;
    assert!(!bench.attempts().contains(&AttemptKind::Cancellation));
    bench.block().await;
    assert_eq!(bench.attempts().last(), Some(&AttemptKind::Cancellation));
    let (_, cancellation) = bench.sender.broadcasts().last().unwrap().clone();
    assert_eq!((cancellation.nonce, cancellation.call.target), (NONCE, address("keeper")));

    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    let (outcome, ramp) = bench.outcome("a").await;
    assert_eq!((outcome.label(), ramp), ("cancelled", None));
    assert_eq!(bench.known_ramp("a").await, None, "a cancellation makes no ramp");
    assert!(bench.is_idle());
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_included_although_it_was_cancelled_is_done() {
    let mut bench = Bench::start().await;
    bench.lead = secs(65);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.blocks(4).await;
    // The cancellation that the next block brings is lost; the block after it includes the order.
    bench.sender.behave(|node| node.moods = [Mood::Lose].into());
    bench.block().await;
    assert_eq!(bench.attempts().last(), Some(&AttemptKind::Cancellation));
    bench.chain.with(|state| state.includes = true);
    bench.publish();
    settle().await;
    assert_eq!(bench.label("a").await, "done");
}

#[tokio::test(start_paused = true)]
async fn any_attempt_may_be_the_one_that_is_included() {
    let mut bench = Bench::start().await;
    bench.lead = secs(600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    // The node says yes to the replacement and forgets it.
    bench.sender.behave(|node| node.moods = [Mood::Lose].into());
    bench.blocks(2).await;
    assert_eq!(bench.attempts(), [AttemptKind::First, AttemptKind::Replacement]);
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    let Outcome::Done(inclusion) = bench.outcome("a").await.0 else { panic!("not done") };
    assert_eq!((inclusion.tx, inclusion.attempts), (bench.sender.broadcasts()[0].0, 2));
}

#[tokio::test(start_paused = true)]
async fn protective_orders_follow_each_other_with_consecutive_nonces_and_nothing_else_joins_them() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Depeg).await;
    bench.give("b", Class::Depeg).await;
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1]);
    bench.give("c", Class::Drift).await;
    assert_eq!(bench.label("c").await, "lane_not_ready");

    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("done", "done"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_broadcast_is_taken_back_because_its_bytes_exist() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.moods = [Mood::Refuse].into());
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.attempts(), [AttemptKind::First, AttemptKind::Cancellation]);
    assert_eq!(bench.nonces(), [NONCE, NONCE]);
    bench.block().await;
    assert_eq!(bench.label("a").await, "cancelled");
    bench.give("b", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.label("b").await, bench.nonces().last()), ("done", Some(&(NONCE + 1))));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_bytes_that_another_broadcast_has_brought_to_the_network_frees_nothing() {
    let mut bench = Bench::start().await;
    (bench.lead, bench.cap) = (secs(3_600), GasPrice::from_gwei(21));
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.sender.behave(|node| node.moods = [Mood::Refuse].into());
    bench.blocks(2).await;
    assert_eq!(bench.sender.broadcasts().len(), 2, "at the cap, the same bytes");
    assert!(matches!(bench.args.lane.read(), Lane::Busy { .. }), "the first broadcast was accepted");
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_with_others_behind_it_is_closed_by_a_cancellation() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.moods = [Mood::Refuse].into());
    // Both are signed before the node has answered to either.
    for pool in ["a", "b"] {
        let order = bench.order(pool, Class::Depeg);
        bench.executor.cast(super::ExecutorMsg::Execute(Box::new(order))).unwrap();
    }
    settle().await;
    assert_eq!(bench.attempts(), [AttemptKind::First, AttemptKind::First, AttemptKind::Cancellation]);
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1, NONCE], "the gap before the second order is filled");
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("cancelled", "done"));
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_without_an_answer_counts_as_sent() {
    for mood in [Mood::Mumble, Mood::Hang, Mood::Lose] {
        let mut bench = Bench::start().await;
        bench.lead = secs(600);
        bench.sender.behave(|node| node.moods = [mood.clone()].into());
        bench.give("a", Class::Drift).await;
        // What the node has not taken is sent again after two blocks, with the same nonce.
        bench.blocks(4).await;
        assert_eq!(bench.label("a").await, "done", "{mood:?}");
        assert!(bench.nonces().iter().all(|nonce| *nonce == NONCE));
        assert_eq!(bench.chain.with(|state| state.mined.len()), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn lateness_never_compresses_a_ramp() {
    let mut bench = Bench::start().await;
    let order = bench.order("a", Class::Drift);
    // The order waits two minutes, longer than its lead.
    bench.blocks(10).await;
    bench.executor.cast(super::ExecutorMsg::Execute(Box::new(order))).unwrap();
    settle().await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    let ramp = bench.chain.ramp("a");
    assert_eq!(ramp.duration(), RAMP);
    assert!(ramp.start > bench.now());
}

#[tokio::test(start_paused = true)]
async fn a_simulation_that_takes_until_the_deadline_is_given_up_and_its_answer_comes_to_nobody() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.simulation = Simulation::Hangs);
    bench.lead = secs(36);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert!(!bench.is_idle());
    bench.block().await;
    assert_eq!(bench.label("a").await, "unreachable");
    assert!(bench.is_idle());
    tokio::time::sleep(secs(60)).await;
    assert_eq!(bench.sender.signed(), 0);
}

#[tokio::test(start_paused = true)]
async fn past_the_deadline_an_order_is_not_sent_again_even_when_no_cancellation_is_allowed_to_outbid_it() {
    let mut bench = Bench::start().await;
    bench.args.cancel_cap = GasPrice::from_gwei(15);
    bench.crash().await;
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.blocks(4).await;
    let before = bench.sender.broadcasts();
    let deadline: Timestamp = bench.now();
    let (_, cancellation) = before.last().unwrap();
    assert_eq!((cancellation.call.target, cancellation.fees.max_fee), (address("keeper"), GasPrice::from_gwei(15)));
    bench.blocks(6).await;
    let after = bench.sender.broadcasts();
    assert!(after.len() > before.len() && bench.now().since(deadline) > BLOCK * 5);
    assert!(after[before.len()..].iter().all(|(_, draft)| draft.call.target == address("keeper")));
}

#[tokio::test(start_paused = true)]
async fn dear_or_unknown_gas_sends_nothing() {
    let mut bench = Bench::start().await;
    bench.cap = GasPrice::from_gwei(10);
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.label("a").await, "gas_above_cap", "10 and a tip of 1");
    bench.cap = GasPrice::from_gwei(30);
    bench.args.gas.publish(None);
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.label("a").await, "unknown");
    bench.publish();
    bench.args.blocks.publish(None);
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.label("a").await, "unknown");
    assert_eq!(bench.sender.signed(), 0);
}
