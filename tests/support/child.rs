//! The program as a process of its own: `ballast run` against a world that keeps the machine's time.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use ballast::devnet::WorldHandle;
use ballast::devnet::config_files;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStderr, Command};

use super::{PATIENCE, Script};

/// The program's file.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_ballast");

/// A process that dies with the story.
pub(crate) struct Child {
    process: tokio::process::Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// Every log line so far.
    pub(crate) log: Vec<Value>,
    pub(crate) http: SocketAddr,
    dir: TempDir,
}

impl Child {
    /// Starts the program and waits until it listens.
    pub(crate) async fn run(world: &WorldHandle, script: Script) -> Self {
        let dir = script.write(world);
        Self::run_in(dir, world, script).await
    }

    /// The same in a folder that another has left behind, with its journal.
    pub(crate) async fn run_in(dir: TempDir, world: &WorldHandle, script: Script) -> Self {
        let mut words = script.launcher.iter().copied().chain([PROGRAM]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(["run", "--config"])
            .arg(dir.path())
            .env(config_files::KEY_VARIABLE, world.keeper_key())
            .env("BALLAST__TELEMETRY__LOG", "json")
            .env("BALLAST__TELEMETRY__FILTER", "debug,hyper=off,h2=off,tonic=off,tower=off")
            .envs(script.variables.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let http = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut child = Self { process, lines, log: Vec::new(), http, dir };
        let up = child.until("ballast is up").await;
        child.http = up["http"].as_str().unwrap().parse().unwrap();
        child
    }

    /// The next log line with this message.
    pub(crate) async fn until(&mut self, message: &str) -> Value {
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let line: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                self.log.push(line.clone());
                if line["message"] == message {
                    return Some(line);
                }
            }
            None
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Some(line)) => line,
            Ok(None) => panic!("the process ended before it said {message:?}\n{}", self.last_words()),
            Err(tokio::time::error::Elapsed { .. }) => panic!("nothing after {PATIENCE:?}: {message:?}\n{}", self.last_words()),
        }
    }

    /// The first log line with this message, which may have passed while something else was waited for.
    pub(crate) async fn hears(&mut self, message: &str) -> Value {
        match self.log.iter().find(|line| line["message"] == message) {
            Some(line) => line.clone(),
            None => self.until(message).await,
        }
    }

    /// Reads the log to its end and gives the process's end.
    pub(crate) async fn end(mut self) -> (ExitStatus, Vec<Value>) {
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.log.push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
            self.process.wait().await.unwrap()
        };
        let status = tokio::time::timeout(PATIENCE, reading).await;
        let status = status.unwrap_or_else(|_| panic!("the process does not end\n{}", self.last_words()));
        (status, self.log)
    }

    /// Where its settings are.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Names the process.
    pub(crate) fn pid(&self) -> String {
        self.process.id().unwrap().to_string()
    }

    /// Asks the process to stop, the way an orchestrator does.
    pub(crate) async fn terminate(&self) {
        let pid = self.pid();
        let status = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(status.success());
    }

    /// Ends the process without a word, waits until it is gone, and gives back its folder.
    pub(crate) async fn kill(mut self) -> TempDir {
        self.process.kill().await.unwrap();
        self.dir
    }

    /// How often the log says this so far.
    pub(crate) fn said(&self, message: &str) -> usize {
        self.log.iter().filter(|line| line["message"] == message).count()
    }

    fn last_words(&self) -> String {
        let words: Vec<String> = self.log.iter().map(ToString::to_string).collect();
        words[words.len().saturating_sub(40)..].join("\n")
    }
}
