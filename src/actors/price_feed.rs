//! One for each on-chain source of an asset. It judges what its block says and sends a reading to the asset's peg watch: by
//! mailbox, not by board, because hysteresis must see every value.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use alloy_primitives::B256;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::{Address, Board, Nudge};
use crate::actors::facts::{BlockFact, BlockFacts, Slot};
use crate::actors::peg_watch::PegWatchMsg;
use crate::actors::pulse::Pulse;
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Announcements, Clock, PriceSource};

/// What it works with.
#[derive(Clone)]
pub struct PriceFeedArgs {
    /// The source.
    pub source: Arc<dyn PriceSource>,
    /// Where its answers are in the batch.
    pub slot: Slot,
    /// The blocks.
    pub blocks: Board<BlockFact>,
    /// What aggregators announce.
    pub announcements: Board<Announcements>,
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
    /// There is another announcement on the chain.
    Announced(Nudge),
    /// Beat.
    Beat,
}

/// What it remembers.
pub struct PriceFeedState {
    args: PriceFeedArgs,
    pulse: Pulse,
    /// The block that was judged last, with its quote; `None` where it gave none.
    told: Option<(B256, Quote)>,
}

impl Actor for PriceFeed {
    type Msg = PriceFeedMsg;
    type State = PriceFeedState;
    type Arguments = PriceFeedArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: PriceFeedArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("price feed {}", args.source.source().id));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || PriceFeedMsg::Beat);
        args.blocks.nudge(&myself, PriceFeedMsg::BlockMoved);
        args.announcements.nudge(&myself, PriceFeedMsg::Announced);
        Ok(PriceFeedState { args, pulse, told: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PriceFeedMsg::BlockMoved(_nudge) => state.take_reading(),
            PriceFeedMsg::Announced(_nudge) => state.take_again(),
            PriceFeedMsg::Beat => state.pulse.beat(&myself, || PriceFeedMsg::Beat),
        }
        Ok(())
    }
}

impl PriceFeedState {
    fn take_reading(&mut self) {
        let block = self.args.blocks.read();
        let quote = match &block {
            Some(facts) => self.judge(facts),
            None => Err(ReadingFault::ChainSilent),
        };
        self.tell(block.as_deref(), quote);
    }

    /// Takes the reading of the same block again when an announcement came after it and makes a difference. A block that was not
    /// judged yet has its own message under way, and a block without a quote gets none from an announcement.
    fn take_again(&mut self) {
        let (Some((hash, before)), Some(block)) = (self.told, self.args.blocks.read()) else { return };
        if block.head.stamp.hash == hash
            && let Ok(quote) = self.judge(&block)
            && quote != before
        {
            self.tell(Some(&block), Ok(quote));
        }
    }

    fn judge(&self, facts: &BlockFacts) -> Result<Quote, ReadingFault> {
        let (source, answers) = (&self.args.source, self.args.slot.of(facts));
        let quote = source.quote(answers, &facts.head.stamp)?;
        Ok(self.args.announcements.look(|heard| source.widen(quote, answers, heard)))
    }

    fn tell(&mut self, block: Option<&BlockFacts>, quote: Result<Quote, ReadingFault>) {
        let args = &self.args;
        let source = Arc::clone(args.source.source());
        args.observer.record(Event::ReadingTaken {
            source: source.id.clone(),
            asset: source.asset.clone(),
            result: quote.as_ref().map(|quote| quote.price).map_err(ReadingFault::label),
            detail: quote.as_ref().err().map(ToString::to_string),
        });
        // On a chain the reading is as old as its block; a silent chain is silent now.
        let as_of = block.map_or_else(|| args.clock.now(), |facts| facts.head.stamp.timestamp);
        let block = block.map(|facts| facts.head.stamp.hash);
        self.told = block.zip(quote.as_ref().ok().copied());
        // A peg watch that is being restarted misses this reading and gets the next.
        args.watch.cast(PegWatchMsg::Reading(Reading { source, quote, as_of, block }));
    }
}
