//! What an aggregator's log says. Every byte of it is a stranger's: one that does not fit is refused, under a name of its own.

use std::collections::BTreeSet;

use alloy::sol_types::SolEvent;
use alloy_primitives::aliases::I192;
use alloy_primitives::{Address, B256, Bytes, I256, U64, U256};
use serde::Deserialize;
use thiserror::Error;

use crate::chain::contracts::{IAnswers, IOcr1, IOcr2};
use crate::domain::transmission::{Contradiction, Transmission};
use crate::ports::Announcement;

/// The events that are listened to.
pub(super) const TOPICS: [B256; 3] =
    [IAnswers::AnswerUpdated::SIGNATURE_HASH, IOcr1::NewTransmission::SIGNATURE_HASH, IOcr2::NewTransmission::SIGNATURE_HASH];

/// A transmission of 31 nodes takes less than a quarter of this.
const LONGEST: usize = 16 * 1_024;

/// Why a log is no announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// Longer than any transmission.
    #[error("the log is too long")]
    TooLong,
    /// No log at all.
    #[error("the log does not decode")]
    Garbled,
    /// A reorganisation has taken it back.
    #[error("the log was taken back")]
    Removed,
    /// It is in no block yet.
    #[error("the log is in no block")]
    Pending,
    /// Nobody listens to its address.
    #[error("the log is of another contract")]
    UnknownAddress,
    /// Nobody listens to its topic.
    #[error("the log is of another event")]
    UnknownEvent,
    /// Its topics and data are not those of its event.
    #[error("the event does not decode")]
    Undecodable,
    /// The transmission is none.
    #[error(transparent)]
    Contradicts(#[from] Contradiction),
}

impl Refusal {
    /// A finite, stable word for logs.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Garbled => "garbled",
            Self::Removed => "removed",
            Self::Pending => "pending",
            Self::UnknownAddress => "unknown_address",
            Self::UnknownEvent => "unknown_event",
            Self::Undecodable => "undecodable",
            Self::Contradicts(contradiction) => contradiction.label(),
        }
    }
}

/// The wire form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: Option<U64>,
    #[serde(default)]
    removed: bool,
}

/// Understands a pushed log of one of `aggregators`.
///
/// # Errors
/// The first test that it fails, in the order of [`Refusal`].
pub(super) fn understand(log: &str, aggregators: &BTreeSet<Address>) -> Result<Announcement, Refusal> {
    if log.len() > LONGEST {
        return Err(Refusal::TooLong);
    }
    let log: RawLog = serde_json::from_str(log).map_err(|_| Refusal::Garbled)?;
    if log.removed {
        return Err(Refusal::Removed);
    }
    let block = log.block_number.ok_or(Refusal::Pending)?.to();
    if !aggregators.contains(&log.address) {
        return Err(Refusal::UnknownAddress);
    }
    Ok(Announcement { aggregator: log.address, block, transmission: transmission(&log.topics, &log.data)? })
}

/// `None`: a round without a word on its observations.
fn transmission(topics: &[B256], data: &[u8]) -> Result<Option<Transmission>, Refusal> {
    let topics = || topics.iter().copied();
    let (round, answer, observations) = match topics().next() {
        Some(IAnswers::AnswerUpdated::SIGNATURE_HASH) => {
            decode::<IAnswers::AnswerUpdated>(topics(), data)?;
            return Ok(None);
        }
        Some(IOcr1::NewTransmission::SIGNATURE_HASH) => {
            let event = decode::<IOcr1::NewTransmission>(topics(), data)?;
            (event.aggregatorRoundId, event.answer, event.observations)
        }
        Some(IOcr2::NewTransmission::SIGNATURE_HASH) => {
            let event = decode::<IOcr2::NewTransmission>(topics(), data)?;
            (event.aggregatorRoundId, event.answer, event.observations)
        }
        _ => return Err(Refusal::UnknownEvent),
    };
    let observations = observations.into_iter().map(wide).collect::<Option<Vec<I256>>>().ok_or(Refusal::Undecodable)?;
    let answer = wide(answer).ok_or(Refusal::Undecodable)?;
    Ok(Some(Transmission::new(round, answer, &observations)?))
}

fn decode<E: SolEvent>(topics: impl Iterator<Item = B256>, data: &[u8]) -> Result<E, Refusal> {
    E::decode_raw_log_validate(topics, data).map_err(|_| Refusal::Undecodable)
}

fn wide(narrow: I192) -> Option<I256> {
    I256::checked_from_sign_and_abs(narrow.sign(), U256::from(narrow.unsigned_abs()))
}

#[cfg(test)]
pub(super) mod tests {
    use alloy_primitives::{b256, hex};
    use serde_json::{Value, json};

    use super::*;

    const WHO: Address = Address::repeat_byte(0xa9);

    fn narrow(numbers: &[i64]) -> Vec<I192> {
        numbers.iter().map(|number| I192::try_from(*number).unwrap()).collect()
    }

    pub(in crate::chain) fn ocr2(round: u32, answer: i64, observations: &[i64]) -> (Vec<B256>, Vec<u8>) {
        let event = IOcr2::NewTransmission {
            aggregatorRoundId: round,
            answer: narrow(&[answer])[0],
            transmitter: Address::repeat_byte(1),
            observationsTimestamp: 1_700_000_000,
            observations: narrow(observations),
            observers: vec![0; observations.len()].into(),
            juelsPerFeeCoin: narrow(&[7])[0],
            configDigest: B256::repeat_byte(3),
            epochAndRound: alloy_primitives::aliases::U40::from(9),
        };
        (event.encode_topics().into_iter().map(|topic| topic.0).collect(), event.encode_data())
    }

    fn ocr1(round: u32, answer: i64, observations: &[i64]) -> (Vec<B256>, Vec<u8>) {
        let event = IOcr1::NewTransmission {
            aggregatorRoundId: round,
            answer: narrow(&[answer])[0],
            transmitter: Address::repeat_byte(1),
            observations: narrow(observations),
            observers: vec![0; observations.len()].into(),
            rawReportContext: B256::repeat_byte(3),
        };
        (event.encode_topics().into_iter().map(|topic| topic.0).collect(), event.encode_data())
    }

    fn log((topics, data): (Vec<B256>, Vec<u8>)) -> Value {
        json!({
            "address": WHO, "topics": topics, "data": Bytes::from(data), "blockNumber": "0x10", "blockHash": B256::ZERO,
            "transactionHash": B256::ZERO, "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
        })
    }

    fn heard(log: &Value) -> Result<Announcement, Refusal> {
        understand(&log.to_string(), &BTreeSet::from([WHO]))
    }

    #[test]
    fn the_events_are_those_of_the_chain() {
        assert_eq!(TOPICS[0], b256!("0559884fd3a460db3073b7fc896cc77986f16e378210ded43186175bf646fc5f"));
        assert_eq!(TOPICS[1], b256!("f6a97944f31ea060dfde0566e4167c1a1082551e64b60ecb14d599a9d023d451"));
        assert_eq!(TOPICS[2], b256!("c797025feeeaf2cd924c99e9205acb8ec04d5cad21c41ce637a38fb6dee6016a"));
    }

    #[test]
    fn both_forms_of_a_transmission_are_understood_and_a_round_without_one() {
        for form in [ocr1, ocr2] {
            let announcement = heard(&log(form(42, 100, &[-3, 100, 101]))).unwrap();
            assert_eq!((announcement.aggregator, announcement.block), (WHO, 16));
            let answer = |number: i64| I256::try_from(number).unwrap();
            let expected = Transmission::new(42, answer(100), &[-3, 100, 101].map(answer)).unwrap();
            assert_eq!(announcement.transmission, Some(expected));
        }
        let most: Vec<i64> = (0..31).collect();
        assert!(heard(&log(ocr2(u32::MAX, 15, &most))).is_ok());
        let plain = IAnswers::AnswerUpdated { current: I256::ONE, roundId: U256::from(42), updatedAt: U256::from(1) };
        let topics = plain.encode_topics().into_iter().map(|topic| topic.0).collect();
        assert_eq!(heard(&log((topics, plain.encode_data()))).unwrap().transmission, None);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let label = |log: &Value| heard(log).unwrap_err().label();
        let with = |field: &str, value: Value| {
            let mut log = log(ocr2(42, 100, &[99, 100, 101]));
            log[field] = value;
            log
        };
        assert_eq!(label(&with("removed", json!(true))), "removed");
        assert_eq!(label(&with("blockNumber", Value::Null)), "pending");
        assert_eq!(label(&with("blockNumber", json!("many"))), "garbled");
        assert_eq!(label(&with("topics", Value::Null)), "garbled");
        assert_eq!(label(&with("address", json!(Address::repeat_byte(1)))), "unknown_address");
        assert_eq!(label(&with("topics", json!([]))), "unknown_event");
        assert_eq!(label(&with("topics", json!([B256::ZERO]))), "unknown_event");
        assert_eq!(label(&with("topics", json!([TOPICS[2]]))), "undecodable");
        assert_eq!(label(&with("topics", json!([TOPICS[2], B256::repeat_byte(0xff)]))), "undecodable");
        assert_eq!(label(&with("topics", json!([TOPICS[1], B256::with_last_byte(1)]))), "undecodable");
        assert_eq!(label(&with("data", json!("0x"))), "undecodable");
        assert_eq!(label(&with("data", json!(format!("0x{}", "00".repeat(9_000))))), "too_long");
        assert_eq!(understand("", &BTreeSet::from([WHO])), Err(Refusal::Garbled));
        for form in [ocr1, ocr2] {
            assert_eq!(label(&log(form(42, 100, &[]))), "empty");
            assert_eq!(label(&log(form(42, 100, &[100; 32]))), "too_many");
            assert_eq!(label(&log(form(42, 100, &[101, 100, 99]))), "unsorted");
            assert_eq!(label(&log(form(42, 99, &[99, 100, 101]))), "not_the_median");
        }
    }

    #[test]
    fn a_number_wider_than_its_type_or_a_list_longer_than_its_data_is_undecodable() {
        let (topics, data) = ocr2(42, 100, &[99, 100, 101]);
        let spoilt = |at: usize, word: &str| {
            let mut data = data.clone();
            data[at * 32..(at + 1) * 32].copy_from_slice(&hex::decode(word).unwrap());
            heard(&log((topics.clone(), data))).map_err(Refusal::label)
        };
        assert_eq!(spoilt(0, &"7f".repeat(32)), Err("undecodable"), "the answer has 192 bits");
        assert_eq!(spoilt(3, &"ff".repeat(32)), Err("undecodable"), "where the observations begin");
        assert_eq!(spoilt(8, &"ff".repeat(32)), Err("undecodable"), "how many there are");
        assert_eq!(spoilt(9, &"7f".repeat(32)), Err("undecodable"), "an observation");
    }
}
