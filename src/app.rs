//! The composition root: the only place that knows every adapter. It builds the boards and the tree, sees the chains come up, and
//! orders the shutdown.

mod chain;
mod explain;
mod follower;
mod keys;
mod streams;

pub use chain::{faults_of, reader};
pub use follower::Follower;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorRef};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::actors::alerter::{AlerterArgs, AlerterMsg};
use crate::actors::board::{Address, Board};
use crate::actors::peg_watch::{PegWatchArgs, PegWatchMsg};
use crate::actors::root::{Root, RootArgs, RootMsg};
use crate::actors::supervise::{RestartBook, Supervision};
use crate::alerts::discord::DiscordSink;
use crate::app::chain::ChainPlan;
use crate::config::{AlertSettings, Settings};
use crate::domain::ids::{AssetId, ChainName};
use crate::domain::operation::LaneRole;
use crate::domain::peg::Peg;
use crate::domain::restart::RestartPolicy;
use crate::http::{self, HttpState, Readiness};
use crate::journal::memory::MemoryJournal;
use crate::journal::{self, OpenFault};
use crate::observe::heartbeat::Heartbeats;
use crate::observe::metrics::Metrics;
use crate::observe::{Event, Observer};
use crate::ports::{AlertSink, Clock, Drill, Journal, NoDrill, Recorder};

/// What the world gives to the process, and a demo or a test may give differently.
#[derive(Clone)]
pub struct Wiring {
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// What outlives an actor.
    pub journal: Arc<dyn Journal>,
    /// What may go wrong on purpose.
    pub drill: Arc<dyn Drill>,
    /// Who keeps every reading, if anybody does.
    pub recorder: Option<Arc<dyn Recorder>>,
    /// Where events are told. Whoever wants to hear all of them taps it before the start.
    pub observer: Observer,
}

impl Wiring {
    /// The usual wiring around a clock: nothing goes wrong on purpose, and the journal is in memory.
    ///
    /// # Errors
    /// When the metrics cannot be declared, which would be a fault of the program.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, StartFault> {
        let metrics = Metrics::new().map_err(|fault| StartFault::Metrics(fault.to_string()))?;
        let observer = Observer::new(metrics, clock.clone());
        Ok(Self { clock, journal: Arc::new(MemoryJournal::default()), drill: Arc::new(NoDrill), recorder: None, observer })
    }

    /// The wiring of production: the same around the journal that the settings name, which outlives the process.
    ///
    /// # Errors
    /// The journal cannot be opened: without it nothing may be sent.
    pub async fn durable(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, StartFault> {
        let journal = journal::open(&settings.journal, &settings.directory).await.map_err(StartFault::Journal)?;
        Ok(Self { journal, ..Self::new(clock)? })
    }
}

/// Why the process cannot start.
#[derive(Debug, Error)]
pub enum StartFault {
    /// The metrics contradict each other.
    #[error("the metrics cannot be declared: {0}")]
    Metrics(String),
    /// The journal cannot be opened.
    #[error("journal: {0}")]
    Journal(OpenFault),
    /// The port is taken or not ours.
    #[error("cannot listen on {address}: {fault}; choose another address with http.listen")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// The system's words.
        fault: std::io::Error,
    },
    /// A key cannot be used.
    #[error("chains.{chain}.{role}: {fault}")]
    Signer {
        /// Its chain.
        chain: ChainName,
        /// Its lane.
        role: LaneRole,
        /// Why.
        fault: String,
    },
    /// The relay's identity cannot be used.
    #[error("chains.{chain}.relay: {fault}")]
    Relay {
        /// Its chain.
        chain: ChainName,
        /// Why.
        fault: String,
    },
    /// An address cannot be used.
    #[error("chains.{chain}: {fault}")]
    Link {
        /// Its chain.
        chain: ChainName,
        /// Why.
        fault: String,
    },
    /// A source of prices cannot be asked.
    #[error("{place}: {fault}")]
    Source {
        /// Its place in the settings.
        place: String,
        /// Why.
        fault: String,
    },
    /// The HTTP client for alerts.
    #[error("the alert client cannot be built: {0}")]
    Alerts(String),
    /// The root actor.
    #[error("the root actor cannot start: {0}")]
    Root(String),
}

/// What all parts of the composition share.
#[derive(Clone)]
struct Shared {
    wiring: Wiring,
    hearts: Heartbeats,
    supervision: Supervision,
    pegs: BTreeMap<AssetId, (Board<Peg>, Address<PegWatchMsg>)>,
}

/// Ballast, running.
pub struct App {
    root: ActorRef<RootMsg>,
    dead: JoinHandle<()>,
    follower: Follower,
    chains: JoinSet<()>,
    readiness: Readiness,
    /// Where `/metrics`, `/healthz` and `/readyz` answer.
    pub http: SocketAddr,
    http_task: JoinHandle<()>,
    http_stop: oneshot::Sender<()>,
}

impl App {
    /// Starts everything that needs no node at once, and the chains as their nodes are heard. Keys are opened first: a wrong password
    /// ends the start before any socket is opened.
    ///
    /// # Errors
    /// What cannot be mended by waiting.
    pub async fn start(settings: &Settings, wiring: Wiring) -> Result<Self, StartFault> {
        // Two crypto libraries are in the tree; whoever comes first chooses for all, and a second choice changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let book: RestartBook = Board::new(std::collections::HashMap::new());
        let (clock, observer) = (wiring.clock.clone(), wiring.observer.clone());
        let supervision = Supervision { book, observer, clock, policy: RestartPolicy::default() };
        let unheard = |asset: &AssetId| (Board::new(Peg::unheard(asset.clone(), wiring.clock.now())), Address::default());
        let pegs = settings.assets.keys().map(|asset| (asset.clone(), unheard(asset))).collect();
        let shared = Shared { wiring, hearts: Heartbeats::new(), supervision, pegs };

        let mut plans = Vec::new();
        for settings_of_chain in settings.chains.values() {
            plans.push(Arc::new(ChainPlan::new(settings, settings_of_chain, &shared).await?));
        }
        let readiness = Readiness::starting();
        let (http, http_task, http_stop) = serve(settings.http.listen, &shared, &readiness).await?;
        let (root, dead) = root(settings, &shared).await?;
        shared.wiring.observer.record(Event::SettingsRead { pools: settings.pools.len(), restart: false });
        let mut chains = JoinSet::new();
        for plan in &plans {
            let (plan, root) = (Arc::clone(plan), root.clone());
            chains.spawn(async move { plan.carry_out(&root).await });
        }
        let follower = Follower { plans, observer: shared.wiring.observer.clone() };
        Ok(Self { root, dead, follower, chains, readiness, http, http_task, http_stop })
    }

    /// Waits until every chain has been heard, and says that the process is ready. Can be dropped and called again. False when the
    /// root has died meanwhile.
    pub async fn ready(&mut self) -> bool {
        let heard = async {
            for plan in &self.follower.plans {
                plan.heard().await;
            }
        };
        tokio::select! {
            () = heard => {
                self.readiness.ready();
                true
            }
            _ = &mut self.dead => false,
        }
    }

    /// Who takes newer settings.
    #[must_use]
    pub fn follower(&self) -> Follower {
        self.follower.clone()
    }

    /// Waits until the root has died, which nothing in the process can mend. Not after [`App::ready`] has said so.
    pub async fn died(&mut self) {
        // A task that was aborted or has panicked has ended all the same.
        let _ = (&mut self.dead).await;
    }

    /// Stops: no new turns, no new orders; what is in flight is finished, for at most `grace` of machine time. True when nothing was
    /// left in flight.
    pub async fn shutdown(mut self, grace: Duration) -> bool {
        self.readiness.not_ready("shutting down");
        self.chains.abort_all();
        // Its children end with it from here on; a death that it heard of before would be told as one.
        let _ = ractor::call_t!(self.root, RootMsg::Close, 1_000);
        let quiet = async {
            for lanes in self.follower.plans.iter().map(|plan| plan.lanes()) {
                lanes.quiet().await;
            }
        };
        let finished = tokio::time::timeout(grace, quiet).await.is_ok();
        self.root.stop_children_and_wait(None, Some(Duration::from_secs(2))).await;
        self.root.stop(None);
        let _ = (&mut self.dead).await;
        let _ = self.http_stop.send(());
        let _ = self.http_task.await;
        finished
    }
}

async fn serve(
    address: SocketAddr,
    shared: &Shared,
    readiness: &Readiness,
) -> Result<(SocketAddr, JoinHandle<()>, oneshot::Sender<()>), StartFault> {
    let listen = |fault| StartFault::Listen { address, fault };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let state = HttpState {
        metrics: shared.wiring.observer.metrics().clone(),
        heartbeats: shared.hearts.clone(),
        readiness: readiness.clone(),
        prices: Arc::new(explain::Watches::new(&shared.pegs)),
        clock: shared.wiring.clock.clone(),
    };
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        if let Err(fault) = http::serve(listener, state, stopped).await {
            tracing::error!(%fault, "the http listener has failed");
        }
    });
    Ok((bound, task, stop))
}

async fn root(settings: &Settings, shared: &Shared) -> Result<(ActorRef<RootMsg>, JoinHandle<()>), StartFault> {
    let Shared { wiring, hearts, supervision, pegs } = shared;
    let (clock, observer) = (wiring.clock.clone(), wiring.observer.clone());
    let alerter_address: Address<AlerterMsg> = Address::default();
    let alerter =
        AlerterArgs { sinks: sinks(&settings.alerts)?, clock: clock.clone(), observer: observer.clone(), hearts: hearts.clone() };
    let watch = |(asset, (board, address)): (&AssetId, &(Board<Peg>, Address<PegWatchMsg>))| {
        let settings_of = settings.assets.get(asset)?;
        let same_group = |(other, found): &(&AssetId, &crate::config::AssetSettings)| {
            *other != asset && found.risk_group.is_some() && found.risk_group == settings_of.risk_group
        };
        let others = pegs.iter().filter(|(other, _)| *other != asset);
        let args = PegWatchArgs {
            asset: asset.clone(),
            rule: settings_of.peg,
            votes: settings_of.votes,
            others: others.map(|(other, (board, _))| (other.clone(), board.clone())).collect(),
            risk_group: settings.assets.iter().filter(same_group).map(|(other, _)| other.clone()).collect(),
            board: board.clone(),
            recorder: wiring.recorder.clone(),
            journal: wiring.journal.clone(),
            clock: clock.clone(),
            observer: observer.clone(),
            hearts: hearts.clone(),
        };
        Some((args, address.clone()))
    };
    let args = RootArgs {
        alerter,
        alerter_address: alerter_address.clone(),
        pegs: pegs.iter().filter_map(watch).collect(),
        streams: streams::streams(settings, shared)?,
        supervision: supervision.clone(),
        clock: clock.clone(),
        hearts: hearts.clone(),
    };
    forward_events(&observer, alerter_address);
    Actor::spawn(None, Root, args).await.map_err(|fault| StartFault::Root(fault.to_string()))
}

/// Everything that happens passes the alerter, which knows what is for people.
fn forward_events(observer: &Observer, alerter: Address<AlerterMsg>) {
    let mut events = observer.tap();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if !is_routine(&event) {
                // While the alerter is being restarted nobody is told; the next event finds it.
                alerter.cast(AlerterMsg::Happened(Box::new(event)));
            }
        }
    });
}

/// What happens at every block is for nobody; it is not worth a message.
const fn is_routine(event: &Event) -> bool {
    matches!(
        event,
        Event::BlockRead { .. }
            | Event::ReadingTaken { .. }
            | Event::VotesCounted { .. }
            | Event::YieldTaken { .. }
            | Event::YieldCompared { .. }
            | Event::PoolSeen { .. }
            | Event::QueueSeen { .. }
            | Event::GasMoved { .. }
    )
}

fn sinks(settings: &AlertSettings) -> Result<Vec<Arc<dyn AlertSink>>, StartFault> {
    let mut sinks: Vec<Arc<dyn AlertSink>> = Vec::new();
    if let Some(webhook) = &settings.discord_webhook {
        let client = reqwest::Client::builder().build().map_err(|fault| StartFault::Alerts(fault.to_string()))?;
        sinks.push(Arc::new(DiscordSink::new(webhook.clone(), client)));
    }
    Ok(sinks)
}
