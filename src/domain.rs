//! The pure core: data in, decision out. No I/O, no clock, no runtime, no actor, and no word of any exchange's own: a pool is a
//! *position* with weights here. `tests/architecture.rs` keeps it so.

pub mod allocation;
pub mod budget;
pub mod decide;
pub mod fees;
pub mod finality;
pub mod gas;
pub mod ids;
pub mod lane;
pub mod operation;
pub mod outcome;
pub mod peg;
pub mod plan;
pub mod policy;
pub mod position;
pub mod ramp;
pub mod reading;
pub mod restart;
pub mod route;
pub mod schedule;
pub mod source;
pub mod target;
pub mod transmission;
pub mod trigger;
pub mod truth;
pub mod turns;
pub mod units;
pub mod yields;
