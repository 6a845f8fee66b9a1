//! A journal in the process's own memory: it survives every actor and no process. It keeps the same rules as the durable ones, so
//! that what is tested with it is true of them.

mod ledger;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::decide::{Latch, Memory};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::peg::{Peg, PegState};
use crate::domain::position::Controls;
use crate::domain::record::{DecisionRecord, KEPT};
use crate::domain::units::Timestamp;
use crate::ports::{JournalFault, Memories};
use ledger::Ledger;

/// The journal.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    pools: Mutex<HashMap<PoolId, Memory>>,
    pegs: Mutex<HashMap<AssetId, Peg>>,
    decisions: Mutex<HashMap<PoolId, VecDeque<DecisionRecord>>>,
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

    async fn record_decision(&self, pool: &PoolId, record: &DecisionRecord) -> Result<(), JournalFault> {
        let mut decisions = open(&self.decisions);
        let kept = decisions.entry(pool.clone()).or_default();
        let record = match kept.pop_back() {
            Some(earlier) if record.repeats(&earlier) => record.clone().after(&earlier),
            Some(earlier) => {
                kept.push_back(earlier);
                record.clone()
            }
            None => record.clone(),
        };
        kept.push_back(record);
        while u64::try_from(kept.len()).is_ok_and(|length| length > KEPT) {
            kept.pop_front();
        }
        Ok(())
    }

    async fn decisions(&self, pool: &PoolId, until: Timestamp, limit: u32) -> Result<Vec<DecisionRecord>, JournalFault> {
        let decisions = open(&self.decisions);
        let kept = decisions.get(pool).into_iter().flatten().rev().filter(|record| record.first <= until);
        Ok(kept.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
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
