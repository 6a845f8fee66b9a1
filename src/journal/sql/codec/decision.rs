//! Decisions.

use serde::{Deserialize, Serialize};

use super::{Decimal, Read, read, unreadable, write};
use crate::domain::ids::AssetId;
use crate::domain::record::{DecisionRecord, SeenAsset, SeenPool};
use crate::domain::units::{GasPrice, Price, SwapFee, Timestamp, Usd, Weight};
use crate::ports::JournalFault;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionText {
    first: u64,
    last: u64,
    count: u64,
    code: String,
    topic: String,
    line: String,
    numbers: Vec<(String, String)>,
    considered: Vec<(String, String)>,
    seen: Option<PoolText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolText {
    block: u64,
    assets: Vec<AssetText>,
    value: Option<Decimal>,
    swap_enabled: bool,
    swap_fee: Decimal,
    of_others: Option<Decimal>,
    gas: Option<Decimal>,
    ether: Option<Decimal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetText {
    asset: String,
    weight: Decimal,
    share: Option<Decimal>,
    price: Option<Decimal>,
    peg: String,
    earns: Option<u64>,
}

pub(in crate::journal::sql) fn write_decision(record: &DecisionRecord) -> Result<String, JournalFault> {
    let asset = |seen: &SeenAsset| AssetText {
        asset: seen.asset.to_string(),
        weight: Decimal(seen.weight.wad()),
        share: seen.share.map(|share| Decimal(share.wad())),
        price: seen.price.map(|price| Decimal(price.wad())),
        peg: seen.peg.clone(),
        earns: seen.earns,
    };
    let pool = |seen: &SeenPool| PoolText {
        block: seen.block,
        assets: seen.assets.iter().map(asset).collect(),
        value: seen.value.map(|value| Decimal(value.wad())),
        swap_enabled: seen.swap_enabled,
        swap_fee: Decimal(seen.swap_fee.wad()),
        of_others: seen.of_others.map(|part| Decimal(part.wad())),
        gas: seen.gas.map(|gas| Decimal(gas.wei())),
        ether: seen.ether.map(|ether| Decimal(ether.wad())),
    };
    write(&DecisionText {
        first: record.first.millis(),
        last: record.last.millis(),
        count: record.count,
        code: record.code.clone(),
        topic: record.topic.clone(),
        line: record.line.clone(),
        numbers: record.numbers.clone(),
        considered: record.considered.clone(),
        seen: record.seen.as_ref().map(pool),
    })
}

pub(in crate::journal::sql) fn read_decision(text: &str) -> Read<DecisionRecord> {
    let DecisionText { first, last, count, code, topic, line, numbers, considered, seen } = read("a decision", text)?;
    Ok(DecisionRecord {
        first: Timestamp::from_millis(first),
        last: Timestamp::from_millis(last),
        count,
        code,
        topic,
        line,
        numbers,
        considered,
        seen: seen.map(pool_of).transpose()?,
    })
}

fn pool_of(text: PoolText) -> Read<SeenPool> {
    Ok(SeenPool {
        block: text.block,
        assets: text.assets.into_iter().map(asset_of).collect::<Read<_>>()?,
        value: text.value.map(|value| Usd::from_wad(value.0)),
        swap_enabled: text.swap_enabled,
        swap_fee: SwapFee::from_wad(text.swap_fee.0),
        of_others: text.of_others.map(|part| Weight::from_wad(part.0)),
        gas: text.gas.map(|gas| GasPrice::from_wei(gas.0)),
        ether: text.ether.map(price).transpose()?,
    })
}

fn asset_of(text: AssetText) -> Read<SeenAsset> {
    let AssetText { asset, weight, share, price: level, peg, earns } = text;
    Ok(SeenAsset {
        asset: AssetId::new(&asset),
        weight: Weight::from_wad(weight.0),
        share: share.map(|share| Weight::from_wad(share.0)),
        price: level.map(price).transpose()?,
        peg,
        earns,
    })
}

fn price(wad: Decimal) -> Read<Price> {
    Price::from_wad(wad.0).ok_or_else(|| unreadable("a price", "it is zero"))
}
