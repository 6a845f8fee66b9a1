//! Whether a lane may send, and from which nonce on: what the journal has against what the chain says.
//!
//! A nonce is the one thing that keeps an intent from being carried out twice, so a lane whose journal and chain disagree stands
//! still, says why, and waits for the chain to catch up or for an operator's word. It never guesses.

use std::fmt;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneFacts<'a> {
    /// One more than the highest nonce that the journal accounts for; `None` for a lane without a past.
    pub journal_next: Option<u64>,
    /// The nonces of operations that are not over.
    pub open: &'a [u64],
    /// The account's next nonce after the newest block.
    pub latest: u64,
    /// The same after everything that waits at the endpoints.
    pub pending: u64,
}

/// Why a lane stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// An endpoint is on another chain.
    WrongChain(String),
    /// The chain has spent nonces that the journal knows nothing of: the journal is an old copy, or someone else uses the key.
    JournalBehind {
        /// The journal's next nonce.
        journal: u64,
        /// The chain's.
        chain: u64,
    },
    /// A transaction waits at the endpoints that the journal knows nothing of.
    ForeignPending {
        /// The first nonce that is not ours.
        first: u64,
        /// The nonce after the last that waits.
        pending: u64,
    },
    /// The chain has not spent a nonce that the journal calls final: the endpoints are far behind, or the chain was rolled back.
    ChainBehind {
        /// The journal's next nonce.
        journal: u64,
        /// The chain's.
        chain: u64,
    },
    /// An operation's nonce is spent, and several endpoints know of no receipt of ours.
    Quarantined {
        /// The operation.
        operation: String,
        /// Its nonce.
        nonce: u64,
    },
    /// Another process has taken over the lane.
    Fenced,
}

impl Stop {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::WrongChain(_) => "wrong_chain",
            Self::JournalBehind { .. } => "journal_behind",
            Self::ForeignPending { .. } => "foreign_pending",
            Self::ChainBehind { .. } => "chain_behind",
            Self::Quarantined { .. } => "quarantined",
            Self::Fenced => "fenced",
        }
    }

    /// Whether it can pass without anybody's doing.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::WrongChain(_) | Self::ForeignPending { .. } | Self::ChainBehind { .. })
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongChain(what) => f.write_str(what),
            Self::JournalBehind { journal, chain } => write!(
                f,
                "the chain has spent every nonce below {chain}, the journal knows of those below {journal}: the journal is an old \
                 copy, or someone else uses this key; look, then `ballast ops reconcile --accept`"
            ),
            Self::ForeignPending { first, pending } => write!(
                f,
                "a transaction that is not in the journal waits with a nonce from {first} to before {pending}; if it is yours, say \
                 `ballast ops reconcile --accept`, and the lane goes on when it has landed"
            ),
            Self::ChainBehind { journal, chain } => write!(
                f,
                "the journal accounts for every nonce below {journal}, the endpoints for those below {chain}: they are behind, what \
                 was accepted has not landed, or the chain was rolled back"
            ),
            Self::Quarantined { operation, nonce } => write!(
                f,
                "nonce {nonce} of operation {operation} is spent and nobody knows a receipt of ours: look, then `ballast ops \
                 reconcile`"
            ),
            Self::Fenced => {
                f.write_str("another process has taken over this lane; this one sends nothing more until it is restarted")
            }
        }
    }
}

/// The nonce of the next operation.
///
/// # Errors
/// Why the lane may not send.
pub fn next_nonce(facts: &LaneFacts<'_>) -> Result<u64, Stop> {
    let LaneFacts { journal_next, open, latest, pending } = *facts;
    // A lane without a past takes the chain's word for where it begins.
    let journal = journal_next.unwrap_or(latest);
    if latest > journal {
        return Err(Stop::JournalBehind { journal, chain: latest });
    }
    if pending > journal {
        return Err(Stop::ForeignPending { first: journal, pending });
    }
    // Everything from the chain's next nonce to ours must be something that is still on its way.
    if (latest..journal).any(|nonce| !open.contains(&nonce)) {
        return Err(Stop::ChainBehind { journal, chain: latest });
    }
    Ok(journal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(journal_next: Option<u64>, open: &[u64], latest: u64, pending: u64) -> LaneFacts<'_> {
        LaneFacts { journal_next, open, latest, pending }
    }

    #[test]
    fn a_lane_without_a_past_begins_where_the_chain_is() {
        assert_eq!(next_nonce(&facts(None, &[], 7, 7)), Ok(7));
        assert_eq!(next_nonce(&facts(None, &[], 7, 8)), Err(Stop::ForeignPending { first: 7, pending: 8 }));
    }

    #[test]
    fn a_lane_goes_on_after_what_it_has_on_its_way() {
        assert_eq!(next_nonce(&facts(Some(7), &[], 7, 7)), Ok(7));
        assert_eq!(next_nonce(&facts(Some(9), &[7, 8], 7, 9)), Ok(9), "two are on their way");
        assert_eq!(next_nonce(&facts(Some(9), &[7, 8], 8, 8)), Ok(9), "one of them has landed, the other was dropped");
        assert_eq!(next_nonce(&facts(Some(9), &[8], 9, 9)), Ok(9), "it has landed, and is not final");
    }

    #[test]
    fn a_journal_that_is_an_old_copy_stops_the_lane() {
        assert_eq!(next_nonce(&facts(Some(7), &[], 8, 8)), Err(Stop::JournalBehind { journal: 7, chain: 8 }));
        assert_eq!(next_nonce(&facts(Some(7), &[6], 8, 9)), Err(Stop::JournalBehind { journal: 7, chain: 8 }));
    }

    #[test]
    fn a_strange_transaction_that_waits_stops_the_lane() {
        assert_eq!(next_nonce(&facts(Some(8), &[7], 7, 9)), Err(Stop::ForeignPending { first: 8, pending: 9 }));
    }

    #[test]
    fn endpoints_that_have_forgotten_what_is_final_stop_the_lane() {
        assert_eq!(next_nonce(&facts(Some(9), &[8], 7, 7)), Err(Stop::ChainBehind { journal: 9, chain: 7 }));
    }

    proptest! {
        #[test]
        fn a_nonce_that_is_given_was_never_used(
            journal in proptest::option::of(0..20u64), open in proptest::collection::vec(0..20u64, 0..4), latest in 0..20u64, waits in 0..4u64
        ) {
            if let Ok(nonce) = next_nonce(&facts(journal, &open, latest, latest + waits)) {
                prop_assert!(nonce >= latest + waits && journal.is_none_or(|journal| nonce == journal));
            }
        }
    }
}
