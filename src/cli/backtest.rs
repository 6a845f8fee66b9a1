//! `ballast backtest`: what policies would have done with a pool, with every cost, and what would have become of it.

mod table;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::backtest;
use crate::backtest::trial::{self, Archive, Contender, Law, Setup, Study, World, contenders, story};
use crate::config::{self, EXIT_CODE, Environment};
use crate::domain::allocation::Allocation;
use crate::domain::ids::{AssetId, GroupId};
use crate::domain::position::Mandate;
use crate::domain::units::{SwapFee, Timestamp, Usd, Weight, decimal_wad};

/// What to replay, and for whom.
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// The folder with market data; `ballast replay-prices --help` has its columns. Without it a made-up scenario is played, which proves
    /// nothing.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The first day: `2023-02-01`, or a time such as `2023-02-01T12:00:00Z`. The first of the data if absent.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The end, not included. The last of the data if absent.
    #[arg(long, value_name = "TIME")]
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
    let (study, _courses) = trial::study::compare(&world, &setup, &contenders, !args.json)?;
    if args.json { Ok(serde_json::to_string_pretty(&study)? + "\n") } else { Ok(table::table(&study)) }
}

fn contenders(args: &BacktestArgs) -> Result<Vec<Contender>, Box<dyn Error>> {
    let usual = || contenders::USUAL.map(str::to_owned).to_vec();
    let names = if args.policies.is_empty() { usual() } else { args.policies.clone() };
    Ok(names.iter().map(|name| trial::named(name)).collect::<Result<_, _>>()?)
}

/// The pool that is put on trial.
fn setup(args: &BacktestArgs) -> Result<Setup, Box<dyn Error>> {
    let value = decimal_wad(&args.value)
        .filter(|value| *value > 0)
        .ok_or_else(|| format!("--value: found `{}`; expected dollars above zero, such as 500000", args.value))?;
    let (mandate, decimals) = match &args.pool {
        Some(file) => of_file(file)?,
        None => example()?,
    };
    Ok(Setup {
        value: Usd::from_wad(value),
        fee: SwapFee::from_bps(args.fee_bps),
        volume_share: Weight::from_bps(args.volume.saturating_mul(100)),
        inclusion_blocks: args.blocks,
        ..Setup::example(mandate, decimals)
    })
}

/// The pool of the examples.
fn example() -> Result<(Mandate, Vec<u8>), Box<dyn Error>> {
    let bps = |all: [u32; 3]| all.map(Weight::from_bps).to_vec();
    let assets = ["DAI", "USDC", "USDT"].map(AssetId::new).to_vec();
    let target = Allocation::exact(bps([4_000, 3_500, 2_500]))?;
    let mandate = Mandate::plain(assets, target, bps([2_000, 1_500, 500]), bps([6_000, 5_500, 4_500]));
    let usdc = Some(GroupId::new("usdc"));
    Ok((Mandate { groups: vec![usdc.clone(), usdc, None], ..mandate }, vec![18, 6, 6]))
}

/// A pool of a configuration directory.
fn of_file(file: &std::path::Path) -> Result<(Mandate, Vec<u8>), Box<dyn Error>> {
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
    Ok((pool.mandate.clone(), decimals))
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

/// For people.
#[must_use]
fn headline(study: &Study) -> String {
    format!("{}, {} to {}, {} ticks of {} s", study.world, study.from, study.until, study.ticks, study.step_seconds)
}
