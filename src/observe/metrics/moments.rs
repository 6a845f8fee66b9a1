//! What grows without an event: ages, and the ten healthy minutes after which a quarantine is over.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Inner;
use crate::domain::ids::{AssetId, ChainName, PoolId, SourceId};
use crate::domain::units::Timestamp;

/// A life this long ends a quarantine; the restart policy forgets deaths after the same time.
const HEALTHY: Duration = Duration::from_mins(10);

#[derive(Debug, Default)]
pub(super) struct Moments {
    heads: HashMap<ChainName, Timestamp>,
    readings: HashMap<(SourceId, AssetId), Timestamp>,
    parked: HashSet<PoolId>,
    down: HashSet<String>,
    /// Quarantined actors; since when they live again, on the machine clock.
    quarantined: HashMap<String, Option<Duration>>,
}

impl Moments {
    pub(super) fn head(&mut self, chain: &ChainName, timestamp: Timestamp) {
        self.heads.insert(chain.clone(), timestamp);
    }

    pub(super) fn priced(&mut self, source: &SourceId, asset: &AssetId, now: Timestamp) {
        self.readings.insert((source.clone(), asset.clone()), now);
    }

    pub(super) fn parked(&mut self, pool: &PoolId) {
        self.parked.insert(pool.clone());
    }

    /// A pool that decides is not parked.
    pub(super) fn decided(&mut self, pool: &PoolId) {
        self.parked.remove(pool);
    }

    /// A pool that is gone is neither parked nor dead.
    pub(super) fn forget(&mut self, pool: &PoolId) {
        let actor = format!("pool {pool}");
        self.parked.remove(pool);
        self.down.remove(&actor);
        self.quarantined.remove(&actor);
    }

    pub(super) fn died(&mut self, actor: &str, uptime: Duration) {
        self.release(uptime);
        self.down.insert(actor.to_owned());
        if let Some(alive) = self.quarantined.get_mut(actor) {
            *alive = None;
        }
    }

    pub(super) fn restarted(&mut self, actor: &str, uptime: Duration) {
        self.down.remove(actor);
        if let Some(alive) = self.quarantined.get_mut(actor) {
            *alive = Some(uptime);
        }
    }

    pub(super) fn quarantined(&mut self, actor: &str) {
        self.quarantined.insert(actor.to_owned(), None);
    }

    fn release(&mut self, uptime: Duration) {
        self.quarantined.retain(|_, alive| alive.is_none_or(|since| uptime.saturating_sub(since) < HEALTHY));
    }

    /// Writes everything down as of these two moments.
    pub(super) fn show(&mut self, to: &Inner, now: Timestamp, uptime: Duration) {
        self.release(uptime);
        to.actors_down.set(length(self.down.len()));
        to.actors_quarantined.set(length(self.quarantined.len()));
        to.pools_parked.set(length(self.parked.len()));
        for (chain, head) in &self.heads {
            to.head_age.of([chain.as_str()]).set(now.since(*head).as_secs_f64());
        }
        for ((source, asset), at) in &self.readings {
            to.reading_age.of([source.as_str(), asset.as_str()]).set(now.since(*at).as_secs_f64());
        }
    }
}

pub(super) fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
