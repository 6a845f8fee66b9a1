//! The whole tree over the chain in memory: what the process runs, with every port faked.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorRef, Message};
use tokio::task::JoinHandle;

use super::chain::SimChain;
use super::drill::FakeDrill;
use super::link::FakeLink;
use super::position::{FakePosition, FakeSource};
use super::sender::FakeSender;
use super::words::decided;
use super::{BEGINNING, Events, FakeClock, observer, secs};
use crate::actors::alerter::{AlerterArgs, AlerterMsg};
use crate::actors::block_reader::BlockReaderArgs;
use crate::actors::board::{Address, Board};
use crate::actors::chain::{ChainArgs, ChainMsg};
use crate::actors::executor::{ExecutorArgs, ExecutorMsg};
use crate::actors::facts::{BlockFact, GasFact, Lane, Lanes, Lease, ReadPlan};
use crate::actors::gas_oracle::GasOracleArgs;
use crate::actors::peg_watch::{PegWatchArgs, PegWatchMsg};
use crate::actors::pool::{Executors, PoolArgs};
use crate::actors::price_feed::PriceFeedArgs;
use crate::actors::rebalance_queue::{QueueMsg, RebalanceQueueArgs, Roster};
use crate::actors::root::{Root, RootArgs, RootMsg};
use crate::actors::supervise::{RestartBook, Supervision};
use crate::actors::testing::{peg_rule, vote_rule};
use crate::domain::allocation::Allocation;
use crate::domain::budget::Budget;
use crate::domain::finality::Finality;
use crate::domain::gas::GasRule;
use crate::domain::ids::{AssetId, ChainName, PoolId};
use crate::domain::mode::Mode;
use crate::domain::operation::LaneRole;
use crate::domain::peg::Peg;
use crate::domain::policy::{CompositionRule, Policy, RampRule};
use crate::domain::position::Mandate;
use crate::domain::restart::RestartPolicy;
use crate::domain::route::Route;
use crate::domain::trigger::PerClass;
use crate::domain::turns::TurnPolicy;
use crate::domain::units::{GasPrice, Wei, Weight};
use crate::journal::memory::MemoryJournal;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{AlertSink, Announcements, Clock, Journal, Position, PriceSource};

/// Time between two blocks, on the policy clock.
pub(crate) const BLOCK: Duration = secs(12);
/// Time between two sends.
pub(crate) const SPACING: Duration = secs(30);

/// What a world is made of.
pub(crate) struct Spec {
    /// Each with its two assets, half and half.
    pub(crate) pools: Vec<(&'static str, [&'static str; 2])>,
    pub(crate) speed: u32,
    pub(crate) policy: Policy,
    pub(crate) sinks: Vec<Arc<dyn AlertSink>>,
    pub(crate) journal: Arc<dyn Journal>,
    /// Blocks come by themselves.
    pub(crate) mines: bool,
}

impl Spec {
    /// Pools of USDC and DAI.
    pub(crate) fn pools(names: &[&'static str]) -> Self {
        Self {
            pools: names.iter().map(|name| (*name, ["USDC", "DAI"])).collect(),
            speed: 1,
            policy: policy(),
            sinks: Vec::new(),
            journal: Arc::new(MemoryJournal::default()),
            mines: true,
        }
    }
}

/// Drift above 5 %, ramps of a minute or more that start a minute ahead, an hour between two.
pub(crate) fn policy() -> Policy {
    let flat = |gwei, deadline| GasRule { cap: GasPrice::from_gwei(gwei), cap_at_deadline: GasPrice::from_gwei(gwei), deadline };
    Policy {
        drift_threshold: Weight::from_bps(500),
        dead_band: Weight::from_bps(50),
        min_interval: secs(3_600),
        schedule: None,
        max_step: Weight::ONE,
        composition: CompositionRule { threshold: Weight::from_bps(500), persist: secs(60) },
        ramp: RampRule {
            min: secs(60),
            max: secs(60),
            max_velocity_per_hour: Weight::from_wad(100 * Weight::ONE.wad()),
            start_lead: secs(60),
            arbitrage_gas: 130_000,
            max_loss: None,
            max_legs: 4,
        },
        gas: PerClass::urgent_and(flat(300, secs(600)), flat(30, secs(3_600))),
        ..crate::domain::testing::policy()
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) chain: SimChain,
    pub(crate) link: FakeLink,
    pub(crate) drill: Arc<FakeDrill>,
    pub(crate) events: Events,
    pub(crate) lane: Board<Lane>,
    pub(crate) blocks: Board<BlockFact>,
    pub(crate) executor: Address<ExecutorMsg>,
    pub(crate) root: ActorRef<RootMsg>,
    pub(crate) roster: Board<Roster>,
    pub(crate) plan: Board<ReadPlan>,
    miner: Option<JoinHandle<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.root.kill();
        self.stop_mining();
    }
}

impl World {
    /// Starts the tree on a chain where every pool is on its target, and waits until every pool has said so.
    pub(crate) async fn start(spec: Spec) -> Self {
        let world = Self::begin(&spec).await;
        for (pool, _) in &spec.pools {
            world.events.first(secs(60), |event| decided(event, pool, "on_target")).await;
        }
        world
    }

    /// Starts the tree.
    #[expect(clippy::too_many_lines, reason = "a list of arguments")]
    pub(crate) async fn begin(spec: &Spec) -> Self {
        let clock = FakeClock::new(spec.speed);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let chain = SimChain::new(&clock);
        let (sender, link) = (Arc::new(FakeSender::new(&chain)), FakeLink::new(&chain));
        let (drill, hearts, journal) = (Arc::new(FakeDrill::default()), Heartbeats::default(), spec.journal.clone());
        let name = ChainName::new("test");
        let (blocks, gas): (Board<BlockFact>, Board<GasFact>) = (Board::new(None), Board::new(None));
        let (lane, epoch) = (Board::new(Lane::UNKNOWN), Board::new(0));
        let lanes = Lanes { keeper: lane.clone(), guardian: None, treasury: None };
        let (executor, queue) = (Address::default(), Address::default());
        let book = RestartBook::new(std::collections::HashMap::new());
        let ports: Arc<dyn Clock> = clock.clone();
        let supervision = Supervision {
            book: book.clone(),
            observer: observer.clone(),
            clock: ports.clone(),
            policy: RestartPolicy::default(),
        };

        let mut assets: Vec<&str> = spec.pools.iter().flat_map(|(_, assets)| *assets).collect();
        assets.sort_unstable();
        assets.dedup();
        let mut plan = ReadPlan::default();
        let (mut pegs, mut feeds) = (Vec::new(), Vec::new());
        for asset in &assets {
            chain.set_price(asset, 1_000);
            let watch: Address<PegWatchMsg> = Address::default();
            let source = Arc::new(FakeSource::new(asset));
            feeds.push(PriceFeedArgs {
                slot: plan.reserve(source.calls()),
                source,
                blocks: blocks.clone(),
                announcements: Board::new(Announcements::default()),
                watch: watch.clone(),
                clock: ports.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
            });
            let args = PegWatchArgs {
                asset: AssetId::new(asset),
                rule: peg_rule(Duration::ZERO, secs(60)),
                votes: vote_rule(),
                others: std::collections::BTreeMap::new(),
                risk_group: Vec::new(),
                recorder: None,
                board: Board::new(Peg::unheard(AssetId::new(asset), BEGINNING)),
                journal: journal.clone(),
                clock: ports.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
            };
            pegs.push((args, watch));
        }
        let board_of = |asset: &str| pegs.iter().find(|(peg, _)| peg.asset.as_str() == asset).unwrap().0.board.clone();
        let plan = Board::new(plan);
        let half = Allocation::exact(vec![Weight::from_bps(5_000); 2]).unwrap();
        let mut pools = Vec::new();
        for (pool, held) in &spec.pools {
            chain.birth(pool, &[5_000, 5_000]);
            let position = Arc::new(FakePosition((*pool).to_owned()));
            pools.push(Arc::new(PoolArgs {
                id: PoolId::new(pool),
                lease: Lease::of(&plan, position.calls()),
                position,
                mandate: Mandate::plain(
                    held.iter().map(|asset| AssetId::new(asset)).collect(),
                    half.clone(),
                    vec![Weight::from_bps(1_000); 2],
                    vec![Weight::from_bps(9_000); 2],
                ),
                mode: Mode::Live,
                policy: spec.policy.clone(),
                max_age: secs(60),
                block_time: BLOCK,
                blocks: blocks.clone(),
                earnings: Vec::new(),
                pegs: held.iter().map(|asset| board_of(asset)).collect(),
                gas: gas.clone(),
                lanes: lanes.clone(),
                executors: Executors { keeper: executor.clone(), guardian: None, treasury: None },
                journal: journal.clone(),
                clock: ports.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
                drill: drill.clone(),
            }));
        }
        let roster: Board<Roster> = Board::new(pools.iter().cloned().collect());
        let chain_args = ChainArgs {
            name: name.clone(),
            block_reader: BlockReaderArgs {
                chain: name.clone(),
                link: Arc::new(link.clone()),
                plan: plan.clone(),
                sources: Arc::from([]),
                blocks: blocks.clone(),
                announcements: Board::new(Announcements::default()),
                block_time: BLOCK,
                read_every: 1,
                clock: ports.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
            },
            feeds,
            yields: Vec::new(),
            checks: Vec::new(),
            gas_oracle: GasOracleArgs {
                chain: name.clone(),
                tip: GasPrice::from_gwei(1),
                ether: None,
                blocks: blocks.clone(),
                gas: gas.clone(),
                clock: ports.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
            },
            executors: vec![(
                ExecutorArgs {
                    chain: name.clone(),
                    chain_id: 31_337,
                    role: LaneRole::Keeper,
                    holder: "a test".to_owned(),
                    sender: sender.clone(),
                    positions: Board::new(pools.iter().map(|pool| (pool.id.clone(), pool.position.clone())).collect()),
                    lane: lane.clone(),
                    epoch: epoch.clone(),
                    blocks: blocks.clone(),
                    gas: gas.clone(),
                    block_time: BLOCK,
                    bump_after_blocks: 2,
                    cancel_cap: GasPrice::from_gwei(500),
                    finality: Finality::Depth(3),
                    routes: PerClass::urgent_and(Route::Public, Route::Public),
                    budget: Budget { daily: Wei::new(u128::MAX), protective: Wei::ZERO, low_balance: Wei::ZERO },
                    explorer: Some("https://example.invalid/tx/".to_owned()),
                    journal: journal.clone(),
                    clock: ports.clone(),
                    observer: observer.clone(),
                    hearts: hearts.clone(),
                },
                executor.clone(),
            )],
            queue: RebalanceQueueArgs {
                chain: name,
                epoch,
                policy: TurnPolicy::new(PerClass::urgent_and(Duration::ZERO, SPACING), secs(1_800)),
                roster: roster.clone(),
                lanes,
                gas,
                supervision: supervision.clone(),
                clock: ports.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
                drill: drill.clone(),
            },
            queue_address: queue.clone(),
            supervision: supervision.clone(),
            clock: ports.clone(),
            hearts: hearts.clone(),
        };
        let alerter =
            AlerterArgs { sinks: spec.sinks.clone(), clock: ports.clone(), observer: observer.clone(), hearts: hearts.clone() };
        let alerter_address: Address<AlerterMsg> = Address::default();
        let root = RootArgs { alerter, alerter_address, pegs, streams: Vec::new(), supervision, clock: ports, hearts };
        let (root, _) = Actor::spawn(None, Root, root).await.unwrap();
        root.cast(RootMsg::Adopt(Arc::new(chain_args))).unwrap();
        let mut world = Self { clock, chain, link, drill, events, lane, blocks, executor, root, roster, plan, miner: None };
        if spec.mines {
            world.start_mining();
        }
        world
    }

    /// The arguments of a pool that differs from the first of the roster, with a place in the batch of its own.
    pub(crate) fn another(&self, name: &str, change: impl FnOnce(&mut PoolArgs)) -> Arc<PoolArgs> {
        let like = self.roster.read()[0].clone();
        let position = Arc::new(FakePosition(name.to_owned()));
        let mut args = PoolArgs {
            id: PoolId::new(name),
            lease: Lease::of(&self.plan, position.calls()),
            position,
            mandate: like.mandate.clone(),
            mode: like.mode,
            policy: like.policy.clone(),
            max_age: like.max_age,
            block_time: like.block_time,
            blocks: like.blocks.clone(),
            earnings: like.earnings.clone(),
            pegs: like.pegs.clone(),
            gas: like.gas.clone(),
            lanes: like.lanes.clone(),
            executors: like.executors.clone(),
            journal: like.journal.clone(),
            clock: like.clock.clone(),
            observer: like.observer.clone(),
            hearts: like.hearts.clone(),
            drill: like.drill.clone(),
        };
        change(&mut args);
        Arc::new(args)
    }

    /// From now on a block comes every block time.
    pub(crate) fn start_mining(&mut self) {
        let (chain, every) = (self.chain.clone(), self.clock.machine(BLOCK));
        self.miner = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                chain.mine();
            }
        }));
    }

    pub(crate) fn stop_mining(&mut self) {
        if let Some(miner) = self.miner.take() {
            miner.abort();
        }
    }

    /// The actor of the tree that understands `M`, for as long as there is only one.
    pub(crate) fn cell_of<M: Message>(&self) -> Option<ActorCell> {
        cell_of::<M>(&self.root.get_cell())
    }

    pub(crate) fn pool_is_on_target(&self, pool: &str) -> bool {
        self.chain.weights(pool).iter().all(|weight| weight.abs_diff(Weight::from_bps(5_000)) <= Weight::from_bps(50))
    }

    /// How many children each supervisor of the chain has: chain, queue.
    pub(crate) fn children(&self) -> (usize, usize) {
        let count = |cell: Option<ActorCell>| cell.map_or(0, |cell| cell.get_children().len());
        (count(self.cell_of::<ChainMsg>()), count(self.cell_of::<QueueMsg>()))
    }
}

fn cell_of<M: Message>(above: &ActorCell) -> Option<ActorCell> {
    let children = above.get_children();
    let found = children.iter().find(|cell| cell.is_message_type_of::<M>() == Some(true)).cloned();
    found.or_else(|| children.iter().find_map(cell_of::<M>))
}
