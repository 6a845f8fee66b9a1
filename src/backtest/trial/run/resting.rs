//! When a look would see what the last one saw. Most ticks change nothing that a decision depends on but prices within their bounds; to
//! decide at each of them again costs all the time that a trial takes. A pool rests while it can be shown that it would be decided the
//! same and remembered the same: what is nearly at a line is not rested on.
//!
//! [`super::quiet`] passes over whole stretches of rest. That resting changes nothing is a test: every contender takes the same course when it looks at every tick.

use super::Run;
use crate::backtest::trial::lanes::Coin;
use crate::domain::allocation::largest_distance;
use crate::domain::brakes::GROWTH;
use crate::domain::decide::{Hold, Missing, Thaw, gap_between};
use crate::domain::policy::Policy;
use crate::domain::position::Mandate;
use crate::domain::target::{Signals, tilted};
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{Timestamp, Usd, Weight};
use crate::simulation::arbitrage::Side;
use crate::simulation::pool::Token;

/// How close to a line one may come and still rest: floats are not exact, and need not be.
pub(super) const SHY: f64 = 0.999_9;

/// What the last look rests on.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    /// When something is due.
    pub(super) until: Option<Timestamp>,
    /// What was decided of what the assets earned.
    yields: Yields,
    /// Whether value shares, brakes and the tilt of the target decide.
    pub(super) upkeep: bool,
    /// Where the target stood.
    pub(super) stance: Stance,
    /// What is due, and waits for gas that it may pay.
    asks: Option<Asks>,
}

/// Where the target of a quiet pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// Nothing tilts it.
    Untilted,
    /// It is tilted, and clearly not so far from the weights that a move would begin by itself; whether it is clearly far enough for a
    /// move that is due anyway.
    Tilted {
        /// Whether it is.
        moves: bool,
    },
    /// Nobody asks for it: what is due is decided before.
    Unasked,
    /// It is too close to a line to rest on.
    Unclear,
}

/// What a decision takes from yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Yields {
    /// Nothing: nobody asks, and the pool earns none of them.
    Nothing,
    /// Whether they are worth telling, because the pool earns none of them.
    Told(bool),
    /// All of them.
    All(Vec<Option<u64>>),
}

impl Yields {
    pub(super) fn of(earns: Vec<Option<u64>>, policy: &Policy, mandate: &Mandate) -> Self {
        let accrues = mandate.accrues.iter().any(|accrues| *accrues);
        match &policy.yields {
            None if !accrues => Self::Nothing,
            Some(rule) if !accrues && !rule.uncaptured => {
                Self::Told(gap_between(&earns).is_some_and(|gap| gap.bps > rule.gap_bps))
            }
            _ => Self::All(earns),
        }
    }
}

/// A request for gas.
#[derive(Clone, Copy, Debug)]
struct Asks {
    class: Class,
    gas_used: u64,
    benefit: Option<Usd>,
}

impl Rest {
    /// What a hold at `now` rests on; `None` for one that depends on more than can be watched cheaply.
    pub(super) fn on(hold: &Hold, yields: &Yields, stance: Stance, quiet: Quiet<'_>) -> Option<Self> {
        let rest = Self { until: None, yields: yields.clone(), upkeep: false, stance, asks: None };
        let rest = match hold {
            Hold::OnTarget(_) | Hold::YieldNotCaptured { .. } => Self { until: quiet.until(), upkeep: true, ..rest },
            Hold::Unknown(Missing::PriceOf(_)) | Hold::LeftAlone { .. } | Hold::Frozen { waits_for: Thaw::Asset(_), .. } => rest,
            Hold::Frozen { waits_for: Thaw::Until(until), .. } => Self { until: Some(*until), ..rest },
            _ => return None,
        };
        let until = [rest.until, quiet.persists()].into_iter().flatten().min();
        Some(Self { until, ..rest })
    }

    /// What a request rests on whose gas is too dear: for the brakes alone, which are the last that is looked after.
    pub(super) fn asking(
        (trigger, gas_used, benefit): (&Trigger, u64, Option<Usd>),
        yields: &Yields,
        quiet: Quiet<'_>,
    ) -> Option<Self> {
        let Trigger::Breakers { .. } = trigger else { return None };
        let until = [quiet.until(), quiet.persists()].into_iter().flatten().min();
        let asks = Asks { class: trigger.class(), gas_used, benefit };
        Some(Self { until, yields: yields.clone(), upkeep: true, stance: Stance::Unasked, asks: Some(asks) })
    }
}

/// What becomes due by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet<'a> {
    pub(super) policy: &'a Policy,
    pub(super) now: Timestamp,
    /// Since when there has been a gap between yields.
    pub(super) gap: Option<Timestamp>,
}

impl Quiet<'_> {
    /// The next time of the schedule.
    fn until(self) -> Option<Timestamp> {
        self.policy.schedule.as_ref().and_then(|schedule| schedule.next_due(self.now))
    }

    /// When a gap between yields has lasted.
    fn persists(self) -> Option<Timestamp> {
        let rule = self.policy.yields.as_ref()?;
        self.gap.map(|since| since.plus(rule.persist)).filter(|end| *end > self.now)
    }
}

impl Run<'_> {
    /// Whether a look at this tick would see what the last one saw. Whether pegs have moved more than their levels is known already.
    pub(super) fn rests(&mut self, policy: &Policy, now: Timestamp, yields: &Yields, deviations: &[Option<Weight>]) -> bool {
        let Some(rest) = &self.rest else { return false };
        if rest.until.is_some_and(|until| now >= until) || rest.yields != *yields || self.is_moving(now) {
            return false;
        }
        let (upkeep, stance) = (rest.upkeep, rest.stance);
        let stands = || match stance {
            Stance::Unasked => true,
            Stance::Unclear => false,
            stance => self.stance(policy, yields, deviations) == stance,
        };
        self.on_its_side(policy, self.row) && (!upkeep || (stands() && self.brakes_rest(policy))) && self.still_asks(now)
    }

    /// Where the target stands.
    pub(super) fn stance(&self, policy: &Policy, yields: &Yields, deviations: &[Option<Weight>]) -> Stance {
        if is_calm(policy, deviations) {
            return Stance::Untilted;
        }
        if matches!(yields, Yields::All(_)) {
            return Stance::Unclear;
        }
        // The pool earns none of the yields.
        let earned = vec![Some(0); deviations.len()];
        let target = tilted(&self.setup.mandate, &policy.tilt, Signals { deviations, yields: &earned });
        let weights: Vec<Weight> = self.pool.tokens.iter().map(|token| Weight::from_wad(token.end_weight)).collect();
        let off = target.ok().and_then(|target| largest_distance(&weights, target.weights.weights()));
        let Some(off) = off.map(|(_, off)| off.as_fraction()) else { return Stance::Unclear };
        let (threshold, dead_band) = (policy.drift_threshold.as_fraction(), policy.dead_band.as_fraction());
        match off {
            off if off >= threshold * SHY => Stance::Unclear,
            off if off < dead_band * SHY => Stance::Tilted { moves: false },
            off if off * SHY > dead_band => Stance::Tilted { moves: true },
            _ => Stance::Unclear,
        }
    }

    /// Whether what waits for gas still has to.
    pub(super) fn still_asks(&mut self, now: Timestamp) -> bool {
        let (Some(policy), Some(asks)) = (self.policy, self.rest.as_ref().and_then(|rest| rest.asks)) else { return true };
        let cap = self.cap(policy, asks.class, asks.gas_used, asks.benefit, now);
        if self.gas.price <= cap.at(now) {
            return false;
        }
        self.waits(asks.class, cap);
        true
    }

    /// Whether value shares are as far from their weights as before: clearly within the threshold, or clearly beyond it.
    pub(super) fn on_its_side(&self, policy: &Policy, row: &[Coin]) -> bool {
        let values: f64 = self.whole.iter().zip(row).map(|(held, coin)| held.balance * coin.price).sum();
        // Without a price nothing is known of shares, and no clock moves.
        if values.is_nan() {
            return true;
        }
        let off = |(held, coin): (&Side, &Coin)| (held.balance * coin.price / values - held.weight).abs();
        let drift = self.whole.iter().zip(row).map(off).fold(0.0, f64::max);
        let threshold = policy.composition.threshold.as_fraction();
        if self.memory.composition_off_since.is_some() { drift * SHY > threshold } else { drift < threshold * SHY }
    }

    /// Whether the brakes stay where they are: the pool has hardly grown since they were set. Or, where they wait for gas, whether it
    /// still has grown by too much.
    pub(super) fn brakes_rest(&mut self, policy: &Policy) -> bool {
        let Some(rule) = &policy.brakes else { return true };
        if std::mem::take(&mut self.touched) {
            let supply = super::trading::float(self.pool.supply) / 1e18;
            let moved = |(held, token): (&Side, &Token)| {
                let reference = f64::from(token.breaker.reference().0) / 1e18;
                held.weight * (reference * held.balance / (supply * held.weight)).ln()
            };
            self.grown = self.whole.iter().zip(&self.pool.tokens).map(moved).sum::<f64>().exp_m1();
        }
        let (grown, most) = (self.grown.abs(), rule.fall.as_fraction() * GROWTH);
        let due = self.rest.as_ref().is_some_and(|rest| rest.asks.is_some());
        if due { grown * SHY > most } else { grown < most * SHY }
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
