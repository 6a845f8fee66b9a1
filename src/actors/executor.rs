//! The one writer of a lane (a chain and a signer). It takes an order with its turn, writes down why, simulates, gives it a nonce,
//! signs, and hands the bytes to the network only after they are in the journal. It watches every attempt until one is in a block;
//! too slow, it is replaced with a higher fee, and at the deadline taken back, so that a late transaction never compresses a ramp.
//! Then it reads the position back and compares, and goes on watching until the block is final.
//!
//! An operation lives in the journal, not here: whoever dies, the next executor of the lane takes up what is written down. One
//! operation is in flight at a time; only protective ones follow each other with consecutive nonces, and what is less urgent gives
//! way to them.
//!
//! Here: what it hears, and what the lane shows. [`lane`] is how a lane begins and when it stands still, [`operation`] is one
//! operation in hand, [`sending`] brings it to the network, [`pushing`] raises its fee or takes it back, [`watching`] follows it
//! into a block, [`landed`] from there to finality, [`ending`] tells how it went.

mod ending;
mod landed;
mod lane;
mod operation;
mod pushing;
mod sending;
#[cfg(test)]
mod tests;
mod watching;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use ending::Verified;
use landed::Checked;
use lane::{Phase, Surveyed, Unsurveyed};
use operation::Operation;
pub use operation::{Order, OrderId, ReplyTo, deviation};
use sending::{Begun, Miscarriage};

use crate::actors::board::{Board, Nudge};
use crate::actors::facts::{BlockFact, GasFact, Lane};
use crate::actors::pulse::Pulse;
use crate::domain::budget::Budget;
use crate::domain::finality::Finality;
use crate::domain::ids::{ChainName, PoolId};
use crate::domain::operation::{LaneKey, LaneRole, OperationId, OperationRecord};
use crate::domain::outcome::Refusal;
use crate::domain::route::Route;
use crate::domain::trigger::PerClass;
use crate::domain::units::{GasPrice, Timestamp};
use crate::observe::Observer;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::journal::Pen;
use crate::ports::{
    AccountView, Broadcast, Clock, Journal, JournalFault, LinkFault, Position, SendFault, Sighting, TransactionSender,
};

/// How long to wait before asking again for what the lane needs to begin, or to go on.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The pause doubles while nobody answers, up to this.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
/// A request that takes longer has failed, whatever the adapter thinks: a lane does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Positions by pool.
pub type Positions = BTreeMap<PoolId, Arc<dyn Position>>;

/// What it works with.
#[derive(Clone)]
pub struct ExecutorArgs {
    /// The chain.
    pub chain: ChainName,
    /// Its EIP-155 number.
    pub chain_id: u64,
    /// What the lane is for.
    pub role: LaneRole,
    /// Who writes it, for people.
    pub holder: String,
    /// Signs and sends.
    pub sender: Arc<dyn TransactionSender>,
    /// The positions of the chain's pools, of those too that have left since the start: what a former life has begun is read back
    /// with them.
    pub positions: Board<Positions>,
    /// What the lane is doing.
    pub lane: Board<Lane>,
    /// The life of the queue whose turns count.
    pub epoch: Board<u64>,
    /// The blocks.
    pub blocks: Board<BlockFact>,
    /// What gas costs.
    pub gas: Board<GasFact>,
    /// Time between two blocks, on the policy clock.
    pub block_time: Duration,
    /// Blocks without inclusion after which an attempt is replaced.
    pub bump_after_blocks: u64,
    /// The most that a cancellation pays: higher than the other caps, or it could not push a stuck transaction out.
    pub cancel_cap: GasPrice,
    /// When a block counts as final.
    pub finality: Finality,
    /// By which way each class goes.
    pub routes: PerClass<Route>,
    /// What the lane may spend in a day.
    pub budget: Budget,
    /// Prefix of links to transactions.
    pub explorer: Option<String>,
    /// What outlives it.
    pub journal: Arc<dyn Journal>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

impl ExecutorArgs {
    fn key(&self) -> LaneKey {
        LaneKey { chain_id: self.chain_id, signer: self.sender.address() }
    }
}

/// The actor.
pub struct Executor;

/// Names an operation within the life of the executor.
type OpId = u64;

/// What it hears. Answers of tasks name their operation; one that is gone hears nothing.
pub enum ExecutorMsg {
    /// Carry out an order.
    Execute(Box<Order>),
    /// Read the journal, and ask for the account.
    Survey,
    /// What both said.
    Surveyed(Result<Box<Surveyed>, Unsurveyed>),
    /// An operation is written down and has been simulated.
    Begun(OpId, Result<Box<Begun>, Refusal>),
    /// An order of a pool that is not live has been simulated.
    Rehearsed(Box<Order>, Result<u64, SendFault>),
    /// An operation is about to be handed over, or cannot be.
    Launched(OpId, Result<Box<OperationRecord>, Miscarriage>),
    /// A raise or a cancellation is about to be handed over, or could not be.
    Pushed(OpId, Result<Box<OperationRecord>, Miscarriage>),
    /// The endpoints have answered to a broadcast.
    Answered(OpId, B256, Broadcast),
    /// There is another block.
    BlockMoved(Nudge),
    /// Receipts have been looked for.
    Looked(OpId, Result<Sighting, SendFault>),
    /// The position could not be read back, for its block is not there.
    Vanished(OpId),
    /// The position has been read back, and the inclusion is written down.
    Verified(OpId, Box<Verified>),
    /// A block with an operation of ours has been looked at again.
    Checked(OpId, Checked),
    /// A step that ends an operation, or stops the lane, is written down or is not.
    Ended(OpId, Refusal, Result<Box<OperationRecord>, JournalFault>),
    /// The chain's own word on what is final.
    Finalised(Result<u64, SendFault>),
    /// What operators want back.
    WantedBack(Vec<OperationId>),
    /// What the account holds.
    AccountSeen(Result<AccountView, SendFault>),
    /// Another process has taken over the lane.
    Fenced,
    /// A task of this executor has panicked: nobody knows what it has done.
    WorkPanicked,
    /// Take no more orders: the process shuts down. What is in flight is finished.
    Close,
    /// Beat.
    Beat,
}

/// What it remembers.
pub struct ExecutorState {
    args: ExecutorArgs,
    pulse: Pulse,
    phase: Phase,
    /// A survey is under way.
    surveying: bool,
    /// Surveys in a row that nobody answered.
    silences: u32,
    /// The right to write; `None` until the journal has been opened.
    pen: Option<Pen>,
    /// What the journal has is in hand.
    adopted: bool,
    /// The nonce of the next operation; `None` while the lane is surveyed or stands still.
    next_nonce: Option<u64>,
    next_op: OpId,
    operations: BTreeMap<OpId, Operation>,
    /// Whose operations a former life of this process had in flight; `None` while nobody knows.
    suspects: Option<Vec<PoolId>>,
    busy_since: Timestamp,
    last_sent: Option<Timestamp>,
    /// Height and hash of the newest block that was heard of.
    newest: (u64, B256),
    /// The newest height that the chain calls final.
    finalised: Option<u64>,
    closed: bool,
}

impl Actor for Executor {
    type Msg = ExecutorMsg;
    type State = ExecutorState;
    type Arguments = ExecutorArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: ExecutorArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("executor {} {}", args.chain, args.role));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || ExecutorMsg::Beat);
        // The board outlives a crash of this actor: whose operations it carried is known before the journal has answered.
        let (suspects, last_sent) = match args.lane.read() {
            Lane::Busy { pools, last_sent, .. } | Lane::Stopped { pools, last_sent, .. } => (Some(pools), last_sent),
            Lane::Recovering { pools, last_sent } => (pools, last_sent),
            Lane::Idle { last_sent } => (Some(Vec::new()), last_sent),
        };
        let newest = args.blocks.read().map_or((0, B256::ZERO), |block| (block.head.stamp.number, block.head.stamp.hash));
        args.blocks.nudge(&myself, ExecutorMsg::BlockMoved);
        myself.cast(ExecutorMsg::Survey)?;
        let state = ExecutorState {
            pulse,
            phase: Phase::Surveying,
            surveying: false,
            silences: 0,
            pen: None,
            adopted: false,
            next_nonce: None,
            next_op: 1,
            operations: BTreeMap::new(),
            suspects,
            busy_since: args.clock.now(),
            last_sent,
            newest,
            finalised: None,
            closed: false,
            args,
        };
        state.show();
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ExecutorMsg::Execute(order) => state.take(&myself, *order),
            ExecutorMsg::Survey => state.survey(&myself),
            ExecutorMsg::Surveyed(surveyed) => state.surveyed(&myself, surveyed),
            ExecutorMsg::Begun(op, begun) => state.begun(&myself, op, begun),
            ExecutorMsg::Rehearsed(order, simulated) => state.rehearsed(*order, simulated),
            ExecutorMsg::Launched(op, launched) => state.launched(&myself, op, launched),
            ExecutorMsg::Pushed(op, pushed) => state.pushed(&myself, op, pushed),
            ExecutorMsg::Answered(op, hash, answer) => state.answered(&myself, op, hash, &answer),
            ExecutorMsg::BlockMoved(_nudge) => state.block_moved(&myself),
            ExecutorMsg::Looked(op, sighting) => state.looked(&myself, op, &sighting),
            ExecutorMsg::Vanished(op) => state.vanished(op),
            ExecutorMsg::Verified(op, verified) => state.verified(&myself, op, *verified),
            ExecutorMsg::Checked(op, checked) => state.checked(&myself, op, checked),
            ExecutorMsg::Ended(op, refusal, written) => state.ended(&myself, op, refusal, written),
            ExecutorMsg::Finalised(height) => state.finalised(&myself, &height),
            ExecutorMsg::WantedBack(wanted) => state.wanted_back(&myself, &wanted),
            ExecutorMsg::AccountSeen(view) => state.account_seen(&view),
            ExecutorMsg::Fenced => state.fenced(),
            ExecutorMsg::WorkPanicked => return Err("a task of it panicked".into()),
            ExecutorMsg::Close => state.closed = true,
            ExecutorMsg::Beat => {
                state.pulse.beat(&myself, || ExecutorMsg::Beat);
                return Ok(());
            }
        }
        state.show();
        Ok(())
    }
}

impl ExecutorState {
    fn show(&self) {
        let last_sent = self.last_sent;
        let in_flight = || self.operations.values().filter(|operation| operation.occupies_lane());
        let pools: Vec<PoolId> = in_flight().map(|operation| operation.pool.clone()).collect();
        let lane = match &self.phase {
            Phase::Surveying if !self.adopted => Lane::Recovering { pools: self.suspects.clone(), last_sent },
            Phase::Stopped(reason) => Lane::Stopped { reason: reason.clone(), pools, last_sent },
            Phase::Surveying if pools.is_empty() => Lane::Recovering { pools: Some(pools), last_sent },
            Phase::Settling { .. } if pools.is_empty() => Lane::Recovering { pools: self.suspects.clone(), last_sent },
            _ if pools.is_empty() => Lane::Idle { last_sent },
            _ => {
                let yields = self.next_nonce.is_some() && in_flight().all(|operation| !operation.is_protective());
                Lane::Busy { pools, since: self.busy_since, last_sent, yields }
            }
        };
        if self.args.lane.read() != lane {
            self.args.lane.publish(lane);
        }
    }

    fn operation(&mut self, op: OpId) -> Option<&mut Operation> {
        self.operations.get_mut(&op)
    }

    /// The operations of the lane in the order of their nonces: of those that have none yet, the oldest order comes first.
    fn in_order(&self) -> Vec<OpId> {
        let mut all: Vec<(u64, OpId)> =
            self.operations.iter().map(|(op, operation)| (operation.nonce().unwrap_or(u64::MAX), *op)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, op)| op).collect()
    }
}

/// Runs work that answers by a message. Work that panics answers all the same, and takes the executor with it: its successor finds in
/// the journal how far it had come.
fn watched(myself: ActorRef<ExecutorMsg>, work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        if tokio::spawn(work).await.is_err_and(|end| end.is_panic()) {
            let _ = myself.cast(ExecutorMsg::WorkPanicked);
        }
    });
}

/// An endpoint that never answers is one that cannot be reached.
async fn in_time<T>(answer: impl Future<Output = Result<T, SendFault>> + Send) -> Result<T, SendFault> {
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(SendFault::Link(LinkFault::TimedOut(PATIENCE))))
}

/// A journal that never answers has failed. Whether the write was done is not known then.
async fn written<T>(write: impl Future<Output = Result<T, JournalFault>> + Send) -> Result<T, JournalFault> {
    let silent = |_| Err(JournalFault::Failed(format!("no answer within {PATIENCE:?}")));
    tokio::time::timeout(PATIENCE, write).await.unwrap_or_else(silent)
}
