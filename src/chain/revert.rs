//! Why a contract refused, in words.

use alloy::sol_types::{Panic, Revert, SolError};

/// The most that is shown of a contract's own words.
const MOST_CHARS: usize = 200;

/// Balancer's error codes that Ballast can meet, and what they mean for its owner.
const BALANCER: [(&str, &str); 10] = [
    ("BAL#103", "lists of different lengths"),
    ("BAL#302", "a weight is below the pool's minimum of 1 %"),
    ("BAL#308", "the weights do not sum to one"),
    ("BAL#326", "the change would end before it starts: the transaction came too late"),
    ("BAL#327", "swaps are disabled"),
    ("BAL#331", "the weights would change too fast for this pool"),
    ("BAL#401", "the sender may not do this: it does not own the pool"),
    ("BAL#402", "the pool or the vault is paused"),
    ("BAL#436", "a time or a weight does not fit into the pool's storage"),
    ("BAL#520", "the tokens are not in the pool's order"),
];

/// What revert data says, with the meaning of Balancer's codes.
#[must_use]
pub(super) fn reason(data: &[u8]) -> String {
    if data.is_empty() {
        return "it failed without a reason".to_owned();
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return with_meaning(&revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return panic.to_string();
    }
    let shown = data.get(..36).unwrap_or(data);
    format!("it failed with {}{}", alloy_primitives::hex::encode_prefixed(shown), if data.len() > shown.len() { "…" } else { "" })
}

/// A reason with the meaning of Balancer's code in it, if there is one. Foreign words are cut and stripped of control characters.
#[must_use]
pub(super) fn with_meaning(reason: &str) -> String {
    let shown: String = reason.chars().filter(|c| !c.is_control()).take(MOST_CHARS).collect();
    match BALANCER.iter().find(|(code, _)| shown.contains(code)) {
        Some((_, meaning)) => format!("{shown} ({meaning})"),
        None if shown.trim().is_empty() => "it failed with words that nobody can read".to_owned(),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_decoded_and_explained() {
        let said = |reason: &str| super::reason(&Revert::from(reason).abi_encode());
        assert_eq!(said("BAL#401"), "BAL#401 (the sender may not do this: it does not own the pool)");
        assert_eq!(said("BAL#999"), "BAL#999");
        assert_eq!(said("line\nbreak\u{1b}[31m"), "linebreak[31m");
        assert_eq!(said(&"x".repeat(5_000)).len(), MOST_CHARS);
        for unreadable in ["", " ", "\n\u{7}"] {
            assert_eq!(said(unreadable), "it failed with words that nobody can read");
        }
        assert_eq!(super::reason(&[]), "it failed without a reason");
        assert_eq!(super::reason(&[0xde, 0xad, 0xbe, 0xef]), "it failed with 0xdeadbeef");
        let overflow = super::reason(&Panic::from(0x11u64).abi_encode());
        assert!(overflow.contains("overflow"), "{overflow}");
    }
}
