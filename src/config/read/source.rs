//! `[assets.NAME.sources.SOURCE]` and `[assets.NAME.on.CHAIN.sources.SOURCE]`, each laid over `[defaults.source.KIND]`.

use std::time::Duration;

use alloy_primitives::B256;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::layers::{Table, as_table, as_text, overlay};
use crate::config::parse::{self, Parsed};
use crate::config::read::asset::feed;
use crate::config::section::Section;
use crate::config::settings::{PoolSourceKind, PoolSourceSettings, StreamKind, StreamSettings, Venue};
use crate::domain::ids::AssetId;
use crate::domain::reading::BookRule;
use crate::domain::source::Unit;

const DOLLAR: &str = "USD";
const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What a source off the chain can be.
#[derive(Clone, Copy)]
enum Stream {
    Book(Venue),
    Pyth,
}

const STREAMS: [(&str, Stream); 4] = [
    ("kraken", Stream::Book(Venue::Kraken)),
    ("coinbase", Stream::Book(Venue::Coinbase)),
    ("binance", Stream::Book(Venue::Binance)),
    ("pyth", Stream::Pyth),
];

/// What a source on a chain can be.
#[derive(Clone, Copy)]
enum OnChain {
    Push,
    UniswapV3,
    Curve,
}

const ON_CHAIN: [(&str, OnChain); 3] = [("push", OnChain::Push), ("uniswap-v3", OnChain::UniswapV3), ("curve", OnChain::Curve)];

/// What sources are read with.
#[derive(Clone, Copy)]
pub(in crate::config) struct Around<'a> {
    /// `[defaults.source]`: a table for each kind.
    pub(in crate::config) defaults: &'a Table,
    /// The names of all assets.
    pub(in crate::config) assets: &'a [String],
    /// The asset that is quoted.
    pub(in crate::config) asset: &'a str,
}

/// Reads the sources off the chain.
pub(in crate::config) fn streams(at: &Section<'_>, around: Around<'_>) -> Read<Vec<StreamSettings>> {
    each(at, around, &|name, section| stream(name, section, around))
}

/// Reads the sources on one chain.
pub(in crate::config) fn on_chain(at: &Section<'_>, around: Around<'_>) -> Read<Vec<PoolSourceSettings>> {
    each(at, around, &|name, section| pool_source(name, section, around))
}

fn each<T>(at: &Section<'_>, around: Around<'_>, read: &dyn Fn(String, Section<'_>) -> Read<T>) -> Read<Vec<T>> {
    let one = |(name, table): (String, Read<Table>)| {
        let table = table?;
        // A kind that is none has no defaults; it is refused where it is read.
        let kind = table.get("kind").and_then(as_text).unwrap_or_default();
        let defaults = around.defaults.get(&kind).and_then(as_table);
        let table = defaults.map_or_else(|| table.clone(), |base: &Table| overlay(base, &table));
        let section = at.part(at.home().to_owned(), at.name(&name), table);
        check::name(at, "source", &name, "-_.").and(read(name, section))
    };
    let sources: Vec<Read<T>> = at.entries().into_iter().map(one).collect();
    sources.into_iter().collect()
}

fn stream(name: String, mut at: Section<'_>, around: Around<'_>) -> Read<StreamSettings> {
    let kind = at.required("kind", parse::one_of(&STREAMS))?;
    let max_age = at.required("max_age", parse::duration(Duration::from_secs(1), HOUR));
    let max_ahead = at.required("max_ahead", parse::duration(Duration::ZERO, 10 * MINUTE));
    let (unit, kind) = match kind {
        Stream::Book(venue) => {
            let unit = unit(&mut at, around);
            let url = at.required_secret("url", parse::url(&["wss", "ws"]));
            let symbol = at.required("symbol", parse::text);
            let rule = book_rule(&mut at);
            (unit, url.and_then(|url| Ok(StreamKind::Book { venue, url, symbol: symbol?, rule: rule? })))
        }
        Stream::Pyth => {
            let url = at.required_secret("url", parse::url(&["https", "http"]));
            let key = at.secret("key", false, parse::text);
            let feed = at.required("feed", feed_id);
            let limit_bps = at.required("limit_bps", parse::whole(1, 5_000));
            let (low, high) = (at.required("low", parse::dollars), at.required("high", parse::dollars));
            check::less(&at, ("low", low), ("high", high));
            let kind = url.and_then(|url| {
                Ok(StreamKind::Pyth { url, key: key?, feed: feed?, limit_bps: limit_bps?, low: low?, high: high? })
            });
            (Ok(Unit::Usd), kind)
        }
    };
    at.finish();
    Ok(StreamSettings { name, unit: unit?, max_age: max_age?, max_ahead: max_ahead?, kind: kind? })
}

fn pool_source(name: String, mut at: Section<'_>, around: Around<'_>) -> Read<PoolSourceSettings> {
    let kind = match at.required("kind", parse::one_of(&ON_CHAIN))? {
        OnChain::Push => return Ok(PoolSourceSettings { name, kind: PoolSourceKind::Push(feed(at)?) }),
        OnChain::UniswapV3 => uniswap(&mut at, around),
        OnChain::Curve => curve(&mut at, around),
    };
    at.finish();
    Ok(PoolSourceSettings { name, kind: kind? })
}

fn uniswap(at: &mut Section<'_>, around: Around<'_>) -> Read<PoolSourceKind> {
    let pool = at.required("pool", parse::address);
    let against = other_asset(at, "against", around);
    let window = at.required("window", parse::duration(MINUTE, 24 * HOUR));
    let observations = at.required("observations", parse::whole(2u16, u16::MAX));
    let (low, high) = (at.required("low", parse::dollars), at.required("high", parse::dollars));
    check::less(at, ("low", low), ("high", high));
    let window = window.and_then(|window| {
        let secs = u32::try_from(window.as_secs()).ok().and_then(std::num::NonZeroU32::new);
        secs.ok_or_else(|| at.refuse("window", "whole seconds", "write \"10m\""))
    });
    let (pool, against) = (pool?, against?);
    Ok(PoolSourceKind::UniswapV3 { pool, against, window: window?, observations: observations?, low: low?, high: high? })
}

fn curve(at: &mut Section<'_>, around: Around<'_>) -> Read<PoolSourceKind> {
    let pool = at.required("pool", parse::address);
    let (index, against_index) = (at.required("index", parse::whole(0u8, 7)), at.required("against_index", parse::whole(0u8, 7)));
    let against = other_asset(at, "against", around);
    let average = at.required("ask", parse::one_of(&[("trade", false), ("average", true)]));
    let rule = book_rule(at);
    let ends = average == Ok(true) && index.ok().zip(against_index.ok()).is_some_and(|(one, other)| one != 0 && other != 0);
    if index.is_ok() && index == against_index {
        return Err(at.refuse("against_index", "another place than `index`", "write the place of the other coin"));
    }
    if ends {
        return Err(at.refuse("ask", "\"trade\": the pool's average is that of a coin in its first", "write \"trade\""));
    }
    let (pool, against) = (pool?, against?);
    Ok(PoolSourceKind::Curve { pool, index: index?, against, against_index: against_index?, average: average?, rule: rule? })
}

fn book_rule(at: &mut Section<'_>) -> Read<BookRule> {
    let spread_bps = at.required("spread_bps", parse::whole(1, 5_000));
    let size = at.required("size", tokens);
    let (low, high) = (at.required("low", parse::dollars), at.required("high", parse::dollars));
    check::less(at, ("low", low), ("high", high));
    Ok(BookRule { spread_bps: spread_bps?, size: size?, low: low?, high: high? })
}

/// Dollars, or another asset.
fn unit(at: &mut Section<'_>, around: Around<'_>) -> Read<Unit> {
    if at.required("unit", parse::text)? == DOLLAR { Ok(Unit::Usd) } else { other_asset(at, "unit", around).map(Unit::Asset) }
}

fn other_asset(at: &mut Section<'_>, key: &str, around: Around<'_>) -> Read<AssetId> {
    let name = at.required(key, parse::text)?;
    check::known(at, key, "asset", &name, around.assets)?;
    if name == around.asset {
        return Err(at.refuse(key, "another asset than the one that is quoted", "name the other one of the pair"));
    }
    Ok(AssetId::new(&name))
}

/// Whole tokens and parts of them, to 1e18-scaled tokens.
fn tokens(text: &str) -> Parsed<u128> {
    let found = parse::decimal(text, 18);
    found.map_or_else(|| parse::refuse("tokens as a decimal number", "write a number such as \"10000\""), Ok)
}

fn feed_id(text: &str) -> Parsed<B256> {
    text.parse()
        .or_else(|_| parse::refuse("the id of a feed: 64 hexadecimal digits", "copy the id from Pyth's list of price feeds"))
}
