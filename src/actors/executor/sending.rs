//! From an order to a transaction that is with the network: written down (C1), simulated, given a nonce (C2), signed and written down
//! (C3), launched (C4), handed over. Nothing external happens between two commits but the signature.

use alloy_primitives::B256;
use ractor::ActorRef;
use tokio::sync::watch;
use tracing::Instrument;

use super::lane::Phase;
use super::operation::{Operation, Stage, attempt_of, bytes_of};
use super::{ASK_AGAIN, ExecutorMsg, ExecutorState, OpId, Order, PATIENCE, in_time, watched, written};
use crate::crash;
use crate::domain::fees::Fees;
use crate::domain::lane::Stop;
use crate::domain::operation::{AttemptKind, Entry, IntentId, NewOperation, OperationId, OperationRecord};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::plan::{Plan, Timing};
use crate::domain::position::Ramp;
use crate::domain::route::{RelayKind, Via};
use crate::domain::units::{Timestamp, Wei};
use crate::observe::{Event, spans};
use crate::ports::journal::{Enqueued, Pen, Selection};
use crate::ports::{Broadcast, Call, Journal, JournalFault, LinkFault, SendFault, SignedTx, TxDraft};

/// What an order without a ramp may wait for its inclusion: an order to stop trading does no harm when it comes late, but somebody
/// has to hear that it did not come; and a price that was fair for a swap is not fair for ever.
const GOOD_FOR: std::time::Duration = std::time::Duration::from_secs(600);

/// An operation that is written down and has been simulated.
pub struct Begun {
    record: OperationRecord,
    simulated: Result<u64, SendFault>,
    /// The nonce of the newest block.
    latest: Result<u64, SendFault>,
    spent: Result<Wei, JournalFault>,
}

/// Why a transaction was not launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miscarriage {
    /// It could not be signed. Its nonce was given back, where it had none of before.
    Unsigned(String),
    /// It could not be written down, or nobody knows whether it was.
    Journal(JournalFault),
}

impl ExecutorState {
    pub(super) fn take(&mut self, myself: &ActorRef<ExecutorMsg>, order: Order) {
        order.turn.reached_execute();
        let (ramp, call, deadline) = match self.admit(&order) {
            Ok(admitted) => admitted,
            Err(refusal) => return self.settle_refused(Operation::refused(order), refusal),
        };
        if order.rehearsal {
            return self.rehearse(myself, order, call);
        }
        if self.operations.values().all(|operation| !operation.occupies_lane()) {
            self.busy_since = self.args.clock.now();
        }
        if order.turn.class().is_protective() {
            self.make_way(myself, &order);
        }
        let op = self.next_op;
        self.next_op = self.next_op.saturating_add(1);
        self.operations.insert(op, Operation::ordered(order, call, ramp, deadline));
        self.begin_unblocked(myself);
    }

    /// Simulates an order on the newest block and lets it go. Nothing is written down of it: it is no operation, and has no nonce.
    fn rehearse(&self, myself: &ActorRef<ExecutorMsg>, order: Order, call: Call) {
        let (sender, myself) = (self.args.sender.clone(), myself.clone());
        watched(myself.clone(), async move {
            let simulated = in_time(sender.simulate(&call)).await;
            let _ = myself.cast(ExecutorMsg::Rehearsed(Box::new(order), simulated));
        });
    }

    pub(super) fn rehearsed(&self, order: Order, simulated: Result<u64, SendFault>) {
        let outcome = match simulated {
            Ok(gas_used) => Outcome::Rehearsed { gas_used },
            Err(fault) => Outcome::Refused(not_simulated(fault)),
        };
        self.settle(order, outcome, None);
    }

    /// Whether an order may be sent, and the ramp that it makes. The times are computed here and not in the plan: whatever waited
    /// before, the ramp starts ahead of now.
    fn admit(&self, order: &Order) -> Result<(Option<Ramp>, Call, Timestamp), Refusal> {
        if self.closed {
            return Err(Refusal::ShuttingDown);
        }
        if order.turn.id().epoch != self.args.epoch.read() {
            return Err(Refusal::StaleTurn);
        }
        let alone = self.operations.values().all(|operation| !operation.occupies_lane());
        let ready = self.phase == Phase::Open && self.next_nonce.is_some();
        if !(ready && (alone || order.turn.class().is_protective())) {
            return Err(Refusal::LaneNotReady);
        }
        let now = self.args.clock.now();
        let gas = self.args.gas.read().ok_or_else(|| Refusal::Unknown("the price of gas".to_owned()))?;
        if gas.price() > order.turn.cap().at(now) {
            return Err(Refusal::GasAboveCap);
        }
        let block = self.args.blocks.read().ok_or_else(|| Refusal::Unknown("the newest block".to_owned()))?;
        let now = now.max(block.head.stamp.timestamp);
        let Some(Timing { lead, duration }) = order.plan.timing() else {
            // The chain counts whole seconds, and whoever reads the journal gives the same call with the same times.
            let deadline = Timestamp::from_secs(now.plus(GOOD_FOR).secs());
            return Ok((None, order.position.order(&order.plan, Timestamp::default(), deadline), deadline));
        };
        // The chain counts whole seconds.
        let start = Timestamp::from_secs(now.plus(lead).secs());
        let end = start.plus(duration);
        let call = order.position.order(&order.plan, start, end);
        let end_weights = match &order.plan {
            Plan::Reweight(reweight) => reweight.target.weights().to_vec(),
            _ => Vec::new(),
        };
        let ramp = Ramp { start, end, end_weights };
        Ok((Some(ramp), call, start.minus(self.args.block_time)))
    }

    /// Begins what waited for its pool.
    pub(super) fn begin_unblocked(&mut self, myself: &ActorRef<ExecutorMsg>) {
        if self.next_nonce.is_none() {
            // The survey comes back to them.
            return;
        }
        let blocked: Vec<OpId> =
            self.operations.iter().filter(|(_, operation)| operation.stage == Stage::Blocked).map(|(op, _)| *op).collect();
        for op in blocked {
            let Some(pool) = self.operations.get(&op).map(|operation| operation.pool.clone()) else { continue };
            let taken = self.operations.values().any(|other| other.pool == pool && other.claims_pool());
            if !taken {
                self.begin(myself, op);
            }
        }
    }

    /// C1 beside the simulation: neither needs the other, and an intent that is refused is closed again.
    fn begin(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let (Some(pen), chain_id, now) = (self.pen, self.args.chain_id, self.args.clock.now()) else { return };
        let watcher = myself.clone();
        let (journal, sender, myself) = (self.args.journal.clone(), self.args.sender.clone(), myself.clone());
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let (Some(order), Some(call)) = (&operation.order, operation.call.clone()) else { return };
        operation.stage = Stage::Beginning;
        let (begins, given_up) = watch::channel(());
        operation.begins = Some(begins);
        let new = NewOperation {
            intent: IntentId::of(chain_id, &order.pool, &order.trigger, &order.seen),
            pool: order.pool.clone(),
            class: operation.class,
            why: order.trigger.to_string(),
            plan: order.plan.clone(),
            cap: operation.cap,
            created: now,
        };
        let span = spans::stage(order.turn.span(), "simulated");
        let work = async move {
            let queued = async {
                crash::reach("c1-before");
                let queued = enqueue(&*journal, &pen, &new, given_up.clone()).await;
                crash::reach("c1-after");
                queued
            };
            let mut up = given_up.clone();
            let asked = async {
                let asked = async { futures::join!(in_time(sender.simulate(&call)), in_time(sender.next_nonce())) };
                let silent = || SendFault::Link(LinkFault::Unreachable("the order was given up".to_owned()));
                tokio::select! {
                    asked = asked => asked,
                    _ = up.changed() => (Err(silent()), Err(silent())),
                }
            };
            let (queued, (simulated, latest), spent) = futures::join!(queued, asked, written(journal.spent(&pen.lane, now)));
            crash::reach("simulated");
            let begun = match queued {
                Ok(Enqueued::New(record)) => Ok(Box::new(Begun { record, simulated, latest, spent })),
                Ok(Enqueued::Known(..)) => Err(Refusal::Duplicate),
                Ok(Enqueued::PoolBusy(_)) => Err(Refusal::PoolBusy),
                Err(fault) => Err(Refusal::JournalFailed(fault.to_string())),
            };
            let _ = myself.cast(ExecutorMsg::Begun(op, begun));
        };
        watched(watcher, work.instrument(span));
    }

    pub(super) fn begun(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, begun: Result<Box<Begun>, Refusal>) {
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.stage == Stage::Beginning) else {
            // It was given up meanwhile; what is written down of it is closed.
            match begun {
                Ok(begun) => self.close(myself, op, &begun.record, Refusal::Superseded),
                Err(refusal) => {
                    self.operations.remove(&op);
                    if matches!(refusal, Refusal::JournalFailed(_)) {
                        self.recover(myself);
                    }
                    self.begin_unblocked(myself);
                }
            }
            return;
        };
        operation.begins = None;
        let Begun { record, simulated, latest, spent } = match begun {
            Ok(begun) => *begun,
            Err(refusal) => {
                let lost = matches!(refusal, Refusal::JournalFailed(_));
                self.refuse(op, refusal);
                if lost {
                    self.recover(myself);
                }
                return;
            }
        };
        operation.record = Some(record);
        self.tell_moved(op);
        match self.clear(myself, op, simulated, latest, spent) {
            Ok(fees) => {
                if let Some(operation) = self.operation(op) {
                    operation.stage = Stage::Ready(fees);
                }
                self.launch_next(myself);
            }
            Err(refusal) => self.reject(myself, op, refusal),
        }
    }

    /// The last look before a nonce is spent on it.
    fn clear(
        &mut self,
        myself: &ActorRef<ExecutorMsg>,
        op: OpId,
        simulated: Result<u64, SendFault>,
        latest: Result<u64, SendFault>,
        spent: Result<Wei, JournalFault>,
    ) -> Result<Fees, Refusal> {
        let gas_limit = simulated.map_err(not_simulated)?;
        let latest = latest.map_err(|fault| Refusal::Unreachable(fault.to_string()))?;
        let Some(next_nonce) = self.next_nonce else { return Err(Refusal::LaneNotReady) };
        match self.lateness(op) {
            Some(false) => {}
            Some(true) => return Err(Refusal::Unreachable("the simulation took until the deadline".to_owned())),
            None => return Err(Refusal::Unknown("the newest block".to_owned())),
        }
        // A nonce that is spent and was not given by us: someone else uses this key, and a human has to know.
        if latest > next_nonce {
            self.stop(myself, Stop::JournalBehind { journal: next_nonce, chain: latest });
            return Err(Refusal::LaneNotReady);
        }
        let fees = self.market_fees(op)?;
        let spent = spent.map_err(|fault| Refusal::JournalFailed(fault.to_string()))?;
        let Some(operation) = self.operations.get_mut(&op) else { return Err(Refusal::LaneNotReady) };
        operation.gas_limit = gas_limit;
        let asked = Wei::of_gas(gas_limit, fees.max_fee).unwrap_or(Wei::new(u128::MAX));
        self.args.budget.allows(operation.class, spent, asked).map_err(|over| Refusal::BudgetSpent(over.to_string()))?;
        Ok(fees)
    }

    fn market_fees(&self, op: OpId) -> Result<Fees, Refusal> {
        let operation = self.operations.get(&op).ok_or(Refusal::LaneNotReady)?;
        let gas = self.args.gas.read().ok_or_else(|| Refusal::Unknown("the price of gas".to_owned()))?;
        let cap = operation.cap.at(self.args.clock.now());
        Fees::initial(gas.base_fee, gas.tip, cap).map_err(|_| Refusal::GasAboveCap)
    }

    /// Launches the oldest order that is ready, one at a time: a nonce that cannot be signed for is given back, and nothing may have
    /// been put on top of it by then.
    pub(super) fn launch_next(&mut self, myself: &ActorRef<ExecutorMsg>) {
        if self.operations.values().any(|operation| operation.stage == Stage::Launching) {
            return;
        }
        let ready = self.operations.iter().find_map(|(op, operation)| match operation.stage {
            Stage::Ready(fees) => Some((*op, fees)),
            _ => None,
        });
        let Some((op, fees)) = ready else { return };
        let (Some(nonce), Phase::Open) = (self.next_nonce, &self.phase) else {
            return self.reject(myself, op, Refusal::LaneNotReady);
        };
        self.next_nonce = nonce.checked_add(1);
        self.launch(myself, op, nonce, fees);
    }

    /// C2, the signature, C3, C4, and only then the network.
    fn launch(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, nonce: u64, fees: Fees) {
        let (Some(pen), newest) = (self.pen, self.newest.0) else { return };
        let watcher = myself.clone();
        let (journal, sender, clock, myself) =
            (self.args.journal.clone(), self.args.sender.clone(), self.args.clock.clone(), myself.clone());
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let (Some(record), Some(call), Some(order)) = (operation.record.clone(), operation.call.clone(), &operation.order) else {
            return;
        };
        operation.stage = Stage::Launching;
        let via = self.args.routes.get(operation.class).via(0);
        let (ramp, deadline, gas_limit) = (operation.ramp.clone(), operation.deadline, operation.gas_limit);
        let span = spans::stage(order.turn.span(), "broadcast");
        let draft = TxDraft { call, nonce, fees, gas_limit };
        let work = async move {
            let (id, at) = (record.id, clock.now());
            let reserve = Wei::of_gas(gas_limit, fees.max_fee).unwrap_or(Wei::new(u128::MAX));
            let until = Some(newest.saturating_add(RelayKind::LONGEST));
            let hand_over = async |signed: &SignedTx| {
                let silent = |_| Broadcast::MaybeSent(format!("no answer within {PATIENCE:?}"));
                let answer = tokio::time::timeout(PATIENCE, sender.broadcast(signed, via, until)).await.unwrap_or_else(silent);
                crash::reach("sent");
                answer
            };
            let early = if crash::write_ahead() {
                None
            } else {
                // A test shows what happens without the journal's word.
                match in_time(sender.sign(&draft)).await {
                    Ok(signed) => Some(hand_over(&signed).await),
                    Err(_) => None,
                }
            };
            let launched = async {
                crash::reach("c2-before");
                let reserved = written(journal.commit(&pen, &id, record.seq, &Entry::Reserve { nonce, reserve, at }, at)).await;
                let reserved = reserved.map_err(Miscarriage::Journal)?;
                crash::reach("c2-after");
                let signed = match in_time(sender.sign(&draft)).await {
                    Ok(signed) => signed,
                    Err(fault) => {
                        let released = written(journal.commit(&pen, &id, reserved.seq, &Entry::Release, at)).await;
                        let released = released.map_err(Miscarriage::Journal)?;
                        let why = fault.to_string();
                        let rejected = Entry::Reject { why: why.clone() };
                        written(journal.commit(&pen, &id, released.seq, &rejected, at)).await.map_err(Miscarriage::Journal)?;
                        return Err(Miscarriage::Unsigned(why));
                    }
                };
                crash::reach("signed");
                let attempt = attempt_of(0, AttemptKind::First, signed.clone(), fees, gas_limit, via);
                let prepared = Entry::Prepare { attempt, ramp, deadline };
                let prepared = written(journal.commit(&pen, &id, reserved.seq, &prepared, at)).await;
                let prepared = prepared.map_err(Miscarriage::Journal)?;
                crash::reach("c3-after");
                let at = clock.now();
                let launched = written(journal.commit(&pen, &id, prepared.seq, &Entry::Launch { at }, at)).await;
                let launched = launched.map_err(Miscarriage::Journal)?;
                crash::reach("c4-after");
                Ok((launched, signed))
            };
            let (launched, signed) = match launched.await {
                Ok(launched) => launched,
                Err(miscarriage) => {
                    let _ = myself.cast(ExecutorMsg::Launched(op, Err(miscarriage)));
                    return;
                }
            };
            let _ = myself.cast(ExecutorMsg::Launched(op, Ok(Box::new(launched))));
            let answer = match early {
                Some(answer) => answer,
                None => hand_over(&signed).await,
            };
            let _ = written(journal.note(&pen, &id, "answered", &said(&answer, via), clock.now())).await;
            crash::reach("c5-after");
            let _ = myself.cast(ExecutorMsg::Answered(op, signed.hash, answer));
        };
        watched(watcher, work.instrument(span));
    }

    pub(super) fn launched(
        &mut self,
        myself: &ActorRef<ExecutorMsg>,
        op: OpId,
        launched: Result<Box<OperationRecord>, Miscarriage>,
    ) {
        let (now, newest) = (self.args.clock.now(), self.newest.0);
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.stage == Stage::Launching) else {
            return;
        };
        match launched {
            Ok(record) => {
                operation.record = Some(*record);
                operation.stage = Stage::Watching;
                operation.first_block = newest;
                operation.handed_over = 1;
                operation.touched(newest);
                operation.went = operation.last_attempt().map(|attempt| attempt.via);
                self.last_sent = Some(now);
                self.tell_moved(op);
                self.tell_sent(op);
                if self.operations.get(&op).is_some_and(|operation| operation.yields_at.is_some()) {
                    self.take_back(myself, op);
                }
            }
            Err(Miscarriage::Unsigned(why)) => {
                // The journal has it back, and nothing was put on top of it.
                self.next_nonce = self.next_nonce.and_then(|next| next.checked_sub(1));
                self.refuse(op, Refusal::Unreachable(format!("the signer failed: {why}")));
            }
            Err(Miscarriage::Journal(fault)) => self.journal_failed(myself, op, &fault),
        }
        self.launch_next(myself);
        self.begin_unblocked(myself);
    }

    /// Nobody knows whether the last step was written down. The order is answered, and the journal is read again: whatever is in it is
    /// taken up like the leavings of a former life.
    pub(super) fn journal_failed(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, fault: &JournalFault) {
        self.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
        self.refuse(op, Refusal::JournalFailed(fault.to_string()));
        if matches!(fault, JournalFault::Fenced(_)) {
            self.fenced();
        }
        self.recover(myself);
    }

    /// Says that the last attempt is handed over, and by which way.
    pub(super) fn tell_sent(&self, op: OpId) {
        let Some(operation) = self.operations.get(&op) else { return };
        let Some(attempt) = operation.last_attempt() else { return };
        self.args.observer.record(Event::TxSent {
            pool: operation.pool.clone(),
            chain: self.args.chain.clone(),
            class: operation.class,
            kind: attempt.kind,
            hash: attempt.hash,
            nonce: operation.nonce().unwrap_or_default(),
            max_fee: attempt.fees.max_fee,
            via: operation.went.unwrap_or(attempt.via),
        });
    }

    /// Hands over the last attempt, as it is.
    pub(super) fn broadcast(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let Some(pen) = self.pen else { return };
        let newest = self.newest.0;
        let watcher = myself.clone();
        let (journal, sender, clock, myself) =
            (self.args.journal.clone(), self.args.sender.clone(), self.args.clock.clone(), myself.clone());
        let route = self.operations.get(&op).map(|operation| *self.args.routes.get(operation.class));
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let (Some(attempt), Some(id)) = (operation.last_attempt().cloned(), operation.record.as_ref().map(|record| record.id))
        else {
            return;
        };
        operation.touched(newest);
        operation.handed_over = operation.handed_over.saturating_add(1);
        // What takes a nonce away has nothing to hide, and what was private for its blocks goes to everybody.
        let via = match (attempt.kind, route) {
            (AttemptKind::First | AttemptKind::Replacement, Some(route)) => operation.way(route, newest),
            _ => attempt.via,
        };
        let another_way = operation.went.replace(via).is_some_and(|before| before != via);
        let span =
            operation.order.as_ref().map_or_else(tracing::Span::none, |order| spans::stage(order.turn.span(), "broadcast"));
        let work = async move {
            let signed = bytes_of(&attempt);
            let until = Some(newest.saturating_add(RelayKind::LONGEST));
            let silent = |_| Broadcast::MaybeSent(format!("no answer within {PATIENCE:?}"));
            let answer = tokio::time::timeout(PATIENCE, sender.broadcast(&signed, via, until)).await.unwrap_or_else(silent);
            crash::reach("sent");
            let noted = written(journal.note(&pen, &id, "answered", &said(&answer, via), clock.now())).await;
            crash::reach("c5-after");
            let _ = myself.cast(ExecutorMsg::Answered(op, signed.hash, answer));
            if matches!(noted, Err(JournalFault::Fenced(_))) {
                let _ = myself.cast(ExecutorMsg::Fenced);
            }
        };
        watched(watcher, work.instrument(span));
        if another_way {
            self.tell_sent(op);
        }
    }

    /// What the endpoints say to a broadcast decides little: a definite refusal by all of them of the only broadcast means that its
    /// nonce has to be filled by something else.
    pub(super) fn answered(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, hash: B256, answer: &Broadcast) {
        let (chain, role) = (self.args.chain.clone(), self.args.role);
        self.args.observer.record(Event::TxAnswered { chain, role, hash, answer: answer.label(), detail: answer.detail() });
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.stage == Stage::Watching) else { return };
        match answer {
            Broadcast::NonceSpent => self.look_for_receipts(myself, op),
            Broadcast::Refused(_) if operation.handed_over == 1 => self.take_back(myself, op),
            _ => {}
        }
    }
}

/// An answer in the words of the log, with the way that was really taken: an attempt that was signed for the relay may go to everybody
/// later.
fn said(answer: &Broadcast, via: Via) -> String {
    let detail = answer.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{} by the {} way{detail}", answer.label(), via.label())
}

/// C1. A defence that finds its pool taken by a lesser operation of another lane wants that one back, and waits until its lane has
/// written so: not for its nonce, nor for a block with its cancellation.
async fn enqueue(
    journal: &dyn Journal,
    pen: &Pen,
    new: &NewOperation,
    mut given_up: watch::Receiver<()>,
) -> Result<Enqueued, JournalFault> {
    loop {
        let queued = written(journal.enqueue(pen, new)).await?;
        let Enqueued::PoolBusy(other) = &queued else { return Ok(queued) };
        if !new.class.is_protective() || !is_lesser_of_another_lane(journal, pen, new, other).await? {
            return Ok(queued);
        }
        // Refused, it is over already.
        let _ = written(journal.request_cancel(other, "a defence of its pool", new.created)).await;
        tokio::select! {
            () = tokio::time::sleep(ASK_AGAIN) => {}
            _ = given_up.changed() => return Ok(queued),
        }
    }
}

async fn is_lesser_of_another_lane(
    journal: &dyn Journal,
    pen: &Pen,
    new: &NewOperation,
    other: &OperationId,
) -> Result<bool, JournalFault> {
    let selection = Selection { pool: Some(new.pool.clone()), open: true, limit: u32::MAX, ..Selection::default() };
    let open = written(journal.list(&selection)).await?;
    let lesser = |record: &OperationRecord| record.lane != pen.lane && !record.new.class.is_protective();
    Ok(open.iter().any(|record| record.id == *other && lesser(record)))
}

/// What it means that an order could not be simulated.
fn not_simulated(fault: SendFault) -> Refusal {
    match fault {
        SendFault::WouldRevert(why) => Refusal::WouldRevert(why),
        fault => Refusal::Unreachable(fault.to_string()),
    }
}
