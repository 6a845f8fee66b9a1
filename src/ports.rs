//! What the actors need from the world, in our own words. Each trait is a role; the adapters in `chain`, `journal` and `alerts` are
//! things that play it. Small on purpose: a test double of any of them fits on a page.

pub mod announcements;
pub mod journal;
pub mod yields;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use async_trait::async_trait;
use thiserror::Error;

use crate::domain::decide::GasNeeds;
use crate::domain::fees::Fees;
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::peg::Explanation;
use crate::domain::plan::Plan;
use crate::domain::position::{BlockStamp, Capabilities, PositionFacts};
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::domain::route::Via;
use crate::domain::source::Source;
use crate::domain::units::{GasCost, GasPrice, Timestamp, Wei};

pub use announcements::{Announcement, Announcements};
pub use journal::{Journal, JournalFault, Memories, Operations};
pub use yields::{Testimony, YieldSource, YieldWitness};

/// One read of a block's batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Contract to ask.
    pub target: Address,
    /// ABI-encoded question.
    pub data: Bytes,
}

/// What one read of a batch gave. A failed read is a value of its own and never looks like data.
pub type Answer = Result<Bytes, CallFault>;

/// Why one read of a batch gave nothing. The other reads of the batch are not touched by it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallFault {
    /// It reverted, ran out of its stipend, or there is no contract; the bytes are the revert data, if any.
    #[error("the call failed{}", if .0.is_empty() { String::new() } else { format!(" with {}", .0) })]
    Failed(Bytes),
    /// The batch had no gas left for it.
    #[error("the batch ran out of gas before this call")]
    NotReached,
}

/// A block header, as far as Ballast reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Height, hash and time.
    pub stamp: BlockStamp,
    /// Hash of the block before.
    pub parent: B256,
    /// Base fee that this block charged.
    pub base_fee: GasPrice,
    /// Gas used in it.
    pub gas_used: u64,
    /// Gas that it could have used.
    pub gas_limit: u64,
}

/// Why the chain could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LinkFault {
    /// No connection, or it broke.
    #[error("the node cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing came in time.
    #[error("the node did not answer within {0:?}")]
    TimedOut(Duration),
    /// It answered with an error or with something that cannot be decoded.
    #[error("the node refused: {0}")]
    Refused(String),
}

impl LinkFault {
    /// A finite, stable word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::Refused(_) => "refused",
        }
    }
}

/// A chain that can be listened to.
#[async_trait]
pub trait ChainLink: Send + Sync + 'static {
    /// Opens a connection and subscribes to its heads, by push where the node offers it, by polling where it does not.
    async fn connect(&self) -> Result<Box<dyn ChainSession>, LinkFault>;
}

/// What a connection tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// There is a block.
    Head(Head),
    /// An aggregator has spoken.
    Announced(Announcement),
}

/// One connection: heads and announcements come in, reads go out over the same wire.
#[async_trait]
pub trait ChainSession: Send {
    /// How heads arrive, for people: `websocket` or `polling`.
    fn transport(&self) -> &'static str;
    /// The next news. Heads that piled up while the last one was read are skipped: only the newest counts.
    async fn next(&mut self) -> Result<News, LinkFault>;
    /// From now on announcements of these aggregators are told, and of no others; where nothing is pushed, there are none. Never
    /// waits and never fails: announcements that cannot be had are missed.
    fn follow(&mut self, aggregators: &BTreeSet<Address>);
    /// The next head, whatever is announced before it.
    async fn next_head(&mut self) -> Result<Head, LinkFault> {
        loop {
            if let News::Head(head) = self.next().await? {
                return Ok(head);
            }
        }
    }
    /// The head of a height, to fill a gap; `None` when the node does not know it.
    async fn head_at(&mut self, number: u64) -> Result<Option<Head>, LinkFault>;
    /// Asks all calls in the state after the block `at`, in order.
    async fn read(&mut self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, LinkFault>;
}

/// A price feed on a chain, read as part of the block's batch.
pub trait PriceSource: Send + Sync + 'static {
    /// Who it is.
    fn source(&self) -> &Arc<Source>;
    /// What to ask in each block.
    fn calls(&self) -> Vec<Call>;
    /// Judges the answers to [`PriceSource::calls`], taken at block `at`.
    fn quote(&self, answers: &[Answer], at: &BlockStamp) -> Result<Quote, ReadingFault>;
    /// Whose announcements are about its quotes, by the same answers; `None` where nobody's are, or the answers do not say.
    fn aggregator(&self, _answers: &[Answer]) -> Option<Address> {
        None
    }
    /// The quote of these answers with what has been announced of it: the same, or wider. An announcement never makes a price.
    fn widen(&self, quote: Quote, _answers: &[Answer], _heard: &Announcements) -> Quote {
        quote
    }
}

/// Who hears what a [`PriceStream`] says.
pub type Hear = dyn Fn(Result<Quote, ReadingFault>) + Send + Sync;

/// A price source off the chain: a connection that quotes one asset for as long as it holds.
#[async_trait]
pub trait PriceStream: Send + Sync + 'static {
    /// Who it is.
    fn source(&self) -> &Arc<Source>;
    /// Connects, and hands over everything that it hears, good or bad, until the connection ends; says why it ended. It never tries
    /// again by itself: whoever calls waits, and calls again. What it hands over has passed every test but that of time. It may be
    /// dropped at any moment.
    async fn listen(&self, hear: &Hear) -> ReadingFault;
}

/// Who keeps every reading as it came in. It never makes its caller wait.
pub trait Recorder: Send + Sync + 'static {
    /// Keeps a reading.
    fn record(&self, reading: &Reading);
}

/// Who can say why each asset stands where it stands.
#[async_trait]
pub trait Explains: Send + Sync + 'static {
    /// All assets in the order of their names, each with its explanation, or nothing if whoever watches it does not answer.
    async fn explain(&self) -> Vec<(AssetId, Option<Explanation>)>;
}

/// Why a position could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} could not be read: {fault}")]
pub struct PositionFault {
    /// Which of its reads.
    pub what: &'static str,
    /// Why.
    pub fault: String,
}

/// A position on a chain.
pub trait Position: Send + Sync + 'static {
    /// What can be done with it.
    fn capabilities(&self) -> Capabilities;
    /// What to ask in each block.
    fn calls(&self) -> Vec<Call>;
    /// Understands the answers to [`Position::calls`], taken at block `at`.
    fn facts(&self, answers: &[Answer], at: &BlockStamp) -> Result<PositionFacts, PositionFault>;
    /// What transactions use, about.
    fn gas_needs(&self) -> GasNeeds;
    /// The call that carries out a plan between two points in time.
    fn order(&self, plan: &Plan, start: Timestamp, end: Timestamp) -> Call;
}

/// A transaction before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxDraft {
    /// What to call.
    pub call: Call,
    /// The nonce that is pinned to the operation.
    pub nonce: u64,
    /// What it may pay.
    pub fees: Fees,
    /// How much gas it may use.
    pub gas_limit: u64,
}

/// A signed transaction: the bytes are the record, the parameters are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTx {
    /// Its hash.
    pub hash: B256,
    /// What is handed to the network.
    pub raw: Bytes,
}

/// What the endpoints said to a broadcast. An error is never a "no": unless every endpoint refuses for good, it may have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// At least one endpoint has it.
    Accepted,
    /// At least one endpoint had it already.
    AlreadyKnown,
    /// The nonce is spent: one of our attempts, or a foreign transaction, is in a block.
    NonceSpent,
    /// No endpoint takes this attempt (underpriced against one that it holds).
    Underpriced,
    /// Every endpoint refuses it for good: it cannot have been sent.
    Refused(String),
    /// Nobody knows.
    MaybeSent(String),
}

impl Broadcast {
    /// A finite, stable word for metrics and the journal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AlreadyKnown => "already_known",
            Self::NonceSpent => "nonce_spent",
            Self::Underpriced => "underpriced",
            Self::Refused(_) => "refused",
            Self::MaybeSent(_) => "maybe_sent",
        }
    }

    /// The endpoints' own words, where there are some.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Refused(words) | Self::MaybeSent(words) => Some(words.clone()),
            _ => None,
        }
    }
}

/// A transaction's receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its block (height and hash; the time is read from the head).
    pub block_number: u64,
    /// Its block's hash.
    pub block_hash: B256,
    /// False: it reverted.
    pub success: bool,
    /// What it cost.
    pub cost: GasCost,
}

/// What the endpoints know of a set of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is copied as it is, and there are few")]
pub enum Sighting {
    /// One of them is in a block. One endpoint's word is enough, because the block is on the chain by its hash.
    Included {
        /// Which.
        hash: B256,
        /// Its receipt.
        receipt: Receipt,
        /// Its block.
        head: Head,
    },
    /// Nobody who was asked knows a receipt of any of them. That proves something only when several say so, for several blocks.
    Absent {
        /// How many endpoints said so, all of them at `height` or above; an endpoint that gave an error is none.
        witnesses: u32,
        /// The height that all of them have seen.
        height: u64,
        /// The account's next nonce, the least that any of them named: at or below ours, the nonce is free.
        next_nonce: u64,
    },
}

/// What the endpoints say of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// The nonce of its next transaction after the newest block: the highest that any endpoint names.
    pub next_nonce: u64,
    /// The same after everything that the endpoints hold for it. Higher than `next_nonce`: a transaction is on its way.
    pub pending_nonce: u64,
    /// What it holds.
    pub balance: Wei,
}

/// Why a transaction could not be prepared.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendFault {
    /// The node could not be asked.
    #[error(transparent)]
    Link(#[from] LinkFault),
    /// An endpoint is on another chain than configured: nothing is sent while it is configured.
    #[error("{endpoint} is on chain {found}; expected chain {expected}: correct `rpc` of this chain in the settings")]
    WrongChain {
        /// Its host.
        endpoint: String,
        /// What it says.
        found: u64,
        /// What the settings say.
        expected: u64,
    },
    /// The simulation reverted.
    #[error("the simulation reverted: {0}")]
    WouldRevert(String),
    /// The signer failed, refused, or signed something else: the same question gets the same answer until somebody mends it.
    #[error("the signer failed: {0}")]
    Signer(String),
    /// The signer could not be asked.
    #[error("the signer cannot be asked: {0}")]
    SignerAway(String),
}

impl SendFault {
    /// A finite, stable word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Link(fault) => fault.label(),
            Self::WrongChain { .. } => "wrong_chain",
            Self::WouldRevert(_) => "would_revert",
            Self::Signer(_) => "signer_failed",
            Self::SignerAway(_) => "signer_away",
        }
    }

    /// Whether the same may go well later, without anybody's doing.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Link(_) | Self::SignerAway(_))
    }
}

/// Signs and sends for one key on one chain. Knows nothing of pools, turns or retries.
#[async_trait]
pub trait TransactionSender: Send + Sync + 'static {
    /// The account.
    fn address(&self) -> Address;
    /// How many endpoints can bear witness.
    fn endpoints(&self) -> u32;
    /// What the endpoints say of the account. Every endpoint's chain id is compared first, once; an endpoint that cannot be reached is
    /// left out, and at least one has to answer.
    async fn account(&self) -> Result<AccountView, SendFault>;
    /// The nonce of the account's next transaction in the newest block: never from a pending state, which nodes disagree on. The
    /// highest that any endpoint names.
    async fn next_nonce(&self) -> Result<u64, SendFault>;
    /// Simulates a call on the newest block and returns the gas that it needs.
    async fn simulate(&self, call: &Call) -> Result<u64, SendFault>;
    /// Signs a draft. The key may be elsewhere, and the same draft need not give the same bytes twice.
    async fn sign(&self, draft: &TxDraft) -> Result<SignedTx, SendFault>;
    /// Hands the bytes to every endpoint, or to the relay, which is asked not to bring them into a block after `until_block`.
    async fn broadcast(&self, tx: &SignedTx, via: Via, until_block: Option<u64>) -> Broadcast;
    /// Asks the relay to forget a transaction. Best effort: what it says proves nothing.
    async fn forget(&self, hash: B256) -> Result<(), SendFault>;
    /// Looks for the receipts of all of `hashes`, which belong to one nonce, at several endpoints.
    async fn sight(&self, hashes: &[B256]) -> Result<Sighting, SendFault>;
    /// The head of a block, by hash; `None` when it is not (any more) on the chain.
    async fn head(&self, hash: B256) -> Result<Option<Head>, SendFault>;
    /// The newest block that the chain calls final (`finalized`), for chains where depth does not decide.
    async fn finalized(&self) -> Result<Head, SendFault>;
    /// Reads a position's calls in the state after a block.
    async fn read(&self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, SendFault>;
}

/// A key that signs, wherever it is.
#[async_trait]
pub trait TransactionSigner: Send + Sync + 'static {
    /// Its account.
    fn address(&self) -> Address;
    /// Signs a draft as an EIP-1559 transaction of a chain.
    async fn sign(&self, draft: &TxDraft, chain_id: u64) -> Result<SignedTx, SendFault>;
}

/// A private relay: it hands transactions to builders, and not to the public pool. What it says of them is never more than a hint.
#[async_trait]
pub trait Relay: Send + Sync + 'static {
    /// Its host, for logs and metrics.
    fn name(&self) -> &str;
    /// Hands a transaction over, not to be included after `until_block`.
    async fn submit(&self, tx: &SignedTx, until_block: Option<u64>) -> Broadcast;
    /// Asks it to forget a transaction that was handed over with the same identity.
    async fn forget(&self, hash: B256) -> Result<(), LinkFault>;
}

/// How loud an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know: a rebalance is done.
    Info,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

/// A message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How loud.
    pub severity: Severity,
    /// The same trouble has the same key, so that a sink can thread it and the alerter can hold back repetitions.
    pub key: String,
    /// One line.
    pub title: String,
    /// Names and values, in reading order.
    pub facts: Vec<(String, String)>,
    /// Where to read on.
    pub link: Option<String>,
    /// When it happened, on the policy clock.
    pub at: Timestamp,
}

/// Why an alert was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AlertFault {
    /// Too many: again after this long.
    #[error("rate-limited for {0:?}")]
    RateLimited(Duration),
    /// Not now.
    #[error("not delivered: {0}")]
    Unreachable(String),
    /// Never, as it is.
    #[error("refused: {0}")]
    Refused(String),
}

/// A place where people read alerts.
#[async_trait]
pub trait AlertSink: Send + Sync + 'static {
    /// Its kind, for metrics: `discord`.
    fn name(&self) -> &'static str;
    /// Delivers one alert, once.
    async fn deliver(&self, alert: &Alert) -> Result<(), AlertFault>;
}

/// The two clocks. The *policy clock* runs in the owner's time (intervals, schedules, spacing, ages of facts); a demo speeds it up.
/// The *machine clock* is tokio's, for time-outs, back-off and heartbeats, and is never scaled.
pub trait Clock: Send + Sync + 'static {
    /// The policy clock.
    fn now(&self) -> Timestamp;
    /// How long a stretch of policy time takes on the machine.
    fn machine(&self, policy: Duration) -> Duration;
    /// Machine time since the process started.
    fn uptime(&self) -> Duration;
}

/// Named points in an actor's life where a drill can make something go wrong: the demo's crashing pool and the tests' hanging one.
/// In production nothing is plugged in here.
#[async_trait]
pub trait Drill: Send + Sync + 'static {
    /// Called by a pool that has just been granted a turn and still holds it.
    async fn turn_in_hand(&self, pool: &PoolId);
    /// Called by a pool before each evaluation.
    async fn evaluating(&self, pool: &PoolId);
    /// Called by a queue before each look.
    fn queue_looks(&self);
}

/// No drill.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDrill;

#[async_trait]
impl Drill for NoDrill {
    async fn turn_in_hand(&self, _pool: &PoolId) {}
    async fn evaluating(&self, _pool: &PoolId) {}
    fn queue_looks(&self) {}
}
