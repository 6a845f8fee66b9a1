//! From facts to a decision. The facts are those of one block, and of a block that can show what the last order did.

use std::time::Duration;

use ractor::ActorRef;

use super::{Earning, Inquiry, PoolMsg, PoolState, recall};
use crate::actors::board::Board;
use crate::actors::facts::BlockFact;
use crate::domain::decide::{self, Decision, Facts, Hold, Latch, Rate};
use crate::domain::peg::{Peg, Trust};
use crate::domain::record::DecisionRecord;
use crate::domain::units::{WAD, Weight};
use crate::domain::volatility::Volatility;

/// How often the journal is asked whether a human wants something.
const ASK_FOR_WISHES_EVERY: Duration = Duration::from_secs(60);

/// What is known of the assets beyond their pegs, in the mandate's order.
struct Signals {
    deviations: Vec<Option<Weight>>,
    rates: Vec<Rate>,
    earns: Vec<Option<u64>>,
}

impl PoolState {
    /// Facts in, decision out, and on to the next stage.
    pub(super) fn evaluate(&mut self, myself: &ActorRef<PoolMsg>) {
        if self.memory.is_none() || self.defends() {
            return;
        }
        let under_way = !self.executing.is_empty();
        // A block that was read before the pool came says nothing of it.
        let block = self.args.blocks.read().filter(|block| self.args.lease.slot().is_in(block));
        // Before the first block there is nothing to conclude, and nothing that anybody should look at.
        if block.is_none() && self.last_told.is_none() {
            return;
        }
        if !under_way && self.must_wait_for_a_block(&block) {
            self.drop_turn();
            return;
        }
        self.look(&block);
        self.ask_for_wishes(myself);
        let pegs: Vec<Peg> = self.args.pegs.iter().map(Board::read).collect();
        if !under_way {
            self.meet();
            self.watch(&pegs);
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
        if matches!(decision, Decision::Hold(Hold::Latched(_) | Hold::AwaitingChain)) {
            self.ask_journal(myself);
        }
        self.show(&pegs, &decision);
        self.answer_episodes(&pegs, &decision);
        match decision {
            Decision::Act { trigger, plan, benefit } => self.act(myself, trigger, plan, benefit),
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
            let facts = self.args.position.facts(self.args.lease.slot().of(block), &block.head.stamp);
            if let Err(fault) = &facts {
                tracing::debug!(pool = %self.args.id, %fault, "position not read");
            }
            self.seen = facts.ok().map(|facts| (number, facts));
        }
    }

    /// Takes what a pool has at first sight as its own past.
    fn meet(&mut self) {
        let (Some(memory), Some((_, facts))) = (&mut self.memory, &self.seen) else { return };
        if memory.known.is_some() {
            return;
        }
        memory.known = Some(facts.controls.clone());
        let (at, controls) = (memory.first_seen, facts.controls.clone());
        let id = self.args.id.clone();
        self.write(move |journal| async move { journal.meet_pool(&id, at, &controls).await });
    }

    /// Asks the journal, every so often, whether a human wants something.
    fn ask_for_wishes(&mut self, myself: &ActorRef<PoolMsg>) {
        let now = self.args.clock.now();
        if self.asked_for_wishes.is_none_or(|asked| now.since(asked) >= ASK_FOR_WISHES_EVERY) {
            self.asked_for_wishes = Some(now);
            recall(&self.args, myself);
        }
    }

    /// Asks the journal, once a block, whether an operator has let go of the pool, or an operation of a former life has left it with
    /// the ramp that the chain shows.
    fn ask_journal(&mut self, myself: &ActorRef<PoolMsg>) {
        let block = self.seen.as_ref().map(|(number, _)| *number);
        if self.asked_journal_at != block {
            self.asked_journal_at = block;
            recall(&self.args, myself);
        }
    }

    /// Keeps what is measured over time: how restless the pegs are, the most that shares were worth, and since when what has lasted.
    fn watch(&mut self, pegs: &[Peg]) {
        if let (Some(rule), Some((_, facts))) = (self.args.policy.tilt.volatility, &self.seen) {
            for (volatility, peg) in self.volatility.iter_mut().zip(pegs) {
                if let (Trust::Trusted, Some(level)) = (peg.trust, peg.level) {
                    volatility.observe(facts.block.timestamp, level, &rule);
                }
            }
        }
        let signals = self.signals();
        for (best, rate) in self.best_rates.iter_mut().zip(&signals.rates) {
            if let Rate::Share(rate) = rate {
                *best = (*best).max(*rate);
            }
        }
        let Some(mut memory) = self.memory.take() else { return };
        memory.watch(&self.facts(pegs, &signals), &self.args.policy, &self.args.mandate);
        self.memory = Some(memory);
    }

    /// What is known of the assets beyond their pegs, by the block of the position.
    fn signals(&self) -> Signals {
        let (now, block) = (self.args.clock.now(), self.seen.as_ref().map(|(_, facts)| facts.block.hash));
        let deviation = |volatility: &Volatility| volatility.of_a_day(now, self.args.policy.tilt.volatility.as_ref()?);
        let best = |at: usize| self.best_rates.get(at).copied().unwrap_or_default();
        let rate = |(at, earning): (usize, &Earning)| match &earning.boards {
            _ if !earning.share => Rate::Par,
            None => Rate::Unknown,
            Some(boards) => boards.share.look(|share| match share {
                Ok(share) if Some(share.block) == block => Rate::of(share.rate.wad(), best(at)),
                Ok(_) => Rate::Late,
                Err(_) => Rate::Unknown,
            }),
        };
        let earns = |earning: &Earning| {
            let fact = earning.boards.as_ref()?.yields.look(|fact| fact.yields.as_ref().ok().map(|found| found.smooth))?;
            u64::try_from(fact.wad() / (WAD / 10_000)).ok()
        };
        Signals {
            deviations: self.volatility.iter().map(deviation).collect(),
            rates: self.args.earnings.iter().enumerate().map(rate).collect(),
            earns: self.args.earnings.iter().map(earns).collect(),
        }
    }

    fn facts<'a>(&'a self, pegs: &'a [Peg], signals: &'a Signals) -> Facts<'a> {
        let gas = self.args.gas.read();
        Facts {
            now: self.args.clock.now(),
            position: self.seen.as_ref().map(|(_, facts)| facts),
            pegs,
            rates: &signals.rates,
            earns: &signals.earns,
            deviations: &signals.deviations,
            max_age: self.args.max_age,
            block_time: self.args.block_time,
            gas: gas.map(|gas| gas.price()),
            ether: gas.and_then(|gas| gas.ether),
            needs: self.args.position.gas_needs(),
            treasury: self.args.executors.treasury.is_some(),
        }
    }

    /// The decision of this moment with all that is behind it, to be kept.
    pub(super) fn record_of(&self, pegs: &[Peg], topic: &str) -> Option<DecisionRecord> {
        let memory = self.memory.as_ref()?;
        let signals = self.signals();
        let facts = self.facts(pegs, &signals);
        let deliberation = decide::deliberate(&facts, memory, &self.args.policy, &self.args.mandate);
        Some(DecisionRecord::of(&deliberation, topic.to_owned(), &facts, &self.args.mandate))
    }

    fn decide(&self, pegs: &[Peg]) -> Decision {
        let Some(memory) = &self.memory else { return Decision::Hold(Hold::BlocksDiffer) };
        let signals = self.signals();
        decide::decide(&self.facts(pegs, &signals), memory, &self.args.policy, &self.args.mandate)
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
