//! Doors for the fuzz targets to what is nobody else's business. Nothing of it is in any other build.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, Bytes};

use super::provider::AskFault;
use super::{announcement, head, reader, relay, revert};
use crate::ports::{Answer, Broadcast, Head};

/// What an aggregator's log is understood as: the number of its block, if it is an announcement.
#[must_use]
pub fn log(text: &str, aggregator: Address) -> Option<u64> {
    let announced = announcement::understand(text, &BTreeSet::from([aggregator]));
    announced.map_err(|refusal| refusal.label()).ok().map(|announced| announced.block)
}

/// A header, as it is pushed.
#[must_use]
pub fn head(text: &str) -> Option<Head> {
    serde_json::from_str::<head::RawHead>(text).ok()?.try_into().ok()
}

/// A batched answer to so many calls.
///
/// # Errors
/// It is none.
pub fn batch(bytes: &[u8], asked: usize) -> Result<Vec<Answer>, String> {
    reader::answers(bytes, asked)
}

/// Why a contract reverted.
#[must_use]
pub fn reason(data: &[u8]) -> String {
    revert::reason(data)
}

/// What became of a transaction that a node, and then a relay, refuses with these words.
#[must_use]
pub fn refusal(code: i64, message: &str, data: &[u8]) -> [Broadcast; 2] {
    let fault = AskFault::Answered { code, message: message.to_owned(), data: Some(Bytes::copy_from_slice(data)) };
    [super::sender::rejection::of_broadcast(&fault), relay::answer::of_submission(B256::ZERO, Err(fault))]
}
