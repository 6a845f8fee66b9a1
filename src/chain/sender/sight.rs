//! Looking for a set of transactions at several endpoints.
//!
//! A receipt is worth its block: it counts when the endpoint that gives it says that its block is on the chain, and no other
//! endpoint that has come as far has another block there. No receipt is worth whoever says so: an endpoint that gave an error for
//! any of the hashes says nothing.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U64};

use crate::chain::endpoints::{Endpoint, Endpoints, fault_of};
use crate::chain::head;
use crate::chain::provider::{AskFault, Node};
use crate::chain::sender::receipt;
use crate::ports::{Head, Receipt, SendFault, Sighting};

/// What one endpoint says.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// Its newest head, before it was asked for anything else.
    head: Head,
    /// The account's next nonce, after that and before the receipts.
    next_nonce: u64,
    found: Found,
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are a handful, for a moment")]
enum Found {
    /// A receipt, in a block that the endpoint has on its chain.
    Included { hash: B256, receipt: Receipt, head: Head },
    /// A receipt, in a block that the endpoint does not have on its chain: a reorganisation is going on there.
    Unsettled,
    /// No receipt of any.
    Absent,
}

/// Looks at all witnesses for the receipts of `hashes`, the newest attempt first.
///
/// # Errors
/// No endpoint could be asked.
pub(super) async fn sight(endpoints: &Endpoints, account: Address, hashes: &[B256]) -> Result<Sighting, SendFault> {
    endpoints.ready().await?;
    let witnesses = endpoints.witnesses();
    let hashes: Arc<[B256]> = hashes.into();
    let ask = |endpoint: Arc<Endpoint>| look(endpoint, account, hashes.clone());
    let asked = endpoints.every(&witnesses, ask).await;
    let (mut looks, mut faults) = (Vec::new(), Vec::new());
    for (endpoint, look) in asked {
        match look {
            Ok(look) => looks.push((endpoint, look)),
            Err(fault) => faults.push(fault),
        }
    }
    let heads: Vec<(Arc<Endpoint>, Head)> = looks.iter().map(|(endpoint, look)| (endpoint.clone(), look.head)).collect();
    endpoints.judge(&heads, false);
    let Some(absent) = nothing_seen(looks.iter().map(|(_, look)| look)) else {
        return Err(SendFault::Link(fault_of(faults).into()));
    };
    let included = looks.iter().enumerate().find_map(|(at, (_, look))| match look.found {
        Found::Included { hash, receipt, head } => Some((at, hash, receipt, head)),
        Found::Unsettled | Found::Absent => None,
    });
    let Some((at, hash, receipt, head)) = included else { return Ok(absent) };
    if stands(endpoints, account, &looks, at, &receipt).await {
        return Ok(Sighting::Included { hash, receipt, head });
    }
    // Two endpoints have different blocks at that height: the chain is being reorganised, or one of them is on a fork. Neither is
    // believed. This is told as an absence that nobody bears witness to: it lets nobody conclude anything, it breaks every proof
    // of absence, and the next look decides.
    Ok(unwitnessed(absent))
}

/// Asks one endpoint. The order matters: head, nonce, receipts. A nonce that was read before the receipts cannot make a transaction
/// look lost that was included between the two.
async fn look(endpoint: Arc<Endpoint>, account: Address, hashes: Arc<[B256]>) -> Result<Look, AskFault> {
    let newest = endpoint.read(|node| async move { head::newest(&node).await }).await?;
    let next_nonce = endpoint.read(move |node| async move { nonce(&node, account, "latest").await }).await?;
    let mut found = Found::Absent;
    for &hash in hashes.iter() {
        let Some(receipt) = endpoint.read(move |node| async move { receipt::of(&node, hash).await }).await? else { continue };
        let block = endpoint.read(move |node| async move { head::on_chain(&node, receipt.block_hash).await }).await?;
        if let Some(head) = block {
            found = Found::Included { hash, receipt, head };
            break;
        }
        found = Found::Unsettled;
    }
    Ok(Look { head: newest, next_nonce, found })
}

/// The account's next nonce at one node.
pub(super) async fn nonce<At>(node: &Node, account: Address, at: At) -> Result<u64, AskFault>
where
    At: serde::Serialize + Clone + std::fmt::Debug + Send + Sync + Unpin + 'static,
{
    let nonce: U64 = node.ask("eth_getTransactionCount", (account, at)).await?;
    Ok(nonce.to())
}

/// What follows when no receipt counts; `None` when nobody said anything.
fn nothing_seen<'a>(looks: impl Iterator<Item = &'a Look> + Clone) -> Option<Sighting> {
    let absent = looks.clone().filter(|look| matches!(look.found, Found::Absent));
    let numbers = |look: &Look| (look.head.stamp.number, look.next_nonce);
    let least = |(height, nonce): (u64, u64), look: (u64, u64)| (height.min(look.0), nonce.min(look.1));
    if let Some((height, next_nonce)) = absent.clone().map(numbers).reduce(least) {
        let witnesses = u32::try_from(absent.count()).unwrap_or(u32::MAX);
        return Some(Sighting::Absent { witnesses, height, next_nonce });
    }
    let (height, next_nonce) = looks.map(numbers).reduce(least)?;
    Some(Sighting::Absent { witnesses: 0, height, next_nonce })
}

fn unwitnessed(sighting: Sighting) -> Sighting {
    match sighting {
        Sighting::Absent { height, next_nonce, .. } => Sighting::Absent { witnesses: 0, height, next_nonce },
        included @ Sighting::Included { .. } => included,
    }
}

/// Whether a receipt stands against what the other endpoints say. Those that have not come as far say nothing. What contradicts it
/// without denying its block is counted, and does not matter: a node's index of receipts may be behind its blocks.
async fn stands(endpoints: &Endpoints, account: Address, looks: &[(Arc<Endpoint>, Look)], at: usize, receipt: &Receipt) -> bool {
    let number = receipt.block_number;
    let others: Vec<&(Arc<Endpoint>, Look)> = looks
        .iter()
        .enumerate()
        .filter(|(other, (_, look))| *other != at && look.head.stamp.number >= number)
        .map(|(_, look)| look)
        .collect();
    let whom: Vec<Arc<Endpoint>> = others.iter().map(|(endpoint, _)| endpoint.clone()).collect();
    let there = |endpoint: Arc<Endpoint>| async move {
        endpoint.read(move |node| async move { head::at_height(&node, number).await }).await
    };
    let mut stands = true;
    for (endpoint, block) in endpoints.every(&whom, there).await {
        if let Ok(Some(block)) = block
            && block.stamp.hash != receipt.block_hash
        {
            let detail =
                format!("{} has block {} at height {number}, not {}", endpoint.name(), block.stamp.hash, receipt.block_hash);
            endpoints.contradiction("block", &detail);
            stands = false;
        }
    }
    for (endpoint, _) in others.iter().filter(|(_, look)| matches!(look.found, Found::Absent)) {
        endpoints.contradiction("receipt", &format!("{} knows of no receipt in block {number}", endpoint.name()));
    }
    if let (Some((witness, _)), Some(least)) = (looks.get(at), others.iter().min_by_key(|(_, look)| look.next_nonce)) {
        let (denier, said) = (least.0.name(), least.1.next_nonce);
        let spent = witness.read(move |node| async move { nonce(&node, account, U64::from(number)).await }).await;
        if spent.is_ok_and(|spent| said < spent) {
            endpoints.contradiction("nonce", &format!("{denier} says that nonce {said} is unused, after block {number}"));
        }
    }
    stands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::position::BlockStamp;
    use crate::domain::units::{GasPrice, Timestamp};

    fn look(number: u64, next_nonce: u64, found: Found) -> Look {
        let stamp = BlockStamp { number, hash: B256::repeat_byte(1), timestamp: Timestamp::default() };
        let head = Head { stamp, parent: B256::ZERO, base_fee: GasPrice::from_gwei(1), gas_used: 0, gas_limit: 0 };
        Look { head, next_nonce, found }
    }

    #[test]
    fn only_who_has_no_receipt_of_any_bears_witness_and_the_least_of_them_counts() {
        let looks = [look(100, 8, Found::Absent), look(98, 7, Found::Absent), look(90, 3, Found::Unsettled)];
        assert_eq!(nothing_seen(looks.iter()), Some(Sighting::Absent { witnesses: 2, height: 98, next_nonce: 7 }));
        let unsettled = nothing_seen(looks[2..].iter());
        assert_eq!(unsettled, Some(Sighting::Absent { witnesses: 0, height: 90, next_nonce: 3 }), "neither there nor absent");
        assert_eq!(nothing_seen([].iter()), None);
        assert_eq!(
            nothing_seen(looks.iter()).map(unwitnessed),
            Some(Sighting::Absent { witnesses: 0, height: 98, next_nonce: 7 })
        );
    }
}
