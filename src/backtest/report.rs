//! The whole report, for programs. Prices are exact decimals, as texts; times are UTC.

use serde::Serialize;

use super::court::{Course, Judge, Moment, in_closes, replay};
use super::files::{History, Role, Series};
use super::score::{Episode, Score};
use crate::domain::ids::AssetId;
use crate::domain::peg::{GroupVote, PegRule, VoteRule};
use crate::domain::units::{Price, Timestamp, WAD};

/// How history would have gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The folder.
    pub data: String,
    /// The first judgement.
    pub from: String,
    /// The last one, at most.
    pub until: String,
    /// Seconds between two judgements.
    pub step_seconds: u64,
    /// For how many seconds a bar's close stands.
    pub bar_good_for_seconds: u64,
    /// What a book must have traded in that time to count, in whole tokens.
    pub least_traded: String,
    /// What is not there.
    pub absent: Vec<String>,
    /// All sources together, by the windows in closes.
    pub quorum: Quorum,
    /// All sources together, by the windows as configured.
    pub quorum_as_configured: Quorum,
    /// Each source alone, by the windows in closes and with a quorum of one.
    pub rows: Vec<Row>,
}

/// All sources together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// Groups that it takes to conclude that a price is below a line.
    pub defend: usize,
    /// Groups that it takes to conclude that it is back.
    pub reenter: usize,
    /// Seconds below the line of `stressed`, from the first close to the judgement.
    pub stressed_hold_seconds: u64,
    /// One row for each asset.
    pub rows: Vec<Row>,
}

/// A decision and what it was worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The source, or `quorum`.
    pub source: String,
    /// The asset.
    pub asset: String,
    /// `votes`, `warns` or `compares`.
    pub role: &'static str,
    /// Whether there were never enough witnesses: it is not sound, nobody knows.
    pub unknown: bool,
    /// Judgements of a hundred at which there were not enough witnesses.
    pub blind_percent: u64,
    /// The first judgement that the asset is in trouble.
    pub first_alarm: Option<String>,
    /// Where the sources met then, in dollars.
    pub price: Option<String>,
    /// Alarms for nothing; `None` without a yardstick.
    pub false_episodes: Option<usize>,
    /// Returns from the way back.
    pub relapses: u64,
    /// The state at the end.
    pub last: &'static str,
    /// All stretches of trouble.
    pub episodes: Vec<EpisodeView>,
}

/// A stretch of trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EpisodeView {
    /// When it began.
    pub began: String,
    /// Its first state.
    pub state: &'static str,
    /// Where the sources met then, in dollars.
    pub price: Option<String>,
    /// Whether that could be believed.
    pub trust: &'static str,
    /// The votes at the alarm.
    pub votes: Vec<VoteView>,
    /// First off its peg.
    pub depegged: Option<String>,
    /// First on its way back.
    pub recovering: Option<String>,
    /// Over.
    pub ended: Option<String>,
    /// Returns from the way back.
    pub relapses: u64,
    /// Whether only a human lets it back.
    pub disabled: bool,
    /// Whether there was no trouble.
    #[serde(rename = "false")]
    pub is_false: Option<bool>,
}

/// A vote, in dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VoteView {
    /// Who.
    pub group: &'static str,
    /// Its best guess.
    pub price: String,
    /// What it leaves open downwards.
    pub low: String,
    /// And upwards.
    pub high: String,
}

/// Replays a history by these rules: all together, and each source alone.
#[must_use]
pub fn report(data: &str, history: &History, rule: PegRule, votes: VoteRule) -> Report {
    let closes = in_closes(rule, history.span.step);
    let quorum = |rule: PegRule| {
        let courses = replay(history.tape(), history.span, &bench(&history.assets, rule, votes, None));
        let rows = courses.iter().map(|course| Row::of("quorum", "votes", course, history, &rule)).collect();
        Quorum { defend: votes.defend, reenter: votes.reenter, stressed_hold_seconds: rule.stressed.hold.as_secs(), rows }
    };
    let alone = |series: &Series| {
        let asset = &series.source.asset;
        let courses = replay(history.tape_of_one(series), history.span, &bench(&history.assets, closes, votes, Some(asset)));
        let course = courses.into_iter().find(|course| course.asset == *asset)?;
        Some(Row::of(series.source.id.as_str(), role(series.role), &course, history, &closes))
    };
    Report {
        data: data.to_owned(),
        from: history.span.from.to_string(),
        until: history.span.until.to_string(),
        step_seconds: history.span.step.as_secs(),
        bar_good_for_seconds: history.bar.good_for.as_secs(),
        least_traded: history.bar.least_traded.to_string(),
        absent: history.absent.clone(),
        quorum: quorum(closes),
        quorum_as_configured: quorum(rule),
        rows: history.series.iter().filter_map(alone).collect(),
    }
}

/// The judges of all assets. For `alone`, one witness is enough.
#[must_use]
pub fn bench(assets: &[AssetId], rule: PegRule, votes: VoteRule, alone: Option<&AssetId>) -> Vec<Judge> {
    let judge = |asset: &AssetId| {
        let votes = if alone == Some(asset) { VoteRule { defend: 1, reenter: 1, ..votes } } else { votes };
        Judge { asset: asset.clone(), rule, votes, alike: Vec::new() }
    };
    assets.iter().map(judge).collect()
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Votes => "votes",
        Role::Warns => "warns",
        Role::Compares => "compares",
    }
}

impl Row {
    fn of(source: &str, role: &'static str, course: &Course, history: &History, by: &PegRule) -> Self {
        let score = Score::of(course, &history.yardstick, by.stressed.line());
        let alarm = score.first_alarm();
        Self {
            source: source.to_owned(),
            asset: course.asset.to_string(),
            role,
            unknown: course.is_unknown(),
            blind_percent: course.blind_percent(),
            first_alarm: alarm.map(|alarm| alarm.at.to_string()),
            price: alarm.and_then(|alarm| alarm.level).map(decimal),
            false_episodes: score.false_episodes(),
            relapses: score.relapses(),
            last: if course.is_unknown() { "unknown" } else { course.last.label() },
            episodes: score.episodes.iter().map(EpisodeView::of).collect(),
        }
    }
}

impl EpisodeView {
    fn of(episode: &Episode) -> Self {
        let Moment { at, to, level, trust, votes, .. } = &episode.alarm;
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let vote = |group: &GroupVote| VoteView {
            group: group.group.label(),
            price: decimal(group.vote.price),
            low: decimal(group.vote.low),
            high: decimal(group.vote.high),
        };
        Self {
            began: at.to_string(),
            state: to.label(),
            price: level.map(decimal),
            trust: trust.label(),
            votes: votes.iter().map(vote).collect(),
            depegged: time(episode.depegged),
            recovering: time(episode.recovering),
            ended: time(episode.ended),
            relapses: episode.relapses,
            disabled: episode.disabled,
            is_false: episode.is_false,
        }
    }
}

/// All digits of a price, without the zeros at its end.
fn decimal(price: Price) -> String {
    let (whole, part) = (price.wad() / WAD, price.wad() % WAD);
    let digits = format!("{part:018}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { whole.to_string() } else { format!("{whole}.{digits}") }
}
