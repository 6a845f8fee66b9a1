//! Many reads in one `eth_call` at one block's hash, none of which can spoil another.
//!
//! The reading contract is not deployed anywhere: its code is put at an address that nobody owns for the time of the call. Each
//! read has its own allowance of gas, so a broken contract burns that and blinds nobody.

use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::state::{StateOverride, StateOverridesBuilder};
use alloy::sol_types::{SolCall, SolError};
use alloy_primitives::{Address, B256, Bytes, U256, address};
use futures::future::try_join_all;
use serde::Serialize;

use crate::chain::contracts::BatchReader;
use crate::chain::provider::{AskFault, Node};
use crate::ports::{Answer, Call, CallFault};

/// Where the code is put. Any address without an owner does.
const READER: Address = address!("ba11a57000000000000000000000000000000001");

/// A number of reads for one request that keeps it small enough for every node: a hundred pools and their feeds.
pub const USUAL_CALLS_PER_REQUEST: usize = 800;

/// The data of an answer that the reader had no gas for.
const OUT_OF_GAS: [u8; 4] = BatchReader::OutOfReaderGas::SELECTOR;

/// How often the reads that found no gas are asked again. A read can burn at most its own allowance, so each round gets further.
const MOST_ROUNDS: usize = 4;

/// What the batched read may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderSettings {
    /// Gas that one read may use.
    pub gas_per_call: u64,
    /// Gas limit of one request.
    pub gas: u64,
    /// Most reads in one request; more are split into requests that go out together.
    pub calls_per_request: usize,
}

/// A block by its hash, in the form of EIP-1898.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AtBlock {
    block_hash: B256,
}

/// Asks all calls in the state after the block `at`, in order. No calls, no request.
///
/// # Errors
/// The node could not be asked, or does not know the block. Reads that fail do so in their own answers.
pub async fn read(node: &Node, settings: &ReaderSettings, at: B256, calls: &[Call]) -> Result<Vec<Answer>, AskFault> {
    let chunks = calls.chunks(settings.calls_per_request.max(1)).map(|chunk| read_chunk(node, settings, at, chunk));
    Ok(try_join_all(chunks).await?.concat())
}

/// Asks one request's worth of calls, and those that found no gas again.
async fn read_chunk(node: &Node, settings: &ReaderSettings, at: B256, calls: &[Call]) -> Result<Vec<Answer>, AskFault> {
    let mut answers = Vec::with_capacity(calls.len());
    for _ in 0..MOST_ROUNDS {
        let rest = calls.get(answers.len()..).unwrap_or_default();
        let mut round = read_once(node, settings, at, rest).await?;
        // A contract may revert with the same bytes; only at the end of the batch do they mean want of gas.
        let reached = round.iter().rposition(|answer| !is_out_of_gas(answer)).map_or(0, |last| last.saturating_add(1));
        round.truncate(reached);
        answers.append(&mut round);
        if reached == 0 || answers.len() == calls.len() {
            break;
        }
    }
    answers.resize(calls.len(), Err(CallFault::NotReached));
    Ok(answers)
}

async fn read_once(node: &Node, settings: &ReaderSettings, at: B256, calls: &[Call]) -> Result<Vec<Answer>, AskFault> {
    let calls: Vec<_> = calls
        .iter()
        .map(|call| BatchReader::Call { target: call.target, gasStipend: settings.gas_per_call, data: call.data.clone() })
        .collect();
    let asked = calls.len();
    let input = BatchReader::readCall { calls }.abi_encode();
    let request = TransactionRequest::default().to(READER).gas_limit(settings.gas).input(Bytes::from(input).into());
    let code: StateOverride = StateOverridesBuilder::default().with_code(READER, BatchReader::DEPLOYED_BYTECODE.clone()).build();
    let answer: Bytes = node.ask("eth_call", (request, AtBlock { block_hash: at }, code)).await?;
    answers(&answer, asked).map_err(AskFault::Garbled)
}

/// What the batch answered to so many calls.
pub(super) fn answers(bytes: &[u8], asked: usize) -> Result<Vec<Answer>, String> {
    // Before anything is decoded: each of a million answers could point at the same megabyte.
    let counted = bytes.get(32..64).and_then(U256::try_from_be_slice);
    if counted.is_none_or(|counted| counted != U256::from(asked)) {
        return Err(format!("a batched read of {asked} calls gave another number of answers, in {} bytes", bytes.len()));
    }
    let answers = BatchReader::readCall::abi_decode_returns_validate(bytes)
        .map_err(|_| format!("a batched read answered with {} bytes that do not decode", bytes.len()))?;
    if answers.len() != asked {
        return Err(format!("a batched read of {asked} calls gave {} answers", answers.len()));
    }
    Ok(answers.into_iter().map(|answer| if answer.ok { Ok(answer.data) } else { Err(CallFault::Failed(answer.data)) }).collect())
}

fn is_out_of_gas(answer: &Answer) -> bool {
    matches!(answer, Err(CallFault::Failed(data)) if data.as_ref() == OUT_OF_GAS)
}
