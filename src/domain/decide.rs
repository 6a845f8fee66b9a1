//! The one function that decides. Facts, memory and rules in; [`Decision`] with its reason out. Live, dry-run and replay call the
//! same one, so what is tested is what runs.

use std::fmt;
use std::time::Duration;

use crate::domain::allocation::{Allocation, Valuation, largest_distance};
use crate::domain::ids::{AssetId, EpisodeId};
use crate::domain::peg::{Peg, PegState};
use crate::domain::plan::{Plan, Reweight};
use crate::domain::policy::Policy;
use crate::domain::position::{Mandate, PositionFacts, Ramp};
use crate::domain::ramp::{self, RampMarket};
use crate::domain::target::{self, NoDefence, Standing};
use crate::domain::trigger::Trigger;
use crate::domain::units::{GasCost, GasPrice, Price, Timestamp, Usd, Weight};

/// What is known at the moment of the decision.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The moment, on the policy clock.
    pub now: Timestamp,
    /// The position; `None` when it could not be read.
    pub position: Option<&'a PositionFacts>,
    /// The peg of each asset, in the mandate's order.
    pub pegs: &'a [Peg],
    /// Facts older than this are not known any more.
    pub max_age: Duration,
    /// Time between two blocks of the chain.
    pub block_time: Duration,
    /// Base fee and tip together; `None` when unknown.
    pub gas: Option<GasPrice>,
    /// Dollars for one ether; `None` when unknown.
    pub ether: Option<Price>,
}

/// What is remembered of the pool. It lives in the journal and survives the actor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// When Ballast first saw the pool: no schedule before that is caught up.
    pub first_seen: Timestamp,
    /// The last scheduled slot that was served.
    pub schedule_served: Option<Timestamp>,
    /// The ramp on chain that is accounted for: found at first sight, or made by us.
    pub known_ramp: Option<Ramp>,
    /// The one before it. A reorganisation brings it back for a while, and a node that is behind shows it still.
    pub former_ramp: Option<Ramp>,
    /// Since when the composition has been off; kept by [`composition_drift`]'s caller.
    pub composition_off_since: Option<Timestamp>,
    /// A reason to hold until a human has looked.
    pub latch: Option<Latch>,
}

impl Memory {
    /// Takes a ramp as one of ours.
    pub fn account(&mut self, ramp: &Ramp) {
        if self.known_ramp.as_ref() != Some(ramp) {
            self.former_ramp = self.known_ramp.replace(ramp.clone());
        }
    }
}

/// Why a pool holds until a human has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latch {
    /// Someone else changed the weights. Ballast never fights its owner.
    ForeignChange,
    /// A transaction of ours ended in a way that trying again does not mend.
    Outcome(&'static str),
}

/// Act or hold, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Do this, for this reason.
    Act {
        /// Why.
        trigger: Trigger,
        /// What.
        plan: Plan,
    },
    /// Do nothing, for this reason.
    Hold(Hold),
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The weights are where they belong; a due slot of the calendar is served by that.
    OnTarget {
        /// The slot, if one was due.
        served: Option<Timestamp>,
    },
    /// A fact is missing, so nothing is concluded.
    Unknown(Missing),
    /// The facts come from different blocks; they will meet within a moment.
    BlocksDiffer,
    /// The position cannot be changed now.
    Paused,
    /// Trading is off. Weights that move while nobody can trade become one step when it is on again, the dearest way to move.
    SwapsOff,
    /// A change has not arrived.
    RampInFlight {
        /// When it does.
        until: Timestamp,
    },
    /// The last change is too recent.
    TooSoon {
        /// When acting is allowed again.
        until: Timestamp,
    },
    /// Value shares and weights disagree: nobody arbitrages the pool.
    CompositionDrift {
        /// The asset furthest off.
        asset: AssetId,
        /// How far.
        drift: Weight,
    },
    /// The way to the target raises a token that is not known to be sound.
    AwaitingRecovery {
        /// That token.
        asset: AssetId,
    },
    /// Tokens are below their band and stand at their least weight.
    Defended {
        /// The episode.
        episode: EpisodeId,
    },
    /// Tokens are below their band and nothing sound has room for them.
    Infeasible {
        /// The episode.
        episode: EpisodeId,
    },
    /// The chain shows the state before our last change: its block was reorganised away, or the node is behind.
    AwaitingChain,
    /// A human has to look first.
    Latched(Latch),
}

/// A fact that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The position was not read.
    Position,
    /// The position was read too long ago.
    StalePosition {
        /// How long ago.
        age: Duration,
    },
    /// The price of an asset.
    PriceOf(AssetId),
    /// The numbers make no sense together (lengths differ, nothing is worth anything, a number overflows).
    Sense(&'static str),
}

impl Hold {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::OnTarget { .. } => "on_target",
            Self::Unknown(_) => "unknown",
            Self::BlocksDiffer => "blocks_differ",
            Self::Paused => "paused",
            Self::SwapsOff => "swaps_off",
            Self::RampInFlight { .. } => "ramp_in_flight",
            Self::TooSoon { .. } => "too_soon",
            Self::CompositionDrift { .. } => "composition_drift",
            Self::AwaitingRecovery { .. } => "awaiting_recovery",
            Self::Defended { .. } => "defended",
            Self::Infeasible { .. } => "infeasible",
            Self::AwaitingChain => "awaiting_chain",
            Self::Latched(Latch::ForeignChange) => "foreign_change",
            Self::Latched(Latch::Outcome(_)) => "needs_operator",
        }
    }

    /// What it is about beyond its label, where that makes it another piece of news: which fact is missing, which asset is off. No
    /// numbers: they change with every block.
    #[must_use]
    pub fn topic(&self) -> String {
        match self {
            Self::Unknown(Missing::Position) => "position".to_owned(),
            Self::Unknown(Missing::StalePosition { .. }) => "stale".to_owned(),
            Self::Unknown(Missing::PriceOf(asset)) => format!("price/{asset}"),
            Self::Unknown(Missing::Sense(what)) => (*what).to_owned(),
            Self::CompositionDrift { asset, .. } | Self::AwaitingRecovery { asset } => asset.to_string(),
            Self::Defended { episode } | Self::Infeasible { episode } => episode.to_string(),
            _ => String::new(),
        }
    }

    /// Whether a human should hear of it.
    #[must_use]
    pub const fn needs_attention(&self) -> bool {
        matches!(
            self,
            Self::Unknown(_)
                | Self::Paused
                | Self::SwapsOff
                | Self::CompositionDrift { .. }
                | Self::Infeasible { .. }
                | Self::Latched(_)
        )
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnTarget { .. } => f.write_str("on target"),
            Self::Unknown(Missing::Position) => f.write_str("unknown: the position could not be read"),
            Self::Unknown(Missing::StalePosition { age }) => write!(f, "unknown: the position was read {} s ago", age.as_secs()),
            Self::Unknown(Missing::PriceOf(asset)) => write!(f, "unknown: no believable price of {asset}"),
            Self::Unknown(Missing::Sense(what)) => write!(f, "unknown: {what}"),
            Self::BlocksDiffer => f.write_str("the facts come from different blocks"),
            Self::Paused => f.write_str("the position is paused"),
            Self::SwapsOff => f.write_str("trading is off: weights that move now would be a step when it is on again"),
            Self::RampInFlight { until } => write!(f, "a ramp is in flight until {until}"),
            Self::TooSoon { until } => write!(f, "the last change is too recent; again at {until}"),
            Self::CompositionDrift { asset, drift } => {
                write!(f, "the value share of {asset} is {drift} off its weight: nobody arbitrages this pool")
            }
            Self::AwaitingRecovery { asset } => write!(f, "the way back raises {asset}, which is not sound yet"),
            Self::Defended { episode } => write!(f, "defended against {episode}: the least weights are reached"),
            Self::Infeasible { episode } => write!(f, "{episode}: nothing sound has room for what should be sold"),
            Self::AwaitingChain => {
                f.write_str("the chain shows the state before our last change: a reorganisation, or a node behind")
            }
            Self::Latched(Latch::ForeignChange) => {
                f.write_str("someone else changed the weights; look, then accept them with `ballast ops release`")
            }
            Self::Latched(Latch::Outcome(outcome)) => {
                write!(f, "the last transaction ended as `{outcome}`; look, then go on with `ballast ops release`")
            }
        }
    }
}

/// How far value shares and weights disagree: the asset furthest off and the distance. `None` when a price is unknown.
#[must_use]
pub fn composition_drift(position: &PositionFacts, pegs: &[Peg], mandate: &Mandate) -> Option<(AssetId, Weight)> {
    let prices: Vec<Price> = pegs.iter().map(Peg::price).collect::<Option<_>>()?;
    let shares = Valuation::of(&position.balances, &prices)?.shares()?;
    let (at, drift) = largest_distance(&shares, &position.weights)?;
    Some((mandate.assets.get(at)?.clone(), drift))
}

/// Whether the chain holds a ramp that nobody here accounts for.
#[must_use]
pub fn is_foreign(position: &PositionFacts, memory: &Memory) -> bool {
    memory.known_ramp.as_ref().is_some_and(|known| *known != position.ramp) && !is_former(position, memory)
}

/// Whether the chain shows the state before our last change: its block was reorganised away, or the node is behind.
#[must_use]
pub fn is_former(position: &PositionFacts, memory: &Memory) -> bool {
    memory.known_ramp.as_ref().is_some_and(|known| *known != position.ramp)
        && memory.former_ramp.as_ref().is_some_and(|former| *former == position.ramp)
}

/// Decides for one pool. The order of the tests is the order of the module's headline in the design: what is not known, what is
/// not allowed, what is urgent, what is due, what is cheap.
#[must_use]
pub fn decide(facts: &Facts<'_>, memory: &Memory, policy: &Policy, mandate: &Mandate) -> Decision {
    consider(facts, memory, policy, mandate).unwrap_or_else(Decision::Hold)
}

fn consider(facts: &Facts<'_>, memory: &Memory, policy: &Policy, mandate: &Mandate) -> Result<Decision, Hold> {
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
    if !position.swap_enabled {
        return Err(Hold::SwapsOff);
    }
    let standing: Vec<Standing> = facts.pegs.iter().map(standing_of).collect();
    if let Some(trigger) = depeg_trigger(facts.pegs) {
        return defend(facts, position, &standing, trigger, policy, mandate);
    }
    if let Some(blind) = facts.pegs.iter().find(|peg| peg.price().is_none()) {
        return Err(Hold::Unknown(Missing::PriceOf(blind.asset.clone())));
    }
    if is_moving(facts, position) {
        return Err(Hold::RampInFlight { until: position.ramp.end });
    }
    if let Some(hold) = persistent_composition_drift(facts, position, memory, policy, mandate) {
        return Err(hold);
    }
    let trigger = drift_or_schedule(facts, position, memory, policy, mandate)?;
    if let Some(at) = target::forbidden_gain(&position.weights, &mandate.base_target, &standing, policy.dead_band) {
        let asset = mandate.assets.get(at).cloned().ok_or(Hold::Unknown(Missing::Sense("more weights than assets")))?;
        return Err(Hold::AwaitingRecovery { asset });
    }
    if let Some(last) = position.ramp.last_change() {
        let until = last.plus(policy.min_interval);
        if facts.now < until {
            return Err(Hold::TooSoon { until });
        }
    }
    let step = target::step_towards(&position.weights, &mandate.base_target, policy.max_step)
        .ok_or(Hold::Unknown(Missing::Sense("no step leads to the target")))?;
    let plan = reweight(facts, position, step, policy)?;
    Ok(Decision::Act { trigger, plan })
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
    if !facts.pegs.iter().all(|peg| peg.is_of_block(position.block.hash)) {
        return Err(Hold::BlocksDiffer);
    }
    Ok(position)
}

/// Whether a ramp moves the weights that were read. The block decides, not the clock: a ramp that has ended since was still on its way
/// in the block, and its weights are not where it arrives. Who took them for the end would order the rest of the way a second time.
fn is_moving(facts: &Facts<'_>, position: &PositionFacts) -> bool {
    position.ramp.in_flight(facts.now.min(position.block.timestamp))
}

fn standing_of(peg: &Peg) -> Standing {
    match peg.state {
        PegState::Depegged if peg.price().is_some() => Standing::Below,
        _ if peg.may_gain() => Standing::Sound,
        _ => Standing::Suspect,
    }
}

/// The evidence of a depeg: a state *and* a price that can be believed now.
fn depeg_trigger(pegs: &[Peg]) -> Option<Trigger> {
    let below: Vec<(&Peg, Price)> = pegs
        .iter()
        .filter(|peg| peg.state == PegState::Depegged)
        .filter_map(|peg| peg.price().map(|price| (peg, price)))
        .collect();
    let episode = below.iter().find_map(|(peg, _)| peg.current_episode())?;
    Some(Trigger::Depeg { episode, below: below.into_iter().map(|(peg, price)| (peg.asset.clone(), price)).collect() })
}

/// The answer to a depeg. A ramp in flight is left to finish unless it raises a token below its band: that one is replaced at once,
/// from the weights that the chain has interpolated so far.
fn defend(
    facts: &Facts<'_>,
    position: &PositionFacts,
    standing: &[Standing],
    trigger: Trigger,
    policy: &Policy,
    mandate: &Mandate,
) -> Result<Decision, Hold> {
    let Some(episode) = trigger.episode().cloned() else {
        return Err(Hold::Unknown(Missing::Sense("a depeg without an episode")));
    };
    if is_moving(facts, position) {
        let gains = position.weights.iter().zip(&position.ramp.end_weights).zip(standing);
        let raises_the_wrong_one =
            |((now, end), standing): ((&Weight, &Weight), &Standing)| *standing == Standing::Below && end > now;
        if !gains.into_iter().any(raises_the_wrong_one) {
            return Err(Hold::RampInFlight { until: position.ramp.end });
        }
    }
    match target::defend(&position.weights, standing, mandate, policy.max_step) {
        Ok(next) if !worth_moving(&position.weights, next.weights(), policy.dead_band) => Err(Hold::Defended { episode }),
        Ok(next) => {
            let plan = reweight(facts, position, next, policy)?;
            Ok(Decision::Act { trigger, plan })
        }
        Err(NoDefence::AtTheFloor) => Err(Hold::Defended { episode }),
        Err(NoDefence::NoRoom) => Err(Hold::Infeasible { episode }),
        Err(NoDefence::Malformed) => Err(Hold::Unknown(Missing::Sense("the weights do not fit the mandate"))),
    }
}

fn worth_moving(from: &[Weight], to: &[Weight], dead_band: Weight) -> bool {
    largest_distance(from, to).is_some_and(|(_, distance)| distance > dead_band)
}

fn persistent_composition_drift(
    facts: &Facts<'_>,
    position: &PositionFacts,
    memory: &Memory,
    policy: &Policy,
    mandate: &Mandate,
) -> Option<Hold> {
    let (asset, drift) = composition_drift(position, facts.pegs, mandate)?;
    let since = memory.composition_off_since?;
    let believed = drift > policy.composition.threshold && facts.now.since(since) >= policy.composition.persist;
    believed.then_some(Hold::CompositionDrift { asset, drift })
}

fn drift_or_schedule(
    facts: &Facts<'_>,
    position: &PositionFacts,
    memory: &Memory,
    policy: &Policy,
    mandate: &Mandate,
) -> Result<Trigger, Hold> {
    let (at, drift) = largest_distance(&position.weights, mandate.base_target.weights())
        .ok_or(Hold::Unknown(Missing::Sense("the position has no weights")))?;
    if drift > policy.drift_threshold {
        let asset = mandate.assets.get(at).cloned().ok_or(Hold::Unknown(Missing::Sense("more weights than assets")))?;
        return Ok(Trigger::Drift { asset, drift });
    }
    let due = policy.schedule.as_ref().and_then(|s| s.unserved(memory.schedule_served, memory.first_seen, facts.now));
    match due {
        Some(due) if drift > policy.dead_band => Ok(Trigger::Schedule { due }),
        served => Err(Hold::OnTarget { served }),
    }
}

fn reweight(facts: &Facts<'_>, position: &PositionFacts, target: Allocation, policy: &Policy) -> Result<Plan, Hold> {
    // Tokens without a believable price are valued at par: the value only sizes the ramp, and a ramp may be a little too long.
    let prices: Vec<Price> = facts.pegs.iter().map(|peg| peg.price().unwrap_or(Price::PAR)).collect();
    let value = Valuation::of(&position.balances, &prices).map(|valuation| valuation.total);
    let value = value.filter(|value| *value > Usd::ZERO).ok_or(Hold::Unknown(Missing::Sense("the position is worth nothing")))?;
    // What an arbitrageur pays for one trade. Where it is not known the ramp takes its longest, which is the dear side of wrong
    // for nobody but the clock.
    let arbitrage_cost = match (facts.gas, facts.ether) {
        (Some(price), Some(ether)) => GasCost { gas_used: policy.ramp.arbitrage_gas, price }.usd(ether),
        _ => None,
    };
    let market =
        RampMarket { pool_value: value, block_time: facts.block_time, arbitrage_cost: arbitrage_cost.unwrap_or(Usd::ZERO) };
    // The chain's interpolated weights miss the exact sum by a few wei.
    let from =
        Allocation::normalised(&position.weights).map_err(|_| Hold::Unknown(Missing::Sense("the position has no weights")))?;
    let choice = ramp::duration(from.weights(), target.weights(), &market, &policy.ramp)
        .map_err(|_| Hold::Unknown(Missing::Sense("no ramp leads to the target")))?;
    Ok(Plan::Reweight(Reweight {
        target,
        duration: choice.duration,
        start_lead: policy.ramp.start_lead,
        expected_loss: arbitrage_cost.map(|_| choice.expected_loss),
    }))
}

#[cfg(test)]
mod tests;
