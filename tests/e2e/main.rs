//! What Ballast promises, told as stories: each on a chain of its own with the real Balancer V2, one story a file. The program runs
//! through its own settings; nothing that can run here is played by a stand-in. Nobody sleeps: a story waits for a block, for a
//! word of the program, or for a message that arrives.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that finds something else than it expects has failed, in its helpers too"
)]

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod backup;
mod crash;
mod depeg;
#[cfg(target_os = "linux")]
mod disk;
mod drift;
mod duel;
mod feeds;
mod freeze;
mod gas;
mod modes;
mod ops;
mod outage;
mod owner;
mod prices;
mod process;
mod relay;
mod reload;
mod schedule;
mod settings;
mod stuck;
mod telemetry;
mod treasury;
mod yields;
