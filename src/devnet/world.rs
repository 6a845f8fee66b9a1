//! Builds the world: starts the node, deploys everything, and hands out the means to steer it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, U256, address};

use super::anvil::{Anvil, AnvilOptions};
use super::arbitrageur::{ARBITRAGEUR, Arbitrageur};
use super::balancer::{self, NewPool};
use super::batch::{PoolAddress, raw, wad_of_bps};
use super::bytecode;
use super::catalogue::{self, Owner, PoolSpec};
use super::coins::{Coin, PerCoin};
use super::contracts::IToken;
use super::deployer::Deployer;
use super::engine::Engine;
use super::fault::WorldError;
use super::handle::WorldHandle;
use super::market::{Market, SharedMarket};
use super::oracle::{self, FeedAddress, Oracle, OracleRule};
use super::rpc::{Account, Rpc};
use super::toolbox::Toolbox;
use crate::clock::ScaledClock;
use crate::domain::units::{GasPrice, Timestamp};
use alloy::sol_types::SolValue;
use serde_json::Value;

/// The unlocked accounts of the node, by what they do here.
const DEPLOYER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
/// Owner of the pools that have no other, and the account that Ballast sends from.
pub(super) const KEEPER: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
/// Public for years: it is one of the keys of everybody's development mnemonic.
pub(super) const KEEPER_KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const ORACLE: Address = address!("90F79bf6EB2c4f870365E785982E1f101E93b906");
const TRADER: Address = address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65");
const PROVIDER: Address = address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc");
/// Its key, as public as the others.
pub(super) const PROVIDER_KEY: &str = "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba";

/// Gas of a block while the world is being built, and of every block after that.
const SETUP_GAS: u64 = 1_000_000_000;
const BLOCK_GAS: u64 = 30_000_000;
/// What an owner with a key of its own has for gas, in wei: a million ether.
const GAS_MONEY: u128 = 1_000_000_000_000_000_000_000_000;
/// How long before the start of the policy clock the chain begins.
const PROLOGUE: Duration = Duration::from_mins(1);
/// Whole tokens of each coin for everyone who trades.
const FORTUNE: f64 = 1e12;

/// What the world is like.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// The node's program.
    pub anvil: PathBuf,
    /// The folder with Balancer's byte code in its `node_modules`.
    pub contracts: PathBuf,
    /// How many times as fast as the machine's clock the policy clock runs.
    pub speed: f64,
    /// Policy time between two blocks.
    pub block_time: Duration,
    /// The policy clock's time when everything is ready.
    pub start: Timestamp,
    /// The pools.
    pub pools: Vec<PoolSpec>,
    /// Base fee of every block, until it is set to another.
    pub base_fee: GasPrice,
    /// Dollars for one ether.
    pub ether: f64,
    /// Dollars after gas for which the arbitrageur gets up.
    pub least_profit: f64,
    /// When the feeds are written.
    pub oracle: OracleRule,
    /// Whether the node keeps old states; see [`AnvilOptions::history`].
    pub history: bool,
}

impl WorldOptions {
    /// The demo's world, 120 times as fast as the machine: twelve seconds, a block, are a tenth of a second.
    #[must_use]
    pub fn new(tools: Toolbox, start: Timestamp) -> Self {
        Self {
            anvil: tools.anvil,
            contracts: tools.contracts,
            speed: 120.0,
            block_time: Duration::from_secs(12),
            start,
            pools: catalogue::demo(),
            base_fee: GasPrice::from_gwei(3),
            ether: 3_000.0,
            least_profit: 0.25,
            oracle: OracleRule::default(),
            history: true,
        }
    }
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Balancer's Vault.
    pub vault: Address,
    /// Balancer's answering machine for swaps.
    pub queries: Address,
    /// The factory of the pools.
    pub factory: Address,
    /// The coins.
    pub tokens: PerCoin<Address>,
    /// The coins' feeds.
    pub feeds: PerCoin<FeedAddress>,
    /// The feed of ether's price.
    pub ether_feed: FeedAddress,
    /// The pools, in the order of the options.
    pub pools: Vec<PoolAddress>,
    /// Owner of the pools that have no other, whose key [`WorldHandle::keeper_key`] tells.
    pub keeper: Address,
    /// Who has put the liquidity into the pools; [`WorldHandle::provider_key`] tells the key.
    pub provider: Address,
}

/// A running world. The node dies with it.
#[derive(Debug)]
pub struct World {
    handle: WorldHandle,
}

impl World {
    /// Builds the world. Blocks are made from then on by [`WorldHandle::mine`] or [`WorldHandle::run`].
    ///
    /// # Errors
    /// The node does not run, byte code is missing, or the set-up fails.
    pub async fn start(options: WorldOptions) -> Result<Self, WorldError> {
        let genesis = options.start.minus(PROLOGUE);
        let chain = AnvilOptions { genesis, gas_limit: SETUP_GAS, base_fee: options.base_fee, history: options.history };
        let node = Anvil::start(&options.anvil, chain).await?;
        let rpc = Rpc::connect(&node.http_url())?;
        let (addresses, last) = deploy(&rpc, &options, genesis).await?;
        let _: bool = rpc.ask("evm_setBlockGasLimit", (U256::from(BLOCK_GAS),)).await?;

        let clock = ScaledClock::new(options.start, options.speed).ok_or_else(|| WorldError::Value {
            what: "speed",
            found: options.speed.to_string(),
            expected: "a number above zero",
        })?;
        let account = Account::new;
        let ether_feed = (addresses.ether_feed, options.ether);
        let engine = Engine {
            rpc: rpc.clone(),
            clock,
            market: SharedMarket::new(Market::at_par(options.start, options.ether)),
            oracle: Oracle::new(account(ORACLE), options.oracle, &addresses.feeds, ether_feed, options.start),
            arbitrageur: Arbitrageur::new(
                account(ARBITRAGEUR),
                addresses.vault,
                addresses.tokens,
                addresses.pools.clone(),
                options.least_profit,
            ),
            trader: account(TRADER),
            base_fee: options.base_fee,
            last,
            height: rpc.height().await?,
            relay: None,
            venues: None,
            dump: None,
        };
        Ok(Self { handle: WorldHandle::new(node, engine, addresses, Arc::new(clock), options) })
    }

    /// What steers the world; as many as are needed.
    #[must_use]
    pub fn handle(&self) -> WorldHandle {
        self.handle.clone()
    }

    /// Ends the world and waits until the node is gone.
    pub async fn stop(self) {
        if let Some(mut node) = self.handle.close() {
            node.stop().await;
        }
    }
}

impl std::ops::Deref for World {
    type Target = WorldHandle;

    fn deref(&self) -> &WorldHandle {
        &self.handle
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.handle.close());
    }
}

/// Two blocks: contracts and empty pools, then approvals and liquidity. Gives the time of the last one too.
async fn deploy(rpc: &Rpc, options: &WorldOptions, genesis: Timestamp) -> Result<(Addresses, u64), WorldError> {
    let mut deployer = Deployer::new(rpc, genesis.secs().saturating_add(1), options.base_fee);
    let (mut from, mut provider) = (Account::new(DEPLOYER), Account::new(PROVIDER));
    let tokens = deploy_tokens(&mut deployer, &mut from).await?;
    let wrapped = bytecode::creation(bytecode::WRAPPED_ETHER)?;
    let wrapped = deployer.deploy(&mut from, "WrappedEther", wrapped, Vec::new()).await?;
    let balancer = balancer::deploy(&mut deployer, &mut from, &options.contracts, wrapped).await?;
    let feeds = PerCoin {
        dai: oracle::deploy(&mut deployer, &mut from, Coin::Dai.name(), 1.0).await?,
        usdc: oracle::deploy(&mut deployer, &mut from, Coin::Usdc.name(), 1.0).await?,
        usdt: oracle::deploy(&mut deployer, &mut from, Coin::Usdt.name(), 1.0).await?,
    };
    let ether_feed = oracle::deploy(&mut deployer, &mut from, "ETH", options.ether).await?;
    for spec in options.pools.iter().filter(|spec| spec.owner != Owner::Keeper) {
        let _: Value = rpc.ask("anvil_setBalance", (spec.owner.address()?, U256::from(GAS_MONEY))).await?;
    }
    let plans: Vec<(Vec<Coin>, NewPool)> = options.pools.iter().map(|spec| plan(spec, &tokens)).collect::<Result<_, _>>()?;
    let pools: Vec<NewPool> = plans.iter().map(|(_, pool)| pool.clone()).collect();
    balancer::create(&mut deployer, &mut from, &balancer, &pools).await?;
    let receipts = deployer.settle().await?;

    let places = balancer::created(rpc, &receipts).await?;
    for account in [&mut provider, &mut Account::new(ARBITRAGEUR), &mut Account::new(TRADER)] {
        for coin in Coin::ALL {
            let call = IToken::approveCall { spender: balancer.vault, value: U256::MAX };
            deployer.call(account, *tokens.get(coin), &call).await?;
        }
    }
    for (pool, place) in pools.iter().zip(&places) {
        balancer::initialise(&mut deployer, &mut provider, &balancer, *place, pool).await?;
    }
    deployer.settle().await?;

    let address = |((coins, pool), (address, id)): ((Vec<Coin>, NewPool), (Address, alloy_primitives::B256))| PoolAddress {
        name: pool.name,
        address,
        id,
        coins,
    };
    let pools = plans.into_iter().zip(places).map(address).collect();
    let (vault, queries, factory) = (balancer.vault, balancer.queries, balancer.factory);
    let last = deployer.next_timestamp().saturating_sub(1);
    Ok((Addresses { vault, queries, factory, tokens, feeds, ether_feed, pools, keeper: KEEPER, provider: PROVIDER }, last))
}

async fn deploy_tokens(deployer: &mut Deployer<'_>, from: &mut Account) -> Result<PerCoin<Address>, WorldError> {
    let mut tokens = PerCoin::<Address>::default();
    for coin in Coin::ALL {
        let (name, symbol) = (format!("Demo {coin}"), coin.name());
        let (artifact, arguments) = match coin {
            Coin::Usdt => (bytecode::TETHER_LIKE_TOKEN, (name, symbol).abi_encode_params()),
            _ => (bytecode::TEST_TOKEN, (name, symbol, U256::from(coin.decimals())).abi_encode_params()),
        };
        let token = deployer.deploy(from, coin.name(), bytecode::creation(artifact)?, arguments).await?;
        let value = U256::from(raw(FORTUNE, coin.decimals()));
        for to in [PROVIDER, ARBITRAGEUR, TRADER] {
            deployer.call(from, token, &IToken::mintCall { to, value }).await?;
        }
        *tokens.get_mut(coin) = token;
    }
    Ok(tokens)
}

/// A pool as the chain wants it: coins in ascending order of their contracts.
fn plan(spec: &PoolSpec, tokens: &PerCoin<Address>) -> Result<(Vec<Coin>, NewPool), WorldError> {
    let mut held = spec.tokens.clone();
    held.sort_by_key(|token| *tokens.get(token.coin));
    let amount = |share: f64, coin: Coin| U256::from(raw(f64::from(spec.value) * share, coin.decimals()));
    let pool = NewPool {
        name: spec.name.clone(),
        tokens: held.iter().map(|token| *tokens.get(token.coin)).collect(),
        weights: held.iter().map(|token| U256::from(token.initial.wad())).collect(),
        amounts: held.iter().map(|token| amount(token.initial.as_fraction(), token.coin)).collect(),
        swap_fee: wad_of_bps(spec.fee_bps),
        owner: spec.owner.address()?,
    };
    Ok((held.iter().map(|token| token.coin).collect(), pool))
}
