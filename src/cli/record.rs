//! `ballast record`: listens and writes down. It runs the tree that `ballast run` runs, without a pool, with a key that it made up and a
//! journal in memory: there is nothing that it could send.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use clap::Args;

use crate::app::{App, Wiring};
use crate::cli::asked_to_stop;
use crate::clock::WallClock;
use crate::config::{self, EXIT_CODE, Environment, Settings, SignerSettings};
use crate::observe::spans::{self, LogForm};
use crate::recording::Recording;

/// Nothing is in flight that would be waited for.
const GRACE: Duration = Duration::from_secs(1);

/// What to record.
#[derive(Args, Debug)]
pub struct RecordArgs {
    /// The directory with `ballast.toml` and `pools/`.
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// The new file; a name that ends in `.gz` is compressed.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// For how long (30m, 12h); until Ctrl-C if absent.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    lasts: Option<Duration>,
}

pub(super) async fn run(args: RecordArgs) -> ExitCode {
    let settings = match config::load(&args.config, &Environment::process()) {
        Ok(settings) => harmless(settings),
        Err(faults) => {
            eprint!("{faults}");
            return ExitCode::from(EXIT_CODE);
        }
    };
    if let Err(fault) = spans::init(LogForm::Pretty, &settings.telemetry.filter, None) {
        eprintln!("ballast: telemetry: {fault}");
        return ExitCode::FAILURE;
    }
    match record(&args, &settings).await {
        Ok(readings) => {
            println!("{readings} readings in {}", args.out.display());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("ballast record: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The same settings without a pool, without a key of anybody, and with a listener that is in no running process's way.
fn harmless(mut settings: Settings) -> Settings {
    settings.pools.clear();
    settings.http.listen.set_port(0);
    settings.alerts.discord_webhook = None;
    for chain in settings.chains.values_mut() {
        chain.keeper = SignerSettings::PrivateKey(B256::repeat_byte(1).to_string().into());
        (chain.guardian, chain.treasury) = (None, None);
        chain.relay = None;
    }
    settings
}

async fn record(args: &RecordArgs, settings: &Settings) -> Result<u64, String> {
    let recording = Arc::new(Recording::begin(&args.out).map_err(|fault| fault.to_string())?);
    let mut wiring = Wiring::new(Arc::new(WallClock::read())).map_err(|fault| fault.to_string())?;
    wiring.recorder = Some(recording.clone());
    let mut app = App::start(settings, wiring).await.map_err(|fault| fault.to_string())?;
    tracing::info!(file = %args.out.display(), "recording");
    let over = async {
        match args.lasts {
            Some(lasts) => tokio::time::sleep(lasts).await,
            None => std::future::pending().await,
        }
    };
    let alive = tokio::select! {
        () = over => true,
        () = asked_to_stop() => true,
        () = app.died() => false,
    };
    app.shutdown(GRACE).await;
    let readings = recording.end().map_err(|fault| fault.to_string())?;
    if alive { Ok(readings) } else { Err(format!("the root actor died after {readings} readings")) }
}
