//! What a course is worth: its alarms, and which of them were for nothing.
//!
//! *False* is an episode for which the yardstick, an aggregator that has no vote, never saw the asset below the line of `stressed` from
//! an hour before its beginning to a day after it. A score may know the future; a decision never does.
//!
//! A *relapse* is a return from `recovering` to `depegged`: whoever had bought back would have bought too early.

use std::collections::BTreeMap;
use std::time::Duration;

use super::court::{Course, Moment};
use crate::domain::ids::AssetId;
use crate::domain::peg::PegState;
use crate::domain::units::{Price, Timestamp};

/// From how long before an episode's beginning the yardstick counts.
pub const BEFORE: Duration = Duration::from_hours(1);
/// Until how long after it.
pub const AFTER: Duration = Duration::from_hours(24);

/// What really happened, hour by hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Yardstick(BTreeMap<AssetId, BTreeMap<Timestamp, Price>>);

impl Yardstick {
    /// Notes a price.
    pub fn add(&mut self, asset: &AssetId, at: Timestamp, price: Price) {
        self.0.entry(asset.clone()).or_default().insert(at, price);
    }

    /// Whether an asset was below a line around the beginning of an episode; `None` when nothing is known of that time.
    #[must_use]
    pub fn was_below(&self, line: Price, asset: &AssetId, began: Timestamp) -> Option<bool> {
        let mut around = self.0.get(asset)?.range(began.minus(BEFORE)..=began.plus(AFTER)).peekable();
        around.peek()?;
        Some(around.any(|(_, price)| *price < line))
    }
}

/// A stretch of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// What it began with.
    pub alarm: Moment,
    /// When it was first off its peg.
    pub depegged: Option<Timestamp>,
    /// When it was first on its way back.
    pub recovering: Option<Timestamp>,
    /// When it was over; `None` while it lasts.
    pub ended: Option<Timestamp>,
    /// Returns from the way back.
    pub relapses: u64,
    /// Whether only a human lets it back.
    pub disabled: bool,
    /// Whether there was no trouble; `None` without a yardstick.
    pub is_false: Option<bool>,
}

/// What a course is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// All episodes, in order.
    pub episodes: Vec<Episode>,
}

impl Score {
    /// Counts a course. `line` is that of `stressed`.
    #[must_use]
    pub fn of(course: &Course, yardstick: &Yardstick, line: Price) -> Self {
        let mut episodes: Vec<Episode> = Vec::new();
        for moment in &course.moments {
            if !moment.from.is_episode() && moment.to.is_episode() {
                episodes.push(Episode {
                    alarm: moment.clone(),
                    depegged: None,
                    recovering: None,
                    ended: None,
                    relapses: 0,
                    disabled: false,
                    is_false: yardstick.was_below(line, &course.asset, moment.at).map(|was| !was),
                });
            }
            let Some(episode) = episodes.last_mut().filter(|_| moment.from.is_episode() || moment.to.is_episode()) else {
                continue;
            };
            match (moment.from, moment.to) {
                (PegState::Recovering, PegState::Depegged) => episode.relapses = episode.relapses.saturating_add(1),
                (_, PegState::Depegged) => episode.depegged = episode.depegged.or(Some(moment.at)),
                (_, PegState::Recovering) => episode.recovering = episode.recovering.or(Some(moment.at)),
                (_, PegState::Disabled) => episode.disabled = true,
                (_, PegState::Sound | PegState::Watch) => episode.ended = Some(moment.at),
                (_, PegState::Stressed) => {}
            }
        }
        Self { episodes }
    }

    /// What the first episode began with.
    #[must_use]
    pub fn first_alarm(&self) -> Option<&Moment> {
        self.episodes.first().map(|episode| &episode.alarm)
    }

    /// How many episodes were for nothing; `None` when the yardstick is silent about one of them.
    #[must_use]
    pub fn false_episodes(&self) -> Option<usize> {
        let judged: Option<Vec<bool>> = self.episodes.iter().map(|episode| episode.is_false).collect();
        judged.map(|judged| judged.iter().filter(|is_false| **is_false).count())
    }

    /// How often it came back too early.
    #[must_use]
    pub fn relapses(&self) -> u64 {
        self.episodes.iter().map(|episode| episode.relapses).sum()
    }
}
