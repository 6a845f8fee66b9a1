//! The values that boards carry. Each says when it is from; what is not known is a variant, never a number.

use std::collections::HashMap;
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
    /// What was asked.
    plan: ReadPlan,
    /// One answer for each call of the plan, in order.
    answers: Arc<[Answer]>,
}

impl BlockFacts {
    /// The answers to what was asked at a block.
    #[must_use]
    pub fn new(head: Head, plan: ReadPlan, answers: Vec<Answer>) -> Self {
        Self { head, plan, answers: answers.into() }
    }

    /// A block of which one actor asked everything: the first that a plan has given a slot.
    #[cfg(test)]
    pub(crate) fn to_the_first(head: Head, answers: Vec<Answer>) -> Self {
        let places = Arc::new(HashMap::from([(0, 0..answers.len())]));
        Self::new(head, ReadPlan { places, ..ReadPlan::default() }, answers)
    }

    /// All answers, for those who count them.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }
}

/// What is on the block board; `None` while the chain is not heard.
pub type BlockFact = Option<Arc<BlockFacts>>;

/// What each actor asks of a block. It changes when pools come and go, so a block's answers carry the plan that they answer.
#[derive(Clone, Debug, Default)]
pub struct ReadPlan {
    calls: Arc<Vec<Call>>,
    places: Arc<HashMap<u64, Range<usize>>>,
    next: u64,
}

/// One actor's part of the batch. Names are never given twice: whoever is gone is never taken for whoever came after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot(u64);

impl ReadPlan {
    /// Adds calls to the batch.
    pub fn reserve(&mut self, calls: Vec<Call>) -> Slot {
        let (all, name) = (Arc::make_mut(&mut self.calls), self.next);
        let start = all.len();
        all.extend(calls);
        Arc::make_mut(&mut self.places).insert(name, start..all.len());
        self.next = name.saturating_add(1);
        Slot(name)
    }

    /// Takes calls out of the batch; those behind them move up.
    fn release(&mut self, slot: Slot) {
        let places = Arc::make_mut(&mut self.places);
        let Some(gone) = places.remove(&slot.0) else { return };
        let calls = Arc::make_mut(&mut self.calls);
        if gone.end <= calls.len() {
            calls.drain(gone.clone());
        }
        for at in places.values_mut().filter(|at| at.start >= gone.end) {
            *at = at.start.saturating_sub(gone.len())..at.end.saturating_sub(gone.len());
        }
    }

    /// The batch.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }
}

impl Slot {
    /// What a block answers to the slot's calls; empty when they were not asked at it, which every decoder treats as a failed read.
    pub fn of(self, block: &BlockFacts) -> &[Answer] {
        self.place(block).and_then(|at| block.answers.get(at.clone())).unwrap_or_default()
    }

    /// Whether a block was read with the slot's calls: not, when the slot is younger.
    #[must_use]
    pub fn is_in(self, block: &BlockFacts) -> bool {
        self.place(block).is_some()
    }

    fn place(self, block: &BlockFacts) -> Option<&Range<usize>> {
        block.plan.places.get(&self.0)
    }
}

/// A slot for as long as somebody needs it: when it is dropped, its calls leave the batch.
#[derive(Debug)]
pub struct Lease {
    slot: Slot,
    plan: Board<ReadPlan>,
}

impl Lease {
    /// Adds calls to the batch.
    #[must_use]
    pub fn of(plan: &Board<ReadPlan>, calls: Vec<Call>) -> Self {
        let mut slot = Slot::default();
        plan.modify(|plan| slot = plan.reserve(calls));
        Self { slot, plan: plan.clone() }
    }

    /// Where the answers are.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.slot
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.plan.modify(|plan| plan.release(self.slot));
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
    /// Trades and leaves with the treasury's money; not every chain has one.
    pub treasury: Option<Board<Lane>>,
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
        self.all().any(|lane| lane.read().is_unknown())
    }

    /// Waits until that is known.
    pub async fn known(&self) {
        for lane in self.all() {
            lane.wait_for(|lane| !lane.is_unknown()).await;
        }
    }

    /// Waits until nothing is in flight on any of them.
    pub async fn quiet(&self) {
        for lane in self.all() {
            lane.wait_for(|lane| !lane.is_busy()).await;
        }
    }

    /// Whether an operation of `pool` is in flight on any of them, or may be.
    #[must_use]
    pub fn carry(&self, pool: &PoolId) -> bool {
        self.all().any(|lane| lane.read().carries(pool))
    }

    /// Those that there are.
    pub fn all(&self) -> impl Iterator<Item = &Board<Lane>> {
        std::iter::once(&self.keeper).chain(&self.guardian).chain(&self.treasury)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};

    use super::*;
    use crate::domain::position::BlockStamp;
    use crate::domain::units::GasPrice;

    fn calls(count: u8) -> Vec<Call> {
        (0..count).map(|at| Call { target: Address::repeat_byte(at), data: Bytes::new() }).collect()
    }

    fn block(plan: &ReadPlan) -> BlockFacts {
        let stamp = BlockStamp { number: 1, hash: B256::ZERO, timestamp: Timestamp::default() };
        let head = Head { stamp, parent: B256::ZERO, base_fee: GasPrice::from_gwei(1), gas_used: 0, gas_limit: 1 };
        let echo = |call: &Call| Ok(Bytes::copy_from_slice(call.target.as_slice()));
        BlockFacts::new(head, plan.clone(), plan.calls().iter().map(echo).collect())
    }

    #[test]
    fn who_leaves_the_batch_takes_only_its_own_calls_along_and_old_blocks_stay_what_they_were() {
        let plan = Board::new(ReadPlan::default());
        let leases: Vec<Lease> = [2, 3, 1].into_iter().map(|count| Lease::of(&plan, calls(count))).collect();
        let [first, second, third] = [0, 1, 2].map(|at: usize| leases[at].slot());
        let old = block(&plan.read());
        assert_eq!([first, second, third].map(|slot| slot.of(&old).len()), [2, 3, 1]);
        let mut leases = leases.into_iter();
        let kept = leases.next();
        drop(leases.next());
        let new = block(&plan.read());
        assert_eq!([first, second, third].map(|slot| slot.of(&new).len()), [2, 0, 1]);
        assert_eq!(third.of(&new), third.of(&old));
        assert!(!second.is_in(&new) && second.is_in(&old));
        let late = Lease::of(&plan, calls(4));
        assert!(!late.slot().is_in(&new) && late.slot() != second, "names are not given twice");
        assert_eq!(late.slot().of(&block(&plan.read())).len(), 4);
        drop((kept, late, leases));
        assert!(plan.read().calls().is_empty());
    }
}
