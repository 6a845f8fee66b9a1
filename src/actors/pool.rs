//! One for each pool. On every change of its facts it decides; when the decision is to act it asks for a turn; when it has the turn
//! it decides again on fresh facts and gives its order to the executor. It owns no truth: chain, journal and boards do, and it
//! rebuilds itself from them whenever it is restarted.
//!
//! Here: what it hears and remembers. [`deciding`] turns facts into a decision, [`acting`] brings a decision to the queue and the
//! executor, [`telling`] says what was seen and decided.

mod acting;
mod deciding;
mod telling;
#[cfg(test)]
#[allow(clippy::unchecked_time_subtraction, reason = "a test may panic")]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::{Address, Board, Nudge};
use crate::actors::executor::{ExecutorMsg, OrderId};
use crate::actors::facts::{BlockFact, GasFact, Lanes, Lease, YieldBoards};
use crate::actors::pulse::Pulse;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::turn::Turn;
use crate::domain::decide::Memory;
use crate::domain::ids::{EpisodeId, PoolId};
use crate::domain::mode::Mode;
use crate::domain::operation::LaneRole;
use crate::domain::outcome::Outcome;
use crate::domain::peg::Peg;
use crate::domain::policy::Policy;
use crate::domain::position::{Controls, Mandate, PositionFacts};
use crate::domain::trigger::Class;
use crate::domain::units::Timestamp;
use crate::domain::volatility::Volatility;
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, Drill, Journal, JournalFault, Position};

/// After an order that was refused the pool takes a breath before it asks again, so that a dead node is not hammered.
const BREATH: Duration = Duration::from_secs(1);

/// What it works with.
pub struct PoolArgs {
    /// Its name.
    pub id: PoolId,
    /// What it looks after.
    pub position: Arc<dyn Position>,
    /// The place of the position's answers in the batch, for as long as the pool is there.
    pub lease: Lease,
    /// What the owner holds and allows.
    pub mandate: Mandate,
    /// How far to go.
    pub mode: Mode,
    /// When to act.
    pub policy: Policy,
    /// Facts older than this are not known any more.
    pub max_age: Duration,
    /// Time between two blocks, on the policy clock.
    pub block_time: Duration,
    /// The blocks.
    pub blocks: Board<BlockFact>,
    /// The pegs of its assets, in the mandate's order.
    pub pegs: Vec<Board<Peg>>,
    /// What its assets earn and what a share of them is worth, in the mandate's order; empty where nothing is watched.
    pub earnings: Vec<Earning>,
    /// What gas and ether cost.
    pub gas: Board<GasFact>,
    /// What the lanes of its chain are doing.
    pub lanes: Lanes,
    /// Who carries out orders.
    pub executors: Executors,
    /// What outlives it.
    pub journal: Arc<dyn Journal>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
    /// Where a drill can break it.
    pub drill: Arc<dyn Drill>,
}

/// What is watched of one asset beyond its peg.
#[derive(Clone)]
pub struct Earning {
    /// Where its yield is told, and what a share of it is worth; nothing where nobody watches.
    pub boards: Option<YieldBoards>,
    /// Whether the asset is a share: its peg is then that of its coin, and its worth depends on the rate.
    pub share: bool,
}

/// Who carries out orders, by what they do.
#[derive(Clone, Default)]
pub struct Executors {
    /// Moves weights.
    pub keeper: Address<ExecutorMsg>,
    /// Stops trading; where there is none, the keeper does.
    pub guardian: Option<Address<ExecutorMsg>>,
    /// Trades and leaves with the treasury's money; where there is none, nobody does.
    pub treasury: Option<Address<ExecutorMsg>>,
}

impl Executors {
    /// Who carries out a plan.
    #[must_use]
    pub const fn of(&self, role: LaneRole) -> &Address<ExecutorMsg> {
        match (role, &self.guardian, &self.treasury) {
            (LaneRole::Guardian, Some(guardian), _) => guardian,
            (LaneRole::Treasury, _, Some(treasury)) => treasury,
            _ => &self.keeper,
        }
    }
}

/// The actor.
pub struct Pool;

/// What it hears.
pub enum PoolMsg {
    /// A fact has moved.
    FactsMoved(Nudge),
    /// Look again without a new fact.
    Evaluate,
    /// Ask the journal.
    Recall,
    /// The journal has answered.
    Recalled(Result<Option<Memory>, JournalFault>),
    /// It may send.
    TurnGranted(Turn),
    /// Its request has run out of time.
    TurnExpired,
    /// Its order is settled; the turn comes back.
    Settled {
        /// Which.
        order: OrderId,
        /// How.
        outcome: Outcome,
        /// What the chain holds now, where it was read.
        controls: Option<Controls>,
        /// The permission, to be dropped.
        turn: Turn,
    },
    /// Its order died with an executor, unsettled. The journal has what was written down of it, and whoever follows carries it on.
    OrderLost(OrderId),
    /// Beat.
    Beat,
}

/// How far a rebalance has come.
enum Stage {
    /// Nothing is under way.
    Quiet,
    /// A turn has been asked for.
    Asking { class: Class, episode: Option<EpisodeId> },
    /// A turn is in hand and waits for facts of one block.
    Holding(Turn),
}

/// An order that is with an executor.
#[derive(Clone, Copy, Debug)]
struct Executing {
    order: OrderId,
    class: Class,
    /// The code of its trigger.
    code: &'static str,
}

/// Whether a strange change is one of ours: the journal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inquiry {
    /// There is no strange change.
    None,
    /// The journal has been asked.
    Asked,
    /// It has answered.
    Answered,
}

/// What it remembers.
pub struct PoolState {
    args: Arc<PoolArgs>,
    queue: ActorRef<QueueMsg>,
    pulse: Pulse,
    memory: Option<Memory>,
    inquiry: Inquiry,
    stage: Stage,
    /// Orders that are with an executor. While one for a lesser cause is, only a defence is thought of.
    executing: Vec<Executing>,
    next_order: OrderId,
    /// When the present trigger was first seen, on both clocks.
    triggered: Option<(Timestamp, Duration)>,
    declined: BTreeSet<EpisodeId>,
    last_told: Option<(&'static str, String)>,
    last_kept: Option<Timestamp>,
    /// What was last rehearsed, and when: nothing on the chain changes by it, so it would be rehearsed for ever.
    rehearsed: Option<(&'static str, Timestamp)>,
    last_shown: Option<u64>,
    /// Facts of an older block than this do not show what the last order did.
    not_before_block: u64,
    /// Machine time before which no turn is asked for.
    rest_until: Duration,
    /// Orders in a row that were refused for a reason that may last.
    troubles: u32,
    /// The journal has the latch, so that an operator can take it away there.
    latched_in_journal: bool,
    /// The block at which the journal was last asked whether that, or another end of the waiting, has happened.
    asked_journal_at: Option<u64>,
    /// When the journal was last asked for a human's wish.
    asked_for_wishes: Option<Timestamp>,
    /// How restless the pegs are, in the mandate's order.
    volatility: Vec<Volatility>,
    /// The most that a share of each asset has been worth, in the mandate's order.
    best_rates: Vec<u128>,
    /// The position as decoded from this block.
    seen: Option<(u64, PositionFacts)>,
}

impl Actor for Pool {
    type Msg = PoolMsg;
    type State = PoolState;
    type Arguments = (Arc<PoolArgs>, ActorRef<QueueMsg>);

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        (args, queue): (Arc<PoolArgs>, ActorRef<QueueMsg>),
    ) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("pool {}", args.id));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || PoolMsg::Beat);
        recall(&args, &myself);
        args.blocks.nudge(&myself, PoolMsg::FactsMoved);
        for peg in &args.pegs {
            peg.nudge(&myself, PoolMsg::FactsMoved);
        }
        // A share is only valued with the facts of its own block.
        for boards in args.earnings.iter().filter(|earning| earning.share).filter_map(|earning| earning.boards.as_ref()) {
            boards.share.nudge(&myself, PoolMsg::FactsMoved);
        }
        if args.lanes.are_unknown() {
            let (lanes, myself) = (args.lanes.clone(), myself.clone());
            tokio::spawn(async move {
                lanes.known().await;
                let _ = myself.cast(PoolMsg::Evaluate);
            });
        }
        let pegs = args.pegs.len();
        Ok(PoolState {
            args,
            queue,
            pulse,
            memory: None,
            inquiry: Inquiry::None,
            stage: Stage::Quiet,
            executing: Vec::new(),
            next_order: 1,
            triggered: None,
            declined: BTreeSet::new(),
            last_told: None,
            last_kept: None,
            rehearsed: None,
            last_shown: None,
            not_before_block: 0,
            rest_until: Duration::ZERO,
            troubles: 0,
            latched_in_journal: false,
            asked_journal_at: None,
            asked_for_wishes: None,
            volatility: vec![Volatility::default(); pegs],
            best_rates: vec![0; pegs],
            seen: None,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PoolMsg::FactsMoved(_) | PoolMsg::Evaluate => {}
            PoolMsg::Recall => {
                recall(&state.args, &myself);
                return Ok(());
            }
            PoolMsg::Recalled(Ok(memory)) => state.remember(memory),
            PoolMsg::Recalled(Err(fault)) => {
                state.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
                myself.send_after(BREATH, || PoolMsg::Recall);
                return Ok(());
            }
            PoolMsg::TurnGranted(turn) => {
                state.args.drill.turn_in_hand(&state.args.id).await;
                state.hold_turn(turn);
            }
            PoolMsg::TurnExpired => state.expire(),
            PoolMsg::Settled { order, outcome, controls, turn } => {
                state.settle(&myself, order, &outcome, controls);
                drop(turn);
            }
            PoolMsg::OrderLost(order) => state.lose(&myself, order),
            PoolMsg::Beat => {
                state.pulse.beat(&myself, || PoolMsg::Beat);
                return Ok(());
            }
        }
        state.args.drill.evaluating(&state.args.id).await;
        state.evaluate(&myself);
        Ok(())
    }
}

/// Asks the journal what is remembered of the pool.
fn recall(args: &Arc<PoolArgs>, myself: &ActorRef<PoolMsg>) {
    let (journal, id, myself) = (args.journal.clone(), args.id.clone(), myself.clone());
    tokio::spawn(async move {
        let _ = myself.cast(PoolMsg::Recalled(journal.recall_pool(&id).await));
    });
}

impl PoolState {
    /// Takes what the journal remembers; what it could not be told is still known here.
    fn remember(&mut self, recalled: Option<Memory>) {
        let known = self.memory.take();
        let clocks = known.as_ref().map(|memory| (memory.composition_off_since, memory.yield_gap_since, memory.sound_since));
        let (composition_off_since, yield_gap_since, sound_since) = clocks.unwrap_or_default();
        let latch = known.as_ref().and_then(|memory| memory.latch.clone());
        let first_seen = self.args.clock.now();
        let found = recalled.as_ref().is_some_and(|memory| memory.latch.is_some());
        // What the journal had and has no more, an operator has taken away.
        let latch = if self.latched_in_journal && !found { None } else { latch };
        self.latched_in_journal = found;
        let memory = recalled.or(known).unwrap_or(Memory { first_seen, ..Memory::default() });
        if self.inquiry == Inquiry::Asked {
            self.inquiry = Inquiry::Answered;
        }
        let latch = latch.or(memory.latch);
        self.memory = Some(Memory { latch, composition_off_since, yield_gap_since, sound_since, ..memory });
    }

    /// Writes to the journal in a task of its own: a handler never waits for it.
    fn write<F>(&self, work: impl FnOnce(Arc<dyn Journal>) -> F)
    where
        F: Future<Output = Result<(), JournalFault>> + Send + 'static,
    {
        let (observer, work) = (self.args.observer.clone(), work(self.args.journal.clone()));
        tokio::spawn(async move {
            if let Err(fault) = work.await {
                observer.record(Event::JournalFailed { fault: fault.to_string() });
            }
        });
    }
}
