//! From a block to finality.

use super::{Bench, NONCE};
use crate::domain::finality::Finality;
use crate::domain::operation::State;
use crate::domain::trigger::Class;
use crate::domain::units::{GasPrice, Wei};
use crate::ports::Operations;

#[tokio::test(start_paused = true)]
async fn what_is_included_frees_its_lane_at_once_and_is_final_after_the_depth() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.states("a").await), ("done", vec![State::Included]));
    assert!(bench.is_idle());
    assert_eq!(
        bench.journal.spent(&bench.key(), bench.now()).await.unwrap(),
        Wei::of_gas(100_000, GasPrice::from_gwei(21)).unwrap()
    );
    bench.blocks(2).await;
    assert_eq!(bench.states("a").await, [State::Included], "two blocks lie on it, three are asked for");
    bench.block().await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
    let spent = bench.journal.spent(&bench.key(), bench.now()).await.unwrap();
    assert_eq!(Some(spent), Wei::of_gas(100_000, GasPrice::from_gwei(10)), "what was set aside is what it cost");
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn where_the_chain_says_what_is_final_its_depth_says_nothing() {
    let mut bench = Bench::start().await;
    bench.args.finality = Finality::Tag;
    bench.crash().await;
    bench.sender.behave(|node| node.finalized = Some(100));
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    let included = bench.chain.newest().stamp.number;
    bench.blocks(20).await;
    assert_eq!(bench.states("a").await, [State::Included]);
    bench.sender.behave(|node| node.finalized = Some(included - 1));
    bench.blocks(8).await;
    assert_eq!(bench.states("a").await, [State::Included], "the block below it is final");
    bench.sender.behave(|node| node.finalized = Some(included));
    bench.blocks(4).await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
}

#[tokio::test(start_paused = true)]
async fn a_revert_and_a_cancellation_wait_for_finality_too() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.reverts = true);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.states("a").await), ("reverted", vec![State::Included]));

    bench.chain.with(|state| state.includes = false);
    bench.give("b", Class::Drift).await;
    bench.blocks(4).await;
    bench.chain.with(|state| state.includes = true);
    assert_eq!(bench.states("a").await, [State::FinalReverted]);
    bench.block().await;
    assert_eq!((bench.label("b").await, bench.states("b").await), ("cancelled", vec![State::Included]));
    bench.blocks(3).await;
    assert_eq!(bench.states("b").await, [State::FinalCancelled]);
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_final_is_watched_by_the_next_life_too() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    bench.crash().await;
    assert!(bench.is_idle(), "what is included does not keep the lane: {:?}", bench.args.lane.read());
    bench.is_open_to("b").await;
    bench.blocks(3).await;
    assert_eq!((bench.states("a").await, bench.states("b").await), (vec![State::FinalOk], vec![State::FinalOk]));
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1]);
}

#[tokio::test(start_paused = true)]
async fn nobody_to_ask_delays_finality_and_decides_nothing() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    bench.sender.behave(|node| node.heads_fail = true);
    bench.blocks(6).await;
    assert_eq!(bench.states("a").await, [State::Included]);
    bench.sender.behave(|node| node.heads_fail = false);
    bench.block().await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
}
