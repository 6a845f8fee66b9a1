//! The vocabulary: everything that happens and is worth a word, once. One value is logged, counted, alerted on and shown, so the
//! four never tell different stories; tests assert on it instead of on internals.

use std::time::Duration;

use alloy_primitives::B256;

use crate::domain::decide::Decision;
use crate::domain::ids::{AssetId, ChainName, EpisodeId, PoolId, SourceId};
pub use crate::domain::operation::AttemptKind;
use crate::domain::operation::{LaneRole, OperationId, State};
use crate::domain::outcome::Outcome;
use crate::domain::peg::{PegState, Trust};
use crate::domain::route::Via;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{GasPrice, Price, Timestamp, Usd, Wei, Weight};
use crate::domain::yields::{Apy, Rate, Yield};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A connection to a chain is open.
    LinkOpened {
        /// The chain.
        chain: ChainName,
        /// `websocket` or `polling`.
        transport: &'static str,
    },
    /// A connection broke or could not be opened; another attempt follows.
    LinkLost {
        /// The chain.
        chain: ChainName,
        /// A finite word.
        label: &'static str,
        /// Details, redacted.
        fault: String,
        /// How long until the next attempt.
        retry_in: Duration,
    },
    /// No head for three block times: everything on this chain is unknown now.
    ChainSilent {
        /// The chain.
        chain: ChainName,
    },
    /// A block has been read.
    BlockRead {
        /// The chain.
        chain: ChainName,
        /// Its height.
        number: u64,
        /// Its time.
        timestamp: Timestamp,
        /// How many calls were in the batch.
        calls: usize,
        /// How long the read took.
        took: Duration,
    },
    /// Gas has a new price.
    GasMoved {
        /// The chain.
        chain: ChainName,
        /// Base fee of the next block and tip together.
        price: GasPrice,
    },
    /// A source has been read.
    ReadingTaken {
        /// The source.
        source: SourceId,
        /// The asset.
        asset: AssetId,
        /// The price, or the label of the fault.
        result: Result<Price, &'static str>,
        /// The fault in words.
        detail: Option<String>,
    },
    /// A connection to a source off the chain ended or could not be opened; another attempt follows.
    SourceLost {
        /// The source.
        source: SourceId,
        /// A finite word.
        label: &'static str,
        /// The fault in words.
        fault: String,
        /// How long until the next attempt, on the machine clock.
        retry_in: Duration,
    },
    /// A source has had no believable word for so long that someone should look.
    SourceDown {
        /// The source.
        source: SourceId,
        /// The asset.
        asset: AssetId,
        /// A finite word.
        label: &'static str,
        /// Why, in words.
        reason: String,
        /// For how long, on the policy clock.
        lasted: Duration,
    },
    /// A source that was down is heard again.
    SourceBack {
        /// The source.
        source: SourceId,
        /// The asset.
        asset: AssetId,
    },
    /// A source's clock or ours is wrong.
    ClockSkewed {
        /// The source.
        source: SourceId,
        /// How far its stamps are ahead of our clock.
        ahead: Duration,
    },
    /// A yield has been read.
    YieldTaken {
        /// The chain.
        chain: ChainName,
        /// The asset that earns.
        asset: AssetId,
        /// The yield, or the label of the fault.
        result: Result<Yield, &'static str>,
        /// The fault in words.
        detail: Option<String>,
        /// What a share is worth, where there are shares.
        share: Option<Rate>,
    },
    /// A share is worth less than in the block before: something was lost.
    ShareRateFell {
        /// The chain.
        chain: ChainName,
        /// The asset.
        asset: AssetId,
        /// Before.
        from: Rate,
        /// After.
        to: Rate,
    },
    /// A share is worth more all at once; it is left out of the yield.
    ShareRateJumped {
        /// The chain.
        chain: ChainName,
        /// The asset.
        asset: AssetId,
        /// Before.
        from: Rate,
        /// After.
        to: Rate,
    },
    /// A witness off the chain was asked for a yield.
    YieldCompared {
        /// The chain.
        chain: ChainName,
        /// The asset.
        asset: AssetId,
        /// The witness's kind.
        witness: &'static str,
        /// What it says, or the label of the fault.
        theirs: Result<Apy, &'static str>,
        /// What the chain says, where that is known.
        ours: Option<Apy>,
        /// The fault in words.
        detail: Option<String>,
    },
    /// A witness and the chain say different yields: one of them is read wrongly.
    YieldsDiffer {
        /// The chain.
        chain: ChainName,
        /// The asset.
        asset: AssetId,
        /// The witness's kind.
        witness: &'static str,
        /// What the chain says.
        ours: Apy,
        /// What the witness says.
        theirs: Apy,
    },
    /// What every source of an asset says, and what became of it.
    VotesCounted {
        /// The asset.
        asset: AssetId,
        /// Where the sources meet.
        level: Option<Price>,
        /// Whether it can be believed.
        trust: Trust,
        /// How many independent groups have a vote.
        groups: usize,
        /// Each source's part.
        ballots: Vec<BallotView>,
    },
    /// The state of an asset's peg changed.
    PegMoved {
        /// The asset.
        asset: AssetId,
        /// Before.
        from: PegState,
        /// After.
        to: PegState,
        /// The price that did it.
        price: Option<Price>,
        /// The episode that begins, goes on or ends.
        episode: u64,
    },
    /// The trust in an asset's price changed.
    TrustMoved {
        /// The asset.
        asset: AssetId,
        /// After.
        to: Trust,
        /// The fault that blinded it.
        fault: Option<String>,
    },
    /// A pool decided something else than before.
    Decided {
        /// The pool.
        pool: PoolId,
        /// What.
        decision: Decision,
        /// The block whose facts it saw.
        block: Option<u64>,
    },
    /// Weights and value of a pool, as read in a block.
    PoolSeen {
        /// The pool.
        pool: PoolId,
        /// Asset, weight, base target and value share (unknown without prices) of each token.
        tokens: Vec<TokenView>,
        /// What the pool is worth.
        value: Option<Usd>,
    },
    /// A pool asks for a turn.
    TurnRequested {
        /// The pool.
        pool: PoolId,
        /// Why.
        trigger: Trigger,
    },
    /// A pool may send.
    TurnGranted {
        /// The pool.
        pool: PoolId,
        /// Its class.
        class: Class,
        /// The episode of the batch.
        episode: Option<EpisodeId>,
        /// How long it waited, on the policy clock.
        waited: Duration,
    },
    /// A request waits for cheaper gas; others pass it.
    TurnHeldForGas {
        /// The pool.
        pool: PoolId,
        /// Its class.
        class: Class,
        /// The price; `None` when unknown.
        gas: Option<GasPrice>,
        /// The cap.
        cap: GasPrice,
    },
    /// A request ran out of time.
    TurnExpired {
        /// The pool.
        pool: PoolId,
        /// Its class.
        class: Class,
    },
    /// A turn is over.
    TurnEnded {
        /// The pool.
        pool: PoolId,
        /// Its class.
        class: Class,
        /// How long it was out, on the machine clock.
        took: Duration,
    },
    /// A pool sat on its turn without sending; it is killed, and its turn drops with it.
    HolderOverdue {
        /// The pool.
        pool: PoolId,
    },
    /// A queue began to work.
    QueueStarted {
        /// The chain.
        chain: ChainName,
        /// How many queues this chain has had.
        epoch: u64,
    },
    /// How long the queue is.
    QueueSeen {
        /// The chain.
        chain: ChainName,
        /// Requests waiting, by class in the order of [`Class::ALL`].
        waiting: [usize; 5],
        /// Turns out.
        out: usize,
        /// The longest wait, on the policy clock.
        oldest: Duration,
    },
    /// A transaction was handed to the network.
    TxSent {
        /// The pool it is for.
        pool: PoolId,
        /// The chain.
        chain: ChainName,
        /// Its class.
        class: Class,
        /// First, replacement or cancellation.
        kind: AttemptKind,
        /// Its hash.
        hash: B256,
        /// Its nonce.
        nonce: u64,
        /// The most it pays.
        max_fee: GasPrice,
        /// By which way it went.
        via: Via,
    },
    /// The endpoints have answered to a broadcast.
    TxAnswered {
        /// The chain.
        chain: ChainName,
        /// The lane.
        role: LaneRole,
        /// The transaction.
        hash: B256,
        /// A finite word.
        answer: &'static str,
        /// Their own words.
        detail: Option<String>,
    },
    /// An operation took a step, and the step is in the journal.
    OperationMoved {
        /// The chain.
        chain: ChainName,
        /// The lane.
        role: LaneRole,
        /// The pool it is for.
        pool: PoolId,
        /// Its class.
        class: Class,
        /// Which.
        operation: OperationId,
        /// Its nonce, if it has one.
        nonce: Option<u64>,
        /// Where it stands now.
        state: State,
    },
    /// The block of an operation is not on the chain any more.
    Reorganised {
        /// The chain.
        chain: ChainName,
        /// The pool that it was for.
        pool: PoolId,
        /// The newest height.
        height: u64,
    },
    /// A lane stands still: its journal and the chain disagree.
    LaneStopped {
        /// The chain.
        chain: ChainName,
        /// The lane.
        role: LaneRole,
        /// A finite word.
        label: &'static str,
        /// In words, with the mend.
        reason: String,
    },
    /// A lane that stood still goes on.
    LaneResumed {
        /// The chain.
        chain: ChainName,
        /// The lane.
        role: LaneRole,
    },
    /// A lane cannot find out where it stands: its journal or its endpoints do not answer. It is tried again.
    LaneUnsurveyed {
        /// The chain.
        chain: ChainName,
        /// The lane.
        role: LaneRole,
        /// Why.
        fault: String,
    },
    /// A raise or a cancellation could not be signed; the next block tries again.
    SigningFailed {
        /// The chain.
        chain: ChainName,
        /// The lane.
        role: LaneRole,
        /// Why.
        fault: String,
    },
    /// What a lane's account holds.
    BalanceSeen {
        /// The chain.
        chain: ChainName,
        /// The lane.
        role: LaneRole,
        /// How much.
        balance: Wei,
        /// It is below its limit.
        low: bool,
    },
    /// An order is settled, one way or another.
    Settled(Box<Settlement>),
    /// An actor died.
    ActorDied {
        /// Which.
        actor: String,
        /// A finite word for its kind.
        kind: &'static str,
        /// Why.
        reason: String,
        /// How long until it is started again.
        restart_in: Duration,
    },
    /// An actor runs again.
    ActorRestarted {
        /// Which.
        actor: String,
        /// A finite word for its kind.
        kind: &'static str,
        /// How long the start took.
        took: Duration,
    },
    /// An actor died five times in ten minutes.
    ActorQuarantined {
        /// Which.
        actor: String,
        /// A finite word for its kind.
        kind: &'static str,
    },
    /// A pool cannot run; the others do.
    PoolParked {
        /// The pool.
        pool: PoolId,
        /// Why, with the mend.
        reason: String,
    },
    /// A pool is looked after from now on, or from now on by other settings.
    PoolJoined {
        /// The pool.
        pool: PoolId,
        /// It was looked after before.
        changed: bool,
    },
    /// A pool's settings have changed and do not hold on the chain: it is looked after by those that it had.
    PoolKept {
        /// The pool.
        pool: PoolId,
        /// What does not hold, with the mend.
        reason: String,
    },
    /// A pool's file is gone and what it had begun is finished: nobody looks after it any more.
    PoolLeft {
        /// The pool.
        pool: PoolId,
    },
    /// Settings were read and are in force.
    SettingsRead {
        /// How many pools they name.
        pools: usize,
        /// Something in them counts at the next start only.
        restart: bool,
    },
    /// Settings were read and have faults: nothing has changed.
    SettingsRefused {
        /// All of them.
        faults: String,
        /// How many they are.
        count: usize,
    },
    /// A message left for the people.
    AlertDelivered {
        /// Which sink.
        sink: &'static str,
    },
    /// A message did not leave.
    AlertFailed {
        /// Which sink.
        sink: &'static str,
        /// Why.
        fault: String,
        /// Whether it was given up.
        dropped: bool,
    },
    /// The journal refused.
    JournalFailed {
        /// Why.
        fault: String,
    },
}

/// One source's part in a verdict, for gauges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BallotView {
    /// The source.
    pub source: SourceId,
    /// Nothing when it votes, or a finite word for why it does not.
    pub dismissed: Option<&'static str>,
    /// How far it is from the level, in basis points of par.
    pub distance_bps: Option<u32>,
}

/// One token of a pool, for people and gauges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// The asset.
    pub asset: AssetId,
    /// Its weight.
    pub weight: Weight,
    /// Its base target.
    pub target: Weight,
    /// Its share of the value; `None` without prices.
    pub share: Option<Weight>,
}

/// The whole story of one order.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The pool.
    pub pool: PoolId,
    /// Its chain.
    pub chain: ChainName,
    /// Why it was given.
    pub trigger: Trigger,
    /// Assets in the order of the weights.
    pub assets: Vec<AssetId>,
    /// Weights when it was planned.
    pub before: Vec<Weight>,
    /// Weights where the ramp arrives.
    pub target: Vec<Weight>,
    /// What was ordered, as [`Plan::label`](crate::domain::plan::Plan::label) has it.
    pub deed: &'static str,
    /// How long the ramp takes.
    pub ramp: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// When the trigger was first seen, on the policy clock.
    pub triggered_at: Timestamp,
    /// From the trigger to the settlement, on the machine clock.
    pub took: Duration,
    /// A link to the transaction, where the chain has an explorer.
    pub link: Option<String>,
}
