//! One transaction on one connection.
//!
//! A connection goes back to its pool only after its transaction has ended by a COMMIT or a ROLLBACK that the database confirmed. In
//! every other case (a caller that was dropped halfway, a time-out, a broken wire, a database that rolled back by itself) it is
//! closed: the next user gets a new one, and the database forgets what was not committed.

use std::ops::{Deref, DerefMut};

use sqlx::any::Any;
use sqlx::pool::PoolConnection;
use sqlx::{AnyConnection, AnyPool, Executor};

use super::fault::fault;
use crate::ports::JournalFault;

pub(super) struct Session {
    connection: PoolConnection<Any>,
    ended: bool,
}

impl Session {
    pub(super) async fn begin(pool: &AnyPool, statement: &'static str) -> Result<Self, JournalFault> {
        let connection = pool.acquire().await.map_err(fault)?;
        let mut session = Self { connection, ended: false };
        session.connection.execute(statement).await.map_err(fault)?;
        Ok(session)
    }

    /// Commits when the work was done, and leaves no trace of it otherwise.
    pub(super) async fn end<T>(self, work: Result<T, JournalFault>) -> Result<T, JournalFault> {
        match work {
            Ok(done) => self.commit().await.map(|()| done),
            Err(refused) => {
                self.roll_back().await;
                Err(refused)
            }
        }
    }

    async fn commit(mut self) -> Result<(), JournalFault> {
        self.connection.execute("COMMIT").await.map_err(fault)?;
        self.ended = true;
        Ok(())
    }

    /// A rollback that fails needs no word: the connection is closed, which does the same.
    pub(super) async fn roll_back(mut self) {
        self.ended = self.connection.execute("ROLLBACK").await.is_ok();
    }
}

impl Deref for Session {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
