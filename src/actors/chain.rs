//! One for each configured chain: starts and restarts the block reader, the price feeds, the gas oracle, the executors of its
//! lanes and the queue. It decides nothing; it only sees to it that each of them is there.

use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};

use crate::actors::block_reader::{BlockReader, BlockReaderArgs};
use crate::actors::board::Address;
use crate::actors::executor::{Executor, ExecutorArgs, ExecutorMsg};
use crate::actors::gas_oracle::{GasOracle, GasOracleArgs};
use crate::actors::price_feed::{PriceFeed, PriceFeedArgs};
use crate::actors::pulse::Pulse;
use crate::actors::rebalance_queue::{QueueMsg, RebalanceQueue, RebalanceQueueArgs};
use crate::actors::supervise::{Child, Nursery, Supervision};
use crate::actors::yield_check::{YieldCheck, YieldCheckArgs};
use crate::actors::yield_feed::{YieldFeed, YieldFeedArgs};
use crate::domain::ids::{ChainName, SourceId};
use crate::domain::operation::LaneRole;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::Clock;

/// What it works with: the arguments of every child.
#[derive(Clone)]
pub struct ChainArgs {
    /// Its name.
    pub name: ChainName,
    /// For the block reader.
    pub block_reader: BlockReaderArgs,
    /// For each price feed.
    pub feeds: Vec<PriceFeedArgs>,
    /// For each yield feed.
    pub yields: Vec<YieldFeedArgs>,
    /// For each yield that is compared with another's word.
    pub checks: Vec<YieldCheckArgs>,
    /// For the gas oracle.
    pub gas_oracle: GasOracleArgs,
    /// For the executor of each lane, with where pools find it.
    pub executors: Vec<(ExecutorArgs, Address<ExecutorMsg>)>,
    /// For the queue.
    pub queue: RebalanceQueueArgs,
    /// Where the queue is found, for the shutdown.
    pub queue_address: Address<QueueMsg>,
    /// How children are restarted.
    pub supervision: Supervision,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct Chain;

/// What it hears.
pub enum ChainMsg {
    /// Start a child, again or for the first time.
    Spawn(ChainChild),
    /// Stop granting and taking orders: the process shuts down.
    Close,
    /// Beat.
    Beat,
}

/// Its children.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChainChild {
    /// Reads blocks.
    BlockReader(ChainName),
    /// Judges one source.
    PriceFeed(SourceId),
    /// Judges one yield.
    YieldFeed(SourceId),
    /// Compares one yield.
    YieldCheck(SourceId),
    /// Watches gas.
    GasOracle(ChainName),
    /// Sends, on one lane.
    Executor(ChainName, LaneRole),
    /// Hands out turns.
    Queue(ChainName),
}

impl Child for ChainChild {
    fn name(&self) -> String {
        match self {
            Self::PriceFeed(source) => format!("price feed {source}"),
            Self::YieldFeed(source) => format!("yield feed {source}"),
            Self::YieldCheck(source) => format!("yield check {source}"),
            Self::Executor(chain, role) => format!("executor {chain} {role}"),
            Self::BlockReader(chain) | Self::GasOracle(chain) | Self::Queue(chain) => {
                format!("{} {chain}", self.kind().replace('_', " "))
            }
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::BlockReader(_) => "block_reader",
            Self::PriceFeed(_) => "price_feed",
            Self::YieldFeed(_) => "yield_feed",
            Self::YieldCheck(_) => "yield_check",
            Self::GasOracle(_) => "gas_oracle",
            Self::Executor(..) => "executor",
            Self::Queue(_) => "rebalance_queue",
        }
    }
}

/// What it remembers.
pub struct ChainState {
    args: Arc<ChainArgs>,
    pulse: Pulse,
    nursery: Nursery<ChainChild>,
}

impl Actor for Chain {
    type Msg = ChainMsg;
    type State = ChainState;
    type Arguments = Arc<ChainArgs>;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: Arc<ChainArgs>) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("chain {}", args.name));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || ChainMsg::Beat);
        // Those who read come before those who are read: nothing is lost either way, it only settles faster.
        for (executor, _) in &args.executors {
            myself.cast(ChainMsg::Spawn(ChainChild::Executor(args.name.clone(), executor.role)))?;
        }
        myself.cast(ChainMsg::Spawn(ChainChild::GasOracle(args.name.clone())))?;
        for feed in &args.feeds {
            myself.cast(ChainMsg::Spawn(ChainChild::PriceFeed(feed.source.source().id.clone())))?;
        }
        for feed in &args.yields {
            myself.cast(ChainMsg::Spawn(ChainChild::YieldFeed(feed.source.payer().id.clone())))?;
        }
        for check in &args.checks {
            myself.cast(ChainMsg::Spawn(ChainChild::YieldCheck(check.payer.id.clone())))?;
        }
        myself.cast(ChainMsg::Spawn(ChainChild::Queue(args.name.clone())))?;
        myself.cast(ChainMsg::Spawn(ChainChild::BlockReader(args.name.clone())))?;
        let nursery = Nursery::new(args.supervision.clone());
        Ok(ChainState { args, pulse, nursery })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ChainMsg::Spawn(_) if state.nursery.is_closed() => {}
            ChainMsg::Spawn(child) => {
                let began = state.args.clock.uptime();
                match spawn(&state.args, &child, &myself).await {
                    Ok(Some(cell)) => state.nursery.adopt(child, cell, began),
                    Ok(None) => {}
                    Err(fault) => state.nursery.stillborn(child, &fault.to_string()).arm(&myself, ChainMsg::Spawn),
                }
            }
            ChainMsg::Close => {
                state.nursery.close();
                state.args.queue_address.cast(QueueMsg::Close);
                for (_, executor) in &state.args.executors {
                    executor.cast(ExecutorMsg::Close);
                }
            }
            ChainMsg::Beat => state.pulse.beat(&myself, || ChainMsg::Beat),
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
            death.arm(&myself, ChainMsg::Spawn);
        }
        Ok(())
    }
}

/// Starts one child. Starting reads nothing and asks nobody, so it does not keep the supervisor from listening.
async fn spawn(args: &ChainArgs, child: &ChainChild, myself: &ActorRef<ChainMsg>) -> Result<Option<ActorCell>, SpawnErr> {
    let supervisor = myself.get_cell();
    let cell = match child {
        ChainChild::BlockReader(_) => {
            Actor::spawn_linked(None, BlockReader, args.block_reader.clone(), supervisor).await?.0.get_cell()
        }
        ChainChild::PriceFeed(source) => {
            let Some(feed) = args.feeds.iter().find(|feed| feed.source.source().id == *source) else { return Ok(None) };
            Actor::spawn_linked(None, PriceFeed, feed.clone(), supervisor).await?.0.get_cell()
        }
        ChainChild::YieldFeed(source) => {
            let Some(feed) = args.yields.iter().find(|feed| feed.source.payer().id == *source) else { return Ok(None) };
            Actor::spawn_linked(None, YieldFeed, feed.clone(), supervisor).await?.0.get_cell()
        }
        ChainChild::YieldCheck(source) => {
            let Some(check) = args.checks.iter().find(|check| check.payer.id == *source) else { return Ok(None) };
            Actor::spawn_linked(None, YieldCheck, check.clone(), supervisor).await?.0.get_cell()
        }
        ChainChild::GasOracle(_) => Actor::spawn_linked(None, GasOracle, args.gas_oracle.clone(), supervisor).await?.0.get_cell(),
        ChainChild::Executor(_, role) => {
            let Some((lane, address)) = args.executors.iter().find(|(lane, _)| lane.role == *role) else { return Ok(None) };
            let (executor, _) = Actor::spawn_linked(None, Executor, lane.clone(), supervisor).await?;
            address.moved_in(executor.clone());
            executor.get_cell()
        }
        ChainChild::Queue(_) => {
            let (queue, _) = Actor::spawn_linked(None, RebalanceQueue, args.queue.clone(), supervisor).await?;
            args.queue_address.moved_in(queue.clone());
            queue.get_cell()
        }
    };
    Ok(Some(cell))
}
