use super::*;
use crate::chain::yields::compound_v3::CompoundMarket;
use crate::chain::yields::contracts::IComet;
use crate::domain::units::{WAD, Weight};
use crate::domain::yields::{Apr, Said};

fn market() -> CompoundMarket {
    CompoundMarket::new(payer(), PLACE, COIN)
}

/// The numbers of a real market: no base, a bend at 90 %, and what they give for each second, worked out elsewhere.
const KINK: u128 = 9 * WAD / 10;
const LOW: u128 = 900_000_000;
const HIGH: u128 = 19_236_960_001;
const AT_PROBES: [u128; 3] = [450_000_000, 2_156_587_200, 2_733_696_000];

fn answers(utilisation: u128) -> Vec<Answer> {
    let market = [says(COIN), says(false), number(utilisation), number(KINK), number(0), number(LOW), number(HIGH)];
    market.into_iter().chain(AT_PROBES.map(number)).collect()
}

fn read(answers: &[Answer]) -> Result<YieldReading, YieldFault> {
    market().reading(answers, &NOW)
}

/// What it pays for each second.
fn pays(utilisation: u128, per_second: u64) {
    let found = read(&answers(utilisation)).unwrap();
    let apy = Apr::from_per_second(per_second).compounded().unwrap();
    assert_eq!(found.said, Said::Rate { apy, share: None });
    assert_eq!(found.utilisation, Some(Weight::from_wad(utilisation)));
}

#[test]
fn the_curve_is_that_of_the_market() {
    pays(0, 0);
    pays(WAD / 2, 450_000_000);
    pays(KINK, 810_000_000);
    // The digit that the contract cuts off is cut off here.
    pays(KINK + 1_000_000_000_000_000, 829_236_960);
    pays(WAD, 2_733_696_000);
    pays(WAD * 11 / 10, 810_000_000 + 3_847_392_000);
}

#[test]
fn every_question_is_the_same_in_every_block() {
    let calls = market().calls();
    assert!(calls.iter().all(|call| call.target == PLACE));
    let asked: Vec<U256> =
        calls[7..].iter().map(|call| IComet::getSupplyRateCall::abi_decode(&call.data).unwrap().utilization).collect();
    assert_eq!(asked, [WAD / 2, WAD * 97 / 100, WAD].map(U256::from));
    assert_eq!(selectors(&market())[2], selector::<IComet::getUtilizationCall>());
    every_answer_counts(&market(), &answers(WAD / 2));
    survives_anything(&market(), 1);
}

#[test]
fn a_curve_that_the_market_does_not_confirm_is_no_yield() {
    for (at, number_of) in
        [(3, KINK - WAD / 100), (4, 1), (5, LOW + 2), (6, HIGH + 100), (7, 450_000_001), (8, 0), (9, 2_733_696_001)]
    {
        let found = read(&with(answers(WAD / 2), at, number(number_of)));
        assert_eq!(label(found), "mismatched", "another number as answer {at}");
    }
}

#[test]
fn a_market_for_another_coin_or_a_closed_one_has_no_yield() {
    assert_eq!(label(read(&with(answers(WAD / 2), 0, says(STRANGER)))), "mismatched");
    assert_eq!(label(read(&with(answers(WAD / 2), 1, says(true)))), "closed");
}

#[test]
fn numbers_that_no_market_has_are_none() {
    for at in 2..7 {
        let label = label(read(&with(answers(WAD / 2), at, says(U256::MAX))));
        assert_eq!(label, "implausible", "answer {at}");
    }
    assert_eq!(label(read(&answers(u128::MAX))), "implausible");
    assert_eq!(label(read(&with(answers(0), 6, number(u128::MAX)))), "mismatched", "its curve goes beyond all numbers");
}
