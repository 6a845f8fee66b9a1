//! A managed pool of Balancer V2: what it gives for a swap at a moment of time, and what it holds afterwards. Its weights and its fee may
//! be on their way; both are read between two points as the contract `GradualValueChange` does.

use alloy_primitives::U256;

use super::MathFault;
use super::breaker::Breaker;
use super::fixed::{ONE, add, complement, div_down, div_up, mul_down, mul_up, sub};
use super::weighted::{Side, in_given_out, out_given_in};

/// One token of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its decimal places, 18 at most.
    pub decimals: u8,
    /// Smallest units that the pool holds.
    pub balance: u128,
    /// Where its weight comes from, 1e18 = all.
    pub start_weight: u128,
    /// Where its weight arrives.
    pub end_weight: u128,
    /// What stops trades that would move its price too far.
    pub breaker: Breaker,
}

/// A value that goes from one number to another, in whole seconds of the chain's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When it leaves.
    pub start: u64,
    /// When it arrives.
    pub end: u64,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its tokens, in the chain's order.
    pub tokens: Vec<Token>,
    /// When its weights move.
    pub weights_move: Span,
    /// The swap fee before and after, 1e18 = all.
    pub fee: (u128, u128),
    /// When the fee moves.
    pub fee_moves: Span,
    /// Whether it can be traded with.
    pub swap_enabled: bool,
    /// Shares that are out.
    pub supply: u128,
}

/// What a swap brings and takes, in smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traded {
    /// What went in, the fee included.
    pub amount_in: u128,
    /// What came out.
    pub amount_out: u128,
}

impl Span {
    /// The same, as the chain takes it: a start in the past is now.
    fn clamped(self, now: u64) -> Result<Self, MathFault> {
        let start = self.start.max(now);
        if start > self.end { Err(MathFault::TimeTravel) } else { Ok(Self { start, end: self.end }) }
    }

    /// How far it has come, 1e18 = there.
    fn progress(self, now: u64) -> Result<U256, MathFault> {
        if now >= self.end {
            return Ok(ONE);
        }
        if now <= self.start {
            return Ok(U256::ZERO);
        }
        let (gone, whole) = (now.saturating_sub(self.start), self.end.saturating_sub(self.start));
        div_down(U256::from(gone), U256::from(whole))
    }

    /// The value at a moment between the two.
    fn value(self, from: U256, to: U256, now: u64) -> Result<U256, MathFault> {
        let progress = self.progress(now)?;
        if progress == ONE || from == to {
            return Ok(to);
        }
        if progress.is_zero() {
            return Ok(from);
        }
        if from > to { sub(from, mul_down(progress, from - to)?) } else { add(from, mul_down(progress, to - from)?) }
    }
}

impl Token {
    /// A token at rest.
    #[must_use]
    pub fn still(decimals: u8, balance: u128, weight: u128) -> Self {
        Self { decimals, balance, start_weight: weight, end_weight: weight, breaker: Breaker::default() }
    }

    /// One smallest unit with eighteen decimal places.
    pub(super) fn unit(&self) -> U256 {
        U256::from(10u128.saturating_pow(18u32.saturating_sub(self.decimals.into())))
    }

    fn scaled(&self, amount: u128) -> Result<U256, MathFault> {
        U256::from(amount).checked_mul(self.unit()).ok_or(MathFault::MulOverflow)
    }
}

impl Pool {
    /// A pool that was made at `now` and has not changed since. `tokens` rest at their weights.
    #[must_use]
    pub fn born(tokens: Vec<Token>, fee: u128, supply: u128, now: u64) -> Self {
        let rest = Span { start: now, end: now };
        Self { tokens, weights_move: rest, fee: (fee, fee), fee_moves: rest, swap_enabled: true, supply }
    }

    /// The weight of a token at a moment, 1e18 = all.
    ///
    /// # Errors
    /// There is no such token.
    pub fn weight(&self, token: usize, now: u64) -> Result<U256, MathFault> {
        let token = self.token(token)?;
        self.weights_move.value(U256::from(token.start_weight), U256::from(token.end_weight), now)
    }

    /// The swap fee at a moment, 1e18 = all.
    ///
    /// # Errors
    /// A number has no place.
    pub fn swap_fee(&self, now: u64) -> Result<U256, MathFault> {
        self.fee_moves.value(U256::from(self.fee.0), U256::from(self.fee.1), now)
    }

    /// What a swap of a known amount in would bring. The fee is taken of what goes in, after it has eighteen decimal places.
    ///
    /// # Errors
    /// The contracts would revert.
    pub fn quote_in(&self, from: usize, to: usize, amount: u128, now: u64) -> Result<Traded, MathFault> {
        let (side_in, side_out) = self.sides(from, to, now)?;
        let (token_in, token_out) = (self.token(from)?, self.token(to)?);
        let whole = token_in.scaled(amount)?;
        let net = sub(whole, mul_up(whole, self.swap_fee(now)?)?)?;
        let out = out_given_in(side_in, side_out, net)?;
        let traded = Traded { amount_in: amount, amount_out: narrow(out.wrapping_div(token_out.unit()))? };
        self.within_bounds(from, to, traded, now)?;
        Ok(traded)
    }

    /// What a swap of a known amount out would take.
    ///
    /// # Errors
    /// The contracts would revert.
    pub fn quote_out(&self, from: usize, to: usize, amount: u128, now: u64) -> Result<Traded, MathFault> {
        let (side_in, side_out) = self.sides(from, to, now)?;
        let (token_in, token_out) = (self.token(from)?, self.token(to)?);
        let net = in_given_out(side_in, side_out, token_out.scaled(amount)?)?;
        let whole = div_up(net, complement(self.swap_fee(now)?))?;
        let traded = Traded { amount_in: narrow(whole.div_ceil(token_in.unit()))?, amount_out: amount };
        self.within_bounds(from, to, traded, now)?;
        Ok(traded)
    }

    /// Whether the breakers of both tokens let a trade through: what comes in makes its token cheaper in shares, what goes out dearer.
    fn within_bounds(&self, from: usize, to: usize, traded: Traded, now: u64) -> Result<(), MathFault> {
        let (token_in, token_out) = (self.token(from)?, self.token(to)?);
        let incoming = token_in.balance.checked_add(traded.amount_in).ok_or(MathFault::Overflow)?;
        let outgoing = token_out.balance.checked_sub(traded.amount_out).ok_or(MathFault::Underflow)?;
        let supply = U256::from(self.supply);
        let low = token_in.breaker.falls_through(supply, self.weight(from, now)?, token_in.scaled(incoming)?)?;
        let high = token_out.breaker.rises_through(supply, self.weight(to, now)?, token_out.scaled(outgoing)?)?;
        if low || high { Err(MathFault::BreakerTripped) } else { Ok(()) }
    }

    /// Trades, and holds what it holds afterwards.
    ///
    /// # Errors
    /// As for a quote.
    pub fn trade(&mut self, from: usize, to: usize, traded: Traded) -> Result<(), MathFault> {
        let incoming = self.token(from)?.balance.checked_add(traded.amount_in).ok_or(MathFault::Overflow)?;
        let outgoing = self.token(to)?.balance.checked_sub(traded.amount_out).ok_or(MathFault::Underflow)?;
        for (token, balance) in [(from, incoming), (to, outgoing)] {
            if let Some(token) = self.tokens.get_mut(token) {
                token.balance = balance;
            }
        }
        Ok(())
    }

    /// Gives so many new shares for their part of every token, which is rounded up. Gives what was paid, in smallest units.
    ///
    /// # Errors
    /// There are no shares yet, a breaker is out of its bounds, or a number has no place.
    pub fn join(&mut self, shares: u128, now: u64) -> Result<Vec<u128>, MathFault> {
        let ratio = div_up(U256::from(shares), U256::from(self.supply))?;
        let part = |token: &Token| {
            let amount = mul_up(token.scaled(token.balance)?, ratio)?;
            narrow(amount.div_ceil(token.unit()))
        };
        let paid: Vec<u128> = self.tokens.iter().map(part).collect::<Result<_, _>>()?;
        let supply = self.supply.checked_add(shares).ok_or(MathFault::Overflow)?;
        let grown = |(token, paid): (&Token, &u128)| token.balance.checked_add(*paid).ok_or(MathFault::Overflow);
        let balances: Vec<u128> = self.tokens.iter().zip(&paid).map(grown).collect::<Result<_, _>>()?;
        for (at, (token, balance)) in self.tokens.iter().zip(&balances).enumerate() {
            let (supply, weight, balance) = (U256::from(supply), self.weight(at, now)?, token.scaled(*balance)?);
            if token.breaker.falls_through(supply, weight, balance)? || token.breaker.rises_through(supply, weight, balance)? {
                return Err(MathFault::BreakerTripped);
            }
        }
        self.hold(balances, supply);
        Ok(paid)
    }

    /// Takes so many shares back for their part of every token, which is rounded down. Gives what was paid out, in smallest units.
    ///
    /// # Errors
    /// There are not so many shares, or a number has no place.
    pub fn exit(&mut self, shares: u128) -> Result<Vec<u128>, MathFault> {
        let ratio = div_down(U256::from(shares), U256::from(self.supply))?;
        let part = |token: &Token| {
            let amount = mul_down(token.scaled(token.balance)?, ratio)?;
            narrow(amount.wrapping_div(token.unit()))
        };
        let paid: Vec<u128> = self.tokens.iter().map(part).collect::<Result<_, _>>()?;
        let supply = self.supply.checked_sub(shares).ok_or(MathFault::Underflow)?;
        let shrunk = |(token, paid): (&Token, &u128)| token.balance.checked_sub(*paid).ok_or(MathFault::Underflow);
        let balances: Vec<u128> = self.tokens.iter().zip(&paid).map(shrunk).collect::<Result<_, _>>()?;
        self.hold(balances, supply);
        Ok(paid)
    }

    fn hold(&mut self, balances: Vec<u128>, supply: u128) {
        for (token, balance) in self.tokens.iter_mut().zip(balances) {
            token.balance = balance;
        }
        self.supply = supply;
    }

    /// Sets out for other weights, from where they are at `now`. A start in the past is now.
    ///
    /// # Errors
    /// Its end has passed, there are not as many weights as tokens, or a number has no place.
    pub fn move_weights(&mut self, now: u64, span: Span, end_weights: &[u128]) -> Result<(), MathFault> {
        let span = span.clamped(now)?;
        let starts: Vec<u128> =
            (0..self.tokens.len()).map(|at| self.weight(at, now).and_then(narrow)).collect::<Result<_, _>>()?;
        if end_weights.len() != self.tokens.len() {
            return Err(MathFault::InvalidToken);
        }
        for ((token, start), end) in self.tokens.iter_mut().zip(starts).zip(end_weights) {
            (token.start_weight, token.end_weight) = (start, *end);
        }
        self.weights_move = span;
        Ok(())
    }

    /// Sets the breaker of a token at its weight of now. `price` is its price in shares, in its smallest units, 1e18.
    ///
    /// # Errors
    /// There is no such token, or a number has no place.
    pub fn set_breaker(&mut self, at: usize, now: u64, price: U256, lower: U256, upper: U256) -> Result<(), MathFault> {
        let weight = self.weight(at, now)?;
        let token = self.tokens.get_mut(at).ok_or(MathFault::InvalidToken)?;
        token.breaker = Breaker::set(price.wrapping_div(token.unit()), weight, lower, upper)?;
        Ok(())
    }

    /// Sets the fee at once, and lets it go from there to another.
    ///
    /// # Errors
    /// Its end has passed.
    pub fn move_fee(&mut self, now: u64, span: Span, from: u128, to: u128) -> Result<(), MathFault> {
        self.fee_moves = span.clamped(now)?;
        self.fee = (from, to);
        Ok(())
    }

    pub(super) fn token(&self, at: usize) -> Result<&Token, MathFault> {
        self.tokens.get(at).ok_or(MathFault::InvalidToken)
    }

    fn sides(&self, from: usize, to: usize, now: u64) -> Result<(Side, Side), MathFault> {
        if !self.swap_enabled {
            return Err(MathFault::SwapsDisabled);
        }
        let side = |at: usize| {
            let token = self.token(at)?;
            Ok(Side { balance: token.scaled(token.balance)?, weight: self.weight(at, now)? })
        };
        Ok((side(from)?, side(to)?))
    }
}

pub(super) fn narrow(value: U256) -> Result<u128, MathFault> {
    u128::try_from(value).map_err(|_| MathFault::Overflow)
}
