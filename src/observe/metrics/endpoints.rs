//! What is counted of a chain's endpoints. They are named by their host; the rest of their address is secret.

use prometheus::Error;

use super::series::{Counters, IntGauges, Maker};

/// The series of all endpoints of all chains. Cheap to clone; all clones are the same series.
#[derive(Clone, Debug)]
pub struct EndpointSeries {
    up: IntGauges<2>,
    head: IntGauges<2>,
    failures: Counters<3>,
    broadcasts: Counters<3>,
    contradictions: Counters<2>,
}

impl EndpointSeries {
    pub(super) fn new(m: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            up: m.int_gauges("ballast_endpoint_up", "Whether an endpoint is fit to be asked: it answers, and its head is the chain's.", ["chain", "endpoint"])?,
            head: m.int_gauges("ballast_endpoint_head_number", "Height of an endpoint's head when it was last looked at.", ["chain", "endpoint"])?,
            failures: m.counters("ballast_endpoint_failures_total", "Requests that an endpoint did not answer.", ["chain", "endpoint", "label"])?,
            broadcasts: m.counters("ballast_endpoint_broadcasts_total", "Transactions handed to an endpoint or a relay, by what it said.", ["chain", "endpoint", "outcome"])?,
            contradictions: m.counters("ballast_endpoint_contradictions_total", "Times that two endpoints could not both be right: broadcast (one took a transaction, one refused it for good), block (two blocks at one height), receipt (one has it, one that is as far does not), nonce (one has the block that spent it, one that is as far calls it unused).", ["chain", "kind"])?,
        })
    }

    /// A request was not answered.
    pub fn failed(&self, chain: &str, endpoint: &str, label: &str) {
        self.failures.of([chain, endpoint, label]).inc();
    }

    /// An endpoint was looked at.
    pub fn seen(&self, chain: &str, endpoint: &str, healthy: bool, height: Option<u64>) {
        self.up.of([chain, endpoint]).set(i64::from(healthy));
        if let Some(height) = height {
            self.head.of([chain, endpoint]).set(i64::try_from(height).unwrap_or(i64::MAX));
        }
    }

    /// An endpoint was handed a transaction.
    pub fn broadcast(&self, chain: &str, endpoint: &str, outcome: &str) {
        self.broadcasts.of([chain, endpoint, outcome]).inc();
    }

    /// Two endpoints contradict each other.
    pub fn contradiction(&self, chain: &str, kind: &str) {
        self.contradictions.of([chain, kind]).inc();
    }
}
