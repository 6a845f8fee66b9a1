//! One for each on-chain source of an asset. It judges what its block says and sends a reading to the asset's peg watch: by
//! mailbox, not by board, because hysteresis must see every value.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::{Address, Board, Nudge};
use crate::actors::facts::{BlockFact, Slot};
use crate::actors::peg_watch::PegWatchMsg;
use crate::actors::pulse::Pulse;
use crate::domain::reading::{Reading, ReadingFault};
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, PriceSource};

/// What it works with.
#[derive(Clone)]
pub struct PriceFeedArgs {
    /// The source.
    pub source: Arc<dyn PriceSource>,
    /// Where its answers are in the batch.
    pub slot: Slot,
    /// The blocks.
    pub blocks: Board<BlockFact>,
    /// Who hears the readings.
    pub watch: Address<PegWatchMsg>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct PriceFeed;

/// What it hears.
pub enum PriceFeedMsg {
    /// There is another block.
    BlockMoved(Nudge),
    /// Beat.
    Beat,
}

impl Actor for PriceFeed {
    type Msg = PriceFeedMsg;
    type State = (PriceFeedArgs, Pulse);
    type Arguments = PriceFeedArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: PriceFeedArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("price feed {}", args.source.source().id));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || PriceFeedMsg::Beat);
        args.blocks.nudge(&myself, PriceFeedMsg::BlockMoved);
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
            PriceFeedMsg::BlockMoved(_nudge) => take_reading(args),
            PriceFeedMsg::Beat => pulse.beat(&myself, || PriceFeedMsg::Beat),
        }
        Ok(())
    }
}

fn take_reading(args: &PriceFeedArgs) {
    let block = args.blocks.read();
    let quote = match &block {
        Some(facts) => args.source.quote(args.slot.of(&facts.answers), &facts.head.stamp),
        None => Err(ReadingFault::ChainSilent),
    };
    let source = Arc::clone(args.source.source());
    args.observer.record(Event::ReadingTaken {
        source: source.id.clone(),
        asset: source.asset.clone(),
        result: quote.as_ref().map(|quote| quote.price).map_err(ReadingFault::label),
        detail: quote.as_ref().err().map(ToString::to_string),
    });
    // On a chain the reading is as old as its block; a silent chain is silent now.
    let as_of = block.as_ref().map_or_else(|| args.clock.now(), |facts| facts.head.stamp.timestamp);
    let block = block.map(|facts| facts.head.stamp.hash);
    // A peg watch that is being restarted misses this reading and gets the next.
    args.watch.cast(PegWatchMsg::Reading(Reading { source, quote, as_of, block }));
}
