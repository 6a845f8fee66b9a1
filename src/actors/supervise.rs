//! How every supervisor of the tree restarts a child: alone, after the back-off of [`crate::domain::restart`], for ever. The
//! framework restarts nothing and its default answer to a death is to stop the parent; every supervisor here overrides it and asks
//! a [`Nursery`] instead.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ractor::{ActorCell, ActorId, ActorRef, Message, SupervisionEvent};

use crate::actors::board::Board;
use crate::domain::restart::{RestartHistory, RestartPolicy};
use crate::observe::{Event, Observer};
use crate::ports::Clock;

use std::sync::Arc;

/// Restart counters by child. They lie on a board because a counter that dies with the actor that crashes counts nothing.
pub type RestartBook = Board<HashMap<String, RestartHistory>>;

/// What a supervisor shares with its nursery.
#[derive(Clone)]
pub struct Supervision {
    /// The counters.
    pub book: RestartBook,
    /// Where deaths and restarts are told.
    pub observer: Observer,
    /// Machine time.
    pub clock: Arc<dyn Clock>,
    /// Back-off and quarantine.
    pub policy: RestartPolicy,
}

/// The living children of one supervisor, by key.
pub struct Nursery<K> {
    shared: Supervision,
    living: HashMap<ActorId, (K, ActorCell)>,
    /// Those whose end is wanted.
    dismissed: HashSet<ActorId>,
    closed: bool,
}

/// A child that has died and is to be started again.
#[derive(Debug)]
pub struct Death<K> {
    /// Which.
    pub key: K,
    /// After how long.
    pub restart_in: Duration,
}

/// What a child is, for logs and metrics.
pub trait Child: Clone + Send + 'static {
    /// Its own name: `pool treasury`.
    fn name(&self) -> String;
    /// A finite word for its kind: `pool`.
    fn kind(&self) -> &'static str;
}

impl<K: Child> Nursery<K> {
    /// An empty nursery.
    #[must_use]
    pub fn new(shared: Supervision) -> Self {
        Self { shared, living: HashMap::new(), dismissed: HashSet::new(), closed: false }
    }

    /// From now on a death is the end of a child, not the beginning of the next: the supervisor shuts down.
    pub const fn close(&mut self) {
        self.closed = true;
    }

    /// Whether the supervisor shuts down: a restart that was armed before is not carried out.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// A child lives. `began` is the machine time at which its start began.
    pub fn adopt(&mut self, key: K, cell: ActorCell, began: Duration) {
        let now = self.shared.clock.uptime();
        let mut restarted = false;
        self.shared.book.modify(|book| {
            let history = book.entry(key.name()).or_default();
            restarted = history.deaths() > 0;
            history.started(now);
        });
        if restarted {
            let took = now.saturating_sub(began);
            self.shared.observer.record(Event::ActorRestarted { actor: key.name(), kind: key.kind(), took });
        }
        self.living.insert(cell.get_id(), (key, cell));
    }

    /// A child could not even start: the same as a death.
    pub fn stillborn(&self, key: K, reason: &str) -> Death<K> {
        self.mourn(key, reason)
    }

    /// Reads a supervision event: `Some` when a child is to be started again after the delay.
    pub fn hear(&mut self, event: &SupervisionEvent) -> Option<Death<K>> {
        let (cell, reason) = match event {
            SupervisionEvent::ActorFailed(cell, error) => (cell, error.to_string()),
            SupervisionEvent::ActorTerminated(cell, _, reason) => (cell, reason.clone().unwrap_or_else(|| "stopped".to_owned())),
            _ => return None,
        };
        let (key, _) = self.living.remove(&cell.get_id())?;
        (!self.closed).then(|| self.mourn(key, &reason))
    }

    /// Ends a child after what it is doing now. That is no death: [`Nursery::farewell`] hears of it.
    pub fn dismiss(&mut self, cell: &ActorCell) {
        self.dismissed.insert(cell.get_id());
        cell.stop(Some("dismissed".to_owned()));
    }

    /// Reads a supervision event: `Some` when it is the end of a child that was dismissed. One that crashed on its way out has died
    /// like any other.
    pub fn farewell(&mut self, event: &SupervisionEvent) -> Option<K> {
        let (SupervisionEvent::ActorTerminated(cell, ..) | SupervisionEvent::ActorFailed(cell, _)) = event else { return None };
        let wanted = self.dismissed.remove(&cell.get_id());
        if !wanted || matches!(event, SupervisionEvent::ActorFailed(..)) {
            return None;
        }
        self.living.remove(&cell.get_id()).map(|(key, _)| key)
    }

    /// A child is not started again: nobody needs to know how often it has died.
    pub fn forget(&self, key: &K) {
        self.shared.book.modify(|book| drop(book.remove(&key.name())));
    }

    /// The living children.
    pub fn living(&self) -> impl Iterator<Item = (&K, &ActorCell)> {
        self.living.values().map(|(key, cell)| (key, cell))
    }

    fn mourn(&self, key: K, reason: &str) -> Death<K> {
        let now = self.shared.clock.uptime();
        let mut verdict = None;
        self.shared.book.modify(|book| {
            verdict = Some(book.entry(key.name()).or_default().died(now, &self.shared.policy));
        });
        let (restart_in, newly_quarantined) = verdict.map_or((self.shared.policy.cap, false), |v| (v.delay, v.newly_quarantined));
        let (actor, kind) = (key.name(), key.kind());
        self.shared.observer.record(Event::ActorDied { actor: actor.clone(), kind, reason: reason.to_owned(), restart_in });
        if newly_quarantined {
            self.shared.observer.record(Event::ActorQuarantined { actor, kind });
        }
        Death { key, restart_in }
    }
}

impl<K> Death<K> {
    /// Arms the restart: after the delay the supervisor gets `message(key)`.
    pub fn arm<M: Message>(self, supervisor: &ActorRef<M>, message: fn(K) -> M)
    where
        K: Send + 'static,
    {
        let key = self.key;
        supervisor.send_after(self.restart_in, move || message(key));
    }
}
