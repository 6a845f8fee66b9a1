//! One for each yield that somebody off the chain publishes too. Now and then it asks, and compares; it warns and decides nothing.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::Board;
use crate::actors::facts::YieldFact;
use crate::actors::pulse::Pulse;
use crate::domain::units::Timestamp;
use crate::domain::yields::{Apy, Payer, YieldFault};
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, Testimony, YieldWitness};

/// What it works with.
#[derive(Clone)]
pub struct YieldCheckArgs {
    /// Who pays.
    pub payer: Arc<Payer>,
    /// Who is asked.
    pub witness: Arc<dyn YieldWitness>,
    /// What the chain says.
    pub yields: Board<YieldFact>,
    /// How often, on the policy clock.
    pub every: Duration,
    /// But never more often than this, on the machine clock.
    pub least_pause: Duration,
    /// How old its word may be, on the policy clock.
    pub max_age: Duration,
    /// How far apart the two may be, in basis points of a year's yield.
    pub differ_bps: u32,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct YieldCheck;

/// What it hears.
pub enum YieldCheckMsg {
    /// It is time to ask.
    Ask,
    /// The witness has spoken.
    Heard(Result<Testimony, YieldFault>),
    /// Beat.
    Beat,
}

impl Actor for YieldCheck {
    type Msg = YieldCheckMsg;
    type State = (YieldCheckArgs, Pulse);
    type Arguments = YieldCheckArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: YieldCheckArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("yield check {}", args.payer.id));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || YieldCheckMsg::Beat);
        // Not at once: nothing is known yet that could be compared.
        myself.send_after(pause(&args), || YieldCheckMsg::Ask);
        Ok((args, pulse))
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let (args, pulse) = state;
        match message {
            YieldCheckMsg::Ask => {
                let (witness, myself) = (Arc::clone(&args.witness), myself.clone());
                myself.send_after(pause(args), || YieldCheckMsg::Ask);
                tokio::spawn(async move {
                    let said = witness.ask().await;
                    // Whoever asked may have been restarted since.
                    let _ = myself.cast(YieldCheckMsg::Heard(said));
                });
            }
            YieldCheckMsg::Heard(said) => compare(args, said),
            YieldCheckMsg::Beat => pulse.beat(&myself, || YieldCheckMsg::Beat),
        }
        Ok(())
    }
}

fn pause(args: &YieldCheckArgs) -> Duration {
    args.clock.machine(args.every).max(args.least_pause)
}

fn compare(args: &YieldCheckArgs, said: Result<Testimony, YieldFault>) {
    let theirs = said.and_then(|said| timely(said, args.clock.now(), args.max_age));
    // A witness may mean the moment or the day: it agrees if it agrees with one of the two.
    let ours =
        args.yields.read().yields.ok().zip(theirs.as_ref().ok()).map(|(ours, theirs)| {
            if ours.spot.bps_from(*theirs) < ours.smooth.bps_from(*theirs) { ours.spot } else { ours.smooth }
        });
    let (chain, asset, witness) = (args.payer.chain.clone(), args.payer.asset.clone(), args.witness.name());
    args.observer.record(Event::YieldCompared {
        chain: chain.clone(),
        asset: asset.clone(),
        witness,
        theirs: theirs.as_ref().copied().map_err(YieldFault::label),
        ours,
        detail: theirs.as_ref().err().map(ToString::to_string),
    });
    if let (Some(ours), Ok(theirs)) = (ours, theirs)
        && ours.bps_from(theirs) > u128::from(args.differ_bps)
    {
        args.observer.record(Event::YieldsDiffer { chain, asset, witness, ours, theirs });
    }
}

fn timely(said: Testimony, now: Timestamp, limit: Duration) -> Result<Apy, YieldFault> {
    let age = now.since(said.at);
    if age > limit { Err(YieldFault::Stale { age, limit }) } else { Ok(said.apy) }
}
