#![expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]

use std::time::Duration;

use alloy::sol_types::SolCall;
use alloy_primitives::{B256, Bytes};

use super::*;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::source::{Group, Unit};
use crate::domain::units::{Timestamp, WAD};
use crate::ports::CallFault;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
/// 3pool: DAI, USDC, USDT.
const DAI: Coin = coin(1, 18, 0);
const USDC: Coin = coin(2, 6, 1);
const USDT: Coin = coin(3, 6, 2);

const fn coin(byte: u8, decimals: u8, index: u8) -> Coin {
    Coin { token: Token { address: Address::repeat_byte(byte), decimals }, index }
}

const fn price_of(thousandths: u128) -> Price {
    match Price::from_wad(thousandths * WAD / 1_000) {
        Some(price) => price,
        None => Price::PAR,
    }
}

fn source() -> Source {
    Source {
        id: SourceId::new("curve:USDC/USDT"),
        asset: AssetId::new("USDC"),
        unit: Unit::Asset(AssetId::new("USDT")),
        group: Group::Dex,
        advisory: false,
        good_for: Duration::from_secs(60),
    }
}

/// A hundred thousand tokens.
const RULE: BookRule = BookRule { spread_bps: 50, size: 100_000 * WAD, low: price_of(200), high: price_of(2_000) };
const AVERAGE: CurveAsk = CurveAsk::Average { low: price_of(200), high: price_of(2_000) };

fn pair(asset: Coin, other: Coin, ask: CurveAsk) -> Result<CurvePair, String> {
    CurvePair::new(source(), Address::repeat_byte(7), asset, other, ask)
}

fn amount(amount: u128) -> Answer {
    wide(U256::from(amount))
}

fn wide(amount: U256) -> Answer {
    Ok(ICurvePool::get_dyCall::abi_encode_returns(&amount).into())
}

fn holds(coin: Coin) -> Answer {
    Ok(ICurvePool::coinsCall::abi_encode_returns(&coin.token.address).into())
}

fn quote(pair: &CurvePair, answers: &[Answer]) -> Result<Quote, ReadingFault> {
    pair.quote(answers, &BlockStamp { number: 1, hash: B256::ZERO, timestamp: NOW })
}

/// What 100 000 USDC bring in USDT and the other way round, in millionths.
fn trades(brought: u128, gained: u128) -> Result<Quote, ReadingFault> {
    let pair = pair(USDC, USDT, CurveAsk::Trade(RULE)).unwrap();
    quote(&pair, &[amount(brought), amount(gained), holds(USDC), holds(USDT)])
}

#[test]
fn a_trade_both_ways_is_a_price_without_its_fee() {
    // At 0.98 with a fee of 4 bp and no other loss: 98 000 less 39.2, and 102 040.816326 less the like.
    let found = trades(97_960_800_000, 102_000_000_000).unwrap();
    assert_eq!(found.low.wad(), 979_608_000_000_000_000);
    assert_eq!(found.high.wad(), 980_392_156_862_745_099, "rounded up");
    let off = found.price.wad().abs_diff(980 * WAD / 1_000);
    assert!(off < WAD / 10_000_000, "off by the square of the fee: {off}");
    assert_eq!(found.updated_at, NOW);
}

#[test]
fn decimals_are_evened_out() {
    let pair = pair(DAI, USDC, CurveAsk::Trade(RULE)).unwrap();
    let answers = [amount(99_900_000_000), amount(99_900 * WAD), holds(DAI), holds(USDC)];
    let found = quote(&pair, &answers).unwrap();
    assert_eq!((found.low.wad(), found.high.wad()), (999 * WAD / 1_000, (1_000 * WAD).div_ceil(999)));
    let back = super::CurvePair::new(source(), Address::ZERO, USDC, DAI, CurveAsk::Trade(RULE)).unwrap();
    let answers = [amount(99_900 * WAD), amount(99_900_000_000), holds(USDC), holds(DAI)];
    assert_eq!(quote(&back, &answers).unwrap(), found, "the same the other way round");
}

#[test]
fn a_pool_that_cannot_bear_the_trade_is_not_believed() {
    let label = |brought, gained| trades(brought, gained).unwrap_err().label();
    assert_eq!(label(90_000_000_000, 100_000_000_000), "spread", "too little of the other coin");
    assert_eq!(label(100_100_000_000, 100_000_000_000), "spread", "crossed: one gains by going round");
    assert_eq!(label(19_000_000_000, 525_000_000_000), "out_of_bounds");
    assert_eq!(label(0, 100_000_000_000), "not_positive");
    assert_eq!(label(100_000_000_000, 0), "not_positive");
    let pair = pair(USDC, USDT, CurveAsk::Trade(RULE)).unwrap();
    for (brought, gained) in [(U256::MAX, U256::from(1)), (U256::from(1), U256::MAX)] {
        let fault = quote(&pair, &[wide(brought), wide(gained), holds(USDC), holds(USDT)]).unwrap_err();
        assert!(matches!(fault, ReadingFault::Overflow(_) | ReadingFault::Spread { .. }), "{fault}");
    }
}

#[test]
fn the_average_is_that_of_a_coin_in_the_first() {
    let later = pair(USDT, DAI, AVERAGE).unwrap();
    let ask =
        |pair: &CurvePair, wad: u128, asset, other| quote(pair, &[amount(wad), amount(4_000_000), holds(asset), holds(other)]);
    let found = ask(&later, 998 * WAD / 1_000, USDT, DAI).unwrap();
    assert_eq!(found, Quote::within(price_of(998), 4, NOW), "as wide as the fee of 4 bp");
    let first = pair(DAI, USDT, AVERAGE).unwrap();
    assert_eq!(ask(&first, 800 * WAD / 1_000, DAI, USDT).unwrap().price, price_of(1_250));
    for pair in [&later, &first] {
        let (asset, other) = (pair.asset, pair.other);
        let label = |wad| ask(pair, wad, asset, other).unwrap_err().label();
        assert_eq!(label(0), "not_positive");
        assert_eq!(label(100 * WAD), "out_of_bounds");
        let huge = quote(pair, &[wide(U256::MAX), amount(4_000_000), holds(asset), holds(other)]);
        assert_eq!(huge, Err(ReadingFault::Overflow(I256::MAX)));
        for (fee, bps) in [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2), (1_000_000_000, 1_000)] {
            let found = quote(pair, &[amount(WAD), amount(fee), holds(asset), holds(other)]).unwrap();
            assert_eq!(found, Quote::within(Price::PAR, bps, NOW), "{fee}");
        }
        for fee in [U256::from(1_000_000_001u64), U256::MAX] {
            let found = quote(pair, &[amount(WAD), wide(fee), holds(asset), holds(other)]);
            assert_eq!(found.unwrap_err().label(), "unreadable", "{fee}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_a_fault_and_never_a_price() {
    for (ask, asset, other) in [(CurveAsk::Trade(RULE), USDC, USDT), (AVERAGE, USDC, DAI)] {
        let pair = pair(asset, other, ask).unwrap();
        let good = [amount(WAD), amount(4_000_000), holds(asset), holds(other)];
        for at in 0..4 {
            for bad in
                [Err(CallFault::NotReached), Err(CallFault::Failed(Bytes::new())), Ok(Bytes::new()), Ok(Bytes::from(vec![0; 31]))]
            {
                let mut answers = good.clone();
                answers[at] = bad;
                assert_eq!(quote(&pair, &answers).unwrap_err().label(), "unreadable", "{at}");
            }
            assert_eq!(quote(&pair, &good[..at]).unwrap_err().label(), "unreadable");
        }
    }
}

#[test]
fn coins_elsewhere_than_configured_are_not_believed() {
    let pair = pair(USDC, USDT, CurveAsk::Trade(RULE)).unwrap();
    let (brought, gained) = (amount(99_990_000_000), amount(99_990_000_000));
    for (first, second) in [(USDT, USDC), (USDC, DAI), (DAI, USDT), (USDC, USDC)] {
        let found = quote(&pair, &[brought.clone(), gained.clone(), holds(first), holds(second)]);
        assert_eq!(found.unwrap_err().label(), "unreadable");
    }
    assert!(quote(&pair, &[brought, gained, holds(USDC), holds(USDT)]).is_ok());
}

#[test]
fn it_never_votes() {
    for (ask, other) in [(CurveAsk::Trade(RULE), USDT), (AVERAGE, DAI)] {
        let pair = pair(USDC, other, ask).unwrap();
        assert_eq!(**pair.source(), Source { advisory: true, ..source() });
    }
}

#[test]
fn what_cannot_be_asked_is_refused_at_the_start() {
    let same = Coin { index: 2, ..USDC };
    for (asset, other, ask) in [
        (USDC, USDC, CurveAsk::Trade(RULE)),
        (USDC, same, CurveAsk::Trade(RULE)),
        (USDC, Coin { index: 1, ..USDT }, AVERAGE),
        (USDC, USDT, AVERAGE),
        (USDC, USDT, CurveAsk::Trade(BookRule { size: 0, ..RULE })),
        (USDC, USDT, CurveAsk::Trade(BookRule { size: 1, ..RULE })),
        (DAI, USDT, CurveAsk::Trade(BookRule { size: WAD / 1_000_000 - 1, ..RULE })),
        (coin(4, 39, 0), USDT, CurveAsk::Trade(RULE)),
        (coin(4, 38, 0), USDT, CurveAsk::Trade(BookRule { size: u128::MAX, ..RULE })),
    ] {
        assert!(pair(asset, other, ask).is_err(), "{asset:?} in {other:?}");
    }
}

#[test]
fn the_questions_name_the_coins_and_the_size() {
    let calls = pair(DAI, USDT, CurveAsk::Trade(RULE)).unwrap().calls();
    let trade = |at: usize| ICurvePool::get_dyCall::abi_decode(&calls[at].data).unwrap();
    assert_eq!((trade(0).i, trade(0).j, trade(0).dx), (0, 2, U256::from(100_000 * WAD)));
    assert_eq!((trade(1).i, trade(1).j, trade(1).dx), (2, 0, U256::from(100_000_000_000u64)));
    let indices = |calls: &[Call]| [2, 3].map(|at| ICurvePool::coinsCall::abi_decode(&calls[at].data).unwrap().index.to::<u8>());
    assert_eq!((calls.len(), indices(&calls)), (4, [0, 2]));
    for (asset, other, entry) in [(USDC, DAI, 0), (USDT, DAI, 1), (DAI, USDT, 1)] {
        let calls = pair(asset, other, AVERAGE).unwrap().calls();
        let average = ICurvePool::price_oracleCall::abi_decode(&calls[0].data).unwrap();
        assert_eq!((average.index.to::<u8>(), indices(&calls)), (entry, [asset.index, other.index]));
    }
    let selector = |call: &Call| alloy_primitives::hex::encode(&call.data[..4]);
    let average = pair(USDC, DAI, AVERAGE).unwrap().calls();
    assert_eq!(
        [&calls[0], &average[0], &average[1], &calls[2]].map(selector),
        ["5e0d443f", "68727653", "ddca3f43", "c6610657"],
        "the selectors of the deployed pools"
    );
}
