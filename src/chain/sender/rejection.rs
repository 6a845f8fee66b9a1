//! What nodes mean by what they say. [`meaning`] is the only function in Ballast that interprets a node's words; whatever it does
//! not know for certain means that the transaction may be on its way.

use crate::chain::provider::AskFault;
use crate::chain::revert;
use crate::ports::{Broadcast, LinkFault, SendFault};

/// The JSON-RPC code that geth and most others give to a revert.
const EXECUTION_REVERTED: i64 = 3;

/// What a node's words mean for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    AlreadyKnown,
    NonceSpent,
    Underpriced,
    /// It cannot have been taken, as it is.
    Refused,
    /// It was run and reverted. A node that mines at once has put it into a block all the same.
    Reverted,
    Unclear,
}

/// Wordings in lower case, by what they mean; the first that is contained decides. Collected from geth, reth, erigon, nethermind,
/// besu, anvil, hardhat and `OpenEthereum`'s children.
const WORDINGS: [(&str, Meaning); 48] = [
    ("unknown transaction type", Meaning::Refused),
    ("already known", Meaning::AlreadyKnown),
    ("alreadyknown", Meaning::AlreadyKnown),
    ("already imported", Meaning::AlreadyKnown),
    ("known transaction", Meaning::AlreadyKnown),
    ("already in mempool", Meaning::AlreadyKnown),
    ("nonce too low", Meaning::NonceSpent),
    ("nonce is too low", Meaning::NonceSpent),
    ("oldnonce", Meaning::NonceSpent),
    ("underpriced", Meaning::Underpriced),
    ("replacement fee too low", Meaning::Underpriced),
    ("replacementnotallowed", Meaning::Underpriced),
    ("feetoolow", Meaning::Underpriced),
    ("an existing transaction had higher priority", Meaning::Underpriced),
    ("gas price is too low", Meaning::Underpriced),
    ("gas price below configured minimum", Meaning::Underpriced),
    ("less than block base fee", Meaning::Underpriced),
    ("lower than the block base fee", Meaning::Underpriced),
    ("txpool is full", Meaning::Underpriced),
    ("too low to compete with current pool", Meaning::Underpriced),
    ("insufficient funds", Meaning::Refused),
    ("insufficientfunds", Meaning::Refused),
    ("insufficient balance", Meaning::Refused),
    ("doesn't have enough funds", Meaning::Refused),
    ("upfront cost exceeds", Meaning::Refused),
    ("intrinsic gas", Meaning::Refused),
    ("floor data gas", Meaning::Refused),
    ("transaction requires at least", Meaning::Refused),
    ("exceeds block gas limit", Meaning::Refused),
    ("exceeds the block gas limit", Meaning::Refused),
    ("gaslimitexceeded", Meaning::Refused),
    ("gas limit too high", Meaning::Refused),
    ("gas limit is too high", Meaning::Refused),
    ("invalid sender", Meaning::Refused),
    ("invalid signature", Meaning::Refused),
    ("invalid chain", Meaning::Refused),
    ("invalidtxchainid", Meaning::Refused),
    ("signed for another chain", Meaning::Refused),
    ("sender not an eoa", Meaning::Refused),
    ("senderiscontract", Meaning::Refused),
    ("nonce too high", Meaning::Refused),
    ("priority fee per gas higher than max", Meaning::Refused),
    ("exceeds the configured cap", Meaning::Refused),
    ("transaction type not supported", Meaning::Refused),
    ("failed to decode", Meaning::Refused),
    ("gas required exceeds allowance", Meaning::Reverted),
    ("revert", Meaning::Reverted),
    ("vm exception", Meaning::Reverted),
];

/// What a node means by an error's text.
fn meaning(words: &str) -> Meaning {
    let words = words.to_lowercase();
    WORDINGS.iter().find(|(wording, _)| words.contains(wording)).map_or(Meaning::Unclear, |(_, meaning)| *meaning)
}

/// What became of a broadcast that gave an error. A node refuses what is handed to it *now*: when the same bytes were handed out
/// before, an earlier copy may still be on its way.
#[must_use]
pub(in crate::chain) fn of_broadcast(fault: &AskFault) -> Broadcast {
    let AskFault::Answered { message, .. } = fault else { return Broadcast::MaybeSent(fault.to_string()) };
    match meaning(message) {
        Meaning::AlreadyKnown => Broadcast::AlreadyKnown,
        Meaning::NonceSpent => Broadcast::NonceSpent,
        Meaning::Underpriced => Broadcast::Underpriced,
        Meaning::Refused => Broadcast::Refused(message.clone()),
        Meaning::Reverted | Meaning::Unclear => Broadcast::MaybeSent(fault.to_string()),
    }
}

/// Why a simulation gave an error: the call reverts, or the node could not be asked.
#[must_use]
pub(super) fn of_simulation(fault: AskFault) -> SendFault {
    match fault {
        AskFault::Answered { data: Some(data), .. } if !data.is_empty() => SendFault::WouldRevert(revert::reason(&data)),
        AskFault::Answered { code, message, .. } if code == EXECUTION_REVERTED || meaning(&message) == Meaning::Reverted => {
            SendFault::WouldRevert(revert::with_meaning(&message))
        }
        other => SendFault::Link(LinkFault::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alloy::sol_types::{Revert, SolError};
    use alloy_primitives::Bytes;

    use super::*;

    fn said(message: &str) -> AskFault {
        AskFault::Answered { code: -32_000, message: message.to_owned(), data: None }
    }

    /// Each as its node says it.
    const SAID: [(&str, Meaning); 48] = [
        // geth
        ("already known", Meaning::AlreadyKnown),
        ("nonce too low: next nonce 5, tx nonce 4", Meaning::NonceSpent),
        ("replacement transaction underpriced", Meaning::Underpriced),
        ("transaction underpriced: gas tip cap 0, minimum needed 1000000", Meaning::Underpriced),
        ("txpool is full", Meaning::Underpriced),
        ("insufficient funds for gas * price + value: balance 0, tx cost 2, overshot 2", Meaning::Refused),
        ("intrinsic gas too low: gas 21000, minimum needed 21512", Meaning::Refused),
        ("insufficient gas for floor data gas cost: gas 21000, minimum needed 30000", Meaning::Refused),
        ("exceeds block gas limit", Meaning::Refused),
        ("transaction gas limit too high (cap: 16777216, tx: 20000000)", Meaning::Refused),
        ("invalid sender: invalid chain id for signer: have 1 want 31337", Meaning::Refused),
        ("max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 2, maxFeePerGas: 1", Meaning::Refused),
        ("tx fee (12.00 ether) exceeds the configured cap (1.00 ether)", Meaning::Refused),
        ("transaction type not supported", Meaning::Refused),
        ("execution reverted: BAL#401", Meaning::Reverted),
        // reth
        ("nonce too low: next nonce 2, tx nonce 1", Meaning::NonceSpent),
        ("insufficient funds for gas * price + value: have 0 want 1", Meaning::Refused),
        ("max fee per gas less than block base fee", Meaning::Underpriced),
        ("invalid chain ID", Meaning::Refused),
        ("failed to decode signed transaction", Meaning::Refused),
        ("transaction's gas limit is too high", Meaning::Refused),
        // erigon
        ("nonce too low", Meaning::NonceSpent),
        ("could not replace existing tx: underpriced", Meaning::Underpriced),
        ("rlp: expected List", Meaning::Unclear),
        // nethermind
        ("AlreadyKnown", Meaning::AlreadyKnown),
        ("OldNonce, Current nonce: 7, nonce of rejected tx: 6", Meaning::NonceSpent),
        ("ReplacementNotAllowed", Meaning::Underpriced),
        ("FeeTooLow, MaxFeePerGas too low", Meaning::Underpriced),
        ("FeeTooLowToCompete: too low to compete with current pool", Meaning::Underpriced),
        ("InsufficientFunds, Account balance: 0, cumulative cost: 1", Meaning::Refused),
        ("GasLimitExceeded, Gas limit: 30000000", Meaning::Refused),
        ("SenderIsContract", Meaning::Refused),
        // besu
        ("Known transaction", Meaning::AlreadyKnown),
        ("Nonce too low", Meaning::NonceSpent),
        ("Upfront cost exceeds account balance", Meaning::Refused),
        ("Intrinsic gas exceeds gas limit", Meaning::Refused),
        // anvil
        ("transaction already imported", Meaning::AlreadyKnown),
        ("Insufficient funds for gas * price + value", Meaning::Refused),
        // hardhat
        ("Known transaction: 0x1234", Meaning::AlreadyKnown),
        ("Transaction nonce too low. Expected nonce to be 1 but got 0.", Meaning::NonceSpent),
        ("Nonce too high. Expected nonce to be 0 but got 1.", Meaning::Refused),
        ("Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 2 is necessary.", Meaning::Underpriced),
        ("Sender doesn't have enough funds to send tx. The max upfront cost is: 2", Meaning::Refused),
        ("Trying to send an incompatible EIP-155 transaction, signed for another chain.", Meaning::Refused),
        ("VM Exception while processing transaction: reverted with reason string 'BAL#302'", Meaning::Reverted),
        // OpenEthereum's children
        ("Transaction with the same hash was already imported.", Meaning::AlreadyKnown),
        ("Transaction nonce is too low. Try incrementing the nonce.", Meaning::NonceSpent),
        // monad
        ("an existing transaction had higher priority", Meaning::Underpriced),
    ];

    #[test]
    fn every_wording_has_its_meaning() {
        for (words, expected) in SAID {
            assert_eq!(meaning(words), expected, "{words}");
        }
    }

    #[test]
    fn whatever_is_not_certain_may_have_been_sent() {
        let unclear = [
            said("internal error"),
            said("rate limit exceeded, try again in 4ms"),
            said("header not found"),
            said("invalid nonce; got 5, expected 6: invalid sequence"),
            said("execution reverted"),
            said("timeout waiting for the sequencer"),
            AskFault::TimedOut(Duration::from_secs(10)),
            AskFault::Unreachable("connection refused".to_owned()),
            AskFault::Garbled("an answer that does not decode: nonce too low".to_owned()),
        ];
        for fault in unclear {
            assert!(matches!(of_broadcast(&fault), Broadcast::MaybeSent(_)), "{fault}");
        }
        assert_eq!(
            of_broadcast(&said("unknown transaction type 5")),
            Broadcast::Refused("unknown transaction type 5".to_owned())
        );
        assert_eq!(of_broadcast(&said("already known")), Broadcast::AlreadyKnown);
        assert_eq!(of_broadcast(&said("nonce too low")), Broadcast::NonceSpent);
    }

    #[test]
    fn a_simulation_tells_a_revert_from_a_node_that_cannot_answer() {
        let data = Revert::from("BAL#326").abi_encode();
        let with_data = AskFault::Answered { code: -32_603, message: "boom".to_owned(), data: Some(data.into()) };
        assert!(matches!(of_simulation(with_data), SendFault::WouldRevert(why) if why.starts_with("BAL#326 (")));
        let bare = AskFault::Answered { code: 3, message: "execution reverted".to_owned(), data: Some(Bytes::new()) };
        assert_eq!(of_simulation(bare), SendFault::WouldRevert("execution reverted".to_owned()));
        assert!(matches!(of_simulation(said("gas required exceeds allowance (30000000)")), SendFault::WouldRevert(_)));
        assert!(matches!(of_simulation(said("header not found")), SendFault::Link(LinkFault::Refused(_))));
        assert!(matches!(of_simulation(AskFault::TimedOut(Duration::ZERO)), SendFault::Link(LinkFault::TimedOut(_))));
    }
}
