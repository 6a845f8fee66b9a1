//! How long a gradual weight change takes. Every block of a ramp leaves the pool a little off its weights, and arbitrageurs keep
//! the difference: too fast gives money away, too slow only leaves the pool exposed.
//!
//! The model, for a pool worth `T` that moves from weights `w` to `w'`, blocks of `dt`, and a trade that costs an arbitrageur
//! `g`:
//!
//! - `KL = sum w'_i ln(w'_i / w_i)`: log loss of the move in a single step. A step loses `T (1 - e^-KL)`.
//! - `K = T / 2 sum (w'_i - w_i) ln(w'_i / w_i)`: what small steps along the straight line lose, times their number. It is
//!   the mean of `T KL` there and back, because a step that small loses as much in either direction. A ramp over `D` has
//!   `n = D / dt` blocks; arbitrageurs trade every `m = max(1, ceil(n sqrt(g / K)))` of them, when the profit pays the gas. It
//!   loses `K m / n`, and never more than the step.
//! - Past `D* = dt sqrt(K / g)` the loss stays at about `sqrt(K g)`: a longer ramp buys nothing.
//!
//! Within 5 % of what the real contracts lose while two coins move, from one block to one day; `.ci/ramp-grid` measures it, and
//! the test holds the figures. Two things are not in the model. Where three coins move, an arbitrageur pays for a swap of each
//! pair, and the loss was between a fifth less and half as much again. And if arbitrageurs miss a part `p` of the blocks, a ramp
//! that is shorter than `D*` loses `(1 + p) / (1 - p)` times as much.
//!
//! [`legs`] chooses between one straight line and several that follow the shortest way, and keeps to the loss budget.
//!
//! The model is statistics and uses floats. What reaches the chain (weights, and the velocity that bounds a duration) is integer.

pub mod legs;

use std::time::Duration;

use crate::domain::policy::RampRule;
use crate::domain::units::{Rounding, Timestamp, Usd, Weight, mul_div};

/// The surroundings that a ramp's cost depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampMarket {
    /// What the pool holds.
    pub pool_value: Usd,
    /// Time between two blocks of the chain. Above zero.
    pub block_time: Duration,
    /// What one trade costs an arbitrageur: [`RampRule::arbitrage_gas`] at the present prices of gas and ether.
    pub arbitrage_cost: Usd,
}

/// A duration and what it is expected to cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampChoice {
    /// Whole seconds, at least one.
    pub duration: Duration,
    /// What the pool is expected to lose to arbitrage.
    pub expected_loss: Usd,
}

/// Why there is no ramp for a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RampFault {
    /// Both sets of weights are the same: there is nothing to do.
    #[error("the weights are already at their target")]
    NoMove,
    /// The two sets do not belong to the same pool.
    #[error("found {from} weights now and {to} in the target; expected the same number")]
    Lengths {
        /// Number of present weights.
        from: usize,
        /// Number of target weights.
        to: usize,
    },
    /// A weight of zero has no logarithm, and no weighted pool has one.
    #[error("token {index} has a weight of zero; expected more")]
    ZeroWeight {
        /// Place of the token in the set.
        index: usize,
    },
    /// A set that is not a whole pool.
    #[error("the weights of a set do not sum to 100 %")]
    NotNormalised,
    /// The chain's time between blocks is zero.
    #[error("the block time is zero; expected more")]
    NoBlockTime,
    /// The velocity limit is zero (or so small that the ramp would outlast the clock): no weight may move.
    #[error("the velocity limit does not allow this move")]
    NoVelocity,
    /// No ramp that the rule allows keeps to the loss budget.
    #[error("the move is expected to lose {loss}; its budget is {budget}")]
    OverBudget {
        /// What the cheapest ramp is expected to lose.
        loss: Usd,
        /// What it may.
        budget: Usd,
    },
    /// A product left 128 bits: no real weights or times do that.
    #[error("the numbers of the ramp overflow")]
    Overflow,
}

/// Chooses the duration of a move: the longest that still buys something, inside `rule.min..=rule.max` (the minimum wins if the
/// two contradict each other), then raised until no weight moves faster than the velocity limit, which wins over the maximum too.
///
/// Without gas cost a longer ramp is always cheaper: the choice is the maximum. When a trade costs more than the whole move is
/// worth the choice is the minimum.
///
/// # Errors
/// There is nothing to move, or the sets are not two states of one pool; see [`RampFault`].
pub fn duration(from: &[Weight], to: &[Weight], market: &RampMarket, rule: &RampRule) -> Result<RampChoice, RampFault> {
    let at_stake = at_stake(from, to, market)?;
    let careful = |longest: Duration| Duration::from_secs(longest.mul_f64(CAREFUL).as_secs());
    let useful = longest_useful(at_stake, market).map_or(rule.max, careful);
    let chosen = useful.min(rule.max).max(rule.min).max(fastest(from, to, rule.max_velocity_per_hour)?);
    let duration = whole_seconds_up(chosen)?;
    Ok(RampChoice { duration, expected_loss: loss(at_stake, duration, market) })
}

/// What a ramp of this duration is expected to lose. A duration of zero is a step.
///
/// # Errors
/// As for [`duration`].
pub fn expected_loss(from: &[Weight], to: &[Weight], duration: Duration, market: &RampMarket) -> Result<Usd, RampFault> {
    Ok(loss(at_stake(from, to, market)?, duration, market))
}

/// Whether a ramp of this duration moves no weight faster than `max_per_hour`. Exact: the limit itself is allowed.
#[must_use]
pub fn velocity_ok(from: &[Weight], to: &[Weight], duration: Duration, max_per_hour: Weight) -> bool {
    // |move| / duration <= max / hour, cross-multiplied. A product that overflows on the left is too fast, on the right slow
    // enough.
    let allowed = max_per_hour.wad().saturating_mul(duration.as_nanos());
    from.len() == to.len()
        && from
            .iter()
            .zip(to)
            .all(|(from, to)| from.abs_diff(*to).wad().checked_mul(HOUR.as_nanos()).is_some_and(|moved| moved <= allowed))
}

/// The weights of a ramp at `now`: `from` until `start`, `to` from `end` on, and a straight line in between. When both sets sum
/// to 100 %, so does every point of the line.
///
/// An approximation of the chain's own: pools store weights compressed and interpolate in block time, so theirs may differ by
/// parts in a million. Good for deciding, not for asserting equality.
///
/// # Errors
/// The sets differ in length, or a weight or time is far outside its range.
pub fn interpolate(
    start: Timestamp,
    end: Timestamp,
    from: &[Weight],
    to: &[Weight],
    now: Timestamp,
) -> Result<Vec<Weight>, RampFault> {
    if from.len() != to.len() {
        return Err(RampFault::Lengths { from: from.len(), to: to.len() });
    }
    if now >= end {
        return Ok(to.to_vec());
    }
    if now <= start {
        return Ok(from.to_vec());
    }
    let total = end.since(start).as_millis();
    let gone = now.since(start).as_millis();
    let parts = from.iter().zip(to).map(|(from, to)| line(*from, *to, gone, total)).collect::<Option<Vec<_>>>();
    let parts = parts.ok_or(RampFault::Overflow)?;

    // Every weight was rounded down. What that took from the whole is less than one unit for each weight that was cut, so one
    // unit back for some of those restores the sum and keeps every weight between its ends.
    let mut missing = parts
        .iter()
        .try_fold(0u128, |sum, (_, rest)| sum.checked_add(*rest))
        .and_then(|rests| rests.checked_div(total))
        .ok_or(RampFault::Overflow)?;
    let give_back = |(weight, rest): (u128, u128)| {
        let unit = u128::from(rest > 0 && missing > 0);
        missing = missing.saturating_sub(unit);
        Weight::from_wad(weight.saturating_add(unit))
    };
    Ok(parts.into_iter().map(give_back).collect())
}

const HOUR: Duration = Duration::from_hours(1);

/// The part of `D*` that is planned. One block past `D*` arbitrageurs wait for a second one, and the loss doubles; a ramp of
/// exactly `D*` is past it in some of its blocks, and lost up to 1.7 times as much on the contracts. This much less costs a
/// twentieth more, and lets gas rise by a tenth before it is too long.
const CAREFUL: f64 = 0.95;

/// `from + (to - from) * gone / total`, as quotient and remainder.
fn line(from: Weight, to: Weight, gone: u128, total: u128) -> Option<(u128, u128)> {
    let left = total.checked_sub(gone)?;
    let sum = from.wad().checked_mul(left)?.checked_add(to.wad().checked_mul(gone)?)?;
    Some((sum.checked_div(total)?, sum.checked_rem(total)?))
}

/// The shortest duration that the velocity limit allows, in whole seconds.
fn fastest(from: &[Weight], to: &[Weight], max_per_hour: Weight) -> Result<Duration, RampFault> {
    let furthest = from.iter().zip(to).map(|(from, to)| from.abs_diff(*to)).max().unwrap_or(Weight::ZERO);
    mul_div(furthest.wad(), u128::from(HOUR.as_secs()), max_per_hour.wad(), Rounding::Up)
        .and_then(|secs| u64::try_from(secs).ok())
        .map(Duration::from_secs)
        .ok_or(RampFault::NoVelocity)
}

fn whole_seconds_up(duration: Duration) -> Result<Duration, RampFault> {
    let up = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().checked_add(up).map(Duration::from_secs).ok_or(RampFault::Overflow)
}

/// What a move puts at stake.
#[derive(Clone, Copy)]
struct AtStake {
    /// `T`.
    pool: f64,
    /// `KL`.
    step: f64,
    /// `K / T`.
    line: f64,
}

impl AtStake {
    /// `K`, in dollars.
    fn whole(self) -> f64 {
        self.pool * self.line
    }
}

fn at_stake(from: &[Weight], to: &[Weight], market: &RampMarket) -> Result<AtStake, RampFault> {
    if from.len() != to.len() {
        return Err(RampFault::Lengths { from: from.len(), to: to.len() });
    }
    if let Some(index) = from.iter().zip(to).position(|(from, to)| *from == Weight::ZERO || *to == Weight::ZERO) {
        return Err(RampFault::ZeroWeight { index });
    }
    for set in [from, to] {
        if set.iter().try_fold(Weight::ZERO, |sum, weight| sum.checked_add(*weight)) != Some(Weight::ONE) {
            return Err(RampFault::NotNormalised);
        }
    }
    if from == to {
        return Err(RampFault::NoMove);
    }
    if market.block_time.is_zero() {
        return Err(RampFault::NoBlockTime);
    }
    Ok(AtStake { pool: market.pool_value.as_f64(), step: divergence(from, to), line: along_the_line(from, to) })
}

/// `KL(to || from)`. Each token's share is taken as `w' ln(w'/w) - (w' - w)`: the extra terms sum to zero over a pool, and every
/// share is then positive, so that a small move is not lost among large terms that cancel.
fn divergence(from: &[Weight], to: &[Weight]) -> f64 {
    let share = |(from, to): (&Weight, &Weight)| to.as_fraction() * log_ratio(*from, *to) - moved(*from, *to);
    from.iter().zip(to).map(share).sum::<f64>().max(0.0)
}

/// The integral of `sum (dw_i / ds)^2 / (2 w_i)` over the straight line of a move: the log loss of `n` equal steps, times `n`.
fn along_the_line(from: &[Weight], to: &[Weight]) -> f64 {
    from.iter().zip(to).map(|(from, to)| moved(*from, *to) * log_ratio(*from, *to) / 2.0).sum()
}

fn moved(from: Weight, to: Weight) -> f64 {
    from.abs_diff(to).as_fraction() * if to < from { -1.0 } else { 1.0 }
}

/// `ln(to / from)`, exact for a small move too.
fn log_ratio(from: Weight, to: Weight) -> f64 {
    (moved(from, to) / from.as_fraction()).ln_1p()
}

/// `D*`; `None` when it is longer than any clock, as it is without gas cost.
fn longest_useful(at_stake: AtStake, market: &RampMarket) -> Option<Duration> {
    let blocks = (at_stake.whole() / market.arbitrage_cost.as_f64()).sqrt();
    // 0 / 0: nothing to lose and nothing to pay. The shortest ramp is as good as any.
    if blocks.is_nan() {
        return Some(Duration::ZERO);
    }
    Duration::try_from_secs_f64(market.block_time.as_secs_f64() * blocks).ok()
}

fn loss(at_stake: AtStake, duration: Duration, market: &RampMarket) -> Usd {
    let whole = at_stake.whole();
    if whole <= 0.0 {
        return Usd::ZERO;
    }
    let step = at_stake.pool * -(-at_stake.step).exp_m1();
    let blocks = duration.div_duration_f64(market.block_time);
    let between_trades = (blocks * (market.arbitrage_cost.as_f64() / whole).sqrt()).ceil().max(1.0);
    // A duration of zero divides by zero: infinite, and the step is the smaller of the two.
    Usd::estimate((whole * between_trades / blocks).min(step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::units::WAD;
    use proptest::prelude::*;

    const MINUTE: u64 = 60;
    const HOURS: u64 = 3_600;

    fn bps(weights: &[u32]) -> Vec<Weight> {
        weights.iter().map(|bps| Weight::from_bps(*bps)).collect()
    }

    /// Dollars from cents.
    fn usd(cents: u128) -> Usd {
        Usd::from_wad(cents * WAD / 100)
    }

    fn market(gas_cents: u128) -> RampMarket {
        RampMarket { pool_value: usd(50_000_000), block_time: Duration::from_secs(12), arbitrage_cost: usd(gas_cents) }
    }

    fn rule(min: u64, max: u64, bps_per_hour: u32) -> RampRule {
        RampRule {
            min: Duration::from_secs(min),
            max: Duration::from_secs(max),
            max_velocity_per_hour: Weight::from_bps(bps_per_hour),
            start_lead: Duration::from_secs(180),
            arbitrage_gas: 130_000,
            max_loss: None,
            max_legs: 4,
        }
    }

    /// Measured on the real contracts with `.ci/ramp-grid`, swap fee 5 bp: 40/35/25 -> 35/40/25, $500k, blocks of 12 s.
    /// Columns: one block, 2.5 min, 10 min, 1 h, 1 day, in dollars; rows: cents of gas for each trade.
    const MEASURED: [(u128, [f64; 5]); 4] = [
        (5, [3315.0, 260.6, 66.5, 22.2, 12.9]),
        (100, [3314.7, 260.6, 66.5, 66.5, 57.3]),
        (500, [3311.9, 260.6, 134.1, 128.5, 125.2]),
        (1_000, [3311.9, 255.2, 191.4, 181.4, 180.5]),
    ];

    #[test]
    fn the_model_is_within_five_percent_of_the_contracts() {
        let (from, to) = (bps(&[4_000, 3_500, 2_500]), bps(&[3_500, 4_000, 2_500]));
        for (gas, losses) in MEASURED {
            for (secs, measured) in [12, 150, 10 * MINUTE, HOURS, 24 * HOURS].into_iter().zip(losses) {
                let modelled = expected_loss(&from, &to, Duration::from_secs(secs), &market(gas)).unwrap().as_f64();
                let off = modelled / measured - 1.0;
                assert!(
                    off.abs() < 0.05,
                    "{gas} cents, {secs} s: model {modelled:.1}, contracts {measured}, {:.1} %",
                    off * 100.0
                );
            }
        }
    }

    #[test]
    fn a_ramp_loses_as_much_there_as_back() {
        // Measured in the same way at five cents, while DAI and USDC move, and while all three do. A step there loses 15 %
        // less than the line, and a step back 17 % more.
        let still = bps(&[4_000, 3_500, 2_500]);
        let loss = |from: &[Weight], to: &[Weight], secs| {
            expected_loss(from, to, Duration::from_secs(secs), &market(5)).unwrap().as_f64()
        };
        for (to, secs, there, back) in
            [(bps(&[5_000, 2_500, 2_500]), 600, 279.1, None), (bps(&[5_538, 1_000, 3_462]), 600, 1947.6, Some(1958.9))]
        {
            for (modelled, measured) in [(loss(&still, &to, secs), Some(there)), (loss(&to, &still, secs), back)] {
                assert!(measured.is_none_or(|measured| (modelled / measured - 1.0).abs() < 0.02), "{modelled}, {measured:?}");
            }
        }
    }

    #[test]
    fn a_step_loses_the_closed_form() {
        let (from, to) = (bps(&[4_000, 3_500, 2_500]), bps(&[3_500, 4_000, 2_500]));
        let step = expected_loss(&from, &to, Duration::ZERO, &market(100)).unwrap();
        // KL = 0.35 ln(0.35/0.4) + 0.4 ln(0.4/0.35) = 0.00667657; 500000 (1 - e^-KL) = 3327.165.
        assert!((step.as_f64() - 3_327.165).abs() < 0.01, "{step}");
        let dear = expected_loss(&from, &to, Duration::from_secs(600), &market(10_000_000)).unwrap();
        assert_eq!(dear, step, "a ramp never loses more than the step");
    }

    #[test]
    fn a_move_of_one_part_in_a_million_still_has_a_cost() {
        let from = [Weight::from_wad(WAD / 2), Weight::from_wad(WAD / 2)];
        let to = [Weight::from_wad(WAD / 2 + WAD / 1_000_000), Weight::from_wad(WAD / 2 - WAD / 1_000_000)];
        // KL of a small move d at w = 1/2: d^2 / (2 w) for each of two tokens = 2 d^2.
        let relative = divergence(&from, &to) / 2e-12;
        assert!((relative - 1.0).abs() < 1e-4, "{relative}");
    }

    #[test]
    fn the_longest_useful_duration_is_chosen_between_the_bounds() {
        let (from, to) = (bps(&[4_000, 3_500, 2_500]), bps(&[3_500, 4_000, 2_500]));
        let choose = |gas, rule: RampRule| duration(&from, &to, &market(gas), &rule).unwrap();
        // D* = 12 sqrt(3338.28 / 1) = 693.3 s at gas $1. 95 % of it are 658.6; the loss there is one block's share, K / (658 / 12).
        let free = choose(100, rule(60, 24 * HOURS, 10_000));
        assert_eq!(free.duration, Duration::from_secs(658));
        assert!((free.expected_loss.as_f64() - 60.9).abs() < 0.1, "{}", free.expected_loss);
        // Past D* arbitrageurs skip every other block. If gas is a tenth dearer than thought, they do not yet.
        let loss = |secs, gas| expected_loss(&from, &to, Duration::from_secs(secs), &market(gas)).unwrap().as_f64();
        assert!(loss(694, 100) > 1.9 * loss(693, 100));
        assert_eq!(expected_loss(&from, &to, free.duration, &market(110)).unwrap(), free.expected_loss);

        assert_eq!(choose(100, rule(900, 24 * HOURS, 10_000)).duration, Duration::from_secs(900), "the minimum");
        assert_eq!(choose(100, rule(60, 300, 10_000)).duration, Duration::from_secs(300), "the maximum");
        assert_eq!(choose(100, rule(900, 300, 10_000)).duration, Duration::from_secs(900), "contradicting bounds: the minimum");
        let odd = RampRule { min: Duration::from_millis(700_001), ..rule(0, HOURS, 10_000) };
        assert_eq!(choose(100, odd).duration, Duration::from_secs(701), "rounded up to whole seconds");
    }

    #[test]
    fn free_gas_takes_the_maximum_and_dear_gas_the_minimum() {
        let (from, to) = (bps(&[4_000, 6_000]), bps(&[5_000, 5_000]));
        let choose = |market: RampMarket| duration(&from, &to, &market, &rule(60, 7_200, 10_000)).unwrap();
        // Ten points at 100 points an hour take 360 s, below which nothing goes.
        assert_eq!(choose(market(0)).duration, Duration::from_secs(7_200));
        assert_eq!(choose(market(u128::pow(10, 18))).duration, Duration::from_secs(360));
        let quick = duration(&from, &to, &market(u128::pow(10, 18)), &rule(600, 7_200, 10_000)).unwrap();
        assert_eq!(quick.duration, Duration::from_secs(600));
        let empty = choose(RampMarket { pool_value: Usd::ZERO, ..market(0) });
        assert_eq!(empty, RampChoice { duration: Duration::from_secs(360), expected_loss: Usd::ZERO });
    }

    #[test]
    fn the_velocity_limit_wins_over_everything() {
        let (from, to) = (bps(&[4_000, 3_500, 2_500]), bps(&[3_500, 4_000, 2_500]));
        // Five points at 3 points an hour: 6000 s exactly. At 7: 2571.43 s.
        let slow = duration(&from, &to, &market(100), &rule(60, 600, 300)).unwrap();
        assert_eq!(slow.duration, Duration::from_secs(6_000), "above the maximum of 600 s");
        assert_eq!(duration(&from, &to, &market(100), &rule(60, 600, 700)).unwrap().duration, Duration::from_secs(2_572));
        assert!(velocity_ok(&from, &to, Duration::from_secs(6_000), Weight::from_bps(300)), "the limit itself is allowed");
        assert!(!velocity_ok(&from, &to, Duration::from_nanos(5_999_999_999_999), Weight::from_bps(300)));
        assert!(!velocity_ok(&from, &to, Duration::ZERO, Weight::ONE), "a step is infinitely fast");
        assert!(velocity_ok(&from, &from, Duration::ZERO, Weight::ZERO), "no move has no speed");
        assert!(!velocity_ok(&from, &to[..2], Duration::MAX, Weight::ONE));
        assert_eq!(duration(&from, &to, &market(100), &rule(60, 600, 0)), Err(RampFault::NoVelocity));
    }

    #[test]
    fn what_is_not_a_move_of_one_pool_is_a_fault() {
        let from = bps(&[4_000, 6_000]);
        let fault = |to: &[u32], market: RampMarket| duration(&from, &bps(to), &market, &rule(60, 600, 300)).unwrap_err();
        assert_eq!(fault(&[4_000, 6_000], market(1)), RampFault::NoMove);
        assert_eq!(fault(&[4_000, 5_000, 1_000], market(1)), RampFault::Lengths { from: 2, to: 3 });
        assert_eq!(fault(&[10_000, 0], market(1)), RampFault::ZeroWeight { index: 1 });
        assert_eq!(fault(&[4_000, 5_999], market(1)), RampFault::NotNormalised);
        assert_eq!(fault(&[5_000, 5_000], RampMarket { block_time: Duration::ZERO, ..market(1) }), RampFault::NoBlockTime);
        assert_eq!(duration(&[], &[], &market(1), &rule(60, 600, 300)), Err(RampFault::NotNormalised));
    }

    #[test]
    fn interpolation_is_a_straight_line_that_stays_a_pool() {
        let (from, to) = (bps(&[4_000, 3_500, 2_500]), bps(&[3_500, 4_000, 2_500]));
        let at = |secs| {
            interpolate(Timestamp::from_secs(100), Timestamp::from_secs(400), &from, &to, Timestamp::from_secs(secs)).unwrap()
        };
        assert_eq!(at(0), from);
        assert_eq!(at(100), from);
        assert_eq!(at(160), bps(&[3_900, 3_600, 2_500]));
        assert_eq!(at(400), to);
        assert_eq!(at(9_999), to);
        // A seventh of the way does not come out even: the unit that rounding took goes back to one that moves.
        let (start, end) = (Timestamp::from_secs(0), Timestamp::from_secs(7));
        let seventh =
            interpolate(start, end, &bps(&[2_500, 4_000, 3_500]), &bps(&[2_500, 3_500, 4_000]), Timestamp::from_secs(1)).unwrap();
        assert_eq!(seventh, [250_000_000_000_000_000, 392_857_142_857_142_858, 357_142_857_142_857_142].map(Weight::from_wad));
        assert!(interpolate(start, end, &from, &to[..2], start).is_err());
        let absurd = [Weight::from_wad(u128::MAX)];
        assert_eq!(interpolate(start, end, &absurd, &absurd, Timestamp::from_secs(1)), Err(RampFault::Overflow));
    }

    /// Two to eight weights that sum to exactly 100 %.
    fn pool(tokens: usize) -> impl Strategy<Value = Vec<Weight>> {
        prop::collection::vec(WAD / 10_000..WAD, tokens).prop_map(|raw| {
            let sum: u128 = raw.iter().sum();
            let mut weights: Vec<u128> = raw.iter().map(|part| mul_div(*part, WAD, sum, Rounding::Down).unwrap()).collect();
            weights[0] += WAD - weights.iter().sum::<u128>();
            weights.into_iter().map(Weight::from_wad).collect()
        })
    }

    fn two_states() -> impl Strategy<Value = (Vec<Weight>, Vec<Weight>)> {
        (2usize..=8).prop_flat_map(|tokens| (pool(tokens), pool(tokens)))
    }

    proptest! {
        #[test]
        fn no_chosen_ramp_exceeds_the_velocity_limit(
            (from, to) in two_states(), value in 0..10u128.pow(12), gas in 0..10u128.pow(8), block_ms in 1..60_000u64,
            min in 0..10_000u64, max in 0..100_000u64, velocity in 1..=WAD,
        ) {
            prop_assume!(from != to);
            let block_time = Duration::from_millis(block_ms);
            let market = RampMarket { pool_value: usd(value), block_time, arbitrage_cost: usd(gas) };
            let rule = RampRule { max_velocity_per_hour: Weight::from_wad(velocity), ..rule(min, max, 0) };
            // A limit of a few wei an hour is longer than the clock, and says so.
            let Ok(choice) = duration(&from, &to, &market, &rule) else {
                prop_assert!(velocity < 1_000);
                return Ok(());
            };
            prop_assert!(velocity_ok(&from, &to, choice.duration, rule.max_velocity_per_hour));
            prop_assert!(choice.duration >= rule.min);
            prop_assert_eq!(choice.duration.subsec_nanos(), 0);
            if choice.duration > rule.max.max(rule.min) {
                let shorter = choice.duration.saturating_sub(Duration::from_secs(1));
                prop_assert!(!velocity_ok(&from, &to, shorter, rule.max_velocity_per_hour), "longer than asked without need");
            }
            prop_assert!(choice.expected_loss <= expected_loss(&from, &to, Duration::ZERO, &market).unwrap());
        }

        #[test]
        fn every_point_of_the_line_is_a_pool_between_its_ends(
            (from, to) in two_states(), start in 0..4_000_000_000_000u64, total in 1..1_000_000_000u64, permille in 0..=1_000u64,
        ) {
            let [start, end, now] = [start, start + total, start + total * permille / 1_000].map(Timestamp::from_millis);
            let weights = interpolate(start, end, &from, &to, now).unwrap();
            prop_assert_eq!(weights.iter().map(|weight| weight.wad()).sum::<u128>(), WAD);
            for ((weight, from), to) in weights.iter().zip(&from).zip(&to) {
                prop_assert!(weight >= from.min(to) && weight <= from.max(to));
            }
        }
    }
}
