//! The values that boards carry. Each says when it is from; what is not known is a variant, never a number.

use std::ops::Range;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::actors::board::Board;
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::lane::Stop;
use crate::domain::turns::{LaneView, LanesView};
use crate::domain::units::{GasPrice, Price, Timestamp};
use crate::domain::yields::{ShareRate, Yield, YieldFault};
use crate::ports::{Answer, Call, Head};

/// The newest block of a chain with the raw answers to the batch that was read at it. Their owners decode them.
#[derive(Clone, Debug)]
pub struct BlockFacts {
    /// The block.
    pub head: Head,
    /// One answer for each call of the [`ReadPlan`], in order.
    pub answers: Arc<[Answer]>,
}

/// What is on the block board; `None` while the chain is not heard.
pub type BlockFact = Option<Arc<BlockFacts>>;

/// What each actor asks of a block, put together once at start.
#[derive(Clone, Debug, Default)]
pub struct ReadPlan {
    calls: Vec<Call>,
}

/// Where the answers to one actor's calls are in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot(Range<usize>);

impl ReadPlan {
    /// Adds calls to the batch.
    pub fn reserve(&mut self, calls: Vec<Call>) -> Slot {
        let start = self.calls.len();
        self.calls.extend(calls);
        Slot(start..self.calls.len())
    }

    /// The batch.
    #[must_use]
    pub fn calls(&self) -> Arc<[Call]> {
        self.calls.clone().into()
    }
}

impl Slot {
    /// The slot's part of a batch; empty when the batch is too short, which every decoder treats as a failed read.
    pub fn of<'a>(&self, answers: &'a [Answer]) -> &'a [Answer] {
        answers.get(self.0.clone()).unwrap_or_default()
    }
}

/// What gas costs in the next block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasFacts {
    /// Base fee of the next block.
    pub base_fee: GasPrice,
    /// What is paid on top.
    pub tip: GasPrice,
    /// Dollars for one ether, where a feed is configured and believable.
    pub ether: Option<Price>,
    /// The block that this follows from.
    pub block: B256,
}

impl GasFacts {
    /// Base fee and tip together.
    #[must_use]
    pub const fn price(&self) -> GasPrice {
        self.base_fee.saturating_add(self.tip)
    }
}

/// What is on the gas board; `None` while the chain is not heard.
pub type GasFact = Option<GasFacts>;

/// What one asset earns, or why that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YieldFact {
    /// The asset.
    pub asset: AssetId,
    /// What it earns.
    pub yields: Result<Yield, YieldFault>,
    /// The time of the block, or of the silence.
    pub as_of: Timestamp,
    /// The block; `None` while the chain is not heard.
    pub block: Option<B256>,
}

/// What one share is worth in its coin, or why that is not known. A pool may only use it with facts of the same block.
pub type ShareFact = Result<ShareRate, YieldFault>;

/// Where one yield is published.
#[derive(Clone, Debug)]
pub struct YieldBoards {
    /// What it pays.
    pub yields: Board<YieldFact>,
    /// What a share is worth; a fault where there are no shares.
    pub share: Board<ShareFact>,
}

impl YieldBoards {
    /// Of an asset of which nothing is known yet.
    #[must_use]
    pub fn unheard(asset: AssetId, now: Timestamp) -> Self {
        let unknown = YieldFact { asset, yields: Err(YieldFault::ChainSilent), as_of: now, block: None };
        Self { yields: Board::new(unknown), share: Board::new(Err(YieldFault::ChainSilent)) }
    }
}

/// What the one writer of a lane is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lane {
    /// It reads its journal and asks for its nonce.
    Recovering {
        /// Whose operations may be on their way; `None` while nobody knows.
        pools: Option<Vec<PoolId>>,
        /// When an operation was last launched.
        last_sent: Option<Timestamp>,
    },
    /// Nothing is in flight.
    Idle {
        /// When an operation was last launched.
        last_sent: Option<Timestamp>,
    },
    /// Operations are in flight.
    Busy {
        /// Whose.
        pools: Vec<PoolId>,
        /// Since when.
        since: Timestamp,
        /// When an operation was last launched.
        last_sent: Option<Timestamp>,
        /// Whether all of them would give way to a defence.
        yields: bool,
    },
    /// It sends nothing: journal and chain disagree.
    Stopped {
        /// Why.
        reason: Stop,
        /// Whose operations are still on their way.
        pools: Vec<PoolId>,
        /// When an operation was last launched.
        last_sent: Option<Timestamp>,
    },
}

impl Lane {
    /// The lane of a process that has just begun.
    pub const UNKNOWN: Self = Self::Recovering { pools: None, last_sent: None };

    /// What the queue needs to know of it.
    #[must_use]
    pub const fn view(&self) -> LaneView {
        match self {
            Self::Recovering { .. } | Self::Stopped { .. } => LaneView::Closed,
            Self::Idle { last_sent } => LaneView::Idle { last_sent: *last_sent },
            Self::Busy { yields, .. } => LaneView::Busy { yields: *yields },
        }
    }

    /// Whether it is not known yet whose operations are in flight.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Recovering { pools: None, .. })
    }

    /// Whether an operation of `pool` is in flight, or may be.
    #[must_use]
    pub fn carries(&self, pool: &PoolId) -> bool {
        match self {
            Self::Recovering { pools: Some(pools), .. } | Self::Busy { pools, .. } | Self::Stopped { pools, .. } => {
                pools.contains(pool)
            }
            Self::Recovering { pools: None, .. } | Self::Idle { .. } => false,
        }
    }

    /// Whether something is in flight that this process knows of.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. }) || matches!(self, Self::Stopped { pools, .. } if !pools.is_empty())
    }
}

/// What a chain's queue and pools see of its lanes.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// Moves weights.
    pub keeper: Board<Lane>,
    /// Stops trading; not every chain has one.
    pub guardian: Option<Board<Lane>>,
}

impl Lanes {
    /// What the queue needs to know of them.
    #[must_use]
    pub fn view(&self) -> LanesView {
        LanesView { keeper: self.keeper.read().view(), guardian: self.guardian.as_ref().map(|lane| lane.read().view()) }
    }

    /// Whether it is not known yet whose operations are in flight.
    #[must_use]
    pub fn are_unknown(&self) -> bool {
        self.keeper.read().is_unknown() || self.guardian.as_ref().is_some_and(|lane| lane.read().is_unknown())
    }

    /// Waits until that is known.
    pub async fn known(&self) {
        self.keeper.wait_for(|lane| !lane.is_unknown()).await;
        if let Some(guardian) = &self.guardian {
            guardian.wait_for(|lane| !lane.is_unknown()).await;
        }
    }

    /// Whether an operation of `pool` is in flight on any of them, or may be.
    #[must_use]
    pub fn carry(&self, pool: &PoolId) -> bool {
        self.keeper.read().carries(pool) || self.guardian.as_ref().is_some_and(|lane| lane.read().carries(pool))
    }
}
