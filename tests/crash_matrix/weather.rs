//! The two endpoints of a lane, and what they get wrong in the course of a run.

use std::sync::{Arc, Mutex, MutexGuard};

use ballast::devnet::WorldHandle;
use ballast::devnet::proxy::{Fault, Faults, Proxy};
use tokio::time::Instant;

use crate::plan::{Swallow, Weather};

const SEND: &str = "eth_sendRawTransaction";
const RECEIPT: &str = "eth_getTransactionReceipt";
/// What shows the chain as it is, but for nonces.
const SIGHT: [&str; 4] = ["eth_blockNumber", "eth_getBlockByNumber", "eth_getBlockByHash", RECEIPT];
/// How many blocks late a frozen endpoint shows the chain: its newest block is not yet too old to be believed, and by the time at which
/// it shows a transaction a successor has long acted.
pub(crate) const FROZEN: u64 = 4;

/// Two endpoints before one node.
pub(crate) struct Endpoints([Proxy; 2]);

impl Endpoints {
    pub(crate) async fn open(world: &WorldHandle) -> Self {
        let node = world.http_url().trim_start_matches("http://").parse().unwrap();
        let open = async || Proxy::start(node, Faults::none()).await.unwrap();
        Self([open().await, open().await])
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.0.iter().map(Proxy::http_url).collect()
    }

    /// Steers them through a run.
    pub(crate) fn begin(&self, weather: &Weather) -> Sky {
        let sky = Sky {
            faults: [self.0[0].faults().clone(), self.0[1].faults().clone()],
            weather: weather.clone(),
            phase: Arc::new(Mutex::new(Phase {
                swallows: weather.swallow == Swallow::Orders,
                hides: !weather.receipts_late.is_zero(),
                ..Phase::default()
            })),
        };
        sky.settle(&sky.phase(), true);
        sky
    }
}

/// The faults of a run, some of which begin or end when something has happened. Clones are the same sky.
#[derive(Clone)]
pub(crate) struct Sky {
    faults: [Faults; 2],
    weather: Weather,
    phase: Arc<Mutex<Phase>>,
}

#[derive(Default)]
struct Phase {
    /// Orders are swallowed still.
    swallows: bool,
    /// Receipts are hidden still.
    hides: bool,
    /// When the nonce was seen to be spent.
    landed: Option<Instant>,
    /// The chain is shown as it was.
    frozen: bool,
}

impl Sky {
    /// The journal has a cancellation: it may pass.
    pub(crate) fn cancelling(&self) {
        let mut phase = self.phase();
        if std::mem::take(&mut phase.swallows) {
            self.settle(&phase, false);
        }
    }

    /// The chain was reorganised.
    pub(crate) fn reorganised(&self) {
        let mut phase = self.phase();
        if self.weather.swallow == Swallow::Unwound {
            phase.swallows = true;
            self.settle(&phase, false);
        }
    }

    /// The nonce is spent: there is a receipt to hide.
    pub(crate) fn landed(&self) {
        let mut phase = self.phase();
        let since = phase.landed.get_or_insert_with(Instant::now).elapsed();
        if phase.hides && since >= self.weather.receipts_late {
            phase.hides = false;
            self.settle(&phase, false);
        }
    }

    /// A process has died.
    pub(crate) fn died(&self) {
        let mut phase = self.phase();
        if self.weather.frozen && !phase.frozen {
            phase.frozen = true;
            self.settle(&phase, false);
        }
    }

    /// From here on the endpoints are honest.
    pub(crate) fn clear(&self) {
        for faults in &self.faults {
            faults.clear();
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap()
    }

    /// Replaces all rules. The youngest counts, and what is counted begins only once.
    fn settle(&self, phase: &Phase, first: bool) {
        for (at, faults) in self.faults.iter().enumerate() {
            faults.clear();
            if self.weather.chance > 0 {
                faults.randomly(self.weather.seed.wrapping_add(u64::try_from(at).unwrap()), self.weather.chance);
            }
            if phase.frozen {
                for method in SIGHT {
                    faults.always(method, Fault::Stale(FROZEN));
                }
            }
            if phase.hides {
                faults.always(RECEIPT, Fault::Null);
            }
            if self.weather.answers_lost {
                faults.always(SEND, Fault::LoseAnswer);
            }
            if at == 1 {
                faults.lag(self.weather.heads_behind);
                if let Some(words) = self.weather.words {
                    faults.always(SEND, Fault::error(words));
                }
            }
            if phase.swallows {
                faults.always(SEND, Fault::Swallow);
            }
            if let (Swallow::First(count), true) = (self.weather.swallow, first) {
                faults.next(SEND, count, Fault::Swallow);
            }
        }
    }
}
