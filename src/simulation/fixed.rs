//! Numbers with eighteen decimal places, as the contract `FixedPoint` of Balancer V2 rounds them.

use alloy_primitives::{U256, uint};

use super::MathFault;
use super::log_exp;
use super::reciprocal::Reciprocal;

/// One.
pub const ONE: U256 = uint!(1_000_000_000_000_000_000_U256);
const BY_ONE: Reciprocal = Reciprocal::of(1_000_000_000_000_000_000);
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
    match quickly(a, b) {
        Some((product, _)) => Ok(U256::from(product)),
        None => Ok(times(a, b)?.wrapping_div(ONE)),
    }
}

/// `a x b` of numbers of everyday size, rounded down, and whether something is left.
fn quickly(a: U256, b: U256) -> Option<(u128, bool)> {
    BY_ONE.of_product_and_rest(u128::try_from(a).ok()?, u128::try_from(b).ok()?)
}

/// `a x b`, rounded up.
pub fn mul_up(a: U256, b: U256) -> Result<U256, MathFault> {
    if let Some((product, rest)) = quickly(a, b) {
        return Ok(U256::from(product) + if rest { UNIT } else { U256::ZERO });
    }
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
    if let Some(whole) = whole_power(x, y, mul_up) {
        return whole;
    }
    let raw = log_exp::pow(x, y)?;
    add(raw, error_of(raw)?)
}

/// `x^y`, at most as large as it is. Whole squares are exact.
pub fn pow_down(x: U256, y: U256) -> Result<U256, MathFault> {
    if let Some(whole) = whole_power(x, y, mul_down) {
        return whole;
    }
    let raw = log_exp::pow(x, y)?;
    Ok(raw.saturating_sub(error_of(raw)?))
}

/// The powers that take no logarithm: the number itself, its square, and the square of that.
fn whole_power(x: U256, y: U256, times: fn(U256, U256) -> Result<U256, MathFault>) -> Option<Result<U256, MathFault>> {
    let square = |of: U256| times(of, of);
    match y {
        ONE => Some(Ok(x)),
        TWO => Some(square(x)),
        FOUR => Some(square(x).and_then(square)),
        _ => None,
    }
}

/// How far off a power may be.
fn error_of(power: U256) -> Result<U256, MathFault> {
    add(mul_up(power, POWER_ERROR)?, UNIT)
}

/// `1 - x`, and nothing where x is more.
#[must_use]
pub fn complement(x: U256) -> U256 {
    ONE.saturating_sub(x)
}
