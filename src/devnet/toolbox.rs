//! Finds what the world is built from, and installs it when it is not there: the node (`anvil`) and Balancer's byte code, both from
//! npm, pinned by `deploy/contracts/package-lock.json`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use thiserror::Error;

use super::hardhat;

/// Where to look. Everything is optional.
#[derive(Clone, Debug, Default)]
pub struct ToolboxOptions {
    /// The node's program. Nothing else is tried when it is given.
    pub anvil: Option<PathBuf>,
    /// The folder of `package.json`.
    pub contracts: Option<PathBuf>,
    /// The value of `PATH`.
    pub search_path: Option<OsString>,
    /// Whether what only tests need is looked for, and installed, too.
    pub for_tests: bool,
}

/// What the world is built from. All of it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolbox {
    /// The node's program.
    pub anvil: PathBuf,
    /// The folder of `package.json`, whose `node_modules` holds Balancer's byte code.
    pub contracts: PathBuf,
}

/// Why the world cannot be built here. Each says what to do.
#[derive(Debug, Error)]
pub enum ToolboxError {
    /// A given program does not exist.
    #[error("there is no program at {}: pass --anvil the path of Foundry's anvil 1.7", .0.display())]
    NoSuchProgram(PathBuf),
    /// The contracts are not where they are looked for.
    #[error("found no package.json in {}: run ballast in its source tree, or name the folder deploy/contracts of one", list(.0))]
    NoContracts(Vec<PathBuf>),
    /// Something must be installed and there is no npm.
    #[error("{} is missing and there is no npm to install it: install Node.js 20 or later with npm{}", missing.display(), or_anvil(*anvil))]
    NoNpm {
        /// What is missing.
        missing: PathBuf,
        /// Whether the node is missing too.
        anvil: bool,
    },
    /// npm did not succeed.
    #[error("`npm ci --ignore-scripts` in {} failed: {fault}", folder.display())]
    Npm {
        /// Where it ran.
        folder: PathBuf,
        /// Its last words.
        fault: String,
    },
    /// There is no package of the node for this machine.
    #[error("found no anvil for this machine: install Foundry 1.7 from https://getfoundry.sh, or pass --anvil PATH")]
    NoAnvil,
    /// Another process cannot be waited for.
    #[error("{} cannot be locked: {fault}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
}

const fn or_anvil(missing: bool) -> &'static str {
    if missing { ", or pass --anvil PATH if only the node is missing" } else { "" }
}

/// The folder that this program was compiled from.
fn source_tree() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where Balancer's byte code lies once it is installed.
#[must_use]
pub fn balancer_tasks(contracts: &Path) -> PathBuf {
    contracts.join("node_modules/@balancer-labs/v2-deployments/dist/tasks")
}

/// Uniswap's contracts, which only tests need.
pub(super) fn uniswap_contracts(contracts: &Path) -> PathBuf {
    contracts.join("node_modules/@uniswap/v3-core/artifacts/contracts")
}

/// Finds everything, and runs `npm ci --ignore-scripts` first where something is missing. Processes that do so at the same time
/// wait for one another, and only the first installs.
///
/// # Errors
/// Something is missing and cannot be installed.
pub async fn find(options: &ToolboxOptions) -> Result<Toolbox, ToolboxError> {
    let contracts = contracts_folder(options)?;
    if let Some(tools) = installed(options, &contracts)? {
        return Ok(tools);
    }
    let lock = lock(&contracts).await?;
    if installed(options, &contracts)?.is_none() {
        install(options, &contracts).await?;
    }
    drop(lock);
    installed(options, &contracts)?.ok_or(ToolboxError::NoAnvil)
}

/// The tools for a test of this crate, installed if need be. Without them a test fails with the sentence that says what to install;
/// it is never skipped.
#[cfg(test)]
pub(crate) fn for_tests() -> Toolbox {
    use secrecy::ExposeSecret;
    let find = || {
        let environment = crate::config::Environment::process();
        let search_path = environment.get("PATH").map(|path| path.expose_secret().into());
        let options = ToolboxOptions { search_path, for_tests: true, ..ToolboxOptions::default() };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(find(&options)).unwrap()
    };
    // On a thread of its own, because most tests are inside of a runtime already.
    std::thread::spawn(find).join().unwrap()
}

fn contracts_folder(options: &ToolboxOptions) -> Result<PathBuf, ToolboxError> {
    let tried = match &options.contracts {
        Some(folder) => vec![folder.clone()],
        None => vec![source_tree().join("deploy/contracts"), PathBuf::from("deploy/contracts")],
    };
    let found = tried.iter().find(|folder| folder.join("package.json").is_file()).cloned();
    found.ok_or(ToolboxError::NoContracts(tried))
}

/// All tools, if none is missing.
fn installed(options: &ToolboxOptions, contracts: &Path) -> Result<Option<Toolbox>, ToolboxError> {
    let anvil = anvil(options, contracts)?;
    let for_tests = || hardhat::is_installed(contracts) && uniswap_contracts(contracts).is_dir();
    let complete = is_complete(contracts) && balancer_tasks(contracts).is_dir() && (!options.for_tests || for_tests());
    Ok(anvil.filter(|_| complete).map(|anvil| Toolbox { anvil, contracts: contracts.to_owned() }))
}

/// npm writes this file last, so a folder that is being filled is not taken for a full one.
fn is_complete(contracts: &Path) -> bool {
    contracts.join("node_modules/.package-lock.json").is_file()
}

fn anvil(options: &ToolboxOptions, contracts: &Path) -> Result<Option<PathBuf>, ToolboxError> {
    if let Some(path) = &options.anvil {
        return if path.is_file() { Ok(Some(path.clone())) } else { Err(ToolboxError::NoSuchProgram(path.clone())) };
    }
    let packaged = contracts.join(format!("node_modules/@foundry-rs/anvil-{}/bin", platform())).join(program("anvil"));
    let packaged = (is_complete(contracts) && packaged.is_file()).then_some(packaged);
    Ok(packaged.or_else(|| on_path(options, &program("anvil"))))
}

/// The platform's name in the packages of Foundry.
const fn platform() -> &'static str {
    match (cfg!(target_os = "macos"), cfg!(windows), cfg!(target_arch = "aarch64")) {
        (true, _, true) => "darwin-arm64",
        (true, _, false) => "darwin-amd64",
        (_, true, _) => "win32-amd64",
        (_, _, true) => "linux-arm64",
        (_, _, false) => "linux-amd64",
    }
}

fn program(name: &str) -> String {
    if cfg!(windows) { format!("{name}.exe") } else { name.to_owned() }
}

fn on_path(options: &ToolboxOptions, name: &str) -> Option<PathBuf> {
    let folders = options.search_path.as_deref()?.to_str()?.split(if cfg!(windows) { ';' } else { ':' });
    folders.filter(|folder| !folder.is_empty()).map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// Held as long as the file lives; the system releases it when a process dies.
async fn lock(contracts: &Path) -> Result<File, ToolboxError> {
    let path = contracts.join("cache/install.lock");
    let taken = tokio::task::spawn_blocking({
        let path = path.clone();
        move || {
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        }
    });
    taken.await.map_err(std::io::Error::other).flatten().map_err(|fault| ToolboxError::Lock { path, fault })
}

async fn install(options: &ToolboxOptions, contracts: &Path) -> Result<(), ToolboxError> {
    let npm = on_path(options, if cfg!(windows) { "npm.cmd" } else { "npm" });
    let npm = npm.ok_or_else(|| ToolboxError::NoNpm {
        missing: contracts.join("node_modules"),
        anvil: anvil(options, contracts).ok().flatten().is_none(),
    })?;
    let progress = announce(&format!("installing anvil and Balancer's contracts with npm into {}", contracts.display()));
    let mut command = tokio::process::Command::new(npm);
    command.args(["ci", "--ignore-scripts"]).current_dir(contracts).stdin(Stdio::null()).kill_on_drop(true);
    if !options.for_tests {
        command.arg("--omit=dev");
    }
    if let Some(path) = &options.search_path {
        command.env("PATH", path);
    }
    let ended = tokio::time::timeout(Duration::from_mins(10), command.output()).await;
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    let fault = match ended {
        Err(_) => "it did not end within ten minutes".to_owned(),
        Ok(Err(fault)) => fault.to_string(),
        Ok(Ok(output)) if output.status.success() => return Ok(()),
        Ok(Ok(output)) => last_words(&output.stderr),
    };
    Err(ToolboxError::Npm { folder: contracts.to_owned(), fault })
}

fn last_words(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or(&lines).join("; ")
}

/// A moving line on a terminal, one plain line anywhere else.
fn announce(what: &str) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        // Nobody reads it, so there is nothing to do about it.
        let _ = writeln!(std::io::stderr(), "{what}");
        return None;
    }
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    Some(bar)
}
