//! `ballast replay-prices`: replays history through the decision, and says when it would have sounded the alarm.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::backtest::{self, BARS, History};
use crate::config::{self, EXIT_CODE};

/// The columns of the files.
const COLUMNS: &str = "\
FILES in DIR; times are UTC (2023-03-10T22:47:00Z), PERIOD is any text, other columns may stand beside these:
  VENUE_PAIR_1m_PERIOD.csv               minute_start_utc, high, low, close, volume_base: known at the end of the minute
  chainlink_implied_hourly_PERIOD.csv    snapshot_utc, asset, price_usd: known at snapshot_utc
  uniswap_v3_hourly_PERIOD.csv           hour_start_utc, pool, price_base_in_quote: known at the end of the hour
  cmc_usd_hourly_PERIOD.csv              label_utc, usdc_usd, usdt_usd, dai_usd: known an hour after label_utc
PAIR is usdc, usdt or dai and then usd or another of the three: kraken_usdcusdt_1m_2023-03.csv. A file that is not there is a
source that is absent. An alarm for nothing is one for which the aggregator (cmc), which has no vote, saw no price below the line.";

/// What to replay.
#[derive(Args, Debug)]
#[command(after_help = COLUMNS)]
pub struct ReplayArgs {
    /// The folder with the files.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

/// Replays, and prints the report to standard output. 0 when there is one, 1 when the data is at fault.
#[must_use]
pub fn run(args: &ReplayArgs) -> ExitCode {
    let (rule, votes) = match config::peg_defaults() {
        Ok(defaults) => defaults,
        Err(faults) => {
            eprint!("{faults}");
            return ExitCode::from(EXIT_CODE);
        }
    };
    let history = match History::load(&args.data, &BARS) {
        Ok(history) => history,
        Err(fault) => {
            eprintln!("ballast replay-prices: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let report = backtest::report(&args.data.display().to_string(), &history, rule, votes);
    let text = if args.json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => text + "\n",
            Err(fault) => {
                eprintln!("ballast replay-prices: the report cannot be written as JSON: {fault}");
                return ExitCode::FAILURE;
            }
        }
    } else {
        backtest::table::table(&report)
    };
    // A reader that closed the pipe has seen enough; the exit code still tells.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    ExitCode::SUCCESS
}
