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
