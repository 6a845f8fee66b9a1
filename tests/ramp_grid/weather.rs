//! What the market does while a ramp runs: prices that tremble, and blocks that the arbitrageur misses.

use std::time::Duration;

use ballast::devnet::PerCoin;

use crate::trial::BLOCK;

/// Standard deviation of a price's step from block to block.
pub(crate) const STEP: f64 = 0.000_2;
/// The part of the way back to a dollar that a price goes each block.
pub(crate) const PULL: f64 = 0.05;
/// Part of the blocks that the arbitrageur misses.
pub(crate) const MISSED: f64 = 0.1;

/// The market block by block. The same seed gives the same market, whoever trades in it.
#[derive(Debug)]
pub(crate) struct Weather {
    random: fastrand::Rng,
    /// How far each coin is from a dollar.
    off: PerCoin<f64>,
    /// Blocks until the market is calm for good.
    restless: u128,
}

/// One block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sky {
    /// Dollars for each coin; none when the arbitrageur misses the block.
    pub(crate) prices: Option<PerCoin<f64>>,
    /// All later blocks are like this one.
    pub(crate) last: bool,
}

impl Weather {
    /// A dollar for each coin, and no block is missed.
    pub(crate) fn calm() -> Self {
        Self::restless(0, Duration::ZERO)
    }

    /// Restless for so long, then calm at a dollar again.
    pub(crate) fn restless(seed: u64, duration: Duration) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { random, off: PerCoin::default(), restless: duration.as_nanos().div_ceil(BLOCK.as_nanos()) }
    }

    /// The market in the next block.
    pub(crate) fn next_block(&mut self) -> Sky {
        if self.restless == 0 {
            return Sky { prices: Some(PerCoin::from_fn(|_| 1.0)), last: true };
        }
        self.restless -= 1;
        let before = self.off;
        self.off = PerCoin::from_fn(|coin| before.get(coin) * (1.0 - PULL) + self.step());
        let missed = self.random.f64() < MISSED;
        Sky { prices: (!missed).then(|| PerCoin::from_fn(|coin| 1.0 + self.off.get(coin))), last: false }
    }

    /// Evenly spread, with the standard deviation that it should have.
    fn step(&mut self) -> f64 {
        STEP * 3f64.sqrt() * (2.0 * self.random.f64() - 1.0)
    }
}
