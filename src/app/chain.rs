//! One chain, from its settings to the arguments of its actors: the key is opened, the node is waited for, every pool's claims are
//! held against the chain, and what holds is put together. A pool whose claims do not hold is parked with its reason.

mod claims;
mod pools;
mod sources;
mod yields;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;

use crate::actors::block_reader::BlockReaderArgs;
use crate::actors::board::{Address, Board};
use crate::actors::chain::ChainArgs;
use crate::actors::executor::{ExecutorArgs, ExecutorMsg, Positions};
use crate::actors::facts::{BlockFact, GasFact, Lane, Lanes, ReadPlan, Slot, YieldBoards};
use crate::actors::gas_oracle::GasOracleArgs;
use crate::actors::pool::Executors;
use crate::actors::rebalance_queue::{RebalanceQueueArgs, Roster};
use crate::actors::root::RootMsg;
use crate::app::keys::{self, Keys};
use crate::app::{Shared, StartFault, Wiring};
use crate::chain::endpoints::{EndpointHook, EndpointSettings, Endpoints, Notice};
use crate::chain::link::{LinkSettings, NodeLink};
use crate::chain::provider::{AskFault, Node, RequestHook, USUAL_TIMEOUT};
use crate::chain::reader::ReaderSettings;
use crate::chain::sender::NetworkSender;
use crate::config::{ChainSettings, Settings};
use crate::domain::ids::{AssetId, ChainName};
use crate::domain::operation::LaneRole;
use crate::domain::turns::TurnPolicy;
use crate::observe::metrics::EndpointSeries;
use crate::ports::{Announcements, Call, Clock, PriceSource, Relay, TransactionSender};

pub use claims::{faults_of, reader};
pub(super) use pools::{Wanted, wanted};

use self::claims::Tokens;
use self::pools::Present;

/// Facts may be three blocks old, but never less than this on the machine: below it a busy machine looks like a silent chain.
const LEAST_AGE: Duration = Duration::from_secs(2);

/// A chain that is about to run.
pub(super) struct ChainPlan {
    settings: ChainSettings,
    /// The pools that are to be looked after, by the newest settings.
    wanted: Board<Wanted>,
    tokens: Tokens,
    shared: Shared,
    keeper: Keys,
    guardian: Option<Keys>,
    treasury: Option<Keys>,
    http: Node,
    endpoints: Endpoints,
    relay: Option<Arc<dyn Relay>>,
    link: Arc<NodeLink>,
    reader: ReaderSettings,
    lanes: Lanes,
    boards: Boards,
    heard: Board<bool>,
}

impl ChainPlan {
    /// Opens the key and reads the addresses; connects to nobody.
    pub(super) async fn new(all: &Settings, settings: &ChainSettings, shared: &Shared) -> Result<Self, StartFault> {
        let chain = || settings.name.clone();
        let requests = shared.wiring.observer.metrics().rpc_requests();
        let label = settings.name.to_string();
        let on_request: RequestHook = Arc::new(move |method| requests.with_label_values(&[label.as_str(), method]).inc());
        let refused = |role| move |fault| StartFault::Signer { chain: settings.name.clone(), role, fault };
        let keeper = keys::open(&settings.keeper, &on_request).await.map_err(refused(LaneRole::Keeper))?;
        let guardian = keys::open_any(settings.guardian.as_ref(), &on_request).await.map_err(refused(LaneRole::Guardian))?;
        let treasury = keys::open_any(settings.treasury.as_ref(), &on_request).await.map_err(refused(LaneRole::Treasury))?;
        let roles =
            [(LaneRole::Keeper, Some(&keeper)), (LaneRole::Guardian, guardian.as_ref()), (LaneRole::Treasury, treasury.as_ref())];
        keys::told_apart(roles).map_err(|(role, fault)| refused(role)(fault))?;
        let reader = claims::reader(settings);
        let hook = endpoint_hook(shared.wiring.observer.metrics().endpoints(), settings.name.to_string());
        let nodes: Result<Vec<Node>, AskFault> = settings
            .rpc
            .iter()
            .map(|url| {
                let node = Node::http(url, USUAL_TIMEOUT, on_request.clone())?;
                Ok(settings.rate_limit.map_or(node.clone(), |limit| node.paced(limit)))
            })
            .collect();
        let nodes = nodes.map_err(|fault| StartFault::Link { chain: chain(), fault: fault.to_string() })?;
        let endpoints = Endpoints::new(nodes, EndpointSettings::of(settings.chain_id), shared.wiring.clock.clone(), hook);
        let relay = keys::relay(settings, &on_request)?;
        let first =
            settings.rpc.first().ok_or_else(|| StartFault::Link { chain: chain(), fault: "`rpc` is empty".to_owned() })?;
        let http = Node::http(first, USUAL_TIMEOUT, on_request.clone())
            .map_err(|fault| StartFault::Link { chain: chain(), fault: fault.to_string() })?;
        let link = LinkSettings {
            chain_id: settings.chain_id,
            ws_url: settings.ws_url.clone(),
            http_url: first.clone(),
            block_time: shared.wiring.clock.machine(settings.block_time),
            timeout: USUAL_TIMEOUT,
            reader,
        };
        let link =
            NodeLink::new(link, on_request).map_err(|fault| StartFault::Link { chain: chain(), fault: fault.to_string() })?;
        let lane = |keys: Option<&Keys>| keys.map(|_| Board::new(Lane::UNKNOWN));
        let mut plan = Self {
            settings: settings.clone(),
            wanted: Board::new(pools::wanted(all, &settings.name)),
            tokens: Tokens::on(all, &settings.name),
            shared: shared.clone(),
            lanes: Lanes {
                keeper: Board::new(Lane::UNKNOWN),
                guardian: lane(guardian.as_ref()),
                treasury: lane(treasury.as_ref()),
            },
            keeper,
            guardian,
            treasury,
            http,
            endpoints,
            relay,
            link: Arc::new(link),
            reader,
            boards: Boards::default(),
            heard: Board::new(false),
        };
        plan.boards.executors = plan.executors();
        plan.boards.yields = plan.yield_boards();
        Ok(plan)
    }

    /// Its chain.
    pub(super) const fn chain(&self) -> &ChainName {
        &self.settings.name
    }

    /// What its lanes are doing.
    pub(super) fn lanes(&self) -> Lanes {
        self.lanes.clone()
    }

    /// Waits until the node has been heard.
    pub(super) async fn heard(&self) {
        self.heard.wait_for(|heard| *heard).await;
    }

    /// Waits for the node, holds the claims against the chain, has what holds looked after, and follows the settings for ever.
    pub(super) async fn carry_out(&self, root: &ActorRef<RootMsg>) {
        let mut present = Present::default();
        self.catch_up(&mut present).await;
        // A root that is gone ends the process anyway.
        let _ = root.cast(RootMsg::Adopt(Arc::new(self.compose())));
        self.heard.publish(true);
        loop {
            self.news(&present).await;
            self.catch_up(&mut present).await;
        }
    }

    /// Gives every actor its arguments. The boards are made here and nowhere else.
    fn compose(&self) -> ChainArgs {
        let boards = &self.boards;
        let feeds = self.feeds();
        let (yields, checks) = self.yields();
        let gas_oracle = self.gas_oracle();
        let Wiring { clock, drill, observer, .. } = &self.shared.wiring;
        let (settings, hearts) = (&self.settings, &self.shared.hearts);
        ChainArgs {
            block_reader: BlockReaderArgs {
                chain: settings.name.clone(),
                link: self.link.clone(),
                plan: boards.plan.clone(),
                sources: feeds.iter().map(|feed| (feed.slot, Arc::clone(&feed.source))).collect(),
                blocks: boards.blocks.clone(),
                announcements: boards.announcements.clone(),
                block_time: settings.block_time,
                read_every: u64::from(settings.read_every),
                clock: clock.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
            },
            feeds,
            yields,
            checks,
            gas_oracle,
            executors: self.lanes_of(),
            queue: RebalanceQueueArgs {
                chain: settings.name.clone(),
                epoch: boards.epoch.clone(),
                policy: TurnPolicy::new(settings.spacing, settings.ageing),
                roster: boards.roster.clone(),
                lanes: self.lanes.clone(),
                gas: boards.gas.clone(),
                supervision: self.shared.supervision.clone(),
                clock: clock.clone(),
                observer: observer.clone(),
                hearts: hearts.clone(),
                drill: drill.clone(),
            },
            queue_address: Address::default(),
            supervision: self.shared.supervision.clone(),
            clock: clock.clone(),
            hearts: hearts.clone(),
            name: settings.name.clone(),
        }
    }

    /// A place in the batch for what lives as long as the chain.
    fn reserve(&self, calls: Vec<Call>) -> Slot {
        let mut slot = Slot::default();
        self.boards.plan.modify(|plan| slot = plan.reserve(calls));
        slot
    }

    fn executors(&self) -> Executors {
        Executors {
            keeper: Address::default(),
            guardian: self.guardian.as_ref().map(|_| Address::default()),
            treasury: self.treasury.as_ref().map(|_| Address::default()),
        }
    }

    /// The executor of each lane.
    fn lanes_of(&self) -> Vec<(ExecutorArgs, Address<ExecutorMsg>)> {
        let boards = &self.boards;
        let executor = |role, keys: &Keys, lane: &Board<Lane>| {
            let args = ExecutorArgs {
                chain: self.settings.name.clone(),
                chain_id: self.settings.chain_id,
                role,
                holder: format!("{} {}", env!("CARGO_PKG_NAME"), std::process::id()),
                sender: self.sender(keys),
                positions: boards.positions.clone(),
                lane: lane.clone(),
                epoch: boards.epoch.clone(),
                blocks: boards.blocks.clone(),
                gas: boards.gas.clone(),
                block_time: self.settings.block_time,
                bump_after_blocks: u64::from(self.settings.bump_after_blocks),
                cancel_cap: self.settings.cancel_cap,
                finality: self.settings.finality,
                routes: self.settings.route,
                budget: self.settings.budget,
                explorer: self.settings.explorer_tx.clone(),
                journal: self.shared.wiring.journal.clone(),
                clock: self.shared.wiring.clock.clone(),
                observer: self.shared.wiring.observer.clone(),
                hearts: self.shared.hearts.clone(),
            };
            (args, boards.executors.of(role).clone())
        };
        let lanes = [
            (LaneRole::Keeper, Some(&self.keeper), Some(&self.lanes.keeper)),
            (LaneRole::Guardian, self.guardian.as_ref(), self.lanes.guardian.as_ref()),
            (LaneRole::Treasury, self.treasury.as_ref(), self.lanes.treasury.as_ref()),
        ];
        lanes.into_iter().filter_map(|(role, keys, lane)| Some(executor(role, keys?, lane?))).collect()
    }

    fn sender(&self, keys: &Keys) -> Arc<dyn TransactionSender> {
        Arc::new(NetworkSender::new(self.endpoints.clone(), keys.signer.clone(), self.relay.clone(), self.reader))
    }

    fn gas_oracle(&self) -> GasOracleArgs {
        let ether = self.settings.ether_usd.as_ref().map(|feed| {
            let source: Arc<dyn PriceSource> = Arc::new(self.source(&AssetId::new("ETH"), feed));
            let slot = self.reserve(source.calls());
            (source, slot)
        });
        GasOracleArgs {
            chain: self.settings.name.clone(),
            tip: self.settings.priority_fee,
            ether,
            blocks: self.boards.blocks.clone(),
            gas: self.boards.gas.clone(),
            clock: self.shared.wiring.clock.clone(),
            observer: self.shared.wiring.observer.clone(),
            hearts: self.shared.hearts.clone(),
        }
    }
}

/// What the actors of one chain share.
struct Boards {
    blocks: Board<BlockFact>,
    announcements: Board<Announcements>,
    gas: Board<GasFact>,
    /// What each asset earns, and what a share is worth, where that is watched.
    yields: BTreeMap<AssetId, YieldBoards>,
    epoch: Board<u64>,
    executors: Executors,
    /// What is read of each block.
    plan: Board<ReadPlan>,
    /// The pools that are looked after.
    roster: Board<Roster>,
    positions: Board<Positions>,
}

impl Default for Boards {
    fn default() -> Self {
        Self {
            blocks: Board::new(None),
            announcements: Board::new(Announcements::default()),
            gas: Board::new(None),
            yields: BTreeMap::new(),
            epoch: Board::new(0),
            executors: Executors::default(),
            plan: Board::new(ReadPlan::default()),
            roster: Board::new(Roster::default()),
            positions: Board::new(Positions::default()),
        }
    }
}

/// Counts what the endpoints of a chain do.
fn endpoint_hook(series: EndpointSeries, chain: String) -> EndpointHook {
    Arc::new(move |notice| match notice {
        Notice::Failed { endpoint, label } => series.failed(&chain, endpoint, label),
        Notice::Seen { endpoint, healthy, height } => series.seen(&chain, endpoint, healthy, height),
        Notice::Broadcast { endpoint, outcome } => series.broadcast(&chain, endpoint, outcome),
        Notice::Contradiction { kind } => series.contradiction(&chain, kind),
    })
}

/// Three blocks, or as much policy time as passes in [`LEAST_AGE`] of machine time, whichever is longer.
fn max_age(clock: &dyn Clock, block_time: Duration) -> Duration {
    let three = block_time.saturating_mul(3);
    let machine = clock.machine(three).max(Duration::from_millis(1));
    if machine >= LEAST_AGE {
        return three;
    }
    let times = u32::try_from(LEAST_AGE.as_millis().div_ceil(machine.as_millis().max(1))).unwrap_or(u32::MAX);
    three.saturating_mul(times)
}
