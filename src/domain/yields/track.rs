//! From readings to a yield that counts.

use std::time::Duration;

use super::mean::Mean;
use super::rates::Apy;
use super::share::{Growth, GrowthRule, ShareMove, ShareRate};
use super::{Said, Yield, YieldFault, YieldReading};
use crate::domain::units::Weight;

/// When a yield counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YieldRule {
    /// What was this long ago counts for half in the mean.
    pub half_life: Duration,
    /// For how long it must have been watched: a mean of minutes is none.
    pub warm_up: Duration,
    /// No value counts for more: what is paid above it does not last, and is paid for a reason.
    pub cap: Apy,
    /// Above this much lent out not everybody can leave, and it does not count.
    pub max_utilisation: Weight,
    /// How the growth of shares is read.
    pub growth: GrowthRule,
}

/// What has been seen of one yield. It begins with nothing after a restart, and says so until it has seen enough.
#[derive(Clone, Debug)]
pub struct YieldTrack {
    rule: YieldRule,
    reach: Duration,
    mean: Mean,
    growth: Growth,
}

/// What a reading comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The yield, or why there is none that counts.
    pub yields: Result<Yield, YieldFault>,
    /// What a share is worth, where there are shares.
    pub share: Option<ShareRate>,
    /// Whether that has moved as it must not.
    pub moved: Option<ShareMove>,
}

impl YieldTrack {
    /// Nothing seen. One reading stands for at most `reach` of time before it.
    #[must_use]
    pub fn new(rule: YieldRule, reach: Duration) -> Self {
        Self { rule, reach, mean: Mean::new(rule.half_life, reach), growth: Growth::new(rule.growth) }
    }

    /// Takes the reading of a block.
    pub fn take(&mut self, reading: &YieldReading) -> Look {
        let share = reading.share();
        let moved = share.and_then(|share| self.growth.take(share));
        if matches!(moved, Some(ShareMove::Fell { .. })) {
            // What was paid before the loss says nothing of what will be paid after it.
            self.mean = Mean::new(self.rule.half_life, self.reach);
        }
        Look { yields: self.judge(reading), share, moved }
    }

    fn judge(&mut self, reading: &YieldReading) -> Result<Yield, YieldFault> {
        let spot = match reading.said {
            Said::Rate { apy, .. } => apy,
            Said::Share(_) => self.growth.apy()?,
        };
        let limit = self.rule.max_utilisation;
        if let Some(found) = reading.utilisation.filter(|found| *found > limit) {
            return Err(YieldFault::Trapped { found, limit });
        }
        let block = reading.block;
        self.mean.take(spot.min(self.rule.cap), block.timestamp);
        let smooth = self.mean.value(self.rule.warm_up)?;
        Ok(Yield { spot, smooth, utilisation: reading.utilisation, as_of: block.timestamp, block: block.hash })
    }
}
