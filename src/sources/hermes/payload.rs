//! What Hermes says, and how it is understood. Pure: text in, an estimate or a fault out. A fault names the field that is wrong and
//! never quotes the text: a server that repeats our key must not bring it into a log.
//!
//! ```json
//! {"binary":{…},"parsed":[{"id":"eaa0…","price":{"price":"99990000","conf":"50000","expo":-8,"publish_time":1700000000},…}]}
//! ```

use alloy_primitives::{B256, I256};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::reading::{Estimate, ReadingFault};
use crate::domain::units::{Price, Timestamp};

/// The most digits that are read of a number: what 256 bits hold for certain.
const MOST_DIGITS: usize = 76;
/// The last second of the year 9999: a later stamp is no time.
const END_OF_TIME: u64 = 253_402_300_799;

#[derive(Deserialize)]
struct Payload {
    parsed: Option<Vec<Value>>,
}

/// The price of `feed` in a message; `None` when the message is about others. Their entries may be as broken as they like.
///
/// # Errors
/// The message, or its entry for `feed`, is not what the protocol promises, or its price is no price.
pub(super) fn parse(text: &str, feed: B256) -> Result<Option<Estimate>, ReadingFault> {
    let payload: Payload = serde_json::from_str(text).map_err(|_| garbled("it is no price update"))?;
    let entries = payload.parsed.ok_or_else(|| garbled("`parsed` is missing"))?;
    let mut ours = entries.iter().filter(|entry| is_about(entry, feed));
    let (Some(entry), twice) = (ours.next(), ours.next().is_some()) else { return Ok(None) };
    if twice {
        return Err(garbled("it has two prices of one feed"));
    }
    let quoted = entry.get("price").ok_or_else(|| garbled("`price` is missing"))?;
    let (price, confidence) = (integer(quoted, "price")?, integer(quoted, "conf")?);
    let decimals = decimals(quoted)?;
    let at = published(quoted)?;
    if price <= I256::ZERO {
        return Err(ReadingFault::NotPositive(price));
    }
    if confidence.is_negative() {
        return Err(garbled("`conf` is negative"));
    }
    let overflow = || ReadingFault::Overflow(price);
    let price = wad(price, decimals).and_then(Price::from_wad).ok_or_else(overflow)?;
    let confidence = wad(confidence, decimals).ok_or(ReadingFault::Overflow(confidence))?;
    Ok(Some(Estimate { price, confidence, at }))
}

fn garbled(what: &str) -> ReadingFault {
    ReadingFault::Garbled(what.to_owned())
}

fn is_about(entry: &Value, feed: B256) -> bool {
    entry.get("id").and_then(Value::as_str).and_then(|id| id.parse::<B256>().ok()) == Some(feed)
}

/// A whole number as Pyth writes it: in a string, so that no reader makes a float of it.
fn integer(quoted: &Value, name: &str) -> Result<I256, ReadingFault> {
    let text = quoted.get(name).and_then(Value::as_str).ok_or_else(|| garbled(&format!("`{name}` is no string")))?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(garbled(&format!("`{name}` is no whole number of up to {MOST_DIGITS} digits")));
    }
    I256::from_dec_str(text).map_err(|_| garbled(&format!("`{name}` is no whole number")))
}

/// How many decimals the numbers have: from none to eighteen, so that scaling them never loses a digit.
fn decimals(quoted: &Value) -> Result<u32, ReadingFault> {
    let expo = quoted.get("expo").and_then(Value::as_i64);
    expo.and_then(i64::checked_neg)
        .and_then(|decimals| u32::try_from(decimals).ok())
        .filter(|decimals| *decimals <= 18)
        .ok_or_else(|| garbled("`expo` is no whole number from -18 to 0"))
}

fn published(quoted: &Value) -> Result<Timestamp, ReadingFault> {
    match quoted.get("publish_time").and_then(Value::as_u64) {
        Some(0) => Err(ReadingFault::NoRound),
        Some(secs) if secs <= END_OF_TIME => Ok(Timestamp::from_secs(secs)),
        _ => Err(garbled("`publish_time` is no time")),
    }
}

/// Scaled by 1e18; `None` when it is negative or does not fit.
fn wad(number: I256, decimals: u32) -> Option<u128> {
    u128::try_from(number).ok()?.checked_mul(10u128.checked_pow(18u32.checked_sub(decimals)?)?)
}
