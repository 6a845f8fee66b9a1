//! What a folder of data knows of the past: what coins cost, what was said of them, what gas cost, how much was traded and what was
//! paid for lending. See [`crate::backtest`] for the files of prices; these are read beside them:
//!
//! | file | columns | holds |
//! |---|---|---|
//! | `ethereum_gas_daily_PERIOD.csv` | `date_utc`, `avg_gas_price_gwei`, `eth_usd` | for the day |
//! | `uniswap_v3_daily_volume_PERIOD.csv` | `date_utc`, `volume_usd`, `tvl_usd` | for the day: how often liquidity turns over |
//! | `aave_supply_rates_hourly_PERIOD.csv` | `snapshot_utc`, `asset`, `market`, `supply_apr_pct`, `supplied_usd`, `borrowed_usd` | from `snapshot_utc` on |

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::market::{Coverage, Market};
use crate::backtest::columns::{DataFault, Row, read};
use crate::backtest::court::Span;
use crate::backtest::files::{self, History, Role};
use crate::backtest::tape::{self, BARS};
use crate::backtest::{ReplayFault, Series};
use crate::domain::ids::AssetId;
use crate::domain::reading::{Reading, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{GasPrice, Price, Rounding, Timestamp, WAD, Weight, mul_div};
use crate::domain::yields::Apr;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_mins(60);
/// How long a trade stands for a price when nobody trades.
const CARRIED: Duration = HOUR;
const GAS: &str = "ethereum_gas_daily_";
const VOLUME: &str = "uniswap_v3_daily_volume_";
const RATES: &str = "aave_supply_rates_hourly_";
/// Of two markets that lend the same coin, the one whose rates count.
const MARKET: &str = "aave_v3_ethereum";

/// Gas on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasDay {
    /// The mean price of a unit, tips included.
    pub price: GasPrice,
    /// Dollars for one ether.
    pub ether: Price,
}

/// What lending paid at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What it paid.
    pub apr: Apr,
    /// How much of what was supplied was lent out.
    pub utilisation: Option<Weight>,
}

/// Values by the moment from which they are known.
type Known<T> = BTreeMap<Timestamp, T>;

/// All that the folder knows.
#[derive(Debug)]
pub struct Archive {
    /// What was said.
    pub history: History,
    closes: BTreeMap<AssetId, Known<Vec<Price>>>,
    crosses: BTreeMap<AssetId, Known<(AssetId, Price)>>,
    hours: BTreeMap<AssetId, Known<Price>>,
    /// Gas by the beginning of the day.
    pub gas: Known<GasDay>,
    /// How much of the liquidity of pools of these coins was traded in a day, by its beginning.
    pub turnover: Known<Weight>,
    /// What lending paid.
    pub rates: BTreeMap<AssetId, Known<Rate>>,
}

impl Archive {
    /// Reads a folder.
    ///
    /// # Errors
    /// As [`History::load`], with what is wrong in the files of this module.
    pub fn load(folder: &Path) -> Result<Self, ReplayFault> {
        let mut archive = Self {
            history: History::load(folder, &BARS)?,
            closes: BTreeMap::new(),
            crosses: BTreeMap::new(),
            hours: BTreeMap::new(),
            gas: Known::new(),
            turnover: Known::new(),
            rates: BTreeMap::new(),
        };
        let mut faults = Vec::new();
        for (stem, path) in files::tables(folder)? {
            let told = if stem.starts_with(GAS) {
                archive.gas(&path)
            } else if stem.starts_with(VOLUME) {
                archive.volume(&path)
            } else if stem.starts_with(RATES) {
                archive.rates(&path)
            } else if let Some(source) = files::book_of(&stem, BARS.good_for).filter(|source| source.unit == Unit::Usd) {
                archive.closes(&path, &source.asset)
            } else {
                continue;
            };
            faults.extend(told.err().unwrap_or_default());
        }
        if !faults.is_empty() {
            return Err(ReplayFault::Data(faults));
        }
        archive.hourly();
        Ok(archive)
    }

    /// The trades in dollars, each known when its minute is over.
    fn closes(&mut self, path: &Path, asset: &AssetId) -> Result<(), Vec<DataFault>> {
        let rows = read(path, &["minute_start_utc", "close"], |row| {
            let (start, close) = (row.time("minute_start_utc", 60), row.price("close"));
            Some((start?.plus(MINUTE), close?))
        })?;
        let closes = self.closes.entry(asset.clone()).or_default();
        for (end, close) in rows {
            closes.entry(end).or_default().push(close);
        }
        Ok(())
    }

    /// The aggregator's hours and the pools' prices, from what was read already.
    fn hourly(&mut self) {
        for Series { source, role, readings } in &self.history.series {
            let known = readings.iter().filter_map(|reading| Some((reading.as_of, reading.quote.as_ref().ok()?.price)));
            match (&source.unit, role) {
                (Unit::Usd, Role::Compares) => self.hours.entry(source.asset.clone()).or_default().extend(known),
                (Unit::Asset(unit), Role::Warns) => {
                    let known = known.map(|(at, price)| (at, (unit.clone(), price)));
                    self.crosses.entry(source.asset.clone()).or_default().extend(known);
                }
                _ => {}
            }
        }
    }

    fn gas(&mut self, path: &Path) -> Result<(), Vec<DataFault>> {
        let mut before = None;
        let rows = read(path, &["date_utc", "avg_gas_price_gwei", "eth_usd"], |row| {
            let (day, gwei, ether) = (day(row), row.amount("avg_gas_price_gwei"), row.price("eth_usd"));
            if let Some(day) = day.filter(|day| before.is_some_and(|before| *day <= before)) {
                row.refuse("date_utc", &day.to_string(), "a later day than that of the row above");
            }
            before = day.or(before);
            Some((day?, GasDay { price: GasPrice::from_wei(gwei? / 1_000_000_000), ether: ether? }))
        })?;
        self.gas.extend(rows);
        Ok(())
    }

    fn volume(&mut self, path: &Path) -> Result<(), Vec<DataFault>> {
        let rows = read(path, &["date_utc", "volume_usd", "tvl_usd"], |row| {
            let (day, volume, tvl) = (day(row), row.amount("volume_usd"), row.amount("tvl_usd"));
            Some((day?, volume?, tvl?))
        })?;
        let mut days: Known<(u128, u128)> = Known::new();
        for (day, volume, tvl) in rows {
            let (volumes, tvls) = days.entry(day).or_default();
            (*volumes, *tvls) = (volumes.saturating_add(volume), tvls.saturating_add(tvl));
        }
        let turnover = |(day, (volume, tvl))| Some((day, Weight::from_wad(mul_div(volume, WAD, tvl, Rounding::Down)?)));
        self.turnover.extend(days.into_iter().filter_map(turnover));
        Ok(())
    }

    fn rates(&mut self, path: &Path) -> Result<(), Vec<DataFault>> {
        let columns = ["snapshot_utc", "asset", "market", "supply_apr_pct", "supplied_usd", "borrowed_usd"];
        let rows = read(path, &columns, |row| {
            let (at, asset) = (row.time("snapshot_utc", 1), row.parsed("asset", files::asset, "USDC, USDT or DAI"));
            let (percent, market) = (row.amount("supply_apr_pct"), row.text("market").map(|market| market == MARKET));
            let (supplied, borrowed) = (row.amount("supplied_usd"), row.amount("borrowed_usd"));
            let utilisation = mul_div(borrowed?, WAD, supplied?, Rounding::Up).map(Weight::from_wad);
            Some((at?, asset?, market?, Rate { apr: Apr::from_wad(percent? / 100), utilisation }))
        })?;
        for (at, asset, _, rate) in rows.into_iter().filter(|(_, _, is_market, _)| *is_market) {
            self.rates.entry(asset).or_default().insert(at, rate);
        }
        Ok(())
    }

    /// From when to when all of `assets` have a price.
    #[must_use]
    pub fn span(&self, assets: &[AssetId]) -> Option<Span> {
        let known = |asset: &AssetId| {
            let hours = self.hours.get(asset);
            let closes = self.closes.get(asset);
            let first = hours.and_then(|hours| hours.keys().next().copied()).into_iter();
            let first = first.map(|at| at.minus(HOUR)).chain(closes.and_then(|closes| closes.keys().next().copied())).min()?;
            let last = hours.and_then(|hours| hours.keys().next_back()).into_iter();
            let last = last.chain(closes.and_then(|closes| closes.keys().next_back())).max()?;
            Some((first, *last))
        };
        let ends: Vec<(Timestamp, Timestamp)> = assets.iter().map(known).collect::<Option<_>>()?;
        let from = ends.iter().map(|(from, _)| *from).max()?;
        let until = ends.iter().map(|(_, until)| *until).min()?;
        (from < until).then_some(Span { from, until, step: Duration::from_mins(1) })
    }

    /// The prices at which the market traded: of the trades in dollars the middle; for a while after a trade its price; else what a
    /// pool said the coin costs in another that was traded; else the aggregator's value. Nothing is known before it happened.
    ///
    /// # Errors
    /// The first asset and moment for which there is none.
    pub fn market(&self, assets: &[AssetId], span: Span) -> Result<Market, (AssetId, Timestamp)> {
        let (mut prices, mut coverage) = (Vec::new(), Vec::new());
        for asset in assets {
            let mut covers = Coverage { asset: asset.to_string(), ..Coverage::default() };
            let mut of = Vec::new();
            let mut now = span.from;
            while now < span.until {
                of.push(self.price(asset, now, &mut covers).ok_or_else(|| (asset.clone(), now))?);
                now = now.plus(span.step);
            }
            prices.push(of);
            coverage.push(covers);
        }
        Ok(Market { assets: assets.to_vec(), prices, coverage })
    }

    fn price(&self, asset: &AssetId, now: Timestamp, covers: &mut Coverage) -> Option<Price> {
        if let Some((price, at)) = self.traded(asset, now) {
            let count = if at == now { &mut covers.traded } else { &mut covers.carried };
            *count = count.saturating_add(1);
            return Some(price);
        }
        let cross = || {
            let (at, (unit, price)) = self.crosses.get(asset)?.range(..=now).next_back()?;
            let (unit, _) = self.traded(unit, now).filter(|_| now.since(*at) <= CARRIED)?;
            Price::from_wad(mul_div(price.wad(), unit.wad(), WAD, Rounding::Down)?)
        };
        if let Some(price) = cross() {
            covers.crossed = covers.crossed.saturating_add(1);
            return Some(price);
        }
        // The first hour of the data is told when it is over; the market was there before.
        let hours = self.hours.get(asset)?;
        let first = || hours.first_key_value().filter(|(at, _)| at.since(now) <= HOUR);
        let (_, price) = hours.range(..=now).next_back().or_else(first)?;
        covers.hourly = covers.hourly.saturating_add(1);
        Some(*price)
    }

    /// The middle of the last trades in dollars, and when they were.
    fn traded(&self, asset: &AssetId, now: Timestamp) -> Option<(Price, Timestamp)> {
        let (at, closes) = self.closes.get(asset)?.range(..=now).next_back()?;
        let count = u128::try_from(closes.len()).ok()?;
        let sum = closes.iter().fold(0u128, |sum, close| sum.saturating_add(close.wad()));
        Some((Price::from_wad(sum.checked_div(count)?)?, *at)).filter(|_| now.since(*at) <= CARRIED)
    }

    /// What was said, in order of time. While no book of a coin against dollars says anything, because nobody trades or too few do, the
    /// aggregator stands in for the books with the last hour that is known: else nobody but one oracle would have a word on the coin, and
    /// one witness concludes nothing. It falls silent as soon as a book speaks.
    #[must_use]
    pub fn tape(&self) -> Vec<(Timestamp, Reading)> {
        let hours = self.history.series.iter().filter(|series| series.role == Role::Compares);
        let said = self.history.tape().into_iter().map(|(_, reading)| reading);
        files::in_order(said.chain(hours.flat_map(|series| self.stand_in(series))))
    }

    fn stand_in(&self, Series { source, readings: hours, .. }: &Series) -> Vec<Reading> {
        let good_for = tape::HOURLY_GOOD_FOR.saturating_add(MINUTE);
        let source = Arc::new(Source { group: Group::UsdBooks, advisory: false, good_for, ..Source::clone(source) });
        let is_book = |series: &&Series| {
            series.role == Role::Votes && series.source.group == Group::UsdBooks && series.source.asset == source.asset
        };
        let mut books: Vec<&[Reading]> =
            self.history.series.iter().filter(is_book).map(|book| book.readings.as_slice()).collect();
        let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Vec::new() };
        let mut said: Vec<Reading> = Vec::new();
        let (mut next, mut hours, mut speaks) = (first.as_of, hours.iter().peekable(), false);
        let mut hour = first;
        while next <= last.as_of {
            let mut news = false;
            while let Some(newer) = hours.next_if(|reading| reading.as_of <= next) {
                (hour, news) = (newer, true);
            }
            let mut silent = true;
            for book in &mut books {
                silent &= !is_heard(book, next);
            }
            let spoken = Reading { source: Arc::clone(&source), as_of: next, ..hour.clone() };
            match (silent, speaks) {
                (true, false) => said.push(spoken),
                (true, true) if news => said.push(spoken),
                (false, true) => said.push(Reading { quote: Err(ReadingFault::ChainSilent), ..spoken }),
                _ => {}
            }
            speaks = silent;
            next = next.plus(MINUTE);
        }
        said
    }

    /// How many groups have a vote on an asset.
    #[must_use]
    pub fn groups(&self, asset: &AssetId) -> usize {
        let heard = self.history.series.iter().filter(|series| series.source.asset == *asset && series.role != Role::Warns);
        let groups: BTreeSet<Group> = heard.map(|series| series.source.group).collect();
        groups.len()
    }
}

/// Whether the last reading until `now` says something and still stands. What lies behind is left behind.
fn is_heard(book: &mut &[Reading], now: Timestamp) -> bool {
    while let [_, later, ..] = book
        && later.as_of <= now
    {
        *book = book.get(1..).unwrap_or_default();
    }
    book.first().is_some_and(|last| last.as_of <= now && now.since(last.as_of) < last.source.good_for && last.quote.is_ok())
}

/// A day, by its beginning.
fn day(row: &mut Row<'_>) -> Option<Timestamp> {
    let parse = |text: &str| {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let seconds = day.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
        u64::try_from(seconds).ok().map(Timestamp::from_secs)
    };
    row.parsed("date_utc", parse, "a day, as 2023-03-10")
}
