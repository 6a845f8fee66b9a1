//! From the network into a block: at each block the receipts of all attempts are looked for, what is slow is pushed, what is late is
//! taken back. One endpoint's receipt is enough when its block is on the chain; that there is none is proven by several of them over
//! several blocks, and even then nothing is ever sent under a second nonce: the lane stands still and a human looks.

use ractor::ActorRef;

use super::ending::Verified;
use super::operation::Stage;
use super::{ExecutorMsg, ExecutorState, OpId, in_time, watched, written};
use crate::crash;
use crate::domain::finality::Finality;
use crate::domain::operation::{Entry, Fate, Landing, OperationId, State, Step};
use crate::domain::outcome::Refusal;
use crate::domain::position::PositionFacts;
use crate::domain::route::Via;
use crate::domain::truth::{Absence, AbsenceRule, Look};
use crate::ports::{Journal, JournalFault, Receipt, SendFault, Sighting};
use backon::{ExponentialBuilder, Retryable};

/// How often to try again to read a position back, after 1 s, 2 s, 4 s and 8 s: a node may have announced a block that it cannot
/// serve yet.
const READ_BACK_AGAIN: usize = 4;
/// After this many blocks in which no endpoint had a receipt for a spent nonce it was not spent by us, where the chain's own finality
/// does not take longer.
const LEAST_BLOCKS_OF_ABSENCE: u32 = 10;
/// The same where the chain says what is final: two epochs of Ethereum.
const EPOCHS_OF_ABSENCE: u32 = 64;

impl ExecutorState {
    pub(super) fn block_moved(&mut self, myself: &ActorRef<ExecutorMsg>) {
        let Some(block) = self.args.blocks.read() else { return };
        let (number, hash) = (block.head.stamp.number, block.head.stamp.hash);
        if (number, hash) == self.newest {
            return;
        }
        let follows = (number, block.head.parent) == (self.newest.0.saturating_add(1), self.newest.1);
        if self.newest.0 == 0 {
            // What was taken up before the first block counts its blocks from here.
            for operation in self.operations.values_mut() {
                operation.first_block = number;
                operation.touched(number);
            }
        }
        self.newest = (number, hash);
        self.settle_strangers();
        self.ask_for_wishes(myself);
        for op in self.in_order() {
            self.see_to(myself, op);
        }
        self.look_at_landed(myself, follows);
    }

    /// What a new block means for one operation.
    fn see_to(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let (late, number) = (self.lateness(op) == Some(true), self.newest.0);
        let Some(operation) = self.operations.get(&op) else { return };
        match operation.stage {
            Stage::Beginning | Stage::Blocked if late => {
                self.refuse(op, Refusal::Unreachable("the simulation took until the deadline".to_owned()));
            }
            Stage::Watching => {
                let due = operation.blocks_since_attempt(number) >= self.args.bump_after_blocks;
                let (cancelling, resend) = (operation.cancelling(), operation.resend);
                let wanted_back = late || operation.yields_at.is_some();
                match operation.state() {
                    Some(State::Prepared) if operation.writing => return,
                    Some(State::Prepared) => return self.relaunch(myself, op),
                    Some(State::InFlight | State::Cancelling) => {}
                    _ => return self.look_for_receipts(myself, op),
                }
                self.look_for_receipts(myself, op);
                // Before it is known that it is not in a block, what was left behind is not touched.
                if resend || self.is_spent(op) {
                    return;
                }
                let goes_public = self.goes_public(op);
                if wanted_back && !cancelling {
                    self.take_back(myself, op);
                } else if due || goes_public {
                    self.push(myself, op);
                }
            }
            _ => {}
        }
    }

    /// Whether what went by the relay so far has had its blocks there.
    fn goes_public(&self, op: OpId) -> bool {
        let Some(operation) = self.operations.get(&op) else { return false };
        let way = operation.way(*self.args.routes.get(operation.class), self.newest.0);
        operation.went == Some(Via::Private) && way == Via::Public && !operation.cancelling()
    }

    /// Whether the endpoints say that its nonce is gone: no attempt of ours can take it again.
    fn is_spent(&self, op: OpId) -> bool {
        self.operations.get(&op).is_some_and(|operation| operation.absence.as_ref().is_some_and(|absence| absence.heights() > 0))
    }

    /// Asks for the receipts of all attempts: any of them may be the one that is included.
    pub(super) fn look_for_receipts(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        let (sender, myself) = (self.args.sender.clone(), myself.clone());
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| !operation.looking) else { return };
        let hashes = operation.hashes();
        operation.looking = true;
        watched(myself.clone(), async move {
            let sighting = in_time(sender.sight(&hashes)).await;
            let _ = myself.cast(ExecutorMsg::Looked(op, sighting));
        });
    }

    pub(super) fn looked(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, sighting: &Result<Sighting, SendFault>) {
        let endpoints = self.args.sender.endpoints();
        let (late, blocks) = (self.lateness(op), self.blocks_of_absence());
        let Some(operation) = self.operations.get_mut(&op) else { return };
        operation.looking = false;
        if operation.stage != Stage::Watching {
            return;
        }
        let Some(nonce) = operation.nonce() else { return };
        match *sighting {
            // Before the inclusion is written down nothing else may be.
            Ok(Sighting::Included { .. }) if operation.writing => {}
            Ok(Sighting::Included { hash, receipt, head }) => {
                let fate = match (operation.is_cancellation(hash), receipt.success) {
                    (true, _) => Fate::Cancelled,
                    (false, true) => Fate::CarriedOut,
                    (false, false) => Fate::Reverted,
                };
                let Receipt { cost, .. } = receipt;
                self.land(myself, op, Landing { hash, block: head.stamp, fate, cost });
            }
            // No receipt proves nothing while the nonce is free, and an error proves nothing at all: the next block asks again.
            Ok(Sighting::Absent { witnesses, height, next_nonce }) => {
                let rule = AbsenceRule::of(endpoints, blocks);
                let absence = operation.absence.get_or_insert_with(|| Absence::new(rule, nonce));
                let proven = absence.look(Look { witnesses, height, next_nonce });
                if proven && operation.state() != Some(State::Quarantined) {
                    self.quarantine(myself, op);
                } else if operation.resend && operation.is_launched() && next_nonce <= nonce && witnesses > 0 {
                    // A former life, or a block that is gone, has left it: in time the same bytes go out again.
                    let late = if operation.cancelling() { Some(false) } else { late };
                    operation.resend = late.is_none();
                    match late {
                        Some(false) => self.broadcast(myself, op),
                        Some(true) => self.take_back(myself, op),
                        // The first block decides.
                        None => {}
                    }
                }
            }
            Err(_) => {
                if let Some(absence) = &mut operation.absence {
                    absence.broken();
                }
            }
        }
    }

    fn blocks_of_absence(&self) -> u32 {
        match self.args.finality {
            Finality::Tag => EPOCHS_OF_ABSENCE,
            Finality::Depth(depth) => u32::try_from(depth).unwrap_or(u32::MAX).max(LEAST_BLOCKS_OF_ABSENCE),
        }
    }

    /// Reads the position back at the block that includes the transaction, and writes the inclusion down together with what
    /// it set (C7): before anyone can see the lane free, a pool that comes back must find that accounted for.
    pub(super) fn land(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, landing: Landing) {
        let Some(pen) = self.pen else { return };
        let (sender, journal, clock, myself) =
            (self.args.sender.clone(), self.args.journal.clone(), self.args.clock.clone(), myself.clone());
        let Some(operation) = self.operations.get_mut(&op) else { return };
        let Some(record) = operation.record.clone() else { return };
        operation.stage = Stage::Landing;
        if let Some(order) = &operation.order {
            drop(crate::observe::spans::stage(order.turn.span(), "included"));
        }
        let (position, unwound, stranger) = (operation.position.clone(), operation.unwound, operation.order.is_none());
        watched(myself.clone(), async move {
            crash::reach("c7-before");
            let read_back = || async {
                let Some(position) = &position else { return Err("its pool is not configured any more".to_owned()) };
                let read = in_time(sender.read(landing.block.hash, &position.calls())).await;
                let answers = read.map_err(|fault| fault.to_string())?;
                position.facts(&answers, &landing.block).map_err(|fault| fault.to_string())
            };
            let facts: Result<PositionFacts, String> =
                read_back.retry(ExponentialBuilder::default().with_max_times(READ_BACK_AGAIN)).when(|_| position.is_some()).await;
            // A position that cannot be read at a block that is gone says nothing of what was done there. Whoever concluded from it that
            // another ramp was made would hold the pool for a human because of a reorganisation.
            let unread = facts.is_err() && position.is_some() && record.state != State::Included;
            if unread && !matches!(in_time(sender.head(landing.block.hash)).await, Ok(Some(_))) {
                let _ = myself.cast(ExecutorMsg::Vanished(op));
                return;
            }
            let included = async {
                // The write was said to have failed, and had not.
                if record.state == State::Included {
                    return Ok(record);
                }
                // After a reorganisation whatever is there is the last word on what we have done. Of what a former life has left only
                // the journal knows whether there was one.
                let ours =
                    landing.fate == Fate::CarriedOut || unwound || (stranger && was_unwound(&*journal, &record.id).await?);
                let controls = facts.as_ref().ok().map(|facts| facts.controls.clone()).filter(|_| ours);
                let entry = Entry::Include { landing, controls };
                written(journal.commit(&pen, &record.id, record.seq, &entry, clock.now())).await
            };
            let record = included.await;
            crash::reach("c7-after");
            let _ = myself.cast(ExecutorMsg::Verified(op, Box::new(Verified { landing, facts, record })));
        });
    }
}

impl ExecutorState {
    /// The block of a receipt is gone, or nobody can say. The next look finds it there again, or in another one; in between the same
    /// bytes go out again.
    pub(super) fn vanished(&mut self, op: OpId) {
        let Some(operation) = self.operations.get_mut(&op).filter(|operation| operation.stage == Stage::Landing) else { return };
        operation.stage = Stage::Watching;
        operation.resend = true;
        operation.absence = None;
    }
}

/// Whether an operation was in a block that is gone.
async fn was_unwound(journal: &dyn Journal, id: &OperationId) -> Result<bool, JournalFault> {
    let log = written(journal.log(id)).await?;
    Ok(log.iter().any(|line| line.step == Step::Unwind.label()))
}
