//! From the network to the end: receipts, replacements, cancellations, and what became of it all.

use alloy_primitives::B256;
use backon::{ExponentialBuilder, Retryable};
use ractor::ActorRef;

use super::operation::{Operation, Order, Stage};
use super::{ExecutorMsg, ExecutorState, Fate, OpId, PATIENCE, in_time};
use crate::domain::fees::{Bump, Fees};
use crate::domain::outcome::{Inclusion, Outcome, Refusal};
use crate::domain::plan::Plan;
use crate::domain::position::{PositionFacts, Ramp};
use crate::observe::Event;
use crate::observe::event::{AttemptKind, Settlement};
use crate::ports::{Head, JournalFault, Receipt, SendFault, Sighting, TransactionSender};

/// How often to try again to read a ramp back, after 1 s, 2 s, 4 s and 8 s: a node may have announced a block that it cannot serve
/// yet.
const READ_BACK_AGAIN: usize = 4;
/// After this many blocks in which no node had a receipt for a spent nonce it was not spent by us.
const BLOCKS_TO_FIND_A_RECEIPT: u64 = 10;

impl ExecutorState {
    pub(super) fn block_moved(&mut self, myself: &ActorRef<ExecutorMsg>) {
        let Some(block) = self.args.blocks.read() else { return };
        let (number, time) = (block.head.stamp.number, block.head.stamp.timestamp);
        self.note_block(myself, number);
        let all: Vec<OpId> = self.operations.keys().copied().collect();
        for op in all {
            let Some(operation) = self.operations.get(&op) else { continue };
            let late = time >= operation.deadline;
            match operation.stage {
                Stage::Simulating if late => {
                    self.refuse(op, Refusal::Unreachable("the simulation took until the deadline".to_owned()));
                }
                Stage::Simulating | Stage::Verifying => {}
                Stage::InFlight | Stage::Cancelling => {
                    let due = operation.blocks_since_attempt(number) >= self.args.bump_after_blocks;
                    let (cancelling, spent) = (operation.cancelling(), operation.nonce_spent);
                    self.look_for_receipts(myself, op);
                    if spent {
                        // Whatever took the nonce, no attempt of ours can take it again.
                    } else if late && !cancelling {
                        self.cancel(myself, op);
                    } else if due {
                        self.push(myself, op);
                    }
                }
            }
        }
    }

    /// Raises the fee of what is in flight; at the cap it sends the same bytes again, since the node may have dropped them.
    fn push(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let Some(last) = operation.attempts.last() else { return };
        let cancelling = operation.cancelling();
        let cap = if cancelling { self.args.cancel_cap } else { operation.cap(self.args.clock.now()) };
        let (old, signed) = (last.fees, last.signed.clone());
        let market = self.args.gas.read().and_then(|gas| Fees::initial(gas.base_fee, gas.tip, cap).ok()).unwrap_or(old);
        let (kind, fees) = match Fees::bump(&old, &market, cap) {
            Bump::Replace(fees) if cancelling => (AttemptKind::Cancellation, fees),
            Bump::Replace(fees) => (AttemptKind::Replacement, fees),
            // A node that still holds the order will not take so cheap a cancellation; one that has dropped it will. The order
            // itself is not sent again: it would come too late.
            Bump::AtCap if cancelling && last.kind != AttemptKind::Cancellation => {
                (AttemptKind::Cancellation, Fees { max_fee: cap, tip: old.tip.min(cap) })
            }
            Bump::AtCap => {
                operation.touched(self.newest_block);
                return self.broadcast(myself, op, signed);
            }
        };
        self.attempt(myself, op, kind, fees);
    }

    pub(super) fn cancel(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        operation.stage = Stage::Cancelling;
        self.push(myself, op);
    }

    /// Asks for the receipts of all attempts: any of them may be the one that is included.
    pub(super) fn look_for_receipts(&self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let Some(operation) = self.operations.get(&op) else { return };
        let hashes: Vec<B256> = operation.attempts.iter().rev().map(|attempt| attempt.signed.hash).collect();
        let (sender, myself) = (self.args.sender.clone(), myself.clone());
        tokio::spawn(async move {
            let found = in_time(find_receipt(sender.as_ref(), &hashes)).await;
            let _ = myself.cast(ExecutorMsg::Looked(op, found));
        });
    }

    pub(super) fn looked(
        &mut self,
        myself: &ActorRef<ExecutorMsg>,
        op: OpId,
        found: &Result<Option<(B256, Receipt, Head)>, SendFault>,
    ) {
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.in_flight()) else { return };
        let (hash, receipt, head) = match found {
            Ok(Some(found)) => *found,
            // No receipt proves nothing while the nonce is free, and an error proves nothing at all: the next block asks again.
            Ok(None) if operation.nonce_spent => {
                operation.fruitless = operation.fruitless.saturating_add(1);
                if operation.fruitless > BLOCKS_TO_FIND_A_RECEIPT {
                    // An alarm, never a second send: the nonce is the only thing that keeps this order from being carried out
                    // twice.
                    self.refuse(op, Refusal::NonceTaken);
                    self.recover(myself);
                }
                return;
            }
            Ok(None) | Err(_) => return,
        };
        operation.stage = Stage::Verifying;
        drop(crate::observe::spans::stage(operation.order.turn.span(), "included"));
        let ether = self.args.gas.read().and_then(|gas| gas.ether);
        let inclusion = Inclusion {
            tx: hash,
            nonce: operation.nonce.unwrap_or_default(),
            block: head.stamp,
            cost: receipt.cost,
            cost_usd: ether.and_then(|ether| receipt.cost.usd(ether)),
            sent_at: operation.first_sent.unwrap_or(head.stamp.timestamp),
            attempts: u32::try_from(operation.attempts.len()).unwrap_or(u32::MAX),
        };
        let fate = match (operation.is_cancellation(hash), receipt.success) {
            (true, _) => Fate::Cancelled,
            (false, true) => Fate::CarriedOut,
            (false, false) => Fate::Reverted,
        };
        self.verify(myself, op, inclusion, fate);
    }

    /// Reads the position back at the block that includes the transaction, and accounts for the ramp that it made.
    fn verify(&self, myself: &ActorRef<ExecutorMsg>, op: OpId, inclusion: Inclusion, fate: Fate) {
        let Some(operation) = self.operations.get(&op) else { return };
        let (sender, journal, myself) = (self.args.sender.clone(), self.args.journal.clone(), myself.clone());
        let (position, pool, observer) =
            (operation.order.position.clone(), operation.order.pool.clone(), self.args.observer.clone());
        tokio::spawn(async move {
            let read_back = || async {
                let read = in_time(sender.read(inclusion.block.hash, &position.calls())).await;
                let answers = read.map_err(|fault| fault.to_string())?;
                position.facts(&answers, &inclusion.block).map_err(|fault| fault.to_string())
            };
            let facts = read_back.retry(ExponentialBuilder::default().with_max_times(READ_BACK_AGAIN)).await;
            if let (Ok(facts), Fate::CarriedOut) = (&facts, fate) {
                // Before anyone can see the lane free: a pool that comes back must find the ramp accounted for.
                let silent = |_| Err(JournalFault::Failed(format!("no answer within {PATIENCE:?}")));
                let accounted = tokio::time::timeout(PATIENCE, journal.account_ramp(&pool, &facts.ramp)).await;
                if let Err(fault) = accounted.unwrap_or_else(silent) {
                    observer.record(Event::JournalFailed { fault: fault.to_string() });
                }
            }
            let _ = myself.cast(ExecutorMsg::Verified(op, Box::new((inclusion, fate, facts))));
        });
    }

    pub(super) fn verified(&mut self, op: OpId, (inclusion, fate, facts): (Inclusion, Fate, Result<PositionFacts, String>)) {
        let Some(operation) = self.operations.remove(&op) else { return };
        let outcome = match fate {
            Fate::Cancelled => Outcome::Cancelled(inclusion),
            Fate::Reverted => Outcome::Reverted(inclusion),
            Fate::CarriedOut => match operation.difference(&facts) {
                None => Outcome::Done(inclusion),
                Some(difference) => Outcome::Deviates { inclusion, difference },
            },
        };
        let ramp = facts.ok().map(|facts| facts.ramp).filter(|_| fate == Fate::CarriedOut);
        self.settle(operation, outcome, ramp);
    }

    pub(super) fn refuse(&mut self, op: OpId, refusal: Refusal) {
        if let Some(operation) = self.operations.remove(&op) {
            self.settle(operation, Outcome::Refused(refusal), None);
        }
    }

    /// Tells everyone how it ended, and gives the turn back. The lane is shown free before the turn drops, and after the end has been
    /// told: a process that shuts down waits for the lane.
    pub(super) fn settle(&self, operation: Operation, outcome: Outcome, ramp: Option<Ramp>) {
        let Order { pool, assets, trigger, before, triggered_at, triggered_uptime, turn, reply_to, plan, .. } = operation.order;
        let Plan::Reweight(reweight) = plan;
        let link =
            outcome.inclusion().and_then(|inclusion| self.args.explorer.as_ref().map(|base| format!("{base}{}", inclusion.tx)));
        turn.span().record("outcome", outcome.label());
        self.args.observer.record(Event::Settled(Box::new(Settlement {
            pool,
            chain: self.args.chain.clone(),
            trigger,
            assets,
            before,
            target: reweight.target.weights().to_vec(),
            ramp: reweight.duration,
            outcome: outcome.clone(),
            triggered_at,
            took: self.args.clock.uptime().saturating_sub(triggered_uptime),
            link,
        })));
        self.show();
        reply_to.settled(outcome, ramp, turn);
    }
}

async fn find_receipt(sender: &dyn TransactionSender, hashes: &[B256]) -> Result<Option<(B256, Receipt, Head)>, SendFault> {
    Ok(match sender.sight(hashes).await? {
        Sighting::Included { hash, receipt, head } => Some((hash, receipt, head)),
        Sighting::Absent { .. } => None,
    })
}
