//! How pools come, change and go while everything else runs on. A pool is never two actors at once, and none is ended with a turn of
//! its own out: what it has begun is finished first.

use std::sync::Arc;

use ractor::ActorRef;

use super::{PoolKey, QueueMsg, QueueState, by_name, holders};
use crate::domain::ids::PoolId;
use crate::observe::Event;

impl QueueState {
    /// Works by the newest roster from now on.
    pub(super) fn follow_roster(&mut self, myself: &ActorRef<QueueMsg>) {
        let newest = self.args.roster.read();
        self.turns.set_holders(holders(&newest));
        let before = std::mem::replace(&mut self.roster, by_name(&newest));
        for (pool, args) in &self.roster {
            // One that lives is started again when its former life has ended; one that waits for its restart under unchanged settings
            // goes on waiting.
            if !before.get(pool).is_some_and(|known| Arc::ptr_eq(known, args)) {
                let _ = myself.cast(QueueMsg::Spawn(PoolKey(pool.clone())));
            }
        }
        for pool in before.keys().filter(|pool| !self.roster.contains_key(*pool) && !self.pools.contains_key(*pool)) {
            self.forget(pool);
        }
        let stays =
            |(pool, (_, args)): &(&PoolId, &(_, Arc<_>))| self.roster.get(*pool).is_some_and(|now| Arc::ptr_eq(now, args));
        self.leaving = self.pools.iter().filter(|living| !stays(living)).map(|(pool, _)| pool.clone()).collect();
    }

    /// Ends the pools that are leaving, each when no turn of it is out. Until then it is looked after by what it knows: a defence must
    /// not wait for a file.
    pub(super) fn dismiss_leavers(&mut self) {
        let free: Vec<PoolId> = self.leaving.extract_if(.., |pool| !self.turns.holds_one(pool)).collect();
        for pool in free {
            // What it asked for is asked again by whoever follows, on fresh facts.
            self.turns.withdraw(&pool);
            self.spans.remove(&pool);
            if let Some((actor, _)) = self.pools.get(&pool) {
                self.nursery.dismiss(&actor.get_cell());
            }
        }
    }

    /// A pool that was dismissed has ended.
    pub(super) fn see_off(&mut self, myself: &ActorRef<QueueMsg>, pool: PoolId) {
        self.turns.withdraw(&pool);
        self.pools.remove(&pool);
        if self.roster.contains_key(&pool) {
            let _ = myself.cast(QueueMsg::Spawn(PoolKey(pool)));
        } else {
            self.forget(&pool);
        }
    }

    /// A pool has left for good.
    pub(super) fn forget(&self, pool: &PoolId) {
        self.nursery.forget(&PoolKey(pool.clone()));
        self.args.observer.record(Event::PoolLeft { pool: pool.clone() });
    }
}
