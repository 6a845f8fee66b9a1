//! The time-weighted price of a pool of Uniswap V3, in its other token.
//!
//! The pool adds its tick up with every second. The mean over a window is the difference of two sums, rounded to minus infinity as
//! Uniswap's own library does; it is the geometric mean of the prices, and nobody moves it within a block. A trade that pays is only
//! worth while past the fee, so the price is meant to the fee in both directions. That also covers the fraction of a tick (at most one
//! basis point) that the rounding takes.
//!
//! The pool says with every answer which tokens it holds: a pool of other tokens, or a pair the wrong way round, is one near par like
//! the right one, and no bound would show it.

mod tick;

use std::num::NonZeroU32;
use std::sync::Arc;

use alloy_primitives::{Address, I256};

use crate::chain::contracts::{IUniswapV3Pool, answered, question};
use crate::chain::token::Token;
use crate::domain::position::BlockStamp;
use crate::domain::reading::{Quote, ReadingFault, within};
use crate::domain::source::Source;
use crate::domain::units::Price;
use crate::ports::{Answer, Call, PriceSource};
use tick::Priced;

/// What a pool says when its oldest observation is younger than the window.
const TOO_OLD: &str = "OLD";
/// Hundredths of a basis point: a higher fee is none of a pool of stablecoins, and the interval would mean nothing.
const MOST_FEE: u32 = 100_000;

/// What makes the mean of a pool believable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwapRule {
    /// The window, in seconds.
    pub window: NonZeroU32,
    /// How many observations the pool must have room for. With fewer, a few blocks of trades push the past out.
    pub observations: u16,
    /// Lowest believable price.
    pub low: Price,
    /// Highest believable price.
    pub high: Price,
}

/// One pool.
#[derive(Clone, Debug)]
pub struct UniswapV3Twap {
    source: Arc<Source>,
    pool: Address,
    asset: Token,
    other: Token,
    rule: TwapRule,
}

impl UniswapV3Twap {
    /// The price of `asset` in `other` at the contract `pool`, believed by `rule`. The source's unit has to be the asset `other`.
    #[must_use]
    pub const fn new(source: Arc<Source>, pool: Address, asset: Token, other: Token, rule: TwapRule) -> Self {
        Self { source, pool, asset, other, rule }
    }

    /// Whether the pool has enough room to remember.
    fn memory(&self, answers: &[Answer]) -> Result<u16, ReadingFault> {
        let slot = answered::<IUniswapV3Pool::slot0Call>(answers.get(1)).map_err(ReadingFault::Unreadable)?;
        let found = slot.observationCardinality;
        if found < self.rule.observations {
            return Err(ReadingFault::ShortMemory { found: found.into(), wanted: self.rule.observations.into() });
        }
        Ok(found)
    }

    /// The mean tick of the window.
    fn mean(&self, answer: Option<&Answer>, room: u16) -> Result<i32, ReadingFault> {
        let seen = answered::<IUniswapV3Pool::observeCall>(answer).map_err(|fault| match fault.as_str() {
            // What it has room for does not reach back far enough: one more is the least that is missing.
            TOO_OLD => ReadingFault::ShortMemory { found: room.into(), wanted: u64::from(room) + 1 },
            _ => ReadingFault::Unreadable(fault),
        })?;
        let [then, now] = seen.tickCumulatives.as_slice() else {
            let sums = seen.tickCumulatives.len();
            return Err(ReadingFault::Unreadable(format!("the pool gave {sums} sums of ticks instead of 2")));
        };
        // Sums have 56 bits, so their difference fits; the window is positive, so the Euclidean quotient is the one rounded down.
        let mean = now.as_i64().saturating_sub(then.as_i64()).div_euclid(self.rule.window.get().into());
        i32::try_from(mean).map_err(|_| ReadingFault::Unreadable(format!("the mean tick {mean} is none")))
    }

    fn direction(&self, answers: &[Answer]) -> Result<Priced, ReadingFault> {
        let token0 = answered::<IUniswapV3Pool::token0Call>(answers.get(3)).map_err(ReadingFault::Unreadable)?;
        let token1 = answered::<IUniswapV3Pool::token1Call>(answers.get(4)).map_err(ReadingFault::Unreadable)?;
        if (token0, token1) == (self.asset.address, self.other.address) {
            Ok(Priced::First)
        } else if (token1, token0) == (self.asset.address, self.other.address) {
            Ok(Priced::Second)
        } else {
            Err(ReadingFault::Unreadable(format!("the pool holds {token0} and {token1}, other tokens than configured")))
        }
    }

    fn fee_bps(answer: Option<&Answer>) -> Result<u32, ReadingFault> {
        let fee = answered::<IUniswapV3Pool::feeCall>(answer).map_err(ReadingFault::Unreadable)?.to::<u32>();
        if fee > MOST_FEE {
            return Err(ReadingFault::Unreadable(format!("the pool takes {fee} hundredths of a basis point")));
        }
        Ok(fee.div_ceil(100))
    }
}

impl PriceSource for UniswapV3Twap {
    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    fn calls(&self) -> Vec<Call> {
        let observe = IUniswapV3Pool::observeCall { secondsAgos: vec![self.rule.window.get(), 0] };
        vec![
            question(self.pool, &observe),
            question(self.pool, &IUniswapV3Pool::slot0Call {}),
            question(self.pool, &IUniswapV3Pool::feeCall {}),
            question(self.pool, &IUniswapV3Pool::token0Call {}),
            question(self.pool, &IUniswapV3Pool::token1Call {}),
        ]
    }

    fn quote(&self, answers: &[Answer], at: &BlockStamp) -> Result<Quote, ReadingFault> {
        let room = self.memory(answers)?;
        let direction = self.direction(answers)?;
        let mean = self.mean(answers.first(), room)?;
        if mean.unsigned_abs() > tick::MOST {
            return Err(ReadingFault::Unreadable(format!("the mean tick {mean} is none")));
        }
        let price = tick::price(mean, direction, self.asset.decimals, self.other.decimals)
            .ok_or_else(|| ReadingFault::Overflow(I256::unchecked_from(mean)))?;
        within(price, Self::fee_bps(answers.get(2))?, at.timestamp, self.rule.low, self.rule.high)
    }
}

#[cfg(test)]
mod tests;
