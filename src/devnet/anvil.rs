//! The node of the world: an `anvil` process of our own on a free port of the loopback interface. It dies with us, however we die.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::domain::units::{GasPrice, Timestamp};

/// The EIP-155 number of the world's chain.
pub const CHAIN_ID: u64 = 31_337;

/// Everybody's mnemonic for development: its keys are public.
const MNEMONIC: &str = "test test test test test test test test test test test junk";
const PATIENCE: Duration = Duration::from_secs(15);

/// How the chain begins.
#[derive(Clone, Copy, Debug)]
pub struct AnvilOptions {
    /// Time of the genesis block.
    pub genesis: Timestamp,
    /// Gas limit of the first blocks.
    pub gas_limit: u64,
    /// Base fee of the first block.
    pub base_fee: GasPrice,
    /// Whether old states are kept, for those who look at an old block and for reorganisations. The node writes them to the disk:
    /// gigabytes for a day's blocks and twenty pools.
    pub history: bool,
}

/// Why the node does not run.
#[derive(Debug, Error)]
pub enum AnvilError {
    /// The program could not be started.
    #[error("{} cannot be started: {fault}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
    /// It ended before it listened.
    #[error("anvil ended at once: {0}")]
    Ended(String),
    /// It does not listen.
    #[error("anvil does not listen on {0} after {patience} s", patience = PATIENCE.as_secs())]
    Deaf(SocketAddr),
    /// No port could be had.
    #[error("no free port: {0}")]
    Port(std::io::Error),
    /// It has been stopped.
    #[error("the node is down")]
    Down,
}

/// A running node.
#[derive(Debug)]
pub struct Anvil {
    program: PathBuf,
    options: AnvilOptions,
    address: SocketAddr,
    process: Option<Process>,
}

impl Anvil {
    /// Starts a node that mines only when told, and waits until it listens.
    ///
    /// # Errors
    /// The program does not run, or does not listen in time.
    pub async fn start(program: &Path, options: AnvilOptions) -> Result<Self, AnvilError> {
        let mut attempts = 5u32;
        loop {
            let address = free_address().map_err(AnvilError::Port)?;
            attempts = attempts.saturating_sub(1);
            match Process::start(program, &options, address).await {
                Ok(process) => return Ok(Self { program: program.to_owned(), options, address, process: Some(process) }),
                // Someone else may have taken the port in the meantime.
                Err(AnvilError::Ended(_)) if attempts > 0 => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Where it listens, or listened.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The HTTP address of its JSON-RPC interface.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The WebSocket address of the same.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The process that holds the node, while there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(|process| process.child.id())
    }

    /// Kills the node and waits until it is gone. Its chain is lost, unless someone has asked it for a dump before.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end().await;
        }
    }

    /// Starts the node again on the same port, with an empty chain: a dump has to be loaded into it.
    ///
    /// # Errors
    /// As for [`Anvil::start`].
    pub async fn restart(&mut self) -> Result<(), AnvilError> {
        self.stop().await;
        let deadline = Instant::now().checked_add(PATIENCE);
        loop {
            match Process::start(&self.program, &self.options, self.address).await {
                // The port may not be free yet.
                Err(AnvilError::Ended(_)) if deadline.is_some_and(|deadline| Instant::now() < deadline) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                started => {
                    self.process = Some(started?);
                    return Ok(());
                }
            }
        }
    }
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The node under a watchman. The watchman's standard input is a pipe from us that nobody ever writes to: when it closes, because we
/// dropped it or because we are gone (Ctrl-C, a crash, `kill -9`), the node is killed. Both are in a process group of their own, so
/// that a Ctrl-C at the terminal does not take the node from under an orderly shutdown.
#[derive(Debug)]
struct Process {
    child: Child,
}

/// `exec 3<&0` keeps the pipe at hand, because background jobs of a shell read from nowhere. A node that is killed leaves its old
/// states on the disk, so they lie where the watchman can clear them away. What he himself says of a killed job goes nowhere: with
/// nobody left to read it, it would be his own end.
const WATCHMAN: &str = r#"
exec 3<&0
states=$(mktemp -d) || exit 1
"$@" --cache-path "$states" </dev/null 3<&- &
node=$!
exec 2>/dev/null
{ read -r _; kill -9 "$node"; } <&3 &
watch=$!
wait "$node"
status=$?
kill "$watch"
rm -rf "$states"
exit "$status"
"#;

impl Process {
    async fn start(program: &Path, options: &AnvilOptions, address: SocketAddr) -> Result<Self, AnvilError> {
        let mut command = watched(program);
        command
            .args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()])
            .args(["--no-mining", "--quiet", "--threads", "2", "--balance", "1000000000", "--mnemonic", MNEMONIC])
            .args(["--chain-id", &CHAIN_ID.to_string(), "--timestamp", &options.genesis.secs().to_string()])
            .args(["--gas-limit", &options.gas_limit.to_string()])
            .args(["--block-base-fee-per-gas", &options.base_fee.wei().to_string()])
            .args((!options.history).then_some("--prune-history"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command.spawn().map_err(|fault| AnvilError::Start { program: program.to_owned(), fault })?;
        let mut process = Self { child };
        process.listening(address).await.map(|()| process)
    }

    async fn listening(&mut self, address: SocketAddr) -> Result<(), AnvilError> {
        let deadline = Instant::now().checked_add(PATIENCE).unwrap_or_else(Instant::now);
        loop {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return Err(AnvilError::Ended(self.last_words().await));
            }
            if TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(AnvilError::Deaf(address));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn last_words(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            let read = tokio::io::AsyncReadExt::read_to_string(stderr, &mut text);
            let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
        }
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
    }

    async fn end(mut self) {
        drop(self.child.stdin.take());
        if tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

#[cfg(unix)]
fn watched(program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHMAN, "anvil"]).arg(program).process_group(0);
    command
}

#[cfg(not(unix))]
fn watched(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    command
}
