//! Steers a running world: for scenarios and for tests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy_primitives::{B256, I256, U256};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::anvil::Anvil;
use super::balancer;
use super::batch;
use super::catalogue::PoolSpec;
use super::coins::{Coin, PerCoin};
use super::engine::Engine;
pub use super::engine::MinedBlock;
use super::fault::WorldError;
use super::market::Path;
use super::rpc::{Order, Rpc};
use super::updates::Ledger;
pub use super::updates::{RampScheduled, WeightUpdate};
use super::world::{Addresses, KEEPER_KEY, PROVIDER_KEY, WorldOptions};
use crate::clock::ScaledClock;
use crate::domain::units::{GasPrice, Timestamp};
use crate::ports::Clock;

/// A handle on a world. Clones steer the same one.
#[derive(Clone, Debug)]
pub struct WorldHandle {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    slot: Mutex<Slot>,
    pub(super) engine: tokio::sync::Mutex<Engine>,
    pub(super) ledger: tokio::sync::Mutex<Ledger>,
    pub(super) rpc: Rpc,
    addresses: Addresses,
    pools: Vec<PoolSpec>,
    clock: Arc<ScaledClock>,
    block_time: Duration,
    heartbeat: Duration,
    urls: (String, String),
}

/// Where the node is, unless someone is restarting it at the moment.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) node: Option<Anvil>,
    pub(super) closed: bool,
}

/// Blocks being made. They stop when this is dropped; a block that has been begun is finished.
#[derive(Debug)]
pub struct Running {
    task: JoinHandle<()>,
    /// Never used: the maker of blocks sees it go.
    wanted: oneshot::Sender<()>,
}

impl Running {
    /// Stops making blocks and waits until that is so.
    pub async fn stop(self) {
        drop(self.wanted);
        // A panic in there has been reported where it happened.
        let _ = self.task.await;
    }
}

impl WorldHandle {
    pub(super) fn new(node: Anvil, engine: Engine, addresses: Addresses, clock: Arc<ScaledClock>, options: WorldOptions) -> Self {
        let urls = (node.http_url(), node.ws_url());
        let (rpc, pools, block_time) = (engine.rpc.clone(), options.pools, options.block_time);
        let heartbeat = options.oracle.heartbeat;
        let slot = Mutex::new(Slot { node: Some(node), closed: false });
        let (engine, ledger) = (tokio::sync::Mutex::new(engine), tokio::sync::Mutex::default());
        Self { shared: Arc::new(Shared { slot, engine, ledger, rpc, addresses, pools, clock, block_time, heartbeat, urls }) }
    }

    pub(super) fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the node away for good.
    pub(super) fn close(&self) -> Option<Anvil> {
        let mut slot = self.slot();
        slot.closed = true;
        slot.node.take()
    }

    /// Where everything is.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.shared.addresses
    }

    /// What the pools were made from, in the order of [`Addresses::pools`].
    #[must_use]
    pub fn specs(&self) -> &[PoolSpec] {
        &self.shared.pools
    }

    /// The policy clock. The program under test runs on the same one.
    #[must_use]
    pub fn clock(&self) -> Arc<ScaledClock> {
        Arc::clone(&self.shared.clock)
    }

    /// Policy time between two blocks.
    #[must_use]
    pub fn block_time(&self) -> Duration {
        self.shared.block_time
    }

    /// The longest time between two rounds of a feed.
    #[must_use]
    pub fn heartbeat(&self) -> Duration {
        self.shared.heartbeat
    }

    /// The private key of the pools' owner, in hexadecimal. It is public.
    #[must_use]
    pub const fn keeper_key(&self) -> &'static str {
        KEEPER_KEY
    }

    /// The private key of the account that has put the liquidity into the pools, and owns all their shares and a fortune besides. It is
    /// public.
    #[must_use]
    pub const fn provider_key(&self) -> &'static str {
        PROVIDER_KEY
    }

    /// The HTTP address of the node.
    #[must_use]
    pub fn http_url(&self) -> &str {
        &self.shared.urls.0
    }

    /// The WebSocket address of the node.
    #[must_use]
    pub fn ws_url(&self) -> &str {
        &self.shared.urls.1
    }

    /// The process that holds the node, while there is one.
    #[must_use]
    pub fn node_pid(&self) -> Option<u32> {
        self.slot().node.as_ref().and_then(Anvil::pid)
    }

    /// A connection of one's own to the node.
    #[must_use]
    pub fn rpc(&self) -> Rpc {
        self.shared.rpc.clone()
    }

    // Time and blocks.

    /// Makes one block.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn mine(&self) -> Result<MinedBlock, WorldError> {
        self.shared.engine.lock().await.step().await
    }

    /// Makes several blocks.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn mine_many(&self, blocks: u32) -> Result<(), WorldError> {
        for _ in 0..blocks {
            self.mine().await?;
        }
        Ok(())
    }

    /// Makes a block every block time, until what it gives back is dropped. A node that is down is waited for.
    #[must_use]
    pub fn run(&self) -> Running {
        let world = self.clone();
        let (wanted, mut unwanted) = oneshot::channel();
        let task = async move {
            let mut ticks = tokio::time::interval(world.clock().machine(world.block_time()));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !world.slot().closed {
                tokio::select! {
                    _ = &mut unwanted => return,
                    _ = ticks.tick() => {}
                }
                if let Err(fault) = world.mine().await {
                    tracing::debug!(%fault, "no block was made");
                }
            }
        };
        Running { task: tokio::spawn(task), wanted }
    }

    // The market and the feeds.

    /// Dollars for each coin at this moment.
    pub async fn prices(&self) -> PerCoin<f64> {
        let engine = self.shared.engine.lock().await;
        engine.market.prices(engine.clock.now())
    }

    /// Sets what a coin costs from now on.
    pub async fn set_price(&self, coin: Coin, price: f64) {
        self.set_path(coin, Path::constant(price)).await;
    }

    /// Sets how the price of a coin moves from now on.
    pub async fn set_path(&self, coin: Coin, path: Path) {
        let engine = self.shared.engine.lock().await;
        // A block may be ahead of the clock when blocks are made faster than time passes.
        let now = engine.clock.now();
        engine.market.set_path(coin, path, now);
    }

    /// Writes a round into the next block, whatever the market says.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn push_round(&self, coin: Coin, answer: i128, updated_at: Timestamp) -> Result<(), WorldError> {
        let Engine { rpc, oracle, base_fee, .. } = &mut *self.shared.engine.lock().await;
        let answer = I256::try_from(answer).unwrap_or(I256::MAX);
        oracle.push(rpc, *base_fee, coin, answer, updated_at).await
    }

    /// Stops the reports of a coin, or lets them go on.
    pub async fn hold_oracle(&self, coin: Coin, held: bool) {
        self.shared.engine.lock().await.oracle.hold(coin, held);
    }

    /// Changes what a feed says of its decimals, in the next block.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn set_feed_decimals(&self, coin: Coin, decimals: u8) -> Result<(), WorldError> {
        let Engine { rpc, oracle, base_fee, .. } = &mut *self.shared.engine.lock().await;
        oracle.set_decimals(rpc, *base_fee, coin, decimals).await
    }

    // Gas.

    /// Sets the base fee of every block from the next one on, in gwei.
    pub async fn set_base_fee(&self, gwei: u64) {
        self.shared.engine.lock().await.base_fee = GasPrice::from_gwei(gwei);
    }

    /// The base fee of the next block.
    pub async fn base_fee(&self) -> GasPrice {
        self.shared.engine.lock().await.base_fee
    }

    // Trade.

    /// Keeps the arbitrageur away from a pool.
    ///
    /// # Errors
    /// There is no such pool.
    pub async fn pause_arbitrage(&self, pool: &str) -> Result<(), WorldError> {
        self.pool(pool)?;
        self.shared.engine.lock().await.arbitrageur.pause(pool, true);
        Ok(())
    }

    /// Lets the arbitrageur at a pool again.
    ///
    /// # Errors
    /// There is no such pool.
    pub async fn resume_arbitrage(&self, pool: &str) -> Result<(), WorldError> {
        self.pool(pool)?;
        self.shared.engine.lock().await.arbitrageur.pause(pool, false);
        Ok(())
    }

    /// How many swaps the arbitrageur has sent.
    pub async fn arbitrage_swaps(&self) -> u64 {
        self.shared.engine.lock().await.arbitrageur.swaps()
    }

    /// Pushes a pool off its prices: swaps so much of its balance of `from` into it, in the next block, at any price.
    ///
    /// # Errors
    /// There is no such pool or coin, the part is more than 30 %, or the node refuses.
    pub async fn skew(&self, pool: &str, from: Coin, to: Coin, part: f64) -> Result<B256, WorldError> {
        let place = self.pool(pool)?;
        if !(part > 0.0 && part <= crate::simulation::arbitrage::MAX_RATIO) {
            let expected = "a part of the balance up to 0.3";
            return Err(WorldError::Value { what: "a swap", found: part.to_string(), expected });
        }
        let state = self.state(pool).await?;
        let missing = |coin: Coin| WorldError::NoSuchToken { pool: pool.to_owned(), coin: coin.name() };
        let holding = |coin| state.holdings.iter().find(|held| held.coin == coin).ok_or_else(|| missing(coin));
        let (held, _) = (holding(from)?, holding(to)?);
        let amount = U256::from(batch::raw(held.side().balance * part, from.decimals()));
        let Engine { rpc, trader, base_fee, .. } = &mut *self.shared.engine.lock().await;
        let tokens = (*self.addresses().tokens.get(from), *self.addresses().tokens.get(to));
        let call = balancer::swap(trader.address, place.id, tokens, amount, U256::ZERO, U256::MAX);
        rpc.send(trader, &Order::at(self.addresses().vault, &call, 400_000, *base_fee)).await
    }
}
