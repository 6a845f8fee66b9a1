//! The two clocks of production and of the demo, as [`crate::ports::Clock`] wants them.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::units::Timestamp;
use crate::ports::Clock;

/// A policy clock that runs at a multiple of the machine's: `start + speed * elapsed`. Never derived from block times.
#[derive(Clone, Copy, Debug)]
pub struct ScaledClock {
    start: Timestamp,
    speed: f64,
    epoch: Instant,
}

impl ScaledClock {
    /// Starts at `start` and runs `speed` times as fast as the machine; `None` unless the speed is finite and above zero.
    #[must_use]
    pub fn new(start: Timestamp, speed: f64) -> Option<Self> {
        (speed.is_finite() && speed > 0.0).then(|| Self { start, speed, epoch: Instant::now() })
    }

    /// When the clock started, in its own time.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Policy time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now().since(self.start)
    }

    /// The machine's instant at which the policy clock shows `at`.
    #[must_use]
    pub fn instant_of(&self, at: Timestamp) -> Option<Instant> {
        self.epoch.checked_add(self.machine(at.since(self.start)))
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        self.start.plus(scaled(self.epoch.elapsed(), self.speed))
    }

    fn machine(&self, policy: Duration) -> Duration {
        scaled(policy, self.speed.recip())
    }

    fn uptime(&self) -> Duration {
        self.epoch.elapsed()
    }
}

fn scaled(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

/// The clock of production. It reads the system's time once and then counts by the monotonic clock, so that a correction of the
/// system's time moves no deadline.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    start: Timestamp,
    epoch: Instant,
}

impl WallClock {
    /// Reads the system's time, the only time that anyone does.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "the one place where the process learns what time it is"
    )]
    pub fn read() -> Self {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { start: Timestamp::default().plus(since_epoch), epoch: Instant::now() }
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.epoch.elapsed())
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy
    }

    fn uptime(&self) -> Duration {
        self.epoch.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn policy_time_runs_at_its_speed_and_machine_time_does_not() {
        let start = Timestamp::from_secs(1_000);
        let clock = ScaledClock::new(start, 120.0).unwrap();
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(clock.now(), Timestamp::from_secs(1_060));
        assert_eq!(clock.machine(Duration::from_secs(12)), Duration::from_millis(100));
        assert_eq!(clock.uptime(), Duration::from_millis(500));
        assert_eq!(clock.instant_of(clock.now()), Some(Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wall_clock_runs_with_the_machine() {
        let clock = WallClock::read();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(7));
        assert_eq!(clock.machine(Duration::from_secs(3)), Duration::from_secs(3));
        assert!(before > Timestamp::from_secs(1_700_000_000));
    }

    #[test]
    fn a_speed_that_makes_no_sense_makes_no_clock() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(ScaledClock::new(Timestamp::default(), speed).is_none(), "{speed}");
        }
    }
}
