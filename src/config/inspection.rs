//! What one reading of a configuration shares: where it lies, and the growing list of its faults.

use std::cell::RefCell;
use std::path::Path;

use super::environment::Environment;
use super::fault::{Fault, Faults};

/// Stands for a value that could not be read; its fault has been recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reported;

/// A value, or the knowledge that its fault is on the list.
pub(super) type Read<T> = Result<T, Reported>;

/// One reading of a configuration: where it lies and what was wrong so far.
#[derive(Debug)]
pub(super) struct Inspection<'a> {
    /// The configuration directory; relative paths begin here.
    pub(super) dir: &'a Path,
    /// Variables that values may name.
    pub(super) environment: &'a Environment,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Inspection<'a> {
    pub(super) const fn new(dir: &'a Path, environment: &'a Environment) -> Self {
        Self { dir, environment, faults: RefCell::new(Vec::new()) }
    }

    /// Records a fault once: a value that several sections share is read several times.
    pub(super) fn report(&self, fault: Fault) -> Reported {
        let mut faults = self.faults.borrow_mut();
        let same = |old: &Fault| old.place == fault.place && old.found == fault.found && old.expected == fault.expected;
        let leaf = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        if !faults.iter().any(|old| same(old) && leaf(&old.key) == leaf(&fault.key)) {
            faults.push(fault);
        }
        Reported
    }

    pub(super) fn into_faults(self) -> Faults {
        Faults(self.faults.into_inner())
    }
}
