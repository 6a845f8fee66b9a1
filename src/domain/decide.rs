//! The one function that decides. Facts, memory and rules in; [`Decision`] with its reason out. Live, dry-run and replay call the
//! same one, so what is tested is what runs.
//!
//! Here: the order in which things are asked. [`facts`] is what is known, [`memory`] what is remembered, [`hold`] every reason to do
//! nothing. [`protect`] answers a depeg, [`frozen`] looks after a pool whose trading we have stopped, [`maintain`] brings a quiet pool to
//! its target.

pub mod facts;
mod frozen;
pub mod hold;
mod maintain;
pub mod memory;
mod notes;
mod protect;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::domain::peg::{Peg, PegState};
use crate::domain::plan::Plan;
use crate::domain::policy::Policy;
use crate::domain::position::{Mandate, PositionFacts};
use crate::domain::target::Standing;
use crate::domain::trigger::Trigger;
use crate::domain::units::Usd;

pub use facts::{Facts, GasNeeds, Rate};
pub use hold::{DailyLimit, Hold, Missing, NoSwap, Served, Thaw};
pub use maintain::{YieldGap, composition_drift, gap as gap_between, yield_gap};
pub use memory::{Frozen, Latch, Memory};
pub use notes::Considered;
use notes::Notes;

/// Act or hold, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Do this, for this reason.
    Act {
        /// Why.
        trigger: Trigger,
        /// What.
        plan: Plan,
        /// What it is expected to bring, or to avoid; `None` where nobody has counted.
        benefit: Option<Usd>,
    },
    /// Do nothing, for this reason.
    Hold(Hold),
}

impl Decision {
    /// A finite, stable word for metrics and records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Act { trigger, .. } => trigger.code(),
            Self::Hold(hold) => hold.label(),
        }
    }

    /// The numbers behind it, by stable names.
    #[must_use]
    pub fn numbers(&self) -> Vec<(&'static str, String)> {
        let Self::Act { plan, benefit, .. } = self else {
            let Self::Hold(hold) = self else { return Vec::new() };
            return hold.numbers();
        };
        let mut numbers: Vec<(&'static str, String)> = benefit.iter().map(|benefit| ("benefit", benefit.to_string())).collect();
        match plan {
            Plan::Reweight(reweight) => {
                numbers.push(("ramp_seconds", reweight.duration.as_secs().to_string()));
                numbers.extend(reweight.expected_loss.map(|loss| ("expected_loss", loss.to_string())));
            }
            Plan::FeeRamp(change) => {
                numbers.extend([("fee_from", change.from.to_string()), ("fee_to", change.to.to_string())]);
            }
            Plan::Swap(swap) => {
                numbers.extend([("amount_in", swap.amount_in.to_string()), ("least_out", swap.least_out.to_string())]);
            }
            Plan::Exit(exit) => numbers.push(("shares", exit.shares.to_string())),
            Plan::Freeze | Plan::Open | Plan::Brake(_) => {}
        }
        numbers
    }
}

impl fmt::Display for Decision {
    /// One line for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Act { trigger, plan, .. } => write!(f, "{trigger}: {}", plan.words()),
            Self::Hold(hold) => hold.fmt(f),
        }
    }
}

/// A decision with what was considered on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliberation {
    /// The decision.
    pub decision: Decision,
    /// What was considered, in order.
    pub considered: Vec<Considered>,
}

/// Decides for one pool.
#[must_use]
pub fn decide(facts: &Facts<'_>, memory: &Memory, policy: &Policy, mandate: &Mandate) -> Decision {
    consider(facts, memory, policy, mandate, &mut Notes::none()).unwrap_or_else(Decision::Hold)
}

/// The same decision, with what was considered.
#[must_use]
pub fn deliberate(facts: &Facts<'_>, memory: &Memory, policy: &Policy, mandate: &Mandate) -> Deliberation {
    let mut notes = Notes::taken();
    let decision = consider(facts, memory, policy, mandate, &mut notes).unwrap_or_else(Decision::Hold);
    Deliberation { decision, considered: notes.into_vec() }
}

/// Whether the chain holds something that nobody here accounts for.
#[must_use]
pub fn is_foreign(position: &PositionFacts, memory: &Memory) -> bool {
    memory.known.as_ref().is_some_and(|known| *known != position.controls) && !is_former(position, memory)
}

/// Whether the chain shows the state before our last change: its block was reorganised away, or the node is behind.
#[must_use]
pub fn is_former(position: &PositionFacts, memory: &Memory) -> bool {
    memory.known.as_ref().is_some_and(|known| *known != position.controls)
        && memory.former.as_ref().is_some_and(|former| *former == position.controls)
}

/// The order of the questions: what is not known, what is not allowed, what is urgent, what is due, what is cheap.
fn consider(facts: &Facts<'_>, memory: &Memory, policy: &Policy, mandate: &Mandate, notes: &mut Notes) -> Result<Decision, Hold> {
    if let Some(latch) = &memory.latch {
        return Err(Hold::Latched(latch.clone()));
    }
    let position = believable_position(facts, mandate)?;
    if is_foreign(position, memory) {
        return Err(Hold::Latched(Latch::ForeignChange));
    }
    if is_former(position, memory) {
        return Err(Hold::AwaitingChain);
    }
    if position.paused {
        return Err(Hold::Paused);
    }
    let standing: Vec<Standing> = (0..facts.pegs.len()).map(|at| standing_of(facts, at)).collect();
    notes.add("pegs", || told_pegs(facts.pegs));
    let case = Case { facts, position, memory, policy, mandate, standing: &standing };
    if !position.controls.swap_enabled {
        let frozen = memory.frozen.ok_or(Hold::SwapsOff)?;
        return frozen::look(&case, frozen, notes);
    }
    if let Some(trigger) = protect::trigger(facts.pegs) {
        return protect::answer(&case, trigger, notes);
    }
    maintain::look(&case, notes)
}

/// Everything that a decision looks at.
#[derive(Clone, Copy)]
struct Case<'a> {
    facts: &'a Facts<'a>,
    position: &'a PositionFacts,
    memory: &'a Memory,
    policy: &'a Policy,
    mandate: &'a Mandate,
    standing: &'a [Standing],
}

impl Case<'_> {
    /// Whether a ramp moves the weights that were read. The block decides, not the clock: a ramp that has ended since was still on its
    /// way in the block, and its weights are not where it arrives. Who took them for the end would order the rest of the way a second
    /// time.
    fn is_moving(&self) -> bool {
        self.position.ramp().in_flight(self.facts.now.min(self.position.block.timestamp))
    }
}

/// The position, if it is known, young, of the right shape, and from the same block as the prices.
fn believable_position<'a>(facts: &Facts<'a>, mandate: &Mandate) -> Result<&'a PositionFacts, Hold> {
    let position = facts.position.ok_or(Hold::Unknown(Missing::Position))?;
    let age = facts.now.since(position.block.timestamp);
    if age > facts.max_age {
        return Err(Hold::Unknown(Missing::StalePosition { age }));
    }
    let assets = mandate.assets.len();
    if position.weights.len() != assets || position.balances.len() != assets || facts.pegs.len() != assets {
        return Err(Hold::Unknown(Missing::Sense("the position holds another number of assets than configured")));
    }
    let late = facts.rates.contains(&Rate::Late);
    if late || !facts.pegs.iter().all(|peg| peg.is_of_block(position.block.hash)) {
        return Err(Hold::BlocksDiffer);
    }
    Ok(position)
}

fn standing_of(facts: &Facts<'_>, at: usize) -> Standing {
    let Some(peg) = facts.pegs.get(at) else { return Standing::Suspect };
    match (peg.state, facts.rates.get(at)) {
        (PegState::Depegged, _) if peg.price().is_some() => Standing::Below,
        (_, Some(Rate::Fallen(_) | Rate::Late | Rate::Unknown)) => Standing::Suspect,
        _ if peg.may_gain() => Standing::Sound,
        _ => Standing::Suspect,
    }
}

fn told_pegs(pegs: &[Peg]) -> String {
    let told = |peg: &Peg| {
        let price = peg.price().map_or_else(|| "unknown".to_owned(), |price| price.to_string());
        format!("{} {} {price}", peg.asset, peg.state.label())
    };
    pegs.iter().map(told).collect::<Vec<_>>().join(", ")
}
