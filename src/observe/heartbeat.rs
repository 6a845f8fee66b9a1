//! Who is alive: every actor stores the time of its last beat in an atomic of its own, and `/healthz` reads them. Wedged means that
//! an actor lives and does not beat. One that is dead has dropped its [`Heartbeat`] and is not in the list: its supervisor is
//! restarting it, and restarting the whole process would not help.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an actor may be silent before it counts as wedged: several beats, and more than any handler takes.
pub const WEDGED_AFTER: Duration = Duration::from_secs(30);

/// The heart has not beaten yet.
const NEVER: u64 = u64::MAX;

/// All hearts of the process. Cheap to clone; all clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Heartbeats(Arc<Mutex<Hearts>>);

#[derive(Debug, Default)]
struct Hearts {
    next: u64,
    living: BTreeMap<u64, Arc<Heart>>,
}

#[derive(Debug)]
struct Heart {
    name: String,
    /// Machine time of the last beat, in milliseconds.
    beat: AtomicU64,
}

/// The heart of one actor. It leaves the list when it is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    id: u64,
    heart: Arc<Heart>,
    all: Heartbeats,
}

impl Heartbeats {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a heart. It has until the limit after the first look at it to beat. Names may repeat: for a moment, an actor and the
    /// one that replaces it are both in the list.
    pub fn register(&self, name: impl Into<String>) -> Heartbeat {
        let heart = Arc::new(Heart { name: name.into(), beat: AtomicU64::new(NEVER) });
        let mut hearts = self.hearts();
        let id = hearts.next;
        hearts.next = id.wrapping_add(1);
        hearts.living.insert(id, Arc::clone(&heart));
        Heartbeat { id, heart, all: self.clone() }
    }

    /// Time since the last beat of each living actor at machine time `now`, the longest first.
    #[must_use]
    pub fn oldest(&self, now: Duration) -> Vec<(String, Duration)> {
        let mut ages: Vec<(String, Duration)> =
            self.hearts().living.values().map(|heart| (heart.name.clone(), heart.age(now))).collect();
        ages.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
        ages
    }

    /// Whether no living actor has been silent for longer than `limit` at machine time `now`.
    #[must_use]
    pub fn is_alive(&self, now: Duration, limit: Duration) -> bool {
        self.hearts().living.values().all(|heart| heart.age(now) <= limit)
    }

    fn hearts(&self) -> std::sync::MutexGuard<'_, Hearts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heart {
    fn age(&self, now: Duration) -> Duration {
        let now = millis(now);
        let beat = match self.beat.compare_exchange(NEVER, now, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => now,
            Err(beat) => beat,
        };
        Duration::from_millis(now.saturating_sub(beat))
    }
}

impl Heartbeat {
    /// The actor is alive at machine time `uptime`.
    pub fn beat(&self, uptime: Duration) {
        self.heart.beat.store(millis(uptime), Ordering::Relaxed);
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.all.hearts().living.remove(&self.id);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER).min(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_longest_silence_comes_first() {
        let hearts = Heartbeats::new();
        let (queue, pool) = (hearts.register("queue"), hearts.register("pool a"));
        queue.beat(at(10));
        pool.beat(at(40));
        assert_eq!(hearts.oldest(at(45)), [("queue".to_owned(), at(35)), ("pool a".to_owned(), at(5))]);
        assert!(!hearts.is_alive(at(45), WEDGED_AFTER));
        queue.beat(at(44));
        assert!(hearts.is_alive(at(45), WEDGED_AFTER));
        assert!(hearts.is_alive(at(70), WEDGED_AFTER), "exactly the limit is still alive");
    }

    #[test]
    fn a_dead_actor_is_not_a_wedged_one() {
        let hearts = Heartbeats::new();
        let (old, new) = (hearts.register("pool a"), hearts.register("pool a"));
        old.beat(at(0));
        new.beat(at(100));
        drop(old);
        assert!(hearts.is_alive(at(100), WEDGED_AFTER));
        assert_eq!(hearts.oldest(at(100)).len(), 1, "the one that replaces it stays");
    }

    #[test]
    fn a_heart_that_never_beats_is_given_the_limit_from_the_first_look() {
        let hearts = Heartbeats::new();
        let _silent = hearts.register("pool a");
        assert!(hearts.is_alive(at(3_600), WEDGED_AFTER), "it may just have been born");
        assert!(!hearts.is_alive(at(3_631), WEDGED_AFTER));
    }
}
