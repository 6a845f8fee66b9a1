//! Boards: where facts are published. A board keeps the newest value, survives a restart at either end, and never fills up. A
//! change wakes whoever is nudged by it with at most one outstanding message, however fast the board changes.

use ractor::{ActorRef, Message};
use tokio::sync::{oneshot, watch};

/// A fact and everyone who reads it.
#[derive(Clone, Debug)]
pub struct Board<T> {
    newest: watch::Sender<T>,
}

impl<T: Clone + Send + Sync + 'static> Board<T> {
    /// A board with a first value.
    pub fn new(first: T) -> Self {
        Self { newest: watch::Sender::new(first) }
    }

    /// Replaces the value and wakes the readers, of which there may be none.
    pub fn publish(&self, value: T) {
        self.newest.send_replace(value);
    }

    /// Changes the value in place and wakes the readers.
    pub fn modify(&self, change: impl FnOnce(&mut T)) {
        self.newest.send_modify(change);
    }

    /// A copy of the newest value.
    #[must_use]
    pub fn read(&self) -> T {
        self.newest.borrow().clone()
    }

    /// What `look` makes of the newest value, without a copy of it. It must be quick: whoever publishes waits for it.
    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.newest.borrow())
    }

    /// Waits for a value that fits.
    pub async fn wait_for(&self, fits: impl FnMut(&T) -> bool + Send) {
        // The sender is `self`, so the channel cannot close while this waits.
        let _ = self.newest.subscribe().wait_for(fits).await.is_ok();
    }

    /// Sends `actor` a message at every change, at most one at a time: the next is sent when the [`Nudge`] of the last has been
    /// dropped. Ends by itself when the actor is gone.
    pub fn nudge<M: Message>(&self, actor: &ActorRef<M>, message: impl Fn(Nudge) -> M + Send + 'static) {
        let mut newest = self.newest.subscribe();
        let actor = actor.clone();
        tokio::spawn(async move {
            // The value at the time of the subscription is news to the actor too.
            newest.mark_changed();
            while newest.changed().await.is_ok() {
                let (held, released) = oneshot::channel();
                if actor.cast(message(Nudge { _held: held })).is_err() {
                    break;
                }
                // Resolves when the actor drops the nudge, whether it handled the message or died with it.
                let _ = released.await;
            }
        });
    }
}

/// Part of the message that a changed board sends. While it lives, no other message of that board is under way.
#[derive(Debug)]
pub struct Nudge {
    _held: oneshot::Sender<()>,
}

/// Where to find an actor that may have been restarted since.
#[derive(Debug)]
pub struct Address<M> {
    current: Board<Option<ActorRef<M>>>,
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self { current: Board { newest: self.current.newest.clone() } }
    }
}

impl<M: Message> Default for Address<M> {
    fn default() -> Self {
        Self { current: Board::new(None) }
    }
}

impl<M: Message> Address<M> {
    /// The actor lives here now.
    pub fn moved_in(&self, actor: ActorRef<M>) {
        self.current.publish(Some(actor));
    }

    /// The actor, if one has ever lived here.
    #[must_use]
    pub fn actor(&self) -> Option<ActorRef<M>> {
        self.current.read()
    }

    /// Sends a message to whoever lives here. False when nobody does: the message is dropped, with whatever it guards.
    pub fn cast(&self, message: M) -> bool {
        self.current.read().is_some_and(|actor| actor.cast(message).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ractor::{Actor, ActorProcessingErr};

    use super::*;

    /// Counts its nudges and is slow about it.
    struct Slow;

    enum SlowMsg {
        Moved(Nudge),
        Count(ractor::RpcReplyPort<u32>),
    }

    impl Actor for Slow {
        type Msg = SlowMsg;
        type State = u32;
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<SlowMsg>, (): ()) -> Result<u32, ActorProcessingErr> {
            Ok(0)
        }

        async fn handle(&self, _: ActorRef<SlowMsg>, message: SlowMsg, count: &mut u32) -> Result<(), ActorProcessingErr> {
            match message {
                SlowMsg::Moved(_nudge) => {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    *count += 1;
                }
                SlowMsg::Count(reply) => reply.send(*count)?,
            }
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_board_has_one_message_outstanding_and_the_last_value_is_always_seen() {
        let board = Board::new(0);
        let (actor, handle) = Actor::spawn(None, Slow, ()).await.unwrap();
        board.nudge(&actor, SlowMsg::Moved);
        for value in 1..=500 {
            board.publish(value);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        let seen = ractor::call_t!(actor, SlowMsg::Count, 120_000).unwrap();
        // 50 s of changes at 10 s each, the value at the start, and the last change: nothing queued up beyond that.
        assert!((5..=7).contains(&seen), "{seen} messages for 500 changes");
        actor.stop(None);
        handle.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_nudge_ends_with_its_actor() {
        let board = Board::new(0);
        let (actor, handle) = Actor::spawn(None, Slow, ()).await.unwrap();
        board.nudge(&actor, SlowMsg::Moved);
        assert_eq!(board.newest.receiver_count(), 1);
        actor.stop(None);
        handle.await.unwrap();
        board.publish(1);
        board.publish(2);
        tokio::time::advance(Duration::from_secs(30)).await;
        tokio::task::yield_now().await;
        assert_eq!(board.newest.receiver_count(), 0);
    }
}
