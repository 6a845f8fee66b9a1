//! Drills: pools and queues that break on command.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{drilled_panic, open};
use crate::domain::ids::PoolId;
use crate::ports::Drill;

/// How something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Once.
    Panic,
    /// Every time.
    PanicForEver,
    /// Once, and for ever.
    Hang,
}

#[derive(Default)]
pub(crate) struct FakeDrill {
    granted: Mutex<HashMap<PoolId, Break>>,
    evaluating: Mutex<HashMap<PoolId, Break>>,
    queue: Mutex<bool>,
}

impl FakeDrill {
    /// The pool breaks the next time it has a turn in hand.
    pub(crate) fn break_holder(&self, pool: &str, how: Break) {
        open(&self.granted).insert(PoolId::new(pool), how);
    }

    /// The pool breaks the next time it evaluates.
    pub(crate) fn break_pool(&self, pool: &str, how: Break) {
        open(&self.evaluating).insert(PoolId::new(pool), how);
    }

    /// The queue panics at its next look.
    pub(crate) fn break_queue(&self) {
        *open(&self.queue) = true;
    }

    /// From now on nothing breaks.
    pub(crate) fn mend(&self) {
        open(&self.granted).clear();
        open(&self.evaluating).clear();
        *open(&self.queue) = false;
    }
}

async fn meet(breaks: &Mutex<HashMap<PoolId, Break>>, pool: &PoolId) {
    let how = {
        let mut breaks = open(breaks);
        match breaks.get(pool) {
            Some(Break::PanicForEver) => Some(Break::PanicForEver),
            _ => breaks.remove(pool),
        }
    };
    match how {
        Some(Break::Panic | Break::PanicForEver) => drilled_panic(),
        Some(Break::Hang) => std::future::pending().await,
        None => {}
    }
}

#[async_trait]
impl Drill for FakeDrill {
    async fn turn_in_hand(&self, pool: &PoolId) {
        meet(&self.granted, pool).await;
    }

    async fn evaluating(&self, pool: &PoolId) {
        meet(&self.evaluating, pool).await;
    }

    fn queue_looks(&self) {
        if std::mem::take(&mut *open(&self.queue)) {
            drilled_panic();
        }
    }
}
