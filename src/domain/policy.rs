//! What an owner allows and asks for, in one typed value. The article's numbers are the defaults of the configuration; this
//! module only says what each number means.

use std::time::Duration;

use crate::domain::gas::GasRule;
use crate::domain::schedule::Schedule;
use crate::domain::trigger::PerClass;
use crate::domain::units::Weight;

/// The rules of one pool.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Policy drift above which the pool is brought back to its target. Strictly above: exactly the threshold does not fire.
    pub drift_threshold: Weight,
    /// Policy drift that is not worth a scheduled transaction, and the tolerance within which a pool counts as on target.
    pub dead_band: Weight,
    /// Least time between the starts of two ramps; a depeg does not wait for it.
    pub min_interval: Duration,
    /// Calendar of unconditional returns to the target; `None` switches the trigger off.
    pub schedule: Option<Schedule>,
    /// Most that any one weight may move in one ramp.
    pub max_step: Weight,
    /// When the pool counts as not being arbitraged.
    pub composition: CompositionRule,
    /// How long ramps take.
    pub ramp: RampRule,
    /// What gas may cost, and until when to wait for it.
    pub gas: PerClass<GasRule>,
}

/// Composition drift (value share against weight) means that nobody trades the pool: the feed lies, swaps are off, or
/// arbitrage has stopped. Reweighting such a pool moves nothing, so it is held and reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompositionRule {
    /// Drift above this is suspicious.
    pub threshold: Weight,
    /// For how long before it is believed; arbitrage needs a few blocks after every price move.
    pub persist: Duration,
}

/// Bounds of a ramp. See [`crate::domain::ramp`] for how a duration is chosen between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampRule {
    /// Never shorter.
    pub min: Duration,
    /// Never longer, unless the velocity limit demands it.
    pub max: Duration,
    /// Most that any weight may move in an hour, whatever the cost model says.
    pub max_velocity_per_hour: Weight,
    /// How far ahead of the send a ramp starts. The transaction must be included before the start or it is cancelled, because a
    /// late one would compress the ramp (its end is absolute).
    pub start_lead: Duration,
    /// What arbitrageurs pay for one trade, in units of gas: they trade only when the profit exceeds it.
    pub arbitrage_gas: u64,
}
