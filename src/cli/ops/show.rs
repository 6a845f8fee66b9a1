//! `ballast ops show`: everything that is written down of one operation. The signed bytes are left out: whoever has them can send them.

use clap::Args;
use comfy_table::Cell;
use humantime::format_duration;

use super::names::Names;
use super::view::{self, OperationView};
use super::words::{self, age, or_dash, plain};
use super::{ConfigArg, OpsFault, Told};
use crate::clock::WallClock;
use crate::config::Environment;
use crate::domain::ids::AssetId;
use crate::domain::operation::{Landing, OperationRecord};
use crate::domain::position::Ramp;
use crate::domain::units::{Timestamp, Wei};
use crate::ports::Clock;
use crate::ports::journal::Happened;

/// Which operation.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The first digits of its id.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    config: ConfigArg,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &ShowArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = super::open(&args.config, environment).await?;
    let names = Names::of(&settings);
    let record = super::find(journal.as_ref(), &args.id).await?;
    let log = journal.log(&record.id).await?;
    if args.json {
        return view::json(&OperationView::of(&record, &names, &settings).with_log(&log)).map(Told::done);
    }
    let lane = names.name(&record.lane).to_string();
    let now = WallClock::read().now();
    let head = facts(&record, &lane, view::assets(&record, &settings), now);
    Ok(Told::done(format!("{head}\n{}\n{}", attempts(&record), lines(&log))))
}

/// Names and values, one a line.
pub(super) fn facts(record: &OperationRecord, lane: &str, assets: Option<&[AssetId]>, now: Timestamp) -> String {
    let OperationRecord { id, new, state, .. } = record;
    let mut text = format!("operation {id}\n");
    let mut fact = |name: &str, value: String| text.push_str(&format!("  {name:<11} {value}\n"));
    fact("full id", id.0.to_string());
    fact("state", state.to_string());
    fact("pool", format!("{}, class {}", new.pool, new.class));
    fact("why", plain(&new.why));
    fact("plan", words::plan(&new.plan, assets));
    fact("asked for", format!("{} ({} ago)", new.created, age(now.since(new.created))));
    let cap = new.cap;
    let price = if cap.low == cap.high { cap.low.to_string() } else { format!("{}, rising to {}", cap.low, cap.high) };
    fact("gas cap", format!("{price}, until {}", cap.until));
    fact("lane", format!("{lane}, account {} on chain {}", record.lane.signer, record.lane.chain_id));
    fact("nonce", or_dash(record.nonce));
    fact("deadline", record.deadline.map_or_else(|| "-".to_owned(), |at| format!("{at}, by block time; then it is taken back")));
    fact("ramp", record.ramp.as_ref().map_or_else(|| "-".to_owned(), |made| ramp(made, assets)));
    match &record.landing {
        Some(landing) => {
            fact("included", included(landing));
            let GasWords { used, price, total } = cost(landing);
            fact("cost", format!("{total} ({used} gas at {price})"));
        }
        None => fact("included", "-".to_owned()),
    }
    if record.cancel_requested {
        fact("wanted back", "yes; the log says by whom".to_owned());
    }
    if let Some(reason) = &record.reason {
        fact("reason", plain(reason));
    }
    text
}

fn ramp(ramp: &Ramp, assets: Option<&[AssetId]>) -> String {
    let weights = words::weights(&ramp.end_weights, assets);
    format!("{} to {} ({}), to {weights}", ramp.start, ramp.end, format_duration(ramp.duration()))
}

fn included(landing: &Landing) -> String {
    let Landing { hash, block, fate, .. } = landing;
    format!("{} by {hash} in block {} ({}) at {}", fate.label(), block.number, block.hash, block.timestamp)
}

struct GasWords {
    used: u64,
    price: String,
    total: String,
}

fn cost(landing: &Landing) -> GasWords {
    let total = landing.cost.wei().map_or_else(|| "more than can be counted".to_owned(), |wei| Wei::new(wei).to_string());
    GasWords { used: landing.cost.gas_used, price: landing.cost.price.to_string(), total }
}

/// Every signed transaction.
pub(super) fn attempts(record: &OperationRecord) -> String {
    if record.attempts.is_empty() {
        return "Nothing was signed.\n".to_owned();
    }
    let mut table = words::table(["attempt", "kind", "hash", "max fee", "tip", "gas limit", "via", "handed over"]);
    for attempt in &record.attempts {
        table.add_row([
            Cell::new(attempt.number),
            Cell::new(attempt.kind.label()),
            Cell::new(attempt.hash),
            Cell::new(attempt.fees.max_fee),
            Cell::new(attempt.fees.tip),
            Cell::new(attempt.gas_limit),
            Cell::new(attempt.via.label()),
            Cell::new(attempt.launched.map_or_else(|| "not yet".to_owned(), |at| at.to_string())),
        ]);
    }
    words::align_right(&mut table, &[0, 3, 4, 5]);
    format!("{table}\n")
}

/// The log, line by line.
pub(super) fn lines(log: &[Happened]) -> String {
    let mut table = words::table(["line", "at", "step", "state after it", "written by", "detail"]);
    for line in log {
        let writer = if line.epoch == 0 { "an operator".to_owned() } else { format!("writer {}", line.epoch) };
        table.add_row([
            Cell::new(line.line),
            Cell::new(line.at),
            Cell::new(plain(&line.step)),
            Cell::new(line.state),
            Cell::new(writer),
            Cell::new(plain(&line.detail)),
        ]);
    }
    words::align_right(&mut table, &[0]);
    format!("{table}\n")
}
