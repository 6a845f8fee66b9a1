//! The mean of a value that is seen at uneven times, in which what is older counts for less.

use std::time::Duration;

use super::YieldFault;
use super::rates::Apy;
use crate::domain::units::Timestamp;

/// What one half-life ago counts for half. A value stands for the time since the one before it, at most for `reach`: a silence is not
/// filled with what came after it, and what has not been seen for long is not known any more.
///
/// It begins with nothing, and not with its first value: after a restart in the worst hour that hour would be believed for a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    half_life: Duration,
    reach: Duration,
    /// Values times their weights, and the weights. All of the past has a weight of one; what was not seen is missing in it.
    sum: f64,
    weight: f64,
    last: Option<Timestamp>,
}

impl Mean {
    /// The mean of nothing. A half-life of zero is taken for a second.
    #[must_use]
    pub fn new(half_life: Duration, reach: Duration) -> Self {
        Self { half_life: half_life.max(Duration::from_secs(1)), reach, sum: 0.0, weight: 0.0, last: None }
    }

    /// Takes a value. One that is not later than the last changes nothing: a block was replaced by another.
    pub fn take(&mut self, value: Apy, at: Timestamp) {
        if let Some(last) = self.last {
            if at <= last {
                return;
            }
            let since = at.since(last);
            let (kept, gained) = (1.0 - self.share(since), self.share(since.min(self.reach)));
            self.sum = self.sum.mul_add(kept, value.as_fraction() * gained);
            self.weight = self.weight.mul_add(kept, gained);
        }
        self.last = Some(at);
    }

    /// What the last stretch of time counts for in all of the past.
    fn share(&self, stretch: Duration) -> f64 {
        -(-std::f64::consts::LN_2 * stretch.as_secs_f64() / self.half_life.as_secs_f64()).exp_m1()
    }

    /// For how long the value would have to be seen without a gap to be known as well as it is.
    #[must_use]
    pub fn known(&self) -> Duration {
        let half_lives = -(-self.weight).ln_1p() / std::f64::consts::LN_2;
        // Rounded, so that a stretch that was seen in many parts is as long as it is.
        Duration::try_from_secs_f64((half_lives * self.half_life.as_secs_f64()).round()).unwrap_or(Duration::MAX)
    }

    /// The mean.
    ///
    /// # Errors
    /// Too young: not known for as long as `wanted`.
    pub fn value(&self, wanted: Duration) -> Result<Apy, YieldFault> {
        let known = self.known();
        let mean = (self.weight > 0.0 && known >= wanted).then(|| Apy::from_fraction(self.sum / self.weight));
        mean.flatten().ok_or(YieldFault::TooYoung { known, wanted })
    }
}
