//! A quiet pool: is it off its target, does it pay to bring it there, and how.

use std::time::Duration;

use super::facts::Facts;
use super::hold::{DailyLimit, Hold, Missing, NoSwap, Served};
use super::memory::Memory;
use super::notes::Notes;
use super::{Case, Decision};
use crate::domain::allocation::{Allocation, Valuation, largest_distance};
use crate::domain::ids::AssetId;
use crate::domain::moves::turnover;
use crate::domain::plan::{Plan, Reweight, Swap};
use crate::domain::policy::{THIRD_PARTIES, YieldRule};
use crate::domain::position::{Mandate, PositionFacts};
use crate::domain::ramp::legs::{self, Urgency};
use crate::domain::ramp::{RampFault, RampMarket};
use crate::domain::target::{self, NoTarget, Signals};
use crate::domain::trigger::Trigger;
use crate::domain::units::{GasCost, Price, Rounding, TokenAmount, Usd, Weight, mul_div};
use crate::domain::worth::{self, Proposal, Stakes};
use crate::domain::{brakes, correction};

/// Where nobody knows what a transaction costs, one is enough: a second leg costs more than it can save.
const NOBODY_KNOWS: Usd = Usd::from_wad(u128::MAX);
const DAY: Duration = Duration::from_hours(24);

/// How far value shares and weights disagree: the asset furthest off and the distance. `None` when a price is unknown.
#[must_use]
pub fn composition_drift(facts: &Facts<'_>, position: &PositionFacts, mandate: &Mandate) -> Option<(AssetId, Weight)> {
    let shares = Valuation::of(&position.balances, &facts.prices()?)?.shares()?;
    let (at, drift) = largest_distance(&shares, &position.weights)?;
    Some((mandate.assets.get(at)?.clone(), drift))
}

/// How far the yields of a pool's assets are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YieldGap {
    /// Place of the asset that earns most.
    pub best: usize,
    /// Between the best and the poorest, in basis points a year.
    pub bps: u64,
}

/// The gap between what the assets earn in the pool; with a rule that counts what they would earn elsewhere too, that one. `None` when a
/// yield is not known.
#[must_use]
pub fn yield_gap(facts: &Facts<'_>, mandate: &Mandate, rule: &YieldRule) -> Option<YieldGap> {
    gap(&if rule.uncaptured { facts.earns.to_vec() } else { facts.captured(mandate) })
}

/// The gap between yields; `None` when one is not known.
#[must_use]
pub fn gap(earns: &[Option<u64>]) -> Option<YieldGap> {
    let earns: Vec<u64> = earns.iter().copied().collect::<Option<_>>()?;
    let (best, most) = earns.iter().enumerate().max_by_key(|(_, earns)| **earns)?;
    let least = earns.iter().min()?;
    Some(YieldGap { best, bps: most.saturating_sub(*least) })
}

pub(super) fn look(case: &Case<'_>, notes: &mut Notes) -> Result<Decision, Hold> {
    let Case { facts, position, memory, policy, mandate, standing } = *case;
    if let Some(at) = (0..mandate.assets.len()).find(|at| facts.price(*at).is_none()) {
        return Err(Hold::Unknown(Missing::PriceOf(asset(mandate, at)?)));
    }
    if case.is_moving() {
        return Err(Hold::RampInFlight { until: position.ramp().end });
    }
    let drifted = composition_drift(facts, position, mandate).filter(|(_, drift)| *drift > policy.composition.threshold);
    if let Some((asset, drift)) = &drifted {
        notes.add("composition", || format!("{asset} is {drift} off its weight"));
        if Memory::lasted(memory.composition_off_since, facts.now, policy.composition.persist) {
            return correct(case, asset.clone(), *drift, notes);
        }
    }
    if let (None, Some(rule)) = (&drifted, &policy.brakes)
        && standing.iter().all(|standing| *standing == target::Standing::Sound)
        && let Some((at, due)) = brakes::due(position, rule)
    {
        notes.add("breakers", || "one is not where it belongs".to_owned());
        return Ok(Decision::Act {
            trigger: Trigger::Breakers { asset: asset(mandate, at)? },
            plan: Plan::Brake(due),
            benefit: None,
        });
    }
    let target = target_of(case, notes)?;
    let trigger = due(case, &target, notes)?;
    if let Some(at) = target::forbidden_gain(&position.weights, &target, standing, policy.dead_band) {
        return Err(Hold::AwaitingRecovery { asset: asset(mandate, at)? });
    }
    // A human who asks for a move has counted for himself, and does not wait for the next hour.
    let asked_for = memory.wish().map(|asked| Trigger::Manual { asked });
    let trigger = match (may_move(case, notes), asked_for) {
        (Err(Hold::TooSoon { .. }), Some(wish)) => wish,
        (held, _) => held.map(|()| trigger)?,
    };
    let step = target::step_towards(&position.weights, &target, policy.max_step)
        .ok_or(Hold::Unknown(Missing::Sense("no step leads to the target")))?;
    let (plan, stakes) = propose(case, &target, &step, notes)?;
    if let Plan::Reweight(reweight) = &plan {
        within_the_day(case, reweight.target.weights())?;
    }
    let trigger = match (&policy.worth, stakes) {
        (None, _) => trigger,
        _ if matches!(trigger, Trigger::Manual { .. }) => trigger,
        (Some(rule), Some(stakes)) if worth::pays(&stakes, rule) => trigger,
        (Some(rule), stakes) => match (memory.wish(), stakes) {
            (Some(asked), _) => Trigger::Manual { asked },
            (None, Some(stakes)) => {
                return Err(Hold::NotWorth { asked: worth::asked(stakes.cost, stakes.reverses, rule), stakes });
            }
            (None, None) => return Err(Hold::Unknown(Missing::Cost)),
        },
    };
    Ok(Decision::Act { trigger, plan, benefit: stakes.map(|stakes| stakes.benefit) })
}

fn asset(mandate: &Mandate, at: usize) -> Result<AssetId, Hold> {
    mandate.assets.get(at).cloned().ok_or(Hold::Unknown(Missing::Sense("more weights than assets")))
}

/// Where the weights belong now.
fn target_of(case: &Case<'_>, notes: &mut Notes) -> Result<Allocation, Hold> {
    let yields = match &case.policy.yields {
        Some(rule) if rule.uncaptured => case.facts.earns.to_vec(),
        _ => case.facts.captured(case.mandate),
    };
    let signals = Signals { deviations: case.facts.deviations, yields: &yields };
    let target = target::tilted(case.mandate, &case.policy.tilt, signals).map_err(|fault| match fault {
        NoTarget::Infeasible => Hold::NoTarget,
        NoTarget::Malformed => Hold::Unknown(Missing::Sense("the target does not fit the mandate")),
    })?;
    notes.add("target", || {
        let told: Vec<String> =
            case.mandate.assets.iter().zip(target.weights.weights()).map(|(asset, weight)| format!("{asset} {weight}")).collect();
        let why = if target.tilted { "tilted by volatility and yield" } else { "the base target" };
        let unknown = match (target.knows_volatility, target.knows_yields) {
            (true, true) => "",
            (false, true) => "; volatility is not known yet",
            (true, false) => "; yields are not known",
            (false, false) => "; neither volatility nor yields are known",
        };
        format!("{} ({why}{unknown})", told.join(", "))
    });
    Ok(target.weights)
}

/// What calls for a move, the most urgent first.
fn due(case: &Case<'_>, target: &Allocation, notes: &mut Notes) -> Result<Trigger, Hold> {
    let Case { facts, position, memory, policy, mandate, .. } = *case;
    let (at, drift) = largest_distance(&position.weights, target.weights())
        .ok_or(Hold::Unknown(Missing::Sense("the position has no weights")))?;
    notes.add("drift", || format!("{drift} of {} that trigger", policy.drift_threshold));
    if drift > policy.drift_threshold {
        return Ok(Trigger::Drift { asset: asset(mandate, at)?, drift });
    }
    let moves = drift > policy.dead_band;
    if let Some(rule) = &policy.yields {
        let found = yield_gap(facts, mandate, rule);
        notes.add("yields", || {
            found.map_or_else(|| "not known".to_owned(), |gap| format!("{} bp apart, {} bp trigger", gap.bps, rule.gap_bps))
        });
        if let Some(gap) = found
            && moves
            && Memory::lasted(memory.yield_gap_since, facts.now, rule.persist)
        {
            return Ok(Trigger::Yield { asset: asset(mandate, gap.best)?, gap_bps: gap.bps });
        }
    }
    let slot = policy.schedule.as_ref().and_then(|s| s.unserved(memory.schedule_served, memory.first_seen, facts.now));
    notes.add("schedule", || slot.map_or_else(|| "nothing is due".to_owned(), |due| format!("{due} is due")));
    let wish = memory.wish();
    match (slot, wish) {
        (Some(due), _) if moves => Ok(Trigger::Schedule { due }),
        (None, Some(asked)) if moves => Ok(Trigger::Manual { asked }),
        _ => Err(idle(case).unwrap_or(Hold::OnTarget(Served { slot, wish }))),
    }
}

/// Whether yields differ that the pool does not earn: worth telling when nothing else is.
fn idle(case: &Case<'_>) -> Option<Hold> {
    let rule = case.policy.yields.as_ref().filter(|rule| !rule.uncaptured)?;
    let slot = case.policy.schedule.as_ref()?;
    // What is due is served first.
    if slot.unserved(case.memory.schedule_served, case.memory.first_seen, case.facts.now).is_some()
        || case.memory.wish().is_some()
    {
        return None;
    }
    let found = gap(case.facts.earns).filter(|gap| gap.bps > rule.gap_bps)?;
    if case.mandate.accrues.get(found.best).copied().unwrap_or_default() {
        return None;
    }
    let valuation = case.facts.valuation()?;
    let raw = valuation.values.iter().zip(&case.mandate.accrues).filter(|(_, accrues)| !**accrues);
    let raw = raw.fold(Usd::ZERO, |sum, (value, _)| sum.saturating_add(*value));
    let idle = mul_div(raw.wad(), u128::from(rule.benchmark_bps), 10_000, Rounding::Down).map(Usd::from_wad)?;
    Some(Hold::YieldNotCaptured { asset: case.mandate.assets.get(found.best)?.clone(), gap_bps: found.bps, idle })
}

/// Whether the time for a move has come.
fn may_move(case: &Case<'_>, notes: &mut Notes) -> Result<(), Hold> {
    let Some(last) = case.position.ramp().last_change() else { return Ok(()) };
    let until = last.plus(case.policy.min_interval);
    notes.add("interval", || format!("the last change began at {last}"));
    if case.facts.now < until { Err(Hold::TooSoon { until }) } else { Ok(()) }
}

/// Whether the day has room for a move.
fn within_the_day(case: &Case<'_>, to: &[Weight]) -> Result<(), Hold> {
    let (limits, now) = (case.policy.limits, case.facts.now);
    let of_today = || case.memory.moves.ordinary(now, DAY);
    let Some(oldest) = of_today().map(|old| old.at).min() else { return Ok(()) };
    let until = oldest.plus(DAY);
    if of_today().count() >= usize::try_from(limits.moves).unwrap_or(usize::MAX) {
        return Err(Hold::DailyLimit { limit: DailyLimit::Moves(limits.moves), until });
    }
    let moved = of_today().fold(Weight::ZERO, |sum, old| sum.saturating_add(old.turnover()));
    if moved.saturating_add(turnover(&case.position.weights, to)) > limits.weight {
        return Err(Hold::DailyLimit { limit: DailyLimit::Weight(moved), until });
    }
    Ok(())
}

/// The ramp towards `step`, and what is at stake in it where that can be counted.
fn propose(case: &Case<'_>, target: &Allocation, step: &Allocation, notes: &mut Notes) -> Result<(Plan, Option<Stakes>), Hold> {
    let Case { facts, position, memory, policy, mandate, .. } = *case;
    let (plan, cost) = reweight(case, step, Urgency::Calm)?;
    let (Some(rule), Some(cost), Plan::Reweight(reweight)) = (&policy.worth, cost, &plan) else { return Ok((plan, None)) };
    let captured: Vec<u64> = match policy.yields {
        Some(_) => facts.captured(mandate).into_iter().collect::<Option<_>>().unwrap_or_default(),
        None => Vec::new(),
    };
    let value = facts.valuation().ok_or(Hold::Unknown(Missing::Sense("the position cannot be valued")))?.total;
    let to = reweight.target.weights();
    let proposal = Proposal { value, from: &position.weights, to, target: target.weights(), yields: &captured };
    let benefit = worth::benefit(&proposal, rule).ok_or(Hold::Unknown(Missing::Sense("the benefit overflows")))?;
    let reverses = memory.moves.reverses(&position.weights, to, facts.now, rule.horizon);
    notes.add("worth", || {
        format!("brings {benefit} and costs {cost}{}", if reverses { ", and takes back an earlier move" } else { "" })
    });
    Ok((plan, Some(Stakes { benefit, cost, reverses })))
}

/// A gradual change to `target`, and what it costs in gas and arbitrage, where that is known.
pub(super) fn reweight(case: &Case<'_>, target: &Allocation, urgency: Urgency) -> Result<(Plan, Option<Usd>), Hold> {
    let Case { facts, position, policy, .. } = *case;
    // Tokens without a believable price are valued at par: the value only sizes the ramp, and a ramp may be a little too long.
    let prices: Vec<Price> = (0..facts.pegs.len()).map(|at| facts.price(at).unwrap_or(Price::PAR)).collect();
    let value = Valuation::of(&position.balances, &prices).map(|valuation| valuation.total);
    let value = value.filter(|value| *value > Usd::ZERO).ok_or(Hold::Unknown(Missing::Sense("the position is worth nothing")))?;
    // What an arbitrageur pays for one trade. Where it is not known the ramp takes its longest, which is the dear side of wrong
    // for nobody but the clock.
    let arbitrage_cost = match (facts.gas, facts.ether) {
        (Some(price), Some(ether)) => GasCost { gas_used: policy.ramp.arbitrage_gas, price }.usd(ether),
        _ => None,
    };
    let own_gas = facts.gas_cost(facts.needs.reweight);
    let market =
        RampMarket { pool_value: value, block_time: facts.block_time, arbitrage_cost: arbitrage_cost.unwrap_or(Usd::ZERO) };
    // The chain's interpolated weights miss the exact sum by a few wei.
    let from =
        Allocation::normalised(&position.weights).map_err(|_| Hold::Unknown(Missing::Sense("the position has no weights")))?;
    let plan =
        legs::plan(&from, target, &market, &policy.ramp, urgency, own_gas.unwrap_or(NOBODY_KNOWS)).map_err(
            |fault| match fault {
                RampFault::OverBudget { loss, budget } => Hold::TooDear { loss, budget },
                _ => Hold::Unknown(Missing::Sense("no ramp leads to the target")),
            },
        )?;
    let cost = arbitrage_cost.and(own_gas).map(|gas| gas.saturating_add(plan.expected_loss));
    let reweight = Reweight {
        target: plan.first,
        duration: plan.duration,
        start_lead: policy.ramp.start_lead,
        expected_loss: arbitrage_cost.map(|_| plan.expected_loss),
    };
    Ok((Plan::Reweight(reweight), cost))
}

/// Trades a pool back that nobody else trades back, if its owner may and it pays.
fn correct(case: &Case<'_>, asset: AssetId, drift: Weight, notes: &mut Notes) -> Result<Decision, Hold> {
    let held = |because| Hold::CompositionDrift { asset: asset.clone(), drift, because };
    let rule = case.policy.swap.as_ref().filter(|_| case.facts.treasury).ok_or_else(|| held(NoSwap::NotConfigured))?;
    let others = case.position.ownership.of_others().unwrap_or(Weight::ONE);
    if others > THIRD_PARTIES && !rule.accept_third_parties {
        return Err(held(NoSwap::ThirdParties(others)));
    }
    let prices = case.facts.prices().ok_or(Hold::Unknown(Missing::Sense("the position cannot be valued")))?;
    let gas = case.facts.gas_cost(case.facts.needs.swap).ok_or(Hold::Unknown(Missing::Cost))?;
    let swap = correction::best(case.position, &prices, case.facts.deviations, rule);
    notes.add("swap", || match &swap {
        Some(swap) => format!("would earn {} for {gas} of gas", swap.expected_gain),
        None => "none earns anything".to_owned(),
    });
    // What slips within its bound must not turn the swap into a loss.
    let worst = |swap: &Swap| {
        let out = prices.get(swap.asset_out).zip(case.position.balances.get(swap.asset_out));
        let into = prices.get(swap.asset_in).zip(case.position.balances.get(swap.asset_in));
        let value = |side: Option<(&Price, &TokenAmount)>, raw: u128| {
            side.and_then(|(price, of)| TokenAmount { raw, ..*of }.value(*price))
        };
        Some(value(out, swap.least_out)?.saturating_sub(value(into, swap.amount_in)?))
    };
    let pays = |swap: &Swap| worst(swap).is_some_and(|least| least > gas);
    if let Some(swap) = swap.filter(pays) {
        let benefit = Some(swap.expected_gain);
        return Ok(Decision::Act { trigger: Trigger::Composition { asset, drift }, plan: Plan::Swap(swap), benefit });
    }
    let purse = vec![u128::MAX; case.position.balances.len()];
    let rich = PositionFacts { purse, ..case.position.clone() };
    let with_more = correction::best(&rich, &prices, case.facts.deviations, rule).is_some_and(|swap| pays(&swap));
    Err(held(if with_more { NoSwap::Unfunded } else { NoSwap::DoesNotPay }))
}
