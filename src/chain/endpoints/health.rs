//! Whether an endpoint is fit to be asked: a rule over what was seen of it, without I/O.
//!
//! Two thresholds keep it from flapping: an endpoint goes out after several failures in a row or with a head that is not the
//! chain's newest, and comes back only after several good looks at it. What is out is not lost: it is looked at like the others,
//! transactions are handed to it all the same, and it is asked when nobody better is there.

use std::fmt;
use std::time::Duration;

/// When an endpoint goes out and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthRule {
    /// Failures in a row that put it out.
    pub out_after: u32,
    /// Good looks in a row that bring it back.
    pub back_after: u32,
    /// Blocks that its head may be behind the highest of all endpoints.
    pub most_behind: u64,
    /// How old its head may be, on the policy clock; `None` for a chain that makes blocks only when there is work.
    pub oldest_head: Option<Duration>,
}

impl Default for HealthRule {
    fn default() -> Self {
        Self { out_after: 3, back_after: 3, most_behind: 3, oldest_head: None }
    }
}

/// Why an endpoint is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// It failed too often in a row.
    Failing,
    /// Its head is too far behind that of another endpoint.
    Behind,
    /// Its head is too old.
    Old,
}

impl Out {
    /// A finite, stable word for logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Behind => "behind",
            Self::Old => "old",
        }
    }
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What has been seen of one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// In a row, while it is in.
    failures: u32,
    /// Why it is out, and the good looks in a row since.
    out: Option<(Out, u32)>,
    /// The height of its head, when it was last looked at.
    height: Option<u64>,
    /// Requests that it answered, and those that it did not.
    counted: (u64, u64),
}

impl Health {
    /// Why it is out; `None` when it is in.
    #[must_use]
    pub fn out(&self) -> Option<Out> {
        self.out.map(|(why, _)| why)
    }

    /// The height of its head, when it was last looked at.
    #[must_use]
    pub const fn height(&self) -> Option<u64> {
        self.height
    }

    /// Requests that it answered, and requests that it did not.
    #[must_use]
    pub const fn counted(&self) -> (u64, u64) {
        self.counted
    }

    /// It answered a request. That does not bring it back: only a head does, because a node that answers may be behind.
    pub const fn answered(&mut self) {
        self.counted.0 = self.counted.0.saturating_add(1);
        self.failures = 0;
    }

    /// It did not answer a request. To be busy is no failure.
    pub fn failed(&mut self, rule: &HealthRule) {
        self.counted.1 = self.counted.1.saturating_add(1);
        if let Some((_, good)) = &mut self.out {
            *good = 0;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= rule.out_after {
            self.out = Some((Out::Failing, 0));
        }
    }

    /// Its head was looked at, together with those of the others, the highest of which is `best`; `age` is the head's.
    pub fn seen(&mut self, rule: &HealthRule, height: u64, age: Duration, best: u64) {
        self.height = Some(height);
        let fault = if best.saturating_sub(height) > rule.most_behind {
            Some(Out::Behind)
        } else if rule.oldest_head.is_some_and(|oldest| age > oldest) {
            Some(Out::Old)
        } else {
            None
        };
        self.out = match (fault, self.out) {
            (Some(why), _) => Some((why, 0)),
            (None, None) => None,
            (None, Some((why, good))) => {
                let good = good.saturating_add(1);
                if good >= rule.back_after {
                    self.failures = 0;
                    None
                } else {
                    Some((why, good))
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: HealthRule =
        HealthRule { out_after: 3, back_after: 2, most_behind: 5, oldest_head: Some(Duration::from_secs(60)) };

    fn fresh() -> Duration {
        Duration::from_secs(12)
    }

    #[test]
    fn three_failures_in_a_row_put_it_out_and_one_answer_between_them_does_not() {
        let mut health = Health::default();
        for _ in 0..10 {
            health.failed(&RULE);
            health.failed(&RULE);
            health.answered();
        }
        assert_eq!(health.out(), None);
        health.failed(&RULE);
        health.failed(&RULE);
        health.failed(&RULE);
        assert_eq!(health.out(), Some(Out::Failing));
        assert_eq!(health.counted(), (10, 23));
    }

    #[test]
    fn it_comes_back_after_good_looks_in_a_row_and_not_by_answers_alone() {
        let mut health = Health::default();
        (0..3).for_each(|_| health.failed(&RULE));
        for _ in 0..5 {
            health.answered();
        }
        assert_eq!(health.out(), Some(Out::Failing));
        health.seen(&RULE, 100, fresh(), 100);
        health.failed(&RULE);
        health.seen(&RULE, 101, fresh(), 101);
        assert_eq!(health.out(), Some(Out::Failing), "the failure between them counts");
        health.seen(&RULE, 102, fresh(), 102);
        assert_eq!(health.out(), None);
        health.failed(&RULE);
        health.failed(&RULE);
        assert_eq!(health.out(), None, "its failures are forgiven");
    }

    #[test]
    fn a_head_that_is_behind_or_old_puts_it_out_at_once() {
        let mut health = Health::default();
        health.seen(&RULE, 95, fresh(), 100);
        assert_eq!((health.out(), health.height()), (None, Some(95)), "five blocks behind are allowed");
        health.seen(&RULE, 94, fresh(), 100);
        assert_eq!(health.out(), Some(Out::Behind));
        health.seen(&RULE, 99, fresh(), 100);
        health.seen(&RULE, 90, fresh(), 100);
        health.seen(&RULE, 100, fresh(), 100);
        assert_eq!(health.out(), Some(Out::Behind), "one good look is not two");
        health.seen(&RULE, 100, fresh(), 100);
        assert_eq!(health.out(), None);
        health.seen(&RULE, 100, Duration::from_secs(61), 100);
        assert_eq!(health.out(), Some(Out::Old), "nobody is ahead, and yet it stands still");
    }

    #[test]
    fn a_head_is_never_too_old_where_no_age_is_given() {
        let mut health = Health::default();
        health.seen(&HealthRule { oldest_head: None, ..RULE }, 100, Duration::from_secs(100_000), 100);
        assert_eq!(health.out(), None);
    }
}
