//! The executor over the chain in memory, with probes for the queue and the pools.

mod checks;
mod commits;
mod ends;
mod finality;
mod lane;
mod lanes;
mod money;
mod recovery;
mod reorganised;
mod routes;
mod sends;
mod signing;
mod unwound;
mod urgent;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorRef};
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::Span;

use super::{Executor, ExecutorArgs, ExecutorMsg, Order, ReplyTo};
use crate::actors::board::Board;
use crate::actors::facts::{BlockFact, BlockFacts, GasFact, GasFacts, Lane};
use crate::actors::pool::PoolMsg;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::testing::chain::{Orphans, SimChain};
use crate::actors::testing::journal::FakeJournal;
use crate::actors::testing::position::FakePosition;
use crate::actors::testing::sender::FakeSender;
use crate::actors::testing::world::BLOCK;
use crate::actors::testing::{Events, FakeClock, Probe, next, observer, secs, settle};
use crate::actors::turn::Turn;
use crate::domain::allocation::Allocation;
use crate::domain::budget::Budget;
use crate::domain::finality::Finality;
use crate::domain::gas::GasCap;
use crate::domain::ids::{AssetId, ChainName, EpisodeId, PoolId};
use crate::domain::operation::{LaneKey, LaneRole, OperationRecord, Seen, State};
use crate::domain::outcome::Outcome;
use crate::domain::plan::{Plan, Reweight};
use crate::domain::position::Ramp;
use crate::domain::route::Route;
use crate::domain::trigger::{Class, PerClass, Trigger};
use crate::domain::turns::TurnId;
use crate::domain::units::{GasPrice, Price, Timestamp, Wei, Weight};
use crate::journal::memory::MemoryJournal;
use crate::observe::Event;
use crate::observe::event::AttemptKind;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::journal::Selection;
use crate::ports::{Clock, Memories, Operations, Position, TransactionSender};

/// The first nonce of the chain in memory.
const NONCE: u64 = 7;
/// Wei in an ether.
const ETHER: u128 = 1_000_000_000_000_000_000;
/// How long every ordered ramp takes.
const RAMP: Duration = secs(600);

fn position(pool: &str) -> (PoolId, Arc<dyn Position>) {
    (PoolId::new(pool), Arc::new(FakePosition(pool.to_owned())))
}

struct Bench {
    clock: Arc<FakeClock>,
    chain: SimChain,
    sender: Arc<FakeSender>,
    journal: Arc<MemoryJournal>,
    /// What the executor writes through: the same journal, when it fails.
    disk: Arc<FakeJournal>,
    events: Events,
    args: ExecutorArgs,
    executor: ActorRef<ExecutorMsg>,
    queue: ActorRef<QueueMsg>,
    turns: UnboundedReceiver<QueueMsg>,
    pools: HashMap<&'static str, (ActorRef<PoolMsg>, UnboundedReceiver<PoolMsg>)>,
    number: u64,
    /// How far ahead of the order the ramps start.
    lead: Duration,
    cap: GasPrice,
}

impl Bench {
    /// An executor with an idle lane, one block into the chain.
    async fn start() -> Self {
        let bench = Self::begin().await;
        bench.lane(|lane| matches!(lane, Lane::Idle { last_sent: None })).await;
        bench
    }

    async fn begin() -> Self {
        let clock = FakeClock::new(1);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let chain = SimChain::new(&clock);
        let (sender, journal) = (Arc::new(FakeSender::new(&chain)), Arc::new(MemoryJournal::default()));
        let disk = Arc::new(FakeJournal::over(&journal));
        sender.compare_with(&journal);
        let (blocks, gas): (Board<BlockFact>, Board<GasFact>) = (Board::new(None), Board::new(None));
        let args = ExecutorArgs {
            chain: ChainName::new("test"),
            chain_id: 31_337,
            role: LaneRole::Keeper,
            holder: "a test".to_owned(),
            sender: sender.clone(),
            positions: Board::new(["a", "b", "c"].into_iter().map(position).collect()),
            lane: Board::new(Lane::UNKNOWN),
            epoch: Board::new(1),
            blocks,
            gas,
            block_time: BLOCK,
            bump_after_blocks: 2,
            cancel_cap: GasPrice::from_gwei(500),
            finality: Finality::Depth(3),
            routes: PerClass::urgent_and(Route::Public, Route::Public),
            budget: Budget { daily: Wei::new(ETHER), protective: Wei::new(ETHER), low_balance: Wei::ZERO },
            explorer: None,
            journal: disk.clone(),
            clock: clock.clone(),
            observer,
            hearts: Heartbeats::default(),
        };
        let (queue, turns) = Probe::spawn().await;
        let mut pools = HashMap::new();
        for name in ["a", "b", "c"] {
            chain.birth(name, &[5_000, 5_000]);
            pools.insert(name, Probe::spawn().await);
        }
        let (executor, _) = Actor::spawn(None, Executor, args.clone()).await.unwrap();
        let (lead, cap) = (secs(60), GasPrice::from_gwei(30));
        let bench =
            Self { clock, chain, sender, journal, disk, events, args, executor, queue, turns, pools, number: 0, lead, cap };
        bench.publish();
        bench
    }

    /// What the block reader and the gas oracle do.
    fn publish(&self) {
        let head = self.chain.mine();
        let price = GasFacts {
            base_fee: head.base_fee,
            tip: GasPrice::from_gwei(1),
            ether: Price::from_wad(3_000 * Price::PAR.wad()),
            block: head.stamp.hash,
        };
        self.args.gas.publish(Some(price));
        self.args.blocks.publish(Some(Arc::new(BlockFacts::to_the_first(head, Vec::new()))));
    }

    /// The newest `depth` blocks are gone, and others are in their place.
    async fn reorganise(&self, depth: usize, orphans: Orphans) {
        self.chain.reorganise(depth, orphans);
        self.publish();
        settle().await;
    }

    /// The next block, twelve seconds later.
    async fn block(&self) {
        tokio::time::sleep(BLOCK).await;
        self.publish();
        settle().await;
    }

    async fn blocks(&self, count: usize) {
        for _ in 0..count {
            self.block().await;
        }
    }

    /// An order to move a pool to 40/60.
    fn order(&mut self, pool: &'static str, class: Class) -> Order {
        self.number += 1;
        let (now, epoch) = (self.clock.now(), 1);
        let target = Allocation::exact(vec![Weight::from_bps(4_000), Weight::from_bps(6_000)]).unwrap();
        let trigger = match class {
            Class::Depeg => Trigger::Depeg { episode: EpisodeId { asset: AssetId::new("USDC"), number: 1 }, below: Vec::new() },
            Class::Drift => Trigger::Drift { asset: AssetId::new("USDC"), drift: Weight::from_bps(1_000) },
            Class::Schedule => Trigger::Schedule { due: now },
            Class::Yield => Trigger::Yield { asset: AssetId::new("USDC"), gap_bps: 100 },
            Class::Manual => Trigger::Manual { asked: now },
        };
        let cap = GasCap { from: now, until: now.plus(secs(3_600)), low: self.cap, high: self.cap };
        let (id, name) = (TurnId { epoch, number: self.number }, PoolId::new(pool));
        Order {
            id: self.number,
            pool: name.clone(),
            position: Arc::new(FakePosition(pool.to_owned())),
            assets: vec![AssetId::new("USDC"), AssetId::new("DAI")],
            trigger,
            plan: Plan::Reweight(Reweight { target, duration: RAMP, start_lead: self.lead, expected_loss: None }),
            before: vec![Weight::from_bps(5_000); 2],
            seen: Seen { controls: self.chain.controls(pool), touched: 0, brakes: 0, trades: false },
            triggered_at: now,
            triggered_uptime: self.clock.uptime(),
            rehearsal: false,
            turn: Turn::new(id, name, class, cap, self.clock.uptime(), Span::none(), self.queue.clone()),
            reply_to: ReplyTo::new(self.pools[pool].0.clone(), self.number),
        }
    }

    async fn give(&mut self, pool: &'static str, class: Class) {
        let order = self.order(pool, class);
        self.hand_in(order).await;
    }

    async fn hand_in(&self, order: Order) {
        self.executor.cast(ExecutorMsg::Execute(Box::new(order))).unwrap();
        settle().await;
    }

    /// An order to stop the trading of a pool.
    fn freeze(&mut self, pool: &'static str) -> Order {
        Order { plan: Plan::Freeze, ..self.order(pool, Class::Depeg) }
    }

    /// An order that is given, included and done shows that no nonce is missing before it.
    async fn is_open_to(&mut self, pool: &'static str) {
        self.lane(|lane| matches!(lane, Lane::Idle { .. })).await;
        self.give(pool, Class::Schedule).await;
        self.block().await;
        assert_eq!(self.label(pool).await, "done", "{}", self.events.story());
    }

    /// The outcome that a pool hears, without time going by, and the ramp.
    async fn outcome(&mut self, pool: &'static str) -> (Outcome, Option<Ramp>) {
        match next(&mut self.pools.get_mut(pool).unwrap().1, secs(1)).await {
            PoolMsg::Settled { outcome, controls, .. } => (outcome, controls.map(|controls| controls.ramp)),
            _ => panic!("not an outcome\n{}", self.events.story()),
        }
    }

    async fn label(&mut self, pool: &'static str) -> &'static str {
        self.outcome(pool).await.0.label()
    }

    async fn lane(&self, fits: impl FnMut(&Lane) -> bool + Send) {
        let wait = tokio::time::timeout(secs(5), self.args.lane.wait_for(fits));
        assert!(wait.await.is_ok(), "the lane is {:?}", self.args.lane.read());
    }

    /// The kinds of all attempts, in order.
    fn attempts(&self) -> Vec<AttemptKind> {
        self.events
            .pick(|event| if let Event::TxSent { kind, .. } = event { Some(*kind) } else { None })
            .into_iter()
            .map(|e| e.1)
            .collect()
    }

    /// The nonces of everything that was handed to the network, in order.
    fn nonces(&self) -> Vec<u64> {
        self.sender.broadcasts().iter().map(|(_, draft)| draft.nonce).collect()
    }

    fn is_idle(&self) -> bool {
        matches!(self.args.lane.read(), Lane::Idle { .. })
    }

    /// The executor dies without a word, and its supervisor starts another.
    async fn crash(&mut self) {
        self.executor.get_cell().kill_and_wait(None).await.unwrap();
        self.revive().await;
    }

    /// A supervisor starts another executor.
    async fn revive(&mut self) {
        self.executor = Actor::spawn(None, Executor, self.args.clone()).await.unwrap().0;
        settle().await;
    }

    async fn known_ramp(&self, pool: &str) -> Option<Ramp> {
        self.journal.recall_pool(&PoolId::new(pool)).await.unwrap().and_then(|memory| memory.known).map(|known| known.ramp)
    }

    fn key(&self) -> LaneKey {
        LaneKey { chain_id: self.args.chain_id, signer: self.sender.address() }
    }

    /// The states of a pool's operations, oldest first.
    async fn states(&self, pool: &str) -> Vec<State> {
        let pool = Some(PoolId::new(pool));
        let mut operations = self.journal.list(&Selection { pool, limit: 100, ..Selection::default() }).await.unwrap();
        operations.reverse();
        operations.iter().map(|operation| operation.state).collect()
    }

    /// The operations of a pool, oldest first.
    async fn operations(&self, pool: &str) -> Vec<OperationRecord> {
        let pool = Some(PoolId::new(pool));
        let mut operations = self.journal.list(&Selection { pool, limit: 100, ..Selection::default() }).await.unwrap();
        operations.reverse();
        operations
    }

    /// Nothing left without being written down, no nonce was used for two operations or skipped, and no order was carried out twice.
    async fn is_sound(&self) {
        assert!(self.sender.unwritten().is_empty(), "handed over before it was written down: {:?}", self.sender.unwritten());
        let all = self.journal.list(&Selection { limit: 1_000, ..Selection::default() }).await.unwrap();
        let mut nonces: Vec<u64> =
            all.iter().filter(|record| record.lane == self.key()).filter_map(|record| record.nonce).collect();
        nonces.sort_unstable();
        let first = nonces.first().copied().unwrap_or(NONCE);
        assert_eq!(nonces, (first..).take(nonces.len()).collect::<Vec<_>>(), "one nonce, one operation, and no gap");
        for record in &all {
            let mined = self.chain.with(|state| {
                let ours = |hash| record.attempts.iter().any(|attempt| attempt.hash == hash);
                state.mined.iter().filter(|tx| ours(tx.hash)).count()
            });
            assert!(mined <= 1, "{} is in {mined} blocks", record.id);
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// An executor beside the first, with another key on the same chain and the same journal.
struct Guardian {
    args: ExecutorArgs,
    sender: Arc<FakeSender>,
    executor: ActorRef<ExecutorMsg>,
}

impl Guardian {
    async fn beside(bench: &Bench) -> Self {
        let sender = Arc::new(FakeSender::named(&bench.chain, "guardian"));
        sender.compare_with(&bench.journal);
        let args = ExecutorArgs {
            role: LaneRole::Guardian,
            sender: sender.clone(),
            lane: Board::new(Lane::UNKNOWN),
            ..bench.args.clone()
        };
        let (executor, _) = Actor::spawn(None, Executor, args.clone()).await.unwrap();
        settle().await;
        assert!(matches!(args.lane.read(), Lane::Idle { .. }), "{:?}", args.lane.read());
        Self { args, sender, executor }
    }

    async fn hand_in(&self, order: Order) {
        self.executor.cast(ExecutorMsg::Execute(Box::new(order))).unwrap();
        settle().await;
    }
}
