//! By which way transactions go, and what they may cost.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::units::Wei;

use super::LOCAL_CHAINS;

/// A private relay.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// How it is spoken to.
    pub kind: RelayKind,
    /// Where it takes transactions. Secret, because relays put access tokens into addresses too.
    pub url: SecretString,
    /// The key that Ballast shows itself to the relay with. It owns nothing, but only who has it can take a transaction back: the
    /// file is created at the first start, and kept.
    pub auth_key_file: PathBuf,
    /// Where the relay tells how a transaction fares: the hash follows. It is not asked if absent.
    pub status_url: Option<SecretString>,
}

/// Kinds of relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayKind {
    /// Flashbots, or whoever speaks its `eth_sendPrivateTransaction`.
    Flashbots,
}

impl RelayKind {
    /// The word of the settings.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Flashbots => "flashbots",
        }
    }

    /// The public chains that it serves, by their EIP-155 numbers.
    #[must_use]
    pub const fn chains(self) -> &'static [u64] {
        match self {
            // Ethereum and Sepolia. There is none on Polygon.
            Self::Flashbots => &[1, 11_155_111],
        }
    }

    /// Whether it serves a chain. On a local one a stand-in may play it.
    #[must_use]
    pub fn serves(self, chain_id: u64) -> bool {
        self.chains().contains(&chain_id) || LOCAL_CHAINS.contains(&chain_id)
    }
}

/// What each key of a chain may spend on gas in a day (UTC), and when its account counts as nearly empty. In the chain's own coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSettings {
    /// For everything: more than nothing, at most a million.
    pub daily: Wei,
    /// What a depeg may spend beyond that: at most a million.
    pub protective: Wei,
    /// Below this balance the account is told as low: at most a million. Never when nothing.
    pub low_balance: Wei,
}
