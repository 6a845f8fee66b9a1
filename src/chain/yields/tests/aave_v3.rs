use super::*;
use crate::chain::contracts::IERC20;
use crate::chain::yields::aave_v3::AaveReserve;
use crate::chain::yields::contracts::IAavePool::{ReserveData, getReserveDataCall};
use crate::domain::units::Weight;
use crate::domain::yields::{Apy, RAY, Said};

const A_TOKEN: Address = Address::repeat_byte(4);
const ACTIVE: u128 = 1 << 56;

fn reserve() -> AaveReserve {
    AaveReserve::new(payer(), PLACE, COIN, A_TOKEN)
}

fn data(rate: u128) -> ReserveData {
    ReserveData {
        configuration: U256::from(ACTIVE),
        liquidityIndex: RAY,
        currentLiquidityRate: rate,
        variableBorrowIndex: RAY,
        currentVariableBorrowRate: 0,
        currentStableBorrowRate: 0,
        lastUpdateTimestamp: alloy_primitives::aliases::U40::from(1_600_000_000u64),
        id: 3,
        aTokenAddress: A_TOKEN,
        stableDebtTokenAddress: Address::ZERO,
        variableDebtTokenAddress: STRANGER,
        interestRateStrategyAddress: STRANGER,
        accruedToTreasury: 0,
        unbacked: 0,
        isolationModeTotalDebt: 0,
    }
}

/// A reserve that pays 4.2 % and has lent out 80 %.
fn answers() -> Vec<Answer> {
    vec![says(data(RAY * 42 / 1_000)), number(200), number(1_000)]
}

fn read(answers: &[Answer]) -> Result<YieldReading, YieldFault> {
    reserve().reading(answers, &NOW)
}

#[test]
fn a_reserve_says_what_it_pays_and_what_it_has_lent_out() {
    let found = read(&answers()).unwrap();
    let Said::Rate { apy, share: None } = found.said else { panic!("a rate") };
    assert!(apy.wad().abs_diff(42_894_478_721_595_528) < 100_000, "{}", apy.wad());
    assert_eq!((found.utilisation, found.block), (Some(Weight::from_bps(8_000)), NOW));
    let calls = reserve().calls();
    assert_eq!(calls.iter().map(|call| call.target).collect::<Vec<_>>(), [PLACE, COIN, A_TOKEN]);
    let expected = [selector::<getReserveDataCall>(), selector::<IERC20::balanceOfCall>(), selector::<IERC20::totalSupplyCall>()];
    assert_eq!(selectors(&reserve()), expected);
}

#[test]
fn what_can_be_taken_out_is_what_is_there() {
    let lent = |there, owed| read(&with(with(answers(), 1, number(there)), 2, number(owed))).unwrap().utilisation.unwrap();
    assert_eq!(lent(0, 1_000), Weight::ONE);
    assert_eq!(lent(1_000, 1_000), Weight::ZERO);
    assert_eq!(lent(2_000, 1_000), Weight::ZERO, "a gift");
    assert_eq!(lent(0, 0), Weight::ZERO, "nobody is in");
    assert_eq!(lent(2, 3), Weight::from_wad(333_333_333_333_333_334), "rounded up");
}

#[test]
fn every_answer_of_a_reserve_counts() {
    every_answer_counts(&reserve(), &answers());
    survives_anything(&reserve(), 15);
}

#[test]
fn a_reserve_that_is_not_the_configured_one_has_no_yield() {
    let other = |data: ReserveData| label(read(&with(answers(), 0, says(data))));
    assert_eq!(other(ReserveData { aTokenAddress: STRANGER, ..data(RAY) }), "mismatched");
    assert_eq!(other(ReserveData { aTokenAddress: Address::ZERO, ..data(RAY) }), "mismatched", "it is not listed");
    assert_eq!(other(ReserveData { configuration: U256::ZERO, ..data(RAY) }), "closed", "it is not active");
    assert_eq!(other(ReserveData { configuration: U256::from(ACTIVE | 1 << 60), ..data(RAY) }), "closed", "it is paused");
    let frozen = ReserveData { configuration: U256::from(ACTIVE | 1 << 57), ..data(RAY / 100) };
    assert!(read(&with(answers(), 0, says(frozen))).is_ok(), "who is in a frozen reserve earns, and can leave");
}

#[test]
fn numbers_that_no_reserve_has_are_none() {
    assert_eq!(label(read(&with(answers(), 0, says(data(u128::MAX))))), "implausible");
    assert_eq!(label(read(&with(answers(), 1, says(U256::MAX)))), "implausible");
    assert_eq!(label(read(&with(answers(), 2, says(U256::MAX)))), "implausible");
    let none = read(&with(answers(), 0, says(data(0)))).unwrap();
    assert_eq!(none.said, Said::Rate { apy: Apy::ZERO, share: None }, "nothing is a yield too");
}
