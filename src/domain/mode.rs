//! How far Ballast may go with a pool. A pool goes up one mode at a time, and only by its owner's word.

use std::fmt;

/// How far Ballast may go with a pool; the derived order is the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Facts and verdicts: it is read and judged, and no turn is asked for.
    Observe,
    /// Everything but sending: what would be sent is simulated on the chain and told.
    DryRun,
    /// Everything.
    Live,
}

impl Mode {
    /// All modes, on the way up.
    pub const ALL: [Self; 3] = [Self::Observe, Self::DryRun, Self::Live];

    /// The word of the settings and of reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::DryRun => "dry-run",
            Self::Live => "live",
        }
    }

    /// The next one on the way up.
    #[must_use]
    pub const fn above(self) -> Option<Self> {
        match self {
            Self::Observe => Some(Self::DryRun),
            Self::DryRun => Some(Self::Live),
            Self::Live => None,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_up_is_one_mode_at_a_time_and_ends_at_live() {
        let way: Vec<Mode> = std::iter::successors(Some(Mode::Observe), |mode| mode.above()).collect();
        assert_eq!(way, Mode::ALL);
        assert!(Mode::ALL.is_sorted());
    }
}
