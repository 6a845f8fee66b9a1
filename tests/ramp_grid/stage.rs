//! The chain on which all trials run beside each other, each with a pool of its own.

use alloy::sol;
use alloy_primitives::U256;
use ballast::devnet::arbitrageur::ARBITRAGEUR;
use ballast::devnet::batch::{self, PoolAddress, PoolState};
use ballast::devnet::rpc::{Account, Order, Rpc};
use ballast::devnet::toolbox::{self, ToolboxOptions};
use ballast::devnet::{World, WorldOptions};
use ballast::domain::units::{GasPrice, Timestamp};

use crate::trader::Trader;
use crate::trial::{BLOCK, Trial, at_par};

/// When the ramps begin.
const START: u64 = 1_780_000_000;
/// Low enough for every swap, and of no weight: what a swap costs is a number of the trial.
const BASE_FEE: GasPrice = GasPrice::from_gwei(1);
/// No pool has to wait for room in a block because there are others.
const BLOCK_GAS: u64 = 2_000_000_000;
const UPDATE_GAS: u64 = 200_000;

sol! {
    interface IOwned {
        function updateWeightsGradually(uint256 startTime, uint256 endTime, address[] memory tokens, uint256[] memory endWeights)
            external;
    }
}

/// What a trial has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// What the Vault holds less for the pool, in dollars.
    pub(crate) loss: f64,
    /// How many swaps there were.
    pub(crate) swaps: usize,
}

/// A chain with a pool for each trial.
#[derive(Debug)]
pub(crate) struct Stage {
    world: World,
    rpc: Rpc,
    pools: Vec<PoolAddress>,
}

impl Stage {
    pub(crate) async fn open(trials: &[Trial]) -> Self {
        let search_path = Some("/usr/local/bin:/usr/bin:/bin".into());
        let tools = toolbox::find(&ToolboxOptions { search_path, ..ToolboxOptions::default() }).await.unwrap();
        let pools = trials.iter().enumerate().map(|(number, trial)| trial.spec(format!("trial-{number}"))).collect();
        let options =
            WorldOptions { pools, base_fee: BASE_FEE, history: false, ..WorldOptions::new(tools, Timestamp::from_secs(START)) };
        let world = World::start(options).await.unwrap();
        let rpc = world.rpc();
        let _: bool = rpc.ask("evm_setBlockGasLimit", (U256::from(BLOCK_GAS),)).await.unwrap();
        let pools = world.addresses().pools.clone();
        Self { world, rpc, pools }
    }

    /// Runs all trials to their end.
    pub(crate) async fn play(self, trials: &[Trial]) -> Vec<Measured> {
        let before = self.states(&self.pools).await;
        self.order(trials).await;
        let ahead = self.states(&self.pools).await;
        let mut traders: Vec<Trader> = trials.iter().zip(ahead).map(|(trial, state)| Trader::new(trial, state)).collect();
        let mut account = Account::new(ARBITRAGEUR);
        let mut now = Timestamp::from_secs(START);
        while !traders.iter().all(Trader::is_done) {
            now = now.plus(BLOCK);
            self.block(&mut traders, &mut account, now).await;
        }
        let after = self.states(&self.pools).await;
        self.world.stop().await;
        let measure = |((before, after), trader): ((PoolState, PoolState), &Trader)| Measured {
            loss: at_par(&before) - at_par(&after),
            swaps: trader.swaps(),
        };
        before.into_iter().zip(after).zip(&traders).map(measure).collect()
    }

    /// Tells the pools to change their weights, all in the block of the start.
    async fn order(&self, trials: &[Trial]) {
        let addresses = self.world.addresses();
        let mut keeper = Account::new(addresses.keeper);
        for (trial, pool) in trials.iter().zip(&self.pools).filter(|(trial, _)| trial.moves()) {
            let call = IOwned::updateWeightsGraduallyCall {
                startTime: U256::from(START),
                endTime: U256::from(START + trial.duration.as_secs()),
                tokens: pool.coins.iter().map(|coin| *addresses.tokens.get(*coin)).collect(),
                endWeights: trial.target(&pool.coins).iter().map(|weight| U256::from(weight.wad())).collect(),
            };
            self.rpc.send(&mut keeper, &Order::at(pool.address, &call, UPDATE_GAS, BASE_FEE)).await.unwrap();
        }
        self.rpc.mine(START, BASE_FEE).await.unwrap();
        let (start, states) = (Timestamp::from_secs(START), self.states(&self.pools).await);
        for (trial, state) in trials.iter().zip(states).filter(|(trial, _)| trial.moves()) {
            let found = (state.update.start, state.update.end);
            assert_eq!(found, (start, start.plus(trial.duration)), "a ramp runs at another time than ordered");
        }
    }

    /// Everybody looks and sends, the block is made, and whoever traded sees what has become of it.
    async fn block(&self, traders: &mut [Trader], account: &mut Account, landing: Timestamp) {
        let addresses = self.world.addresses();
        for (trader, pool) in traders.iter_mut().zip(&self.pools).filter(|(trader, _)| !trader.is_done()) {
            for chance in trader.look(landing) {
                let order = chance.order(account.address, addresses.vault, &addresses.tokens, pool, BASE_FEE);
                self.rpc.send(account, &order).await.unwrap();
            }
        }
        self.rpc.mine(landing.secs(), BASE_FEE).await.unwrap();
        let traded: Vec<_> = traders.iter_mut().zip(&self.pools).filter(|(trader, _)| trader.has_traded()).collect();
        if traded.is_empty() {
            return;
        }
        let places: Vec<PoolAddress> = traded.iter().map(|(_, pool)| (*pool).clone()).collect();
        for ((trader, _), state) in traded.into_iter().zip(self.states(&places).await) {
            trader.see(state);
        }
    }

    async fn states(&self, pools: &[PoolAddress]) -> Vec<PoolState> {
        let mut states = Vec::with_capacity(pools.len());
        // An answer has a limit of gas too.
        for some in pools.chunks(20) {
            states.extend(batch::read(&self.rpc, self.world.addresses().vault, some).await.unwrap());
        }
        states
    }
}
