//! What must outlive the process: what is remembered of pools and pegs, and every operation with its nonce and its signed bytes.
//!
//! One journal plays two roles. [`Memories`] is small and forgiving: a write that fails is told and done again. [`Operations`] is
//! the safety argument: a transaction is handed over only after what it is has been committed, and the journal itself refuses what
//! must never be (two operations of a pool, two operations on a nonce, two nonces of an operation, a writer that was replaced).

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::decide::{Latch, Memory};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::operation::{Entry, IllegalStep, LaneKey, NewOperation, OperationId, OperationRecord, State};
use crate::domain::peg::Peg;
use crate::domain::position::Controls;
use crate::domain::record::DecisionRecord;
use crate::domain::units::{Timestamp, Wei};

/// Why the journal could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JournalFault {
    /// It cannot be reached, the disk is full, or it takes too long. Whether the write was done is not known.
    #[error("the journal failed: {0}")]
    Failed(String),
    /// Another process writes this lane now.
    #[error("another process has taken over the lane {0}")]
    Fenced(LaneKey),
    /// What is written down is not what the writer thought: nothing was changed.
    #[error("the journal refuses: {0}")]
    Conflict(String),
    /// A step that cannot be taken: nothing was changed.
    #[error(transparent)]
    Illegal(#[from] IllegalStep),
    /// There is no such operation or lane.
    #[error("the journal knows no {0}")]
    Unknown(String),
}

impl JournalFault {
    /// A finite, stable word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Fenced(_) => "fenced",
            Self::Conflict(_) => "conflict",
            Self::Illegal(_) => "illegal",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Everything that outlives the process.
pub trait Journal: Memories + Operations {}

impl<T: Memories + Operations> Journal for T {}

/// What is remembered of pools and pegs.
#[async_trait]
pub trait Memories: Send + Sync + 'static {
    /// What is remembered of a pool; `None` for one never seen.
    async fn recall_pool(&self, pool: &PoolId) -> Result<Option<Memory>, JournalFault>;
    /// Remembers that a pool was first seen, with what its owner had set then. A pool of which that is known already stays as it is.
    async fn meet_pool(&self, pool: &PoolId, at: Timestamp, controls: &Controls) -> Result<(), JournalFault>;
    /// Remembers what we have set ourselves, in a block of time `at`.
    async fn account_controls(
        &self,
        pool: &PoolId,
        controls: &Controls,
        at: Timestamp,
        protective: bool,
    ) -> Result<(), JournalFault>;
    /// Notes that a human asks for a return to the target. The pool acts on it. Refused for a pool that was never seen.
    async fn ask_rebalance(&self, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault>;
    /// Remembers that such a wish is served.
    async fn serve_rebalance(&self, pool: &PoolId, wish: Timestamp) -> Result<(), JournalFault>;
    /// Remembers that a slot of the calendar is served.
    async fn serve_schedule(&self, pool: &PoolId, slot: Timestamp) -> Result<(), JournalFault>;
    /// Remembers that a pool waits for a human.
    async fn latch_pool(&self, pool: &PoolId, latch: &Latch) -> Result<(), JournalFault>;
    /// Lets go of a pool that waits for a human, by an operator's word, who accepts what the chain has. Refused for a pool that
    /// waits for nobody.
    async fn release_pool(&self, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault>;
    /// Keeps a decision. One that repeats the newest of its pool takes that one's place; the oldest are forgotten.
    async fn record_decision(&self, pool: &PoolId, record: &DecisionRecord) -> Result<(), JournalFault>;
    /// The newest decisions of a pool that began at `until` or before, the youngest first.
    async fn decisions(&self, pool: &PoolId, until: Timestamp, limit: u32) -> Result<Vec<DecisionRecord>, JournalFault>;
    /// What is remembered of an asset's peg.
    async fn recall_peg(&self, asset: &AssetId) -> Result<Option<Peg>, JournalFault>;
    /// Remembers an asset's peg.
    async fn remember_peg(&self, peg: &Peg) -> Result<(), JournalFault>;
    /// Notes that an operator lets a disabled asset back. Its watch acts on it. Refused for an asset that is not disabled.
    async fn reset_peg(&self, asset: &AssetId, by: &str, at: Timestamp) -> Result<(), JournalFault>;
    /// When an operator last let an asset back; `None` if nobody ever did.
    async fn peg_reset_asked(&self, asset: &AssetId) -> Result<Option<Timestamp>, JournalFault>;
}

/// The right to write a lane: given to whoever opened it last. A writer that was replaced is refused with
/// [`JournalFault::Fenced`], in the same commit in which it would have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pen {
    /// The lane.
    pub lane: LaneKey,
    /// Counts its writers, from 1.
    pub epoch: u64,
}

/// A lane as its new writer finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The right to write.
    pub pen: Pen,
    /// One more than the highest nonce that was ever reserved or accounted for; `None` for a lane without a past.
    pub next_nonce: Option<u64>,
    /// When an operation was last launched for the first time, on the policy clock.
    pub last_launched: Option<Timestamp>,
    /// All operations that are not over, in the order of their nonces, those without one last.
    pub open: Vec<OperationRecord>,
}

/// What became of a new operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
pub enum Enqueued {
    /// It is written down.
    New(OperationRecord),
    /// The same evidence has a live operation, or one that did what was called for.
    Known(OperationId, State),
    /// The pool has another live operation.
    PoolBusy(OperationId),
}

/// Which operations to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only those of a pool.
    pub pool: Option<PoolId>,
    /// Only those of a lane.
    pub lane: Option<LaneKey>,
    /// Only those that are not over.
    pub open: bool,
    /// At most so many, the youngest.
    pub limit: u32,
}

/// A line of an operation's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Counts the lines of the operation, from 0.
    pub line: u64,
    /// The step; `queue` for the first line, `request_cancel` for an operator's wish.
    pub step: String,
    /// The state after it.
    pub state: State,
    /// When, on the policy clock of the writer.
    pub at: Timestamp,
    /// Which writer; 0 for an operator.
    pub epoch: u64,
    /// What it says beyond that.
    pub detail: String,
}

/// A lane, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRecord {
    /// Which.
    pub key: LaneKey,
    /// How many writers it has had.
    pub epoch: u64,
    /// Who writes it, or did last.
    pub holder: String,
    /// One more than the highest nonce that is accounted for.
    pub next_nonce: Option<u64>,
    /// Why it stands still, as its writer last said.
    pub stopped: Option<String>,
}

/// Operations, their nonces and their signed bytes.
///
/// Every method is one durable commit: when it returns, a power cut changes nothing any more; when it fails with anything but
/// [`JournalFault::Failed`], nothing was written.
#[async_trait]
pub trait Operations: Send + Sync + 'static {
    /// Takes a lane over: whoever had it before is fenced off from here on. `holder` is for people.
    async fn open_lane(&self, lane: &LaneKey, holder: &str, at: Timestamp) -> Result<Opened, JournalFault>;
    /// Reads a lane again, with the pen that one has. After a commit that failed this tells whether it was done: what it shows does
    /// not change any more by what was on its way.
    async fn reread_lane(&self, pen: &Pen) -> Result<Opened, JournalFault>;
    /// Writes down why (C1).
    async fn enqueue(&self, pen: &Pen, new: &NewOperation) -> Result<Enqueued, JournalFault>;
    /// Takes a step with an operation whose counter is at `seq`, and gives the operation after it. Nothing is written when the
    /// counter is elsewhere ([`JournalFault::Conflict`]), the step is illegal, or one of the rules would break: a nonce is used
    /// once on a lane, an operation has one nonce, a lane has one operation that is RESERVED or PREPARED.
    async fn commit(
        &self,
        pen: &Pen,
        id: &OperationId,
        seq: u64,
        entry: &Entry,
        at: Timestamp,
    ) -> Result<OperationRecord, JournalFault>;
    /// Adds a line to an operation's log that changes nothing (C5: what the endpoints said). Losing it is harmless.
    async fn note(&self, pen: &Pen, id: &OperationId, what: &str, detail: &str, at: Timestamp) -> Result<(), JournalFault>;
    /// What the lane has spent on the day (UTC) of `at`, and what is set aside for operations of that day that are not over.
    async fn spent(&self, lane: &LaneKey, at: Timestamp) -> Result<Wei, JournalFault>;
    /// Notes why a lane stands still, or that it goes on.
    async fn note_stop(&self, pen: &Pen, reason: Option<&str>) -> Result<(), JournalFault>;
    /// The open operations of a lane that an operator wants back.
    async fn cancel_requests(&self, lane: &LaneKey) -> Result<Vec<OperationId>, JournalFault>;

    // For operators. They need no pen: they run beside the process.

    /// Lists operations, youngest first.
    async fn list(&self, selection: &Selection) -> Result<Vec<OperationRecord>, JournalFault>;
    /// The operation whose name begins with these hexadecimal digits; refused when there are several.
    async fn find(&self, prefix: &str) -> Result<OperationRecord, JournalFault>;
    /// The log of an operation, oldest line first.
    async fn log(&self, id: &OperationId) -> Result<Vec<Happened>, JournalFault>;
    /// All lanes.
    async fn lanes(&self) -> Result<Vec<LaneRecord>, JournalFault>;
    /// Notes that an operator wants an operation back. Its writer acts on it at the next block.
    async fn request_cancel(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<(), JournalFault>;
    /// Notes that all nonces of a lane below `next_nonce` are accounted for, although no operation used them. Refused when it is
    /// lower than what the journal has.
    async fn accept_nonces(&self, lane: &LaneKey, next_nonce: u64, by: &str, at: Timestamp) -> Result<(), JournalFault>;
    /// Closes a quarantined operation by an operator's word.
    async fn abandon(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<OperationRecord, JournalFault>;
}
