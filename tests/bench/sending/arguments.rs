//! What the actors of the measured lane work with: a chain with one lane and one pool, as the program would compose it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ballast::actors::board::{Address, Board};
use ballast::actors::executor::ExecutorArgs;
use ballast::actors::facts::{BlockFact, GasFact, Lane, Lanes, Lease, ReadPlan};
use ballast::actors::pool::{Executors, PoolArgs};
use ballast::actors::rebalance_queue::RebalanceQueueArgs;
use ballast::actors::supervise::{RestartBook, Supervision};
use ballast::chain::endpoints::{EndpointSettings, Endpoints};
use ballast::chain::provider::{Node, USUAL_TIMEOUT};
use ballast::chain::reader::ReaderSettings;
use ballast::chain::sender::NetworkSender;
use ballast::chain::signer::LocalSigner;
use ballast::devnet::anvil::CHAIN_ID;
use ballast::domain::allocation::Allocation;
use ballast::domain::budget::Budget;
use ballast::domain::finality::Finality;
use ballast::domain::gas::GasRule;
use ballast::domain::ids::{AssetId, ChainName, PoolId};
use ballast::domain::operation::LaneRole;
use ballast::domain::peg::{Peg, Trust};
use ballast::domain::policy::{CompositionRule, Policy, RampRule};
use ballast::domain::position::Mandate;
use ballast::domain::restart::RestartPolicy;
use ballast::domain::route::Route;
use ballast::domain::trigger::PerClass;
use ballast::domain::turns::TurnPolicy;
use ballast::domain::units::{GasPrice, Price, Timestamp, Wei, Weight};
use ballast::observe::Observer;
use ballast::observe::heartbeat::Heartbeats;
use ballast::ports::{Clock, Journal, Position};

use crate::lane::{BLOCK, KEY, PAUSE};
use crate::marks::{Marks, Watched};
use crate::seesaw::Seesaw;

/// What the actors share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Observer,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) marks: Marks,
    pub(crate) hearts: Heartbeats,
    pub(crate) lane: Board<Lane>,
    pub(crate) blocks: Board<BlockFact>,
    pub(crate) gas: Board<GasFact>,
}

impl Shared {
    fn sender(&self, url: &str) -> NetworkSender {
        let node = Node::http(&url.into(), USUAL_TIMEOUT, Arc::new(|_| {})).unwrap();
        let endpoints = Endpoints::new(vec![node], EndpointSettings::of(CHAIN_ID), self.clock.clone(), Arc::new(|_| {}));
        let signer = Arc::new(LocalSigner::from_key(&KEY.into()).unwrap());
        NetworkSender::new(
            endpoints,
            signer,
            None,
            ReaderSettings { gas_per_call: 500_000, gas: 10_000_000, calls_per_request: 800 },
        )
    }

    /// Of the executor, and of the queue with its pool, for a node at `url`.
    pub(crate) fn arguments(self, url: &str, pool: &Arc<Seesaw>) -> (ExecutorArgs, RebalanceQueueArgs) {
        let sender = Watched { sender: self.sender(url), marks: self.marks.clone() };
        let Self { clock, observer, journal, marks, hearts, lane, blocks, gas } = self;
        let drill = Arc::new(marks);
        let (chain, id, epoch) = (ChainName::new("bench"), PoolId::new("seesaw"), Board::new(0));
        let position: Arc<dyn Position> = pool.clone();
        let lanes = Lanes { keeper: lane.clone(), guardian: None, treasury: None };
        let assets = ["USDC", "DAI"].map(AssetId::new);
        let executor = ExecutorArgs {
            chain: chain.clone(),
            chain_id: CHAIN_ID,
            role: LaneRole::Keeper,
            holder: "the bench".to_owned(),
            sender: Arc::new(sender),
            positions: Board::new(BTreeMap::from([(id.clone(), position.clone())])),
            lane: lane.clone(),
            epoch: epoch.clone(),
            blocks: blocks.clone(),
            gas: gas.clone(),
            block_time: BLOCK,
            bump_after_blocks: 3,
            cancel_cap: GasPrice::from_gwei(500),
            finality: Finality::Depth(1),
            routes: PerClass::urgent_and(Route::Public, Route::Public),
            budget: Budget { daily: Wei::new(u128::MAX), protective: Wei::ZERO, low_balance: Wei::ZERO },
            explorer: None,
            journal: journal.clone(),
            clock: clock.clone(),
            observer: observer.clone(),
            hearts: hearts.clone(),
        };
        let pool = PoolArgs {
            id,
            lease: Lease::of(&Board::new(ReadPlan::default()), position.calls()),
            position,
            mandate: Mandate::plain(
                assets.to_vec(),
                Allocation::exact(vec![Weight::from_bps(5_000); 2]).unwrap(),
                vec![Weight::from_bps(1_000); 2],
                vec![Weight::from_bps(9_000); 2],
            ),
            mode: ballast::domain::mode::Mode::Live,
            policy: policy(),
            max_age: PAUSE,
            block_time: BLOCK,
            blocks: blocks.clone(),
            earnings: Vec::new(),
            pegs: assets.into_iter().map(|asset| Board::new(at_par(asset, clock.now()))).collect(),
            gas: gas.clone(),
            lanes: lanes.clone(),
            executors: Executors { keeper: Address::default(), guardian: None, treasury: None },
            journal,
            clock: clock.clone(),
            observer: observer.clone(),
            hearts: hearts.clone(),
            drill: drill.clone(),
        };
        let book = RestartBook::new(HashMap::new());
        let supervision =
            Supervision { book, observer: observer.clone(), clock: clock.clone(), policy: RestartPolicy::default() };
        let spacing = Duration::from_secs(30);
        let spacing = PerClass::urgent_and(Duration::ZERO, spacing);
        let queue = RebalanceQueueArgs {
            chain,
            epoch,
            policy: TurnPolicy::new(spacing, Duration::from_secs(1_800)),
            roster: Board::new(Arc::from([Arc::new(pool)])),
            lanes,
            gas: gas.clone(),
            supervision,
            clock,
            observer,
            hearts,
            drill,
        };
        (executor, queue)
    }
}

fn at_par(asset: AssetId, now: Timestamp) -> Peg {
    Peg { trust: Trust::Trusted, level: Some(Price::PAR), ..Peg::unheard(asset, now) }
}

/// Drift above five points, ramps of a minute that start a minute ahead.
fn policy() -> Policy {
    let (minute, cap) = (Duration::from_secs(60), GasPrice::from_gwei(30));
    let gas = GasRule { cap, cap_at_deadline: cap, deadline: Duration::from_secs(3_600) };
    Policy {
        drift_threshold: Weight::from_bps(500),
        dead_band: Weight::from_bps(50),
        min_interval: Duration::ZERO,
        schedule: None,
        max_step: Weight::ONE,
        composition: CompositionRule { threshold: Weight::from_bps(500), persist: minute },
        ramp: RampRule {
            min: minute,
            max: minute,
            max_velocity_per_hour: Weight::from_wad(100 * Weight::ONE.wad()),
            start_lead: minute,
            arbitrage_gas: 130_000,
            max_loss: None,
            max_legs: 4,
        },
        gas: PerClass::urgent_and(gas, gas),
        ..Policy::permissive()
    }
}
