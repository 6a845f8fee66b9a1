//! `ballast promote`: moves a pool one mode up. Its file is changed in one place, and only after the pool has been read on its chain, and
//! the journal shows that a running process has judged it a short while ago.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use alloy_primitives::{Address, U256};
use clap::Args;

use super::ops::{self, ConfigArg, OpsFault, Told};
use crate::app;
use crate::chain::provider::Node;
use crate::chain::survey::{Owner, PoolSurvey, survey};
use crate::clock::WallClock;
use crate::config::{self, ChainSettings, Environment, Pools};
use crate::domain::mode::Mode;
use crate::domain::record::DecisionRecord;
use crate::domain::units::Wei;
use crate::ports::Clock;

/// A judgement that is older says nothing of now: a process that runs writes one down every ten minutes.
const FRESH: Duration = Duration::from_mins(15);

/// Which pool.
#[derive(Args, Debug)]
pub struct PromoteArgs {
    /// The pool, by the name of its file.
    #[arg(value_name = "POOL")]
    pool: String,
    #[command(flatten)]
    config: ConfigArg,
}

pub(super) async fn run(args: PromoteArgs) -> ExitCode {
    ops::end("ballast promote", promote(&args, &Environment::process()).await)
}

async fn promote(args: &PromoteArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = ops::open(&args.config, environment).await?;
    let pool = ops::pool(&settings, &args.pool)?;
    let id = &pool.id;
    let Some(to) = pool.mode.above() else {
        return Err(OpsFault::Refused(format!("{id} is {} already: there is nothing above", pool.mode)));
    };
    let chain = settings.chains.get(&pool.chain).ok_or_else(|| OpsFault::Refused(format!("{id} has no chain")))?;
    let now = WallClock::read().now();
    let newest = journal.decisions(id, now, 1).await?.into_iter().next();
    let mut faults = judged(newest.as_ref(), |record| now.since(record.last));
    let node = ops::node(chain.rpc.first().ok_or_else(|| OpsFault::Refused(format!("{} has no rpc", chain.name)))?)?;
    let (keeper, claims) = app::faults_of(&settings, chain, pool, to, &node).await.map_err(OpsFault::Refused)?;
    let found = survey(&node, &app::reader(chain), pool.address).await.map_err(|fault| OpsFault::Refused(fault.to_string()))?;
    faults.extend(claims);
    faults.extend(in_motion(&found));
    if to == Mode::Live {
        faults.extend(poor(chain, keeper, &node).await?);
    }
    if !faults.is_empty() {
        return Err(OpsFault::Refused(format!("{id} stays in {}:\n  - {}", pool.mode, faults.join("\n  - "))));
    }
    let path = args.config.config.join("pools").join(format!("{id}.toml"));
    let text = changed(&path, to)?;
    config::load_with(&args.config.config, environment, Pools::With(id.as_str(), &text)).map_err(OpsFault::Settings)?;
    replace(&path, &text)?;
    let warning = match (to, found.owner) {
        (Mode::Live, Owner::Key(owner)) => {
            format!("Its owner {owner} is a plain key: whoever has it can move all weights in one block.\n")
        }
        _ => String::new(),
    };
    Ok(Told::done(format!(
        "{id}: {} → {to}, in {}.\n{warning}A running `ballast run` takes it within seconds.\n",
        pool.mode,
        path.display()
    )))
}

/// Whether a running process knows the pool, and has nothing against it.
fn judged(record: Option<&DecisionRecord>, age: impl Fn(&DecisionRecord) -> Duration) -> Vec<String> {
    const IN_THE_WAY: [&str; 7] =
        ["unknown", "blocks_differ", "paused", "swaps_off", "foreign_change", "needs_operator", "no_target"];
    let Some(record) = record else {
        return vec!["no process has judged it yet: start `ballast run` with it, and let it look".to_owned()];
    };
    let mut faults = Vec::new();
    if age(record) > FRESH {
        faults.push(format!("it was last judged at {}: is `ballast run` up?", record.last));
    }
    if IN_THE_WAY.contains(&record.code.as_str()) {
        faults.push(format!("it holds, as {}: {}", record.code, record.line));
    }
    faults
}

/// What is under way with it that has to be over first.
fn in_motion(found: &PoolSurvey) -> Vec<String> {
    let paused = found.paused.then(|| "it is paused by its makers".to_owned());
    let moves =
        found.ramp_until.map(|until| format!("a change of weights is in flight until {until}: wait until it has arrived"));
    paused.into_iter().chain(moves).collect()
}

/// Whether the keeper's account has too little to send for it.
async fn poor(chain: &ChainSettings, keeper: Address, node: &Node) -> Result<Option<String>, OpsFault> {
    let balance: U256 =
        node.ask("eth_getBalance", (keeper, "latest")).await.map_err(|fault| OpsFault::Refused(fault.to_string()))?;
    let (balance, least) = (Wei::new(u128::try_from(balance).unwrap_or(u128::MAX)), chain.budget.low_balance);
    let words = || format!("the keeper {keeper} holds {balance}, less than the {least} at which it counts as low");
    Ok((balance < least).then(words))
}

/// The file with another mode, and everything else as it is.
fn changed(path: &Path, to: Mode) -> Result<String, OpsFault> {
    let refused = |fault: &dyn std::fmt::Display| OpsFault::Refused(format!("{} cannot be changed: {fault}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|fault| refused(&fault))?;
    let mut document: toml_edit::DocumentMut = text.parse().map_err(|fault: toml_edit::TomlError| refused(&fault))?;
    match document.get_mut("mode").and_then(toml_edit::Item::as_value_mut) {
        Some(mode) => {
            let decor = mode.decor().clone();
            *mode = to.label().into();
            *mode.decor_mut() = decor;
        }
        None => {
            document.insert("mode", toml_edit::value(to.label()));
        }
    }
    Ok(document.to_string())
}

/// Whole or not at all: whoever reads the folder meanwhile sees the old file or the new one.
fn replace(path: &Path, text: &str) -> Result<(), OpsFault> {
    use std::io::Write;
    let refused = |fault: std::io::Error| OpsFault::Refused(format!("{} cannot be written: {fault}", path.display()));
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".").tempfile_in(folder).map_err(refused)?;
    file.write_all(text.as_bytes()).map_err(refused)?;
    if let Ok(before) = std::fs::metadata(path) {
        file.as_file().set_permissions(before.permissions()).map_err(refused)?;
    }
    file.as_file().sync_all().map_err(refused)?;
    file.persist(path).map_err(|fault| refused(fault.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::units::Timestamp;

    fn record(code: &str) -> DecisionRecord {
        DecisionRecord {
            first: Timestamp::from_secs(1),
            last: Timestamp::from_secs(1),
            count: 1,
            code: code.to_owned(),
            topic: String::new(),
            line: "words".to_owned(),
            numbers: Vec::new(),
            considered: Vec::new(),
            seen: None,
        }
    }

    #[test]
    fn only_what_a_running_process_knows_goes_up() {
        let at = |age: u64| move |_: &DecisionRecord| Duration::from_secs(age);
        assert!(judged(Some(&record("on_target")), at(900)).is_empty());
        assert!(judged(Some(&record("drift")), at(0)).is_empty(), "what it would do is no fault");
        assert!(judged(Some(&record("on_target")), at(901))[0].contains("is `ballast run` up?"));
        assert!(judged(Some(&record("foreign_change")), at(1))[0].contains("foreign_change: words"));
        assert!(judged(None, at(1))[0].contains("no process has judged it yet"));
    }

    #[test]
    fn a_file_keeps_everything_but_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        let text = "# mine\nchain = \"x\"\nmode = \"observe\" # careful\n\n[[tokens]]\nasset = \"DAI\"\n";
        std::fs::write(&path, text).unwrap();
        let next = changed(&path, Mode::DryRun).unwrap();
        assert_eq!(next, text.replace("observe", "dry-run"));
        replace(&path, &next).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), next);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        std::fs::write(&path, "chain = \"x\"\n[[tokens]]\nasset = \"DAI\"\n").unwrap();
        assert_eq!(changed(&path, Mode::Live).unwrap(), "chain = \"x\"\nmode = \"live\"\n[[tokens]]\nasset = \"DAI\"\n");
    }
}
