//! What is allowed, and what its reader should know about it.

use std::collections::BTreeSet;
use std::fmt;

use reqwest::Url;
use secrecy::ExposeSecret;

use super::settings::{ChainSettings, Settings, StreamKind, StreamSettings};

/// Pyth's own server, which has asked for a key since August 2026.
const PYTH_WITH_KEY: &str = "pyth.dourolabs.app";
/// Roll-ups on which Balancer V2 lives: OP Mainnet, Polygon zkEVM, Fraxtal, Base, Mode and Arbitrum One.
const ROLL_UPS: [u64; 6] = [10, 1_101, 252, 8_453, 34_443, 42_161];

/// One thing to know. It is no fault: the program starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The key that it is about, dotted.
    pub key: String,
    /// What follows from its value.
    pub says: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.says)
    }
}

/// Everything to know about settings that are in order.
#[must_use]
pub fn notes(settings: &Settings) -> Vec<Note> {
    settings.chains.values().flat_map(of_chain).chain(of_pyth(settings)).collect()
}

/// Without a key it is refused there, which is no fault of the settings: the asset may have witnesses enough.
fn of_pyth(settings: &Settings) -> Option<Note> {
    let refused = |stream: &StreamSettings| match &stream.kind {
        StreamKind::Pyth { url, key: None, .. } => {
            Url::parse(url.expose_secret()).is_ok_and(|url| url.host_str() == Some(PYTH_WITH_KEY))
        }
        _ => false,
    };
    let assets: Vec<&str> =
        settings.assets.values().filter(|asset| asset.sources.iter().any(refused)).map(|asset| asset.id.as_str()).collect();
    let says = format!("{PYTH_WITH_KEY} wants a key: without one Pyth has no vote on {}", assets.join(", "));
    (!assets.is_empty()).then(|| Note { key: "defaults.source.pyth.key".to_owned(), says })
}

fn of_chain(chain: &ChainSettings) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |key: &str, says: &str| {
        notes.push(Note { key: format!("chains.{}.{key}", chain.name), says: says.to_owned() });
    };
    if !chain.is_local() && hosts(chain) < 2 {
        let what = if chain.rpc.len() == 1 { "one endpoint only" } else { "all endpoints are at one host" };
        let says = format!("{what}: negative facts rest on one node's word; add a node of another provider");
        note("rpc", &says);
    }
    if ROLL_UPS.contains(&chain.chain_id) && chain.sequencer.is_none() {
        note(
            "sequencer",
            "a roll-up without its sequencer's feed: after an outage its feeds are believed before they are of now",
        );
    }
    let route = &chain.route;
    if chain.relay.is_some() && ![route.depeg, route.drift, route.schedule].iter().any(|route| route.needs_relay()) {
        note("relay", "no class goes by the private way, so nothing goes to this relay");
    }
    notes
}

/// How many different hosts and ports the endpoints are at.
fn hosts(chain: &ChainSettings) -> usize {
    let place = |url: Url| Some((url.host_str()?.to_owned(), url.port_or_known_default()));
    let places: BTreeSet<_> = chain.rpc.iter().filter_map(|url| Url::parse(url.expose_secret()).ok().and_then(place)).collect();
    places.len()
}
