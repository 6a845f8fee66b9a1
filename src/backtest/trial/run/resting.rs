//! When a look would see what the last one saw. Most ticks change nothing that a decision depends on but prices within their bounds; to
//! decide at each of them again costs all the time that a trial takes. A pool rests while it can be shown that it would be decided the
//! same and remembered the same: what is nearly at a line is not rested on.
//!
//! That resting changes nothing is a test: every contender takes the same course when it looks at every tick.

use super::Run;
use crate::domain::brakes::GROWTH;
use crate::domain::decide::{Hold, Missing, Thaw};
use crate::domain::peg::Peg;
use crate::domain::policy::Policy;
use crate::domain::units::{Timestamp, Weight};
use crate::simulation::arbitrage::Side;
use crate::simulation::pool::Token;

/// How close to a line one may come and still rest: floats are not exact, and need not be.
const SHY: f64 = 0.98;

/// What the last look rests on.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    /// When something is due.
    until: Option<Timestamp>,
    /// What the assets earned.
    earns: Vec<Option<u64>>,
    /// Whether value shares, brakes and the tilt of the target decide.
    upkeep: bool,
}

impl Rest {
    /// What a hold at `now` rests on; `None` for one that depends on more than can be watched cheaply.
    pub(super) fn on(
        hold: &Hold,
        policy: &Policy,
        now: Timestamp,
        earns: &[Option<u64>],
        gap: Option<Timestamp>,
    ) -> Option<Self> {
        let (until, upkeep) = match hold {
            Hold::OnTarget(_) | Hold::YieldNotCaptured { .. } => {
                (policy.schedule.as_ref().and_then(|schedule| schedule.next_due(now)), true)
            }
            Hold::Unknown(Missing::PriceOf(_)) | Hold::LeftAlone { .. } | Hold::Frozen { waits_for: Thaw::Asset(_), .. } => {
                (None, false)
            }
            Hold::Frozen { waits_for: Thaw::Until(until), .. } => (Some(*until), false),
            _ => return None,
        };
        let persists = gap.zip(policy.yields.as_ref()).map(|(since, rule)| since.plus(rule.persist)).filter(|end| *end > now);
        let until = [until, persists].into_iter().flatten().min();
        Some(Self { until, earns: earns.to_vec(), upkeep })
    }
}

impl Run<'_> {
    /// Whether a look at this tick would see what the last one saw. Whether pegs have moved more than their levels is known already.
    pub(super) fn rests(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        earns: &[Option<u64>],
        deviations: &[Option<Weight>],
    ) -> bool {
        let Some(rest) = &self.rest else { return false };
        if rest.until.is_some_and(|until| now >= until) || rest.earns != earns || self.is_moving(now) {
            return false;
        }
        let upkeep = rest.upkeep;
        self.on_its_side(policy) && (!upkeep || (is_calm(policy, deviations) && self.brakes_rest(policy)))
    }

    /// Whether value shares are as far from their weights as before: clearly within the threshold, or clearly beyond it.
    fn on_its_side(&self, policy: &Policy) -> bool {
        let mut values = 0.0;
        for (held, peg) in self.whole.iter().zip(&self.view.pegs) {
            // Without a price nothing is known of shares, and no clock moves.
            let Some(price) = peg.price() else { return true };
            values += held.balance * price.as_f64();
        }
        let off = |(held, peg): (&Side, &Peg)| {
            let share = peg.price().map_or(0.0, |price| held.balance * price.as_f64()) / values;
            (share - held.weight).abs()
        };
        let drift = self.whole.iter().zip(&self.view.pegs).map(off).fold(0.0, f64::max);
        let threshold = policy.composition.threshold.as_fraction();
        if self.memory.composition_off_since.is_some() { drift * SHY > threshold } else { drift < threshold * SHY }
    }

    /// Whether the brakes stay where they are: the pool has hardly grown since they were set.
    fn brakes_rest(&mut self, policy: &Policy) -> bool {
        let Some(rule) = &policy.brakes else { return true };
        if std::mem::take(&mut self.touched) {
            let supply = super::trading::float(self.pool.supply) / 1e18;
            let moved = |(held, token): (&Side, &Token)| {
                let reference = f64::from(token.breaker.reference().0) / 1e18;
                held.weight * (reference * held.balance / (supply * held.weight)).ln()
            };
            self.grown = self.whole.iter().zip(&self.pool.tokens).map(moved).sum::<f64>().exp_m1();
        }
        self.grown.abs() < rule.fall.as_fraction() * GROWTH * SHY
    }
}

/// Whether the deviations are too small to tilt the target out of its dead band: a weight is lowered by `v` at most, and no share moves by
/// more than `v / (1 - v)`.
fn is_calm(policy: &Policy, deviations: &[Option<Weight>]) -> bool {
    let Some(rule) = &policy.tilt.volatility else { return true };
    let most = deviations.iter().flatten().max().copied().unwrap_or_default();
    let lowered = most.as_fraction() * f64::from(rule.gain_bps) / 1e4;
    lowered < 1.0 && lowered / (1.0 - lowered) < policy.tilt.dead_band.as_fraction() * SHY
}
