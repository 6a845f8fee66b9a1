//! What the coins cost: for each a path through policy time. The arbitrageur trades on it and the oracle reports it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::coins::{Coin, PerCoin};
use crate::domain::units::Timestamp;

/// How a path goes from one point to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Straight.
    Line,
    /// Slow, fast, slow.
    Smooth,
}

/// A price as a function of time since the path was set. Before its first point it has the first price, after its last the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    points: Vec<(Duration, f64)>,
    curve: Curve,
}

impl Path {
    /// The same price for ever.
    #[must_use]
    pub fn constant(price: f64) -> Self {
        Self::through(vec![(Duration::ZERO, price)], Curve::Line)
    }

    /// Through the given points, which are sorted by time.
    #[must_use]
    pub fn through(mut points: Vec<(Duration, f64)>, curve: Curve) -> Self {
        points.sort_by_key(|(at, _)| *at);
        Self { points, curve }
    }

    /// Through the given points, straight, with times in minutes.
    #[must_use]
    pub fn minutes(points: &[(u32, f64)], curve: Curve) -> Self {
        let in_minutes = |(at, price): &(u32, f64)| (Duration::from_mins(u64::from(*at)), *price);
        Self::through(points.iter().map(in_minutes).collect(), curve)
    }

    /// The price after `elapsed`; par for a path without points.
    #[must_use]
    pub fn at(&self, elapsed: Duration) -> f64 {
        let next = self.points.partition_point(|(at, _)| *at <= elapsed);
        let before = next.checked_sub(1).and_then(|before| self.points.get(before));
        match (before, self.points.get(next)) {
            (Some((from, low)), Some((to, high))) => {
                let part = elapsed.saturating_sub(*from).div_duration_f64(to.saturating_sub(*from));
                let part = match self.curve {
                    Curve::Line => part,
                    Curve::Smooth => part * part * (3.0 - 2.0 * part),
                };
                low + (high - low) * part
            }
            (Some((_, price)), None) | (None, Some((_, price))) => *price,
            (None, None) => 1.0,
        }
    }
}

/// How long a path is remembered after it was replaced: longer than anyone lags behind the market.
const MEMORY: Duration = Duration::from_mins(1);

/// All prices.
#[derive(Clone, Debug)]
pub struct Market {
    paths: PerCoin<(Timestamp, Path)>,
    /// What was replaced of late, oldest first.
    former: PerCoin<Vec<Former>>,
    ether: f64,
}

/// A path that was replaced.
#[derive(Clone, Debug)]
struct Former {
    since: Timestamp,
    until: Timestamp,
    path: Path,
}

impl Market {
    /// All coins at par from `now` on.
    #[must_use]
    pub fn at_par(now: Timestamp, ether: f64) -> Self {
        Self { paths: PerCoin::from_fn(|_| (now, Path::constant(1.0))), former: PerCoin::default(), ether }
    }

    /// Puts a coin on a path that begins `now`.
    pub fn set_path(&mut self, coin: Coin, path: Path, now: Timestamp) {
        let (since, replaced) = std::mem::replace(self.paths.get_mut(coin), (now, path));
        let former = self.former.get_mut(coin);
        former.retain(|former| now.since(former.until) < MEMORY);
        former.push(Former { since, until: now, path: replaced });
    }

    /// Dollars for each coin.
    #[must_use]
    pub fn prices(&self, now: Timestamp) -> PerCoin<f64> {
        PerCoin::from_fn(|coin| {
            let (since, path) = self.paths.get(coin);
            path.at(now.since(*since))
        })
    }

    /// Dollars for each coin as they were at a time of the last minute: whoever lags behind the market has not seen the newest path
    /// until his lag is over.
    #[must_use]
    pub fn past_prices(&self, at: Timestamp) -> PerCoin<f64> {
        let newest = self.prices(at);
        PerCoin::from_fn(|coin| match self.former.get(coin).iter().find(|former| at < former.until) {
            Some(former) => former.path.at(at.since(former.since)),
            None => *newest.get(coin),
        })
    }

    /// Dollars for one ether.
    #[must_use]
    pub const fn ether(&self) -> f64 {
        self.ether
    }
}

/// The one market of a world. Clones are the same one: whoever looks at the prices does not wait until a block is made.
#[derive(Clone, Debug)]
pub struct SharedMarket(Arc<Mutex<Market>>);

impl SharedMarket {
    /// Shares a market.
    #[must_use]
    pub fn new(market: Market) -> Self {
        Self(Arc::new(Mutex::new(market)))
    }

    fn market(&self) -> MutexGuard<'_, Market> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`Market::set_path`].
    pub fn set_path(&self, coin: Coin, path: Path, now: Timestamp) {
        self.market().set_path(coin, path, now);
    }

    /// See [`Market::prices`].
    #[must_use]
    pub fn prices(&self, now: Timestamp) -> PerCoin<f64> {
        self.market().prices(now)
    }

    /// See [`Market::past_prices`].
    #[must_use]
    pub fn past_prices(&self, at: Timestamp) -> PerCoin<f64> {
        self.market().past_prices(at)
    }

    /// See [`Market::ether`].
    #[must_use]
    pub fn ether(&self) -> f64 {
        self.market().ether()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_through_its_points_and_stays_at_its_ends() {
        for curve in [Curve::Line, Curve::Smooth] {
            let path = Path::minutes(&[(10, 0.88), (2, 1.0), (20, 1.0)], curve);
            let at = |secs| path.at(Duration::from_secs(secs));
            for (secs, price) in [(0, 1.0), (120, 1.0), (360, 0.94), (600, 0.88), (900, 0.94), (1_200, 1.0), (9_999, 1.0)] {
                assert!((at(secs) - price).abs() < 1e-12, "{curve:?} {secs}: {}", at(secs));
            }
        }
        let (line, smooth) =
            (Path::minutes(&[(0, 0.0), (4, 1.0)], Curve::Line), Path::minutes(&[(0, 0.0), (4, 1.0)], Curve::Smooth));
        assert!(smooth.at(Duration::from_mins(1)) < line.at(Duration::from_mins(1)));
    }

    #[test]
    fn a_path_counts_from_when_it_was_set() {
        let start = Timestamp::from_secs(1_000);
        let mut market = Market::at_par(start, 3_000.0);
        market.set_path(Coin::Usdc, Path::minutes(&[(0, 1.0), (10, 0.9)], Curve::Line), start.plus(Duration::from_mins(10)));
        let prices = market.prices(start.plus(Duration::from_mins(15)));
        assert!((prices.usdc - 0.95).abs() < 1e-12 && (prices.dai - 1.0).abs() < 1e-12);
    }
    #[test]
    fn whoever_lags_sees_a_new_path_later() {
        let at = |secs: u64| Timestamp::from_secs(1_000 + secs);
        let mut market = Market::at_par(at(0), 3_000.0);
        market.set_path(Coin::Usdc, Path::minutes(&[(0, 1.0), (1, 0.9)], Curve::Line), at(10));
        market.set_path(Coin::Usdc, Path::constant(0.8), at(40));
        for (secs, price) in [(5, 1.0), (25, 0.975), (39, 1.0 - 0.1 * 29.0 / 60.0), (40, 0.8), (99, 0.8)] {
            let found = market.past_prices(at(secs));
            assert!((found.usdc - price).abs() < 1e-12 && (found.dai - 1.0).abs() < 1e-12, "{secs}: {}", found.usdc);
        }
        market.set_path(Coin::Usdc, Path::constant(0.7), at(1_000));
        assert!((market.past_prices(at(5)).usdc - 0.8).abs() < 1e-12);
    }
}
