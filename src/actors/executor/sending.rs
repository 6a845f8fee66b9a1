//! From an order to a transaction that is with the network.

use alloy_primitives::{B256, Bytes};
use futures::future::try_join;
use ractor::ActorRef;
use tracing::Instrument;

use super::operation::{Operation, Stage};
use super::{ExecutorMsg, ExecutorState, OpId, Order, PATIENCE, in_time};
use crate::domain::fees::Fees;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::plan::Plan;
use crate::domain::position::Ramp;
use crate::domain::route::Via;
use crate::domain::trigger::Class;
use crate::domain::units::Timestamp;
use crate::observe::event::AttemptKind;
use crate::observe::{Event, spans};
use crate::ports::{Broadcast, Call, SendFault, SignedTx, TxDraft};

/// A transfer of nothing to ourselves costs 21,000; an account with delegated code needs a little more.
const CANCEL_GAS: u64 = 22_000;

impl ExecutorState {
    pub(super) fn take(&mut self, myself: &ActorRef<ExecutorMsg>, order: Order) {
        order.turn.reached_execute();
        let (ramp, call, deadline) = match self.admit(&order) {
            Ok(admitted) => admitted,
            Err(refusal) => return self.settle(Operation::refused(order), Outcome::Refused(refusal), None),
        };
        let op = self.next_op;
        self.next_op = self.next_op.saturating_add(1);
        if self.operations.is_empty() {
            self.busy_since = self.args.clock.now();
        }
        let span = spans::stage(order.turn.span(), "simulated");
        let (sender, myself, asked) = (self.args.sender.clone(), myself.clone(), call.clone());
        tokio::spawn(
            async move {
                let simulated = in_time(try_join(sender.simulate(&asked), sender.next_nonce())).await;
                let _ = myself.cast(ExecutorMsg::Simulated(op, simulated));
            }
            .instrument(span),
        );
        self.operations.insert(op, Operation::new(order, call, ramp, deadline));
    }

    /// Whether an order may be sent, and the ramp that it makes. The times are computed here and not in the plan: whatever waited
    /// before, the ramp starts ahead of now.
    fn admit(&self, order: &Order) -> Result<(Ramp, Call, Timestamp), Refusal> {
        if self.closed {
            return Err(Refusal::ShuttingDown);
        }
        if order.turn.id().epoch != self.args.epoch.read() {
            return Err(Refusal::StaleTurn);
        }
        let protective = Class::is_protective;
        let pipelined = protective(order.turn.class()) && self.operations.values().all(|op| protective(op.class()));
        if self.next_nonce.is_none() || !(self.operations.is_empty() || pipelined) {
            return Err(Refusal::LaneNotReady);
        }
        let now = self.args.clock.now();
        let gas = self.args.gas.read().ok_or_else(|| Refusal::Unknown("the price of gas".to_owned()))?;
        if gas.price() > order.turn.cap().at(now) {
            return Err(Refusal::GasAboveCap);
        }
        let block = self.args.blocks.read().ok_or_else(|| Refusal::Unknown("the newest block".to_owned()))?;
        let Plan::Reweight(reweight) = &order.plan;
        // The chain counts whole seconds.
        let ahead = now.max(block.head.stamp.timestamp).plus(reweight.start_lead);
        let start = Timestamp::from_secs(ahead.secs());
        let end = start.plus(reweight.duration);
        let call = order.position.order(&order.plan, start, end);
        let ramp = Ramp { start, end, end_weights: reweight.target.weights().to_vec() };
        Ok((ramp, call, start.minus(self.args.block_time)))
    }

    pub(super) fn simulated(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, simulated: Result<(u64, u64), SendFault>) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let (gas_limit, spent_below) = match simulated {
            Ok(simulated) => simulated,
            Err(SendFault::WouldRevert(why)) => return self.refuse(op, Refusal::WouldRevert(why)),
            Err(fault) => return self.refuse(op, Refusal::Unreachable(fault.to_string())),
        };
        operation.gas_limit = gas_limit;
        if self.args.blocks.read().is_none_or(|block| block.head.stamp.timestamp >= operation.deadline) {
            return self.refuse(op, Refusal::Unreachable("the simulation took until the deadline".to_owned()));
        }
        let fees = match self.market_fees(op) {
            Ok(fees) => fees,
            Err(refusal) => return self.refuse(op, refusal),
        };
        // The key's owner may have sent something by hand since the last order. A node can only know less than we do, or more: the nonce
        // goes up with it and never down.
        let Some(nonce) = self.next_nonce.map(|own| own.max(spent_below)) else { return self.refuse(op, Refusal::LaneNotReady) };
        self.next_nonce = nonce.checked_add(1);
        if let Some(operation) = self.operations.get_mut(&op) {
            operation.nonce = Some(nonce);
        }
        if self.attempt(myself, op, AttemptKind::First, fees) {
            self.last_sent = Some(self.args.clock.now());
        } else {
            self.next_nonce = Some(nonce);
            self.refuse(op, Refusal::Unreachable("the signer failed".to_owned()));
        }
    }

    fn market_fees(&self, op: OpId) -> Result<Fees, Refusal> {
        let operation = self.operations.get(&op).ok_or(Refusal::LaneNotReady)?;
        let gas = self.args.gas.read().ok_or_else(|| Refusal::Unknown("the price of gas".to_owned()))?;
        let cap = operation.cap(self.args.clock.now());
        Fees::initial(gas.base_fee, gas.tip, cap).map_err(|_| Refusal::GasAboveCap)
    }

    /// Signs and hands one attempt to the network. False when it could not be signed.
    pub(super) fn attempt(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, kind: AttemptKind, fees: Fees) -> bool {
        let Some(operation) = self.operations.get_mut(&op) else { return false };
        let Some(nonce) = operation.nonce else { return false };
        let draft = match kind {
            AttemptKind::First | AttemptKind::Replacement => {
                TxDraft { call: operation.call.clone(), nonce, fees, gas_limit: operation.gas_limit }
            }
            AttemptKind::Cancellation => {
                let call = Call { target: self.args.sender.address(), data: Bytes::new() };
                TxDraft { call, nonce, fees, gas_limit: CANCEL_GAS }
            }
        };
        let signed = match futures::FutureExt::now_or_never(self.args.sender.sign(&draft))
            .unwrap_or(Err(SendFault::Signer("slow".to_owned())))
        {
            Ok(signed) => signed,
            Err(fault) => {
                tracing::error!(%fault, "signing failed");
                return false;
            }
        };
        operation.record(kind, fees, signed.clone(), self.newest_block, self.args.clock.now());
        self.args.observer.record(Event::TxSent {
            pool: operation.order.pool.clone(),
            chain: self.args.chain.clone(),
            class: operation.class(),
            kind,
            hash: signed.hash,
            nonce,
            max_fee: fees.max_fee,
        });
        self.broadcast(myself, op, signed);
        true
    }

    pub(super) fn broadcast(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, signed: SignedTx) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        operation.broadcasts = operation.broadcasts.saturating_add(1);
        let span = spans::stage(operation.order.turn.span(), "broadcast");
        let (sender, myself) = (self.args.sender.clone(), myself.clone());
        tokio::spawn(
            async move {
                let silent = |_| Broadcast::MaybeSent(format!("no answer within {PATIENCE:?}"));
                let answer =
                    tokio::time::timeout(PATIENCE, sender.broadcast(&signed, Via::Public, None)).await.unwrap_or_else(silent);
                let _ = myself.cast(ExecutorMsg::Answered(op, signed.hash, answer));
            }
            .instrument(span),
        );
    }

    /// What a node says to a broadcast decides little: only a definite refusal of the only broadcast means that nothing was sent.
    pub(super) fn answered(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, hash: B256, answer: Broadcast) {
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.stage != Stage::Verifying) else {
            return;
        };
        match answer {
            Broadcast::Accepted | Broadcast::AlreadyKnown => {}
            Broadcast::MaybeSent(text) => tracing::warn!(%hash, text, "nobody knows whether the transaction was sent"),
            Broadcast::Underpriced => tracing::warn!(%hash, "the node holds a dearer transaction with this nonce"),
            Broadcast::NonceSpent => {
                operation.nonce_spent = true;
                self.look_for_receipts(myself, op);
            }
            Broadcast::Refused(why) if operation.broadcasts == 1 => {
                let freed = operation.nonce;
                // A nonce with others behind it cannot be given back: the gap is closed by a cancellation.
                if freed.and_then(|nonce| nonce.checked_add(1)) == self.next_nonce {
                    self.next_nonce = freed;
                    self.refuse(op, Refusal::Unreachable(why));
                } else {
                    self.cancel(myself, op);
                }
            }
            Broadcast::Refused(why) => tracing::warn!(%hash, why, "the node refuses this attempt"),
        }
    }
}
