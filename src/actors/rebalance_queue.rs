//! One for each chain: hands out turns, one at a time and spaced, and supervises the pools. What it decides is
//! [`crate::domain::turns`]; here are only the messages, the timers and the restarts.
//!
//! It never waits for anything, because a supervisor that waits hears of no death. If it crashes, its pools die with it; its
//! successor starts with the next epoch and grants nothing until the lane is idle.
//!
//! Here: what it hears, and its children. [`looking`] is what it does about it, [`roster`] how pools come and go while it runs.

mod looking;
mod roster;
#[cfg(test)]
#[allow(clippy::unchecked_time_subtraction, reason = "a test may panic")]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, MessagingErr, SupervisionEvent};
use tokio::task::JoinHandle;
use tracing::Span;

use crate::actors::board::{Board, Nudge};
use crate::actors::facts::{GasFact, Lanes};
use crate::actors::pool::{Pool, PoolArgs, PoolMsg};
use crate::actors::pulse::Pulse;
use crate::actors::supervise::{Child, Nursery, Supervision};
use crate::domain::ids::{AssetId, ChainName, EpisodeId, PoolId};
use crate::domain::trigger::{Class, Trigger};
use crate::domain::turns::{Now, Request, TurnId, TurnPolicy, Turns};
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, Drill};

/// After a crash the pools come back one by one, so that they do not all ask at once.
const STAGGER: Duration = Duration::from_millis(10);

/// What it works with.
#[derive(Clone)]
pub struct RebalanceQueueArgs {
    /// The chain.
    pub chain: ChainName,
    /// Which life of the queue this is; on a board, because executors refuse turns of another life.
    pub epoch: Board<u64>,
    /// Spacing, ageing and limits.
    pub policy: TurnPolicy,
    /// The pools to look after. It changes when settings are read again.
    pub roster: Board<Roster>,
    /// What the lanes are doing.
    pub lanes: Lanes,
    /// What gas costs.
    pub gas: Board<GasFact>,
    /// How children are restarted.
    pub supervision: Supervision,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
    /// Where a drill can break it.
    pub drill: Arc<dyn Drill>,
}

/// The pools of a chain. One whose settings have changed is another entry under the same name.
pub type Roster = Arc<[Arc<PoolArgs>]>;

/// The actor.
pub struct RebalanceQueue;

/// What it hears.
pub enum QueueMsg {
    /// A pool asks for a turn.
    TurnRequested {
        /// The request.
        request: Request,
        /// Why, for people.
        trigger: Trigger,
        /// The trace of the rebalance; stored with the entry, because a parked message loses its own.
        span: Span,
    },
    /// A pool that holds the episode's asset has looked and does not ask.
    TurnDeclined {
        /// The pool.
        pool: PoolId,
        /// The episode.
        episode: EpisodeId,
    },
    /// A pool takes its request back.
    TurnWithdrawn(PoolId),
    /// A turn has reached an executor.
    TurnExecuting(TurnId),
    /// A turn has been dropped, wherever and why ever.
    TurnEnded {
        /// Which.
        id: TurnId,
        /// Whose.
        pool: PoolId,
        /// Its class.
        class: Class,
        /// When it was granted, on the machine clock.
        granted_at: Duration,
    },
    /// Pools have come, changed or gone.
    RosterMoved(Nudge),
    /// A lane has moved.
    LaneMoved(Nudge),
    /// Gas has moved.
    GasMoved(Nudge),
    /// A timer says that something may be due.
    Look,
    /// Start a pool, again or for the first time.
    Spawn(PoolKey),
    /// Stop granting: the process shuts down.
    Close,
    /// Beat.
    Beat,
}

/// A pool, as a child.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PoolKey(pub PoolId);

impl Child for PoolKey {
    fn name(&self) -> String {
        format!("pool {}", self.0)
    }

    fn kind(&self) -> &'static str {
        "pool"
    }
}

/// What it remembers.
pub struct QueueState {
    args: RebalanceQueueArgs,
    pulse: Pulse,
    turns: Turns,
    nursery: Nursery<PoolKey>,
    /// The roster that it works by.
    roster: HashMap<PoolId, Arc<PoolArgs>>,
    /// Those of the living whose settings have changed or are gone. Usually none, and only they are looked at with every message.
    leaving: BTreeSet<PoolId>,
    /// The living pools, with the entry that each was started with.
    pools: HashMap<PoolId, (ActorRef<PoolMsg>, Arc<PoolArgs>)>,
    spans: HashMap<PoolId, Span>,
    wake: Option<JoinHandle<Result<(), MessagingErr<QueueMsg>>>>,
}

impl Actor for RebalanceQueue {
    type Msg = QueueMsg;
    type State = QueueState;
    type Arguments = RebalanceQueueArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: RebalanceQueueArgs) -> Result<Self::State, ActorProcessingErr> {
        args.epoch.modify(|epoch| *epoch = epoch.saturating_add(1));
        let epoch = args.epoch.read();
        args.observer.record(Event::QueueStarted { chain: args.chain.clone(), epoch });
        let heart = args.hearts.register(format!("rebalance queue {}", args.chain));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || QueueMsg::Beat);
        let mut turns = Turns::new(args.policy, epoch);
        let roster = args.roster.read();
        turns.set_holders(holders(&roster));
        args.roster.nudge(&myself, QueueMsg::RosterMoved);
        for lane in args.lanes.all() {
            lane.nudge(&myself, QueueMsg::LaneMoved);
        }
        args.gas.nudge(&myself, QueueMsg::GasMoved);
        let mut delay = Duration::ZERO;
        for pool in roster.iter() {
            let key = PoolKey(pool.id.clone());
            myself.send_after(delay, move || QueueMsg::Spawn(key));
            if epoch > 1 {
                delay = delay.saturating_add(STAGGER);
            }
        }
        let nursery = Nursery::new(args.supervision.clone());
        let (roster, leaving) = (by_name(&roster), BTreeSet::new());
        let (pools, spans) = (HashMap::new(), HashMap::new());
        Ok(QueueState { args, pulse, turns, nursery, roster, leaving, pools, spans, wake: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            QueueMsg::TurnRequested { request, trigger, span } => {
                state.args.observer.record(Event::TurnRequested { pool: request.pool.clone(), trigger });
                state.spans.insert(request.pool.clone(), span);
                let now = state.now();
                state.turns.request(now, request);
            }
            QueueMsg::TurnDeclined { pool, episode } => state.turns.decline(pool, &episode),
            QueueMsg::TurnWithdrawn(pool) => {
                state.turns.withdraw(&pool);
                state.spans.remove(&pool);
            }
            QueueMsg::TurnExecuting(id) => {
                state.turns.executing(id);
            }
            QueueMsg::TurnEnded { id, pool, class, granted_at } => {
                if state.turns.ended(id) {
                    let took = state.args.clock.uptime().saturating_sub(granted_at);
                    state.args.observer.record(Event::TurnEnded { pool, class, took });
                }
            }
            QueueMsg::Spawn(_) if state.nursery.is_closed() => {}
            QueueMsg::Spawn(key) => state.spawn(&myself, key).await,
            QueueMsg::RosterMoved(_) => state.follow_roster(&myself),
            QueueMsg::Close => state.nursery.close(),
            QueueMsg::LaneMoved(_) | QueueMsg::GasMoved(_) | QueueMsg::Look => {}
            QueueMsg::Beat => {
                state.pulse.beat(&myself, || QueueMsg::Beat);
                return Ok(());
            }
        }
        state.dismiss_leavers();
        state.look(&myself);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(PoolKey(pool)) = state.nursery.farewell(&event) {
            state.see_off(&myself, pool);
        } else if let Some(death) = state.nursery.hear(&event) {
            // What it asked for dies with it: it looks at fresh facts when it is back.
            state.turns.withdraw(&death.key.0);
            state.spans.remove(&death.key.0);
            state.pools.remove(&death.key.0);
            state.leaving.remove(&death.key.0);
            if state.roster.contains_key(&death.key.0) {
                death.arm(&myself, QueueMsg::Spawn);
            } else {
                state.forget(&death.key.0);
            }
        }
        Ok(())
    }
}

fn holders(pools: &[Arc<PoolArgs>]) -> BTreeMap<AssetId, BTreeSet<PoolId>> {
    let mut holders: BTreeMap<AssetId, BTreeSet<PoolId>> = BTreeMap::new();
    for pool in pools {
        for asset in &pool.mandate.assets {
            holders.entry(asset.clone()).or_default().insert(pool.id.clone());
        }
    }
    holders
}

fn by_name(pools: &[Arc<PoolArgs>]) -> HashMap<PoolId, Arc<PoolArgs>> {
    pools.iter().map(|pool| (pool.id.clone(), Arc::clone(pool))).collect()
}

impl QueueState {
    fn now(&self) -> Now {
        Now { policy: self.args.clock.now(), machine: self.args.clock.uptime() }
    }

    async fn spawn(&mut self, myself: &ActorRef<QueueMsg>, key: PoolKey) {
        let Some(args) = self.roster.get(&key.0).cloned() else { return };
        if self.pools.contains_key(&key.0) {
            return;
        }
        let began = self.args.clock.uptime();
        // Starting a pool reads nothing and asks nobody, so this await is a hand-over to the runtime and no wait.
        match Actor::spawn_linked(None, Pool, (args.clone(), myself.clone()), myself.get_cell()).await {
            Ok((pool, _)) => {
                self.pools.insert(key.0.clone(), (pool.clone(), args));
                self.nursery.adopt(key, pool.get_cell(), began);
            }
            Err(fault) => self.nursery.stillborn(key, &fault.to_string()).arm(myself, QueueMsg::Spawn),
        }
    }
}
