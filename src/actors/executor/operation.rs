//! One order on its way: what was asked for, every attempt that was signed, and how the result is compared with the wish.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use ractor::ActorRef;

use crate::actors::pool::PoolMsg;
use crate::actors::turn::Turn;
use crate::domain::allocation::largest_distance;
use crate::domain::fees::Fees;
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::outcome::Outcome;
use crate::domain::plan::Plan;
use crate::domain::position::{PositionFacts, Ramp};
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{GasPrice, Timestamp, Weight};
use crate::observe::event::AttemptKind;
use crate::ports::{Call, Position, SignedTx};

/// The chain may store end weights with fewer digits than it was given: this much is no deviation (one part in 10^7).
const STORAGE_ROUNDING: Weight = Weight::from_wad(100_000_000_000);

/// What a pool asks an executor to do, with its permission.
pub struct Order {
    /// The pool.
    pub pool: PoolId,
    /// What is to be changed.
    pub position: Arc<dyn Position>,
    /// Its assets, in the order of the weights.
    pub assets: Vec<AssetId>,
    /// Why.
    pub trigger: Trigger,
    /// What.
    pub plan: Plan,
    /// Weights when it was planned.
    pub before: Vec<Weight>,
    /// When the trigger was first seen, on the policy clock.
    pub triggered_at: Timestamp,
    /// The same on the machine clock.
    pub triggered_uptime: Duration,
    /// The permission.
    pub turn: Turn,
    /// Who waits for the outcome.
    pub reply_to: ReplyTo,
}

/// Where the outcome goes. Dropped without one (a dead mailbox, an executor that crashes) it says so: a pool that waited for the
/// answer of the dead would wait for ever.
pub struct ReplyTo {
    pool: Option<ActorRef<PoolMsg>>,
    /// The ramp that a transaction makes which may be with the network.
    ordered: Option<Ramp>,
}

impl ReplyTo {
    /// The pool waits.
    #[must_use]
    pub const fn new(pool: ActorRef<PoolMsg>) -> Self {
        Self { pool: Some(pool), ordered: None }
    }

    /// From here on the order may be carried out, whatever becomes of this executor.
    pub(super) fn sent(&mut self, ramp: &Ramp) {
        self.ordered = Some(ramp.clone());
    }

    /// The order is settled.
    pub(in crate::actors) fn settled(mut self, outcome: Outcome, ramp: Option<Ramp>, turn: Turn) {
        if let Some(pool) = self.pool.take() {
            // A pool that died meanwhile finds the ramp in the journal; the turn drops with the message.
            let _ = pool.cast(PoolMsg::Settled { outcome, ramp, turn });
        }
    }
}

impl Drop for ReplyTo {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            let _ = pool.cast(PoolMsg::OrderLost(self.ordered.take()));
        }
    }
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing is signed.
    Simulating,
    /// An attempt is with the network.
    InFlight,
    /// The deadline is over: the nonce is being taken away from it.
    Cancelling,
    /// It is in a block; the ramp is being read back.
    Verifying,
}

/// A signed transaction. Never forgotten before the operation ends: any of them may be the one that is included.
pub(super) struct Attempt {
    pub(super) kind: AttemptKind,
    pub(super) fees: Fees,
    pub(super) signed: SignedTx,
}

/// An order on its way.
pub(super) struct Operation {
    pub(super) order: Order,
    pub(super) stage: Stage,
    pub(super) call: Call,
    /// The ramp that it makes when it is included in time.
    pub(super) ramp: Ramp,
    /// Block time at which it is cancelled: late enough to be included before the ramp starts, early enough not to compress it.
    pub(super) deadline: Timestamp,
    pub(super) gas_limit: u64,
    pub(super) nonce: Option<u64>,
    pub(super) attempts: Vec<Attempt>,
    /// How often one of them was handed to the network.
    pub(super) broadcasts: u32,
    pub(super) first_sent: Option<Timestamp>,
    /// A node says that the nonce is spent.
    pub(super) nonce_spent: bool,
    /// How often since then no node had a receipt.
    pub(super) fruitless: u64,
    last_touch: u64,
}

impl Operation {
    pub(super) fn new(order: Order, call: Call, ramp: Ramp, deadline: Timestamp) -> Self {
        Self {
            order,
            stage: Stage::Simulating,
            call,
            ramp,
            deadline,
            gas_limit: 0,
            nonce: None,
            attempts: Vec::new(),
            broadcasts: 0,
            first_sent: None,
            nonce_spent: false,
            fruitless: 0,
            last_touch: 0,
        }
    }

    /// An order that ends before it began.
    pub(super) fn refused(order: Order) -> Self {
        let nothing = Call { target: Address::ZERO, data: Bytes::new() };
        let none = Ramp { start: Timestamp::default(), end: Timestamp::default(), end_weights: Vec::new() };
        Self::new(order, nothing, none, Timestamp::default())
    }

    pub(super) const fn class(&self) -> Class {
        self.order.turn.class()
    }

    pub(super) fn cap(&self, now: Timestamp) -> GasPrice {
        self.order.turn.cap().at(now)
    }

    pub(super) const fn in_flight(&self) -> bool {
        matches!(self.stage, Stage::InFlight | Stage::Cancelling)
    }

    pub(super) const fn cancelling(&self) -> bool {
        matches!(self.stage, Stage::Cancelling)
    }

    pub(super) fn record(&mut self, kind: AttemptKind, fees: Fees, signed: SignedTx, block: u64, now: Timestamp) {
        if kind == AttemptKind::First {
            self.stage = Stage::InFlight;
        }
        self.first_sent.get_or_insert(now);
        self.order.reply_to.sent(&self.ramp);
        self.last_touch = block;
        self.attempts.push(Attempt { kind, fees, signed });
    }

    pub(super) const fn touched(&mut self, block: u64) {
        self.last_touch = block;
    }

    pub(super) const fn blocks_since_attempt(&self, block: u64) -> u64 {
        block.saturating_sub(self.last_touch)
    }

    pub(super) fn is_cancellation(&self, hash: B256) -> bool {
        self.attempts.iter().any(|attempt| attempt.signed.hash == hash && attempt.kind == AttemptKind::Cancellation)
    }

    /// How the ramp on chain differs from the one ordered, in words; `None` when it does not.
    pub(super) fn difference(&self, facts: &Result<PositionFacts, String>) -> Option<String> {
        let facts = match facts {
            Ok(facts) => facts,
            Err(fault) => return Some(format!("the ramp could not be read back: {fault}")),
        };
        deviation(&self.ramp, &facts.ramp)
    }
}

/// How a ramp on chain differs from the one ordered, in words; `None` when it does not.
#[must_use]
pub fn deviation(ordered: &Ramp, found: &Ramp) -> Option<String> {
    let Ramp { start, end, end_weights } = found;
    if (*start, *end) != (ordered.start, ordered.end) {
        return Some(format!("ordered from {} to {}, the chain has {start} to {end}", ordered.start, ordered.end));
    }
    match largest_distance(end_weights, &ordered.end_weights) {
        Some((_, distance)) if distance <= STORAGE_ROUNDING => None,
        Some((at, distance)) => Some(format!("the end weight of token {at} is {} wei off", distance.wad())),
        None => Some("the chain has another number of weights".to_owned()),
    }
}
