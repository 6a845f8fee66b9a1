//! Against numbers that are found another way: no table and no roots, only 10001 and 10000.

use alloy_primitives::aliases::{U1024, U2048, U4096};
use proptest::prelude::*;

use super::*;
use crate::domain::units::WAD;

/// Bits after the point of the numbers below.
const BITS: usize = 320;

/// `(10001/10000)^distance` from below and from above, as fractions of 2^320: by squaring, each step rounded down in the one and up in
/// the other, so that the true number lies between them for certain.
fn bounds(distance: u32) -> (U1024, U1024) {
    let one = U1024::from(1u8) << BITS;
    let base = one * U1024::from(10_001u16);
    let mut square = (base / U1024::from(10_000u16), base.div_ceil(U1024::from(10_000u16)));
    let mut power = (one, one);
    let down = |a: U1024, b: U1024| (a * b) >> BITS;
    let up = |a: U1024, b: U1024| (a * b).div_ceil(one);
    for bit in 0..20 {
        if distance >> bit & 1 == 1 {
            power = (down(power.0, square.0), up(power.1, square.1));
        }
        // The last square, of 2^20, would not fit and is not needed.
        if bit < 19 {
            square = (down(square.0, square.0), up(square.1, square.1));
        }
    }
    power
}

/// `1.0001^tick * 10^exponent`, rounded down. Near zero with whole numbers; further out it has more digits than are asked for, and is the
/// only whole number that both bounds allow.
fn exact(tick: i32, exponent: u32) -> U1024 {
    if tick.unsigned_abs() <= 128 {
        let power = |base: u16| U4096::from(base).pow(U4096::from(tick.unsigned_abs()));
        let (above, below) = if tick >= 0 { (10_001, 10_000) } else { (10_000, 10_001) };
        return U1024::from(power(above) * U4096::from(10u8).pow(U4096::from(exponent)) / power(below));
    }
    let (low, high) = bounds(tick.unsigned_abs());
    let scale = U1024::from(10u8).pow(U1024::from(exponent));
    let (low, high) = if tick >= 0 {
        ((low * scale) >> BITS, (high * scale) >> BITS)
    } else {
        let one = U1024::from(1u8) << (2 * BITS);
        // Scaled before the division, in wide numbers.
        let wide = |power: U1024| U1024::from(U2048::from(one) * U2048::from(scale) / (U2048::from(power) << BITS));
        (wide(high), wide(low))
    };
    assert_eq!(low, high, "tick {tick} is not decided");
    low
}

fn wad(tick: i32, priced: Priced, decimals: u8, other: u8) -> Option<u128> {
    price(tick, priced, decimals, other).map(Price::wad)
}

#[test]
fn every_number_of_the_table_is_the_nearest() {
    // For the first ones with whole numbers of any size: (2h - 1)^2 < 4 * 2^256 * (10000/10001)^n < (2h + 1)^2.
    for (k, halving) in HALVINGS.iter().enumerate().take(8) {
        let n = U4096::from(1u64 << k);
        let (over, under) = (U4096::from(10_000u16).pow(n), U4096::from(10_001u16).pow(n));
        let twice = U4096::from(*halving) * U4096::from(2u8);
        let one = U4096::from(1u8);
        let middle = (over << 256) * U4096::from(4u8);
        assert!((twice - one).pow(U4096::from(2u8)) * under < middle, "{k}");
        assert!((twice + one).pow(U4096::from(2u8)) * under > middle, "{k}");
    }
    // For all of them between the bounds: h^2 * p must be 2^256, up to half a unit of h.
    for (k, halving) in HALVINGS.iter().enumerate() {
        let (low, high) = bounds(1 << k);
        let twice = U2048::from(*halving) * U2048::from(2u8);
        let one = U2048::from(1u8);
        let middle = U2048::from(4u8) << (256 + BITS);
        assert!((twice - one).pow(U2048::from(2u8)) * U2048::from(high) < middle, "{k}");
        assert!((twice + one).pow(U2048::from(2u8)) * U2048::from(low) > middle, "{k}");
    }
}

#[test]
fn roots_are_those_of_the_pools() {
    for (tick, expected) in [
        (0, "79228162514264337593543950336"),
        (1, "79232123823359799118286999568"),
        (-1, "79224201403219477170569942574"),
        // What the pools call MAX_SQRT_RATIO and MIN_SQRT_RATIO.
        (887_272, "1461446703485210103287273052203988822378723970342"),
        (-887_272, "4295128739"),
    ] {
        assert_eq!(root(tick).unwrap().to_string(), expected, "{tick}");
    }
    assert_eq!((root(887_273), root(-887_273), root(i32::MAX), root(i32::MIN)), (None, None, None, None));
}

#[test]
fn prices_are_exact_where_they_can_be_written_down() {
    let (first, second) = (Priced::First, Priced::Second);
    assert_eq!(wad(0, first, 6, 6), Some(WAD));
    assert_eq!(wad(0, second, 18, 18), Some(WAD));
    assert_eq!(wad(1, first, 6, 6), Some(1_000_100_000_000_000_000));
    assert_eq!(wad(2, first, 6, 6), Some(1_000_200_010_000_000_000));
    // 10000/10001 and its square, rounded down.
    assert_eq!(wad(-1, first, 6, 6), Some(WAD * 10_000 / 10_001));
    assert_eq!(wad(-2, first, 6, 6), Some(WAD * 100_000_000 / 100_020_001));
    // DAI is token 0 with 18 decimals, USDC token 1 with 6: par is near the tick -276324.
    assert_eq!(wad(-276_324, first, 18, 6), Some(1_000_002_643_830_950_670));
    assert_eq!(wad(-276_324, second, 6, 18), Some(999_997_356_176_039_153));
    // The other way round.
    assert_eq!(wad(276_324, first, 6, 18), Some(999_997_356_176_039_153));
    assert_eq!(wad(276_324, second, 18, 6), Some(1_000_002_643_830_950_670));
}

/// Both directions of a pair, each against the number found the other way.
fn agree(tick: i32, decimals0: u8, decimals1: u8) {
    let check = |found: Option<u128>, tick: i32, shift: i32| {
        let Ok(exponent) = u32::try_from(18 + shift) else { return };
        let expected = exact(tick, exponent);
        match u128::try_from(expected) {
            // One unit in the last place, or one part in 10^18: the pools' own roots are rounded.
            Ok(expected) if expected > 1_000 => {
                let found = found.unwrap_or_else(|| panic!("{tick} has no price"));
                assert!(found.abs_diff(expected) <= 1 + expected / WAD, "{tick}: {found}, not {expected}");
            }
            Ok(_) => {}
            Err(_) => assert!(found.is_none_or(|found| found > u128::MAX / 2), "{tick} does not fit"),
        }
    };
    let shift = i32::from(decimals0) - i32::from(decimals1);
    check(wad(tick, Priced::First, decimals0, decimals1), tick, shift);
    check(wad(tick, Priced::Second, decimals1, decimals0), -tick, -shift);
}

#[test]
fn prices_agree_with_powers_of_10001_over_10000() {
    for tick in [0, 1, 2, 3, 10, 99, 100, 101, 1_000, 6_932, 50_000, 100_000, 276_323, 276_324, 276_325, 300_000] {
        for tick in [tick, -tick] {
            agree(tick, 18, 18);
            agree(tick, 6, 6);
            agree(tick, 6, 18);
            agree(tick, 18, 6);
        }
    }
}

#[test]
fn what_does_not_fit_has_no_price() {
    for (tick, priced) in [(887_272, Priced::First), (-887_272, Priced::Second)] {
        assert_eq!(wad(tick, priced, 18, 18), None, "10^38 tokens");
        assert_eq!(wad(-tick, priced, 18, 18), None, "less than the last digit");
    }
    assert_eq!(wad(900_000, Priced::First, 18, 18), None);
    assert_eq!(wad(0, Priced::First, 37, 18), None);
    assert_eq!(wad(0, Priced::First, 36, 36), Some(WAD));
    assert_eq!(wad(0, Priced::First, 36, 0), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prices_agree_at_any_tick(tick in -300_000i32..=300_000, six in any::<bool>()) {
        agree(tick, 18, if six { 6 } else { 18 });
    }

    #[test]
    fn roots_rise_with_their_ticks(tick in -887_272i32..887_272) {
        prop_assert!(root(tick) < root(tick + 1));
    }
}
