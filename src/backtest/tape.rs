//! From rows to readings, each at the moment at which it becomes known and never before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::reading::{Reading, ReadingFault, within};
use crate::domain::source::Source;
use crate::domain::units::{Price, Timestamp, WAD};

/// How far the best bid and the best ask are taken to be from a bar's close, in basis points: a bar has neither. It is the width of
/// the books of these coins on a quiet day.
pub const HALF_SPREAD_BPS: u32 = 1;

/// For how long a bar's close stands. A book without a trade has not moved, but a close says less with every minute: Kraken's USDC/USD
/// of March 2023 traded in 69 of 100 minutes, and in 99.6 of 100 stretches of ten.
pub const BOOK_GOOD_FOR: Duration = Duration::from_mins(10);

/// How many whole tokens must have changed hands while a close may stand, for the book to count: 5 000 a minute.
pub const LEAST_TRADED: u128 = 50_000;

/// The heartbeat of Chainlink's feeds of these coins, and how much later a round may come.
pub const CHAINLINK_GOOD_FOR: Duration = Duration::from_secs(86_400 + 300);

/// The threshold of those feeds with what may be on its way, in basis points.
pub const CHAINLINK_BPS: u32 = 35;

/// For how long a value stands that comes once an hour.
pub const HOURLY_GOOD_FOR: Duration = Duration::from_mins(60);

/// The fee of a pool, within which nobody trades it straight, in basis points.
pub const POOL_BPS: u32 = 1;

/// What a stablecoin can cost, as in the built-in settings: 0.2 to 2.
const BOUNDS: (u128, u128) = (WAD / 5, WAD * 2);

/// A bar of one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// When its minute ends, and it becomes known.
    pub end: Timestamp,
    /// The last price in it.
    pub close: Price,
    /// What changed hands, in 1e18-scaled tokens.
    pub volume: u128,
}

/// The readings of a book, from its bars in order of time.
#[must_use]
pub fn book(source: &Arc<Source>, bars: &[Bar]) -> Vec<Reading> {
    let mut window: VecDeque<&Bar> = VecDeque::new();
    let reading = |bar: &Bar, window: &VecDeque<&Bar>| {
        let traded = window.iter().fold(0u128, |sum, bar| sum.saturating_add(bar.volume)) / WAD;
        if traded < LEAST_TRADED {
            let fault = ReadingFault::Thin { found: traded.to_string(), least: LEAST_TRADED.to_string() };
            return Reading { source: Arc::clone(source), quote: Err(fault), as_of: bar.end, block: None };
        }
        said(source, bar.close, HALF_SPREAD_BPS, bar.end)
    };
    let mut readings = Vec::with_capacity(bars.len());
    for bar in bars {
        window.push_back(bar);
        while window.front().is_some_and(|first| bar.end.since(first.end) >= BOOK_GOOD_FOR) {
            window.pop_front();
        }
        readings.push(reading(bar, &window));
    }
    readings
}

/// A price that its source means to so many basis points, known at `at`.
#[must_use]
pub fn said(source: &Arc<Source>, price: Price, bps: u32, at: Timestamp) -> Reading {
    let (low, high) = (Price::from_wad(BOUNDS.0).unwrap_or(price), Price::from_wad(BOUNDS.1).unwrap_or(price));
    Reading { source: Arc::clone(source), quote: within(price, bps, at, low, high), as_of: at, block: None }
}
