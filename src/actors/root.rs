//! The top of the tree: the alerter, the peg watches, the sources off the chain, and the chains. When it dies the process ends, with a code of its own, and
//! whoever runs the process starts it again.

#[cfg(test)]
#[allow(clippy::unchecked_time_subtraction, reason = "a test may panic")]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent};

use crate::actors::alerter::{Alerter, AlerterArgs, AlerterMsg};
use crate::actors::board::Address;
use crate::actors::chain::{Chain, ChainArgs, ChainMsg};
use crate::actors::peg_watch::{PegWatch, PegWatchArgs, PegWatchMsg};
use crate::actors::price_stream::{PriceStreamArgs, PriceStreamer};
use crate::actors::pulse::Pulse;
use crate::actors::supervise::{Child, Nursery, Supervision};
use crate::domain::ids::{AssetId, ChainName, SourceId};
use crate::observe::heartbeat::Heartbeats;
use crate::ports::Clock;

/// What it works with: the arguments of every child.
#[derive(Clone)]
pub struct RootArgs {
    /// For the alerter.
    pub alerter: AlerterArgs,
    /// Where events for people go.
    pub alerter_address: Address<AlerterMsg>,
    /// For each peg watch, and where its readings go.
    pub pegs: Vec<(PegWatchArgs, Address<PegWatchMsg>)>,
    /// For each source off the chain.
    pub streams: Vec<PriceStreamArgs>,
    /// How children are restarted.
    pub supervision: Supervision,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct Root;

/// What it hears.
pub enum RootMsg {
    /// Start a child, again or for the first time.
    Spawn(RootChild),
    /// Look after a chain from now on. Chains come one by one, when their nodes have been heard: a dead node of one chain keeps no
    /// other from running.
    Adopt(Arc<ChainArgs>),
    /// Stop granting and taking orders: the process shuts down. Answers when no death is mourned any more.
    Close(RpcReplyPort<()>),
    /// Beat.
    Beat,
}

/// Its children.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RootChild {
    /// Talks to people.
    Alerter,
    /// Watches one peg.
    PegWatch(AssetId),
    /// Keeps one source off the chain connected.
    PriceStream(SourceId),
    /// Looks after one chain.
    Chain(ChainName),
}

impl Child for RootChild {
    fn name(&self) -> String {
        match self {
            Self::Alerter => "alerter".to_owned(),
            Self::PegWatch(asset) => format!("peg watch {asset}"),
            Self::PriceStream(source) => format!("price stream {source}"),
            Self::Chain(chain) => format!("chain {chain}"),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Alerter => "alerter",
            Self::PegWatch(_) => "peg_watch",
            Self::PriceStream(_) => "price_stream",
            Self::Chain(_) => "chain",
        }
    }
}

/// What it remembers.
pub struct RootState {
    args: RootArgs,
    pulse: Pulse,
    nursery: Nursery<RootChild>,
    adopted: Vec<Arc<ChainArgs>>,
    chains: HashMap<ChainName, ActorRef<ChainMsg>>,
}

impl Actor for Root {
    type Msg = RootMsg;
    type State = RootState;
    type Arguments = RootArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: RootArgs) -> Result<Self::State, ActorProcessingErr> {
        let pulse = Pulse::start(args.hearts.register("root".to_owned()), args.clock.clone(), &myself, || RootMsg::Beat);
        myself.cast(RootMsg::Spawn(RootChild::Alerter))?;
        for (peg, _) in &args.pegs {
            myself.cast(RootMsg::Spawn(RootChild::PegWatch(peg.asset.clone())))?;
        }
        for args in &args.streams {
            myself.cast(RootMsg::Spawn(RootChild::PriceStream(args.stream.source().id.clone())))?;
        }
        let nursery = Nursery::new(args.supervision.clone());
        Ok(RootState { args, pulse, nursery, adopted: Vec::new(), chains: HashMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RootMsg::Spawn(_) if state.nursery.is_closed() => {}
            RootMsg::Spawn(child) => {
                let began = state.args.clock.uptime();
                match state.spawn(&child, &myself).await {
                    Ok(Some(cell)) => state.nursery.adopt(child, cell, began),
                    Ok(None) => {}
                    Err(fault) => state.nursery.stillborn(child, &fault.to_string()).arm(&myself, RootMsg::Spawn),
                }
            }
            RootMsg::Adopt(chain) => {
                let child = RootChild::Chain(chain.name.clone());
                state.adopted.push(chain);
                myself.cast(RootMsg::Spawn(child))?;
            }
            RootMsg::Close(reply_to) => {
                state.nursery.close();
                for chain in state.chains.values() {
                    // A chain that is gone takes no orders either.
                    let _ = chain.cast(ChainMsg::Close);
                }
                // Whoever asked and has gone does not need to know.
                let _ = reply_to.send(());
            }
            RootMsg::Beat => state.pulse.beat(&myself, || RootMsg::Beat),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(death) = state.nursery.hear(&event) {
            death.arm(&myself, RootMsg::Spawn);
        }
        Ok(())
    }
}

impl RootState {
    async fn spawn(&mut self, child: &RootChild, myself: &ActorRef<RootMsg>) -> Result<Option<ActorCell>, SpawnErr> {
        let supervisor = myself.get_cell();
        let cell = match child {
            RootChild::Alerter => {
                let (alerter, _) = Actor::spawn_linked(None, Alerter, self.args.alerter.clone(), supervisor).await?;
                self.args.alerter_address.moved_in(alerter.clone());
                alerter.get_cell()
            }
            RootChild::PegWatch(asset) => {
                let Some((args, address)) = self.args.pegs.iter().find(|(args, _)| args.asset == *asset) else { return Ok(None) };
                let (watch, _) = Actor::spawn_linked(None, PegWatch, args.clone(), supervisor).await?;
                address.moved_in(watch.clone());
                watch.get_cell()
            }
            RootChild::PriceStream(source) => {
                let Some(args) = self.args.streams.iter().find(|args| args.stream.source().id == *source) else {
                    return Ok(None);
                };
                Actor::spawn_linked(None, PriceStreamer, args.clone(), supervisor).await?.0.get_cell()
            }
            RootChild::Chain(name) => {
                let Some(args) = self.adopted.iter().find(|chain| chain.name == *name) else { return Ok(None) };
                let (chain, _) = Actor::spawn_linked(None, Chain, args.clone(), supervisor).await?;
                self.chains.insert(name.clone(), chain.clone());
                chain.get_cell()
            }
        };
        Ok(Some(cell))
    }
}
