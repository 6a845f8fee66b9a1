//! One endpoint, asked what it knows of an account that is not ours to sign for: for operators who look at a lane without its key.

use std::time::Duration;

use alloy_primitives::{Address, B256, U64};
use secrecy::SecretString;
use serde::Deserialize;

use crate::chain::provider::{AskFault, Node};

/// An endpoint over HTTP.
#[derive(Clone, Debug)]
pub struct Witness {
    node: Node,
}

/// What an endpoint says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// The chain that the endpoint is on.
    pub chain_id: u64,
    /// The account's next nonce after the newest block.
    pub latest: u64,
    /// The same after everything that the endpoint holds for it.
    pub pending: u64,
}

/// The transaction that has a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spender {
    /// Its hash.
    pub hash: B256,
    /// The height of its block; `None` while it waits.
    pub block: Option<u64>,
}

/// The wire form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpender {
    hash: B256,
    block_number: Option<U64>,
}

/// The wire form of as much of a receipt as says that there is one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    block_number: Option<U64>,
}

impl Witness {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// The address is no URL, or the client cannot be built.
    pub fn new(url: &SecretString, limit: Duration) -> Result<Self, AskFault> {
        Node::http(url, limit, std::sync::Arc::new(|_| {})).map(|node| Self { node })
    }

    /// Its host, the only part of its address that may be shown.
    #[must_use]
    pub fn host(&self) -> &str {
        self.node.host()
    }

    /// Which chain it is on, and which nonces the account has used there.
    ///
    /// # Errors
    /// It could not be asked.
    pub async fn testify(&self, account: Address) -> Result<Testimony, AskFault> {
        let chain_id: U64 = self.node.ask("eth_chainId", ()).await?;
        let latest: U64 = self.node.ask("eth_getTransactionCount", (account, "latest")).await?;
        let pending: U64 = self.node.ask("eth_getTransactionCount", (account, "pending")).await?;
        Ok(Testimony { chain_id: chain_id.to(), latest: latest.to(), pending: pending.to() })
    }

    /// What a nonce of the account was used for. `None` when it was not used, and where the endpoint cannot be asked: many do not
    /// know the question, so the answer is a help and proves nothing.
    pub async fn spender(&self, account: Address, nonce: u64) -> Option<Spender> {
        let found = self.node.ask("eth_getTransactionBySenderAndNonce", (account, U64::from(nonce))).await;
        let RawSpender { hash, block_number } = found.ok().flatten()?;
        Some(Spender { hash, block: block_number.map(|number| number.to()) })
    }

    /// The height of the block that a transaction is in, if the endpoint knows a receipt of it.
    ///
    /// # Errors
    /// It could not be asked: that says nothing of the transaction.
    pub async fn block_of(&self, hash: B256) -> Result<Option<u64>, AskFault> {
        let receipt: Option<RawReceipt> = self.node.ask("eth_getTransactionReceipt", (hash,)).await?;
        Ok(receipt.and_then(|receipt| receipt.block_number).map(|number| number.to()))
    }
}
