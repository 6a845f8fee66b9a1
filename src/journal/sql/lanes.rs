//! Pens, nonces, and what operators say of a lane.

use sqlx::AnyConnection;

use super::codec::{self, number, parse, words};
use super::fault::fault;
use super::rows::{Columns, load_all, name, over};
use super::writing::day;
use crate::domain::operation::{LaneKey, OperationId};
use crate::domain::units::{Timestamp, Wei};
use crate::ports::JournalFault;
use crate::ports::journal::{LaneRecord, Opened, Pen};

/// So many nonces at most are written down one by one when an operator accepts them; for the rest `next_nonce` speaks.
const ACCEPTED_ONE_BY_ONE: u64 = 1_000;

fn unknown(lane: &LaneKey) -> JournalFault {
    JournalFault::Unknown(format!("lane {lane}"))
}

/// Takes the lane over.
pub(super) async fn take(
    connection: &mut AnyConnection,
    lane: &LaneKey,
    holder: &str,
    at: Timestamp,
) -> Result<Pen, JournalFault> {
    let row = sqlx::query(
        "INSERT INTO lane (key, chain_id, signer, epoch, holder) VALUES ($1, $2, $3, 1, $4) \
         ON CONFLICT (key) DO UPDATE SET epoch = lane.epoch + 1, holder = excluded.holder RETURNING epoch",
    )
    .bind(lane.to_string())
    .bind(number(lane.chain_id)?)
    .bind(lane.signer.to_string())
    .bind(words(holder))
    .fetch_one(&mut *connection)
    .await
    .map_err(fault)?;
    let pen = Pen { lane: *lane, epoch: Columns(&row).number("epoch")? };
    note(connection, lane, "open", holder, Some(at), pen.epoch).await?;
    Ok(pen)
}

/// The fence and the lock: from here to the end of the transaction nobody else writes the lane, and nobody who was replaced does.
pub(super) async fn hold(connection: &mut AnyConnection, pen: &Pen) -> Result<(), JournalFault> {
    let held = sqlx::query("UPDATE lane SET epoch = epoch WHERE key = $1 AND epoch = $2")
        .bind(pen.lane.to_string())
        .bind(number(pen.epoch)?)
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    if held.rows_affected() == 1 { Ok(()) } else { Err(refused(connection, pen).await?) }
}

/// The same lock for an operator, who needs no pen.
pub(super) async fn hold_for_operator(connection: &mut AnyConnection, lane: &LaneKey) -> Result<(), JournalFault> {
    let held = sqlx::query("UPDATE lane SET epoch = epoch WHERE key = $1").bind(lane.to_string()).execute(connection).await;
    if held.map_err(fault)?.rows_affected() == 1 { Ok(()) } else { Err(unknown(lane)) }
}

async fn refused(connection: &mut AnyConnection, pen: &Pen) -> Result<JournalFault, JournalFault> {
    let row = sqlx::query("SELECT epoch FROM lane WHERE key = $1").bind(pen.lane.to_string()).fetch_optional(connection).await;
    Ok(if row.map_err(fault)?.is_some() { JournalFault::Fenced(pen.lane) } else { unknown(&pen.lane) })
}

/// The lane as the one who has the pen finds it.
pub(super) async fn opened(connection: &mut AnyConnection, pen: Pen) -> Result<Opened, JournalFault> {
    let key = pen.lane.to_string();
    let row = sqlx::query("SELECT epoch, next_nonce, last_launched FROM lane WHERE key = $1").bind(key.clone());
    let Some(row) = row.fetch_optional(&mut *connection).await.map_err(fault)? else { return Err(unknown(&pen.lane)) };
    let lane = Columns(&row);
    if lane.number("epoch")? != pen.epoch {
        return Err(JournalFault::Fenced(pen.lane));
    }
    let operations = concat!("SELECT * FROM operation WHERE lane = $1 AND state NOT IN ", over!(), " ORDER BY entered");
    let attempts =
        concat!("SELECT * FROM attempt WHERE op IN (SELECT id FROM operation WHERE lane = $1 AND state NOT IN ", over!(), ")");
    let mut open = load_all(connection, sqlx::query(operations).bind(key.clone()), sqlx::query(attempts).bind(key)).await?;
    open.sort_by_key(|record| record.nonce.unwrap_or(u64::MAX));
    Ok(Opened { pen, next_nonce: lane.maybe_number("next_nonce")?, last_launched: lane.maybe_time("last_launched")?, open })
}

async fn next_nonce(connection: &mut AnyConnection, lane: &LaneKey) -> Result<Option<u64>, JournalFault> {
    let row = sqlx::query("SELECT next_nonce FROM lane WHERE key = $1").bind(lane.to_string()).fetch_optional(connection).await;
    let Some(row) = row.map_err(fault)? else { return Err(unknown(lane)) };
    Columns(&row).maybe_number("next_nonce")
}

async fn set_next_nonce(connection: &mut AnyConnection, lane: &LaneKey, nonce: u64) -> Result<(), JournalFault> {
    sqlx::query("UPDATE lane SET next_nonce = $1 WHERE key = $2")
        .bind(number(nonce)?)
        .bind(lane.to_string())
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

async fn slot(connection: &mut AnyConnection, lane: &LaneKey, nonce: u64, op: Option<&OperationId>) -> Result<(), JournalFault> {
    sqlx::query("INSERT INTO nonce_slot (lane, nonce, op, kind) VALUES ($1, $2, $3, $4)")
        .bind(lane.to_string())
        .bind(number(nonce)?)
        .bind(op.map(name))
        .bind(if op.is_some() { "operation" } else { "accepted" })
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// Gives a nonce to an operation.
pub(super) async fn take_nonce(
    connection: &mut AnyConnection,
    lane: &LaneKey,
    nonce: u64,
    op: &OperationId,
) -> Result<(), JournalFault> {
    if next_nonce(connection, lane).await?.is_some_and(|next| nonce < next) {
        return Err(JournalFault::Conflict(format!("nonce {nonce} is taken")));
    }
    slot(connection, lane, nonce, Some(op)).await?;
    set_next_nonce(connection, lane, nonce.saturating_add(1)).await
}

/// Takes a nonce back from an operation that never signed. It is the highest, because a lane has one operation that is reserved or
/// prepared; only an operator can have accepted higher ones since, and those stay accounted for.
pub(super) async fn give_back_nonce(
    connection: &mut AnyConnection,
    lane: &LaneKey,
    nonce: u64,
    op: &OperationId,
) -> Result<(), JournalFault> {
    sqlx::query("DELETE FROM nonce_slot WHERE lane = $1 AND nonce = $2 AND op = $3")
        .bind(lane.to_string())
        .bind(number(nonce)?)
        .bind(name(op))
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    match next_nonce(connection, lane).await? {
        Some(next) if next == nonce.saturating_add(1) => set_next_nonce(connection, lane, nonce).await,
        _ => Ok(()),
    }
}

/// An operator says that the nonces below `to` are accounted for.
pub(super) async fn accept(
    connection: &mut AnyConnection,
    lane: &LaneKey,
    to: u64,
    by: &str,
    at: Timestamp,
) -> Result<(), JournalFault> {
    hold_for_operator(connection, lane).await?;
    let known = next_nonce(connection, lane).await?;
    if let Some(known) = known.filter(|known| to < *known) {
        return Err(JournalFault::Conflict(format!("the journal has accounted for all nonces below {known} already")));
    }
    let from = known.unwrap_or(0);
    if to.saturating_sub(from) <= ACCEPTED_ONE_BY_ONE {
        for nonce in from..to {
            slot(connection, lane, nonce, None).await?;
        }
    }
    set_next_nonce(connection, lane, to).await?;
    let known = known.map_or_else(|| "none".to_owned(), |known| known.to_string());
    note(connection, lane, "accept", &format!("next nonce {to} (was {known}), by {by}"), Some(at), 0).await
}

/// Notes why the lane stands still. Saying the same again writes nothing.
pub(super) async fn note_stop(connection: &mut AnyConnection, pen: &Pen, reason: Option<&str>) -> Result<(), JournalFault> {
    hold(connection, pen).await?;
    let reason = reason.map(words);
    let row = sqlx::query("SELECT stopped FROM lane WHERE key = $1").bind(pen.lane.to_string()).fetch_one(&mut *connection);
    if Columns(&row.await.map_err(fault)?).maybe_text("stopped")? == reason {
        return Ok(());
    }
    sqlx::query("UPDATE lane SET stopped = $1 WHERE key = $2")
        .bind(reason.clone())
        .bind(pen.lane.to_string())
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    let what = if reason.is_some() { "stop" } else { "go" };
    note(connection, &pen.lane, what, &reason.unwrap_or_default(), None, pen.epoch).await
}

async fn note(
    connection: &mut AnyConnection,
    lane: &LaneKey,
    what: &'static str,
    detail: &str,
    at: Option<Timestamp>,
    epoch: u64,
) -> Result<(), JournalFault> {
    sqlx::query(
        "INSERT INTO lane_event (lane, line, what, detail, at, epoch) \
         SELECT $1, COALESCE(MAX(line) + 1, 0), $2, $3, $4, $5 FROM lane_event WHERE lane = $1",
    )
    .bind(lane.to_string())
    .bind(what)
    .bind(words(detail))
    .bind(at.map(|at| number(at.millis())).transpose()?)
    .bind(number(epoch)?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

/// What the day has cost, and what is set aside for it.
pub(super) async fn spent(connection: &mut AnyConnection, lane: &LaneKey, at: Timestamp) -> Result<Wei, JournalFault> {
    let rows = sqlx::query("SELECT amount FROM spend WHERE lane = $1 AND day = $2")
        .bind(lane.to_string())
        .bind(number(day(at))?)
        .fetch_all(connection)
        .await
        .map_err(fault)?;
    rows.iter().try_fold(Wei::ZERO, |sum, row| {
        let amount = Wei::new(parse("an amount", &Columns(row).text("amount")?)?);
        sum.checked_add(amount).ok_or_else(|| JournalFault::Failed("the spending of a day overflows".to_owned()))
    })
}

pub(super) async fn all(connection: &mut AnyConnection) -> Result<Vec<LaneRecord>, JournalFault> {
    let rows = sqlx::query("SELECT key, epoch, holder, next_nonce, stopped FROM lane").fetch_all(connection).await;
    let record = |row| {
        let row = Columns(row);
        Ok(LaneRecord {
            key: codec::lane(&row.text("key")?)?,
            epoch: row.number("epoch")?,
            holder: row.text("holder")?,
            next_nonce: row.maybe_number("next_nonce")?,
            stopped: row.maybe_text("stopped")?,
        })
    };
    let mut lanes = rows.map_err(fault)?.iter().map(record).collect::<Result<Vec<_>, JournalFault>>()?;
    lanes.sort_by_key(|lane| lane.key);
    Ok(lanes)
}
