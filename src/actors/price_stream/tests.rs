//! A streamer on a source that does what the test says, and a probe for the peg watch.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::actors::testing::{Events, FakeClock, Probe, millis, next, observer, secs};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{Price, Timestamp};
use crate::ports::Hear;

/// What one connection does: says prices stamped so far from now, in seconds, holds for a while, and ends; or crashes.
enum Life {
    Says(Vec<i64>, Duration, ReadingFault),
    Crashes,
}

struct Scripted {
    source: Arc<Source>,
    clock: Arc<FakeClock>,
    lives: Mutex<VecDeque<Life>>,
    begun: Mutex<Vec<Duration>>,
}

#[async_trait]
impl PriceStream for Scripted {
    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    async fn listen(&self, hear: &Hear) -> ReadingFault {
        self.begun.lock().unwrap().push(self.clock.uptime());
        let life = self.lives.lock().unwrap().pop_front();
        match life {
            Some(Life::Says(stamps, holds, end)) => {
                for stamp in stamps {
                    let now = self.clock.now().millis().checked_add_signed(stamp * 1_000).unwrap();
                    hear(Ok(Quote::exact(Price::PAR, Timestamp::from_millis(now))));
                }
                tokio::time::sleep(holds).await;
                end
            }
            Some(Life::Crashes) => panic!("a bug"),
            None => lost(),
        }
    }
}

fn lost() -> ReadingFault {
    ReadingFault::Disconnected("test".to_owned())
}

struct Stage {
    stream: Arc<Scripted>,
    events: Events,
    readings: UnboundedReceiver<PegWatchMsg>,
    actor: ActorRef<PriceStreamMsg>,
    ended: tokio::task::JoinHandle<()>,
}

impl Stage {
    async fn start(lives: Vec<Life>) -> Self {
        let clock = FakeClock::new(1);
        let (asset, id) = (AssetId::new("USDC"), SourceId::new("kraken:USDC"));
        let (unit, group) = (Unit::Usd, Group::UsdBooks);
        let source = Arc::new(Source { id, asset, unit, group, advisory: false, good_for: secs(15) });
        let (lives, begun) = (Mutex::new(lives.into()), Mutex::default());
        let stream = Arc::new(Scripted { source, clock: clock.clone(), lives, begun });
        let (watch, (probe, readings)) = (Address::default(), Probe::spawn().await);
        watch.moved_in(probe);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let args = PriceStreamArgs {
            stream: stream.clone(),
            max_age: secs(15),
            max_ahead: secs(5),
            watch,
            clock,
            observer,
            hearts: Heartbeats::default(),
        };
        let (actor, ended) = Actor::spawn(None, PriceStreamer, args).await.unwrap();
        Self { stream, events, readings, actor, ended }
    }

    async fn reading(&mut self) -> Reading {
        match next(&mut self.readings, secs(3_600)).await {
            PegWatchMsg::Reading(reading) => reading,
            _ => panic!("not a reading"),
        }
    }

    fn begun(&self) -> Vec<Duration> {
        self.stream.begun.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_is_held_against_our_clock_and_passed_on() {
    let mut stage = Stage::start(vec![Life::Says(vec![0, -15, -16, 5, 6], secs(30), lost())]).await;
    let mut labels = Vec::new();
    for _ in 0..5 {
        let reading = stage.reading().await;
        labels.push(reading.quote.map_or_else(|fault| fault.label(), |_| "good"));
        assert_eq!((reading.block, reading.source.id.as_str()), (None, "kraken:USDC"));
    }
    assert_eq!(labels, ["good", "good", "stale", "good", "from_the_future"]);
    assert_eq!(stage.reading().await.quote, Err(lost()), "the end is a reading too");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_reached_is_asked_less_and_less_often_and_for_ever() {
    let stage = Stage::start(Vec::new()).await;
    tokio::time::sleep(secs(3_600)).await;
    let begun = stage.begun();
    let pauses: Vec<Duration> = begun.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    // Doubled each time, plus a part of itself by chance, so that many sources do not come at once.
    for (pause, least) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        assert!(*pause >= secs(least) && *pause < secs(2 * least) + millis(100), "{pause:?} is not about {least} s");
    }
    assert!((30..=70).contains(&pauses.len()), "{} attempts in an hour", pauses.len());
    assert_eq!(stage.events.count(|event| matches!(event, Event::SourceLost { label: "disconnected", .. })), begun.len());
}

#[tokio::test(start_paused = true)]
async fn one_that_gives_a_price_and_ends_at_once_is_asked_less_and_less_often_too() {
    let stage = Stage::start((0..200).map(|_| Life::Says(vec![0], Duration::ZERO, lost())).collect()).await;
    tokio::time::sleep(secs(3_600)).await;
    assert!((30..=70).contains(&stage.begun().len()), "{} attempts in an hour", stage.begun().len());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_held_is_followed_by_another_at_once() {
    let held = || Life::Says(vec![0], secs(60), lost());
    let short = || Life::Says(Vec::new(), Duration::ZERO, lost());
    let stage = Stage::start(vec![short(), short(), short(), held(), short()]).await;
    tokio::time::sleep(secs(120)).await;
    let begun = stage.begun();
    let after = begun[4].saturating_sub(begun[3] + secs(60));
    assert!(after >= secs(1) && after < secs(2) + millis(100), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_venue_that_asks_for_a_pause_gets_it_and_a_refused_key_is_not_hammered() {
    let limited = Life::Says(Vec::new(), Duration::ZERO, ReadingFault::RateLimited(secs(90)));
    let refused = Life::Says(Vec::new(), Duration::ZERO, ReadingFault::Unauthorised);
    let stage = Stage::start(vec![limited, refused]).await;
    tokio::time::sleep(secs(800)).await;
    let begun = stage.begun();
    let pause = |before: usize| begun[before + 1].saturating_sub(begun[before]);
    assert!(pause(0) >= secs(90) && pause(0) < secs(91), "{begun:?}");
    assert!(pause(1) >= secs(600) && pause(1) < secs(601), "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_adapter_is_a_death_and_a_death_ends_the_connection() {
    let stage = Stage::start(vec![Life::Crashes]).await;
    tokio::time::timeout(secs(1), stage.ended).await.unwrap().unwrap();

    let mut stage = Stage::start(vec![Life::Says(vec![0], secs(600), lost())]).await;
    stage.reading().await;
    assert_eq!(Arc::strong_count(&stage.stream), 4, "the test, the actor and its connection");
    stage.actor.kill();
    stage.ended.await.unwrap();
    tokio::time::sleep(millis(1)).await;
    assert_eq!(Arc::strong_count(&stage.stream), 1, "nobody listens any more");
}
