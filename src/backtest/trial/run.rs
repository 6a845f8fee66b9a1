//! One contender through all ticks of a world. At each tick the market moves, arbitrageurs trade in the block in which it does, and then
//! the bot looks: it sees the pool of that block and the pegs as they were known, decides by the function that runs in production, and
//! its transaction is included some blocks later. Nothing that it sees is of the future, and what arbitrageurs can take first they take.
//!
//! Here: the order of a tick. [`trading`] is what others do to the pool, [`acting`] what the bot does, [`resting`] when it need not look,
//! [`quiet`] how time passes while nothing happens, [`how`] in which ways a run can be made.

mod acting;
mod how;
mod quiet;
mod resting;
mod trading;

use std::time::Duration;

use super::archive::GasDay;
use super::course::{Course, Said, Sample};
use super::foresight;
use super::lanes::{Coin, Lanes};
use super::ledger::{Ledger, LedgerFault, whole};
use super::pegs::PegView;
use super::setup::{Acts, Contender, Setup};
use super::world::World;
use crate::domain::decide::Memory;
use crate::domain::gas::GasCap;
use crate::domain::plan::Plan;
use crate::domain::policy::Policy;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{Price, Timestamp, Usd};
use crate::domain::volatility::Volatility;
use crate::simulation::MathFault;
use crate::simulation::arbitrage::Side;
use crate::simulation::pool::{Pool, Span};
pub use how::{How, Maths, Pace};
use resting::Rest;

/// Ticks between two samples of weights for charts.
const SAMPLE_EVERY: usize = 60;
/// Ticks between two trades of those who do not look for profit.
const VOLUME_EVERY: usize = 60;

/// Why a run is no proof of anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunFault {
    /// The pool that is asked for cannot exist.
    #[error("the pool cannot be made: {0}")]
    Pool(&'static str),
    /// The books do not balance.
    #[error("at {at}: {fault}")]
    Books {
        /// When.
        at: Timestamp,
        /// Why.
        fault: LedgerFault,
    },
    /// The chain would have refused what cannot be refused.
    #[error("at {at}: {fault}")]
    Maths {
        /// When.
        at: Timestamp,
        /// Why.
        fault: MathFault,
    },
}

/// A transaction on its way.
#[derive(Clone, Debug)]
struct Flight {
    trigger: Trigger,
    plan: Plan,
    benefit: Option<Usd>,
    span: Span,
    /// The time of its block.
    lands: u64,
}

/// A run in progress.
struct Run<'a> {
    world: &'a World,
    setup: &'a Setup,
    policy: Option<&'a Policy>,
    lanes: &'a Lanes,
    /// What coins cost at this tick, for whoever chooses and for whoever watches.
    row: &'a [Coin],
    view: PegView<'a>,
    pool: Pool,
    shares: u128,
    wallet: Vec<u128>,
    ledger: Ledger,
    prices: Vec<Price>,
    gas: GasDay,
    memory: Memory,
    volatility: Vec<Volatility>,
    asking: Option<(Class, GasCap)>,
    flights: Vec<Flight>,
    /// What was paid for gas until now, in dollars.
    spent: f64,
    /// Whole coins, in the pool and out of it.
    held: Vec<f64>,
    course: Course,
    how: How,
    rest: Option<Rest>,
    /// Whole tokens and weights of the pool, for whoever chooses and for whoever watches; the contracts' own numbers decide.
    whole: Vec<Side>,
    /// The same of the swap fee, and of the lowest and highest price in shares that the breakers of each token let through.
    fee: f64,
    brakes: Vec<(f64, f64)>,
    /// Whether the pool has changed since its brakes were last looked at, and by how much it has grown since they were set.
    touched: bool,
    grown: f64,
    /// Whether something was on its way in the block before.
    was_moving: bool,
}

/// Lets a contender go through a world, to the wei.
///
/// # Errors
/// The books do not balance, or the pool cannot exist: a run with an error proves nothing.
pub fn run(world: &World, setup: &Setup, contender: &Contender) -> Result<Course, RunFault> {
    run_as(world, setup, contender, How::EXACT)
}

/// The same, made otherwise.
///
/// # Errors
/// As for [`run`].
pub fn run_as(world: &World, setup: &Setup, contender: &Contender, how: How) -> Result<Course, RunFault> {
    let basket = setup.basket(&world.market).ok_or(RunFault::Pool("its value does not fit"))?;
    let policy = match &contender.acts {
        Acts::Foresight => return Ok(foresight::run(world, setup, &contender.name)),
        Acts::Outside => return outside(world, setup, &contender.name, &basket),
        Acts::Never => None,
        Acts::By(policy) => Some(policy.as_ref()),
    };
    let first = world.time(0);
    let mut prices = Vec::new();
    world.market.look(0, &mut prices);
    let gas = *world.gas.at(0).ok_or(RunFault::Pool("gas has no price"))?;
    let pool = setup.pool(&basket, first.secs());
    let ledger = Ledger::open(setup.decimals.clone(), basket, prices.clone());
    let lanes = world.lanes();
    let memory = Memory { first_seen: first, known: Some(pool.controls()), ..Memory::default() };
    let mut run = Run {
        world,
        setup,
        policy,
        lanes,
        row: lanes.row(0),
        view: world.pegs.view(),
        shares: setup.shares(),
        wallet: vec![0; pool.tokens.len()],
        held: ledger.whole(),
        ledger,
        spent: 0.0,
        prices,
        gas,
        memory,
        volatility: vec![Volatility::default(); pool.tokens.len()],
        asking: None,
        flights: Vec::new(),
        course: Course::new(&contender.name, world),
        how,
        rest: None,
        whole: Vec::new(),
        fee: 0.0,
        brakes: Vec::new(),
        touched: true,
        grown: 0.0,
        was_moving: false,
        pool,
    };
    run.weigh(first)?;
    run.all_ticks()?;
    Ok(run.course)
}

/// Coins in an account: the market moves them and nobody else.
fn outside(world: &World, setup: &Setup, name: &str, basket: &[u128]) -> Result<Course, RunFault> {
    let mut prices = Vec::new();
    world.market.look(0, &mut prices);
    let mut ledger = Ledger::open(setup.decimals.clone(), basket.to_vec(), prices.clone());
    let (mut course, held) = (Course::new(name, world), ledger.whole());
    course.equity.extend((0..world.ticks()).map(|tick| worth(&held, world.lanes().row(tick))));
    world.market.look(world.ticks().saturating_sub(1), &mut prices);
    ledger.reprice(&prices);
    ledger.balance(basket).map_err(|fault| RunFault::Books { at: world.time(world.ticks()), fault })?;
    course.settle(&ledger);
    Ok(course)
}

impl Run<'_> {
    fn all_ticks(&mut self) -> Result<(), RunFault> {
        let blocks = self.world.span.step.as_millis().checked_div(self.setup.block_time.as_millis().max(1)).unwrap_or(1);
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX).max(1);
        let mut tick = 0;
        loop {
            tick = self.pass(tick)?;
            if tick >= self.world.ticks() {
                break;
            }
            self.row = self.lanes.row(tick);
            self.reprice(tick);
            self.gas = self.world.gas.at(tick).copied().unwrap_or(self.gas);
            let mut at = self.world.time(tick);
            for block in 0..blocks {
                at = self.world.time(tick).plus(self.setup.block_time.saturating_mul(block));
                self.block(tick, block == 0, at)?;
            }
            if trades_volume(tick) {
                self.volume(tick, at)?;
            }
            self.write_down(tick);
            tick = tick.saturating_add(1);
        }
        let end = self.world.time(self.world.ticks());
        self.ledger.balance(&self.chain()).map_err(|fault| RunFault::Books { at: end, fault })?;
        self.course.settle(&self.ledger);
        Ok(())
    }

    fn block(&mut self, tick: usize, first: bool, now: Timestamp) -> Result<(), RunFault> {
        let landed = self.land(now)?;
        let moving = self.is_moving(now);
        if landed || moving || self.was_moving {
            self.weigh(now)?;
        }
        self.was_moving = moving;
        if self.pool.swap_enabled && (first || landed || moving) {
            self.arbitrage(now)?;
        }
        if first {
            self.look(tick, now)?;
        }
        Ok(())
    }

    /// Whether weights or the fee are on their way, or will be.
    fn is_moving(&self, now: Timestamp) -> bool {
        let second = now.secs();
        second < self.pool.weights_move.end || second < self.pool.fee_moves.end
    }

    /// Takes the pool's balances, weights, fee and breakers for those who choose and watch.
    fn weigh(&mut self, now: Timestamp) -> Result<(), RunFault> {
        self.weighed(now.secs()).map_err(|fault| RunFault::Maths { at: now, fault })
    }

    fn weighed(&mut self, now: u64) -> Result<(), MathFault> {
        (self.whole, self.brakes) = (Vec::new(), Vec::new());
        for (at, token) in self.pool.tokens.iter().enumerate() {
            let weight = self.pool.weight(at, now)?;
            let (low, high) = token.breaker.prices(weight)?;
            let high = if high.is_zero() { f64::INFINITY } else { f64::from(high) / 1e18 };
            self.whole.push(Side { balance: whole(token.balance, token.decimals), weight: f64::from(weight) / 1e18 });
            self.brakes.push((f64::from(low) / 1e18, high));
        }
        self.fee = f64::from(self.pool.swap_fee(now)?) / 1e18;
        self.touched = true;
        Ok(())
    }

    /// What pool and account have together.
    fn chain(&self) -> Vec<u128> {
        self.pool.tokens.iter().zip(&self.wallet).map(|(token, own)| token.balance.saturating_add(*own)).collect()
    }

    /// Brings the books to the prices of a tick.
    fn reprice(&mut self, tick: usize) {
        self.world.market.look(tick, &mut self.prices);
        self.ledger.reprice(&self.prices);
    }

    /// Writes down what all is worth, and once an hour how it stands.
    fn write_down(&mut self, tick: usize) {
        let total = worth(&self.held, self.row);
        self.course.equity.push(total - self.spent);
        if tick.is_multiple_of(SAMPLE_EVERY) {
            let share = |(held, coin): (&f64, &Coin)| if total > 0.0 { held * coin.market / total } else { 0.0 };
            self.course.samples.push(Sample {
                tick,
                weights: self.whole.iter().map(|side| side.weight).collect(),
                shares: self.held.iter().zip(self.row).map(share).collect(),
                trading: self.pool.swap_enabled,
            });
        }
    }

    fn say(&mut self, at: Timestamp, code: &'static str, line: impl FnOnce() -> String) {
        if self.course.said.last().is_none_or(|last: &Said| last.code != code) {
            self.course.said.push(Said { at, code, line: line() });
        }
    }
}

/// Whether everybody else trades at the end of a tick.
fn trades_volume(tick: usize) -> bool {
    tick % VOLUME_EVERY == VOLUME_EVERY.saturating_sub(1)
}

/// What coins are worth in dollars.
fn worth(held: &[f64], row: &[Coin]) -> f64 {
    held.iter().zip(row).map(|(held, coin)| held * coin.market).sum()
}

/// The lead that a transaction needs before its block.
fn lead(setup: &Setup) -> Duration {
    setup.block_time.saturating_mul(setup.inclusion_blocks.max(1))
}
