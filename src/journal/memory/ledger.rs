//! Operations in memory.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::B256;
use async_trait::async_trait;

use super::{MemoryJournal, open};
use crate::domain::operation::{Attempt, Entry, LaneKey, NewOperation, OperationId, OperationRecord, State};
use crate::domain::position::Controls;
use crate::domain::units::{Timestamp, Wei};
use crate::journal::told;
use crate::ports::JournalFault;
use crate::ports::journal::{Enqueued, Happened, LaneRecord, Opened, Operations, Pen, Selection};

/// A day in milliseconds.
const DAY: u64 = 86_400_000;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    lanes: BTreeMap<LaneKey, Lane>,
    /// In the order in which they were queued.
    operations: Vec<Kept>,
}

#[derive(Debug, Default)]
struct Lane {
    epoch: u64,
    holder: String,
    next_nonce: Option<u64>,
    last_launched: Option<Timestamp>,
    stopped: Option<String>,
    slots: HashMap<u64, OperationId>,
}

#[derive(Debug)]
struct Kept {
    record: OperationRecord,
    log: Vec<Happened>,
    /// Day and amount that is set aside or spent.
    spend: Option<(u64, Wei)>,
    /// Whether the pool is spoken for.
    claims: bool,
}

impl Ledger {
    fn holds(&self, pen: &Pen) -> Result<(), JournalFault> {
        match self.lanes.get(&pen.lane) {
            Some(lane) if lane.epoch == pen.epoch => Ok(()),
            Some(_) => Err(JournalFault::Fenced(pen.lane)),
            None => Err(JournalFault::Unknown(format!("lane {}", pen.lane))),
        }
    }

    fn opened(&self, pen: Pen) -> Result<Opened, JournalFault> {
        self.holds(&pen)?;
        let lane = self.lanes.get(&pen.lane).ok_or_else(|| JournalFault::Unknown(format!("lane {}", pen.lane)))?;
        let of_lane = |kept: &&Kept| kept.record.lane == pen.lane && !kept.record.state.is_final();
        let mut open: Vec<OperationRecord> = self.operations.iter().filter(of_lane).map(|kept| kept.record.clone()).collect();
        open.sort_by_key(|record| record.nonce.unwrap_or(u64::MAX));
        Ok(Opened { pen, next_nonce: lane.next_nonce, last_launched: lane.last_launched, open })
    }

    fn kept(&self, id: &OperationId) -> Result<usize, JournalFault> {
        let found = self.operations.iter().position(|kept| kept.record.id == *id);
        found.ok_or_else(|| JournalFault::Unknown(format!("operation {id}")))
    }

    fn enqueue(&mut self, pen: &Pen, new: &NewOperation) -> Result<Enqueued, JournalFault> {
        self.holds(pen)?;
        let same = |kept: &&Kept| kept.record.new.intent == new.intent;
        if let Some(kept) = self.operations.iter().filter(same).find(|kept| !kept.record.state.frees_intent()) {
            return Ok(Enqueued::Known(kept.record.id, kept.record.state));
        }
        let same_pool = |kept: &&Kept| kept.record.lane.chain_id == pen.lane.chain_id && kept.record.new.pool == new.pool;
        if let Some(kept) = self.operations.iter().filter(same_pool).find(|kept| kept.claims) {
            return Ok(Enqueued::PoolBusy(kept.record.id));
        }
        let generation = u64::try_from(self.operations.iter().filter(same).count()).unwrap_or(u64::MAX);
        let record = OperationRecord::queued(new.intent.operation(generation), pen.lane, new.clone());
        let first = Happened {
            line: 0,
            step: "queue".to_owned(),
            state: State::Queued,
            at: new.created,
            epoch: pen.epoch,
            detail: new.why.clone(),
        };
        self.operations.push(Kept { record: record.clone(), log: vec![first], spend: None, claims: true });
        Ok(Enqueued::New(record))
    }

    fn step(
        &mut self,
        epoch: u64,
        id: &OperationId,
        seq: u64,
        entry: &Entry,
        at: Timestamp,
    ) -> Result<OperationRecord, JournalFault> {
        let place = self.kept(id)?;
        let conflict = |what: String| Err(JournalFault::Conflict(what));
        let Some(kept) = self.operations.get(place) else { return Err(JournalFault::Unknown(format!("operation {id}"))) };
        if kept.record.seq != seq {
            return conflict(format!("operation {id} is at step {}, the writer thought {seq}", kept.record.seq));
        }
        let mut record = kept.record.clone();
        let step = entry.step(record.landing.as_ref())?.label();
        record.apply(entry)?;
        let lane_key = record.lane;
        let held = |state| matches!(state, State::Reserved | State::Prepared);
        let other = |kept: &Kept| kept.record.lane == lane_key && kept.record.id != *id && held(kept.record.state);
        if held(record.state) && self.operations.iter().any(other) {
            return conflict("the lane has another operation that is reserved or prepared".to_owned());
        }
        let is_new = |attempt: &Attempt| {
            !self.operations.iter().any(|kept| kept.record.attempts.iter().any(|known| known.hash == attempt.hash))
        };
        if record.attempts.get(kept.record.attempts.len()..).is_some_and(|new| !new.iter().all(is_new)) {
            return conflict("the transaction is written down already".to_owned());
        }
        let lane = self.lanes.entry(lane_key).or_default();
        match entry {
            Entry::Reserve { nonce, .. } => {
                if lane.slots.contains_key(nonce) || lane.next_nonce.is_some_and(|next| *nonce < next) {
                    return conflict(format!("nonce {nonce} is taken"));
                }
                lane.slots.insert(*nonce, *id);
                lane.next_nonce = nonce.checked_add(1);
            }
            Entry::Release => {
                if let Some(nonce) = self.operations.get(place).and_then(|kept| kept.record.nonce) {
                    lane.slots.remove(&nonce);
                    // An operator may have accepted higher ones since: those stay accounted for.
                    if lane.next_nonce == nonce.checked_add(1) {
                        lane.next_nonce = Some(nonce);
                    }
                }
            }
            Entry::Launch { at } => lane.last_launched = Some(*at),
            _ => {}
        }
        let Some(kept) = self.operations.get_mut(place) else { return Err(JournalFault::Unknown(format!("operation {id}"))) };
        match entry {
            Entry::Reserve { reserve, at, .. } => kept.spend = Some((at.millis().div_euclid(DAY), *reserve)),
            Entry::Release => kept.spend = None,
            Entry::Replace { reserve, .. } | Entry::Cancel { reserve, .. } => {
                if let Some((_, aside)) = &mut kept.spend {
                    *aside = (*aside).max(*reserve);
                }
            }
            Entry::Finalise { spent } => {
                if let Some((_, aside)) = &mut kept.spend {
                    *aside = *spent;
                }
            }
            _ => {}
        }
        kept.claims = kept.claims && OperationRecord::claims_pool(record.state);
        kept.log.push(Happened {
            line: u64::try_from(kept.log.len()).unwrap_or(u64::MAX),
            step: step.to_owned(),
            state: record.state,
            at,
            epoch,
            detail: told(entry),
        });
        kept.record = record.clone();
        Ok(record)
    }
}

impl MemoryJournal {
    /// In the same breath as the step: what the pool remembers of what was set. An inclusion makes it ours; a cancellation that takes
    /// the place of an inclusion which was reorganised away leaves the pool with what it had before.
    fn account(&self, record: &OperationRecord, at: Timestamp, controls: Option<&Controls>) {
        if let Some(controls) = controls {
            let mut pools = open(&self.pools);
            let protective = record.new.class.is_protective();
            pools.entry(record.new.pool.clone()).or_default().account(controls, at, protective);
        }
    }
}

#[async_trait]
impl Operations for MemoryJournal {
    async fn open_lane(&self, lane: &LaneKey, holder: &str, _at: Timestamp) -> Result<Opened, JournalFault> {
        let mut ledger = open(&self.operations);
        let kept = ledger.lanes.entry(*lane).or_default();
        kept.epoch = kept.epoch.saturating_add(1);
        holder.clone_into(&mut kept.holder);
        let pen = Pen { lane: *lane, epoch: kept.epoch };
        ledger.opened(pen)
    }

    async fn reread_lane(&self, pen: &Pen) -> Result<Opened, JournalFault> {
        open(&self.operations).opened(*pen)
    }

    async fn enqueue(&self, pen: &Pen, new: &NewOperation) -> Result<Enqueued, JournalFault> {
        open(&self.operations).enqueue(pen, new)
    }

    async fn commit(
        &self,
        pen: &Pen,
        id: &OperationId,
        seq: u64,
        entry: &Entry,
        at: Timestamp,
    ) -> Result<OperationRecord, JournalFault> {
        let mut ledger = open(&self.operations);
        ledger.holds(pen)?;
        let place = ledger.kept(id)?;
        if let Some(kept) = ledger.operations.get(place).filter(|kept| kept.record.lane != pen.lane) {
            return Err(JournalFault::Conflict(format!("operation {id} belongs to the lane {}", kept.record.lane)));
        }
        let record = ledger.step(pen.epoch, id, seq, entry, at)?;
        if let Entry::Include { landing, controls } = entry {
            self.account(&record, landing.block.timestamp, controls.as_ref());
        }
        Ok(record)
    }

    async fn note(&self, pen: &Pen, id: &OperationId, what: &str, detail: &str, at: Timestamp) -> Result<(), JournalFault> {
        let mut ledger = open(&self.operations);
        ledger.holds(pen)?;
        let place = ledger.kept(id)?;
        if let Some(kept) = ledger.operations.get_mut(place) {
            let (line, state) = (u64::try_from(kept.log.len()).unwrap_or(u64::MAX), kept.record.state);
            kept.log.push(Happened { line, step: what.to_owned(), state, at, epoch: pen.epoch, detail: detail.to_owned() });
        }
        Ok(())
    }

    async fn spent(&self, lane: &LaneKey, at: Timestamp) -> Result<Wei, JournalFault> {
        let day = at.millis().div_euclid(DAY);
        let ledger = open(&self.operations);
        let of_day = |kept: &Kept| kept.spend.filter(|(spent_on, _)| kept.record.lane == *lane && *spent_on == day);
        let sum = ledger.operations.iter().filter_map(of_day).try_fold(Wei::ZERO, |sum, (_, wei)| sum.checked_add(wei));
        sum.ok_or_else(|| JournalFault::Failed("the spending of a day overflows".to_owned()))
    }

    async fn note_stop(&self, pen: &Pen, reason: Option<&str>) -> Result<(), JournalFault> {
        let mut ledger = open(&self.operations);
        ledger.holds(pen)?;
        if let Some(lane) = ledger.lanes.get_mut(&pen.lane) {
            lane.stopped = reason.map(str::to_owned);
        }
        Ok(())
    }

    async fn cancel_requests(&self, lane: &LaneKey) -> Result<Vec<OperationId>, JournalFault> {
        let ledger = open(&self.operations);
        let wanted = |kept: &&Kept| kept.record.lane == *lane && kept.record.cancel_requested && !kept.record.state.is_final();
        Ok(ledger.operations.iter().filter(wanted).map(|kept| kept.record.id).collect())
    }

    async fn list(&self, selection: &Selection) -> Result<Vec<OperationRecord>, JournalFault> {
        let ledger = open(&self.operations);
        let wanted = |record: &&OperationRecord| {
            selection.pool.as_ref().is_none_or(|pool| record.new.pool == *pool)
                && selection.lane.is_none_or(|lane| record.lane == lane)
                && !(selection.open && record.state.is_final())
        };
        let limit = usize::try_from(selection.limit).unwrap_or(usize::MAX);
        Ok(ledger.operations.iter().rev().map(|kept| &kept.record).filter(wanted).take(limit).cloned().collect())
    }

    async fn find(&self, prefix: &str) -> Result<OperationRecord, JournalFault> {
        let wanted = prefix.trim_start_matches("0x").to_lowercase();
        let name = |id: B256| id.to_string().trim_start_matches("0x").to_owned();
        let ledger = open(&self.operations);
        let mut found = ledger.operations.iter().filter(|kept| name(kept.record.id.0).starts_with(&wanted));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only.record.clone()),
            (Some(_), Some(_)) => Err(JournalFault::Conflict(format!("several operations begin with `{prefix}`"))),
            (None, _) => Err(JournalFault::Unknown(format!("operation that begins with `{prefix}`"))),
        }
    }

    async fn log(&self, id: &OperationId) -> Result<Vec<Happened>, JournalFault> {
        let ledger = open(&self.operations);
        let place = ledger.kept(id)?;
        Ok(ledger.operations.get(place).map(|kept| kept.log.clone()).unwrap_or_default())
    }

    async fn lanes(&self) -> Result<Vec<LaneRecord>, JournalFault> {
        let ledger = open(&self.operations);
        let record = |(key, lane): (&LaneKey, &Lane)| LaneRecord {
            key: *key,
            epoch: lane.epoch,
            holder: lane.holder.clone(),
            next_nonce: lane.next_nonce,
            stopped: lane.stopped.clone(),
        };
        Ok(ledger.lanes.iter().map(record).collect())
    }

    async fn request_cancel(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        let mut ledger = open(&self.operations);
        let place = ledger.kept(id)?;
        let Some(kept) = ledger.operations.get_mut(place) else { return Ok(()) };
        if kept.record.state.is_final() {
            return Err(JournalFault::Conflict(format!("operation {id} is over: {}", kept.record.state)));
        }
        kept.record.cancel_requested = true;
        let line = u64::try_from(kept.log.len()).unwrap_or(u64::MAX);
        let (step, state) = ("request_cancel".to_owned(), kept.record.state);
        kept.log.push(Happened { line, step, state, at, epoch: 0, detail: by.to_owned() });
        Ok(())
    }

    async fn accept_nonces(&self, lane: &LaneKey, next_nonce: u64, _by: &str, _at: Timestamp) -> Result<(), JournalFault> {
        let mut ledger = open(&self.operations);
        let kept = ledger.lanes.get_mut(lane).ok_or_else(|| JournalFault::Unknown(format!("lane {lane}")))?;
        if kept.next_nonce.is_some_and(|known| next_nonce < known) {
            let known = kept.next_nonce.unwrap_or_default();
            return Err(JournalFault::Conflict(format!("the journal has accounted for all nonces below {known} already")));
        }
        kept.next_nonce = Some(next_nonce);
        Ok(())
    }

    async fn abandon(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<OperationRecord, JournalFault> {
        let mut ledger = open(&self.operations);
        let seq = ledger.kept(id).map(|place| ledger.operations.get(place).map_or(0, |kept| kept.record.seq))?;
        ledger.step(0, id, seq, &Entry::Abandon { why: format!("abandoned by {by}") }, at)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use crate::domain::operation::IntentId;

    #[test]
    fn generations_of_an_intent_have_names_of_their_own() {
        let intent = IntentId(B256::repeat_byte(1));
        assert_ne!(intent.operation(0), intent.operation(1));
        assert_eq!(intent.operation(1), intent.operation(1));
    }
}
