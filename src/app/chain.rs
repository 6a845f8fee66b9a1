//! One chain, from its settings to the arguments of its actors: the key is opened, the node is waited for, every pool's claims are
//! held against the chain, and what holds is put together. A pool whose claims do not hold is parked with its reason.

mod sources;
mod yields;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::actors::block_reader::BlockReaderArgs;
use crate::actors::board::{Address, Board};
use crate::actors::chain::ChainArgs;
use crate::actors::executor::{ExecutorArgs, ExecutorMsg};
use crate::actors::facts::{BlockFact, GasFact, Lane, Lanes, ReadPlan, YieldBoards};
use crate::actors::gas_oracle::GasOracleArgs;
use crate::actors::pool::{Earning, Executors, PoolArgs};
use crate::actors::rebalance_queue::RebalanceQueueArgs;
use crate::app::keys::{self, Keys};
use crate::app::{Shared, StartFault, Wiring};
use crate::chain::endpoints::{EndpointHook, EndpointSettings, Endpoints, Notice};
use crate::chain::link::{LinkSettings, NodeLink};
use crate::chain::preflight::{self, Cleared, FeedClaim, PoolClaim, PreflightFault, TokenClaim};
use crate::chain::provider::{AskFault, Node, RequestHook, USUAL_TIMEOUT};
use crate::chain::reader::ReaderSettings;
use crate::chain::sender::NetworkSender;
use crate::config::{AssetOnChain, ChainSettings, PoolSettings, Settings, ShareOnChain};
use crate::domain::ids::AssetId;
use crate::domain::mode::Mode;
use crate::domain::operation::LaneRole;
use crate::domain::turns::TurnPolicy;
use crate::observe::Event;
use crate::observe::metrics::EndpointSeries;
use crate::ports::{Announcements, Clock, Position, PriceSource, Relay, TransactionSender};

/// Calls of one request: a pool asks six or so, so this is more than a hundred pools.
const CALLS_PER_REQUEST: usize = 800;
/// Facts may be three blocks old, but never less than this on the machine: below it a busy machine looks like a silent chain.
const LEAST_AGE: Duration = Duration::from_secs(2);

/// A chain that is about to run.
pub(super) struct ChainPlan {
    settings: ChainSettings,
    pools: Vec<PoolSettings>,
    assets: BTreeMap<AssetId, AssetOnChain>,
    /// Shares that live here, each with what it is a share of.
    shares: BTreeMap<AssetId, (AssetId, ShareOnChain)>,
    shared: Shared,
    keeper: Keys,
    guardian: Option<Keys>,
    http: Node,
    endpoints: Endpoints,
    relay: Option<Arc<dyn Relay>>,
    link: NodeLink,
    reader: ReaderSettings,
    lanes: Lanes,
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
        let guardian = match &settings.guardian {
            Some(guardian) => Some(keys::open(guardian, &on_request).await.map_err(refused(LaneRole::Guardian))?),
            None => None,
        };
        // The settings tell two sources of keys apart, not the accounts behind them; one account has one sequence of nonces.
        if guardian.as_ref().is_some_and(|guardian| guardian.address() == keeper.address()) {
            let fault = format!("{} is the keeper's account too: give the guardian a key of its own, or none", keeper.address());
            return Err(refused(LaneRole::Guardian)(fault));
        }
        let reader = ReaderSettings {
            gas_per_call: settings.reader_gas_per_call,
            gas: settings.reader_gas,
            calls_per_request: CALLS_PER_REQUEST,
        };
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
        let here =
            |(id, asset): (&AssetId, &crate::config::AssetSettings)| Some((id.clone(), asset.on.get(&settings.name)?.clone()));
        let share_here = |(id, share): (&AssetId, &crate::config::ShareSettings)| {
            Some((id.clone(), (share.of.clone(), share.on.get(&settings.name)?.clone())))
        };
        Ok(Self {
            settings: settings.clone(),
            pools: all.pools.values().filter(|pool| pool.chain == settings.name).cloned().collect(),
            assets: all.assets.iter().filter_map(here).collect(),
            shares: all.shares.iter().filter_map(share_here).collect(),
            shared: shared.clone(),
            lanes: Lanes { keeper: Board::new(Lane::UNKNOWN), guardian: guardian.as_ref().map(|_| Board::new(Lane::UNKNOWN)) },
            keeper,
            guardian,
            http,
            endpoints,
            relay,
            link,
            reader,
        })
    }

    /// What its lanes are doing.
    pub(super) fn lanes(&self) -> Lanes {
        self.lanes.clone()
    }

    /// Waits for the node, holds the claims against the chain, and puts together what holds.
    pub(super) async fn carry_out(self) -> ChainArgs {
        let mut running = Vec::new();
        for pool in &self.pools {
            match self.clear(pool).await {
                Ok(cleared) => running.push((pool.clone(), cleared)),
                Err(faults) => {
                    let reason = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                    self.shared.wiring.observer.record(Event::PoolParked { pool: pool.id.clone(), reason });
                }
            }
        }
        self.compose(running)
    }

    /// Asks until the node answers: a node that is away says nothing of the pool.
    async fn clear(&self, pool: &PoolSettings) -> Result<Cleared, Vec<PreflightFault>> {
        let claim = self.claim(pool);
        let again = ExponentialBuilder::default().with_max_delay(Duration::from_secs(10)).without_max_times();
        (|| preflight::clear(&self.http, &self.reader, &claim))
            .retry(again)
            .when(|faults| faults.iter().any(PreflightFault::is_unreachable))
            .notify(|faults, pause| {
                let fault = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                let chain = self.settings.name.clone();
                self.shared.wiring.observer.record(Event::LinkLost { chain, label: "unreachable", fault, retry_in: pause });
            })
            .await
    }

    fn claim(&self, pool: &PoolSettings) -> PoolClaim {
        let place = |id: &AssetId| format!("assets.{id}.on.{}", self.settings.name);
        let token = |id: &AssetId| {
            let asset = self.assets.get(id).map(|asset| (asset.token, asset.decimals));
            let share = || self.shares.get(id).map(|(_, share)| (share.token, share.decimals));
            let (token, decimals) = asset.or_else(share)?;
            Some(TokenClaim { place: place(id), token, decimals })
        };
        // A share has no feed of its own: the pool depends on its coin's.
        let coin = |id: &AssetId| self.shares.get(id).map_or(id.clone(), |(of, _)| of.clone());
        let coins: BTreeSet<AssetId> = pool.mandate.assets.iter().map(coin).collect();
        PoolClaim {
            place: format!("pools/{}.toml", pool.id),
            chain_id: self.settings.chain_id,
            pool: pool.address,
            keeper: self.keeper.address(),
            sends: pool.mode == Mode::Live,
            tokens: pool.mandate.assets.iter().filter_map(token).collect(),
            feeds: coins
                .iter()
                .filter_map(|id| self.assets.get(id).map(|asset| (id, asset)))
                .map(|(id, asset)| FeedClaim {
                    place: format!("{}.feed", place(id)),
                    proxy: asset.feed.proxy,
                    decimals: asset.feed.rule.decimals,
                })
                .collect(),
        }
    }

    /// Gives every actor its arguments. The boards are made here and nowhere else.
    fn compose(self, running: Vec<(PoolSettings, Cleared)>) -> ChainArgs {
        let boards = Boards { executors: self.executors(), yields: self.yield_boards(), ..Boards::default() };
        let mut plan = ReadPlan::default();
        let feeds = self.feeds(&boards, &mut plan);
        let (yields, checks) = self.yields(&boards, &mut plan);
        let gas_oracle = self.gas_oracle(&boards, &mut plan);
        let pools = self.pools(&boards, &mut plan, running);
        let executors = self.lanes_of(&boards, &pools);
        let Self { settings, shared, link, lanes, .. } = self;
        let Wiring { clock, drill, observer, .. } = shared.wiring;
        let (name, hearts, Boards { blocks, announcements, gas, epoch, .. }) = (settings.name, shared.hearts, boards);
        ChainArgs {
            block_reader: BlockReaderArgs {
                chain: name.clone(),
                link: Arc::new(link),
                calls: plan.calls(),
                sources: feeds.iter().map(|feed| (feed.slot.clone(), Arc::clone(&feed.source))).collect(),
                blocks,
                announcements,
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
            executors,
            queue: RebalanceQueueArgs {
                chain: name.clone(),
                epoch,
                policy: TurnPolicy::new(settings.spacing, settings.ageing),
                pools,
                lanes,
                gas,
                supervision: shared.supervision.clone(),
                clock: clock.clone(),
                observer,
                hearts: hearts.clone(),
                drill,
            },
            queue_address: Address::default(),
            supervision: shared.supervision,
            clock,
            hearts,
            name,
        }
    }

    fn executors(&self) -> Executors {
        Executors { keeper: Address::default(), guardian: self.guardian.as_ref().map(|_| Address::default()), treasury: None }
    }

    /// The executor of each lane.
    fn lanes_of(&self, boards: &Boards, pools: &[Arc<PoolArgs>]) -> Vec<(ExecutorArgs, Address<ExecutorMsg>)> {
        let positions = Arc::new(pools.iter().map(|pool| (pool.id.clone(), pool.position.clone())).collect());
        let executor = |role, keys: &Keys, lane: &Board<Lane>| {
            let args = ExecutorArgs {
                chain: self.settings.name.clone(),
                chain_id: self.settings.chain_id,
                role,
                holder: format!("{} {}", env!("CARGO_PKG_NAME"), std::process::id()),
                sender: self.sender(keys),
                positions: Arc::clone(&positions),
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
        let keeper = executor(LaneRole::Keeper, &self.keeper, &self.lanes.keeper);
        let guardian = self.guardian.as_ref().zip(self.lanes.guardian.as_ref());
        let guardian = guardian.map(|(keys, lane)| executor(LaneRole::Guardian, keys, lane));
        std::iter::once(keeper).chain(guardian).collect()
    }

    fn sender(&self, keys: &Keys) -> Arc<dyn TransactionSender> {
        Arc::new(NetworkSender::new(self.endpoints.clone(), keys.signer.clone(), self.relay.clone(), self.reader))
    }

    fn gas_oracle(&self, boards: &Boards, plan: &mut ReadPlan) -> GasOracleArgs {
        let ether = self.settings.ether_usd.as_ref().map(|feed| {
            let source: Arc<dyn PriceSource> = Arc::new(self.source(&AssetId::new("ETH"), feed));
            let slot = plan.reserve(source.calls());
            (source, slot)
        });
        GasOracleArgs {
            chain: self.settings.name.clone(),
            tip: self.settings.priority_fee,
            ether,
            blocks: boards.blocks.clone(),
            gas: boards.gas.clone(),
            clock: self.shared.wiring.clock.clone(),
            observer: self.shared.wiring.observer.clone(),
            hearts: self.shared.hearts.clone(),
        }
    }

    fn pools(&self, boards: &Boards, plan: &mut ReadPlan, running: Vec<(PoolSettings, Cleared)>) -> Vec<Arc<PoolArgs>> {
        let Wiring { clock, journal, drill, observer, .. } = &self.shared.wiring;
        let max_age = max_age(clock.as_ref(), self.settings.block_time);
        // The peg of a share is that of its coin.
        let coin_of = |id: &AssetId| self.shares.get(id).map_or(id.clone(), |(of, _)| of.clone());
        let board_of = |id: &AssetId| self.shared.pegs.get(&coin_of(id)).map(|(board, _)| board.clone());
        let earning = |id: &AssetId| Earning { boards: boards.yields.get(id).cloned(), share: self.shares.contains_key(id) };
        let pool = |(pool, Cleared { pool: position, .. }): (PoolSettings, Cleared)| {
            let position = position.with_brakes(pool.policy.brakes.is_some());
            Arc::new(PoolArgs {
                id: pool.id,
                slot: plan.reserve(position.calls()),
                position: Arc::new(position),
                pegs: pool.mandate.assets.iter().filter_map(board_of).collect(),
                earnings: pool.mandate.assets.iter().map(earning).collect(),
                mode: pool.mode,
                mandate: pool.mandate,
                policy: pool.policy,
                max_age,
                block_time: self.settings.block_time,
                blocks: boards.blocks.clone(),
                gas: boards.gas.clone(),
                lanes: self.lanes.clone(),
                executors: boards.executors.clone(),
                journal: journal.clone(),
                clock: clock.clone(),
                observer: observer.clone(),
                hearts: self.shared.hearts.clone(),
                drill: drill.clone(),
            })
        };
        running.into_iter().map(pool).collect()
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
