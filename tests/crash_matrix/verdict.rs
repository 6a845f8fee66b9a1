//! How a run is judged: by the chain's own events first, and by the journal only where the chain cannot tell.

/// What became of the one intent of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The weights were ordered to move once, and the journal has closed the matter.
    Right,
    /// They were ordered to move more than once.
    Doubled,
    /// The journal has closed the matter, and they were never ordered to move.
    Lost,
    /// It did not come to an end in time.
    Unfinished,
    /// It came out right on the chain, and something else is wrong: a planned kill that did not happen, an exit code.
    Wrong,
}

impl Verdict {
    /// Judges a run by the number of ramps that the chain has scheduled, by whether it came to its end, whether the journal has
    /// something open, and whether anything else went wrong.
    pub(crate) const fn of(ramps: usize, finished: bool, open: bool, wrong: bool) -> Self {
        match (ramps, finished) {
            (2.., _) => Self::Doubled,
            (0, _) if !open => Self::Lost,
            (1, true) if wrong => Self::Wrong,
            (1, true) => Self::Right,
            _ => Self::Unfinished,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Doubled => "DOUBLED",
            Self::Lost => "LOST",
            Self::Unfinished => "UNFINISHED",
            Self::Wrong => "WRONG",
        }
    }
}
