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
/// besu, monad, avalanche, anvil, hardhat and `OpenEthereum`'s children.
///
/// Left out on purpose, because they say "not now" and the same bytes may be taken a moment later: an account whose other
/// transactions are on their way (`in-flight transaction limit reached for delegated accounts`, `future transaction tries to replace
/// pending`, `address already reserved`), a node that starts, and everything too short to be sure of (`mined`, `invalid`).
const WORDINGS: &[(&str, Meaning)] = &[
    ("unknown transaction type", Meaning::Refused),
    // Before "known transaction", which it contains.
    ("unknown transaction", Meaning::Unclear),
    ("already known", Meaning::AlreadyKnown),
    ("alreadyknown", Meaning::AlreadyKnown),
    ("already imported", Meaning::AlreadyKnown),
    ("known transaction", Meaning::AlreadyKnown),
    ("already in mempool", Meaning::AlreadyKnown),
    ("existing tx with same hash", Meaning::AlreadyKnown),
    ("existing txn with same hash", Meaning::AlreadyKnown),
    ("nonce too low", Meaning::NonceSpent),
    ("nonce is too low", Meaning::NonceSpent),
    ("oldnonce", Meaning::NonceSpent),
    ("underpriced", Meaning::Underpriced),
    ("replacement fee too low", Meaning::Underpriced),
    ("replacementnotallowed", Meaning::Underpriced),
    ("could not replace existing tx", Meaning::Underpriced),
    ("replaced by transaction with higher tip", Meaning::Underpriced),
    ("feetoolow", Meaning::Underpriced),
    ("fee too low", Meaning::Underpriced),
    ("transaction had higher priority", Meaning::Underpriced),
    ("gas price is too low", Meaning::Underpriced),
    ("gas price below configured minimum", Meaning::Underpriced),
    ("gas price below current base fee", Meaning::Underpriced),
    ("priority fee below minimum required", Meaning::Underpriced),
    ("less than block base fee", Meaning::Underpriced),
    ("lower than the block base fee", Meaning::Underpriced),
    ("pool is full", Meaning::Underpriced),
    ("too low to compete with current pool", Meaning::Underpriced),
    ("insufficient funds", Meaning::Refused),
    ("insufficientfunds", Meaning::Refused),
    ("insufficient balance", Meaning::Refused),
    ("doesn't have enough funds", Meaning::Refused),
    ("upfront cost exceeds", Meaning::Refused),
    ("intrinsic gas", Meaning::Refused),
    ("intrinsicgas", Meaning::Refused),
    ("floor data gas", Meaning::Refused),
    ("transaction requires at least", Meaning::Refused),
    ("exceeds block gas limit", Meaning::Refused),
    ("exceeds the block gas limit", Meaning::Refused),
    ("exceeds transaction gas limit", Meaning::Refused),
    ("gaslimitexceeded", Meaning::Refused),
    ("gas limit reached", Meaning::Refused),
    ("gas limit too high", Meaning::Refused),
    ("gas limit is too high", Meaning::Refused),
    ("gas limit too low", Meaning::Refused),
    ("invalid sender", Meaning::Refused),
    ("failedtoresolvesender", Meaning::Refused),
    ("failed to recover sender", Meaning::Refused),
    ("invalid signature", Meaning::Refused),
    ("invalid transaction signature", Meaning::Refused),
    ("invalidtxsignature", Meaning::Refused),
    ("signature is invalid", Meaning::Refused),
    ("invalid chain", Meaning::Refused),
    ("invalidtxchainid", Meaning::Refused),
    ("wrong chainid", Meaning::Refused),
    ("signed for another chain", Meaning::Refused),
    ("sender not an eoa", Meaning::Refused),
    ("sender is not an eoa", Meaning::Refused),
    ("senderiscontract", Meaning::Refused),
    ("nonce too high", Meaning::Refused),
    ("nonce too far in future", Meaning::Refused),
    ("nonce has max value", Meaning::Refused),
    ("priority fee per gas higher than max", Meaning::Refused),
    ("max priority fee too high", Meaning::Refused),
    ("exceeds the configured cap", Meaning::Refused),
    ("fee cap exceeded", Meaning::Refused),
    ("oversized data", Meaning::Refused),
    ("rlptoolong", Meaning::Refused),
    ("maxtxsizeexceeded", Meaning::Refused),
    ("transaction type not supported", Meaning::Refused),
    ("unsupported transaction type", Meaning::Refused),
    ("invalid transaction type", Meaning::Refused),
    ("supporting this transaction type is not activated", Meaning::Refused),
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

    /// Who says it, what is said, and what it means.
    const SAID: &[(&str, &str, Meaning)] = &[
        ("geth", "already known", Meaning::AlreadyKnown),
        ("geth", "nonce too low: next nonce 5, tx nonce 4", Meaning::NonceSpent),
        ("geth", "replacement transaction underpriced", Meaning::Underpriced),
        ("geth", "transaction underpriced: gas tip cap 0, minimum needed 1000000", Meaning::Underpriced),
        ("geth", "txpool is full", Meaning::Underpriced),
        ("geth", "insufficient funds for gas * price + value: balance 0, tx cost 2, overshot 2", Meaning::Refused),
        ("geth", "insufficient funds for gas * price + value: balance 5, queued cost 4, tx cost 2, overshot 1", Meaning::Refused),
        ("geth", "intrinsic gas too low: gas 21000, minimum needed 21512", Meaning::Refused),
        ("geth", "insufficient gas for floor data gas cost: gas 21000, minimum needed 30000", Meaning::Refused),
        ("geth", "exceeds block gas limit", Meaning::Refused),
        ("geth", "transaction gas limit too high (cap: 16777216, tx: 20000000)", Meaning::Refused),
        ("geth", "invalid sender: invalid chain id for signer: have 1 want 31337", Meaning::Refused),
        (
            "geth",
            "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 2, maxFeePerGas: 1",
            Meaning::Refused,
        ),
        ("geth", "tx fee (12.00 ether) exceeds the configured cap (1.00 ether)", Meaning::Refused),
        ("geth", "transaction type not supported", Meaning::Refused),
        ("geth", "oversized data: transaction size 131190, limit 131072", Meaning::Refused),
        ("geth", "nonce has max value", Meaning::Refused),
        ("geth", "in-flight transaction limit reached for delegated accounts", Meaning::Unclear),
        ("geth", "gapped-nonce tx from delegated accounts", Meaning::Unclear),
        ("geth", "future transaction tries to replace pending", Meaning::Unclear),
        ("geth", "address already reserved", Meaning::Unclear),
        ("geth", "transaction indexing is in progress", Meaning::Unclear),
        ("geth", "execution reverted: BAL#401", Meaning::Reverted),
        ("reth", "already known", Meaning::AlreadyKnown),
        ("reth", "nonce too low: next nonce 2, tx nonce 1", Meaning::NonceSpent),
        ("reth", "replacement transaction underpriced", Meaning::Underpriced),
        ("reth", "max fee per gas less than block base fee", Meaning::Underpriced),
        ("reth", "transaction priority fee below minimum required priority fee 1000000000", Meaning::Underpriced),
        ("reth", "txpool is full", Meaning::Underpriced),
        ("reth", "insufficient funds for gas * price + value: have 0 want 1", Meaning::Refused),
        ("reth", "invalid chain ID", Meaning::Refused),
        ("reth", "failed to decode signed transaction", Meaning::Refused),
        ("reth", "transaction's gas limit is too high", Meaning::Refused),
        ("reth", "intrinsic gas too high", Meaning::Refused),
        ("reth", "sender is not an EOA", Meaning::Refused),
        ("reth", "nonce too high", Meaning::Refused),
        ("erigon", "already known", Meaning::AlreadyKnown),
        ("erigon", "existing txn with same hash", Meaning::AlreadyKnown),
        ("erigon", "nonce too low", Meaning::NonceSpent),
        ("erigon", "could not replace existing tx", Meaning::Underpriced),
        ("erigon", "replaced by transaction with higher tip", Meaning::Underpriced),
        ("erigon", "fee too low", Meaning::Underpriced),
        ("erigon", "underpriced", Meaning::Underpriced),
        ("erigon", "pending sub-pool is full", Meaning::Underpriced),
        ("erigon", "baseFee sub-pool is full", Meaning::Underpriced),
        ("erigon", "insufficient funds", Meaning::Refused),
        ("erigon", "IntrinsicGas", Meaning::Refused),
        ("erigon", "RLPTooLong", Meaning::Refused),
        ("erigon", "gas limit too high. Max: 16777216", Meaning::Refused),
        ("erigon", "fork supporting this transaction type is not activated yet", Meaning::Refused),
        ("erigon", "mined", Meaning::Unclear),
        ("erigon", "spammer", Meaning::Unclear),
        ("erigon", "rlp: expected List", Meaning::Unclear),
        ("nethermind", "AlreadyKnown", Meaning::AlreadyKnown),
        ("nethermind", "OldNonce, Current nonce: 7, nonce of rejected tx: 6", Meaning::NonceSpent),
        ("nethermind", "ReplacementNotAllowed", Meaning::Underpriced),
        ("nethermind", "FeeTooLow, MaxFeePerGas too low", Meaning::Underpriced),
        ("nethermind", "FeeTooLowToCompete: too low to compete with current pool", Meaning::Underpriced),
        ("nethermind", "InsufficientFunds, Account balance: 0, cumulative cost: 1", Meaning::Refused),
        ("nethermind", "GasLimitExceeded, Gas limit: 30000000", Meaning::Refused),
        ("nethermind", "SenderIsContract", Meaning::Refused),
        ("nethermind", "FailedToResolveSender", Meaning::Refused),
        ("nethermind", "Invalid, InvalidTxSignature: Signature is invalid.", Meaning::Refused),
        ("nethermind", "MaxTxSizeExceeded", Meaning::Refused),
        ("nethermind", "replacement transaction underpriced", Meaning::Underpriced),
        ("nethermind", "gas limit reached", Meaning::Refused),
        ("nethermind", "failed to recover sender", Meaning::Refused),
        ("nethermind", "nonce too far in future", Meaning::Refused),
        ("nethermind", "NotCurrentNonceForDelegation", Meaning::Unclear),
        ("nethermind", "Syncing", Meaning::Unclear),
        ("besu", "Known transaction", Meaning::AlreadyKnown),
        ("besu", "Nonce too low", Meaning::NonceSpent),
        ("besu", "Replacement transaction underpriced", Meaning::Underpriced),
        ("besu", "Gas price below configured minimum gas price", Meaning::Underpriced),
        ("besu", "Gas price below current base fee", Meaning::Underpriced),
        ("besu", "Upfront cost exceeds account balance", Meaning::Refused),
        ("besu", "Intrinsic gas exceeds gas limit", Meaning::Refused),
        ("besu", "Transaction gas limit exceeds block gas limit", Meaning::Refused),
        ("besu", "Invalid signature", Meaning::Refused),
        ("besu", "Wrong chainId", Meaning::Refused),
        ("besu", "Transaction fee cap exceeded", Meaning::Refused),
        ("besu", "Invalid transaction type", Meaning::Refused),
        ("besu", "Initial sync is still in progress", Meaning::Unclear),
        ("monad", "Transaction nonce too low", Meaning::NonceSpent),
        ("monad", "An existing transaction had higher priority", Meaning::Underpriced),
        ("monad", "A newer transaction had higher priority", Meaning::Underpriced),
        ("monad", "Transaction fee too low", Meaning::Underpriced),
        ("monad", "Transaction pool is full", Meaning::Underpriced),
        ("monad", "Signer had insufficient balance", Meaning::Refused),
        ("monad", "Transaction signature is invalid", Meaning::Refused),
        ("monad", "Gas limit too low", Meaning::Refused),
        ("monad", "Exceeds transaction gas limit", Meaning::Refused),
        ("monad", "Max priority fee too high", Meaning::Refused),
        ("monad", "Unsupported transaction type", Meaning::Refused),
        ("monad", "Transaction pool is not ready", Meaning::Unclear),
        ("monad", "Internal error", Meaning::Unclear),
        ("avalanche", "nonce too low: address 0x1111111111111111111111111111111111111111, tx: 5 state: 6", Meaning::NonceSpent),
        (
            "avalanche",
            "max fee per gas less than block base fee: address 0x1111111111111111111111111111111111111111, maxFeePerGas: 1, baseFee: 2",
            Meaning::Underpriced,
        ),
        (
            "avalanche",
            "transaction underpriced: address 0x1111111111111111111111111111111111111111 have gas tip cap (0) < pool gas tip cap (1)",
            Meaning::Underpriced,
        ),
        (
            "avalanche",
            "insufficient funds for gas * price + value: address 0x1111111111111111111111111111111111111111 have (0) want (1)",
            Meaning::Refused,
        ),
        ("anvil", "transaction already imported", Meaning::AlreadyKnown),
        ("anvil", "nonce too low", Meaning::NonceSpent),
        ("anvil", "max fee per gas less than block base fee", Meaning::Underpriced),
        ("anvil", "replacement transaction underpriced", Meaning::Underpriced),
        ("anvil", "Insufficient funds for gas * price + value", Meaning::Refused),
        ("anvil", "intrinsic gas too low", Meaning::Refused),
        ("hardhat", "Known transaction: 0x1234", Meaning::AlreadyKnown),
        ("hardhat", "Transaction nonce too low. Expected nonce to be 1 but got 0.", Meaning::NonceSpent),
        (
            "hardhat",
            "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 2 is necessary.",
            Meaning::Underpriced,
        ),
        ("hardhat", "Nonce too high. Expected nonce to be 0 but got 1.", Meaning::Refused),
        ("hardhat", "Sender doesn't have enough funds to send tx. The max upfront cost is: 2", Meaning::Refused),
        ("hardhat", "Trying to send an incompatible EIP-155 transaction, signed for another chain.", Meaning::Refused),
        ("hardhat", "VM Exception while processing transaction: reverted with reason string 'BAL#302'", Meaning::Reverted),
        ("OpenEthereum", "Transaction with the same hash was already imported.", Meaning::AlreadyKnown),
        ("OpenEthereum", "Transaction nonce is too low. Try incrementing the nonce.", Meaning::NonceSpent),
        (
            "OpenEthereum",
            "Transaction gas price is too low. It does not satisfy your node's minimal gas price",
            Meaning::Underpriced,
        ),
        ("cosmos", "invalid nonce; got 5, expected 6: invalid sequence", Meaning::Unclear),
    ];

    #[test]
    fn every_wording_has_its_meaning() {
        for (node, words, expected) in SAID {
            assert_eq!(meaning(words), *expected, "{node}: {words}");
        }
    }

    #[test]
    fn what_is_unclear_in_the_table_may_have_been_sent() {
        for (node, words, _) in SAID.iter().filter(|(.., meaning)| matches!(meaning, Meaning::Unclear | Meaning::Reverted)) {
            assert!(matches!(of_broadcast(&said(words)), Broadcast::MaybeSent(_)), "{node}: {words}");
        }
    }

    #[test]
    fn whatever_is_not_certain_may_have_been_sent() {
        let unclear = [
            said("internal error"),
            said("unknown transaction"),
            said("rate limit exceeded, try again in 4ms"),
            said("header not found"),
            said("invalid nonce; got 5, expected 6: invalid sequence"),
            said("execution reverted"),
            said("timeout waiting for the sequencer"),
            AskFault::TimedOut(Duration::from_secs(10)),
            AskFault::Busy { pause: Some(Duration::from_secs(1)) },
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
