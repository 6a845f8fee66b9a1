//! Counts what was sent to pools, to prove that nothing was doubled: every transaction on the chain that changes weights.

use std::collections::BTreeMap;

use alloy::sol_types::{SolCall, SolEvent};
use alloy_primitives::{Address, B256, Bytes, U64};
use serde::Deserialize;
use serde_json::json;

use super::batch;
use super::contracts::IManagedPool;
use super::fault::WorldError;
use super::rpc::Rpc;
use crate::domain::units::{Timestamp, Weight};

/// A transaction that called `updateWeightsGradually`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightUpdate {
    /// Its block.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// Who sent it.
    pub from: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Whether it did its work; otherwise it reverted.
    pub success: bool,
}

/// All that were seen, and how far the chain has been read.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: u64,
    seen: BTreeMap<Address, Vec<WeightUpdate>>,
}

#[derive(Deserialize)]
struct Block {
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    hash: B256,
    from: Address,
    to: Option<Address>,
    input: Bytes,
    nonce: U64,
}

#[derive(Deserialize)]
struct Receipt {
    status: U64,
}

/// An event by which a pool says that its weights are going to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RampScheduled {
    /// Its block.
    pub block: u64,
    /// The transaction.
    pub hash: B256,
    /// When the weights begin to move.
    pub start: Timestamp,
    /// When they arrive.
    pub end: Timestamp,
    /// Where they arrive, in the order of the chain.
    pub end_weights: Vec<Weight>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    block_number: U64,
    transaction_hash: B256,
    data: Bytes,
}

/// The ramps that a pool has scheduled in the blocks from `from` on that are on the chain now, oldest first. Unlike [`Ledger`] this
/// asks the node each time: blocks that were reorganised away count for nothing.
pub(super) async fn scheduled(rpc: &Rpc, pool: Address, from: u64) -> Result<Vec<RampScheduled>, WorldError> {
    type Event = IManagedPool::GradualWeightUpdateScheduled;
    let filter = json!({
        "address": pool,
        "topics": [Event::SIGNATURE_HASH],
        "fromBlock": U64::from(from),
        "toBlock": "latest",
    });
    let logs: Vec<Log> = rpc.ask("eth_getLogs", (filter,)).await?;
    let understand = |log: Log| {
        let event = Event::abi_decode_data(&log.data).map_err(WorldError::decode("an event"))?;
        let (start, end, _, end_weights) = event;
        Ok(RampScheduled {
            block: log.block_number.to(),
            hash: log.transaction_hash,
            start: Timestamp::from_secs(start.saturating_to()),
            end: Timestamp::from_secs(end.saturating_to()),
            end_weights: batch::all_weights(&end_weights),
        })
    };
    logs.into_iter().map(understand).collect()
}

impl Ledger {
    /// Forgets the blocks from `number` on: others have taken their place.
    pub(super) fn rewind(&mut self, number: u64) {
        self.next = self.next.min(number);
        for updates in self.seen.values_mut() {
            updates.retain(|update| update.block < number);
        }
    }

    /// Reads the blocks that are new and gives all updates of one pool, oldest first.
    pub(super) async fn updates(&mut self, rpc: &Rpc, pool: Address) -> Result<Vec<WeightUpdate>, WorldError> {
        let height = rpc.height().await?;
        while self.next <= height {
            let block: Block = rpc.ask("eth_getBlockByNumber", (U64::from(self.next), true)).await?;
            let mut found = Vec::new();
            for transaction in block.transactions {
                if let Some(to) = transaction.to.filter(|_| is_update(&transaction.input)) {
                    let receipt: Receipt = rpc.ask("eth_getTransactionReceipt", (transaction.hash,)).await?;
                    found.push((to, self.next, transaction, receipt.status == U64::from(1)));
                }
            }
            for (to, block, Transaction { hash, from, nonce, .. }, success) in found {
                self.seen.entry(to).or_default().push(WeightUpdate { block, hash, from, nonce: nonce.to(), success });
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(self.seen.get(&pool).cloned().unwrap_or_default())
    }
}

fn is_update(input: &Bytes) -> bool {
    input.starts_with(&IManagedPool::updateWeightsGraduallyCall::SELECTOR)
}
