//! A receipt as nodes send it.

use alloy_primitives::{B256, U64, U128};
use serde::Deserialize;

use crate::chain::provider::{AskFault, Node};
use crate::domain::units::{GasCost, GasPrice};
use crate::ports::Receipt;

/// One node's receipt of a transaction, if it has one. Whether its block is on the chain is another question.
///
/// # Errors
/// The node could not be asked, or its receipt is not whole.
pub(super) async fn of(node: &Node, hash: B256) -> Result<Option<Receipt>, AskFault> {
    let receipt: Option<RawReceipt> = node.ask("eth_getTransactionReceipt", (hash,)).await?;
    receipt.map_or(Ok(None), RawReceipt::understand)
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
