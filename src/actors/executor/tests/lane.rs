//! How a lane begins, survives the death of its writer, and closes.

use super::{Bench, NONCE};
use crate::actors::executor::ExecutorMsg;
use crate::actors::facts::Lane;
use crate::actors::pool::PoolMsg;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::testing::{next, secs};
use crate::domain::operation::State;
use crate::domain::trigger::Class;

#[tokio::test(start_paused = true)]
async fn a_lane_waits_for_its_node() {
    let mut bench = Bench::begin().await;
    bench.sender.behave(|node| node.unreachable = true);
    bench.crash().await;
    tokio::time::sleep(secs(60)).await;
    assert!(matches!(bench.args.lane.read(), Lane::Recovering { .. }));
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
    let lost = next(&mut bench.pools.get_mut("a").unwrap().1, secs(1)).await;
    assert!(matches!(lost, PoolMsg::OrderLost(1)), "the pool is told");

    bench.lead = secs(60);
    bench.blocks(2).await;
    let lane = bench.args.lane.read();
    assert!(lane.carries(&crate::domain::ids::PoolId::new("a")), "{lane:?}");
    bench.give("b", Class::Depeg).await;
    assert_eq!(bench.label("b").await, "lane_not_ready");

    // A second death forgets neither the spacing nor whose transaction is under way.
    bench.crash().await;
    let lane = bench.args.lane.read();
    assert!(matches!(&lane, Lane::Busy { pools, last_sent, .. } if pools.len() == 1 && *last_sent == sent), "{lane:?}");

    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    let lane = bench.args.lane.read();
    assert!(lane.carries(&crate::domain::ids::PoolId::new("a")), "the pools have not seen the block that shows it: {lane:?}");
    bench.block().await;
    bench.lane(|lane| matches!(lane, Lane::Idle { last_sent } if *last_sent == sent)).await;
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")), "the ramp is ours, whoever finished the work");
    bench.give("b", Class::Depeg).await;
    assert!(bench.nonces().iter().all(|nonce| [NONCE, NONCE + 1].contains(nonce)));
    assert_eq!(bench.nonces().last(), Some(&(NONCE + 1)));
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_takes_the_executor_with_it_and_the_journal_knows_how_far_it_came() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.sign_panics = true);
    bench.give("a", Class::Drift).await;
    let lost = next(&mut bench.pools.get_mut("a").unwrap().1, secs(1)).await;
    assert!(matches!(lost, PoolMsg::OrderLost(1)));
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnExecuting(_))));
    assert!(matches!(bench.turns.recv().await, Some(QueueMsg::TurnEnded { .. })));
    // An order for the dead is lost in the same way.
    let order = bench.order("b", Class::Drift);
    let address = crate::actors::board::Address::default();
    address.moved_in(bench.executor.clone());
    assert!(!address.cast(ExecutorMsg::Execute(Box::new(order))));
    let lost = next(&mut bench.pools.get_mut("b").unwrap().1, secs(1)).await;
    assert!(matches!(lost, PoolMsg::OrderLost(2)));
    assert_eq!(bench.states("a").await, [State::Reserved]);
    // Nothing was signed, so the nonce is given back, and serves the next.
    bench.revive().await;
    bench.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
    assert_eq!(bench.states("a").await, [State::Expired]);
    bench.give("b", Class::Drift).await;
    assert_eq!(bench.nonces(), [NONCE]);
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
