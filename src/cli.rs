//! The commands. Exit codes: 0 done, 1 failed, 70 the actor tree died, 78 the settings are at fault.

pub mod backtest;
pub mod check;
pub mod demo;
pub mod explain;
pub mod init;
pub mod ops;
mod panics;
pub mod prices;
pub mod promote;
pub mod rebalance;
pub mod record;
pub mod replay;
pub mod reset_peg;
pub mod run;
pub mod tune;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The process ended because its root actor died.
pub const EXIT_ROOT_DIED: u8 = 70;

/// Keeps stablecoin pools on Balancer V2 at their target weights, day and night.
#[derive(Debug, Parser)]
#[command(name = "ballast", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Looks after the pools of a configuration directory.
    Run {
        /// The directory with `ballast.toml` and `pools/`.
        #[arg(long, value_name = "DIR")]
        config: PathBuf,
        /// Keep every raw reading in this new file too; a name that ends in `.gz` is compressed.
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
    },
    /// Checks a configuration directory and opens no socket.
    Check {
        /// The directory with `ballast.toml` and `pools/`.
        #[arg(long, value_name = "DIR")]
        config: PathBuf,
    },
    /// Shows Ballast at work: five pools on the real Balancer V2, on a local chain, through a depeg. Needs no network and no keys.
    Demo(demo::DemoArgs),
    /// Shows what was decided for a pool, why, and what each answer to a depeg would cost.
    Explain(explain::ExplainArgs),
    /// Reads a pool and writes its file, in the mode that only observes.
    Init(init::InitArgs),
    /// Moves a pool one mode up, after its checks: from observing to dry runs, and from there to sending.
    Promote(promote::PromoteArgs),
    /// Shows what the journal has of operations, and steers them.
    #[command(subcommand)]
    Ops(ops::OpsCommand),
    /// Shows what a running process thinks of its assets' prices: every source, its vote, and why it has none.
    Prices(prices::PricesArgs),
    /// Asks a pool to go back to its target, now.
    Rebalance(rebalance::RebalanceArgs),
    /// Listens to every source of the settings and keeps each raw reading in a file. Needs no key and sends nothing.
    Record(record::RecordArgs),
    /// Lets an asset back that has been off its peg for so long that only a human may.
    ResetPeg(reset_peg::ResetPegArgs),
    /// Puts policies on trial: what they would have done with a pool on recorded markets, with every cost, and what would have become of
    /// it.
    Backtest(backtest::BacktestArgs),
    /// Searches for better numbers of a policy, and says with intervals what they are worth where they were not chosen.
    Tune(tune::TuneArgs),
    /// Replays recorded prices through the decision that runs, and says when it would have sounded the alarm.
    ReplayPrices(replay::ReplayArgs),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    panics::install();
    // Two crypto libraries are in the tree; whoever comes first chooses for all, and a second choice changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[cfg(feature = "failpoints")]
    if let Err(fault) = crate::crash::arm(&crate::config::Environment::process()) {
        eprintln!("ballast: {fault}");
        return ExitCode::FAILURE;
    }
    match &cli.command {
        Command::Check { config } => return check::run(config),
        Command::Backtest(args) => return backtest::run(args),
        Command::Tune(args) => return tune::run(args),
        Command::ReplayPrices(args) => return replay::run(args),
        _ => {}
    }
    // Two workers at least: with one, a handler that computes keeps the exporter and the health page waiting.
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("ballast: the runtime cannot start: {fault}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        match cli.command {
            Command::Run { config, record } => run::run(&config, record.as_deref()).await,
            Command::Record(args) => record::run(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Explain(args) => explain::run(args).await,
            Command::Init(args) => init::run(args).await,
            Command::Promote(args) => promote::run(args).await,
            Command::Ops(command) => ops::run(command).await,
            Command::Prices(args) => prices::run(args).await,
            Command::Rebalance(args) => rebalance::run(args).await,
            Command::ResetPeg(args) => reset_peg::run(args).await,
            Command::Check { config } => check::run(&config),
            Command::Backtest(args) => backtest::run(&args),
            Command::Tune(args) => tune::run(&args),
            Command::ReplayPrices(args) => replay::run(&args),
        }
    })
}

/// Completes when the process is asked to stop: Ctrl-C, or SIGTERM where there is such a thing.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
