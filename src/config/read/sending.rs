//! `[chains.NAME.spacing]`, `.route`, `.relay` and `.budget`: when and by which way transactions go, and what they may cost.

use std::time::Duration;

use crate::config::inspection::Read;
use crate::config::parse;
use crate::config::section::Section;
use crate::config::settings::RelaySettings;
use crate::domain::budget::Budget;
use crate::domain::route::{RelayKind, Route};
use crate::domain::trigger::PerClass;
use crate::domain::units::Wei;

const HOUR: Duration = Duration::from_hours(1);

/// A million coins: more is a slip of the pen.
const MOST: Wei = Wei::new(1_000_000_000_000_000_000_000_000);

const KINDS: [(&str, RelayKind); 1] = [(RelayKind::Flashbots.label(), RelayKind::Flashbots)];

/// Reads the least times between two sends.
pub(in crate::config) fn spacing(mut at: Section<'_>) -> Read<PerClass<Duration>> {
    let range = || parse::duration(Duration::ZERO, HOUR);
    let mut of = |class: &str| at.required(class, range());
    let (depeg, drift, yields) = (of("depeg"), of("drift"), of("yield"));
    let (schedule, manual) = (of("schedule"), of("manual"));
    at.finish();
    Ok(PerClass { depeg: depeg?, drift: drift?, yields: yields?, schedule: schedule?, manual: manual? })
}

/// Reads the relay of a chain, which it must serve.
pub(in crate::config) fn relay(mut at: Section<'_>, chain_id: Option<u64>) -> Read<RelaySettings> {
    let kind = at.required("kind", parse::one_of(KINDS.as_slice()));
    let url = at.required_secret("url", parse::url(&["https", "http"]));
    let auth_key_file = at.path_of_file("auth_key_file");
    let status_url = at.secret("status_url", true, parse::url(&["https", "http"]));
    let kind = kind.and_then(|kind| match chain_id {
        Some(id) if !kind.serves(id) => {
            let chains: Vec<String> = kind.chains().iter().map(ToString::to_string).collect();
            let expected = format!("a relay that serves chain {id}; {} serves chains {}", kind.label(), chains.join(", "));
            let mend = format!("remove [{}] and send by the public way on this chain", at.name(""));
            Err(at.refuse("kind", expected, mend))
        }
        _ => Ok(kind),
    });
    at.finish();
    Ok(RelaySettings { kind: kind?, url: url?, auth_key_file: auth_key_file?, status_url: status_url? })
}

/// Reads by which way the classes go. `relay` is what the chain has, as far as it could be read.
pub(in crate::config) fn route(mut at: Section<'_>, chain: &str, relay: &Read<Option<RelaySettings>>) -> Read<PerClass<Route>> {
    let [depeg, drift, yields, schedule, manual] = ["depeg", "drift", "yield", "schedule", "manual"].map(|class| {
        let route = at.required(class, parse::route)?;
        if route.needs_relay() && matches!(relay, Ok(None)) {
            let expected = format!("\"public\", or a relay for the private way in [chains.{chain}.relay]");
            return Err(at.refuse(class, expected, format!("add [chains.{chain}.relay], or write \"public\"")));
        }
        Ok(route)
    });
    at.finish();
    Ok(PerClass { depeg: depeg?, drift: drift?, yields: yields?, schedule: schedule?, manual: manual? })
}

/// Reads what may be spent.
pub(in crate::config) fn budget(mut at: Section<'_>) -> Read<Budget> {
    let daily = at.required("daily_eth", parse::ether(Wei::new(1), MOST));
    let protective = at.required("protective_eth", parse::ether(Wei::ZERO, MOST));
    let low_balance = at.required("low_balance_eth", parse::ether(Wei::ZERO, MOST));
    at.finish();
    Ok(Budget { daily: daily?, protective: protective?, low_balance: low_balance? })
}
