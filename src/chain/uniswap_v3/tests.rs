#![expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]

use std::time::Duration;

use alloy::sol_types::{Revert, SolCall, SolError};
use alloy_primitives::aliases::{I24, I56, U24};
use alloy_primitives::{B256, Bytes, U160};

use super::*;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::source::{Group, Unit};
use crate::domain::units::{Timestamp, WAD};
use crate::ports::CallFault;

const WINDOW: u32 = 1_800;
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const FIRST: Address = Address::repeat_byte(1);
const SECOND: Address = Address::repeat_byte(2);

fn twap(asset: Token, other: Token) -> UniswapV3Twap {
    let source = Source {
        id: SourceId::new("uniswap:USDC/USDT"),
        asset: AssetId::new("USDC"),
        unit: Unit::Asset(AssetId::new("USDT")),
        group: Group::Dex,
        advisory: false,
        good_for: Duration::from_secs(60),
    };
    let price = |thousandths: u128| Price::from_wad(thousandths * WAD / 1_000).unwrap();
    let rule = TwapRule { window: NonZeroU32::new(WINDOW).unwrap(), observations: 100, low: price(200), high: price(2_000) };
    UniswapV3Twap::new(Arc::new(source), Address::repeat_byte(7), asset, other, rule)
}

const fn token(address: Address, decimals: u8) -> Token {
    Token { address, decimals }
}

/// The asset is token 0.
fn usual() -> UniswapV3Twap {
    twap(token(FIRST, 6), token(SECOND, 6))
}

fn sums(ticks: &[i64]) -> Answer {
    let seen = IUniswapV3Pool::observeReturn {
        tickCumulatives: ticks.iter().map(|&sum| I56::try_from(sum).unwrap()).collect(),
        secondsPerLiquidityCumulativeX128s: ticks.iter().map(|_| U160::from(1u8)).collect(),
    };
    Ok(IUniswapV3Pool::observeCall::abi_encode_returns(&seen).into())
}

fn room(observations: u16) -> Answer {
    let slot = IUniswapV3Pool::slot0Return {
        sqrtPriceX96: U160::from(1u8),
        // The tick of now, which the mean must not care about.
        tick: I24::try_from(50_000).unwrap(),
        observationIndex: 3,
        observationCardinality: observations,
        observationCardinalityNext: 65_535,
        feeProtocol: 0,
        unlocked: true,
    };
    Ok(IUniswapV3Pool::slot0Call::abi_encode_returns(&slot).into())
}

fn fee(hundredths: u32) -> Answer {
    Ok(IUniswapV3Pool::feeCall::abi_encode_returns(&U24::from(hundredths)).into())
}

fn holds(token: Address) -> Answer {
    Ok(IUniswapV3Pool::token0Call::abi_encode_returns(&token).into())
}

/// The pool as it should be, with a mean of so many ticks.
fn answers(ticks: i64) -> Vec<Answer> {
    mean(ticks * i64::from(WINDOW))
}

fn mean(difference: i64) -> Vec<Answer> {
    vec![sums(&[-7_000_000, difference - 7_000_000]), room(100), fee(100), holds(FIRST), holds(SECOND)]
}

fn quote(twap: &UniswapV3Twap, answers: &[Answer]) -> Result<Quote, ReadingFault> {
    twap.quote(answers, &BlockStamp { number: 1, hash: B256::ZERO, timestamp: NOW })
}

fn wad(twap: &UniswapV3Twap, answers: &[Answer]) -> u128 {
    quote(twap, answers).unwrap().price.wad()
}

fn failed(reason: &str) -> Answer {
    Err(CallFault::Failed(Revert::from(reason).abi_encode().into()))
}

#[test]
fn the_mean_of_the_window_becomes_a_quote_as_wide_as_the_fee() {
    let found = quote(&usual(), &answers(-100)).unwrap();
    // 1.0001^-100, rounded down.
    assert_eq!(found.price.wad(), 990_050_328_741_209_481);
    let margin = 990_050_328_741_209_481 / 10_000;
    assert_eq!((found.low.wad(), found.high.wad()), (found.price.wad() - margin, found.price.wad() + margin));
    assert_eq!(found.updated_at, NOW);
    let mut dearer = answers(-100);
    for (hundredths, bps) in [(500, 5), (3_000, 30), (1, 1), (101, 2), (0, 0), (100_000, 1_000)] {
        dearer[2] = fee(hundredths);
        let found = quote(&usual(), &dearer).unwrap();
        assert_eq!(found.high.wad() - found.price.wad(), margin * bps, "{hundredths}");
    }
}

#[test]
fn the_mean_is_rounded_to_minus_infinity() {
    let window = i64::from(WINDOW);
    let at = |difference| wad(&usual(), &mean(difference));
    let exactly = |ticks| wad(&usual(), &answers(ticks));
    for (difference, ticks) in [
        (0, 0),
        (1, 0),
        (window - 1, 0),
        (window, 1),
        (-1, -1),
        (-window + 1, -1),
        (-window, -1),
        (-window - 1, -2),
        (5 * window + 1, 5),
    ] {
        assert_eq!(at(difference), exactly(ticks), "{difference}");
    }
    assert_eq!((exactly(0), exactly(1)), (WAD, 1_000_100_000_000_000_000));
}

#[test]
fn the_direction_is_the_pools_and_not_the_settings() {
    let (forth, back) = (usual(), twap(token(SECOND, 6), token(FIRST, 6)));
    assert_eq!(wad(&forth, &answers(100)), wad(&back, &answers(-100)));
    assert!(wad(&forth, &answers(100)) > WAD && wad(&back, &answers(100)) < WAD);
}

#[test]
fn tokens_count_in_their_own_decimals() {
    // DAI in USDC, and USDC in DAI.
    let (dai, usdc) = (token(FIRST, 18), token(SECOND, 6));
    assert_eq!(wad(&twap(dai, usdc), &answers(-276_324)), 1_000_002_643_830_950_670);
    assert_eq!(wad(&twap(usdc, dai), &answers(-276_324)), 999_997_356_176_039_153);
    // Decimals that are configured wrongly are far out of bounds, or do not fit.
    assert_eq!(quote(&usual(), &answers(-276_324)).unwrap_err().label(), "out_of_bounds");
}

#[test]
fn a_pool_that_forgets_too_soon_is_not_believed() {
    let mut short = answers(0);
    short[1] = room(99);
    assert_eq!(quote(&usual(), &short), Err(ReadingFault::ShortMemory { found: 99, wanted: 100 }));
    // Room, and yet the window is longer than what is in it.
    let mut old = answers(0);
    old[0] = failed("OLD");
    assert_eq!(quote(&usual(), &old), Err(ReadingFault::ShortMemory { found: 100, wanted: 101 }));
    old[1] = room(65_535);
    assert_eq!(quote(&usual(), &old), Err(ReadingFault::ShortMemory { found: 65_535, wanted: 65_536 }));
}

#[test]
fn what_cannot_be_read_is_a_fault_and_never_a_price() {
    let label = |at: usize, answer: Answer| {
        let mut answers = answers(0);
        answers[at] = answer;
        quote(&usual(), &answers).unwrap_err().label()
    };
    for at in 0..5 {
        assert_eq!(label(at, Err(CallFault::NotReached)), "unreadable");
        assert_eq!(label(at, Err(CallFault::Failed(Bytes::new()))), "unreadable");
        assert_eq!(label(at, failed("I")), "unreadable");
        assert_eq!(label(at, Ok(Bytes::new())), "unreadable");
        assert_eq!(label(at, Ok(Bytes::from(vec![0xFF; 31]))), "unreadable");
        assert_eq!(label(at, Ok(Bytes::from(vec![0xFF; 32]))), "unreadable");
        assert_eq!(quote(&usual(), &answers(0)[..at]).unwrap_err().label(), "unreadable");
    }
    for count in [0, 1, 3] {
        assert_eq!(label(0, sums(&vec![0; count])), "unreadable");
    }
    assert_eq!(label(2, fee(100_001)), "unreadable");
    // Ticks that are none, out to the largest sums.
    let window = i64::from(WINDOW);
    for ticks in [887_273, -887_273, 1 << 40] {
        let difference = ticks * if ticks > 1 << 30 { 1_000 } else { window };
        assert_eq!(label(0, sums(&[0, difference])), "unreadable", "{ticks}");
    }
    let (least, most) = (-(1 << 55), (1 << 55) - 1);
    assert_eq!((label(0, sums(&[least, most])), label(0, sums(&[most, least]))), ("unreadable", "unreadable"));
}

#[test]
fn a_pool_of_other_tokens_is_not_believed() {
    let third = Address::repeat_byte(3);
    for (first, second) in [(FIRST, third), (third, SECOND), (FIRST, FIRST), (SECOND, SECOND), (third, third)] {
        let mut other = answers(0);
        (other[3], other[4]) = (holds(first), holds(second));
        assert_eq!(quote(&usual(), &other).unwrap_err().label(), "unreadable", "{first} {second}");
    }
}

#[test]
fn prices_outside_the_bounds_or_the_numbers_are_faults() {
    assert_eq!(quote(&usual(), &answers(-16_100)).unwrap_err().label(), "out_of_bounds");
    assert_eq!(quote(&usual(), &answers(6_940)).unwrap_err().label(), "out_of_bounds");
    assert_eq!(quote(&usual(), &answers(887_272)).unwrap_err(), ReadingFault::Overflow(I256::unchecked_from(887_272)));
    assert_eq!(quote(&usual(), &answers(-887_272)).unwrap_err().label(), "overflow");
}

#[test]
fn the_questions_are_those_of_the_window() {
    let calls = usual().calls();
    assert_eq!(calls.len(), 5);
    assert!(calls.iter().all(|call| call.target == Address::repeat_byte(7)));
    let observe = IUniswapV3Pool::observeCall::abi_decode(&calls[0].data).unwrap();
    assert_eq!(observe.secondsAgos, [WINDOW, 0]);
    // The selectors of the deployed pools.
    let selectors: Vec<String> = calls.iter().map(|call| alloy_primitives::hex::encode(&call.data[..4])).collect();
    assert_eq!(selectors, ["883bdbfd", "3850c7bd", "ddca3f43", "0dfe1681", "d21220a7"]);
}
