//! The report as a table, for people.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::report::{Quorum, Report, Row};

/// What stands above the columns.
const HEADINGS: [&str; 10] = [
    "source",
    "asset",
    "first alarm (UTC)",
    "price",
    "off its peg",
    "on its way back",
    "false",
    "relapses",
    "blind",
    "at the end",
];

/// The report in words and rows.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = writeln!(text, "{} to {}, judged every {}", report.from, report.until, minutes(report.step_seconds));
    for absent in &report.absent {
        let _ = writeln!(text, "absent: {absent}");
    }
    let of = |name: &str, quorum: &Quorum| format!("{name}: {} groups below, {} to come back", quorum.defend, quorum.reenter);
    let rows = |rows: &[Row]| {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(HEADINGS);
        for row in rows {
            table.add_row(cells(row));
        }
        for column in [3, 6, 7, 8] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    };
    let _ = writeln!(text, "\n{}; windows of an alarm counted in closes", of("Quorum", &report.quorum));
    let _ = writeln!(text, "{}", rows(&report.quorum.rows));
    let _ = writeln!(text, "\n{}; windows as configured", of("Quorum", &report.quorum_as_configured));
    let _ = writeln!(text, "{}", rows(&report.quorum_as_configured.rows));
    let _ = writeln!(text, "\nEach source alone: one is enough, windows of an alarm counted in closes");
    let _ = writeln!(text, "{}", rows(&report.rows));
    let (least, good_for) = (&report.least_traded, minutes(report.bar_good_for_seconds));
    let _ = write!(
        text,
        "\nunknown: there were never enough witnesses, and nothing is concluded; it is not sound.\n\
         blind: judgements without enough witnesses.\n\
         false: the aggregator, which has no vote, never saw the asset below the line of an alarm from an hour before to a day after.\n\
         relapses: returns from the way back to off its peg.\n\
         in closes: a price that is sampled each minute has been below for up to a minute when it is first seen there, so that five\n\
         minutes are five closes in a row. No judgement is dated before its last close is known.\n\
         A book that has traded less than {least} tokens within {good_for} is too thin to count.\n\
         (warns): heard beside others without a vote. (compares): not heard beside others.\n"
    );
    text
}

fn cells(row: &Row) -> [String; 10] {
    let dash = || "-".to_owned();
    let source = if row.role == "votes" { row.source.clone() } else { format!("{} ({})", row.source, row.role) };
    let short = |time: &String| time.replace('T', " ").trim_end_matches('Z').to_owned();
    let first = row.episodes.iter().find_map(|episode| episode.depegged.as_ref());
    let back = row.episodes.iter().find_map(|episode| episode.recovering.as_ref());
    let alarm = row.first_alarm.as_ref().map_or_else(|| if row.unknown { "unknown".to_owned() } else { dash() }, short);
    let price = row.price.as_ref().map_or_else(dash, |price| price.chars().take(6).collect());
    let count = |number: Option<String>| number.filter(|_| !row.unknown).unwrap_or_else(dash);
    [
        source,
        row.asset.clone(),
        alarm,
        price,
        first.map_or_else(dash, short),
        back.map_or_else(dash, short),
        count(row.false_episodes.map(|number| format!("{number} of {}", row.episodes.len()))),
        count(Some(row.relapses.to_string())),
        format!("{} %", row.blind_percent),
        row.last.to_owned(),
    ]
}

/// A length of time for people.
fn minutes(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}
