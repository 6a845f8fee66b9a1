use super::*;
use crate::chain::yields::contracts::ISavingsRate;
use crate::chain::yields::savings_rate::{SavingsKind, SavingsRate};
use crate::domain::units::WAD;
use crate::domain::yields::{RAY, Said};

/// 5 % a year.
const FACTOR: u128 = 1_000_000_001_547_125_957_863_212_448;
const CHI: u128 = 1_100_000_000_000_000_000_000_000_000;
const YEAR_AGO: u128 = 1_700_000_000 - 31_536_000;

fn dsr() -> SavingsRate {
    SavingsRate::new(payer(), PLACE, SavingsKind::Dsr)
}

fn ssr() -> SavingsRate {
    SavingsRate::new(payer(), PLACE, SavingsKind::Ssr(COIN))
}

fn answers() -> Vec<Answer> {
    vec![number(FACTOR), number(CHI), number(YEAR_AGO)]
}

fn skys() -> Vec<Answer> {
    answers().into_iter().chain([says(COIN)]).collect()
}

fn read(answers: &[Answer]) -> Result<YieldReading, YieldFault> {
    dsr().reading(answers, &NOW)
}

#[test]
fn the_factor_is_a_yield_and_a_share_grows_by_it() {
    for found in [read(&answers()).unwrap(), ssr().reading(&skys(), &NOW).unwrap()] {
        let Said::Rate { apy, share: Some(share) } = found.said else { panic!("a rate with shares") };
        assert!(apy.wad().abs_diff(WAD / 20) < 100_000, "{}", apy.wad());
        assert!(share.wad().abs_diff(WAD * 1_155 / 1_000) < 100_000, "a year at 5 % later: {}", share.wad());
        assert_eq!((found.utilisation, found.share().unwrap().block), (None, NOW.hash));
    }
    let now = with(answers(), 2, number(1_700_000_000));
    assert_eq!(read(&now).unwrap().share().unwrap().rate.wad(), CHI / 1_000_000_000, "written down in this block");
    assert_eq!(selectors(&dsr())[0], selector::<ISavingsRate::dsrCall>());
    assert_eq!(selectors(&ssr())[0], selector::<ISavingsRate::ssrCall>());
}

#[test]
fn every_answer_of_a_savings_rate_counts() {
    every_answer_counts(&dsr(), &answers());
    every_answer_counts(&ssr(), &skys());
    survives_anything(&dsr(), 1);
    survives_anything(&ssr(), 1);
}

#[test]
fn a_savings_token_for_another_coin_has_no_yield() {
    assert_eq!(label(ssr().reading(&with(skys(), 3, says(STRANGER)), &NOW)), "mismatched");
}

#[test]
fn numbers_that_no_savings_rate_has_are_none() {
    for (at, found) in [
        (0, U256::from(RAY - 1)),
        (0, U256::ZERO),
        (0, U256::from(2 * RAY)),
        (0, U256::MAX),
        (1, U256::ZERO),
        (1, U256::MAX),
        (2, U256::from(1_700_000_001u64)),
        (2, U256::MAX),
    ] {
        assert_eq!(label(read(&with(answers(), at, says(found)))), "implausible", "{found} as answer {at}");
    }
    let never = with(answers(), 2, number(0));
    assert!(read(&never).is_ok(), "half a century at 5 % is a sum like another");
}
