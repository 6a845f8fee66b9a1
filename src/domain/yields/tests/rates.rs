use alloy_primitives::U256;
use proptest::prelude::*;

use super::*;
use crate::domain::units::WAD;

/// To the twelfth digit: more than a float gives is not asked of it.
#[track_caller]
fn same(found: Apy, expected: u128) {
    assert!(found.wad().abs_diff(expected) <= expected / 1_000_000_000_000 + 1, "{} is not {expected}", found.wad());
}

#[test]
fn linear_interest_becomes_what_a_year_brings() {
    // The means of February to May 2023 on Aave, the peak of 11 March, and a usual rate.
    for (apr, apy) in [
        (214u128, 21_630_622_159_423_954u128),
        (361, 36_759_517_237_603_039),
        (173, 17_450_511_693_227_304),
        (420, 42_894_478_721_595_528),
        (6_800, 973_877_717_759_350_325),
    ] {
        let rate = Apr::from_ray(apr * RAY / 10_000);
        assert_eq!(rate, Apr::from_wad(apr * WAD / 10_000));
        same(rate.compounded().unwrap(), apy);
    }
    assert_eq!(Apr::default().compounded(), Some(Apy::ZERO));
}

#[test]
fn a_rate_for_the_second_becomes_one_for_the_year() {
    let rate = Apr::from_per_second(951_293_759);
    assert_eq!(rate.wad(), 29_999_999_983_824_000);
    same(rate.compounded().unwrap(), 30_454_533_922_144_249);
    assert_eq!(Apr::from_per_second(u64::MAX).compounded(), None, "no such rate fits a year");
}

#[test]
fn a_factor_for_the_second_becomes_what_governance_voted_for() {
    // As they stood in Maker's contracts: 5 %, 0.5 % and 15 %.
    for (factor, percent) in
        [("1000000001547125957863212448", 50), ("1000000000158153903837946257", 5), ("1000000004431822129783699001", 150)]
    {
        same(Apy::from_factor(factor.parse().unwrap()).unwrap(), percent * WAD / 1_000);
    }
    assert_eq!(Apy::from_factor(U256::from(RAY)), Some(Apy::ZERO));
    assert_eq!(Apy::from_factor(U256::from(RAY - 1)), None, "it takes");
    assert_eq!(Apy::from_factor(U256::from(2 * RAY)), None);
    assert_eq!(Apy::from_factor(U256::MAX), None);
}

#[test]
fn percent_are_only_taken_where_they_are_a_yield() {
    assert_eq!(Apy::from_percent(4.25), Some(Apy::from_wad(42_500_000_000_000_000).unwrap()));
    assert_eq!(Apy::from_percent(0.0), Some(Apy::ZERO));
    for none in [-0.01, 10_001.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        assert_eq!(Apy::from_percent(none), None, "{none}");
    }
    assert_eq!(Apy::from_wad(100 * WAD), Some(Apy::MOST));
    assert_eq!(Apy::from_wad(100 * WAD + 1), None);
    assert_eq!((Apy::from_bps(2_000), Apy::from_bps(u32::MAX)), (Some(percent(20.0)), None));
}

#[test]
fn a_yield_is_shown_in_percent_and_compared_in_basis_points() {
    assert_eq!((percent(4.256).to_string(), Apy::ZERO.to_string()), ("4.26 %".to_owned(), "0.00 %".to_owned()));
    assert_eq!(percent(5.0).bps_from(percent(4.25)), 75);
    assert_eq!(percent(4.25).bps_from(percent(5.0)), 75);
}

#[test]
fn a_power_is_rounded_as_makers_contracts_round_it() {
    let factor: U256 = "1000000001547125957863212448".parse().unwrap();
    assert_eq!(ray_power(factor, 0), Some(U256::from(RAY)));
    assert_eq!(ray_power(factor, 1), Some(factor));
    let year = ray_power(factor, YEAR).unwrap();
    // A year at 5 %, to a millionth of a millionth.
    assert!(year.abs_diff(U256::from(RAY * 105 / 100)) < U256::from(RAY / 1_000_000_000_000), "{year}");
    assert_eq!(ray_power(U256::MAX, 2), None);
    let large = U256::from(1u8) << 160;
    assert_eq!(ray_power(large, 1), Some(large), "a square that nobody needs is not made");
    assert_eq!(ray_power(large, 2), None);
}

proptest! {
    #[test]
    fn interest_on_interest_is_never_less_and_grows_with_the_rate(wad in 0u128..3 * WAD, more in 0u128..WAD) {
        let apy = Apr::from_wad(wad).compounded().unwrap();
        prop_assert!(apy.wad() + 1 >= wad);
        prop_assert!(Apr::from_wad(wad + more).compounded().unwrap() >= apy);
    }

    #[test]
    fn the_same_interest_is_the_same_yield_in_each_form(gain in 0u64..100_000_000_000_000_000) {
        // A factor for the second that is exact in both forms: units of 1e-18.
        let (factor, rate) = (U256::from(RAY + u128::from(gain / 1_000_000) * 1_000_000_000), Apr::from_per_second(gain / 1_000_000));
        match (Apy::from_factor(factor), rate.compounded()) {
            (Some(one), Some(other)) => prop_assert!(one.wad().abs_diff(other.wad()) <= one.wad() / 1_000_000_000 + 1),
            (one, other) => prop_assert_eq!(one.is_none(), other.is_none()),
        }
    }

    #[test]
    fn a_power_is_that_of_floats(gain in 0u32..u32::MAX, secs in 0u32..100_000_000) {
        let power = ray_power(U256::from(RAY + u128::from(gain) * 1_000_000_000), secs.into()).unwrap();
        let power = power.to_string().parse::<f64>().unwrap() / 1e27;
        let float = (f64::from(secs) * (f64::from(gain) / 1e18).ln_1p()).exp();
        prop_assert!((power / float - 1.0).abs() < 1e-9, "{power} {float}");
    }

    #[test]
    fn no_number_makes_a_conversion_panic(ray in any::<[u64; 4]>(), bits in any::<u64>(), secs in any::<u64>()) {
        let factor = U256::from_limbs(ray);
        let _ = (Apy::from_factor(factor), ray_power(factor, secs), Apy::from_percent(f64::from_bits(bits)));
        let _ = Apr::from_per_second(bits).compounded();
    }
}
