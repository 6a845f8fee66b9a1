//! Values as the database keeps them. What is structured is JSON through types of our own, so that the domain's types stay free of
//! serialisation and can change without changing what is written down. Words and numbers that cannot be understood are a fault,
//! never a default: a journal that is misread is worse than one that cannot be read.

mod decision;
mod peg;
mod plan;

use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::decide::Latch;
use crate::domain::gas::GasCap;
use crate::domain::operation::LaneKey;
use crate::domain::outcome::Outcome;
use crate::domain::position::Ramp;
use crate::domain::units::{GasPrice, Timestamp, Weight};
use crate::ports::JournalFault;

pub(super) use decision::{read_decision, write_decision};
pub(super) use peg::{read_peg, write_peg};
pub(super) use plan::{read_controls, read_frozen, read_moves, read_plan, write_controls, write_frozen, write_moves, write_plan};

type Read<T> = Result<T, JournalFault>;

fn unreadable(what: &str, why: impl Display) -> JournalFault {
    JournalFault::Failed(format!("{what} cannot be understood: {why}"))
}

/// A counter, a nonce, or milliseconds. The databases count to 2^63.
pub(super) fn number(value: u64) -> Result<i64, JournalFault> {
    i64::try_from(value).map_err(|_| JournalFault::Conflict(format!("{value} is too large to be written down")))
}

pub(super) fn count(what: &str, value: i64) -> Read<u64> {
    u64::try_from(value).map_err(|_| unreadable(what, format!("{value} is negative")))
}

/// Words from outside, such as a node's. PostgreSQL has no NUL in a text.
pub(super) fn words(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(super) fn parse<T: FromStr<Err: Display>>(what: &str, text: &str) -> Read<T> {
    text.parse().map_err(|why| unreadable(what, format!("`{text}`: {why}")))
}

/// The value whose word it is.
pub(super) fn word<T: Copy>(what: &str, all: &[T], label: impl Fn(T) -> &'static str, text: &str) -> Read<T> {
    let found = all.iter().copied().find(|value| label(*value) == text);
    found.ok_or_else(|| unreadable(what, format!("`{text}` is no word that this version knows")))
}

pub(super) fn lane(text: &str) -> Read<LaneKey> {
    let (chain_id, signer) = text.split_once(':').ok_or_else(|| unreadable("a lane", format!("`{text}`")))?;
    Ok(LaneKey { chain_id: parse("a lane's chain", chain_id)?, signer: parse("a lane's signer", signer)? })
}

fn write<T: Serialize>(value: &T) -> Result<String, JournalFault> {
    serde_json::to_string(value).map_err(|fault| JournalFault::Failed(format!("cannot be written down: {fault}")))
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Read<T> {
    serde_json::from_str(text).map_err(|why| unreadable(what, why))
}

/// A 128-bit number: JSON's numbers are not that wide everywhere.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Decimal(u128);

impl TryFrom<String> for Decimal {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|why| format!("`{text}`: {why}"))
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.0.to_string()
    }
}

fn decimals(weights: &[Weight]) -> Vec<Decimal> {
    weights.iter().map(|weight| Decimal(weight.wad())).collect()
}

fn weights(decimals: &[Decimal]) -> Vec<Weight> {
    decimals.iter().map(|decimal| Weight::from_wad(decimal.0)).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RampText {
    start: u64,
    end: u64,
    end_weights: Vec<Decimal>,
}

fn ramp_text(ramp: &Ramp) -> RampText {
    let Ramp { start, end, end_weights } = ramp;
    RampText { start: start.millis(), end: end.millis(), end_weights: decimals(end_weights) }
}

fn ramp_of(text: RampText) -> Ramp {
    let RampText { start, end, end_weights } = text;
    Ramp { start: Timestamp::from_millis(start), end: Timestamp::from_millis(end), end_weights: weights(&end_weights) }
}

pub(super) fn write_ramp(ramp: &Ramp) -> Result<String, JournalFault> {
    write(&ramp_text(ramp))
}

pub(super) fn read_ramp(text: &str) -> Read<Ramp> {
    read("a ramp", text).map(ramp_of)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CapText {
    from: u64,
    until: u64,
    low: Decimal,
    high: Decimal,
}

pub(super) fn write_cap(cap: &GasCap) -> Result<String, JournalFault> {
    let GasCap { from, until, low, high } = cap;
    write(&CapText { from: from.millis(), until: until.millis(), low: Decimal(low.wei()), high: Decimal(high.wei()) })
}

pub(super) fn read_cap(text: &str) -> Read<GasCap> {
    let CapText { from, until, low, high } = read("a cap", text)?;
    Ok(GasCap {
        from: Timestamp::from_millis(from),
        until: Timestamp::from_millis(until),
        low: GasPrice::from_wei(low.0),
        high: GasPrice::from_wei(high.0),
    })
}

const FOREIGN_CHANGE: &str = "foreign_change";
const OUTCOME: &str = "outcome:";

pub(super) fn write_latch(latch: &Latch) -> Result<String, JournalFault> {
    match latch {
        Latch::ForeignChange => Ok(FOREIGN_CHANGE.to_owned()),
        Latch::Outcome(label) => outcome(label).map(|label| format!("{OUTCOME}{label}")),
    }
}

pub(super) fn read_latch(text: &str) -> Read<Latch> {
    match text.strip_prefix(OUTCOME) {
        Some(label) => outcome(label).map(Latch::Outcome),
        None if text == FOREIGN_CHANGE => Ok(Latch::ForeignChange),
        None => Err(unreadable("a pool's latch", format!("`{text}` is no word that this version knows"))),
    }
}

fn outcome(label: &str) -> Read<&'static str> {
    word("a pool's latch", &Outcome::LABELS, |label| label, label)
}
