//! The log line of each event: one lower-case sentence, the facts as fields. `error` for what someone must look at now, `warn` for
//! what someone should, `info` for the story, `debug` and `trace` for what happens in every block.

use tracing::{debug, error, info, trace, warn};

use crate::domain::decide::Decision;
use crate::domain::ids::PoolId;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::peg::{PegState, Trust};
use crate::observe::event::{Event, Settlement};

/// Shows what there is; an absent field says that the fact is unknown.
macro_rules! some {
    ($option:expr) => {
        $option.as_ref().map(tracing::field::display)
    };
}

pub(super) fn write(event: &Event) {
    match event {
        Event::LinkOpened { chain, transport } => info!(%chain, transport, "chain link opened"),
        Event::LinkLost { chain, label, fault, retry_in } => warn!(%chain, label, fault, ?retry_in, "chain link lost"),
        Event::ChainSilent { chain } => error!(%chain, "chain is silent, everything on it is unknown"),
        Event::BlockRead { chain, number, timestamp, calls, took } => {
            debug!(%chain, number, %timestamp, calls, ?took, "block read");
        }
        Event::GasMoved { chain, price } => debug!(%chain, %price, "gas price moved"),
        Event::ReadingTaken { source, asset, result: Ok(price), .. } => trace!(%source, %asset, %price, "reading taken"),
        // A broken source fails in every block; that it blinds the asset is said once, and louder, by `TrustMoved`.
        Event::ReadingTaken { source, asset, result: Err(reason), detail } => {
            debug!(%source, %asset, reason, detail, "reading failed");
        }
        Event::SourceLost { source, label, fault, retry_in } => info!(%source, label, fault, ?retry_in, "source lost"),
        Event::SourceDown { source, asset, label, reason, lasted } => {
            warn!(%source, %asset, label, reason, ?lasted, "source is down");
        }
        Event::SourceBack { source, asset } => info!(%source, %asset, "source is back"),
        Event::ClockSkewed { source, ahead } => warn!(%source, ?ahead, "clock of a source differs from ours"),
        Event::YieldTaken { .. }
        | Event::ShareRateFell { .. }
        | Event::ShareRateJumped { .. }
        | Event::YieldCompared { .. }
        | Event::YieldsDiffer { .. } => yields(event),
        Event::VotesCounted { asset, level, trust, groups, .. } => {
            trace!(%asset, level = some!(level), trust = trust.label(), groups, "votes counted");
        }
        Event::PegMoved { asset, from, to, price, episode } => {
            let (from, price, episode, asset) = (from.label(), some!(price), *episode, asset.as_str());
            match to {
                PegState::Depegged | PegState::Stressed | PegState::Disabled => {
                    warn!(asset, from, to = to.label(), price, episode, "peg state moved");
                }
                PegState::Sound | PegState::Watch | PegState::Recovering => {
                    info!(asset, from, to = to.label(), price, episode, "peg state moved");
                }
            }
        }
        Event::TrustMoved { asset, to: Trust::Trusted, .. } => info!(%asset, "price is believable"),
        Event::TrustMoved { asset, to: to @ (Trust::Disputed | Trust::Blind), fault } => {
            warn!(%asset, trust = to.label(), fault, "price is not believable any more");
        }
        Event::Decided { pool, decision, block } => decided(pool, decision, *block),
        Event::PoolSeen { pool, tokens, value } => {
            for token in tokens {
                let (asset, weight, target, share) = (&token.asset, token.weight, token.target, some!(token.share));
                trace!(%pool, %asset, %weight, %target, share, "token seen");
            }
            trace!(%pool, value = some!(value), "pool seen");
        }
        Event::TurnRequested { pool, trigger } => info!(%pool, class = trigger.class().label(), %trigger, "turn requested"),
        Event::TurnGranted { pool, class, episode, waited } => {
            info!(%pool, %class, episode = some!(episode), ?waited, "turn granted");
        }
        Event::TurnHeldForGas { pool, class, gas, cap } => {
            info!(%pool, %class, gas = some!(gas), %cap, "turn held for cheaper gas");
        }
        Event::TurnExpired { pool, class } => warn!(%pool, %class, "turn expired"),
        Event::TurnEnded { pool, class, took } => debug!(%pool, %class, ?took, "turn ended"),
        Event::HolderOverdue { pool } => error!(%pool, "pool sat on its turn and is killed"),
        Event::QueueStarted { chain, epoch } => info!(%chain, epoch, "queue started"),
        Event::QueueSeen { chain, waiting, out, oldest } => trace!(%chain, ?waiting, out, ?oldest, "queue seen"),
        Event::TxSent { pool, chain, class, kind, hash, nonce, max_fee, via } => {
            info!(%pool, %chain, %class, kind = kind.label(), %hash, nonce, %max_fee, via = via.label(), "transaction sent");
        }
        Event::TxAnswered { chain, role, hash, answer, detail } => match *answer {
            "accepted" | "already_known" => debug!(%chain, %role, %hash, answer, "broadcast answered"),
            _ => warn!(%chain, %role, %hash, answer, detail, "broadcast answered"),
        },
        Event::OperationMoved { chain, role, pool, class, operation, nonce, state } => {
            debug!(%chain, %role, %pool, %class, %operation, nonce, %state, "operation moved");
        }
        Event::Reorganised { chain, pool, height } => {
            warn!(%chain, %pool, height, "the block of a transaction was reorganised away");
        }
        Event::LaneStopped { chain, role, label, reason } => error!(%chain, %role, label, reason, "lane stands still"),
        Event::LaneResumed { chain, role } => info!(%chain, %role, "lane goes on"),
        Event::LaneUnsurveyed { chain, role, fault } => warn!(%chain, %role, fault, "lane cannot find out where it stands"),
        Event::SigningFailed { chain, role, fault } => error!(%chain, %role, fault, "signing failed"),
        Event::BalanceSeen { chain, role, balance, low: false } => debug!(%chain, %role, %balance, "balance seen"),
        Event::BalanceSeen { chain, role, balance, low: true } => warn!(%chain, %role, %balance, "balance is low"),
        Event::Settled(settlement) => settled(settlement),
        Event::ActorDied { actor, kind, reason, restart_in } => warn!(actor, kind, reason, ?restart_in, "actor died"),
        Event::ActorRestarted { actor, kind, took } => info!(actor, kind, ?took, "actor restarted"),
        Event::ActorQuarantined { actor, kind } => error!(actor, kind, "actor keeps dying and is quarantined"),
        Event::PoolParked { .. }
        | Event::PoolJoined { .. }
        | Event::PoolKept { .. }
        | Event::PoolLeft { .. }
        | Event::SettingsRead { .. }
        | Event::SettingsRefused { .. } => settings(event),
        Event::AlertDelivered { sink } => debug!(sink, "alert delivered"),
        Event::AlertFailed { sink, fault, dropped: false } => warn!(sink, fault, "alert not delivered yet"),
        Event::AlertFailed { sink, fault, dropped: true } => error!(sink, fault, "alert given up"),
        Event::JournalFailed { fault } => error!(fault, "journal failed"),
    }
}

/// What comes of settings.
fn settings(event: &Event) {
    match event {
        Event::PoolParked { pool, reason } => error!(%pool, reason, "pool parked"),
        Event::PoolJoined { pool, changed } => info!(%pool, changed, "pool is looked after"),
        Event::PoolKept { pool, reason } => warn!(%pool, reason, "pool goes on by its old settings"),
        Event::PoolLeft { pool } => info!(%pool, "pool is not looked after any more"),
        Event::SettingsRead { pools, restart: false } => info!(pools, "settings are in force"),
        Event::SettingsRead { pools, restart: true } => {
            warn!(
                pools,
                "settings are in force, but for what counts at the next start: only pools and policies change while it runs"
            );
        }
        Event::SettingsRefused { faults, count } => error!(count, faults, "settings have faults and nothing has changed"),
        _ => {}
    }
}

/// What assets earn.
fn yields(event: &Event) {
    match event {
        Event::YieldTaken { chain, asset, result: Ok(found), share, .. } => {
            trace!(%chain, %asset, spot = %found.spot, smooth = %found.smooth, share = some!(share), "yield taken");
        }
        Event::YieldTaken { chain, asset, result: Err(reason), detail, share } => {
            debug!(%chain, %asset, reason, detail, share = some!(share), "yield is not known");
        }
        Event::ShareRateFell { chain, asset, from, to } => error!(%chain, %asset, %from, %to, "a share is worth less"),
        Event::ShareRateJumped { chain, asset, from, to } => warn!(%chain, %asset, %from, %to, "a share has leapt"),
        Event::YieldCompared { chain, asset, witness, theirs: Ok(theirs), ours, .. } => {
            debug!(%chain, %asset, witness, %theirs, ours = some!(ours), "yield compared");
        }
        Event::YieldCompared { chain, asset, witness, theirs: Err(reason), detail, .. } => {
            info!(%chain, %asset, witness, reason, detail, "a witness of a yield does not answer");
        }
        Event::YieldsDiffer { chain, asset, witness, ours, theirs } => {
            warn!(%chain, %asset, witness, %ours, %theirs, "the chain and a witness say different yields");
        }
        _ => {}
    }
}

fn decided(pool: &PoolId, decision: &Decision, block: Option<u64>) {
    match decision {
        Decision::Act { trigger, .. } => info!(%pool, block, decision = "act", %trigger, "pool decided to act"),
        Decision::Hold(hold) if hold.needs_attention() => {
            warn!(%pool, block, decision = hold.label(), reason = %hold, "pool holds and needs a look");
        }
        Decision::Hold(hold) => info!(%pool, block, decision = hold.label(), reason = %hold, "pool holds"),
    }
}

fn settled(settlement: &Settlement) {
    let Settlement { pool, chain, trigger, outcome, took, .. } = settlement;
    let (class, label) = (trigger.class().label(), outcome.label());
    let inclusion = outcome.inclusion();
    let tx = inclusion.map(|inclusion| tracing::field::display(inclusion.tx));
    let (gas_used, cost) = (inclusion.map(|i| i.cost.gas_used), inclusion.and_then(|i| i.cost_usd).map(tracing::field::display));
    let detail = match outcome {
        Outcome::Deviates { difference, .. } => Some(difference),
        Outcome::Refused(
            Refusal::Unknown(why)
            | Refusal::WouldRevert(why)
            | Refusal::Unreachable(why)
            | Refusal::BudgetSpent(why)
            | Refusal::JournalFailed(why),
        ) => Some(why),
        Outcome::Done(_)
        | Outcome::Reverted(_)
        | Outcome::Slipped(_)
        | Outcome::Cancelled(_)
        | Outcome::Rehearsed { .. }
        | Outcome::Refused(_) => None,
    };
    match outcome {
        Outcome::Done(_) => info!(%pool, %chain, class, outcome = label, tx, gas_used, cost, ?took, "order settled"),
        Outcome::Rehearsed { gas_used } => {
            info!(%pool, %chain, class, outcome = label, gas_used, trigger = %trigger, "order rehearsed: not live, so not sent");
        }
        Outcome::Slipped(_) | Outcome::Cancelled(_) | Outcome::Refused(_) if outcome.may_retry() => {
            warn!(%pool, %chain, class, outcome = label, tx, gas_used, cost, ?took, detail, "order not carried out");
        }
        _ => error!(%pool, %chain, class, outcome = label, tx, gas_used, cost, ?took, detail, "order failed and needs a look"),
    }
}
