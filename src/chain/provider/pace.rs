//! How often one node is asked. The arithmetic is governor's; the clock is the machine clock of the runtime, so that tests can pause it.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

/// So many requests a second; a second's worth may go out at once.
pub(super) struct Pace {
    limiter: RateLimiter<NotKeyed, InMemoryState, MachineClock, NoOpMiddleware<Duration>>,
}

/// Time since the pace began.
#[derive(Clone, Copy, Debug)]
struct MachineClock(Instant);

impl Clock for MachineClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Pace {
    pub(super) fn new(per_second: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::direct_with_clock(Quota::per_second(per_second), MachineClock(Instant::now())) }
    }

    /// Returns when the next request may go out.
    pub(super) async fn wait(&self) {
        while let Err(not_yet) = self.limiter.check() {
            sleep(not_yet.wait_time_from(self.limiter.clock().now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_worth_goes_out_at_once_and_the_rest_waits() {
        let pace = Pace::new(NonZeroU32::new(4).unwrap());
        let start = Instant::now();
        for _ in 0..4 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..8 {
            pace.wait().await;
        }
        let took = start.elapsed();
        assert!((Duration::from_millis(1_990)..Duration::from_millis(2_100)).contains(&took), "{took:?}");
    }
}
