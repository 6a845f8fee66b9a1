//! Mishaps on purpose.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::Mutex;

use async_trait::async_trait;
use ballast::domain::ids::PoolId;
use ballast::ports::Drill;

/// Unwinds like a panic, but the hook that prints a backtrace for a human is not called: nobody is surprised.
fn panic_quietly(what: String) -> ! {
    resume_unwind(Box::new(what))
}

/// Whoever holds the first turn dies with it in hand.
#[derive(Default)]
pub(crate) struct FirstHolderDies {
    victim: Mutex<Option<PoolId>>,
}

#[async_trait]
impl Drill for FirstHolderDies {
    async fn turn_in_hand(&self, pool: &PoolId) {
        let first = self.victim.lock().unwrap().is_none();
        if first {
            *self.victim.lock().unwrap() = Some(pool.clone());
            panic_quietly(format!("a drill: {pool} dies with its turn in hand"));
        }
    }

    async fn evaluating(&self, _pool: &PoolId) {}

    fn queue_looks(&self) {}
}

/// One pool dies whenever it thinks.
pub(crate) struct AlwaysDies(HashSet<PoolId>);

impl AlwaysDies {
    pub(crate) fn new(pool: &str) -> Self {
        Self([PoolId::new(pool)].into_iter().collect())
    }
}

#[async_trait]
impl Drill for AlwaysDies {
    async fn turn_in_hand(&self, _pool: &PoolId) {}

    async fn evaluating(&self, pool: &PoolId) {
        if self.0.contains(pool) {
            panic_quietly(format!("a drill: {pool} dies of a thought"));
        }
    }

    fn queue_looks(&self) {}
}
