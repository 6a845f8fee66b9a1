//! What is known at the moment of a decision.

use std::time::Duration;

use crate::domain::allocation::Valuation;
use crate::domain::peg::Peg;
use crate::domain::plan::Plan;
use crate::domain::position::{Mandate, PositionFacts};
use crate::domain::units::{GasCost, GasPrice, Price, Rounding, Timestamp, Usd, WAD, Weight, mul_div};

/// What is known at the moment of the decision. Vectors have one entry for each asset, in the mandate's order.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The moment, on the policy clock.
    pub now: Timestamp,
    /// The position; `None` when it could not be read.
    pub position: Option<&'a PositionFacts>,
    /// The peg of each asset; of a share, the peg of what it is a share of.
    pub pegs: &'a [Peg],
    /// How much of the pegged coin one asset is. Empty: all are the coin itself.
    pub rates: &'a [Rate],
    /// What each asset earns, in basis points a year, smoothed and believable; `None` where it is not known. Empty: nothing is read.
    pub earns: &'a [Option<u64>],
    /// Deviation of a day of each peg; `None` where it is not known. Empty: nobody measures it.
    pub deviations: &'a [Option<Weight>],
    /// Facts older than this are not known any more.
    pub max_age: Duration,
    /// Time between two blocks of the chain.
    pub block_time: Duration,
    /// Base fee and tip together; `None` when unknown.
    pub gas: Option<GasPrice>,
    /// Dollars for one ether; `None` when unknown.
    pub ether: Option<Price>,
    /// What transactions use.
    pub needs: GasNeeds,
    /// Whether somebody can trade and leave with the treasury's money.
    pub treasury: bool,
}

/// How much of the pegged coin one unit of an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// It is the coin.
    Par,
    /// It is a share that is worth so many coins, 1e18.
    Share(u128),
    /// It is a share whose worth has fallen, 1e18: something is wrong with whoever holds the coins.
    Fallen(u128),
    /// It is a share, and what is known of it is of another block than the position: they will meet within a moment.
    Late,
    /// It is a share, and nobody knows of how many coins.
    Unknown,
}

/// Units of gas that each kind of transaction uses, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GasNeeds {
    /// A gradual change of weights.
    pub reweight: u64,
    /// Trading off, and on.
    pub switch: u64,
    /// A gradual change of the fee.
    pub fee: u64,
    /// The brakes of all assets.
    pub brake: u64,
    /// A swap.
    pub swap: u64,
    /// A proportional exit.
    pub exit: u64,
}

/// A fall of less than this part of a share is rounding.
const DUST: u128 = 1_000_000_000;

impl Rate {
    /// A share that is worth so many coins now, 1e18, and was worth `best` at most.
    #[must_use]
    pub const fn of(rate: u128, best: u128) -> Self {
        if rate < best.saturating_sub(best / DUST) { Self::Fallen(rate) } else { Self::Share(rate) }
    }
}

impl GasNeeds {
    /// What a plan uses.
    #[must_use]
    pub const fn of(&self, plan: &Plan) -> u64 {
        match plan {
            Plan::Reweight(_) => self.reweight,
            Plan::Freeze | Plan::Open => self.switch,
            Plan::FeeRamp(_) => self.fee,
            Plan::Brake(_) => self.brake,
            Plan::Swap(_) => self.swap,
            Plan::Exit(_) => self.exit,
        }
    }
}

impl Facts<'_> {
    /// The price of one asset; `None` where it cannot be believed.
    #[must_use]
    pub fn price(&self, at: usize) -> Option<Price> {
        let coin = self.pegs.get(at)?.price()?;
        match self.rates.get(at).copied().unwrap_or(Rate::Par) {
            Rate::Par => Some(coin),
            Rate::Share(rate) | Rate::Fallen(rate) => Price::from_wad(mul_div(coin.wad(), rate, WAD, Rounding::Down)?),
            Rate::Late | Rate::Unknown => None,
        }
    }

    /// The prices of all assets, if all are known.
    #[must_use]
    pub fn prices(&self) -> Option<Vec<Price>> {
        (0..self.pegs.len()).map(|at| self.price(at)).collect()
    }

    /// What the position is worth; `None` where a price is missing.
    #[must_use]
    pub fn valuation(&self) -> Option<Valuation> {
        Valuation::of(&self.position?.balances, &self.prices()?)
    }

    /// What so much gas costs now; `None` where the price of gas or ether is not known.
    #[must_use]
    pub fn gas_cost(&self, gas_used: u64) -> Option<Usd> {
        GasCost { gas_used, price: self.gas? }.usd(self.ether?)
    }

    /// What each asset earns *in the pool*: nothing for one that does not accrue.
    #[must_use]
    pub fn captured(&self, mandate: &Mandate) -> Vec<Option<u64>> {
        let earns = |at: usize| self.earns.get(at).copied().flatten();
        mandate.accrues.iter().enumerate().map(|(at, accrues)| if *accrues { earns(at) } else { Some(0) }).collect()
    }
}
