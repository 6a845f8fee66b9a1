//! What others do to the pool: arbitrageurs bring it to the market's prices when that pays for their gas, and everybody else trades to
//! and fro and leaves the swap fee.

use super::{Maths, Run, RunFault};
use crate::backtest::trial::ledger::{Cause, Worth, dollars, whole, worth};
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
        let fee = self.fee;
        let mut best: Option<(usize, usize, f64, f64)> = None;
        let sides = || self.whole.iter().zip(self.row).enumerate();
        for (from, (side_in, coin_in)) in sides() {
            for (to, (side_out, coin_out)) in sides() {
                if from == to {
                    continue;
                }
                let found = arbitrage::arbitrage(*side_in, coin_in.market, *side_out, coin_out.market, fee);
                let Some(trade) = found else { continue };
                if trade.profit > gas && best.is_none_or(|(_, _, _, profit)| trade.profit > profit) {
                    best = Some((from, to, trade.amount_in, trade.profit));
                }
            }
        }
        let (from, to, amount, _) = best?;
        self.chance(from, to, amount, now).or_else(|| {
            let within = self.within_breakers(from, to, amount)?;
            self.chance(from, to, within, now)
        })
    }

    /// What a trade of about so many whole tokens would really bring.
    fn chance(&self, from: usize, to: usize, whole: f64, now: Timestamp) -> Option<Chance> {
        let raw = raw(whole, *self.setup.decimals.get(from)?)?;
        let traded = self.quote(from, to, raw, now).ok()?;
        let profit = self.ledger.value(to, traded.amount_out).wrapping_sub(self.ledger.value(from, traded.amount_in));
        Some(Chance { from, to, traded, profit })
    }

    /// What a swap of so many smallest units would bring.
    fn quote(&self, from: usize, to: usize, amount: u128, now: Timestamp) -> Result<Traded, MathFault> {
        match self.how.maths {
            Maths::Exact => self.pool.quote_in(from, to, amount, now.secs()),
            Maths::Float => self.quote_in_floats(from, to, amount),
        }
    }

    /// The same to about a part in a million millions.
    fn quote_in_floats(&self, from: usize, to: usize, amount: u128) -> Result<Traded, MathFault> {
        if !self.pool.swap_enabled {
            return Err(MathFault::SwapsDisabled);
        }
        let at = |at: usize| {
            let side = self.whole.get(at).zip(self.setup.decimals.get(at)).zip(self.brakes.get(at));
            side.ok_or(MathFault::InvalidToken)
        };
        let (((side_in, decimals_in), brake_in), ((side_out, decimals_out), brake_out)) = (at(from)?, at(to)?);
        let amount_in = whole(amount, *decimals_in);
        let out = arbitrage::out_given_in(*side_in, *side_out, amount_in, self.fee).ok_or(MathFault::MaxInRatio)?;
        let supply = float(self.pool.supply) / 1e18;
        let low = supply * side_in.weight / (side_in.balance + amount_in) < brake_in.0;
        let high = supply * side_out.weight / (side_out.balance - out) > brake_out.1;
        if low || high {
            return Err(MathFault::BreakerTripped);
        }
        Ok(Traded { amount_in: amount, amount_out: raw(out, *decimals_out).unwrap_or_default() })
    }

    /// How many whole tokens the breakers of both sides let in.
    fn within_breakers(&self, from: usize, to: usize, amount: f64) -> Option<f64> {
        let supply = float(self.pool.supply) / 1e18;
        let (side_in, side_out) = (self.whole.get(from)?, self.whole.get(to)?);
        let mut most = amount;
        let (low, _) = *self.brakes.get(from)?;
        if low > 0.0 {
            most = most.min(supply * side_in.weight / low - side_in.balance);
        }
        let (_, high) = *self.brakes.get(to)?;
        if high.is_finite() {
            let out = side_out.balance - supply * side_out.weight / high;
            if out <= 0.0 {
                return None;
            }
            let growth = (side_out.balance / (side_out.balance - out)).powf(side_out.weight / side_in.weight) - 1.0;
            most = most.min(side_in.balance * growth / (1.0 - self.fee));
        }
        (most > 0.0).then_some(most * DARES)
    }

    fn trade(&mut self, cause: Cause, from: usize, to: usize, traded: Traded, now: Timestamp) -> Result<(), RunFault> {
        let (amount_in, amount_out) = (traded.amount_in, traded.amount_out);
        self.pool.trade(from, to, traded).map_err(|fault| RunFault::Maths { at: now, fault })?;
        for at in [from, to] {
            if let (Some(side), Some(token)) = (self.whole.get_mut(at), self.pool.tokens.get(at)) {
                side.balance = whole(token.balance, token.decimals);
            }
        }
        self.touched = true;
        let booked = self.ledger.trade(cause, (from, amount_in), (to, amount_out));
        for at in [from, to] {
            let books = self.ledger.held().get(at).zip(self.setup.decimals.get(at));
            if let (Some(held), Some((raw, decimals))) = (self.held.get_mut(at), books) {
                *held = whole(*raw, *decimals);
            }
        }
        booked.map(|_| ()).map_err(|fault| RunFault::Books { at: now, fault })
    }

    /// An hour of trade by those who do not look for profit: swaps there and back, so that nothing but their fees stays. What cannot be
    /// traded is a fee that is not earned. Each trade is small, as theirs are: a breaker that would stop an hour's volume in one piece
    /// lets it through in many.
    pub(super) fn volume(&mut self, tick: usize, now: Timestamp) -> Result<(), RunFault> {
        let turnover = self.world.turnover.at(tick).map_or(0.0, |turnover| turnover.as_fraction());
        let in_pool: f64 = self.whole.iter().zip(self.row).map(|(side, coin)| side.balance * coin.market).sum();
        // Nobody pays more than the usual fee: while it is higher, so much less is traded.
        let pays = (self.setup.fee.as_fraction() / self.fee).min(1.0);
        let volume = turnover * self.setup.volume_share.as_fraction() / 24.0 * in_pool * pays;
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
        let coin = self.row.get(from).zip(self.setup.decimals.get(from));
        let Some(amount) = coin.and_then(|(coin, decimals)| raw(dollars / coin.market, *decimals)) else { return Ok(false) };
        let Ok(there) = self.quote(from, to, amount, now) else { return Ok(false) };
        if there.amount_out == 0 {
            return Ok(false);
        }
        self.trade(Cause::Volume, from, to, there, now)?;
        match self.quote(to, from, there.amount_out, now) {
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
