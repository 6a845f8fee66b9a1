//! What the sources of an asset say together. Two questions are kept apart: on which *side* of a line the price is, and at which
//! *level*. Disagreement about the level is no disagreement about the side: if every witness says less than 0.99, the depeg is certain
//! though its depth is not.

use std::sync::Arc;

use crate::domain::ids::AssetId;
use crate::domain::peg::consensus::{Interval, bps_between, median, middle, middle_of_points};
use crate::domain::peg::evidence::{Dismissal, Evidence, Vote};
use crate::domain::peg::rule::VoteRule;
use crate::domain::reading::{Quote, ReadingFault};
use crate::domain::source::{Group, Source};
use crate::domain::units::{Price, Timestamp};

/// Whether the level can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Enough independent witnesses agree.
    Trusted,
    /// Enough are there, and they do not agree. No weight is raised on that.
    Disputed,
    /// There are not enough. Nothing is concluded: absence of evidence holds.
    Blind,
}

impl Trust {
    /// All, from best to worst.
    pub const ALL: [Self; 3] = [Self::Trusted, Self::Disputed, Self::Blind];

    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Disputed => "disputed",
            Self::Blind => "blind",
        }
    }
}

/// The one vote of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupVote {
    /// Which.
    pub group: Group,
    /// The middle of its sources.
    pub vote: Vote,
    /// How many sources stand behind it.
    pub sources: usize,
    /// It is too far from the others to speak about the level. It still counts on its side of a line.
    pub outlier: bool,
}

/// An answer that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Certainly so.
    Yes,
    /// Certainly not so, or not so by enough witnesses.
    No,
    /// Too few witnesses.
    Unknown,
}

/// The sources' common word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// When.
    pub as_of: Timestamp,
    /// One vote for each group that has one.
    pub groups: Vec<GroupVote>,
    /// The middle of all votes; `None` without a quorum.
    pub level: Option<Price>,
    /// How far apart the votes are that speak about the level, in basis points.
    pub gap_bps: u32,
    /// Whether the level can be believed.
    pub trust: Trust,
    defend: usize,
    reenter: usize,
}

/// What one source said and what became of it: enough to see why a verdict is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// Who.
    pub source: Arc<Source>,
    /// Its newest word.
    pub said: Result<Quote, ReadingFault>,
    /// When it was heard.
    pub heard: Timestamp,
    /// Its vote in dollars, or why it has none.
    pub vote: Result<Vote, Dismissal>,
    /// How far it is from the level, in basis points; `None` without a vote or without a level.
    pub distance_bps: Option<u32>,
}

/// Weighs the evidence. `dollars` tells what another asset is worth: quotes in USDT wait for the price of USDT.
#[must_use]
pub fn weigh(evidence: &Evidence, now: Timestamp, rule: &VoteRule, dollars: &dyn Fn(&AssetId) -> Option<Price>) -> Verdict {
    let mut votes: Vec<(Group, Vote)> = Vec::with_capacity(evidence.seats().len());
    votes.extend(evidence.seats().iter().filter_map(|seat| Some((seat.source.group, seat.vote(now, dollars).ok()?))));
    let mut members: Vec<Vote> = Vec::with_capacity(votes.len());
    let group_of = |group: Group| {
        members.clear();
        members.extend(votes.iter().filter(|(of, _)| *of == group).map(|(_, vote)| *vote));
        group_vote(group, &members)
    };
    let mut groups: Vec<GroupVote> = Group::ALL.into_iter().filter_map(group_of).collect();
    let intervals = |groups: &[GroupVote], all: bool| -> Vec<Interval> {
        groups.iter().filter(|group| all || !group.outlier).map(|group| interval(&group.vote)).collect()
    };
    let enough = groups.len() >= rule.defend.max(1);
    let level = middle(&intervals(&groups, true)).filter(|_| enough);
    if let Some(level) = level {
        let distances: Vec<u32> = groups.iter().map(|group| interval(&group.vote).distance_bps(level)).collect();
        let limit = rule.outlier_bps.max(median(distances.clone()).saturating_mul(rule.outlier_mads));
        for (group, distance) in groups.iter_mut().zip(distances) {
            group.outlier = distance > limit;
        }
    }
    let kept = intervals(&groups, false);
    // From the highest floor to the lowest ceiling: nothing, if there is a price that all of them allow.
    let gap_bps = match (kept.iter().map(|kept| kept.low).max(), kept.iter().map(|kept| kept.high).min()) {
        (Some(floor), Some(ceiling)) if floor > ceiling => bps_between(floor, ceiling),
        _ => 0,
    };
    let trust = match level {
        Some(_) if kept.len() >= rule.defend.max(1) && gap_bps <= rule.agree_bps => Trust::Trusted,
        Some(_) if kept.len() >= rule.defend.max(1) && gap_bps <= rule.untrusted_bps => Trust::Disputed,
        _ => Trust::Blind,
    };
    Verdict { as_of: now, groups, level, gap_bps, trust, defend: rule.defend.max(1), reenter: rule.reenter.max(1) }
}

/// Every source's part in a verdict.
#[must_use]
pub fn ballots(evidence: &Evidence, verdict: &Verdict, dollars: &dyn Fn(&AssetId) -> Option<Price>) -> Vec<Ballot> {
    let outlier = |group: Group| verdict.groups.iter().any(|vote| vote.group == group && vote.outlier);
    let ballot = |seat: &super::evidence::Seat| {
        let vote = seat.vote(verdict.as_of, dollars);
        let distance_bps = vote.as_ref().ok().zip(verdict.level).map(|(vote, level)| interval(vote).distance_bps(level));
        let vote = vote.and_then(|vote| if outlier(seat.source.group) { Err(Dismissal::Outlier) } else { Ok(vote) });
        Ballot { source: Arc::clone(&seat.source), said: seat.said.clone(), heard: seat.heard, vote, distance_bps }
    };
    evidence.seats().iter().map(ballot).collect()
}

const fn interval(vote: &Vote) -> Interval {
    Interval { low: vote.low, high: vote.high, weight: vote.weight }
}

/// One vote, however many sources: the middles of their guesses, floors and ceilings. As fresh as its freshest member.
fn group_vote(group: Group, votes: &[Vote]) -> Option<GroupVote> {
    let mut points: Vec<Price> = Vec::with_capacity(votes.len());
    let mut of = |pick: fn(&Vote) -> Price| {
        points.clear();
        points.extend(votes.iter().map(pick));
        middle_of_points(&mut points)
    };
    let weight = votes.iter().map(|vote| vote.weight).max()?;
    let vote = Vote { price: of(|vote| vote.price)?, low: of(|vote| vote.low)?, high: of(|vote| vote.high)?, weight };
    Some(GroupVote { group, vote, sources: votes.len(), outlier: false })
}

impl Verdict {
    /// Nothing has been heard.
    #[must_use]
    pub const fn unheard(now: Timestamp) -> Self {
        Self { as_of: now, groups: Vec::new(), level: None, gap_bps: 0, trust: Trust::Blind, defend: 1, reenter: 1 }
    }

    /// Whether the price is below a line: enough groups say so, and more say so than clearly say the opposite. A group whose interval
    /// lies across the line opposes nobody. One group alone, however wrong, neither makes this true nor keeps two others from it.
    #[must_use]
    pub fn below(&self, line: Price) -> Certainty {
        let (yes, no) = self.sides(|vote| vote.price < line, |vote| vote.low >= line);
        self.answer(yes.groups >= self.defend && yes.groups > no.groups)
    }

    /// Whether the price is at or above a line, by the stricter quorum of a way back: one witness on a chain and one off, if it takes
    /// more than one.
    #[must_use]
    pub fn back_above(&self, line: Price) -> Certainty {
        let (yes, no) = self.sides(|vote| vote.price >= line, |vote| vote.high < line);
        let kinds = self.reenter == 1 || (yes.on_chain && yes.off_chain);
        self.answer(yes.groups >= self.reenter && kinds && yes.groups > no.groups)
    }

    /// Whether the price is at or above a line, by the quorum that it takes to call it below: for the end of a mere suspicion.
    #[must_use]
    pub fn above(&self, line: Price) -> Certainty {
        let (yes, no) = self.sides(|vote| vote.price >= line, |vote| vote.high < line);
        self.answer(yes.groups >= self.defend && yes.groups > no.groups)
    }

    /// The most cautious price that any group says: for the size of a defence when only the side is certain.
    #[must_use]
    pub fn lowest(&self) -> Option<Price> {
        self.groups.iter().map(|group| group.vote.price).min()
    }

    fn answer(&self, yes: bool) -> Certainty {
        if self.groups.len() < self.defend {
            Certainty::Unknown
        } else if yes {
            Certainty::Yes
        } else {
            Certainty::No
        }
    }

    fn sides(&self, yes: impl Fn(&Vote) -> bool, no: impl Fn(&Vote) -> bool) -> (Side, Side) {
        let (mut for_it, mut against) = (Side::default(), Side::default());
        for group in &self.groups {
            if yes(&group.vote) {
                for_it.add(group);
            } else if no(&group.vote) {
                against.add(group);
            }
        }
        (for_it, against)
    }
}

/// Those who say the same.
#[derive(Default)]
struct Side {
    groups: usize,
    on_chain: bool,
    off_chain: bool,
}

impl Side {
    fn add(&mut self, group: &GroupVote) {
        self.groups = self.groups.saturating_add(1);
        self.on_chain |= group.group.is_on_chain();
        self.off_chain |= !group.group.is_on_chain();
    }
}
