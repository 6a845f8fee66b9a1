//! Powers of exact numbers: what bounds of brakes and sizes of swaps need. In decimals of 28 digits, never in floats, because what
//! comes out reaches the chain.

use rust_decimal::{Decimal, MathematicalOps};

use crate::domain::units::{TokenAmount, Weight};

/// A 1e18-scaled number as a decimal; `None` above 79 billion.
#[must_use]
pub fn decimal(wad: u128) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(i128::try_from(wad).ok()?, 18).ok()
}

/// An amount in whole tokens; `None` above 79 billion of a token with 18 places.
#[must_use]
pub fn whole(amount: TokenAmount) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(i128::try_from(amount.raw).ok()?, u32::from(amount.decimals)).ok()
}

/// The smallest units of a token that a number of whole tokens has, rounded down; `None` below zero or when it does not fit.
#[must_use]
pub fn raw(tokens: Decimal, decimals: u8) -> Option<u128> {
    let scale = Decimal::from(10u64.checked_pow(u32::from(decimals))?);
    u128::try_from(tokens.checked_mul(scale)?.floor()).ok()
}

/// The 1e18-scaled form of a decimal, rounded down; `None` below zero.
#[must_use]
pub fn wad(number: Decimal) -> Option<u128> {
    raw(number, 18)
}

/// `base^exponent`; `None` where it is not defined or does not fit.
#[must_use]
pub fn pow(base: Decimal, exponent: Decimal) -> Option<Decimal> {
    base.checked_powd(exponent)
}

/// The same for shares of one.
#[must_use]
pub fn pow_weight(base: Weight, exponent: Weight) -> Option<Weight> {
    pow(decimal(base.wad())?, decimal(exponent.wad())?).and_then(wad).map(Weight::from_wad)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn powers_that_are_known() {
        let of = |base: u32, exponent: u32| pow_weight(Weight::from_bps(base), Weight::from_bps(exponent)).unwrap().as_fraction();
        assert!((of(9_700, 6_500) - 0.97f64.powf(0.65)).abs() < 1e-12);
        assert!((of(2_500, 5_000) - 0.5).abs() < 1e-12, "a root");
        assert_eq!(pow_weight(Weight::ONE, Weight::from_bps(1_234)), Some(Weight::ONE));
        assert_eq!(pow_weight(Weight::from_bps(7_000), Weight::ZERO), Some(Weight::ONE));
    }

    #[test]
    fn amounts_are_whole_tokens_and_back() {
        let amount = TokenAmount { raw: 1_234_567_890, decimals: 6 };
        assert_eq!(whole(amount).unwrap().to_string(), "1234.567890");
        assert_eq!(raw(whole(amount).unwrap(), 6), Some(amount.raw));
        assert_eq!(raw(Decimal::new(-1, 0), 6), None);
        assert_eq!(whole(TokenAmount { raw: u128::MAX, decimals: 18 }), None, "more than there is of anything");
    }

    proptest! {
        #[test]
        fn no_power_is_further_off_than_a_part_in_a_billion(base in 100u32..30_000, exponent in 0u32..20_000) {
            let found = pow_weight(Weight::from_bps(base), Weight::from_bps(exponent)).unwrap().as_fraction();
            let expected = (f64::from(base) / 1e4).powf(f64::from(exponent) / 1e4);
            prop_assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
        }
    }
}
