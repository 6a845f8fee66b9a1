//! One for each yield that is read on a chain. It keeps what has been seen of it, and publishes what it earns and what a share is
//! worth. Nothing of it is written down: after a restart it begins anew, and says that it is too young until it has seen enough.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::{Board, Nudge};
use crate::actors::facts::{BlockFact, ShareFact, Slot, YieldBoards, YieldFact};
use crate::actors::pulse::Pulse;
use crate::domain::yields::{Look, ShareMove, Yield, YieldFault, YieldRule, YieldTrack};
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, YieldSource};

/// What it works with.
#[derive(Clone)]
pub struct YieldFeedArgs {
    /// Who pays.
    pub source: Arc<dyn YieldSource>,
    /// Where its answers are in the batch.
    pub slot: Slot,
    /// When a yield counts.
    pub rule: YieldRule,
    /// The most time that one reading stands for: a few blocks, as far as they are read.
    pub reach: Duration,
    /// The blocks.
    pub blocks: Board<BlockFact>,
    /// Where the yield goes.
    pub boards: YieldBoards,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct YieldFeed;

/// What it hears.
pub enum YieldFeedMsg {
    /// There is another block.
    BlockMoved(Nudge),
    /// Beat.
    Beat,
}

/// What it remembers.
pub struct YieldFeedState {
    args: YieldFeedArgs,
    pulse: Pulse,
    track: YieldTrack,
}

impl Actor for YieldFeed {
    type Msg = YieldFeedMsg;
    type State = YieldFeedState;
    type Arguments = YieldFeedArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: YieldFeedArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("yield feed {}", args.source.payer().id));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || YieldFeedMsg::Beat);
        args.blocks.nudge(&myself, YieldFeedMsg::BlockMoved);
        let track = YieldTrack::new(args.rule, args.reach);
        Ok(YieldFeedState { args, pulse, track })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            YieldFeedMsg::BlockMoved(_nudge) => state.look(),
            YieldFeedMsg::Beat => state.pulse.beat(&myself, || YieldFeedMsg::Beat),
        }
        Ok(())
    }
}

impl YieldFeedState {
    fn look(&mut self) {
        let Some(block) = self.args.blocks.read() else {
            let now = self.args.clock.now();
            return self
                .tell(Err(YieldFault::ChainSilent), Err(YieldFault::ChainSilent), |fact| (fact.as_of, fact.block) = (now, None));
        };
        let stamp = block.head.stamp;
        let reading = self.args.source.reading(self.args.slot.of(&block), &stamp);
        let (yields, share) = match reading.map(|reading| self.track.take(&reading)) {
            Ok(Look { yields, share, moved }) => {
                self.moved(moved);
                (yields, share.ok_or_else(|| YieldFault::Unreadable("it has no shares".to_owned())))
            }
            Err(fault) => (Err(fault.clone()), Err(fault)),
        };
        self.tell(yields, share, |fact| (fact.as_of, fact.block) = (stamp.timestamp, Some(stamp.hash)));
    }

    fn tell(&self, yields: Result<Yield, YieldFault>, share: ShareFact, stamp: impl FnOnce(&mut YieldFact)) {
        let (args, payer) = (&self.args, self.args.source.payer());
        args.observer.record(Event::YieldTaken {
            chain: payer.chain.clone(),
            asset: payer.asset.clone(),
            result: yields.as_ref().copied().map_err(YieldFault::label),
            detail: yields.as_ref().err().map(ToString::to_string),
            share: share.as_ref().ok().map(|share| share.rate),
        });
        args.boards.share.publish(share);
        args.boards.yields.modify(|fact| {
            fact.yields = yields;
            stamp(fact);
        });
    }

    fn moved(&self, moved: Option<ShareMove>) {
        let payer = self.args.source.payer();
        let (chain, asset) = (payer.chain.clone(), payer.asset.clone());
        self.args.observer.record(match moved {
            None => return,
            Some(ShareMove::Fell { from, to }) => Event::ShareRateFell { chain, asset, from: from.rate, to: to.rate },
            Some(ShareMove::Jumped { from, to }) => Event::ShareRateJumped { chain, asset, from: from.rate, to: to.rate },
        });
    }
}
