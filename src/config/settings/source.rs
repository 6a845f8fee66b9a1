//! The sources of an asset beside its feed: off the chain, and more of them on a chain.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use alloy_primitives::{Address, B256};
use secrecy::SecretString;

use super::{AssetOnChain, FeedSettings};
use crate::domain::ids::{AssetId, ChainName};
use crate::domain::reading::BookRule;
use crate::domain::source::{Group, Unit};
use crate::domain::units::Price;

/// The groups that have a vote on an asset with these sources: its feeds are Chainlink's.
#[must_use]
pub fn voting_groups(streams: &[StreamSettings], on: &BTreeMap<ChainName, AssetOnChain>) -> BTreeSet<Group> {
    let on_chain = on.values().flat_map(|place| place.sources.iter().filter_map(PoolSourceSettings::group));
    let feeds = on.values().map(|_| Group::Chainlink);
    feeds.chain(on_chain).chain(streams.iter().map(StreamSettings::group)).collect()
}

/// A source off the chain: a connection that quotes one asset.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    /// Its name among the sources of its asset.
    pub name: String,
    /// What its prices are counted in.
    pub unit: Unit,
    /// For how long what it says stands, and how old a stamp may be when it arrives: 1 s to 1 h.
    pub max_age: Duration,
    /// How far ahead of our clock a stamp may be: 0 s to 10 min.
    pub max_ahead: Duration,
    /// Whom to ask, and what for.
    pub kind: StreamKind,
}

/// Whom to ask.
#[derive(Clone, Debug)]
pub enum StreamKind {
    /// The order book of an exchange.
    Book {
        /// Which exchange's protocol.
        venue: Venue,
        /// Its websocket. Secret, as every address that may carry a token.
        url: SecretString,
        /// The pair in the exchange's own spelling.
        symbol: String,
        /// What makes the top of the book believable.
        rule: BookRule,
    },
    /// A feed of Pyth, from a Hermes.
    Pyth {
        /// The server, without the routes.
        url: SecretString,
        /// The key, if the server wants one.
        key: Option<SecretString>,
        /// The feed.
        feed: B256,
        /// The widest confidence interval, in basis points of the price.
        limit_bps: u32,
        /// Lowest believable price.
        low: Price,
        /// Highest believable price.
        high: Price,
    },
}

/// Exchanges whose protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Venue {
    /// Kraken's websocket, version 2.
    Kraken,
    /// Coinbase Exchange.
    Coinbase,
    /// Binance's spot market.
    Binance,
}

impl StreamSettings {
    /// With whom it would be wrong together.
    #[must_use]
    pub const fn group(&self) -> Group {
        match (&self.kind, &self.unit) {
            (StreamKind::Pyth { .. }, _) => Group::Pyth,
            (StreamKind::Book { .. }, Unit::Usd) => Group::UsdBooks,
            (StreamKind::Book { .. }, Unit::Asset(_)) => Group::CrossBooks,
        }
    }
}

/// A source on a chain, read with each block.
#[derive(Clone, Debug)]
pub struct PoolSourceSettings {
    /// Its name among the sources of its asset on this chain.
    pub name: String,
    /// What to ask.
    pub kind: PoolSourceKind,
}

/// What to ask on a chain.
#[derive(Clone, Debug)]
pub enum PoolSourceKind {
    /// Another oracle that pushes rounds and answers as Chainlink does.
    Push(FeedSettings),
    /// The time-weighted price in a pool of Uniswap V3.
    UniswapV3 {
        /// The pool.
        pool: Address,
        /// The pool's other token.
        against: AssetId,
        /// The window in seconds: 60 to 86 400.
        window: NonZeroU32,
        /// Observations that the pool must have room for.
        observations: u16,
        /// Lowest believable price.
        low: Price,
        /// Highest believable price.
        high: Price,
    },
    /// The price in a pool of Curve: it warns and never votes.
    Curve {
        /// The pool.
        pool: Address,
        /// The asset's place in it.
        index: u8,
        /// The other coin.
        against: AssetId,
        /// Its place.
        against_index: u8,
        /// What a trade would bring, or the pool's own average.
        average: bool,
        /// Size and spread of the trade, and bounds of the price.
        rule: BookRule,
    },
}

impl PoolSourceSettings {
    /// The group in which it votes; `None` when it only warns.
    #[must_use]
    pub const fn group(&self) -> Option<Group> {
        match &self.kind {
            PoolSourceKind::Push(_) => Some(Group::Push),
            PoolSourceKind::UniswapV3 { .. } => Some(Group::Dex),
            PoolSourceKind::Curve { .. } => None,
        }
    }

    /// The asset that its prices are counted in; dollars if absent.
    #[must_use]
    pub const fn against(&self) -> Option<&AssetId> {
        match &self.kind {
            PoolSourceKind::Push(_) => None,
            PoolSourceKind::UniswapV3 { against, .. } | PoolSourceKind::Curve { against, .. } => Some(against),
        }
    }
}
