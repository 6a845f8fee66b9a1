//! `ballast ops list`: operations, and how the lanes are.

use clap::Args;
use comfy_table::Cell;
use serde::Serialize;

use super::names::Names;
use super::view::{self, LaneView, OperationView};
use super::words::{self, age, or_dash, plain};
use super::{ConfigArg, OpsFault, Told};
use crate::clock::WallClock;
use crate::config::Environment;
use crate::domain::ids::PoolId;
use crate::domain::operation::OperationRecord;
use crate::domain::units::Timestamp;
use crate::ports::Clock;
use crate::ports::journal::{LaneRecord, Selection};

/// Which operations.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Only those of this pool.
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Only those of this lane: `keeper@CHAIN`, `guardian@CHAIN` or `ADDRESS@CHAIN`.
    #[arg(long, value_name = "LANE")]
    lane: Option<String>,
    /// Only those that are not over.
    #[arg(long)]
    open: bool,
    /// At most so many, the youngest.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct ListView {
    operations: Vec<OperationView>,
    lanes: Vec<LaneView>,
}

pub(super) async fn run(args: &ListArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = super::open(&args.config, environment).await?;
    let names = Names::of(&settings);
    let mut lanes = journal.lanes().await?;
    let lane = args.lane.as_ref().map(|text| names.find(text, &lanes)).transpose()?.map(|lane| lane.key);
    lanes.retain(|known| lane.is_none_or(|lane| known.key == lane));
    let pool = args.pool.as_deref().map(PoolId::new);
    let found = journal.list(&Selection { pool, lane, open: args.open, limit: args.limit }).await?;
    if args.json {
        let operations = found.iter().map(|record| OperationView::of(record, &names, &settings)).collect();
        let lanes = lanes.iter().map(|lane| LaneView::of(lane, &names.name(&lane.key))).collect();
        return view::json(&ListView { operations, lanes }).map(Told::done);
    }
    let full = u32::try_from(found.len()).is_ok_and(|count| count == args.limit);
    let more = if full { "There may be more: see --limit.\n" } else { "" };
    Ok(Told::done(format!("{}{more}\n{}", operations(&found, WallClock::read().now()), lines(&lanes, &names))))
}

/// The table.
pub(super) fn operations(found: &[OperationRecord], now: Timestamp) -> String {
    if found.is_empty() {
        return "No operation is written down that matches.\n".to_owned();
    }
    let headings = ["age", "id", "pool", "class", "state", "nonce", "attempts", "max fee", "block", "why"];
    let mut table = words::table(headings);
    for record in found {
        let wish = if record.cancel_requested && !record.state.is_final() { " (wanted back)" } else { "" };
        table.add_row([
            Cell::new(age(now.since(record.new.created))),
            Cell::new(record.id),
            Cell::new(&record.new.pool),
            Cell::new(record.new.class),
            Cell::new(format!("{}{wish}", record.state)),
            Cell::new(or_dash(record.nonce)),
            Cell::new(record.attempts.len()),
            Cell::new(or_dash(record.attempts.last().map(|attempt| attempt.fees.max_fee))),
            Cell::new(or_dash(words::block(record))),
            Cell::new(plain(&record.new.why)),
        ]);
    }
    words::align_right(&mut table, &[0, 5, 6, 7, 8]);
    format!("{table}\n")
}

/// A line for each lane, and a second one for a lane that stands still.
pub(super) fn lines(lanes: &[LaneRecord], names: &Names) -> String {
    if lanes.is_empty() {
        return "No lane has been opened yet: `ballast run` does that.\n".to_owned();
    }
    let mut text = String::new();
    for lane in lanes {
        let (name, next) = (names.name(&lane.key), or_dash(lane.next_nonce));
        text.push_str(&format!("lane {name}: next nonce {next}, written by {}\n", plain(&lane.holder)));
        if let Some(reason) = &lane.stopped {
            text.push_str(&format!("  STANDS STILL: {}\n", plain(reason)));
        }
    }
    text
}
