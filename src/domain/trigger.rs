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
    /// The weights are off their target.
    Drift,
    /// The calendar says so.
    Schedule,
}

impl Class {
    /// All classes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Depeg, Self::Drift, Self::Schedule];

    /// A finite, stable word for metrics, logs and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Depeg => "depeg",
            Self::Drift => "drift",
            Self::Schedule => "schedule",
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
    /// For policy drift.
    pub drift: T,
    /// For the calendar.
    pub schedule: T,
}

impl<T> PerClass<T> {
    /// The value for `class`.
    #[must_use]
    pub const fn get(&self, class: Class) -> &T {
        match class {
            Class::Depeg => &self.depeg,
            Class::Drift => &self.drift,
            Class::Schedule => &self.schedule,
        }
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
    /// A slot of the calendar that has not been served.
    Schedule {
        /// When the slot was due.
        due: Timestamp,
    },
}

impl Trigger {
    /// The class that decides priority, gas and deadline.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Depeg { .. } => Class::Depeg,
            Self::Drift { .. } => Class::Drift,
            Self::Schedule { .. } => Class::Schedule,
        }
    }

    /// The episode that the trigger belongs to, for protective triggers.
    #[must_use]
    pub const fn episode(&self) -> Option<&EpisodeId> {
        match self {
            Self::Depeg { episode, .. } => Some(episode),
            Self::Drift { .. } | Self::Schedule { .. } => None,
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
            Self::Schedule { due } => write!(f, "scheduled for {due}"),
        }
    }
}
