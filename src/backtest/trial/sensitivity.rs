//! How much of a result hangs on one number that was assumed: everybody goes through the same world again, with one cost or one delay
//! changed at a time.

use std::time::Duration;

use rayon::prelude::*;
use serde::Serialize;

use super::archive::GasDay;
use super::run::{How, RunFault, run_as};
use super::setup::{Acts, Contender, Setup};
use super::world::World;
use crate::domain::units::{GasPrice, SwapFee, Usd, WAD, Weight};

/// What became of everybody with one number changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// The number, and what it is.
    pub what: String,
    /// Net of each contender, in basis points, in their order.
    pub net_bp: Vec<f64>,
    /// Fees that were not earned because nobody could trade, in dollars.
    pub forgone_usd: Vec<f64>,
}

/// One changed number.
struct Change {
    what: String,
    setup: Setup,
    gas: Option<u64>,
    settled: Option<Duration>,
}

/// Everybody with each number changed; the first is nothing changed.
///
/// # Errors
/// The first run that proves nothing.
pub fn sensitivity(world: &World, setup: &Setup, contenders: &[Contender]) -> Result<Vec<Changed>, RunFault> {
    changes(setup).iter().map(|change| changed(world, change, contenders)).collect()
}

fn changed(world: &World, change: &Change, contenders: &[Contender]) -> Result<Changed, RunFault> {
    let mut dearer = change.gas.map(|_| world.clone());
    if let (Some(dearer), Some(percent)) = (&mut dearer, change.gas) {
        dearer.gas = world.gas.map(|day: &GasDay| GasDay { price: scaled(day.price, percent), ..*day });
    }
    let world = dearer.as_ref().unwrap_or(world);
    let one = |contender: &Contender| {
        let course = run_as(world, &change.setup, &later(contender, change.settled), How::FAST)?;
        Ok(((course.books.ended / course.books.began - 1.0) * 1e4, course.books.forgone))
    };
    let all: Vec<(f64, f64)> = contenders.par_iter().map(one).collect::<Result<_, RunFault>>()?;
    let (net_bp, forgone_usd) = all.into_iter().unzip();
    Ok(Changed { what: change.what.clone(), net_bp, forgone_usd })
}

fn changes(setup: &Setup) -> Vec<Change> {
    let as_it_is = |what: String| Change { what, setup: setup.clone(), gas: None, settled: None };
    let with = |what: String, change: &dyn Fn(&mut Setup)| {
        let mut setup = setup.clone();
        change(&mut setup);
        Change { what, setup, gas: None, settled: None }
    };
    let mut all = vec![as_it_is("as assumed".to_owned())];
    for percent in [50, 200, 500] {
        all.push(Change { gas: Some(percent), ..as_it_is(format!("gas at {percent} %")) });
    }
    for percent in [0, 1, 10, 100] {
        all.push(with(format!("{percent} % of the market's turnover"), &|setup| {
            setup.volume_share = Weight::from_bps(percent * 100);
        }));
    }
    for hours in [0, 4, 24, 72] {
        let settled = Some(Duration::from_hours(hours));
        all.push(Change { settled, ..as_it_is(format!("trading is back {hours} h after all coins are")) });
    }
    for blocks in [1, 5, 25] {
        all.push(with(format!("included after {blocks} blocks"), &|setup| setup.inclusion_blocks = blocks));
    }
    for gas in [0, 500_000] {
        all.push(with(format!("{gas} gas for a trade of arbitrage"), &|setup| setup.arbitrage_gas = gas));
    }
    for bps in [1, 30] {
        all.push(with(format!("a swap fee of {bps} bp"), &|setup| setup.fee = SwapFee::from_bps(bps)));
    }
    for dollars in [50_000, 5_000_000] {
        all.push(with(format!("a pool of ${dollars}"), &|setup| setup.value = Usd::from_wad(dollars * WAD)));
    }
    all
}

/// A policy that waits so long before it lets trading begin again.
fn later(contender: &Contender, settled: Option<Duration>) -> Contender {
    let mut contender = contender.clone();
    if let (Some(settled), Acts::By(policy)) = (settled, &mut contender.acts) {
        policy.depeg.reopen.settled = settled;
    }
    contender
}

fn scaled(price: GasPrice, percent: u64) -> GasPrice {
    GasPrice::from_wei(price.wei().saturating_mul(percent.into()) / 100)
}
