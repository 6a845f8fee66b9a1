//! `[assets.NAME]`, laid over `[defaults.asset]`; its feeds over `[defaults.feed]`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::layers::Table;
use crate::config::parse;
use crate::config::read::peg;
use crate::config::section::Section;
use crate::config::settings::{AssetOnChain, AssetSettings, FeedSettings};
use crate::domain::ids::{AssetId, ChainName};
use crate::domain::reading::FeedRule;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// Reads one asset. `chains` are the names of all configured chains.
pub(in crate::config) fn asset(name: &str, mut at: Section<'_>, defaults: &Table, chains: &[String]) -> Read<AssetSettings> {
    let peg = peg::rule(&mut at);
    let depeg_bps = peg.map(|peg| peg.depegged.below_bps);
    let votes = at.section("quorum", None).and_then(peg::votes);
    let risk_group = at.optional("risk_group", parse::text);
    let on = at.section("on", None).and_then(|section| places(&section, defaults, chains, depeg_bps.ok()));
    let named = check::name(&at, "asset", name, "-_.");
    at.finish();
    named?;
    Ok(AssetSettings { id: AssetId::new(name), peg: peg?, votes: votes?, risk_group: risk_group?, on: on? })
}

fn places(
    at: &Section<'_>,
    defaults: &Table,
    chains: &[String],
    depeg_bps: Option<u32>,
) -> Read<BTreeMap<ChainName, AssetOnChain>> {
    let mut places = Vec::new();
    for (chain, table) in at.entries() {
        let known = check::known(at, &chain, "chain", &chain, chains);
        let section = table.map(|table| at.part(at.home().to_owned(), at.name(&chain), table));
        let place = section.and_then(|section| place(section, defaults, depeg_bps));
        places.push(known.and(place).map(|place| (ChainName::new(&chain), place)));
    }
    places.into_iter().collect()
}

fn place(mut at: Section<'_>, defaults: &Table, depeg_bps: Option<u32>) -> Read<AssetOnChain> {
    let token = at.required("token", parse::address);
    let decimals = at.required("decimals", parse::whole(0, 18));
    let feed = at.section("feed", Some(defaults)).and_then(|section| {
        let copy = section.clone();
        feed(section).inspect(|feed| check::feed_sees_the_band(&copy, &feed.rule, depeg_bps))
    });
    at.finish();
    Ok(AssetOnChain { token: token?, decimals: decimals?, feed: feed? })
}

/// Reads one feed.
pub(in crate::config) fn feed(mut at: Section<'_>) -> Read<FeedSettings> {
    let proxy = at.required("proxy", parse::address);
    let decimals = at.required("decimals", parse::whole(0, 18));
    let heartbeat = at.required("heartbeat", parse::duration(Duration::from_secs(1), WEEK));
    let grace = at.required("grace", parse::duration(Duration::ZERO, WEEK));
    let deviation_bps = at.required("deviation_bps", parse::whole(0, 5_000));
    let (low, high) = (at.required("low", parse::dollars), at.required("high", parse::dollars));
    check::less(&at, ("low", low), ("high", high));
    at.finish();
    let rule = FeedRule {
        decimals: decimals?,
        heartbeat: heartbeat?,
        grace: grace?,
        low: low?,
        high: high?,
        deviation_bps: deviation_bps?,
    };
    Ok(FeedSettings { proxy: proxy?, rule })
}
