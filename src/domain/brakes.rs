//! Where the chain's own brakes belong. A brake stops, in the block of the jump, every swap that would bring the price of an asset,
//! counted in shares of the pool, out of its bounds: a first line that needs nobody awake.
//!
//! In a pool that is traded to the market, the price of an asset in shares goes with the asset's own price to the power of `1 - w`. The
//! chain raises the bounds that it is given to the same power, so they are bounds of the asset's own price. The swap fee leaves the
//! pool a little behind the market: what it leaves belongs inside of the bounds.
//!
//! A pool that earns fees holds more of everything for each share, so that all prices in shares fall together, for ever. Brakes that were
//! set once would hold one day for no other reason: they are set anew before.

use crate::domain::plan::{BrakeBounds, Brakes};
use crate::domain::policy::BrakeRule;
use crate::domain::position::{Breaker, PositionFacts};
use crate::domain::units::{Price, Rounding, WAD, Weight, mul_div};

/// The price of one asset in shares of the pool, as the chain counts it: shares times weight over the balance in the asset's smallest
/// units, 1e18. `None` for a balance of nothing, or what does not fit.
#[must_use]
pub fn price_in_shares(position: &PositionFacts, at: usize) -> Option<u128> {
    let (weight, balance) = (position.weights.get(at)?, position.balances.get(at)?.raw);
    let weighed = mul_div(position.ownership.supply, weight.wad(), WAD, Rounding::Down)?;
    mul_div(weighed, WAD, balance, Rounding::Down)
}

/// The lower and the upper bound, shares of the present price. `None` where nothing is left between them.
///
/// The fee is that at which the position comes to rest: while it falls, bounds that followed it would be set anew with every block.
#[must_use]
pub fn bounds(position: &PositionFacts, rule: &BrakeRule) -> Option<(Weight, Weight)> {
    let behind = WAD.checked_sub(position.controls.fee.to.wad())?;
    let lower = mul_div(WAD.checked_sub(rule.fall.wad())?, behind, WAD, Rounding::Down)?;
    let upper = mul_div(WAD.checked_add(rule.rise.wad())?, WAD, behind, Rounding::Up)?;
    Some((Weight::from_wad(lower), Weight::from_wad(upper)))
}

/// The brakes as they should be now, if any of them is not where it belongs, with the place of the first that is not.
#[must_use]
pub fn due(position: &PositionFacts, rule: &BrakeRule) -> Option<(usize, Brakes)> {
    let wanted: Vec<BrakeBounds> = (0..position.weights.len())
        .map(|at| {
            let (lower, upper) = bounds(position, rule)?;
            Some(BrakeBounds { reference_price: price_in_shares(position, at)?, lower, upper })
        })
        .collect::<Option<_>>()?;
    if position.breakers.len() != wanted.len() {
        return None;
    }
    let set = || position.breakers.iter().zip(&wanted);
    let grown = growth(set(), &position.weights).abs() > rule.fall.as_fraction() * GROWTH;
    let off = set().zip(&position.weights).position(|((set, wanted), weight)| is_off(set, wanted, *weight, rule));
    let first = off.or_else(|| grown.then_some(0))?;
    Some((first, Brakes { bounds: wanted }))
}

/// The part of a fall that a pool may grow before its brakes are set anew.
pub const GROWTH: f64 = 0.25;

/// By how much what a share holds has grown since the brakes were set: the mean of all prices in shares by the weights, in which a price
/// that moves against the others does not show. An estimate that only decides whether it is time.
fn growth<'a>(set: impl Iterator<Item = (&'a Breaker, &'a BrakeBounds)>, weights: &[Weight]) -> f64 {
    let moved = |((set, now), weight): ((&Breaker, &BrakeBounds), &Weight)| {
        let [before, after] = [set.reference_price, now.reference_price].map(Price::from_wad);
        before.zip(after).map_or(0.0, |(before, after)| weight.as_fraction() * (before.as_f64() / after.as_f64()).ln())
    };
    set.zip(weights).map(moved).sum::<f64>().exp_m1()
}

/// Whether a brake is not set, or was set for another weight or other bounds. A price that has moved since is what a brake is for: it
/// does not set it anew.
fn is_off(set: &Breaker, wanted: &BrakeBounds, weight: Weight, rule: &BrakeRule) -> bool {
    if set.reference_price == 0 || set.upper == Weight::ZERO {
        return true;
    }
    let moved = set.reference_weight.abs_diff(weight) > rule.tolerance;
    // The chain keeps bounds with fewer digits than it was given.
    let rounding = Weight::from_wad(WAD / 1_000);
    moved || set.lower.abs_diff(wanted.lower) > rounding || set.upper.abs_diff(wanted.upper) > rounding
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a made-up swap")]
mod tests {
    use super::*;
    use crate::domain::testing::facts;
    use crate::domain::units::SwapFee;

    const RULE: BrakeRule =
        BrakeRule { fall: Weight::from_bps(300), rise: Weight::from_bps(500), tolerance: Weight::from_bps(100) };

    fn set(position: &PositionFacts) -> Vec<Breaker> {
        let (_, brakes) = due(position, &RULE).unwrap();
        let breaker = |(bounds, weight): (&BrakeBounds, &Weight)| Breaker {
            reference_price: bounds.reference_price,
            reference_weight: *weight,
            lower: bounds.lower,
            upper: bounds.upper,
        };
        brakes.bounds.iter().zip(&position.weights).map(breaker).collect()
    }

    fn bare() -> PositionFacts {
        let unset = Breaker { reference_price: 0, reference_weight: Weight::ZERO, lower: Weight::ZERO, upper: Weight::ZERO };
        PositionFacts { breakers: vec![unset; 3], ..facts(&[4_000, 3_500, 2_500]) }
    }

    #[test]
    fn bounds_are_the_rule_and_the_fee_on_top() {
        let of = |bps| {
            let mut position = bare();
            position.controls.fee.to = SwapFee::from_bps(bps);
            bounds(&position, &RULE).unwrap()
        };
        assert_eq!(of(0), (Weight::from_bps(9_700), Weight::from_bps(10_500)));
        let (lower, upper) = of(100);
        assert_eq!(lower, Weight::from_bps(9_603));
        assert!((upper.as_fraction() - 1.05 / 0.99).abs() < 1e-12, "the pool lags behind the market by its fee");
    }

    #[test]
    fn unset_brakes_are_set_and_set_ones_are_left_alone() {
        let mut position = bare();
        assert_eq!(due(&position, &RULE).unwrap().0, 0);
        position.breakers = set(&position);
        assert_eq!(due(&position, &RULE), None);
        position.breakers[1].upper = Weight::ZERO;
        assert_eq!(due(&position, &RULE).unwrap().0, 1);
    }

    #[test]
    fn a_fee_on_its_way_down_sets_nothing_anew() {
        let mut position = bare();
        position.breakers = set(&position);
        for bps in [500, 250, 10] {
            position.swap_fee = SwapFee::from_bps(bps);
            position.controls.fee.from = SwapFee::from_bps(500);
            assert_eq!(due(&position, &RULE), None, "at {bps} bp");
        }
    }

    #[test]
    fn a_weight_that_has_moved_sets_them_anew_and_a_price_does_not() {
        let mut position = bare();
        position.breakers = set(&position);
        // A swap from the first to the second, after which the pool holds as much as before.
        position.balances[0].raw = position.balances[0].raw / 100 * 80;
        let others = 0.8f64.powf(-4.0 / 3.5);
        position.balances[1].raw = (position.balances[1].raw as f64 * others) as u128;
        assert_eq!(due(&position, &RULE), None, "the price has moved by a quarter: that is what the brake is for");
        let mut moved = PositionFacts { breakers: position.breakers.clone(), ..facts(&[3_900, 3_600, 2_500]) };
        assert_eq!(due(&moved, &RULE), None, "exactly the tolerance");
        moved = PositionFacts { breakers: position.breakers, ..facts(&[3_800, 3_700, 2_500]) };
        assert_eq!(due(&moved, &RULE).unwrap().0, 0);
    }

    #[test]
    fn a_pool_that_has_grown_by_its_fees_sets_them_anew_before_they_hold_for_that() {
        let mut position = bare();
        position.breakers = set(&position);
        let grown = |bps: u128| {
            let mut grown = position.clone();
            grown.balances.iter_mut().for_each(|balance| balance.raw = balance.raw / 10_000 * (10_000 + bps));
            grown
        };
        assert_eq!(due(&grown(70), &RULE), None, "a quarter of three percent are 75 bp");
        let (_, brakes) = due(&grown(80), &RULE).unwrap();
        assert!(brakes.bounds[0].reference_price < position.breakers[0].reference_price);
        let anew = PositionFacts { breakers: set(&grown(80)), ..grown(80) };
        assert_eq!(due(&anew, &RULE), None);
    }

    #[test]
    fn a_position_without_brakes_or_with_an_empty_balance_has_nothing_due() {
        assert_eq!(due(&facts(&[4_000, 3_500, 2_500]), &RULE), None);
        let mut empty = bare();
        empty.balances[2].raw = 0;
        assert_eq!(due(&empty, &RULE), None);
    }
}
