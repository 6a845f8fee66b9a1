//! Is an asset off its peg, and do we trust the answer? Two separate questions: [`PegState`] and [`Trust`].
//!
//! Facts flow through four rooms: what each source said last and its vote in dollars ([`evidence`]), the middle of the votes
//! ([`consensus`]), the sources' common word ([`verdict`]), and here what follows from it over time, by the numbers of
//! [`rule`]. A [`Panel`] holds all of it together.
//!
//! Downside only: a premium is a flight to safety, not a reason to sell. One source alone concludes nothing, unless its owner says so:
//! in March 2023 the best single feed was four hours later than two books together, and every single one was wrong at some time.

mod consensus;
pub mod evidence;
pub mod panel;
pub mod rule;
#[cfg(test)]
mod tests;
pub mod verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::B256;

use crate::domain::ids::{AssetId, EpisodeId, SourceId};
use crate::domain::units::{Price, Timestamp};

pub use evidence::{Dismissal, Evidence, Vote};
pub use panel::{Explanation, Neighbour, Neighbourhood, Panel};
pub use rule::{Band, PegRule, VoteRule};
pub use verdict::{Ballot, Certainty, GroupVote, Trust, Verdict, ballots, weigh};

/// Where an asset stands against its dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PegState {
    /// Within its band.
    Sound,
    /// A little below, for a while.
    Watch,
    /// In trouble, and not off its peg.
    Stressed,
    /// Off its peg.
    Depegged,
    /// Back above the line of re-entry, not yet for long enough.
    Recovering,
    /// Off its peg for so long that only a human lets it back.
    Disabled,
}

impl PegState {
    /// All states.
    pub const ALL: [Self; 6] = [Self::Sound, Self::Watch, Self::Stressed, Self::Depegged, Self::Recovering, Self::Disabled];

    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Watch => "watch",
            Self::Stressed => "stressed",
            Self::Depegged => "depegged",
            Self::Recovering => "recovering",
            Self::Disabled => "disabled",
        }
    }

    /// Whether the asset's weight may be raised.
    #[must_use]
    pub const fn may_gain(self) -> bool {
        matches!(self, Self::Sound | Self::Watch)
    }

    /// Whether it is a stretch of trouble with a number.
    #[must_use]
    pub const fn is_episode(self) -> bool {
        !matches!(self, Self::Sound | Self::Watch)
    }
}

/// Why a verdict is not acted on although the sources agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// All assets fell together by about as much: it is rather the dollar of the venues that has risen.
    CommonMode,
}

/// All that is known of one asset's peg. It lives in the journal, so that a restart forgets no episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peg {
    /// The asset.
    pub asset: AssetId,
    /// Where it stands; the last certain answer while blind.
    pub state: PegState,
    /// Since when.
    pub since: Timestamp,
    /// Whether the newest level can be believed.
    pub trust: Trust,
    /// The level at which the sources meet; `None` without a quorum.
    pub level: Option<Price>,
    /// The price to size a defence by while only the side is certain: the lowest that any witness says.
    pub cautious: Option<Price>,
    /// Why nothing is concluded from the newest verdict.
    pub doubt: Option<Doubt>,
    /// An asset of the same risk group is in trouble: no weight of this one is raised.
    pub shadow: Option<AssetId>,
    /// The sources have begun to speak a moment ago, and there have not been enough of them yet.
    pub gathering: bool,
    /// Number of the current or last episode; 0 before the first.
    pub episode: u64,
    /// Time of the newest verdict, on the policy clock.
    pub as_of: Timestamp,
    /// The block of each on-chain source's newest reading: a pool decides only on facts of one block, and an asset may be quoted on
    /// several chains.
    pub blocks: BTreeMap<SourceId, B256>,
    /// How long the price has been where.
    pub clocks: Clocks,
}

/// Since when each line has been crossed. They are not written down: nobody watched while the process was away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    watch: Option<Timestamp>,
    stressed: Option<Timestamp>,
    depegged: Option<Timestamp>,
    crashed: Option<Timestamp>,
    calm: Option<Timestamp>,
    reenter: Option<Timestamp>,
    reenter_slow: Option<Timestamp>,
    home: Option<Timestamp>,
    /// When there were last enough witnesses.
    known: Option<Timestamp>,
    /// When the first verdict of this life was given.
    begun: Option<Timestamp>,
}

/// What a verdict changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PegChange {
    /// The state moved.
    State {
        /// Before.
        from: PegState,
        /// After.
        to: PegState,
    },
    /// The trust moved.
    Trust {
        /// Before.
        from: Trust,
        /// After.
        to: Trust,
    },
}

impl Peg {
    /// An asset of which nothing has been heard: blind.
    #[must_use]
    pub fn unheard(asset: AssetId, now: Timestamp) -> Self {
        Self {
            asset,
            state: PegState::Sound,
            since: now,
            trust: Trust::Blind,
            level: None,
            cautious: None,
            doubt: None,
            shadow: None,
            gathering: false,
            episode: 0,
            as_of: now,
            blocks: BTreeMap::new(),
            clocks: Clocks::default(),
        }
    }

    /// The episode in progress, if the asset is in trouble.
    #[must_use]
    pub fn current_episode(&self) -> Option<EpisodeId> {
        self.state.is_episode().then(|| EpisodeId { asset: self.asset.clone(), number: self.episode })
    }

    /// Whether what is known belongs to this block: a source was heard at it, or none is on a chain. An asset that nobody has read
    /// yet will be in a moment: at the start the first block wakes pools and feeds together, and connections take a second.
    #[must_use]
    pub fn is_of_block(&self, block: B256) -> bool {
        if self.gathering {
            false
        } else if self.blocks.is_empty() {
            self.level.is_some()
        } else {
            self.blocks.values().any(|heard| *heard == block)
        }
    }

    /// The price to act on, if there is one: the level if it can be believed; the most cautious word if the asset is certainly off its
    /// peg and only the depth is open.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        match self.trust {
            _ if self.doubt.is_some() => None,
            Trust::Trusted => self.level,
            Trust::Disputed | Trust::Blind => self.cautious.filter(|_| self.state == PegState::Depegged),
        }
    }

    /// Whether its weight may be raised: it is sound, its price can be believed, and nothing that falls with it is in trouble.
    #[must_use]
    pub fn may_gain(&self) -> bool {
        self.state.may_gain() && self.trust == Trust::Trusted && self.doubt.is_none() && self.shadow.is_none()
    }

    /// Takes a verdict in and says what it changed. `doubt` holds everything where it is.
    pub fn judge(&mut self, verdict: &Verdict, doubt: Option<Doubt>, rule: &PegRule) -> Vec<PegChange> {
        let mut changes = Vec::new();
        let now = verdict.as_of;
        self.as_of = now;
        self.level = verdict.level;
        self.doubt = doubt;
        let begun = *self.clocks.begun.get_or_insert(now);
        self.gathering = self.clocks.known.is_none() && verdict.level.is_none() && now.since(begun) < rule.gap;
        if verdict.trust != self.trust {
            changes.push(PegChange::Trust { from: self.trust, to: verdict.trust });
            self.trust = verdict.trust;
        }
        let below = verdict.below(rule.depegged.line());
        self.cautious = verdict.lowest().filter(|_| below == Certainty::Yes);
        if below == Certainty::Unknown || self.doubt.is_some() {
            // A gap proves nothing in either direction. A short one does not start the clocks anew: a source that stutters would keep
            // an alarm from ever going off.
            if self.clocks.known.is_none_or(|known| now.since(known) > rule.gap) {
                self.clocks = Clocks { begun: Some(begun), ..Clocks::default() };
            }
            return changes;
        }
        self.clocks.run(verdict, rule, now);
        if let Some(to) = self.next_state(below, rule, now) {
            changes.push(PegChange::State { from: self.state, to });
            if to.is_episode() && !self.state.is_episode() {
                self.episode = self.episode.saturating_add(1);
            }
            (self.state, self.since) = (to, now);
        }
        changes
    }

    /// A human lets a disabled asset back into the game: it is on its way back, and has to prove itself like any other.
    pub fn reset(&mut self, now: Timestamp) -> bool {
        let disabled = self.state == PegState::Disabled;
        if disabled {
            (self.state, self.since, self.clocks) = (PegState::Recovering, now, Clocks::default());
        }
        disabled
    }

    /// The state that the clocks lead to, if it is another one.
    fn next_state(&self, below: Certainty, rule: &PegRule, now: Timestamp) -> Option<PegState> {
        let held = |clock: Option<Timestamp>, hold: Duration| clock.is_some_and(|since| now.since(since) >= hold);
        let clocks = &self.clocks;
        let off = held(clocks.depegged, rule.depegged.hold) || held(clocks.crashed, rule.crashed.hold);
        let stressed = held(clocks.stressed, rule.stressed.hold);
        let watched = held(clocks.watch, rule.watch.hold);
        let calm = held(clocks.calm, rule.watch.hold);
        let home = held(clocks.home, rule.settle);
        match self.state {
            PegState::Sound | PegState::Watch | PegState::Stressed if off => Some(PegState::Depegged),
            PegState::Sound | PegState::Watch if stressed => Some(PegState::Stressed),
            PegState::Sound if watched => Some(PegState::Watch),
            PegState::Watch | PegState::Stressed if calm => Some(PegState::Sound),
            // It is never kept longer than one that was off its peg meanwhile.
            PegState::Stressed if home && !stressed => Some(PegState::Watch),
            PegState::Depegged
                if held(clocks.reenter, rule.reenter.hold) || held(clocks.reenter_slow, rule.reenter_slow.hold) =>
            {
                Some(PegState::Recovering)
            }
            PegState::Depegged if now.since(self.since) >= rule.disable_after => Some(PegState::Disabled),
            // It has just been down: no second look is needed.
            PegState::Recovering if below == Certainty::Yes => Some(PegState::Depegged),
            PegState::Recovering if home && stressed => Some(PegState::Stressed),
            PegState::Recovering if home && calm => Some(PegState::Sound),
            PegState::Recovering if home => Some(PegState::Watch),
            _ => None,
        }
    }
}

impl Clocks {
    fn run(&mut self, verdict: &Verdict, rule: &PegRule, now: Timestamp) {
        let below = |band: &Band| verdict.below(band.line()) == Certainty::Yes;
        // Wide intervals let some witnesses say below one line and others above another. Whoever fears for the asset is heard first.
        let above = |line: Price| verdict.back_above(line) == Certainty::Yes && !below(&rule.depegged);
        let calm = verdict.above(rule.watch.line()) == Certainty::Yes && !below(&rule.watch);
        let tick = |clock: &mut Option<Timestamp>, runs: bool| *clock = runs.then(|| clock.unwrap_or(now));
        if self.known.is_some_and(|known| now.since(known) > rule.gap) {
            *self = Self { begun: self.begun, ..Self::default() };
        }
        self.known = Some(now);
        tick(&mut self.watch, below(&rule.watch));
        tick(&mut self.stressed, below(&rule.stressed));
        tick(&mut self.depegged, below(&rule.depegged));
        tick(&mut self.crashed, below(&rule.crashed));
        tick(&mut self.calm, calm);
        tick(&mut self.reenter, above(rule.reenter.line()));
        tick(&mut self.reenter_slow, above(rule.reenter_slow.line()));
        tick(&mut self.home, above(rule.home()));
    }
}

/// Whether the assets of an operator fell together: all of at least three are below par by `watch` or more and within `alike_bps` of
/// each other. Then it is rather the dollar of the venues that has moved, or an aggregator that errs, than all coins at once.
#[must_use]
pub fn fell_together(levels: &[Price], watch: &Band, alike_bps: u32) -> bool {
    let (Some(lowest), Some(highest)) = (levels.iter().min(), levels.iter().max()) else { return false };
    levels.len() >= 3 && *highest < watch.line() && consensus::bps_between(*lowest, *highest) <= alike_bps
}
