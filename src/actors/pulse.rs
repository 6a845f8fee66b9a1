//! The heartbeat of an actor: a message to itself every few seconds of machine time. An actor that is wedged in a handler stops
//! beating, and `/healthz` says so; one that is dead and waits for its restart has no heart to listen to.

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorRef, Message};

use crate::observe::heartbeat::Heartbeat;
use crate::ports::Clock;

/// Time between two beats.
pub const BEAT: Duration = Duration::from_secs(5);

/// The beating of one actor.
pub struct Pulse {
    heart: Heartbeat,
    clock: Arc<dyn Clock>,
}

impl Pulse {
    /// Starts to beat: `message` makes the actor call [`Pulse::beat`].
    pub fn start<M: Message>(heart: Heartbeat, clock: Arc<dyn Clock>, actor: &ActorRef<M>, message: fn() -> M) -> Self {
        let pulse = Self { heart, clock };
        pulse.beat(actor, message);
        pulse
    }

    /// Notes that the actor is alive and arms the next beat.
    pub fn beat<M: Message>(&self, actor: &ActorRef<M>, message: fn() -> M) {
        self.heart.beat(self.clock.uptime());
        actor.send_after(BEAT, message);
    }
}
