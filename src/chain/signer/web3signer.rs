//! A key behind HTTP: `eth_signTransaction` of a `Web3Signer` in its `eth1` mode (Consensys), or of anything that speaks like it.
//! <https://docs.web3signer.consensys.io/reference/api/json-rpc#eth_signtransaction>
//!
//! It answers with a whole transaction, and what it signs is its own doing: the chain id comes from its command line, and a proxy in
//! between may change what was asked. So the answer is decoded, and it is taken only when it is the transaction that was asked for,
//! to the last field, with the configured account's signature.

use std::fmt;
use std::time::Duration;

use alloy::consensus::{TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::rpc::types::{TransactionInput, TransactionRequest};
use alloy_primitives::{Address, Bytes, keccak256};
use async_trait::async_trait;
use secrecy::SecretString;

use super::{attest, transaction};
use crate::chain::provider::{AskFault, Node, RequestHook};
use crate::ports::{SendFault, SignedTx, TransactionSigner, TxDraft};

#[cfg(test)]
mod tests;

/// Where the signer is, and whose key it has.
#[derive(Clone, Debug)]
pub struct Web3SignerSettings {
    /// Its HTTP address.
    pub url: SecretString,
    /// Sent as `Authorization: Bearer …` when there is one.
    pub token: Option<SecretString>,
    /// The account that it signs for.
    pub account: Address,
    /// How long it may take.
    pub timeout: Duration,
}

/// A key behind HTTP.
#[derive(Clone)]
pub struct Web3Signer {
    node: Node,
    account: Address,
}

impl fmt::Debug for Web3Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Web3Signer").field(&self.account).finish()
    }
}

impl Web3Signer {
    /// Connects to nobody.
    ///
    /// # Errors
    /// The address is no URL, or the token cannot stand in a header.
    pub fn new(settings: &Web3SignerSettings, on_request: RequestHook) -> Result<Self, SendFault> {
        let Web3SignerSettings { url, token, account, timeout } = settings;
        let node = Node::http_with_token(url, token.as_ref(), *timeout, on_request);
        let node = node.map_err(|fault| SendFault::Signer(fault.to_string()))?;
        Ok(Self { node, account: *account })
    }

    /// The call data stands in `data`: older versions of the signer do not know `input`.
    fn request(&self, tx: &TxEip1559) -> TransactionRequest {
        let mut request = TransactionRequest::default()
            .from(self.account)
            .value(tx.value)
            .nonce(tx.nonce)
            .gas_limit(tx.gas_limit)
            .max_fee_per_gas(tx.max_fee_per_gas)
            .max_priority_fee_per_gas(tx.max_priority_fee_per_gas);
        request.to = Some(tx.to);
        request.chain_id = Some(tx.chain_id);
        request.input = TransactionInput { input: None, data: Some(tx.input.clone()) };
        request
    }
}

#[async_trait]
impl TransactionSigner for Web3Signer {
    fn address(&self) -> Address {
        self.account
    }

    async fn sign(&self, draft: &TxDraft, chain_id: u64) -> Result<SignedTx, SendFault> {
        let asked = transaction(draft, chain_id)?;
        let raw: Bytes =
            self.node.ask("eth_signTransaction", (self.request(&asked),)).await.map_err(|fault| of_asking(&fault))?;
        check(&asked, &raw, self.account)?;
        Ok(SignedTx { hash: keccak256(&raw), raw })
    }
}

/// An answer in the protocol's own words is a refusal. Everything else (no connection, silence, a page of a proxy) says nothing of
/// the key.
fn of_asking(fault: &AskFault) -> SendFault {
    match fault {
        AskFault::Answered { .. } => SendFault::Signer(fault.to_string()),
        AskFault::Unreachable(_) | AskFault::TimedOut(_) | AskFault::Busy { .. } | AskFault::Garbled(_) => {
            SendFault::SignerAway(fault.to_string())
        }
    }
}

/// Whether the bytes are the transaction that was asked for, with the account's signature, and nothing else.
fn check(asked: &TxEip1559, raw: &Bytes, account: Address) -> Result<(), SendFault> {
    let refuse = |words: String| Err(SendFault::Signer(words));
    let Ok(TxEnvelope::Eip1559(signed)) = TxEnvelope::decode_2718_exact(raw) else {
        return refuse("the answer is no signed EIP-1559 transaction".to_owned());
    };
    let differing = differences(asked, signed.tx());
    if !differing.is_empty() {
        return refuse(format!("it signed another transaction than it was asked for: {}", differing.join(", ")));
    }
    if signed.encoded_2718() != *raw {
        return refuse("the answer is not encoded as the network encodes it".to_owned());
    }
    attest(&signed, account)
}

/// The names of the fields that differ.
fn differences(asked: &TxEip1559, signed: &TxEip1559) -> Vec<&'static str> {
    // Taken apart without `..`: a field that alloy adds must be compared as well.
    let TxEip1559 { chain_id, nonce, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, to, value, access_list, input } =
        signed;
    [
        ("chain id", *chain_id != asked.chain_id),
        ("nonce", *nonce != asked.nonce),
        ("gas limit", *gas_limit != asked.gas_limit),
        ("maximum fee", *max_fee_per_gas != asked.max_fee_per_gas),
        ("tip", *max_priority_fee_per_gas != asked.max_priority_fee_per_gas),
        ("receiver", *to != asked.to),
        ("value", *value != asked.value),
        ("access list", *access_list != asked.access_list),
        ("data", *input != asked.input),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
