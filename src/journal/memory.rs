//! A journal in the process's own memory: it survives every actor and no process. It keeps the same rules as the durable ones, so
//! that what is tested with it is true of them.

mod ledger;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::decide::{Latch, Memory};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::peg::{Peg, PegState};
use crate::domain::position::Controls;
use crate::domain::units::Timestamp;
use crate::ports::{JournalFault, Memories};
use ledger::Ledger;

/// The journal.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    pools: Mutex<HashMap<PoolId, Memory>>,
    pegs: Mutex<HashMap<AssetId, Peg>>,
    resets: Mutex<HashMap<AssetId, Timestamp>>,
    operations: Mutex<Ledger>,
}

/// A writer that panicked has left whole values behind: each write is one assignment.
fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Memories for MemoryJournal {
    async fn recall_pool(&self, pool: &PoolId) -> Result<Option<Memory>, JournalFault> {
        Ok(open(&self.pools).get(pool).cloned())
    }

    async fn meet_pool(&self, pool: &PoolId, at: Timestamp, controls: &Controls) -> Result<(), JournalFault> {
        let mut pools = open(&self.pools);
        let memory = pools.entry(pool.clone()).or_insert_with(|| Memory { first_seen: at, ..Memory::default() });
        memory.known.get_or_insert_with(|| controls.clone());
        Ok(())
    }

    async fn account_controls(
        &self,
        pool: &PoolId,
        controls: &Controls,
        at: Timestamp,
        protective: bool,
    ) -> Result<(), JournalFault> {
        open(&self.pools).entry(pool.clone()).or_default().account(controls, at, protective);
        Ok(())
    }

    async fn ask_rebalance(&self, pool: &PoolId, _by: &str, at: Timestamp) -> Result<(), JournalFault> {
        let mut pools = open(&self.pools);
        let memory = pools.get_mut(pool).ok_or_else(|| JournalFault::Unknown(format!("pool {pool}")))?;
        memory.manual_asked = Some(at);
        Ok(())
    }

    async fn serve_rebalance(&self, pool: &PoolId, wish: Timestamp) -> Result<(), JournalFault> {
        if let Some(memory) = open(&self.pools).get_mut(pool) {
            memory.manual_served = Some(wish);
        }
        Ok(())
    }

    async fn serve_schedule(&self, pool: &PoolId, slot: Timestamp) -> Result<(), JournalFault> {
        open(&self.pools).entry(pool.clone()).or_default().schedule_served = Some(slot);
        Ok(())
    }

    async fn latch_pool(&self, pool: &PoolId, latch: &Latch) -> Result<(), JournalFault> {
        open(&self.pools).entry(pool.clone()).or_default().latch = Some(latch.clone());
        Ok(())
    }

    async fn release_pool(&self, pool: &PoolId, _by: &str, _at: Timestamp) -> Result<(), JournalFault> {
        match open(&self.pools).get_mut(pool) {
            Some(memory) if memory.latch.is_some() => {
                (memory.latch, memory.known, memory.former) = (None, None, None);
                Ok(())
            }
            Some(_) => Err(JournalFault::Conflict(format!("the pool {pool} waits for nobody"))),
            None => Err(JournalFault::Unknown(format!("pool {pool}"))),
        }
    }

    async fn recall_peg(&self, asset: &AssetId) -> Result<Option<Peg>, JournalFault> {
        Ok(open(&self.pegs).get(asset).cloned())
    }

    async fn remember_peg(&self, peg: &Peg) -> Result<(), JournalFault> {
        open(&self.pegs).insert(peg.asset.clone(), peg.clone());
        Ok(())
    }

    async fn reset_peg(&self, asset: &AssetId, _by: &str, at: Timestamp) -> Result<(), JournalFault> {
        match open(&self.pegs).get(asset).map(|peg| peg.state) {
            Some(PegState::Disabled) => {
                open(&self.resets).insert(asset.clone(), at);
                Ok(())
            }
            Some(state) => Err(JournalFault::Conflict(format!("{asset} is {}, not disabled", state.label()))),
            None => Err(JournalFault::Unknown(format!("asset {asset}"))),
        }
    }

    async fn peg_reset_asked(&self, asset: &AssetId) -> Result<Option<Timestamp>, JournalFault> {
        Ok(open(&self.resets).get(asset).copied())
    }
}
