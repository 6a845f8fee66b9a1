//! The pure core: data in, decision out. No I/O, no clock, no runtime, no actor, and no word of any exchange's own: a pool is a
//! *position* with weights here. `tests/architecture.rs` keeps it so.

pub mod allocation;
pub mod brakes;
pub mod budget;
pub mod correction;
pub mod decide;
pub mod defence;
pub mod fees;
pub mod finality;
pub mod gas;
pub mod ids;
pub mod lane;
pub mod mode;
pub mod moves;
pub mod operation;
pub mod outcome;
pub mod peg;
pub mod plan;
pub mod policy;
pub mod position;
pub mod power;
pub mod ramp;
pub mod reading;
pub mod record;
pub mod restart;
pub mod route;
pub mod schedule;
pub mod source;
pub mod target;
#[cfg(test)]
pub(crate) mod testing;
pub mod transmission;
pub mod trigger;
pub mod truth;
pub mod turns;
pub mod units;
pub mod volatility;
pub mod worth;
pub mod yields;
