//! Swaps between two weighted balances, as the contract `WeightedMath` of Balancer V2 computes them: the product of the balances to the
//! power of their weights stays what it is, and every rounding is in the pool's favour. All numbers have eighteen decimal places.

use alloy_primitives::{U256, uint};

use super::MathFault;
use super::fixed::{add, complement, div_down, div_up, mul_down, mul_up, pow_up, sub};

/// The most of a balance that one swap may bring or take: 30 %.
const MOST: U256 = uint!(300_000_000_000_000_000_U256);

/// One side of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// What the pool holds.
    pub balance: U256,
    /// Its normalised weight.
    pub weight: U256,
}

/// What comes out of the pool for `amount`.
///
/// # Errors
/// More than 30 % of the balance goes in, or a number has no place.
pub fn out_given_in(from: Side, to: Side, amount: U256) -> Result<U256, MathFault> {
    if amount > mul_down(from.balance, MOST)? {
        return Err(MathFault::MaxInRatio);
    }
    let base = div_up(from.balance, add(from.balance, amount)?)?;
    let power = pow_up(base, div_down(from.weight, to.weight)?)?;
    mul_down(to.balance, complement(power))
}

/// What has to go in for `amount` to come out.
///
/// # Errors
/// More than 30 % of the balance comes out, or a number has no place.
pub fn in_given_out(from: Side, to: Side, amount: U256) -> Result<U256, MathFault> {
    if amount > mul_down(to.balance, MOST)? {
        return Err(MathFault::MaxOutRatio);
    }
    let base = div_up(to.balance, sub(to.balance, amount)?)?;
    let power = pow_up(base, div_up(to.weight, from.weight)?)?;
    mul_up(from.balance, sub(power, super::fixed::ONE)?)
}

#[cfg(test)]
mod tests {
    use balancer_maths_rust::pools::weighted::weighted_math::{compute_in_given_exact_out, compute_out_given_exact_in};
    use proptest::prelude::*;

    use super::*;

    fn side() -> impl Strategy<Value = Side> {
        // Balances from a millionth of a token to 2^112 units, which the vault holds at most; weights from one to ninety-nine percent.
        let balance = (0u32..72, any::<u128>()).prop_map(|(shift, bits)| (bits >> 16 >> shift).max(1_000_000_000_000));
        let weight = 10_000_000_000_000_000u128..990_000_000_000_000_000;
        (balance, weight).prop_map(|(balance, weight)| Side { balance: U256::from(balance), weight: U256::from(weight) })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

        /// The library that Balancer keeps has the same function in its third version.
        #[test]
        fn swaps_are_those_of_balancers_own_library(from in side(), to in side(), part in 1u128..400_000, of in any::<bool>()) {
            let balance = if of { from.balance } else { to.balance };
            let amount = balance * U256::from(part) / U256::from(1_000_000);
            let told = |theirs: Result<U256, _>| theirs.map_err(|_: balancer_maths_rust::common::errors::PoolError| ());
            let theirs = compute_out_given_exact_in(&from.balance, &from.weight, &to.balance, &to.weight, &amount);
            prop_assert_eq!(out_given_in(from, to, amount).map_err(|_| ()), told(theirs));
            let theirs = compute_in_given_exact_out(&from.balance, &from.weight, &to.balance, &to.weight, &amount);
            prop_assert_eq!(in_given_out(from, to, amount).map_err(|_| ()), told(theirs));
        }
    }
}
