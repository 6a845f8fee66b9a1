//! What sending costs: `cargo bench --bench sending` prints a table, and one line of JSON at the end.
//!
//! - *overhead*: from the queue's grant until the sender has the signed bytes, less the time in which the node was asked. In it are the
//!   pool's second look and its plan, C1 as far as it takes longer than the questions beside it, C2 to C4, the local signature, and
//!   every message between the actors. Not in it: the round trip of the broadcast itself.
//! - *restart*: from the start of `ballast run` to its first broadcast; see [`restart`].
//! - *memory*: resident memory of this process after every thousand operations, each carried from its trigger to finality. The journal
//!   lies in memory there, where the machine has such a place, for it is not the disk that is measured.
//!
//! The lane is real from the queue to the node; see [`lane`]. What a durable commit costs alone: `cargo bench --bench journal`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench fails by panicking")]

#[path = "sending/arguments.rs"]
mod arguments;
#[path = "sending/lane.rs"]
mod lane;
#[path = "sending/marks.rs"]
mod marks;
#[path = "sending/restart.rs"]
mod restart;
#[path = "sending/seesaw.rs"]
mod seesaw;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ballast::devnet::toolbox::{self, Toolbox, ToolboxOptions};
use ballast::journal;
use ballast::ports::Journal;
use serde_json::{Value, json};

use lane::Measured;
use marks::Sample;
use restart::Restart;

/// Orders whose overhead is measured, after some that warm up.
const TIMED: usize = 500;
const WARM_UP: usize = 20;
/// Operations over which memory may not grow, and how often it is looked at.
const OVER: u64 = 10_000;
const LOOK_EVERY: u64 = 1_000;

/// Where the journals lie that have to be durable: the folder for temporary files may be no disk.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");

const OVERHEAD_GOAL: Duration = Duration::from_millis(20);
const RESTART_GOAL: Duration = Duration::from_secs(2);

async fn sqlite(folder: &Path) -> Arc<dyn Journal> {
    journal::open(&"sqlite:journal.db".into(), folder).await.unwrap()
}

async fn timed(tools: &Toolbox, folder: &Path) -> Vec<Sample> {
    let mut lane = Measured::open(&tools.anvil, sqlite(folder).await).await;
    let mut samples = Vec::new();
    for _ in 0..WARM_UP + TIMED {
        samples.push(lane.operation().await);
    }
    lane.close().await;
    samples.split_off(WARM_UP)
}

/// Resident memory in KiB after each thousand operations.
async fn memory(tools: &Toolbox, journal: Arc<dyn Journal>) -> Vec<u64> {
    let mut lane = Measured::open(&tools.anvil, journal).await;
    let mut resident = Vec::new();
    for done in 1..=OVER {
        lane.operation().await;
        if done % LOOK_EVERY == 0 {
            resident.push(resident_kib());
            eprintln!("{done} operations are final");
        }
    }
    lane.close().await;
    resident
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// The machine's load over the last minute; unknown where it has another way to say so.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// One figure: the nearest rank, in milliseconds to the hundredth.
struct Figure {
    what: &'static str,
    median: f64,
    p99: f64,
    n: usize,
    goal: Option<Duration>,
}

impl Figure {
    fn new(what: &'static str, mut times: Vec<Duration>, goal: Option<Duration>) -> Self {
        times.sort_unstable();
        let millis = |time: Duration| (time.as_secs_f64() * 100_000.0).round() / 100.0;
        let rank = |percent: usize| millis(times[(times.len() * percent).div_ceil(100) - 1]);
        Self { what, median: rank(50), p99: rank(99), n: times.len(), goal }
    }

    fn print(&self) {
        let goal = self.goal.map(|goal| format!("  (goal: below {} ms)", goal.as_millis())).unwrap_or_default();
        eprintln!("{:<58} {:>9.2} {:>9.2} {:>6}{goal}", self.what, self.median, self.p99, self.n);
    }

    fn json(&self) -> Value {
        json!({ "median_ms": self.median, "p99_ms": self.p99, "n": self.n, "goal_ms": self.goal.map(|goal| goal.as_secs_f64() * 1_000.0) })
    }
}

fn figures(samples: &[Sample], restarts: &[Restart]) -> [(&'static str, Figure); 8] {
    let of = |what, part: fn(&Sample) -> Duration| Figure::new(what, samples.iter().map(part).collect(), None);
    let since = |what, part: fn(&Restart) -> Duration| Figure::new(what, restarts.iter().map(part).collect(), None);
    let goal = |figure: Figure, goal| Figure { goal: Some(goal), ..figure };
    [
        ("overhead", goal(of("queue to broadcast, less the questions to the node", Sample::overhead), OVERHEAD_GOAL)),
        ("deciding", of("  of it: grant, second look, plan, admission", |sample| sample.deciding)),
        ("reserving", of("  of it: rest of C1, last look, C2", |sample| sample.reserving)),
        ("signing", of("  of it: signature, C3, C4", |sample| sample.signing)),
        ("asking", of("beside it: simulation and nonce, asked at once", |sample| sample.asking)),
        ("broadcast", of("after it: the round trip of the broadcast", |sample| sample.handing_over)),
        ("restart", goal(since("start of the process to its first broadcast", |restart| restart.first), RESTART_GOAL)),
        ("restart_all", since("start of the process until all open ones are sent", |restart| restart.all)),
    ]
}

#[tokio::main]
async fn main() {
    // The log is written as in production, to nowhere.
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_writer(std::io::sink).init();
    let before = load();
    let wanted = ToolboxOptions { search_path: Some("/usr/local/bin:/usr/bin:/bin".into()), ..ToolboxOptions::default() };
    let tools = toolbox::find(&wanted).await.unwrap();
    let disk = tempfile::tempdir_in(DISK).unwrap();
    let samples = timed(&tools, disk.path()).await;
    let place = Some(PathBuf::from("/dev/shm")).filter(|place| place.is_dir()).unwrap_or_else(std::env::temp_dir);
    let light = tempfile::tempdir_in(place).unwrap();
    let journal = sqlite(light.path()).await;
    let resident = memory(&tools, journal.clone()).await;
    let restarts = restart::restarts(&tools, &journal, light.path()).await;

    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let after = load();
    let figures = figures(&samples, &restarts);
    eprintln!("\n{cores} cores, load {before:?} before and {after:?} after; optimised: {}", !cfg!(debug_assertions));
    eprintln!("{:<58} {:>9} {:>9} {:>6}", "milliseconds", "median", "p99", "n");
    for (_, figure) in &figures {
        figure.print();
    }
    eprintln!("journal: SQLite, synchronous = FULL, on the disk; what one commit costs alone: cargo bench --bench journal");
    eprintln!("restart: over {OVER} operations that are over and {} that are in flight", restart::OPEN);
    eprintln!("resident memory in KiB after each {LOOK_EVERY} operations (goal: no growth): {resident:?}");
    let figures: serde_json::Map<String, Value> =
        figures.iter().map(|(name, figure)| ((*name).to_owned(), figure.json())).collect();
    let line = json!({
        "bench": "sending",
        "optimised": !cfg!(debug_assertions),
        "cores": cores,
        "load": { "before": before, "after": after },
        "figures": figures,
        "restart": { "over": OVER, "open": restart::OPEN },
        "rss_kib": { "every": LOOK_EVERY, "resident": resident },
    });
    println!("{line}");
}
