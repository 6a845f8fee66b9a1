//! A position: some assets held at weights by something on a chain that can be read and, within its capabilities, moved. The
//! managed pool is the first kind; nothing here knows it by name.

use std::time::Duration;

use alloy_primitives::B256;

use crate::domain::allocation::Allocation;
use crate::domain::ids::AssetId;
use crate::domain::units::{Timestamp, TokenAmount, Weight};

/// What can be done with a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "five independent abilities, not a state")]
pub struct Capabilities {
    /// Its weights and balances can be read.
    pub read: bool,
    /// Its weights can be changed gradually.
    pub reweight: bool,
    /// Its swaps can be stopped.
    pub halt: bool,
    /// Its tokens can be taken out.
    pub exit: bool,
    /// It can be traded against.
    pub swap: bool,
}

/// The block that facts were read at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockStamp {
    /// Height.
    pub number: u64,
    /// Hash: facts are only put together when they share it.
    pub hash: B256,
    /// The block's own time.
    pub timestamp: Timestamp,
}

/// A gradual change of weights as the chain holds it. `start == end` is how a newborn position looks: no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// When the weights begin to move.
    pub start: Timestamp,
    /// When they arrive.
    pub end: Timestamp,
    /// Where they arrive.
    pub end_weights: Vec<Weight>,
}

impl Ramp {
    /// Whether weights still move, or will.
    #[must_use]
    pub fn in_flight(&self, now: Timestamp) -> bool {
        self.end > self.start && self.end > now
    }

    /// When the last real change began; a newborn position never changed.
    #[must_use]
    pub fn last_change(&self) -> Option<Timestamp> {
        (self.end > self.start).then_some(self.start)
    }

    /// How long the change takes.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.end.since(self.start)
    }
}

/// What one block says of a position. Either all of it was read, or there is no value of this type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionFacts {
    /// The block.
    pub block: BlockStamp,
    /// Current weights, interpolated by the chain while a ramp is in flight. They may miss the exact sum by a few wei then.
    pub weights: Vec<Weight>,
    /// What it holds of each asset.
    pub balances: Vec<TokenAmount>,
    /// The last scheduled change.
    pub ramp: Ramp,
    /// Whether trading is on.
    pub swap_enabled: bool,
    /// Whether the position or what holds it is paused by its makers: nothing can be changed then.
    pub paused: bool,
}

/// What the owner configured for one position. All vectors have one entry for each asset, in the chain's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// The assets, in the order the chain lists them.
    pub assets: Vec<AssetId>,
    /// Where the weights belong in quiet times.
    pub base_target: Allocation,
    /// Least weight of each asset.
    pub min: Vec<Weight>,
    /// Greatest weight of each asset.
    pub max: Vec<Weight>,
}

impl Mandate {
    /// The entry of `asset`, if the position holds it.
    #[must_use]
    pub fn position_of(&self, asset: &AssetId) -> Option<usize> {
        self.assets.iter().position(|held| held == asset)
    }
}
