//! The ways in which a run can be made. None changes what is decided: that is a test.

/// How often a contender looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At every tick.
    Always,
    /// Whenever a look could see something else than the last one did.
    WhenItMatters,
}

/// What swaps are counted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maths {
    /// The contracts' own numbers, to the wei.
    Exact,
    /// Floats: for a search through thousands of policies, which are compared and not settled by the wei. Decisions are those of the exact
    /// run, by the same code; the books balance as well, and differ from its by less than a cent.
    Float,
}

/// How a run is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// It changes nothing but the time that a run takes.
    pub pace: Pace,
    /// It changes the last digits.
    pub maths: Maths,
}

impl How {
    /// To the wei.
    pub const EXACT: Self = Self { pace: Pace::WhenItMatters, maths: Maths::Exact };
    /// For a search.
    pub const FAST: Self = Self { pace: Pace::WhenItMatters, maths: Maths::Float };
}
