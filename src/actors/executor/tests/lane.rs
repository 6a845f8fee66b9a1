//! How a lane begins, survives the death of its writer, and closes.

use super::{Bench, NONCE};
use crate::actors::executor::ExecutorMsg;
use crate::actors::facts::Lane;
use crate::actors::pool::PoolMsg;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::testing::sender::Mood;
use crate::actors::testing::{next, secs, settle};
use crate::domain::trigger::Class;

#[tokio::test(start_paused = true)]
async fn a_lane_waits_for_its_node() {
    let mut bench = Bench::begin().await;
    bench.sender.behave(|node| node.unreachable = true);
    bench.crash().await;
    tokio::time::sleep(secs(60)).await;
    assert_eq!(bench.args.lane.read(), Lane::Recovering);
    bench.give("a", Class::Depeg).await;
    assert_eq!(bench.label("a").await, "lane_not_ready");
    bench.sender.behave(|node| node.unreachable = false);
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_a_queue_that_is_gone_opens_nothing() {
    let mut bench = Bench::start().await;
    bench.args.epoch.publish(2);
    bench.give("a", Class::Depeg).await;
    assert_eq!(bench.label("a").await, "stale_turn");
    assert_eq!(bench.sender.signed(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_lane_waits_for_what_is_under_way_and_tells_the_pool() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    let Lane::Busy { last_sent: sent @ Some(_), .. } = bench.args.lane.read() else { panic!("not busy") };
    bench.crash().await;
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnExecuting(_))));
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnEnded { .. })), "the turn died with the executor");
    let PoolMsg::OrderLost(Some(lost)) = next(&mut bench.pools.get_mut("a").unwrap().1, secs(1)).await else {
        panic!("the pool was not told")
    };

    bench.blocks(20).await;
    let lane = bench.args.lane.read();
    assert!(lane.carries(&crate::domain::ids::PoolId::new("a")), "{lane:?}");
    bench.give("b", Class::Depeg).await;
    assert_eq!(bench.label("b").await, "lane_not_ready");

    // A second death forgets neither the spacing nor whose transaction is under way.
    bench.crash().await;
    assert!(matches!(bench.args.lane.read(), Lane::Orphaned { pools, last_sent } if pools.len() == 1 && last_sent == sent));

    bench.chain.with(|state| state.includes = true);
    bench.chain.mine();
    tokio::time::sleep(secs(5)).await;
    assert!(matches!(bench.args.lane.read(), Lane::Orphaned { .. }), "the pools have not seen the block that shows it");
    bench.block().await;
    bench.lane(|lane| matches!(lane, Lane::Idle { last_sent } if *last_sent == sent)).await;
    let ramp = bench.chain.ramp("a");
    assert_eq!((ramp.end, &ramp.end_weights), (lost.end, &lost.end_weights));
    bench.give("b", Class::Depeg).await;
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_middle_of_a_handler_is_a_crash_like_any_other() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.sign_panics = true);
    bench.give("a", Class::Drift).await;
    let lost = next(&mut bench.pools.get_mut("a").unwrap().1, secs(1)).await;
    assert!(matches!(lost, PoolMsg::OrderLost(None)), "nothing was signed");
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnExecuting(_))));
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnEnded { .. })));
    // An order for the dead is lost in the same way.
    let order = bench.order("b", Class::Drift);
    let address = crate::actors::board::Address::default();
    address.moved_in(bench.executor.clone());
    assert!(!address.cast(ExecutorMsg::Execute(Box::new(order))));
    let lost = next(&mut bench.pools.get_mut("b").unwrap().1, secs(1)).await;
    assert!(matches!(lost, PoolMsg::OrderLost(None)));
}

#[tokio::test(start_paused = true)]
async fn a_closed_lane_finishes_what_is_in_flight_and_takes_nothing_new() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Depeg).await;
    bench.executor.cast(ExecutorMsg::Close).unwrap();
    bench.give("b", Class::Depeg).await;
    assert_eq!(bench.label("b").await, "shutting_down");
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    assert!(bench.is_idle());
    bench.give("b", Class::Drift).await;
    assert_eq!(bench.label("b").await, "shutting_down");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_gives_nobody_the_nonce_of_an_order_that_is_still_under_way() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| (state.nonce, state.includes) = (NONCE + 1, false));
    bench.sender.behave(|node| node.lags_at = Some(NONCE));
    bench.give("a", Class::Depeg).await;
    bench.sender.behave(|node| node.lags_at = None);
    // The node says yes to the second order and forgets it, again and again: it holds nothing of this account.
    bench.sender.behave(|node| node.moods = vec![Mood::Lose; 20].into());
    bench.give("b", Class::Depeg).await;
    bench.blocks(11).await;
    assert_eq!(bench.label("a").await, "nonce_taken");
    tokio::time::sleep(secs(5)).await;
    bench.give("c", Class::Depeg).await;
    assert_eq!(bench.label("c").await, "lane_not_ready");
    bench.sender.behave(|node| node.moods.clear());
    bench.blocks(2).await;
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!(bench.label("b").await, "done");
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn two_alarms_in_one_block_ask_for_the_nonce_once() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.nonce += 2);
    bench.sender.behave(|node| node.lags_at = Some(NONCE));
    bench.give("a", Class::Depeg).await;
    bench.give("b", Class::Depeg).await;
    bench.sender.behave(|node| node.lags_at = None);
    bench.blocks(11).await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("nonce_taken", "nonce_taken"));
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
    // An order right away: no late answer may set the nonce back.
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Depeg).await;
    tokio::time::sleep(secs(5)).await;
    bench.give("b", Class::Depeg).await;
    settle().await;
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1, NONCE + 2, NONCE + 3]);
}
