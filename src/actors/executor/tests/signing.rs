//! A key that is elsewhere: it takes its time, and cannot always be asked.

use super::{Bench, NONCE};
use crate::actors::facts::Lane;
use crate::actors::testing::chain::address;
use crate::actors::testing::secs;
use crate::actors::testing::sender::Signing;
use crate::domain::operation::State;
use crate::domain::trigger::Class;
use crate::observe::Event;
use crate::observe::event::AttemptKind;

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_signed_gives_its_nonce_back() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.signings = [Signing::Away].into());
    bench.give("a", Class::Drift).await;
    assert_eq!((bench.label("a").await, bench.states("a").await), ("unreachable", vec![State::Rejected]));
    bench.is_open_to("b").await;
    assert_eq!(bench.nonces(), [NONCE]);
    // The same evidence may be acted on again.
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.states("a").await), ("done", vec![State::Rejected, State::Included]));
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_signature_may_take_its_time_and_nothing_is_handed_over_before_it() {
    let mut bench = Bench::start().await;
    bench.lead = secs(600);
    bench.sender.behave(|node| node.signings = [Signing::Takes(secs(20))].into());
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.states("a").await, bench.nonces()), (vec![State::Reserved], vec![]));
    assert!(matches!(bench.args.lane.read(), Lane::Busy { .. }));
    bench.blocks(2).await;
    assert_eq!(bench.label("a").await, "done");
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_takes_longer_than_anybodys_patience_is_none() {
    let mut bench = Bench::start().await;
    bench.lead = secs(600);
    bench.sender.behave(|node| node.signings = [Signing::Takes(secs(3_600))].into());
    bench.give("a", Class::Drift).await;
    bench.blocks(3).await;
    assert_eq!((bench.label("a").await, bench.states("a").await), ("unreachable", vec![State::Rejected]));
    bench.is_open_to("b").await;
    assert_eq!(bench.nonces(), [NONCE]);
}

#[tokio::test(start_paused = true)]
async fn two_defences_leave_in_the_order_of_their_nonces_however_long_each_takes_to_be_signed() {
    let mut bench = Bench::start().await;
    bench.lead = secs(600);
    bench.sender.behave(|node| node.signings = [Signing::Takes(secs(10)), Signing::Takes(secs(1))].into());
    bench.give("a", Class::Depeg).await;
    bench.give("b", Class::Depeg).await;
    tokio::time::sleep(secs(11)).await;
    tokio::time::sleep(secs(1)).await;
    let sent = bench.sender.broadcasts();
    let sent: Vec<_> = sent.iter().map(|(_, draft)| (draft.nonce, draft.call.target)).collect();
    assert_eq!(sent, [(NONCE, address("a")), (NONCE + 1, address("b"))]);
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("done", "done"));
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_defences_the_second_takes_the_nonce_that_the_first_could_not_use() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.signings = [Signing::Away].into());
    for pool in ["a", "b"] {
        let order = bench.order(pool, Class::Depeg);
        bench.executor.cast(super::ExecutorMsg::Execute(Box::new(order))).unwrap();
    }
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.label("b").await), ("unreachable", "done"));
    assert_eq!(bench.nonces(), [NONCE]);
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_raise_that_cannot_be_signed_is_told_and_tried_again() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.sender.behave(|node| node.signings = [Signing::Away].into());
    bench.blocks(2).await;
    assert_eq!(bench.events.count(|event| matches!(event, Event::SigningFailed { .. })), 1);
    assert_eq!(bench.attempts(), [AttemptKind::First]);
    bench.blocks(2).await;
    assert_eq!(bench.attempts(), [AttemptKind::First, AttemptKind::Replacement]);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_cannot_be_signed_is_tried_again_at_every_block() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.sender.behave(|node| node.signings = std::iter::repeat_n(Signing::Away, 3).collect());
    bench.blocks(5).await;
    assert_eq!(bench.states("a").await, [State::InFlight]);
    bench.blocks(2).await;
    assert_eq!(bench.states("a").await, [State::Cancelling]);
}

#[tokio::test(start_paused = true)]
async fn a_death_while_the_key_is_asked_leaves_nothing_that_could_be_sent() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.signings = [Signing::Takes(secs(5))].into());
    bench.give("a", Class::Drift).await;
    bench.crash().await;
    // The signature comes after all, to nobody: what it is for is over, and the pen is another's.
    bench.block().await;
    assert_eq!((bench.states("a").await, bench.nonces()), (vec![State::Expired], vec![]));
    bench.is_open_to("b").await;
    assert_eq!(bench.nonces(), [NONCE]);
    bench.is_sound().await;
}
