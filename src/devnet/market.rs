//! What the coins cost: for each a path through policy time. The arbitrageur trades on it and the oracle reports it.

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

/// All prices.
#[derive(Clone, Debug)]
pub struct Market {
    paths: PerCoin<(Timestamp, Path)>,
    ether: f64,
}

impl Market {
    /// All coins at par from `now` on.
    #[must_use]
    pub fn at_par(now: Timestamp, ether: f64) -> Self {
        Self { paths: PerCoin::from_fn(|_| (now, Path::constant(1.0))), ether }
    }

    /// Puts a coin on a path that begins `now`.
    pub fn set_path(&mut self, coin: Coin, path: Path, now: Timestamp) {
        *self.paths.get_mut(coin) = (now, path);
    }

    /// Dollars for each coin.
    #[must_use]
    pub fn prices(&self, now: Timestamp) -> PerCoin<f64> {
        PerCoin::from_fn(|coin| {
            let (since, path) = self.paths.get(coin);
            path.at(now.since(*since))
        })
    }

    /// Dollars for one ether.
    #[must_use]
    pub const fn ether(&self) -> f64 {
        self.ether
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
}
