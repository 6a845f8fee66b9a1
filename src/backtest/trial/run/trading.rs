//! What others do to the pool: arbitrageurs bring it to the market's prices when that pays for their gas, and everybody else trades to
//! and fro and leaves the swap fee.

use super::{Run, RunFault};
use crate::backtest::trial::ledger::{Cause, Worth, dollars, worth};
use crate::domain::units::{GasCost, Timestamp};
use crate::simulation::MathFault;
use crate::simulation::arbitrage;
use crate::simulation::pool::Traded;

/// Trades that are made in one block at most: three or four bring a pool of three to rest.
const MOST_TRADES: usize = 16;
/// The part of what a breaker leaves that an arbitrageur dares to trade.
const DARES: f64 = 0.999_999;

/// The part of the pool that one trade of those takes who do not look for profit, and into how many an hour is cut at most.
const TRIP: f64 = 1.0 / 4_000.0;
const MOST_TRIPS: f64 = 200.0;

/// A trade that somebody would make.
#[derive(Clone, Copy, Debug)]
struct Chance {
    from: usize,
    to: usize,
    traded: Traded,
    profit: Worth,
}

impl Run<'_> {
    /// Everything that pays for its gas, the best first.
    pub(super) fn arbitrage(&mut self, now: Timestamp) -> Result<(), RunFault> {
        let gas = GasCost { gas_used: self.setup.arbitrage_gas, price: self.gas.price };
        let cost = worth(gas.wei().unwrap_or(u128::MAX), 18, self.gas.ether);
        let moving = now.secs() < self.pool.weights_move.end;
        let cause = if moving { Cause::Ramp } else { Cause::Arbitrage };
        for _ in 0..MOST_TRADES {
            let Some(chance) = self.best_chance(now, dollars(cost)).filter(|chance| chance.profit > cost) else { return Ok(()) };
            self.trade(cause, chance.from, chance.to, chance.traded, now)?;
            self.course.trades = self.course.trades.saturating_add(1);
        }
        Ok(())
    }

    /// The most profitable trade of two assets, to the wei.
    fn best_chance(&self, now: Timestamp, gas: f64) -> Option<Chance> {
        let fee = f64::from(self.pool.swap_fee(now.secs()).ok()?) / 1e18;
        let mut best: Option<(usize, usize, f64, f64)> = None;
        let sides = || self.whole.iter().zip(&self.prices).enumerate();
        for (from, (side_in, price_in)) in sides() {
            for (to, (side_out, price_out)) in sides() {
                if from == to {
                    continue;
                }
                let (price_in, price_out) = (price_in.as_f64(), price_out.as_f64());
                let Some(trade) = arbitrage::arbitrage(*side_in, price_in, *side_out, price_out, fee) else { continue };
                if trade.profit > gas && best.is_none_or(|(_, _, _, profit)| trade.profit > profit) {
                    best = Some((from, to, trade.amount_in, trade.profit));
                }
            }
        }
        let (from, to, amount, _) = best?;
        self.chance(from, to, amount, now).or_else(|| {
            let within = self.within_breakers(from, to, amount, fee, now)?;
            self.chance(from, to, within, now)
        })
    }

    /// What a trade of about so many whole tokens would really bring.
    fn chance(&self, from: usize, to: usize, whole: f64, now: Timestamp) -> Option<Chance> {
        let raw = raw(whole, *self.setup.decimals.get(from)?)?;
        let traded = self.pool.quote_in(from, to, raw, now.secs()).ok()?;
        let profit = self.ledger.value(to, traded.amount_out).wrapping_sub(self.ledger.value(from, traded.amount_in));
        Some(Chance { from, to, traded, profit })
    }

    /// How many whole tokens the breakers of both sides let in.
    fn within_breakers(&self, from: usize, to: usize, amount: f64, fee: f64, now: Timestamp) -> Option<f64> {
        let supply = float(self.pool.supply) / 1e18;
        let bounds = |at: usize| {
            let (low, high) = self.pool.tokens.get(at)?.breaker.prices(self.pool.weight(at, now.secs()).ok()?).ok()?;
            Some((f64::from(low) / 1e18, f64::from(high) / 1e18))
        };
        let (side_in, side_out) = (self.whole.get(from)?, self.whole.get(to)?);
        let mut most = amount;
        let (low, _) = bounds(from)?;
        if low > 0.0 {
            most = most.min(supply * side_in.weight / low - side_in.balance);
        }
        let (_, high) = bounds(to)?;
        if high > 0.0 {
            let out = side_out.balance - supply * side_out.weight / high;
            if out <= 0.0 {
                return None;
            }
            let growth = (side_out.balance / (side_out.balance - out)).powf(side_out.weight / side_in.weight) - 1.0;
            most = most.min(side_in.balance * growth / (1.0 - fee));
        }
        (most > 0.0).then_some(most * DARES)
    }

    fn trade(&mut self, cause: Cause, from: usize, to: usize, traded: Traded, now: Timestamp) -> Result<(), RunFault> {
        let (amount_in, amount_out) = (traded.amount_in, traded.amount_out);
        self.pool.trade(from, to, traded).map_err(|fault| RunFault::Maths { at: now, fault })?;
        for at in [from, to] {
            if let (Some(side), Some(token)) = (self.whole.get_mut(at), self.pool.tokens.get(at)) {
                side.balance = float(token.balance) / 10f64.powi(i32::from(token.decimals));
            }
        }
        self.touched = true;
        let booked = self.ledger.trade(cause, (from, amount_in), (to, amount_out));
        booked.map(|_| ()).map_err(|fault| RunFault::Books { at: now, fault })
    }

    /// An hour of trade by those who do not look for profit: swaps there and back, so that nothing but their fees stays. What cannot be
    /// traded is a fee that is not earned. Each trade is small, as theirs are: a breaker that would stop an hour's volume in one piece
    /// lets it through in many.
    pub(super) fn volume(&mut self, tick: usize, now: Timestamp) -> Result<(), RunFault> {
        let turnover = self.world.turnover.at(tick).map_or(0.0, |turnover| turnover.as_fraction());
        let tokens = self.pool.tokens.iter().enumerate();
        let in_pool: f64 = tokens.map(|(at, token)| dollars(self.ledger.value(at, token.balance))).sum();
        let volume = turnover * self.setup.volume_share.as_fraction() / 24.0 * in_pool;
        let count = self.pool.tokens.len();
        if volume <= 0.0 || count < 2 {
            return Ok(());
        }
        // Each pair in turn.
        let hour = tick / super::VOLUME_EVERY;
        let from = hour % count;
        let to = from.saturating_add(1).saturating_add((hour / count) % count.saturating_sub(1)) % count;
        let (mut left, usual) = (volume, (volume / MOST_TRIPS).max(2.0 * in_pool * TRIP));
        while left > 0.0 && self.there_and_back(from, to, left.min(usual) / 2.0, now)? {
            left -= usual;
        }
        self.ledger.forgone += left.max(0.0) * self.setup.fee.as_fraction();
        Ok(())
    }

    /// One swap of so many dollars there, and one back. `false` where it cannot be traded.
    fn there_and_back(&mut self, from: usize, to: usize, dollars: f64, now: Timestamp) -> Result<bool, RunFault> {
        let price = self.prices.get(from).zip(self.setup.decimals.get(from));
        let Some(amount) = price.and_then(|(price, decimals)| raw(dollars / price.as_f64(), *decimals)) else { return Ok(false) };
        let Ok(there) = self.pool.quote_in(from, to, amount, now.secs()) else { return Ok(false) };
        if there.amount_out == 0 {
            return Ok(false);
        }
        self.trade(Cause::Volume, from, to, there, now)?;
        match self.pool.quote_in(to, from, there.amount_out, now.secs()) {
            Ok(back) => self.trade(Cause::Volume, to, from, back, now).map(|()| true),
            Err(MathFault::BreakerTripped) => Ok(false),
            Err(fault) => Err(RunFault::Maths { at: now, fault }),
        }
    }
}

/// Whole tokens in smallest units, rounded down; `None` for what is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a trader's choice; saturates, and is quoted exactly"
)]
fn raw(whole: f64, decimals: u8) -> Option<u128> {
    let raw = (whole * 10f64.powi(i32::from(decimals))).floor();
    (raw >= 1.0).then_some(raw as u128)
}

#[expect(clippy::cast_precision_loss, reason = "for a trader's choice, which is quoted exactly")]
pub(super) fn float(raw: u128) -> f64 {
    raw as f64
}
