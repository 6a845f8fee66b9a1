//! What a series of values is worth, by the measures that people of the trade use. Definitions are those of empyrical and quantstats,
//! against which they are held by a test; a year has 365 days here, because nobody closes.

use serde::Serialize;
use statrs::statistics::Statistics;

use super::bootstrap::{Interval, interval};

/// Days that are drawn together, and how often all are drawn.
const BLOCK: usize = 5;
const DRAWS: usize = 2_000;
/// Days of a year.
const YEAR: f64 = 365.0;

/// The measures of one series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// The last value over the first, less one.
    pub net: f64,
    /// The same for a year, with interest on interest.
    pub apy: f64,
    /// The deepest fall from a peak, zero or below, by ticks.
    pub max_drawdown: f64,
    /// The same by days: what looks smaller because nobody looked.
    pub max_drawdown_daily: f64,
    /// The longest time below a peak, in hours.
    pub under_water_hours: f64,
    /// The worst return of sixty ticks.
    pub worst_hour: f64,
    /// Deviation of daily returns, for a year.
    pub volatility: f64,
    /// Mean daily return over its deviation, for a year; nothing is subtracted.
    pub sharpe: Option<f64>,
    /// The same over the deviation of losses.
    pub sortino: Option<f64>,
    /// Deviation of the difference in daily returns to the yardstick's, for a year.
    pub tracking_error: f64,
    /// That difference itself, for a year, with its interval by blocks of days; `None` where there are too few.
    pub ahead: Option<Interval>,
}

/// Measures a series of values at ticks of a minute, against the series of a yardstick.
#[must_use]
pub fn measure(values: &[f64], yardstick: &[f64], ticks_per_day: usize) -> Measures {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return Measures::default() };
    let daily = returns(&every(values, ticks_per_day));
    let others = returns(&every(yardstick, ticks_per_day));
    let days = count(values.len().saturating_sub(1)) / count(ticks_per_day.max(1));
    let excess: Vec<f64> = daily.iter().zip(&others).map(|(own, other)| own - other).collect();
    Measures {
        net: last / first - 1.0,
        apy: (last / first).powf(YEAR / days.max(f64::MIN_POSITIVE)) - 1.0,
        max_drawdown: max_drawdown(values),
        max_drawdown_daily: max_drawdown(&every(values, ticks_per_day)),
        under_water_hours: count(under_water(values)) * 24.0 / count(ticks_per_day.max(1)),
        worst_hour: worst(values, ticks_per_day / 24),
        volatility: volatility(&daily),
        sharpe: sharpe(&daily),
        sortino: sortino(&daily),
        tracking_error: volatility(&excess),
        ahead: interval(&excess.iter().map(|day| day * YEAR).collect::<Vec<_>>(), BLOCK, DRAWS, 1),
    }
}

/// The first value, and the last of each stretch of `ticks`.
fn every(values: &[f64], ticks: usize) -> Vec<f64> {
    let lasts = values.get(1..).unwrap_or_default().chunks(ticks.max(1)).filter_map(<[f64]>::last);
    values.first().into_iter().chain(lasts).copied().collect()
}

/// Returns from one value to the next.
#[must_use]
pub fn returns(values: &[f64]) -> Vec<f64> {
    values.iter().zip(values.iter().skip(1)).map(|(before, after)| after / before - 1.0).collect()
}

/// The deepest fall from a peak.
#[must_use]
pub fn max_drawdown(values: &[f64]) -> f64 {
    let mut peak = f64::MIN;
    values.iter().fold(0.0, |worst: f64, value| {
        peak = peak.max(*value);
        worst.min(value / peak - 1.0)
    })
}

/// Falls from the peak, value by value.
#[must_use]
pub fn drawdowns(values: &[f64]) -> Vec<f64> {
    let mut peak = f64::MIN;
    values
        .iter()
        .map(|value| {
            peak = peak.max(*value);
            value / peak - 1.0
        })
        .collect()
}

/// The longest stretch below a peak.
fn under_water(values: &[f64]) -> usize {
    let (mut peak, mut since, mut longest) = (f64::MIN, 0usize, 0usize);
    for value in values {
        if *value >= peak {
            (peak, since) = (*value, 0);
        } else {
            since = since.saturating_add(1);
            longest = longest.max(since);
        }
    }
    longest
}

fn worst(values: &[f64], ticks: usize) -> f64 {
    let later = values.iter().skip(ticks);
    values.iter().zip(later).map(|(before, after)| after / before - 1.0).fold(0.0, f64::min)
}

/// Deviation of daily returns, for a year.
#[must_use]
pub fn volatility(daily: &[f64]) -> f64 {
    if daily.len() < 2 { 0.0 } else { daily.std_dev() * YEAR.sqrt() }
}

/// Mean over deviation, for a year; `None` where nothing deviates.
#[must_use]
pub fn sharpe(daily: &[f64]) -> Option<f64> {
    let deviation = if daily.len() < 2 { 0.0 } else { daily.std_dev() };
    (deviation > 0.0).then(|| daily.mean() / deviation * YEAR.sqrt())
}

/// Mean over the deviation of losses, for a year; `None` where there are none.
#[must_use]
pub fn sortino(daily: &[f64]) -> Option<f64> {
    let squares: Vec<f64> = daily.iter().map(|value| value.min(0.0).powi(2)).collect();
    let downside = if squares.is_empty() { 0.0 } else { squares.mean().sqrt() };
    (downside > 0.0).then(|| daily.mean() / downside * YEAR.sqrt())
}

#[expect(clippy::cast_precision_loss, reason = "statistics; ticks are few")]
const fn count(of: usize) -> f64 {
    of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed series: a walk of 120 days with a fall of 8 % in its middle.
    fn walk() -> Vec<f64> {
        let (mut state, mut value) = (123_456_789_u32, 500_000.0);
        let mut values = vec![value];
        for day in 0..120 {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) % (1 << 31);
            let step = (f64::from(state) / f64::from(1u32 << 31) - 0.5) * 0.02;
            value *= 1.0 + if day == 60 { -0.08 } else { step };
            values.push(value);
        }
        values
    }

    fn same(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }

    /// The expected values are what empyrical-reloaded 0.7.1 and quantstats 0.0.86 say of the same series, with 365 days a year.
    #[test]
    fn measures_are_those_of_the_libraries_that_people_use() {
        // Here a tick is a day.
        let measured = measure(&walk(), &walk(), 1);
        same(measured.max_drawdown, -0.167_130_071_302_501_76);
        same(measured.max_drawdown_daily, measured.max_drawdown);
        same(measured.volatility, 0.171_548_321_528_685);
        same(measured.sharpe.unwrap(), -2.698_919_249_390_463);
        same(measured.sortino.unwrap(), -2.897_102_267_071_766_8);
        same(measured.apy, -0.380_249_371_465_029_7);
        same(measured.tracking_error, 0.0);
    }

    #[test]
    fn nothing_and_rest_are_no_faults() {
        assert_eq!(measure(&[], &[], 1_440), Measures::default());
        let flat = measure(&vec![1.0; 3_000], &vec![1.0; 3_000], 1_440);
        assert_eq!(flat, Measures::default());
    }

    #[test]
    fn time_below_a_peak_ends_when_the_peak_is_back() {
        let values = [1.0, 2.0, 1.5, 1.9, 2.0, 1.0, 2.1];
        assert_eq!(under_water(&values), 2);
        same(worst(&values, 1), 1.0 / 2.0 - 1.0);
        same(drawdowns(&values)[5], -0.5);
    }
}
