//! The price in a pool of Curve's stableswap, in another of its coins. Two ways of asking:
//!
//! - what a trade of some size would bring (`get_dy`), both ways: a bid and an ask, with the fee and the pool's depth between them. Their
//!   middle is free of the fee, up to its square;
//! - the pool's own moving average (`price_oracle`), where it has one. It is capped at 2, and true for plain coins only: for coins that
//!   grow, the pool leaves their rate out of it.
//!
//! It always warns and never votes. What a trade would bring can be moved within a block, by whoever pays two fees; the average is made
//! of the same, and lags.
//!
//! The pool says with every answer which coins it holds: a pair the wrong way round is near par like the right one.

use std::sync::Arc;

use alloy_primitives::{Address, I256, U256};

use crate::chain::contracts::{ICurvePool, answered, question};
use crate::chain::token::{Token, price};
use crate::domain::position::BlockStamp;
use crate::domain::reading::{BookRule, BookTop, Quote, ReadingFault, book, within};
use crate::domain::source::Source;
use crate::domain::units::{Price, Rounding, mul_div};
use crate::ports::{Answer, Call, PriceSource};

/// Parts of 10^10 in a basis point, the pool's unit of its fee.
const FEE_OF_BP: u64 = 1_000_000;
/// A higher fee is none of a pool of stablecoins, and the interval would mean nothing: a tenth.
const MOST_FEE: u64 = 1_000_000_000;

/// A coin of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Which token.
    pub token: Token,
    /// Its place in the pool.
    pub index: u8,
}

/// What a pool is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveAsk {
    /// What a trade of the rule's size brings, both ways.
    Trade(BookRule),
    /// Its moving average, of which one coin is the first of the pool.
    Average {
        /// Lowest believable price.
        low: Price,
        /// Highest believable price.
        high: Price,
    },
}

/// Amounts and places, worked out once.
#[derive(Clone, Copy, Debug)]
enum Questions {
    Trade {
        rule: BookRule,
        sold: U256,
        paid: U256,
    },
    /// `inverse`: the asset is the first coin, and the average is the price of the other in it.
    Average {
        entry: u8,
        inverse: bool,
        low: Price,
        high: Price,
    },
}

/// One pair of coins of one pool.
#[derive(Clone, Debug)]
pub struct CurvePair {
    source: Arc<Source>,
    pool: Address,
    asset: Coin,
    other: Coin,
    questions: Questions,
}

impl CurvePair {
    /// The price of `asset` in `other` at the contract `pool`. The source becomes advisory, whatever it was; its unit has to be the asset
    /// `other`.
    ///
    /// # Errors
    /// The coins are one, the average is not of this pair, or the size is nothing or too much.
    pub fn new(source: Source, pool: Address, asset: Coin, other: Coin, ask: CurveAsk) -> Result<Self, String> {
        if asset.index == other.index || asset.token.address == other.token.address {
            return Err("a coin has no price in itself".to_owned());
        }
        let questions = match ask {
            CurveAsk::Trade(rule) => {
                let raw = |coin: Coin| -> Option<U256> {
                    let one = 10u128.checked_pow(coin.token.decimals.into())?;
                    let raw = mul_div(rule.size, one, Price::PAR.wad(), Rounding::Down)?;
                    (raw > 0).then(|| U256::from(raw))
                };
                match (raw(asset), raw(other)) {
                    (Some(sold), Some(paid)) => Questions::Trade { rule, sold, paid },
                    _ => return Err("the size of the trade is nothing, or more than can be counted".to_owned()),
                }
            }
            CurveAsk::Average { low, high } => match (asset.index, other.index) {
                (0, later) => Questions::Average { entry: later.saturating_sub(1), inverse: true, low, high },
                (later, 0) => Questions::Average { entry: later.saturating_sub(1), inverse: false, low, high },
                _ => return Err("the pool's average is that of a coin in its first".to_owned()),
            },
        };
        Ok(Self { source: Arc::new(Source { advisory: true, ..source }), pool, asset, other, questions })
    }

    /// That the coins are where they are configured.
    fn check_coins(&self, answers: &[Answer]) -> Result<(), ReadingFault> {
        for (at, coin) in [(2, self.asset), (3, self.other)] {
            let found = answered::<ICurvePool::coinsCall>(answers.get(at)).map_err(ReadingFault::Unreadable)?;
            if found != coin.token.address {
                let wanted = coin.token.address;
                return Err(ReadingFault::Unreadable(format!("coin {} of the pool is {found}, not {wanted}", coin.index)));
            }
        }
        Ok(())
    }

    /// The bid and the ask.
    fn trade(&self, answers: &[Answer], sold: U256, paid: U256) -> Result<(Price, Price), ReadingFault> {
        let amount = |at: usize| answered::<ICurvePool::get_dyCall>(answers.get(at)).map_err(ReadingFault::Unreadable);
        let (brought, gained) = (amount(0)?, amount(1)?);
        let (asset, other) = (self.asset.token.decimals, self.other.token.decimals);
        let bid = price(sold, asset, brought, other, Rounding::Down).ok_or_else(|| no_price(brought))?;
        let ask = price(gained, asset, paid, other, Rounding::Up).ok_or_else(|| no_price(gained))?;
        Ok((bid, ask))
    }
}

/// Why an amount makes no price.
fn no_price(amount: U256) -> ReadingFault {
    let amount = I256::try_from(amount).unwrap_or(I256::MAX);
    if amount.is_zero() { ReadingFault::NotPositive(amount) } else { ReadingFault::Overflow(amount) }
}

fn fee_bps(answer: Option<&Answer>) -> Result<u32, ReadingFault> {
    let fee = answered::<ICurvePool::feeCall>(answer).map_err(ReadingFault::Unreadable)?;
    let believable = u64::try_from(fee).ok().filter(|fee| *fee <= MOST_FEE);
    let bps = believable.and_then(|fee| u32::try_from(fee.div_ceil(FEE_OF_BP)).ok());
    bps.ok_or_else(|| ReadingFault::Unreadable(format!("the pool takes {fee} parts of 10^10")))
}

impl PriceSource for CurvePair {
    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    fn calls(&self) -> Vec<Call> {
        let (asset, other) = (self.asset.index, self.other.index);
        let mut calls = match self.questions {
            Questions::Trade { sold, paid, .. } => vec![
                question(self.pool, &ICurvePool::get_dyCall { i: asset.into(), j: other.into(), dx: sold }),
                question(self.pool, &ICurvePool::get_dyCall { i: other.into(), j: asset.into(), dx: paid }),
            ],
            Questions::Average { entry, .. } => vec![
                question(self.pool, &ICurvePool::price_oracleCall { index: U256::from(entry) }),
                question(self.pool, &ICurvePool::feeCall {}),
            ],
        };
        calls.extend([asset, other].map(|index| question(self.pool, &ICurvePool::coinsCall { index: U256::from(index) })));
        calls
    }

    fn quote(&self, answers: &[Answer], at: &BlockStamp) -> Result<Quote, ReadingFault> {
        self.check_coins(answers)?;
        match &self.questions {
            Questions::Trade { rule, sold, paid } => {
                let (bid, ask) = self.trade(answers, *sold, *paid)?;
                let top = BookTop { bid, bid_size: rule.size, ask, ask_size: rule.size, at: at.timestamp };
                book(&top, rule)
            }
            Questions::Average { inverse, low, high, .. } => {
                let found = answered::<ICurvePool::price_oracleCall>(answers.first()).map_err(ReadingFault::Unreadable)?;
                let one = U256::from(Price::PAR.wad());
                // Both sides of it count with 18 decimals, whatever the coins do.
                let (paid, got) = if *inverse { (one, found) } else { (found, one) };
                let price = price(got, 18, paid, 18, Rounding::Down).ok_or_else(|| no_price(found))?;
                within(price, fee_bps(answers.get(1))?, at.timestamp, *low, *high)
            }
        }
    }
}

#[cfg(test)]
mod tests;
