//! `ballast ops`: what the journal has of operations, for operators. These commands run beside the process that sends. They never open
//! a lane, because whoever opens a lane fences off its writer; what they ask for is written down, and the writer acts on it.
//!
//! [`list`] and [`show`] read, [`cancel`] asks for an operation back, [`reconcile`] holds the journal against the chain and takes an
//! operator's word, [`release`] lets go of a pool. [`names`] names lanes, [`words`] and [`view`] say what is shown, to people and to programs.

mod cancel;
mod list;
mod names;
mod reconcile;
mod release;
mod show;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::chain::provider::{Node, RequestHook, USUAL_TIMEOUT};
use crate::config::{self, EXIT_CODE, Environment, Faults, PoolSettings, Settings};
use crate::domain::ids::PoolId;
use crate::domain::operation::OperationRecord;
use crate::journal;
use crate::ports::{Journal, JournalFault};

/// What operators can do.
#[derive(Debug, Subcommand)]
pub enum OpsCommand {
    /// Lists operations, the youngest first, and says how the lanes are.
    List(list::ListArgs),
    /// Shows everything that is written down of one operation.
    Show(show::ShowArgs),
    /// Asks for an operation back: the process that sends it takes its nonce away from it.
    Cancel(cancel::CancelArgs),
    /// Holds the journal against the chain, and says what to do where they disagree.
    Reconcile(reconcile::ReconcileArgs),
    /// Lets go of a pool that waits for a human, and accepts the ramp that the chain has.
    Release(release::ReleaseArgs),
}

/// Where the settings are.
#[derive(Args, Debug)]
pub(super) struct ConfigArg {
    /// The directory with `ballast.toml` and `pools/`.
    #[arg(long, value_name = "DIR")]
    pub(super) config: PathBuf,
}

/// Who asks.
#[derive(Args, Debug)]
pub(super) struct ByArg {
    /// Who asks for this, for the journal. The user and the host if absent.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Why a command was not carried out.
#[derive(Debug, Error)]
pub(super) enum OpsFault {
    /// The settings are at fault.
    #[error("{0}")]
    Settings(Faults),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// Anything else, in words.
    #[error("{0}")]
    Refused(String),
}

/// What a command has to say, and whether what was asked for has come about.
pub(super) struct Told {
    text: String,
    done: bool,
}

impl Told {
    pub(super) const fn done(text: String) -> Self {
        Self { text, done: true }
    }
}

/// The pool that an operator means.
pub(super) fn pool<'a>(settings: &'a Settings, name: &str) -> Result<&'a PoolSettings, OpsFault> {
    settings.pools.get(&PoolId::new(name)).ok_or_else(|| {
        let known: Vec<&str> = settings.pools.keys().map(PoolId::as_str).collect();
        OpsFault::Refused(format!("there is no pool `{name}`; there are {}", known.join(", ")))
    })
}

/// A node that is asked by hand: nobody counts what it costs.
pub(super) fn node(url: &SecretString) -> Result<Node, OpsFault> {
    let unheard: RequestHook = Arc::new(|_| {});
    Node::http(url, USUAL_TIMEOUT, unheard).map_err(|fault| OpsFault::Refused(fault.to_string()))
}

/// Carries out a command. Data goes to standard output, what went wrong to standard error.
pub(super) async fn run(command: OpsCommand) -> ExitCode {
    let environment = Environment::process();
    let told = match command {
        OpsCommand::List(args) => list::run(&args, &environment).await,
        OpsCommand::Show(args) => show::run(&args, &environment).await,
        OpsCommand::Cancel(args) => cancel::run(&args, &environment).await,
        OpsCommand::Reconcile(args) => reconcile::run(&args, &environment).await,
        OpsCommand::Release(args) => release::run(&args, &environment).await,
    };
    end("ballast ops", told)
}

/// Says what there is to say, and how it went.
pub(super) fn end(command: &str, told: Result<Told, OpsFault>) -> ExitCode {
    match told {
        Ok(told) => {
            say(&told.text);
            if told.done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(OpsFault::Settings(faults)) => {
            eprint!("{faults}");
            ExitCode::from(EXIT_CODE)
        }
        Err(fault) => {
            eprintln!("{command}: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// A reader that closed the pipe has seen enough; the exit code still tells.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The settings, and the journal that they name.
pub(super) async fn open(config: &ConfigArg, environment: &Environment) -> Result<(Settings, Arc<dyn Journal>), OpsFault> {
    let settings = config::load(&config.config, environment).map_err(OpsFault::Settings)?;
    if let Some(path) = missing_file(settings.journal.expose_secret(), &settings.directory) {
        return Err(OpsFault::Refused(format!(
            "there is no journal at {}: `ballast run` makes it at its first start; is this the right --config?",
            path.display()
        )));
    }
    let journal = journal::open(&settings.journal, &settings.directory).await;
    journal.map(|journal| (settings, journal)).map_err(|fault| OpsFault::Refused(fault.to_string()))
}

/// A file that is not there is not made: an empty journal would say that there are no operations, and belong to the wrong user.
fn missing_file(journal: &str, directory: &Path) -> Option<PathBuf> {
    let path = journal.strip_prefix("sqlite:")?;
    let path = directory.join(path.strip_prefix("//").unwrap_or(path));
    (!path.exists()).then_some(path)
}

/// The operation that an operator means.
async fn find(journal: &dyn Journal, id: &str) -> Result<OperationRecord, OpsFault> {
    let digits = id.strip_prefix("0x").unwrap_or(id);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(OpsFault::Refused(format!(
            "`{}` is no id: expected the first hexadecimal digits of one, as `ballast ops list` shows them",
            words::plain(id)
        )));
    }
    journal.find(digits).await.map_err(|fault| match fault {
        JournalFault::Conflict(_) => OpsFault::Refused(format!("several operations begin with `{digits}`: give more digits")),
        JournalFault::Unknown(_) => OpsFault::Refused(format!("no operation begins with `{digits}`")),
        other => OpsFault::Journal(other),
    })
}

/// Who asks, for the journal: the name that was given, or the user and the host that the system names.
pub(super) fn who(by: &ByArg, environment: &Environment) -> Result<String, OpsFault> {
    if let Some(name) = &by.by {
        let name = words::plain(name.trim());
        return if name.is_empty() { Err(OpsFault::Refused("--by is empty: say who asks".to_owned())) } else { Ok(name) };
    }
    let variable = |name: &str| environment.get(name).map(|value| words::plain(value.expose_secret().trim()));
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(variable).filter(|user| !user.is_empty());
    let user = user.ok_or_else(|| {
        OpsFault::Refused(
            "the system does not say who you are, and the journal keeps who asked: give your name with --by".to_owned(),
        )
    })?;
    let host = variable("HOSTNAME").or_else(|| {
        let named = |file| std::fs::read_to_string(file).ok().map(|name| words::plain(name.trim()));
        ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter().find_map(named)
    });
    Ok(match host.filter(|host| !host.is_empty()) {
        Some(host) => format!("{user}@{host}"),
        None => user,
    })
}
