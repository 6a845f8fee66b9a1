//! `ballast rebalance`: a human asks for a return to the target. It runs beside the process that decides, and writes down who asked; the
//! pool acts on it within a minute. The wish does not wait for the next hour, and nothing is asked of its worth; everything else holds.

use std::process::ExitCode;

use clap::Args;

use super::ops::{self, ByArg, ConfigArg, OpsFault, Told};
use crate::clock::WallClock;
use crate::config::Environment;
use crate::ports::{Clock, JournalFault};

/// Which pool.
#[derive(Args, Debug)]
pub struct RebalanceArgs {
    /// The pool, by the name of its file.
    #[arg(value_name = "POOL")]
    pool: String,
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    by: ByArg,
}

pub(super) async fn run(args: RebalanceArgs) -> ExitCode {
    ops::end("ballast rebalance", ask(&args, &Environment::process()).await)
}

async fn ask(args: &RebalanceArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = ops::open(&args.config, environment).await?;
    let by = ops::who(&args.by, environment)?;
    let pool = ops::pool(&settings, &args.pool)?.id.clone();
    let at = WallClock::read().now();
    journal.ask_rebalance(&pool, &by, at).await.map_err(|fault| match fault {
        JournalFault::Unknown(_) => OpsFault::Refused(format!("{pool} was never seen: has `ballast run` started with it?")),
        other => OpsFault::Journal(other),
    })?;
    Ok(Told::done(format!(
        "Noted at {at} for {by}: {pool} is to go back to its target.\nA running process looks within a minute; `ballast explain {pool}` \
         says what came of it.\n"
    )))
}
