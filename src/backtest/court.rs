//! The judgement of every minute. It does not know where its readings come from: a folder of files or a recording.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ReplayFault;
use crate::domain::ids::AssetId;
use crate::domain::peg::{Band, GroupVote, Neighbour, Neighbourhood, Panel, Peg, PegChange, PegRule, PegState, Trust, VoteRule};
use crate::domain::reading::Reading;
use crate::domain::units::{Price, Timestamp};

/// From when to when is judged, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first judgement.
    pub from: Timestamp,
    /// Not after this.
    pub until: Timestamp,
    /// Between two judgements; not zero.
    pub step: Duration,
}

/// A year of seconds; minutes by the year reach far beyond stablecoins.
const MOST_STEPS: u32 = 366 * 86_400;

impl Span {
    /// The same, if it ends in this life.
    ///
    /// # Errors
    /// It is longer than so many steps.
    pub fn bounded(self) -> Result<Self, ReplayFault> {
        let Self { from, until, step } = self;
        if until.since(from) > step.saturating_mul(MOST_STEPS) {
            return Err(ReplayFault::Endless { from, until, step, most: MOST_STEPS });
        }
        Ok(self)
    }
}

/// How one asset is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judge {
    /// The asset.
    pub asset: AssetId,
    /// Its lines and windows.
    pub rule: PegRule,
    /// How its sources vote.
    pub votes: VoteRule,
    /// The assets at risk together with it.
    pub alike: Vec<AssetId>,
}

/// A change of an asset's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When it was judged, which is never before what it rests on was known.
    pub at: Timestamp,
    /// Before.
    pub from: PegState,
    /// After.
    pub to: PegState,
    /// Where the sources meet.
    pub level: Option<Price>,
    /// Whether that can be believed.
    pub trust: Trust,
    /// The votes it rests on.
    pub votes: Vec<GroupVote>,
}

/// What became of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The asset.
    pub asset: AssetId,
    /// Every change of its state, in order.
    pub moments: Vec<Moment>,
    /// How many judgements there were, by trust.
    pub judged: BTreeMap<Trust, u64>,
    /// Its state at the end.
    pub last: PegState,
}

impl Course {
    /// Whether nobody ever knew: at no judgement were there enough witnesses. Its state then means nothing.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.judged.iter().all(|(trust, times)| *trust == Trust::Blind || *times == 0)
    }

    /// How many judgements of a hundred were blind, rounded up: blind once is not blind never.
    #[must_use]
    pub fn blind_percent(&self) -> u64 {
        let all: u64 = self.judged.values().sum();
        let blind = self.judged.get(&Trust::Blind).copied().unwrap_or(0);
        blind.saturating_mul(100).checked_div(all).map_or(100, |floor| {
            if floor.saturating_mul(all) < blind.saturating_mul(100) { floor.saturating_add(1) } else { floor }
        })
    }
}

/// The windows of an alarm in closes instead of minutes: a price that is sampled every so often has been below for up to that long when
/// it is first seen there. The windows of the way back stay, and so does that of `watch`, which is one of them too.
#[must_use]
pub fn in_closes(rule: PegRule, every: Duration) -> PegRule {
    let shorter = |band: Band| Band { hold: band.hold.saturating_sub(every), ..band };
    PegRule { stressed: shorter(rule.stressed), depegged: shorter(rule.depegged), crashed: shorter(rule.crashed), ..rule }
}

/// Judges every asset of `bench` at every step of `span`, in this order: an asset in whose units others are quoted stands first. `tape`
/// is in order of time; what it says of an asset without a judge is passed over.
pub fn replay(tape: impl IntoIterator<Item = (Timestamp, Reading)>, span: Span, bench: &[Judge]) -> Vec<Course> {
    sit(tape, span, bench, None, |_, _| {})
}

/// The same, in front of an audience: after each judgement of an asset it is shown the asset's place on the bench and its peg. With an
/// operator, an asset that only a human lets back is let back so long after it was disabled.
pub fn sit(
    tape: impl IntoIterator<Item = (Timestamp, Reading)>,
    span: Span,
    bench: &[Judge],
    operator: Option<Duration>,
    mut audience: impl FnMut(usize, &Peg),
) -> Vec<Course> {
    let mut tape = tape.into_iter().peekable();
    let mut panels: Vec<Panel> = Vec::with_capacity(bench.len());
    let mut courses: Vec<Course> = Vec::with_capacity(bench.len());
    let mut standing = BTreeMap::new();
    for Judge { asset, rule, votes, alike } in bench {
        let peg = Peg::unheard(asset.clone(), span.from);
        standing.insert(asset.clone(), Neighbour::from(&peg));
        courses.push(Course { asset: asset.clone(), moments: Vec::new(), judged: BTreeMap::new(), last: peg.state });
        panels.push(Panel::new(peg, *rule, *votes, alike.clone()));
    }
    let mut now = span.from;
    while now <= span.until {
        while let Some((_, reading)) = tape.next_if(|(known, _)| *known <= now) {
            if let Some(panel) = panels.iter_mut().find(|panel| panel.peg.asset == *reading.asset()) {
                panel.hear(&reading);
            }
        }
        for (at, (panel, course)) in panels.iter_mut().zip(&mut courses).enumerate() {
            judge(panel, now, &standing, course);
            let disabled = panel.peg.state == PegState::Disabled;
            if operator.is_some_and(|after| disabled && now.since(panel.peg.since) >= after) && panel.peg.reset(now) {
                let (level, trust) = (panel.peg.level, panel.peg.trust);
                let (from, to) = (PegState::Disabled, panel.peg.state);
                course.moments.push(Moment { at: now, from, to, level, trust, votes: Vec::new() });
                course.last = to;
            }
            audience(at, &panel.peg);
            standing.insert(course.asset.clone(), Neighbour::from(&panel.peg));
        }
        let next = now.plus(span.step.max(Duration::from_millis(1)));
        if next <= now {
            // The end of time.
            break;
        }
        now = next;
    }
    courses
}

fn judge(panel: &mut Panel, now: Timestamp, standing: &BTreeMap<AssetId, Neighbour>, course: &mut Course) {
    let others = Others { me: &course.asset, standing };
    let changes = panel.judge(now, &others);
    let times = course.judged.entry(panel.peg.trust).or_default();
    *times = times.saturating_add(1);
    course.last = panel.peg.state;
    for change in changes {
        if let PegChange::State { from, to } = change {
            let votes = panel.explain(now, &others).verdict.groups;
            course.moments.push(Moment { at: now, from, to, level: panel.peg.level, trust: panel.peg.trust, votes });
        }
    }
}

/// Everybody but the one who is judged.
struct Others<'a> {
    me: &'a AssetId,
    standing: &'a BTreeMap<AssetId, Neighbour>,
}

impl Neighbourhood for Others<'_> {
    fn of(&self, asset: &AssetId) -> Option<Neighbour> {
        self.standing.get(asset).filter(|_| asset != self.me).copied()
    }

    fn all(&self) -> Vec<Neighbour> {
        self.standing.iter().filter(|(asset, _)| *asset != self.me).map(|(_, neighbour)| *neighbour).collect()
    }
}
