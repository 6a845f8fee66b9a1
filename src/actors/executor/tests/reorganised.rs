//! Blocks that are gone, with operations of ours in them.

use super::{Bench, NONCE};
use crate::actors::facts::Lane;
use crate::actors::testing::chain::{Held, Orphans};
use crate::actors::testing::secs;
use crate::domain::operation::{Fate, State};
use crate::domain::trigger::Class;
use crate::observe::Event;

/// An order that is in the newest block, with time to spare.
async fn landed() -> Bench {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    bench
}

#[tokio::test(start_paused = true)]
async fn a_block_that_is_gone_puts_the_same_bytes_on_their_way_again_and_the_lane_grants_nothing() {
    let mut bench = landed().await;
    let ordered = bench.chain.ramp("a");
    bench.reorganise(1, Orphans::Forgotten).await;
    assert_ne!(bench.chain.ramp("a"), ordered, "the chain has forgotten it");
    assert_eq!(bench.states("a").await, [State::InFlight]);
    assert_eq!(bench.events.count(|event| matches!(event, Event::Reorganised { pool, .. } if pool.as_str() == "a")), 1);
    let sent = bench.sender.broadcasts();
    assert_eq!((sent.len(), sent[0] == sent[1]), (2, true), "the same bytes");
    assert!(matches!(bench.args.lane.read(), Lane::Busy { pools, .. } if pools[0].as_str() == "a"));
    bench.give("b", Class::Drift).await;
    assert_eq!((bench.label("b").await, bench.sender.signed()), ("lane_not_ready", 1));

    bench.block().await;
    assert_eq!(bench.states("a").await, [State::Included]);
    assert_eq!((bench.chain.ramp("a"), bench.known_ramp("a").await), (ordered.clone(), Some(ordered)));
    bench.is_open_to("b").await;
    bench.blocks(3).await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn two_that_are_unwound_go_out_again_in_the_order_of_their_nonces() {
    let mut bench = landed().await;
    bench.give("b", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("b").await, "done");
    bench.reorganise(2, Orphans::Forgotten).await;
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1, NONCE, NONCE + 1]);
    let sent = bench.sender.broadcasts();
    assert_eq!(sent[..2], sent[2..]);
    bench.block().await;
    for pool in ["a", "b"] {
        assert_eq!(bench.states(pool).await, [State::Included]);
        assert_eq!(bench.known_ramp(pool).await, Some(bench.chain.ramp(pool)));
    }
    bench.is_open_to("c").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn only_what_lay_in_the_blocks_that_are_gone_is_unwound() {
    let mut bench = landed().await;
    bench.give("b", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("b").await, "done");
    bench.reorganise(1, Orphans::Forgotten).await;
    assert_eq!((bench.states("a").await, bench.states("b").await), (vec![State::Included], vec![State::InFlight]));
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1, NONCE + 1]);
}

#[tokio::test(start_paused = true)]
async fn what_the_node_has_put_into_another_block_by_itself_is_not_sent_again() {
    let bench = landed().await;
    let block = bench.operations("a").await[0].landing.unwrap().block;
    bench.reorganise(1, Orphans::Pooled).await;
    let operation = bench.operations("a").await.remove(0);
    assert_eq!(operation.state, State::Included);
    assert_ne!(operation.landing.unwrap().block, block);
    assert_eq!(bench.nonces(), [NONCE]);
    assert!(bench.is_idle());
    bench.blocks(3).await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
}

#[tokio::test(start_paused = true)]
async fn an_old_attempt_that_is_included_after_the_reorganisation_is_a_success() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.blocks(2).await;
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    let sent = bench.sender.broadcasts();
    let [(old, draft), (new, _)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(bench.operations("a").await[0].landing.unwrap().hash, *new);

    bench.reorganise(1, Orphans::Forgotten).await;
    // Another node has kept the first attempt, and it is that one which comes into a block now.
    let held = Held { hash: *old, draft: draft.clone() };
    bench.chain.with(|state| state.keeper().mempool.insert(NONCE, held));
    bench.block().await;
    let landing = bench.operations("a").await[0].landing.unwrap();
    assert_eq!((landing.hash, landing.fate), (*old, Fate::CarriedOut));
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
    bench.blocks(3).await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn too_late_to_go_out_again_it_is_taken_back_and_the_pool_remembers_the_ramp_that_the_chain_has() {
    let mut bench = Bench::start().await;
    let before = bench.chain.ramp("a");
    bench.give("a", Class::Drift).await;
    bench.blocks(3).await;
    assert_eq!(bench.label("a").await, "done");
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
    // The ramp starts after 60 s; a block after 48 s is too late for it.
    tokio::time::sleep(secs(13)).await;
    bench.reorganise(3, Orphans::Forgotten).await;
    assert_eq!(bench.states("a").await, [State::Cancelling]);
    bench.block().await;
    assert_eq!(bench.operations("a").await[0].landing.map(|landing| landing.fate), Some(Fate::Cancelled));
    assert_eq!((bench.chain.ramp("a"), bench.known_ramp("a").await), (before.clone(), Some(before)));
    bench.blocks(3).await;
    assert_eq!(bench.states("a").await, [State::FinalCancelled]);
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_revert_that_is_unwound_may_be_carried_out_after_all() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.reverts = true);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "reverted");
    bench.reorganise(1, Orphans::Forgotten).await;
    bench.block().await;
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
    bench.blocks(3).await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_reorganisation_that_nobody_could_be_asked_about_is_noticed_at_the_next_block() {
    let bench = landed().await;
    bench.sender.behave(|node| node.heads_fail = true);
    bench.reorganise(1, Orphans::Forgotten).await;
    assert_eq!(bench.states("a").await, [State::Included], "an error is no answer");
    bench.sender.behave(|node| node.heads_fail = false);
    bench.block().await;
    assert_eq!(bench.states("a").await, [State::InFlight]);
    assert_eq!(bench.nonces(), [NONCE, NONCE]);
}

#[tokio::test(start_paused = true)]
async fn a_position_that_cannot_be_read_back_at_a_block_that_stands_needs_a_look() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.sender.behave(|node| node.hides_blocks = true);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    tokio::time::sleep(secs(20)).await;
    assert_eq!(bench.label("a").await, "deviates");
    assert_eq!(bench.states("a").await, [State::Included]);
}

#[tokio::test(start_paused = true)]
async fn a_block_that_goes_while_the_position_is_read_back_concludes_nothing() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.sender.behave(|node| node.hides_blocks = true);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    // It is in a block, and is being read back.
    bench.reorganise(1, Orphans::Forgotten).await;
    tokio::time::sleep(secs(20)).await;
    bench.sender.behave(|node| node.hides_blocks = false);
    bench.block().await;
    assert_eq!((bench.states("a").await, bench.nonces()), (vec![State::InFlight], vec![NONCE, NONCE]));
    bench.block().await;
    assert_eq!(bench.label("a").await, "done", "it has landed in another block, and was told once");
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
    bench.is_sound().await;
}
