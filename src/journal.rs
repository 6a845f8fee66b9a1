//! What outlives an actor, behind [`crate::ports::Journal`]: [`memory`] outlives the actors, [`sql`] outlives the process.

pub mod memory;
pub mod sql;

#[cfg(test)]
mod tests;

pub use sql::{OpenFault, open};

use crate::domain::operation::{Attempt, Entry};

/// What a step's line in the log says beyond its name, for people. Both journals write the same.
fn told(entry: &Entry) -> String {
    let signed = |attempt: &Attempt| format!("{} by the {} way", attempt.hash, attempt.via.label());
    match entry {
        Entry::Reserve { nonce, reserve, .. } => format!("nonce {nonce}, {reserve} set aside"),
        Entry::Prepare { attempt, .. } | Entry::Replace { attempt, .. } | Entry::Cancel { attempt: Some(attempt), .. } => {
            signed(attempt)
        }
        Entry::Include { landing, .. } => {
            format!("{} {} in block {}", landing.hash, landing.fate.label(), landing.block.number)
        }
        Entry::Finalise { spent } => format!("{spent} spent"),
        Entry::Release | Entry::Launch { .. } | Entry::Cancel { attempt: None, .. } | Entry::Unwind => String::new(),
        Entry::Quarantine { .. }
        | Entry::Abandon { .. }
        | Entry::Expire { .. }
        | Entry::Supersede { .. }
        | Entry::Reject { .. } => entry.reason().unwrap_or_default(),
    }
}
