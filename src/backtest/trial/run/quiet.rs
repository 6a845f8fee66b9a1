//! Stretches of time in which nobody trades for profit, nothing is on its way, and a look would see what the last one saw. They take most
//! of history, and are passed over by a few comparisons a tick: the value is written down, everybody else's trade takes place, and
//! nothing else can be told apart.
//!
//! Nobody trades for profit: a pair whose prices are a factor `1 + x` apart after the fee offers at most `s x^2 / (2 (1 - f))` of what the
//! pool holds of the coin that goes in, with `s = w_o / (w_i + w_o)`. The profit of the best trade grows with the price of what comes
//! out by what comes out, `(w_o / w_i) (1 - g^-a) / (1 - f)` with `a = w_i / (w_i + w_o)`, and `1 - g^-a` is at most `a x`. Below the price
//! of gas nothing is traded.

use super::resting::{SHY, Stance};
use super::{Pace, Run, RunFault, trades_volume};
use crate::backtest::trial::lanes::{Coin, Lanes};
use crate::domain::peg::{Peg, Trust};
use crate::domain::policy::Policy;
use crate::domain::units::{GasCost, Usd};
use crate::domain::volatility::{Decay, Volatility, variance_of};

/// How far a price may go before what a trade could bring is counted anew.
const NEAR: f64 = 0.02;

/// What keeps arbitrageurs away.
#[derive(Clone, Debug)]
struct Peace {
    /// The prices between which it holds.
    near: Vec<(f64, f64)>,
    /// Balances over weights.
    depth: Vec<f64>,
    /// The dearest coin, at its depth, is less than so many times the cheapest.
    apart: f64,
}

/// How restless the believed prices are, and how restless they may be.
struct Calm {
    decay: Decay,
    most: f64,
    variances: Vec<(bool, f64)>,
}

impl Run<'_> {
    /// Passes over quiet ticks from `tick` on. Gives the first one that is not.
    pub(super) fn pass(&mut self, tick: usize) -> Result<usize, RunFault> {
        let lanes = self.lanes;
        let now = self.world.time(tick);
        if self.how.pace == Pace::Always || !self.flights.is_empty() || self.was_moving || self.is_moving(now) {
            return Ok(tick);
        }
        let end = self.quiet_until(tick, lanes);
        if end == tick {
            return Ok(tick);
        }
        let (mut peace, mut calm) = (self.peace(lanes.row(tick)), self.calm());
        let mut passed = tick;
        while passed < end {
            let row = lanes.row(passed);
            if !self.is_quiet(row, &mut peace, calm.as_ref()) || !self.still_asks(self.world.time(passed)) {
                break;
            }
            if let Some(calm) = &mut calm {
                calm.go_on(row);
            }
            self.row = row;
            if trades_volume(passed) {
                self.reprice(passed);
                self.volume(passed, self.world.time(passed))?;
                peace = self.peace(row);
            }
            self.write_down(passed);
            passed = passed.saturating_add(1);
            if self.touched && !self.upkeep_rests() {
                break;
            }
        }
        if passed > tick {
            self.catch_up(passed.saturating_sub(1), calm);
        }
        Ok(passed)
    }

    /// Until when nothing is due, and nothing changes but prices.
    fn quiet_until(&mut self, tick: usize, lanes: &Lanes) -> usize {
        let end = lanes.next_stir(tick).unwrap_or(usize::MAX).min(self.world.ticks());
        if self.policy.is_none() {
            return end;
        }
        let Some(rest) = &self.rest else { return tick };
        let due = rest.until.map_or(usize::MAX, |until| self.world.tick_at(until));
        if self.upkeep_rests() { end.min(due) } else { tick }
    }

    fn upkeep_rests(&mut self) -> bool {
        match (self.policy, &self.rest) {
            (Some(policy), Some(rest)) => !rest.upkeep || self.brakes_rest(policy),
            (policy, _) => policy.is_none(),
        }
    }

    /// Whether nobody trades, and the bot would see nothing new.
    fn is_quiet(&self, row: &[Coin], peace: &mut Peace, calm: Option<&Calm>) -> bool {
        if self.pool.swap_enabled && !self.is_peaceful(row, peace) {
            return false;
        }
        let Some(policy) = self.policy else { return true };
        self.shares_rest(policy, row, peace) && calm.is_none_or(|calm| calm.stays(row))
    }

    /// Whether no pair offers what its gas costs.
    fn is_peaceful(&self, row: &[Coin], peace: &mut Peace) -> bool {
        if row.iter().zip(&peace.near).any(|(coin, (low, high))| coin.market < *low || coin.market > *high) {
            *peace = self.peace(row);
        }
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for (coin, depth) in row.iter().zip(&peace.depth) {
            let weighed = coin.market * depth;
            (low, high) = (low.min(weighed), high.max(weighed));
        }
        high < low * peace.apart
    }

    /// Whether value shares are clearly on their side of the threshold: first by a bound that takes no division, then as a look would see
    /// it.
    fn shares_rest(&self, policy: &Policy, row: &[Coin], peace: &Peace) -> bool {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for (coin, depth) in row.iter().zip(&peace.depth) {
            let weighed = coin.price * depth;
            if weighed.is_nan() {
                return true;
            }
            (low, high) = (low.min(weighed), high.max(weighed));
        }
        let threshold = policy.composition.threshold.as_fraction();
        let within = high < low * (1.0 + threshold * SHY);
        if within && self.memory.composition_off_since.is_none() { true } else { self.on_its_side(policy, row) }
    }

    /// What keeps arbitrageurs away at these prices and near them.
    fn peace(&self, row: &[Coin]) -> Peace {
        let gas = GasCost { gas_used: self.setup.arbitrage_gas, price: self.gas.price };
        let gas = gas.usd(self.gas.ether).map_or(f64::INFINITY, Usd::as_f64);
        let fee = self.fee;
        let mut most = 0.0_f64;
        for (from, (side_in, coin)) in self.whole.iter().zip(row).enumerate() {
            for (to, side_out) in self.whole.iter().enumerate() {
                if from != to {
                    most = most.max(side_in.balance * coin.market * side_out.weight / (side_in.weight + side_out.weight));
                }
            }
        }
        let apart = 1.0 + (2.0 * gas * (1.0 - fee) / (most * (1.0 + NEAR))).sqrt();
        Peace {
            near: row.iter().map(|coin| (coin.market * (1.0 - NEAR), coin.market * (1.0 + NEAR))).collect(),
            depth: self.whole.iter().map(|side| side.balance / side.weight).collect(),
            // Floats are not exact, and need not be.
            apart: apart / (1.0 - fee) * (1.0 - 1e-9),
        }
    }

    fn calm(&self) -> Option<Calm> {
        let rule = self.policy?.tilt.volatility.as_ref()?;
        let dead_band = self.policy?.tilt.dead_band.as_fraction() * SHY;
        let gain = f64::from(rule.gain_bps) / 1e4;
        // `v gain / (1 - v gain)` is below the dead band while `v gain` is below `d / (1 + d)`.
        let most = match self.rest.as_ref().map(|rest| (rest.upkeep, rest.stance)) {
            Some((true, Stance::Untilted)) => variance_of(dead_band / (1.0 + dead_band) / gain),
            Some((false, _) | (_, Stance::Unasked)) => f64::INFINITY,
            _ => 0.0,
        };
        let one =
            |(volatility, peg): (&Volatility, &Peg)| (peg.trust == Trust::Trusted && peg.level.is_some(), volatility.counted().0);
        let variances = self.volatility.iter().zip(&self.view.pegs).map(one).collect();
        Some(Calm { decay: Decay::over(self.world.span.step, rule), most, variances })
    }

    /// Brings what a stretch has left alone up to its last tick.
    fn catch_up(&mut self, last: usize, calm: Option<Calm>) {
        let now = self.world.time(last);
        self.reprice(last);
        self.view.go_to(last, now);
        let Some(calm) = calm else { return };
        for ((volatility, peg), (seen, variance)) in self.volatility.iter_mut().zip(&self.view.pegs).zip(&calm.variances) {
            if let (true, Some(level)) = (*seen, peg.level) {
                volatility.go_on(now, level, *variance);
            }
        }
    }
}

impl Calm {
    fn after(&self, (seen, variance): (bool, f64), coin: &Coin) -> f64 {
        if seen { self.decay.after(variance, coin.moved) } else { variance }
    }

    /// Whether the prices of a tick leave everything calm.
    fn stays(&self, row: &[Coin]) -> bool {
        self.variances.iter().zip(row).all(|(one, coin)| self.after(*one, coin) < self.most)
    }

    /// Takes them in.
    fn go_on(&mut self, row: &[Coin]) {
        for (one, coin) in self.variances.iter_mut().zip(row) {
            if one.0 {
                one.1 = self.decay.after(one.1, coin.moved);
            }
        }
    }
}
