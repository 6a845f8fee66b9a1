//! Sends the transactions of the set-up, many to a block, and checks that each did its work.

use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::{SolCall, SolEvent};
use alloy_primitives::{Address, B256};

use super::fault::WorldError;
use super::rpc::{Account, Order, Rpc};
use crate::domain::units::GasPrice;

/// Enough for the largest contract.
const GAS: u64 = 12_000_000;
const MAX_FEE: GasPrice = GasPrice::from_gwei(2_000);
const TIP: GasPrice = GasPrice::from_gwei(1);

/// Transactions on their way, with a name each.
#[derive(Debug)]
pub struct Deployer<'a> {
    rpc: &'a Rpc,
    base_fee: GasPrice,
    next_timestamp: u64,
    sent: Vec<(B256, String)>,
}

impl<'a> Deployer<'a> {
    /// Blocks follow from `first_timestamp` on, a second apart.
    #[must_use]
    pub const fn new(rpc: &'a Rpc, first_timestamp: u64, base_fee: GasPrice) -> Self {
        Self { rpc, base_fee, next_timestamp: first_timestamp, sent: Vec::new() }
    }

    /// The node.
    #[must_use]
    pub const fn rpc(&self) -> &'a Rpc {
        self.rpc
    }

    /// Time of the next block.
    #[must_use]
    pub const fn next_timestamp(&self) -> u64 {
        self.next_timestamp
    }

    /// Sends a contract with its encoded constructor arguments and says where it will be.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn deploy(
        &mut self,
        from: &mut Account,
        name: &str,
        mut code: Vec<u8>,
        arguments: Vec<u8>,
    ) -> Result<Address, WorldError> {
        let nonce = self.rpc.nonce(from).await?;
        let place = from.address.create(nonce);
        code.extend(arguments);
        self.send(from, name, None, code).await?;
        Ok(place)
    }

    /// Sends a call.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn call<C: SolCall>(&mut self, from: &mut Account, to: Address, call: &C) -> Result<(), WorldError> {
        self.send(from, C::SIGNATURE, Some(to), call.abi_encode()).await
    }

    async fn send(&mut self, from: &mut Account, name: &str, to: Option<Address>, data: Vec<u8>) -> Result<(), WorldError> {
        let order = Order { to, data, gas: GAS, max_fee: MAX_FEE, tip: TIP };
        let hash = self.rpc.send(from, &order).await?;
        self.sent.push((hash, name.to_owned()));
        Ok(())
    }

    /// Mines a block with all that was sent.
    ///
    /// # Errors
    /// A transaction reverted, or is not in the block.
    pub async fn settle(&mut self) -> Result<Vec<TransactionReceipt>, WorldError> {
        self.rpc.mine(self.next_timestamp, self.base_fee).await?;
        self.next_timestamp = self.next_timestamp.saturating_add(1);
        let receipts: Vec<TransactionReceipt> = self.rpc.ask("eth_getBlockReceipts", ("latest",)).await?;
        for (hash, name) in std::mem::take(&mut self.sent) {
            if !receipts.iter().any(|receipt| receipt.transaction_hash == hash && receipt.status()) {
                return Err(WorldError::Reverted(name));
            }
        }
        Ok(receipts)
    }
}

/// All events of one kind, in the order of the block.
#[must_use]
pub fn events<E: SolEvent>(receipts: &[TransactionReceipt]) -> Vec<E> {
    let logs = receipts.iter().flat_map(|receipt| receipt.inner.logs());
    logs.filter_map(|log| log.log_decode::<E>().ok()).map(|log| log.inner.data).collect()
}
