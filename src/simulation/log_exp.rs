//! Powers with eighteen decimal places, as the contract `LogExpMath` of Balancer V2 computes them: `x^y = e^(y ln x)`, with the logarithm
//! and the exponential taken apart into powers of two of which the exponentials are known, and a short series for the rest. Every digit
//! counts here, the wrong ones included: a simulation that rounds better than the chain is wrong.
//!
//! Numbers with twenty decimal places carry the intermediate results, thirty-six places the logarithm of a number near one.

use std::sync::LazyLock;

use alloy_primitives::{I256, U256};

use super::MathFault;
use super::reciprocal::Reciprocal;

/// One, with eighteen, twenty and thirty-six decimal places.
const ONE_18: I256 = small(1_000_000_000_000_000_000);
const ONE_20: I256 = small(100_000_000_000_000_000_000);
const ONE_36: I256 = small(1_000_000_000_000_000_000_000_000_000_000_000_000);
const HUNDRED: I256 = small(100);
/// Least and greatest natural exponent with a result that fits and is not nothing: -41 and 130.
const MIN_EXPONENT: I256 = small(-41_000_000_000_000_000_000);
const MAX_EXPONENT: I256 = small(130_000_000_000_000_000_000);
/// Within a tenth of one a logarithm takes the longer series.
const NEAR_LOW: I256 = small(900_000_000_000_000_000);
const NEAR_HIGH: I256 = small(1_100_000_000_000_000_000);
/// e^64 without decimal places, and 64 with eighteen.
const A1: I256 = small(6_235_149_080_811_616_882_910_000_000);
const X1: I256 = small(64_000_000_000_000_000_000);
/// 128 with eighteen decimal places; e^128 is in [`A0`].
const X0: I256 = small(128_000_000_000_000_000_000);

/// 2^5 down to 2^-4 and their exponentials, both with twenty decimal places.
const STEPS: [(I256, I256); 10] = [
    (small(3_200_000_000_000_000_000_000), small(7_896_296_018_268_069_516_100_000_000_000_000)),
    (small(1_600_000_000_000_000_000_000), small(888_611_052_050_787_263_676_000_000)),
    (small(800_000_000_000_000_000_000), small(298_095_798_704_172_827_474_000)),
    (small(400_000_000_000_000_000_000), small(5_459_815_003_314_423_907_810)),
    (small(200_000_000_000_000_000_000), small(738_905_609_893_065_022_723)),
    (small(100_000_000_000_000_000_000), small(271_828_182_845_904_523_536)),
    (small(50_000_000_000_000_000_000), small(164_872_127_070_012_814_685)),
    (small(25_000_000_000_000_000_000), small(128_402_541_668_774_148_407)),
    (small(12_500_000_000_000_000_000), small(113_314_845_306_682_631_683)),
    (small(6_250_000_000_000_000_000), small(106_449_445_891_785_942_956)),
];
/// The exponential uses the steps down to 2^-2, the logarithm all of them.
const STEPS_OF_EXP: usize = 8;

/// One with twenty decimal places, and division by it and by one with thirty-six.
const ONE: u128 = 100_000_000_000_000_000_000;
const BY_20: Reciprocal = Reciprocal::of(ONE);
const BY_36: Reciprocal = Reciprocal::of(1_000_000_000_000_000_000_000_000_000_000_000_000);
/// One times two to twelve: what the terms of the exponential are divided by.
const TAYLOR: [Reciprocal; 11] = [
    Reciprocal::of(2 * ONE),
    Reciprocal::of(3 * ONE),
    Reciprocal::of(4 * ONE),
    Reciprocal::of(5 * ONE),
    Reciprocal::of(6 * ONE),
    Reciprocal::of(7 * ONE),
    Reciprocal::of(8 * ONE),
    Reciprocal::of(9 * ONE),
    Reciprocal::of(10 * ONE),
    Reciprocal::of(11 * ONE),
    Reciprocal::of(12 * ONE),
];

/// e^128, without decimal places.
static A0: LazyLock<I256> = LazyLock::new(|| {
    I256::from_raw(
        U256::from(38_877_084_059_945_950_922_200_000_000_u128)
            .wrapping_mul(U256::from(1_000_000_000_000_000_000_000_000_000_u128)),
    )
});

/// A constant that fits into 128 bits.
const fn small(value: i128) -> I256 {
    let magnitude = value.unsigned_abs();
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
    let limbs = [magnitude as u64, (magnitude >> 64) as u64, 0, 0];
    let positive = U256::from_limbs(limbs);
    if value < 0 { I256::from_raw(positive.wrapping_neg()) } else { I256::from_raw(positive) }
}

/// `x^y`, both with eighteen decimal places.
///
/// # Errors
/// The result has no place in the contract's numbers.
pub fn pow(x: U256, y: U256) -> Result<U256, MathFault> {
    if y.is_zero() {
        return Ok(ONE_18.into_raw());
    }
    if x.is_zero() {
        return Ok(U256::ZERO);
    }
    let base = I256::from_raw(x);
    if base.is_negative() {
        return Err(MathFault::XOutOfBounds);
    }
    // 2^254 / 1e20: with it no product below overflows.
    if y >= U256::ONE.wrapping_shl(254).wrapping_div(ONE_20.into_raw()) {
        return Err(MathFault::YOutOfBounds);
    }
    let exponent = I256::from_raw(y);
    let product = if base > NEAR_LOW && base < NEAR_HIGH {
        let long = ln_36(base);
        // The product of both would be too long: the whole part first, then the rest.
        (long / ONE_18).wrapping_mul(exponent).wrapping_add((long % ONE_18).wrapping_mul(exponent) / ONE_18)
    } else {
        ln(base).wrapping_mul(exponent)
    } / ONE_18;
    if product < MIN_EXPONENT || product > MAX_EXPONENT {
        return Err(MathFault::ProductOutOfBounds);
    }
    exp(product).map(I256::into_raw)
}

/// `e^x`.
///
/// # Errors
/// x is not between -41 and 130.
pub fn exp(x: I256) -> Result<I256, MathFault> {
    if x < MIN_EXPONENT || x > MAX_EXPONENT {
        return Err(MathFault::InvalidExponent);
    }
    if x.is_negative() {
        return Ok(ONE_36 / exp(x.wrapping_neg())?);
    }
    let (mut rest, mut large) = (x, I256::ONE);
    if rest >= X0 {
        (rest, large) = (rest - X0, *A0);
    } else if rest >= X1 {
        (rest, large) = (rest - X1, A1);
    }
    rest = rest.wrapping_mul(HUNDRED);
    let mut product = ONE_20;
    for (step, power) in STEPS.iter().take(STEPS_OF_EXP) {
        if rest >= *step {
            rest -= *step;
            product = product.wrapping_mul(*power) / ONE_20;
        }
    }
    let sum = taylor(rest.into_raw().saturating_to());
    // Most exponents take no step, and one times a number needs no multiplication.
    let product = if product == ONE_20 { sum } else { product.wrapping_mul(sum) / ONE_20 };
    Ok(product.wrapping_mul(large) / HUNDRED)
}

/// `e^x` of a number from nothing to a quarter, with twenty decimal places, by its Taylor series to the twelfth power.
fn taylor(x: u128) -> I256 {
    let (mut term, mut sum) = (x, ONE.wrapping_add(x));
    for by in TAYLOR {
        // Divided by one and then by its place in the series, rounded down each time, is divided by both at once.
        term = by.of_product(term, x);
        if term == 0 {
            break;
        }
        sum = sum.wrapping_add(term);
    }
    I256::from_raw(U256::from(sum))
}

/// `ln a` with eighteen decimal places, of a number above zero.
fn ln(a: I256) -> I256 {
    if a < ONE_18 {
        return ln(ONE_36 / a).wrapping_neg();
    }
    let (mut a, mut sum) = (a, I256::ZERO);
    if a >= A0.wrapping_mul(ONE_18) {
        (a, sum) = (a / *A0, sum + X0);
    }
    if a >= A1.wrapping_mul(ONE_18) {
        (a, sum) = (a / A1, sum + X1);
    }
    (a, sum) = (a.wrapping_mul(HUNDRED), sum.wrapping_mul(HUNDRED));
    for (step, power) in &STEPS {
        if a >= *power {
            a = a.wrapping_mul(ONE_20) / *power;
            sum += *step;
        }
    }
    let series = atanh(a, ONE_20, BY_20, &[3, 5, 7, 9, 11]);
    sum.wrapping_add(series) / HUNDRED
}

/// `ln x` with thirty-six decimal places, of a number near one that has eighteen.
fn ln_36(x: I256) -> I256 {
    atanh(x.wrapping_mul(ONE_18), ONE_36, BY_36, &[3, 5, 7, 9, 11, 13, 15])
}

/// `2 artanh((a-1)/(a+1))`, which is `ln a` of a number near one, by the powers of its series that are named.
fn atanh(a: I256, one: I256, by_one: Reciprocal, powers: &[u128]) -> I256 {
    let z = (a - one).wrapping_mul(one) / (a + one);
    // The series of a negative number is that of its opposite: every division goes towards zero.
    let far: u128 = z.unsigned_abs().saturating_to();
    let square = by_one.of_product(far, far);
    let (mut power, mut sum) = (far, far);
    for n in powers {
        power = by_one.of_product(power, square);
        if power == 0 {
            break;
        }
        sum = sum.wrapping_add(power.checked_div(*n).unwrap_or_default());
    }
    let sum = I256::from_raw(U256::from(sum).wrapping_shl(1));
    if z.is_negative() { sum.wrapping_neg() } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wad(value: f64) -> U256 {
        U256::from(value * 1e18)
    }

    #[test]
    fn powers_are_right_to_their_last_digits() {
        for (x, y) in [(0.5, 1.7), (0.95, 0.3), (1.05, 2.5), (3.0, 0.4), (0.77, 1.6), (1.0, 3.0), (12.0, 1.0 / 3.0), (1e6, 0.5)] {
            let found: f64 = pow(wad(x), wad(y)).unwrap().to_string().parse::<f64>().unwrap() / 1e18;
            let expected = x.powf(y);
            assert!((found / expected - 1.0).abs() < 1e-13, "{x}^{y}: {found} for {expected}");
        }
    }

    #[test]
    fn ends_are_what_the_contract_says() {
        assert_eq!(pow(U256::ZERO, U256::ZERO), Ok(wad(1.0)), "by definition");
        assert_eq!(pow(U256::ZERO, wad(2.0)), Ok(U256::ZERO));
        assert_eq!(pow(U256::MAX, wad(1.0)), Err(MathFault::XOutOfBounds));
        assert_eq!(pow(wad(2.0), U256::MAX), Err(MathFault::YOutOfBounds));
        assert_eq!(pow(wad(2.0), wad(200.0)), Err(MathFault::ProductOutOfBounds));
        assert_eq!(exp(MAX_EXPONENT + I256::ONE), Err(MathFault::InvalidExponent));
        assert_eq!(exp(I256::ZERO), Ok(ONE_18));
    }
}
