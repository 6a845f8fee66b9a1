//! Which sources of an asset are there, and since when others are not. What is said of one is said once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::ids::{AssetId, SourceId};
use crate::domain::peg::{Ballot, Dismissal, Explanation};
use crate::domain::reading::ReadingFault;
use crate::domain::units::Timestamp;
use crate::observe::Event;
use crate::observe::event::BallotView;

/// A source that has had no believable word for so long is down, on the policy clock: venues reconnect within a minute, feeds on chains
/// are read again in the next block.
const DOWN_AFTER: Duration = Duration::from_secs(300);

/// Who is missing.
#[derive(Debug, Default)]
pub(super) struct RollCall {
    missing: BTreeMap<SourceId, Missing>,
    skewed: Vec<SourceId>,
}

#[derive(Debug)]
struct Missing {
    since: Timestamp,
    told: bool,
}

impl RollCall {
    /// Takes the roll, and says what is worth a word.
    pub(super) fn take(&mut self, explanation: &Explanation) -> Vec<Event> {
        let mut events = vec![counted(explanation)];
        for ballot in &explanation.ballots {
            events.extend(self.look_at(&explanation.peg.asset, ballot, explanation.verdict.as_of));
            events.extend(self.clock_of(ballot));
        }
        events
    }

    fn look_at(&mut self, asset: &AssetId, ballot: &Ballot, now: Timestamp) -> Option<Event> {
        let source = ballot.source.id.clone();
        let Some((label, reason)) = trouble(ballot) else {
            let back = self.missing.remove(&source).is_some_and(|missing| missing.told);
            return back.then(|| Event::SourceBack { source, asset: asset.clone() });
        };
        let missing = self.missing.entry(source.clone()).or_insert(Missing { since: ballot.heard.min(now), told: false });
        let lasted = now.since(missing.since);
        if missing.told || lasted < DOWN_AFTER {
            return None;
        }
        missing.told = true;
        Some(Event::SourceDown { source, asset: asset.clone(), label, reason, lasted })
    }

    fn clock_of(&mut self, ballot: &Ballot) -> Option<Event> {
        let source = &ballot.source.id;
        let Err(ReadingFault::FromTheFuture { ahead }) = ballot.said else {
            self.skewed.retain(|skewed| skewed != source);
            return None;
        };
        if self.skewed.contains(source) {
            return None;
        }
        self.skewed.push(source.clone());
        Some(Event::ClockSkewed { source: source.clone(), ahead })
    }
}

/// Why a source is of no use, and it is the source's own fault: one that is too far from the others is there, and so is one whose unit
/// has no price.
fn trouble(ballot: &Ballot) -> Option<(&'static str, String)> {
    match (&ballot.vote, &ballot.said) {
        (Err(dismissal @ (Dismissal::Fault(_) | Dismissal::Expired)), _) => Some((dismissal.label(), dismissal.to_string())),
        (Err(Dismissal::Advisory), Err(fault)) => Some((fault.label(), fault.to_string())),
        _ => None,
    }
}

fn counted(explanation: &Explanation) -> Event {
    let Explanation { peg, verdict, ballots } = explanation;
    let view = |ballot: &Ballot| BallotView {
        source: ballot.source.id.clone(),
        dismissed: ballot.vote.as_ref().err().map(Dismissal::label),
        distance_bps: ballot.distance_bps,
    };
    Event::VotesCounted {
        asset: peg.asset.clone(),
        level: verdict.level,
        trust: verdict.trust,
        groups: verdict.groups.len(),
        ballots: ballots.iter().map(view).collect(),
    }
}
