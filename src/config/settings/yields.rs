//! What an asset earns, who else says so, and assets that are shares of others.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::Address;
use secrecy::SecretString;

use crate::domain::ids::{AssetId, ChainName};
use crate::domain::yields::YieldRule;

/// A yield on a chain, read with each block.
#[derive(Clone, Debug)]
pub struct YieldSettings {
    /// Who pays.
    pub kind: YieldKind,
    /// When it counts.
    pub rule: YieldRule,
    /// Who is asked for the same off the chain.
    pub check: Option<DefiLlamaSettings>,
}

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YieldKind {
    /// A reserve of Aave v3.
    AaveV3 {
        /// The pool.
        pool: Address,
        /// The token that lenders get.
        a_token: Address,
    },
    /// A market of Compound v3.
    CompoundV3 {
        /// The market.
        comet: Address,
    },
    /// Maker's savings rate.
    Dsr {
        /// The Pot.
        pot: Address,
    },
    /// Sky's savings rate.
    Ssr {
        /// The savings token.
        vault: Address,
    },
    /// The growth of a vault's shares.
    Erc4626 {
        /// The vault.
        vault: Address,
        /// Decimals of its shares: 0 to 36.
        decimals: u8,
    },
}

impl YieldKind {
    /// The word of the settings.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AaveV3 { .. } => "aave-v3",
            Self::CompoundV3 { .. } => "compound-v3",
            Self::Dsr { .. } => "dsr",
            Self::Ssr { .. } => "ssr",
            Self::Erc4626 { .. } => "erc4626",
        }
    }
}

/// What `DefiLlama` is asked.
#[derive(Clone, Debug)]
pub struct DefiLlamaSettings {
    /// The server, without the routes. Secret, because that of paying users carries their key.
    pub url: SecretString,
    /// The pool in its own list: a UUID.
    pub pool: String,
    /// How often: 5 min to 1 d.
    pub every: Duration,
    /// How old its word may be: 1 h to 30 d.
    pub max_age: Duration,
    /// How far apart the two may be, in basis points: 1 to 10 000.
    pub differ_bps: u32,
}

/// An asset that is a share of another. It has no peg and no price of its own.
#[derive(Clone, Debug)]
pub struct ShareSettings {
    /// Its name in the settings.
    pub id: AssetId,
    /// What it is a share of: an asset with a peg, which is on every chain where this is.
    pub of: AssetId,
    /// Where it lives.
    pub on: BTreeMap<ChainName, ShareOnChain>,
}

/// A share on one chain.
#[derive(Clone, Debug)]
pub struct ShareOnChain {
    /// Its token contract.
    pub token: Address,
    /// Decimals of the token, and of the vault's shares: 0 to 18.
    pub decimals: u8,
    /// Who says what it is worth, and what it earns by that.
    pub rate: YieldSettings,
}
