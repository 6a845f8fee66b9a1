//! [`Operations`]: one transaction for each method.

use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::codec::parse;
use super::fault::fault;
use super::rows::{Columns, load, load_all, name, over};
use super::{SqlJournal, lanes, writing};
use crate::domain::operation::{Entry, LaneKey, NewOperation, OperationId, OperationRecord};
use crate::domain::units::{Timestamp, Wei};
use crate::ports::JournalFault;
use crate::ports::journal::{Enqueued, Happened, LaneRecord, Opened, Operations, Pen, Selection};

/// Which operations a [`Selection`] means, the youngest first.
macro_rules! selected {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM operation WHERE ($1 IS NULL OR pool = $1) AND ($2 IS NULL OR lane = $2) AND ($3 = 0 OR state NOT IN ",
            over!(),
            ") ORDER BY entered DESC LIMIT $4"
        )
    };
}

#[async_trait]
impl Operations for SqlJournal {
    async fn open_lane(&self, lane: &LaneKey, holder: &str, at: Timestamp) -> Result<Opened, JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let work = async {
                let pen = lanes::take(&mut session, lane, holder, at).await?;
                lanes::opened(&mut session, pen).await
            };
            let done = work.await;
            session.end(done).await
        })
        .await
    }

    async fn reread_lane(&self, pen: &Pen) -> Result<Opened, JournalFault> {
        self.patiently(async {
            // With the lane's lock: after a commit of which nobody knows whether it was done, this waits until it is or is not. A
            // reader beside it could see the lane before a commit that is still on its way.
            let mut session = self.writing().await?;
            let work = async {
                lanes::hold(&mut session, pen).await?;
                lanes::opened(&mut session, *pen).await
            };
            let done = work.await;
            session.roll_back().await;
            done
        })
        .await
    }

    async fn enqueue(&self, pen: &Pen, new: &NewOperation) -> Result<Enqueued, JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            match writing::enqueue(&mut session, pen, new).await {
                // Nothing is new: nothing is written.
                Ok(known @ (Enqueued::Known(..) | Enqueued::PoolBusy(_))) => {
                    session.roll_back().await;
                    Ok(known)
                }
                done => session.end(done).await,
            }
        })
        .await
    }

    async fn commit(
        &self,
        pen: &Pen,
        id: &OperationId,
        seq: u64,
        entry: &Entry,
        at: Timestamp,
    ) -> Result<OperationRecord, JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let work = async {
                lanes::hold(&mut session, pen).await?;
                let kept = load(&mut session, id).await?;
                if kept.record.lane != pen.lane {
                    return Err(JournalFault::Conflict(format!("operation {id} belongs to the lane {}", kept.record.lane)));
                }
                writing::step(&mut session, kept, seq, entry, at, pen.epoch).await
            };
            let done = work.await;
            session.end(done).await
        })
        .await
    }

    async fn note(&self, pen: &Pen, id: &OperationId, what: &str, detail: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let work = async {
                lanes::hold(&mut session, pen).await?;
                let kept = load(&mut session, id).await?;
                writing::note(&mut session, &kept.record, what, at, pen.epoch, detail).await
            };
            let done = work.await;
            session.end(done).await
        })
        .await
    }

    async fn spent(&self, lane: &LaneKey, at: Timestamp) -> Result<Wei, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let done = lanes::spent(&mut session, lane, at).await;
            session.end(done).await
        })
        .await
    }

    async fn note_stop(&self, pen: &Pen, reason: Option<&str>) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = lanes::note_stop(&mut session, pen, reason).await;
            session.end(done).await
        })
        .await
    }

    async fn cancel_requests(&self, lane: &LaneKey) -> Result<Vec<OperationId>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let wanted = sqlx::query(concat!(
                "SELECT id FROM operation WHERE lane = $1 AND cancel_requested = 1 AND state NOT IN ",
                over!(),
                " ORDER BY entered"
            ));
            let rows = wanted.bind(lane.to_string()).fetch_all(&mut *session).await.map_err(fault);
            let done = rows.and_then(|rows| rows.iter().map(|row| Columns(row).id("id")).collect());
            session.end(done).await
        })
        .await
    }

    async fn list(&self, selection: &Selection) -> Result<Vec<OperationRecord>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let query = |statement| {
                sqlx::query(statement)
                    .bind(selection.pool.as_ref().map(ToString::to_string))
                    .bind(selection.lane.as_ref().map(ToString::to_string))
                    .bind(i64::from(selection.open))
                    .bind(i64::from(selection.limit))
            };
            let attempts = concat!("SELECT * FROM attempt WHERE op IN (", selected!("id"), ")");
            let done = load_all(&mut session, query(selected!("*")), query(attempts)).await;
            session.end(done).await
        })
        .await
    }

    async fn find(&self, prefix: &str) -> Result<OperationRecord, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let work = async {
                let wanted = prefix.trim_start_matches("0x").to_lowercase();
                let digits = i32::try_from(wanted.chars().count()).unwrap_or(i32::MAX);
                let named = sqlx::query("SELECT id FROM operation WHERE substr(id, 1, $1) = $2 LIMIT 2");
                let rows = named.bind(digits).bind(wanted).fetch_all(&mut *session).await;
                match rows.map_err(fault)?.as_slice() {
                    [only] => load(&mut session, &Columns(only).id("id")?).await.map(|kept| kept.record),
                    [] => Err(JournalFault::Unknown(format!("operation that begins with `{prefix}`"))),
                    _ => Err(JournalFault::Conflict(format!("several operations begin with `{prefix}`"))),
                }
            };
            let done = work.await;
            session.end(done).await
        })
        .await
    }

    async fn log(&self, id: &OperationId) -> Result<Vec<Happened>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let lines =
                sqlx::query("SELECT line, step, state, at, epoch, detail FROM operation_event WHERE op = $1 ORDER BY line");
            let rows = lines.bind(name(id)).fetch_all(&mut *session).await.map_err(fault);
            let happened = |row: &AnyRow| {
                let row = Columns(row);
                Ok(Happened {
                    line: row.number("line")?,
                    step: row.text("step")?,
                    state: parse("a state", &row.text("state")?)?,
                    at: row.time("at")?,
                    epoch: row.number("epoch")?,
                    detail: row.text("detail")?,
                })
            };
            let done = rows.and_then(|rows| match rows.as_slice() {
                // An operation's first line is written with it.
                [] => Err(JournalFault::Unknown(format!("operation {id}"))),
                rows => rows.iter().map(happened).collect(),
            });
            session.end(done).await
        })
        .await
    }

    async fn lanes(&self) -> Result<Vec<LaneRecord>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let done = lanes::all(&mut session).await;
            session.end(done).await
        })
        .await
    }

    async fn request_cancel(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = writing::request_cancel(&mut session, id, by, at).await;
            session.end(done).await
        })
        .await
    }

    async fn accept_nonces(&self, lane: &LaneKey, next_nonce: u64, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = lanes::accept(&mut session, lane, next_nonce, by, at).await;
            session.end(done).await
        })
        .await
    }

    async fn abandon(&self, id: &OperationId, by: &str, at: Timestamp) -> Result<OperationRecord, JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = writing::abandon(&mut session, id, by, at).await;
            session.end(done).await
        })
        .await
    }
}
