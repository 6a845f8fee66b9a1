//! What judging prices costs: `cargo bench --bench prices` prints a table, and one line of JSON at the end.
//!
//! The watch is the real one, over 200 sources in all six groups. Half of them are on a chain, a third quote in another asset,
//! and two other assets stand beside it.
//!
//! - *latency*: from the moment at which a reading is handed to the watch until its verdict is on the board and whoever waits for
//!   it knows. One reading at a time, so that nothing queues.
//! - *throughput*: readings in one second of one core, on which they are made and judged; a verdict follows from each of them.
//! - *memory*: resident memory after each hour of a day. The clock of the runtime jumps from round to round: the watch beats as
//!   often as in a real day, and every source speaks once in [`ROUND`], more rarely than books do. Sources fail, go silent for an
//!   hour and come back, and the price leaves its peg every six hours.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_precision_loss, reason = "a bench fails by panicking")]

#[path = "prices/market.rs"]
mod market;

use std::time::Duration;

use ballast::domain::peg::PegState;
use ballast::ports::Clock;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use market::{Market, SOURCES, noise};

/// Readings whose latency is measured, after some that warm up.
const TIMED: usize = 5_000;
const WARM_UP: usize = 500;
/// Time between two of them.
const PACE: Duration = Duration::from_millis(2);

/// Readings of the measurement of throughput, and how many of them are made before the watch hears the first.
const READINGS: u32 = 500_000;
const AT_ONCE: u32 = 1_000;

/// A day, and how often each source speaks.
const HOURS: u64 = 24;
const ROUND: Duration = Duration::from_secs(5);

const LATENCY_GOAL: Duration = Duration::from_millis(1);
const THROUGHPUT_GOAL: f64 = 50_000.0;
/// By how much the last four looks at the memory may differ.
const GROWTH_GOAL_KIB: u64 = 512;

/// The time in which each reading became a verdict, sorted.
async fn latency() -> Vec<Duration> {
    let market = Market::open().await;
    let mut times = Vec::with_capacity(WARM_UP + TIMED);
    let mut pace = tokio::time::interval(PACE);
    for number in (0..SOURCES).cycle().take(WARM_UP + TIMED) {
        pace.tick().await;
        // Each has a time of its own, so that its verdict is known from all others.
        let as_of = market.board.look(|peg| peg.as_of).plus(Duration::from_millis(1)).max(market.clock.now());
        market.others_stand_at_par(as_of);
        let reading = market.reading(number, 0, as_of);
        let start = Instant::now();
        market.tell(reading);
        market.board.wait_for(|peg| peg.as_of >= as_of).await;
        times.push(start.elapsed());
    }
    market.close();
    let mut times = times.split_off(WARM_UP);
    times.sort_unstable();
    times
}

/// Readings per second.
async fn throughput() -> f64 {
    let market = Market::open().await;
    let begun = market.clock.now();
    let start = Instant::now();
    for number in 0..READINGS {
        // A tenth of a millisecond between two: each source speaks fifty times in a second.
        let as_of = begun.plus(Duration::from_micros(100) * number);
        if number % AT_ONCE == 0 {
            market.others_stand_at_par(as_of);
            market.explain().await;
        }
        market.tell(market.reading(number % SOURCES, 0, as_of));
    }
    let explanation = market.explain().await;
    let took = start.elapsed();
    assert_eq!((explanation.ballots.len(), explanation.verdict.groups.len()), (SOURCES as usize, 6));
    market.close();
    f64::from(READINGS) / took.as_secs_f64()
}

/// What the day did to the memory.
struct Day {
    resident_kib: Vec<u64>,
    readings: u64,
    episodes: u64,
    moves: u64,
}

/// The price at some minute: an hour of every six is bad, and each time another depth.
const fn below_bps(minute: u64) -> u32 {
    match (minute % 360, minute / 360 % 4) {
        (60..120, 0) => 150,
        (60..120, 1) => 700,
        (60..120, 2) => 70,
        (60..120, _) => 240,
        _ => 0,
    }
}

async fn memory() -> Day {
    let market = Market::open().await;
    let mut day = Day { resident_kib: Vec::new(), readings: 0, episodes: 0, moves: 0 };
    let mut state = PegState::Sound;
    let rounds_per_hour = 3_600 / ROUND.as_secs();
    for round in 0..HOURS * rounds_per_hour {
        tokio::time::advance(ROUND).await;
        let (now, hour) = (market.clock.now(), round / rounds_per_hour);
        market.others_stand_at_par(now);
        for number in 0..SOURCES {
            let chance = noise(u64::from(number), round) % 100;
            // A twelfth of the sources is silent for this hour.
            if (u64::from(number) + hour) % 12 == 0 {
                continue;
            }
            let below_bps = below_bps(round * ROUND.as_secs() / 60);
            market.tell(if chance < 2 { market.fault(number, now) } else { market.reading(number, below_bps, now) });
            day.readings += 1;
        }
        market.explain().await;
        let found = market.board.look(|peg| peg.state);
        day.moves += u64::from(found != state);
        state = found;
        if (round + 1) % rounds_per_hour == 0 {
            day.resident_kib.push(resident_kib());
        }
    }
    day.episodes = market.board.look(|peg| peg.episode);
    market.close();
    day
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

fn one_core(paused: bool) -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(paused).build().unwrap()
}

fn main() {
    // The log is written as in production, to nowhere.
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_writer(std::io::sink).init();
    let before = load();
    let times = Builder::new_multi_thread().enable_all().build().unwrap().block_on(latency());
    eprintln!("the latency is measured");
    let per_second = one_core(false).block_on(throughput());
    eprintln!("the throughput is measured");
    // Out here it is the machine's time.
    let start = Instant::now();
    let day = one_core(true).block_on(memory());
    let took = start.elapsed();

    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let after = load();
    let micros = |percent: usize| (times[(times.len() * percent).div_ceil(100) - 1].as_secs_f64() * 10_000_000.0).round() / 10.0;
    let (p50, p99, max) = (micros(50), micros(99), micros(100));
    let last = &day.resident_kib[day.resident_kib.len() - 4..];
    let growth = last.iter().max().unwrap() - last.iter().min().unwrap();
    eprintln!("\n{cores} cores, load {before:?} before and {after:?} after; optimised: {}", !cfg!(debug_assertions));
    eprintln!("{SOURCES} sources in 6 groups");
    eprintln!("{:<58} {:>9} {:>9} {:>9} {:>6}", "microseconds", "median", "p99", "max", "n");
    let goal = LATENCY_GOAL.as_micros();
    eprintln!("{:<58} {p50:>9.1} {p99:>9.1} {max:>9.1} {:>6}  (goal: p99 below {goal})", "a reading to its verdict", times.len());
    eprintln!("{:<58} {per_second:>9.0}  (goal: at least {THROUGHPUT_GOAL})", "readings per second on one core");
    let Day { resident_kib, readings, episodes, moves } = &day;
    eprintln!(
        "{HOURS} hours in {took:.0?}: {readings} readings, each source every {ROUND:?}; {moves} states, {episodes} episodes"
    );
    eprintln!("resident memory in KiB after each hour: {resident_kib:?}");
    eprintln!("the last four differ by {growth} KiB  (goal: at most {GROWTH_GOAL_KIB})");
    let line = json!({
        "bench": "prices",
        "optimised": !cfg!(debug_assertions),
        "cores": cores,
        "load": { "before": before, "after": after },
        "sources": SOURCES,
        "latency": { "p50_us": p50, "p99_us": p99, "max_us": max, "n": times.len(), "goal_us": goal },
        "throughput": { "per_second": per_second.round(), "n": READINGS, "goal": THROUGHPUT_GOAL },
        "rss_kib": { "hours": resident_kib, "last_four_differ_by": growth, "goal": GROWTH_GOAL_KIB },
        "day": { "readings": readings, "round_s": ROUND.as_secs(), "moves": moves, "episodes": episodes },
    });
    println!("{line}");
}
