//! What the bot does: it looks, decides, waits for gas that it may pay, and its transactions are included some blocks later.

use super::resting::{Quiet, Rest, Yields};
use super::{Flight, Pace, Run, RunFault, lead};
use crate::backtest::trial::course::Act;
use crate::backtest::trial::ledger::dollars;
use crate::backtest::trial::pegs::BLOCK;
use crate::domain::decide::{self, Decision, Facts, Hold};
use crate::domain::gas::GasCap;
use crate::domain::moves::turnover;
use crate::domain::peg::Trust;
use crate::domain::plan::{Exit, Plan};
use crate::domain::policy::Policy;
use crate::domain::position::BlockStamp;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{GasCost, Timestamp, Usd, Weight};
use crate::simulation::pool::Span;

/// Units of gas of a cancellation.
const CANCEL_GAS: u64 = 21_000;

impl Run<'_> {
    /// Facts in, decision out, as in production once a block; here once a tick, because nothing is known in between.
    pub(super) fn look(&mut self, tick: usize, now: Timestamp) -> Result<(), RunFault> {
        let Some(policy) = self.policy else { return Ok(()) };
        let pegs_moved = self.view.go_to(tick, now);
        // Nothing is decided beside a defence; beside anything else only a defence is thought of, and nothing is measured.
        if self.flights.iter().any(|flight| flight.trigger.class().is_protective()) {
            self.rest = None;
            return Ok(());
        }
        let waits = !self.flights.is_empty();
        let deviations = self.deviations(policy, now, waits);
        let earns: Vec<Option<u64>> = self.world.earns.iter().map(|earns| earns.at(tick).copied().flatten()).collect();
        let yields = Yields::of(earns.clone(), policy, &self.setup.mandate);
        let idle = self.how.pace == Pace::WhenItMatters && !pegs_moved && !waits;
        if idle && self.rests(policy, now, &yields, &deviations) {
            return Ok(());
        }
        self.rest = None;
        let block = BlockStamp { number: u64::try_from(tick).unwrap_or(u64::MAX), hash: BLOCK, timestamp: now };
        let position = self.pool.facts(block, self.shares).map_err(|fault| RunFault::Maths { at: now, fault })?;
        let facts = Facts {
            now,
            position: Some(&position),
            pegs: &self.view.pegs,
            rates: &[],
            earns: &earns,
            deviations: &deviations,
            max_age: self.setup.max_age,
            block_time: self.setup.block_time,
            gas: Some(self.gas.price),
            ether: Some(self.gas.ether),
            needs: self.setup.needs,
            treasury: true,
        };
        if !waits {
            self.memory.watch(&facts, policy, &self.setup.mandate);
        }
        let decision = decide::decide(&facts, &self.memory, policy, &self.setup.mandate);
        match decision {
            Decision::Act { trigger, .. } if waits && !trigger.class().is_protective() => {}
            Decision::Act { trigger, plan, benefit } => {
                let code = trigger.code();
                self.say(now, code, || format!("{trigger}: {}", plan.words()));
                let wanted = (&trigger, self.setup.needs.of(&plan), benefit);
                let rest = Rest::asking(wanted, &yields, self.quiet(policy, now));
                if !self.ask(policy, trigger, plan, benefit, now) {
                    self.rest = rest;
                }
            }
            Decision::Hold(hold) => {
                self.say(now, hold.label(), || hold.to_string());
                self.asking = None;
                let stance = self.stance(policy, &yields, &deviations);
                self.rest = Rest::on(&hold, &yields, stance, self.quiet(policy, now));
                if let Hold::OnTarget(served) = &hold {
                    self.memory.schedule_served = served.slot.or(self.memory.schedule_served);
                    self.memory.manual_served = served.wish.or(self.memory.manual_served);
                }
            }
        }
        Ok(())
    }

    /// Takes the levels of this tick in, unless something is on its way, and says how restless the pegs are.
    fn deviations(&mut self, policy: &Policy, now: Timestamp, waits: bool) -> Vec<Option<Weight>> {
        let Some(rule) = &policy.tilt.volatility else { return vec![None; self.volatility.len()] };
        if !waits {
            for (volatility, peg) in self.volatility.iter_mut().zip(&self.view.pegs) {
                if let (Trust::Trusted, Some(level)) = (peg.trust, peg.level) {
                    volatility.observe(now, level, rule);
                }
            }
        }
        self.volatility.iter().map(|volatility| volatility.of_a_day(now, rule)).collect()
    }

    fn quiet<'b>(&self, policy: &'b Policy, now: Timestamp) -> Quiet<'b> {
        Quiet { policy, now, gap: self.memory.yield_gap_since }
    }

    /// What a class may pay: the cap stands from when it was first asked for until its deadline.
    pub(super) fn cap(&self, policy: &Policy, class: Class, gas_used: u64, benefit: Option<Usd>, now: Timestamp) -> GasCap {
        match self.asking {
            Some((asked, cap)) if asked == class && !cap.expired(now) => cap,
            _ => policy.cap(class, gas_used, benefit, Some(self.gas.ether), now),
        }
    }

    /// Gas is too dear.
    pub(super) fn waits(&mut self, class: Class, cap: GasCap) {
        self.asking = Some((class, cap));
        self.course.waits = self.course.waits.saturating_add(1);
    }

    /// Sends when gas may be paid. Says whether it may.
    fn ask(&mut self, policy: &Policy, trigger: Trigger, plan: Plan, benefit: Option<Usd>, now: Timestamp) -> bool {
        let class = trigger.class();
        let cap = self.cap(policy, class, self.setup.needs.of(&plan), benefit, now);
        if self.gas.price > cap.at(now) {
            self.waits(class, cap);
            return false;
        }
        self.asking = None;
        let span = plan.timing().map_or_else(Span::default, |timing| {
            let start = now.plus(timing.lead);
            let end = start.plus(timing.duration);
            Span { start: start.secs(), end: end.plus(std::time::Duration::from_millis(999)).secs() }
        });
        let lands = now.plus(lead(self.setup)).secs();
        self.flights.push(Flight { trigger, plan, benefit, span, lands });
        true
    }

    /// Includes what is due. Says whether anything was.
    pub(super) fn land(&mut self, now: Timestamp) -> Result<bool, RunFault> {
        let due: Vec<Flight> = self.flights.extract_if(.., |flight| flight.lands <= now.secs()).collect();
        for flight in &due {
            self.include(flight, now)?;
        }
        Ok(!due.is_empty())
    }

    fn include(&mut self, flight: &Flight, now: Timestamp) -> Result<(), RunFault> {
        let Flight { trigger, plan, benefit, span, .. } = flight;
        // What runs in time and was not included before its start is taken back.
        let late = plan.timing().is_some() && span.start < now.secs();
        let gas_used = if late { CANCEL_GAS } else { self.setup.needs.of(plan) };
        let paid = self.ledger.pay(GasCost { gas_used, price: self.gas.price }, self.gas.ether);
        self.spent = dollars(self.ledger.gas().1);
        let done = !late && self.carry_out(plan, *span, now)?;
        if done {
            self.memory.account(&self.pool.controls(), now, trigger.class().is_protective());
            if let Trigger::Schedule { due } = trigger {
                self.memory.schedule_served = Some(*due);
            }
        }
        let outcome = match (late, done) {
            (true, _) => "cancelled",
            (false, true) => "done",
            (false, false) => "slipped",
        };
        self.course.acts.push(Act {
            at: now,
            trigger: trigger.code(),
            plan: plan.label(),
            line: format!("{trigger}: {}", plan.words()),
            outcome,
            gas_gwei: self.gas.price.as_gwei(),
            gas_usd: dollars(paid),
            expected: benefit.map(Usd::as_f64),
        });
        Ok(())
    }

    /// Does what a plan says. `false` when its own bounds refuse it.
    fn carry_out(&mut self, plan: &Plan, span: Span, now: Timestamp) -> Result<bool, RunFault> {
        match plan {
            Plan::Exit(exit) => self.leave(exit, now),
            // The treasury of a trial has no coins to trade with, so that no swap is ever planned.
            Plan::Swap(_) => Ok(false),
            plan => {
                let fault = |fault| RunFault::Maths { at: now, fault };
                if let Plan::Reweight(reweight) = plan {
                    let block = BlockStamp { number: 0, hash: BLOCK, timestamp: now };
                    let from = self.pool.facts(block, self.shares).map_err(fault)?.weights;
                    self.course.turnover += turnover(&from, reweight.target.weights()).as_fraction();
                }
                self.pool.obey(plan, span, now.secs()).map(|()| true).map_err(fault)
            }
        }
    }

    fn leave(&mut self, exit: &Exit, now: Timestamp) -> Result<bool, RunFault> {
        let mut after = self.pool.clone();
        let paid = after.exit(exit.shares).map_err(|fault| RunFault::Maths { at: now, fault })?;
        if paid.iter().zip(&exit.least_out).any(|(paid, least)| paid < least) {
            return Ok(false);
        }
        self.pool = after;
        self.shares = self.shares.saturating_sub(exit.shares);
        // From one pocket to the other: nothing is gained or lost, and the books do not move.
        for (own, paid) in self.wallet.iter_mut().zip(&paid) {
            *own = own.saturating_add(*paid);
        }
        Ok(true)
    }
}
