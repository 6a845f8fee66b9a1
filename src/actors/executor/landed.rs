//! From a block to finality. What is in a block has freed the lane; in the background its block is looked at whenever a new one does
//! not follow the last one, and when it should be final. A block that is gone puts its operation back on its way, with the same nonce
//! and the same bytes: until it has landed again the lane grants nothing new.

use ractor::ActorRef;

use super::operation::Stage;
use super::{ExecutorMsg, ExecutorState, OpId, in_time, watched, written};
use crate::crash;
use crate::domain::operation::{Entry, OperationRecord};
use crate::domain::units::Wei;
use crate::observe::Event;
use crate::ports::{JournalFault, SendFault};

/// The chain is asked what is final at every so many blocks, while something waits for it.
const ASK_FINALITY_EVERY: u64 = 4;

/// What a second look at an operation's block gave.
pub enum Checked {
    /// It is on the chain, and not final yet.
    Stands,
    /// Nobody could be asked.
    Unasked,
    /// It is final, and written down so.
    Final(Box<OperationRecord>),
    /// It is gone, and written down so.
    Gone(Box<OperationRecord>),
    /// It could not be written down.
    Unwritten(JournalFault),
}

impl ExecutorState {
    /// Looks at what is in a block: all of it when the chain has not simply grown, otherwise what should be final.
    pub(super) fn look_at_landed(&mut self, myself: &ActorRef<ExecutorMsg>, follows: bool) {
        let landed: Vec<OpId> =
            self.in_order().into_iter().filter(|op| self.operations.get(op).is_some_and(|o| o.stage == Stage::Landed)).collect();
        let mut waits = false;
        for operation in
            self.operations.values_mut().filter(|operation| matches!(operation.stage, Stage::Landing | Stage::Landed))
        {
            operation.doubted |= !follows;
        }
        for op in landed {
            let depth = self.is_final(op);
            if depth == Some(true) || self.operations.get(&op).is_some_and(|operation| operation.doubted) {
                self.check(myself, op);
            }
            waits |= depth.is_none();
        }
        if waits && self.newest.0.is_multiple_of(ASK_FINALITY_EVERY) {
            let (sender, myself) = (self.args.sender.clone(), myself.clone());
            watched(myself.clone(), async move {
                let height = in_time(sender.finalized()).await.map(|head| head.stamp.number);
                let _ = myself.cast(ExecutorMsg::Finalised(height));
            });
        }
    }

    /// Whether its block should be final; `None` when only the chain can say and has not yet.
    fn is_final(&self, op: OpId) -> Option<bool> {
        let landing = self.operations.get(&op)?.record.as_ref()?.landing?;
        let height = landing.block.number;
        self.args.finality.by_depth(height, self.newest.0).or_else(|| (self.finalised? >= height).then_some(true))
    }

    pub(super) fn finalised(&mut self, myself: &ActorRef<ExecutorMsg>, height: &Result<u64, SendFault>) {
        // Who cannot be asked now is asked again.
        let Ok(height) = *height else { return };
        self.finalised = self.finalised.max(Some(height));
        for op in self.in_order() {
            let landed = self.operations.get(&op).is_some_and(|operation| operation.stage == Stage::Landed);
            if landed && self.is_final(op) == Some(true) {
                self.check(myself, op);
            }
        }
    }

    /// Looks whether the block of an operation is still on the chain.
    pub(super) fn check(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let (Some(pen), is_final) = (self.pen, self.is_final(op) == Some(true)) else { return };
        let (sender, journal, clock, myself) =
            (self.args.sender.clone(), self.args.journal.clone(), self.args.clock.clone(), myself.clone());
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| !operation.writing) else { return };
        let Some(record) = operation.record.clone() else { return };
        let Some(landing) = record.landing else { return };
        operation.writing = true;
        operation.doubted = false;
        watched(myself.clone(), async move {
            let head = in_time(sender.head(landing.block.hash)).await;
            let nothing = if head.is_ok() { Checked::Stands } else { Checked::Unasked };
            let entry = match head {
                Ok(Some(_)) if is_final => {
                    crash::reach("c8-before");
                    // A cost that does not fit is more than anybody has.
                    Some(Entry::Finalise { spent: landing.cost.wei().map_or(Wei::new(u128::MAX), Wei::new) })
                }
                Ok(None) => Some(Entry::Unwind),
                Ok(Some(_)) | Err(_) => None,
            };
            let checked = match entry {
                None => nothing,
                Some(entry) => match written(journal.commit(&pen, &record.id, record.seq, &entry, clock.now())).await {
                    Ok(record) if entry == Entry::Unwind => {
                        crash::reach("unwind-after");
                        Checked::Gone(Box::new(record))
                    }
                    Ok(record) => {
                        crash::reach("c8-after");
                        Checked::Final(Box::new(record))
                    }
                    Err(fault) => Checked::Unwritten(fault),
                },
            };
            let _ = myself.cast(ExecutorMsg::Checked(op, checked));
        });
    }

    /// Puts an operation whose block is gone back on its way.
    pub(super) fn unwind(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        operation.stage = Stage::Watching;
        operation.unwound = true;
        operation.resend = true;
        operation.absence = None;
        let pool = operation.pool.clone();
        let (chain, height) = (self.args.chain.clone(), self.newest.0);
        self.args.observer.record(Event::Reorganised { chain, pool, height });
        self.look_for_receipts(myself, op);
    }

    pub(super) fn checked(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, checked: Checked) {
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.stage == Stage::Landed) else { return };
        operation.writing = false;
        match checked {
            // A doubt that came up since is about a later moment.
            Checked::Stands if operation.doubted => self.check(myself, op),
            Checked::Stands => {}
            // The next block asks again.
            Checked::Unasked => operation.doubted = true,
            Checked::Final(record) => {
                operation.record = Some(*record);
                self.tell_moved(op);
                self.operations.remove(&op);
            }
            Checked::Gone(record) => {
                operation.record = Some(*record);
                self.tell_moved(op);
                self.unwind(myself, op);
            }
            Checked::Unwritten(fault) => {
                operation.doubted = true;
                self.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
                self.recover(myself);
            }
        }
    }
}
