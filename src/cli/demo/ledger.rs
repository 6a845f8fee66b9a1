//! Keeps count while the story is told: turns, transactions, gas, restarts, and how long it took from a price move to a transaction.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::B256;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use tokio::sync::mpsc::UnboundedReceiver;

use super::narrator::Narrator;
use crate::devnet::handle::WorldHandle;
use crate::devnet::{Coin, WorldError};
use crate::domain::outcome::Outcome;
use crate::domain::route::Via;
use crate::domain::trigger::Class;
use crate::domain::units::{Timestamp, Weight};
use crate::observe::Event;
use crate::observe::event::{AttemptKind, Settlement};
use crate::observe::metrics::Metrics;
use crate::ports::Clock;

/// Below this price of the market a coin has left its peg, by the demo's rule of 1 %.
const OFF_PEG: f64 = 0.99;

/// What is known of one pool.
#[derive(Clone, Debug, Default)]
pub(super) struct PoolCount {
    /// Weights at the beginning.
    pub(super) before: Vec<(Coin, Weight)>,
    /// Turns granted.
    pub(super) turns: u32,
    /// Changes of weights that were settled with an inclusion and the ramp that was ordered.
    pub(super) moved: u32,
    /// Transactions handed to anybody, replacements and cancellations included; one that goes by two ways is one.
    pub(super) sent: HashSet<B256>,
    /// Those of them that everybody could see before they were in a block.
    pub(super) shown: HashSet<B256>,
    /// How every order ended that was not done.
    pub(super) failures: Vec<&'static str>,
    /// Units of gas.
    pub(super) gas_used: u64,
    /// Wei.
    pub(super) gas_wei: u128,
    /// Dollars.
    pub(super) gas_usd: f64,
    /// Restarts of its actor.
    pub(super) restarts: u32,
    /// From the market's crossing of the line to the first protective transaction: policy time and machine time.
    pub(super) reaction: Option<(Duration, Duration)>,
}

/// What is known of everything.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// By pool.
    pub(super) pools: BTreeMap<String, PoolCount>,
    /// Blocks that were read.
    pub(super) blocks: u64,
    /// Requests to the node in blocks in which nothing was under way, and how many such blocks there were.
    pub(super) idle: (u64, u64),
    /// How long each restart of an actor took.
    pub(super) restarts: Vec<Duration>,
    crossed: BTreeMap<Coin, (Timestamp, Duration)>,
    requests: u64,
    busy: bool,
}

/// Counts in a task of its own until the events end.
#[derive(Clone)]
pub(super) struct Ledger {
    count: Arc<Mutex<Count>>,
    metrics: Metrics,
}

impl Ledger {
    /// Notes how the pools stand, and begins to count.
    pub(super) async fn open(
        world: &WorldHandle,
        metrics: Metrics,
        narrator: Narrator,
        mut events: UnboundedReceiver<Event>,
    ) -> Result<Self, WorldError> {
        let ledger = Self { count: Arc::default(), metrics };
        for spec in world.specs() {
            let before = world.weights(&spec.name).await?;
            ledger.count().pools.insert(spec.name.clone(), PoolCount { before, ..PoolCount::default() });
        }
        let (counting, world) = (ledger.clone(), world.clone());
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                narrator.event(&event);
                if matches!(event, Event::BlockRead { .. }) {
                    counting.watch_market(&world).await;
                }
                counting.enter(&world, &event);
            }
        });
        Ok(ledger)
    }

    /// The count so far.
    pub(super) fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory of the process in bytes, where the system tells.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        let text = self.metrics.render(Timestamp::default(), Duration::ZERO).ok()?;
        let line = text.lines().find(|line| line.starts_with("process_resident_memory_bytes "))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Notes when the market, not the feed, leaves the band.
    async fn watch_market(&self, world: &WorldHandle) {
        let (prices, clock) = (world.prices().await, world.clock());
        for coin in Coin::ALL {
            if *prices.get(coin) < OFF_PEG {
                self.count().crossed.entry(coin).or_insert((clock.now(), clock.uptime()));
            }
        }
    }

    fn enter(&self, world: &WorldHandle, event: &Event) {
        let requests = self.requests();
        let mut count = self.count();
        match event {
            Event::BlockRead { .. } => {
                count.blocks = count.blocks.saturating_add(1);
                if !count.busy {
                    let new = requests.saturating_sub(count.requests);
                    count.idle = (count.idle.0.saturating_add(new), count.idle.1.saturating_add(1));
                }
                count.requests = requests;
                count.busy = false;
            }
            Event::TurnGranted { pool, .. } => count.pool(pool.as_str(), |pool| pool.turns = pool.turns.saturating_add(1)),
            Event::TxSent { pool, class, kind, hash, via, .. } => {
                count.sent(world, pool.as_str(), *class, *kind);
                count.pool(pool.as_str(), |pool| {
                    pool.sent.insert(*hash);
                    if *via == Via::Public {
                        pool.shown.insert(*hash);
                    }
                });
            }
            Event::Settled(settlement) => {
                count.busy = true;
                count.settled(settlement);
            }
            Event::ActorRestarted { actor, took, .. } => {
                count.restarts.push(*took);
                if let Some(pool) = actor.strip_prefix("pool ") {
                    count.pool(pool, |pool| pool.restarts = pool.restarts.saturating_add(1));
                }
            }
            Event::LinkOpened { .. } | Event::LinkLost { .. } => count.busy = true,
            _ => {}
        }
    }

    /// All requests to nodes so far.
    fn requests(&self) -> u64 {
        let families = self.metrics.rpc_requests().collect();
        families.iter().flat_map(MetricFamily::get_metric).map(|metric| whole(metric.get_counter().get_value())).sum()
    }
}

/// A counter of whole things is a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counters count up from zero in ones")]
fn whole(value: f64) -> u64 {
    value as u64
}

impl Count {
    fn pool(&mut self, name: &str, change: impl FnOnce(&mut PoolCount)) {
        change(self.pools.entry(name.to_owned()).or_default());
    }

    fn sent(&mut self, world: &WorldHandle, pool: &str, class: Class, kind: AttemptKind) {
        self.busy = true;
        let first_crossing = world
            .specs()
            .iter()
            .filter(|spec| spec.name == pool)
            .flat_map(|spec| &spec.tokens)
            .filter_map(|token| self.crossed.get(&token.coin).copied())
            .min();
        let clock = world.clock();
        self.pool(pool, |count| {
            if let (Class::Depeg, AttemptKind::First, None, Some((at, uptime))) = (class, kind, count.reaction, first_crossing) {
                count.reaction = Some((clock.now().since(at), clock.uptime().saturating_sub(uptime)));
            }
        });
    }

    fn settled(&mut self, settlement: &Settlement) {
        let (pool, outcome) = (settlement.pool.as_str(), &settlement.outcome);
        self.pool(pool, |count| {
            match outcome {
                Outcome::Done(_) if settlement.deed == "reweight" => count.moved = count.moved.saturating_add(1),
                Outcome::Done(_) => {}
                other => count.failures.push(other.label()),
            }
            if let Some(inclusion) = outcome.inclusion() {
                count.gas_used = count.gas_used.saturating_add(inclusion.cost.gas_used);
                count.gas_wei = count.gas_wei.saturating_add(inclusion.cost.wei().unwrap_or_default());
                count.gas_usd += inclusion.cost_usd.map(crate::domain::units::Usd::as_f64).unwrap_or_default();
            }
        });
    }
}
