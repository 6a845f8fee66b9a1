//! The comparison for people.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use crate::backtest::trial::Study;

/// The table, with what it rests on.
pub(super) fn table(study: &Study) -> String {
    let Study { world, from, until, ticks, step_seconds, .. } = study;
    let mut text = format!("{world}, {from} to {until}, {ticks} ticks of {step_seconds} s\n");
    // A string takes everything.
    let _ = writeln!(
        text,
        "a pool of ${:.0} at a swap fee of {:.0} bp, seeing {:.0} % of the market's turnover, included after {} blocks\n",
        study.value_usd,
        study.swap_fee * 1e4,
        study.volume_share * 1e2,
        study.inclusion_blocks
    );
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "policy",
        "net bp",
        "drawdown %",
        "worst hour %",
        "ahead bp a year",
        "under water h",
        "acts",
        "gas $",
        "ramps $",
        "arbitrage $",
        "fees $",
        "forgone $",
    ]);
    for row in &study.rows {
        let (measures, books) = (&row.measures, &row.books);
        let done = row.acts.iter().filter(|act| act.outcome == "done").count();
        table.add_row([
            row.name.clone(),
            format!("{:.2}", measures.net * 1e4),
            format!("{:.2}", measures.max_drawdown * 1e2),
            format!("{:.2}", measures.worst_hour * 1e2),
            measures
                .ahead
                .map_or_else(String::new, |of| format!("{:.0} ({:.0} to {:.0})", of.mean * 1e4, of.low * 1e4, of.high * 1e4)),
            format!("{:.0}", measures.under_water_hours),
            done.to_string(),
            format!("{:.0}", -books.gas),
            format!("{:.0}", books.ramp),
            format!("{:.0}", books.arbitrage),
            format!("{:.0}", books.volume),
            format!("{:.0}", books.forgone),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let _ = writeln!(text, "{table}\n");
    if !study.sensitivity.is_empty() {
        let _ = writeln!(text, "net bp with one number changed at a time\n{}\n", changed(study));
    }
    let _ = writeln!(
        text,
        "ahead: daily returns less the first row's, with the interval of nineteen in twenty by blocks of five days"
    );
    for of in &study.coverage {
        let _ = writeln!(
            text,
            "{}: of {} ticks {} traded, {} carried on, {} by way of another coin, {} hourly, {} synthetic",
            of.asset, study.ticks, of.traded, of.carried, of.crossed, of.hourly, of.synthetic
        );
    }
    for note in &study.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn changed(study: &Study) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(std::iter::once("changed").chain(study.rows.iter().map(|row| row.name.as_str())));
    for one in &study.sensitivity {
        table.add_row(std::iter::once(one.what.clone()).chain(one.net_bp.iter().map(|net| format!("{net:.2}"))));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
