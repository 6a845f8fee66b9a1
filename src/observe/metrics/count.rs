//! Which series an event moves. One arm for each kind of event, so that a new kind cannot be forgotten.

use std::time::Duration;

use super::Inner;
use super::moments::length;
use super::yields;
use crate::domain::decide::Decision;
use crate::domain::ids::PoolId;
use crate::domain::outcome::{Inclusion, Outcome};
use crate::domain::peg::Trust;
use crate::domain::trigger::Class;
use crate::domain::units::{GasPrice, Price, Timestamp, Usd, Weight};
use crate::observe::event::{Event, Settlement, TokenView};

pub(super) fn count(m: &Inner, event: &Event, now: Timestamp, uptime: Duration) {
    match event {
        Event::LinkOpened { chain, transport } => m.links_opened.of([chain.as_str(), transport]).inc(),
        Event::LinkLost { chain, label, .. } => {
            m.links_lost.of([chain.as_str(), label]).inc();
            m.chain_up.of([chain.as_str()]).set(0);
        }
        Event::ChainSilent { chain } => {
            m.silences.of([chain.as_str()]).inc();
            m.chain_up.of([chain.as_str()]).set(0);
        }
        Event::BlockRead { .. } => block_read(m, event),
        Event::GasMoved { chain, price } => m.gas_price.of([chain.as_str()]).set(price.as_gwei()),
        Event::ReadingTaken { source, asset, result, .. } => {
            m.price.show([asset.as_str(), source.as_str()], result.ok().map(Price::as_f64));
            match result {
                Ok(_) => m.moments().priced(source, asset, now),
                Err(reason) => m.reading_faults.of([source.as_str(), asset.as_str(), reason]).inc(),
            }
        }
        Event::YieldTaken { .. }
        | Event::ShareRateFell { .. }
        | Event::ShareRateJumped { .. }
        | Event::YieldCompared { .. }
        | Event::YieldsDiffer { .. } => yields::count(&m.yields, event),
        Event::SourceLost { .. }
        | Event::SourceDown { .. }
        | Event::SourceBack { .. }
        | Event::ClockSkewed { .. }
        | Event::VotesCounted { .. } => source(m, event),
        Event::PegMoved { asset, from, to, episode, .. } => {
            m.peg_state.set(asset.as_str(), to.label());
            m.peg_episode.of([asset.as_str()]).set(integer(*episode));
            if from != to {
                m.peg_moves.of([asset.as_str(), to.label()]).inc();
            }
        }
        Event::TrustMoved { asset, to, .. } => {
            m.peg_trusted.of([asset.as_str()]).set(i64::from(*to == Trust::Trusted));
            m.peg_trust.set(asset.as_str(), to.label());
        }
        Event::Decided { pool, decision, .. } => {
            let reason = match decision {
                Decision::Act { .. } => "act",
                Decision::Hold(hold) => hold.label(),
            };
            m.decision.set(pool.as_str(), reason);
            m.decisions.of([pool.as_str(), reason]).inc();
            m.moments().decided(pool);
        }
        Event::PoolSeen { pool, tokens, value } => pool_seen(m, pool, tokens, *value),
        Event::TurnRequested { pool, trigger } => m.turns_requested.of([pool.as_str(), trigger.class().label()]).inc(),
        Event::TurnGranted { pool, class, waited, .. } => {
            m.turns_granted.of([pool.as_str(), class.label()]).inc();
            m.turn_wait.of([class.label()]).observe(waited.as_secs_f64());
        }
        Event::TurnHeldForGas { pool, class, .. } => m.turns_held.of([pool.as_str(), class.label()]).inc(),
        Event::TurnExpired { pool, class } => m.turns_expired.of([pool.as_str(), class.label()]).inc(),
        Event::TurnEnded { class, took, .. } => m.turn_hold.of([class.label()]).observe(took.as_secs_f64()),
        Event::HolderOverdue { pool } => m.turn_holders_overdue.of([pool.as_str()]).inc(),
        Event::QueueStarted { chain, epoch } => m.queue_epoch.of([chain.as_str()]).set(integer(*epoch)),
        Event::QueueSeen { .. } => queue_seen(m, event),
        Event::TxSent { chain, class, kind, via, .. } => {
            m.transactions.of([chain.as_str(), class.label(), kind.label(), via.label()]).inc();
        }
        Event::TxAnswered { .. }
        | Event::OperationMoved { .. }
        | Event::Reorganised { .. }
        | Event::LaneStopped { .. }
        | Event::LaneResumed { .. }
        | Event::LaneUnsurveyed { .. }
        | Event::SigningFailed { .. }
        | Event::BalanceSeen { .. } => lane(m, event),
        Event::Settled(settlement) => settled(m, settlement),
        Event::ActorDied { actor, kind, .. } => {
            m.actor_deaths.of([kind]).inc();
            m.moments().died(actor, uptime);
        }
        Event::ActorRestarted { actor, kind, took } => {
            m.actor_restarts.of([kind]).inc();
            m.actor_restart.of([kind]).observe(took.as_secs_f64());
            m.moments().restarted(actor, uptime);
        }
        Event::ActorQuarantined { actor, .. } => m.moments().quarantined(actor),
        Event::PoolParked { .. }
        | Event::PoolJoined { .. }
        | Event::PoolKept { .. }
        | Event::PoolLeft { .. }
        | Event::SettingsRead { .. }
        | Event::SettingsRefused { .. } => settings(m, event, now),
        Event::AlertDelivered { sink } => m.alerts_delivered.of([sink]).inc(),
        Event::AlertFailed { sink, dropped, .. } => {
            m.alerts_failed.of([sink]).inc();
            if *dropped {
                m.alerts_dropped.of([sink]).inc();
            }
        }
        Event::JournalFailed { .. } => m.journal_failures.inc(),
    }
}

fn block_read(m: &Inner, event: &Event) {
    let Event::BlockRead { chain, number, timestamp, calls, took } = event else { return };
    let labels = [chain.as_str()];
    m.chain_up.of(labels).set(1);
    m.head_number.of(labels).set(integer(*number));
    m.head_timestamp.of(labels).set(integer(timestamp.secs()));
    m.blocks_read.of(labels).inc();
    m.block_calls.of(labels).set(length(*calls));
    m.block_read.of(labels).observe(took.as_secs_f64());
    m.moments().head(chain, *timestamp);
}

fn queue_seen(m: &Inner, event: &Event) {
    let Event::QueueSeen { chain, waiting, out, oldest } = event else { return };
    for (class, waiting) in Class::ALL.iter().zip(waiting) {
        m.queue_waiting.of([chain.as_str(), class.label()]).set(length(*waiting));
    }
    m.turns_out.of([chain.as_str()]).set(length(*out));
    m.queue_oldest.of([chain.as_str()]).set(oldest.as_secs_f64());
}

/// What happens to sources and their votes.
fn source(m: &Inner, event: &Event) {
    match event {
        Event::SourceLost { source, label, .. } => m.sources_lost.of([source.as_str(), label]).inc(),
        Event::SourceDown { source, asset, .. } => m.source_down.of([source.as_str(), asset.as_str()]).set(1),
        Event::SourceBack { source, asset } => m.source_down.of([source.as_str(), asset.as_str()]).set(0),
        Event::ClockSkewed { source, .. } => m.clock_skews.of([source.as_str()]).inc(),
        Event::VotesCounted { asset, level, groups, ballots, .. } => {
            m.consensus.show([asset.as_str()], level.map(Price::as_f64));
            m.quorum.of([asset.as_str()]).set(length(*groups));
            for ballot in ballots {
                let labels = [ballot.source.as_str(), asset.as_str()];
                m.source_vote.of(labels).set(i64::from(ballot.dismissed.is_none()));
                m.source_distance.show(labels, ballot.distance_bps.map(f64::from));
            }
        }
        _ => {}
    }
}

/// What happens to operations on their lanes.
fn lane(m: &Inner, event: &Event) {
    match event {
        Event::TxAnswered { chain, role, answer, .. } => m.answers.of([chain.as_str(), role.label(), answer]).inc(),
        Event::OperationMoved { chain, role, class, state, .. } => {
            m.operations.of([chain.as_str(), role.label(), class.label(), state.label()]).inc();
        }
        Event::Reorganised { chain, .. } => m.reorganisations.of([chain.as_str()]).inc(),
        Event::LaneStopped { chain, role, label, .. } => {
            m.lane_stopped.of([chain.as_str(), role.label()]).set(1);
            m.lane_stops.of([chain.as_str(), role.label(), label]).inc();
        }
        Event::LaneResumed { chain, role } => m.lane_stopped.of([chain.as_str(), role.label()]).set(0),
        Event::LaneUnsurveyed { chain, role, .. } => m.lane_stops.of([chain.as_str(), role.label(), "unsurveyed"]).inc(),
        Event::SigningFailed { chain, role, .. } => m.signing_failures.of([chain.as_str(), role.label()]).inc(),
        Event::BalanceSeen { chain, role, balance, .. } => {
            // Ether leaves the exact world here, for a gauge.
            let ether = GasPrice::from_wei(balance.get()).as_gwei() / 1e9;
            m.lane_balance.show([chain.as_str(), role.label()], Some(ether));
        }
        _ => {}
    }
}

fn pool_seen(m: &Inner, pool: &PoolId, tokens: &[TokenView], value: Option<Usd>) {
    let pool = pool.as_str();
    for TokenView { asset, weight, target, share } in tokens {
        let labels = [pool, asset.as_str()];
        m.pool_weight.of(labels).set(weight.as_fraction());
        m.pool_target.of(labels).set(target.as_fraction());
        m.pool_share.show(labels, share.map(Weight::as_fraction));
    }
    let policy = tokens.iter().map(|token| token.weight.abs_diff(token.target)).max();
    let composition: Option<Vec<Weight>> = tokens.iter().map(|token| Some(token.share?.abs_diff(token.weight))).collect();
    m.policy_drift.show([pool], policy.map(Weight::as_fraction));
    m.composition_drift.show([pool], composition.and_then(|drifts| drifts.into_iter().max()).map(Weight::as_fraction));
    m.pool_value.show([pool], value.map(Usd::as_f64));
}

/// What comes of settings.
fn settings(m: &Inner, event: &Event, now: Timestamp) {
    match event {
        Event::PoolParked { pool, .. } => m.moments().parked(pool),
        Event::PoolJoined { pool, .. } => m.moments().decided(pool),
        Event::PoolLeft { pool } => forget(m, pool),
        Event::SettingsRead { .. } => {
            m.settings_reads.of(["ok"]).inc();
            m.settings_ok.set(1);
            m.settings_at.set(integer(now.secs()));
        }
        Event::SettingsRefused { .. } => {
            m.settings_reads.of(["refused"]).inc();
            m.settings_ok.set(0);
        }
        _ => {}
    }
}

/// What is shown of a pool that is gone would look like the present. What was counted stays: it has happened.
fn forget(m: &Inner, pool: &PoolId) {
    m.moments().forget(pool);
    let pool = pool.as_str();
    for shown in [&m.pool_weight, &m.pool_target, &m.pool_share] {
        shown.forget("pool", pool);
    }
    for shown in [&m.pool_value, &m.policy_drift, &m.composition_drift] {
        shown.forget("pool", pool);
    }
    m.decision.forget("pool", pool);
}

fn settled(m: &Inner, settlement: &Settlement) {
    let Settlement { pool, chain, trigger, outcome, took, .. } = settlement;
    let class = trigger.class().label();
    m.settlements.of([pool.as_str(), class, outcome.label()]).inc();
    if let Some(Inclusion { cost, cost_usd, .. }) = outcome.inclusion() {
        // Gwei is the unit that leaves the exact world; ether is a billion of them.
        let ether = cost.wei().map_or(0.0, |wei| GasPrice::from_wei(wei).as_gwei() / 1e9);
        m.gas_ether.of([chain.as_str()]).inc_by(ether);
        m.gas_usd.of([chain.as_str()]).inc_by(cost_usd.map_or(0.0, Usd::as_f64));
    }
    if matches!(outcome, Outcome::Done(_) | Outcome::Deviates { .. } | Outcome::Reverted(_) | Outcome::Slipped(_)) {
        m.trigger_to_inclusion.of([class]).observe(took.as_secs_f64());
    }
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
