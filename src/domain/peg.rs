//! Is an asset off its peg, and do we trust the answer? Two separate questions: [`PegState`] and [`Trust`].
//!
//! Downside only: a premium is a flight to safety, not a reason to sell. This version hears one source group for each asset and
//! knows the states that one group can justify; re-entry is stricter than exit, so that a price that dithers on the line does
//! not make the owner pay for every crossing.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::B256;

use crate::domain::ids::{AssetId, EpisodeId, SourceId};
use crate::domain::reading::{Quote, Reading};
use crate::domain::units::{Price, Timestamp};

/// Where an asset stands against its dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PegState {
    /// Within its band.
    Sound,
    /// Below its band.
    Depegged,
    /// Back above the re-entry line, not yet for long enough.
    Recovering,
}

impl PegState {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Depegged => "depegged",
            Self::Recovering => "recovering",
        }
    }

    /// Whether the asset's weight may be raised.
    #[must_use]
    pub const fn may_gain(self) -> bool {
        matches!(self, Self::Sound)
    }
}

/// Whether the last readings can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// There is a believable price.
    Trusted,
    /// There is none. Nothing is concluded from that: absence of evidence holds.
    Blind,
}

impl Trust {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Blind => "blind",
        }
    }
}

/// When an asset counts as off its peg, and when as back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PegRule {
    /// Below par by *more* than this (basis points): depegged. The article's 1 % is 100; exactly 1 % does not fire.
    pub depeg_bps: u32,
    /// For how long the price must stay below the band before it counts.
    pub confirm: Duration,
    /// Below par by at most this (basis points): on its way back. Less than `depeg_bps`.
    pub reenter_bps: u32,
    /// For how long the price must stay above the re-entry line before the asset counts as sound.
    pub recover: Duration,
}

impl PegRule {
    fn is_below_band(&self, price: Price) -> bool {
        price.wad() < below_par(self.depeg_bps)
    }

    fn is_back(&self, price: Price) -> bool {
        price.wad() >= below_par(self.reenter_bps)
    }
}

fn below_par(bps: u32) -> u128 {
    let unit = Price::PAR.wad() / 10_000;
    Price::PAR.wad().saturating_sub(unit.saturating_mul(u128::from(bps)))
}

/// All that is known of one asset's peg. It lives in the journal, so that a restart forgets no episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peg {
    /// The asset.
    pub asset: AssetId,
    /// Where it stands; the last trusted answer while blind.
    pub state: PegState,
    /// Whether the newest reading could be believed.
    pub trust: Trust,
    /// The last believable quote.
    pub quote: Option<Quote>,
    /// Since when the price has been on the side that would change the state.
    pub turning_since: Option<Timestamp>,
    /// Number of the current or last episode; 0 before the first.
    pub episode: u64,
    /// Time of the newest reading, on the policy clock.
    pub as_of: Timestamp,
    /// The block of each on-chain source's newest reading: a pool decides only on facts of one block, and an asset may be quoted on
    /// several chains.
    pub blocks: BTreeMap<SourceId, B256>,
}

/// What a reading changed.
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
            trust: Trust::Blind,
            quote: None,
            turning_since: None,
            episode: 0,
            as_of: now,
            blocks: BTreeMap::new(),
        }
    }

    /// The episode in progress, if the asset is not sound.
    #[must_use]
    pub fn current_episode(&self) -> Option<EpisodeId> {
        (self.state != PegState::Sound).then(|| EpisodeId { asset: self.asset.clone(), number: self.episode })
    }

    /// Whether what is known belongs to this block: a source was heard at it, or none is on a chain. An asset that nobody has read
    /// yet will be in a moment: at the start the first block wakes pools and feeds together.
    #[must_use]
    pub fn is_of_block(&self, block: B256) -> bool {
        if self.blocks.is_empty() { self.quote.is_some() } else { self.blocks.values().any(|heard| *heard == block) }
    }

    /// The price, if it can be believed.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        match self.trust {
            Trust::Trusted => self.quote.map(|quote| quote.price),
            Trust::Blind => None,
        }
    }

    /// Takes a reading in and says what it changed.
    pub fn observe(&mut self, reading: &Reading, rule: &PegRule) -> Vec<PegChange> {
        let mut changes = Vec::new();
        self.as_of = reading.as_of;
        match reading.block {
            Some(block) => self.blocks.insert(reading.source.clone(), block),
            None => self.blocks.remove(&reading.source),
        };
        let trust = if reading.quote.is_ok() { Trust::Trusted } else { Trust::Blind };
        if trust != self.trust {
            changes.push(PegChange::Trust { from: self.trust, to: trust });
            self.trust = trust;
        }
        let Ok(quote) = reading.quote else {
            // A gap proves nothing in either direction, so a clock that was running starts again.
            self.turning_since = None;
            return changes;
        };
        self.quote = Some(quote);
        if let Some(to) = self.next_state(quote.price, rule, reading.as_of) {
            changes.push(PegChange::State { from: self.state, to });
            if self.state == PegState::Sound {
                self.episode = self.episode.saturating_add(1);
            }
            self.state = to;
        }
        changes
    }

    /// The state that the price leads to, if it is another one.
    fn next_state(&mut self, price: Price, rule: &PegRule, now: Timestamp) -> Option<PegState> {
        match self.state {
            PegState::Sound => self.after(rule.is_below_band(price), rule.confirm, now).then_some(PegState::Depegged),
            PegState::Depegged => rule.is_back(price).then(|| {
                self.turning_since = Some(now);
                PegState::Recovering
            }),
            PegState::Recovering if rule.is_below_band(price) => {
                self.turning_since = None;
                Some(PegState::Depegged)
            }
            PegState::Recovering => self.after(rule.is_back(price), rule.recover, now).then_some(PegState::Sound),
        }
    }

    /// Whether `condition` has held for `wait`; keeps the clock.
    fn after(&mut self, condition: bool, wait: Duration, now: Timestamp) -> bool {
        if !condition {
            self.turning_since = None;
            return false;
        }
        let since = *self.turning_since.get_or_insert(now);
        let done = now.since(since) >= wait;
        if done {
            self.turning_since = None;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reading::ReadingFault;

    const RULE: PegRule =
        PegRule { depeg_bps: 100, confirm: Duration::from_secs(60), reenter_bps: 50, recover: Duration::from_secs(600) };

    fn reading(thousandths: u128, at: u64) -> Reading {
        let price = Price::from_wad(thousandths * 1_000_000_000_000_000).unwrap();
        let as_of = Timestamp::from_secs(at);
        Reading {
            source: SourceId::new("test"),
            asset: AssetId::new("USDC"),
            quote: Ok(Quote { price, updated_at: as_of }),
            as_of,
            block: None,
        }
    }

    fn gap(at: u64) -> Reading {
        Reading { quote: Err(ReadingFault::NoRound), ..reading(1_000, at) }
    }

    fn peg() -> Peg {
        let mut peg = Peg::unheard(AssetId::new("USDC"), Timestamp::from_secs(0));
        peg.observe(&reading(1_000, 0), &RULE);
        peg
    }

    #[test]
    fn a_depeg_needs_more_than_the_threshold_for_the_whole_window() {
        let mut peg = peg();
        peg.observe(&reading(990, 10), &RULE);
        peg.observe(&reading(990, 1_000), &RULE);
        assert_eq!(peg.state, PegState::Sound, "exactly 1 % below par is not more than 1 %");
        peg.observe(&reading(989, 1_010), &RULE);
        peg.observe(&reading(991, 1_040), &RULE);
        peg.observe(&reading(989, 1_050), &RULE);
        peg.observe(&reading(989, 1_109), &RULE);
        assert_eq!(peg.state, PegState::Sound, "the clock starts again after a way back");
        let changes = peg.observe(&reading(989, 1_110), &RULE);
        assert_eq!(changes, [PegChange::State { from: PegState::Sound, to: PegState::Depegged }]);
        assert_eq!(peg.current_episode().unwrap().to_string(), "USDC#1");
    }

    #[test]
    fn coming_back_is_stricter_than_leaving() {
        let mut peg = peg();
        peg.observe(&reading(980, 10), &RULE);
        peg.observe(&reading(980, 70), &RULE);
        peg.observe(&reading(994, 100), &RULE);
        assert_eq!(peg.state, PegState::Depegged, "above the band but below the re-entry line");
        peg.observe(&reading(995, 200), &RULE);
        assert_eq!(peg.state, PegState::Recovering);
        peg.observe(&reading(993, 500), &RULE);
        peg.observe(&reading(996, 600), &RULE);
        peg.observe(&reading(996, 1_199), &RULE);
        assert_eq!(peg.state, PegState::Recovering, "dipping below the line starts the window again");
        peg.observe(&reading(996, 1_200), &RULE);
        assert_eq!(peg.state, PegState::Sound);
        assert_eq!(peg.current_episode(), None);
    }

    #[test]
    fn a_relapse_stays_in_its_episode() {
        let mut peg = peg();
        for (price, at) in [(980, 10), (980, 70), (996, 100), (985, 150), (996, 200), (996, 800)] {
            peg.observe(&reading(price, at), &RULE);
        }
        assert_eq!((peg.state, peg.episode), (PegState::Sound, 1));
        peg.observe(&reading(980, 900), &RULE);
        peg.observe(&reading(980, 960), &RULE);
        assert_eq!(peg.episode, 2);
    }

    #[test]
    fn a_failed_reading_blinds_and_concludes_nothing() {
        let mut peg = peg();
        peg.observe(&reading(980, 10), &RULE);
        let changes = peg.observe(&gap(40), &RULE);
        assert_eq!(changes, [PegChange::Trust { from: Trust::Trusted, to: Trust::Blind }]);
        assert_eq!(peg.price(), None, "a blind asset has no price");
        peg.observe(&reading(980, 71), &RULE);
        assert_eq!(peg.state, PegState::Sound, "the gap is not counted as time below the band");
        peg.observe(&reading(980, 131), &RULE);
        peg.observe(&gap(140), &RULE);
        assert_eq!(peg.state, PegState::Depegged, "blindness does not heal");
    }

    #[test]
    fn a_premium_is_no_depeg() {
        let mut peg = peg();
        peg.observe(&reading(1_060, 10), &RULE);
        peg.observe(&reading(1_060, 1_000), &RULE);
        assert_eq!(peg.state, PegState::Sound);
    }
}
