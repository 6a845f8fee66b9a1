//! One contender through all ticks of a world. At each tick the market moves, arbitrageurs trade in the block in which it does, and then
//! the bot looks: it sees the pool of that block and the pegs as they were known, decides by the function that runs in production, and
//! its transaction is included some blocks later. Nothing that it sees is of the future, and what arbitrageurs can take first they take.
//!
//! Here: the order of a tick. [`trading`] is what others do to the pool, [`acting`] what the bot does, [`resting`] when it need not look.

mod acting;
mod resting;
mod trading;

use std::time::Duration;

use super::archive::GasDay;
use super::course::{Course, Said, Sample};
use super::foresight;
use super::ledger::{Ledger, LedgerFault, dollars};
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
use crate::simulation::pool::{Pool, Span, Token};
use resting::Rest;
use trading::float;

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
    course: Course,
    pace: Pace,
    rest: Option<Rest>,
    /// Whole tokens and weights of the pool, for whoever chooses and for whoever watches; the contracts' own numbers decide.
    whole: Vec<Side>,
    /// Whether the pool has changed since its brakes were last looked at, and by how much it has grown since they were set.
    touched: bool,
    grown: f64,
    /// Whether something was on its way in the block before.
    was_moving: bool,
}

/// How often a contender looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At every tick.
    Always,
    /// Whenever a look could see something else than the last one did.
    WhenItMatters,
}

/// Lets a contender go through a world.
///
/// # Errors
/// The books do not balance, or the pool cannot exist: a run with an error proves nothing.
pub fn run(world: &World, setup: &Setup, contender: &Contender) -> Result<Course, RunFault> {
    run_at(world, setup, contender, Pace::WhenItMatters)
}

/// The same at a pace. It changes nothing but the time that it takes.
///
/// # Errors
/// As for [`run`].
pub fn run_at(world: &World, setup: &Setup, contender: &Contender, pace: Pace) -> Result<Course, RunFault> {
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
    let memory = Memory { first_seen: first, known: Some(pool.controls()), ..Memory::default() };
    let mut run = Run {
        world,
        setup,
        policy,
        view: world.pegs.view(),
        shares: setup.shares(),
        wallet: vec![0; basket.len()],
        ledger: Ledger::open(setup.decimals.clone(), basket, prices.clone()),
        prices,
        gas,
        memory,
        volatility: vec![Volatility::default(); pool.tokens.len()],
        asking: None,
        flights: Vec::new(),
        course: Course::new(&contender.name, world),
        pace,
        rest: None,
        whole: Vec::new(),
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
    let mut course = Course::new(name, world);
    for tick in 0..world.ticks() {
        world.market.look(tick, &mut prices);
        ledger.reprice(&prices);
        course.equity.push(dollars(ledger.now()));
    }
    ledger.balance(basket).map_err(|fault| RunFault::Books { at: world.time(world.ticks()), fault })?;
    course.settle(&ledger);
    Ok(course)
}

impl Run<'_> {
    fn all_ticks(&mut self) -> Result<(), RunFault> {
        let blocks = self.world.span.step.as_millis().checked_div(self.setup.block_time.as_millis().max(1)).unwrap_or(1);
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX).max(1);
        for tick in 0..self.world.ticks() {
            let now = self.world.time(tick);
            self.world.market.look(tick, &mut self.prices);
            self.ledger.reprice(&self.prices);
            self.gas = self.world.gas.at(tick).copied().unwrap_or(self.gas);
            for block in 0..blocks {
                let at = now.plus(self.setup.block_time.saturating_mul(block));
                self.block(tick, block == 0, at)?;
            }
            if tick % VOLUME_EVERY == VOLUME_EVERY.saturating_sub(1) {
                self.volume(tick, now)?;
            }
            let spent = dollars(self.ledger.gas().1);
            self.course.equity.push(dollars(self.ledger.now()) - spent);
            if tick % SAMPLE_EVERY == 0 {
                self.sample(tick, now)?;
            }
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

    /// Takes the pool's balances and weights for those who choose and watch.
    fn weigh(&mut self, now: Timestamp) -> Result<(), RunFault> {
        let side = |(at, token): (usize, &Token)| {
            let weight = f64::from(self.pool.weight(at, now.secs())?) / 1e18;
            Ok(Side { balance: float(token.balance) / 10f64.powi(i32::from(token.decimals)), weight })
        };
        let whole: Result<Vec<Side>, MathFault> = self.pool.tokens.iter().enumerate().map(side).collect();
        self.whole = whole.map_err(|fault| RunFault::Maths { at: now, fault })?;
        self.touched = true;
        Ok(())
    }

    /// What pool and account have together.
    fn chain(&self) -> Vec<u128> {
        self.pool.tokens.iter().zip(&self.wallet).map(|(token, own)| token.balance.saturating_add(*own)).collect()
    }

    fn sample(&mut self, tick: usize, now: Timestamp) -> Result<(), RunFault> {
        let fault = |fault| RunFault::Maths { at: now, fault };
        let weights =
            (0..self.pool.tokens.len()).map(|at| self.pool.weight(at, now.secs()).map(|weight| f64::from(weight) / 1e18));
        let held = self.ledger.held();
        let values: Vec<f64> = held.iter().enumerate().map(|(at, raw)| dollars(self.ledger.value(at, *raw))).collect();
        let total: f64 = values.iter().sum();
        self.course.samples.push(Sample {
            tick,
            weights: weights.collect::<Result<_, _>>().map_err(fault)?,
            shares: values.iter().map(|value| if total > 0.0 { value / total } else { 0.0 }).collect(),
            trading: self.pool.swap_enabled,
        });
        Ok(())
    }

    fn say(&mut self, at: Timestamp, code: &'static str, line: impl FnOnce() -> String) {
        if self.course.said.last().is_none_or(|last: &Said| last.code != code) {
            self.course.said.push(Said { at, code, line: line() });
        }
    }
}

/// The lead that a transaction needs before its block.
fn lead(setup: &Setup) -> Duration {
    setup.block_time.saturating_mul(setup.inclusion_blocks.max(1))
}
