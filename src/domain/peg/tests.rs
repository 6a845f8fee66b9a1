//! Pegs, votes and verdicts, by hand and at random. All prices are in wei of a dollar, because the last one counts.

mod bands;
mod doubts;
mod properties;
mod swift;
mod votes;
mod way_back;

use super::*;
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use std::sync::Arc;

const BEGINNING: Timestamp = Timestamp::from_secs(1_678_400_000);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const MILLI: Duration = Duration::from_millis(1);
/// One on a chain, two off: enough for everything.
const THREE: [Group; 3] = [Group::Chainlink, Group::Pyth, Group::UsdBooks];

/// The defaults.
fn rule() -> PegRule {
    let band = |below_bps, minutes| Band { below_bps, hold: MINUTE * minutes };
    PegRule {
        watch: band(25, 15),
        stressed: band(50, 5),
        depegged: band(100, 5),
        crashed: band(200, 1),
        reenter: band(25, 30),
        reenter_slow: band(50, 240),
        settle: 24 * HOUR,
        disable_after: 72 * HOUR,
        gap: MINUTE,
    }
}

const fn votes() -> VoteRule {
    VoteRule { defend: 2, reenter: 3, agree_bps: 30, untrusted_bps: 150, outlier_bps: 30, outlier_mads: 4 }
}

fn usdc() -> AssetId {
    AssetId::new("USDC")
}

fn price(wad: u128) -> Price {
    Price::from_wad(wad).unwrap()
}

/// A price so many basis points below par, and so many wei above that.
fn below(bps: u128, wei: u128) -> u128 {
    10u128.pow(18) - bps * 10u128.pow(14) + wei
}

/// Source number `number` of a group, in dollars; good for two minutes.
fn source(group: Group, number: usize) -> Arc<Source> {
    let id = SourceId::new(&format!("{group}:{number}"));
    Arc::new(Source { id, asset: usdc(), unit: Unit::Usd, group, advisory: false, good_for: 2 * MINUTE })
}

fn reading(source: &Arc<Source>, quote: Result<Quote, ReadingFault>, as_of: Timestamp) -> Reading {
    Reading { source: Arc::clone(source), quote, as_of, block: None }
}

fn says(group: Group, wad: u128, now: Timestamp) -> Reading {
    reading(&source(group, 0), Ok(Quote::exact(price(wad), now)), now)
}

/// No asset's price is known.
fn nobody(_: &AssetId) -> Option<Price> {
    None
}

/// A peg, its sources and the time.
struct Scene {
    rule: PegRule,
    evidence: Evidence,
    peg: Peg,
    now: Timestamp,
}

impl Scene {
    fn new() -> Self {
        Self { rule: rule(), evidence: Evidence::default(), peg: Peg::unheard(usdc(), BEGINNING), now: BEGINNING }
    }

    fn wait(&mut self, by: Duration) -> &mut Self {
        self.now = self.now.plus(by);
        self
    }

    /// Each of these groups speaks, and the peg is judged.
    fn hear(&mut self, words: &[(Group, u128)]) -> PegState {
        for (group, wad) in words {
            self.evidence.take(&says(*group, *wad, self.now));
        }
        self.judge(None);
        self.peg.state
    }

    /// All three say the same.
    fn at(&mut self, wad: u128) -> PegState {
        self.hear(&THREE.map(|group| (group, wad)))
    }

    fn judge(&mut self, doubt: Option<Doubt>) -> Vec<PegChange> {
        let verdict = weigh(&self.evidence, self.now, &votes(), &nobody);
        self.peg.judge(&verdict, doubt, &self.rule)
    }

    /// All three say the same from now until `last`, every half minute.
    fn stays(&mut self, wad: u128, last: Duration) -> PegState {
        let end = self.now.plus(last);
        self.at(wad);
        while self.now < end {
            self.now = end.min(self.now.plus(MINUTE / 2));
            self.at(wad);
        }
        self.peg.state
    }

    /// Off its peg since this moment.
    fn depegged() -> Self {
        let mut scene = Self::new();
        assert_eq!(scene.stays(below(150, 0), 5 * MINUTE), PegState::Depegged);
        scene
    }

    /// On its way back since this moment, and above the upper line for half an hour.
    fn recovering() -> Self {
        let mut scene = Self::depegged();
        scene.wait(MINUTE / 2);
        assert_eq!(scene.stays(below(0, 0), 30 * MINUTE), PegState::Recovering);
        scene
    }
}
