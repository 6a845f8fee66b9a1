//! The circuit breaker of one token: bounds of its price in shares of the pool. They are given as shares of a reference price, and what
//! counts is those shares to the power of `1 - weight`, so that they bound the token's own price. The contract keeps few digits of
//! each: sixteen bits of a bound, thirty-two of its power at the weight at which it was set.

use alloy_primitives::{U256, uint};

use super::MathFault;
use super::fixed::{complement, mul_down, mul_up, pow_down, pow_up};

/// The greatest power that is kept: ten.
const MOST: U256 = uint!(10_000_000_000_000_000_000_U256);
/// The greatest number of thirty-two bits.
const WIDEST: U256 = uint!(0xffff_ffff_U256);
/// Digits of a bound that are not kept.
const LOST_BITS: usize = 48;

/// A breaker; the default is none. All numbers have eighteen decimal places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    reference_price: U256,
    reference_weight: U256,
    lower: U256,
    upper: U256,
    /// The bounds to the power of `1 - weight`, at the weight of the reference.
    powers: (U256, U256),
}

/// The price of a token in shares, as the contract counts it: shares times weight over the balance with eighteen decimal places.
fn price(supply: U256, weight: U256, balance: U256) -> Result<U256, MathFault> {
    supply.checked_mul(weight).ok_or(MathFault::MulOverflow)?.checked_div(balance).ok_or(MathFault::ZeroDivision)
}

fn kept(power: U256) -> U256 {
    power.saturating_mul(WIDEST).wrapping_div(MOST).saturating_mul(MOST).wrapping_div(WIDEST)
}

impl Breaker {
    /// Sets it at a weight. `reference_price` is the price in shares per whole token that the bounds are shares of.
    ///
    /// # Errors
    /// A number has no place.
    pub fn set(reference_price: U256, weight: U256, lower: U256, upper: U256) -> Result<Self, MathFault> {
        let low = pow_up(lower, complement(weight))?;
        let high = pow_down(upper, complement(weight))?;
        let few = |bound: U256| bound.wrapping_shr(LOST_BITS).wrapping_shl(LOST_BITS);
        Ok(Self {
            reference_price,
            reference_weight: weight,
            lower: few(lower),
            upper: few(upper),
            powers: (kept(low), kept(high)),
        })
    }

    /// The bounds as the contract tells them: lower and upper, shares of the reference.
    #[must_use]
    pub const fn bounds(&self) -> (U256, U256) {
        (self.lower, self.upper)
    }

    /// The reference: the price in shares per whole token, and the weight.
    #[must_use]
    pub const fn reference(&self) -> (U256, U256) {
        (self.reference_price, self.reference_weight)
    }

    /// The lowest and the highest price in shares that a trade may leave behind at a weight.
    ///
    /// # Errors
    /// A number has no place.
    pub fn prices(&self, weight: U256) -> Result<(U256, U256), MathFault> {
        let (low, high) = if weight == self.reference_weight {
            self.powers
        } else {
            (pow_up(self.lower, complement(weight))?, pow_down(self.upper, complement(weight))?)
        };
        Ok((mul_up(self.reference_price, low)?, mul_down(self.reference_price, high)?))
    }

    /// Whether the price is below the lower bound.
    ///
    /// # Errors
    /// A number has no place.
    pub fn falls_through(&self, supply: U256, weight: U256, balance: U256) -> Result<bool, MathFault> {
        if self.lower.is_zero() {
            return Ok(false);
        }
        Ok(price(supply, weight, balance)? < self.prices(weight)?.0)
    }

    /// Whether the price is above the upper bound.
    ///
    /// # Errors
    /// A number has no place.
    pub fn rises_through(&self, supply: U256, weight: U256, balance: U256) -> Result<bool, MathFault> {
        if self.upper.is_zero() {
            return Ok(false);
        }
        Ok(price(supply, weight, balance)? > self.prices(weight)?.1)
    }
}
