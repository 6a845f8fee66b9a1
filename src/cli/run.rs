//! `ballast run`: settings, telemetry, the app, and an orderly end.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::app::{App, StartFault, Wiring};
use crate::cli::{EXIT_ROOT_DIED, asked_to_stop};
use crate::clock::WallClock;
use crate::config::{self, EXIT_CODE, Environment, LogFormat, Settings, Watch};
use crate::observe::spans::{self, LogForm};
use crate::ports::Recorder;
use crate::recording::Recording;

/// How long an operation in flight is waited for at the end. Kubernetes gives 30 s by default; the rest is for the tree and the traces.
const GRACE: Duration = Duration::from_secs(20);

/// Runs until it is asked to stop.
pub(super) async fn run(dir: &Path, record: Option<&Path>) -> ExitCode {
    let watch = Watch::begin(dir, Environment::process());
    let settings = match config::load(dir, &Environment::process()) {
        Ok(settings) => settings,
        Err(faults) => {
            eprint!("{faults}");
            return ExitCode::from(EXIT_CODE);
        }
    };
    let form = match settings.telemetry.log {
        LogFormat::Pretty => LogForm::Pretty,
        LogFormat::Json => LogForm::Json,
    };
    let telemetry = match spans::init(form, &settings.telemetry.filter, settings.telemetry.otlp_endpoint.as_deref()) {
        Ok(telemetry) => telemetry,
        Err(fault) => {
            eprintln!("ballast: telemetry: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let code = look_after(&settings, watch, record).await;
    if let Err(fault) = telemetry.shutdown().await {
        tracing::warn!(%fault, "the last traces are lost");
    }
    code
}

async fn look_after(settings: &Settings, watch: Watch, record: Option<&Path>) -> ExitCode {
    let recording = match record.map(Recording::begin).transpose() {
        Ok(recording) => recording.map(Arc::new),
        Err(fault) => {
            tracing::error!(%fault, "ballast cannot start");
            return ExitCode::FAILURE;
        }
    };
    let started = match Wiring::durable(settings, Arc::new(WallClock::read())).await {
        Ok(mut wiring) => {
            wiring.recorder = recording.clone().map(|recording| recording as Arc<dyn Recorder>);
            App::start(settings, wiring).await
        }
        Err(fault) => Err(fault),
    };
    let code = serve(settings, watch, started).await;
    match recording.map(|recording| recording.end()) {
        Some(Ok(readings)) => tracing::info!(readings, "the recording is complete"),
        Some(Err(fault)) => tracing::error!(%fault, "the recording is not complete"),
        None => {}
    }
    code
}

/// From the start to the end.
async fn serve(settings: &Settings, watch: Watch, started: Result<App, StartFault>) -> ExitCode {
    let mut app = match started {
        Ok(app) => app,
        Err(fault) => {
            tracing::error!(%fault, "ballast cannot start");
            return ExitCode::FAILURE;
        }
    };
    tracing::info!(http = %app.http, pools = settings.pools.len(), "ballast is up");
    let (stop, follow) = (asked_to_stop(), app.follower().watch(watch, asked_to_read_again()));
    tokio::pin!(stop);
    let alive = tokio::select! {
        () = &mut stop => true,
        // Ends only with a bug, which it tells; whoever is looked after is looked after all the same.
        () = async { follow.await; std::future::pending().await } => true,
        alive = until_death(&mut app) => alive,
    };
    if !alive {
        tracing::error!("the root actor died");
        return ExitCode::from(EXIT_ROOT_DIED);
    }
    tracing::info!("stopping: what is in flight is finished first");
    if app.shutdown(GRACE).await {
        tracing::info!("stopped, nothing is in flight");
    } else {
        tracing::warn!("stopped with a transaction in flight; it may still be included");
    }
    ExitCode::SUCCESS
}

/// SIGHUP asks for it, as of old.
fn asked_to_read_again() -> Arc<Notify> {
    let asked = Arc::new(Notify::new());
    #[cfg(unix)]
    if let Ok(mut hung_up) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        let asked = Arc::clone(&asked);
        tokio::spawn(async move {
            while hung_up.recv().await.is_some() {
                asked.notify_one();
            }
        });
    }
    asked
}

/// Announces that every chain has been heard, and then waits for what nobody hopes for. Always false.
async fn until_death(app: &mut App) -> bool {
    if app.ready().await {
        tracing::info!("every chain has been heard");
        app.died().await;
    }
    false
}
