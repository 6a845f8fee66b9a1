//! What a share of something is worth, how that grows, and the two ways in which it must not move: down, and by leaps.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use alloy_primitives::B256;

use super::YieldFault;
use super::rates::{Apy, YEAR, seconds};
use crate::domain::units::{Price, Rounding, Timestamp, WAD, mul_div};

/// A fall of less than this part of a share is rounding: at 5 % a year it is earned in less than a second.
const DUST: u128 = 1_000_000_000;

/// Most samples that are kept of a window.
const SAMPLES: u32 = 144;

/// Whole coins for one whole share, scaled by 1e18. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u128);

impl Rate {
    /// One coin for one share.
    pub const ONE: Self = Self(WAD);

    /// From 1e18-scaled coins for one share; `None` for zero.
    #[must_use]
    pub const fn from_wad(wad: u128) -> Option<Self> {
        if wad == 0 { None } else { Some(Self(wad)) }
    }

    /// 1e18-scaled coins for one share.
    #[must_use]
    pub const fn wad(self) -> u128 {
        self.0
    }

    /// The rate as a float, for charts.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e18
    }

    /// How far it is from another, in basis points of that one, rounded down.
    #[must_use]
    pub fn bps_from(self, other: Self) -> u128 {
        mul_div(self.0.abs_diff(other.0), 10_000, other.0, Rounding::Down).unwrap_or(u128::MAX)
    }

    /// The logarithm of the growth since an earlier rate. The difference is exact, so that the growth of a second is not lost.
    #[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
    fn growth_since(self, earlier: Self) -> f64 {
        let size = self.0.abs_diff(earlier.0) as f64 / earlier.0 as f64;
        if self >= earlier { size.ln_1p() } else { (-size).ln_1p() }
    }
}

impl fmt::Display for Rate {
    /// With six digits: `1.146312`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millionths = self.0.saturating_add(WAD / 2_000_000) / (WAD / 1_000_000);
        write!(f, "{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
    }
}

/// What a share is worth in its coin, by one block's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareRate {
    /// Coins for one share.
    pub rate: Rate,
    /// The time of the block.
    pub as_of: Timestamp,
    /// The block. A share is only valued together with facts of the same one.
    pub block: B256,
}

impl ShareRate {
    /// Dollars for one whole share when its coin costs `coin`, rounded down; `None` when it does not fit or rounds to zero.
    #[must_use]
    pub fn price(&self, coin: Price) -> Option<Price> {
        mul_div(coin.wad(), self.rate.0, WAD, Rounding::Down).and_then(Price::from_wad)
    }
}

/// When a share's growth means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrowthRule {
    /// Growth over less than this is rounding and chance.
    pub least: Duration,
    /// Growth is measured over this, or over as much of it as is known.
    pub window: Duration,
    /// More basis points from one look to the next are a gift or a correction, and no yield.
    pub jump_bps: u32,
}

impl GrowthRule {
    /// An hour at least, a day at most, and 20 basis points: 20 % a year are 5 in a day.
    pub const USUAL: Self = Self { least: Duration::from_hours(1), window: Duration::from_hours(24), jump_bps: 20 };
}

/// How a share must not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareMove {
    /// It is worth less than before: something was lost. Whoever holds it wants to know now.
    Fell {
        /// Before.
        from: ShareRate,
        /// After.
        to: ShareRate,
    },
    /// It is worth more all at once: a gift, or a loss that was corrected. It is no yield and is left out of one.
    Jumped {
        /// Before.
        from: ShareRate,
        /// After.
        to: ShareRate,
    },
}

/// A rate of some time ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    share: ShareRate,
    /// The logarithm of all leaps up to here.
    leaps: f64,
}

/// The rates of the window.
#[derive(Clone, Debug)]
pub struct Growth {
    rule: GrowthRule,
    /// The oldest first, at most [`SAMPLES`] and some; the newest may not be among them.
    pub(super) samples: VecDeque<Sample>,
    newest: Option<Sample>,
}

impl Growth {
    /// Of nothing yet.
    #[must_use]
    pub const fn new(rule: GrowthRule) -> Self {
        Self { rule, samples: VecDeque::new(), newest: None }
    }

    /// Takes what a block says, and tells whether it is as it must not be.
    pub fn take(&mut self, share: ShareRate) -> Option<ShareMove> {
        // A block that replaces others takes their words back.
        while self.samples.pop_back_if(|sample| sample.share.as_of >= share.as_of).is_some() {}
        let before = self.newest.filter(|sample| sample.share.as_of < share.as_of).or_else(|| self.samples.back().copied());
        let moved = before.and_then(|before| self.judge(before.share, share));
        let leaps = match (before, moved) {
            (None, _) => 0.0,
            (Some(before), Some(ShareMove::Jumped { .. })) => before.leaps + share.rate.growth_since(before.share.rate),
            (Some(before), _) => before.leaps,
        };
        if matches!(moved, Some(ShareMove::Fell { .. })) {
            self.samples.clear();
        }
        let sample = Sample { share, leaps };
        self.newest = Some(sample);
        let spacing = self.rule.window / SAMPLES;
        if self.samples.back().is_none_or(|last| share.as_of.since(last.share.as_of) >= spacing) {
            self.samples.push_back(sample);
        }
        let begin = share.as_of.minus(self.rule.window);
        while self.samples.pop_front_if(|sample| sample.share.as_of < begin).is_some() {}
        moved
    }

    fn judge(&self, from: ShareRate, to: ShareRate) -> Option<ShareMove> {
        if to.rate < from.rate {
            let fall = from.rate.0.abs_diff(to.rate.0);
            return (fall > from.rate.0 / DUST).then_some(ShareMove::Fell { from, to });
        }
        // Beyond the window nothing is compared any more, and as much may have been earned.
        let leap = to.rate.bps_from(from.rate) > u128::from(self.rule.jump_bps);
        (leap && to.as_of.since(from.as_of) <= self.rule.window).then_some(ShareMove::Jumped { from, to })
    }

    /// What a year brings at the growth of the window, without the leaps.
    ///
    /// # Errors
    /// Too young, or more than any yield.
    pub fn apy(&self) -> Result<Apy, YieldFault> {
        let wanted = self.rule.least;
        let (Some(first), Some(last)) = (self.samples.front(), &self.newest) else {
            return Err(YieldFault::TooYoung { known: Duration::ZERO, wanted });
        };
        let known = last.share.as_of.since(first.share.as_of);
        if known < wanted || known.is_zero() {
            return Err(YieldFault::TooYoung { known, wanted });
        }
        let growth = last.share.rate.growth_since(first.share.rate) - (last.leaps - first.leaps);
        // What is lost in rounding is none.
        let year = growth.max(0.0) * seconds(YEAR) / known.as_secs_f64();
        let implausible = || YieldFault::Implausible(format!("from {} to {} in {known:?}", first.share.rate, last.share.rate));
        Apy::of_growth(year).ok_or_else(implausible)
    }
}
