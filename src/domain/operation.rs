//! An operation: an intent that gets a nonce, and keeps it until the chain has admitted one of its transactions. Here are its
//! states and the steps between them; each step names the states that it may be taken from, and there are no others.
//!
//! ```text
//! QUEUED → RESERVED → PREPARED → INFLIGHT → INCLUDED → FINAL_{OK, REVERTED, CANCELLED}
//! QUEUED → EXPIRED | SUPERSEDED | REJECTED        RESERVED → QUEUED (nothing was signed: the only way to give a nonce back)
//! PREPARED, INFLIGHT → CANCELLING → INCLUDED      INCLUDED → INFLIGHT (its block was reorganised away)
//! INFLIGHT, CANCELLING → QUARANTINED → INCLUDED (it was ours after all) | ABANDONED (an operator has looked)
//! ```
//!
//! Why this never sends twice: an operation has one nonce for ever, every byte that could have reached the network is written down
//! before it is handed over, and the chain admits one transaction for a nonce. Why it never loses: whatever is written down is
//! taken up again. An error of a node is never a "no".

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address, B256, Bytes, keccak256};

use crate::domain::fees::Fees;
use crate::domain::gas::GasCap;
use crate::domain::ids::PoolId;
use crate::domain::plan::Plan;
use crate::domain::position::{BlockStamp, Controls, PositionFacts, Ramp};
use crate::domain::route::Via;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{GasCost, Timestamp, Wei};

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is written down why. It has no nonce.
    Queued,
    /// It has a nonce. Nothing is signed.
    Reserved,
    /// It is signed, and not handed over.
    Prepared,
    /// It may be with the network.
    InFlight,
    /// It came too late, or an operator takes it back: its nonce is being taken away from it. Whichever of its transactions is
    /// included decides.
    Cancelling,
    /// One of its transactions is in a block.
    Included,
    /// That block is final, and the transaction did what was ordered.
    FinalOk,
    /// That block is final, and the transaction reverted.
    FinalReverted,
    /// That block is final, and the transaction is the cancellation.
    FinalCancelled,
    /// It waited too long. It never had a nonce.
    Expired,
    /// A more urgent one took its place. It never had a nonce.
    Superseded,
    /// It was refused. It never had a nonce.
    Rejected,
    /// Its nonce is spent beyond recall, and several nodes know of no receipt: an operator has to look. The lane stands still.
    Quarantined,
    /// An operator has looked: something else spent its nonce.
    Abandoned,
}

impl State {
    /// All states, in the order of a life.
    pub const ALL: [Self; 14] = [
        Self::Queued,
        Self::Reserved,
        Self::Prepared,
        Self::InFlight,
        Self::Cancelling,
        Self::Included,
        Self::FinalOk,
        Self::FinalReverted,
        Self::FinalCancelled,
        Self::Expired,
        Self::Superseded,
        Self::Rejected,
        Self::Quarantined,
        Self::Abandoned,
    ];

    /// A finite, stable word for the journal, metrics and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Reserved => "reserved",
            Self::Prepared => "prepared",
            Self::InFlight => "inflight",
            Self::Cancelling => "cancelling",
            Self::Included => "included",
            Self::FinalOk => "final_ok",
            Self::FinalReverted => "final_reverted",
            Self::FinalCancelled => "final_cancelled",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
            Self::Quarantined => "quarantined",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether nothing more can happen to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::FinalOk
                | Self::FinalReverted
                | Self::FinalCancelled
                | Self::Expired
                | Self::Superseded
                | Self::Rejected
                | Self::Abandoned
        )
    }

    /// Whether the lane is busy with it. What is included frees the lane; its finality is watched in the background.
    #[must_use]
    pub const fn occupies_lane(self) -> bool {
        matches!(self, Self::Reserved | Self::Prepared | Self::InFlight | Self::Cancelling)
    }

    /// Whether a transaction of it may be with the network, or in a block.
    #[must_use]
    pub const fn may_be_on_chain(self) -> bool {
        matches!(self, Self::InFlight | Self::Cancelling | Self::Included | Self::Quarantined)
    }

    /// Whether its evidence may call for another operation: this one ended without having done anything.
    #[must_use]
    pub const fn frees_intent(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::Superseded | Self::Rejected | Self::FinalCancelled | Self::FinalReverted | Self::Abandoned
        )
    }

    /// The state after a step.
    ///
    /// # Errors
    /// The step cannot be taken from this state.
    pub const fn after(self, step: Step) -> Result<Self, IllegalStep> {
        use State as S;
        let next = match (step, self) {
            (Step::Reserve, S::Queued) => S::Reserved,
            (Step::Release, S::Reserved) => S::Queued,
            (Step::Prepare, S::Reserved) => S::Prepared,
            (Step::Launch, S::Prepared) | (Step::Replace, S::InFlight) | (Step::Unwind, S::Included) => S::InFlight,
            (Step::Cancel, S::Prepared | S::InFlight | S::Cancelling) => S::Cancelling,
            (Step::Include, S::InFlight | S::Cancelling | S::Quarantined) => S::Included,
            (Step::Finalise(fate), S::Included) => match fate {
                Fate::CarriedOut => S::FinalOk,
                Fate::Reverted => S::FinalReverted,
                Fate::Cancelled => S::FinalCancelled,
            },
            (Step::Quarantine, S::InFlight | S::Cancelling) => S::Quarantined,
            (Step::Abandon, S::Quarantined) => S::Abandoned,
            (Step::Expire, S::Queued) => S::Expired,
            (Step::Supersede, S::Queued) => S::Superseded,
            (Step::Reject, S::Queued) => S::Rejected,
            _ => return Err(IllegalStep { from: self, step }),
        };
        Ok(next)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.label() == text).ok_or_else(|| format!("`{text}` is no state of an operation"))
    }
}

/// What may happen to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// It gets its nonce, and what it may cost is set aside (C2).
    Reserve,
    /// It gives its nonce back: nothing was signed.
    Release,
    /// Its first transaction is signed and written down (C3).
    Prepare,
    /// It is about to be handed over (C4).
    Launch,
    /// A dearer transaction with the same nonce is signed, written down and about to be handed over (C6).
    Replace,
    /// The same for a transaction that takes the nonce away from it.
    Cancel,
    /// One of its transactions is in a block (C7).
    Include,
    /// That block is not on the chain any more.
    Unwind,
    /// That block is final (C8).
    Finalise(Fate),
    /// Its nonce is spent and nobody knows on what.
    Quarantine,
    /// An operator says: not on us.
    Abandon,
    /// It waited too long.
    Expire,
    /// A more urgent one takes its place.
    Supersede,
    /// It is refused.
    Reject,
}

impl Step {
    /// A finite, stable word for the journal and the metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Release => "release",
            Self::Prepare => "prepare",
            Self::Launch => "launch",
            Self::Replace => "replace",
            Self::Cancel => "cancel",
            Self::Include => "include",
            Self::Unwind => "unwind",
            Self::Finalise(_) => "finalise",
            Self::Quarantine => "quarantine",
            Self::Abandon => "abandon",
            Self::Expire => "expire",
            Self::Supersede => "supersede",
            Self::Reject => "reject",
        }
    }
}

/// A step that cannot be taken: a fault of the program, never of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation that is {from} cannot take the step `{}`", step.label())]
pub struct IllegalStep {
    /// Where it stands.
    pub from: State,
    /// What was asked for.
    pub step: Step,
}

/// What an included transaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// What was ordered.
    CarriedOut,
    /// Nothing: it reverted.
    Reverted,
    /// Nothing: it is the cancellation.
    Cancelled,
}

impl Fate {
    /// All fates.
    pub const ALL: [Self; 3] = [Self::CarriedOut, Self::Reverted, Self::Cancelled];

    /// A finite, stable word for the journal.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::CarriedOut => "carried_out",
            Self::Reverted => "reverted",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a signed transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptKind {
    /// The first attempt of an operation.
    First,
    /// The same call with a higher fee.
    Replacement,
    /// A transfer of nothing to ourselves that takes the nonce away from the operation.
    Cancellation,
}

impl AttemptKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::First, Self::Replacement, Self::Cancellation];

    /// A finite, stable word for the journal and the metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Replacement => "replacement",
            Self::Cancellation => "cancellation",
        }
    }
}

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LaneRole {
    /// Moves weights.
    Keeper,
    /// Stops trading. It has a nonce of its own, so it never waits for the keeper's.
    Guardian,
    /// Trades and leaves with the treasury's money.
    Treasury,
}

impl LaneRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Keeper, Self::Guardian, Self::Treasury];

    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Keeper => "keeper",
            Self::Guardian => "guardian",
            Self::Treasury => "treasury",
        }
    }
}

impl fmt::Display for LaneRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A lane: one signer on one chain. It has one writer and one sequence of nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneKey {
    /// The chain's EIP-155 number.
    pub chain_id: u64,
    /// The account.
    pub signer: Address,
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chain_id, self.signer)
    }
}

/// Names an operation for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub B256);

impl fmt::Display for OperationId {
    /// The first twelve digits: enough for people, and for the commands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_string().get(2..14).unwrap_or_default())
    }
}

/// What the chain held when something was triggered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the owner has set.
    pub controls: Controls,
    /// The last block in which the balances changed, for operations that change nothing else.
    pub touched: u64,
    /// The brakes, condensed.
    pub brakes: u64,
    /// Whether the operation moves balances, and nothing that the owner sets.
    pub trades: bool,
}

impl Seen {
    /// What a plan's evidence is, by what one block says.
    #[must_use]
    pub fn of(position: &PositionFacts, plan: &Plan) -> Self {
        let set = position.breakers.iter().flat_map(|brake| [brake.reference_price, brake.lower.wad(), brake.upper.wad()]);
        let bytes: Vec<u8> = set.flat_map(u128::to_be_bytes).collect();
        let brakes = u64::from_be_bytes(keccak256(bytes).0.first_chunk().copied().unwrap_or_default());
        let trades = matches!(plan, Plan::Swap(_) | Plan::Exit(_));
        Self { controls: position.controls.clone(), touched: position.touched, brakes, trades }
    }

    fn balances(&self) -> String {
        if self.trades { self.touched.to_string() } else { String::new() }
    }
}

/// What calls for an operation, condensed: the same evidence gives the same intent, and an intent has one live operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub B256);

impl IntentId {
    /// From what was seen: the lane's chain, the pool, what triggered (with the episode, the asset or the slot), and what the chain held
    /// then. An operation that is carried out changes that, so a trigger that is seen again afterwards is new evidence; one that is seen
    /// again *before* (by a pool that was restarted, or on a block that was read late) is not.
    #[must_use]
    pub fn of(chain_id: u64, pool: &PoolId, trigger: &Trigger, seen: &Seen) -> Self {
        let what = match trigger {
            Trigger::Depeg { episode, .. } => format!("depeg {episode} {}", seen.balances()),
            Trigger::Drift { .. } => "drift".to_owned(),
            Trigger::Composition { .. } => format!("composition {}", seen.balances()),
            Trigger::Reopen { frozen_at } => format!("reopen {}", frozen_at.millis()),
            Trigger::Breakers { .. } => format!("breakers {}", seen.brakes),
            Trigger::Yield { .. } => "yield".to_owned(),
            Trigger::Schedule { due } => format!("schedule {}", due.millis()),
            Trigger::Manual { asked } => format!("manual {}", asked.millis()),
        };
        let Controls { ramp, fee, swap_enabled } = &seen.controls;
        let weights: Vec<String> = ramp.end_weights.iter().map(|weight| weight.wad().to_string()).collect();
        let (start, end) = (ramp.start.millis(), ramp.end.millis());
        let fee = format!("{} {} {} {}", fee.start.millis(), fee.end.millis(), fee.from.wad(), fee.to.wad());
        let text = format!("{chain_id}\n{pool}\n{what}\n{start} {end} {}\n{fee}\n{swap_enabled}", weights.join(" "));
        Self(keccak256(text))
    }

    /// The operation of this intent's `generation`: 0 for the first, one more for each that ended without having done anything.
    #[must_use]
    pub fn operation(self, generation: u64) -> OperationId {
        let mut text = self.0.to_vec();
        text.extend(generation.to_be_bytes());
        OperationId(keccak256(text))
    }
}

/// An operation before it is queued: the why, never the calldata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOperation {
    /// What calls for it.
    pub intent: IntentId,
    /// The pool.
    pub pool: PoolId,
    /// How urgent it is.
    pub class: Class,
    /// The trigger in words, for people.
    pub why: String,
    /// What is to be done.
    pub plan: Plan,
    /// What it may pay, and until when it may wait.
    pub cap: GasCap,
    /// When it was asked for, on the policy clock.
    pub created: Timestamp,
}

/// A signed transaction. Never forgotten before its operation ends: any of them may be the one that is included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counts the attempts of its operation, from 0.
    pub number: u32,
    /// What it is for.
    pub kind: AttemptKind,
    /// Its hash.
    pub hash: B256,
    /// Its bytes: they are the record, not the parameters, because not every signer gives the same bytes twice.
    pub raw: Bytes,
    /// What it offers.
    pub fees: Fees,
    /// How much gas it may use.
    pub gas_limit: u64,
    /// By which way it goes.
    pub via: Via,
    /// When it was (about to be) handed over, on the policy clock.
    pub launched: Option<Timestamp>,
}

/// The transaction that is in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// Hash of the attempt.
    pub hash: B256,
    /// Its block.
    pub block: BlockStamp,
    /// What it did.
    pub fate: Fate,
    /// What it cost.
    pub cost: GasCost,
}

/// An operation, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRecord {
    /// Its name.
    pub id: OperationId,
    /// Its lane.
    pub lane: LaneKey,
    /// Why it was queued.
    pub new: NewOperation,
    /// How far it has come.
    pub state: State,
    /// Counts its steps, from 0.
    pub seq: u64,
    /// Its nonce, from RESERVED on.
    pub nonce: Option<u64>,
    /// The ramp that it makes when it is included in time; from PREPARED on, for a plan that makes one. Of a ramp of the fee only the
    /// times are kept: its ends are in the plan.
    pub ramp: Option<Ramp>,
    /// Block time from which on it is taken back; from PREPARED on.
    pub deadline: Option<Timestamp>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// Where it was included.
    pub landing: Option<Landing>,
    /// An operator wants it back.
    pub cancel_requested: bool,
    /// Why it ended as it did, in words.
    pub reason: Option<String>,
}

/// A step with what it writes down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// C2. Sets `reserve` aside from the lane's budget of the day `at`.
    Reserve {
        /// The nonce, higher than any that the lane has used.
        nonce: u64,
        /// The most that it may cost.
        reserve: Wei,
        /// When, on the policy clock.
        at: Timestamp,
    },
    /// Gives nonce and budget back.
    Release,
    /// C3.
    Prepare {
        /// The signed transaction, not launched.
        attempt: Attempt,
        /// The ramp that it makes.
        ramp: Option<Ramp>,
        /// When it is taken back.
        deadline: Timestamp,
    },
    /// C4. The spacing between sends counts from `at`.
    Launch {
        /// When, on the policy clock.
        at: Timestamp,
    },
    /// C6. Raises what is set aside to `reserve`.
    Replace {
        /// The signed transaction, with the time of its launch.
        attempt: Attempt,
        /// The most that the operation may cost now.
        reserve: Wei,
    },
    /// The same for a cancellation.
    Cancel {
        /// The signed transaction, with the time of its launch; `None` when the one that is there is to be sent again.
        attempt: Option<Attempt>,
        /// The most that the operation may cost now.
        reserve: Wei,
    },
    /// C7. In the same commit the pool's memory takes `controls` as its own.
    Include {
        /// The transaction.
        landing: Landing,
        /// What the chain holds after it, where it is our doing: the plan was carried out, or an inclusion that was reorganised away has
        /// not come back.
        controls: Option<Controls>,
    },
    /// The block is gone.
    Unwind,
    /// C8. What was set aside becomes what was spent.
    Finalise {
        /// What the chain took.
        spent: Wei,
    },
    /// The alarm.
    Quarantine {
        /// In words.
        why: String,
    },
    /// An operator's word.
    Abandon {
        /// In words, with who said it.
        why: String,
    },
    /// Ends what is queued.
    Expire {
        /// In words.
        why: String,
    },
    /// Ends what is queued.
    Supersede {
        /// What takes its place, in words.
        why: String,
    },
    /// Ends what is queued.
    Reject {
        /// In words.
        why: String,
    },
}

impl Entry {
    /// The step that it records, for an operation that landed as `landing` says.
    ///
    /// # Errors
    /// Finality of something that was never included.
    pub const fn step(&self, landing: Option<&Landing>) -> Result<Step, IllegalStep> {
        Ok(match self {
            Self::Reserve { .. } => Step::Reserve,
            Self::Release => Step::Release,
            Self::Prepare { .. } => Step::Prepare,
            Self::Launch { .. } => Step::Launch,
            Self::Replace { .. } => Step::Replace,
            Self::Cancel { .. } => Step::Cancel,
            Self::Include { .. } => Step::Include,
            Self::Unwind => Step::Unwind,
            Self::Finalise { .. } => match landing {
                Some(landing) => Step::Finalise(landing.fate),
                None => return Err(IllegalStep { from: State::InFlight, step: Step::Finalise(Fate::CarriedOut) }),
            },
            Self::Quarantine { .. } => Step::Quarantine,
            Self::Abandon { .. } => Step::Abandon,
            Self::Expire { .. } => Step::Expire,
            Self::Supersede { .. } => Step::Supersede,
            Self::Reject { .. } => Step::Reject,
        })
    }

    /// What it says of the end of an operation, in words.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Quarantine { why }
            | Self::Abandon { why }
            | Self::Expire { why }
            | Self::Supersede { why }
            | Self::Reject { why } => Some(why.clone()),
            _ => None,
        }
    }
}

impl OperationRecord {
    /// The most that any of its attempts may cost; `None` on overflow.
    #[must_use]
    pub fn reserve(&self) -> Option<Wei> {
        let costs = self.attempts.iter().map(|attempt| Wei::of_gas(attempt.gas_limit, attempt.fees.max_fee));
        costs.reduce(|most, cost| Some(most?.max(cost?))).unwrap_or(Some(Wei::ZERO))
    }

    /// A queued operation.
    #[must_use]
    pub const fn queued(id: OperationId, lane: LaneKey, new: NewOperation) -> Self {
        Self {
            id,
            lane,
            new,
            state: State::Queued,
            seq: 0,
            nonce: None,
            ramp: None,
            deadline: None,
            attempts: Vec::new(),
            landing: None,
            cancel_requested: false,
            reason: None,
        }
    }

    /// Takes a step. The journals keep to it: what is written down and what is remembered cannot differ.
    ///
    /// # Errors
    /// The step cannot be taken; nothing has changed.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), IllegalStep> {
        let step = entry.step(self.landing.as_ref())?;
        self.state = self.state.after(step)?;
        self.seq = self.seq.saturating_add(1);
        if let Some(reason) = entry.reason() {
            self.reason = Some(reason);
        }
        match entry {
            Entry::Reserve { nonce, .. } => self.nonce = Some(*nonce),
            Entry::Release => self.nonce = None,
            Entry::Prepare { attempt, ramp, deadline } => {
                self.attempts.push(attempt.clone());
                self.ramp.clone_from(ramp);
                self.deadline = Some(*deadline);
            }
            Entry::Launch { at } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.launched = Some(*at);
                }
            }
            Entry::Replace { attempt, .. } | Entry::Cancel { attempt: Some(attempt), .. } => self.attempts.push(attempt.clone()),
            Entry::Include { landing, .. } => self.landing = Some(*landing),
            Entry::Unwind => self.landing = None,
            _ => {}
        }
        Ok(())
    }

    /// Whether the pool may have no other operation beside it: from QUEUED until it is included, taken back, or over. One that was
    /// unwound by a reorganisation does not take its claim again: what follows it in the pool has a higher nonce, and so lands
    /// after it.
    #[must_use]
    pub const fn claims_pool(state: State) -> bool {
        matches!(state, State::Queued | State::Reserved | State::Prepared | State::InFlight)
    }
}
