//! The one place where an event becomes a log line, a metric and a message to whoever listens.

mod log;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::observe::event::Event;
use crate::observe::metrics::Metrics;
use crate::ports::Clock;

/// Takes events. Cheap to clone; all clones are the same observer.
#[derive(Clone)]
pub struct Observer(Arc<Inner>);

struct Inner {
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    taps: RwLock<Vec<UnboundedSender<Event>>>,
}

impl Observer {
    /// An observer that counts into `metrics`.
    #[must_use]
    pub fn new(metrics: Metrics, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { metrics, clock, taps: RwLock::default() }))
    }

    /// Logs the event, counts it, and hands it to the taps, in this order: who hears of an event finds it counted.
    ///
    /// Never waits for a listener and never fails. The taps are read under a shared lock that is held only for sends which cannot
    /// block; writers come when a tap opens or has closed, so recorders do not meet one in the steady state.
    pub fn record(&self, event: Event) {
        log::write(&event);
        self.0.metrics.count(&event, self.0.clock.now(), self.0.clock.uptime());
        if self.hand_over(event) {
            self.0.taps.write().unwrap_or_else(PoisonError::into_inner).retain(|tap| !tap.is_closed());
        }
    }

    /// Hears every event from now on, in the order of each recorder. Nothing is lost and nothing waits, so a listener must keep up;
    /// dropping the receiver ends the tap.
    #[must_use]
    pub fn tap(&self) -> UnboundedReceiver<Event> {
        let (sender, receiver) = unbounded_channel();
        self.0.taps.write().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// The metrics that this observer counts into.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Whether a tap turned out to be closed.
    fn hand_over(&self, event: Event) -> bool {
        let taps = self.0.taps.read().unwrap_or_else(PoisonError::into_inner);
        let Some((last, others)) = taps.split_last() else { return false };
        let mut closed = false;
        for tap in others {
            closed |= tap.send(event.clone()).is_err();
        }
        closed | last.send(event).is_err()
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
