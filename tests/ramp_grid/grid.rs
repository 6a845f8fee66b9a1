//! What is tried.

use std::time::Duration;

use crate::outcome::Prophet;
use crate::trial::Trial;

const FROM: [u32; 3] = [4_000, 3_500, 2_500];
const TO: [u32; 3] = [3_500, 4_000, 2_500];
/// All but ten points of USDC are sold; the others take its weight in proportion.
const OUT_OF_USDC: [u32; 3] = [5_538, 1_000, 3_462];

/// What a swap costs an arbitrageur, in dollars.
pub(crate) const COSTS: [f64; 4] = [0.05, 1.0, 5.0, 10.0];
/// How long a ramp takes.
pub(crate) const DURATIONS: [Duration; 5] = [
    Duration::from_secs(12),
    Duration::from_secs(150),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(24),
];

/// The table: every duration for every cost, one duration after the other. Quick: up to ten minutes.
pub(crate) fn table(quick: bool) -> Vec<Trial> {
    let longest = if quick { Duration::from_mins(10) } else { Duration::MAX };
    let durations = DURATIONS.into_iter().filter(|duration| *duration <= longest);
    durations.flat_map(|duration| COSTS.map(|cost| five_points(duration, cost))).collect()
}

/// The same move for as long as the planner would have it take, for every cost.
pub(crate) fn chosen(prophet: Prophet) -> Vec<Trial> {
    let planned = |cost| {
        let trial = five_points(Duration::ZERO, cost);
        Trial { duration: prophet.choice(&trial), ..trial }
    };
    COSTS.map(planned).into()
}

/// Moves of another size.
pub(crate) fn others() -> Vec<Trial> {
    let [short, middle, long] = [10, 20, 60].map(Duration::from_mins);
    let small = Trial { to: [3_800, 3_700, 2_500], ..five_points(short, 5.0) };
    let out = |duration| Trial { to: OUT_OF_USDC, ..five_points(duration, 5.0) };
    let back = Trial { from: OUT_OF_USDC, to: FROM, ..five_points(long, 5.0) };
    vec![small, out(middle), out(long), back]
}

/// The cells of the table that are tried in a restless market, each with so many seeds. For each seed there is a pool with a ramp
/// and behind it one without: what the second loses in the same market is no fault of the ramp.
pub(crate) fn restless(quick: bool, seeds: u64) -> Vec<Vec<Trial>> {
    let durations = if quick { &DURATIONS[2..3] } else { &DURATIONS[2..4] };
    let seeds = |duration, cost| (1..=seeds).flat_map(move |seed| twins(duration, cost, seed)).collect();
    let cells = durations.iter().flat_map(|duration| COSTS[..3].iter().map(|cost| seeds(*duration, *cost)));
    cells.filter(|trials: &Vec<Trial>| !trials.is_empty()).collect()
}

fn twins(duration: Duration, cost: f64, seed: u64) -> [Trial; 2] {
    let moved = Trial { seed: Some(seed), ..five_points(duration, cost) };
    let still = Trial { to: FROM, ..moved.clone() };
    [moved, still]
}

const fn five_points(duration: Duration, cost: f64) -> Trial {
    Trial { from: FROM, to: TO, duration, cost, seed: None }
}
