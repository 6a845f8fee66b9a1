//! Every way in which a turn can end. Each knows its label and whether the pool may simply look again.

use alloy_primitives::B256;

use crate::domain::position::BlockStamp;
use crate::domain::units::{GasCost, Timestamp, Usd};

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Included, and the chain shows the ramp that was ordered.
    Done(Inclusion),
    /// Included, but the chain shows another ramp than the one ordered.
    Deviates {
        /// The transaction.
        inclusion: Inclusion,
        /// What differs, in words.
        difference: String,
    },
    /// Included and reverted: gas was paid for nothing.
    Reverted(Inclusion),
    /// Not included in time; a cancellation with the same nonce was.
    Cancelled(Inclusion),
    /// Refused before anything was signed.
    Refused(Refusal),
}

/// A transaction in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Hash of the transaction.
    pub tx: B256,
    /// Its nonce.
    pub nonce: u64,
    /// Its block.
    pub block: BlockStamp,
    /// What it cost.
    pub cost: GasCost,
    /// The cost in dollars, where the price of ether is known.
    pub cost_usd: Option<Usd>,
    /// When the first attempt was handed to the network, on the policy clock.
    pub sent_at: Timestamp,
    /// Attempts signed, replacements and cancellations included.
    pub attempts: u32,
}

/// Why an order was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The turn belongs to a queue that is gone.
    StaleTurn,
    /// The lane is busy, recovering or stopped; the queue should not have granted.
    LaneNotReady,
    /// The same evidence has an operation already: it is on its way, or has done what was called for.
    Duplicate,
    /// Another operation of the pool is under way.
    PoolBusy,
    /// A defence has taken its place before it was sent.
    Superseded,
    /// The lane has spent what it may in a day.
    BudgetSpent(String),
    /// Nothing is sent that is not written down first.
    JournalFailed(String),
    /// Gas rose above the cap between the grant and the send.
    GasAboveCap,
    /// Gas or head are not known.
    Unknown(String),
    /// The simulation says that it would revert.
    WouldRevert(String),
    /// The node could not be reached, or the signer failed, before anything was broadcast.
    Unreachable(String),
    /// The nonce was spent and none of our attempts has a receipt: someone else uses this key.
    NonceTaken,
    /// The process is shutting down.
    ShuttingDown,
}

impl Refusal {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::StaleTurn => "stale_turn",
            Self::LaneNotReady => "lane_not_ready",
            Self::Duplicate => "duplicate",
            Self::PoolBusy => "pool_busy",
            Self::Superseded => "superseded",
            Self::BudgetSpent(_) => "budget_spent",
            Self::JournalFailed(_) => "journal_failed",
            Self::GasAboveCap => "gas_above_cap",
            Self::Unknown(_) => "unknown",
            Self::WouldRevert(_) => "would_revert",
            Self::Unreachable(_) => "unreachable",
            Self::NonceTaken => "nonce_taken",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

impl Refusal {
    /// The reason in words, for the journal.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Unknown(what) => format!("not known: {what}"),
            Self::BudgetSpent(what) | Self::JournalFailed(what) | Self::WouldRevert(what) | Self::Unreachable(what) => {
                what.clone()
            }
            other => other.label().replace('_', " "),
        }
    }
}

impl Outcome {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Deviates { .. } => "deviates",
            Self::Reverted(_) => "reverted",
            Self::Cancelled(_) => "cancelled",
            Self::Refused(refusal) => refusal.label(),
        }
    }

    /// The transaction that the nonce was spent on, if one was.
    #[must_use]
    pub const fn inclusion(&self) -> Option<&Inclusion> {
        match self {
            Self::Done(inclusion) | Self::Deviates { inclusion, .. } | Self::Reverted(inclusion) | Self::Cancelled(inclusion) => {
                Some(inclusion)
            }
            Self::Refused(_) => None,
        }
    }

    /// Whether the trouble may outlast a moment, so that looking again should take its time: a pool that is being paused, a node that
    /// is away.
    #[must_use]
    pub const fn may_last(&self) -> bool {
        matches!(
            self,
            Self::Refused(
                Refusal::WouldRevert(_)
                    | Refusal::Unreachable(_)
                    | Refusal::BudgetSpent(_)
                    | Refusal::JournalFailed(_)
                    | Refusal::Duplicate
                    | Refusal::PoolBusy
            )
        )
    }

    /// Whether looking again soon can help. A revert or a deviation is for a human first: the pool holds until someone has looked.
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        match self {
            Self::Done(_) | Self::Cancelled(_) => true,
            Self::Deviates { .. } | Self::Reverted(_) => false,
            Self::Refused(refusal) => !matches!(refusal, Refusal::NonceTaken),
        }
    }
}
