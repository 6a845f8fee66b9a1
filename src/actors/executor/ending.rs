//! How an order ends, and who is told: the journal first, then everybody else. The turn goes back when the lane is shown free.

use ractor::ActorRef;

use super::operation::{Operation, Order, Stage};
use super::{ExecutorMsg, ExecutorState, OpId, watched, written};
use crate::crash;
use crate::domain::lane::Stop;
use crate::domain::operation::{Entry, Fate, Landing, OperationRecord};
use crate::domain::outcome::{Inclusion, Outcome, Refusal};
use crate::domain::plan::Plan;
use crate::domain::position::{Controls, PositionFacts};
use crate::observe::Event;
use crate::observe::event::Settlement;
use crate::ports::JournalFault;

/// An inclusion that has been read back and written down, or not.
pub struct Verified {
    pub(super) landing: Landing,
    pub(super) facts: Result<PositionFacts, String>,
    pub(super) record: Result<OperationRecord, JournalFault>,
}

impl ExecutorState {
    pub(super) fn verified(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, verified: Verified) {
        let Verified { landing, facts, record } = verified;
        let ether = self.args.gas.read().and_then(|gas| gas.ether);
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.stage == Stage::Landing) else { return };
        let record = match record {
            Ok(record) => record,
            Err(fault) => {
                // It is in a block all the same; the next look finds it there again, and until then it is neither raised nor taken back.
                operation.stage = Stage::Watching;
                operation.resend = true;
                self.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
                self.recover(myself);
                return;
            }
        };
        let sent_at = record.attempts.iter().find_map(|attempt| attempt.launched).unwrap_or(landing.block.timestamp);
        let inclusion = Inclusion {
            tx: landing.hash,
            nonce: record.nonce.unwrap_or_default(),
            block: landing.block,
            cost: landing.cost,
            cost_usd: ether.and_then(|ether| landing.cost.usd(ether)),
            sent_at,
            attempts: u32::try_from(record.attempts.len()).unwrap_or(u32::MAX),
        };
        operation.record = Some(record);
        operation.stage = Stage::Landed;
        let outcome = match landing.fate {
            Fate::Cancelled => Outcome::Cancelled(inclusion),
            Fate::Reverted if operation.plan.is_bounded() => Outcome::Slipped(inclusion),
            Fate::Reverted => Outcome::Reverted(inclusion),
            Fate::CarriedOut => match operation.difference(&facts) {
                None => Outcome::Done(inclusion),
                Some(difference) => Outcome::Deviates { inclusion, difference },
            },
        };
        let controls = facts.ok().map(|facts| facts.controls).filter(|_| landing.fate == Fate::CarriedOut);
        let order = operation.order.take();
        self.tell_moved(op);
        crash::reach("settled");
        if let Some(order) = order {
            self.settle(order, outcome, controls);
        }
        self.see_account(myself);
        self.begin_unblocked(myself);
    }

    /// What the account has left after it has paid.
    fn see_account(&self, myself: &ActorRef<ExecutorMsg>) {
        let (sender, myself) = (self.args.sender.clone(), myself.clone());
        watched(myself.clone(), async move {
            let _ = myself.cast(ExecutorMsg::AccountSeen(super::in_time(sender.account()).await));
        });
    }

    /// An order that was written down ends without having had a nonce.
    pub(super) fn reject(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, refusal: Refusal) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let Some(record) = operation.record.clone() else { return self.refuse(op, refusal) };
        operation.stage = Stage::Ending;
        self.close(myself, op, &record, refusal);
    }

    pub(super) fn close(&self, myself: &ActorRef<ExecutorMsg>, op: OpId, record: &OperationRecord, refusal: Refusal) {
        let Some(pen) = self.pen else { return };
        let (journal, clock, myself) = (self.args.journal.clone(), self.args.clock.clone(), myself.clone());
        let (id, seq, why) = (record.id, record.seq, refusal.words());
        let entry = if refusal == Refusal::Superseded { Entry::Supersede { why } } else { Entry::Reject { why } };
        watched(myself.clone(), async move {
            let closed = written(journal.commit(&pen, &id, seq, &entry, clock.now())).await;
            let _ = myself.cast(ExecutorMsg::Ended(op, refusal, closed.map(Box::new)));
        });
    }

    /// The nonce is spent, and it is proven that not on us. Nothing is ever sent in its place: the nonce is the only thing that keeps
    /// the order from being carried out twice.
    pub(super) fn quarantine(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let Some(pen) = self.pen else { return };
        let (journal, clock, myself) = (self.args.journal.clone(), self.args.clock.clone(), myself.clone());
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| !operation.writing) else { return };
        let Some(record) = operation.record.clone() else { return };
        operation.writing = true;
        let why = "its nonce is spent, and several endpoints know no receipt of any of its attempts".to_owned();
        watched(myself.clone(), async move {
            let entry = Entry::Quarantine { why };
            let closed = written(journal.commit(&pen, &record.id, record.seq, &entry, clock.now())).await;
            let _ = myself.cast(ExecutorMsg::Ended(op, Refusal::NonceTaken, closed.map(Box::new)));
        });
    }

    pub(super) fn ended(
        &mut self,
        myself: &ActorRef<ExecutorMsg>,
        op: OpId,
        refusal: Refusal,
        written: Result<Box<OperationRecord>, JournalFault>,
    ) {
        let failed = written.is_err();
        if let Err(fault) = &written {
            self.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
        }
        if let (Some(operation), Ok(record)) = (self.operations.get_mut(&op), written) {
            operation.writing = false;
            operation.record = Some(*record);
        }
        self.tell_moved(op);
        if refusal == Refusal::NonceTaken {
            let quarantined = self.operations.get_mut(&op).and_then(|operation| {
                operation.writing = false;
                let record = operation.record.as_ref()?;
                Some((record.id.to_string(), record.nonce?, operation.order.take()))
            });
            // It stays in hand: a receipt that turns up after all is ours.
            if let Some((operation, nonce, order)) = quarantined {
                self.stop(myself, Stop::Quarantined { operation, nonce });
                if let Some(order) = order {
                    self.settle(order, Outcome::Refused(refusal), None);
                }
            }
        } else {
            self.refuse(op, refusal);
        }
        if failed {
            self.recover(myself);
        }
        self.launch_next(myself);
        self.begin_unblocked(myself);
    }

    /// An order ends, and with it what is known of its operation here.
    pub(super) fn refuse(&mut self, op: OpId, refusal: Refusal) {
        if let Some(operation) = self.operations.remove(&op) {
            self.settle_refused(operation, refusal);
        }
    }

    pub(super) fn settle_refused(&self, operation: Operation, refusal: Refusal) {
        if let Some(order) = operation.order {
            self.settle(order, Outcome::Refused(refusal), None);
        }
    }

    /// Tells everyone how it ended, and gives the turn back. The lane is shown free before the turn drops, and after the end has been
    /// told: a process that shuts down waits for the lane.
    pub(super) fn settle(&self, order: Order, outcome: Outcome, controls: Option<Controls>) {
        let Order { pool, assets, trigger, before, triggered_at, triggered_uptime, turn, reply_to, plan, .. } = order;
        let (target, duration) = match plan {
            Plan::Reweight(ref reweight) => (reweight.target.weights().to_vec(), reweight.duration),
            ref other => (before.clone(), other.timing().map_or(std::time::Duration::ZERO, |timing| timing.duration)),
        };
        let link =
            outcome.inclusion().and_then(|inclusion| self.args.explorer.as_ref().map(|base| format!("{base}{}", inclusion.tx)));
        turn.span().record("outcome", outcome.label());
        self.args.observer.record(Event::Settled(Box::new(Settlement {
            pool,
            chain: self.args.chain.clone(),
            trigger,
            assets,
            before,
            target,
            deed: plan.label(),
            ramp: duration,
            outcome: outcome.clone(),
            triggered_at,
            took: self.args.clock.uptime().saturating_sub(triggered_uptime),
            link,
        })));
        self.show();
        reply_to.settled(outcome, controls, turn);
    }

    /// Says how far an operation has come.
    pub(super) fn tell_moved(&self, op: OpId) {
        let Some(record) = self.operations.get(&op).and_then(|operation| operation.record.as_ref()) else { return };
        self.args.observer.record(Event::OperationMoved {
            chain: self.args.chain.clone(),
            role: self.args.role,
            pool: record.new.pool.clone(),
            class: record.new.class,
            operation: record.id,
            nonce: record.nonce,
            state: record.state,
        });
    }
}
