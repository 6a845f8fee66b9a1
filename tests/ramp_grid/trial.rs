//! One pool of the experiment, and what is done with it.

use std::time::Duration;

use ballast::devnet::batch::PoolState;
use ballast::devnet::{Coin, Owner, PerCoin, PoolSpec, TokenSpec};
use ballast::domain::units::Weight;

/// What a pool is worth at the beginning, in dollars.
pub(crate) const VALUE: u32 = 500_000;
/// Time between two blocks.
pub(crate) const BLOCK: Duration = Duration::from_secs(12);
/// Swap fee.
const FEE_BPS: u32 = 5;

/// What is done with a pool. It is worth [`VALUE`], holds its coins in the shares of its weights, and changes the weights in a ramp
/// that begins with a block.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// Weights of DAI, USDC and USDT at the beginning, in basis points.
    pub(crate) from: [u32; 3],
    /// The same at the end. Equal to the beginning: there is no ramp.
    pub(crate) to: [u32; 3],
    /// How long the ramp takes.
    pub(crate) duration: Duration,
    /// What a swap costs the arbitrageur, in dollars, whatever the chain's base fee is.
    pub(crate) cost: f64,
    /// The seed of a market that is restless for so long; none: every coin costs a dollar and no block is missed.
    pub(crate) seed: Option<u64>,
}

impl Trial {
    /// Whether there is a ramp.
    pub(crate) fn moves(&self) -> bool {
        self.from != self.to
    }

    /// Both ends, as the model wants them.
    pub(crate) fn ends(&self) -> ([Weight; 3], [Weight; 3]) {
        (self.from.map(Weight::from_bps), self.to.map(Weight::from_bps))
    }

    /// The pool to be.
    pub(crate) fn spec(&self, name: String) -> PoolSpec {
        let token = |(coin, initial)| TokenSpec { coin, target: initial, initial, min: Weight::ZERO, max: Weight::ONE };
        let tokens = Coin::ALL.into_iter().zip(self.ends().0).map(token).collect();
        PoolSpec { name, tokens, value: VALUE, fee_bps: FEE_BPS, owner: Owner::Keeper, answer: None }
    }

    /// The weights at the end, for coins in the order of the chain.
    pub(crate) fn target(&self, coins: &[Coin]) -> Vec<Weight> {
        let to = self.ends().1;
        let to = PerCoin { dai: to[0], usdc: to[1], usdt: to[2] };
        coins.iter().map(|coin| *to.get(*coin)).collect()
    }
}

/// What a pool is worth at a dollar for each coin.
pub(crate) fn at_par(state: &PoolState) -> f64 {
    state.value(&PerCoin::from_fn(|_| 1.0))
}
