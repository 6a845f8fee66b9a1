//! The story of an order, for people.

use super::{Draft, human};
use crate::domain::outcome::{Inclusion, Outcome, Refusal};
use crate::domain::units::GasCost;
use crate::observe::event::Settlement;
use crate::ports::Severity;

/// `None` for refusals that belong to a normal day: the pool looks again by itself.
pub(super) fn draft(order: &Settlement) -> Option<Draft> {
    let severity = severity(order)?;
    let pool = &order.pool;
    let title = match &order.outcome {
        Outcome::Done(_) => match order.deed {
            "freeze" => format!("{pool} stops trading"),
            "open" => format!("{pool} trades again"),
            "fee_ramp" => format!("{pool} raises its swap fee, to open again"),
            "brake" => format!("{pool} sets its circuit breakers"),
            "swap" => format!("{pool} is traded back to its weights"),
            "exit" => format!("The treasury has left {pool}"),
            _ => format!("{pool} rebalances"),
        },
        Outcome::Rehearsed { .. } => format!("{pool} would send this, if it were live"),
        Outcome::Deviates { .. } => format!("{pool}: the chain shows another ramp than the one ordered"),
        Outcome::Reverted(_) => format!("{pool}: the transaction reverted"),
        Outcome::Slipped(_) => format!("{pool}: the market had moved, and the transaction reverted by its bounds"),
        Outcome::Cancelled(_) => format!("{pool}: not included in time, cancelled"),
        Outcome::Refused(Refusal::NonceTaken) => format!("{pool}: someone else sends with this key"),
        Outcome::Refused(_) => format!("{pool}: not sent"),
    };
    let trigger = format!("{}: {}", order.trigger.class(), order.trigger);
    let draft = Draft::new(severity, key(order), title).fact("Pool", pool).fact("Chain", &order.chain).fact("Trigger", &trigger);
    let draft = weights(draft.some("Reason", reason(&order.outcome).as_ref()), order);
    let draft = match order.outcome.inclusion() {
        Some(inclusion) => costs(draft, inclusion),
        None => draft,
    };
    Some(draft.fact("From trigger to settlement", &human(order.took)).link(order.link.as_ref()))
}

fn severity(order: &Settlement) -> Option<Severity> {
    match &order.outcome {
        Outcome::Done(_) | Outcome::Rehearsed { .. } => Some(Severity::Info),
        Outcome::Refused(Refusal::ShuttingDown | Refusal::Superseded | Refusal::Duplicate | Refusal::PoolBusy) => None,
        // To lose a defence to one of these is worth a word, to lose a routine order is not.
        Outcome::Refused(Refusal::StaleTurn | Refusal::LaneNotReady | Refusal::GasAboveCap) => {
            order.trigger.class().is_protective().then_some(Severity::Warning)
        }
        // It looks again by itself, and will find the same: without a journal nothing is sent, not even a defence.
        Outcome::Refused(Refusal::JournalFailed(_)) => Some(Severity::Critical),
        outcome if outcome.may_retry() => Some(Severity::Warning),
        _ => Some(Severity::Critical),
    }
}

fn key(order: &Settlement) -> String {
    let Settlement { pool, outcome, .. } = order;
    match outcome {
        Outcome::Done(inclusion) => format!("pool/{pool}/done/{}", inclusion.tx),
        Outcome::Rehearsed { .. } => format!("pool/{pool}/rehearsed/{}", order.trigger.code()),
        _ => format!("pool/{pool}/{}", outcome.label()),
    }
}

fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Deviates { difference, .. } => Some(difference.clone()),
        Outcome::Refused(Refusal::Unknown(why)) => Some(format!("unknown: {why}")),
        Outcome::Refused(Refusal::WouldRevert(why)) => Some(format!("it would revert: {why}")),
        Outcome::Refused(Refusal::Unreachable(why)) => Some(format!("the node or the signer failed: {why}")),
        Outcome::Refused(refusal) => Some(refusal.words()),
        Outcome::Done(_) | Outcome::Reverted(_) | Outcome::Slipped(_) | Outcome::Cancelled(_) | Outcome::Rehearsed { .. } => None,
    }
}

fn weights(mut draft: Draft, order: &Settlement) -> Draft {
    for ((asset, before), target) in order.assets.iter().zip(&order.before).zip(&order.target) {
        draft = draft.fact(asset.as_str(), &format_args!("{before} → {target}"));
    }
    match order.outcome {
        Outcome::Done(_) | Outcome::Deviates { .. } | Outcome::Rehearsed { .. } => draft.fact("Ramp", &human(order.ramp)),
        Outcome::Reverted(_) | Outcome::Slipped(_) | Outcome::Cancelled(_) | Outcome::Refused(_) => draft,
    }
}

fn costs(draft: Draft, inclusion: &Inclusion) -> Draft {
    let Inclusion { cost, cost_usd, tx, block, attempts, .. } = inclusion;
    let total = match cost_usd {
        Some(usd) => format!("{} ({usd})", ether(cost)),
        None => format!("{} (in dollars unknown)", ether(cost)),
    };
    let draft = draft.fact("Gas", &format_args!("{} at {}", cost.gas_used, cost.price)).fact("Cost", &total);
    let draft = if *attempts > 1 { draft.fact("Attempts", attempts) } else { draft };
    draft.fact("Block", &block.number).fact("Transaction", tx)
}

/// Six digits after the point; all eighteen below a millionth, which is what a cheap chain costs.
fn ether(cost: &GasCost) -> String {
    const MICRO: u128 = 1_000_000_000_000;
    let Some(wei) = cost.wei() else { return "more ETH than fits".to_owned() };
    if wei < MICRO {
        return format!("0.{wei:018} ETH");
    }
    let micros = wei.saturating_add(MICRO / 2) / MICRO;
    format!("{}.{:06} ETH", micros / 1_000_000, micros % 1_000_000)
}
