//! What a coin earns elsewhere, from one contract's word to a number that may be compared.
//!
//! Contracts tell it in three ways: linear interest for a year ([`Apr`]), a factor for each second, or only what a share of theirs is
//! worth now ([`ShareRate`]). All become one thing, [`Apy`]: what a year brings with interest on interest. A number alone is not
//! believed. A rate may stand for an hour and be gone (68 % for USDT on 11 March 2023), and whoever is paid so much often cannot leave:
//! so it is capped, meant over a day, and does not count while too much is lent out. What is not known is a [`YieldFault`].
//!
//! A yield weighs one target against another and never reaches a chain; that is why powers and means are floats here, turned into
//! integers once. What a share is worth does reach valuations, and is an integer from end to end.

mod mean;
mod rates;
mod share;
#[cfg(test)]
mod tests;
mod track;

use std::time::Duration;

use alloy_primitives::B256;
use thiserror::Error;

use crate::domain::ids::{AssetId, ChainName, SourceId};
use crate::domain::position::BlockStamp;
use crate::domain::units::{Timestamp, Weight};

pub use mean::Mean;
pub use rates::{Apr, Apy, RAY, YEAR, ray_power};
pub use share::{Growth, GrowthRule, Rate, ShareMove, ShareRate};
pub use track::{Look, YieldRule, YieldTrack};

/// Who pays for what, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// Its name: `aave-v3:USDC@mainnet`.
    pub id: SourceId,
    /// The coin that earns.
    pub asset: AssetId,
    /// The chain.
    pub chain: ChainName,
}

/// How a contract tells what it pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// As a rate.
    Rate {
        /// What a year brings.
        apy: Apy,
        /// What one of its shares is worth, where it has shares.
        share: Option<Rate>,
    },
    /// Only by what a share is worth: the yield is its growth.
    Share(Rate),
}

/// What one block says of a yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YieldReading {
    /// What it pays.
    pub said: Said,
    /// How much of what was brought is lent out: what is left is all that can be taken out at once. `None` where nothing is lent.
    pub utilisation: Option<Weight>,
    /// The block.
    pub block: BlockStamp,
}

impl YieldReading {
    /// What a share is worth, where there are shares.
    #[must_use]
    pub const fn share(&self) -> Option<ShareRate> {
        match self.said {
            Said::Rate { share: Some(rate), .. } | Said::Share(rate) => {
                Some(ShareRate { rate, as_of: self.block.timestamp, block: self.block.hash })
            }
            Said::Rate { share: None, .. } => None,
        }
    }
}

/// A yield that may be compared with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yield {
    /// What the newest block says.
    pub spot: Apy,
    /// The mean over the last day or so, of values up to the cap: what decisions go by.
    pub smooth: Apy,
    /// How much of what was brought is lent out, where that is known.
    pub utilisation: Option<Weight>,
    /// The time of the block.
    pub as_of: Timestamp,
    /// The block.
    pub block: B256,
}

/// Why there is no yield that counts. Each has a finite label for metrics.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum YieldFault {
    /// Nothing was read, because the chain itself is not heard.
    #[error("the chain is silent")]
    ChainSilent,
    /// A call failed: reverted, ran out of gas, or its answer could not be decoded.
    #[error("it could not be read: {0}")]
    Unreadable(String),
    /// The server could not be asked.
    #[error("it could not be asked: {0}")]
    Unreachable(String),
    /// The contracts do not belong together, or are for another coin.
    #[error("the contracts are not those that are configured: {0}")]
    Mismatched(String),
    /// Nothing can be taken out, by order of whoever runs it.
    #[error("it is closed: {0}")]
    Closed(&'static str),
    /// Older than is allowed.
    #[error("the value is {age:?} old, at most {limit:?} is allowed")]
    Stale {
        /// Its age.
        age: Duration,
        /// The limit.
        limit: Duration,
    },
    /// Not watched for long enough.
    #[error("it has been watched for {known:?}, {wanted:?} are needed")]
    TooYoung {
        /// For how long.
        known: Duration,
        /// What is needed.
        wanted: Duration,
    },
    /// A number that no such contract says while it works.
    #[error("the answer makes no sense: {0}")]
    Implausible(String),
    /// So much is lent out that not everybody can leave.
    #[error("{found} is lent out, at most {limit} is allowed")]
    Trapped {
        /// How much.
        found: Weight,
        /// The limit.
        limit: Weight,
    },
}

impl YieldFault {
    /// A finite, stable word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::ChainSilent => "chain_silent",
            Self::Unreadable(_) => "failed_call",
            Self::Unreachable(_) => "unreachable",
            Self::Mismatched(_) => "mismatched",
            Self::Closed(_) => "closed",
            Self::Stale { .. } => "stale",
            Self::TooYoung { .. } => "too_young",
            Self::Implausible(_) => "implausible",
            Self::Trapped { .. } => "trapped",
        }
    }
}
