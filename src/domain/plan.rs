//! What to change. A plan says where to and how fast, never when: the chain's start and end times are computed at the send, because
//! a plan that waited with fixed times would be compressed by the wait.

use std::time::Duration;

use crate::domain::allocation::Allocation;
use crate::domain::operation::LaneRole;
use crate::domain::units::{SwapFee, Usd, Weight};

/// An order for one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Move the weights gradually.
    Reweight(Reweight),
    /// Stop trading at once.
    Freeze,
    /// Raise the swap fee at once, and lower it gradually: what comes before trading is on again.
    FeeRamp(FeeChange),
    /// Start trading again.
    Open,
    /// Set the chain's own brakes.
    Brake(Brakes),
    /// Trade the position back to its weights, with the treasury's money.
    Swap(Swap),
    /// Take the treasury's own part out, in proportion.
    Exit(Exit),
}

impl Plan {
    /// Which lane carries it out. What only stops trading never waits for a nonce of what moves weights, and what moves the
    /// treasury's money is signed by the treasury's key.
    #[must_use]
    pub const fn role(&self) -> LaneRole {
        match self {
            Self::Reweight(_) | Self::FeeRamp(_) | Self::Open | Self::Brake(_) => LaneRole::Keeper,
            Self::Freeze => LaneRole::Guardian,
            Self::Swap(_) | Self::Exit(_) => LaneRole::Treasury,
        }
    }

    /// A finite, stable word for metrics and records.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Reweight(_) => "reweight",
            Self::Freeze => "freeze",
            Self::FeeRamp(_) => "fee_ramp",
            Self::Open => "open",
            Self::Brake(_) => "brake",
            Self::Swap(_) => "swap",
            Self::Exit(_) => "exit",
        }
    }

    /// What it does, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Reweight(reweight) => format!("move the weights within {} s", reweight.duration.as_secs()),
            Self::Freeze => "stop trading".to_owned(),
            Self::FeeRamp(change) => {
                format!(
                    "raise the swap fee to {}, and lower it to {} within {} s",
                    change.from,
                    change.to,
                    change.duration.as_secs()
                )
            }
            Self::Open => "start trading again".to_owned(),
            Self::Brake(_) => "set the circuit breakers".to_owned(),
            Self::Swap(swap) => format!("trade it back with the treasury's money, for {}", swap.expected_gain),
            Self::Exit(_) => "take the treasury's part out".to_owned(),
        }
    }

    /// Whether it reverts by its own bounds when the market has moved: that is an answer, and no accident.
    #[must_use]
    pub const fn is_bounded(&self) -> bool {
        matches!(self, Self::Swap(_) | Self::Exit(_))
    }

    /// Whether it runs between two points in time that the chain holds: those are computed at the send.
    #[must_use]
    pub const fn timing(&self) -> Option<Timing> {
        match self {
            Self::Reweight(reweight) => Some(Timing { lead: reweight.start_lead, duration: reweight.duration }),
            Self::FeeRamp(change) => Some(Timing { lead: change.start_lead, duration: change.duration }),
            Self::Freeze | Self::Open | Self::Brake(_) | Self::Swap(_) | Self::Exit(_) => None,
        }
    }
}

/// How a plan runs in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How far ahead of the send it starts, and so the time within which the transaction must be included.
    pub lead: Duration,
    /// How long it takes.
    pub duration: Duration,
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

/// A fee that begins high and falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeChange {
    /// In force from the block of its transaction on.
    pub from: SwapFee,
    /// Where it arrives.
    pub to: SwapFee,
    /// How long it falls.
    pub duration: Duration,
    /// How far ahead of the send it begins to fall: the time in which trading has to be on again.
    pub start_lead: Duration,
}

/// Bounds of the chain's own brakes, in the order of the assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brakes {
    /// For each asset, what is to be set.
    pub bounds: Vec<BrakeBounds>,
}

/// The brake of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeBounds {
    /// The price of a pool share in the asset that the bounds are relative to, 1e18.
    pub reference_price: u128,
    /// Lower bound, a share of the reference.
    pub lower: Weight,
    /// Upper bound, a share of the reference.
    pub upper: Weight,
}

/// One swap of a known amount in, which must bring a least amount out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Place of the asset that goes in.
    pub asset_in: usize,
    /// Place of the asset that comes out.
    pub asset_out: usize,
    /// Smallest units that go in.
    pub amount_in: u128,
    /// Smallest units that must come out at least, or the swap reverts.
    pub least_out: u128,
    /// What the swap is expected to earn at the pegs' prices, before gas.
    pub expected_gain: Usd,
}

/// A proportional exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Shares of the position that are given back.
    pub shares: u128,
    /// Smallest units of each asset that must come out at least, or the exit reverts.
    pub least_out: Vec<u128>,
}
