//! The middle of intervals: the price from which the intervals are, in sum, least far away. A wide interval (a feed that did not have
//! to write a new round) does not pull within its width; a lie, however gross, has the pull of one vote.

use crate::domain::units::Price;

/// An interval and its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) low: Price,
    pub(super) high: Price,
    pub(super) weight: u32,
}

impl Interval {
    /// How far a price is from the interval, in basis points of par rounded up; 0 within it.
    pub(super) fn distance_bps(&self, price: Price) -> u32 {
        bps_between(price, self.low.max(price.min(self.high)))
    }
}

/// How far two prices are apart, in basis points of par rounded up.
pub(super) fn bps_between(one: Price, other: Price) -> u32 {
    let bp = Price::PAR.wad() / 10_000;
    u32::try_from(one.wad().abs_diff(other.wad()).div_ceil(bp)).unwrap_or(u32::MAX)
}

/// The middle of the prices that are least far from all intervals; `None` without any. Raising an interval never lowers it, and the
/// order does not matter.
pub(super) fn middle(intervals: &[Interval]) -> Option<Price> {
    let mut ends: Vec<(u128, u64)> = Vec::with_capacity(intervals.len().saturating_mul(2));
    for Interval { low, high, weight } in intervals {
        ends.push((low.wad(), u64::from(*weight)));
        ends.push((high.wad(), u64::from(*weight)));
    }
    ends.sort_unstable();
    let total: u64 = ends.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0u64;
    let mut lower = None;
    for (end, weight) in ends {
        sum = sum.saturating_add(weight);
        let twice = sum.saturating_mul(2);
        if twice >= total && lower.is_none() {
            lower = Some(end);
        }
        if twice > total {
            let lower = lower?;
            return Price::from_wad(lower + (end - lower) / 2);
        }
    }
    None
}

/// The [`middle`] of points that weigh the same, for which nothing has to be sorted. Leaves the points in another order.
pub(super) fn middle_of_points(points: &mut [Price]) -> Option<Price> {
    let (at, even) = (points.len() / 2, points.len().is_multiple_of(2));
    if points.is_empty() {
        return None;
    }
    let (before, upper, _) = points.select_nth_unstable(at);
    let lower = before.iter().max().copied().filter(|_| even).unwrap_or(*upper);
    Price::from_wad(lower.wad() + (upper.wad() - lower.wad()) / 2)
}

/// The median of some distances, the upper one of two.
pub(super) fn median(mut distances: Vec<u32>) -> u32 {
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied().unwrap_or(0)
}
