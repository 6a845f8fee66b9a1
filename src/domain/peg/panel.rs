//! All that is needed to judge one asset, in one value: its rule, what its sources said, and where it stands. The program and every
//! replay judge by it, so that what is proved on history is what runs.

use crate::domain::ids::AssetId;
use crate::domain::peg::{Ballot, Doubt, Evidence, Peg, PegChange, PegRule, PegState, Trust, Verdict, VoteRule};
use crate::domain::peg::{ballots, fell_together, weigh};
use crate::domain::reading::Reading;
use crate::domain::units::{Price, Timestamp};

/// What the panel of one asset has to know of another asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Where it stands.
    pub state: PegState,
    /// Whether its level can be believed.
    pub trust: Trust,
    /// Its level; `None` without a quorum.
    pub level: Option<Price>,
    /// When it was last judged.
    pub as_of: Timestamp,
}

impl From<&Peg> for Neighbour {
    fn from(peg: &Peg) -> Self {
        Self { state: peg.state, trust: peg.trust, level: peg.level, as_of: peg.as_of }
    }
}

/// The other assets of the operator.
pub trait Neighbourhood {
    /// One of them; `None` when it is not among them.
    fn of(&self, asset: &AssetId) -> Option<Neighbour>;
    /// All of them.
    fn all(&self) -> Vec<Neighbour>;
}

/// Why an asset stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Where it stands.
    pub peg: Peg,
    /// What its sources say together.
    pub verdict: Verdict,
    /// What each of them says, and what became of it.
    pub ballots: Vec<Ballot>,
}

/// The judges of one asset.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Where the asset stands.
    pub peg: Peg,
    rule: PegRule,
    votes: VoteRule,
    risk_group: Vec<AssetId>,
    evidence: Evidence,
}

impl Panel {
    /// A panel over what is remembered of the asset. `risk_group` are the assets at risk together with it.
    #[must_use]
    pub fn new(peg: Peg, rule: PegRule, votes: VoteRule, risk_group: Vec<AssetId>) -> Self {
        Self { peg, rule, votes, risk_group, evidence: Evidence::default() }
    }

    /// Takes over what is remembered of the asset. What has been heard meanwhile stays heard.
    pub fn recall(&mut self, peg: Peg) {
        let blocks = std::mem::take(&mut self.peg.blocks);
        self.peg = Peg { blocks, ..peg };
    }

    /// Hears a source. Nothing is concluded yet.
    pub fn hear(&mut self, reading: &Reading) {
        self.evidence.take(reading);
        match reading.block {
            Some(block) => self.peg.blocks.insert(reading.id().clone(), block),
            None => self.peg.blocks.remove(reading.id()),
        };
    }

    /// Concludes what follows at `now`, and says what has changed. Silence is news too: what a source said stands only for so long, so
    /// this is for every moment and not only for those at which somebody speaks.
    pub fn judge(&mut self, now: Timestamp, others: &dyn Neighbourhood) -> Vec<PegChange> {
        // Readings of several sources overtake each other; time does not run backwards for that.
        let now = now.max(self.peg.as_of);
        let verdict = self.verdict(now, others);
        let around = others.all();
        let mut levels: Vec<Price> = around.iter().filter_map(|other| other.level).collect();
        let everybody = levels.len() == around.len();
        levels.extend(verdict.level);
        let together = everybody && fell_together(&levels, &self.rule.watch, self.votes.agree_bps);
        let changes = self.peg.judge(&verdict, together.then_some(Doubt::CommonMode), &self.rule);
        // Nobody is waited for any more: whoever has spoken badly has spoken.
        self.peg.gathering = self.peg.gathering && self.evidence.groups_heard() < self.votes.defend;
        let troubled = |asset: &&AssetId| others.of(asset).is_some_and(|other| other.state.is_episode());
        self.peg.shadow = self.risk_group.iter().find(troubled).cloned();
        changes
    }

    /// Why the asset stands where it stands, at `now`.
    #[must_use]
    pub fn explain(&self, now: Timestamp, others: &dyn Neighbourhood) -> Explanation {
        let now = now.max(self.peg.as_of);
        let verdict = self.verdict(now, others);
        let ballots = ballots(&self.evidence, &verdict, &|asset| self.dollars(asset, now, others));
        Explanation { peg: self.peg.clone(), verdict, ballots }
    }

    fn verdict(&self, now: Timestamp, others: &dyn Neighbourhood) -> Verdict {
        weigh(&self.evidence, now, &self.votes, &|asset| self.dollars(asset, now, others))
    }

    /// What another asset is worth: its level while it can be believed and somebody still judges it.
    fn dollars(&self, asset: &AssetId, now: Timestamp, others: &dyn Neighbourhood) -> Option<Price> {
        let other = others.of(asset)?;
        (other.trust == Trust::Trusted && now.since(other.as_of) <= self.rule.gap).then_some(other.level)?
    }
}

impl Peg {
    /// Becomes the same as `newer`, and keeps its own list of blocks where the sources are the same: with a hundred of them on
    /// chains, a new list for every reading is a tenth of all the work.
    pub fn follow(&mut self, newer: &Self) {
        let mut blocks = std::mem::take(&mut self.blocks);
        if blocks.keys().eq(newer.blocks.keys()) {
            blocks.values_mut().zip(newer.blocks.values()).for_each(|(mine, theirs)| *mine = *theirs);
        } else {
            blocks.clone_from(&newer.blocks);
        }
        let Self { asset, state, since, trust, level, cautious, doubt, shadow, gathering, episode, as_of, blocks: _, clocks } =
            newer;
        *self = Self {
            asset: asset.clone(),
            state: *state,
            since: *since,
            trust: *trust,
            level: *level,
            cautious: *cautious,
            doubt: doubt.clone(),
            shadow: shadow.clone(),
            gathering: *gathering,
            episode: *episode,
            as_of: *as_of,
            blocks,
            clocks: clocks.clone(),
        };
    }
}
