use proptest::prelude::*;

use super::*;
use crate::domain::units::{Price, WAD};

fn growth() -> Growth {
    Growth::new(GrowthRule::USUAL)
}

/// So many blocks at a yield.
fn blocks(growth: &mut Growth, from: u32, to: u32, percent: f64) -> Vec<ShareMove> {
    (from..to).filter_map(|block| growth.take(share_at(grown(percent, BLOCK * block), BLOCK * block))).collect()
}

#[test]
fn a_share_is_worth_its_rate_in_coins() {
    let share = share_at(rate(1_146_312), Duration::ZERO);
    assert_eq!(share.price(Price::PAR).unwrap().to_string(), "$1.1463");
    assert_eq!(share.price(Price::parse("0.98").unwrap()).unwrap().wad(), 1_123_385_760_000_000_000);
    assert_eq!(share_at(Rate::from_wad(u128::MAX).unwrap(), HOUR).price(Price::parse("2").unwrap()), None);
    assert_eq!(share_at(Rate::from_wad(1).unwrap(), HOUR).price(Price::from_wad(WAD - 1).unwrap()), None, "it rounds to nothing");
    assert_eq!((Rate::from_wad(0), Rate::ONE.to_string()), (None, "1.000000".to_owned()));
}

#[test]
fn growth_of_less_than_an_hour_is_none() {
    let mut growth = growth();
    assert_eq!(growth.apy(), Err(YieldFault::TooYoung { known: Duration::ZERO, wanted: HOUR }));
    assert!(blocks(&mut growth, 0, 300, 5.0).is_empty());
    assert_eq!(growth.apy(), Err(YieldFault::TooYoung { known: 299 * BLOCK, wanted: HOUR }));
    assert!(blocks(&mut growth, 300, 301, 5.0).is_empty());
    about(growth.apy().unwrap(), 5.0);
}

#[test]
fn growth_follows_its_window() {
    let mut growth = growth();
    // Two days at 5 %, and nothing for half a day.
    for block in 0..14_400 {
        growth.take(share_at(grown(5.0, BLOCK * block), BLOCK * block));
    }
    about(growth.apy().unwrap(), 5.0);
    let still = grown(5.0, BLOCK * 14_399);
    for block in 14_400..18_000 {
        assert_eq!(growth.take(share_at(still, BLOCK * block)), None);
    }
    about(growth.apy().unwrap(), 2.47);
    assert!(growth.samples.len() <= 150, "{} samples of a day", growth.samples.len());
}

#[test]
fn a_leap_is_told_once_and_left_out() {
    let mut growth = growth();
    blocks(&mut growth, 0, 600, 5.0);
    let lifted = |block: u32| Rate::from_wad(grown(5.0, BLOCK * block).wad() / 100 * 101).unwrap();
    let (from, to) = (share_at(grown(5.0, BLOCK * 599), BLOCK * 599), share_at(lifted(600), BLOCK * 600));
    assert_eq!(growth.take(to), Some(ShareMove::Jumped { from, to }));
    for block in 601..900 {
        assert_eq!(growth.take(share_at(lifted(block), BLOCK * block)), None);
    }
    // What was earned in the block of the leap is left out with it: one of 899.
    about(growth.apy().unwrap(), 5.0 * 898.0 / 899.0);
}

#[test]
fn what_is_within_the_limit_is_no_leap() {
    let mut growth = growth();
    growth.take(share_at(rate(1_000_000), Duration::ZERO));
    assert_eq!(growth.take(share_at(rate(1_002_000), BLOCK)), None, "20 basis points");
    let (from, to) = (share_at(rate(1_002_000), BLOCK), share_at(rate(1_004_105), BLOCK * 2));
    assert_eq!(growth.take(to), Some(ShareMove::Jumped { from, to }), "21 basis points");
    assert_eq!(growth.take(share_at(rate(1_010_000), BLOCK * 3 + DAY)), None, "so much may have been earned in a silence");
    assert_eq!(growth.apy().unwrap_err().label(), "too_young", "and what came before it is too old");
}

#[test]
fn a_fall_is_told_and_begins_anew() {
    let mut growth = growth();
    blocks(&mut growth, 0, 600, 5.0);
    let (from, to) = (share_at(grown(5.0, BLOCK * 599), BLOCK * 599), share_at(rate(999_000), BLOCK * 600));
    assert_eq!(growth.take(to), Some(ShareMove::Fell { from, to }));
    assert_eq!(growth.apy(), Err(YieldFault::TooYoung { known: Duration::ZERO, wanted: HOUR }));
    assert_eq!(growth.take(share_at(rate(999_000), BLOCK * 601)), None, "told once");
    // A silence hides no fall.
    let after = share_at(rate(998_000), 3 * DAY);
    assert!(matches!(growth.take(after), Some(ShareMove::Fell { to, .. }) if to == after));
}

#[test]
fn rounding_is_no_fall() {
    let mut growth = growth();
    growth.take(share_at(Rate::ONE, Duration::ZERO));
    let dust = Rate::from_wad(WAD - 1_000_000_000).unwrap();
    assert_eq!(growth.take(share_at(dust, HOUR)), None);
    assert_eq!(growth.apy(), Ok(Apy::ZERO));
    let more = share_at(Rate::from_wad(dust.wad() - 1_000_000_001).unwrap(), 2 * HOUR);
    assert!(matches!(growth.take(more), Some(ShareMove::Fell { .. })));
}

#[test]
fn a_block_that_is_replaced_takes_its_word_back() {
    let mut growth = growth();
    blocks(&mut growth, 0, 400, 5.0);
    // An earlier time, and so a lower rate than the newest: that is no loss.
    assert_eq!(growth.take(share_at(grown(5.0, BLOCK * 390), BLOCK * 390)), None);
    assert!(blocks(&mut growth, 391, 420, 5.0).is_empty());
    about(growth.apy().unwrap(), 5.0);
}

#[test]
fn more_than_any_yield_is_none() {
    let rule = GrowthRule { jump_bps: 10_000, ..GrowthRule::USUAL };
    let mut growth = Growth::new(rule);
    growth.take(share_at(rate(1_000_000), Duration::ZERO));
    assert_eq!(growth.take(share_at(rate(1_500_000), HOUR)), None);
    assert_eq!(growth.apy().unwrap_err().label(), "implausible");
}

proptest! {
    #[test]
    fn a_steady_yield_is_found_however_it_is_looked_at(
        percent in 0.0f64..50.0,
        steps in prop::collection::vec(1u64..1_800, 10..300),
        begin in 1_000_000u128..3_000_000,
    ) {
        let (mut growth, mut after) = (growth(), Duration::ZERO);
        for secs in steps {
            let wad = grown(percent, after).wad() / 1_000_000 * begin;
            prop_assert_eq!(growth.take(share_at(Rate::from_wad(wad).unwrap(), after)), None);
            after += Duration::from_secs(secs);
        }
        if let Ok(apy) = growth.apy() {
            prop_assert!((apy.as_fraction() * 100.0 - percent).abs() < 0.001, "{apy} is not {percent} %");
        }
    }

    #[test]
    fn no_rate_makes_it_panic(rates in prop::collection::vec((1u128.., 0u64..200_000), 1..60)) {
        let mut growth = growth();
        for (wad, secs) in rates {
            let _ = (growth.take(share_at(Rate::from_wad(wad).unwrap(), Duration::from_secs(secs))), growth.apy());
        }
    }
}
