//! Why a pool may act: the class of a trigger decides who goes first, what gas may cost and how long to wait for it;
//! the evidence says what was seen.

use std::fmt;

use crate::domain::ids::{AssetId, EpisodeId};
use crate::domain::units::{Price, Timestamp, Weight};

/// The kinds of trigger, most urgent first: the derived order *is* the priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A token of the pool is below its peg band.
    Depeg,
    /// The pool is not where it belongs: its weights, its value shares, or its trading that is to be opened again.
    Drift,
    /// Other weights would earn more.
    Yield,
    /// The calendar says so.
    Schedule,
    /// A human says so, and is in no hurry: whoever is can act by hand.
    Manual,
}

impl Class {
    /// All classes, most urgent first.
    pub const ALL: [Self; 5] = [Self::Depeg, Self::Drift, Self::Yield, Self::Schedule, Self::Manual];

    /// A finite, stable word for metrics, logs and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Depeg => "depeg",
            Self::Drift => "drift",
            Self::Yield => "yield",
            Self::Schedule => "schedule",
            Self::Manual => "manual",
        }
    }

    /// Whether acting protects the owner's money: such a turn is not spaced and shares a batch with its episode.
    #[must_use]
    pub const fn is_protective(self) -> bool {
        matches!(self, Self::Depeg)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// One value for each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerClass<T> {
    /// For depegs.
    pub depeg: T,
    /// For what is off its place.
    pub drift: T,
    /// For better yields.
    pub yields: T,
    /// For the calendar.
    pub schedule: T,
    /// For what a human asks for.
    pub manual: T,
}

impl<T> PerClass<T> {
    /// The value for `class`.
    #[must_use]
    pub const fn get(&self, class: Class) -> &T {
        match class {
            Class::Depeg => &self.depeg,
            Class::Drift => &self.drift,
            Class::Yield => &self.yields,
            Class::Schedule => &self.schedule,
            Class::Manual => &self.manual,
        }
    }

    /// One value for the defence, and one for everything else.
    #[must_use]
    pub fn urgent_and(depeg: T, rest: T) -> Self
    where
        T: Clone,
    {
        Self { depeg, drift: rest.clone(), yields: rest.clone(), schedule: rest.clone(), manual: rest }
    }
}

/// What was seen that calls for action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Assets of the pool are below their band.
    Depeg {
        /// The episode that a batch is formed around: the oldest one among the pool's troubled assets.
        episode: EpisodeId,
        /// Every asset of the pool that is below its band, with its peg price.
        below: Vec<(AssetId, Price)>,
    },
    /// The weight furthest from its target, and by how much.
    Drift {
        /// The asset with the largest policy drift.
        asset: AssetId,
        /// Distance between its weight and its target.
        drift: Weight,
    },
    /// The value share furthest from its weight: nobody trades the pool back, so its owner does.
    Composition {
        /// The asset with the largest composition drift.
        asset: AssetId,
        /// Distance between its value share and its weight.
        drift: Weight,
    },
    /// Trading was stopped by Ballast in an episode that is over.
    Reopen {
        /// Since when it has been stopped.
        frozen_at: Timestamp,
    },
    /// The chain's own brakes are not where the plan wants them.
    Breakers {
        /// The first asset whose brake is off its place.
        asset: AssetId,
    },
    /// Captured yields differ, and have for long enough.
    Yield {
        /// The asset that earns most.
        asset: AssetId,
        /// Between what it earns and what the poorest earns, in basis points a year.
        gap_bps: u64,
    },
    /// A slot of the calendar that has not been served.
    Schedule {
        /// When the slot was due.
        due: Timestamp,
    },
    /// A human asks for a return to the target.
    Manual {
        /// When it was asked for.
        asked: Timestamp,
    },
}

impl Trigger {
    /// The class that decides priority, gas and deadline.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Depeg { .. } => Class::Depeg,
            Self::Drift { .. } | Self::Composition { .. } | Self::Reopen { .. } | Self::Breakers { .. } => Class::Drift,
            Self::Yield { .. } => Class::Yield,
            Self::Schedule { .. } => Class::Schedule,
            Self::Manual { .. } => Class::Manual,
        }
    }

    /// A finite, stable word for metrics and records: finer than the class.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Depeg { .. } => "depeg",
            Self::Drift { .. } => "drift",
            Self::Composition { .. } => "composition",
            Self::Reopen { .. } => "reopen",
            Self::Breakers { .. } => "breakers",
            Self::Yield { .. } => "yield",
            Self::Schedule { .. } => "schedule",
            Self::Manual { .. } => "manual",
        }
    }

    /// The episode that the trigger belongs to, for protective triggers.
    #[must_use]
    pub const fn episode(&self) -> Option<&EpisodeId> {
        match self {
            Self::Depeg { episode, .. } => Some(episode),
            _ => None,
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depeg { episode, below } => {
                write!(f, "depeg {episode}:")?;
                for (asset, price) in below {
                    write!(f, " {asset} {price}")?;
                }
                Ok(())
            }
            Self::Drift { asset, drift } => write!(f, "{asset} is {drift} off its target"),
            Self::Composition { asset, drift } => write!(f, "the value share of {asset} is {drift} off its weight"),
            Self::Reopen { frozen_at } => write!(f, "the pegs hold again, and trading has been off since {frozen_at}"),
            Self::Breakers { asset } => write!(f, "the circuit breaker of {asset} is not where it belongs"),
            Self::Yield { asset, gap_bps } => write!(f, "{asset} earns {gap_bps} bp a year more than the poorest"),
            Self::Schedule { due } => write!(f, "scheduled for {due}"),
            Self::Manual { asked } => write!(f, "asked for at {asked}"),
        }
    }
}
