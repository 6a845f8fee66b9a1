//! `[assets.NAME]`, laid over `[defaults.asset]`; its feeds over `[defaults.feed]`, its other sources over `[defaults.source.KIND]`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::layers::Table;
use crate::config::parse;
use crate::config::read::{peg, source, yields};
use crate::config::section::Section;
use crate::config::settings::{AssetOnChain, AssetSettings, FeedSettings};
use crate::domain::ids::{AssetId, ChainName};
use crate::domain::reading::FeedRule;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// What assets are read with.
#[derive(Clone, Copy)]
pub(in crate::config) struct Around<'a> {
    /// `[defaults.feed]`.
    pub(in crate::config) feed: &'a Table,
    /// `[defaults.source]`: a table for each kind.
    pub(in crate::config) source: &'a Table,
    /// The defaults of yields.
    pub(in crate::config) yields: yields::Around<'a>,
    /// The names of all chains.
    pub(in crate::config) chains: &'a [String],
    /// The names of all assets with a peg.
    pub(in crate::config) assets: &'a [String],
}

/// Reads one asset.
pub(in crate::config) fn asset(name: &str, mut at: Section<'_>, around: Around<'_>) -> Read<AssetSettings> {
    let peg = peg::rule(&mut at);
    let depeg_bps = peg.map(|peg| peg.depegged.below_bps);
    let quorum = at.section("quorum", None);
    let votes = quorum.clone().and_then(peg::votes);
    let risk_group = at.optional("risk_group", parse::text);
    let sources = source::Around { defaults: around.source, assets: around.assets, asset: name };
    let streams = at.optional_section("sources", None).and_then(|found| match found {
        Some(section) => source::streams(&section, sources),
        None => Ok(Vec::new()),
    });
    let on = at.section("on", None).and_then(|section| places(&section, around, sources, depeg_bps.ok()));
    if let (Ok(quorum), Ok(votes), Ok(streams), Ok(on)) = (&quorum, &votes, &streams, &on) {
        check::enough_groups(quorum, votes, streams, on);
    }
    let named = check::name(&at, "asset", name, "-_.");
    at.finish();
    named?;
    let (id, peg, votes, risk_group) = (AssetId::new(name), peg?, votes?, risk_group?);
    Ok(AssetSettings { id, peg, votes, risk_group, sources: streams?, on: on? })
}

fn places(
    at: &Section<'_>,
    around: Around<'_>,
    sources: source::Around<'_>,
    depeg_bps: Option<u32>,
) -> Read<BTreeMap<ChainName, AssetOnChain>> {
    let mut places = Vec::new();
    for (chain, table) in at.entries() {
        let known = check::known(at, &chain, "chain", &chain, around.chains);
        let section = table.map(|table| at.part(at.home().to_owned(), at.name(&chain), table));
        let place = section.and_then(|section| place(section, around, sources, depeg_bps));
        places.push(known.and(place).map(|place| (ChainName::new(&chain), place)));
    }
    places.into_iter().collect()
}

fn place(mut at: Section<'_>, around: Around<'_>, sources: source::Around<'_>, depeg_bps: Option<u32>) -> Read<AssetOnChain> {
    let token = at.required("token", parse::address);
    let decimals = at.required("decimals", parse::whole(0, 18));
    let feed = at.section("feed", Some(around.feed)).and_then(|section| {
        let copy = section.clone();
        feed(section).inspect(|feed| check::feed_sees_the_band(&copy, &feed.rule, depeg_bps))
    });
    let sources = at.optional_section("sources", None).and_then(|found| match found {
        Some(section) => source::on_chain(&section, sources),
        None => Ok(Vec::new()),
    });
    let yields = yields::on_chain(&mut at, around.yields);
    at.finish();
    Ok(AssetOnChain { token: token?, decimals: decimals?, feed: feed?, sources: sources?, yields: yields? })
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
