//! `ballast explain`: what was decided for a pool, at a time or last, why, and what each answer to a depeg would cost at its size. It
//! reads the journal, beside the process that decides.

mod outlook;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use comfy_table::{Table, presets};

use super::ops::{self, ConfigArg, OpsFault, Told};
use crate::clock::WallClock;
use crate::config::{Environment, PoolSettings};
use crate::domain::record::{DecisionRecord, SeenPool};
use crate::domain::units::Timestamp;
use crate::ports::Clock;

/// Which pool, and when.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The pool, by the name of its file.
    #[arg(value_name = "POOL")]
    pool: String,
    #[command(flatten)]
    config: ConfigArg,
    /// What was decided then: `2026-03-11T08:15:00Z`. The last decision if absent.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How many decisions before that are listed too.
    #[arg(long, value_name = "N", default_value_t = 5)]
    history: u32,
}

pub(super) async fn run(args: ExplainArgs) -> ExitCode {
    ops::end("ballast explain", explain(&args, &Environment::process()).await)
}

async fn explain(args: &ExplainArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = ops::open(&args.config, environment).await?;
    let pool = ops::pool(&settings, &args.pool)?;
    let id = &pool.id;
    let until = match &args.at {
        Some(at) => moment(at)?,
        // A demo's clock may be years behind the wall's, never ahead of it.
        None => WallClock::read().now(),
    };
    let records = journal.decisions(id, until, args.history.saturating_add(1)).await?;
    match records.split_first() {
        Some((record, before)) => Ok(Told::done(told(pool, record, before))),
        None => Err(OpsFault::Refused(format!("nothing was decided for {id} until {until}: has `ballast run` seen it by then?"))),
    }
}

fn moment(text: &str) -> Result<Timestamp, OpsFault> {
    let refused = || {
        OpsFault::Refused(format!(
            "--at: found `{text}`; expected a time such as 2026-03-11T08:15:00Z, in UTC or with its offset"
        ))
    };
    let at = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| refused())?;
    u64::try_from(at.timestamp_millis()).map(Timestamp::from_millis).map_err(|_| refused())
}

/// For people.
fn told(pool: &PoolSettings, record: &DecisionRecord, before: &[DecisionRecord]) -> String {
    let mut text = String::new();
    // A string takes everything.
    let mut say = |line: std::fmt::Arguments<'_>| {
        let _ = text.write_fmt(line);
    };
    let DecisionRecord { first, last, code, line, .. } = record;
    say(format_args!("{}, under the policy {}\n\n", pool.id, pool.policy_name));
    say(format_args!("{code}: {line}\n"));
    say(format_args!("  first at {first}, last written down at {last}\n"));
    for (name, value) in &record.numbers {
        say(format_args!("  {name}: {value}\n"));
    }
    if let Some(seen) = &record.seen {
        say(format_args!("\nWhat was seen, in block {}:\n{}\n", seen.block, assets(seen)));
        let worth = seen.value.map_or_else(|| "not known".to_owned(), |value| value.to_string());
        let trading = if seen.swap_enabled { "on" } else { "off: liquidity can be taken out in proportion" };
        say(format_args!("  worth {worth}, trading {trading}, swap fee {}\n", seen.swap_fee));
        if let Some(others) = seen.of_others {
            say(format_args!("  {others} of it belongs to others than the treasury\n"));
        }
    } else {
        say(format_args!("\nThe pool could not be read.\n"));
    }
    say(format_args!("\nWhat was considered:\n"));
    for (what, found) in &record.considered {
        say(format_args!("  {what}: {found}\n"));
    }
    if let Some(seen) = &record.seen {
        for (asset, answers) in outlook::of(pool, seen) {
            say(format_args!("\n{asset}\n{answers}\n"));
        }
    }
    if !before.is_empty() {
        say(format_args!("\nBefore that:\n"));
        for earlier in before {
            say(format_args!("  {} {}: {}\n", earlier.first, earlier.code, earlier.line));
        }
    }
    text
}

fn assets(seen: &SeenPool) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(["asset", "weight", "value share", "price", "peg", "earns"]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "—".to_owned());
    for asset in &seen.assets {
        table.add_row([
            asset.asset.to_string(),
            asset.weight.to_string(),
            or_dash(asset.share.map(|share| share.to_string())),
            or_dash(asset.price.map(|price| price.to_string())),
            asset.peg.clone(),
            or_dash(asset.earns.map(|earns| format!("{earns} bp"))),
        ]);
    }
    table
}
