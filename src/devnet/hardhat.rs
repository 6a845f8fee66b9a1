//! The node of Hardhat (EDR), for tests of what anvil does not do: it enforces the rules of replacement that real nodes have, ten per
//! cent more on both fields of the fee. A process of our own on a free port of the loopback interface; it ends when its standard
//! input does, and so with us, however we die.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(30);

/// The package of the node, which there is for Linux on x86-64 here.
const PACKAGE: &str = "node_modules/@nomicfoundation/edr-linux-x64-gnu";

/// Whether the node is installed in the folder of `package.json`, or there is none for this machine.
#[must_use]
pub fn is_installed(contracts: &Path) -> bool {
    !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) || contracts.join(PACKAGE).is_dir()
}

/// Why the node does not run.
#[derive(Debug, Error)]
pub enum HardhatError {
    /// The program could not be started.
    #[error("{} cannot be started: {fault}; it needs Node.js 20 or later", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
    /// It ended, or said nothing, before it listened.
    #[error("Hardhat's node does not listen: {0}")]
    Deaf(String),
}

/// A running node, which mines only when told.
#[derive(Debug)]
pub struct Hardhat {
    address: SocketAddr,
    /// Its standard input is what it lives by.
    _process: Child,
}

impl Hardhat {
    /// Starts a node from the folder of `package.json`, and waits until it listens.
    ///
    /// # Errors
    /// It does not run.
    pub async fn start(contracts: &Path) -> Result<Self, HardhatError> {
        let program = contracts.join("tools/hardhat");
        let mut command = Command::new(&program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().map_err(|fault| HardhatError::Start { program, fault })?;
        match tokio::time::timeout(PATIENCE, port(&mut process)).await {
            Ok(Some(port)) => Ok(Self { address: (Ipv4Addr::LOCALHOST, port).into(), _process: process }),
            Ok(None) => Err(HardhatError::Deaf(last_words(&mut process).await)),
            Err(_) => Err(HardhatError::Deaf(format!("nothing within {PATIENCE:?}"))),
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The HTTP address of its JSON-RPC interface.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// What it says first.
async fn port(process: &mut Child) -> Option<u16> {
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut()?).read_line(&mut line).await.ok()?;
    line.trim().strip_prefix("listening on ")?.parse().ok()
}

async fn last_words(process: &mut Child) -> String {
    let mut text = String::new();
    if let Some(stderr) = &mut process.stderr {
        let _ = tokio::time::timeout(Duration::from_secs(1), stderr.read_to_string(&mut text)).await;
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(5).collect::<Vec<_>>().join("; ")
}
