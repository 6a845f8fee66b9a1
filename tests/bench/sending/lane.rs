//! The lane that is measured: the real queue, pool and executor over a journal, the real sender over HTTP to a real node. The bench
//! makes the blocks and hands their headers to the actors; the reader of blocks, the feeds and their prices are left out.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy_primitives::U64;
use ballast::actors::board::Board;
use ballast::actors::executor::{Executor, ExecutorMsg};
use ballast::actors::facts::{BlockFact, BlockFacts, GasFact, GasFacts, Lane, ReadPlan};
use ballast::actors::rebalance_queue::{QueueMsg, RebalanceQueue};
use ballast::devnet::anvil::{Anvil, AnvilOptions};
use ballast::devnet::rpc::Rpc;
use ballast::domain::operation::State;
use ballast::domain::outcome::Outcome;
use ballast::domain::position::BlockStamp;
use ballast::domain::units::{GasPrice, Timestamp};
use ballast::observe::heartbeat::Heartbeats;
use ballast::observe::metrics::Metrics;
use ballast::observe::{Event, Observer};
use ballast::ports::{Clock, Head, Journal};
use ractor::{Actor, ActorRef};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::arguments::Shared;
use crate::marks::{Marks, Sample};
use crate::seesaw::Seesaw;

/// Everybody's: an account of the development mnemonic, which owns nothing but play money.
pub(crate) const KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const GENESIS: u64 = 1_700_000_000;
/// Between two blocks.
pub(crate) const BLOCK: Duration = Duration::from_secs(12);
/// Between two orders: their ramps are over by then, and so is the spacing between two sends.
pub(crate) const PAUSE: Duration = Duration::from_secs(300);
const BASE_FEE: GasPrice = GasPrice::from_gwei(3);
/// Whoever waits longer than this waits in vain.
const PATIENCE: Duration = Duration::from_secs(30);

/// The policy clock stands still between two blocks, so that an order need not wait for the spacing.
struct Steps {
    now: AtomicU64,
    began: Instant,
}

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.now.load(Ordering::SeqCst))
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy
    }

    fn uptime(&self) -> Duration {
        self.began.elapsed()
    }
}

/// The lane, its node, and the means to move both.
pub(crate) struct Measured {
    _node: Anvil,
    rpc: Rpc,
    clock: Arc<Steps>,
    pool: Arc<Seesaw>,
    blocks: Board<BlockFact>,
    gas: Board<GasFact>,
    told: UnboundedReceiver<Event>,
    marks: Marks,
    executor: ActorRef<ExecutorMsg>,
    queue: ActorRef<QueueMsg>,
}

impl Measured {
    /// Starts a node and the actors of one lane, and waits until the lane is free.
    pub(crate) async fn open(anvil: &Path, journal: Arc<dyn Journal>) -> Self {
        let genesis =
            AnvilOptions { genesis: Timestamp::from_secs(GENESIS), gas_limit: 30_000_000, base_fee: BASE_FEE, history: true };
        let node = Anvil::start(anvil, genesis).await.unwrap();
        let clock = Arc::new(Steps { now: AtomicU64::new(GENESIS), began: Instant::now() });
        let observer = Observer::new(Metrics::new().unwrap(), clock.clone());
        let (told, marks, lane) = (observer.tap(), Marks::default(), Board::new(Lane::UNKNOWN));
        let (blocks, gas): (Board<BlockFact>, Board<GasFact>) = (Board::new(None), Board::new(None));
        let pool = Arc::new(Seesaw::new(clock.now()));
        let shared = Shared {
            clock: clock.clone(),
            observer,
            journal,
            marks: marks.clone(),
            hearts: Heartbeats::new(),
            lane: lane.clone(),
            blocks: blocks.clone(),
            gas: gas.clone(),
        };
        let (executor_args, queue_args) = shared.arguments(&node.http_url(), &pool);
        let address = queue_args.roster.read()[0].executors.keeper.clone();
        let (executor, _) = Actor::spawn(None, Executor, executor_args).await.unwrap();
        address.moved_in(executor.clone());
        let (queue, _) = Actor::spawn(None, RebalanceQueue, queue_args).await.unwrap();
        let rpc = Rpc::connect(&node.http_url()).unwrap();
        let mut measured = Self { _node: node, rpc, clock, pool, blocks, gas, told, marks, executor, queue };
        measured.block(BLOCK).await;
        tokio::time::timeout(PATIENCE, lane.wait_for(|lane| matches!(lane, Lane::Idle { .. }))).await.unwrap();
        measured
    }

    /// One order, from the trigger to finality.
    pub(crate) async fn operation(&mut self) -> Sample {
        self.pool.tip_over();
        self.block(PAUSE).await;
        self.until("the node has it", |event| matches!(event, Event::TxAnswered { answer, .. } if *answer == "accepted")).await;
        self.pool.obey();
        self.block(BLOCK).await;
        let settled = self.until("it is settled", |event| matches!(event, Event::Settled(_))).await;
        assert!(matches!(&settled, Event::Settled(order) if matches!(order.outcome, Outcome::Done(_))), "{settled:?}");
        self.block(BLOCK).await;
        self.until("it is final", |event| matches!(event, Event::OperationMoved { state: State::FinalOk, .. })).await;
        self.marks.sample()
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let mut heard = Vec::new();
        let waiting = async {
            loop {
                let event = self.told.recv().await.unwrap();
                if wanted(&event) {
                    return event;
                }
                heard.push(event);
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}; heard {heard:#?}"))
    }

    /// Makes a block and hands it to the actors.
    async fn block(&mut self, after: Duration) {
        let time = self.clock.now().plus(after);
        self.rpc.mine(time.secs(), BASE_FEE).await.unwrap();
        let block: Value = self.rpc.ask("eth_getBlockByNumber", ("latest", false)).await.unwrap();
        let number: U64 = serde_json::from_value(block["number"].clone()).unwrap();
        let hash = |field: &str| serde_json::from_value(block[field].clone()).unwrap();
        let stamp = BlockStamp { number: number.to(), hash: hash("hash"), timestamp: time };
        let head = Head { stamp, parent: hash("parentHash"), base_fee: BASE_FEE, gas_used: 0, gas_limit: 30_000_000 };
        self.clock.now.store(time.secs(), Ordering::SeqCst);
        self.gas.publish(Some(GasFacts { base_fee: BASE_FEE, tip: GasPrice::from_gwei(1), ether: None, block: stamp.hash }));
        self.blocks.publish(Some(Arc::new(BlockFacts::new(head, ReadPlan::default(), Vec::new()))));
    }

    /// Ends the actors, between two orders.
    pub(crate) async fn close(self) {
        self.queue.stop_children_and_wait(None, Some(PATIENCE)).await;
        self.queue.stop_and_wait(None, Some(PATIENCE)).await.unwrap();
        self.executor.stop_and_wait(None, Some(PATIENCE)).await.unwrap();
    }
}
