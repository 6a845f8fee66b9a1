//! The durable journal: SQLite in a file beside the process, or PostgreSQL by URL.
//!
//! Both go through sqlx's `Any` driver, because then there is one text of the rules: one schema whose constraints are the safety
//! argument, and one set of statements that the tests run over both. Two libraries would mean two texts, and a rule that holds in one
//! of them. The price is the common subset of types: text for hashes and for 128-bit amounts, 64-bit integers for everything that
//! counts. What the databases do not have in common is in [`open`](mod@open) (how to connect, what makes a commit durable) and in two
//! small migrations (append-only logs).
//!
//! - [`session`]: one transaction on one connection, and what becomes of both when something fails.
//! - [`fault`]: what a database's refusal means.
//! - [`codec`]: values as text and numbers. [`rows`]: operations out of their tables.
//! - [`writing`]: how an operation enters and takes a step. [`lanes`]: pens, nonces, what operators say of a lane.
//! - [`operations`] and [`memories`]: the two roles, one transaction for each method.

mod codec;
mod decisions;
mod fault;
mod lanes;
mod memories;
pub mod open;
mod operations;
mod rows;
mod session;
mod writing;

use std::time::Duration;

use sqlx::AnyPool;

pub use open::{OpenFault, open};

use crate::ports::JournalFault;
use session::Session;

/// The journal in a database.
pub struct SqlJournal {
    kind: Kind,
    writers: AnyPool,
    readers: AnyPool,
    /// How long a whole method may take.
    patience: Duration,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Begins a transaction that writes. SQLite takes its one writer's lock here, so that the transaction cannot fail halfway for
    /// want of it; in PostgreSQL the lane's row is the lock.
    const fn begin_writing(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// Begins a transaction whose statements all see the same state.
    const fn begin_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

impl SqlJournal {
    async fn writing(&self) -> Result<Session, JournalFault> {
        Session::begin(&self.writers, self.kind.begin_writing()).await
    }

    async fn reading(&self) -> Result<Session, JournalFault> {
        Session::begin(&self.readers, self.kind.begin_reading()).await
    }

    /// Gives up on what takes too long: a server that hangs is a fault, never a hang. The work is dropped with its connection, which
    /// is not used again.
    async fn patiently<T>(&self, work: impl Future<Output = Result<T, JournalFault>> + Send) -> Result<T, JournalFault> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(done) => done,
            Err(_) => Err(JournalFault::Failed(format!("no answer within {:?}", self.patience))),
        }
    }

    /// A statement past all rules of the program.
    #[cfg(test)]
    pub(crate) async fn execute(&self, statement: impl sqlx::SqlSafeStr + Send) -> Result<(), JournalFault> {
        let mut session = self.writing().await?;
        let done = sqlx::query(statement).execute(&mut *session).await.map(drop).map_err(fault::fault);
        session.end(done).await
    }

    /// A writer that has the lane's lock, and stops until what it gives is awaited.
    #[cfg(test)]
    pub(crate) async fn suspended(
        &self,
        pen: &crate::ports::journal::Pen,
    ) -> Result<impl Future<Output = Result<(), JournalFault>>, JournalFault> {
        let mut session = self.writing().await?;
        lanes::hold(&mut session, pen).await?;
        Ok(session.end(Ok(())))
    }
}
