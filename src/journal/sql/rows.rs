//! Operations and their attempts, out of their tables.

use alloy_primitives::{B256, hex};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Decode, Row, Type};

use super::codec::{self, count, parse, word};
use super::fault::fault;
use crate::domain::fees::Fees;
use crate::domain::gas::GasCap;
use crate::domain::ids::PoolId;
use crate::domain::operation::{
    Attempt, AttemptKind, Fate, IntentId, Landing, LaneKey, NewOperation, OperationId, OperationRecord,
};
use crate::domain::plan::Plan;
use crate::domain::position::BlockStamp;
use crate::domain::route::Via;
use crate::domain::trigger::Class;
use crate::domain::units::{GasCost, GasPrice, Timestamp};
use crate::ports::JournalFault;

/// The states in which an operation is over, as the partial indexes spell them.
macro_rules! over {
    () => {
        "('final_ok', 'final_reverted', 'final_cancelled', 'expired', 'superseded', 'rejected', 'abandoned')"
    };
}
pub(super) use over;

/// The states in which an intent may have another operation.
macro_rules! freeing {
    () => {
        "('final_reverted', 'final_cancelled', 'expired', 'superseded', 'rejected', 'abandoned')"
    };
}
pub(super) use freeing;

/// An operation's name as the database has it: without `0x`, so that what people type is a prefix of it.
pub(super) fn name(id: &OperationId) -> String {
    hex::encode(id.0)
}

pub(super) fn intent(id: IntentId) -> String {
    hex::encode(id.0)
}

/// A row, read column by column. What is missing or of the wrong kind is a fault that says where.
pub(super) struct Columns<'r>(pub(super) &'r AnyRow);

impl<'r> Columns<'r> {
    fn get<T: Decode<'r, Any> + Type<Any>>(&self, column: &'static str) -> Result<T, JournalFault> {
        self.0.try_get(column).map_err(fault)
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, JournalFault> {
        self.get(column)
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, JournalFault> {
        self.get(column)
    }

    pub(super) fn number(&self, column: &'static str) -> Result<u64, JournalFault> {
        count(column, self.get(column)?)
    }

    pub(super) fn maybe_number(&self, column: &'static str) -> Result<Option<u64>, JournalFault> {
        self.get::<Option<i64>>(column)?.map(|value| count(column, value)).transpose()
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, JournalFault> {
        self.number(column).map(Timestamp::from_millis)
    }

    pub(super) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, JournalFault> {
        Ok(self.maybe_number(column)?.map(Timestamp::from_millis))
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool, JournalFault> {
        self.number(column).map(|flag| flag == 1)
    }

    pub(super) fn id(&self, column: &'static str) -> Result<OperationId, JournalFault> {
        parse(column, &self.text(column)?).map(OperationId)
    }

    fn hash(&self, column: &'static str) -> Result<B256, JournalFault> {
        parse(column, &self.text(column)?)
    }

    fn price(&self, column: &'static str) -> Result<GasPrice, JournalFault> {
        parse(column, &self.text(column)?).map(GasPrice::from_wei)
    }
}

/// An operation with what the record does not say: whether its pool is spoken for.
pub(super) struct Kept {
    pub(super) record: OperationRecord,
    pub(super) claims: bool,
}

/// The operation of a name, as it is inside of this transaction.
pub(super) async fn load(connection: &mut AnyConnection, id: &OperationId) -> Result<Kept, JournalFault> {
    let row = sqlx::query("SELECT * FROM operation WHERE id = $1").bind(name(id)).fetch_optional(&mut *connection).await;
    let Some(row) = row.map_err(fault)? else { return Err(JournalFault::Unknown(format!("operation {id}"))) };
    let mut kept = operation(&Columns(&row))?;
    let attempts = sqlx::query("SELECT * FROM attempt WHERE op = $1 ORDER BY number").bind(name(id));
    for row in attempts.fetch_all(&mut *connection).await.map_err(fault)? {
        kept.record.attempts.push(attempt(&Columns(&row))?);
    }
    Ok(kept)
}

/// Several operations: the first query has their rows, the second the rows of their attempts, in any order.
pub(super) async fn load_all(
    connection: &mut AnyConnection,
    operations: Query<'_, Any, AnyArguments>,
    attempts: Query<'_, Any, AnyArguments>,
) -> Result<Vec<OperationRecord>, JournalFault> {
    let rows = operations.fetch_all(&mut *connection).await.map_err(fault)?;
    let mut records = rows.iter().map(|row| operation(&Columns(row)).map(|kept| kept.record)).collect::<Result<Vec<_>, _>>()?;
    let places: std::collections::HashMap<OperationId, usize> =
        records.iter().enumerate().map(|(place, record)| (record.id, place)).collect();
    for row in attempts.fetch_all(&mut *connection).await.map_err(fault)? {
        let columns = Columns(&row);
        let place = places.get(&columns.id("op")?);
        if let Some(record) = place.and_then(|place| records.get_mut(*place)) {
            record.attempts.push(attempt(&columns)?);
        }
    }
    for record in &mut records {
        record.attempts.sort_by_key(|attempt| attempt.number);
    }
    Ok(records)
}

fn operation(row: &Columns<'_>) -> Result<Kept, JournalFault> {
    let lane: LaneKey = codec::lane(&row.text("lane")?)?;
    let plan: Plan = codec::read_plan(&row.text("plan")?)?;
    let cap: GasCap = codec::read_cap(&row.text("cap")?)?;
    let new = NewOperation {
        intent: IntentId(row.hash("intent")?),
        pool: PoolId::new(&row.text("pool")?),
        class: word("a class", &Class::ALL, Class::label, &row.text("class")?)?,
        why: row.text("why")?,
        plan,
        cap,
        created: row.time("created")?,
    };
    let mut record = OperationRecord::queued(row.id("id")?, lane, new);
    record.state = parse("a state", &row.text("state")?)?;
    record.seq = row.number("seq")?;
    record.nonce = row.maybe_number("nonce")?;
    record.ramp = row.maybe_text("ramp")?.map(|text| codec::read_ramp(&text)).transpose()?;
    record.deadline = row.maybe_time("deadline")?;
    record.landing = landing(row)?;
    record.cancel_requested = row.flag("cancel_requested")?;
    record.reason = row.maybe_text("reason")?;
    Ok(Kept { record, claims: row.flag("claims_pool")? })
}

fn landing(row: &Columns<'_>) -> Result<Option<Landing>, JournalFault> {
    if row.maybe_text("landing_hash")?.is_none() {
        return Ok(None);
    }
    let block = BlockStamp {
        number: row.number("landing_block")?,
        hash: row.hash("landing_block_hash")?,
        timestamp: row.time("landing_block_time")?,
    };
    Ok(Some(Landing {
        hash: row.hash("landing_hash")?,
        block,
        fate: word("a fate", &Fate::ALL, Fate::label, &row.text("landing_fate")?)?,
        cost: GasCost { gas_used: row.number("landing_gas_used")?, price: row.price("landing_gas_price")? },
    }))
}

fn attempt(row: &Columns<'_>) -> Result<Attempt, JournalFault> {
    let number = row.number("number")?;
    Ok(Attempt {
        number: u32::try_from(number).map_err(|_| JournalFault::Failed(format!("attempt {number} cannot be counted")))?,
        kind: word("an attempt's kind", &AttemptKind::ALL, AttemptKind::label, &row.text("kind")?)?,
        hash: row.hash("hash")?,
        raw: parse("an attempt's bytes", &row.text("raw")?)?,
        fees: Fees { max_fee: row.price("max_fee")?, tip: row.price("tip")? },
        gas_limit: row.number("gas_limit")?,
        via: word("an attempt's way", &Via::ALL, Via::label, &row.text("via")?)?,
        launched: row.maybe_time("launched")?,
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::operation::State;

    fn spelt(wanted: impl Fn(State) -> bool) -> String {
        let words: Vec<String> =
            State::ALL.into_iter().filter(|state| wanted(*state)).map(|state| format!("'{state}'")).collect();
        format!("({})", words.join(", "))
    }

    #[test]
    fn the_statements_and_the_schema_spell_the_states_as_the_domain_does() {
        assert_eq!(over!(), spelt(State::is_final));
        assert_eq!(freeing!(), spelt(State::frees_intent));
        let schema = include_str!("../migrations/0001_journal.sql");
        assert!(schema.contains(&format!("ON operation (lane)\nWHERE state NOT IN {}", over!())));
        assert!(schema.contains(&format!("ON operation (intent)\nWHERE state NOT IN {}", freeing!())));
        let schema = schema.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")");
        assert!(schema.contains(&format!("state IN {}", spelt(|_| true))));
    }
}
