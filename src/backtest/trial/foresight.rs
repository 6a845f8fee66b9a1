//! What would have been best: the coins are moved, at every tick, to where whoever knows all later prices wants them. Such a trader pays
//! the pool's swap fee and the gas of a swap for every change, and holds either the basket of the targets or one coin alone. Nobody can
//! do it; it bounds from above what a policy that trades at these costs can reach.

use super::course::Course;
use super::setup::Setup;
use super::world::World;
use crate::domain::units::{GasCost, Usd};

/// Value of each holding when everything until now went as well as it could.
pub(super) fn run(world: &World, setup: &Setup, name: &str) -> Course {
    let mut course = Course::new(name, world);
    let coins = setup.mandate.assets.len();
    let weights: Vec<f64> = setup.mandate.base_target.weights().iter().map(|weight| weight.as_fraction()).collect();
    let keeps = 1.0 - setup.fee.as_fraction();
    // One state for each coin, and the last for the basket.
    let value = setup.value.as_f64();
    let basket = coins;
    let mut best = vec![0.0; coins.saturating_add(1)];
    if let Some(best) = best.get_mut(basket) {
        *best = value;
    }
    let prices = |tick: usize| world.market.prices.iter().map(move |of| of.get(tick).map_or(1.0, |price| price.as_f64()));
    for tick in 0..world.ticks() {
        if tick > 0 {
            let grown: Vec<f64> = prices(tick).zip(prices(tick.saturating_sub(1))).map(|(now, before)| now / before).collect();
            let together: f64 = grown.iter().zip(&weights).map(|(grown, weight)| grown * weight).sum();
            for (value, grown) in best.iter_mut().zip(grown.iter().chain(std::iter::once(&together))) {
                *value *= grown;
            }
        }
        let gas = world.gas.at(tick).and_then(|gas| GasCost { gas_used: setup.needs.swap, price: gas.price }.usd(gas.ether));
        let top = best.iter().copied().fold(0.0, f64::max);
        let moved = top * keeps - gas.map_or(0.0, Usd::as_f64);
        for value in &mut best {
            *value = value.max(moved);
        }
        course.equity.push(top);
    }
    let last = course.equity.last().copied().unwrap_or(value);
    (course.books.began, course.books.ended, course.books.market) = (value, last, last - value);
    course
}
