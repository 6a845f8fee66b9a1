//! A token of a pool that is asked for a price, and what one token is worth in another.

use alloy_primitives::{Address, U256, U512};

use crate::domain::units::{Price, Rounding};

/// More decimals than any token has, and few enough that 512 bits hold every product below.
const MOST_DECIMALS: u8 = 36;

/// A token: the one that is priced, or the one that it is priced in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its contract.
    pub address: Address,
    /// Its decimal places.
    pub decimals: u8,
}

/// The price of one whole token when `paid` of the other buys `got` of it, both in their smallest units; `None` when it does not fit or
/// rounds to zero, or when a token has more than 36 decimals.
pub(super) fn price(got: U256, decimals: u8, paid: U256, paid_decimals: u8, rounding: Rounding) -> Option<Price> {
    ratio(U512::from(paid), paid_decimals, U512::from(got), decimals, rounding)
}

/// The same for amounts of up to 330 bits.
pub(super) fn ratio(paid: U512, paid_decimals: u8, got: U512, decimals: u8, rounding: Rounding) -> Option<Price> {
    if decimals > MOST_DECIMALS || paid_decimals > MOST_DECIMALS {
        return None;
    }
    // The amounts are left as they are when both tokens count alike.
    let (up, down) = (u16::from(decimals) + 18, u16::from(paid_decimals));
    let common = up.min(down);
    let above = paid.checked_mul(power(up - common)?)?;
    let below = got.checked_mul(power(down - common)?)?;
    if below.is_zero() {
        return None;
    }
    let (whole, rest) = above.div_rem(below);
    let wad = match rounding {
        Rounding::Up if !rest.is_zero() => whole.checked_add(U512::from(1u8))?,
        _ => whole,
    };
    Price::from_wad(u128::try_from(wad).ok()?)
}

fn power(exponent: u16) -> Option<U512> {
    U512::from(10u8).checked_pow(U512::from(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::units::WAD;

    #[test]
    fn decimals_on_either_side_are_evened_out() {
        let wad = |got: u128, decimals, paid: u128, paid_decimals, rounding| {
            price(U256::from(got), decimals, U256::from(paid), paid_decimals, rounding).map(Price::wad)
        };
        let down = Rounding::Down;
        assert_eq!(wad(WAD, 18, 999_000, 6, down), Some(999 * WAD / 1_000));
        assert_eq!(wad(1_000_000, 6, 999 * WAD / 1_000, 18, down), Some(999 * WAD / 1_000));
        assert_eq!(wad(1_000_000, 6, 999_000, 6, down), Some(999 * WAD / 1_000));
        assert_eq!(wad(1, 0, 10u128.pow(36), 36, down), Some(WAD));
        assert_eq!(wad(10u128.pow(36), 36, 1, 0, down), Some(WAD));
        assert_eq!((wad(3, 6, 1, 6, down), wad(3, 6, 1, 6, Rounding::Up)), (Some(WAD / 3), Some(WAD / 3 + 1)));
    }

    #[test]
    fn what_does_not_fit_is_no_price() {
        let price = |got, decimals, paid, paid_decimals| price(got, decimals, paid, paid_decimals, Rounding::Down);
        assert_eq!(price(U256::ZERO, 6, U256::from(1), 6), None);
        assert_eq!(price(U256::from(1), 6, U256::ZERO, 6), None, "nothing was paid");
        assert_eq!(price(U256::MAX, 6, U256::from(1), 6), None);
        assert_eq!(price(U256::from(1), 6, U256::MAX, 6), None);
        assert_eq!(price(U256::MAX, 36, U256::MAX, 36).unwrap().wad(), WAD);
        assert_eq!(price(U256::from(1), 37, U256::from(1), 6), None);
        assert_eq!(price(U256::from(1), 6, U256::from(1), 255), None);
    }
}
