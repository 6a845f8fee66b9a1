//! `/prices`: why each asset stands where it stands, vote by vote. Prices are decimal texts, exact to the last digit; what is not known
//! is absent, never zero.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::AssetId;
use crate::domain::peg::{Ballot, Dismissal, Doubt, Explanation, GroupVote};
use crate::domain::source::Unit;
use crate::domain::units::{Price, Timestamp};

/// The page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PricesPage {
    /// All assets in the order of their names.
    pub assets: Vec<AssetLines>,
    /// Assets whose watch does not answer now; it is being restarted.
    pub unanswered: Vec<String>,
}

/// One asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssetLines {
    /// Its name.
    pub asset: String,
    /// Its peg state, and since when.
    pub state: String,
    /// On the policy clock.
    pub since: String,
    /// `trusted`, `disputed` or `blind`.
    pub trust: String,
    /// Where its sources meet.
    pub level: Option<String>,
    /// The price that is acted on, if there is one.
    pub price: Option<String>,
    /// How far apart the votes are that speak about the level, in basis points of par.
    pub gap_bps: u32,
    /// Why nothing is concluded although the sources agree.
    pub doubt: Option<String>,
    /// An asset of its risk group that is in trouble.
    pub shadow: Option<String>,
    /// The number of the current or last episode of trouble.
    pub episode: u64,
    /// One vote for each independent group.
    pub groups: Vec<GroupLine>,
    /// What each source says.
    pub sources: Vec<SourceLine>,
}

/// One group's vote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupLine {
    /// Which.
    pub group: String,
    /// Its vote in dollars, and what it leaves open.
    pub price: String,
    /// Downwards.
    pub low: String,
    /// Upwards.
    pub high: String,
    /// How many sources stand behind it.
    pub sources: usize,
    /// It is too far from the others to speak about the level.
    pub outlier: bool,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceLine {
    /// Its name.
    pub source: String,
    /// With whom it would be wrong together.
    pub group: String,
    /// What it counts in: `USD`, or an asset.
    pub unit: String,
    /// What it says, in that unit.
    pub quote: Option<String>,
    /// Seconds since it was heard.
    pub heard_ago: f64,
    /// Seconds since it wrote what it says.
    pub written_ago: Option<f64>,
    /// Its vote in dollars.
    pub vote: Option<String>,
    /// Why it has none: a finite word.
    pub dismissed: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
    /// How far it is from where all meet, in basis points of par.
    pub distance_bps: Option<u32>,
}

impl PricesPage {
    /// What the watches said.
    #[must_use]
    pub fn of(said: &[(AssetId, Option<Explanation>)]) -> Self {
        let unanswered = said.iter().filter(|(_, explanation)| explanation.is_none()).map(|(asset, _)| asset.to_string());
        let assets = said.iter().filter_map(|(_, explanation)| explanation.as_ref().map(asset_lines));
        Self { assets: assets.collect(), unanswered: unanswered.collect() }
    }
}

fn asset_lines(explanation: &Explanation) -> AssetLines {
    let Explanation { peg, verdict, ballots } = explanation;
    AssetLines {
        asset: peg.asset.to_string(),
        state: peg.state.label().to_owned(),
        since: peg.since.to_string(),
        trust: verdict.trust.label().to_owned(),
        level: verdict.level.map(Price::exactly),
        price: peg.price().map(Price::exactly),
        gap_bps: verdict.gap_bps,
        doubt: peg.doubt.as_ref().map(|Doubt::CommonMode| "all assets fell together".to_owned()),
        shadow: peg.shadow.as_ref().map(ToString::to_string),
        episode: peg.episode,
        groups: verdict.groups.iter().map(group_line).collect(),
        sources: ballots.iter().map(|ballot| source_line(ballot, verdict.as_of)).collect(),
    }
}

fn group_line(group: &GroupVote) -> GroupLine {
    GroupLine {
        group: group.group.to_string(),
        price: group.vote.price.exactly(),
        low: group.vote.low.exactly(),
        high: group.vote.high.exactly(),
        sources: group.sources,
        outlier: group.outlier,
    }
}

fn source_line(ballot: &Ballot, now: Timestamp) -> SourceLine {
    let quote = ballot.said.as_ref().ok();
    let seconds = |since: Timestamp| Duration::as_secs_f64(&now.since(since));
    SourceLine {
        source: ballot.source.id.to_string(),
        group: ballot.source.group.to_string(),
        unit: match &ballot.source.unit {
            Unit::Usd => "USD".to_owned(),
            Unit::Asset(asset) => asset.to_string(),
        },
        quote: quote.map(|quote| quote.price.exactly()),
        heard_ago: seconds(ballot.heard),
        written_ago: quote.map(|quote| seconds(quote.updated_at)),
        vote: ballot.vote.as_ref().ok().map(|vote| vote.price.exactly()),
        dismissed: ballot.vote.as_ref().err().map(|dismissal| dismissal.label().to_owned()),
        reason: ballot.vote.as_ref().err().map(Dismissal::to_string),
        distance_bps: ballot.distance_bps,
    }
}
