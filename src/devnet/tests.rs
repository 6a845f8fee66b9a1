//! The world on a real node with the real contracts. Without node and contracts (a checkout where nobody ran npm) each test fails
//! with the sentence that says what to install.

mod files;
#[cfg(unix)]
mod install;
mod maths;
mod outage;
mod relay;
mod reorg;
mod stories;
mod venues;
mod world;

use std::time::Duration;

use super::toolbox::{self, Toolbox};
use super::world::{World, WorldOptions};
use crate::domain::units::Timestamp;

const START: Timestamp = Timestamp::from_secs(1_780_000_000);

fn tools() -> Toolbox {
    toolbox::for_tests()
}

async fn world() -> World {
    World::start(WorldOptions::new(tools(), START)).await.unwrap()
}

/// Whether a process with this id exists and is no zombie.
fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The node itself under its watchman.
fn children(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

async fn gone(pids: &[u32]) -> bool {
    for _ in 0..200 {
        if !pids.iter().any(|pid| lives(*pid)) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
