//! From rows to readings, each at the moment at which it becomes known and never before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::reading::{Reading, ReadingFault, within};
use crate::domain::source::Source;
use crate::domain::units::{Price, Timestamp, WAD};

/// What a minute bar is taken to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarRule {
    /// How far the best bid and the best ask are taken to be from a bar's close, in basis points: a bar has neither.
    pub half_spread_bps: u32,
    /// For how long a close stands, and over how long its volume is counted.
    pub good_for: Duration,
    /// How many whole tokens must have changed hands in that time, for the book to count.
    pub least_traded: u128,
}

/// One basis point is the width of the books of these coins on a quiet day. A book without a trade has not moved, but a close says less
/// with every minute: Kraken's USDC/USD of March 2023 traded in 69 of 100 minutes, and in 99.6 of 100 stretches of ten.
///
/// The size is held against the same month only. With less than 45 000 tokens the thin book of that month counts, as one of the two in
/// its group, and its high price holds the alarm back by hours; with 200 000 the real books fail too often.
pub const BARS: BarRule = BarRule { half_spread_bps: 1, good_for: Duration::from_mins(10), least_traded: 100_000 };

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
pub fn book(source: &Arc<Source>, bars: &[Bar], rule: &BarRule) -> Vec<Reading> {
    let mut window: VecDeque<&Bar> = VecDeque::new();
    let mut readings = Vec::with_capacity(bars.len());
    for bar in bars {
        window.push_back(bar);
        while window.front().is_some_and(|first| bar.end.since(first.end) >= rule.good_for) {
            window.pop_front();
        }
        let traded = window.iter().fold(0u128, |sum, bar| sum.saturating_add(bar.volume)) / WAD;
        readings.push(if traded < rule.least_traded {
            let thin = ReadingFault::Thin { found: traded.to_string(), least: rule.least_traded.to_string() };
            Reading { source: Arc::clone(source), quote: Err(thin), as_of: bar.end, block: None }
        } else {
            said(source, bar.close, rule.half_spread_bps, bar.end)
        });
    }
    readings
}

/// A price that its source means to so many basis points, known at `at`.
#[must_use]
pub fn said(source: &Arc<Source>, price: Price, bps: u32, at: Timestamp) -> Reading {
    let (low, high) = (Price::from_wad(BOUNDS.0).unwrap_or(price), Price::from_wad(BOUNDS.1).unwrap_or(price));
    Reading { source: Arc::clone(source), quote: within(price, bps, at, low, high), as_of: at, block: None }
}
