//! Brings messages to people: in order, one at a time for each sink, patient with a sink that says it is too much, and never in
//! anybody's way. A rebalance does not wait for it.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::pulse::Pulse;
use crate::observe::alert::alert_of;
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Alert, AlertFault, AlertSink, Clock, Severity};

/// Messages that wait for one sink; beyond it the oldest is given up.
const MOST_WAITING: usize = 256;
/// Attempts for one message; being rate-limited is none.
const MOST_ATTEMPTS: u32 = 5;
/// First pause after a failed attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A sink that has not answered by then has not taken the message.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same trouble is not told again within this machine time.
const QUIET: Duration = Duration::from_secs(300);

/// What it works with.
#[derive(Clone)]
pub struct AlerterArgs {
    /// Where people read.
    pub sinks: Vec<Arc<dyn AlertSink>>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct Alerter;

/// What it hears.
pub enum AlerterMsg {
    /// Something happened; most of it is for nobody.
    Happened(Box<Event>),
    /// A delivery has ended. The sink is named by its place.
    Delivered(usize, Result<(), AlertFault>),
    /// The pause of a sink is over.
    Resume(usize),
    /// Beat.
    Beat,
}

/// What it remembers.
pub struct AlerterState {
    args: AlerterArgs,
    pulse: Pulse,
    lines: Vec<Line>,
    told: HashMap<String, Duration>,
}

/// The messages for one sink.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Alert>,
    attempts: u32,
    /// The first message is on its way, or pauses before its next attempt.
    busy: bool,
}

impl Actor for Alerter {
    type Msg = AlerterMsg;
    type State = AlerterState;
    type Arguments = AlerterArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: AlerterArgs) -> Result<Self::State, ActorProcessingErr> {
        let pulse = Pulse::start(args.hearts.register("alerter".to_owned()), args.clock.clone(), &myself, || AlerterMsg::Beat);
        let lines = args.sinks.iter().map(|_| Line::default()).collect();
        Ok(AlerterState { args, pulse, lines, told: HashMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            AlerterMsg::Happened(event) => state.queue(&myself, &event),
            AlerterMsg::Resume(sink) => state.resume(&myself, sink),
            AlerterMsg::Delivered(sink, result) => state.delivered(&myself, sink, &result),
            AlerterMsg::Beat => state.pulse.beat(&myself, || AlerterMsg::Beat),
        }
        Ok(())
    }
}

impl AlerterState {
    fn queue(&mut self, myself: &ActorRef<AlerterMsg>, event: &Event) {
        let Some(alert) = alert_of(event, self.args.clock.now()) else { return };
        if self.is_repetition(&alert) {
            return;
        }
        for (sink, line) in self.lines.iter_mut().enumerate() {
            line.waiting.push_back(alert.clone());
            if line.waiting.len() > MOST_WAITING {
                // The first one may be on its way: it is not taken from under its delivery.
                line.waiting.remove(usize::from(line.busy));
                let name = self.args.sinks.get(sink).map_or("unknown", |sink| sink.name());
                let fault = "too many messages wait".to_owned();
                self.args.observer.record(Event::AlertFailed { sink: name, fault, dropped: true });
            }
        }
        for sink in 0..self.lines.len() {
            self.deliver(myself, sink);
        }
    }

    /// Troubles repeat themselves; what was done does not.
    fn is_repetition(&mut self, alert: &Alert) -> bool {
        if alert.severity == Severity::Info {
            return false;
        }
        let now = self.args.clock.uptime();
        self.told.retain(|_, at| now.saturating_sub(*at) < QUIET);
        let key = format!("{}|{}", alert.key, alert.title);
        let known = self.told.contains_key(&key);
        if !known {
            self.told.insert(key, now);
        }
        known
    }

    fn deliver(&mut self, myself: &ActorRef<AlerterMsg>, sink: usize) {
        let (Some(line), Some(target)) = (self.lines.get_mut(sink), self.args.sinks.get(sink)) else { return };
        let Some(alert) = line.waiting.front().filter(|_| !line.busy).cloned() else { return };
        line.busy = true;
        let (target, myself) = (target.clone(), myself.clone());
        tokio::spawn(async move {
            let silent = |_| Err(AlertFault::Unreachable(format!("no answer within {PATIENCE:?}")));
            let result = tokio::time::timeout(PATIENCE, target.deliver(&alert)).await.unwrap_or_else(silent);
            let _ = myself.cast(AlerterMsg::Delivered(sink, result));
        });
    }

    fn delivered(&mut self, myself: &ActorRef<AlerterMsg>, sink: usize, result: &Result<(), AlertFault>) {
        let name = self.args.sinks.get(sink).map_or("unknown", |sink| sink.name());
        let Some(line) = self.lines.get_mut(sink) else { return };
        line.attempts = line.attempts.saturating_add(1);
        let pause = match result {
            Ok(()) => {
                self.args.observer.record(Event::AlertDelivered { sink: name });
                None
            }
            Err(AlertFault::RateLimited(pause)) => {
                line.attempts = line.attempts.saturating_sub(1);
                Some(*pause)
            }
            Err(AlertFault::Unreachable(_)) if line.attempts < MOST_ATTEMPTS => {
                Some(FIRST_PAUSE.saturating_mul(2u32.saturating_pow(line.attempts.saturating_sub(1))))
            }
            Err(AlertFault::Unreachable(_) | AlertFault::Refused(_)) => None,
        };
        if let Err(fault) = result {
            self.args.observer.record(Event::AlertFailed { sink: name, fault: fault.to_string(), dropped: pause.is_none() });
        }
        let Some(pause) = pause else {
            line.waiting.pop_front();
            line.attempts = 0;
            return self.resume(myself, sink);
        };
        myself.send_after(pause, move || AlerterMsg::Resume(sink));
    }

    fn resume(&mut self, myself: &ActorRef<AlerterMsg>, sink: usize) {
        if let Some(line) = self.lines.get_mut(sink) {
            line.busy = false;
        }
        self.deliver(myself, sink);
    }
}
