//! The alerter with sinks that are slow, strict, dead or silent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ractor::{Actor, ActorRef};

use super::{Alerter, AlerterArgs, AlerterMsg};
use crate::actors::testing::{Events, FakeClock, millis, observer, open, secs, settle};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::peg::PegState;
use crate::observe::Event;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{Alert, AlertFault, AlertSink, Clock};

#[derive(Clone)]
enum Answer {
    After(Duration),
    Fault(AlertFault),
    Never,
}

/// What a sink was given, and when.
struct FakeSink {
    name: &'static str,
    clock: Arc<FakeClock>,
    /// For the next deliveries, in order; then `usual`.
    answers: Mutex<VecDeque<Answer>>,
    usual: Answer,
    tried: Mutex<Vec<(Duration, String)>>,
    under_way: Mutex<usize>,
}

#[async_trait]
impl AlertSink for FakeSink {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn deliver(&self, alert: &Alert) -> Result<(), AlertFault> {
        open(&self.tried).push((self.clock.uptime(), alert.key.clone()));
        assert_eq!(
            {
                let mut n = open(&self.under_way);
                *n += 1;
                *n
            },
            1,
            "two deliveries at a time"
        );
        let answer = open(&self.answers).pop_front().unwrap_or_else(|| self.usual.clone());
        let result = match answer {
            Answer::After(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Answer::Fault(fault) => Err(fault),
            Answer::Never => {
                *open(&self.under_way) -= 1;
                std::future::pending().await
            }
        };
        *open(&self.under_way) -= 1;
        result
    }
}

impl FakeSink {
    fn keys(&self) -> Vec<String> {
        open(&self.tried).iter().map(|(_, key)| key.clone()).collect()
    }

    fn times(&self) -> Vec<Duration> {
        open(&self.tried).iter().map(|(at, _)| *at).collect()
    }
}

struct Bench {
    events: Events,
    sinks: Vec<Arc<FakeSink>>,
    alerter: ActorRef<AlerterMsg>,
}

impl Bench {
    async fn start(usual: &[Answer]) -> Self {
        let clock = FakeClock::new(1);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let names = ["first", "second"];
        let sink = |(usual, name): (&Answer, &'static str)| {
            let (answers, tried, under_way) = (Mutex::default(), Mutex::default(), Mutex::default());
            Arc::new(FakeSink { name, clock: clock.clone(), answers, usual: usual.clone(), tried, under_way })
        };
        let sinks: Vec<Arc<FakeSink>> = usual.iter().zip(names).map(sink).collect();
        let args = AlerterArgs {
            sinks: sinks.iter().map(|sink| sink.clone() as Arc<dyn AlertSink>).collect(),
            clock: clock.clone(),
            observer,
            hearts: Heartbeats::default(),
        };
        let alerter = Actor::spawn(None, Alerter, args).await.unwrap().0;
        Self { events, sinks, alerter }
    }

    fn tell(&self, event: Event) {
        self.alerter.cast(AlerterMsg::Happened(Box::new(event))).unwrap();
    }

    fn overdue(&self, pool: &str) {
        self.tell(Event::HolderOverdue { pool: PoolId::new(pool) });
    }

    fn answers(&self, sink: usize, answers: &[Answer]) {
        open(&self.sinks[sink].answers).extend(answers.iter().cloned());
    }

    fn dropped(&self) -> usize {
        self.events.count(|event| matches!(event, Event::AlertFailed { dropped: true, .. }))
    }
}

const GOOD: Answer = Answer::After(millis(100));

fn down() -> Answer {
    Answer::Fault(AlertFault::Unreachable("down".to_owned()))
}

fn seconds(times: &[Duration]) -> Vec<u64> {
    times.iter().map(|at| (*at + millis(50)).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn messages_arrive_in_order_and_one_at_a_time() {
    let bench = Bench::start(&[GOOD]).await;
    for pool in ["a", "b", "c", "d"] {
        bench.overdue(pool);
    }
    bench.tell(Event::QueueStarted { chain: crate::domain::ids::ChainName::new("test"), epoch: 1 });
    tokio::time::sleep(secs(1)).await;
    assert_eq!(bench.sinks[0].keys(), ["pool/a/overdue", "pool/b/overdue", "pool/c/overdue", "pool/d/overdue"]);
    assert_eq!(bench.events.count(|event| matches!(event, Event::AlertDelivered { sink: "first" })), 4);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_says_it_is_too_much_is_left_alone_for_as_long_as_it_says() {
    let bench = Bench::start(&[GOOD]).await;
    bench.answers(0, &[Answer::Fault(AlertFault::RateLimited(secs(20)))]);
    bench.overdue("a");
    tokio::time::sleep(secs(5)).await;
    // A new message is no reason to knock again.
    bench.overdue("b");
    tokio::time::sleep(secs(10)).await;
    assert_eq!(bench.sinks[0].keys(), ["pool/a/overdue"]);
    tokio::time::sleep(secs(10)).await;
    assert_eq!(bench.sinks[0].keys(), ["pool/a/overdue", "pool/a/overdue", "pool/b/overdue"]);
    assert_eq!(seconds(&bench.sinks[0].times())[1], 20);
}

#[tokio::test(start_paused = true)]
async fn being_limited_is_no_attempt() {
    let bench = Bench::start(&[GOOD]).await;
    bench.answers(0, &vec![Answer::Fault(AlertFault::RateLimited(secs(1))); 20]);
    bench.answers(0, &[down()]);
    bench.overdue("a");
    tokio::time::sleep(secs(30)).await;
    assert_eq!(bench.sinks[0].times().len(), 22, "20 times limited, once not reached, once delivered");
    assert_eq!(bench.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_five_attempts_a_message_is_given_up_and_the_next_one_has_its_turn() {
    let bench = Bench::start(&[GOOD]).await;
    bench.answers(0, &vec![down(); 5]);
    bench.overdue("a");
    bench.overdue("b");
    tokio::time::sleep(secs(60)).await;
    assert_eq!(seconds(&bench.sinks[0].times()), [0, 1, 3, 7, 15, 15], "pauses of 1, 2, 4 and 8 s");
    assert_eq!(bench.sinks[0].keys()[5], "pool/b/overdue");
    assert_eq!(bench.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_is_not_tried_again() {
    let bench = Bench::start(&[GOOD]).await;
    bench.answers(0, &[Answer::Fault(AlertFault::Refused("too long".to_owned()))]);
    bench.overdue("a");
    bench.overdue("b");
    tokio::time::sleep(secs(5)).await;
    assert_eq!(bench.sinks[0].keys(), ["pool/a/overdue", "pool/b/overdue"]);
    assert_eq!(bench.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_sink_is_in_nobodys_way() {
    let bench = Bench::start(&[down(), GOOD]).await;
    for pool in ["a", "b", "c"] {
        bench.overdue(pool);
    }
    tokio::time::sleep(millis(1_500)).await;
    assert_eq!(bench.sinks[1].keys().len(), 3);
    assert_eq!(bench.sinks[0].keys().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_never_answers_is_given_up_as_unreachable() {
    let bench = Bench::start(&[Answer::Never, GOOD]).await;
    bench.overdue("a");
    bench.overdue("b");
    tokio::time::sleep(secs(1)).await;
    assert_eq!(bench.sinks[1].keys().len(), 2);
    tokio::time::sleep(secs(400)).await;
    assert_eq!(bench.sinks[0].keys()[5], "pool/b/overdue", "five times half a minute, and the next");
}

#[tokio::test(start_paused = true)]
async fn the_same_trouble_is_told_once_in_five_minutes_and_good_news_every_time() {
    let bench = Bench::start(&[GOOD]).await;
    for _ in 0..10 {
        bench.overdue("a");
        tokio::time::sleep(secs(29)).await;
    }
    assert_eq!(bench.sinks[0].keys().len(), 1);
    tokio::time::sleep(secs(20)).await;
    bench.overdue("a");
    settle().await;
    assert_eq!(bench.sinks[0].keys().len(), 2);
    for episode in 1..=3 {
        let (asset, price) = (AssetId::new("USDC"), None);
        bench.tell(Event::PegMoved { asset, from: PegState::Recovering, to: PegState::Sound, price, episode });
    }
    tokio::time::sleep(secs(1)).await;
    assert_eq!(bench.sinks[0].keys().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn too_many_messages_cost_the_oldest_that_is_not_on_its_way() {
    let bench = Bench::start(&[GOOD]).await;
    bench.answers(0, &[down()]);
    for pool in 0..258 {
        bench.overdue(&pool.to_string());
    }
    settle().await;
    assert_eq!(bench.dropped(), 2);
    tokio::time::sleep(secs(60)).await;
    let keys = bench.sinks[0].keys();
    assert_eq!(keys.len(), 257);
    assert_eq!(keys[..3], ["pool/0/overdue", "pool/0/overdue", "pool/3/overdue"]);
    assert_eq!(keys[256], "pool/257/overdue", "nothing else is missing");
}
