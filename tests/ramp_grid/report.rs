//! What was found, for people and for machines.

use std::time::Duration;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::grid::COSTS;
use crate::outcome::{Noisy, Outcome, round};
use crate::weather::{MISSED, PULL, STEP};

/// How far the model may be off.
const LIMIT: f64 = 0.07;

/// All outcomes.
#[derive(Debug)]
pub(crate) struct Report {
    /// The table, one duration after the other. Judged.
    pub(crate) cells: Vec<Outcome>,
    /// As long as the planner would choose. Judged.
    pub(crate) chosen: Vec<Outcome>,
    /// Moves of another size.
    pub(crate) others: Vec<Outcome>,
    /// Restless markets.
    pub(crate) noisy: Vec<Noisy>,
    pub(crate) seconds: u64,
}

/// The last line. Dollars and parts.
#[derive(Serialize)]
struct Line<'a> {
    cells: usize,
    largest_relative_error: f64,
    limit: f64,
    passed: bool,
    noisy: &'a [Noisy],
    chosen: Vec<Row>,
    others: Vec<Row>,
    seconds: u64,
}

/// An outcome of the last line.
#[derive(Serialize)]
struct Row {
    from_bps: [u32; 3],
    to_bps: [u32; 3],
    seconds: u64,
    cost: f64,
    loss: f64,
    model: f64,
}

impl From<&Outcome> for Row {
    fn from(outcome: &Outcome) -> Self {
        let Outcome { trial, loss, model, .. } = outcome;
        let [loss, model] = [*loss, *model].map(|value| round(value, 2));
        Self { from_bps: trial.from, to_bps: trial.to, seconds: trial.duration.as_secs(), cost: trial.cost, loss, model }
    }
}

impl Report {
    fn judged(&self) -> impl Iterator<Item = &Outcome> {
        self.cells.iter().chain(&self.chosen)
    }

    /// Whether the model is right wherever it has to be. Where the loss is no number, it is not.
    pub(crate) fn passed(&self) -> bool {
        self.judged().all(|cell| cell.off().abs() <= LIMIT)
    }

    /// The last line.
    pub(crate) fn line(&self) -> String {
        let largest = self.judged().map(|cell| cell.off().abs()).fold(0.0, f64::max);
        let line = Line {
            cells: self.cells.len(),
            largest_relative_error: round(largest, 4),
            limit: LIMIT,
            passed: self.passed(),
            noisy: &self.noisy,
            chosen: self.chosen.iter().map(Row::from).collect(),
            others: self.others.iter().map(Row::from).collect(),
            seconds: self.seconds,
        };
        serde_json::to_string(&line).unwrap()
    }

    /// The tables, as Markdown.
    pub(crate) fn for_people(&self) -> String {
        format!(
            "40/35/25 -> 35/40/25, $500k, fee 5 bp, blocks of 12 s: loss on the contracts in dollars (swaps), and how far the model \
             is off\n\n{}\n\nFor as long as the planner would choose, and moves of another size\n\n{}\n{}",
            self.table(),
            self.moves(),
            self.restless(),
        )
    }

    fn table(&self) -> Table {
        let columns = self.cells.chunks(COSTS.len());
        let head = columns.clone().map(|column| spoken(column[0].trial.duration));
        let mut table = markdown(std::iter::once("a swap costs".to_owned()).chain(head));
        for (row, cost) in COSTS.iter().enumerate() {
            let cells = columns.clone().map(|column| &column[row]);
            let cells = cells.map(|cell| format!("{:.1} ({}), {:+.1} %", cell.loss, cell.swaps, cell.off() * 100.0));
            table.add_row(std::iter::once(format!("${cost}")).chain(cells));
        }
        table
    }

    fn moves(&self) -> Table {
        let mut table = markdown(["move", "ramp", "a swap costs", "contracts", "model"].map(str::to_owned));
        for outcome in self.chosen.iter().chain(&self.others) {
            let trial = &outcome.trial;
            let weights = |bps: [u32; 3]| bps.map(|bps| (f64::from(bps) / 100.0).to_string()).join("/");
            table.add_row([
                format!("{} -> {}", weights(trial.from), weights(trial.to)),
                spoken(trial.duration),
                format!("${}", trial.cost),
                format!("{:.1} ({})", outcome.loss, outcome.swaps),
                format!("{:.1}, {:+.1} %", outcome.model, outcome.off() * 100.0),
            ]);
        }
        table
    }

    fn restless(&self) -> String {
        if self.noisy.is_empty() {
            return String::new();
        }
        let head = ["ramp", "a swap costs", "without a ramp", "with it, more by", "model"];
        let mut table = markdown(head.map(str::to_owned));
        for cell in &self.noisy {
            table.add_row([
                spoken(Duration::from_secs(cell.seconds)),
                format!("${}", cell.cost),
                format!("{:.1}", cell.without_ramp),
                format!("{:.1} ± {:.1}", cell.loss, cell.error),
                format!("{:.1}, {:+.0} %", cell.model, (cell.model / cell.loss - 1.0) * 100.0),
            ]);
        }
        let (step, pull, missed) = (STEP * 1e4, PULL * 100.0, MISSED * 100.0);
        format!(
            "\nPrices that step by {step} bp a block and go {pull} % of the way back; {missed} % of the blocks missed\n\n{table}\n"
        )
    }
}

fn markdown(head: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(head.into_iter().collect::<Vec<_>>());
    table
}

/// A duration as people say it.
pub(crate) fn spoken(duration: Duration) -> String {
    match duration.as_secs() {
        12 => "1 block".into(),
        secs if secs % 86_400 == 0 => format!("{} day", secs / 86_400),
        secs if secs % 3_600 == 0 => format!("{} h", secs / 3_600),
        secs if secs % 30 == 0 => format!("{} min", secs as f64 / 60.0),
        secs => format!("{secs} s"),
    }
}
