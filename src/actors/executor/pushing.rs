//! What is too slow: it is replaced by the same call with a higher fee, sent again as it is when no higher fee is allowed, and taken
//! back when it is late, when something more urgent waits behind it, or when an operator wants it back. Each new attempt is written
//! down before it is handed over (C6), and none is forgotten: any of them may be the one that is included.

use alloy_primitives::Bytes;
use ractor::ActorRef;

use super::operation::{Stage, attempt_of};
use super::sending::Miscarriage;
use super::{ExecutorMsg, ExecutorState, OpId, Order, in_time, watched, written};
use crate::crash;
use crate::domain::fees::{Bump, Fees};
use crate::domain::operation::{AttemptKind, Entry, OperationId, OperationRecord, State};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::route::Via;
use crate::domain::units::{GasPrice, Wei};
use crate::ports::{Call, TxDraft};

/// A transfer of nothing to ourselves costs 21,000; an account with delegated code (EIP-7702) needs a little more.
const CANCEL_GAS: u64 = 22_000;

/// What to do with an operation that is not in a block.
enum Push {
    /// Sign another attempt.
    Sign(AttemptKind, Fees),
    /// Hand over the last one again: it may have been dropped.
    Again,
}

impl ExecutorState {
    /// Raises the fee of what is in flight.
    pub(super) fn push(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        match self.next_push(op) {
            Some(Push::Sign(kind, fees)) => self.sign_another(myself, op, kind, fees),
            Some(Push::Again) => self.broadcast(myself, op),
            None => {}
        }
    }

    fn next_push(&self, op: OpId) -> Option<Push> {
        let operation = self.operations.get(&op)?;
        let last = operation.last_attempt()?;
        let (cancelling, now) = (operation.cancelling() || operation.yields_at.is_some(), self.args.clock.now());
        let cap = if cancelling { self.cancel_cap(op) } else { operation.cap.at(now) };
        let market = self.args.gas.read().and_then(|gas| Fees::initial(gas.base_fee, gas.tip, cap).ok()).unwrap_or(last.fees);
        Some(match Fees::bump(&last.fees, &market, cap) {
            Bump::Replace(fees) if cancelling => Push::Sign(AttemptKind::Cancellation, fees),
            Bump::Replace(fees) if operation.call.is_some() => Push::Sign(AttemptKind::Replacement, fees),
            // A node that still holds the order will not take so cheap a cancellation; one that has dropped it will. The order
            // itself is not sent again: it would come too late.
            Bump::AtCap if cancelling && last.kind != AttemptKind::Cancellation => {
                Push::Sign(AttemptKind::Cancellation, Fees { max_fee: cap, tip: last.fees.tip.min(cap) })
            }
            Bump::AtCap | Bump::Replace(_) => Push::Again,
        })
    }

    /// What gives way to a defence may pay what the defence may.
    fn cancel_cap(&self, op: OpId) -> GasPrice {
        let yields_at = self.operations.get(&op).and_then(|operation| operation.yields_at);
        yields_at.map_or(self.args.cancel_cap, |cap| cap.max(self.args.cancel_cap))
    }

    /// Takes the nonce away from an operation.
    pub(super) fn take_back(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let cap = self.args.cancel_cap;
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let takes = matches!(operation.state(), Some(State::Prepared | State::InFlight | State::Cancelling));
        if !takes || operation.writing || operation.stage != Stage::Watching {
            // It is looked at again when what is being done with it is done.
            operation.yields_at.get_or_insert(cap);
            return;
        }
        operation.yields_at.get_or_insert(cap);
        // A relay that forgets it saves a fee; what it says proves nothing.
        if let Some(hash) = operation.last_attempt().filter(|attempt| attempt.via == Via::Private).map(|attempt| attempt.hash) {
            let sender = self.args.sender.clone();
            tokio::spawn(async move {
                let _ = in_time(sender.forget(hash)).await;
            });
        }
        self.push(myself, op);
    }

    /// A defence is not kept waiting: what is less urgent is taken back at the price that the defence may pay, and the defence
    /// follows it with the next nonce.
    pub(super) fn make_way(&mut self, myself: &ActorRef<ExecutorMsg>, order: &Order) {
        let cap = order.turn.cap().high;
        let lesser: Vec<OpId> = self
            .operations
            .iter()
            .filter(|(_, operation)| !operation.is_protective() && operation.occupies_lane())
            .map(|(op, _)| *op)
            .collect();
        for op in lesser {
            let Some(operation) = self.operations.get_mut(&op) else { continue };
            operation.yields_at = Some(cap);
            match operation.stage {
                Stage::Blocked => self.refuse(op, Refusal::Superseded),
                Stage::Beginning => self.give_up(op),
                Stage::Ready(_) => self.reject(myself, op, Refusal::Superseded),
                Stage::Watching if !operation.cancelling() => self.take_back(myself, op),
                Stage::Watching => self.push(myself, op),
                Stage::Launching | Stage::Landing | Stage::Landed | Stage::Ending => {}
            }
        }
    }

    /// The order is answered at once. What is written down of it keeps others out of its pool, so it stays in hand until that is
    /// closed.
    fn give_up(&mut self, op: OpId) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        operation.stage = Stage::Ending;
        operation.begins = None;
        if let Some(order) = operation.order.take() {
            self.settle(order, Outcome::Refused(Refusal::Superseded), None);
        }
    }

    /// Signs, writes down, hands over.
    fn sign_another(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, kind: AttemptKind, fees: Fees) {
        let (Some(pen), newest) = (self.pen, self.newest.0) else { return };
        let (journal, sender, clock, sent_to) =
            (self.args.journal.clone(), self.args.sender.clone(), self.args.clock.clone(), myself.clone());
        let route = self.operations.get(&op).map(|operation| *self.args.routes.get(operation.class)).unwrap_or_default();
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| !operation.writing) else { return };
        let (Some(record), Some(nonce)) = (operation.record.clone(), operation.nonce()) else { return };
        let (call, gas_limit, via) = match (kind, operation.call.clone()) {
            (AttemptKind::Cancellation, _) => {
                let call = Call { target: sender.address(), data: Bytes::new() };
                (call, CANCEL_GAS, Via::Public)
            }
            (_, Some(call)) => (call, operation.gas_limit, operation.way(route, newest)),
            (_, None) => return,
        };
        operation.writing = true;
        operation.touched(newest);
        let number = u32::try_from(record.attempts.len()).unwrap_or(u32::MAX);
        let draft = TxDraft { call, nonce, fees, gas_limit };
        watched(sent_to.clone(), async move {
            let pushed = async {
                let signed = in_time(sender.sign(&draft)).await.map_err(|fault| Miscarriage::Unsigned(fault.to_string()))?;
                let at = clock.now();
                let mut attempt = attempt_of(number, kind, signed, fees, gas_limit, via);
                attempt.launched = Some(at);
                let cost = Wei::of_gas(gas_limit, fees.max_fee).unwrap_or(Wei::new(u128::MAX));
                let reserve = record.reserve().map_or(cost, |most| most.max(cost));
                let (entry, before, after) = if kind == AttemptKind::Cancellation {
                    (Entry::Cancel { attempt: Some(attempt), reserve }, "cancel-before", "cancel-after")
                } else {
                    (Entry::Replace { attempt, reserve }, "c6-before", "c6-after")
                };
                crash::reach(before);
                let pushed = written(journal.commit(&pen, &record.id, record.seq, &entry, at)).await;
                crash::reach(after);
                pushed.map(Box::new).map_err(Miscarriage::Journal)
            };
            let _ = sent_to.cast(ExecutorMsg::Pushed(op, pushed.await));
        });
    }

    pub(super) fn pushed(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, pushed: Result<Box<OperationRecord>, Miscarriage>) {
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.writing) else { return };
        operation.writing = false;
        match pushed {
            Ok(record) => {
                operation.went = record.attempts.last().map(|attempt| attempt.via);
                operation.record = Some(*record);
                operation.resend = false;
                self.tell_moved(op);
                self.tell_sent(op);
                if self.operations.get(&op).is_some_and(|operation| operation.stage == Stage::Watching) {
                    self.broadcast(myself, op);
                }
                // What waited for this pool goes on behind it.
                self.begin_unblocked(myself);
                let yields = |operation: &super::Operation| operation.yields_at.is_some() && !operation.cancelling();
                if self.operations.get(&op).is_some_and(yields) {
                    self.take_back(myself, op);
                }
            }
            // The next block tries again.
            Err(Miscarriage::Unsigned(fault)) => {
                self.args.observer.record(crate::observe::Event::SigningFailed {
                    chain: self.args.chain.clone(),
                    role: self.args.role,
                    fault,
                });
            }
            Err(Miscarriage::Journal(fault)) => {
                self.args.observer.record(crate::observe::Event::JournalFailed { fault: fault.to_string() });
                self.recover(myself);
            }
        }
    }

    /// Asks the journal, while something is in flight, whether an operator wants it back.
    pub(super) fn ask_for_wishes(&self, myself: &ActorRef<ExecutorMsg>) {
        if !self.operations.values().any(|operation| operation.stage == Stage::Watching) {
            return;
        }
        let (journal, lane, myself) = (self.args.journal.clone(), self.args.key(), myself.clone());
        watched(myself.clone(), async move {
            // A wish that cannot be read now is read at the next block.
            if let Ok(wanted) = written(journal.cancel_requests(&lane)).await
                && !wanted.is_empty()
            {
                let _ = myself.cast(ExecutorMsg::WantedBack(wanted));
            }
        });
    }

    pub(super) fn wanted_back(&mut self, myself: &ActorRef<ExecutorMsg>, wanted: &[OperationId]) {
        let wanted: Vec<OpId> = self
            .operations
            .iter()
            .filter(|(_, operation)| operation.stage == Stage::Watching && operation.yields_at.is_none())
            .filter(|(_, operation)| operation.record.as_ref().is_some_and(|record| wanted.contains(&record.id)))
            .map(|(op, _)| *op)
            .collect();
        for op in wanted {
            self.take_back(myself, op);
        }
    }
}
