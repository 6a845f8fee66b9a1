//! What contracts may answer that quote a price. The first byte chooses the contract, each answer follows its length.
#![no_main]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use ballast::chain::chainlink::{ChainlinkFeed, Sequencer};
use ballast::chain::curve::{Coin, CurveAsk, CurvePair};
use ballast::chain::token::Token;
use ballast::chain::uniswap_v3::{TwapRule, UniswapV3Twap};
use ballast::domain::ids::{AssetId, SourceId};
use ballast::domain::position::BlockStamp;
use ballast::domain::reading::{BookRule, FeedRule};
use ballast::domain::source::{Group, Source, Unit};
use ballast::domain::units::{Price, Timestamp};
use ballast::ports::{Answer, CallFault, PriceSource};
use libfuzzer_sys::fuzz_target;

const AT: BlockStamp = BlockStamp { number: 1, hash: B256::ZERO, timestamp: Timestamp::from_secs(1_700_000_000) };

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn asked(which: u8) -> Box<dyn PriceSource> {
    let (low, high) = (price("0.2"), price("2"));
    let unit = if which % 5 < 2 { Unit::Usd } else { Unit::Asset(AssetId::new("USDT")) };
    let (id, asset, good_for) = (SourceId::new("x"), AssetId::new("USDC"), Duration::from_secs(60));
    let source = Source { id, asset, unit, group: Group::Dex, advisory: false, good_for };
    let token = |address, decimals| Token { address: Address::repeat_byte(address), decimals };
    let coin = |index, decimals| Coin { token: token(index + 1, decimals), index };
    let rule = FeedRule {
        decimals: 8,
        heartbeat: Duration::from_secs(86_400),
        grace: Duration::from_secs(300),
        low,
        high,
        deviation_bps: 35,
    };
    let feed = |source| ChainlinkFeed::new(Arc::new(source), Address::repeat_byte(7), rule);
    match which % 5 {
        0 => Box::new(feed(source)),
        1 => Box::new(feed(source).behind(Sequencer { proxy: Address::repeat_byte(8), grace: Duration::from_secs(3_600) })),
        2 => {
            let rule = TwapRule { window: NonZeroU32::new(600).unwrap(), observations: 100, low, high };
            Box::new(UniswapV3Twap::new(Arc::new(source), Address::repeat_byte(9), token(1, 6), token(2, 18), rule))
        }
        3 => {
            let rule = BookRule { spread_bps: 100, size: 100_000 * 10u128.pow(18), low, high };
            Box::new(CurvePair::new(source, Address::repeat_byte(9), coin(1, 6), coin(2, 18), CurveAsk::Trade(rule)).unwrap())
        }
        _ => {
            let ask = CurveAsk::Average { low, high };
            Box::new(CurvePair::new(source, Address::repeat_byte(9), coin(0, 18), coin(1, 6), ask).unwrap())
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((which, mut rest)) = data.split_first() else { return };
    let source = asked(*which);
    let mut answers: Vec<Answer> = Vec::new();
    while let Some((head, tail)) = rest.split_first() {
        let length = usize::from(head & 0x7f) * 8;
        let (bytes, tail) = tail.split_at(length.min(tail.len()));
        let bytes = Bytes::copy_from_slice(bytes);
        answers.push(if *head < 0x80 { Ok(bytes) } else { Err(CallFault::Failed(bytes)) });
        rest = tail;
    }
    match source.quote(&answers, &AT) {
        Ok(quote) => {
            assert!(quote.low <= quote.price && quote.price <= quote.high);
            assert!(quote.price >= price("0.2") && quote.price <= price("2"));
            assert!(quote.updated_at <= AT.timestamp);
        }
        Err(fault) => assert!(!fault.label().is_empty() && fault.to_string().len() < 1_000),
    }
});
