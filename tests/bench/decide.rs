//! What a decision costs: `cargo bench --bench decide` prints a table, and one line of JSON at the end.
//!
//! Under the policy `guarded` of the example settings, in scenes that a pool goes through: quiet, off its target (the dearest, because a
//! ramp is planned in several ways and its worth is counted), and a coin off its peg.
//!
//! - *latency*: one call of `decide`, over facts that are at hand.
//! - *throughput*: pools a second on one core from the raw answers of a block: decoded, put together with pegs, volatilities and prices,
//!   and decided.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::panic,
    reason = "a bench fails by panicking"
)]

#[path = "decide/scene.rs"]
mod scene;

use std::hint::black_box;
use std::time::Duration;

use ballast::domain::decide::{Decision, decide};
use serde_json::json;
use tokio::time::Instant;

use scene::{Kind, Scene};

/// Decisions that are timed in each scene, after some that warm up.
const TIMED: usize = 50_000;
const WARM_UP: usize = 2_000;
/// Pools of the measurement of throughput.
const POOLS: usize = 10_000;

const LATENCY_GOAL: Duration = Duration::from_micros(20);
const THROUGHPUT_GOAL: f64 = 10_000.0;

/// The times of single decisions, sorted.
fn latency(scene: &Scene) -> Vec<Duration> {
    let position = scene.position();
    let mut times = Vec::with_capacity(TIMED);
    for number in 0..WARM_UP + TIMED {
        let facts = scene.facts(&position);
        let start = Instant::now();
        let decision = decide(black_box(&facts), &scene.memory, &scene.policy, &scene.mandate);
        let took = start.elapsed();
        black_box(&decision);
        if number >= WARM_UP {
            times.push(took);
        }
    }
    times.sort_unstable();
    times
}

/// Pools a second, from raw answers to decisions.
fn throughput(scene: &Scene) -> f64 {
    let start = Instant::now();
    for _ in 0..POOLS {
        let position = scene.position();
        let decision = decide(&scene.facts(&position), &scene.memory, &scene.policy, &scene.mandate);
        black_box(decision);
    }
    POOLS as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    println!("{:<12} {:>12} {:>12} {:>12} {:>14}", "scene", "p50", "p99", "max", "pools/s");
    let (mut worst, mut slowest, mut scenes) = (Duration::ZERO, f64::INFINITY, Vec::new());
    for kind in Kind::ALL {
        let scene = Scene::new(kind);
        let position = scene.position();
        let decided = decide(&scene.facts(&position), &scene.memory, &scene.policy, &scene.mandate);
        assert_eq!(decided.code(), kind.code(), "{decided}");
        assert_eq!(matches!(decided, Decision::Act { .. }), kind.acts());
        let times = latency(&scene);
        let (p50, p99, max) = (times[TIMED / 2], times[TIMED * 99 / 100], times[TIMED - 1]);
        let rate = throughput(&scene);
        println!("{:<12} {p50:>12?} {p99:>12?} {max:>12?} {rate:>14.0}", kind.name());
        (worst, slowest) = (worst.max(p99), slowest.min(rate));
        let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
        scenes.push(json!({ "scene": kind.name(), "p50_us": micros(p50), "p99_us": micros(p99), "pools_per_second": rate }));
    }
    let reached = worst <= LATENCY_GOAL && slowest >= THROUGHPUT_GOAL;
    println!("{}", json!({ "scenes": scenes, "p99_goal_us": 20, "pools_per_second_goal": THROUGHPUT_GOAL, "reached": reached }));
}
