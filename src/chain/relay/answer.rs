//! What is believed of a relay's answer to a transaction.

use alloy_primitives::B256;

use crate::chain::provider::AskFault;
use crate::chain::sender::rejection;
use crate::ports::Broadcast;

/// Words of a refusal that is about the account and not about the bytes. The relay is no witness of the account: Flashbots hides the
/// nonces of pending transactions from whoever does not sign, and after a failed one names a wrong nonce on purpose.
/// <https://github.com/flashbots/rpc-endpoint/blob/main/docs/metamask.md>
const ABOUT_THE_ACCOUNT: [&str; 8] = ["nonce", "funds", "balance", "upfront", "eoa", "contract", "sender", "cost"];

/// What became of a submission. Of everything that a relay can say, only two things are more than hearsay: that it has the very
/// transaction (by its hash), and that the bytes as such cannot be included by anybody or not at this price. All else, an answer of
/// `200` or of another hash, none at all, silence, a broken page, an opinion about the account, means that it may be on its way.
pub(in crate::chain) fn of_submission(expected: B256, asked: Result<Option<B256>, AskFault>) -> Broadcast {
    match asked {
        Ok(Some(hash)) if hash == expected => Broadcast::Accepted,
        Ok(Some(hash)) => Broadcast::MaybeSent(format!("the relay answered with another hash, {hash}")),
        Ok(None) => Broadcast::MaybeSent("the relay answered with nothing".to_owned()),
        Err(fault) => of_fault(&fault),
    }
}

fn of_fault(fault: &AskFault) -> Broadcast {
    let hearsay = || Broadcast::MaybeSent(format!("the relay: {fault}"));
    match rejection::of_broadcast(fault) {
        // It has it, which is as good as when it says so by the hash.
        Broadcast::AlreadyKnown => Broadcast::AlreadyKnown,
        Broadcast::Underpriced => Broadcast::Underpriced,
        Broadcast::Refused(words) if !is_about_the_account(&words) => Broadcast::Refused(words),
        Broadcast::Accepted | Broadcast::Refused(_) | Broadcast::NonceSpent | Broadcast::MaybeSent(_) => hearsay(),
    }
}

fn is_about_the_account(words: &str) -> bool {
    let words = words.to_lowercase();
    ABOUT_THE_ACCOUNT.iter().any(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(message: &str) -> Broadcast {
        let fault = AskFault::Answered { code: -32_000, message: message.to_owned(), data: None };
        of_submission(B256::repeat_byte(1), Err(fault))
    }

    #[test]
    fn only_the_very_hash_is_an_acceptance() {
        let of = |answer| of_submission(B256::repeat_byte(1), answer);
        assert_eq!(of(Ok(Some(B256::repeat_byte(1)))), Broadcast::Accepted);
        for answer in [
            Ok(Some(B256::repeat_byte(2))),
            Ok(None),
            Err(AskFault::TimedOut(Duration::from_secs(1))),
            Err(AskFault::Unreachable("relay.example.org: refused".to_owned())),
            Err(AskFault::Garbled("HTTP status 503".to_owned())),
            Err(AskFault::Garbled("an answer that does not decode: invalid type: integer `200`".to_owned())),
        ] {
            assert!(matches!(of(answer.clone()), Broadcast::MaybeSent(_)), "{answer:?}");
        }
    }

    #[test]
    fn a_relay_is_no_witness_of_the_account() {
        for words in [
            "nonce too low: next nonce 5, tx nonce 4",
            "nonce too high",
            "insufficient funds for gas * price + value: balance 0, tx cost 2, overshot 2",
            "Upfront cost exceeds account balance",
            "sender not an eoa",
            "invalid sender",
            "execution reverted: BAL#401",
            "rate limit exceeded",
            "internal error",
        ] {
            assert!(matches!(said(words), Broadcast::MaybeSent(_)), "{words}");
        }
    }

    #[test]
    fn that_the_bytes_are_no_good_anywhere_is_believed() {
        for words in ["failed to decode signed transaction", "invalid chain ID", "intrinsic gas too low", "invalid signature"] {
            assert_eq!(said(words), Broadcast::Refused(words.to_owned()));
        }
        assert_eq!(said("transaction underpriced: gas tip cap 0, minimum needed 1"), Broadcast::Underpriced);
        assert_eq!(said("already known"), Broadcast::AlreadyKnown);
    }
}
