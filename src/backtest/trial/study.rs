//! Several contenders in one world, side by side.

use rayon::prelude::*;
use serde::Serialize;

use super::course::{Act, Books, Course, Said};
use super::market::Coverage;
use super::metrics::{Measures, measure};
use super::run::{RunFault, run};
use super::sensitivity::Changed;
use super::setup::{Contender, Setup};
use super::world::World;
use crate::backtest::court::{Course as PegCourse, Moment};
use crate::domain::units::Price;

/// The comparison, for programs.
#[derive(Clone, Debug, Serialize)]
pub struct Study {
    /// What was replayed.
    pub world: String,
    /// The first tick.
    pub from: String,
    /// The end.
    pub until: String,
    /// How many ticks.
    pub ticks: usize,
    /// Between two ticks.
    pub step_seconds: u64,
    /// The assets, in the order of the pool.
    pub assets: Vec<String>,
    /// What the pool was worth.
    pub value_usd: f64,
    /// Its swap fee, as a part of one.
    pub swap_fee: f64,
    /// The part of the market's turnover that it saw.
    pub volume_share: f64,
    /// Blocks from a decision to the inclusion of its transaction.
    pub inclusion_blocks: u32,
    /// Where prices come from.
    pub coverage: Vec<Coverage>,
    /// What was assumed or done to the data.
    pub notes: Vec<String>,
    /// Every change of what was known of a peg.
    pub pegs: Vec<PegMove>,
    /// One for each contender.
    pub rows: Vec<Row>,
    /// The same with one number changed at a time, where that was asked for.
    pub sensitivity: Vec<Changed>,
}

/// A change of what was known of a peg.
#[derive(Clone, Debug, Serialize)]
pub struct PegMove {
    /// The asset.
    pub asset: String,
    /// When.
    pub at: String,
    /// Its state before.
    pub from: &'static str,
    /// Its state after.
    pub to: &'static str,
    /// Where the sources met, in dollars.
    pub level: Option<f64>,
}

/// One contender.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its measures; the yardstick of the tracking error is the first contender.
    pub measures: Measures,
    /// Where the difference comes from.
    pub books: Books,
    /// The parts of the pool that its changes of weights moved, added up.
    pub turnover: f64,
    /// Looks at which gas was too dear for what was due.
    pub waits: u64,
    /// Trades of arbitrageurs.
    pub arbitrage_trades: u64,
    /// Every transaction.
    pub acts: Vec<Act>,
    /// Every change of what was decided.
    pub said: Vec<Said>,
}

/// What every trial assumes.
const ASSUMPTIONS: [&str; 5] = [
    "prices, and what is known of them, change once a minute; blocks come in between, and ramps and transactions live in blocks",
    "arbitrageurs see the market at once and trade whenever it pays for their gas; the bot's transaction comes some blocks after its \
     look, at the price of gas of the day",
    "everybody else trades there and back once an hour, so that nothing but the fee stays in the pool; nobody pays more than the usual \
     fee, and while it is higher so much less is traded",
    "the treasury owns the whole pool, and has nothing outside of it to trade with",
    "every asset is the coin itself: what it earns elsewhere it does not earn in the pool",
];

/// Lets all contenders through the world, on all cores. They come back in their order; `done` hears of each that has finished.
///
/// # Errors
/// The first run that proves nothing.
pub fn compare(
    world: &World,
    setup: &Setup,
    contenders: &[Contender],
    done: impl Fn(&Contender) + Sync,
) -> Result<(Study, Vec<Course>), RunFault> {
    let one = |contender: &Contender| run(world, setup, contender).inspect(|_| done(contender));
    let courses: Vec<Course> = contenders.par_iter().map(one).collect::<Result<_, _>>()?;
    Ok((study(world, setup, &courses), courses))
}

fn study(world: &World, setup: &Setup, courses: &[Course]) -> Study {
    let per_day = usize::try_from(86_400 / world.span.step.as_secs().max(1)).unwrap_or(1);
    let yardstick = courses.first().map(|course| course.equity.as_slice()).unwrap_or_default();
    let row = |course: &Course| Row {
        name: course.name.clone(),
        measures: measure(&course.equity, yardstick, per_day),
        books: course.books,
        turnover: course.turnover,
        waits: course.waits,
        arbitrage_trades: course.trades,
        acts: course.acts.clone(),
        said: course.said.clone(),
    };
    Study {
        world: world.name.clone(),
        from: world.time(0).to_string(),
        until: world.time(world.ticks()).to_string(),
        ticks: world.ticks(),
        step_seconds: world.span.step.as_secs(),
        assets: setup.mandate.assets.iter().map(ToString::to_string).collect(),
        value_usd: setup.value.as_f64(),
        swap_fee: setup.fee.as_fraction(),
        volume_share: setup.volume_share.as_fraction(),
        inclusion_blocks: setup.inclusion_blocks,
        coverage: world.market.coverage.clone(),
        notes: world.notes.iter().cloned().chain(ASSUMPTIONS.map(str::to_owned)).collect(),
        pegs: peg_moves(world),
        rows: courses.iter().map(row).collect(),
        sensitivity: Vec::new(),
    }
}

fn peg_moves(world: &World) -> Vec<PegMove> {
    let first = world.time(0);
    let of = |course: &PegCourse| {
        let moments = course.moments.iter().filter(|moment| moment.at >= first);
        let one = |moment: &Moment| PegMove {
            asset: course.asset.to_string(),
            at: moment.at.to_string(),
            from: moment.from.label(),
            to: moment.to.label(),
            level: moment.level.map(Price::as_f64),
        };
        moments.map(one).collect::<Vec<_>>()
    };
    let mut moves: Vec<PegMove> = world.pegs.courses.iter().flat_map(of).collect();
    moves.sort_by(|one, other| one.at.cmp(&other.at).then_with(|| one.asset.cmp(&other.asset)));
    moves
}
