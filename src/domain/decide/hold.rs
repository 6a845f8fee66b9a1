//! Every reason to do nothing, with the numbers behind it.

use std::fmt;
use std::time::Duration;

use super::memory::Latch;
use crate::domain::ids::{AssetId, EpisodeId};
use crate::domain::units::{Timestamp, Usd, Weight};
use crate::domain::worth::Stakes;

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The weights are where they belong; what is due is served by that.
    OnTarget(Served),
    /// A fact is missing, so nothing is concluded.
    Unknown(Missing),
    /// The facts come from different blocks; they will meet within a moment.
    BlocksDiffer,
    /// The position cannot be changed now.
    Paused,
    /// Somebody else has stopped trading. Weights that move while nobody can trade become one step when it is on again, the dearest way
    /// to move; and what Ballast has not stopped it does not start.
    SwapsOff,
    /// Ballast has stopped trading, and it is not time to start it again.
    Frozen {
        /// Since when.
        since: Timestamp,
        /// What it waits for.
        waits_for: Thaw,
    },
    /// A change has not arrived.
    RampInFlight {
        /// When it does.
        until: Timestamp,
    },
    /// The last change is too recent.
    TooSoon {
        /// When acting is allowed again.
        until: Timestamp,
    },
    /// A limit of the day is reached.
    DailyLimit {
        /// Which.
        limit: DailyLimit,
        /// When there is room again, at the earliest.
        until: Timestamp,
    },
    /// The move brings less than it costs, as often as the policy asks.
    NotWorth {
        /// What is at stake.
        stakes: Stakes,
        /// What it should bring at least.
        asked: Usd,
    },
    /// No ramp keeps to the loss budget.
    TooDear {
        /// What the cheapest is expected to lose.
        loss: Usd,
        /// What it may.
        budget: Usd,
    },
    /// Value shares and weights disagree: nobody arbitrages the pool.
    CompositionDrift {
        /// The asset furthest off.
        asset: AssetId,
        /// How far.
        drift: Weight,
        /// Why its owner does not trade it back either.
        because: NoSwap,
    },
    /// Yields differ, but the pool does not earn them: weights of raw coins capture nothing.
    YieldNotCaptured {
        /// The asset that would earn most.
        asset: AssetId,
        /// The gap to the poorest, in basis points a year.
        gap_bps: u64,
        /// What the idle coins forgo in a year against the owner's benchmark.
        idle: Usd,
    },
    /// The way to the target raises a token that is not known to be sound.
    AwaitingRecovery {
        /// That token.
        asset: AssetId,
    },
    /// Tokens are below their band, and what the mandate asks for is done.
    Defended {
        /// The episode.
        episode: EpisodeId,
    },
    /// Tokens are below their band, and the policy is to do nothing.
    LeftAlone {
        /// The episode.
        episode: EpisodeId,
    },
    /// Tokens are below their band and nothing sound has room for them.
    Infeasible {
        /// The episode.
        episode: EpisodeId,
    },
    /// The bounds and limits of the mandate leave no target.
    NoTarget,
    /// The chain shows the state before our last change: its block was reorganised away, or the node is behind.
    AwaitingChain,
    /// A human has to look first.
    Latched(Latch),
}

/// What is served because the weights are on target already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The slot of the calendar, if one was due.
    pub slot: Option<Timestamp>,
    /// The wish of a human, if there was one.
    pub wish: Option<Timestamp>,
}

/// What a frozen pool waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thaw {
    /// An asset is not back.
    Asset(AssetId),
    /// All are back, and have to stay it until then.
    Until(Timestamp),
    /// A share whose worth has fallen.
    FallenRate(AssetId),
}

/// A limit of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DailyLimit {
    /// So many moves are made.
    Moves(u32),
    /// So much weight is moved, and the move would bring it above the limit.
    Weight(Weight),
}

/// Why a pool that nobody trades back is not traded back by its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSwap {
    /// The policy has no swaps, or nobody can make them.
    NotConfigured,
    /// Others own too much of the pool.
    ThirdParties(Weight),
    /// No swap earns more than its gas.
    DoesNotPay,
    /// None that would pay can be made with what the treasury has and lets be taken.
    Unfunded,
}

/// A fact that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The position was not read.
    Position,
    /// The position was read too long ago.
    StalePosition {
        /// How long ago.
        age: Duration,
    },
    /// The price of an asset.
    PriceOf(AssetId),
    /// The price of gas or of ether, and so what a move costs.
    Cost,
    /// The numbers make no sense together (lengths differ, nothing is worth anything, a number overflows).
    Sense(&'static str),
}

impl Hold {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::OnTarget(_) => "on_target",
            Self::Unknown(_) => "unknown",
            Self::BlocksDiffer => "blocks_differ",
            Self::Paused => "paused",
            Self::SwapsOff => "swaps_off",
            Self::Frozen { .. } => "frozen",
            Self::RampInFlight { .. } => "ramp_in_flight",
            Self::TooSoon { .. } => "too_soon",
            Self::DailyLimit { .. } => "daily_limit",
            Self::NotWorth { stakes, .. } if stakes.reverses => "would_oscillate",
            Self::NotWorth { .. } => "not_worth_it",
            Self::TooDear { .. } => "too_dear",
            Self::CompositionDrift { .. } => "composition_drift",
            Self::YieldNotCaptured { .. } => "yield_not_captured",
            Self::AwaitingRecovery { .. } => "awaiting_recovery",
            Self::Defended { .. } => "defended",
            Self::LeftAlone { .. } => "left_alone",
            Self::Infeasible { .. } => "infeasible",
            Self::NoTarget => "no_target",
            Self::AwaitingChain => "awaiting_chain",
            Self::Latched(Latch::ForeignChange) => "foreign_change",
            Self::Latched(Latch::Outcome(_)) => "needs_operator",
        }
    }

    /// What it is about beyond its label, where that makes it another piece of news: which fact is missing, which asset is off. No
    /// numbers: they change with every block.
    #[must_use]
    pub fn topic(&self) -> String {
        match self {
            Self::Unknown(Missing::Position) => "position".to_owned(),
            Self::Unknown(Missing::StalePosition { .. }) => "stale".to_owned(),
            Self::Unknown(Missing::PriceOf(asset)) => format!("price/{asset}"),
            Self::Unknown(Missing::Cost) => "cost".to_owned(),
            Self::Unknown(Missing::Sense(what)) => (*what).to_owned(),
            Self::CompositionDrift { asset, .. } | Self::AwaitingRecovery { asset } | Self::YieldNotCaptured { asset, .. } => {
                asset.to_string()
            }
            Self::Frozen { waits_for: Thaw::Asset(asset), .. } => asset.to_string(),
            Self::Frozen { waits_for: Thaw::Until(_), .. } => "settling".to_owned(),
            Self::Frozen { waits_for: Thaw::FallenRate(asset), .. } => format!("rate/{asset}"),
            Self::Defended { episode } | Self::LeftAlone { episode } | Self::Infeasible { episode } => episode.to_string(),
            _ => String::new(),
        }
    }

    /// Whether a human should hear of it.
    #[must_use]
    pub const fn needs_attention(&self) -> bool {
        matches!(
            self,
            Self::Unknown(_)
                | Self::Paused
                | Self::SwapsOff
                | Self::CompositionDrift { .. }
                | Self::Infeasible { .. }
                | Self::NoTarget
                | Self::Latched(_)
                | Self::Frozen { waits_for: Thaw::FallenRate(_), .. }
        )
    }

    /// The numbers behind it, by stable names.
    #[must_use]
    pub fn numbers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Frozen { since, .. } => vec![("since", since.to_string())],
            Self::RampInFlight { until } | Self::TooSoon { until } => vec![("until", until.to_string())],
            Self::DailyLimit { limit, until } => {
                let limit = match limit {
                    DailyLimit::Moves(moves) => ("moves", moves.to_string()),
                    DailyLimit::Weight(weight) => ("moved", weight.to_string()),
                };
                vec![limit, ("until", until.to_string())]
            }
            Self::NotWorth { stakes: Stakes { benefit, cost, .. }, asked } => {
                vec![("benefit", benefit.to_string()), ("cost", cost.to_string()), ("asked", asked.to_string())]
            }
            Self::TooDear { loss, budget } => vec![("loss", loss.to_string()), ("budget", budget.to_string())],
            Self::CompositionDrift { drift, .. } => vec![("drift", drift.to_string())],
            Self::YieldNotCaptured { gap_bps, idle, .. } => vec![("gap_bps", gap_bps.to_string()), ("idle", idle.to_string())],
            Self::Unknown(Missing::StalePosition { age }) => vec![("age_seconds", age.as_secs().to_string())],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnTarget(_) => f.write_str("on target"),
            Self::Unknown(missing) => write!(f, "unknown: {missing}"),
            Self::BlocksDiffer => f.write_str("the facts come from different blocks"),
            Self::Paused => f.write_str("the position is paused"),
            Self::SwapsOff => f.write_str("somebody else has stopped trading: weights that move now would be a step later"),
            Self::Frozen { since, waits_for } => {
                write!(f, "frozen since {since}, until {waits_for}; whoever has shares can leave in proportion all the while")
            }
            Self::RampInFlight { until } => write!(f, "a ramp is in flight until {until}"),
            Self::TooSoon { until } => write!(f, "the last change is too recent; again at {until}"),
            Self::DailyLimit { limit: DailyLimit::Moves(moves), until } => {
                write!(f, "{moves} moves in a day are the limit; again at {until}")
            }
            Self::DailyLimit { limit: DailyLimit::Weight(moved), until } => {
                write!(f, "{moved} were moved in a day, and this would pass the limit; again at {until}")
            }
            Self::NotWorth { stakes, asked } => {
                let back = if stakes.reverses { ", because it takes back an earlier move" } else { "" };
                write!(f, "it would bring {} and cost {}; {asked} are asked for{back}", stakes.benefit, stakes.cost)
            }
            Self::TooDear { loss, budget } => {
                write!(f, "the cheapest way there is expected to lose {loss}; the budget is {budget}")
            }
            Self::CompositionDrift { asset, drift, because } => {
                write!(f, "the value share of {asset} is {drift} off its weight: nobody arbitrages this pool{because}")
            }
            Self::YieldNotCaptured { asset, gap_bps, idle } => write!(
                f,
                "{asset} would earn {gap_bps} bp a year more, but not in this pool: moving its weight captures nothing; \
                 idle coins forgo {idle} a year"
            ),
            Self::AwaitingRecovery { asset } => write!(f, "the way back raises {asset}, which is not sound yet"),
            Self::Defended { episode } => write!(f, "defended against {episode}: what the mandate asks for is done"),
            Self::LeftAlone { episode } => write!(f, "{episode}: the policy is to hold"),
            Self::Infeasible { episode } => write!(f, "{episode}: nothing sound has room for what should be sold"),
            Self::NoTarget => f.write_str("the bounds and limits of the mandate leave no target"),
            Self::AwaitingChain => {
                f.write_str("the chain shows the state before our last change: a reorganisation, or a node behind")
            }
            Self::Latched(Latch::ForeignChange) => f.write_str(
                "someone else changed the weights, the fee or the trading; look, then accept that with `ballast ops release`",
            ),
            Self::Latched(Latch::Outcome(outcome)) => {
                write!(f, "the last transaction ended as `{outcome}`; look, then go on with `ballast ops release`")
            }
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position => f.write_str("the position could not be read"),
            Self::StalePosition { age } => write!(f, "the position was read {} s ago", age.as_secs()),
            Self::PriceOf(asset) => write!(f, "no believable price of {asset}"),
            Self::Cost => f.write_str("no price of gas or ether, so nobody knows what a move costs"),
            Self::Sense(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Thaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asset(asset) => write!(f, "{asset} is back; liquidity can be taken out in proportion meanwhile"),
            Self::Until(until) => write!(f, "{until}, if all coins stay sound"),
            Self::FallenRate(asset) => write!(f, "somebody has looked at {asset}: a share of it is worth less than before"),
        }
    }
}

impl fmt::Display for NoSwap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => Ok(()),
            Self::ThirdParties(part) => write!(f, ", and {part} of it belongs to others"),
            Self::DoesNotPay => f.write_str(", and trading it back would not pay"),
            Self::Unfunded => {
                f.write_str(", and the treasury has too little to trade it back with, or has not allowed it to be taken")
            }
        }
    }
}
