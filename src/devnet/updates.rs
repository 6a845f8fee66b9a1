//! Counts what was sent to pools, to prove that nothing was doubled: every transaction on the chain that changes weights.

use std::collections::BTreeMap;

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes, U64};
use serde::Deserialize;

use super::contracts::IManagedPool;
use super::fault::WorldError;
use super::rpc::Rpc;

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

impl Ledger {
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
