use super::*;
use crate::chain::token::Token;
use crate::chain::yields::contracts::IERC4626;
use crate::chain::yields::erc4626::ShareVault;
use crate::domain::yields::{Rate, Said};

fn vault(share_decimals: u8, decimals: u8) -> ShareVault {
    let token = |address, decimals| Token { address, decimals };
    ShareVault::new(payer(), token(PLACE, share_decimals), token(COIN, decimals)).unwrap()
}

fn answers() -> Vec<Answer> {
    vec![number(1_146_312_345_678_901_234), number(5_000_000), says(COIN), number(18)]
}

fn read(answers: &[Answer]) -> Result<YieldReading, YieldFault> {
    vault(18, 18).reading(answers, &NOW)
}

#[test]
fn a_vault_says_what_a_share_is_worth() {
    let found = read(&answers()).unwrap();
    assert_eq!(found.said, Said::Share(Rate::from_wad(1_146_312_345_678_901_234).unwrap()));
    assert_eq!((found.share().unwrap().as_of, found.utilisation), (NOW.timestamp, None));
}

#[test]
fn so_many_shares_are_asked_for_that_the_answer_has_eighteen_digits() {
    let asked = |share_decimals, decimals| {
        let data = vault(share_decimals, decimals).calls()[0].data.clone();
        IERC4626::convertToAssetsCall::abi_decode(&data).unwrap().shares
    };
    let power = |digits: u64| U256::from(10).pow(U256::from(digits));
    assert_eq!(asked(18, 18), power(18), "one share");
    assert_eq!(asked(6, 6), power(18));
    assert_eq!(asked(18, 6), power(30));
    assert_eq!(asked(36, 0), power(54));
    let token = |decimals| Token { address: COIN, decimals };
    assert!(ShareVault::new(payer(), token(18), token(19)).is_err());
    assert!(ShareVault::new(payer(), token(37), token(18)).is_err());
}

#[test]
fn every_answer_of_a_vault_counts() {
    every_answer_counts(&vault(18, 18), &answers());
    survives_anything(&vault(18, 18), 1);
}

#[test]
fn a_vault_for_another_coin_or_with_other_decimals_has_no_yield() {
    assert_eq!(label(read(&with(answers(), 2, says(STRANGER)))), "mismatched");
    assert_eq!(label(read(&with(answers(), 3, number(6)))), "mismatched");
    assert_eq!(label(read(&with(answers(), 3, number(256)))), "failed_call");
}

#[test]
fn numbers_that_no_vault_has_are_none() {
    assert_eq!(label(read(&with(answers(), 0, number(0)))), "implausible");
    assert_eq!(label(read(&with(answers(), 0, says(U256::MAX)))), "implausible");
    assert_eq!(label(read(&with(answers(), 1, number(0)))), "implausible", "an empty one");
}
