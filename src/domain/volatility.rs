//! How restless a price is: its deviation of a day, as an exponentially weighted mean of squared returns over time. Samples may come
//! as they like; each counts by the time that it spans.
//!
//! Statistics, and so in floats. What comes out is a [`Weight`], converted once, that lowers a weight or widens a slippage.

use std::time::Duration;

use crate::domain::policy::VolatilityRule;
use crate::domain::units::{Price, Timestamp, WAD, Weight};

const DAY: f64 = 86_400.0;

/// The restlessness of one price.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Volatility {
    last: Option<(Timestamp, Price)>,
    since: Option<Timestamp>,
    /// Variance of the logarithm per second.
    variance: f64,
}

impl Volatility {
    /// Takes a price in. One that is not newer than the last is left out. After a silence longer than the window everything begins
    /// anew: nobody knows what the price did meanwhile.
    pub fn observe(&mut self, at: Timestamp, price: Price, rule: &VolatilityRule) {
        let Some((before, from)) = self.last else {
            *self = Self { last: Some((at, price)), since: Some(at), variance: 0.0 };
            return;
        };
        if at <= before {
            return;
        }
        let gap = at.since(before);
        if gap > rule.window {
            *self = Self { last: Some((at, price)), since: Some(at), variance: 0.0 };
            return;
        }
        self.variance = Decay::over(gap, rule).after(self.variance, log_return(from, price));
        self.last = Some((at, price));
    }

    /// The variance of the logarithm per second, and until when and at which price it was counted.
    #[must_use]
    pub fn counted(&self) -> (f64, Option<(Timestamp, Price)>) {
        (self.variance, self.last)
    }

    /// Goes on from what was counted elsewhere by the same steps: see [`Decay`].
    pub fn go_on(&mut self, at: Timestamp, price: Price, variance: f64) {
        (self.last, self.variance) = (Some((at, price)), variance);
    }

    /// The deviation of a day as a part of the price, 1 = all of it; `None` until the price has been watched for the window, and when it
    /// has not been heard for as long.
    #[must_use]
    pub fn of_a_day(&self, now: Timestamp, rule: &VolatilityRule) -> Option<Weight> {
        let (last, _) = self.last?;
        let watched = last.since(self.since?) >= rule.window;
        let fresh = now.since(last) <= rule.window.max(Duration::from_secs(1));
        (watched && fresh).then(|| share((self.variance * DAY).sqrt()))
    }
}

/// What a mean keeps over a span of time: for whoever takes many equal steps, and knows each return already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    keeps: f64,
    seconds: f64,
}

impl Decay {
    /// Over a span, which is not zero.
    #[must_use]
    pub fn over(span: Duration, rule: &VolatilityRule) -> Self {
        let seconds = span.as_secs_f64();
        Self { keeps: (-std::f64::consts::LN_2 * seconds / rule.half_life.as_secs_f64().max(1.0)).exp(), seconds }
    }

    /// The variance per second after one more return over that span. What it adds is its square, spread over the time that the mean
    /// remembers.
    #[must_use]
    pub fn after(self, variance: f64, log_return: f64) -> f64 {
        variance * self.keeps + (1.0 - self.keeps) * log_return * log_return / self.seconds
    }
}

/// The logarithm of what a price has moved.
#[must_use]
pub fn log_return(from: Price, to: Price) -> f64 {
    (to.as_f64() / from.as_f64()).ln()
}

/// The variance per second of a deviation of a day, 1 = all of the price.
#[must_use]
pub fn variance_of(deviation_of_a_day: f64) -> f64 {
    deviation_of_a_day * deviation_of_a_day / DAY
}

/// The one way back from floats: a share for a rule, never an amount.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate; saturates"
)]
fn share(estimate: f64) -> Weight {
    Weight::from_wad((estimate * WAD as f64) as u128)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: VolatilityRule = VolatilityRule {
        half_life: Duration::from_hours(24),
        window: Duration::from_hours(6),
        gain_bps: 10_000,
        cap: Weight::from_bps(5_000),
    };

    fn price(millionths: u128) -> Price {
        Price::from_wad(millionths * WAD / 1_000_000).unwrap()
    }

    /// A price that goes up and down by `bps` every `step` seconds, for `hours`.
    fn zigzag(bps: u128, step: u64, hours: u64) -> (Volatility, Timestamp) {
        let mut volatility = Volatility::default();
        let mut at = Timestamp::from_secs(1_000);
        for turn in 0..=hours * 3_600 / step {
            at = Timestamp::from_secs(1_000 + turn * step);
            let up = if turn.is_multiple_of(2) { 0 } else { bps * 100 };
            volatility.observe(at, price(1_000_000 + up), &RULE);
        }
        (volatility, at)
    }

    #[test]
    fn a_zigzag_has_the_deviation_of_its_steps() {
        // 10 bp every hour: the root of 24 steps is 49 bp a day.
        let (volatility, now) = zigzag(10, 3_600, 24 * 20);
        let of_a_day = volatility.of_a_day(now, &RULE).unwrap().as_fraction();
        assert!((of_a_day / (0.001 * 24f64.sqrt()) - 1.0).abs() < 0.02, "{of_a_day}");
        // The same steps twelve times as often: the root of twelve times as much.
        let (volatility, now) = zigzag(10, 300, 24 * 20);
        let often = volatility.of_a_day(now, &RULE).unwrap().as_fraction();
        assert!((often / of_a_day / 12f64.sqrt() - 1.0).abs() < 0.02, "{often}");
    }

    #[test]
    fn it_is_not_known_before_the_window_nor_after_a_silence() {
        let (young, now) = zigzag(10, 300, 5);
        assert_eq!(young.of_a_day(now, &RULE), None);
        let (mut old, now) = zigzag(10, 300, 7);
        assert!(old.of_a_day(now, &RULE).is_some());
        let late = now.plus(Duration::from_hours(7));
        assert_eq!(old.of_a_day(late, &RULE), None, "nobody has heard of it");
        old.observe(late, price(500_000), &RULE);
        assert_eq!(old.of_a_day(late, &RULE), None, "what it did meanwhile is not known");
    }

    #[test]
    fn a_calm_price_has_none_and_a_fall_is_forgotten_by_halves() {
        let (mut volatility, mut now) = zigzag(0, 600, 12);
        assert_eq!(volatility.of_a_day(now, &RULE), Some(Weight::ZERO));
        now = now.plus(Duration::from_mins(10));
        volatility.observe(now, price(880_000), &RULE);
        let fallen = volatility.of_a_day(now, &RULE).unwrap().as_fraction();
        assert!(fallen > 0.05, "{fallen}");
        for _ in 0..24 * 6 {
            now = now.plus(Duration::from_mins(10));
            volatility.observe(now, price(880_000), &RULE);
        }
        let later = volatility.of_a_day(now, &RULE).unwrap().as_fraction();
        assert!((later / fallen - 0.5f64.sqrt()).abs() < 0.02, "the variance halves in a day: {later} of {fallen}");
    }

    #[test]
    fn the_past_says_nothing() {
        let (mut volatility, now) = zigzag(10, 300, 7);
        let before = volatility.clone();
        volatility.observe(now, price(500_000), &RULE);
        volatility.observe(now.minus(Duration::from_secs(5)), price(500_000), &RULE);
        assert_eq!(volatility, before);
    }
}
