//! One operation, as the executor has it in hand: what the journal has of it, the order that it came from if that order is of this
//! life, and what this life has seen of it since.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use ractor::ActorRef;
use tokio::sync::watch;

use crate::actors::pool::PoolMsg;
use crate::actors::turn::Turn;
use crate::domain::allocation::largest_distance;
use crate::domain::fees::Fees;
use crate::domain::gas::GasCap;
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::operation::{Attempt, AttemptKind, OperationRecord, Seen, State};
use crate::domain::outcome::Outcome;
use crate::domain::plan::{Brakes, FeeChange, Plan};
use crate::domain::position::{Breaker, Controls, FeeRamp, PositionFacts, Ramp};
use crate::domain::route::{Route, Via};
use crate::domain::trigger::{Class, Trigger};
use crate::domain::truth::Absence;
use crate::domain::units::{GasPrice, SwapFee, Timestamp, Weight};
use crate::ports::{Call, Position, SignedTx};

/// The chain may store end weights with fewer digits than it was given: this much is no deviation (one part in 10^7).
const STORAGE_ROUNDING: Weight = Weight::from_wad(100_000_000_000);
/// The same for fees, which it keeps in 62 bits of 1e18.
const FEE_ROUNDING: u128 = 1_000_000_000;
/// The same for the bounds of brakes, which it keeps in 16 bits.
const BRAKE_ROUNDING: Weight = Weight::from_wad(1_000_000_000_000_000);

/// Names an order within the life of its pool.
pub type OrderId = u64;

/// What a pool asks an executor to do, with its permission.
pub struct Order {
    /// Which one.
    pub id: OrderId,
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
    /// What the chain held then: part of the evidence.
    pub seen: Seen,
    /// When the trigger was first seen, on the policy clock.
    pub triggered_at: Timestamp,
    /// The same on the machine clock.
    pub triggered_uptime: Duration,
    /// Only simulate it: the pool is not live.
    pub rehearsal: bool,
    /// The permission.
    pub turn: Turn,
    /// Who waits for the outcome.
    pub reply_to: ReplyTo,
}

/// Where the outcome goes. Dropped without one (a dead mailbox, an executor that crashes) it says so: a pool that waited for the
/// answer of the dead would wait for ever.
pub struct ReplyTo {
    pool: Option<ActorRef<PoolMsg>>,
    order: OrderId,
}

impl ReplyTo {
    /// The pool waits.
    #[must_use]
    pub const fn new(pool: ActorRef<PoolMsg>, order: OrderId) -> Self {
        Self { pool: Some(pool), order }
    }

    /// The order is settled.
    pub(in crate::actors) fn settled(mut self, outcome: Outcome, controls: Option<Controls>, turn: Turn) {
        if let Some(pool) = self.pool.take() {
            // A pool that died meanwhile finds what was set in the journal; the turn drops with the message.
            let _ = pool.cast(PoolMsg::Settled { order: self.order, outcome, controls, turn });
        }
    }
}

impl Drop for ReplyTo {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            let _ = pool.cast(PoolMsg::OrderLost(self.order));
        }
    }
}

/// What is being done with an operation. The journal's state says how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for another operation of its pool to give way.
    Blocked,
    /// It is being written down and simulated.
    Beginning,
    /// It may be launched, at these fees.
    Ready(Fees),
    /// It gets its nonce and its signature.
    Launching,
    /// It is with the network.
    Watching,
    /// It is in a block; the position is being read back.
    Landing,
    /// It is in a block, and the block is not final.
    Landed,
    /// It is being closed.
    Ending,
}

/// An operation in hand.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not a state: the state is the journal's")]
pub(super) struct Operation {
    pub(super) pool: PoolId,
    pub(super) class: Class,
    pub(super) cap: GasCap,
    pub(super) plan: Plan,
    /// `None` for a pool that is not configured any more: what is left of it can be sent again or taken back, not raised.
    pub(super) position: Option<Arc<dyn Position>>,
    /// `None` for an operation of a former life.
    pub(super) order: Option<Order>,
    /// `None` until it is written down.
    pub(super) record: Option<OperationRecord>,
    pub(super) stage: Stage,
    pub(super) call: Option<Call>,
    /// The ramp that it makes when it is included in time.
    pub(super) ramp: Option<Ramp>,
    /// Block time at which it is taken back: late enough to be included before the ramp starts, early enough not to compress it.
    pub(super) deadline: Timestamp,
    pub(super) gas_limit: u64,
    /// It has to give way; what its cancellation may pay.
    pub(super) yields_at: Option<GasPrice>,
    /// A step of it is being written down.
    pub(super) writing: bool,
    /// Its receipts are being looked for.
    pub(super) looking: bool,
    /// It is to be handed over again as soon as it is known that it is not in a block.
    pub(super) resend: bool,
    /// It was in a block before, which is gone.
    pub(super) unwound: bool,
    /// Its block may be gone, and nobody could say so yet.
    pub(super) doubted: bool,
    /// By which way it was handed over last: what everybody has seen once is not hidden again.
    pub(super) went: Option<Via>,
    /// While it begins: whoever drops this gives it up.
    pub(super) begins: Option<watch::Sender<()>>,
    /// What says that its nonce is spent on something else.
    pub(super) absence: Option<Absence>,
    /// How often it was handed over, as far as this life knows; one of a former life has been before.
    pub(super) handed_over: u32,
    /// Height at which it was first launched in this life.
    pub(super) first_block: u64,
    last_touch: u64,
}

impl Operation {
    pub(super) fn ordered(order: Order, call: Call, ramp: Option<Ramp>, deadline: Timestamp) -> Self {
        Self {
            pool: order.pool.clone(),
            class: order.turn.class(),
            cap: *order.turn.cap(),
            plan: order.plan.clone(),
            position: Some(order.position.clone()),
            order: Some(order),
            record: None,
            stage: Stage::Blocked,
            call: Some(call),
            ramp,
            deadline,
            gas_limit: 0,
            yields_at: None,
            writing: false,
            looking: false,
            resend: false,
            unwound: false,
            doubted: false,
            went: None,
            begins: None,
            absence: None,
            handed_over: 0,
            first_block: 0,
            last_touch: 0,
        }
    }

    /// An order that ends before it began.
    pub(super) fn refused(order: Order) -> Self {
        let nothing = Call { target: Address::ZERO, data: Bytes::new() };
        Self::ordered(order, nothing, None, Timestamp::default())
    }

    /// What a former life has left in the journal.
    pub(super) fn left_behind(record: OperationRecord, position: Option<Arc<dyn Position>>, block: u64) -> Self {
        let ramp = record.ramp.clone();
        // The same call as then: plan and times are in the journal.
        let call = position.as_ref().zip(ramp.as_ref().map_or_else(
            || record.new.plan.timing().is_none().then(|| (Timestamp::default(), record.deadline.unwrap_or_default())),
            |ramp| Some((ramp.start, ramp.end)),
        ));
        let call = call.map(|(position, (start, end))| position.order(&record.new.plan, start, end));
        Self {
            pool: record.new.pool.clone(),
            class: record.new.class,
            cap: record.new.cap,
            plan: record.new.plan.clone(),
            position,
            order: None,
            stage: if record.state == State::Included { Stage::Landed } else { Stage::Watching },
            call,
            ramp,
            deadline: record.deadline.unwrap_or_default(),
            gas_limit: record.attempts.first().map_or(0, |attempt| attempt.gas_limit),
            yields_at: None,
            writing: false,
            looking: false,
            resend: true,
            unwound: false,
            doubted: false,
            went: record.attempts.last().map(|attempt| attempt.via),
            begins: None,
            absence: None,
            handed_over: 1,
            first_block: block,
            last_touch: block,
            record: Some(record),
        }
    }

    pub(super) const fn is_protective(&self) -> bool {
        self.class.is_protective()
    }

    pub(super) fn state(&self) -> Option<State> {
        self.record.as_ref().map(|record| record.state)
    }

    pub(super) fn nonce(&self) -> Option<u64> {
        self.record.as_ref().and_then(|record| record.nonce)
    }

    pub(super) fn is_launched(&self) -> bool {
        matches!(self.state(), Some(State::InFlight | State::Cancelling))
    }

    /// Whether its nonce is being taken away from it. A cancellation whose block is gone is still one, although the journal has the
    /// operation as in flight again: the order itself is not sent any more.
    pub(super) fn cancelling(&self) -> bool {
        let taken = || self.last_attempt().is_some_and(|attempt| attempt.kind == AttemptKind::Cancellation);
        self.state() == Some(State::Cancelling) || (self.is_launched() && taken())
    }

    /// Whether the lane is busy with it.
    pub(super) const fn occupies_lane(&self) -> bool {
        !matches!(self.stage, Stage::Landed)
    }

    /// Whether its pool may have no other operation beside it.
    pub(super) fn claims_pool(&self) -> bool {
        let given_up = self.state().is_some_and(|state| !OperationRecord::claims_pool(state));
        !given_up && !self.unwound && !matches!(self.stage, Stage::Blocked | Stage::Landed)
    }

    pub(super) fn last_attempt(&self) -> Option<&Attempt> {
        self.record.as_ref().and_then(|record| record.attempts.last())
    }

    pub(super) fn attempts(&self) -> &[Attempt] {
        self.record.as_ref().map_or(&[], |record| &record.attempts)
    }

    /// Newest first: it is the likeliest to be included.
    pub(super) fn hashes(&self) -> Vec<B256> {
        self.attempts().iter().rev().map(|attempt| attempt.hash).collect()
    }

    pub(super) const fn touched(&mut self, block: u64) {
        self.last_touch = block;
    }

    pub(super) const fn blocks_since_attempt(&self, block: u64) -> u64 {
        block.saturating_sub(self.last_touch)
    }

    pub(super) const fn blocks_since_first(&self, block: u64) -> u64 {
        block.saturating_sub(self.first_block)
    }

    /// By which way it goes next, where its class goes by `route`.
    pub(super) fn way(&self, route: Route, block: u64) -> Via {
        match self.went {
            Some(Via::Public) => Via::Public,
            _ => route.via(self.blocks_since_first(block)),
        }
    }

    pub(super) fn is_cancellation(&self, hash: B256) -> bool {
        self.attempts().iter().any(|attempt| attempt.hash == hash && attempt.kind == AttemptKind::Cancellation)
    }

    /// How what the chain shows differs from what was ordered, in words; `None` when it does not.
    pub(super) fn difference(&self, facts: &Result<PositionFacts, String>) -> Option<String> {
        let facts = match facts {
            Ok(facts) => facts,
            Err(fault) => return Some(format!("the position could not be read back: {fault}")),
        };
        match (&self.plan, &self.ramp) {
            (Plan::Freeze, _) => facts.controls.swap_enabled.then(|| "trading is still on".to_owned()),
            (Plan::Open, _) => (!facts.controls.swap_enabled).then(|| "trading is still off".to_owned()),
            (Plan::Reweight(_), Some(ramp)) => deviation(ramp, facts.ramp()),
            (Plan::FeeRamp(change), Some(ramp)) => fee_deviation(change, ramp, &facts.controls.fee),
            (Plan::Reweight(_) | Plan::FeeRamp(_), None) => Some("nobody knows which ramp was ordered".to_owned()),
            (Plan::Brake(brakes), _) => brake_deviation(brakes, &facts.breakers),
            // What they bring is bounded by the order itself, or they revert.
            (Plan::Swap(_) | Plan::Exit(_), _) => None,
        }
    }
}

/// An attempt as it is handed over.
#[must_use]
pub(super) fn bytes_of(attempt: &Attempt) -> SignedTx {
    SignedTx { hash: attempt.hash, raw: attempt.raw.clone() }
}

/// A signed transaction as it is written down.
#[must_use]
pub(super) fn attempt_of(number: u32, kind: AttemptKind, signed: SignedTx, fees: Fees, gas_limit: u64, via: Via) -> Attempt {
    Attempt { number, kind, hash: signed.hash, raw: signed.raw, fees, gas_limit, via, launched: None }
}

/// How a change of the fee on chain differs from the one ordered, in words; `None` when it does not.
fn fee_deviation(ordered: &FeeChange, times: &Ramp, found: &FeeRamp) -> Option<String> {
    let FeeRamp { start, end, from, to } = *found;
    // The chain keeps fees with fewer digits than it was given.
    let near = |a: SwapFee, b: SwapFee| a.wad().abs_diff(b.wad()) <= FEE_ROUNDING;
    if (start, end) != (times.start, times.end) {
        return Some(format!("ordered from {} to {}, the chain has {start} to {end}", times.start, times.end));
    }
    let same = near(from, ordered.from) && near(to, ordered.to);
    (!same).then(|| format!("ordered {} falling to {}, the chain has {from} to {to}", ordered.from, ordered.to))
}

/// Whether every brake was set for the order's price.
fn brake_deviation(ordered: &Brakes, found: &[Breaker]) -> Option<String> {
    let set = ordered.bounds.iter().zip(found);
    let all = ordered.bounds.len() == found.len()
        && set.into_iter().all(|(ordered, found)| {
            found.lower.abs_diff(ordered.lower) <= BRAKE_ROUNDING && found.upper.abs_diff(ordered.upper) <= BRAKE_ROUNDING
        });
    (!all).then(|| "the circuit breakers are not where they were ordered".to_owned())
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
