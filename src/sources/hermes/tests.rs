//! Against a real server on the loopback, which says what each test lets it say.

mod order;
mod payloads;
mod refusals;
mod secrets;
mod server;
mod streams;

use server::{Server, Step, hold, say, update};

use super::*;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::source::{Group, Unit};
use crate::domain::units::WAD;

/// USDC/USD at Pyth.
const FEED: &str = "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a";
/// USDT/USD.
const OTHER: &str = "2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b";
const KEY: &str = "very-secret-key";
/// What the policy clock shows.
const NOW: u64 = 1_700_000_000;

fn feed_id() -> B256 {
    FEED.parse().unwrap()
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

/// Long enough that only a broken test waits for it.
const PATIENT: HermesTimes = HermesTimes {
    connect: Duration::from_secs(20),
    silence: Duration::from_secs(20),
    poll: Duration::from_millis(5),
    poll_for: Duration::from_secs(20),
};
const BRISK: Duration = Duration::from_millis(250);
const IMPATIENT: HermesTimes = HermesTimes { connect: BRISK, silence: BRISK, ..PATIENT };

fn hermes(base: &str, times: HermesTimes) -> Arc<Hermes> {
    let settings = HermesSettings { base: base.parse().unwrap(), key: Some(KEY.into()), times };
    Arc::new(Hermes::new(settings).unwrap())
}

fn feed(hermes: &Arc<Hermes>) -> HermesFeed {
    let source = Source {
        id: SourceId::new("pyth:USDC"),
        asset: AssetId::new("USDC"),
        unit: Unit::Usd,
        group: Group::Pyth,
        advisory: false,
        good_for: Duration::from_secs(60),
    };
    let price = |thousandths: u128| Price::from_wad(thousandths * WAD / 1_000).unwrap();
    let rule = HermesRule { limit_bps: 50, low: price(200), high: price(2_000) };
    HermesFeed::new(Arc::clone(hermes), Arc::new(source), feed_id(), rule, Arc::new(Still))
}

/// What was heard on one connection, and why it ended.
struct Heard {
    said: Vec<Result<Quote, ReadingFault>>,
    end: ReadingFault,
}

impl Heard {
    /// Prices in basis points of a dollar, and faults by their labels.
    fn words(&self) -> Vec<String> {
        let word = |said: &Result<Quote, ReadingFault>| match said {
            Ok(quote) => (quote.price.wad() / (WAD / 10_000)).to_string(),
            Err(fault) => fault.label().to_owned(),
        };
        self.said.iter().map(word).collect()
    }
}

async fn listen(feed: &HermesFeed) -> Heard {
    let said = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&said);
    let end = feed.listen(&move |word| hearing.lock().unwrap().push(word)).await;
    let said = std::mem::take(&mut *said.lock().unwrap());
    Heard { said, end }
}

async fn heard(server: &Server, times: HermesTimes) -> Heard {
    listen(&feed(&hermes(&server.base, times))).await
}
