//! Whether a move is worth what it costs, in dollars at present prices. The benefit is counted over a horizon: what better yields bring,
//! and what it is worth to the owner that value stands where the mandate wants it. The cost is the own gas and what arbitrage takes.

use std::time::Duration;

use crate::domain::moves::turnover;
use crate::domain::policy::WorthRule;
use crate::domain::units::{Rounding, Usd, WAD, Weight, mul_div};

/// Seconds of a year of 365 days.
pub const YEAR: Duration = Duration::from_hours(365 * 24);

/// What is at stake in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stakes {
    /// What the move is expected to bring over the horizon; nothing when it would do harm.
    pub benefit: Usd,
    /// What it costs: gas and arbitrage.
    pub cost: Usd,
    /// Whether it takes back what an earlier move did.
    pub reverses: bool,
}

/// A move that is thought of.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// What the pool is worth.
    pub value: Usd,
    /// Weights now.
    pub from: &'a [Weight],
    /// Weights after it.
    pub to: &'a [Weight],
    /// Where they belong.
    pub target: &'a [Weight],
    /// What each asset earns in the pool, in basis points a year; empty where it does not matter.
    pub yields: &'a [u64],
}

/// What a proposal brings over the rule's horizon. `None` when the numbers overflow.
#[must_use]
pub fn benefit(proposal: &Proposal<'_>, rule: &WorthRule) -> Option<Usd> {
    let Proposal { value, from, to, target, yields } = *proposal;
    // Shares of the pool that a year adds, and that it takes.
    let (mut up, mut down) = (0u128, 0u128);
    for ((from, to), earns) in from.iter().zip(to).zip(yields) {
        let change = mul_div(from.abs_diff(*to).wad(), u128::from(*earns), 10_000, Rounding::Down)?;
        if to > from { up = up.checked_add(change)? } else { down = down.checked_add(change)? }
    }
    let misplaced =
        |weights: &[Weight]| mul_div(turnover(weights, target).wad(), u128::from(rule.misplaced_bps), 10_000, Rounding::Down);
    let (before, after) = (misplaced(from)?, misplaced(to)?);
    up = up.checked_add(before.saturating_sub(after))?;
    down = down.checked_add(after.saturating_sub(before))?;
    let yearly = mul_div(value.wad(), up.saturating_sub(down), WAD, Rounding::Down)?;
    mul_div(yearly, rule.horizon.as_millis(), YEAR.as_millis(), Rounding::Down).map(Usd::from_wad)
}

/// The least benefit for which a move of this cost is made.
#[must_use]
pub fn asked(cost: Usd, reverses: bool, rule: &WorthRule) -> Usd {
    let multiple = if reverses { rule.reversal_multiple_bps.max(rule.multiple_bps) } else { rule.multiple_bps };
    Usd::from_wad(mul_div(cost.wad(), u128::from(multiple), 10_000, Rounding::Up).unwrap_or(u128::MAX))
}

/// Whether the stakes are worth it.
#[must_use]
pub fn pays(stakes: &Stakes, rule: &WorthRule) -> bool {
    stakes.benefit >= asked(stakes.cost, stakes.reverses, rule)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bps(weights: &[u32]) -> Vec<Weight> {
        weights.iter().map(|w| Weight::from_bps(*w)).collect()
    }

    fn usd(cents: u128) -> Usd {
        Usd::from_wad(cents * (WAD / 100))
    }

    const RULE: WorthRule = WorthRule { horizon: YEAR, multiple_bps: 20_000, reversal_multiple_bps: 40_000, misplaced_bps: 0 };

    fn brings(from: &[u32], to: &[u32], target: &[u32], yields: &[u64], rule: &WorthRule) -> Usd {
        let (from, to, target) = (bps(from), bps(to), bps(target));
        benefit(&Proposal { value: usd(50_000_000), from: &from, to: &to, target: &target, yields }, rule).unwrap()
    }

    #[test]
    fn half_a_percent_more_on_five_points_of_half_a_million_is_125_dollars_a_year() {
        let target = [3_500, 4_000, 2_500];
        assert_eq!(brings(&[4_000, 3_500, 2_500], &target, &target, &[0, 50, 0], &RULE), usd(12_500));
        let month = WorthRule { horizon: YEAR / 365 * 30, ..RULE };
        assert!((brings(&[4_000, 3_500, 2_500], &target, &target, &[0, 50, 0], &month).as_f64() - 10.27).abs() < 0.01);
        assert_eq!(
            brings(&[4_000, 3_500, 2_500], &target, &target, &[50, 0, 0], &RULE),
            Usd::ZERO,
            "what does harm brings nothing"
        );
        assert_eq!(brings(&[4_000, 3_500, 2_500], &target, &target, &[50, 50, 50], &RULE), Usd::ZERO);
    }

    #[test]
    fn what_stands_where_it_belongs_has_its_price() {
        let rule = WorthRule { misplaced_bps: 500, ..RULE };
        let target = [4_000, 3_500, 2_500];
        // 6 points of $500k are $30,000; 5 % of it are $1,500.
        assert_eq!(brings(&[4_600, 3_500, 1_900], &target, &target, &[], &rule), usd(150_000));
        assert_eq!(brings(&target, &[4_600, 3_500, 1_900], &target, &[], &rule), Usd::ZERO, "away from it");
        assert_eq!(brings(&[4_600, 3_500, 1_900], &[4_300, 3_500, 2_200], &target, &[], &rule), usd(75_000), "half the way");
    }

    #[test]
    fn exactly_the_multiple_pays_and_a_wei_less_does_not() {
        let stakes = |benefit| Stakes { benefit, cost: usd(1_000), reverses: false };
        assert!(pays(&stakes(usd(2_000)), &RULE));
        assert!(!pays(&stakes(Usd::from_wad(usd(2_000).wad() - 1)), &RULE));
        let back = |benefit| Stakes { reverses: true, ..stakes(benefit) };
        assert!(!pays(&back(usd(3_999)), &RULE) && pays(&back(usd(4_000)), &RULE), "a way back needs more");
        assert_eq!(asked(usd(1_000), true, &WorthRule { reversal_multiple_bps: 0, ..RULE }), usd(2_000), "and never less");
        assert_eq!(asked(Usd::from_wad(u128::MAX), false, &RULE), Usd::from_wad(u128::MAX));
    }

    proptest! {
        #[test]
        fn more_money_or_more_time_never_brings_less(
            value in 0u128..1_000_000_000, more in 0u128..1_000_000_000, days in 1u64..3_650, later in 0u64..3_650,
            yields in prop::collection::vec(0u64..3_000, 3),
        ) {
            let (from, to) = (bps(&[4_000, 3_500, 2_500]), bps(&[3_500, 3_800, 2_700]));
            let of = |cents, days: u64| {
                let rule = WorthRule { horizon: Duration::from_hours(24 * days), misplaced_bps: 300, ..RULE };
                benefit(&Proposal { value: usd(cents), from: &from, to: &to, target: &to, yields: &yields }, &rule).unwrap()
            };
            prop_assert!(of(value + more, days) >= of(value, days));
            prop_assert!(of(value, days + later) >= of(value, days));
        }
    }
}
