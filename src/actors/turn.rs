//! The permission to send, as a value. Whoever holds it may send; dropping it anywhere (done, refused, error, panic, dead mailbox)
//! tells the queue. It carries the epoch of the queue that granted it, so that a turn of a queue that is gone opens nothing.

use std::time::Duration;

use ractor::ActorRef;
use tracing::Span;

use crate::actors::rebalance_queue::QueueMsg;
use crate::domain::gas::GasCap;
use crate::domain::ids::PoolId;
use crate::domain::trigger::Class;
use crate::domain::turns::TurnId;

/// The permission of one pool to send one plan.
#[derive(Debug)]
pub struct Turn {
    id: TurnId,
    pool: PoolId,
    class: Class,
    cap: GasCap,
    granted_at: Duration,
    span: Span,
    queue: ActorRef<QueueMsg>,
}

impl Turn {
    /// Made by the queue alone, when it grants.
    pub(in crate::actors) const fn new(
        id: TurnId,
        pool: PoolId,
        class: Class,
        cap: GasCap,
        granted_at: Duration,
        span: Span,
        queue: ActorRef<QueueMsg>,
    ) -> Self {
        Self { id, pool, class, cap, granted_at, span, queue }
    }

    /// Which grant, of which queue.
    #[must_use]
    pub const fn id(&self) -> TurnId {
        self.id
    }

    /// Who may send.
    #[must_use]
    pub const fn pool(&self) -> &PoolId {
        &self.pool
    }

    /// For which kind of trigger it was granted.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// What gas may cost.
    #[must_use]
    pub const fn cap(&self) -> &GasCap {
        &self.cap
    }

    /// The span of the rebalance, from trigger to outcome.
    #[must_use]
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// Says that the turn has reached an executor: from here on the holder cannot be killed over it.
    pub fn reached_execute(&self) {
        // A queue that is gone does not need to hear it.
        let _ = self.queue.cast(QueueMsg::TurnExecuting(self.id));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A queue that is gone has forgotten the turn; its successor waits for the lane instead.
        let _ = self.queue.cast(QueueMsg::TurnEnded {
            id: self.id,
            pool: self.pool.clone(),
            class: self.class,
            granted_at: self.granted_at,
        });
    }
}
