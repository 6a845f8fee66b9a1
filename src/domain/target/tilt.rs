//! Where the weights belong in the present market: `base x (1 - volatility) x (1 + yield)`, bounded and normalised exactly.

use super::fill::{Bounds, fill_grouped};
use crate::domain::allocation::{Allocation, largest_distance};
use crate::domain::policy::TiltRule;
use crate::domain::position::Mandate;
use crate::domain::units::{Rounding, WAD, Weight, mul_div};

/// What the market says of each asset, in the mandate's order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signals<'a> {
    /// Deviation of a day of each asset's peg, 1 = all of it; `None` where it is not known.
    pub deviations: &'a [Option<Weight>],
    /// What each asset earns in the pool, in basis points a year: zero for one that earns nothing, `None` where it is not known.
    pub yields: &'a [Option<u64>],
}

/// Why there is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTarget {
    /// The bounds and the limits of the groups leave no room.
    Infeasible,
    /// The numbers do not fit the mandate, or overflow.
    Malformed,
}

/// A target and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The weights.
    pub weights: Allocation,
    /// Whether it departs from the base target.
    pub tilted: bool,
    /// Whether volatility was known for all assets, where the rule asks for it.
    pub knows_volatility: bool,
    /// Whether yields were known for all assets, where the rule asks for them.
    pub knows_yields: bool,
}

/// The target. A signal that is not known for *every* asset tilts nothing: a weight that is lowered because another's number is missing
/// would be moved by the failure, not by the market.
///
/// # Errors
/// [`NoTarget`].
pub fn tilted(mandate: &Mandate, rule: &TiltRule, signals: Signals<'_>) -> Result<Target, NoTarget> {
    let base = mandate.base_target.weights();
    let deviations = rule.volatility.as_ref().and_then(|_| all_known(signals.deviations, base.len()));
    let yields = (rule.yield_gain_bps > 0).then(|| all_known(signals.yields, base.len())).flatten();
    let knows_volatility = rule.volatility.is_none() || deviations.is_some();
    let knows_yields = rule.yield_gain_bps == 0 || yields.is_some();
    let told = |weights, tilted| Target { weights, tilted, knows_volatility, knows_yields };
    if deviations.is_none() && yields.is_none() && mandate.group_max.is_empty() {
        return Ok(told(mandate.base_target.clone(), false));
    }
    let mut keys = Vec::with_capacity(base.len());
    for (at, weight) in base.iter().enumerate() {
        let mut key = weight.wad();
        if let (Some(volatility), Some(deviation)) = (&rule.volatility, deviations.as_ref().and_then(|all| all.get(at))) {
            let lowered = times_bps(deviation.wad(), volatility.gain_bps).min(volatility.cap.wad()).min(WAD);
            key = mul_div(key, WAD.saturating_sub(lowered), WAD, Rounding::Down).ok_or(NoTarget::Malformed)?;
        }
        if let Some(earns) = yields.as_ref().and_then(|all| all.get(at)) {
            let earns = u128::from(*earns).checked_mul(WAD / 10_000).ok_or(NoTarget::Malformed)?;
            let raised = WAD.checked_add(times_bps(earns, rule.yield_gain_bps)).ok_or(NoTarget::Malformed)?;
            key = mul_div(key, raised, WAD, Rounding::Down).ok_or(NoTarget::Malformed)?;
        }
        keys.push(Weight::from_wad(key));
    }
    let bounds = Bounds { low: &mandate.min, high: &mandate.max };
    let filled = fill_grouped(&keys, bounds, &mandate.groups, &mandate.group_max).ok_or(NoTarget::Infeasible)?;
    let weights = Allocation::exact(filled).map_err(|_| NoTarget::Malformed)?;
    let (_, distance) = largest_distance(weights.weights(), base).ok_or(NoTarget::Malformed)?;
    let noise = distance <= rule.dead_band && within_groups(mandate);
    Ok(if noise { told(mandate.base_target.clone(), false) } else { told(weights, true) })
}

/// All values, if all are known and there are as many as assets.
fn all_known<T: Copy>(values: &[Option<T>], count: usize) -> Option<Vec<T>> {
    let all: Vec<T> = values.iter().copied().collect::<Option<_>>()?;
    (all.len() == count).then_some(all)
}

fn times_bps(value: u128, bps: u32) -> u128 {
    mul_div(value, u128::from(bps), 10_000, Rounding::Down).unwrap_or(u128::MAX)
}

/// Whether the base target itself keeps to the limits of the groups.
fn within_groups(mandate: &Mandate) -> bool {
    mandate.group_max.iter().all(|(group, cap)| {
        let members = mandate.base_target.weights().iter().zip(&mandate.groups).filter(|(_, of)| of.as_ref() == Some(group));
        members.fold(Weight::ZERO, |sum, (weight, _)| sum.saturating_add(*weight)) <= *cap
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::{AssetId, GroupId};
    use crate::domain::policy::VolatilityRule;

    fn bps(weights: &[u32]) -> Vec<Weight> {
        weights.iter().map(|w| Weight::from_bps(*w)).collect()
    }

    fn mandate() -> Mandate {
        let assets = ["DAI", "USDC", "USDT"].map(AssetId::new).to_vec();
        let base = Allocation::exact(bps(&[4_000, 3_500, 2_500])).unwrap();
        Mandate::plain(assets, base, bps(&[2_000, 1_500, 500]), bps(&[6_000, 5_500, 4_500]))
    }

    fn rule(volatility_gain: u32, yield_gain: u32, dead_band: u32) -> TiltRule {
        TiltRule {
            volatility: Some(VolatilityRule {
                half_life: Duration::from_hours(24),
                window: Duration::from_hours(6),
                gain_bps: volatility_gain,
                cap: Weight::from_bps(5_000),
            }),
            yield_gain_bps: yield_gain,
            dead_band: Weight::from_bps(dead_band),
        }
    }

    fn deviations(bps: &[u32]) -> Vec<Option<Weight>> {
        bps.iter().map(|bps| Some(Weight::from_bps(*bps))).collect()
    }

    fn target(rule: &TiltRule, deviations: &[Option<Weight>], yields: &[Option<u64>]) -> Target {
        tilted(&mandate(), rule, Signals { deviations, yields }).unwrap()
    }

    const CALM: [Option<Weight>; 3] = [Some(Weight::ZERO); 3];
    const NO_YIELD: [Option<u64>; 3] = [Some(0); 3];

    #[test]
    fn the_articles_formula_by_hand() {
        // 40 x 1.05 : 35 x 1.04 : 25 x 1.03 = 42 : 36.4 : 25.75 of 104.15.
        let weights = target(&rule(10_000, 10_000, 0), &CALM, &[Some(500), Some(400), Some(300)]).weights;
        let expected = [0.403_264, 0.349_496, 0.247_240];
        for (weight, expected) in weights.weights().iter().zip(expected) {
            assert!((weight.as_fraction() - expected).abs() < 1e-6, "{weights:?}");
        }
        // 40 x 0.9 : 35 : 25 of 96.
        let weights = target(&rule(10_000, 0, 0), &deviations(&[1_000, 0, 0]), &NO_YIELD).weights;
        assert!(weights.weights()[0].abs_diff(Weight::from_bps(3_750)) <= Weight::from_wad(2), "but for the last wei");
    }

    #[test]
    fn noise_within_the_dead_band_is_the_base_target_and_one_step_more_is_not() {
        let small = target(&rule(10_000, 0, 200), &deviations(&[500, 0, 0]), &NO_YIELD);
        assert_eq!((small.weights, small.tilted), (mandate().base_target, false));
        let large = target(&rule(10_000, 0, 200), &deviations(&[1_000, 0, 0]), &NO_YIELD);
        assert!(large.tilted);
    }

    #[test]
    fn a_volatility_is_capped_and_a_weight_stays_in_its_bounds() {
        let wild = target(&rule(10_000, 0, 0), &deviations(&[0, 0, 90_000]), &NO_YIELD).weights;
        // 25 x 0.5 = 12.5 of 87.5.
        assert!((wild.weights()[2].as_fraction() - 12.5 / 87.5).abs() < 1e-9);
        let greedy = target(&rule(0, 1_000_000, 0), &CALM, &[Some(0), Some(0), Some(2_000)]).weights;
        assert_eq!(greedy.weights()[2], Weight::from_bps(4_500), "its greatest weight");
    }

    #[test]
    fn what_is_not_known_of_one_tilts_none() {
        let some = [Some(Weight::from_bps(1_000)), None, Some(Weight::ZERO)];
        let unknown = target(&rule(10_000, 10_000, 0), &some, &[Some(500), None, Some(0)]);
        assert_eq!((unknown.weights, unknown.tilted), (mandate().base_target, false));
        assert!(!unknown.knows_volatility && !unknown.knows_yields);
    }

    #[test]
    fn a_group_has_a_limit_of_its_own_and_may_have_none_that_fits() {
        let group = Some(GroupId::new("usdc"));
        let with = |cap| Mandate {
            groups: vec![group.clone(), group.clone(), None],
            group_max: [(GroupId::new("usdc"), Weight::from_bps(cap))].into(),
            ..mandate()
        };
        let rule = rule(0, 0, 500);
        let capped = tilted(&with(6_000), &rule, Signals { deviations: &CALM, yields: &NO_YIELD }).unwrap();
        assert_eq!(capped.weights.weights()[2], Weight::from_bps(4_000), "although the base target is near");
        assert_eq!(
            tilted(&with(5_000), &rule, Signals::default()),
            Err(NoTarget::Infeasible),
            "USDT would need 50, and may have 45"
        );
    }

    proptest! {
        #[test]
        fn more_yield_never_lowers_a_weight_and_more_volatility_never_raises_one(
            deviations in prop::collection::vec(0u32..5_000, 3), yields in prop::collection::vec(0u64..2_000, 3),
            at in 0usize..3, more in 1u32..2_000,
        ) {
            let slack = Weight::from_wad(16);
            let known = |values: &[u32]| values.iter().map(|v| Some(Weight::from_bps(*v))).collect::<Vec<_>>();
            let earning = |values: &[u64]| values.iter().map(|v| Some(*v)).collect::<Vec<_>>();
            let rule = rule(10_000, 50_000, 0);
            let before = target(&rule, &known(&deviations), &earning(&yields)).weights;
            let mut better = yields.clone();
            better[at] += u64::from(more);
            let after = target(&rule, &known(&deviations), &earning(&better)).weights;
            prop_assert!(after.weights()[at].saturating_add(slack) >= before.weights()[at]);
            let mut wilder = deviations.clone();
            wilder[at] += more;
            let after = target(&rule, &known(&wilder), &earning(&yields)).weights;
            prop_assert!(after.weights()[at] <= before.weights()[at].saturating_add(slack));
        }
    }
}
