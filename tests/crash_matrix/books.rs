//! The journals of the runs: where they lie, and what they say beside the process that writes them.

use std::path::Path;
use std::sync::Arc;

use ballast::devnet::postgres::Cluster;
use ballast::domain::operation::{OperationRecord, State};
use ballast::ports::Journal as Open;
use ballast::ports::journal::Selection;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::options::Journal;

/// Where journals are kept.
#[derive(Clone)]
pub(crate) enum Shelf {
    Files(Arc<TempDir>),
    Cluster(Arc<Cluster>),
}

impl Shelf {
    pub(crate) async fn open(kind: Journal) -> Self {
        match kind {
            Journal::Postgres => Self::Cluster(Arc::new(Cluster::start().await.unwrap_or_else(|fault| panic!("{fault}")))),
            _ => Self::Files(Arc::new(tempfile::tempdir().unwrap())),
        }
    }

    pub(crate) const fn kind(&self) -> Journal {
        match self {
            Self::Files(_) => Journal::Sqlite,
            Self::Cluster(_) => Journal::Postgres,
        }
    }

    /// The address of an empty journal.
    pub(crate) async fn page(&self, lane: u32, run: usize) -> String {
        let name = format!("lane-{lane}-run-{run}");
        match self {
            Self::Files(dir) => format!("sqlite:{}/{name}.db", dir.path().display()),
            Self::Cluster(cluster) => cluster.database(&name).await.unwrap(),
        }
    }
}

/// The journal of a run.
pub(crate) struct Books(Arc<dyn Open>);

impl Books {
    /// Opens it before the process does, which makes its tables.
    pub(crate) async fn open(url: &str, dir: &Path) -> Self {
        Self(ballast::journal::open(&SecretString::from(url.to_owned()), dir).await.unwrap_or_else(|fault| panic!("{fault}")))
    }

    /// All operations, oldest first; none when the journal is too busy to be read just now.
    pub(crate) async fn operations(&self) -> Option<Vec<OperationRecord>> {
        let mut all = self.0.list(&Selection { limit: 100, ..Selection::default() }).await.ok()?;
        all.reverse();
        Some(all)
    }

    /// What is written down, line by line.
    pub(crate) async fn tell(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for lane in self.0.lanes().await.unwrap_or_default() {
            lines.push(format!("{lane:?}"));
        }
        for record in self.operations().await.unwrap_or_default() {
            let OperationRecord { id, state, nonce, deadline, landing, reason, .. } = &record;
            lines.push(format!("{id} {state}, nonce {nonce:?}, deadline {deadline:?}, {landing:?}, {reason:?}"));
            for attempt in &record.attempts {
                let (number, kind, hash, launched) = (attempt.number, attempt.kind.label(), attempt.hash, attempt.launched);
                lines.push(format!("  attempt {number} {kind} {hash} launched {launched:?}"));
            }
            for line in self.0.log(&record.id).await.unwrap_or_default() {
                lines.push(format!(
                    "  {:>2} {} {} at {} by {}: {}",
                    line.line, line.step, line.state, line.at, line.epoch, line.detail
                ));
            }
        }
        lines
    }
}

/// Whether one operation has done its work beyond recall, and nothing else is open.
pub(crate) fn is_settled(operations: &[OperationRecord]) -> bool {
    let done = operations.iter().any(|record| record.state == State::FinalOk);
    done && !has_open(operations)
}

/// Whether anything is not over.
pub(crate) fn has_open(operations: &[OperationRecord]) -> bool {
    operations.iter().any(|record| !record.state.is_final())
}

/// The block of an operation that is included and not final.
pub(crate) fn included(operations: &[OperationRecord]) -> Option<u64> {
    let included = operations.iter().find(|record| record.state == State::Included)?;
    included.landing.map(|landing| landing.block.number)
}

/// Whether a cancellation is written down.
pub(crate) fn is_cancelling(operations: &[OperationRecord]) -> bool {
    operations.iter().any(|record| record.state == State::Cancelling)
}
