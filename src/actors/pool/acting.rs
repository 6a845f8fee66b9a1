//! From a decision to the queue, with the turn to the executor, and back.

use std::time::Duration;

use ractor::ActorRef;

use super::{Executing, PoolMsg, PoolState, Stage};
use crate::actors::executor::{ExecutorMsg, Order, OrderId, ReplyTo};
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::turn::Turn;
use crate::domain::decide::{Hold, Latch};
use crate::domain::gas::GasCap;
use crate::domain::mode::Mode;
use crate::domain::operation::Seen;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::plan::Plan;
use crate::domain::position::Controls;
use crate::domain::trigger::Trigger;
use crate::domain::turns::Request;
use crate::domain::units::{Timestamp, Usd};
use crate::observe::spans;

/// After an order that was refused the pool takes a breath before it asks again, so that a dead node is not hammered.
const BREATH: Duration = Duration::from_secs(1);
/// What was rehearsed is rehearsed again after this, or after the policy's interval if that is longer.
const REHEARSE_AGAIN: Duration = Duration::from_mins(10);
/// Its breath doubles while the trouble lasts, but a defence is never further away than this.
const LONGEST_BREATH: Duration = Duration::from_secs(30);

impl PoolState {
    pub(super) fn act(&mut self, myself: &ActorRef<PoolMsg>, trigger: Trigger, plan: Plan, benefit: Option<Usd>) {
        let (now, uptime) = (self.args.clock.now(), self.args.clock.uptime());
        let triggered = *self.triggered.get_or_insert((now, uptime));
        if !self.may_ask(&trigger, now) {
            self.rest_quietly();
            return;
        }
        let ether = self.args.gas.read().and_then(|gas| gas.ether);
        let gas_used = self.args.position.gas_needs().of(&plan);
        let cap = self.args.policy.cap(trigger.class(), gas_used, benefit, ether, now);
        match std::mem::replace(&mut self.stage, Stage::Quiet) {
            Stage::Holding(turn) if turn.class() == trigger.class() => self.order(myself, turn, trigger, plan, triggered),
            // The permission was given for another cause, with its spacing and its price: it goes back.
            Stage::Holding(turn) => {
                drop(turn);
                self.ask(trigger, cap);
            }
            Stage::Asking { class, episode } if class == trigger.class() && episode.as_ref() == trigger.episode() => {
                self.stage = Stage::Asking { class, episode };
            }
            Stage::Asking { class, .. } => {
                // Asking for less than before takes a new request: the queue keeps the more urgent of two.
                if trigger.class() > class {
                    self.withdraw();
                }
                self.ask(trigger, cap);
            }
            Stage::Quiet if uptime < self.rest_until => {}
            Stage::Quiet => self.ask(trigger, cap),
        }
    }

    /// Whether a turn may be asked for: not by a pool that is only observed, nor for what was rehearsed a short while ago.
    pub(super) fn may_ask(&self, trigger: &Trigger, now: Timestamp) -> bool {
        let again = self.args.policy.min_interval.max(REHEARSE_AGAIN);
        let rehearsed = self.rehearsed.is_some_and(|(code, at)| code == trigger.code() && now.since(at) < again);
        self.args.mode != Mode::Observe && !rehearsed
    }

    /// Nothing is asked for, and what was is withdrawn.
    fn rest_quietly(&mut self) {
        if matches!(self.stage, Stage::Asking { .. }) {
            self.withdraw();
        }
        // A turn in hand is dropped with the stage.
        self.stage = Stage::Quiet;
        self.triggered = None;
    }

    fn ask(&mut self, trigger: Trigger, cap: GasCap) {
        let (class, episode) = (trigger.class(), trigger.episode().cloned());
        let request = Request { pool: self.args.id.clone(), class, episode: episode.clone(), cap };
        let span = spans::rebalance_span(self.args.id.as_str(), class.label(), &trigger.to_string());
        // The queue is this actor's supervisor: when it is gone, so is this actor in a moment.
        if self.queue.cast(QueueMsg::TurnRequested { request, trigger, span }).is_ok() {
            self.stage = Stage::Asking { class, episode };
        }
    }

    fn withdraw(&self) {
        let _ = self.queue.cast(QueueMsg::TurnWithdrawn(self.args.id.clone()));
    }

    fn order(&mut self, myself: &ActorRef<PoolMsg>, turn: Turn, trigger: Trigger, plan: Plan, triggered: (Timestamp, Duration)) {
        drop(spans::stage(turn.span(), "planned"));
        let Some((_, facts)) = &self.seen else { return };
        let id = self.next_order;
        self.next_order = id.saturating_add(1);
        self.executing.push(Executing { order: id, class: trigger.class(), code: trigger.code() });
        let executor = self.args.executors.of(plan.role());
        let order = Order {
            id,
            pool: self.args.id.clone(),
            position: self.args.position.clone(),
            assets: self.args.mandate.assets.clone(),
            trigger,
            seen: Seen::of(facts, &plan),
            plan,
            before: facts.weights.clone(),
            triggered_at: triggered.0,
            triggered_uptime: triggered.1,
            rehearsal: self.args.mode != Mode::Live,
            turn,
            reply_to: ReplyTo::new(myself.clone(), id),
        };
        // Where nobody is there to send, the order is dropped with its turn, and says so by `OrderLost`.
        executor.cast(ExecutorMsg::Execute(Box::new(order)));
    }

    pub(super) fn hold(&mut self, hold: &Hold) {
        if let (Hold::OnTarget(served), Some(memory)) = (hold, &mut self.memory) {
            memory.schedule_served = served.slot.or(memory.schedule_served);
            memory.manual_served = served.wish.or(memory.manual_served);
            if let Some(slot) = served.slot {
                let id = self.args.id.clone();
                self.write(move |journal| async move { journal.serve_schedule(&id, slot).await });
            }
            if let Some(wish) = served.wish {
                let id = self.args.id.clone();
                self.write(move |journal| async move { journal.serve_rebalance(&id, wish).await });
            }
        }
        self.triggered = None;
        if matches!(self.stage, Stage::Asking { .. }) {
            self.withdraw();
        }
        // A turn in hand is dropped with the stage.
        self.stage = Stage::Quiet;
    }

    /// Takes a turn in hand. One that comes while a defence is under way is given back.
    pub(super) fn hold_turn(&mut self, turn: Turn) {
        if !self.defends() {
            self.stage = Stage::Holding(turn);
        }
    }

    /// Whether an order of the most urgent kind is under way: nothing is decided beside it.
    pub(super) fn defends(&self) -> bool {
        self.executing.iter().any(|executing| executing.class.is_protective())
    }

    pub(super) fn drop_turn(&mut self) {
        if matches!(self.stage, Stage::Holding(_)) {
            self.stage = Stage::Quiet;
        }
    }

    /// The request has left the queue. A turn that came for an earlier one is not touched.
    pub(super) fn expire(&mut self) {
        if matches!(self.stage, Stage::Asking { .. }) {
            self.stage = Stage::Quiet;
        }
    }

    /// The order was not settled here. If it was written down, the journal tells what became of it, and the lane shows that it carries
    /// something of this pool.
    pub(super) fn lose(&mut self, myself: &ActorRef<PoolMsg>, order: OrderId) {
        self.executing.retain(|executing| executing.order != order);
        self.rest(myself);
    }

    pub(super) fn settle(&mut self, myself: &ActorRef<PoolMsg>, order: OrderId, outcome: &Outcome, controls: Option<Controls>) {
        let settled = self.executing.extract_if(.., |executing| executing.order == order).next();
        if self.executing.is_empty() && matches!(self.stage, Stage::Quiet) {
            self.triggered = None;
        }
        if let (Some(memory), Some(controls), Some(inclusion)) = (&mut self.memory, controls, outcome.inclusion()) {
            let protective = settled.is_some_and(|settled| settled.class.is_protective());
            memory.account(&controls, inclusion.block.timestamp, protective);
        }
        if let Some(inclusion) = outcome.inclusion() {
            self.not_before_block = self.not_before_block.max(inclusion.block.number);
        }
        match outcome {
            Outcome::Rehearsed { .. } => {
                self.troubles = 0;
                self.rehearsed = settled.map(|settled| (settled.code, self.args.clock.now()));
            }
            // What gave way to a defence does not hold it up.
            Outcome::Refused(Refusal::Superseded) => {}
            _ if outcome.may_last() => {
                self.troubles = self.troubles.saturating_add(1);
                self.rest(myself);
            }
            _ => {
                self.troubles = 0;
                if outcome.inclusion().is_none() {
                    self.rest(myself);
                }
            }
        }
        if !outcome.may_retry() {
            self.latch(Latch::Outcome(outcome.label()));
        }
    }

    fn rest(&mut self, myself: &ActorRef<PoolMsg>) {
        let pause = BREATH.saturating_mul(2u32.saturating_pow(self.troubles.saturating_sub(1))).min(LONGEST_BREATH);
        self.rest_until = self.args.clock.uptime().saturating_add(pause);
        myself.send_after(pause, || PoolMsg::Evaluate);
    }
}
