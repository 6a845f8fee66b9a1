//! The one writer of a lane (a chain and a signer). It takes an order with its turn, simulates, pins a nonce, signs, hands the bytes
//! to the network, and watches every attempt until one is in a block; too slow, it is replaced with a higher fee, and at the
//! deadline cancelled, so that a late transaction never compresses a ramp. Then it reads the ramp back and compares.
//!
//! One operation is in flight at a time; only protective ones may follow each other with consecutive nonces.
//!
//! Here: what it hears, how the lane begins, and what the lane shows. [`operation`] is one order on its way, [`sending`] brings it
//! to the network, [`watching`] follows it from there to its end.

mod operation;
mod sending;
#[cfg(test)]
mod tests;
mod watching;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use operation::Operation;
pub use operation::{Order, ReplyTo, deviation};

use crate::actors::board::{Board, Nudge};
use crate::actors::facts::{BlockFact, GasFact, Lane};
use crate::actors::pulse::Pulse;
use crate::domain::ids::{ChainName, PoolId};
use crate::domain::outcome::Inclusion;
use crate::domain::position::PositionFacts;
use crate::domain::units::{GasPrice, Timestamp};
use crate::observe::Observer;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{Broadcast, Clock, Head, Journal, LinkFault, Receipt, SendFault, TransactionSender};

/// How long to wait before asking a node again for what the lane needs to begin.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A request that takes longer has failed, whatever the adapter thinks: a lane does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it works with.
#[derive(Clone)]
pub struct ExecutorArgs {
    /// The chain.
    pub chain: ChainName,
    /// Signs and sends.
    pub sender: Arc<dyn TransactionSender>,
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

/// The actor.
pub struct Executor;

/// Names an operation within the life of the executor.
type OpId = u64;

/// What it hears. Answers of tasks name their operation; one that is gone hears nothing.
pub enum ExecutorMsg {
    /// Carry out an order.
    Execute(Box<Order>),
    /// Find out the nonce.
    Recover,
    /// The node's nonces: of the newest block, and after all that it holds.
    Recovered(Result<(u64, u64), SendFault>),
    /// The simulation has ended with the gas that the call needs, and the nonce of the newest block.
    Simulated(OpId, Result<(u64, u64), SendFault>),
    /// A node has answered to a broadcast.
    Answered(OpId, B256, Broadcast),
    /// There is another block.
    BlockMoved(Nudge),
    /// Receipts have been looked for.
    Looked(OpId, Result<Option<(B256, Receipt, Head)>, SendFault>),
    /// The ramp has been read back and accounted for.
    Verified(OpId, Box<(Inclusion, Fate, Result<PositionFacts, String>)>),
    /// Take no more orders: the process shuts down. What is in flight is finished.
    Close,
    /// Beat.
    Beat,
}

/// What an included attempt did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// What was ordered.
    CarriedOut,
    /// Nothing: it reverted.
    Reverted,
    /// Nothing: it is the cancellation.
    Cancelled,
}

/// What it remembers.
pub struct ExecutorState {
    args: ExecutorArgs,
    pulse: Pulse,
    /// The nonce of the next operation; `None` while the lane recovers.
    next_nonce: Option<u64>,
    recovery: Recovery,
    next_op: OpId,
    operations: BTreeMap<OpId, Operation>,
    /// Whose operations a former life has left in flight.
    orphans: Vec<PoolId>,
    busy_since: Timestamp,
    last_sent: Option<Timestamp>,
    /// Height of the newest block that was heard of.
    newest_block: u64,
    closed: bool,
}

/// How the lane finds out its nonce. One question is under way at a time: an old answer would name a nonce that is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recovery {
    /// Not needed.
    Done,
    /// A question is under way, or will be in a moment.
    Asking {
        /// Something was in flight that nobody here remembers.
        suspect: bool,
    },
    /// What was in flight has landed: the pools must have seen a later block than this before they may order anything.
    AwaitingBlock(u64),
}

impl Actor for Executor {
    type Msg = ExecutorMsg;
    type State = ExecutorState;
    type Arguments = ExecutorArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: ExecutorArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("executor {}", args.chain));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || ExecutorMsg::Beat);
        // The spacing outlives a crash of this actor, and so does whose operations it carried: the board remembers.
        let (orphans, last_sent) = match args.lane.read() {
            Lane::Busy { pools, last_sent, .. } | Lane::Orphaned { pools, last_sent } => (pools, last_sent),
            Lane::Idle { last_sent } => (Vec::new(), last_sent),
            Lane::Recovering => (Vec::new(), None),
        };
        let newest_block = args.blocks.read().map_or(0, |block| block.head.stamp.number);
        args.blocks.nudge(&myself, ExecutorMsg::BlockMoved);
        myself.cast(ExecutorMsg::Recover)?;
        let state = ExecutorState {
            pulse,
            next_nonce: None,
            recovery: Recovery::Asking { suspect: !orphans.is_empty() },
            next_op: 1,
            operations: BTreeMap::new(),
            orphans,
            busy_since: args.clock.now(),
            last_sent,
            newest_block,
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
            ExecutorMsg::Recover => state.ask_nonces(&myself),
            ExecutorMsg::Recovered(nonces) => state.recovered(&myself, nonces),
            ExecutorMsg::Simulated(op, simulated) => state.simulated(&myself, op, simulated),
            ExecutorMsg::Answered(op, hash, answer) => state.answered(&myself, op, hash, answer),
            ExecutorMsg::BlockMoved(_nudge) => state.block_moved(&myself),
            ExecutorMsg::Looked(op, found) => state.looked(&myself, op, &found),
            ExecutorMsg::Verified(op, verified) => state.verified(op, *verified),
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
    /// From here on the nonce is not known.
    fn recover(&mut self, myself: &ActorRef<ExecutorMsg>) {
        self.next_nonce = None;
        if self.recovery == Recovery::Done {
            self.recovery = Recovery::Asking { suspect: false };
            self.ask_nonces(myself);
        }
    }

    fn ask_nonces(&self, myself: &ActorRef<ExecutorMsg>) {
        let (sender, myself) = (self.args.sender.clone(), myself.clone());
        tokio::spawn(async move {
            let nonces = in_time(async {
                let view = sender.account().await?;
                Ok((view.next_nonce, view.pending_nonce))
            })
            .await;
            let _ = myself.cast(ExecutorMsg::Recovered(nonces));
        });
    }

    /// The lane begins when the node holds nothing of this account: otherwise a former life of this actor, or someone else, has a
    /// transaction on its way, and its fate comes first. So does the fate of the operations that this life still has.
    fn recovered(&mut self, myself: &ActorRef<ExecutorMsg>, nonces: Result<(u64, u64), SendFault>) {
        let Recovery::Asking { suspect } = self.recovery else { return };
        match nonces {
            Ok((latest, pending)) if pending <= latest && self.operations.is_empty() => {
                if suspect {
                    self.recovery = Recovery::AwaitingBlock(self.newest_block);
                } else {
                    self.recovery = Recovery::Done;
                    self.orphans.clear();
                    self.next_nonce = Some(latest);
                }
            }
            other => {
                tracing::debug!(chain = %self.args.chain, ?other, "lane not ready");
                // What is on its way of this life's own operations is no stranger.
                let pending = self.operations.is_empty() && matches!(other, Ok((latest, pending)) if pending > latest);
                self.recovery = Recovery::Asking { suspect: suspect || pending };
                myself.send_after(ASK_AGAIN, || ExecutorMsg::Recover);
            }
        }
    }

    fn note_block(&mut self, myself: &ActorRef<ExecutorMsg>, number: u64) {
        self.newest_block = number;
        if matches!(self.recovery, Recovery::AwaitingBlock(landed) if number > landed) {
            self.recovery = Recovery::Asking { suspect: false };
            self.ask_nonces(myself);
        }
    }

    fn show(&self) {
        let last_sent = self.last_sent;
        let lane = if !self.operations.is_empty() {
            let pools = self.operations.values().map(|op| op.order.pool.clone()).collect();
            Lane::Busy { pools, since: self.busy_since, last_sent }
        } else if self.next_nonce.is_some() {
            Lane::Idle { last_sent }
        } else if last_sent.is_none() && self.orphans.is_empty() {
            Lane::Recovering
        } else {
            Lane::Orphaned { pools: self.orphans.clone(), last_sent }
        };
        if self.args.lane.read() != lane {
            self.args.lane.publish(lane);
        }
    }
}

/// A node that never answers is one that cannot be reached.
async fn in_time<T>(answer: impl Future<Output = Result<T, SendFault>> + Send) -> Result<T, SendFault> {
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(SendFault::Link(LinkFault::TimedOut(PATIENCE))))
}
