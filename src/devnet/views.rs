//! What the chain says of the pools of a running world.

use alloy_primitives::Address;

use super::batch::{self, GradualUpdate, PoolAddress, PoolState};
use super::catalogue::Owner;
use super::coins::{Coin, PerCoin};
use super::contracts::IToken;
use super::fault::WorldError;
use super::handle::WorldHandle;
use super::updates::{self, RampScheduled, WeightUpdate};
use crate::domain::units::Weight;

impl WorldHandle {
    /// Where a pool is.
    ///
    /// # Errors
    /// There is no such pool.
    pub fn pool(&self, name: &str) -> Result<&PoolAddress, WorldError> {
        let found = self.addresses().pools.iter().find(|pool| pool.name == name);
        found.ok_or_else(|| WorldError::NoSuchPool(name.to_owned()))
    }

    /// Everything that the newest block says of a pool.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn state(&self, pool: &str) -> Result<PoolState, WorldError> {
        let place = self.pool(pool)?;
        let states = batch::read(&self.shared.rpc, self.addresses().vault, std::slice::from_ref(place)).await?;
        states.into_iter().next().ok_or_else(|| WorldError::NoSuchPool(pool.to_owned()))
    }

    /// The weights of a pool's coins, in the order of the chain.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn weights(&self, pool: &str) -> Result<Vec<(Coin, Weight)>, WorldError> {
        Ok(self.state(pool).await?.holdings.iter().map(|held| (held.coin, held.weight)).collect())
    }

    /// The balances of a pool's coins in their smallest units, in the order of the chain.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn balances(&self, pool: &str) -> Result<Vec<(Coin, u128)>, WorldError> {
        Ok(self.state(pool).await?.holdings.iter().map(|held| (held.coin, held.balance)).collect())
    }

    /// Each coin's part of a pool's value at the market's prices, in the order of the chain.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn shares(&self, pool: &str) -> Result<Vec<(Coin, f64)>, WorldError> {
        let (state, prices) = (self.state(pool).await?, self.prices().await);
        Ok(state.holdings.iter().map(|held| held.coin).zip(state.shares(&prices)).collect())
    }

    /// What an account has of each coin, in smallest units.
    ///
    /// # Errors
    /// The node is down.
    pub async fn coins_of(&self, account: Address) -> Result<PerCoin<u128>, WorldError> {
        let mut coins = PerCoin::default();
        for coin in Coin::ALL {
            *coins.get_mut(coin) = self.balance_of(*self.addresses().tokens.get(coin), account).await?;
        }
        Ok(coins)
    }

    /// How many shares of a pool an account has.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn pool_shares_of(&self, pool: &str, account: Address) -> Result<u128, WorldError> {
        self.balance_of(self.pool(pool)?.address, account).await
    }

    async fn balance_of(&self, token: Address, account: Address) -> Result<u128, WorldError> {
        let balance = self.shared.rpc.call(token, &IToken::balanceOfCall { account }).await?;
        u128::try_from(balance).map_err(|_| WorldError::Value {
            what: "a balance",
            found: balance.to_string(),
            expected: "a number of 128 bits",
        })
    }

    /// The last change of weights that a pool was told to make.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn gradual_update(&self, pool: &str) -> Result<GradualUpdate, WorldError> {
        Ok(self.state(pool).await?.update)
    }

    /// Whether a pool can be traded with.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn swap_enabled(&self, pool: &str) -> Result<bool, WorldError> {
        Ok(self.state(pool).await?.swap_enabled)
    }

    /// Who may change a pool.
    ///
    /// # Errors
    /// There is no such pool.
    pub fn owner(&self, pool: &str) -> Result<Owner, WorldError> {
        let found = self.specs().iter().find(|spec| spec.name == pool);
        found.map(|spec| spec.owner).ok_or_else(|| WorldError::NoSuchPool(pool.to_owned()))
    }

    /// The ramps that a pool has scheduled in the blocks from `from` on, by its own events, oldest first. The chain as it is now
    /// decides: what was reorganised away did not happen.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn scheduled_ramps(&self, pool: &str, from: u64) -> Result<Vec<RampScheduled>, WorldError> {
        updates::scheduled(&self.shared.rpc, self.pool(pool)?.address, from).await
    }

    /// Every transaction on the chain that called `updateWeightsGradually` of a pool, oldest first.
    ///
    /// # Errors
    /// There is no such pool, or the node is down.
    pub async fn weight_updates(&self, pool: &str) -> Result<Vec<WeightUpdate>, WorldError> {
        let place = self.pool(pool)?.address;
        self.shared.ledger.lock().await.updates(&self.shared.rpc, place).await
    }
}
