//! What the actors' tests share: a chain that fits in memory, fakes of the ports on top of it, probes that stand in for an actor,
//! and a world with the whole tree. All time is tokio's, paused.

pub(crate) mod chain;
pub(crate) mod drill;
pub(crate) mod journal;
pub(crate) mod link;
pub(crate) mod position;
pub(crate) mod sender;
pub(crate) mod words;
pub(crate) mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, Message, SupervisionEvent};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::peg::{Band, PegRule, VoteRule};
use crate::domain::units::Timestamp;
use crate::observe::metrics::Metrics;
use crate::observe::{Event, Observer};
use crate::ports::Clock;

/// The tests begin here, on the policy clock: a Tuesday, 22:13:20 UTC.
pub(crate) const BEGINNING: Timestamp = Timestamp::from_secs(1_700_000_000);

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both clocks follow tokio's paused time; the policy clock is faster by a factor.
#[derive(Debug)]
pub(crate) struct FakeClock {
    began: Instant,
    speed: u32,
}

impl FakeClock {
    pub(crate) fn new(speed: u32) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), speed })
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        BEGINNING.plus(self.uptime() * self.speed)
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy / self.speed
    }

    fn uptime(&self) -> Duration {
        Instant::now() - self.began
    }
}

/// The one place where tests make an observer.
pub(crate) fn observer(clock: &Arc<FakeClock>) -> Observer {
    Observer::new(Metrics::new().unwrap(), clock.clone())
}

/// Everything that an observer was told, with the machine time of each.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    log: Arc<Mutex<Vec<(Duration, Event)>>>,
    count: watch::Receiver<usize>,
}

impl Events {
    pub(crate) fn of(observer: &Observer, clock: &Arc<FakeClock>) -> Self {
        let (log, clock, mut tap) = (Arc::new(Mutex::new(Vec::new())), clock.clone(), observer.tap());
        let (told, count) = watch::channel(0);
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Some(event) = tap.recv().await {
                open(&kept).push((clock.uptime(), event));
                told.send_modify(|count| *count += 1);
            }
        });
        Self { log, count }
    }

    pub(crate) fn all(&self) -> Vec<(Duration, Event)> {
        open(&self.log).clone()
    }

    /// What `pick` makes of each event, with its time.
    pub(crate) fn pick<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<(Duration, T)> {
        open(&self.log).iter().filter_map(|(at, event)| Some((*at, pick(event)?))).collect()
    }

    pub(crate) fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        open(&self.log).iter().filter(|(_, event)| fits(event)).count()
    }

    pub(crate) fn clear(&self) {
        open(&self.log).clear();
    }

    /// Waits until `nth` events fit (the first is 1), and gives the time of that one.
    #[track_caller]
    pub(crate) fn nth(&self, nth: usize, within: Duration, fits: impl Fn(&Event) -> bool) -> impl Future<Output = Duration> {
        let caller = std::panic::Location::caller();
        let mut count = self.count.clone();
        async move {
            let found = || open(&self.log).iter().filter(|(_, event)| fits(event)).map(|(at, _)| *at).nth(nth - 1);
            let wait = async {
                loop {
                    if let Some(at) = found() {
                        return at;
                    }
                    count.changed().await.unwrap();
                }
            };
            match tokio::time::timeout(within, wait).await {
                Ok(at) => at,
                Err(tokio::time::error::Elapsed { .. }) => panic!("{caller}: not within {within:?}; seen:\n{}", self.story()),
            }
        }
    }

    #[track_caller]
    pub(crate) fn first(&self, within: Duration, fits: impl Fn(&Event) -> bool) -> impl Future<Output = Duration> {
        self.nth(1, within, fits)
    }

    /// The events that make a story, one a line.
    pub(crate) fn story(&self) -> String {
        let dull = |event: &Event| {
            matches!(
                event,
                Event::QueueSeen { .. }
                    | Event::PoolSeen { .. }
                    | Event::ReadingTaken { .. }
                    | Event::BlockRead { .. }
                    | Event::GasMoved { .. }
            )
        };
        let all = open(&self.log);
        let lines: Vec<String> = all.iter().filter(|(_, e)| !dull(e)).map(|(at, event)| format!("{at:?} {event:?}")).collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

/// Lets everything happen that can happen without time going by.
pub(crate) async fn settle() {
    tokio::time::sleep(millis(1)).await;
}

/// Stands in for an actor: hands on what it is told, and adopts whoever is linked to it.
pub(crate) struct Probe<M>(std::marker::PhantomData<fn(M)>);

impl<M: Message> Probe<M> {
    pub(crate) async fn spawn() -> (ActorRef<M>, UnboundedReceiver<M>) {
        let (heard, messages) = unbounded_channel();
        let (actor, _) = Actor::spawn(None, Self(std::marker::PhantomData), heard).await.unwrap();
        (actor, messages)
    }
}

impl<M: Message> Actor for Probe<M> {
    type Msg = M;
    type State = UnboundedSender<M>;
    type Arguments = UnboundedSender<M>;

    async fn pre_start(&self, _: ActorRef<M>, heard: UnboundedSender<M>) -> Result<UnboundedSender<M>, ActorProcessingErr> {
        Ok(heard)
    }

    async fn handle(&self, _: ActorRef<M>, message: M, heard: &mut UnboundedSender<M>) -> Result<(), ActorProcessingErr> {
        let _ = heard.send(message);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<M>,
        _: SupervisionEvent,
        _: &mut UnboundedSender<M>,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// The next message, which must come within `within`.
#[track_caller]
pub(crate) fn next<M>(messages: &mut UnboundedReceiver<M>, within: Duration) -> impl Future<Output = M> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(within, messages.recv()).await {
            Ok(Some(message)) => message,
            Ok(None) => panic!("{caller}: the actor is gone"),
            Err(tokio::time::error::Elapsed { .. }) => panic!("{caller}: nothing within {within:?}"),
        }
    }
}

/// A panic that a test makes on purpose: no hook prints it.
pub(crate) fn drilled_panic() -> ! {
    std::panic::resume_unwind(Box::new("drill"))
}

/// A rule of one line: below 0.99 for `confirm` is off the peg, and at 0.995 for `settle` is back. Nothing is ever low
/// enough to be watched or stressed.
pub(crate) fn peg_rule(confirm: Duration, settle: Duration) -> PegRule {
    let band = |below_bps, hold| Band { below_bps, hold };
    let never = Duration::from_secs(1_000_000);
    PegRule {
        watch: band(5_000, Duration::ZERO),
        stressed: band(5_000, never),
        depegged: band(100, confirm),
        crashed: band(200, confirm),
        reenter: band(50, Duration::ZERO),
        reenter_slow: band(50, never),
        settle,
        disable_after: never,
        gap: secs(60),
    }
}

/// One source is enough.
pub(crate) const fn vote_rule() -> VoteRule {
    VoteRule { defend: 1, reenter: 1, agree_bps: 30, untrusted_bps: 150, outlier_bps: 30, outlier_mads: 4 }
}
