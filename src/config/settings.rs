//! The settings as the rest of the program sees them: typed, checked, and with every secret wrapped.

mod sending;
mod signer;
mod source;
mod yields;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::Address;
use secrecy::SecretString;

use crate::domain::budget::Budget;
use crate::domain::finality::Finality;
use crate::domain::ids::{AssetId, ChainName, PoolId};
use crate::domain::mode::Mode;
use crate::domain::peg::{PegRule, VoteRule};
use crate::domain::policy::Policy;
use crate::domain::position::Mandate;
use crate::domain::reading::FeedRule;
use crate::domain::route::Route;
use crate::domain::trigger::PerClass;
use crate::domain::units::GasPrice;

pub use sending::RelaySettings;
pub use signer::{GcpKey, SignerSettings};
pub use source::{PoolSourceKind, PoolSourceSettings, StreamKind, StreamSettings, Venue, voting_groups};
pub use yields::{DefiLlamaSettings, ShareOnChain, ShareSettings, YieldKind, YieldSettings};

/// Chain ids of local development nodes. Their keys may come from an environment variable, and nobody is harmed when their only
/// endpoint lies.
pub const LOCAL_CHAINS: [u64; 2] = [31_337, 1_337];

/// Everything that an operator decides. References between the parts hold: every pool's chain and assets exist.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration directory; relative paths begin here.
    pub directory: PathBuf,
    /// Where the journal lies: `sqlite:PATH`, a path relative to `directory` or not, or the URL of a database, `postgres://…`.
    /// Secret, because the URL may hold a password.
    pub journal: SecretString,
    /// Chains by name.
    pub chains: BTreeMap<ChainName, ChainSettings>,
    /// Assets with a peg by name.
    pub assets: BTreeMap<AssetId, AssetSettings>,
    /// Assets that are shares of those, by name. No name is in both.
    pub shares: BTreeMap<AssetId, ShareSettings>,
    /// Pools by the name of their file; at least one.
    pub pools: BTreeMap<PoolId, PoolSettings>,
    /// The listener for metrics, health and control.
    pub http: HttpSettings,
    /// Logs and traces.
    pub telemetry: TelemetrySettings,
    /// Who is told.
    pub alerts: AlertSettings,
}

/// One chain and the key that Ballast uses there.
#[derive(Clone, Debug)]
pub struct ChainSettings {
    /// Its name in the settings.
    pub name: ChainName,
    /// Its EIP-155 number; compared with the node's before anything is sent. No two chains share one.
    pub chain_id: u64,
    /// WebSocket address of a node, for new heads; without it the head is polled.
    pub ws_url: Option<SecretString>,
    /// HTTP addresses of nodes, 1 to 8, no two alike; heads are polled from the first. Secret, because providers put access tokens
    /// into them.
    pub rpc: Vec<SecretString>,
    /// The most requests that one endpoint is asked in a second: 1 to 10 000. No limit if absent.
    pub rate_limit: Option<NonZeroU32>,
    /// Usual time between two blocks: 100 ms to 1 h.
    pub block_time: Duration,
    /// Every how many blocks the chain is read: 1 (each) to 10 000.
    pub read_every: u32,
    /// Tip offered to block builders, per unit of gas: 0 to 1 000 gwei.
    pub priority_fee: GasPrice,
    /// What to put before a transaction's hash to get a link for people.
    pub explorer_tx: Option<String>,
    /// Feed of ether's dollar price, for showing what gas costs.
    pub ether_usd: Option<FeedSettings>,
    /// The feed that tells whether the roll-up's sequencer is up, and for how long it must have been; for roll-ups only.
    pub sequencer: Option<SequencerSettings>,
    /// Least time between two sends, by class: 0 s to 1 h.
    pub spacing: PerClass<Duration>,
    /// How long a request waits before it counts as one class more urgent (never as depeg): 1 s to 1 d.
    pub ageing: Duration,
    /// After how many blocks without inclusion a transaction is re-priced: 1 to 1 000.
    pub bump_after_blocks: u32,
    /// When a block counts as final; a depth is 1 to 10 000 blocks.
    pub finality: Finality,
    /// The most that a cancellation may pay per unit of gas. Above the caps of the classes, or a stuck transaction stays stuck.
    pub cancel_cap: GasPrice,
    /// Gas that one inner call of the batched read may use; a broken callee burns no more than that.
    pub reader_gas_per_call: u64,
    /// Gas limit of the whole batched read; at least `reader_gas_per_call`.
    pub reader_gas: u64,
    /// By which way transactions go, by class. None is private without a relay.
    pub route: PerClass<Route>,
    /// The private relay, which serves this chain.
    pub relay: Option<RelaySettings>,
    /// What each of the chain's keys may spend.
    pub budget: Budget,
    /// The key that sends.
    pub keeper: SignerSettings,
    /// The key that protects, so that a protective transaction never waits for the keeper's nonces. Not the keeper's; without it the
    /// keeper protects as well.
    pub guardian: Option<SignerSettings>,
    /// The key of the account that holds shares of the pools, for answers that move its money: leaving a pool, and trading one back.
    /// Nobody else's.
    pub treasury: Option<SignerSettings>,
}

impl ChainSettings {
    /// Whether it is a local development chain: there is nothing to lose on it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        LOCAL_CHAINS.contains(&self.chain_id)
    }
}

/// Who tells whether a roll-up's sequencer is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencerSettings {
    /// Its proxy contract.
    pub proxy: Address,
    /// For how long it must have been up before a feed of the chain is believed: 0 s to 1 d.
    pub grace: Duration,
}

/// One asset with one peg.
#[derive(Clone, Debug)]
pub struct AssetSettings {
    /// Its name in the settings.
    pub id: AssetId,
    /// When it counts as off its peg, and when as back.
    pub peg: PegRule,
    /// How many witnesses that takes.
    pub votes: VoteRule,
    /// Assets of one name here fall together: trouble of one keeps the weights of the others from being raised.
    pub risk_group: Option<String>,
    /// Its sources off the chain.
    pub sources: Vec<StreamSettings>,
    /// Where it lives; at least one chain.
    pub on: BTreeMap<ChainName, AssetOnChain>,
}

/// An asset on one chain.
#[derive(Clone, Debug)]
pub struct AssetOnChain {
    /// Its token contract; no two assets of a chain share one.
    pub token: Address,
    /// Decimals of the token: 0 to 18.
    pub decimals: u8,
    /// Its price feed.
    pub feed: FeedSettings,
    /// Its other sources on this chain.
    pub sources: Vec<PoolSourceSettings>,
    /// What it earns there, if that is watched.
    pub yields: Option<YieldSettings>,
}

/// A Chainlink-style price feed.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// The proxy contract that answers `latestRoundData`.
    pub proxy: Address,
    /// What its answers must look like to be believed.
    pub rule: FeedRule,
}

/// One pool and its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSettings {
    /// The name of its file.
    pub id: PoolId,
    /// The chain it lives on.
    pub chain: ChainName,
    /// How far Ballast may go with it.
    pub mode: Mode,
    /// The pool's own contract; no two pools of a chain share one.
    pub address: Address,
    /// What can be done with it.
    pub kind: PoolKind,
    /// Assets in ascending order of their token addresses (the order of the vault), targets and bounds.
    pub mandate: Mandate,
    /// Name of the policy that `policy` began as, before the pool's own overrides.
    pub policy_name: String,
    /// The rules in force.
    pub policy: Policy,
}

/// Kinds of pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// A managed pool of Balancer V2.
    ManagedV2,
}

impl PoolKind {
    /// The word of the settings.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ManagedV2 => "managed-v2",
        }
    }
}

/// The HTTP listener.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Address and port. Not a loopback address only when `allow_remote` is set.
    pub listen: SocketAddr,
    /// Whether other machines may be let in.
    pub allow_remote: bool,
}

/// Logs and traces.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The form of log lines.
    pub log: LogFormat,
    /// Which lines are written, in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// Where traces go (OTLP over gRPC); nowhere if absent.
    pub otlp_endpoint: Option<String>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Who is told when something matters.
#[derive(Clone, Debug)]
pub struct AlertSettings {
    /// A Discord webhook. Secret: whoever knows it can post.
    pub discord_webhook: Option<SecretString>,
}
