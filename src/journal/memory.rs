//! A journal in the process's own memory: it survives every actor and no process. It keeps the same rules as the durable ones, so
//! that what is tested with it is true of them.

mod ledger;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::decide::{Latch, Memory};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::peg::{Peg, PegState};
use crate::domain::position::Ramp;
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

    async fn meet_pool(&self, pool: &PoolId, at: Timestamp, ramp: &Ramp) -> Result<(), JournalFault> {
        let mut pools = open(&self.pools);
        let memory = pools.entry(pool.clone()).or_insert_with(|| Memory { first_seen: at, ..Memory::default() });
        memory.known_ramp.get_or_insert_with(|| ramp.clone());
        Ok(())
    }

    async fn account_ramp(&self, pool: &PoolId, ramp: &Ramp) -> Result<(), JournalFault> {
        open(&self.pools).entry(pool.clone()).or_default().account(ramp);
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
                (memory.latch, memory.known_ramp, memory.former_ramp) = (None, None, None);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pool_is_met_once_and_keeps_what_happened_since() {
        let (journal, pool) = (MemoryJournal::default(), PoolId::new("treasury"));
        let ramp = |end| Ramp { start: Timestamp::from_secs(1), end: Timestamp::from_secs(end), end_weights: Vec::new() };
        journal.meet_pool(&pool, Timestamp::from_secs(5), &ramp(2)).await.unwrap();
        journal.account_ramp(&pool, &ramp(3)).await.unwrap();
        journal.meet_pool(&pool, Timestamp::from_secs(9), &ramp(4)).await.unwrap();
        let memory = journal.recall_pool(&pool).await.unwrap().unwrap();
        assert_eq!((memory.first_seen, memory.known_ramp), (Timestamp::from_secs(5), Some(ramp(3))));
    }
}
