//! Every answer that a contract can give, by hand.

mod aave_v3;
mod compound_v3;
mod erc4626;
mod savings_rate;

use std::sync::Arc;

use alloy::sol_types::{Revert, SolCall, SolError, SolValue};
use alloy_primitives::{Address, B256, Bytes, U256};

use crate::domain::ids::{AssetId, ChainName, SourceId};
use crate::domain::position::BlockStamp;
use crate::domain::units::Timestamp;
use crate::domain::yields::{Payer, YieldFault, YieldReading};
use crate::ports::{Answer, CallFault, YieldSource};

const NOW: BlockStamp = BlockStamp { number: 1, hash: B256::repeat_byte(9), timestamp: Timestamp::from_secs(1_700_000_000) };
/// The contract that is asked, the coin, and a stranger to both.
const PLACE: Address = Address::repeat_byte(1);
const COIN: Address = Address::repeat_byte(2);
const STRANGER: Address = Address::repeat_byte(3);

fn payer() -> Arc<Payer> {
    let (id, asset, chain) = (SourceId::new("test:DAI@demo"), AssetId::new("DAI"), ChainName::new("demo"));
    Arc::new(Payer { id, asset, chain })
}

/// The answer to a question that has one value.
#[expect(clippy::needless_pass_by_value, reason = "what it says is made where it is said")]
fn says(value: impl SolValue) -> Answer {
    Ok(value.abi_encode().into())
}

fn number(value: u128) -> Answer {
    says(U256::from(value))
}

fn reverts(reason: &str) -> Answer {
    Err(CallFault::Failed(Revert::from(reason).abi_encode().into()))
}

fn with(mut answers: Vec<Answer>, at: usize, other: Answer) -> Vec<Answer> {
    answers[at] = other;
    answers
}

fn label(found: Result<YieldReading, YieldFault>) -> &'static str {
    found.unwrap_err().label()
}

/// None of the calls can be missing, fail, be cut short or be something else without being told so.
fn every_answer_counts(source: &impl YieldSource, answers: &[Answer]) {
    assert!(source.reading(answers, &NOW).is_ok(), "{:?}", source.reading(answers, &NOW));
    assert_eq!(source.calls().len(), answers.len());
    for at in 0..answers.len() {
        assert_eq!(label(source.reading(&answers[..at], &NOW)), "failed_call", "without the answer {at}");
        let cut = Bytes::copy_from_slice(&answers[at].as_ref().unwrap()[1..]);
        for broken in [reverts("no"), Err(CallFault::NotReached), Ok(Bytes::new()), Ok(cut), Ok(Bytes::from(vec![0xff; 7]))] {
            let spoilt = with(answers.to_vec(), at, broken);
            assert_eq!(label(source.reading(&spoilt, &NOW)), "failed_call", "{:?} as answer {at}", spoilt[at]);
        }
    }
}

/// Nothing makes an adapter panic, or gives a yield beyond what there is.
fn survives_anything(source: &impl YieldSource, words: usize) {
    for filler in [0x00u8, 0x01, 0x7f, 0x80, 0xff] {
        let answers: Vec<Answer> = source.calls().iter().map(|_| Ok(vec![filler; 32 * words].into())).collect();
        assert!(source.reading(&answers, &NOW).is_err(), "{filler:#x}");
    }
}

fn selectors(source: &impl YieldSource) -> Vec<[u8; 4]> {
    source.calls().iter().map(|call| call.data[..4].try_into().unwrap()).collect()
}

fn selector<C: SolCall>() -> [u8; 4] {
    C::SELECTOR
}
