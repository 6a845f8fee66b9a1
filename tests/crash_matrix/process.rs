//! One life of `ballast run`, and what it says.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ballast::devnet::config_files::KEY_VARIABLE;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The program's file.
const PROGRAM: &str = env!("CARGO_BIN_EXE_ballast");
/// Lines that are kept of a run.
const LAST_LINES: usize = 60;
/// What is said in every block, and would be all that is left of a long run.
const ROUTINE: [&str; 3] = ["block read", "gas price moved", "balance seen"];

/// The last lines of all lives of a run.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    pub(crate) fn say(&self, line: String) {
        let mut lines = self.0.lock().unwrap();
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().cloned().collect()
    }
}

/// How a life is begun.
pub(crate) struct Birth<'a> {
    /// The folder of its settings.
    pub(crate) dir: &'a Path,
    /// Its private key.
    pub(crate) key: &'a str,
    /// Where it dies.
    pub(crate) kill_at: Option<&'a str>,
    /// Whether it writes down what it sends before it sends it.
    pub(crate) write_ahead: bool,
}

/// It says so when it can be asked to stop.
const UP: &str = "every chain has been heard";

/// A process that dies with the harness.
pub(crate) struct Life {
    child: Child,
    reader: JoinHandle<()>,
    up: watch::Receiver<bool>,
}

impl Life {
    pub(crate) fn begin(birth: &Birth<'_>, log: &Log) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["run", "--config"])
            .arg(birth.dir)
            .env(KEY_VARIABLE, birth.key)
            .env("BALLAST__TELEMETRY__LOG", "pretty")
            .env("BALLAST__TELEMETRY__FILTER", "info,ballast=debug")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(point) = birth.kill_at {
            command.env("BALLAST_KILL_AT", point);
        }
        if !birth.write_ahead {
            command.env("BALLAST_WRITE_AHEAD", "off");
        }
        log.say(format!("---- a life that ends at {}", birth.kill_at.unwrap_or("its own time")));
        let mut child = command.spawn().unwrap();
        let (mut lines, log) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
        let (heard, up) = watch::channel(false);
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains(UP) {
                    heard.send_replace(true);
                }
                if !ROUTINE.iter().any(|routine| line.contains(routine)) {
                    log.say(line);
                }
            }
        });
        Self { child, reader, up }
    }

    /// Waits until it is gone and its last line is read.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().await.unwrap();
        let _ = (&mut self.reader).await;
        status
    }

    /// Asks it to stop, the way an orchestrator does, and gives how it ended; `None` when it did not within `patience`. One that has
    /// just begun gets as long to begin.
    pub(crate) async fn stop(&mut self, patience: Duration) -> Option<ExitStatus> {
        let _ = tokio::time::timeout(patience, self.up.wait_for(|up| *up)).await;
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        tokio::time::timeout(patience, self.ended()).await.ok()
    }

    /// Ends it without a word.
    pub(crate) async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}

/// Whether a process died as it was meant to at a point.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}
