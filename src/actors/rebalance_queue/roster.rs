//! How pools come, change and go while everything else runs on. A pool is never two actors at once, and none is ended with a turn of
//! its own out: what it has begun is finished first.

use std::sync::Arc;

use ractor::ActorRef;

use super::{PoolKey, QueueMsg, QueueState, Roster, holders};
use crate::actors::pool::PoolArgs;
use crate::domain::ids::PoolId;
use crate::observe::Event;

impl QueueState {
    /// Works by the newest roster from now on.
    pub(super) fn follow_roster(&mut self, myself: &ActorRef<QueueMsg>) {
        let newest: Roster = self.args.roster.read();
        let before = std::mem::replace(&mut self.roster, newest);
        self.turns.set_holders(holders(&self.roster));
        // One that waits for its restart under unchanged settings goes on waiting.
        let is_news = |pool: &&Arc<PoolArgs>| !before.iter().any(|known| Arc::ptr_eq(known, pool));
        for pool in self.roster.iter().filter(is_news) {
            // One that lives is started again when its former life has ended.
            let _ = myself.cast(QueueMsg::Spawn(PoolKey(pool.id.clone())));
        }
        let is_gone = |pool: &&Arc<PoolArgs>| self.entry(&pool.id).is_none() && !self.pools.contains_key(&pool.id);
        for pool in before.iter().filter(is_gone) {
            self.forget(&pool.id);
        }
    }

    /// Ends the pools whose settings have changed or are gone, each when no turn of it is out. Until then it is looked after by what
    /// it knows: a defence must not wait for a file.
    pub(super) fn dismiss_leavers(&mut self) {
        for (pool, (actor, args)) in &self.pools {
            let stays = self.entry(pool).is_some_and(|entry| Arc::ptr_eq(&entry, args));
            if !stays && !self.turns.holds_one(pool) {
                // What it asked for is asked again by whoever follows, on fresh facts.
                self.turns.withdraw(pool);
                self.spans.remove(pool);
                self.nursery.dismiss(&actor.get_cell());
            }
        }
    }

    /// A pool that was dismissed has ended.
    pub(super) fn see_off(&mut self, myself: &ActorRef<QueueMsg>, pool: PoolId) {
        self.turns.withdraw(&pool);
        self.pools.remove(&pool);
        if self.entry(&pool).is_some() {
            let _ = myself.cast(QueueMsg::Spawn(PoolKey(pool)));
        } else {
            self.forget(&pool);
        }
    }

    /// What the newest roster has under this name.
    pub(super) fn entry(&self, pool: &PoolId) -> Option<Arc<PoolArgs>> {
        self.roster.iter().find(|entry| entry.id == *pool).cloned()
    }

    /// A pool has left for good.
    pub(super) fn forget(&self, pool: &PoolId) {
        self.nursery.forget(&PoolKey(pool.clone()));
        self.args.observer.record(Event::PoolLeft { pool: pool.clone() });
    }
}
