//! The pool in the words of decisions: what a block says of it, and what its owner's orders do to it.

use alloy_primitives::U256;

use super::MathFault;
use super::pool::{Pool, Span, narrow};
use crate::domain::plan::Plan;
use crate::domain::position::{BlockStamp, Breaker, Controls, FeeRamp, Ownership, PositionFacts, Ramp};
use crate::domain::units::{SwapFee, Timestamp, TokenAmount, Weight};

impl Pool {
    /// What a block says of the pool, of which `treasury` shares are somebody's.
    ///
    /// # Errors
    /// A number has no place.
    pub fn facts(&self, block: BlockStamp, treasury: u128) -> Result<PositionFacts, MathFault> {
        let now = block.timestamp.secs();
        let weights = (0..self.tokens.len()).map(|at| Ok(Weight::from_wad(narrow(self.weight(at, now)?)?)));
        let balances = self.tokens.iter().map(|token| TokenAmount { raw: token.balance, decimals: token.decimals });
        Ok(PositionFacts {
            block,
            weights: weights.collect::<Result<_, _>>()?,
            balances: balances.collect(),
            controls: self.controls(),
            swap_fee: SwapFee::from_wad(narrow(self.swap_fee(now)?)?),
            paused: false,
            touched: block.number,
            ownership: Ownership { supply: self.supply, treasury },
            breakers: self.breakers()?,
            purse: Vec::new(),
        })
    }

    /// What the owner has set.
    #[must_use]
    pub fn controls(&self) -> Controls {
        let [start, end] = [self.weights_move.start, self.weights_move.end].map(Timestamp::from_secs);
        let end_weights = self.tokens.iter().map(|token| Weight::from_wad(token.end_weight)).collect();
        let [leaves, arrives] = [self.fee_moves.start, self.fee_moves.end].map(Timestamp::from_secs);
        let [from, to] = [self.fee.0, self.fee.1].map(SwapFee::from_wad);
        Controls {
            ramp: Ramp { start, end, end_weights },
            fee: FeeRamp { start: leaves, end: arrives, from, to },
            swap_enabled: self.swap_enabled,
        }
    }

    fn breakers(&self) -> Result<Vec<Breaker>, MathFault> {
        let breaker = |at: usize| {
            let token = self.token(at)?;
            let ((price, weight), (lower, upper)) = (token.breaker.reference(), token.breaker.bounds());
            Ok(Breaker {
                reference_price: narrow(price.saturating_mul(token.unit()))?,
                reference_weight: Weight::from_wad(narrow(weight)?),
                lower: Weight::from_wad(narrow(lower)?),
                upper: Weight::from_wad(narrow(upper)?),
            })
        };
        (0..self.tokens.len()).map(breaker).collect()
    }

    /// Does what its owner orders, in a block of time `now`. A change that runs in time runs over `span`. What moves somebody's money is
    /// no order of the owner: see [`Pool::quote_in`] and [`Pool::exit`].
    ///
    /// # Errors
    /// The contracts would revert.
    pub fn obey(&mut self, plan: &Plan, span: Span, now: u64) -> Result<(), MathFault> {
        match plan {
            Plan::Reweight(reweight) => {
                let ends: Vec<u128> = reweight.target.weights().iter().map(|weight| weight.wad()).collect();
                self.move_weights(now, span, &ends)
            }
            Plan::FeeRamp(change) => self.move_fee(now, span, change.from.wad(), change.to.wad()),
            Plan::Freeze | Plan::Open => {
                self.swap_enabled = matches!(plan, Plan::Open);
                Ok(())
            }
            Plan::Brake(brakes) => brakes.bounds.iter().enumerate().try_for_each(|(at, set)| {
                let [price, lower, upper] = [set.reference_price, set.lower.wad(), set.upper.wad()].map(U256::from);
                self.set_breaker(at, now, price, lower, upper)
            }),
            Plan::Swap(_) | Plan::Exit(_) => Ok(()),
        }
    }
}
