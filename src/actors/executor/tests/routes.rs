//! By which way a transaction goes.

use super::{Bench, NONCE};
use crate::actors::testing::chain::address;
use crate::actors::testing::secs;
use crate::domain::operation::State;
use crate::domain::route::{Route, Via};
use crate::domain::trigger::Class;
use crate::domain::units::GasPrice;
use crate::observe::Event;
use crate::observe::event::AttemptKind;
use crate::ports::Operations;

impl Bench {
    /// Drift goes by `route`, and the relay keeps what it is given to itself.
    async fn by(route: Route) -> Self {
        let mut bench = Self::start().await;
        bench.args.routes.drift = route;
        bench.crash().await;
        bench.lead = secs(3_600);
        bench.sender.behave(|node| node.relay_drops = true);
        bench
    }

    /// What was told of each attempt: what it is, and by which way it went.
    fn told(&self) -> Vec<(AttemptKind, Via)> {
        let sent = |event: &Event| if let Event::TxSent { kind, via, .. } = event { Some((*kind, *via)) } else { None };
        self.events.pick(sent).into_iter().map(|(_, told)| told).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_private_order_goes_by_the_relay_and_says_so() {
    let mut bench = Bench::by(Route::Private).await;
    bench.sender.behave(|node| node.relay_drops = false);
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    assert_eq!((bench.sender.ways(), bench.told()), (vec![Via::Private], vec![(AttemptKind::First, Via::Private)]));
    assert_eq!(bench.operations("a").await[0].attempts[0].via, Via::Private);
    bench.is_open_to("b").await;
    assert_eq!(bench.sender.ways(), [Via::Private, Via::Public], "each class has a way of its own");
}

#[tokio::test(start_paused = true)]
async fn a_private_order_is_never_shown_to_everybody_and_its_cancellation_is() {
    let mut bench = Bench::by(Route::Private).await;
    bench.lead = secs(300);
    bench.give("a", Class::Drift).await;
    bench.blocks(23).await;
    assert!(
        bench.sender.ways().len() > 3 && bench.sender.ways().iter().all(|via| *via == Via::Private),
        "{:?}",
        bench.sender.ways()
    );
    assert!(bench.sender.forgotten().is_empty());
    let last = bench.sender.broadcasts().last().unwrap().0;
    bench.block().await;
    let (_, cancellation) = bench.sender.broadcasts().last().unwrap().clone();
    assert_eq!((cancellation.nonce, cancellation.call.target), (NONCE, address("keeper")));
    assert_eq!(bench.sender.ways().last(), Some(&Via::Public));
    assert_eq!(bench.told().last(), Some(&(AttemptKind::Cancellation, Via::Public)));
    assert_eq!(bench.sender.forgotten(), [last], "the relay is asked to forget it");
    bench.block().await;
    assert_eq!(bench.label("a").await, "cancelled");
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn after_its_blocks_with_the_relay_an_order_goes_to_everybody_under_the_same_nonce() {
    let mut bench = Bench::by(Route::PrivateThenPublic { after_blocks: 3 }).await;
    bench.give("a", Class::Drift).await;
    bench.blocks(2).await;
    assert!(bench.sender.ways().iter().all(|via| *via == Via::Private));
    bench.block().await;
    assert_eq!(bench.sender.ways().last(), Some(&Via::Public));
    assert!(bench.nonces().iter().all(|nonce| *nonce == NONCE));
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    let attempts = &bench.operations("a").await[0].attempts;
    assert_eq!((attempts[0].via, attempts.last().unwrap().via), (Via::Private, Via::Public));
    assert_eq!(bench.told().iter().map(|(_, via)| *via).collect::<Vec<_>>(), bench.sender.ways());
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn where_no_raise_is_allowed_the_same_bytes_go_to_everybody_once_and_that_is_told_and_noted() {
    let mut bench = Bench::by(Route::PrivateThenPublic { after_blocks: 3 }).await;
    bench.cap = GasPrice::from_gwei(21);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.blocks(3).await;
    let sent = bench.sender.broadcasts();
    assert!(sent.iter().all(|(hash, _)| *hash == sent[0].0));
    assert_eq!(bench.sender.ways(), [Via::Private, Via::Private, Via::Public]);
    assert_eq!(bench.told(), [(AttemptKind::First, Via::Private), (AttemptKind::First, Via::Public)]);
    let log = bench.journal.log(&bench.operations("a").await[0].id).await.unwrap();
    let said: Vec<&str> = log.iter().filter(|line| line.step == "answered").map(|line| line.detail.as_str()).collect();
    assert_eq!(said, ["accepted by the private way", "accepted by the private way", "accepted by the public way"]);
    // From here on it is sent again as often as anything else, and not at every block.
    bench.blocks(4).await;
    assert_eq!(bench.sender.ways()[3..], [Via::Public, Via::Public]);
}

#[tokio::test(start_paused = true)]
async fn what_everybody_has_seen_is_not_hidden_again_by_the_next_life() {
    let mut bench = Bench::by(Route::PrivateThenPublic { after_blocks: 3 }).await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.blocks(3).await;
    assert_eq!(bench.sender.ways().last(), Some(&Via::Public));
    let before = bench.sender.ways().len();
    bench.crash().await;
    bench.blocks(4).await;
    let since = bench.sender.ways().split_off(before);
    assert!(since.len() >= 2 && since.iter().all(|via| *via == Via::Public), "{since:?}");
}

#[tokio::test(start_paused = true)]
async fn what_only_the_relay_has_seen_stays_hidden_in_the_next_life() {
    let mut bench = Bench::by(Route::PrivateThenPublic { after_blocks: 3 }).await;
    bench.give("a", Class::Drift).await;
    let before = bench.sender.ways().len();
    // The next life begins before its first block.
    bench.args.blocks.publish(None);
    bench.crash().await;
    bench.blocks(2).await;
    let since = bench.sender.ways().split_off(before);
    assert!(!since.is_empty() && since.iter().all(|via| *via == Via::Private), "{since:?}");
    bench.blocks(4).await;
    assert_eq!(bench.states("a").await, [State::Included], "and goes to everybody in the end");
}
