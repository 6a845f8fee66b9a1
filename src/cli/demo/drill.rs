//! The demo's mishap: a pool that panics while it holds its turn.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::domain::ids::PoolId;
use crate::ports::Drill;

/// Pools that are to panic, once each.
#[derive(Debug, Default)]
pub(super) struct PanicDrill {
    armed: Mutex<HashSet<String>>,
}

impl PanicDrill {
    /// The pool panics the next time it holds a turn.
    pub(super) fn arm(&self, pool: &str) {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).insert(pool.to_owned());
    }
}

#[async_trait]
impl Drill for PanicDrill {
    async fn turn_in_hand(&self, pool: &PoolId) {
        let armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner).remove(pool.as_str());
        // A panic is what is drilled.
        assert!(!armed, "a drill: {pool} panics with its turn in hand");
    }

    async fn evaluating(&self, _pool: &PoolId) {}

    fn queue_looks(&self) {}
}
