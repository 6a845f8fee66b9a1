//! A value that holds from one tick until it changes.

/// Values by the tick from which each holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps<T> {
    changes: Vec<(usize, T)>,
}

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Self { changes: Vec::new() }
    }
}

impl<T: PartialEq> Steps<T> {
    /// A value that always holds.
    pub fn constant(value: T) -> Self {
        Self { changes: vec![(0, value)] }
    }

    /// Notes what holds from `tick` on. Ticks come in order; of two at one tick the later holds, and what changes nothing is left out.
    pub fn note(&mut self, tick: usize, value: T) {
        if self.changes.last().is_some_and(|(at, _)| *at == tick) {
            self.changes.pop();
        }
        if self.changes.last().is_none_or(|(_, last)| *last != value) {
            self.changes.push((tick, value));
        }
    }

    /// The same with other values at the same ticks.
    pub fn map<U: PartialEq>(&self, value: impl Fn(&T) -> U) -> Steps<U> {
        Steps { changes: self.changes.iter().map(|(at, of)| (*at, value(of))).collect() }
    }

    /// The ticks at which something else holds than before.
    pub fn ticks(&self) -> impl Iterator<Item = usize> {
        self.changes.iter().map(|(at, _)| *at)
    }

    /// What holds at `tick`; `None` before the first.
    #[must_use]
    pub fn at(&self, tick: usize) -> Option<&T> {
        let next = self.changes.partition_point(|(at, _)| *at <= tick);
        self.changes.get(next.checked_sub(1)?).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_until_it_changes_and_is_not_known_before() {
        let mut steps = Steps::default();
        for (tick, value) in [(3, 'a'), (5, 'a'), (7, 'b'), (7, 'c')] {
            steps.note(tick, value);
        }
        assert_eq!(steps.changes, [(3, 'a'), (7, 'c')]);
        assert_eq!([2, 3, 6, 7, 99].map(|tick| steps.at(tick).copied()), [None, Some('a'), Some('a'), Some('c'), Some('c')]);
    }
}
