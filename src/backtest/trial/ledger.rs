//! The books of one run. Every unit that moves is written down with its cause, and every change of value has one: at the end the sum of
//! all causes is the difference between the last and the first value, to the wei and without a remainder.
//!
//! Value is counted in units of 1e-36 dollars, in which an amount of tokens times a price is a whole number: nothing is rounded here.

use alloy_primitives::{I256, U256};

use crate::domain::units::{GasCost, Price, Wei};

/// What changed the value of what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Prices moved.
    Market,
    /// Arbitrageurs followed the market while the weights rested: what a pool pays for being traded to the market's prices.
    Arbitrage,
    /// Arbitrageurs traded while weights moved.
    Ramp,
    /// Everybody else traded, and paid the swap fee.
    Volume,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Market, Self::Arbitrage, Self::Ramp, Self::Volume];
}

/// Value in units of 1e-36 dollars.
pub type Worth = I256;

/// So many units are a dollar.
const DOLLAR: f64 = 1e36;

/// Dollars, for statistics and people.
#[must_use]
pub fn dollars(worth: Worth) -> f64 {
    let magnitude = f64::from(worth.unsigned_abs()) / DOLLAR;
    if worth.is_negative() { -magnitude } else { magnitude }
}

/// Whole tokens, for statistics and people.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "no amount that anybody pays")]
pub fn whole(raw: u128, decimals: u8) -> f64 {
    raw as f64 / 10f64.powi(i32::from(decimals))
}

/// The value of an amount in smallest units.
#[must_use]
pub fn worth(raw: u128, decimals: u8, price: Price) -> Worth {
    let scale = 10u128.saturating_pow(18u32.saturating_sub(decimals.into()));
    I256::from_raw(U256::from(raw).saturating_mul(U256::from(scale)).saturating_mul(U256::from(price.wad())))
}

/// The books.
#[derive(Clone, Debug)]
pub struct Ledger {
    decimals: Vec<u8>,
    prices: Vec<Price>,
    held: Vec<u128>,
    began: Worth,
    now: Worth,
    causes: [Worth; Cause::ALL.len()],
    /// What was paid for gas, in wei and in value.
    gas: (u128, Worth),
    /// Fees that were not earned because nobody could trade: an estimate, and no part of the sum.
    pub forgone: f64,
}

/// Why the books are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// More was taken than there is.
    #[error("more of asset {0} goes out than is held")]
    Overdrawn(usize),
    /// What is held is not what the pool and the wallet have.
    #[error("asset {at}: the books say {books}, the chain has {chain}")]
    Holdings {
        /// The place of the asset.
        at: usize,
        /// In the books.
        books: u128,
        /// On the chain.
        chain: u128,
    },
    /// The causes do not add up to the change of value.
    #[error("the causes add up to {causes}, the value has changed by {value} (1e-36 dollars)")]
    Causes {
        /// Their sum.
        causes: Worth,
        /// The change.
        value: Worth,
    },
}

impl Ledger {
    /// Books that begin with so much of each asset, in smallest units.
    #[must_use]
    pub fn open(decimals: Vec<u8>, held: Vec<u128>, prices: Vec<Price>) -> Self {
        let began = total(&held, &decimals, &prices);
        Self {
            decimals,
            prices,
            held,
            began,
            now: began,
            causes: [Worth::ZERO; Cause::ALL.len()],
            gas: (0, Worth::ZERO),
            forgone: 0.0,
        }
    }

    /// Prices move.
    pub fn reprice(&mut self, prices: &[Price]) {
        let now = total(&self.held, &self.decimals, prices);
        let moved = now.wrapping_sub(self.now);
        self.add(Cause::Market, moved);
        self.prices.clear();
        self.prices.extend_from_slice(prices);
        self.now = now;
    }

    /// So much of one asset came, so much of another went. Gives what that was worth to whoever holds the rest.
    ///
    /// # Errors
    /// There is not so much.
    pub fn trade(&mut self, cause: Cause, from: (usize, u128), to: (usize, u128)) -> Result<Worth, LedgerFault> {
        let gained = self.value(from.0, from.1).wrapping_sub(self.value(to.0, to.1));
        let outgoing = self.held.get(to.0).and_then(|held| held.checked_sub(to.1)).ok_or(LedgerFault::Overdrawn(to.0))?;
        if let Some(held) = self.held.get_mut(to.0) {
            *held = outgoing;
        }
        let incoming = self.held.get(from.0).and_then(|held| held.checked_add(from.1)).ok_or(LedgerFault::Overdrawn(from.0))?;
        if let Some(held) = self.held.get_mut(from.0) {
            *held = incoming;
        }
        self.add(cause, gained);
        self.now = self.now.wrapping_add(gained);
        Ok(gained)
    }

    /// Gas was paid, from an account that is no part of what is held.
    pub fn pay(&mut self, cost: GasCost, ether: Price) -> Worth {
        let wei = cost.wei().unwrap_or(u128::MAX);
        let paid = worth(wei, 18, ether);
        self.gas = (self.gas.0.saturating_add(wei), self.gas.1.wrapping_add(paid));
        paid
    }

    fn add(&mut self, cause: Cause, worth: Worth) {
        let place = Cause::ALL.iter().position(|one| *one == cause);
        if let Some(sum) = place.and_then(|place| self.causes.get_mut(place)) {
            *sum = sum.wrapping_add(worth);
        }
    }

    /// The value of an amount at the prices of now.
    #[must_use]
    pub fn value(&self, at: usize, raw: u128) -> Worth {
        match (self.decimals.get(at), self.prices.get(at)) {
            (Some(decimals), Some(price)) => worth(raw, *decimals, *price),
            _ => Worth::ZERO,
        }
    }

    /// The value of what is held, before gas.
    #[must_use]
    pub const fn now(&self) -> Worth {
        self.now
    }

    /// The value at the beginning.
    #[must_use]
    pub const fn began(&self) -> Worth {
        self.began
    }

    /// The sum of one cause.
    #[must_use]
    pub fn sum(&self, cause: Cause) -> Worth {
        let place = Cause::ALL.iter().position(|one| *one == cause);
        place.and_then(|place| self.causes.get(place).copied()).unwrap_or_default()
    }

    /// Gas in wei, and its value when it was paid.
    #[must_use]
    pub fn gas(&self) -> (Wei, Worth) {
        (Wei::new(self.gas.0), self.gas.1)
    }

    /// What is held of each asset.
    #[must_use]
    pub fn held(&self) -> &[u128] {
        &self.held
    }

    /// The same in whole tokens, for statistics and people.
    #[must_use]
    pub fn whole(&self) -> Vec<f64> {
        self.held.iter().zip(&self.decimals).map(|(raw, decimals)| whole(*raw, *decimals)).collect()
    }

    /// Whether the books balance, and agree with what the chain has.
    ///
    /// # Errors
    /// They do not.
    pub fn balance(&self, chain: &[u128]) -> Result<(), LedgerFault> {
        for (at, (books, chain)) in self.held.iter().zip(chain).enumerate() {
            if books != chain {
                return Err(LedgerFault::Holdings { at, books: *books, chain: *chain });
            }
        }
        let causes = self.causes.iter().fold(Worth::ZERO, |sum, cause| sum.wrapping_add(*cause));
        let value = total(&self.held, &self.decimals, &self.prices).wrapping_sub(self.began);
        if causes == value { Ok(()) } else { Err(LedgerFault::Causes { causes, value }) }
    }
}

fn total(held: &[u128], decimals: &[u8], prices: &[Price]) -> Worth {
    let parts = held.iter().zip(decimals).zip(prices);
    parts.fold(Worth::ZERO, |sum, ((raw, decimals), price)| sum.wrapping_add(worth(*raw, *decimals, *price)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::units::WAD;

    fn price(bps: u128) -> Price {
        Price::from_wad(WAD / 10_000 * bps).unwrap()
    }

    fn books() -> Ledger {
        Ledger::open(vec![6, 18], vec![1_000_000_000, 1_000 * WAD], vec![Price::PAR, Price::PAR])
    }

    #[test]
    fn every_change_of_value_has_a_cause_and_they_add_up() {
        let mut ledger = books();
        ledger.reprice(&[price(9_900), price(10_001)]);
        let lost = ledger.trade(Cause::Arbitrage, (0, 7_000_001), (1, 7 * WAD - 1)).unwrap();
        assert!(lost.is_negative() && dollars(lost) > -0.08);
        ledger.reprice(&[price(8_800), price(10_000)]);
        ledger.trade(Cause::Ramp, (1, WAD), (0, 3)).unwrap();
        assert_eq!(ledger.balance(ledger.held()), Ok(()));
        assert!((dollars(ledger.sum(Cause::Market)) + 10.0 - 0.1 + 0.1 + 1_007.0 * 0.11).abs() < 0.2);
    }

    #[test]
    fn books_that_miss_a_unit_are_wrong() {
        let ledger = books();
        let fault = ledger.balance(&[1_000_000_000, 1_000 * WAD - 1]).unwrap_err();
        assert!(matches!(fault, LedgerFault::Holdings { at: 1, .. }), "{fault}");
        assert_eq!(books().trade(Cause::Volume, (0, 1), (1, 1_001 * WAD)), Err(LedgerFault::Overdrawn(1)));
    }
}
