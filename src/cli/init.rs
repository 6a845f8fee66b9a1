//! `ballast init`: reads a pool and writes its file, complete and commented, in the mode that only observes. The file is checked with
//! the rest of the settings before it is written; where something is missing, what to add is said and nothing is written.

mod file;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy_primitives::Address;
use clap::Args;
use secrecy::SecretString;

use super::ops::{self, ConfigArg, OpsFault, Told};
use crate::app;
use crate::chain::survey::{PoolSurvey, survey};
use crate::config::{self, ChainSettings, Environment, Pools, Settings};
use crate::domain::ids::AssetId;

/// Which pool, and where it is read.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// The pool's own contract.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// An HTTP address of a node of its chain.
    #[arg(long, value_name = "URL")]
    rpc: SecretString,
    #[command(flatten)]
    config: ConfigArg,
    /// The name of the pool, and so of its file; its coins in lower case if absent.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(super) async fn run(args: InitArgs) -> ExitCode {
    ops::end("ballast init", init(&args, &Environment::process()).await)
}

async fn init(args: &InitArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let dir = &args.config.config;
    let settings = config::load_with(dir, environment, Pools::OrNone).map_err(OpsFault::Settings)?;
    let found = read(args, &settings).await?;
    let chain = settings.chains.values().find(|chain| chain.chain_id == found.chain_id).ok_or_else(|| {
        let known: Vec<String> = settings.chains.values().map(|c| format!("{} ({})", c.name, c.chain_id)).collect();
        OpsFault::Refused(format!(
            "the node is of chain {}; the settings have {}: add a [chains.NAME] with this chain_id to {}",
            found.chain_id,
            known.join(", "),
            dir.join("ballast.toml").display()
        ))
    })?;
    if let Some(other) = settings.pools.values().find(|pool| pool.chain == chain.name && pool.address == found.address) {
        return Err(OpsFault::Refused(format!("{} is looked after already, as `{}`", found.address, other.id)));
    }
    let assets = assets(&found, &settings, chain, dir)?;
    let name = args.name.clone().unwrap_or_else(|| {
        let names: Vec<String> = assets.iter().map(|asset| asset.as_str().to_lowercase()).collect();
        names.join("-")
    });
    let text = file::text(&found, chain, &assets, dir, &name);
    config::load_with(dir, environment, Pools::With(&name, &text)).map_err(OpsFault::Settings)?;
    let path = dir.join("pools").join(format!("{name}.toml"));
    write_new(&path, &text)?;
    Ok(Told::done(format!(
        "{}\nWritten to {}.\n\nNext: read it, then `ballast check --config {}`, and start or reload `ballast run`. It only observes until\n\
         `ballast promote {name} --config {}` says otherwise.\n",
        file::risks(&found).join("\n"),
        path.display(),
        dir.display(),
        dir.display()
    )))
}

async fn read(args: &InitArgs, settings: &Settings) -> Result<PoolSurvey, OpsFault> {
    let node = ops::node(&args.rpc)?;
    // Which chain it is the node says; what a read may use is much the same on all of them.
    let any = settings.chains.values().next();
    let any =
        any.ok_or_else(|| OpsFault::Refused("the settings have no chain: add a [chains.NAME] to ballast.toml".to_owned()))?;
    survey(&node, &app::reader(any), args.address).await.map_err(|fault| OpsFault::Refused(fault.to_string()))
}

/// The configured assets of the pool's tokens, in the vault's order.
fn assets(found: &PoolSurvey, settings: &Settings, chain: &ChainSettings, dir: &Path) -> Result<Vec<AssetId>, OpsFault> {
    let of_token = |token: Address| {
        let asset = settings.assets.iter().find(|(_, asset)| asset.on.get(&chain.name).is_some_and(|on| on.token == token));
        let share = || settings.shares.iter().find(|(_, share)| share.on.get(&chain.name).is_some_and(|on| on.token == token));
        asset.map(|(id, _)| id.clone()).or_else(|| share().map(|(id, _)| id.clone()))
    };
    let known: Vec<Option<AssetId>> = found.tokens.iter().map(|token| of_token(token.address)).collect();
    let missing: Vec<String> = found
        .tokens
        .iter()
        .zip(&known)
        .filter(|(_, asset)| asset.is_none())
        .map(|(token, _)| file::asset_section(token, &chain.name))
        .collect();
    if missing.is_empty() {
        return Ok(known.into_iter().flatten().collect());
    }
    Err(OpsFault::Refused(format!(
        "the pool holds tokens that the settings do not know. Add these to {}, each with the proxy of its own feed and its heartbeat, \
         and sources of two more groups; then ask again:\n\n{}",
        dir.join("ballast.toml").display(),
        missing.join("\n")
    )))
}

/// A file that is there is nobody's to overwrite.
fn write_new(path: &PathBuf, text: &str) -> Result<(), OpsFault> {
    use std::io::Write;
    let refused = |fault: std::io::Error| match fault.kind() {
        std::io::ErrorKind::AlreadyExists => {
            OpsFault::Refused(format!("{} is there already: give another --name, or remove it", path.display()))
        }
        _ => OpsFault::Refused(format!("{} cannot be written: {fault}", path.display())),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(refused)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(refused)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(refused)
}
