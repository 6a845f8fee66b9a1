//! Sets of weights that sum to exactly one, and the three things that people call drift.
//!
//! *Policy drift* is target minus current weight. *Composition drift* is value share minus current weight. A *ramp in flight* is
//! neither: it is a change that has not arrived.

use thiserror::Error;

use crate::domain::units::{Price, Rounding, TokenAmount, Usd, WAD, Weight, mul_div};

/// Weights of one position that sum to exactly [`Weight::ONE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation(Vec<Weight>);

/// Why a set of weights is no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AllocationFault {
    /// The sum is not one.
    #[error("the weights sum to {} wei of 1e18, {} too {}", .sum, .sum.abs_diff(WAD), if *.sum > WAD { "many" } else { "few" })]
    NotNormalised {
        /// Their sum, 1e18-scaled.
        sum: u128,
    },
    /// There is nothing to share.
    #[error("all weights are zero")]
    Empty,
    /// A number does not fit.
    #[error("the numbers overflow")]
    Overflow,
}

impl Allocation {
    /// Takes weights that already sum to exactly one.
    ///
    /// # Errors
    /// [`AllocationFault::NotNormalised`] otherwise.
    pub fn exact(weights: Vec<Weight>) -> Result<Self, AllocationFault> {
        let sum = sum(&weights).ok_or(AllocationFault::Overflow)?;
        if sum == WAD { Ok(Self(weights)) } else { Err(AllocationFault::NotNormalised { sum }) }
    }

    /// Scales weights so that they sum to exactly one: each is rounded down, and the wei that are left go to the largest.
    ///
    /// # Errors
    /// When all are zero, or their sum overflows.
    pub fn normalised(weights: &[Weight]) -> Result<Self, AllocationFault> {
        let total = sum(weights).ok_or(AllocationFault::Overflow)?;
        if total == 0 {
            return Err(AllocationFault::Empty);
        }
        let mut scaled: Vec<Weight> = Vec::with_capacity(weights.len());
        for weight in weights {
            let share = mul_div(weight.wad(), WAD, total, Rounding::Down).ok_or(AllocationFault::Overflow)?;
            scaled.push(Weight::from_wad(share));
        }
        let rest = WAD.saturating_sub(sum(&scaled).ok_or(AllocationFault::Overflow)?);
        if let Some(largest) = scaled.iter_mut().max_by_key(|weight| weight.wad()) {
            *largest = largest.saturating_add(Weight::from_wad(rest));
        }
        Self::exact(scaled)
    }

    /// The weights, in the position's order.
    #[must_use]
    pub fn weights(&self) -> &[Weight] {
        &self.0
    }
}

fn sum(weights: &[Weight]) -> Option<u128> {
    weights.iter().try_fold(0u128, |total, weight| total.checked_add(weight.wad()))
}

/// The largest distance between two sets of weights and where it is; `None` when they differ in length or are empty.
#[must_use]
pub fn largest_distance(a: &[Weight], b: &[Weight]) -> Option<(usize, Weight)> {
    if a.len() != b.len() {
        return None;
    }
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).enumerate().max_by_key(|(_, distance)| *distance)
}

/// What a position is worth, token by token and together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valuation {
    /// Value of each token.
    pub values: Vec<Usd>,
    /// Their sum.
    pub total: Usd,
}

impl Valuation {
    /// Values balances at prices. `None` when the lengths differ or a number overflows.
    #[must_use]
    pub fn of(balances: &[TokenAmount], prices: &[Price]) -> Option<Self> {
        if balances.len() != prices.len() {
            return None;
        }
        let values: Vec<Usd> = balances.iter().zip(prices).map(|(amount, price)| amount.value(*price)).collect::<Option<_>>()?;
        let total = values.iter().try_fold(Usd::ZERO, |total, value| total.checked_add(*value))?;
        Some(Self { values, total })
    }

    /// The share of each token in the whole, rounded down. `None` for a position that is worth nothing.
    #[must_use]
    pub fn shares(&self) -> Option<Vec<Weight>> {
        self.values
            .iter()
            .map(|value| mul_div(value.wad(), WAD, self.total.wad(), Rounding::Down).map(Weight::from_wad))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bps(weights: &[u32]) -> Vec<Weight> {
        weights.iter().map(|w| Weight::from_bps(*w)).collect()
    }

    #[test]
    fn only_an_exact_sum_is_an_allocation() {
        assert!(Allocation::exact(bps(&[4_000, 3_500, 2_500])).is_ok());
        let fault = Allocation::exact(bps(&[4_000, 3_500, 2_499])).unwrap_err();
        assert_eq!(fault.to_string(), "the weights sum to 999900000000000000 wei of 1e18, 100000000000000 too few");
        assert_eq!(Allocation::normalised(&bps(&[0, 0])), Err(AllocationFault::Empty));
    }

    #[test]
    fn shares_follow_value_not_quantity() {
        let balances = [TokenAmount { raw: 100_000_000, decimals: 6 }, TokenAmount { raw: 100 * WAD, decimals: 18 }];
        let half = Price::from_wad(WAD / 2).unwrap();
        let valuation = Valuation::of(&balances, &[half, Price::PAR]).unwrap();
        let shares = valuation.shares().unwrap();
        assert_eq!(valuation.total.to_string(), "$150.00");
        assert_eq!(shares[0], Weight::from_wad(WAD / 3));
        assert_eq!(Valuation::of(&balances, &[half]), None);
    }

    #[test]
    fn the_largest_distance_is_found_in_either_direction() {
        let (at, distance) = largest_distance(&bps(&[4_600, 3_500, 1_900]), &bps(&[4_000, 3_500, 2_500])).unwrap();
        assert_eq!((at == 0 || at == 2, distance), (true, Weight::from_bps(600)));
        assert_eq!(largest_distance(&bps(&[1]), &bps(&[1, 2])), None);
    }

    proptest! {
        #[test]
        fn normalising_always_sums_to_exactly_one(raw in prop::collection::vec(1u128..=WAD, 2..8)) {
            let weights: Vec<Weight> = raw.iter().map(|w| Weight::from_wad(*w)).collect();
            let allocation = Allocation::normalised(&weights).unwrap();
            prop_assert_eq!(allocation.weights().iter().map(|w| w.wad()).sum::<u128>(), WAD);
        }
    }
}
