//! The batched read.

use std::time::Duration;

use alloy::sol_types::SolError;
use alloy_primitives::{Address, Bytes, U256};

use super::Requests;
use super::anvil::{Anvil, BLOCK_NUMBER, BURNS, READER, REVERTS, Reply, contract};
use crate::chain::contracts::BatchReader;
use crate::chain::provider::{AskFault, Node};
use crate::chain::reader::{ReaderSettings, answers, read};
use crate::ports::{Answer, Call, CallFault};

const CLOCK: Address = Address::repeat_byte(0x11);
const BROKEN: Address = Address::repeat_byte(0x22);
const ABSENT: Address = Address::repeat_byte(0x33);
const BURNER: Address = Address::repeat_byte(0x44);
const IMPOSTOR: Address = Address::repeat_byte(0x55);
const OUT_OF_GAS: [u8; 4] = BatchReader::OutOfReaderGas::SELECTOR;

fn to(target: Address) -> Call {
    Call { target, data: Bytes::new() }
}

#[expect(clippy::unnecessary_wraps, reason = "an answer is a result")]
fn number(number: u64) -> Answer {
    Ok(U256::from(number).to_be_bytes_vec().into())
}

async fn world() -> Anvil {
    let anvil = Anvil::start(&[]);
    anvil.put(CLOCK, BLOCK_NUMBER).await;
    anvil.put(BROKEN, REVERTS).await;
    anvil.put(BURNER, BURNS).await;
    anvil
}

#[tokio::test]
async fn one_broken_contract_spoils_no_other_answer_of_its_block() {
    let anvil = world().await;
    let (first, later) = (anvil.mine(1).await.stamp, anvil.mine(3).await.stamp);
    let calls = [to(CLOCK), to(BROKEN), to(ABSENT), to(BURNER), to(CLOCK)];
    let failed = || -> Answer { Err(CallFault::Failed(Bytes::new())) };
    for stamp in [first, later] {
        let answers = read(&anvil.node(), &READER, stamp.hash, &calls).await.unwrap();
        assert_eq!(answers, [number(stamp.number), failed(), failed(), failed(), number(stamp.number)]);
    }
    let unknown = read(&anvil.node(), &READER, alloy_primitives::B256::repeat_byte(9), &calls).await.unwrap_err();
    assert!(matches!(unknown, AskFault::Answered { .. }), "{unknown:?}");
}

#[tokio::test]
async fn many_calls_are_split_and_stay_in_order() {
    let anvil = world().await;
    let requests = Requests::default();
    let node = Node::http(&anvil.http(), Duration::from_secs(10), requests.hook()).unwrap();
    let settings = ReaderSettings { calls_per_request: 2, ..READER };
    let at = anvil.mine(1).await.stamp;
    let calls = [to(CLOCK), to(CLOCK), to(BROKEN), to(CLOCK), to(ABSENT)];
    let answers = read(&node, &settings, at.hash, &calls).await.unwrap();
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true, false]);
    assert_eq!(requests.count("eth_call"), 3);
    assert_eq!(read(&node, &settings, at.hash, &[]).await, Ok(Vec::new()));
    assert_eq!(requests.count("eth_call"), 3, "no calls, no request");
}

#[tokio::test]
async fn calls_that_found_no_gas_are_asked_again_a_few_times() {
    let anvil = world().await;
    let requests = Requests::default();
    let node = Node::http(&anvil.http(), Duration::from_secs(10), requests.hook()).unwrap();
    let at = anvil.mine(1).await.stamp;
    let mut calls = vec![to(BURNER); 12];
    calls.push(to(CLOCK));
    let settings = ReaderSettings { gas: 1_000_000, ..READER };
    let answers = read(&node, &settings, at.hash, &calls).await.unwrap();
    assert_eq!(answers.last(), Some(&number(at.number)));
    assert_eq!(requests.count("eth_call"), 2);
    let hopeless = ReaderSettings { gas: 150_000, ..READER };
    let answers = read(&node, &hopeless, at.hash, &calls).await.unwrap();
    assert!(answers.iter().all(|answer| *answer == Err(CallFault::NotReached)));
    assert_eq!(requests.count("eth_call"), 3, "no progress, no further request");
}

#[tokio::test]
async fn a_contract_that_pretends_to_have_found_no_gas_hides_nothing() {
    let anvil = world().await;
    anvil.put(IMPOSTOR, &contract(&[([0; 4], Reply::Revert(OUT_OF_GAS.to_vec()))])).await;
    let at = anvil.mine(1).await.stamp;
    let call = Call { target: IMPOSTOR, data: Bytes::from_static(&[0; 4]) };
    let answers = read(&anvil.node(), &READER, at.hash, &[call.clone(), to(CLOCK), call]).await.unwrap();
    assert_eq!(answers, [Err(CallFault::Failed(OUT_OF_GAS.into())), number(at.number), Err(CallFault::NotReached)]);
}

#[test]
fn an_answer_that_counts_otherwise_is_refused_before_it_is_decoded() {
    use alloy::sol_types::SolValue;
    // A thousand answers that all point at the same bytes: decoded, they are a thousand times as long as what was sent.
    let (many, mut bytes) = (1_000usize, Vec::new());
    bytes.extend(U256::from(32).to_be_bytes_vec());
    bytes.extend(U256::from(many).to_be_bytes_vec());
    for _ in 0..many {
        bytes.extend(U256::from(many * 32).to_be_bytes_vec());
    }
    bytes.extend((true, Bytes::from(vec![7; 3_200])).abi_encode_params());
    assert_eq!(
        answers(&bytes, many).map(|all| all.iter().flatten().map(|bytes| bytes.len()).sum()),
        Ok(3_200 * many),
        "it is a right answer"
    );
    for asked in [0, 1, many - 1, many + 1] {
        assert!(answers(&bytes, asked).unwrap_err().contains("another number of answers"), "{asked}");
    }
    for cut in [0, 31, 32, 63] {
        assert!(answers(&bytes[..cut], many).is_err());
    }
}
