//! How an operation enters, and how it takes a step. Each function runs inside of one transaction that has the lane's lock.

use sqlx::AnyConnection;

use super::codec::{self, number, parse, words};
use super::fault::fault;
use super::rows::{Columns, Kept, freeing, intent, load, name};
use super::{lanes, memories};
use crate::domain::operation::{Attempt, Entry, LaneKey, NewOperation, OperationId, OperationRecord, State};
use crate::domain::units::{Timestamp, Wei};
use crate::journal::told;
use crate::ports::JournalFault;
use crate::ports::journal::{Enqueued, Pen};

/// A day in milliseconds.
const DAY: u64 = 86_400_000;

/// The day of the budget, in UTC.
pub(super) const fn day(at: Timestamp) -> u64 {
    at.millis() / DAY
}

/// C1. The caller takes back what this has done unless the operation is new.
pub(super) async fn enqueue(connection: &mut AnyConnection, pen: &Pen, new: &NewOperation) -> Result<Enqueued, JournalFault> {
    lanes::hold(connection, pen).await?;
    // Two lanes may want the same pool, or act on the same evidence: from here on one after the other.
    let row = sqlx::query("UPDATE journal SET entered = entered + 1 RETURNING entered").fetch_one(&mut *connection).await;
    let entered = Columns(&row.map_err(fault)?).number("entered")?;
    if let Some((id, state)) = same_evidence(connection, new).await? {
        return Ok(Enqueued::Known(id, state));
    }
    let busy = sqlx::query("SELECT id FROM operation WHERE chain_id = $1 AND pool = $2 AND claims_pool = 1")
        .bind(number(pen.lane.chain_id)?)
        .bind(new.pool.as_str());
    if let Some(row) = busy.fetch_optional(&mut *connection).await.map_err(fault)? {
        return Ok(Enqueued::PoolBusy(Columns(&row).id("id")?));
    }
    let generations = sqlx::query("SELECT COUNT(*) AS generation FROM operation WHERE intent = $1").bind(intent(new.intent));
    let generation = Columns(&generations.fetch_one(&mut *connection).await.map_err(fault)?).number("generation")?;
    let record = OperationRecord::queued(new.intent.operation(generation), pen.lane, new.clone());
    insert(connection, &record, entered).await?;
    note(connection, &record, "queue", new.created, pen.epoch, &new.why).await?;
    Ok(Enqueued::New(record))
}

async fn same_evidence(connection: &mut AnyConnection, new: &NewOperation) -> Result<Option<(OperationId, State)>, JournalFault> {
    let live = sqlx::query(concat!("SELECT id, state FROM operation WHERE intent = $1 AND state NOT IN ", freeing!()))
        .bind(intent(new.intent));
    let row = live.fetch_optional(&mut *connection).await.map_err(fault)?;
    let known = |columns: Columns<'_>| Ok((columns.id("id")?, parse("a state", &columns.text("state")?)?));
    row.as_ref().map(Columns).map(known).transpose()
}

async fn insert(connection: &mut AnyConnection, record: &OperationRecord, entered: u64) -> Result<(), JournalFault> {
    let new = &record.new;
    sqlx::query(
        "INSERT INTO operation \
         (id, entered, intent, lane, chain_id, pool, class, why, plan, cap, created, state, seq, claims_pool, cancel_requested) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, 0)",
    )
    .bind(name(&record.id))
    .bind(number(entered)?)
    .bind(intent(new.intent))
    .bind(record.lane.to_string())
    .bind(number(record.lane.chain_id)?)
    .bind(new.pool.as_str())
    .bind(new.class.label())
    .bind(words(&new.why))
    .bind(codec::write_plan(&new.plan)?)
    .bind(codec::write_cap(&new.cap)?)
    .bind(number(new.created.millis())?)
    .bind(record.state.label())
    .bind(number(record.seq)?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

/// A step of the operation, as its state machine has it. `epoch` is 0 for an operator.
pub(super) async fn step(
    connection: &mut AnyConnection,
    kept: Kept,
    seq: u64,
    entry: &Entry,
    at: Timestamp,
    epoch: u64,
) -> Result<OperationRecord, JournalFault> {
    let Kept { record: before, claims } = kept;
    let id = before.id;
    if before.seq != seq {
        return Err(JournalFault::Conflict(format!("operation {id} is at step {}, the writer thought {seq}", before.seq)));
    }
    let mut record = before.clone();
    let label = entry.step(before.landing.as_ref())?.label();
    record.apply(entry)?;
    let claims = claims && OperationRecord::claims_pool(record.state);
    update(connection, &record, seq, claims).await?;
    match entry {
        Entry::Reserve { nonce, reserve, at } => {
            lanes::take_nonce(connection, &record.lane, *nonce, &id).await?;
            set_aside(connection, &id, &record.lane, *at, *reserve).await?;
        }
        Entry::Release => {
            if let Some(nonce) = before.nonce {
                lanes::give_back_nonce(connection, &record.lane, nonce, &id).await?;
            }
            let spend = sqlx::query("DELETE FROM spend WHERE op = $1").bind(name(&id));
            spend.execute(&mut *connection).await.map_err(fault)?;
        }
        Entry::Prepare { attempt, .. } => sign(connection, &id, attempt).await?,
        Entry::Launch { at } => {
            launch(connection, &record, *at).await?;
        }
        Entry::Replace { attempt, reserve } | Entry::Cancel { attempt: Some(attempt), reserve } => {
            sign(connection, &id, attempt).await?;
            spend(connection, &id, |aside| aside.max(*reserve)).await?;
        }
        Entry::Cancel { attempt: None, reserve } => spend(connection, &id, |aside| aside.max(*reserve)).await?,
        Entry::Include { landing, controls: Some(controls) } => {
            let protective = record.new.class.is_protective();
            memories::account(connection, &record.new.pool, controls, landing.block.timestamp, protective).await?;
        }
        Entry::Finalise { spent } => spend(connection, &id, |_| *spent).await?,
        Entry::Include { controls: None, .. }
        | Entry::Unwind
        | Entry::Quarantine { .. }
        | Entry::Abandon { .. }
        | Entry::Expire { .. }
        | Entry::Supersede { .. }
        | Entry::Reject { .. } => {}
    }
    note(connection, &record, label, at, epoch, &told(entry)).await?;
    Ok(record)
}

/// Compares the counter and writes in one statement, although the lane's lock is held: the row itself says no to a second writer.
async fn update(connection: &mut AnyConnection, record: &OperationRecord, seq: u64, claims: bool) -> Result<(), JournalFault> {
    let landing = record.landing.as_ref();
    let done = sqlx::query(
        "UPDATE operation SET state = $1, seq = $2, nonce = $3, ramp = $4, deadline = $5, landing_hash = $6, landing_block = $7, \
         landing_block_hash = $8, landing_block_time = $9, landing_fate = $10, landing_gas_used = $11, landing_gas_price = $12, \
         claims_pool = $13, reason = $14 WHERE id = $15 AND seq = $16",
    )
    .bind(record.state.label())
    .bind(number(record.seq)?)
    .bind(record.nonce.map(number).transpose()?)
    .bind(record.ramp.as_ref().map(codec::write_ramp).transpose()?)
    .bind(record.deadline.map(|deadline| number(deadline.millis())).transpose()?)
    .bind(landing.map(|landing| landing.hash.to_string()))
    .bind(landing.map(|landing| number(landing.block.number)).transpose()?)
    .bind(landing.map(|landing| landing.block.hash.to_string()))
    .bind(landing.map(|landing| number(landing.block.timestamp.millis())).transpose()?)
    .bind(landing.map(|landing| landing.fate.label()))
    .bind(landing.map(|landing| number(landing.cost.gas_used)).transpose()?)
    .bind(landing.map(|landing| landing.cost.price.wei().to_string()))
    .bind(i64::from(claims))
    .bind(record.reason.as_deref().map(words))
    .bind(name(&record.id))
    .bind(number(seq)?)
    .execute(connection)
    .await
    .map_err(fault)?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(JournalFault::Conflict(format!("operation {} has moved on from step {seq}", record.id))),
    }
}

async fn sign(connection: &mut AnyConnection, id: &OperationId, attempt: &Attempt) -> Result<(), JournalFault> {
    sqlx::query(
        "INSERT INTO attempt (op, number, kind, hash, raw, max_fee, tip, gas_limit, via, launched) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(name(id))
    .bind(i64::from(attempt.number))
    .bind(attempt.kind.label())
    .bind(attempt.hash.to_string())
    .bind(attempt.raw.to_string())
    .bind(attempt.fees.max_fee.wei().to_string())
    .bind(attempt.fees.tip.wei().to_string())
    .bind(number(attempt.gas_limit)?)
    .bind(attempt.via.label())
    .bind(attempt.launched.map(|launched| number(launched.millis())).transpose()?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn launch(connection: &mut AnyConnection, record: &OperationRecord, at: Timestamp) -> Result<(), JournalFault> {
    let Some(attempt) = record.attempts.last() else {
        return Err(JournalFault::Conflict(format!("operation {} has nothing to launch", record.id)));
    };
    sqlx::query("UPDATE attempt SET launched = $1 WHERE op = $2 AND number = $3")
        .bind(number(at.millis())?)
        .bind(name(&record.id))
        .bind(i64::from(attempt.number))
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    sqlx::query("UPDATE lane SET last_launched = $1 WHERE key = $2")
        .bind(number(at.millis())?)
        .bind(record.lane.to_string())
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

async fn set_aside(
    connection: &mut AnyConnection,
    id: &OperationId,
    lane: &LaneKey,
    at: Timestamp,
    reserve: Wei,
) -> Result<(), JournalFault> {
    sqlx::query("INSERT INTO spend (op, lane, day, amount) VALUES ($1, $2, $3, $4)")
        .bind(name(id))
        .bind(lane.to_string())
        .bind(number(day(at))?)
        .bind(reserve.get().to_string())
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// Changes what is set aside.
async fn spend(connection: &mut AnyConnection, id: &OperationId, change: impl Fn(Wei) -> Wei + Send) -> Result<(), JournalFault> {
    let row = sqlx::query("SELECT amount FROM spend WHERE op = $1").bind(name(id)).fetch_one(&mut *connection).await;
    let aside = Wei::new(parse("an amount", &Columns(&row.map_err(fault)?).text("amount")?)?);
    sqlx::query("UPDATE spend SET amount = $1 WHERE op = $2")
        .bind(change(aside).get().to_string())
        .bind(name(id))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// A line in the operation's log.
pub(super) async fn note(
    connection: &mut AnyConnection,
    record: &OperationRecord,
    step: &str,
    at: Timestamp,
    epoch: u64,
    detail: &str,
) -> Result<(), JournalFault> {
    sqlx::query(
        "INSERT INTO operation_event (op, line, step, state, at, epoch, detail) \
         SELECT $1, COALESCE(MAX(line) + 1, 0), $2, $3, $4, $5, $6 FROM operation_event WHERE op = $1",
    )
    .bind(name(&record.id))
    .bind(step.to_owned())
    .bind(record.state.label())
    .bind(number(at.millis())?)
    .bind(number(epoch)?)
    .bind(words(detail))
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

/// The operation of an operator's command, with the lock of its lane.
async fn load_for_operator(connection: &mut AnyConnection, id: &OperationId) -> Result<Kept, JournalFault> {
    let lane = load(connection, id).await?.record.lane;
    lanes::hold_for_operator(connection, &lane).await?;
    // Its writer may have moved it while the lock was waited for.
    load(connection, id).await
}

pub(super) async fn request_cancel(
    connection: &mut AnyConnection,
    id: &OperationId,
    by: &str,
    at: Timestamp,
) -> Result<(), JournalFault> {
    let Kept { record, .. } = load_for_operator(connection, id).await?;
    if record.state.is_final() {
        return Err(JournalFault::Conflict(format!("operation {id} is over: {}", record.state)));
    }
    let wish = sqlx::query("UPDATE operation SET cancel_requested = 1 WHERE id = $1").bind(name(id));
    wish.execute(&mut *connection).await.map_err(fault)?;
    note(connection, &record, "request_cancel", at, 0, by).await
}

pub(super) async fn abandon(
    connection: &mut AnyConnection,
    id: &OperationId,
    by: &str,
    at: Timestamp,
) -> Result<OperationRecord, JournalFault> {
    let kept = load_for_operator(connection, id).await?;
    let seq = kept.record.seq;
    step(connection, kept, seq, &Entry::Abandon { why: format!("abandoned by {by}") }, at, 0).await
}
