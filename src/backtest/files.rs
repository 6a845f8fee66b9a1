//! The files of a folder, and what they are: sources, or the yardstick.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::columns::{DataFault, Row, read};
use super::score::Yardstick;
use super::tape::{self, Bar, BarRule};
use super::{ReplayFault, Span};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::Reading;
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{Price, Timestamp};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_mins(60);

/// The assets that are replayed, in the order in which they are judged: others are quoted in the first.
pub const ASSETS: [&str; 3] = ["USDT", "USDC", "DAI"];

/// Files of which there is one kind each, by the beginnings of their names, and what they hold.
const SINGLE: [(&str, &str); 3] =
    [(CHAINLINK, "Chainlink's prices"), (UNISWAP, "prices of pools"), (CMC, "the aggregator, by which false episodes are told")];
const CHAINLINK: &str = "chainlink_implied_hourly_";
pub(super) const UNISWAP: &str = "uniswap_v3_hourly_";
pub(super) const CMC: &str = "cmc_usd_hourly_";
pub(super) const BARS: &str = "_1m_";

/// What a source's word counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It votes.
    Votes,
    /// It is heard and has no vote, because its price can be moved within a block.
    Warns,
    /// It is not heard: nobody knows whom it asks. It is only replayed alone.
    Compares,
}

/// All that one source said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Who.
    pub source: Arc<Source>,
    /// What its word counts for.
    pub role: Role,
    /// What it said, in order of time.
    pub readings: Vec<Reading>,
}

/// All that the files say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The sources, in the order of their names.
    pub series: Vec<Series>,
    /// What really happened.
    pub yardstick: Yardstick,
    /// What a minute bar was taken to say.
    pub bar: BarRule,
    /// What is not there.
    pub absent: Vec<String>,
    /// The assets in the order in which they are judged: those in whose units others are quoted come first.
    pub assets: Vec<AssetId>,
    /// The time that the minute bars cover; without any, the time of all readings. Judged each minute.
    pub span: Span,
}

/// Series by the names of their sources.
type Found = BTreeMap<SourceId, Series>;

impl History {
    /// Reads the files of a folder. `bar` says what a minute bar is taken to say: [`tape::BARS`].
    ///
    /// # Errors
    /// The folder cannot be read, has nothing to replay, or has rows that cannot be read: all of them are told.
    pub fn load(folder: &Path, bar: &BarRule) -> Result<Self, ReplayFault> {
        let (mut found, mut yardstick, mut faults, mut bars) = (Found::new(), Yardstick::default(), Vec::new(), false);
        let mut absent: Vec<(&str, &str)> = SINGLE.to_vec();
        for (stem, path) in tables(folder)? {
            absent.retain(|(beginning, _)| !stem.starts_with(beginning));
            let told = if stem.starts_with(CHAINLINK) {
                chainlink(&path, &mut found)
            } else if stem.starts_with(UNISWAP) {
                pools(&path, &mut found)
            } else if stem.starts_with(CMC) {
                aggregator(&path, &mut found, &mut yardstick)
            } else if let Some(source) = book_of(&stem, bar.good_for) {
                bars = true;
                book(&path, source, bar, &mut found)
            } else {
                continue;
            };
            faults.extend(told.err().unwrap_or_default());
        }
        if !faults.is_empty() {
            return Err(ReplayFault::Data(faults));
        }
        for series in found.values_mut() {
            series.readings.sort_by_key(|reading| reading.as_of);
        }
        let series: Vec<Series> = found.into_values().filter(|series| !series.readings.is_empty()).collect();
        let span = span(&series).ok_or_else(|| ReplayFault::Nothing(folder.to_owned()))?.bounded()?;
        let mut absent: Vec<String> = absent.iter().map(|(file, what)| format!("{file}PERIOD.csv: {what}")).collect();
        if !bars {
            absent.push(format!("VENUE_PAIR{BARS}PERIOD.csv: order books"));
        }
        let assets = ASSETS.iter().map(|name| AssetId::new(name)).collect();
        Ok(Self { series, yardstick, bar: *bar, absent, assets, span })
    }

    /// What was recorded, in the order in which it was taken. It is judged each second; there is no yardstick.
    ///
    /// # Errors
    /// Nothing was recorded, or over a time that is too long to be right.
    pub fn of_recording(file: &Path, readings: Vec<Reading>) -> Result<Self, ReplayFault> {
        let times = readings.iter().map(|reading| reading.as_of);
        let ends = times.clone().min().zip(times.max());
        let (from, until) = ends.ok_or_else(|| ReplayFault::Silence(file.to_owned()))?;
        let span = Span { from, until, step: SECOND }.bounded()?;
        let mut found = Found::new();
        for reading in readings {
            let source = &reading.source;
            let role = if source.advisory { Role::Warns } else { Role::Votes };
            let new = || Series { source: Arc::clone(source), role, readings: Vec::new() };
            found.entry(source.id.clone()).or_insert_with(new).readings.push(reading);
        }
        let series: Vec<Series> = found.into_values().collect();
        let units = series.iter().filter_map(|series| match &series.source.unit {
            Unit::Asset(asset) => Some(asset.clone()),
            Unit::Usd => None,
        });
        let mut assets: Vec<AssetId> = Vec::new();
        for asset in units.chain(series.iter().map(|series| series.source.asset.clone())) {
            if !assets.contains(&asset) {
                assets.push(asset);
            }
        }
        Ok(Self { series, yardstick: Yardstick::default(), bar: tape::BARS, absent: Vec::new(), assets, span })
    }

    /// What everybody said who is heard, in order of time; at the same time in the order of their names.
    #[must_use]
    pub fn tape(&self) -> Vec<(Timestamp, Reading)> {
        let heard = self.series.iter().filter(|series| series.role != Role::Compares);
        in_order(heard.flat_map(|series| series.readings.iter().cloned()))
    }

    /// What is heard when a source is the only one of its asset. Everybody else speaks for the other assets as usual.
    #[must_use]
    pub fn tape_of_one(&self, one: &Series) -> Vec<(Timestamp, Reading)> {
        let others = self.series.iter().filter(|series| series.role != Role::Compares && series.source.asset != one.source.asset);
        // Alone, it has a vote: the question is what following it would have done.
        let source = Arc::new(Source { advisory: false, ..Source::clone(&one.source) });
        let alone = one.readings.iter().map(|reading| Reading { source: Arc::clone(&source), ..reading.clone() });
        in_order(others.flat_map(|series| series.readings.iter().cloned()).chain(alone))
    }
}

/// In order of time; at the same time in the order of their names.
pub(super) fn in_order(readings: impl Iterator<Item = Reading>) -> Vec<(Timestamp, Reading)> {
    let mut tape: Vec<(Timestamp, Reading)> = readings.map(|reading| (reading.as_of, reading)).collect();
    tape.sort_by(|(at, one), (then, other)| at.cmp(then).then_with(|| one.id().cmp(other.id())));
    tape
}

/// The time of the books, or of everybody.
fn span(series: &[Series]) -> Option<Span> {
    let is_book =
        |series: &&Series| matches!(series.source.group, Group::UsdBooks | Group::CrossBooks) && series.role == Role::Votes;
    let ends = |of: Vec<&Series>| {
        let from = of.iter().filter_map(|series| series.readings.first()).map(|reading| reading.as_of).min()?;
        let until = of.iter().filter_map(|series| series.readings.last()).map(|reading| reading.as_of).max()?;
        Some((from, until))
    };
    let (from, until) = ends(series.iter().filter(is_book).collect()).or_else(|| ends(series.iter().collect()))?;
    // On whole minutes, where the bars end.
    let from = Timestamp::from_secs(from.secs().div_ceil(60).saturating_mul(60));
    Some(Span { from, until, step: MINUTE })
}

/// The tables of a folder in the order of their names, which stand before them without their ending.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn tables(folder: &Path) -> Result<Vec<(String, PathBuf)>, ReplayFault> {
    let unreadable = |fault| ReplayFault::Folder { folder: folder.to_owned(), fault };
    let mut tables = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        tables.extend(stem(&path).map(|stem| (stem, path)));
    }
    tables.sort();
    Ok(tables)
}

fn stem(path: &Path) -> Option<String> {
    (path.extension()? == "csv").then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
}

pub(super) fn asset(word: &str) -> Option<AssetId> {
    let known = ASSETS.into_iter().find(|asset| asset.eq_ignore_ascii_case(word))?;
    Some(AssetId::new(known))
}

/// `VENUE_PAIR_1m_PERIOD`.
pub(super) fn book_of(stem: &str, good_for: Duration) -> Option<Source> {
    let (venue, pair) = stem.split_once(BARS)?.0.rsplit_once('_')?;
    ASSETS.into_iter().find_map(|base| {
        let quote = pair.strip_prefix(&base.to_lowercase())?;
        let (unit, group) = match quote {
            "usd" => (Unit::Usd, Group::UsdBooks),
            _ => (Unit::Asset(asset(quote)?), Group::CrossBooks),
        };
        let id = SourceId::new(&format!("{venue}:{base}/{}", quote.to_uppercase()));
        let asset = AssetId::new(base);
        Some(Source { id, asset, unit, group, advisory: false, good_for })
    })
}

fn book(path: &Path, source: Source, rule: &BarRule, found: &mut Found) -> Result<(), Vec<DataFault>> {
    let mut before = None;
    let bars = read(path, &["minute_start_utc", "high", "low", "close", "volume_base"], |row| {
        let start = row.time("minute_start_utc", 60);
        let (low, close, high) = (row.price("low"), row.price("close"), row.price("high"));
        let volume = row.amount("volume_base");
        let (start, low, close, high) = (start?, low?, close?, high?);
        if before.is_some_and(|before| start <= before) {
            row.refuse("minute_start_utc", &start.to_string(), "a later minute than that of the row above");
        }
        before = Some(start);
        if close < low || close > high {
            row.refuse("close", &close.to_string(), &format!("a price from {low} to {high}, the low and the high of this row"));
        }
        Some(Bar { end: start.plus(MINUTE), close, volume: volume? })
    })?;
    let source = Arc::new(source);
    let readings = tape::book(&source, &bars, rule);
    seat(found, &source, Role::Votes).readings.extend(readings);
    Ok(())
}

fn chainlink(path: &Path, found: &mut Found) -> Result<(), Vec<DataFault>> {
    let rows = read(path, &["snapshot_utc", "asset", "price_usd"], |row| {
        let (at, asset, price) = (row.time("snapshot_utc", 1), known_asset(row), row.price("price_usd"));
        Some((at?, asset?, price?))
    })?;
    for (at, asset, price) in rows {
        let id = SourceId::new(&format!("chainlink:{asset}"));
        let (unit, group, good_for) = (Unit::Usd, Group::Chainlink, tape::CHAINLINK_GOOD_FOR);
        let source = Source { id, asset, unit, group, advisory: false, good_for };
        say(found, source, Role::Votes, price, tape::CHAINLINK_BPS, at);
    }
    Ok(())
}

fn known_asset(row: &mut Row<'_>) -> Option<AssetId> {
    row.parsed("asset", asset, "USDC, USDT or DAI")
}

fn pools(path: &Path, found: &mut Found) -> Result<(), Vec<DataFault>> {
    let pair = |text: &str| {
        let (base, quote) = text.strip_prefix("univ3_")?.split_once('_')?;
        Some((asset(base)?, asset(quote)?))
    };
    let rows = read(path, &["hour_start_utc", "pool", "price_base_in_quote"], |row| {
        let start = row.time("hour_start_utc", 3_600);
        let pair = row.parsed("pool", pair, "univ3_BASE_QUOTE of USDC, USDT and DAI");
        let price = row.price("price_base_in_quote");
        Some((start?.plus(HOUR), pair?, price?))
    })?;
    for (end, (base, quote), price) in rows {
        let id = SourceId::new(&format!("uniswap_v3:{base}/{quote}"));
        let (unit, group, good_for) = (Unit::Asset(quote), Group::Dex, tape::HOURLY_GOOD_FOR);
        let source = Source { id, asset: base, unit, group, advisory: true, good_for };
        say(found, source, Role::Warns, price, tape::POOL_BPS, end);
    }
    Ok(())
}

fn aggregator(path: &Path, found: &mut Found, yardstick: &mut Yardstick) -> Result<(), Vec<DataFault>> {
    let columns = ["usdt_usd", "usdc_usd", "dai_usd"];
    let rows = read(path, &["label_utc", "usdt_usd", "usdc_usd", "dai_usd"], |row| {
        let (label, prices) = (row.time("label_utc", 3_600), columns.map(|column| row.price(column)));
        Some((label?, prices))
    })?;
    for (label, prices) in rows {
        for (name, price) in ASSETS.into_iter().zip(prices) {
            let Some(price) = price else { continue };
            let (id, asset) = (SourceId::new(&format!("cmc:{name}")), AssetId::new(name));
            yardstick.add(&asset, label, price);
            // It has a group because every source has one. It is never heard beside others, so that no group has it as a member.
            let (unit, group, good_for) = (Unit::Usd, Group::UsdBooks, tape::HOURLY_GOOD_FOR);
            let source = Source { id, asset, unit, group, advisory: true, good_for };
            say(found, source, Role::Compares, price, 0, label.plus(HOUR));
        }
    }
    Ok(())
}

fn seat<'a>(found: &'a mut Found, source: &Arc<Source>, role: Role) -> &'a mut Series {
    let new = || Series { source: Arc::clone(source), role, readings: Vec::new() };
    found.entry(source.id.clone()).or_insert_with(new)
}

fn say(found: &mut Found, source: Source, role: Role, price: Price, bps: u32, at: Timestamp) {
    let series = seat(found, &Arc::new(source), role);
    let source = Arc::clone(&series.source);
    series.readings.push(tape::said(&source, price, bps, at));
}
