//! `ballast replay-prices`: replays history through the decision, and says when it would have sounded the alarm.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::backtest::{self, BARS, History};
use crate::config::{self, EXIT_CODE};
use crate::domain::peg::{PegRule, VoteRule};
use crate::recording;

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
    #[arg(long, value_name = "DIR", required_unless_present = "recording")]
    data: Option<PathBuf>,
    /// A recording of `ballast record` or `ballast run --record`, in the place of the files.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    recording: Option<PathBuf>,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

/// Replays, and prints the report to standard output. 0 when there is one, 1 when the data is at fault.
#[must_use]
pub fn run(args: &ReplayArgs) -> ExitCode {
    let told = match config::peg_defaults() {
        Ok((rule, votes)) => told(args, rule, votes),
        Err(faults) => {
            eprint!("{faults}");
            return ExitCode::from(EXIT_CODE);
        }
    };
    match told {
        Ok(text) => {
            // A reader that closed the pipe has seen enough; the exit code still tells.
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("ballast replay-prices: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The report, as text or as JSON.
fn told(args: &ReplayArgs, rule: PegRule, votes: VoteRule) -> Result<String, Box<dyn Error>> {
    let (place, history) = history(args)?;
    let report = backtest::report(&place, &history, rule, votes);
    if args.json { Ok(serde_json::to_string_pretty(&report)? + "\n") } else { Ok(backtest::table::table(&report)) }
}

/// What is replayed, and its name.
fn history(args: &ReplayArgs) -> Result<(String, History), Box<dyn Error>> {
    let named = |path: &Path| path.display().to_string();
    match (&args.recording, &args.data) {
        (Some(file), _) => Ok((named(file), History::of_recording(file, recording::read(file)?)?)),
        (None, Some(folder)) => Ok((named(folder), History::load(folder, &BARS)?)),
        // The command line asks for one of the two.
        (None, None) => Err("name a folder with --data, or a file with --recording".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: ReplayArgs,
    }

    fn answer(words: &[&str]) -> Result<String, String> {
        let args = Cli::try_parse_from([&["replay-prices"], words].concat()).unwrap().args;
        let (rule, votes) = config::peg_defaults().unwrap();
        told(&args, rule, votes).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_folder_becomes_a_table_or_one_object() {
        let folder = tempfile::TempDir::new().unwrap();
        let rows = "minute_start_utc,high,low,close,volume_base\n2023-03-10T12:00:00Z,1,1,1,500000\n";
        fs::write(folder.path().join("kraken_usdcusd_1m_x.csv"), rows).unwrap();
        let data = folder.path().to_str().unwrap();
        assert!(answer(&["--data", data]).unwrap().contains("kraken:USDC/USD"));
        let json: serde_json::Value = serde_json::from_str(&answer(&["--data", data, "--json"]).unwrap()).unwrap();
        assert_eq!((&json["data"], &json["rows"][0]["source"]), (&data.into(), &"kraken:USDC/USD".into()));
    }

    #[test]
    fn a_folder_without_files_is_a_fault_that_says_what_is_expected() {
        let folder = tempfile::TempDir::new().unwrap();
        let fault = answer(&["--data", folder.path().to_str().unwrap()]).unwrap_err();
        assert!(fault.contains("VENUE_PAIR_1m_PERIOD.csv"), "{fault}");
    }

    #[test]
    fn a_recording_that_cannot_be_replayed_is_a_fault_and_no_endless_wait() {
        let folder = tempfile::TempDir::new().unwrap();
        let told = |name: &str, stamps: &[u64]| {
            let file = folder.path().join(name);
            let source = r#"{"s":0,"id":"x","asset":"USDC","group":"pyth","good_for_ms":60000}"#;
            let readings = stamps.iter().map(|stamp| format!("{{\"r\":0,\"t\":{stamp},\"p\":\"1\",\"u\":{stamp}}}\n"));
            fs::write(&file, format!("{{\"ballast_recording\":1}}\n{source}\n{}", readings.collect::<String>())).unwrap();
            answer(&["--recording", file.to_str().unwrap()])
        };
        assert!(told("empty", &[]).unwrap_err().contains("nothing was recorded"));
        let endless = told("endless", &[0, u64::MAX]).unwrap_err();
        assert!(endless.contains("is a time stamp wrong?"), "{endless}");
        assert!(told("end", &[u64::MAX - 1, u64::MAX]).unwrap().contains("quorum"));
    }
}
