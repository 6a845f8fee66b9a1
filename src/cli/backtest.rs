//! `ballast backtest`: what policies would have done with a pool, with every cost, and what would have become of it.

pub mod contenders;
mod table;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::backtest;
use crate::backtest::trial::{self, Archive, Contender, Law, Setup, World, story};
use crate::chain::managed_pool::NEEDS;
use crate::config::{self, EXIT_CODE, Environment};
use crate::domain::ids::AssetId;
use crate::domain::units::{SwapFee, Timestamp, Usd, Weight, decimal_wad};

/// What to replay, and for whom.
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// The folder with market data; `ballast replay-prices --help` has its columns. Without it a made-up scenario is played, which proves
    /// nothing.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The first day: `2023-02-01`, or a time such as `2023-02-01T12:00:00Z`. The first of the data if absent.
    #[arg(long, value_name = "TIME", requires = "data")]
    from: Option<String>,
    /// The end, not included. The last of the data if absent.
    #[arg(long, value_name = "TIME", requires = "data", conflicts_with = "path")]
    to: Option<String>,
    /// What could have happened instead of what did: `dies`, `dies-with-dai`, `stays`, `jumps` or `bleeds`, stories that leave the data in
    /// March 2023.
    #[arg(long, value_name = "NAME", requires = "data")]
    path: Option<String>,
    /// Hours after which a human lets an asset back that has been off its peg for so long that only a human may; 0 is never.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    operator_hours: u64,
    /// What chance in stories begins with: the same seed tells the same story.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A policy file, or the name of a policy or baseline; again for each that is compared. The first is what the others are measured
    /// against.
    #[arg(long = "policy", value_name = "NAME|FILE")]
    policies: Vec<String>,
    /// A pool file of a configuration directory, `DIR/pools/NAME.toml`; 40/35/25 of DAI, USDC and USDT if absent.
    #[arg(long, value_name = "FILE")]
    pool: Option<PathBuf>,
    /// What the pool is worth at the beginning, in dollars.
    #[arg(long, value_name = "USD", default_value = "500000")]
    value: String,
    /// The pool's swap fee in basis points.
    #[arg(long, value_name = "BPS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    fee_bps: u32,
    /// The percentage of the market's turnover that the pool sees.
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    volume: u32,
    /// Blocks from a decision to the inclusion of its transaction.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    blocks: u32,
    /// Run everything again with one number changed at a time: gas, volumes, delays, fees, sizes.
    #[arg(long)]
    sensitivity: bool,
    /// Write the comparison into this folder: a page for people, `index.html`, and CSV and JSON for programs.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs all contenders, and prints the comparison. 0 when there is one, 1 when the data is at fault.
#[must_use]
pub fn run(args: &BacktestArgs) -> ExitCode {
    match told(args) {
        Ok(text) => {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("ballast backtest: {fault}");
            if fault.is::<config::Faults>() { ExitCode::from(EXIT_CODE) } else { ExitCode::FAILURE }
        }
    }
}

fn told(args: &BacktestArgs) -> Result<String, Box<dyn Error>> {
    let setup = setup(args)?;
    let contenders = contenders(args)?;
    let world = world(args, &setup)?;
    let bar = progress(contenders.len(), !args.json);
    let done = |contender: &Contender| {
        bar.set_message(contender.name.clone());
        bar.inc(1);
    };
    let (mut study, courses) = trial::study::compare(&world, &setup, &contenders, done)?;
    if args.sensitivity {
        study.sensitivity = trial::sensitivity::sensitivity(&world, &setup, &contenders)?;
    }
    bar.finish_and_clear();
    if let Some(folder) = &args.report {
        let unwritten = |fault: std::io::Error| format!("--report: {}: {fault}", folder.display());
        trial::report::write(folder, &world, &study, &courses).map_err(unwritten)?;
    }
    if args.json { Ok(serde_json::to_string_pretty(&study)? + "\n") } else { Ok(table::table(&study)) }
}

fn progress(contenders: usize, shown: bool) -> ProgressBar {
    let bar = if shown { ProgressBar::new(u64::try_from(contenders).unwrap_or(u64::MAX)) } else { ProgressBar::hidden() };
    match ProgressStyle::with_template("{bar:30} {pos}/{len} contenders  {elapsed}  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn contenders(args: &BacktestArgs) -> Result<Vec<Contender>, Box<dyn Error>> {
    let usual = || contenders::USUAL.map(str::to_owned).to_vec();
    let names = if args.policies.is_empty() { usual() } else { args.policies.clone() };
    Ok(names.iter().map(|name| contenders::named(name)).collect::<Result<_, _>>()?)
}

/// The pool that is put on trial.
fn setup(args: &BacktestArgs) -> Result<Setup, Box<dyn Error>> {
    let value = decimal_wad(&args.value)
        .filter(|value| *value > 0)
        .ok_or_else(|| format!("--value: found `{}`; expected dollars above zero, such as 500000", args.value))?;
    let usual = match &args.pool {
        Some(file) => of_file(file)?,
        None => Setup::example(NEEDS)?,
    };
    Ok(Setup {
        value: Usd::from_wad(value),
        fee: SwapFee::from_bps(args.fee_bps),
        volume_share: Weight::from_bps(args.volume.saturating_mul(100)),
        inclusion_blocks: args.blocks,
        ..usual
    })
}

/// A pool of a configuration directory.
fn of_file(file: &std::path::Path) -> Result<Setup, Box<dyn Error>> {
    let expected =
        || format!("--pool: found `{}`; expected a pool file of a configuration directory, DIR/pools/NAME.toml", file.display());
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).ok_or_else(expected)?;
    let directory = file.parent().and_then(std::path::Path::parent).ok_or_else(expected)?;
    let settings = config::load(directory, &Environment::process())?;
    let pool = settings.pools.values().find(|pool| pool.id.as_str() == name).ok_or_else(expected)?;
    let decimals = |asset: &AssetId| {
        let on = settings.assets.get(asset).and_then(|asset| asset.on.get(&pool.chain));
        on.map(|on| on.decimals)
            .ok_or_else(|| format!("--pool: {asset} is a share of a vault, and shares cannot be put on trial yet"))
    };
    let decimals = pool.mandate.assets.iter().map(decimals).collect::<Result<_, _>>()?;
    Ok(Setup::usual(pool.mandate.clone(), decimals, NEEDS))
}

/// What everybody goes through: history, a story that leaves it, or without data a story alone.
fn world(args: &BacktestArgs, setup: &Setup) -> Result<World, Box<dyn Error>> {
    let (rule, votes) = config::peg_defaults()?;
    let hours = args.operator_hours;
    let law = Law { rule, votes, operator: (hours > 0).then(|| Duration::from_hours(hours)) };
    let mandate = &setup.mandate;
    let Some(folder) = &args.data else { return Ok(World::of_story(&story::SYNTHETIC, mandate, law, args.seed)) };
    let archive = Archive::load(folder)?;
    let all = archive.span(&mandate.assets).ok_or("the data has no time at which all assets of the pool have a price")?;
    let time = |option, text: &Option<String>| text.as_deref().map(|text| moment(option, text)).transpose();
    let from = time("--from", &args.from)?.unwrap_or(all.from);
    if let Some(name) = &args.path {
        let names = || story::MARCH.map(|story| story.name).join(", ");
        let story = story::named(name).ok_or_else(|| format!("--path: found `{name}`; expected one of {}", names()))?;
        return Ok(World::of_branch(&archive, story, from, mandate, law, args.seed)?);
    }
    let until = time("--to", &args.to)?.unwrap_or(all.until);
    let span = backtest::Span { from, until, ..all }.bounded()?;
    Ok(World::of_history(&archive, span, mandate, law)?)
}

/// A day or a time.
fn moment(option: &str, text: &str) -> Result<Timestamp, String> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    let seconds =
        day.map(|day| day.and_utc().timestamp()).or_else(|| Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp()));
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let minute = seconds.map(|seconds| Timestamp::from_secs(seconds / 60 * 60));
    minute.ok_or_else(|| {
        format!("{option}: found `{text}`; expected a day such as 2023-02-01, or a time such as 2023-02-01T12:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: BacktestArgs,
    }

    fn answer(words: &[&str]) -> Result<String, String> {
        let args = Cli::try_parse_from([&["backtest"], words].concat()).unwrap().args;
        told(&args).map_err(|fault| fault.to_string())
    }

    #[test]
    fn without_data_a_story_is_told_and_says_that_it_is_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let report = folder.path().join("out");
        let json =
            answer(&["--policy", "hold", "--policy", "freeze-only", "--json", "--report", report.to_str().unwrap()]).unwrap();
        let study: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(study["notes"][0].as_str().unwrap().contains("SYNTHETIC"), "{}", study["notes"]);
        assert_eq!(study["rows"][1]["name"], "freeze-only");
        let plans: Vec<&str> =
            study["rows"][1]["acts"].as_array().unwrap().iter().map(|act| act["plan"].as_str().unwrap()).collect();
        assert_eq!(plans, ["freeze", "fee_ramp", "open"]);
        let written = |name: &str| std::fs::read_to_string(report.join(name)).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written("study.json")).unwrap(), study);
        assert!(written("values.csv").starts_with("time_utc,hold,freeze-only\n"));
        assert_eq!(written("acts.csv").lines().count(), 4);
        let page = written("index.html");
        assert!(page.len() < 10_000_000 && page.contains("plotly") && !page.contains("\"data\"</script>"), "{}", page.len());
        assert!(!page.contains("<script src") && !page.contains("<link"), "it needs no network");
        assert!(page.contains("\"name\":\"freeze-only\""));
    }

    #[test]
    fn what_hangs_on_one_number_is_told_for_everybody() {
        let found = answer(&["--policy", "hold", "--policy", "freeze-only", "--json", "--sensitivity"]).unwrap();
        let study: serde_json::Value = serde_json::from_str(&found).unwrap();
        let net = |what: &str| {
            let all = study["sensitivity"].as_array().unwrap();
            let one = all.iter().find(|one| one["what"] == what).unwrap_or_else(|| panic!("{what} of {all:?}"));
            [0, 1].map(|at| one["net_bp"][at].as_f64().unwrap())
        };
        let [held, frozen] = net("as assumed");
        assert!((frozen - study["rows"][1]["measures"]["net"].as_f64().unwrap() * 1e4).abs() < 0.01);
        let [same, dearer] = net("gas at 500 %");
        assert!((same - held).abs() < 1e-9 && dearer < frozen, "{dearer} {frozen}");
        assert!(net("100 % of the market's turnover")[1] > net("0 % of the market's turnover")[1]);
        let waits = |what: &str| {
            let all = study["sensitivity"].as_array().unwrap();
            all.iter().find(|one| one["what"] == what).unwrap()["forgone_usd"][1].as_f64().unwrap()
        };
        assert!(waits("trading is back 72 h after all coins are") > waits("trading is back 0 h after all coins are"));
    }

    #[test]
    fn what_cannot_be_compared_is_said_with_what_could() {
        let fault = answer(&["--policy", "guardd"]).unwrap_err();
        assert!(fault.contains("`guardd`") && fault.contains("article-uncapped"), "{fault}");
        let fault = answer(&["--value=-3"]).unwrap_err();
        assert!(fault.contains("--value: found `-3`"), "{fault}");
        let nowhere = tempfile::TempDir::new().unwrap();
        let fault = answer(&["--data", nowhere.path().to_str().unwrap()]).unwrap_err();
        assert!(fault.contains("VENUE_PAIR_1m_PERIOD.csv"), "{fault}");
        let fault = answer(&["--pool", nowhere.path().join("pools/none.toml").to_str().unwrap()]).unwrap_err();
        assert!(fault.contains("ballast.toml"), "{fault}");
    }

    #[test]
    fn a_pool_file_is_put_on_trial_with_its_own_targets() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/example/pools/treasury.toml");
        let setup = of_file(std::path::Path::new(file)).unwrap();
        assert_eq!(setup.mandate.assets.len(), 3);
        assert_eq!(setup.decimals, [18, 6, 6]);
    }

    #[test]
    fn times_are_days_or_moments_and_anything_else_is_refused() {
        assert_eq!(moment("--from", "2023-02-01").unwrap(), Timestamp::from_secs(1_675_209_600));
        assert_eq!(moment("--from", "2023-02-01T00:00:59Z").unwrap(), Timestamp::from_secs(1_675_209_600));
        let fault = moment("--to", "01.02.2023").unwrap_err();
        assert!(fault.contains("--to: found `01.02.2023`; expected a day"), "{fault}");
    }

    #[test]
    fn data_that_does_not_reach_is_named_with_its_place() {
        let folder = tempfile::TempDir::new().unwrap();
        let minutes = |price: &str| -> String {
            let rows = (0..3_000).map(|minute: u32| {
                let (day, hour, minute) = (1 + minute / 1_440, minute / 60 % 24, minute % 60);
                format!("2023-03-{day:02}T{hour:02}:{minute:02}:00Z,{price},{price},{price},500000\n")
            });
            format!("minute_start_utc,high,low,close,volume_base\n{}", rows.collect::<String>())
        };
        for pair in ["usdcusd", "usdtusd", "daiusd"] {
            std::fs::write(folder.path().join(format!("kraken_{pair}_1m_x.csv")), minutes("1")).unwrap();
        }
        let data = folder.path().to_str().unwrap();
        let fault = answer(&["--data", data]).unwrap_err();
        assert!(fault.contains("there is no price of gas"), "{fault}");
        let gas = "date_utc,avg_gas_price_gwei,eth_usd\n2023-03-01,20,1600\n2023-03-02,20,1600\n2023-03-03,20,1600\n";
        std::fs::write(folder.path().join("ethereum_gas_daily_x.csv"), gas).unwrap();
        let found = answer(&["--data", data, "--policy", "hold", "--policy", "pool"]).unwrap();
        assert!(found.contains("as it happened") && found.contains("nobody but arbitrageurs trades"), "{found}");
        let fault = answer(&["--data", data, "--from", "2022-01-01"]).unwrap_err();
        assert!(fault.contains("there is no price of DAI at 2022-01-01"), "{fault}");
        std::fs::write(folder.path().join("ethereum_gas_daily_x.csv"), gas.replace("2023-03-03", "2023-03-02")).unwrap();
        let fault = answer(&["--data", data]).unwrap_err();
        assert!(fault.contains("ethereum_gas_daily_x.csv:4, date_utc: found 2023-03-02"), "{fault}");
        let fault = Cli::try_parse_from(["backtest", "--data", data, "--path", "dies", "--to", "2023-03-03"]).err().unwrap();
        assert!(fault.to_string().contains("--to"), "what would not be heeded is refused: {fault}");
        std::fs::write(folder.path().join("ethereum_gas_daily_x.csv"), gas.replace("20,1600", "-4,1600")).unwrap();
        let fault = answer(&["--data", data]).unwrap_err();
        assert!(fault.contains("ethereum_gas_daily_x.csv:2, avg_gas_price_gwei: found `-4`"), "{fault}");
    }
}
