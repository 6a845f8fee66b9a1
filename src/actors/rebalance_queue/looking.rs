//! What the queue does at a look: hand out, kill, report, and arm the timer for the next one.

use std::time::Duration;

use ractor::ActorRef;
use tracing::Span;

use super::{QueueMsg, QueueState};
use crate::actors::pool::PoolMsg;
use crate::actors::turn::Turn;
use crate::domain::ids::PoolId;
use crate::domain::trigger::Class;
use crate::domain::turns::{Grant, Look, Now, Request, Wake};
use crate::domain::units::GasPrice;
use crate::observe::{Event, spans};

impl QueueState {
    /// Does what is due and arms the timer for what will be.
    pub(super) fn look(&mut self, myself: &ActorRef<QueueMsg>) {
        if self.nursery.is_closed() {
            return;
        }
        self.args.drill.queue_looks();
        let (now, lanes) = (self.now(), self.args.lanes.view());
        let gas = self.args.gas.read().map(|gas| gas.price());
        let Look { grants, overdue, expired, held_for_gas, wake } = self.turns.look(now, lanes, gas);
        for pool in held_for_gas {
            self.tell_held(pool, gas, now);
        }
        for Request { pool, class, .. } in expired {
            self.spans.remove(&pool);
            self.args.observer.record(Event::TurnExpired { pool: pool.clone(), class });
            self.tell(&pool, PoolMsg::TurnExpired);
        }
        for Grant { request: Request { pool, .. }, .. } in overdue {
            self.args.observer.record(Event::HolderOverdue { pool: pool.clone() });
            if let Some((holder, _)) = self.pools.get(&pool) {
                holder.kill();
            }
        }
        for grant in grants {
            self.grant(myself, grant, now);
        }
        self.show(now);
        self.arm(myself, wake, now);
    }

    fn grant(&mut self, myself: &ActorRef<QueueMsg>, grant: Grant, now: Now) {
        let Grant { id, request: Request { pool, class, episode, cap }, waited } = grant;
        self.args.observer.record(Event::TurnGranted { pool: pool.clone(), class, episode, waited });
        let span = self.spans.remove(&pool).unwrap_or_else(Span::none);
        drop(spans::stage(&span, "granted"));
        let turn = Turn::new(id, pool.clone(), class, cap, now.machine, span, myself.clone());
        // A turn that cannot be delivered is dropped here, and the queue hears of it like of any other.
        self.tell(&pool, PoolMsg::TurnGranted(turn));
    }

    fn tell(&self, pool: &PoolId, message: PoolMsg) {
        if let Some((actor, _)) = self.pools.get(pool) {
            // A pool that died since then is already on its way back.
            let _ = actor.cast(message);
        }
    }

    fn tell_held(&self, pool: PoolId, gas: Option<GasPrice>, now: Now) {
        if let Some(request) = self.turns.waiting(&pool) {
            let (class, cap) = (request.class, request.cap.at(now.policy));
            self.args.observer.record(Event::TurnHeldForGas { pool, class, gas, cap });
        }
    }

    fn show(&self, now: Now) {
        let view = self.turns.view(now.policy);
        let waiting = Class::ALL.map(|class| *view.waiting.get(class));
        let (chain, out, oldest) = (self.args.chain.clone(), view.outstanding.len(), view.oldest_wait.unwrap_or_default());
        self.args.observer.record(Event::QueueSeen { chain, waiting, out, oldest });
    }

    fn arm(&mut self, myself: &ActorRef<QueueMsg>, wake: Wake, now: Now) {
        if let Some(timer) = self.wake.take() {
            timer.abort();
        }
        let policy = wake.policy_at.map(|at| self.args.clock.machine(at.since(now.policy)));
        let machine = wake.machine_at.map(|at| at.saturating_sub(now.machine));
        if let Some(delay) = policy.into_iter().chain(machine).min() {
            // Both clocks count whole units: a moment later is never a moment too early.
            self.wake = Some(myself.send_after(delay.saturating_add(Duration::from_millis(1)), || QueueMsg::Look));
        }
    }
}
