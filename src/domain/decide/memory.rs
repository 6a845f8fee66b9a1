//! What is remembered of a pool from one decision to the next.

use std::time::Duration;

use super::facts::Facts;
use super::maintain;
use crate::domain::moves::{Move, Moves};
use crate::domain::peg::Peg;
use crate::domain::policy::Policy;
use crate::domain::position::{Controls, Mandate};
use crate::domain::units::{SwapFee, Timestamp};

/// What is remembered of the pool. It lives in the journal and survives the actor; the three clocks at its end do not, because nobody
/// watched while the process was away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// When Ballast first saw the pool: no schedule before that is caught up.
    pub first_seen: Timestamp,
    /// The last scheduled slot that was served.
    pub schedule_served: Option<Timestamp>,
    /// When a human last asked for a return to the target.
    pub manual_asked: Option<Timestamp>,
    /// The last such wish that was served.
    pub manual_served: Option<Timestamp>,
    /// What the owner has set that is accounted for: found at first sight, or set by us.
    pub known: Option<Controls>,
    /// What was set before. A reorganisation brings it back for a while, and a node that is behind shows it still.
    pub former: Option<Controls>,
    /// The changes of weights that Ballast has made.
    pub moves: Moves,
    /// Trading is off by our own doing.
    pub frozen: Option<Frozen>,
    /// A reason to hold until a human has looked.
    pub latch: Option<Latch>,
    /// Since when value shares have been off their weights.
    pub composition_off_since: Option<Timestamp>,
    /// Since when yields have differed.
    pub yield_gap_since: Option<Timestamp>,
    /// Since when all coins have been sound.
    pub sound_since: Option<Timestamp>,
}

/// Trading that Ballast has stopped. Only what Ballast has stopped does Ballast start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// When.
    pub at: Timestamp,
    /// The swap fee before.
    pub fee: SwapFee,
}

/// Why a pool holds until a human has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latch {
    /// Someone else changed the weights, the fee or the trading. Ballast never fights its owner.
    ForeignChange,
    /// A transaction of ours ended in a way that trying again does not mend.
    Outcome(&'static str),
}

impl Memory {
    /// Takes what the chain holds as our own doing, in a block of time `at`. What the chain held before is back after a
    /// reorganisation: then what was done since is undone.
    pub fn account(&mut self, controls: &Controls, at: Timestamp, protective: bool) {
        if self.known.as_ref() == Some(controls) {
            return;
        }
        let before = self.known.replace(controls.clone());
        if let Some(before) = &before {
            // Ramps only go forward in time, unless a block with one is gone.
            if controls.ramp.start < before.ramp.start {
                self.moves.undo(before.ramp.start);
            } else if before.ramp != controls.ramp {
                let (from, to) = (before.ramp.end_weights.clone(), controls.ramp.end_weights.clone());
                self.moves.add(Move { at: controls.ramp.start, from, to, protective });
            }
        }
        match (before.as_ref().map(|before| before.swap_enabled), controls.swap_enabled) {
            (_, true) => self.frozen = None,
            (Some(true) | None, false) => {
                let fee = before.as_ref().map_or(controls.fee.to, |before| before.fee.to);
                self.frozen.get_or_insert(Frozen { at, fee });
            }
            (Some(false), false) => {}
        }
        self.former = before;
    }

    /// Keeps the clocks: since when something has lasted. What is not known starts no clock, and stops none that runs for the worse; it
    /// does stop the one that runs for the better.
    pub fn watch(&mut self, facts: &Facts<'_>, policy: &Policy, mandate: &Mandate) {
        let Some(position) = facts.position else { return };
        let at = position.block.timestamp;
        match maintain::composition_drift(facts, position, mandate) {
            Some((_, drift)) if drift > policy.composition.threshold => {
                self.composition_off_since.get_or_insert(at);
            }
            Some(_) => self.composition_off_since = None,
            None => {}
        }
        if let Some(rule) = &policy.yields {
            let counts = |gap: u64| {
                let line = if self.yield_gap_since.is_some() { rule.release_bps.saturating_sub(1) } else { rule.gap_bps };
                gap > line
            };
            match maintain::yield_gap(facts, mandate, rule) {
                Some(gap) if counts(gap.bps) => {
                    self.yield_gap_since.get_or_insert(at);
                }
                _ => self.yield_gap_since = None,
            }
        }
        if facts.pegs.iter().all(Peg::may_gain) {
            self.sound_since.get_or_insert(at);
        } else {
            self.sound_since = None;
        }
    }

    /// Whether something has lasted for `long` at `now`.
    pub(super) fn lasted(since: Option<Timestamp>, now: Timestamp, long: Duration) -> bool {
        since.is_some_and(|since| now.since(since) >= long)
    }

    /// The wish of a human that has not been served.
    #[must_use]
    pub fn wish(&self) -> Option<Timestamp> {
        self.manual_asked.filter(|asked| self.manual_served.is_none_or(|served| served < *asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::position::Ramp;
    use crate::domain::testing::{NOW, bps, still};

    fn ramped(start: u64, to: &[u32]) -> Controls {
        let at = |secs| NOW.plus(Duration::from_secs(secs));
        Controls { ramp: Ramp { start: at(start), end: at(start + 600), end_weights: bps(to) }, ..still(&[5_000, 5_000]) }
    }

    fn met() -> Memory {
        Memory { known: Some(still(&[5_000, 5_000])), ..Memory::default() }
    }

    #[test]
    fn a_change_of_weights_is_remembered_once_and_forgotten_when_it_is_undone() {
        let mut memory = met();
        memory.account(&ramped(0, &[6_000, 4_000]), NOW, false);
        memory.account(&ramped(0, &[6_000, 4_000]), NOW, false);
        assert_eq!(memory.moves.all().len(), 1);
        assert_eq!(memory.moves.all()[0].from, bps(&[5_000, 5_000]));
        memory.account(&still(&[5_000, 5_000]), NOW, false);
        assert_eq!(memory.moves.all().len(), 0, "its block is gone");
        memory.account(&ramped(0, &[6_000, 4_000]), NOW, false);
        assert_eq!(memory.moves.all().len(), 1, "and it has come back");
    }

    #[test]
    fn a_freeze_of_ours_remembers_when_and_at_what_fee_until_trading_is_on() {
        let mut memory = met();
        let off = Controls { swap_enabled: false, ..still(&[5_000, 5_000]) };
        memory.account(&off, NOW, true);
        assert_eq!(memory.frozen, Some(Frozen { at: NOW, fee: SwapFee::from_bps(5) }));
        let mut dear = off.clone();
        (dear.fee.from, dear.fee.end) = (SwapFee::from_bps(1_200), NOW.plus(Duration::from_hours(1)));
        memory.account(&dear, NOW.plus(Duration::from_secs(12)), false);
        assert_eq!(memory.frozen.map(|frozen| frozen.fee), Some(SwapFee::from_bps(5)), "the fee of before, not that of the ramp");
        memory.account(&Controls { swap_enabled: true, ..dear }, NOW, false);
        assert_eq!(memory.frozen, None);
        memory.account(&off, NOW, true);
        memory.account(&Controls { swap_enabled: true, ..off.clone() }, NOW, false);
        assert_eq!(memory.frozen, None);
    }

    #[test]
    fn a_pool_that_was_found_without_trading_is_not_ours_to_open() {
        let off = Controls { swap_enabled: false, ..still(&[5_000, 5_000]) };
        let memory = Memory { known: Some(off), ..Memory::default() };
        assert_eq!(memory.frozen, None);
    }

    #[test]
    fn a_wish_stands_until_it_is_served() {
        let (asked, later) = (NOW, NOW.plus(Duration::from_secs(1)));
        let of = |asked, served| Memory { manual_asked: asked, manual_served: served, ..Memory::default() }.wish();
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some(asked), None), Some(asked));
        assert_eq!(of(Some(asked), Some(asked)), None);
        assert_eq!(of(Some(later), Some(asked)), Some(later));
    }
}
