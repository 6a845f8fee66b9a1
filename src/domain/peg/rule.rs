//! The numbers behind a peg: when it counts as broken, when as mended, and how many independent witnesses it takes.

use std::time::Duration;

use crate::domain::units::Price;

/// A line below par, and for how long the price has to be beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Basis points below par: 0 to 5 000. Exactly on the line is not below it.
    pub below_bps: u32,
    /// For how long, on the policy clock.
    pub hold: Duration,
}

impl Band {
    /// The line.
    #[must_use]
    pub fn line(&self) -> Price {
        let below = Price::PAR.wad() / 10_000 * u128::from(self.below_bps.min(9_999));
        Price::from_wad(Price::PAR.wad().saturating_sub(below)).unwrap_or(Price::PAR)
    }
}

/// When an asset changes its state. Coming back is stricter than leaving, so that a price that dithers on a line does not make the
/// owner pay for every crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PegRule {
    /// Not as it should be, and nothing to act on.
    pub watch: Band,
    /// In trouble: no weight of it is raised.
    pub stressed: Band,
    /// Off its peg.
    pub depegged: Band,
    /// So far off that it does not take as long.
    pub crashed: Band,
    /// On its way back: at or above this line for so long...
    pub reenter: Band,
    /// ...or at or above this one.
    pub reenter_slow: Band,
    /// How long it must stay at or above the lower one of the two before it counts as sound.
    pub settle: Duration,
    /// Off its peg for longer than this: it does not come back without a human.
    pub disable_after: Duration,
    /// Silence that is shorter than this interrupts no clock. Nothing ever happens *during* silence.
    pub gap: Duration,
}

impl PegRule {
    /// The lower one of the two lines of re-entry.
    #[must_use]
    pub fn home(&self) -> Price {
        self.reenter.line().min(self.reenter_slow.line())
    }
}

/// How votes become a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteRule {
    /// Independent groups that it takes to conclude that a price is below a line: at least 1.
    pub defend: usize,
    /// Groups that it takes to conclude that it is back, one of them on a chain and one off, if it takes more than one.
    pub reenter: usize,
    /// Votes that lie within so many basis points of each other agree.
    pub agree_bps: u32,
    /// Votes further apart than this say nothing about the level.
    pub untrusted_bps: u32,
    /// A vote that is further than this from the consensus is set aside...
    pub outlier_bps: u32,
    /// ...if it is also further than so many times the median distance.
    pub outlier_mads: u32,
}
