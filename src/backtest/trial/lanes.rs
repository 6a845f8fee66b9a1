//! The numbers of a world as a run reads them while nothing happens: floats, tick after tick, made once for all contenders. Whoever looks or
//! trades takes the exact numbers; these only tell that there is no need to.

use super::steps::Steps;
use super::world::World;
use crate::domain::peg::Trust;
use crate::domain::units::Price;
use crate::domain::volatility::log_return;

/// One coin at one tick. What is not known is not a number, and no comparison holds for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coin {
    /// What it costs.
    pub(super) market: f64,
    /// The price that the bot would act on.
    pub(super) price: f64,
    /// The logarithm of what its believed price has moved since the tick before.
    pub(super) moved: f64,
}

/// All coins at all ticks.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    width: usize,
    coins: Vec<Coin>,
    stirs: Vec<usize>,
}

impl Lanes {
    pub(super) fn of(world: &World) -> Self {
        let width = world.market.assets.len().max(1);
        let (mut coins, mut stirs) = (Vec::with_capacity(world.ticks().saturating_mul(width)), Vec::new());
        let mut view = world.pegs.view();
        let mut before: Vec<Option<Price>> = vec![None; width];
        for tick in 0..world.ticks() {
            if view.go_to(tick, world.time(tick)) {
                stirs.push(tick);
            }
            for ((peg, market), before) in view.pegs.iter().zip(&world.market.prices).zip(&mut before) {
                let believed = peg.level.filter(|_| peg.trust == Trust::Trusted);
                let moved = before.zip(believed).map_or(f64::NAN, |(from, to)| log_return(from, to));
                *before = believed;
                let number = |price: Option<Price>| price.map_or(f64::NAN, Price::as_f64);
                coins.push(Coin { market: number(market.get(tick).copied()), price: number(peg.price()), moved });
            }
        }
        let earns = world.earns.iter().flat_map(Steps::ticks);
        stirs.extend(world.gas.ticks().chain(earns));
        stirs.sort_unstable();
        stirs.dedup();
        Self { width, coins, stirs }
    }

    /// The coins at a tick; none after the last.
    pub(super) fn row(&self, tick: usize) -> &[Coin] {
        let from = tick.saturating_mul(self.width);
        self.coins.get(from..from.saturating_add(self.width)).unwrap_or_default()
    }

    /// The first tick from `tick` on at which more has changed than prices.
    pub(super) fn next_stir(&self, tick: usize) -> Option<usize> {
        self.stirs.get(self.stirs.partition_point(|stir| *stir < tick)).copied()
    }
}
