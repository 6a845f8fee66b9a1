//! Somebody who trades a pool as soon as it pays: this is what makes value shares follow weights. It has its own account and money,
//! looks at all pools in one call a block, and swaps through the Vault like anyone else.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256, address};

use super::balancer;
use super::batch::{self, Holding, PoolAddress, PoolState, raw};
use super::coins::PerCoin;
use super::fault::WorldError;
use super::rpc::{Account, Order, Rpc};
use crate::domain::units::GasPrice;
use crate::simulation::arbitrage::{self, Arbitrage};

/// What a swap uses, about.
const SWAP_GAS: f64 = 135_000.0;
const SWAP_GAS_LIMIT: u64 = 400_000;
/// Swaps in one pool and block.
const MOST_SWAPS: usize = 4;
/// The part of the expected amount that must come out at least: weights move on between a look and a block.
const TOLERANCE: f64 = 0.99;

/// The account of the world's arbitrageur. It owns coins, and the Vault may move them.
pub const ARBITRAGEUR: Address = address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");

/// A trader with a nose for pools that are off their prices.
#[derive(Clone, Debug)]
pub struct Arbitrageur {
    account: Account,
    vault: Address,
    tokens: PerCoin<Address>,
    pools: Vec<PoolAddress>,
    least_profit: f64,
    paused: BTreeSet<String>,
    swaps: u64,
}

/// What the market is at the moment of a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    pub(super) prices: PerCoin<f64>,
    pub(super) ether: f64,
    pub(super) base_fee: GasPrice,
}

impl Arbitrageur {
    /// Trades `pools` when a swap is expected to bring more than `least_profit` dollars after gas. The account must own tokens and
    /// have approved the Vault.
    #[must_use]
    pub const fn new(
        account: Account,
        vault: Address,
        tokens: PerCoin<Address>,
        pools: Vec<PoolAddress>,
        least_profit: f64,
    ) -> Self {
        Self { account, vault, tokens, pools, least_profit, paused: BTreeSet::new(), swaps: 0 }
    }

    /// Leaves a pool alone, or no longer.
    pub fn pause(&mut self, pool: &str, paused: bool) {
        if paused {
            self.paused.insert(pool.to_owned());
        } else {
            self.paused.remove(pool);
        }
    }

    /// How many swaps it has sent.
    #[must_use]
    pub const fn swaps(&self) -> u64 {
        self.swaps
    }

    /// Forgets its nonce, after the node has lost what waited for a block.
    pub(super) const fn forget(&mut self) {
        self.account.forget();
    }

    /// Looks at all pools and sends what pays into the next block.
    pub(super) async fn trade(&mut self, rpc: &Rpc, market: &Conditions) -> Result<(), WorldError> {
        let open: Vec<PoolAddress> = self.pools.iter().filter(|pool| !self.paused.contains(&pool.name)).cloned().collect();
        if open.is_empty() {
            return Ok(());
        }
        let states = batch::read(rpc, self.vault, &open).await?;
        let cost = market.gas_of_a_swap() + self.least_profit;
        for (pool, state) in open.iter().zip(states) {
            for chance in chances(state, &market.prices, cost) {
                let order = chance.order(self.account.address, self.vault, &self.tokens, pool, market.base_fee);
                rpc.send(&mut self.account, &order).await?;
                self.swaps = self.swaps.saturating_add(1);
            }
        }
        Ok(())
    }
}

impl Conditions {
    /// In dollars.
    fn gas_of_a_swap(&self) -> f64 {
        SWAP_GAS * self.base_fee.as_gwei() * 1e-9 * self.ether
    }
}

/// A swap that pays.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    /// The coin that goes in, as the pool holds it.
    pub from: Holding,
    /// The coin that comes out.
    pub to: Holding,
    /// How much of both.
    pub trade: Arbitrage,
}

impl Chance {
    /// The transaction that takes it. The trader must own what goes in and have approved the Vault.
    #[must_use]
    pub fn order(
        &self,
        trader: Address,
        vault: Address,
        tokens: &PerCoin<Address>,
        pool: &PoolAddress,
        base_fee: GasPrice,
    ) -> Order {
        let Self { from, to, trade } = self;
        let amount = U256::from(raw(trade.amount_in, from.coin.decimals()));
        let least_out = U256::from(raw(trade.amount_out * TOLERANCE, to.coin.decimals()));
        let call = balancer::swap(trader, pool.id, (*tokens.get(from.coin), *tokens.get(to.coin)), amount, least_out, U256::MAX);
        Order::at(vault, &call, SWAP_GAS_LIMIT, base_fee)
    }

    /// Moves the pool's balances as the swap does, but for the pool's rounding.
    pub fn apply(&self, state: &mut PoolState) {
        for holding in &mut state.holdings {
            let amount = |whole| raw(whole, holding.coin.decimals());
            if holding.coin == self.from.coin {
                holding.balance = holding.balance.saturating_add(amount(self.trade.amount_in));
            } else if holding.coin == self.to.coin {
                holding.balance = holding.balance.saturating_sub(amount(self.trade.amount_out));
            }
        }
    }
}

/// The swaps that bring a pool to the market's prices, best first, as far as each of them gains more than the `cost` of a swap, in
/// dollars.
#[must_use]
pub fn chances(mut state: PoolState, prices: &PerCoin<f64>, cost: f64) -> Vec<Chance> {
    let mut found = Vec::new();
    while state.swap_enabled && found.len() < MOST_SWAPS {
        let Some(best) = best(&state, prices).filter(|best| best.trade.profit > cost) else { break };
        best.apply(&mut state);
        found.push(best);
    }
    found
}

fn best(state: &PoolState, prices: &PerCoin<f64>) -> Option<Chance> {
    let pairs = state.holdings.iter().flat_map(|from| state.holdings.iter().map(move |to| (*from, *to)));
    let price = |holding: &Holding| *prices.get(holding.coin);
    let chance = |(from, to): (Holding, Holding)| {
        let trade = arbitrage::arbitrage(from.side(), price(&from), to.side(), price(&to), state.fee)?;
        Some(Chance { from, to, trade })
    };
    pairs.filter(|(from, to)| from.coin != to.coin).filter_map(chance).max_by(|a, b| a.trade.profit.total_cmp(&b.trade.profit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devnet::batch::GradualUpdate;
    use crate::devnet::coins::Coin;
    use crate::domain::units::{Timestamp, Weight};

    fn pool() -> PoolState {
        let holding =
            |coin: Coin, whole, bps| Holding { coin, balance: raw(whole, coin.decimals()), weight: Weight::from_bps(bps) };
        let never = Timestamp::default();
        PoolState {
            holdings: vec![
                holding(Coin::Dai, 200_000.0, 4_000),
                holding(Coin::Usdc, 175_000.0, 3_500),
                holding(Coin::Usdt, 125_000.0, 2_500),
            ],
            fee: 0.0005,
            swap_enabled: true,
            update: GradualUpdate { start: never, end: never, start_weights: vec![], end_weights: vec![] },
        }
    }

    fn market(usdc: f64, gwei: u64) -> Conditions {
        Conditions { prices: PerCoin { dai: 1.0, usdc, usdt: 1.0 }, ether: 3_000.0, base_fee: GasPrice::from_gwei(gwei) }
    }

    /// For someone who wants half a dollar after gas.
    fn worth_it(state: PoolState, market: &Conditions) -> Vec<Chance> {
        chances(state, &market.prices, market.gas_of_a_swap() + 0.5)
    }

    #[test]
    fn a_falling_coin_is_sold_to_the_pool_until_shares_are_weights_again() {
        let mut state = pool();
        let conditions = market(0.95, 1);
        let swaps = worth_it(state.clone(), &conditions);
        assert!(swaps.len() >= 2 && swaps[0].from.coin == Coin::Usdc, "one swap does not do for three coins");
        for swap in swaps {
            swap.apply(&mut state);
        }
        let shares = state.shares(&conditions.prices);
        assert!(shares.iter().zip([0.40, 0.35, 0.25]).all(|(share, weight)| (share - weight).abs() < 0.002), "{shares:?}");
    }

    #[test]
    fn nothing_is_done_that_does_not_pay() {
        assert!(worth_it(pool(), &market(1.0, 1)).is_empty());
        assert!(!worth_it(pool(), &market(0.99, 3)).is_empty());
        assert!(worth_it(pool(), &market(0.99, 120)).is_empty(), "gas costs more than the gap");
        assert!(worth_it(PoolState { swap_enabled: false, ..pool() }, &market(0.9, 1)).is_empty());
    }
}
