//! A journal that can be slow or fail, and keeps a list of what was written, in the order in which the writes ended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::open;
use crate::domain::decide::{Latch, Memory};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::operation::{Entry, LaneKey, NewOperation, OperationId, OperationRecord, Step};
use crate::domain::peg::Peg;
use crate::domain::position::Controls;
use crate::domain::record::DecisionRecord;
use crate::domain::units::{Timestamp, Wei};
use crate::journal::memory::MemoryJournal;
use crate::ports::journal::{Enqueued, Happened, LaneRecord, Opened, Pen, Selection};
use crate::ports::{JournalFault, Memories, Operations};

#[derive(Default)]
pub(crate) struct FakeJournal {
    inner: Arc<MemoryJournal>,
    moods: Mutex<Moods>,
    writes: Mutex<Vec<String>>,
}

/// When a write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Nothing is written.
    Before,
    /// It is written, and nobody hears so.
    After,
}

#[derive(Clone, Default)]
pub(crate) struct Moods {
    /// The next write of a step that has this name (`queue` for the first) fails.
    pub(crate) breaks: Option<(&'static str, Fails)>,
    pub(crate) fails: bool,
    pub(crate) recall_takes: Duration,
    /// For the next writes, in order; then they take no time.
    pub(crate) writes_take: Vec<Duration>,
}

impl FakeJournal {
    /// The bad manners over a journal that has none.
    pub(crate) fn over(inner: &Arc<MemoryJournal>) -> Self {
        Self { inner: inner.clone(), ..Self::default() }
    }

    /// How the write of a step is to fail, if it is; once.
    fn breaks(&self, step: &str) -> Option<Fails> {
        let breaks = &mut open(&self.moods).breaks;
        let (_, fails) = breaks.take_if(|(name, _)| *name == step)?;
        Some(fails)
    }

    fn broken<T>(fails: Option<Fails>, written: Result<T, JournalFault>) -> Result<T, JournalFault> {
        match fails {
            Some(_) => Err(JournalFault::Failed("the disk went away".to_owned())),
            None => written,
        }
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Moods)) {
        change(&mut open(&self.moods));
    }

    /// Whether a write is still to fail.
    pub(crate) fn is_broken(&self) -> bool {
        open(&self.moods).breaks.is_some()
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        open(&self.writes).clone()
    }

    fn fault(&self) -> Result<(), JournalFault> {
        let fails = open(&self.moods).fails;
        if fails { Err(JournalFault::Failed("disk full".to_owned())) } else { Ok(()) }
    }

    async fn recalling(&self) -> Result<(), JournalFault> {
        let takes = open(&self.moods).recall_takes;
        tokio::time::sleep(takes).await;
        self.fault()
    }

    async fn writing(&self, what: String) -> Result<(), JournalFault> {
        let takes = {
            let mut moods = open(&self.moods);
            if moods.writes_take.is_empty() { None } else { Some(moods.writes_take.remove(0)) }
        };
        if let Some(takes) = takes {
            tokio::time::sleep(takes).await;
        }
        self.fault()?;
        open(&self.writes).push(what);
        Ok(())
    }
}

/// The name of a step: only finality cannot tell its own without a landing.
fn name(entry: &Entry) -> &'static str {
    entry.step(None).map_or("finalise", Step::label)
}

#[async_trait]
impl Memories for FakeJournal {
    async fn recall_pool(&self, pool: &PoolId) -> Result<Option<Memory>, JournalFault> {
        self.recalling().await?;
        self.inner.recall_pool(pool).await
    }

    async fn meet_pool(&self, pool: &PoolId, at: Timestamp, controls: &Controls) -> Result<(), JournalFault> {
        self.writing(format!("meet {pool}")).await?;
        self.inner.meet_pool(pool, at, controls).await
    }

    async fn account_controls(
        &self,
        pool: &PoolId,
        controls: &Controls,
        at: Timestamp,
        protective: bool,
    ) -> Result<(), JournalFault> {
        self.writing(format!("account {pool}")).await?;
        self.inner.account_controls(pool, controls, at, protective).await
    }

    async fn ask_rebalance(&self, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.inner.ask_rebalance(pool, by, at).await
    }

    async fn serve_rebalance(&self, pool: &PoolId, wish: Timestamp) -> Result<(), JournalFault> {
        self.writing(format!("serve {pool} {wish}")).await?;
        self.inner.serve_rebalance(pool, wish).await
    }

    async fn serve_schedule(&self, pool: &PoolId, slot: Timestamp) -> Result<(), JournalFault> {
        self.writing(format!("serve {pool} {slot}")).await?;
        self.inner.serve_schedule(pool, slot).await
    }

    async fn latch_pool(&self, pool: &PoolId, latch: &Latch) -> Result<(), JournalFault> {
        self.writing(format!("latch {pool} {latch:?}")).await?;
        self.inner.latch_pool(pool, latch).await
    }

    async fn release_pool(&self, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.inner.release_pool(pool, by, at).await
    }

    async fn record_decision(&self, pool: &PoolId, record: &DecisionRecord) -> Result<(), JournalFault> {
        self.inner.record_decision(pool, record).await
    }

    async fn decisions(&self, pool: &PoolId, until: Timestamp, limit: u32) -> Result<Vec<DecisionRecord>, JournalFault> {
        self.inner.decisions(pool, until, limit).await
    }

    async fn recall_peg(&self, asset: &AssetId) -> Result<Option<Peg>, JournalFault> {
        self.recalling().await?;
        self.inner.recall_peg(asset).await
    }

    async fn remember_peg(&self, peg: &Peg) -> Result<(), JournalFault> {
        self.writing(format!("peg {} {}", peg.asset, peg.state.label())).await?;
        self.inner.remember_peg(peg).await
    }

    async fn reset_peg(&self, asset: &AssetId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.inner.reset_peg(asset, by, at).await
    }

    async fn peg_reset_asked(&self, asset: &AssetId) -> Result<Option<Timestamp>, JournalFault> {
        self.recalling().await?;
        self.inner.peg_reset_asked(asset).await
    }
}

#[async_trait]
impl Operations for FakeJournal {
    async fn open_lane(&self, lane: &LaneKey, holder: &str, at: Timestamp) -> Result<Opened, JournalFault> {
        self.fault()?;
        self.inner.open_lane(lane, holder, at).await
    }

    async fn reread_lane(&self, pen: &Pen) -> Result<Opened, JournalFault> {
        self.fault()?;
        self.inner.reread_lane(pen).await
    }

    async fn enqueue(&self, pen: &Pen, new: &NewOperation) -> Result<Enqueued, JournalFault> {
        self.writing(format!("queue {}", new.pool)).await?;
        let fails = self.breaks("queue");
        if fails == Some(Fails::Before) {
            return Err(JournalFault::Failed("the disk is full".to_owned()));
        }
        Self::broken(fails, self.inner.enqueue(pen, new).await)
    }

    async fn commit(
        &self,
        pen: &Pen,
        id: &OperationId,
        seq: u64,
        entry: &Entry,
        at: Timestamp,
    ) -> Result<OperationRecord, JournalFault> {
        self.writing(format!("commit {seq}")).await?;
        let fails = self.breaks(name(entry));
        if fails == Some(Fails::Before) {
            return Err(JournalFault::Failed("the disk is full".to_owned()));
        }
        Self::broken(fails, self.inner.commit(pen, id, seq, entry, at).await)
    }

    async fn note(&self, pen: &Pen, id: &OperationId, what: &str, detail: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.fault()?;
        self.inner.note(pen, id, what, detail, at).await
    }

    async fn spent(&self, lane: &LaneKey, at: Timestamp) -> Result<Wei, JournalFault> {
        self.fault()?;
        self.inner.spent(lane, at).await
    }

    async fn note_stop(&self, pen: &Pen, reason: Option<&str>) -> Result<(), JournalFault> {
        self.fault()?;
        self.inner.note_stop(pen, reason).await
    }

    async fn cancel_requests(&self, lane: &LaneKey) -> Result<Vec<OperationId>, JournalFault> {
        self.fault()?;
        self.inner.cancel_requests(lane).await
    }

    async fn list(&self, selection: &Selection) -> Result<Vec<OperationRecord>, JournalFault> {
        self.inner.list(selection).await
    }

    async fn find(&self, prefix: &str) -> Result<OperationRecord, JournalFault> {
        self.inner.find(prefix).await
    }

    async fn log(&self, id: &OperationId) -> Result<Vec<Happened>, JournalFault> {
        self.inner.log(id).await
    }

    async fn lanes(&self) -> Result<Vec<LaneRecord>, JournalFault> {
        self.inner.lanes().await
    }

    async fn request_cancel(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.inner.request_cancel(id, by, at).await
    }

    async fn accept_nonces(&self, lane: &LaneKey, next_nonce: u64, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.inner.accept_nonces(lane, next_nonce, by, at).await
    }

    async fn abandon(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<OperationRecord, JournalFault> {
        self.inner.abandon(id, by, at).await
    }
}
