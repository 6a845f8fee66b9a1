//! Holds the loss that the ramp's model predicts against the real contracts: pools on the real Balancer V2 byte code change their
//! weights, an arbitrageur trades as soon as a swap gains more than it costs him, and what the Vault then holds less is the loss.
//!
//! In reading order: [`trial`] is one pool and what is done with it, [`trader`] is its arbitrageur, [`grid`] lists all trials,
//! [`weather`] has the prices and the blocks that an arbitrageur misses, [`stage`] is the chain and plays the trials, [`outcome`]
//! puts what was measured beside the model, [`report`] tells, [`picture`] draws.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a harness that finds its own tools broken has nothing to report, and it counts in floats"
)]

mod grid;
mod options;
mod outcome;
mod picture;
mod report;
mod stage;
mod trader;
mod trial;
mod weather;

use std::process::ExitCode;

use clap::Parser;
use tokio::time::Instant;

use options::Options;
use outcome::{Noisy, Outcome, Prophet};
use report::Report;
use stage::Stage;
use trial::Trial;

fn main() -> ExitCode {
    let options = Options::parse();
    if options.is_not_meant() {
        return ExitCode::SUCCESS;
    }
    // Two crypto libraries are in the tree; a client cannot be built before one of them is chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let report = runtime.block_on(run(&options));
    if let Some(path) = &options.picture {
        picture::draw(path, &report);
    }
    println!("{}\n{}", report.for_people(), report.line());
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(options: &Options) -> Report {
    let began = Instant::now();
    let (prophet, quick) = (Prophet { spoiled: options.spoil }, options.is_quick());
    let cells = measure(grid::table(quick), prophet).await;
    let chosen = measure(grid::chosen(prophet), prophet).await;
    let others = measure(grid::others(), prophet).await;
    let mut noisy = Vec::new();
    for trials in grid::restless(quick, options.seeds()) {
        noisy.push(Noisy::of(&trials, &play(&trials).await, prophet));
    }
    Report { cells, chosen, others, noisy, seconds: began.elapsed().as_secs() }
}

async fn measure(trials: Vec<Trial>, prophet: Prophet) -> Vec<Outcome> {
    let measured = play(&trials).await;
    trials.into_iter().zip(measured).map(|(trial, measured)| Outcome::of(trial, measured, prophet)).collect()
}

/// Plays trials beside each other on a chain of their own.
async fn play(trials: &[Trial]) -> Vec<stage::Measured> {
    let blocks = trials.iter().map(|trial| trial.duration.as_secs().div_ceil(trial::BLOCK.as_secs())).max();
    eprintln!("{} pools, {} blocks", trials.len(), blocks.unwrap_or_default());
    Stage::open(trials).await.play(trials).await
}
