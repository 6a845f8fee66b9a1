//! How people are told: ages, plans, tables.

use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use humantime::format_duration;

use crate::domain::ids::AssetId;
use crate::domain::operation::OperationRecord;
use crate::domain::plan::Plan;
use crate::domain::units::Weight;

/// The most that is shown of words that somebody else has chosen.
const MOST_CHARS: usize = 400;

/// Foreign words on one line: what a node or an operator has written must not steer anybody's terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_CHARS).collect()
}

/// How long ago, in the largest unit that fits, rounded down.
pub(super) fn age(age: Duration) -> String {
    let secs = age.as_secs();
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => format!("{} min", secs.div_euclid(60)),
        3_600..86_400 => format!("{} h", secs.div_euclid(3_600)),
        _ => format!("{} d", secs.div_euclid(86_400)),
    }
}

/// A plan in words. `assets` are those of the pool in the chain's order; without them (the pool is not configured any more) the
/// weights stand alone.
pub(super) fn plan(plan: &Plan, assets: Option<&[AssetId]>) -> String {
    let Plan::Reweight(reweight) = plan else { return plan.words() };
    let weights = weights(reweight.target.weights(), assets);
    let (takes, lead) = (format_duration(reweight.duration), format_duration(reweight.start_lead));
    let loss = reweight.expected_loss.map(|loss| format!(", at an expected cost of {loss}")).unwrap_or_default();
    format!("move to {weights} within {takes}, beginning {lead} after the send{loss}")
}

/// Weights with the names of their assets, where they are known.
pub(super) fn weights(weights: &[Weight], assets: Option<&[AssetId]>) -> String {
    let names = assets.filter(|assets| assets.len() == weights.len());
    let one = |(place, weight): (usize, &Weight)| match names.and_then(|names| names.get(place)) {
        Some(name) => format!("{name} {weight}"),
        None => weight.to_string(),
    };
    weights.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}

/// An empty table with its headings.
pub(super) fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled).set_header(headings);
    table
}

/// Numbers stand at the right of these columns.
pub(super) fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// What there is, or a dash.
pub(super) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Where an operation was included.
pub(super) fn block(record: &OperationRecord) -> Option<u64> {
    record.landing.map(|landing| landing.block.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::allocation::Allocation;
    use crate::domain::plan::Reweight;
    use crate::domain::units::Usd;

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_fits() {
        for (secs, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (86_399, "23 h"),
            (86_400, "1 d"),
            (8_640_000, "100 d"),
        ] {
            assert_eq!(age(Duration::from_secs(secs)), told, "{secs}");
        }
    }

    #[test]
    fn a_plan_is_told_with_the_names_of_its_assets_where_they_fit() {
        let target = Allocation::exact([4_000, 3_500, 2_500].map(Weight::from_bps).to_vec()).unwrap();
        let (duration, start_lead) = (Duration::from_secs(300), Duration::from_secs(90));
        let loss = Some(Usd::from_wad(1_230_000_000_000_000_000));
        let reweight = Plan::Reweight(Reweight { target, duration, start_lead, expected_loss: loss });
        let assets = ["DAI", "USDC", "USDT"].map(AssetId::new);
        let told = plan(&reweight, Some(&assets));
        let wanted = "move to DAI 40.00 %, USDC 35.00 %, USDT 25.00 % within 5m, beginning 1m 30s after the send, at an expected cost of $1.23";
        assert_eq!(told, wanted);
        for unnamed in [None, Some(&assets[..2])] {
            assert!(plan(&reweight, unnamed).starts_with("move to 40.00 %, 35.00 %, 25.00 % within"), "another pool's names");
        }
        assert_eq!(plan(&Plan::Freeze, None), "stop trading");
    }

    #[test]
    fn foreign_words_cannot_steer_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{7}"), "a [2Jb c ");
        assert_eq!(plain(&"x".repeat(1_000)).len(), MOST_CHARS);
    }
}
