//! What makes a block: the oracle reports, the arbitrageur trades, the relay hands over what it holds, and the node mines at the time
//! of the policy clock and the base fee that the world has.

use alloy_primitives::{Bytes, U64};
use serde::Deserialize;
use serde_json::Value;

use super::arbitrageur::{Arbitrageur, Conditions};
use super::fault::WorldError;
use super::market::SharedMarket;
use super::oracle::Oracle;
use super::relay::LocalRelay;
use super::rpc::{Account, Rpc};
use super::venues::Venues;
use crate::clock::ScaledClock;
use crate::domain::units::{GasPrice, Timestamp};
use crate::ports::Clock;

/// Everything that changes from block to block.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) rpc: Rpc,
    pub(super) clock: ScaledClock,
    pub(super) market: SharedMarket,
    pub(super) oracle: Oracle,
    pub(super) arbitrageur: Arbitrageur,
    /// Makes the big swaps that push a pool away.
    pub(super) trader: Account,
    pub(super) base_fee: GasPrice,
    /// Time of the newest block, in seconds.
    pub(super) last: u64,
    pub(super) height: u64,
    /// The private relay, if one is open.
    pub(super) relay: Option<LocalRelay>,
    /// The venues, if they are open.
    pub(super) venues: Option<Venues>,
    /// The state of a killed node.
    pub(super) dump: Option<Bytes>,
}

/// The newest block, as far as the next one depends on it.
#[derive(Deserialize)]
struct Newest {
    number: U64,
    timestamp: U64,
}

/// A block that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinedBlock {
    /// Its height.
    pub number: u64,
    /// Its time.
    pub timestamp: Timestamp,
}

impl Engine {
    /// Makes one block. Its time is the policy clock's, and at least a second after the block before.
    pub(super) async fn step(&mut self) -> Result<MinedBlock, WorldError> {
        let secs = self.clock.now().secs().max(self.last.saturating_add(1));
        let now = Timestamp::from_secs(secs);
        let (prices, ether, base_fee) = (self.market.prices(now), self.market.ether(), self.base_fee);
        self.oracle.publish(&self.rpc, base_fee, &prices, ether, now).await?;
        self.arbitrageur.trade(&self.rpc, &Conditions { prices, ether, base_fee }).await?;
        if let Some(relay) = &self.relay {
            relay.before_block(&self.rpc).await?;
        }
        self.rpc.mine(secs, base_fee).await?;
        self.last = secs;
        self.height = self.height.saturating_add(1);
        if let Some(relay) = &self.relay {
            relay.after_block(&self.rpc).await?;
        }
        Ok(MinedBlock { number: self.height, timestamp: now })
    }

    /// Keeps the chain, because the node is about to die.
    pub(super) async fn save(&mut self) -> Result<(), WorldError> {
        self.dump = Some(self.rpc.ask("anvil_dumpState", ()).await?);
        Ok(())
    }

    /// Puts the chain into a new node. What waited for a block is lost.
    pub(super) async fn load(&mut self) -> Result<(), WorldError> {
        if let Some(dump) = self.dump.take() {
            let _: bool = self.rpc.ask("anvil_loadState", (dump,)).await?;
        }
        self.forget();
        self.height = self.rpc.height().await?;
        Ok(())
    }

    /// Takes the newest blocks off the chain and puts empty ones into their place.
    pub(super) async fn reorg(&mut self, depth: u64) -> Result<(), WorldError> {
        let none: [(); 0] = [];
        let _: Value = self.rpc.ask("anvil_reorg", (depth, none)).await?;
        self.forget();
        // The node gives the new blocks times of its own; the next one has to be later.
        let newest: Newest = self.rpc.ask("eth_getBlockByNumber", ("latest", false)).await?;
        (self.height, self.last) = (newest.number.to(), newest.timestamp.to());
        Ok(())
    }

    /// What everybody had on its way is lost: they ask for their nonces again.
    const fn forget(&mut self) {
        self.oracle.forget();
        self.arbitrageur.forget();
        self.trader.forget();
    }
}
