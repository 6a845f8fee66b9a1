//! One ramp or several. The shortest way between two sets of weights is no straight line but an arc (a great circle in the roots of the
//! weights), and the chain only knows straight lines. A big move loses less in two or four lines along the arc, each of which costs its
//! own gas; a small one is not worth the second transaction.
//!
//! Source: Willetts and Harrington, optimal rebalancing in dynamic AMMs (arXiv 2403.18737), and Willetts 2026 (arXiv 2603.05326). The
//! middle of an arc has the weights `(sqrt(w) + sqrt(w'))^2`, normalised: integers can do that exactly.

use std::time::Duration;

use alloy_primitives::U256;

use super::{RampChoice, RampFault, RampMarket, duration, expected_loss, fastest, velocity_ok, whole_seconds_up};
use crate::domain::allocation::Allocation;
use crate::domain::policy::RampRule;
use crate::domain::units::{Rounding, Usd, WAD, Weight, mul_div};

/// How much a move presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// The cheapest way.
    Calm,
    /// The fastest way within the loss budget.
    Urgent,
}

/// How a move is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RampPlan {
    /// Where the first leg goes: the target itself, if there is one leg.
    pub first: Allocation,
    /// How many legs there are: 1, 2 or 4.
    pub legs: u32,
    /// How long the first leg takes.
    pub duration: Duration,
    /// What the first leg is expected to lose to arbitrage.
    pub expected_loss: Usd,
    /// What all of them are expected to lose.
    pub whole_loss: Usd,
}

/// Plans a move. `own_gas` is what one transaction of ours costs.
///
/// # Errors
/// As for [`duration`]; and [`RampFault::OverBudget`] when no ramp keeps to the loss budget.
pub fn plan(
    from: &Allocation,
    to: &Allocation,
    market: &RampMarket,
    rule: &RampRule,
    urgency: Urgency,
    own_gas: Usd,
) -> Result<RampPlan, RampFault> {
    let budget = rule.max_loss.map(|part| market.pool_value.share(part).ok_or(RampFault::Overflow)).transpose()?;
    let straight = duration(from.weights(), to.weights(), market, rule)?;
    if urgency == Urgency::Urgent {
        let quick = match budget {
            Some(budget) => quickest(from, to, market, rule, budget, straight)?,
            None => shortest(from, to, market, rule)?,
        };
        return Ok(RampPlan {
            first: to.clone(),
            legs: 1,
            duration: quick.duration,
            expected_loss: quick.expected_loss,
            whole_loss: quick.expected_loss,
        });
    }
    let mut best = RampPlan {
        first: to.clone(),
        legs: 1,
        duration: straight.duration,
        expected_loss: straight.expected_loss,
        whole_loss: straight.expected_loss,
    };
    let cost = |plan: &RampPlan| plan.whole_loss.saturating_add(own_gas.times(plan.legs));
    let mut points = vec![from.clone(), to.clone()];
    for legs in [2, 4].into_iter().filter(|legs| *legs <= rule.max_legs) {
        let Some(finer) = refined(&points) else { break };
        points = finer;
        let Some(several) = along(&points, legs, straight.duration, market, rule)? else { break };
        if cost(&several) < cost(&best) {
            best = several;
        }
    }
    match budget {
        Some(budget) if best.whole_loss > budget => Err(RampFault::OverBudget { loss: best.whole_loss, budget }),
        _ => Ok(best),
    }
}

/// The middle of the arc between two sets of weights.
#[must_use]
pub fn midpoint(from: &Allocation, to: &Allocation) -> Option<Allocation> {
    let middle = |(from, to): (&Weight, &Weight)| {
        // (a + b)^2 of the roots is w + w' + 2 sqrt(w w').
        let root = U256::from(from.wad()).checked_mul(U256::from(to.wad()))?.root(2);
        let twice = u128::try_from(root).ok()?.checked_mul(2)?;
        from.wad().checked_add(to.wad())?.checked_add(twice).map(Weight::from_wad)
    };
    let sums: Vec<Weight> = from.weights().iter().zip(to.weights()).map(middle).collect::<Option<_>>()?;
    Allocation::normalised(&sums).ok()
}

/// A way with the middle of each of its arcs put in.
fn refined(points: &[Allocation]) -> Option<Vec<Allocation>> {
    let mut finer = Vec::with_capacity(points.len().saturating_mul(2));
    for pair in points.windows(2) {
        let [from, to] = pair else { return None };
        finer.push(from.clone());
        finer.push(midpoint(from, to)?);
    }
    finer.push(points.last()?.clone());
    Some(finer)
}

/// A way in straight lines from point to point, in no more time than the straight line would take, shared out evenly: more legs are to
/// be a better way, not a longer one. `None` when a leg would be shorter than the rule allows.
fn along(
    points: &[Allocation],
    legs: u32,
    time: Duration,
    market: &RampMarket,
    rule: &RampRule,
) -> Result<Option<RampPlan>, RampFault> {
    let each = Duration::from_secs(time.as_secs().checked_div(u64::from(legs)).unwrap_or_default());
    let (mut whole, mut first) = (Usd::ZERO, None);
    for pair in points.windows(2) {
        let [from, to] = pair else { return Ok(None) };
        let allowed = velocity_ok(from.weights(), to.weights(), each, rule.max_velocity_per_hour);
        if each < rule.min || !allowed || from == to {
            return Ok(None);
        }
        let expected_loss = expected_loss(from.weights(), to.weights(), each, market)?;
        whole = whole.saturating_add(expected_loss);
        first.get_or_insert_with(|| (to.clone(), RampChoice { duration: each, expected_loss }));
    }
    Ok(first.map(|(first, RampChoice { duration, expected_loss })| RampPlan {
        first,
        legs,
        duration,
        expected_loss,
        whole_loss: whole,
    }))
}

/// The shortest ramp that the rule allows at all.
fn shortest(from: &Allocation, to: &Allocation, market: &RampMarket, rule: &RampRule) -> Result<RampChoice, RampFault> {
    let quick = whole_seconds_up(rule.min.max(fastest(from.weights(), to.weights(), rule.max_velocity_per_hour)?))?;
    let expected_loss = expected_loss(from.weights(), to.weights(), quick, market)?;
    Ok(RampChoice { duration: quick, expected_loss })
}

/// The shortest ramp within the budget: the loss falls with the inverse of the duration, so the one that is allowed at all is stretched
/// by as much as it loses too much. `calm` is the cheapest; where that is too dear, all are.
fn quickest(
    from: &Allocation,
    to: &Allocation,
    market: &RampMarket,
    rule: &RampRule,
    budget: Usd,
    calm: RampChoice,
) -> Result<RampChoice, RampFault> {
    let quick = shortest(from, to, market, rule)?;
    if quick.expected_loss <= budget {
        return Ok(quick);
    }
    let over = mul_div(quick.expected_loss.wad(), WAD, budget.wad(), Rounding::Up).ok_or(RampFault::Overflow);
    let stretched = over.and_then(|over| {
        let secs = mul_div(u128::from(quick.duration.as_secs()), over, WAD, Rounding::Up).ok_or(RampFault::Overflow)?;
        u64::try_from(secs).map(Duration::from_secs).map_err(|_| RampFault::Overflow)
    });
    if let Ok(stretched) = stretched
        && stretched < calm.duration
    {
        let loss = expected_loss(from.weights(), to.weights(), stretched, market)?;
        if loss <= budget {
            return Ok(RampChoice { duration: stretched, expected_loss: loss });
        }
    }
    if calm.expected_loss <= budget {
        return Ok(calm);
    }
    Err(RampFault::OverBudget { loss: calm.expected_loss, budget })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{bps, usd};

    const HOUR: Duration = Duration::from_hours(1);

    fn set(weights: &[u32]) -> Allocation {
        Allocation::exact(bps(weights)).unwrap()
    }

    fn market(gas: u128) -> RampMarket {
        RampMarket { pool_value: usd(500_000), block_time: Duration::from_secs(12), arbitrage_cost: usd(gas) }
    }

    const RULE: RampRule = RampRule {
        min: Duration::from_mins(10),
        max: HOUR,
        max_velocity_per_hour: Weight::ONE,
        start_lead: Duration::from_mins(3),
        arbitrage_gas: 130_000,
        max_loss: None,
        max_legs: 4,
    };

    #[test]
    fn the_middle_of_an_arc_is_nearer_to_both_ends_than_the_middle_of_the_line() {
        let (from, to) = (set(&[4_000, 3_500, 2_500]), set(&[6_000, 100, 3_900]));
        let middle = midpoint(&from, &to).unwrap();
        let arc = |a: &Allocation, b: &Allocation| {
            let cosine: f64 = a.weights().iter().zip(b.weights()).map(|(a, b)| (a.as_fraction() * b.as_fraction()).sqrt()).sum();
            cosine.min(1.0).acos()
        };
        assert!((arc(&from, &middle) - arc(&middle, &to)).abs() < 1e-6, "it is the middle");
        assert!((arc(&from, &middle) + arc(&middle, &to) - arc(&from, &to)).abs() < 1e-6, "and on the way");
        assert!(middle.weights()[1] < Weight::from_bps(1_800), "the line would be at 18 %");
        assert_eq!(midpoint(&from, &from), Some(from));
    }

    #[test]
    fn a_small_move_is_one_line_and_a_big_one_is_several_when_gas_is_cheap() {
        let (small, big) = (set(&[3_500, 4_000, 2_500]), set(&[6_000, 100, 3_900]));
        let from = set(&[4_000, 3_500, 2_500]);
        let legs = |to: &Allocation, gas| plan(&from, to, &market(1), &RULE, Urgency::Calm, gas).unwrap();
        assert_eq!(legs(&small, usd(1)).legs, 1);
        let several = legs(&big, usd(1));
        assert!(several.legs > 1 && several.first != big, "{several:?}");
        let never = RampRule { max_legs: 1, ..RULE };
        assert_eq!(plan(&from, &big, &market(1), &never, Urgency::Calm, usd(1)).unwrap().legs, 1, "the rule says so");
        let one = legs(&big, usd(100_000));
        assert_eq!((one.legs, &one.first), (1, &big));
        let saved = 1.0 - several.whole_loss.as_f64() / one.whole_loss.as_f64();
        assert!(saved > 0.1, "{saved}");
    }

    #[test]
    fn whoever_follows_the_first_leg_arrives() {
        let (mut at, to) = (set(&[4_000, 3_500, 2_500]), set(&[6_000, 100, 3_900]));
        for _ in 0..20 {
            match plan(&at, &to, &market(1), &RULE, Urgency::Calm, usd(1)) {
                Ok(leg) => at = leg.first,
                Err(RampFault::NoMove) => break,
                Err(fault) => panic!("{fault}"),
            }
        }
        assert_eq!(at, to);
    }

    #[test]
    fn an_urgent_move_takes_the_shortest_ramp_that_its_budget_allows() {
        let (from, to) = (set(&[4_000, 3_500, 2_500]), set(&[4_800, 2_200, 3_000]));
        let of = |budget: Option<u32>, urgency| {
            let rule = RampRule { max_loss: budget.map(Weight::from_bps), min: Duration::from_mins(1), ..RULE };
            plan(&from, &to, &market(1), &rule, urgency, usd(1))
        };
        let free = of(None, Urgency::Urgent).unwrap();
        assert_eq!(free.duration, Duration::from_secs(13 * 36), "by the velocity limit: 13 points at 100 an hour");
        let ample = of(Some(1_000), Urgency::Urgent).unwrap();
        assert_eq!(ample.duration, free.duration);
        let tight = of(Some(9), Urgency::Urgent).unwrap();
        assert!(tight.duration > free.duration && tight.expected_loss <= usd(450), "{tight:?}");
        assert!(tight.duration <= of(Some(9), Urgency::Calm).unwrap().duration);
        assert!(matches!(of(Some(1), Urgency::Urgent), Err(RampFault::OverBudget { budget, .. }) if budget == usd(50)));
        assert!(matches!(of(Some(1), Urgency::Calm), Err(RampFault::OverBudget { .. })));
    }
}
