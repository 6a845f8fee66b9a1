//! What a trial costs: `cargo bench --bench backtest` prints a table, and one line of JSON at the end. Ninety days of minutes, three coins,
//! of history where `../shared/data` is and of a story where it is not.
//!
//! - *exact*: a trial on the contracts' own numbers, to the wei, with the decision that runs in production.
//! - *fast*: the same with swaps in floats, for searches. The bench fails where it decides anything else than the exact one.
//! - *search*: a hundred policies on all cores.
//! - *swaps*: what comes out of a weighted pool, beside `balancer-maths-rust`, which has to say the same.
//! - *rivals*: pure Python and vectorbt on the same prices; they need packages, which `.ci/bench-backtest` installs.
//!
//! A figure is the median of its rounds. Making the world, which all trials share, is told apart.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::panic,
    reason = "a bench fails by panicking"
)]

#[path = "backtest/rivals.rs"]
mod rivals;
#[path = "backtest/swaps.rs"]
mod swaps;

use std::path::Path;
use std::time::Duration;

use ballast::backtest::Span;
use ballast::backtest::trial::run::{How, run_as};
use ballast::backtest::trial::{Acts, Archive, Contender, Course, Law, Setup, World, story};
use ballast::chain::managed_pool::NEEDS;
use ballast::cli::backtest::contenders::named;
use ballast::domain::units::{Timestamp, Weight};
use rayon::prelude::*;
use serde_json::json;
use tokio::time::Instant;

/// Rounds of which the median counts.
const ROUNDS: usize = 7;
/// Ninety days of minutes.
const TICKS: u32 = 129_600;
/// Policies of the search.
const POLICIES: u32 = 100;
const EXACT_GOAL: f64 = 1e6;
const FAST_GOAL: f64 = 10e6;
const SEARCH_GOAL: Duration = Duration::from_secs(1);

/// The median time of something.
fn timed<T>(mut what: impl FnMut() -> T) -> (Duration, T) {
    let mut last = what();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            last = what();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[ROUNDS / 2], last)
}

fn world(setup: &Setup) -> World {
    let (rule, votes) = ballast::config::peg_defaults().unwrap();
    let law = Law { rule, votes, operator: Some(Duration::from_hours(24)) };
    let data = Path::new("../shared/data");
    if data.is_dir() {
        let archive = Archive::load(data).unwrap();
        let all = archive.span(&setup.mandate.assets).unwrap();
        // March has to be in it.
        let from = Timestamp::from_secs(1_675_209_600);
        World::of_history(&archive, Span { from, until: from.plus(all.step * TICKS), ..all }, &setup.mandate, law).unwrap()
    } else {
        World::of_story(&story::Story { lasts: Duration::from_mins(TICKS.into()), ..story::SYNTHETIC }, &setup.mandate, law, 1)
    }
}

/// The default policy with other numbers.
fn variant(number: u32) -> Contender {
    let contender = named("guarded").unwrap();
    let Acts::By(policy) = contender.acts else { panic!("guarded is a policy") };
    let mut policy = *policy;
    policy.drift_threshold = Weight::from_bps(200 + number * 5);
    policy.depeg.reopen.settled = Duration::from_mins(u64::from(number) * 3);
    Contender { name: number.to_string(), acts: Acts::By(Box::new(policy)) }
}

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", load.trim());
    let setup = Setup::example(NEEDS).unwrap();
    let began = Instant::now();
    let world = world(&setup);
    println!("{}: {} ticks of three coins; read and judged in {:?}\n", world.name, world.ticks(), began.elapsed());
    let rate = |took: Duration| world.ticks() as f64 / took.as_secs_f64();

    println!("{:<34} {:>12} {:>14}", "one core", "time", "M ticks/s");
    let mut rates = Vec::new();
    for name in ["guarded", "freeze-only", "pool"] {
        let contender = named(name).unwrap();
        let as_ = |how| run_as(&world, &setup, &contender, how).unwrap();
        let (exact_took, exact) = timed(|| as_(How::EXACT));
        let (fast_took, fast) = timed(|| as_(How::FAST));
        assert_eq!(told(&exact), told(&fast), "{name} decides otherwise in floats");
        for (how, took) in [("exact", exact_took), ("fast", fast_took)] {
            println!("{:<34} {took:>12.1?} {:>14.2}", format!("{name}, {how}"), rate(took) / 1e6);
        }
        rates.push((rate(exact_took), rate(fast_took)));
    }
    let (exact, fast) = rates[0];

    let variants: Vec<Contender> = (0..POLICIES).map(variant).collect();
    let one = |contender: &Contender| run_as(&world, &setup, contender, How::FAST).unwrap().books.ended;
    let (search, _) = timed(|| variants.par_iter().map(one).collect::<Vec<f64>>());
    let cores = rayon::current_num_threads();
    println!("\n{POLICIES} policies x {} ticks on {cores} cores: {search:.2?}\n", world.ticks());

    let (ours, theirs) = swaps::rates();
    println!(
        "swaps of a known amount in: {:.2} M/s; balancer-maths-rust {:.2} M/s: {:.2} x\n",
        ours / 1e6,
        theirs / 1e6,
        ours / theirs
    );

    let python = std::env::args().skip_while(|argument| argument != "--python").nth(1);
    let rivals = python.map_or_else(Vec::new, |python| rivals::measured(&python, &world));
    for (name, ticks) in &rivals {
        println!("{name:<12} {:>8.2} M ticks/s; fast is {:.1} x, exact {:.1} x", ticks / 1e6, fast / ticks, exact / ticks);
    }
    if rivals.is_empty() {
        println!("rivals in Python: not measured here; .ci/bench-backtest installs and measures them");
    }
    let goals = [
        ("exact", exact >= EXACT_GOAL),
        ("fast", fast >= FAST_GOAL),
        ("search", search <= SEARCH_GOAL),
        ("swaps", ours >= 1.5 * theirs),
    ];
    let missed: Vec<&str> = goals.iter().filter(|(_, met)| !met).map(|(name, _)| *name).collect();
    println!("\ngoals missed: {}", if missed.is_empty() { "none".to_owned() } else { missed.join(", ") });
    println!(
        "{}",
        json!({
            "ticks": world.ticks(), "exact_ticks_s": exact, "fast_ticks_s": fast, "search_s": search.as_secs_f64(), "cores": cores,
            "swaps_s": ours, "balancer_maths_rust_s": theirs, "rivals_ticks_s": rivals.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "load": load.trim(), "missed": missed,
        })
    );
}

/// What a course decided and did.
fn told(course: &Course) -> Vec<(Timestamp, &'static str)> {
    let said = course.said.iter().map(|said| (said.at, said.code));
    said.chain(course.acts.iter().map(|act| (act.at, act.plan))).collect()
}
