//! Pools as one block shows them, all of them read in one call.

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes, U256};

use super::coins::{Coin, PerCoin};
use super::contracts::{IManagedPool, IVault};
use super::fault::WorldError;
use super::rpc::Rpc;
use crate::domain::units::{Timestamp, WAD, Weight};
use crate::simulation::arbitrage::Side;

/// Where a pool is found, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolAddress {
    /// Its name.
    pub name: String,
    /// Its contract.
    pub address: Address,
    /// How the Vault knows it.
    pub id: B256,
    /// Its coins in the order of the chain.
    pub coins: Vec<Coin>,
}

/// One coin of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The coin.
    pub coin: Coin,
    /// Smallest units in the pool.
    pub balance: u128,
    /// Its weight now.
    pub weight: Weight,
}

/// The last change of weights that a pool was told to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GradualUpdate {
    /// When the weights begin to move.
    pub start: Timestamp,
    /// When they arrive.
    pub end: Timestamp,
    /// Where they come from.
    pub start_weights: Vec<Weight>,
    /// Where they arrive.
    pub end_weights: Vec<Weight>,
}

/// A pool in one block.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolState {
    /// Its coins in the order of the chain.
    pub holdings: Vec<Holding>,
    /// Part of what goes in that the pool keeps.
    pub fee: f64,
    /// Whether it can be traded with.
    pub swap_enabled: bool,
    /// The last change of weights.
    pub update: GradualUpdate,
}

impl Holding {
    /// As the pools' maths wants it.
    #[must_use]
    pub fn side(&self) -> Side {
        Side { balance: whole(self.balance, self.coin.decimals()), weight: self.weight.as_fraction() }
    }
}

impl PoolState {
    /// What the pool is worth at the market's prices.
    #[must_use]
    pub fn value(&self, prices: &PerCoin<f64>) -> f64 {
        self.holdings.iter().map(|holding| holding.side().balance * prices.get(holding.coin)).sum()
    }

    /// Each coin's part of that value.
    #[must_use]
    pub fn shares(&self, prices: &PerCoin<f64>) -> Vec<f64> {
        let value = self.value(prices);
        self.holdings.iter().map(|holding| holding.side().balance * prices.get(holding.coin) / value).collect()
    }
}

/// Whole tokens in so many smallest units.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "the simulation counts in floats")]
pub fn whole(raw: u128, decimals: u8) -> f64 {
    raw as f64 / 10f64.powi(i32::from(decimals))
}

/// Smallest units in so many whole tokens; negative amounts are nothing.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the simulation counts in floats; the cast saturates"
)]
pub fn raw(whole: f64, decimals: u8) -> u128 {
    (whole * 10f64.powi(i32::from(decimals))) as u128
}

/// Reads pools, all in the newest block.
///
/// # Errors
/// The node is down, or a pool does not answer as a managed pool does.
pub async fn read(rpc: &Rpc, vault: Address, pools: &[PoolAddress]) -> Result<Vec<PoolState>, WorldError> {
    let mut questions = Vec::with_capacity(pools.len().saturating_mul(5));
    for pool in pools {
        questions.push((vault, IVault::getPoolTokensCall { poolId: pool.id }.abi_encode()));
        questions.push((pool.address, IManagedPool::getNormalizedWeightsCall {}.abi_encode()));
        questions.push((pool.address, IManagedPool::getSwapFeePercentageCall {}.abi_encode()));
        questions.push((pool.address, IManagedPool::getSwapEnabledCall {}.abi_encode()));
        questions.push((pool.address, IManagedPool::getGradualWeightUpdateParamsCall {}.abi_encode()));
    }
    let answers = rpc.read(questions).await?;
    pools.iter().zip(answers.chunks_exact(5)).map(|(pool, answers)| understand(pool, answers)).collect()
}

fn understand(pool: &PoolAddress, answers: &[Bytes]) -> Result<PoolState, WorldError> {
    let [tokens, weights, fee, swap_enabled, update] = answers else {
        return Err(WorldError::Decode { what: "a pool", fault: "some answers are missing".into() });
    };
    let tokens = decode::<IVault::getPoolTokensCall>(tokens)?;
    let weights = decode::<IManagedPool::getNormalizedWeightsCall>(weights)?;
    let update = decode::<IManagedPool::getGradualWeightUpdateParamsCall>(update)?;
    // The pool's own share token is the first one that the Vault lists; it has no weight.
    let balances = tokens.balances.iter().skip(1);
    let holding = |((coin, balance), weight): ((&Coin, &U256), &U256)| Holding {
        coin: *coin,
        balance: small(*balance),
        weight: Weight::from_wad(small(*weight)),
    };
    Ok(PoolState {
        holdings: pool.coins.iter().zip(balances).zip(&weights).map(holding).collect(),
        fee: whole(small(decode::<IManagedPool::getSwapFeePercentageCall>(fee)?), 18),
        swap_enabled: decode::<IManagedPool::getSwapEnabledCall>(swap_enabled)?,
        update: GradualUpdate {
            start: Timestamp::from_secs(update.startTime.saturating_to()),
            end: Timestamp::from_secs(update.endTime.saturating_to()),
            start_weights: all_weights(&update.startWeights),
            end_weights: all_weights(&update.endWeights),
        },
    })
}

fn decode<C: SolCall>(answer: &Bytes) -> Result<C::Return, WorldError> {
    C::abi_decode_returns(answer).map_err(WorldError::decode(C::SIGNATURE))
}

pub(super) fn all_weights(weights: &[U256]) -> Vec<Weight> {
    weights.iter().map(|weight| Weight::from_wad(small(*weight))).collect()
}

/// Balances have 112 bits and weights 60.
fn small(number: U256) -> u128 {
    number.saturating_to()
}

/// Part of a pool that a number of basis points is, as contracts count.
#[must_use]
pub fn wad_of_bps(bps: u32) -> U256 {
    U256::from(u128::from(bps).saturating_mul(WAD.div_euclid(10_000)))
}
