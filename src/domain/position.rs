//! A position: some assets held at weights by something on a chain that can be read and, within its capabilities, moved. The
//! managed pool is the first kind; nothing here knows it by name.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::B256;

use crate::domain::allocation::Allocation;
use crate::domain::ids::{AssetId, GroupId};
use crate::domain::units::{Rounding, SwapFee, Timestamp, TokenAmount, WAD, Weight, mul_div};

/// What can be done with a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "six independent abilities, not a state")]
pub struct Capabilities {
    /// Its weights and balances can be read.
    pub read: bool,
    /// Its weights can be changed gradually.
    pub reweight: bool,
    /// Its swaps can be stopped and started, and its fee be moved gradually.
    pub halt: bool,
    /// It has brakes of its own on the chain.
    pub brake: bool,
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

/// A gradual change of the swap fee as the chain holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRamp {
    /// When the fee begins to move. Before that it is `from` already.
    pub start: Timestamp,
    /// When it arrives.
    pub end: Timestamp,
    /// Where it begins.
    pub from: SwapFee,
    /// Where it arrives.
    pub to: SwapFee,
}

impl FeeRamp {
    /// The fee at `now`: a straight line between the two ends, rounded down.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> SwapFee {
        if now >= self.end {
            return self.to;
        }
        let (gone, total) = (now.since(self.start).as_millis(), self.end.since(self.start).as_millis());
        let moved = mul_div(self.from.wad().abs_diff(self.to.wad()), gone, total, Rounding::Down).unwrap_or_default();
        let fee = if self.to < self.from { self.from.wad().saturating_sub(moved) } else { self.from.wad().saturating_add(moved) };
        SwapFee::from_wad(fee)
    }
}

/// Everything about a position that its owner can set, as the chain holds it. Two of them that differ mean that somebody has changed
/// something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controls {
    /// The last scheduled change of weights.
    pub ramp: Ramp,
    /// The last scheduled change of the swap fee.
    pub fee: FeeRamp,
    /// Whether trading is on.
    pub swap_enabled: bool,
}

/// The brake that the chain holds for one asset: a swap that would bring the price of the pool's share, counted in this asset, out of
/// its bounds reverts, in the very block of the jump and without anybody's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// The price of a pool share in the asset that the bounds are relative to, 1e18; zero where no brake was ever set.
    pub reference_price: u128,
    /// The asset's weight when it was set.
    pub reference_weight: Weight,
    /// Lower bound, a share of the reference; zero is none.
    pub lower: Weight,
    /// Upper bound; zero is none.
    pub upper: Weight,
}

/// Whose a position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Shares that are out.
    pub supply: u128,
    /// Shares that the configured treasury holds.
    pub treasury: u128,
}

impl Ownership {
    /// The part that belongs to others: 1 where no treasury holds anything; `None` for a position without shares.
    #[must_use]
    pub fn of_others(&self) -> Option<Weight> {
        let others = self.supply.saturating_sub(self.treasury);
        mul_div(others, WAD, self.supply, Rounding::Up).map(Weight::from_wad)
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
    /// What its owner has set.
    pub controls: Controls,
    /// The swap fee in this block.
    pub swap_fee: SwapFee,
    /// Whether the position or what holds it is paused by its makers: nothing can be changed then.
    pub paused: bool,
    /// The last block in which what it holds changed.
    pub touched: u64,
    /// Whose it is.
    pub ownership: Ownership,
    /// The brakes, in the order of the assets; empty where the position has none or nobody asked for them.
    pub breakers: Vec<Breaker>,
    /// What the treasury has of each asset and lets the vault take, in smallest units; empty where there is no treasury that trades.
    pub purse: Vec<u128>,
}

impl PositionFacts {
    /// The last scheduled change of weights.
    #[must_use]
    pub const fn ramp(&self) -> &Ramp {
        &self.controls.ramp
    }
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
    /// The risk group of each asset: assets of one group fall together.
    pub groups: Vec<Option<GroupId>>,
    /// Most that all assets of a risk group may weigh together; no entry is no limit.
    pub group_max: BTreeMap<GroupId, Weight>,
    /// Whether the asset itself earns: a share of a vault does, a raw coin in a pool does not.
    pub accrues: Vec<bool>,
    /// Most of the position's value that the owner accepts to lose if this coin dies; `None`: no mandate.
    pub max_loss: Vec<Option<Weight>>,
    /// The same for a whole risk group.
    pub group_max_loss: BTreeMap<GroupId, Weight>,
}

impl Mandate {
    /// A mandate without groups, yields or limits of loss.
    #[must_use]
    pub fn plain(assets: Vec<AssetId>, base_target: Allocation, min: Vec<Weight>, max: Vec<Weight>) -> Self {
        let count = assets.len();
        Self {
            assets,
            base_target,
            min,
            max,
            groups: vec![None; count],
            group_max: BTreeMap::new(),
            accrues: vec![false; count],
            max_loss: vec![None; count],
            group_max_loss: BTreeMap::new(),
        }
    }

    /// The entry of `asset`, if the position holds it.
    #[must_use]
    pub fn position_of(&self, asset: &AssetId) -> Option<usize> {
        self.assets.iter().position(|held| held == asset)
    }
}
