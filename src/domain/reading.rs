//! One source's quote for one asset, and the tests it must pass before anyone believes it. A quote that fails is a
//! [`ReadingFault`]; it never becomes a number.
//!
//! Sources differ in what they say ([`judge`] for the rounds of on-chain feeds, [`book`] for the top of an order book, [`estimate`] for
//! a price with a confidence), and every one of them says an *interval*: what its word leaves open. A value that a feed wrote twenty
//! hours ago and did not have to renew is evidence too, as wide as the feed's own threshold.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{B256, I256};
use thiserror::Error;

use crate::domain::ids::{AssetId, SourceId};
use crate::domain::source::Source;
use crate::domain::units::{Price, Timestamp};

/// A believable quote, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Who quotes what, and what its word is good for.
    pub source: Arc<Source>,
    /// The quote, or why it cannot be believed.
    pub quote: Result<Quote, ReadingFault>,
    /// When Ballast took the reading, on the policy clock.
    pub as_of: Timestamp,
    /// The block it was read at, for a source on a chain.
    pub block: Option<B256>,
}

impl Reading {
    /// The source's name.
    #[must_use]
    pub fn id(&self) -> &SourceId {
        &self.source.id
    }

    /// What is quoted.
    #[must_use]
    pub fn asset(&self) -> &AssetId {
        &self.source.asset
    }
}

/// A price, what it leaves open, and the time its source gives it. In the source's own unit: see [`Source::unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The source's best guess; from `low` to `high`.
    pub price: Price,
    /// The lowest price that the source's word allows.
    pub low: Price,
    /// The highest.
    pub high: Price,
    /// When the source last wrote it.
    pub updated_at: Timestamp,
}

impl Quote {
    /// A price that is meant to the last digit.
    #[must_use]
    pub const fn exact(price: Price, updated_at: Timestamp) -> Self {
        Self { price, low: price, high: price, updated_at }
    }

    /// A price that is meant to so many basis points in both directions.
    #[must_use]
    pub fn within(price: Price, bps: u32, updated_at: Timestamp) -> Self {
        let margin = price.wad() / 10_000 * u128::from(bps);
        let below = Price::from_wad(price.wad().saturating_sub(margin)).unwrap_or(price);
        let above = Price::from_wad(price.wad().saturating_add(margin)).unwrap_or(price);
        Self { price, low: below, high: above, updated_at }
    }
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
    /// The best bid and the best ask are too far apart, or the wrong way round.
    #[error("the book's best bid {bid} and best ask {ask} are more than {limit_bps} bp apart, or crossed")]
    Spread {
        /// The best bid.
        bid: Price,
        /// The best ask.
        ask: Price,
        /// The widest spread that is believed.
        limit_bps: u32,
    },
    /// Too little is offered at the top of the book to mean anything.
    #[error("the top of the book holds {found}, at least {least} is expected")]
    Thin {
        /// The smaller of the two sizes, in whole tokens as the venue says it.
        found: String,
        /// As configured.
        least: String,
    },
    /// The source itself doubts its price too much.
    #[error("the source is unsure by {found} bp, at most {limit} is allowed")]
    Unsure {
        /// Its confidence interval over its price.
        found: u32,
        /// As configured.
        limit: u32,
    },
    /// A message that is not what the protocol promises.
    #[error("the source said something that cannot be understood: {0}")]
    Garbled(String),
    /// There is no connection.
    #[error("the source is not connected: {0}")]
    Disconnected(String),
    /// The connection is open, and nothing comes.
    #[error("the source has been silent for {0:?}")]
    Silent(Duration),
    /// The source answers too many requests, and asks for a pause. Whoever asks again sooner is the reason why it lasts.
    #[error("the source asks for a pause of {0:?}")]
    RateLimited(Duration),
    /// The source refuses the key, or wants one: the same question gets the same answer until somebody mends it.
    #[error("the source refuses the key, or wants one")]
    Unauthorised,
    /// Messages are missing: what is known of the book may be wrong.
    #[error("messages of the source are missing")]
    Gap,
    /// The roll-up's sequencer is down or has not been up for long enough: its feeds may be of another time.
    #[error("the sequencer is down, or has not been up for {0:?}")]
    Sequencer(Duration),
    /// The oracle of a pool does not remember for long enough.
    #[error("the pool remembers {found}, {wanted} are needed")]
    ShortMemory {
        /// Observations, or what else it counts in.
        found: u64,
        /// As configured.
        wanted: u64,
    },
}

impl ReadingFault {
    /// Whether it only says that nothing is heard now. What was heard before stands for as long as it is good for; every other fault
    /// puts what the source says in doubt, and takes its vote at once.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Disconnected(_) | Self::Silent(_) | Self::RateLimited(_) | Self::Unauthorised)
    }

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
            Self::Spread { .. } => "spread",
            Self::Thin { .. } => "thin",
            Self::Unsure { .. } => "unsure",
            Self::Garbled(_) => "garbled",
            Self::Disconnected(_) => "disconnected",
            Self::Silent(_) => "silent",
            Self::RateLimited(_) => "rate_limited",
            Self::Unauthorised => "unauthorised",
            Self::Gap => "gap",
            Self::Sequencer(_) => "sequencer",
            Self::ShortMemory { .. } => "short_memory",
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
    /// How far the market may move before the feed has to write a new round, with what may be on its way, in basis points.
    pub deviation_bps: u32,
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
    within_bounds(price, rule.low, rule.high)?;
    Ok(Quote::within(price, rule.deviation_bps, updated_at))
}

/// What makes the top of an order book believable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRule {
    /// The widest spread, in basis points of the bid.
    pub spread_bps: u32,
    /// The least size at the best bid and at the best ask, in 1e18-scaled tokens.
    pub size: u128,
    /// Lowest believable price.
    pub low: Price,
    /// Highest believable price.
    pub high: Price,
}

/// The top of an order book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookTop {
    /// The best bid.
    pub bid: Price,
    /// What is wanted there, in 1e18-scaled tokens.
    pub bid_size: u128,
    /// The best ask.
    pub ask: Price,
    /// What is offered there.
    pub ask_size: u128,
    /// When the venue says that it was so.
    pub at: Timestamp,
}

/// Judges the top of a book: the middle of the best bid and ask, never the last trade, for last trades carry the wicks.
///
/// # Errors
/// Crossed, too wide, too thin or out of bounds.
pub fn book(top: &BookTop, rule: &BookRule) -> Result<Quote, ReadingFault> {
    let BookTop { bid, ask, at, .. } = *top;
    let limit = bid.wad() / 10_000 * u128::from(rule.spread_bps);
    if ask < bid || ask.wad() - bid.wad() > limit {
        return Err(ReadingFault::Spread { bid, ask, limit_bps: rule.spread_bps });
    }
    let size = top.bid_size.min(top.ask_size);
    if size < rule.size {
        let tokens = |wad: u128| (wad / Price::PAR.wad()).to_string();
        return Err(ReadingFault::Thin { found: tokens(size), least: tokens(rule.size) });
    }
    let price = Price::from_wad(bid.wad() + (ask.wad() - bid.wad()) / 2).unwrap_or(bid);
    within_bounds(price, rule.low, rule.high)?;
    Ok(Quote { price, low: bid, high: ask, updated_at: at })
}

/// A price that its source gives with a confidence interval, as Pyth does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The price.
    pub price: Price,
    /// Half the interval around it, in 1e18-scaled dollars.
    pub confidence: u128,
    /// When it was published.
    pub at: Timestamp,
}

/// Judges an estimate: at most `limit_bps` of doubt.
///
/// # Errors
/// Too unsure, or out of bounds.
pub fn estimate(estimate: &Estimate, limit_bps: u32, low: Price, high: Price) -> Result<Quote, ReadingFault> {
    let Estimate { price, confidence, at } = *estimate;
    let doubt = confidence.saturating_mul(10_000).div_ceil(price.wad());
    if doubt > u128::from(limit_bps) {
        return Err(ReadingFault::Unsure { found: u32::try_from(doubt).unwrap_or(u32::MAX), limit: limit_bps });
    }
    within_bounds(price, low, high)?;
    let below = Price::from_wad(price.wad().saturating_sub(confidence)).unwrap_or(price);
    let above = Price::from_wad(price.wad().saturating_add(confidence)).unwrap_or(price);
    Ok(Quote { price, low: below, high: above, updated_at: at })
}

/// Judges a price that its source means to so many basis points, such as the fee below which nobody trades a pool straight.
///
/// # Errors
/// Out of bounds.
pub fn within(price: Price, bps: u32, at: Timestamp, low: Price, high: Price) -> Result<Quote, ReadingFault> {
    within_bounds(price, low, high)?;
    Ok(Quote::within(price, bps, at))
}

/// Whether a quote that arrives now is of now.
///
/// # Errors
/// It is older than `max_age`, or stamped more than `max_ahead` after now: a venue whose clock is wrong cannot be told from one that
/// repeats an old message.
pub fn timely(quote: &Quote, now: Timestamp, max_age: Duration, max_ahead: Duration) -> Result<(), ReadingFault> {
    let (age, ahead) = (now.since(quote.updated_at), quote.updated_at.since(now));
    if ahead > max_ahead {
        return Err(ReadingFault::FromTheFuture { ahead });
    }
    if age > max_age {
        return Err(ReadingFault::Stale { age, limit: max_age });
    }
    Ok(())
}

fn within_bounds(found: Price, low: Price, high: Price) -> Result<(), ReadingFault> {
    if found < low || found > high { Err(ReadingFault::OutOfBounds { found, low, high }) } else { Ok(()) }
}

/// To 1e18-scaled dollars; `None` when it does not fit or would be zero.
pub(super) fn scale(answer: I256, decimals: u8) -> Option<Price> {
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
            deviation_bps: 35,
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
