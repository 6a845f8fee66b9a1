//! What to change. A plan says where to and how fast, never when: the chain's start and end times are computed at the send, because
//! a plan that waited with fixed times would be compressed by the wait.

use std::time::Duration;

use crate::domain::allocation::Allocation;
use crate::domain::operation::LaneRole;
use crate::domain::units::Usd;

/// An order for one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Move the weights gradually.
    Reweight(Reweight),
    /// Stop trading at once.
    Freeze,
}

impl Plan {
    /// Which lane carries it out. What only stops trading never waits for a nonce of what moves weights.
    #[must_use]
    pub const fn role(&self) -> LaneRole {
        match self {
            Self::Reweight(_) => LaneRole::Keeper,
            Self::Freeze => LaneRole::Guardian,
        }
    }
}

/// A gradual change of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reweight {
    /// Where the weights arrive.
    pub target: Allocation,
    /// How long they take.
    pub duration: Duration,
    /// How far ahead of the send the change starts, and so the time within which the transaction must be included.
    pub start_lead: Duration,
    /// What the change is expected to cost in arbitrage; `None` where the price of ether or gas is unknown.
    pub expected_loss: Option<Usd>,
}
