//! Numbers with eighteen decimal places, as the contract `FixedPoint` of Balancer V2 rounds them.

use alloy_primitives::{U256, uint};

use super::MathFault;
use super::log_exp;

/// One.
pub const ONE: U256 = uint!(1_000_000_000_000_000_000_U256);
const TWO: U256 = uint!(2_000_000_000_000_000_000_U256);
const FOUR: U256 = uint!(4_000_000_000_000_000_000_U256);
/// How far off a power may be, of itself: ten thousand of its last digits, 1e-14.
const POWER_ERROR: U256 = uint!(10_000_U256);
const UNIT: U256 = uint!(1_U256);

/// `a + b`.
pub fn add(a: U256, b: U256) -> Result<U256, MathFault> {
    a.checked_add(b).ok_or(MathFault::Overflow)
}

/// `a - b`.
pub fn sub(a: U256, b: U256) -> Result<U256, MathFault> {
    a.checked_sub(b).ok_or(MathFault::Underflow)
}

fn times(a: U256, b: U256) -> Result<U256, MathFault> {
    a.checked_mul(b).ok_or(MathFault::MulOverflow)
}

/// `a x b`, rounded down.
pub fn mul_down(a: U256, b: U256) -> Result<U256, MathFault> {
    Ok(times(a, b)?.wrapping_div(ONE))
}

/// `a x b`, rounded up.
pub fn mul_up(a: U256, b: U256) -> Result<U256, MathFault> {
    let product = times(a, b)?;
    Ok(if product.is_zero() { product } else { (product - UNIT).wrapping_div(ONE) + UNIT })
}

/// `a / b`, rounded down.
pub fn div_down(a: U256, b: U256) -> Result<U256, MathFault> {
    a.checked_mul(ONE).ok_or(MathFault::DivInternal)?.checked_div(b).ok_or(MathFault::ZeroDivision)
}

/// `a / b`, rounded up.
pub fn div_up(a: U256, b: U256) -> Result<U256, MathFault> {
    if b.is_zero() {
        return Err(MathFault::ZeroDivision);
    }
    let inflated = a.checked_mul(ONE).ok_or(MathFault::DivInternal)?;
    Ok(if inflated.is_zero() { inflated } else { (inflated - UNIT).wrapping_div(b) + UNIT })
}

/// `x^y`, at least as large as it is. Whole squares are exact.
pub fn pow_up(x: U256, y: U256) -> Result<U256, MathFault> {
    if y == ONE {
        return Ok(x);
    }
    if y == TWO {
        return mul_up(x, x);
    }
    if y == FOUR {
        let square = mul_up(x, x)?;
        return mul_up(square, square);
    }
    let raw = log_exp::pow(x, y)?;
    add(raw, add(mul_up(raw, POWER_ERROR)?, UNIT)?)
}

/// `x^y`, at most as large as it is. Whole squares are exact.
pub fn pow_down(x: U256, y: U256) -> Result<U256, MathFault> {
    if y == ONE {
        return Ok(x);
    }
    if y == TWO {
        return mul_down(x, x);
    }
    if y == FOUR {
        let square = mul_down(x, x)?;
        return mul_down(square, square);
    }
    let raw = log_exp::pow(x, y)?;
    let error = add(mul_up(raw, POWER_ERROR)?, UNIT)?;
    Ok(raw.saturating_sub(error))
}

/// `1 - x`, and nothing where x is more.
#[must_use]
pub fn complement(x: U256) -> U256 {
    ONE.saturating_sub(x)
}
