//! How sure a mean is. Days that follow one another are alike, so that whole blocks of them are drawn and not single days: the circular
//! block bootstrap of Politis and Romano (1992).

use serde::Serialize;

/// The mean of a series, and where it would have been in all but one in twenty repetitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// One in forty repetitions is lower.
    pub low: f64,
    /// One in forty repetitions is higher.
    pub high: f64,
}

/// The interval of a series by `draws` repetitions in blocks of `block`. The same seed gives the same interval. `None` for a series that
/// is shorter than two blocks: nothing can be said of it.
#[must_use]
pub fn interval(series: &[f64], block: usize, draws: usize, seed: u64) -> Option<Interval> {
    let block = block.max(1);
    if series.len() < block.saturating_mul(2) || draws == 0 {
        return None;
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut means: Vec<f64> = (0..draws).map(|_| drawn(series, block, &mut rng)).collect();
    means.sort_by(f64::total_cmp);
    let rank = |part: usize| means.get(draws.saturating_mul(part) / 40).or(means.last()).copied();
    Some(Interval { mean: mean(series.iter().copied(), series.len()), low: rank(1)?, high: rank(39)? })
}

/// The mean of one repetition.
fn drawn(series: &[f64], block: usize, rng: &mut fastrand::Rng) -> f64 {
    let blocks = series.len().div_ceil(block);
    let days = (0..blocks).flat_map(|_| {
        let from = rng.usize(0..series.len());
        series.iter().cycle().skip(from).take(block)
    });
    mean(days.take(series.len()).copied(), series.len())
}

#[expect(clippy::cast_precision_loss, reason = "days")]
fn mean(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    values.sum::<f64>() / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize, seed: u64) -> Vec<f64> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..count).map(|_| rng.f64() - 0.5).collect()
    }

    #[test]
    fn independent_days_have_the_interval_of_the_textbook() {
        // Uniform between -1/2 and 1/2: a deviation of the root of a twelfth, and 1.96 of it over the root of their number.
        let found = interval(&noise(2_000, 1), 1, 4_000, 7).unwrap();
        let half = 1.96 * (1.0f64 / 12.0).sqrt() / 2_000f64.sqrt();
        assert!(((found.high - found.low) / 2.0 / half - 1.0).abs() < 0.06, "{found:?} {half}");
        assert!((found.mean - f64::midpoint(found.low, found.high)).abs() < half * 0.1, "{found:?}");
    }

    #[test]
    fn days_that_stick_together_are_less_sure_than_single_ones() {
        let sticky: Vec<f64> = noise(100, 2).into_iter().flat_map(|day| [day; 10]).collect();
        let width = |block| interval(&sticky, block, 2_000, 7).map(|found| found.high - found.low).unwrap();
        assert!(width(20) > 2.0 * width(1), "{} {}", width(20), width(1));
    }

    #[test]
    fn the_same_seed_says_the_same_and_too_little_says_nothing() {
        assert_eq!(interval(&noise(50, 3), 5, 100, 1), interval(&noise(50, 3), 5, 100, 1));
        assert_eq!(interval(&noise(9, 3), 5, 100, 1), None);
    }
}
