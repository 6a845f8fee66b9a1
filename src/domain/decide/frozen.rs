//! A pool whose trading Ballast has stopped. Three things happen to it, each in a transaction of its own: a ramp that was in flight is
//! stopped where it is, because weights that go on moving while nobody can trade become one step later; when all coins are back, the
//! swap fee is raised, to fall gradually; and trading is on again while it is high.
//!
//! Coming back is stricter than leaving: every coin of the pool sound and trusted, for as long as the policy says.

use super::hold::{Hold, Thaw};
use super::memory::{Frozen, Memory};
use super::notes::Notes;
use super::{Case, Decision, Missing, Rate};
use crate::domain::allocation::{Allocation, largest_distance};
use crate::domain::plan::{FeeChange, Plan, Reweight};
use crate::domain::target::Standing;
use crate::domain::trigger::Trigger;

pub(super) fn look(case: &Case<'_>, frozen: Frozen, notes: &mut Notes) -> Result<Decision, Hold> {
    let (rule, trigger) = (&case.policy.depeg.reopen, Trigger::Reopen { frozen_at: frozen.at });
    if case.is_moving() && still_moves(case) {
        notes.add("ramp", || "it goes on while nobody can trade, and would be one step later".to_owned());
        let target = Allocation::normalised(&case.position.weights)
            .map_err(|_| Hold::Unknown(Missing::Sense("the position has no weights")))?;
        let plan = Plan::Reweight(Reweight {
            target,
            duration: case.policy.ramp.min,
            start_lead: case.policy.ramp.start_lead,
            expected_loss: None,
        });
        return Ok(Decision::Act { trigger, plan, benefit: None });
    }
    let wait = |waits_for| Hold::Frozen { since: frozen.at, waits_for };
    let asset = |at: usize| case.mandate.assets.get(at).cloned().ok_or(Hold::Unknown(Missing::Sense("more pegs than assets")));
    if let Some(at) = case.facts.rates.iter().position(|rate| matches!(rate, Rate::Fallen(_))) {
        return Err(wait(Thaw::FallenRate(asset(at)?)));
    }
    let known = |at: usize| case.facts.price(at).is_some();
    if let Some(at) = case.standing.iter().enumerate().position(|(at, standing)| *standing != Standing::Sound || !known(at)) {
        return Err(wait(Thaw::Asset(asset(at)?)));
    }
    let since = case.memory.sound_since.unwrap_or(case.facts.now);
    if !Memory::lasted(case.memory.sound_since, case.facts.now, rule.settled) {
        return Err(wait(Thaw::Until(since.plus(rule.settled))));
    }
    let (fee, usual) = (case.position.swap_fee, frozen.fee);
    notes.add("fee", || format!("{fee} now, {} to start with, {usual} before", rule.fee));
    if fee >= rule.fee || rule.fee <= usual {
        return Ok(Decision::Act { trigger, plan: Plan::Open, benefit: None });
    }
    // The fee stays high for as long as the second transaction, which opens, may wait for its gas. A shorter time would let the fee fall
    // while that waits, and then it is raised anew, and falls again: each time somebody pays for nothing.
    let patience = case.policy.gas.get(trigger.class()).deadline;
    let start_lead = case.policy.ramp.start_lead.max(patience);
    let change = FeeChange { from: rule.fee, to: usual, duration: rule.fee_ramp, start_lead };
    Ok(Decision::Act { trigger, plan: Plan::FeeRamp(change), benefit: None })
}

/// Whether the ramp still has a way to go that is worth a transaction.
fn still_moves(case: &Case<'_>) -> bool {
    let (now, end) = (&case.position.weights, &case.position.ramp().end_weights);
    largest_distance(now, end).is_some_and(|(_, distance)| distance > case.policy.dead_band)
}
