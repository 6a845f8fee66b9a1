//! The arbitrageur of a pool.

use ballast::devnet::arbitrageur::{self, Chance};
use ballast::devnet::batch::PoolState;
use ballast::domain::ramp;
use ballast::domain::units::{Timestamp, Weight};

use crate::trial::Trial;
use crate::weather::Weather;

/// How far the Vault's balances may be from the arbitrageur's own sums: a cent.
const ROUNDING: f64 = 0.01;
/// How far the pool's weights may be from his: a few of their last digits.
const LAST_DIGITS: Weight = Weight::from_wad(10);

/// Someone who trades one pool as soon as a swap gains more than it costs him.
///
/// He sees what a searcher sees who simulates on the pending block: balances as the newest block left them, and weights and prices
/// as they are at the time of the block that his swap will be in. That time is known, because blocks come every twelve seconds, and
/// so are the weights, because the ramp stands in the pool. With the weights of the newest block he would be a block late all along,
/// and take a smaller step first and a larger one last. Nobody trades before him, so what he computes is what he gets; each swap is
/// held against the Vault and the pool.
#[derive(Debug)]
pub(crate) struct Trader {
    cost: f64,
    weather: Weather,
    /// The pool as the newest block left it.
    state: PoolState,
    /// What the pool is to hold once the coming block is made, if he has sent something.
    expected: Option<PoolState>,
    swaps: usize,
    done: bool,
}

impl Trader {
    /// Somebody who has seen the pool with its ramp ahead.
    pub(crate) fn new(trial: &Trial, state: PoolState) -> Self {
        let weather = trial.seed.map_or_else(Weather::calm, |seed| Weather::restless(seed, trial.duration));
        Self { cost: trial.cost, weather, state, expected: None, swaps: 0, done: false }
    }

    /// The swaps that he sends into the block of this time.
    pub(crate) fn look(&mut self, landing: Timestamp) -> Vec<Chance> {
        let sky = self.weather.next_block();
        let mut pending = self.state.clone();
        for (holding, weight) in pending.holdings.iter_mut().zip(weights(&self.state, landing)) {
            holding.weight = weight;
        }
        let trade = |prices| arbitrageur::chances(pending.clone(), &prices, self.cost);
        let chances = sky.prices.map_or_else(Vec::new, trade);
        // Weights rest from the end of the ramp on, and so do prices: what does not pay then never will.
        self.done = chances.is_empty() && sky.last && landing >= self.state.update.end;
        for chance in &chances {
            chance.apply(&mut pending);
        }
        self.swaps += chances.len();
        self.expected = (!chances.is_empty()).then_some(pending);
        chances
    }

    /// Whether swaps of his are in the newest block.
    pub(crate) const fn has_traded(&self) -> bool {
        self.expected.is_some()
    }

    /// Takes the pool as the newest block has left it. It must be as he computed.
    pub(crate) fn see(&mut self, found: PoolState) {
        if let Some(expected) = self.expected.take() {
            for (found, expected) in found.holdings.iter().zip(&expected.holdings) {
                let off = found.side().balance - expected.side().balance;
                let right = off.abs() < ROUNDING && found.weight.abs_diff(expected.weight) < LAST_DIGITS;
                assert!(right, "the chain has {found:?}; expected {expected:?}");
            }
        }
        self.state = found;
    }

    /// Whether nothing will ever happen to the pool again.
    pub(crate) const fn is_done(&self) -> bool {
        self.done
    }

    /// How many swaps he has sent.
    pub(crate) const fn swaps(&self) -> usize {
        self.swaps
    }
}

/// The weights of a pool at a time, by the ramp that it has stored.
fn weights(state: &PoolState, at: Timestamp) -> Vec<Weight> {
    let update = &state.update;
    ramp::interpolate(update.start, update.end, &update.start_weights, &update.end_weights, at).unwrap()
}
