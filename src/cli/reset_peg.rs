//! `ballast reset-peg`: lets an asset back that has been off its peg for so long that only a human may. It runs beside the process that
//! watches, and writes down who asked; the watch acts on it within seconds.

use std::process::ExitCode;

use clap::Args;

use super::ops::{self, ByArg, ConfigArg, OpsFault, Told};
use crate::clock::WallClock;
use crate::config::Environment;
use crate::domain::ids::AssetId;
use crate::ports::{Clock, JournalFault};

/// Which asset.
#[derive(Args, Debug)]
pub struct ResetPegArgs {
    /// The asset, by its name in the settings.
    #[arg(value_name = "TOKEN")]
    asset: String,
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    by: ByArg,
}

pub(super) async fn run(args: ResetPegArgs) -> ExitCode {
    ops::end("ballast reset-peg", reset(&args, &Environment::process()).await)
}

async fn reset(args: &ResetPegArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = ops::open(&args.config, environment).await?;
    let by = ops::who(&args.by, environment)?;
    let asset = AssetId::new(&args.asset);
    if !settings.assets.contains_key(&asset) {
        let known: Vec<&str> = settings.assets.keys().map(AssetId::as_str).collect();
        return Err(OpsFault::Refused(format!("there is no asset `{asset}`; there are {}", known.join(", "))));
    }
    let at = WallClock::read().now();
    journal.reset_peg(&asset, &by, at).await.map_err(|fault| match fault {
        JournalFault::Conflict(_) | JournalFault::Unknown(_) => {
            OpsFault::Refused(format!("{asset} is not disabled: it comes back by itself, or has never left"))
        }
        other => OpsFault::Journal(other),
    })?;
    Ok(Told::done(format!(
        "Noted at {at} for {by}: {asset} may come back.\nA running process takes it as on its way back within seconds; it has to prove \
         itself like any other before its weight is raised.\n"
    )))
}
