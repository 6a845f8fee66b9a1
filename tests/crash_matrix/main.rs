//! Kills `ballast run` at every named point between two commits of an operation, singly and in pairs, while its node lags, lies and
//! reorganises, and counts from the chain's own events what became of each intent: done once, done twice, or not at all.
//!
//! One local chain with the real Balancer V2; several lanes beside each other, each with a key, a pool, two endpoints and a journal
//! of its own. A run calls for exactly one change of a pool's weights. In reading order: [`plan`] says what happens to a run, [`lane`]
//! lets it happen, [`settings`] is what the program reads, [`process`] is the program and what it says, [`weather`] spoils its
//! endpoints, [`books`] reads its journal, [`verdict`] judges, [`report`] tells.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness that finds its own tools broken has nothing to report"
)]

mod books;
mod lane;
mod options;
mod plan;
mod process;
mod report;
mod settings;
mod verdict;
mod weather;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use ballast::devnet::toolbox::{self, ToolboxOptions};
use ballast::devnet::{Coin, Owner, PoolSpec, TokenSpec, World, WorldOptions};
use clap::Parser;
use futures::future::join_all;
use tokio::time::Instant;

use books::Shelf;
use lane::Lane;
use options::Options;
use report::Report;
use weather::FROZEN;

/// Wall time between two blocks.
const BLOCK: Duration = Duration::from_secs(1);
/// Here everything is deployed.
const FIRST_BLOCK: u64 = 3;

fn main() -> ExitCode {
    let options = Options::parse();
    if options.is_not_meant() {
        return ExitCode::SUCCESS;
    }
    // Two crypto libraries are in the tree; a client cannot be built before one of them is chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // Dropped, everything ends: processes, node and server.
    let report = runtime.block_on(async {
        tokio::select! {
            report = run(&options) => Some(report),
            () = asked_to_stop() => None,
        }
    });
    let Some(report) = report else { return ExitCode::FAILURE };
    println!("{}\n{}", report.counts(), report.line());
    if report.is_good(options.no_write_ahead) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt()).unwrap(), signal(SignalKind::terminate()).unwrap());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn run(options: &Options) -> Report {
    let began = Instant::now();
    let plans = options.plans();
    let (runs, journal, seed, lanes) = (plans.len(), options.journal.label(), options.seed, options.lanes);
    eprintln!("{runs} runs on each journal ({journal}), seed {seed}, {lanes} lanes");
    let world = world(options.lanes).await;
    let blocks = world.run();
    // A chain that is shown as it was some blocks ago must have had its pools by then.
    while world.rpc().height().await.unwrap() < FIRST_BLOCK + FROZEN {
        tokio::time::sleep(BLOCK / 4).await;
    }
    let mut report = Report::new(options.journal, options.seed, plans.len() * options.journal.kinds().len());
    for kind in options.journal.kinds() {
        let shelf = Shelf::open(*kind).await;
        let waiting = RefCell::new(VecDeque::from(plans.clone()));
        let told = RefCell::new(&mut report);
        // Beside each other in one task: they wait for processes and blocks most of the time.
        let lanes = (1..=options.lanes).map(async |number| {
            let lane = Lane::open(number, world.handle(), shelf.clone()).await;
            loop {
                let Some(plan) = waiting.borrow_mut().pop_front() else { return };
                let run = lane.run(&plan, options).await;
                told.borrow_mut().take(&plan, &run, options);
            }
        });
        join_all(lanes).await;
    }
    blocks.stop().await;
    world.stop().await;
    report.end(began.elapsed())
}

/// A chain with a pool for each lane, which keeps the machine's time.
async fn world(lanes: u32) -> World {
    let search_path = Some("/usr/local/bin:/usr/bin:/bin".into());
    let tools = toolbox::find(&ToolboxOptions { search_path, ..ToolboxOptions::default() }).await.unwrap();
    let now = ballast::ports::Clock::now(&ballast::clock::WallClock::read());
    let pools = (1..=lanes).map(pool).collect();
    World::start(WorldOptions { pools, speed: 1.0, block_time: BLOCK, ..WorldOptions::new(tools, now) }).await.unwrap()
}

/// Two coins, so that one number says where the pool is.
fn pool(number: u32) -> PoolSpec {
    let token = |coin, target| TokenSpec::percent(coin, target, 20, 80);
    PoolSpec {
        name: lane::pool_name(number),
        tokens: vec![token(Coin::Usdc, lane::LOW), token(Coin::Usdt, lane::HIGH)],
        value: 100_000,
        fee_bps: 10,
        owner: Owner::Numbered(number),
        answer: None,
    }
}
