//! What became of all runs, for people and for machines.

use std::collections::BTreeMap;
use std::time::Duration;

use ballast::crash::POINTS;
use serde_json::json;

use crate::lane::Run;
use crate::options::{Journal, Options};
use crate::plan::Plan;
use crate::verdict::Verdict;

/// The sum of all runs.
#[derive(Debug)]
pub(crate) struct Report {
    journal: Journal,
    seed: u64,
    wanted: usize,
    runs: usize,
    failed: usize,
    kills: usize,
    reorgs: usize,
    doubles: usize,
    lost: usize,
    unfinished: usize,
    reached: BTreeMap<&'static str, usize>,
    /// Points that a process was to die at and did not reach.
    passed_by: usize,
    took: Duration,
}

impl Report {
    pub(crate) const fn new(journal: Journal, seed: u64, wanted: usize) -> Self {
        Self {
            journal,
            seed,
            wanted,
            runs: 0,
            failed: 0,
            kills: 0,
            reorgs: 0,
            doubles: 0,
            lost: 0,
            unfinished: 0,
            reached: BTreeMap::new(),
            passed_by: 0,
            took: Duration::ZERO,
        }
    }

    /// Counts a run, and tells of it.
    pub(crate) fn take(&mut self, plan: &Plan, run: &Run, options: &Options) {
        self.runs += 1;
        self.kills += run.reached.len();
        self.reorgs += run.reorgs;
        self.passed_by += plan.kills.len().saturating_sub(run.reached.len());
        for point in &run.reached {
            *self.reached.entry(point).or_default() += 1;
        }
        match run.verdict {
            Verdict::Right | Verdict::Wrong => {}
            Verdict::Doubled => self.doubles += 1,
            Verdict::Lost => self.lost += 1,
            Verdict::Unfinished => self.unfinished += 1,
        }
        let good = run.verdict == Verdict::Right;
        self.failed += usize::from(!good);
        let kills = if plan.kills.is_empty() { "no kill".to_owned() } else { plan.kills.join(", ") };
        let missed = if run.reached.len() < plan.kills.len() { " (not all reached)" } else { "" };
        eprintln!(
            "[{:>3}/{}] {} {:<10} {:>5.1} s  run {} lane {}: {kills}{missed}",
            self.runs,
            self.wanted,
            run.journal.label(),
            run.verdict.label(),
            run.took.as_secs_f64(),
            plan.number,
            run.lane,
        );
        if options.verbose || (!good && !options.no_write_ahead) {
            eprintln!("{}", story(plan, run, options));
        }
    }

    pub(crate) const fn end(mut self, took: Duration) -> Self {
        self.took = took;
        self
    }

    /// The line before the last.
    pub(crate) fn counts(&self) -> String {
        format!("{} passed, {} failed", self.runs - self.failed, self.failed)
    }

    /// The last line.
    pub(crate) fn line(&self) -> String {
        // Written by hand: a map of JSON sorts its keys, and these have an order.
        let Self { runs, kills, reorgs, doubles, lost, unfinished, .. } = self;
        let rest = json!({
            "failed": self.failed,
            "journal": self.journal.label(),
            "points": self.reached.len(),
            "seconds": self.took.as_secs(),
            "seed": self.seed,
            "sticky": self.sticky(),
            "unreached": self.passed_by,
        })
        .to_string();
        let counted = format!(
            r#""runs":{runs},"kills":{kills},"reorgs":{reorgs},"doubles":{doubles},"lost":{lost},"unfinished":{unfinished}"#
        );
        format!("{{{counted},{}", &rest[1..])
    }

    /// Points that no process died at.
    fn sticky(&self) -> Vec<&'static str> {
        POINTS.into_iter().filter(|point| !self.reached.contains_key(point)).collect()
    }

    /// Whether all is as it must be; without write-ahead it must not be.
    pub(crate) const fn is_good(&self, unguarded: bool) -> bool {
        if unguarded { self.doubles > 0 } else { self.failed == 0 && self.runs == self.wanted }
    }
}

/// Everything that is known of a run.
fn story(plan: &Plan, run: &Run, options: &Options) -> String {
    let mut text = format!(
        "---- run {} ({} journal, seed {}, lane {}): {}\nplan: {plan:?}\nreached: {:?}\n",
        plan.number,
        run.journal.label(),
        options.seed,
        run.lane,
        run.verdict.label(),
        run.reached,
    );
    for (title, lines) in [("faults", &run.faults), ("chain", &run.chain), ("journal", &run.books), ("log", &run.log)] {
        text.push_str(title);
        text.push_str(":\n");
        for line in lines {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str("----");
    text
}
