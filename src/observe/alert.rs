//! Which events people hear of, and in what words. The same trouble has the same key; a rebalance that is done has its
//! transaction's, because each of them is news.

mod settlement;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::domain::decide::{Decision, Hold};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::peg::{PegState, Trust};
use crate::domain::units::{Price, Timestamp};
use crate::observe::event::Event;
use crate::ports::{Alert, Severity};

/// The alert that an event deserves, if any.
#[must_use]
pub fn alert_of(event: &Event, at: Timestamp) -> Option<Alert> {
    let draft = match event {
        Event::Settled(order) => settlement::draft(order)?,
        Event::Decided { pool, decision: Decision::Hold(hold), .. } if hold.needs_attention() => held(pool, hold),
        Event::PegMoved { asset, from, to, price, episode } if from != to => peg_moved(asset, *from, *to, *price, *episode),
        Event::TrustMoved { asset, to: Trust::Blind, fault } => {
            let draft = Draft::new(Severity::Warning, format!("trust/{asset}"), format!("No believable price of {asset}"));
            draft.fact("Asset", asset).some("Fault", fault.as_ref())
        }
        Event::TrustMoved { asset, to: Trust::Disputed, fault } => {
            let draft =
                Draft::new(Severity::Warning, format!("trust/{asset}/disputed"), format!("The sources of {asset} disagree"));
            draft.fact("Asset", asset).some("Fault", fault.as_ref())
        }
        Event::SourceDown { source, asset, label, reason, lasted } => {
            let draft = Draft::new(Severity::Warning, format!("source/{source}/{label}"), format!("The source {source} is down"));
            draft.fact("Asset", asset).fact("Reason", reason).fact("For", &human(*lasted))
        }
        Event::ShareRateFell { chain, asset, from, to } => {
            let title = format!("A share of {asset} on {chain} is worth less than before");
            let draft = Draft::new(Severity::Critical, format!("yield/{chain}/{asset}/fell/{to}"), title);
            draft.fact("Asset", asset).fact("Before", from).fact("After", to)
        }
        Event::ShareRateJumped { chain, asset, from, to } => {
            let title = format!("A share of {asset} on {chain} is worth more all at once");
            let draft = Draft::new(Severity::Warning, format!("yield/{chain}/{asset}/jumped/{to}"), title);
            draft.fact("Asset", asset).fact("Before", from).fact("After", to)
        }
        Event::YieldsDiffer { chain, asset, witness, ours, theirs } => {
            let title = format!("The yield of {asset} on {chain} is another one elsewhere");
            let draft = Draft::new(Severity::Warning, format!("yield/{chain}/{asset}/differs"), title);
            draft.fact("Asset", asset).fact("On the chain", ours).fact("Witness", witness).fact("Its word", theirs)
        }
        Event::ClockSkewed { source, ahead } => {
            let title = format!("The clock of {source} or ours is wrong");
            let draft = Draft::new(Severity::Warning, format!("source/{source}/skew"), title);
            draft.fact("Source", source).fact("Ahead", &human(*ahead))
        }
        Event::ChainSilent { chain } => {
            let title = format!("{chain} is silent: everything on it is unknown");
            Draft::new(Severity::Critical, format!("chain/{chain}/silent"), title).fact("Chain", chain)
        }
        Event::HolderOverdue { pool } => {
            let title = format!("{pool} sat on its turn and is restarted");
            Draft::new(Severity::Warning, format!("pool/{pool}/overdue"), title).fact("Pool", pool)
        }
        Event::TurnExpired { pool, class } => {
            let severity = if class.is_protective() { Severity::Critical } else { Severity::Warning };
            let title = format!("{pool}: no turn for its {class} request in time");
            Draft::new(severity, format!("pool/{pool}/expired/{class}"), title).fact("Pool", pool).fact("Class", class)
        }
        Event::ActorQuarantined { actor, kind } => {
            let draft =
                Draft::new(Severity::Critical, format!("actor/{actor}"), format!("{actor} keeps dying and is quarantined"));
            draft.fact("Actor", actor).fact("Kind", kind)
        }
        Event::PoolParked { .. } | Event::PoolKept { .. } | Event::PoolLeft { .. } | Event::SettingsRefused { .. } => {
            settings(event)?
        }
        Event::LaneStopped { chain, role, label, reason } => {
            let title = format!("The {role} lane of {chain} stands still");
            let draft = Draft::new(Severity::Critical, format!("lane/{chain}/{role}/{label}"), title);
            draft.fact("Chain", chain).fact("Lane", role).fact("Reason", reason)
        }
        Event::LaneResumed { chain, role } => {
            let draft =
                Draft::new(Severity::Info, format!("lane/{chain}/{role}/resumed"), format!("The {role} lane of {chain} goes on"));
            draft.fact("Chain", chain).fact("Lane", role)
        }
        Event::LaneUnsurveyed { chain, role, fault } => {
            let title = format!("The {role} lane of {chain} cannot find out where it stands");
            let draft = Draft::new(Severity::Warning, format!("lane/{chain}/{role}/unsurveyed"), title);
            draft.fact("Chain", chain).fact("Lane", role).fact("Fault", fault)
        }
        Event::Reorganised { chain, pool, height } => {
            let title = format!("{pool}: the block of its transaction was reorganised away; it is sent again");
            let draft = Draft::new(Severity::Warning, format!("pool/{pool}/reorganised/{height}"), title);
            draft.fact("Chain", chain).fact("Pool", pool).fact("Height", height)
        }
        Event::SigningFailed { chain, role, fault } => {
            let title = format!("The {role} of {chain} cannot sign");
            let draft = Draft::new(Severity::Critical, format!("lane/{chain}/{role}/signing"), title);
            draft.fact("Chain", chain).fact("Lane", role).fact("Fault", fault)
        }
        Event::BalanceSeen { chain, role, balance, low: true } => {
            let title = format!("The {role} of {chain} runs out of gas money");
            let draft = Draft::new(Severity::Critical, format!("lane/{chain}/{role}/balance"), title);
            draft.fact("Chain", chain).fact("Lane", role).fact("Balance", balance)
        }
        Event::JournalFailed { fault } => {
            let title = "The journal refuses: nothing is sent without it".to_owned();
            Draft::new(Severity::Critical, "journal".to_owned(), title).fact("Fault", fault)
        }
        _ => return None,
    };
    Some(draft.at(at))
}

/// What comes of settings.
fn settings(event: &Event) -> Option<Draft> {
    Some(match event {
        Event::PoolParked { pool, reason } => {
            let draft = Draft::new(Severity::Critical, format!("pool/{pool}/parked"), format!("{pool} cannot run"));
            draft.fact("Pool", pool).fact("Reason", reason)
        }
        Event::PoolKept { pool, reason } => {
            let title = format!("{pool}: its new settings do not hold on the chain; it goes on by the old ones");
            Draft::new(Severity::Warning, format!("pool/{pool}/kept"), title).fact("Pool", pool).fact("Reason", reason)
        }
        Event::PoolLeft { pool } => {
            let title = format!("{pool} is not looked after any more: its file is gone");
            Draft::new(Severity::Info, format!("pool/{pool}/left"), title).fact("Pool", pool)
        }
        Event::SettingsRefused { faults, count } => {
            let title = format!("The new settings have {count} faults: everything goes on by the old ones");
            Draft::new(Severity::Warning, "settings".to_owned(), title).fact("Faults", faults)
        }
        _ => return None,
    })
}

fn held(pool: &PoolId, hold: &Hold) -> Draft {
    let severity = match hold {
        Hold::Infeasible { .. } | Hold::Latched(_) => Severity::Critical,
        _ => Severity::Warning,
    };
    // Another missing fact is another trouble, and must not be held back as a repetition of the first.
    let (label, topic) = (hold.label(), hold.topic());
    let key = if topic.is_empty() { format!("pool/{pool}/{label}") } else { format!("pool/{pool}/{label}/{topic}") };
    Draft::new(severity, key, format!("{pool} holds and needs a look")).fact("Pool", pool).fact("Reason", hold)
}

fn peg_moved(asset: &AssetId, from: PegState, to: PegState, price: Option<Price>, episode: u64) -> Draft {
    let (severity, title) = match to {
        PegState::Depegged => (Severity::Critical, format!("{asset} is off its peg")),
        PegState::Disabled => {
            (Severity::Critical, format!("{asset} has been off its peg for too long: `ballast reset-peg {asset}` lets it back"))
        }
        PegState::Stressed => (Severity::Warning, format!("{asset} is under stress")),
        PegState::Watch => (Severity::Info, format!("{asset} is a little below its peg")),
        PegState::Recovering => (Severity::Warning, format!("{asset} is on its way back to its peg")),
        PegState::Sound => (Severity::Info, format!("{asset} is back on its peg")),
    };
    let draft = Draft::new(severity, format!("peg/{asset}/{episode}/{}", to.label()), title);
    let draft = draft.fact("Asset", asset).some("Price", price.as_ref());
    draft.fact("State", &format_args!("{} → {}", from.label(), to.label())).fact("Episode", &episode)
}

/// An alert without its time.
struct Draft(Alert);

impl Draft {
    fn new(severity: Severity, key: String, title: String) -> Self {
        Self(Alert { severity, key, title, facts: Vec::new(), link: None, at: Timestamp::default() })
    }

    fn fact(mut self, name: &str, value: &dyn fmt::Display) -> Self {
        self.0.facts.push((name.to_owned(), value.to_string()));
        self
    }

    fn some(self, name: &str, value: Option<&impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }

    fn link(mut self, link: Option<&String>) -> Self {
        self.0.link = link.cloned();
        self
    }

    fn at(mut self, at: Timestamp) -> Alert {
        self.0.at = at;
        self.0
    }
}

/// For people: `2h 30m`, and nothing below a second unless there is nothing else.
fn human(duration: Duration) -> String {
    let whole = if duration.as_secs() == 0 {
        Duration::from_millis(duration.subsec_millis().into())
    } else {
        Duration::from_secs(duration.as_secs())
    };
    humantime::format_duration(whole).to_string()
}
