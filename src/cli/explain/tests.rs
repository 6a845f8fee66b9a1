//! What people read.

use std::path::Path;

use super::*;
use crate::config;
use crate::domain::ids::AssetId;
use crate::domain::ids::PoolId;
use crate::domain::record::SeenAsset;
use crate::domain::units::{GasPrice, Price, SwapFee, Usd, WAD, Weight};

fn pool() -> PoolSettings {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example");
    let settings = config::load(&example, &Environment::default()).unwrap();
    settings.pools[&PoolId::new("treasury")].clone()
}

fn record() -> DecisionRecord {
    let asset = |name: &str, bps: u32, price: u128, peg: &str| SeenAsset {
        asset: AssetId::new(name),
        weight: Weight::from_bps(bps),
        share: Some(Weight::from_bps(bps)),
        price: Price::from_wad(price * WAD / 10_000),
        peg: peg.to_owned(),
        earns: None,
    };
    DecisionRecord {
        first: Timestamp::from_secs(1_700_000_000),
        last: Timestamp::from_secs(1_700_000_600),
        count: 2,
        code: "depeg".to_owned(),
        topic: String::new(),
        line: "depeg USDC#1: USDC $0.9700: stop trading".to_owned(),
        numbers: vec![("benefit".to_owned(), "$1234.00".to_owned())],
        considered: vec![("answer".to_owned(), "freeze".to_owned())],
        seen: Some(SeenPool {
            block: 17,
            assets: vec![
                asset("DAI", 4_000, 10_000, "sound"),
                asset("USDC", 3_500, 9_700, "depegged"),
                asset("USDT", 2_500, 10_010, "sound"),
            ],
            value: Some(Usd::from_wad(500_000 * WAD)),
            swap_enabled: true,
            swap_fee: SwapFee::from_bps(5),
            of_others: Some(Weight::from_bps(1_200)),
            gas: Some(GasPrice::from_gwei(20)),
            ether: Price::from_wad(3_000 * WAD),
        }),
    }
}

#[test]
fn it_says_what_was_seen_considered_and_what_each_answer_would_cost() {
    let earlier = DecisionRecord { code: "on_target".to_owned(), line: "on target".to_owned(), ..record() };
    let text = told(&pool(), &record(), &[earlier]);
    for part in [
        "treasury, under the policy guarded",
        "depeg: depeg USDC#1: USDC $0.9700: stop trading",
        "benefit: $1234.00",
        "in block 17",
        "12.00 % of it belongs to others",
        "answer: freeze",
        "If USDC goes from $0.9700 back to $1, or on to $0.0500 (which a market at this price gives 3.16 %)",
        "breakers",
        "Before that:\n  2023-11-14T22:13:20Z on_target: on target",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let usdc = text.split("If USDC").nth(1).unwrap();
    let frozen = usdc.lines().find(|line| line.contains("freeze") && line.contains('$')).unwrap();
    assert!(!frozen.contains("never"), "a freeze is the best for some: {frozen}");
}

#[test]
fn what_was_not_known_is_said_to_be_so() {
    let blind = DecisionRecord { seen: None, ..record() };
    assert!(told(&pool(), &blind, &[]).contains("The pool could not be read."));
}

#[test]
fn a_time_is_a_time() {
    assert_eq!(moment("2023-11-14T22:13:20Z").unwrap(), Timestamp::from_secs(1_700_000_000));
    assert_eq!(moment("2023-11-14T23:13:20+01:00").unwrap(), Timestamp::from_secs(1_700_000_000));
    assert!(moment("yesterday").unwrap_err().to_string().contains("found `yesterday`; expected a time such as"));
}
