//! The verdict for people.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use super::space::Candidate;
use super::{best_in, headline};
use crate::backtest::trial::bootstrap::Interval;
use crate::backtest::trial::search::{EPISODES_A_YEAR, Verdict};

/// The verdict, with what it rests on.
pub(super) fn table(verdict: &Verdict, candidates: &[Candidate], refused: usize, out: &Path) -> String {
    let name = |at: usize| candidates.get(at).map_or("", |one| one.name.as_str());
    let mut text = String::new();
    // A string takes everything.
    let _ = writeln!(text, "{} candidates, the policy itself among them; {refused} more were no valid policies", verdict.tried);
    let _ = writeln!(text, "merit: growth of a year in basis points, with an episode every {:.0} years\n", 1.0 / EPISODES_A_YEAR);
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(["window", "chosen bp", "policy bp", "beats %"]);
    for fold in &verdict.folds {
        let (own, base) = fold.growth_bp;
        table.add_row([fold.window.clone(), format!("{own:.2}"), format!("{base:.2}"), format!("{:.0}", fold.beats * 100.0)]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if !verdict.folds.is_empty() {
        let _ = writeln!(text, "{table}");
        for fold in &verdict.folds {
            let _ = writeln!(text, "{}, best by what was before: {}", fold.window, name(fold.chosen));
        }
        text.push('\n');
    }
    let told = |found: Option<Interval>| match found {
        Some(Interval { mean, low, high }) => format!("{mean:.2} ({low:.2} to {high:.2})"),
        None => "not known: too few".to_owned(),
    };
    let _ = writeln!(text, "walk-forward, chosen less policy, bp a year: {}", told(verdict.walk_forward_bp));
    let (best, base) = verdict.merit_bp;
    let _ = writeln!(text, "best of all, merit {best:.2}, the policy's {base:.2}: {}", name(verdict.best));
    let (best, base) = verdict.apart_growth_bp;
    let apart = told(verdict.apart_bp);
    let _ = writeln!(text, "episodes kept apart, best less policy, bp each: {apart}; {best:.2} and {base:.2}\n");
    let _ = writeln!(text, "{}\n{}", headline(verdict), best_in(out).display());
    text
}
