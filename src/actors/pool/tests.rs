//! A pool between a probe queue and a probe executor, on boards that the test fills.

mod facts;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorRef};
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::Span;

use super::{Executors, Pool, PoolArgs, PoolMsg};
use crate::actors::board::{Address, Board};
use crate::actors::executor::{ExecutorMsg, Order};
use crate::actors::facts::{BlockFact, BlockFacts, Lane, Lanes, Lease, ReadPlan};
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::testing::chain::SimChain;
use crate::actors::testing::journal::FakeJournal;
use crate::actors::testing::position::FakePosition;
use crate::actors::testing::words::decided;
use crate::actors::testing::world::{BLOCK, policy};
use crate::actors::testing::{BEGINNING, Events, FakeClock, Probe, next, observer, secs, settle};
use crate::actors::turn::Turn;
use crate::domain::allocation::Allocation;
use crate::domain::gas::GasCap;
use crate::domain::ids::{AssetId, PoolId, SourceId};
use crate::domain::mode::Mode;
use crate::domain::outcome::{Inclusion, Outcome, Refusal};
use crate::domain::peg::{Peg, PegState, Trust};
use crate::domain::policy::Policy;
use crate::domain::position::Mandate;
use crate::domain::trigger::Class;
use crate::domain::turns::{Request, TurnId};
use crate::domain::units::{GasCost, GasPrice, Price, Weight};
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{Clock, Head, NoDrill, Position};

const OFF: [u32; 2] = [6_000, 4_000];

struct Bench {
    clock: Arc<FakeClock>,
    chain: SimChain,
    journal: Arc<FakeJournal>,
    events: Events,
    args: Arc<PoolArgs>,
    pool: ActorRef<PoolMsg>,
    queue: ActorRef<QueueMsg>,
    asked: UnboundedReceiver<QueueMsg>,
    orders: UnboundedReceiver<ExecutorMsg>,
    number: u64,
    /// What the feeds say, in thousandths of a dollar; `None` while they are silent.
    prices: [Option<u128>; 2],
    states: [PegState; 2],
}

impl Bench {
    /// A pool on its target that has looked once.
    async fn start() -> Self {
        Self::with(policy()).await
    }

    async fn with(policy: Policy) -> Self {
        let bench = Self::begin(policy).await;
        bench.publish();
        bench.events.first(secs(5), |event| decided(event, "a", "on_target")).await;
        bench
    }

    async fn begin(policy: Policy) -> Self {
        let clock = FakeClock::new(1);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let (chain, journal) = (SimChain::new(&clock), Arc::new(FakeJournal::default()));
        chain.birth("a", &[5_000, 5_000]);
        let position = Arc::new(FakePosition("a".to_owned()));
        let assets = vec![AssetId::new("USDC"), AssetId::new("DAI")];
        let (executor, (sender, orders)) = (Address::default(), Probe::spawn().await);
        executor.moved_in(sender);
        let args = Arc::new(PoolArgs {
            id: PoolId::new("a"),
            lease: Lease::of(&Board::new(ReadPlan::default()), position.calls()),
            position,
            pegs: assets.iter().map(|asset| Board::new(Peg::unheard(asset.clone(), BEGINNING))).collect(),
            mandate: Mandate::plain(
                assets,
                Allocation::exact(vec![Weight::from_bps(5_000); 2]).unwrap(),
                vec![Weight::from_bps(1_000); 2],
                vec![Weight::from_bps(9_000); 2],
            ),
            mode: Mode::Live,
            policy,
            max_age: secs(60),
            block_time: BLOCK,
            blocks: Board::new(None),
            earnings: Vec::new(),
            gas: Board::new(None),
            lanes: Lanes { keeper: Board::new(Lane::Idle { last_sent: None }), guardian: None, treasury: None },
            executors: Executors { keeper: executor, guardian: None, treasury: None },
            journal: journal.clone(),
            clock: clock.clone(),
            observer,
            hearts: Heartbeats::default(),
            drill: Arc::new(NoDrill),
        });
        let (queue, asked) = Probe::spawn().await;
        let pool = Actor::spawn_linked(None, Pool, (args.clone(), queue.clone()), queue.get_cell()).await.unwrap().0;
        let (prices, states) = ([Some(1_000); 2], [PegState::Sound; 2]);
        Self { clock, chain, journal, events, args, pool, queue, asked, orders, number: 0, prices, states }
    }

    /// What the block reader does.
    fn publish_block(&self) -> Head {
        let head = self.chain.mine();
        let answers = self.chain.read(head.stamp.hash, &self.args.position.calls()).unwrap();
        let fact: BlockFact = Some(Arc::new(BlockFacts::to_the_first(head, answers)));
        self.args.blocks.publish(fact);
        head
    }

    /// What the peg watches do.
    fn publish_pegs(&self, head: &Head) {
        let (at, hash) = (head.stamp.timestamp, head.stamp.hash);
        for ((board, price), state) in self.args.pegs.iter().zip(self.prices).zip(self.states) {
            board.modify(|peg| {
                peg.state = state;
                peg.trust = if price.is_some() { Trust::Trusted } else { Trust::Blind };
                peg.level = price.map(|thousandths| Price::from_wad(thousandths * 1_000_000_000_000_000).unwrap());
                peg.episode = u64::from(state != PegState::Sound);
                peg.as_of = at;
                peg.blocks = [(SourceId::new("feed"), hash)].into();
            });
        }
    }

    fn publish(&self) {
        let head = self.publish_block();
        self.publish_pegs(&head);
    }

    /// The next block, twelve seconds later.
    async fn block(&self) {
        tokio::time::sleep(BLOCK).await;
        self.publish();
        settle().await;
    }

    async fn request(&mut self) -> Request {
        match next(&mut self.asked, secs(1)).await {
            QueueMsg::TurnRequested { request, .. } => request,
            other => panic!("not a request: {}", name_of(&other)),
        }
    }

    /// What the queue has heard, in words.
    fn heard(&mut self) -> Vec<&'static str> {
        let mut heard = Vec::new();
        while let Ok(message) = self.asked.try_recv() {
            heard.push(name_of(&message));
        }
        heard
    }

    async fn grant(&mut self, class: Class) {
        self.number += 1;
        let (now, id) = (self.clock.now(), TurnId { epoch: 1, number: self.number });
        let cap = GasCap { from: now, until: now.plus(secs(3_600)), low: GasPrice::from_gwei(30), high: GasPrice::from_gwei(30) };
        let turn = Turn::new(id, PoolId::new("a"), class, cap, self.clock.uptime(), Span::none(), self.queue.clone());
        self.pool.cast(PoolMsg::TurnGranted(turn)).unwrap();
        settle().await;
    }

    async fn order(&mut self) -> Order {
        match next(&mut self.orders, secs(1)).await {
            ExecutorMsg::Execute(order) => *order,
            _ => panic!("not an order"),
        }
    }

    async fn settle_with(&mut self, order: Order, outcome: Outcome) {
        let Order { turn, reply_to, .. } = order;
        let controls = outcome.inclusion().is_some().then(|| self.chain.controls("a"));
        reply_to.settled(outcome, controls, turn);
        settle().await;
    }

    async fn refuse(&mut self, order: Order, refusal: Refusal) {
        self.settle_with(order, Outcome::Refused(refusal)).await;
    }

    /// Asks, is granted, and gives its order.
    async fn drift_until_order(&mut self) -> Order {
        self.chain.push_off("a", &OFF);
        self.block().await;
        self.request().await;
        self.grant(Class::Drift).await;
        self.order().await
    }

    /// A new life of the pool.
    async fn respawn(&mut self) {
        self.pool.get_cell().kill_and_wait(None).await.unwrap();
        self.events.clear();
        let linked = (self.args.clone(), self.queue.clone());
        self.pool = Actor::spawn_linked(None, Pool, linked, self.queue.get_cell()).await.unwrap().0;
        settle().await;
    }

    async fn lives_for(&self, duration: Duration) {
        let blocks = duration.as_secs() / BLOCK.as_secs();
        for _ in 0..blocks {
            self.block().await;
        }
    }
}

fn name_of(message: &QueueMsg) -> &'static str {
    match message {
        QueueMsg::TurnRequested { .. } => "requested",
        QueueMsg::TurnDeclined { .. } => "declined",
        QueueMsg::TurnWithdrawn(_) => "withdrawn",
        QueueMsg::TurnEnded { .. } => "ended",
        QueueMsg::TurnExecuting(_) => "executing",
        _ => "something else",
    }
}

fn inclusion(head: Head) -> Inclusion {
    Inclusion {
        tx: head.stamp.hash,
        nonce: 7,
        block: head.stamp,
        cost: GasCost::default(),
        cost_usd: None,
        sent_at: head.stamp.timestamp,
        attempts: 1,
    }
}
