//! Every metric of Ballast, declared once: name, help and labels stand here and nowhere else. Labels are names from the
//! configuration and finite words; an address of a node (but for its host) or a hash is never one. What is not known has no series: a gap in a chart
//! is honest, a zero is not.

mod count;
mod endpoints;
mod moments;
#[cfg(test)]
pub(super) mod samples;
mod series;
#[cfg(test)]
mod tests;
mod yields;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Error, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder};

use crate::domain::units::Timestamp;
use crate::observe::event::Event;
pub use endpoints::EndpointSeries;
use moments::Moments;

use yields::YieldSeries;

use series::{Counters, Gauges, Histograms, IntGauges, Maker, States, Sums};

/// Seconds that one request to a node takes.
const REQUEST: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Seconds that a turn, a start or a transaction takes.
const WORK: [f64; 10] = [0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 12.0, 36.0, 120.0, 600.0];
/// Seconds that a request may wait for its turn or for cheap gas.
const WAIT: [f64; 10] = [0.1, 1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0];

/// The metrics of one process, or of one test: nothing here is global. Cheap to clone; all clones are the same metrics.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    moments: Mutex<Moments>,

    pool_weight: Gauges<2>,
    pool_target: Gauges<2>,
    pool_share: Gauges<2>,
    pool_value: Gauges<1>,
    policy_drift: Gauges<1>,
    composition_drift: Gauges<1>,
    decision: States,
    decisions: Counters<2>,
    pools_parked: IntGauge,

    peg_state: States,
    peg_trusted: IntGauges<1>,
    peg_trust: States,
    consensus: Gauges<1>,
    quorum: IntGauges<1>,
    source_vote: IntGauges<2>,
    source_distance: Gauges<2>,
    source_down: IntGauges<2>,
    sources_lost: Counters<2>,
    clock_skews: Counters<1>,
    peg_moves: Counters<2>,
    peg_episode: IntGauges<1>,
    price: Gauges<2>,
    reading_faults: Counters<3>,
    reading_age: Gauges<2>,
    yields: YieldSeries,

    links_opened: Counters<2>,
    links_lost: Counters<2>,
    silences: Counters<1>,
    chain_up: IntGauges<1>,
    head_number: IntGauges<1>,
    head_timestamp: IntGauges<1>,
    head_age: Gauges<1>,
    blocks_read: Counters<1>,
    block_read: Histograms<1>,
    block_calls: IntGauges<1>,
    rpc_requests: Counters<2>,
    endpoints: EndpointSeries,
    gas_price: Gauges<1>,

    queue_epoch: IntGauges<1>,
    queue_waiting: IntGauges<2>,
    queue_oldest: Gauges<1>,
    turns_out: IntGauges<1>,
    turns_requested: Counters<2>,
    turns_granted: Counters<2>,
    turns_held: Counters<2>,
    turns_expired: Counters<2>,
    turn_holders_overdue: Counters<1>,
    turn_wait: Histograms<1>,
    turn_hold: Histograms<1>,

    transactions: Counters<4>,
    answers: Counters<3>,
    operations: Counters<4>,
    reorganisations: Counters<1>,
    lane_stopped: IntGauges<2>,
    lane_stops: Counters<3>,
    lane_balance: Gauges<2>,
    signing_failures: Counters<2>,
    settlements: Counters<3>,
    gas_ether: Sums<1>,
    gas_usd: Sums<1>,
    trigger_to_inclusion: Histograms<1>,

    actor_deaths: Counters<1>,
    actor_restarts: Counters<1>,
    actor_restart: Histograms<1>,
    actors_down: IntGauge,
    actors_quarantined: IntGauge,

    alerts_delivered: Counters<1>,
    alerts_failed: Counters<1>,
    alerts_dropped: Counters<1>,
    journal_failures: IntCounter,

    settings_reads: Counters<1>,
    settings_ok: IntGauge,
    settings_at: IntGauge,
}

impl Metrics {
    /// Declares all metrics in a registry of their own.
    ///
    /// # Errors
    /// When two declarations contradict each other: a fault of this file, which any test that makes a `Metrics` finds.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let m = Maker(&registry);
        m.int_gauges("ballast_build_info", "Always 1; the version that runs.", ["version"])?
            .of([env!("CARGO_PKG_VERSION")])
            .set(1);
        #[rustfmt::skip]
        let inner = Inner {
            moments: Mutex::default(),

            pool_weight: m.gauges("ballast_pool_weight_ratio", "Weight of an asset in a pool.", ["pool", "asset"])?,
            pool_target: m.gauges("ballast_pool_target_ratio", "Target weight of an asset in a pool.", ["pool", "asset"])?,
            pool_share: m.gauges("ballast_pool_value_share_ratio", "Share of an asset in a pool's value; absent without prices.", ["pool", "asset"])?,
            pool_value: m.gauges("ballast_pool_value_usd", "What a pool is worth; absent without prices.", ["pool"])?,
            policy_drift: m.gauges("ballast_pool_policy_drift_ratio", "Largest distance between a weight and its target.", ["pool"])?,
            composition_drift: m.gauges("ballast_pool_composition_drift_ratio", "Largest distance between a value share and its weight; absent without prices.", ["pool"])?,
            decision: m.states("ballast_pool_decision_state", "1 for the reason of the pool's present decision (act, or why it holds), 0 for earlier ones.", ["pool", "reason"])?,
            decisions: m.counters("ballast_pool_decisions_total", "Changes of a pool's decision, by the new reason.", ["pool", "reason"])?,
            pools_parked: m.int_gauge("ballast_pools_parked", "Pools that cannot run until someone mends their cause.")?,

            peg_state: m.states("ballast_peg_state", "1 for the peg state an asset is in, 0 for those it has been in; absent until it is known.", ["asset", "state"])?,
            peg_trusted: m.int_gauges("ballast_peg_trusted", "1 while there is a believable price of the asset.", ["asset"])?,
            peg_trust: m.states("ballast_peg_trust_state", "1 for what the sources of an asset are worth now (trusted, disputed, blind), 0 for what they were.", ["asset", "state"])?,
            consensus: m.gauges("ballast_peg_consensus_usd", "Where the sources of an asset meet; absent without a quorum.", ["asset"])?,
            quorum: m.int_gauges("ballast_peg_voting_groups", "Independent groups of sources that have a vote.", ["asset"])?,
            source_vote: m.int_gauges("ballast_source_vote", "1 while a source has a vote.", ["source", "asset"])?,
            source_distance: m.gauges("ballast_source_distance_bps", "How far a source is from where all sources meet; absent without a vote or a quorum.", ["source", "asset"])?,
            source_down: m.int_gauges("ballast_source_down", "1 while a source has had no believable word for five minutes or longer.", ["source", "asset"])?,
            sources_lost: m.counters("ballast_source_connections_lost_total", "Connections to sources off the chain that ended or could not be opened.", ["source", "reason"])?,
            clock_skews: m.counters("ballast_source_clock_skews_total", "Times that a source's stamps turned out to be ahead of our clock.", ["source"])?,
            peg_moves: m.counters("ballast_peg_moves_total", "Changes of an asset's peg state, by the new state.", ["asset", "state"])?,
            peg_episode: m.int_gauges("ballast_peg_episode", "Number of the asset's present or last episode of trouble.", ["asset"])?,
            price: m.gauges("ballast_asset_price_usd", "Price of an asset by source; absent while the source gives none.", ["asset", "source"])?,
            reading_faults: m.counters("ballast_reading_faults_total", "Readings that gave no price.", ["source", "asset", "reason"])?,
            reading_age: m.gauges("ballast_reading_age_seconds", "Policy time since a source last gave a price.", ["source", "asset"])?,
            yields: YieldSeries::new(&m)?,

            links_opened: m.counters("ballast_chain_links_opened_total", "Connections opened.", ["chain", "transport"])?,
            links_lost: m.counters("ballast_chain_links_lost_total", "Connections that broke or could not be opened.", ["chain", "label"])?,
            silences: m.counters("ballast_chain_silences_total", "Times that no head came for three block times.", ["chain"])?,
            chain_up: m.int_gauges("ballast_chain_up", "1 while blocks are read.", ["chain"])?,
            head_number: m.int_gauges("ballast_chain_head_number", "Height of the last block read.", ["chain"])?,
            head_timestamp: m.int_gauges("ballast_chain_head_timestamp_seconds", "Time of the last block read.", ["chain"])?,
            head_age: m.gauges("ballast_chain_head_age_seconds", "Policy time since the time of the last block read.", ["chain"])?,
            blocks_read: m.counters("ballast_chain_blocks_read_total", "Blocks read.", ["chain"])?,
            block_read: m.histograms("ballast_chain_block_read_seconds", "Duration of a block's batched read.", ["chain"], &REQUEST)?,
            block_calls: m.int_gauges("ballast_chain_block_calls", "Calls in the last batched read.", ["chain"])?,
            rpc_requests: m.counters("ballast_rpc_requests_total", "Requests to nodes.", ["chain", "method"])?,
            endpoints: EndpointSeries::new(&m)?,
            gas_price: m.gauges("ballast_gas_price_gwei", "Base fee of the next block and tip together.", ["chain"])?,

            queue_epoch: m.int_gauges("ballast_queue_epoch", "How many queues this chain has had.", ["chain"])?,
            queue_waiting: m.int_gauges("ballast_queue_waiting_requests", "Requests that wait for a turn.", ["chain", "class"])?,
            queue_oldest: m.gauges("ballast_queue_oldest_wait_seconds", "Policy time that the oldest request has waited.", ["chain"])?,
            turns_out: m.int_gauges("ballast_queue_turns_out", "Turns that are granted and not over.", ["chain"])?,
            turns_requested: m.counters("ballast_turns_requested_total", "Turns that pools asked for.", ["pool", "class"])?,
            turns_granted: m.counters("ballast_turns_granted_total", "Turns granted.", ["pool", "class"])?,
            turns_held: m.counters("ballast_turns_held_for_gas_total", "Requests that began to wait for cheaper gas.", ["pool", "class"])?,
            turns_expired: m.counters("ballast_turns_expired_total", "Requests that ran out of time.", ["pool", "class"])?,
            turn_holders_overdue: m.counters("ballast_turn_holders_overdue_total", "Pools killed because they sat on a turn.", ["pool"])?,
            turn_wait: m.histograms("ballast_turn_wait_seconds", "Policy time from a request to its grant.", ["class"], &WAIT)?,
            turn_hold: m.histograms("ballast_turn_hold_seconds", "Machine time that a turn was out.", ["class"], &WORK)?,

            transactions: m.counters("ballast_transactions_sent_total", "Transactions handed to the network; kind is first, replacement or cancellation, via is the way that it really took.", ["chain", "class", "kind", "via"])?,
            answers: m.counters("ballast_broadcast_answers_total", "What the endpoints said to broadcasts.", ["chain", "lane", "answer"])?,
            operations: m.counters("ballast_operation_steps_total", "Steps of operations that are in the journal, by the state after it.", ["chain", "lane", "class", "state"])?,
            reorganisations: m.counters("ballast_reorganised_operations_total", "Operations whose block was reorganised away.", ["chain"])?,
            lane_stopped: m.int_gauges("ballast_lane_stopped", "1 while a lane stands still because journal and chain disagree.", ["chain", "lane"])?,
            lane_stops: m.counters("ballast_lane_stops_total", "Times that a lane came to stand still.", ["chain", "lane", "reason"])?,
            lane_balance: m.gauges("ballast_lane_balance_ether", "What the lane's account held when it was last asked.", ["chain", "lane"])?,
            signing_failures: m.counters("ballast_signing_failures_total", "Raises and cancellations that could not be signed.", ["chain", "lane"])?,
            settlements: m.counters("ballast_settlements_total", "Orders settled, by outcome.", ["pool", "class", "outcome"])?,
            gas_ether: m.sums("ballast_gas_spent_ether_total", "The chain's own coin spent on gas.", ["chain"])?,
            gas_usd: m.sums("ballast_gas_spent_usd_total", "Dollars spent on gas, as far as ether's price was known.", ["chain"])?,
            trigger_to_inclusion: m.histograms("ballast_trigger_to_inclusion_seconds", "Machine time from the trigger to the settlement of an order whose transaction was included.", ["class"], &WORK)?,

            actor_deaths: m.counters("ballast_actor_deaths_total", "Actors that died.", ["kind"])?,
            actor_restarts: m.counters("ballast_actor_restarts_total", "Actors that run again.", ["kind"])?,
            actor_restart: m.histograms("ballast_actor_restart_seconds", "Duration of an actor's start after a death, without the pause before it.", ["kind"], &REQUEST)?,
            actors_down: m.int_gauge("ballast_actors_down", "Actors that are dead and wait for their restart.")?,
            actors_quarantined: m.int_gauge("ballast_actors_quarantined", "Actors that died five times in ten minutes and have not lived healthily for ten since.")?,

            alerts_delivered: m.counters("ballast_alerts_delivered_total", "Alerts delivered.", ["sink"])?,
            alerts_failed: m.counters("ballast_alerts_failed_total", "Attempts to deliver an alert that failed.", ["sink"])?,
            alerts_dropped: m.counters("ballast_alerts_dropped_total", "Alerts given up.", ["sink"])?,
            journal_failures: m.counter("ballast_journal_failures_total", "Times that the journal refused.")?,

            settings_reads: m.counters("ballast_config_reads_total", "Times that settings were read, the start included, by what came of it.", ["result"])?,
            settings_ok: m.int_gauge("ballast_config_last_read_successful", "1 while the settings that were last read are in force, 0 when they had faults.")?,
            settings_at: m.int_gauge("ballast_config_last_success_timestamp_seconds", "When settings last came into force.")?,

            registry: registry.clone(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Counts an event that happened at `now` (policy clock) and `uptime` (machine clock).
    pub(super) fn count(&self, event: &Event, now: Timestamp, uptime: Duration) {
        count::count(&self.0, event, now, uptime);
    }

    /// Requests to nodes by chain and method, for the chain adapter: the one thing that is counted without an event, because it
    /// happens too often to be news.
    #[must_use]
    pub fn rpc_requests(&self) -> IntCounterVec {
        self.0.rpc_requests.vec()
    }

    /// What the endpoints of a chain do, for its adapter: counted without an event for the same reason.
    #[must_use]
    pub fn endpoints(&self) -> EndpointSeries {
        self.0.endpoints.clone()
    }

    /// All metrics in Prometheus' text format. The two clocks make the ages that nobody tells: heads, readings, quarantines.
    ///
    /// # Errors
    /// When a series cannot be written as text.
    pub fn render(&self, now: Timestamp, uptime: Duration) -> Result<String, Error> {
        self.0.moments().show(&self.0, now, uptime);
        TextEncoder::new().encode_to_string(&self.0.registry.gather())
    }
}

impl Inner {
    fn moments(&self) -> std::sync::MutexGuard<'_, Moments> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
