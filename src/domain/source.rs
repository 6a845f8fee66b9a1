//! Who quotes, what, in which unit, and with whom it would fail together.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::domain::ids::{AssetId, SourceId};

/// Sources that can be wrong for the same reason: one vote each, however many they are. Two venues that share their traders are one
/// witness (Compound lost 89 million in November 2020 to a second source that followed the first).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Chainlink's feeds, on whatever chain.
    Chainlink,
    /// Other oracles that push rounds onto a chain: `RedStone`, Chronicle, API3.
    Push,
    /// Pyth.
    Pyth,
    /// Order books against the dollar itself.
    UsdBooks,
    /// Order books against another stablecoin.
    CrossBooks,
    /// Exchanges on a chain.
    Dex,
}

impl Group {
    /// All groups, in the order of the code.
    pub const ALL: [Self; 6] = [Self::Chainlink, Self::Push, Self::Pyth, Self::UsdBooks, Self::CrossBooks, Self::Dex];

    /// A finite, stable word for the settings, metrics and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Chainlink => "chainlink",
            Self::Push => "push",
            Self::Pyth => "pyth",
            Self::UsdBooks => "usd_books",
            Self::CrossBooks => "cross_books",
            Self::Dex => "dex",
        }
    }

    /// Whether its word is read from a chain: re-entry needs a witness of each kind.
    #[must_use]
    pub const fn is_on_chain(self) -> bool {
        matches!(self, Self::Chainlink | Self::Push | Self::Dex)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|group| group.label() == text).ok_or_else(|| format!("`{text}` is no group of sources"))
    }
}

/// What a source's prices are counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Dollars.
    Usd,
    /// Another asset, whose own consensus turns them into dollars. A stablecoin is never taken for a dollar.
    Asset(AssetId),
}

/// A source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name: `kraken:USDC`.
    pub id: SourceId,
    /// What it quotes.
    pub asset: AssetId,
    /// In what.
    pub unit: Unit,
    /// With whom it would be wrong together.
    pub group: Group,
    /// It warns and does not vote: its price can be moved within a block.
    pub advisory: bool,
    /// For how long after it was heard its word stands, on the policy clock.
    pub good_for: Duration,
}
