//! One source's quote for one asset, and the tests it must pass before anyone believes it. A quote that fails is a
//! [`ReadingFault`]; it never becomes a number.

use std::time::Duration;

use alloy_primitives::{B256, I256};
use thiserror::Error;

use crate::domain::ids::{AssetId, SourceId};
use crate::domain::units::{Price, Timestamp};

/// A believable quote, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Who quotes.
    pub source: SourceId,
    /// What is quoted.
    pub asset: AssetId,
    /// The quote, or why it cannot be believed.
    pub quote: Result<Quote, ReadingFault>,
    /// When Ballast took the reading, on the policy clock.
    pub as_of: Timestamp,
    /// The block it was read at, for a source on a chain.
    pub block: Option<B256>,
}

/// A price and the time its source gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Dollars for one token.
    pub price: Price,
    /// When the source last wrote it.
    pub updated_at: Timestamp,
}

/// Why a quote cannot be believed. Each has a finite label for metrics.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadingFault {
    /// The call failed: reverted, ran out of gas, or its answer could not be decoded.
    #[error("the feed could not be read: {0}")]
    Unreadable(String),
    /// Nothing was read, because the chain itself is not heard.
    #[error("the chain is silent")]
    ChainSilent,
    /// Zero or less.
    #[error("the answer {0} is not positive")]
    NotPositive(I256),
    /// Older than the feed promises.
    #[error("the answer is {age:?} old, at most {limit:?} is allowed")]
    Stale {
        /// Age at the time of the reading.
        age: Duration,
        /// Heartbeat and grace of this feed.
        limit: Duration,
    },
    /// Stamped after the block that it was read at.
    #[error("the answer is stamped {ahead:?} in the future")]
    FromTheFuture {
        /// How far.
        ahead: Duration,
    },
    /// Never written.
    #[error("the feed has no round yet")]
    NoRound,
    /// The feed counts in other decimals than it was configured with.
    #[error("the feed answers with {found} decimals, {expected} are configured")]
    WrongDecimals {
        /// As configured.
        expected: u8,
        /// As read in the same block.
        found: u8,
    },
    /// Outside of what a stablecoin can cost.
    #[error("the price {found} is outside of {low} to {high}")]
    OutOfBounds {
        /// As read.
        found: Price,
        /// Lowest believable price.
        low: Price,
        /// Highest believable price.
        high: Price,
    },
    /// The number does not fit.
    #[error("the answer {0} does not fit")]
    Overflow(I256),
}

impl ReadingFault {
    /// A finite, stable word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::ChainSilent => "chain_silent",
            Self::NotPositive(_) => "not_positive",
            Self::Stale { .. } => "stale",
            Self::FromTheFuture { .. } => "from_the_future",
            Self::NoRound => "no_round",
            Self::WrongDecimals { .. } => "wrong_decimals",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::Overflow(_) => "overflow",
        }
    }
}

/// What a feed is expected to be. Each feed has its own heartbeat: one for all is how stale prices pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedRule {
    /// Decimals of its answers.
    pub decimals: u8,
    /// The longest time between two rounds that the feed promises.
    pub heartbeat: Duration,
    /// How much later than the heartbeat a round may come.
    pub grace: Duration,
    /// Lowest believable price.
    pub low: Price,
    /// Highest believable price.
    pub high: Price,
}

/// A round as a Chainlink-style feed gives it, undigested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRound {
    /// The answer, scaled by 10^decimals.
    pub answer: I256,
    /// When the round was written, in seconds since the epoch; zero means never.
    pub updated_at: u64,
    /// `decimals()` of the feed in the same block.
    pub decimals: u8,
}

/// Judges a round against its rule. `now` is the time of the block that the round was read at.
///
/// # Errors
/// The first test that the round fails, in the order: decimals, sign, existence, future, age, bounds.
pub fn judge(round: &RawRound, rule: &FeedRule, now: Timestamp) -> Result<Quote, ReadingFault> {
    if round.decimals != rule.decimals {
        return Err(ReadingFault::WrongDecimals { expected: rule.decimals, found: round.decimals });
    }
    if round.answer <= I256::ZERO {
        return Err(ReadingFault::NotPositive(round.answer));
    }
    if round.updated_at == 0 {
        return Err(ReadingFault::NoRound);
    }
    let updated_at = Timestamp::from_secs(round.updated_at);
    if updated_at > now {
        return Err(ReadingFault::FromTheFuture { ahead: updated_at.since(now) });
    }
    let (age, limit) = (now.since(updated_at), rule.heartbeat.saturating_add(rule.grace));
    if age > limit {
        return Err(ReadingFault::Stale { age, limit });
    }
    let price = scale(round.answer, round.decimals).ok_or(ReadingFault::Overflow(round.answer))?;
    if price < rule.low || price > rule.high {
        return Err(ReadingFault::OutOfBounds { found: price, low: rule.low, high: rule.high });
    }
    Ok(Quote { price, updated_at })
}

/// To 1e18-scaled dollars; `None` when it does not fit or would be zero.
fn scale(answer: I256, decimals: u8) -> Option<Price> {
    let answer = u128::try_from(answer).ok()?;
    let wad = match decimals.checked_sub(18) {
        None => answer.checked_mul(10u128.checked_pow(u32::from(18u8.checked_sub(decimals)?))?)?,
        Some(excess) => answer.checked_div(10u128.checked_pow(u32::from(excess))?)?,
    };
    Price::from_wad(wad)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn rule() -> FeedRule {
        FeedRule {
            decimals: 8,
            heartbeat: Duration::from_secs(86_400),
            grace: Duration::from_secs(300),
            low: Price::from_wad(200_000_000_000_000_000).unwrap(),
            high: Price::from_wad(2_000_000_000_000_000_000).unwrap(),
        }
    }

    fn round(answer: i64, age: i64) -> RawRound {
        let updated_at = u64::try_from(1_700_000_000 - age).unwrap();
        RawRound { answer: I256::try_from(answer).unwrap(), updated_at, decimals: 8 }
    }

    #[test]
    fn a_good_round_is_scaled_to_dollars() {
        let quote = judge(&round(97_000_000, 10), &rule(), NOW).unwrap();
        assert_eq!(quote.price.wad(), 970_000_000_000_000_000);
        let feed18 = FeedRule { decimals: 18, ..rule() };
        let round18 = RawRound { answer: I256::try_from(970_000_000_000_000_000i64).unwrap(), decimals: 18, ..round(1, 10) };
        assert_eq!(judge(&round18, &feed18, NOW).unwrap().price, quote.price);
    }

    #[test]
    fn every_bad_round_is_refused_by_name() {
        let label = |r: RawRound| judge(&r, &rule(), NOW).unwrap_err().label();
        assert_eq!(label(round(0, 10)), "not_positive");
        assert_eq!(label(round(-1, 10)), "not_positive");
        assert_eq!(label(round(100_000_000, 86_701)), "stale");
        assert!(judge(&round(100_000_000, 86_700), &rule(), NOW).is_ok(), "exactly heartbeat and grace is still fresh");
        assert_eq!(label(round(100_000_000, -1)), "from_the_future");
        assert_eq!(label(RawRound { updated_at: 0, ..round(100_000_000, 0) }), "no_round");
        assert_eq!(label(RawRound { decimals: 18, ..round(100_000_000, 10) }), "wrong_decimals");
        assert_eq!(label(round(19_999_999, 10)), "out_of_bounds");
        assert_eq!(label(round(200_000_001, 10)), "out_of_bounds");
        assert_eq!(label(RawRound { answer: I256::MAX, ..round(1, 10) }), "overflow");
    }
}
