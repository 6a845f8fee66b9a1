//! The sources of prices off the chain.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Shared, StartFault};
use crate::actors::price_stream::PriceStreamArgs;
use crate::config::{AssetSettings, Settings, StreamKind, StreamSettings, Venue};
use crate::domain::ids::SourceId;
use crate::domain::source::Source;
use crate::ports::{Clock, PriceStream};
use crate::sources::hermes::{Hermes, HermesFeed, HermesRule, HermesSettings, HermesTimes};
use crate::sources::socket::{BookSettings, BookStream, SocketTimes};
use crate::sources::{binance, coinbase, kraken};

/// No wait is shorter than this on the machine, however fast the policy clock runs: a busy machine is not a silent venue.
const LEAST_WAIT: Duration = Duration::from_secs(2);

/// One server of Pyth's kind for each address and key: its limit counts the requests of all feeds together.
type Servers = BTreeMap<(String, Option<String>), Arc<Hermes>>;

/// The arguments of one streamer for each source.
///
/// # Errors
/// An address cannot be used.
pub(super) fn streams(settings: &Settings, shared: &Shared) -> Result<Vec<PriceStreamArgs>, StartFault> {
    let mut servers = Servers::new();
    let mut streams = Vec::new();
    for asset in settings.assets.values() {
        let Some((_, watch)) = shared.pegs.get(&asset.id) else { continue };
        for settings in &asset.sources {
            let clock = shared.wiring.clock.clone();
            let refused = |fault| StartFault::Source { place: format!("assets.{}.sources.{}", asset.id, settings.name), fault };
            let stream = stream(asset, settings, &clock, &mut servers).map_err(refused)?;
            streams.push(PriceStreamArgs {
                stream,
                max_age: settings.max_age,
                max_ahead: settings.max_ahead,
                watch: watch.clone(),
                clock,
                observer: shared.wiring.observer.clone(),
                hearts: shared.hearts.clone(),
            });
        }
    }
    Ok(streams)
}

fn stream(
    asset: &AssetSettings,
    settings: &StreamSettings,
    clock: &Arc<dyn Clock>,
    servers: &mut Servers,
) -> Result<Arc<dyn PriceStream>, String> {
    let source = Arc::new(Source {
        id: SourceId::new(&format!("{}:{}", settings.name, asset.id)),
        asset: asset.id.clone(),
        unit: settings.unit.clone(),
        group: settings.group(),
        advisory: false,
        good_for: settings.max_age,
    });
    let wait = |policy: Duration| clock.machine(policy).max(LEAST_WAIT);
    Ok(match &settings.kind {
        StreamKind::Book { venue, url, symbol, rule } => {
            let times = SocketTimes::default();
            // What is good for longer may be silent for longer.
            let silence = times.silence.max(settings.max_age);
            let times = SocketTimes { connect: wait(times.connect), silence: wait(silence), ping: clock.machine(times.ping) };
            let (url, symbol, rule, clock) = (url.clone(), symbol.clone(), *rule, Arc::clone(clock));
            let book = BookSettings { url, symbol, source, rule, times, clock };
            let stream: BookStream = match venue {
                Venue::Kraken => kraken::stream(book)?,
                Venue::Coinbase => coinbase::stream(book)?,
                Venue::Binance => binance::stream(book)?,
            };
            Arc::new(stream)
        }
        StreamKind::Pyth { url, key, feed, limit_bps, low, high } => {
            let names = (url.expose_secret().to_owned(), key.as_ref().map(|key| key.expose_secret().to_owned()));
            let hermes = if let Some(hermes) = servers.get(&names) {
                Arc::clone(hermes)
            } else {
                let base = url.expose_secret().parse().map_err(|_| "its address is no URL".to_owned())?;
                let usual = HermesTimes::default();
                let times = HermesTimes {
                    connect: wait(usual.connect),
                    silence: wait(usual.silence),
                    poll: clock.machine(usual.poll),
                    poll_for: wait(usual.poll_for),
                };
                let hermes = Arc::new(Hermes::new(HermesSettings { base, key: key.clone(), times })?);
                servers.insert(names, Arc::clone(&hermes));
                hermes
            };
            let rule = HermesRule { limit_bps: *limit_bps, low: *low, high: *high };
            Arc::new(HermesFeed::new(hermes, source, *feed, rule, Arc::clone(clock)))
        }
    })
}
