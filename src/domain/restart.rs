//! When to restart what died. A pure policy that every supervisor uses: each child has its own history, so that one that keeps
//! dying slows down alone and never takes a neighbour or its parent with it.

use std::collections::VecDeque;
use std::time::Duration;

/// The numbers of the policy; the same for every child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Pause after the first death; doubles with each further one.
    pub first: Duration,
    /// Longest pause, and the pause of a child in quarantine.
    pub cap: Duration,
    /// A life this long is a healthy one: all earlier deaths are forgotten.
    pub forget_after: Duration,
    /// This many deaths inside [`quarantine_window`](Self::quarantine_window) are quarantine. 0 and 1 both mean the first death.
    pub quarantine_deaths: usize,
    /// How far back deaths count towards quarantine.
    pub quarantine_window: Duration,
}

impl Default for RestartPolicy {
    /// 1 s doubling to 256 s, forgotten after ten healthy minutes; five deaths in ten minutes are quarantine.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            cap: Duration::from_secs(256),
            forget_after: Duration::from_mins(10),
            quarantine_deaths: 5,
            quarantine_window: Duration::from_mins(10),
        }
    }
}

/// What to do about a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How long to wait before the next start.
    pub delay: Duration,
    /// The child is in quarantine: it is still restarted, at the longest pause.
    pub quarantined: bool,
    /// This very death put it there: the moment to raise an alert.
    pub newly_quarantined: bool,
}

/// The lives and deaths of one child. Kept by its supervisor, never by the child. Times are machine time since process start.
#[derive(Clone, Debug, Default)]
pub struct RestartHistory {
    /// Start of the present life; `None` between a death and the next start.
    started: Option<Duration>,
    /// Deaths since the last healthy life: the exponent of the pause.
    streak: u32,
    /// Times of the latest deaths, oldest first, as many as quarantine needs.
    recent: VecDeque<Duration>,
    quarantined: bool,
    deaths: u64,
}

impl RestartHistory {
    /// The child has started at `now`. A start that fails is a death without this call, and is never mistaken for health.
    pub fn started(&mut self, now: Duration) {
        self.started = Some(now);
    }

    /// The child has died, or failed to start, at `now`.
    pub fn died(&mut self, now: Duration, policy: &RestartPolicy) -> Verdict {
        if self.healthy(now, policy) {
            self.streak = 0;
            self.recent.clear();
            self.quarantined = false;
        }
        self.started = None;
        self.deaths = self.deaths.saturating_add(1);

        self.recent.push_back(now);
        self.recent.retain(|death| now.saturating_sub(*death) <= policy.quarantine_window);
        let enough = policy.quarantine_deaths.max(1);
        let newly_quarantined = !self.quarantined && self.recent.len() >= enough;
        while self.recent.len() >= enough {
            self.recent.pop_front();
        }
        self.quarantined |= newly_quarantined;

        let delay = if self.quarantined {
            policy.cap
        } else {
            2u32.checked_pow(self.streak).map_or(policy.cap, |factor| policy.first.saturating_mul(factor).min(policy.cap))
        };
        self.streak = self.streak.saturating_add(1);
        Verdict { delay, quarantined: self.quarantined, newly_quarantined }
    }

    /// Whether the child is in quarantine at `now`. A healthy life ends it, even before anybody dies again.
    #[must_use]
    pub fn quarantined(&self, now: Duration, policy: &RestartPolicy) -> bool {
        self.quarantined && !self.healthy(now, policy)
    }

    /// All deaths so far; nothing makes this number smaller.
    #[must_use]
    pub const fn deaths(&self) -> u64 {
        self.deaths
    }

    fn healthy(&self, now: Duration, policy: &RestartPolicy) -> bool {
        self.started.is_some_and(|started| now.saturating_sub(started) >= policy.forget_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// Lives of `life` each, restarted after the pause that the policy gives; the verdict of every death.
    fn verdicts(lives: usize, life: Duration, policy: &RestartPolicy) -> Vec<Verdict> {
        let mut history = RestartHistory::default();
        let mut now = Duration::ZERO;
        let mut verdicts = Vec::new();
        for _ in 0..lives {
            history.started(now);
            now += life;
            let verdict = history.died(now, policy);
            now += verdict.delay;
            verdicts.push(verdict);
        }
        verdicts
    }

    fn delays(verdicts: &[Verdict]) -> Vec<u64> {
        verdicts.iter().map(|v| v.delay.as_secs()).collect()
    }

    #[test]
    fn the_pause_doubles_from_one_second_to_the_cap_and_stays_there() {
        // Lives of nine minutes: too short to be healthy, too long for five deaths in ten minutes.
        let seen = verdicts(40, secs(540), &RestartPolicy::default());
        assert_eq!(delays(&seen)[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 256]);
        assert!(seen.iter().all(|v| !v.quarantined));
        assert_eq!(delays(&seen)[39], 256, "2^39 does not fit and must not wrap");
    }

    #[test]
    fn the_fifth_death_in_ten_minutes_is_quarantine_and_is_announced_once() {
        let seen = verdicts(8, secs(1), &RestartPolicy::default());
        assert_eq!(delays(&seen), [1, 2, 4, 8, 256, 256, 256, 256]);
        let quarantined: Vec<bool> = seen.iter().map(|v| v.quarantined).collect();
        assert_eq!(quarantined, [false, false, false, false, true, true, true, true]);
        assert_eq!(seen.iter().filter(|v| v.newly_quarantined).count(), 1);
        assert!(seen[4].newly_quarantined);
    }

    #[test]
    fn five_deaths_in_more_than_ten_minutes_are_not_quarantine() {
        let policy = RestartPolicy::default();
        let mut history = RestartHistory::default();
        for death in [0, 150, 300, 450, 601] {
            assert!(!history.died(secs(death), &policy).quarantined, "death at {death} s");
        }
        assert!(history.died(secs(700), &policy).newly_quarantined, "150, 300, 450, 601 and 700 are within ten minutes");
    }

    #[test]
    fn ten_healthy_minutes_forget_everything_and_one_millisecond_less_does_not() {
        let policy = RestartPolicy::default();
        let mut history = RestartHistory::default();
        for death in 0..5 {
            history.died(secs(death), &policy);
        }
        history.started(secs(100));
        let mut almost = history.clone();
        assert!(almost.died(Duration::from_millis(699_999), &policy).quarantined);
        assert!(history.quarantined(Duration::from_millis(699_999), &policy));
        assert!(!history.quarantined(secs(700), &policy), "health ends quarantine without another death");

        let verdict = history.died(secs(700), &policy);
        assert_eq!(verdict, Verdict { delay: secs(1), quarantined: false, newly_quarantined: false });
        assert_eq!(history.deaths(), 6, "the count of deaths is never forgotten");
        for death in 701..704 {
            assert!(!history.died(secs(death), &policy).quarantined);
        }
        assert!(history.died(secs(704), &policy).newly_quarantined, "quarantine can begin again, and is announced again");
    }

    #[test]
    fn a_start_that_fails_is_not_health() {
        let policy = RestartPolicy::default();
        let mut history = RestartHistory::default();
        history.started(secs(0));
        history.died(secs(5), &policy);
        // No start in between: the life that began at 0 s ended at 5 s.
        assert_eq!(history.died(secs(900), &policy).delay, secs(2));
    }
}
