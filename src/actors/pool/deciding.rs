//! From facts to a decision. The facts are those of one block, and of a block that can show what the last order did.

use ractor::ActorRef;

use super::{Inquiry, PoolMsg, PoolState, recall};
use crate::actors::board::Board;
use crate::actors::facts::BlockFact;
use crate::domain::decide::{self, Decision, Facts, Hold, Latch};
use crate::domain::peg::Peg;

impl PoolState {
    /// Facts in, decision out, and on to the next stage.
    pub(super) fn evaluate(&mut self, myself: &ActorRef<PoolMsg>) {
        if self.memory.is_none() || self.defends() {
            return;
        }
        let under_way = !self.executing.is_empty();
        let block = self.args.blocks.read();
        // Before the first block there is nothing to conclude, and nothing that anybody should look at.
        if block.is_none() && self.last_told.is_none() {
            return;
        }
        if !under_way && self.must_wait_for_a_block(&block) {
            self.drop_turn();
            return;
        }
        self.look(&block);
        let pegs: Vec<Peg> = self.args.pegs.iter().map(Board::read).collect();
        if !under_way {
            self.meet();
            self.track_composition(&pegs);
        }
        let decision = self.decide(&pegs);
        // An order for a lesser cause is on its way, and the chain may show it or not: only a defence is thought of beside it.
        if under_way && !matches!(&decision, Decision::Act { trigger, .. } if trigger.class().is_protective()) {
            if !matches!(decision, Decision::Hold(Hold::BlocksDiffer)) {
                self.drop_turn();
            }
            return;
        }
        match &decision {
            Decision::Hold(Hold::BlocksDiffer) => return,
            Decision::Hold(Hold::Latched(Latch::ForeignChange)) => match self.inquiry {
                Inquiry::None => {
                    self.inquiry = Inquiry::Asked;
                    recall(&self.args, myself);
                    return;
                }
                Inquiry::Asked => return,
                Inquiry::Answered => self.latch(Latch::ForeignChange),
            },
            _ => self.inquiry = Inquiry::None,
        }
        if matches!(decision, Decision::Hold(Hold::Latched(_))) {
            self.ask_release(myself);
        }
        self.show(&pegs, &decision);
        self.answer_episodes(&pegs, &decision);
        match decision {
            Decision::Act { trigger, plan } => self.act(myself, trigger, plan),
            Decision::Hold(hold) => self.hold(&hold),
        }
    }

    /// Before the block of the last order the chain cannot show it. While the lane carries an order that a former life of this pool
    /// or of the executor gave, whatever moves is its doing, and a later block shows what.
    fn must_wait_for_a_block(&mut self, block: &BlockFact) -> bool {
        let Some(number) = block.as_ref().map(|block| block.head.stamp.number) else { return false };
        // At the start of the process a former life may have something on its way. That is known in a moment.
        if self.args.lanes.are_unknown() {
            return true;
        }
        let carried = self.args.lanes.carry(&self.args.id);
        if carried {
            self.not_before_block = self.not_before_block.max(number.saturating_add(1));
        }
        carried || number < self.not_before_block
    }

    /// Decodes the position from the block, once a block.
    fn look(&mut self, block: &BlockFact) {
        let Some(block) = block else {
            self.seen = None;
            return;
        };
        let number = block.head.stamp.number;
        let fresh = self.seen.as_ref().is_none_or(|(_, facts)| facts.block.hash != block.head.stamp.hash);
        if fresh {
            let facts = self.args.position.facts(self.args.slot.of(&block.answers), &block.head.stamp);
            if let Err(fault) = &facts {
                tracing::debug!(pool = %self.args.id, %fault, "position not read");
            }
            self.seen = facts.ok().map(|facts| (number, facts));
        }
    }

    /// Takes the ramp that a pool has at first sight as its own past.
    fn meet(&mut self) {
        let (Some(memory), Some((_, facts))) = (&mut self.memory, &self.seen) else { return };
        if memory.known_ramp.is_some() {
            return;
        }
        memory.known_ramp = Some(facts.ramp.clone());
        let (at, ramp) = (memory.first_seen, facts.ramp.clone());
        let id = self.args.id.clone();
        self.write(move |journal| async move { journal.meet_pool(&id, at, &ramp).await });
    }

    /// Asks the journal, once a block, whether an operator has let go of the pool.
    fn ask_release(&mut self, myself: &ActorRef<PoolMsg>) {
        let block = self.seen.as_ref().map(|(number, _)| *number);
        if self.asked_release_at != block {
            self.asked_release_at = block;
            recall(&self.args, myself);
        }
    }

    fn track_composition(&mut self, pegs: &[Peg]) {
        let (Some(memory), Some((_, facts))) = (&mut self.memory, &self.seen) else { return };
        let drift = decide::composition_drift(facts, pegs, &self.args.mandate).map(|(_, drift)| drift);
        match drift {
            Some(drift) if drift > self.args.policy.composition.threshold => {
                memory.composition_off_since.get_or_insert(facts.block.timestamp);
            }
            // Without prices nothing is known of the composition: the clock that runs keeps running, a new one does not start.
            None => {}
            Some(_) => memory.composition_off_since = None,
        }
    }

    fn decide(&self, pegs: &[Peg]) -> Decision {
        let Some(memory) = &self.memory else { return Decision::Hold(Hold::BlocksDiffer) };
        let gas = self.args.gas.read();
        let facts = Facts {
            now: self.args.clock.now(),
            position: self.seen.as_ref().map(|(_, facts)| facts),
            pegs,
            max_age: self.args.max_age,
            block_time: self.args.block_time,
            gas: gas.map(|gas| gas.price()),
            ether: gas.and_then(|gas| gas.ether),
        };
        decide::decide(&facts, memory, &self.args.policy, &self.args.mandate)
    }

    pub(super) fn latch(&mut self, latch: Latch) {
        let Some(memory) = &mut self.memory else { return };
        if memory.latch.is_none() {
            memory.latch = Some(latch.clone());
            let id = self.args.id.clone();
            self.write(move |journal| async move { journal.latch_pool(&id, &latch).await });
        }
    }
}
