//! `ballast ops release`: lets go of a pool that waits for a human. Whoever says so accepts the ramp that the chain has.

use clap::Args;

use super::{ByArg, ConfigArg, OpsFault, Told, who};
use crate::clock::WallClock;
use crate::config::Environment;
use crate::domain::ids::PoolId;
use crate::ports::{Clock, JournalFault};

/// Which pool.
#[derive(Args, Debug)]
pub struct ReleaseArgs {
    /// The pool, by the name of its file.
    #[arg(value_name = "POOL")]
    pool: String,
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    by: ByArg,
}

pub(super) async fn run(args: &ReleaseArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = super::open(&args.config, environment).await?;
    let by = who(&args.by, environment)?;
    let pool = PoolId::new(&args.pool);
    if !settings.pools.contains_key(&pool) {
        let known: Vec<&str> = settings.pools.keys().map(PoolId::as_str).collect();
        return Err(OpsFault::Refused(format!("there is no pool `{pool}`; there are {}", known.join(", "))));
    }
    let at = WallClock::read().now();
    journal.release_pool(&pool, &by, at).await.map_err(|fault| match fault {
        JournalFault::Conflict(_) | JournalFault::Unknown(_) => {
            OpsFault::Refused(format!("the pool {pool} does not wait for anybody: there is nothing to release"))
        }
        other => OpsFault::Journal(other),
    })?;
    Ok(Told::done(format!(
        "Noted at {at} for {by}: {pool} is released, with the ramp that the chain has.\nA running process decides for it again at its \
         next block.\n"
    )))
}
