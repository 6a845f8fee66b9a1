//! What a database's refusal means. A constraint that refuses is a conflict: nothing was written, and the writer thought wrong.
//! Everything else is a failure, after which nobody knows.

use sqlx::Error;
use sqlx::error::{DatabaseError, ErrorKind};

use crate::ports::JournalFault;

/// The unique constraints: how PostgreSQL names them, how SQLite does, and what they mean.
const UNIQUE: &[(&str, &str, &str)] = &[
    ("nonce_slot_pkey", "nonce_slot.lane, nonce_slot.nonce", "the nonce is taken"),
    ("nonce_slot_op_key", "nonce_slot.op", "the operation has a nonce already"),
    ("operation_one_held", "operation.lane", "the lane has another operation that is reserved or prepared"),
    ("operation_one_intent", "operation.intent", "the same evidence has another operation"),
    ("operation_one_claim", "operation.chain_id, operation.pool", "the pool has another live operation"),
    ("operation_pkey", "operation.id", "the operation is written down already"),
    ("attempt_pkey", "attempt.op, attempt.number", "the operation has an attempt of that number"),
    ("attempt_hash_key", "attempt.hash", "the transaction is written down already"),
    ("spend_pkey", "spend.op", "the operation has set something aside already"),
];

pub(super) fn fault(error: Error) -> JournalFault {
    match error {
        Error::Database(refusal) => refused(refusal.as_ref()),
        Error::PoolTimedOut => JournalFault::Failed("no connection to the database in time".to_owned()),
        Error::Io(fault) => JournalFault::Failed(format!("the connection broke: {fault}")),
        // Of the rest some are about the address of the database: its text may hold a password.
        Error::Configuration(_) => JournalFault::Failed("the address of the database cannot be used".to_owned()),
        other => JournalFault::Failed(other.to_string()),
    }
}

fn refused(refusal: &dyn DatabaseError) -> JournalFault {
    match refusal.kind() {
        ErrorKind::UniqueViolation => JournalFault::Conflict(meaning(refusal)),
        ErrorKind::CheckViolation | ErrorKind::ForeignKeyViolation | ErrorKind::NotNullViolation => {
            JournalFault::Conflict(format!("it would break a rule of the database: {}", refusal.message()))
        }
        _ => JournalFault::Failed(refusal.message().to_owned()),
    }
}

fn meaning(refusal: &dyn DatabaseError) -> String {
    let columns = refusal.message().rsplit_once(": ").map(|(_, columns)| columns);
    let same = |(postgres, sqlite, _): &&(&str, &str, &str)| refusal.constraint() == Some(*postgres) || columns == Some(*sqlite);
    match UNIQUE.iter().find(same) {
        Some((_, _, meaning)) => (*meaning).to_owned(),
        None => format!("it would break a rule of the database: {}", refusal.message()),
    }
}
