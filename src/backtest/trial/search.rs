//! A search through many policies that does not fool itself. Candidates go through windows of history and through episodes that chance has
//! made; for each window the best of what was known before it is held against the base policy there, and at last the best of all is held
//! against it in episodes that were kept apart. [`book`] keeps every outcome, so that a search that was stopped goes on where it was.
//!
//! What is best: the growth of the logarithm of value in a year, with so many episodes a year as [`EPISODES_A_YEAR`] says. A coin that dies
//! counts as what it takes, and nobody can gain on average by guessing which one does: see [`super::episodes`].
//!
//! Windows are purged: of the window before the one that is judged the last days are left out, because what was decided in them is still on
//! its way.

pub mod book;

use std::time::Duration;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bootstrap::{Interval, interval};
use super::course::Course;
use super::run::{How, RunFault, run_as};
use super::setup::{Contender, Setup};
use super::world::World;
use crate::backtest::court::Span;
use crate::domain::units::Timestamp;

/// How often a pool of stablecoins meets an episode: once in two years.
pub const EPISODES_A_YEAR: f64 = 0.5;
/// Blocks of the bootstrap, in days.
const BLOCK: usize = 5;
const DRAWS: usize = 2_000;
const YEAR: Duration = Duration::from_hours(365 * 24);

/// Where candidates are held against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arena {
    /// Its name, the same in every search of the same kind.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What an arena is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A window of history: as it is judged, or purged as others learn from it when the next is judged.
    Window {
        /// Its place.
        at: usize,
        /// Its time.
        span: Span,
        /// Whether its end is left out.
        purged: bool,
    },
    /// An episode.
    Episode {
        /// What chance begins with.
        seed: u64,
        /// Whether it is kept apart for the last judgement.
        apart: bool,
    },
}

/// What became of a candidate in an arena.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The logarithm of its growth.
    pub growth: f64,
    /// Its deepest fall.
    pub drawdown: f64,
    /// Dollars of gas.
    pub gas: f64,
    /// The logarithms of growth of its days.
    pub daily: Vec<f64>,
}

impl Outcome {
    fn of(course: &Course, ticks_a_day: usize) -> Self {
        let values = &course.equity;
        let ends: Vec<f64> = values.iter().step_by(ticks_a_day.max(1)).chain(values.last()).copied().collect();
        let log = |pair: &[f64]| pair.first().zip(pair.last()).map_or(0.0, |(from, to)| (to / from).ln());
        Self {
            growth: log(&[values.first().copied().unwrap_or(1.0), values.last().copied().unwrap_or(1.0)]),
            drawdown: super::metrics::max_drawdown(values),
            gas: -course.books.gas,
            daily: ends.windows(2).map(log).collect(),
        }
    }
}

/// The windows of a span and the episodes.
#[must_use]
pub fn arenas(span: Span, windows: u32, purge: Duration, episodes: u64, seed: u64) -> Vec<Arena> {
    let each = span.until.since(span.from) / windows.max(1);
    let whole = Duration::from_secs(each.as_secs() / 86_400 * 86_400);
    let window = |at: u32| {
        let from = span.from.plus(whole.saturating_mul(at));
        let until = if at.saturating_add(1) == windows { span.until } else { from.plus(whole) };
        let place = usize::try_from(at).unwrap_or_default();
        let of = |purged: bool, until: Timestamp| Arena {
            name: format!("window {} of {windows}{}", at.saturating_add(1), if purged { ", purged" } else { "" }),
            kind: Kind::Window { at: place, span: Span { from, until, ..span }, purged },
        };
        [of(false, until), of(true, until.minus(purge))]
    };
    let episode = |apart: bool| {
        // Two stretches of seeds that never meet.
        let first = seed.wrapping_mul(1_000_003).wrapping_add(if apart { 1 << 40 } else { 0 });
        (0..episodes).map(move |number| Arena {
            name: format!("episode {number}{}", if apart { ", kept apart" } else { "" }),
            kind: Kind::Episode { seed: first.wrapping_add(number), apart },
        })
    };
    (0..windows).flat_map(window).chain(episode(false)).chain(episode(true)).collect()
}

/// Lets all candidates through an arena, in floats, on all cores.
///
/// # Errors
/// The first run that proves nothing.
pub fn fight(world: &World, setup: &Setup, candidates: &[Contender]) -> Result<Vec<Outcome>, RunFault> {
    let per_day = usize::try_from(86_400 / world.span.step.as_secs().max(1)).unwrap_or(1);
    let one = |candidate: &Contender| run_as(world, setup, candidate, How::FAST).map(|course| Outcome::of(&course, per_day));
    candidates.par_iter().map(one).collect()
}

/// One fold: what was best before a window, in it.
#[derive(Clone, Debug, Serialize)]
pub struct Fold {
    /// The window.
    pub window: String,
    /// The place of the candidate that was best before.
    pub chosen: usize,
    /// Its growth in the window, and the base's, in basis points.
    pub growth_bp: (f64, f64),
    /// The part of all candidates that did worse in the window; a half is no better than chance.
    pub beats: f64,
}

/// What a search has found.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// How many candidates were tried: the best of many looks better than it is.
    pub tried: usize,
    /// The folds, in order of time.
    pub folds: Vec<Fold>,
    /// Chosen less base in the windows, in basis points a year; `None` where there are too few days.
    pub walk_forward_bp: Option<Interval>,
    /// The candidate that is best by everything but what was kept apart.
    pub best: usize,
    /// Merit of the best and of the base: basis points a year.
    pub merit_bp: (f64, f64),
    /// Best less base in the episodes that were kept apart, in basis points of one episode.
    pub apart_bp: Option<Interval>,
    /// Mean growth of the best and of the base in these, in basis points.
    pub apart_growth_bp: (f64, f64),
}

/// Judges the outcomes: one row for each arena, with an outcome for each candidate, of which the first is the base.
#[must_use]
pub fn judge(arenas: &[Arena], outcomes: &[Vec<Outcome>], seed: u64) -> Option<Verdict> {
    let tried = outcomes.first()?.len();
    let of = |wanted: &dyn Fn(&Kind) -> bool| -> Vec<&Vec<Outcome>> {
        arenas.iter().zip(outcomes).filter(|(arena, _)| wanted(&arena.kind)).map(|(_, row)| row).collect()
    };
    let episodes = of(&|kind| matches!(kind, Kind::Episode { apart: false, .. }));
    let merit = |windows: &[&Vec<Outcome>], candidate: usize| {
        let growth = |rows: &[&Vec<Outcome>]| rows.iter().filter_map(|row| row.get(candidate)).map(|one| one.growth).sum::<f64>();
        let days: usize = windows.iter().filter_map(|row| row.get(candidate)).map(|one| one.daily.len()).sum();
        let quiet = if days == 0 { 0.0 } else { growth(windows) / count(days) * YEAR.as_secs_f64() / 86_400.0 };
        quiet + EPISODES_A_YEAR * growth(&episodes) / count(episodes.len().max(1))
    };
    let best = |windows: &[&Vec<Outcome>]| {
        let ranked = (0..tried).map(|candidate| (merit(windows, candidate), candidate));
        // Of equals the first, which is the base where it is among them.
        ranked.fold((f64::NEG_INFINITY, 0), |best, one| if one.0 > best.0 { one } else { best })
    };
    let (mut folds, mut ahead) = (Vec::new(), Vec::new());
    for (arena, row) in arenas.iter().zip(outcomes) {
        let Kind::Window { at, purged: false, .. } = arena.kind else { continue };
        let before = of(&|kind| match kind {
            Kind::Window { at: other, purged, .. } => {
                other.saturating_add(1) < at && !purged || other.saturating_add(1) == at && *purged
            }
            Kind::Episode { .. } => false,
        });
        let (_, chosen) = best(&before);
        let (own, base) = (row.get(chosen)?, row.first()?);
        let worse = row.iter().filter(|other| other.growth < own.growth).count();
        folds.push(Fold {
            window: arena.name.clone(),
            chosen,
            growth_bp: (own.growth * 1e4, base.growth * 1e4),
            beats: count(worse) / count(tried.saturating_sub(1).max(1)),
        });
        ahead.extend(own.daily.iter().zip(&base.daily).map(|(own, base)| (own - base) * 365.0 * 1e4));
    }
    let all = of(&|kind| matches!(kind, Kind::Window { purged: false, .. }));
    let (merit_of_best, best) = best(&all);
    let apart = of(&|kind| matches!(kind, Kind::Episode { apart: true, .. }));
    let growths = |candidate: usize| apart.iter().filter_map(move |row| row.get(candidate)).map(|one| one.growth * 1e4);
    let ahead_apart: Vec<f64> = growths(best).zip(growths(0)).map(|(own, base)| own - base).collect();
    let mean = |candidate: usize| growths(candidate).sum::<f64>() / count(apart.len().max(1));
    Some(Verdict {
        tried,
        folds,
        walk_forward_bp: interval(&ahead, BLOCK, DRAWS, seed),
        best,
        merit_bp: (merit_of_best * 1e4, merit(&all, 0) * 1e4),
        // Episodes have nothing to do with one another.
        apart_bp: interval(&ahead_apart, 1, DRAWS, seed),
        apart_growth_bp: (mean(best), mean(0)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "days and candidates")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn outcome(growth: f64) -> Outcome {
        Outcome { growth, drawdown: 0.0, gas: 0.0, daily: vec![growth / 20.0; 20] }
    }

    /// Windows of twenty days in which the candidates grow by so much, purged or not, and no episode that tells them apart.
    fn judged(windows: &[[f64; 3]]) -> Verdict {
        let days = u32::try_from(windows.len() * 20).unwrap();
        let span = Span { from: Timestamp::from_secs(0), until: Timestamp::from_secs(0).plus(DAY * days), step: DAY };
        let arenas = arenas(span, u32::try_from(windows.len()).unwrap(), DAY, 3, 1);
        let row = |arena: &Arena| match arena.kind {
            Kind::Window { at, .. } => windows[at].map(outcome).to_vec(),
            Kind::Episode { .. } => vec![outcome(0.0); 3],
        };
        judge(&arenas, &arenas.iter().map(row).collect::<Vec<_>>(), 1).unwrap()
    }

    #[test]
    fn a_window_is_judged_by_what_was_best_before_it_and_never_by_itself() {
        let verdict = judged(&[[0.0, 0.02, 0.0], [0.0, 0.0, 0.08], [0.0, 0.0, 0.0]]);
        assert_eq!(
            verdict.folds.iter().map(|fold| fold.chosen).collect::<Vec<_>>(),
            [0, 1, 2],
            "the base, and then who was best"
        );
        assert!((verdict.folds[1].growth_bp.0).abs() < 1e-9, "the best of the window itself had not been known");
        assert_eq!(verdict.best, 2);
        assert!((verdict.folds[1].beats).abs() < 1e-9);
    }

    #[test]
    fn the_end_of_the_window_before_is_left_out_and_windows_do_not_overlap() {
        let span = Span { from: Timestamp::from_secs(0), until: Timestamp::from_secs(86_400 * 90), step: Duration::from_mins(1) };
        let arenas = arenas(span, 3, DAY * 3, 2, 7);
        let times: Vec<(u64, u64, bool)> = arenas
            .iter()
            .filter_map(|arena| match arena.kind {
                Kind::Window { span, purged, .. } => Some((span.from.secs() / 86_400, span.until.secs() / 86_400, purged)),
                Kind::Episode { .. } => None,
            })
            .collect();
        assert_eq!(times, [(0, 30, false), (0, 27, true), (30, 60, false), (30, 57, true), (60, 90, false), (60, 87, true)]);
        let seeds = |wanted: bool| {
            let of = |arena: &Arena| match arena.kind {
                Kind::Episode { seed, apart } if apart == wanted => Some(seed),
                _ => None,
            };
            arenas.iter().filter_map(of).collect::<std::collections::BTreeSet<u64>>()
        };
        assert!(seeds(true).is_disjoint(&seeds(false)) && seeds(true).len() == 2);
    }
}
