//! What the answers to a depeg cost, side by side, at the size of the position: what is lost if the coin recovers, what is left if it
//! dies, and from which probability of its death each answer is the best of them. And the mandate: how much weight of a coin the owner's
//! limit of loss allows.
//!
//! For a position worth `V` whose share `w` is in a coin at price `m`, which goes to 1 or to the floor `R`:
//!
//! - *hold*: arbitrage keeps the share at `w`, so the position goes with `(p/m)^w`: it buys the coin all the way down.
//! - *freeze*: the amounts stay, `1 - w + w p/m`.
//! - *derisk*: the share goes to `w'` at the price `m`, arbitrage takes its part, and the rest is frozen.
//! - *exit*: what is taken out stands still like a frozen position.
//! - *brakes*: held until the price has moved by the brake's bound, frozen from there on.
//!
//! The market's own word for the probability is `(1 - m) / (1 - R)`: whoever acts "above p" claims to know better. So none of this
//! decides; it is shown, and an owner decides by a mandate.
//!
//! The outlook is statistics, and so in floats; the mandate is integers.

use crate::domain::policy::{BrakeRule, DepegAnswer};
use crate::domain::units::{Price, Rounding, Usd, WAD, Weight, mul_div};

/// A position with one coin (or the coins of one risk group) in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// What the position is worth at present prices.
    pub value: Usd,
    /// Share of the coin.
    pub weight: Weight,
    /// Its price.
    pub price: Price,
    /// What it is worth when it is dead. Below its price.
    pub floor: Price,
}

/// What the answers cost beyond the prices' own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerCosts {
    /// Gas of stopping trading and of starting it again, and the fees that are not earned meanwhile.
    pub freeze: Usd,
    /// Share of the coin after it was sold.
    pub derisk_to: Weight,
    /// What arbitrage and gas take for that, there and back.
    pub derisk: Usd,
    /// Gas of taking all of it out.
    pub exit: Usd,
    /// The chain's own brakes, where they are set.
    pub brakes: Option<BrakeRule>,
}

/// An answer as the outlook knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// One that a policy can give.
    Policy(Given),
    /// The chain's own brakes, which act without anybody.
    Brakes,
}

/// [`DepegAnswer`], ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Given {
    /// Nothing.
    Hold,
    /// Stop trading.
    Freeze,
    /// Sell, then stop trading.
    Derisk,
    /// Leave.
    Exit,
}

impl Answer {
    /// The word of the settings.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Policy(Given::Hold) => DepegAnswer::Hold.label(),
            Self::Policy(Given::Freeze) => DepegAnswer::Freeze.label(),
            Self::Policy(Given::Derisk) => DepegAnswer::Derisk.label(),
            Self::Policy(Given::Exit) => DepegAnswer::Exit.label(),
            Self::Brakes => "breakers",
        }
    }
}

/// From which probability of the coin's death an answer is the best of all that were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakEven {
    /// At none: whatever happens, another one is at least as good, and better for once.
    Never,
    /// Between these two, 1 = certain death.
    Between(Weight, Weight),
}

/// What one answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The answer.
    pub answer: Answer,
    /// What the position is worth if the coin is a dollar again.
    pub if_recovers: Usd,
    /// What it is worth if the coin falls to its floor.
    pub if_dies: Usd,
    /// What it costs in comparison with the best answer if the coin recovers.
    pub cost_if_recovers: Usd,
    /// What is lost of today's value if the coin dies.
    pub loss_if_dies: Usd,
    /// When it is the best.
    pub best: BreakEven,
}

/// All answers side by side. `None` where there is no coin in question: its price is not between floor and par.
#[must_use]
pub fn outlook(exposure: &Exposure, costs: &AnswerCosts) -> Option<Vec<Outlook>> {
    let Exposure { value, weight, price, floor } = *exposure;
    if price <= floor || price > Price::PAR || weight == Weight::ZERO || weight > Weight::ONE {
        return None;
    }
    let (value, w) = (value.as_f64(), weight.as_fraction());
    let (up, down) = (1.0 / price.as_f64(), floor.as_f64() / price.as_f64());
    let held = |to: f64| value * to.powf(w);
    let frozen = |value: f64, w: f64, to: f64| value * (1.0 - w + w * to);
    let mut ends = vec![
        (Answer::Policy(Given::Hold), held(up), held(down)),
        (
            Answer::Policy(Given::Freeze),
            frozen(value, w, up) - costs.freeze.as_f64(),
            frozen(value, w, down) - costs.freeze.as_f64(),
        ),
        {
            let left = value - costs.derisk.as_f64() - costs.freeze.as_f64();
            let w = costs.derisk_to.as_fraction().min(w);
            (Answer::Policy(Given::Derisk), frozen(left, w, up), frozen(left, w, down))
        },
        {
            let end = |to| frozen(value, w, to) - costs.exit.as_f64();
            (Answer::Policy(Given::Exit), end(up), end(down))
        },
    ];
    if let Some(brakes) = costs.brakes {
        let end = |to: f64| {
            let bound = if to < 1.0 { 1.0 - brakes.fall.as_fraction() } else { 1.0 + brakes.rise.as_fraction() };
            let traded = if to < 1.0 { to.max(bound) } else { to.min(bound) };
            frozen(held(traded), w, to / traded)
        };
        ends.push((Answer::Brakes, end(up), end(down)));
    }
    let best_up = ends.iter().map(|(_, up, _)| *up).fold(f64::MIN, f64::max);
    let told = |(answer, up, down): &(Answer, f64, f64)| Outlook {
        answer: *answer,
        if_recovers: Usd::estimate(*up),
        if_dies: Usd::estimate(*down),
        cost_if_recovers: Usd::estimate(best_up - up),
        loss_if_dies: Usd::estimate(value - down),
        best: break_even((*up, *down), ends.iter().filter(|(other, ..)| other != answer).map(|(_, up, down)| (*up, *down))),
    };
    Some(ends.iter().map(told).collect())
}

/// When an answer with these two ends is at least as good as all others.
fn break_even((up, down): (f64, f64), others: impl Iterator<Item = (f64, f64)>) -> BreakEven {
    let (mut from, mut to) = (0.0f64, 1.0f64);
    for (other_up, other_down) in others {
        // What this one is ahead at certain recovery, and at certain death; in between it is a straight line.
        let (alive, dead) = (up - other_up, down - other_down);
        if alive < 0.0 && dead < 0.0 {
            return BreakEven::Never;
        }
        if alive < 0.0 {
            from = from.max(alive / (alive - dead));
        } else if dead < 0.0 {
            to = to.min(alive / (alive - dead));
        }
    }
    if from > to { BreakEven::Never } else { BreakEven::Between(probability(from), probability(to)) }
}

/// What the market says of the coin's death: a coin at `m` that goes to 1 or to `R` is worth its price at this probability.
#[must_use]
pub fn implied_death(price: Price, floor: Price) -> Option<Weight> {
    let (fallen, whole) = (WAD.saturating_sub(price.wad()), WAD.checked_sub(floor.wad())?);
    mul_div(fallen, WAD, whole, Rounding::Down).map(|part| Weight::from_wad(part.min(WAD)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate for people; saturates"
)]
fn probability(estimate: f64) -> Weight {
    Weight::from_wad(((estimate * WAD as f64) as u128).min(WAD))
}

/// What part of its value a coin loses when it dies. `None` at or below the floor: it is dead, and there is nothing left to lose.
#[must_use]
pub fn severity(price: Price, floor: Price) -> Option<Weight> {
    let fall = price.wad().checked_sub(floor.wad()).filter(|fall| *fall > 0)?;
    mul_div(fall, WAD, price.wad(), Rounding::Up).map(Weight::from_wad)
}

/// The greatest weight that a coin may have so that no more than `max_loss` of the position is lost if it dies.
#[must_use]
pub fn allowed(price: Price, floor: Price, max_loss: Weight) -> Weight {
    let allowed = severity(price, floor).and_then(|severity| mul_div(max_loss.wad(), WAD, severity.wad(), Rounding::Down));
    allowed.map_or(Weight::ONE, |allowed| Weight::from_wad(allowed.min(WAD)))
}

#[cfg(test)]
mod tests;
