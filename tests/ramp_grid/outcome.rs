//! What was measured, beside what the model says.

use std::time::Duration;

use ballast::domain::policy::RampRule;
use ballast::domain::ramp::{self, RampMarket};
use ballast::domain::units::{Usd, WAD, Weight};
use serde::Serialize;

use crate::stage::Measured;
use crate::trial::{BLOCK, Trial, VALUE};

/// Asks the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prophet {
    /// Tells it that blocks come a tenth slower than they do, so that it is off by a tenth or more.
    pub(crate) spoiled: bool,
}

impl Prophet {
    /// What the model says that a trial loses, in dollars.
    pub(crate) fn loss(self, trial: &Trial) -> f64 {
        let (from, to) = trial.ends();
        ramp::expected_loss(&from, &to, trial.duration, &self.market(trial.cost)).unwrap().as_f64()
    }

    /// How long the planner would have the move of a trial take, were it free to choose.
    pub(crate) fn choice(self, trial: &Trial) -> Duration {
        let (from, to) = trial.ends();
        let free = RampRule {
            max_loss: None,
            max_legs: 4,
            min: BLOCK,
            max: Duration::from_hours(24),
            max_velocity_per_hour: Weight::from_wad(u128::MAX),
            start_lead: Duration::ZERO,
            arbitrage_gas: 0,
        };
        ramp::duration(&from, &to, &self.market(trial.cost), &free).unwrap().duration
    }

    fn market(self, cost: f64) -> RampMarket {
        let block_time = if self.spoiled { BLOCK.mul_f64(1.1) } else { BLOCK };
        let dollars = |value: f64| Usd::from_wad((value * 1e6) as u128 * (WAD / 1_000_000));
        RampMarket { pool_value: dollars(f64::from(VALUE)), block_time, arbitrage_cost: dollars(cost) }
    }
}

/// One trial.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) trial: Trial,
    /// What the Vault held less in the end, in dollars.
    pub(crate) loss: f64,
    pub(crate) swaps: usize,
    /// Dollars by the model.
    pub(crate) model: f64,
}

impl Outcome {
    pub(crate) fn of(trial: Trial, measured: Measured, prophet: Prophet) -> Self {
        let model = prophet.loss(&trial);
        Self { trial, loss: measured.loss, swaps: measured.swaps, model }
    }

    /// How far the model is off, as a part of what was measured.
    pub(crate) fn off(&self) -> f64 {
        self.model / self.loss - 1.0
    }
}

/// A cell in a restless market: dollars, averaged over all seeds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Noisy {
    /// Of the ramp.
    pub(crate) seconds: u64,
    /// Of a swap.
    pub(crate) cost: f64,
    pub(crate) seeds: usize,
    /// What the pool with a ramp loses more than its twin without.
    pub(crate) loss: f64,
    /// Standard error of that.
    pub(crate) error: f64,
    /// What the twin loses.
    pub(crate) without_ramp: f64,
    pub(crate) model: f64,
}

impl Noisy {
    /// Twins stand behind each other, the one with a ramp first.
    pub(crate) fn of(trials: &[Trial], measured: &[Measured], prophet: Prophet) -> Self {
        let trial = &trials[0];
        let twins: Vec<(f64, f64)> = measured.chunks_exact(2).map(|twins| (twins[0].loss, twins[1].loss)).collect();
        let (loss, error) = mean(twins.iter().map(|(moved, still)| moved - still));
        let (without_ramp, _) = mean(twins.iter().map(|(_, still)| *still));
        let [loss, error, without_ramp, model] = [loss, error, without_ramp, prophet.loss(trial)].map(|value| round(value, 2));
        Self { seconds: trial.duration.as_secs(), cost: trial.cost, seeds: twins.len(), loss, error, without_ramp, model }
    }
}

/// Mean and its standard error.
fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}

pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let unit = 10f64.powi(digits);
    (value * unit).round() / unit
}
