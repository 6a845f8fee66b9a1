//! Sending by one node's own pool of transactions.

use alloy::rpc::types::TransactionRequest;
use alloy_primitives::{Address, B256, U64, U128};
use async_trait::async_trait;
use serde::Deserialize;

use crate::chain::head;
use crate::chain::provider::{AskFault, Node};
use crate::chain::reader::{self, ReaderSettings};
use crate::chain::sender::rejection;
use crate::domain::route::Via;
use crate::domain::units::Wei;
use crate::domain::units::{GasCost, GasPrice};
use crate::ports::{
    AccountView, Answer, Broadcast, Call, Head, LinkFault, Receipt, SendFault, Sighting, SignedTx, TransactionSender,
    TransactionSigner, TxDraft,
};

/// Sends to the public network.
#[derive(Clone)]
pub struct PublicSender {
    node: Node,
    signer: std::sync::Arc<dyn TransactionSigner>,
    chain_id: u64,
    reader: ReaderSettings,
}

impl PublicSender {
    /// A sender by `node`, which should speak HTTP: a request must not die with a listener's connection.
    #[must_use]
    pub fn new(node: Node, signer: std::sync::Arc<dyn TransactionSigner>, chain_id: u64, reader: ReaderSettings) -> Self {
        Self { node, signer, chain_id, reader }
    }
}

impl PublicSender {
    async fn nonce(&self, at: &'static str) -> Result<u64, SendFault> {
        let nonce: U64 = self.node.ask("eth_getTransactionCount", (self.address(), at)).await.map_err(link)?;
        Ok(nonce.to())
    }

    pub(in crate::chain) async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, SendFault> {
        let receipt: Option<RawReceipt> = self.node.ask("eth_getTransactionReceipt", (hash,)).await.map_err(link)?;
        receipt.map_or(Ok(None), RawReceipt::understand).map_err(link)
    }
}

#[async_trait]
impl TransactionSender for PublicSender {
    fn address(&self) -> Address {
        self.signer.address()
    }

    fn endpoints(&self) -> u32 {
        1
    }

    async fn account(&self) -> Result<AccountView, SendFault> {
        let balance: U128 = self.node.ask("eth_getBalance", (self.address(), "latest")).await.map_err(link)?;
        let (next_nonce, pending_nonce) = (self.nonce("latest").await?, self.nonce("pending").await?);
        Ok(AccountView { next_nonce, pending_nonce, balance: Wei::new(balance.to()) })
    }

    async fn next_nonce(&self) -> Result<u64, SendFault> {
        self.nonce("latest").await
    }

    /// Adds a fifth to the node's estimate: the state may have moved by the time the transaction is included.
    async fn simulate(&self, call: &Call) -> Result<u64, SendFault> {
        let request = TransactionRequest::default().from(self.address()).to(call.target).input(call.data.clone().into());
        let gas: U64 = self.node.ask("eth_estimateGas", (request, "latest")).await.map_err(rejection::of_simulation)?;
        let gas: u64 = gas.to();
        gas.checked_add(gas.div_ceil(5))
            .ok_or_else(|| link(AskFault::Garbled(format!("an estimate of {gas} gas is out of all proportion"))))
    }

    async fn sign(&self, draft: &TxDraft) -> Result<SignedTx, SendFault> {
        self.signer.sign(draft, self.chain_id).await
    }

    async fn broadcast(&self, tx: &SignedTx, _via: Via, _until_block: Option<u64>) -> Broadcast {
        match self.node.ask::<_, B256>("eth_sendRawTransaction", (tx.raw.clone(),)).await {
            Ok(hash) if hash == tx.hash => Broadcast::Accepted,
            Ok(hash) => Broadcast::MaybeSent(format!("the node answered with another hash, {hash}")),
            Err(fault) => rejection::of_broadcast(&fault),
        }
    }

    async fn forget(&self, _hash: B256) -> Result<(), SendFault> {
        Ok(())
    }

    async fn sight(&self, hashes: &[B256]) -> Result<Sighting, SendFault> {
        for hash in hashes {
            let Some(receipt) = self.receipt(*hash).await? else { continue };
            // A receipt counts when its block is on the chain: the other half of a positive fact.
            if let Some(head) = self.head(receipt.block_hash).await? {
                return Ok(Sighting::Included { hash: *hash, receipt, head });
            }
        }
        let height = head::newest(&self.node).await.map_err(link)?.stamp.number;
        Ok(Sighting::Absent { witnesses: 1, height, next_nonce: self.nonce("latest").await? })
    }

    async fn head(&self, hash: B256) -> Result<Option<Head>, SendFault> {
        head::on_chain(&self.node, hash).await.map_err(link)
    }

    async fn finalized(&self) -> Result<Head, SendFault> {
        head::newest(&self.node).await.map_err(link)
    }

    async fn read(&self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, SendFault> {
        reader::read(&self.node, &self.reader, at, calls).await.map_err(link)
    }
}

fn link(fault: AskFault) -> SendFault {
    SendFault::Link(LinkFault::from(fault))
}

/// The wire form of a receipt.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    block_number: Option<U64>,
    block_hash: Option<B256>,
    status: Option<U64>,
    gas_used: U64,
    effective_gas_price: Option<U128>,
}

impl RawReceipt {
    /// A receipt without a block is none yet: some nodes serve those of transactions that wait. One without a status or a price is
    /// a fault; neither is guessed.
    fn understand(self) -> Result<Option<Receipt>, AskFault> {
        let (Some(number), Some(block_hash)) = (self.block_number, self.block_hash) else { return Ok(None) };
        let (Some(status), Some(price)) = (self.status, self.effective_gas_price) else {
            return Err(AskFault::Garbled("a receipt without a status or a price".to_owned()));
        };
        let cost = GasCost { gas_used: self.gas_used.to(), price: GasPrice::from_wei(price.to()) };
        Ok(Some(Receipt { block_number: number.to(), block_hash, success: status == U64::from(1), cost }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understand(json: &str) -> Result<Option<Receipt>, AskFault> {
        serde_json::from_str::<RawReceipt>(json).unwrap().understand()
    }

    #[test]
    fn a_receipt_is_whole_or_none_or_a_fault() {
        let hash = B256::repeat_byte(1);
        let whole = format!(
            r#"{{"blockNumber":"0x5","blockHash":"{hash}","status":"0x1","gasUsed":"0x5208","effectiveGasPrice":"0x3b9aca00","l1Fee":"0x1"}}"#
        );
        let receipt = understand(&whole).unwrap().unwrap();
        assert_eq!((receipt.block_number, receipt.block_hash, receipt.success), (5, hash, true));
        assert_eq!(receipt.cost, GasCost { gas_used: 21_000, price: GasPrice::from_gwei(1) });
        assert!(!understand(&whole.replace(r#""status":"0x1""#, r#""status":"0x0""#)).unwrap().unwrap().success);
        assert_eq!(understand(r#"{"blockNumber":null,"blockHash":null,"gasUsed":"0x0"}"#), Ok(None));
        assert!(understand(&whole.replace(r#""status":"0x1","#, "")).is_err());
        assert!(understand(&whole.replace(r#","effectiveGasPrice":"0x3b9aca00""#, "")).is_err());
    }
}
