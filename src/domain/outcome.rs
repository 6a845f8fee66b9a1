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
    /// Included and reverted as its own bounds demand: the market had moved. Gas was paid, and nothing else lost.
    Slipped(Inclusion),
    /// Not included in time; a cancellation with the same nonce was.
    Cancelled(Inclusion),
    /// A dry run: it was simulated on the newest block, and would have gone through.
    Rehearsed {
        /// Units of gas that it would use.
        gas_used: u64,
    },
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
    /// Every word of [`Outcome::label`]: what is written down by its word is found again by it.
    pub const LABELS: [&'static str; 19] = [
        "done",
        "deviates",
        "reverted",
        "slipped",
        "cancelled",
        "rehearsed",
        "stale_turn",
        "lane_not_ready",
        "duplicate",
        "pool_busy",
        "superseded",
        "budget_spent",
        "journal_failed",
        "gas_above_cap",
        "unknown",
        "would_revert",
        "unreachable",
        "nonce_taken",
        "shutting_down",
    ];

    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Deviates { .. } => "deviates",
            Self::Reverted(_) => "reverted",
            Self::Slipped(_) => "slipped",
            Self::Cancelled(_) => "cancelled",
            Self::Rehearsed { .. } => "rehearsed",
            Self::Refused(refusal) => refusal.label(),
        }
    }

    /// The transaction that the nonce was spent on, if one was.
    #[must_use]
    pub const fn inclusion(&self) -> Option<&Inclusion> {
        match self {
            Self::Done(inclusion)
            | Self::Deviates { inclusion, .. }
            | Self::Reverted(inclusion)
            | Self::Slipped(inclusion)
            | Self::Cancelled(inclusion) => Some(inclusion),
            Self::Rehearsed { .. } | Self::Refused(_) => None,
        }
    }

    /// Whether the trouble may outlast a moment, so that looking again should take its time: a pool that is being paused, a node that
    /// is away.
    #[must_use]
    pub const fn may_last(&self) -> bool {
        matches!(
            self,
            Self::Slipped(_)
                | Self::Refused(
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
            Self::Done(_) | Self::Slipped(_) | Self::Cancelled(_) | Self::Rehearsed { .. } => true,
            Self::Deviates { .. } | Self::Reverted(_) => false,
            Self::Refused(refusal) => !matches!(refusal, Refusal::NonceTaken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A refusal that is new does not compile here until someone has looked at the list.
    const fn is_listed_below(refusal: &Refusal) {
        match refusal {
            Refusal::StaleTurn
            | Refusal::LaneNotReady
            | Refusal::Duplicate
            | Refusal::PoolBusy
            | Refusal::Superseded
            | Refusal::BudgetSpent(_)
            | Refusal::JournalFailed(_)
            | Refusal::GasAboveCap
            | Refusal::Unknown(_)
            | Refusal::WouldRevert(_)
            | Refusal::Unreachable(_)
            | Refusal::NonceTaken
            | Refusal::ShuttingDown => {}
        }
    }

    #[test]
    fn every_outcome_is_in_the_list_of_words() {
        let block = BlockStamp { number: 1, hash: B256::ZERO, timestamp: Timestamp::from_secs(1) };
        let (tx, cost, sent_at) = (B256::ZERO, GasCost::default(), Timestamp::from_secs(1));
        let inclusion = Inclusion { tx, nonce: 0, block, cost, cost_usd: None, sent_at, attempts: 1 };
        let refusals = [
            Refusal::StaleTurn,
            Refusal::LaneNotReady,
            Refusal::Duplicate,
            Refusal::PoolBusy,
            Refusal::Superseded,
            Refusal::BudgetSpent(String::new()),
            Refusal::JournalFailed(String::new()),
            Refusal::GasAboveCap,
            Refusal::Unknown(String::new()),
            Refusal::WouldRevert(String::new()),
            Refusal::Unreachable(String::new()),
            Refusal::NonceTaken,
            Refusal::ShuttingDown,
        ];
        refusals.iter().for_each(is_listed_below);
        let included = [
            Outcome::Done(inclusion),
            Outcome::Deviates { inclusion, difference: String::new() },
            Outcome::Reverted(inclusion),
            Outcome::Slipped(inclusion),
            Outcome::Cancelled(inclusion),
            Outcome::Rehearsed { gas_used: 1 },
        ];
        let outcomes = included.into_iter().chain(refusals.into_iter().map(Outcome::Refused));
        assert_eq!(outcomes.map(|outcome| outcome.label()).collect::<Vec<_>>(), Outcome::LABELS);
    }
}
