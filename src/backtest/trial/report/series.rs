//! Lines for charts: so many points that a minute still shows, and no more.

use serde::Serialize;

use crate::backtest::trial::course::{Course, Sample};
use crate::backtest::trial::metrics;
use crate::backtest::trial::world::World;
use crate::domain::units::Timestamp;

/// Ticks of an hour.
pub(super) const HOUR: usize = 60;
/// A line is cut into so many stretches, of each of which its least and its greatest value are shown.
const STRETCHES: usize = 900;

/// A line.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    name: String,
    /// Seconds.
    at: Vec<u64>,
    value: Vec<f64>,
}

/// A stretch in which a peg stood somewhere.
#[derive(Debug, Serialize)]
pub(super) struct Band {
    asset: String,
    state: &'static str,
    from: u64,
    until: u64,
}

/// How a pool stood over time.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    name: String,
    at: Vec<u64>,
    /// For each asset the part of the value.
    shares: Vec<Vec<f64>>,
    /// For each asset the weight.
    targets: Vec<Vec<f64>>,
    /// Stretches without trading.
    closed: Vec<(u64, u64)>,
}

fn line(world: &World, name: &str, values: &[f64]) -> Line {
    let size = values.len().div_ceil(STRETCHES).max(1);
    let (mut at, mut value) = (Vec::new(), Vec::new());
    for (number, stretch) in values.chunks(size).enumerate() {
        let first = number.saturating_mul(size);
        let ends = |pick: fn(&(usize, &f64), &(usize, &f64)) -> std::cmp::Ordering| stretch.iter().enumerate().max_by(pick);
        let low = ends(|one, other| other.1.total_cmp(one.1));
        let high = ends(|one, other| one.1.total_cmp(other.1));
        let mut points: Vec<(usize, f64)> = low.into_iter().chain(high).map(|(place, value)| (place, *value)).collect();
        points.sort_by_key(|(place, _)| *place);
        points.dedup();
        for (place, of) in points {
            at.push(world.time(first.saturating_add(place)).secs());
            value.push(of);
        }
    }
    Line { name: name.to_owned(), at, value }
}

pub(super) fn prices(world: &World) -> Vec<Line> {
    let of = world.market.assets.iter().zip(&world.market.prices);
    of.map(|(asset, prices)| line(world, asset.as_str(), &prices.iter().map(|price| price.as_f64()).collect::<Vec<_>>()))
        .collect()
}

pub(super) fn values(world: &World, course: &Course) -> Line {
    let first = course.equity.first().copied().unwrap_or(1.0);
    let relative: Vec<f64> = course.equity.iter().map(|value| (value / first - 1.0) * 1e4).collect();
    line(world, &course.name, &relative)
}

/// The difference to the value of a yardstick, in basis points of the first.
pub(super) fn ahead(world: &World, course: &Course, yardstick: &Course) -> Line {
    let first = course.equity.first().copied().unwrap_or(1.0);
    let both = course.equity.iter().zip(&yardstick.equity);
    line(world, &course.name, &both.map(|(own, other)| (own - other) / first * 1e4).collect::<Vec<_>>())
}

pub(super) fn drawdowns(world: &World, course: &Course) -> Line {
    let falls: Vec<f64> = metrics::drawdowns(&course.equity).iter().map(|fall| fall * 1e2).collect();
    line(world, &course.name, &falls)
}

pub(super) fn bands(world: &World) -> Vec<Band> {
    let (first, last) = (world.time(0), world.time(world.ticks()));
    let mut bands = Vec::new();
    for course in &world.pegs.courses {
        for (at, moment) in course.moments.iter().enumerate() {
            let until = course.moments.get(at.saturating_add(1)).map_or(last, |next| next.at).min(last);
            let from = moment.at.max(first);
            if from < until {
                let (asset, state) = (course.asset.to_string(), moment.to.label());
                bands.push(Band { asset, state, from: from.secs(), until: until.secs() });
            }
        }
    }
    bands
}

pub(super) fn standing(world: &World, course: &Course) -> Standing {
    let time = |sample: &Sample| world.time(sample.tick);
    let count = course.samples.first().map_or(0, |sample| sample.weights.len());
    let column = |of: fn(&Sample) -> &Vec<f64>| {
        (0..count).map(|at| course.samples.iter().filter_map(|sample| of(sample).get(at).copied()).collect()).collect()
    };
    let mut closed: Vec<(u64, u64)> = Vec::new();
    let mut since: Option<Timestamp> = None;
    for sample in &course.samples {
        match (sample.trading, since) {
            (false, None) => since = Some(time(sample)),
            (true, Some(from)) => {
                closed.push((from.secs(), time(sample).secs()));
                since = None;
            }
            _ => {}
        }
    }
    closed.extend(since.map(|from| (from.secs(), world.time(world.ticks()).secs())));
    Standing {
        name: course.name.clone(),
        at: course.samples.iter().map(|sample| time(sample).secs()).collect(),
        shares: column(|sample| &sample.shares),
        targets: column(|sample| &sample.weights),
        closed,
    }
}
