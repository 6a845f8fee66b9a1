//! A block header as nodes send it. Only the fields that Ballast reads are expected, because chains differ in the others.

use alloy_primitives::{B256, U64, U128};
use serde::Deserialize;

use crate::chain::provider::{AskFault, Node};
use crate::domain::position::BlockStamp;
use crate::domain::units::{GasPrice, Timestamp};
use crate::ports::Head;

/// The wire form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawHead {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    base_fee_per_gas: Option<U128>,
    gas_used: U64,
    gas_limit: U64,
}

impl TryFrom<RawHead> for Head {
    type Error = AskFault;

    /// A block without a base fee is a fault: the chain does not know EIP-1559, and Ballast sends nothing else.
    fn try_from(raw: RawHead) -> Result<Self, AskFault> {
        let base_fee = raw.base_fee_per_gas.ok_or_else(|| AskFault::Garbled("a block without a base fee".to_owned()))?;
        let stamp = BlockStamp { number: raw.number.to(), hash: raw.hash, timestamp: Timestamp::from_secs(raw.timestamp.to()) };
        Ok(Self {
            stamp,
            parent: raw.parent_hash,
            base_fee: GasPrice::from_wei(base_fee.to()),
            gas_used: raw.gas_used.to(),
            gas_limit: raw.gas_limit.to(),
        })
    }
}

/// The newest head.
///
/// # Errors
/// The node could not be asked, or has no block.
pub(super) async fn newest(node: &Node) -> Result<Head, AskFault> {
    let head: Option<RawHead> = node.ask("eth_getBlockByNumber", ("latest", false)).await?;
    head.ok_or_else(|| AskFault::Garbled("no newest block".to_owned()))?.try_into()
}

/// The head of a height; `None` when the node does not know it.
///
/// # Errors
/// The node could not be asked.
pub(super) async fn at_height(node: &Node, number: u64) -> Result<Option<Head>, AskFault> {
    let head: Option<RawHead> = node.ask("eth_getBlockByNumber", (U64::from(number), false)).await?;
    head.map(Head::try_from).transpose()
}

/// The newest head that the chain calls final.
///
/// # Errors
/// The node could not be asked, or knows of none.
pub(super) async fn finalized(node: &Node) -> Result<Head, AskFault> {
    let head: Option<RawHead> = node.ask("eth_getBlockByNumber", ("finalized", false)).await?;
    head.ok_or_else(|| AskFault::Garbled("no final block".to_owned()))?.try_into()
}

/// What a node says of a block's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It is on the chain.
    OnChain(Head),
    /// Another block is at its height, or none: it was on the chain once, or never became part of it.
    Replaced,
    /// The node has never heard of it: it does not exist, or the node is behind.
    Unheard,
}

/// Where a block is. Nodes go on serving blocks that were reorganised away by their hash, so the hash of its height is compared as
/// well.
///
/// # Errors
/// The node could not be asked.
pub(super) async fn whereabouts(node: &Node, hash: B256) -> Result<Whereabouts, AskFault> {
    let head: Option<RawHead> = node.ask("eth_getBlockByHash", (hash, false)).await?;
    let Some(head) = head.map(Head::try_from).transpose()? else { return Ok(Whereabouts::Unheard) };
    let canonical = at_height(node, head.stamp.number).await?;
    Ok(match canonical.filter(|canonical| canonical.stamp.hash == hash) {
        Some(head) => Whereabouts::OnChain(head),
        None => Whereabouts::Replaced,
    })
}

/// The head of a hash; `None` when the block is not on the chain.
///
/// # Errors
/// The node could not be asked.
pub(super) async fn on_chain(node: &Node, hash: B256) -> Result<Option<Head>, AskFault> {
    Ok(match whereabouts(node, hash).await? {
        Whereabouts::OnChain(head) => Some(head),
        Whereabouts::Replaced | Whereabouts::Unheard => None,
    })
}
