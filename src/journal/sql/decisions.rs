//! What was decided. A decision that repeats the newest one of its pool takes its line; the oldest lines are forgotten.

use sqlx::AnyConnection;

use super::codec::{self, number};
use super::fault::fault;
use super::rows::Columns;
use crate::domain::ids::PoolId;
use crate::domain::record::{DecisionRecord, KEPT};
use crate::domain::units::Timestamp;
use crate::ports::JournalFault;

pub(super) async fn record(connection: &mut AnyConnection, pool: &PoolId, record: &DecisionRecord) -> Result<(), JournalFault> {
    let newest = sqlx::query("SELECT line, detail FROM decision WHERE pool = $1 ORDER BY line DESC LIMIT 1").bind(pool.as_str());
    let newest = newest.fetch_optional(&mut *connection).await.map_err(fault)?;
    let newest = newest.map(|row| {
        let columns = Columns(&row);
        Ok::<_, JournalFault>((columns.number("line")?, codec::read_decision(&columns.text("detail")?)?))
    });
    let (line, record) = match newest.transpose()? {
        Some((line, earlier)) if record.repeats(&earlier) => (line, record.clone().after(&earlier)),
        Some((line, _)) => (line.saturating_add(1), record.clone()),
        None => (0, record.clone()),
    };
    sqlx::query(
        "INSERT INTO decision (pool, line, first, last, detail) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (pool, line) DO UPDATE SET last = excluded.last, detail = excluded.detail",
    )
    .bind(pool.as_str())
    .bind(number(line)?)
    .bind(number(record.first.millis())?)
    .bind(number(record.last.millis())?)
    .bind(codec::write_decision(&record)?)
    .execute(&mut *connection)
    .await
    .map_err(fault)?;
    sqlx::query("DELETE FROM decision WHERE pool = $1 AND line <= $2")
        .bind(pool.as_str())
        .bind(number(line)?.saturating_sub(number(KEPT)?))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// The newest of those that began at `until` or before, the youngest first.
pub(super) async fn list(
    connection: &mut AnyConnection,
    pool: &PoolId,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<DecisionRecord>, JournalFault> {
    let rows = sqlx::query("SELECT detail FROM decision WHERE pool = $1 AND first <= $2 ORDER BY line DESC LIMIT $3")
        .bind(pool.as_str())
        .bind(number(until.millis())?)
        .bind(i64::from(limit));
    let rows = rows.fetch_all(connection).await.map_err(fault)?;
    rows.iter().map(|row| codec::read_decision(&Columns(row).text("detail")?)).collect()
}
