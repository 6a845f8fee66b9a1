//! `ballast demo`: builds the demo world, runs the same program as `ballast run` against it through the same settings, plays a
//! scenario, says what happens, and judges the end.

mod drill;
mod judge;
mod ledger;
mod narrator;
mod report;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use thiserror::Error;

use crate::app::{App, StartFault, Wiring};
use crate::cli::asked_to_stop;
use crate::config::{self, Environment, Faults};
use crate::devnet::config_files::{self, FileOptions};
use crate::devnet::handle::WorldHandle;
use crate::devnet::scenario::{self, Scenario};
use crate::devnet::toolbox::{self, ToolboxError, ToolboxOptions};
use crate::devnet::{World, WorldError, WorldOptions, stories};
use crate::domain::units::Timestamp;
use crate::observe::spans::{self, LogForm};

use drill::PanicDrill;
use ledger::Ledger;
use narrator::Narrator;

/// When the demo's day begins: a Friday, the day before the weekend that it is modelled on.
const BEGINNING: Timestamp = Timestamp::from_secs(1_678_435_200);
/// By which way all transactions go.
const ROUTE: &str = "private-then-public-after-2-blocks";
/// After the scenario the last ramps may take this much policy time to arrive.
const OVERTIME: Duration = Duration::from_secs(20 * 60);
/// How long the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// What the demo can be asked for.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Leave after the scenario; otherwise the metrics stay up until Ctrl-C.
    #[arg(long)]
    exit: bool,
    /// Write the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Which story to play.
    #[arg(long, value_name = "NAME", default_value = "usdc-depeg")]
    scenario: String,
    /// List the stories and leave.
    #[arg(long)]
    list: bool,
    /// How many times as fast as the clock on the wall.
    #[arg(long, value_name = "TIMES", default_value_t = 120.0)]
    speed: f64,
    /// The anvil program, if not the installed one.
    #[arg(long, value_name = "PATH", env = "BALLAST_ANVIL")]
    anvil: Option<PathBuf>,
    /// The folder of the demo world's contracts, if not `deploy/contracts`.
    #[arg(long, value_name = "DIR")]
    contracts: Option<PathBuf>,
    /// Where /metrics answers; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    listen: String,
    /// Where traces go (OTLP over gRPC).
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Which log lines go to standard error, beside the story.
    #[arg(long, value_name = "FILTER", default_value = "off")]
    log: String,
}

/// Why the demo cannot go on.
#[derive(Debug, Error)]
enum DemoFault {
    #[error("there is no scenario `{0}`; `ballast demo --list` shows what there is")]
    NoScenario(String),
    #[error(transparent)]
    Toolbox(#[from] ToolboxError),
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("the demo's own settings are at fault:\n{0}")]
    Settings(#[from] Faults),
    #[error(transparent)]
    Start(#[from] StartFault),
    #[error("{0}")]
    Io(String),
}

/// Plays the demo.
pub(super) async fn run(args: DemoArgs) -> ExitCode {
    if args.list {
        for story in stories::all() {
            println!("{:<12} {}", story.name, story.about);
        }
        return ExitCode::SUCCESS;
    }
    match play(args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("ballast demo: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn play(args: DemoArgs) -> Result<bool, DemoFault> {
    let story = stories::by_name(&args.scenario).ok_or_else(|| DemoFault::NoScenario(args.scenario.clone()))?;
    let telemetry = spans::init(LogForm::Pretty, &args.log, args.otlp.as_deref())
        .map_err(|fault| DemoFault::Io(format!("--log: {fault}")))?;
    let search_path = Environment::process().get("PATH").map(|path| secrecy::ExposeSecret::expose_secret(path).into());
    let options =
        ToolboxOptions { anvil: args.anvil.clone(), contracts: args.contracts.clone(), search_path, ..ToolboxOptions::default() };
    let tools = tokio::select! {
        tools = toolbox::find(&options) => tools?,
        () = asked_to_stop() => return Ok(false),
    };
    let world = World::start(WorldOptions { speed: args.speed, ..WorldOptions::new(tools, BEGINNING) }).await?;
    let outcome = in_world(&args, &story, &world.handle()).await;
    world.stop().await;
    if let Err(fault) = telemetry.shutdown().await {
        eprintln!("the last traces are lost: {fault}");
    }
    outcome
}

async fn in_world(args: &DemoArgs, story: &Scenario, world: &WorldHandle) -> Result<bool, DemoFault> {
    let io = |fault: std::io::Error| DemoFault::Io(fault.to_string());
    let dir = tempfile::tempdir().map_err(io)?;
    let relay = world.open_relay().await?;
    let venues = world.open_venues().await?;
    let savings = world.open_savings().await?;
    let files = FileOptions {
        listen: args.listen.clone(),
        otlp_endpoint: args.otlp.clone(),
        relay_url: Some(relay.url().to_owned()),
        route: Some(ROUTE.to_owned()),
        venues: Some(venues.urls().clone()),
        savings: Some(savings),
        ..FileOptions::default()
    };
    config_files::write(dir.path(), world, &files)?;
    let environment: Environment = [(config_files::KEY_VARIABLE, world.keeper_key())].into_iter().collect();
    let settings = config::load(dir.path(), &environment)?;

    let drill = Arc::new(PanicDrill::default());
    let wiring = Wiring { drill: drill.clone(), ..Wiring::durable(&settings, world.clock()).await? };
    let requests = wiring.observer.metrics().clone();
    let events = wiring.observer.tap();
    let blocks = world.run();
    let mut app = App::start(&settings, wiring).await?;
    if !app.ready().await {
        return Err(DemoFault::Io("the root actor died".to_owned()));
    }

    let narrator = Narrator::new(std::io::stdout().is_terminal(), world.clock());
    Narrator::opening(story, world, app.http, args.speed);
    let ledger = Ledger::open(world, requests, narrator.clone(), events).await?;
    let told = narrator.clone();
    let story_told = scenario::play(story, world, |step| told.step(step), |pool| drill.arm(pool));
    let finished = tokio::select! {
        played = story_told => {
            played?;
            true
        }
        () = asked_to_stop() => false,
        () = app.died() => return Err(DemoFault::Io("the root actor died".to_owned())),
    };
    let verdict = if finished { judge::wait(world, &ledger, OVERTIME).await? } else { judge::Verdict::interrupted() };
    let report = report::Report::new(story, world, &ledger, &verdict, args.speed).await?;
    print!("\n{}", report.table());
    if let Some(file) = &args.report {
        report.write(file).map_err(io)?;
    }
    if finished && !args.exit {
        println!("\nThe metrics stay up at http://{}/metrics. Ctrl-C ends the demo.", app.http);
        asked_to_stop().await;
    }
    app.shutdown(GRACE).await;
    blocks.stop().await;
    Ok(verdict.passed())
}
