//! The answer to a depeg, by the owner's policy.

use super::hold::{Hold, Missing};
use super::maintain::reweight;
use super::notes::Notes;
use super::{Case, Decision};
use crate::domain::allocation::largest_distance;
use crate::domain::defence::{self, allowed, implied_death};
use crate::domain::ids::EpisodeId;
use crate::domain::peg::{Peg, PegState};
use crate::domain::plan::{Exit, Plan};
use crate::domain::policy::{AfterDerisk, DepegAnswer, THIRD_PARTIES};
use crate::domain::ramp::legs::Urgency;
use crate::domain::target::{self, NoDefence, Standing};
use crate::domain::trigger::Trigger;
use crate::domain::units::{Price, Rounding, Usd, WAD, Weight, mul_div};

/// The evidence of a depeg: a state *and* a price that can be believed now.
pub(super) fn trigger(pegs: &[Peg]) -> Option<Trigger> {
    let below: Vec<(&Peg, Price)> = pegs
        .iter()
        .filter(|peg| peg.state == PegState::Depegged)
        .filter_map(|peg| peg.price().map(|price| (peg, price)))
        .collect();
    let episode = below.iter().find_map(|(peg, _)| peg.current_episode())?;
    Some(Trigger::Depeg { episode, below: below.into_iter().map(|(peg, price)| (peg.asset.clone(), price)).collect() })
}

/// What the policy says to a depeg.
pub(super) fn answer(case: &Case<'_>, trigger: Trigger, notes: &mut Notes) -> Result<Decision, Hold> {
    let Some(episode) = trigger.episode().cloned() else {
        return Err(Hold::Unknown(Missing::Sense("a depeg without an episode")));
    };
    let rule = &case.policy.depeg;
    notes.add("answer", || rule.answer.label().to_owned());
    match rule.answer {
        DepegAnswer::Hold => Err(Hold::LeftAlone { episode }),
        DepegAnswer::Freeze => Ok(freeze(case, trigger)),
        DepegAnswer::Exit => exit(case, trigger, episode, notes),
        DepegAnswer::Derisk => derisk(case, trigger, episode, notes),
    }
}

fn freeze(case: &Case<'_>, trigger: Trigger) -> Decision {
    let benefit = avoided(case);
    Decision::Act { trigger, plan: Plan::Freeze, benefit }
}

/// What stopping is expected to save: what the position would lose beyond a frozen one if the coins died, by the market's own word for
/// the probability of that.
fn avoided(case: &Case<'_>) -> Option<Usd> {
    let floor = case.policy.depeg.derisk.recovery_floor;
    let prices: Vec<Price> = (0..case.mandate.assets.len()).map(|at| case.facts.price(at).unwrap_or(Price::PAR)).collect();
    let value = crate::domain::allocation::Valuation::of(&case.position.balances, &prices)?.total;
    let troubled = || case.standing.iter().zip(&case.position.weights).zip(&prices).filter(|((s, _), _)| **s == Standing::Below);
    let weight = troubled().fold(Weight::ZERO, |sum, ((_, weight), _)| sum.saturating_add(*weight)).min(Weight::ONE);
    let price = troubled().map(|(_, price)| *price).min()?;
    let exposure = defence::Exposure { value, weight, price: price.min(Price::PAR), floor };
    let costs = defence::AnswerCosts { freeze: Usd::ZERO, derisk_to: weight, derisk: Usd::ZERO, exit: Usd::ZERO, brakes: None };
    let all = defence::outlook(&exposure, &costs)?;
    let end = |answer| all.iter().find(|o| o.answer == defence::Answer::Policy(answer)).map(|o| o.if_dies);
    let saved = end(defence::Given::Freeze)?.saturating_sub(end(defence::Given::Hold)?);
    saved.share(implied_death(price, floor)?)
}

/// The treasury's own part of the position, in proportion, with a least amount of each asset.
fn exit(case: &Case<'_>, trigger: Trigger, episode: EpisodeId, notes: &mut Notes) -> Result<Decision, Hold> {
    let (rule, owned) = (&case.policy.depeg.exit, case.position.ownership);
    let shares = owned.treasury;
    notes.add("exit", || format!("the treasury has {} of {} shares", owned.treasury, owned.supply));
    if shares == 0 || owned.supply == 0 || !case.facts.treasury {
        return Err(Hold::Defended { episode });
    }
    let keeps = WAD.saturating_sub(rule.slippage.wad());
    let least = |balance: u128| mul_div(mul_div(balance, shares, owned.supply, Rounding::Down)?, keeps, WAD, Rounding::Down);
    let least_out: Option<Vec<u128>> = case.position.balances.iter().map(|balance| least(balance.raw)).collect();
    let least_out = least_out.ok_or(Hold::Unknown(Missing::Sense("the exit overflows")))?;
    Ok(Decision::Act { trigger, plan: Plan::Exit(Exit { shares, least_out }), benefit: avoided(case) })
}

/// Sells what the mandate does not allow to be lost, a step at a time. A ramp in flight is left to finish unless it raises a token below
/// its band, or the price has fallen below the least at which anything is sold.
fn derisk(case: &Case<'_>, trigger: Trigger, episode: EpisodeId, notes: &mut Notes) -> Result<Decision, Hold> {
    let rule = &case.policy.depeg.derisk;
    let then = |trigger: Trigger, episode: EpisodeId| match rule.then {
        AfterDerisk::Freeze => Ok(freeze(case, trigger)),
        AfterDerisk::Hold => Err(Hold::Defended { episode }),
    };
    let others = case.position.ownership.of_others().unwrap_or(Weight::ONE);
    if others > THIRD_PARTIES && !rule.accept_third_parties {
        notes.add("third_parties", || format!("{others} belong to others, who did not ask to be traded out of a coin"));
        return then(trigger, episode);
    }
    let too_low =
        case.standing.iter().enumerate().any(|(at, standing)| {
            *standing == Standing::Below && case.facts.price(at).is_none_or(|price| price < rule.least_price)
        });
    if too_low {
        notes.add("least_price", || format!("nothing is sold below {}", rule.least_price));
        return then(trigger, episode);
    }
    if case.is_moving() {
        let gains = case.position.weights.iter().zip(&case.position.ramp().end_weights).zip(case.standing);
        let raises_the_wrong_one =
            |((now, end), standing): ((&Weight, &Weight), &Standing)| *standing == Standing::Below && end > now;
        if !gains.into_iter().any(raises_the_wrong_one) {
            return Err(Hold::RampInFlight { until: case.position.ramp().end });
        }
    }
    let excess = excess(case);
    notes.add("mandate", || {
        let told = case.mandate.assets.iter().zip(&excess).filter(|(_, excess)| **excess > Weight::ZERO);
        let told: Vec<String> = told.map(|(asset, excess)| format!("{asset} {excess} too much")).collect();
        if told.is_empty() { "nothing is above the mandate".to_owned() } else { told.join(", ") }
    });
    let since = case.facts.pegs.iter().filter(|peg| peg.state == PegState::Depegged).map(|peg| peg.since).min();
    let spent = since.map_or(Weight::ZERO, |since| case.memory.moves.defended_since(since));
    let left = rule.budget.saturating_sub(spent);
    notes.add("budget", || format!("{spent} of {} are moved in this episode", rule.budget));
    let step = case.policy.max_step.min(left);
    if step == Weight::ZERO {
        return then(trigger, episode);
    }
    match target::defend(&case.position.weights, case.standing, case.mandate, &excess, step) {
        Ok(next) if !worth_moving(&case.position.weights, next.weights(), case.policy.dead_band) => then(trigger, episode),
        Ok(next) => match reweight(case, &next, Urgency::Urgent) {
            Ok((plan, _)) => Ok(Decision::Act { trigger, plan, benefit: avoided(case) }),
            Err(Hold::TooDear { loss, budget }) => {
                notes.add("too_dear", || format!("the move is expected to lose {loss}, its budget is {budget}"));
                then(trigger, episode)
            }
            Err(hold) => Err(hold),
        },
        Err(NoDefence::AtTheFloor) => then(trigger, episode),
        Err(NoDefence::NoRoom) if rule.then == AfterDerisk::Freeze => Ok(freeze(case, trigger)),
        Err(NoDefence::NoRoom) => Err(Hold::Infeasible { episode }),
        Err(NoDefence::Malformed) => Err(Hold::Unknown(Missing::Sense("the weights do not fit the mandate"))),
    }
}

/// How much of each token below its band is more than the mandate allows to be lost: by itself, and with its risk group.
fn excess(case: &Case<'_>) -> Vec<Weight> {
    let rule = &case.policy.depeg.derisk;
    let (weights, mandate) = (&case.position.weights, case.mandate);
    let price = |at: usize| case.facts.price(at).unwrap_or(Price::PAR);
    let is_below = |at: usize| case.standing.get(at) == Some(&Standing::Below);
    let mut excess: Vec<Weight> = weights
        .iter()
        .enumerate()
        .map(|(at, weight)| {
            if !is_below(at) {
                return Weight::ZERO;
            }
            let limit = mandate.max_loss.get(at).copied().flatten().unwrap_or(rule.max_loss);
            weight.saturating_sub(allowed(price(at), rule.recovery_floor, limit))
        })
        .collect();
    for (group, limit) in &mandate.group_max_loss {
        let members: Vec<usize> =
            (0..weights.len()).filter(|at| mandate.groups.get(*at).is_some_and(|of| of.as_ref() == Some(group))).collect();
        let severity = |at: usize| defence::severity(price(at), rule.recovery_floor).unwrap_or(Weight::ZERO);
        let kept = |at: usize, excess: &[Weight]| {
            let sold = excess.get(at).copied().unwrap_or_default();
            weights.get(at).copied().unwrap_or_default().saturating_sub(sold)
        };
        let lost = members.iter().fold(Weight::ZERO, |sum, at| sum.saturating_add(kept(*at, &excess).share(severity(*at))));
        let mut over = lost.saturating_sub(*limit);
        for at in members.into_iter().filter(|at| is_below(*at)) {
            let needed = mul_div(over.wad(), WAD, severity(at).wad(), Rounding::Up).map_or(Weight::ONE, Weight::from_wad);
            let sold = needed.min(kept(at, &excess));
            over = over.saturating_sub(sold.share(severity(at)));
            if let Some(excess) = excess.get_mut(at) {
                *excess = excess.saturating_add(sold);
            }
        }
    }
    excess
}

fn worth_moving(from: &[Weight], to: &[Weight], dead_band: Weight) -> bool {
    largest_distance(from, to).is_some_and(|(_, distance)| distance > dead_band)
}
