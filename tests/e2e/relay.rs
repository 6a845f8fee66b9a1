//! Transactions that nobody sees before they are in a block: by a relay of the demo world, which keeps its word, or does not.

use ballast::devnet::proxy::{Faults, Proxy};
use ballast::devnet::relay::{Lie, LocalRelay, Mood};
use ballast::domain::operation::{Attempt, AttemptKind, OperationRecord, State};
use ballast::domain::outcome::Outcome;
use ballast::domain::route::Via;
use ballast::observe::Event;

use crate::support::page::{get, metric};
use crate::support::{Script, Stage, carried_out, off_target, public_pool, world};

const SEND: &str = "eth_sendRawTransaction";
const SENT: &str = "ballast_transactions_sent_total";

/// A pool off its target, a relay, and a door before the node where it is counted what is handed to the public.
struct Private {
    stage: Stage,
    relay: LocalRelay,
    door: Proxy,
}

impl Private {
    async fn open(route: &str, mood: Mood) -> Self {
        let world = world(vec![off_target("grants")], 60.0).await;
        let relay = world.open_relay().await.unwrap();
        relay.set_mood(mood);
        let node = world.http_url().trim_start_matches("http://").parse().unwrap();
        let door = Proxy::start(node, Faults::none()).await.unwrap();
        let mut script = Script::default().without_blocks();
        script.files.rpc = Some(vec![door.http_url()]);
        script.files.relay_url = Some(relay.url().to_owned());
        script.files.route = Some(route.to_owned());
        world.mine().await.unwrap();
        Self { stage: Stage::open(world, script).await, relay, door }
    }

    /// How often the program has handed something to the public.
    fn shown(&self) -> u64 {
        self.door.faults().seen(SEND)
    }

    /// The first transaction is with the relay. Gives its nonce.
    async fn handed_over(&mut self) -> u64 {
        let nonce = self.stage.sends("grants", AttemptKind::First).await;
        self.stage.until("the relay has answered", |event| matches!(event, Event::TxAnswered { .. })).await;
        nonce
    }

    async fn operation(&self) -> OperationRecord {
        self.stage.operations("grants").await.pop().unwrap()
    }

    async fn sent_by(&self, via: Via) -> Option<f64> {
        let (status, text) = get(self.stage.http, "/metrics").await;
        assert_eq!(status, 200);
        metric(&text, SENT, &[("via", via.label())])
    }
}

fn ways(attempts: &[Attempt]) -> Vec<(AttemptKind, Via)> {
    attempts.iter().map(|attempt| (attempt.kind, attempt.via)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_by_the_relay_is_seen_by_nobody_before_it_is_in_a_block() {
    let mut story = Private::open("private", Mood::Honest).await;
    story.handed_over().await;
    let hash = story.operation().await.attempts[0].hash;
    assert_eq!(story.relay.held(), [hash]);
    assert!(!public_pool(&story.stage.world).await.contains(&hash.to_string()));
    story.stage.make_blocks();
    let order = story.stage.done("grants").await;
    assert_eq!((order.outcome.inclusion().unwrap().tx, story.shown()), (hash, 0), "nothing was handed to the public");
    assert_eq!(carried_out(&story.stage.world, "grants").await, [hash]);
    assert_eq!((story.sent_by(Via::Private).await, story.sent_by(Via::Public).await), (Some(1.0), None));
    story.stage.reaches("grants", State::FinalOk).await;
    assert_eq!(ways(&story.operation().await.attempts), [(AttemptKind::First, Via::Private)]);
    assert_eq!(story.relay.seen_auth().len(), 1, "it shows itself by one key");
    story.stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_relay_drops_becomes_public_after_its_blocks_under_the_same_nonce() {
    let mut story = Private::open("private-then-public-after-2-blocks", Mood::Drops).await;
    let nonce = story.handed_over().await;
    story.stage.mine().await;
    assert_eq!((story.shown(), story.stage.sent("grants")), (0, 1), "one block is too early");
    story.stage.make_blocks();
    let order = story.stage.done("grants").await;
    let operation = story.operation().await;
    assert_eq!(ways(&operation.attempts), [(AttemptKind::First, Via::Private), (AttemptKind::Replacement, Via::Public)]);
    let inclusion = order.outcome.inclusion().unwrap();
    assert_eq!((inclusion.tx, inclusion.nonce), (operation.attempts[1].hash, nonce));
    assert_eq!(carried_out(&story.stage.world, "grants").await, [inclusion.tx]);
    assert_eq!((story.sent_by(Via::Private).await, story.sent_by(Via::Public).await), (Some(1.0), Some(1.0)));
    story.stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_only_go_by_the_relay_is_cancelled_in_public_at_its_deadline_and_never_shown() {
    let mut story = Private::open("private", Mood::Drops).await;
    let nonce = story.handed_over().await;
    story.stage.make_blocks();
    let cancelled = story.stage.settlement("grants").await;
    let Outcome::Cancelled(inclusion) = cancelled.outcome else { panic!("{:?}", cancelled.outcome) };
    story.relay.set_mood(Mood::Honest);
    let attempts = story.operation().await.attempts;
    let (cancellation, orders) = attempts.split_last().unwrap();
    assert_eq!(inclusion.tx, cancellation.hash);
    assert_eq!((cancellation.kind, cancellation.via, inclusion.nonce), (AttemptKind::Cancellation, Via::Public, nonce));
    assert!(
        orders.len() > 1 && orders.iter().all(|order| order.via == Via::Private),
        "raised, and by the same way: {attempts:?}"
    );
    assert_eq!(story.shown(), 1, "the cancellation, and nothing else");
    let last = orders.last().unwrap().hash;
    assert!(!story.relay.held().contains(&last), "the relay was asked to forget it");
    assert_eq!(carried_out(&story.stage.world, "grants").await.len(), 0);

    let done = story.stage.done_at_last("grants").await;
    assert_eq!(carried_out(&story.stage.world, "grants").await, [done.outcome.inclusion().unwrap().tx]);
    assert_eq!((story.shown(), story.sent_by(Via::Public).await), (1, Some(1.0)));
    story.stage.close().await;
}

/// What a relay says proves nothing, and what it shows to others does no harm but to its own name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_leaks_or_talks_nonsense_brings_an_order_into_a_block_once() {
    for mood in [Mood::Leaks, Mood::Lies(Lie::Number), Mood::Lies(Lie::NonceSpent), Mood::Lies(Lie::OutOfOrder)] {
        let mut story = Private::open("private", mood).await;
        story.handed_over().await;
        let hash = story.operation().await.attempts[0].hash;
        assert_eq!(public_pool(&story.stage.world).await.contains(&hash.to_string()), mood == Mood::Leaks);
        story.stage.make_blocks();
        let order = story.stage.done("grants").await;
        assert_eq!((order.outcome.inclusion().unwrap().tx, story.shown()), (hash, 0), "{mood:?}");
        story.stage.reaches("grants", State::FinalOk).await;
        assert_eq!(carried_out(&story.stage.world, "grants").await, [hash], "{mood:?}");
        story.stage.close().await;
    }
}
