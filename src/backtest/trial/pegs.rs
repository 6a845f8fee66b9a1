//! What the bot knew of each peg at every tick: the judgement of the panel that runs in production, on readings with their real delays.
//! It is the same for every policy, so it is made once.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::B256;

use crate::backtest::court::{Course, Judge, Span, sit};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::peg::{Clocks, Peg};
use crate::domain::reading::Reading;
use crate::domain::units::{Price, Timestamp};

/// The block that everything is read at: history has none, and nothing here is ever of two blocks.
pub const BLOCK: B256 = B256::ZERO;

/// The pegs of all assets at every tick.
#[derive(Clone, Debug, Default)]
pub struct PegTape {
    assets: Vec<AssetTape>,
    ticks: usize,
    /// What became of each asset.
    pub courses: Vec<Course>,
}

/// One asset: what seldom changes apart from what always does.
#[derive(Clone, Debug, Default)]
struct AssetTape {
    stands: Vec<Peg>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    stand: usize,
    level: Option<Price>,
    cautious: Option<Price>,
}

/// What is known at a tick, kept up to date from one tick to the next.
#[derive(Clone, Debug)]
pub struct PegView<'a> {
    tape: &'a PegTape,
    stands: Vec<usize>,
    /// The pegs, in the order of the assets.
    pub pegs: Vec<Peg>,
}

impl PegTape {
    /// Judges the time of `span` and so long before it, and keeps what is judged in the span, in the order of `assets`. A human lets an
    /// asset back so long after it was disabled; `None`: never.
    pub fn judge(
        tape: impl IntoIterator<Item = (Timestamp, Reading)>,
        span: Span,
        warm_up: Duration,
        bench: &[Judge],
        operator: Option<Duration>,
        assets: &[AssetId],
    ) -> Self {
        let early = Span { from: span.from.minus(warm_up), until: span.until.minus(span.step), ..span };
        let mut seen: Vec<AssetTape> = vec![AssetTape::default(); bench.len()];
        let courses = sit(tape, early, bench, operator, |at, peg| {
            if let Some(asset) = seen.get_mut(at).filter(|_| peg.as_of >= span.from) {
                asset.take(peg);
            }
        });
        let order: Vec<usize> = assets.iter().filter_map(|asset| bench.iter().position(|judge| judge.asset == *asset)).collect();
        let assets: Vec<AssetTape> = order.iter().filter_map(|at| seen.get(*at).cloned()).collect();
        let ticks = assets.iter().map(|asset| asset.rows.len()).min().unwrap_or_default();
        let courses = order.iter().filter_map(|at| courses.get(*at).cloned()).collect();
        Self { assets, ticks, courses }
    }

    /// How many ticks there are.
    #[must_use]
    pub const fn ticks(&self) -> usize {
        self.ticks
    }

    /// What is known before the first tick.
    #[must_use]
    pub fn view(&self) -> PegView<'_> {
        let pegs = self.assets.iter().filter_map(|asset| asset.stands.first().cloned()).collect();
        PegView { tape: self, stands: vec![0; self.assets.len()], pegs }
    }
}

impl AssetTape {
    fn take(&mut self, peg: &Peg) {
        let stand = Peg {
            level: None,
            cautious: None,
            as_of: Timestamp::default(),
            clocks: Clocks::default(),
            blocks: BTreeMap::from([(SourceId::new("history"), BLOCK)]),
            ..peg.clone()
        };
        if self.stands.last() != Some(&stand) {
            self.stands.push(stand);
        }
        let stand = self.stands.len().saturating_sub(1);
        self.rows.push(Row { stand, level: peg.level, cautious: peg.cautious });
    }
}

impl PegView<'_> {
    /// Goes on to a tick. Says whether more than a level has changed.
    pub fn go_to(&mut self, tick: usize, now: Timestamp) -> bool {
        let mut changed = false;
        for ((asset, at), peg) in self.tape.assets.iter().zip(&mut self.stands).zip(&mut self.pegs) {
            let Some(row) = asset.rows.get(tick) else { continue };
            if *at != row.stand
                && let Some(stand) = asset.stands.get(row.stand)
            {
                *at = row.stand;
                peg.clone_from(stand);
                changed = true;
            }
            changed |= peg.level.is_some() != row.level.is_some() || peg.cautious.is_some() != row.cautious.is_some();
            (peg.level, peg.cautious, peg.as_of) = (row.level, row.cautious, now);
        }
        changed
    }
}
