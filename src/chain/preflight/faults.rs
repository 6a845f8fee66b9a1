//! What can be wrong with a claim, and what mends it.

use std::fmt;

use alloy_primitives::Address;

use crate::chain::preflight::PoolClaim;
use crate::chain::provider::AskFault;

/// One claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightFault {
    /// Where the claim is written.
    pub place: String,
    /// What the chain says.
    pub found: String,
    /// What the configuration says.
    pub expected: String,
    /// What to do.
    pub mend: String,
    unreachable: bool,
}

impl fmt::Display for PreflightFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}; expected {}. {}", self.place, self.found, self.expected, self.mend)
    }
}

impl PreflightFault {
    fn new(place: &str, found: String, expected: String, mend: &str) -> Self {
        Self { place: place.to_owned(), found, expected, mend: mend.to_owned(), unreachable: false }
    }

    /// Whether nothing was found because nobody answered: asking again later may help, while any other fault stays.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        self.unreachable
    }

    pub(super) fn unreachable(claim: &PoolClaim, fault: &AskFault) -> Self {
        let told = Self::new(
            &format!("the node of chain {}", claim.chain_id),
            fault.to_string(),
            "answers to eth_chainId, eth_getBlockByNumber, eth_getCode, and eth_call with a state override".to_owned(),
            "Check the chain's rpc and that its node is up.",
        );
        Self { unreachable: true, ..told }
    }

    pub(super) fn other_chain(claim: &PoolClaim, found: u64) -> Self {
        let place = format!("the node of chain {}", claim.chain_id);
        let mend = "Point the chain's URLs at a node of this chain, or correct its chain_id.";
        Self::new(&place, format!("a node of chain {found}"), format!("chain {}", claim.chain_id), mend)
    }

    pub(super) fn no_code(place: &str, role: &str, at: Address) -> Self {
        let mend = "Correct the address, or the chain that it is configured on.";
        Self::new(place, format!("no contract at {at}"), format!("the contract of the {role}"), mend)
    }

    pub(super) fn silent(place: &str, role: &str, at: Address, what: &str, why: &str) -> Self {
        let mend = match role {
            "pool" => "Use the address of a managed pool of Balancer V2; other kinds of pools are not supported.",
            "feed" => "Use the address of a feed's proxy, not of its aggregator or of a token.",
            _ => "Correct the address.",
        };
        Self::new(place, format!("{at}, whose {what} cannot be read: {why}"), format!("a {role} that answers {what}"), mend)
    }

    pub(super) fn decimals(place: &str, role: &str, found: u8, expected: u8) -> Self {
        let mend = "Set `decimals` to what the contract says, after checking that the address is right.";
        Self::new(place, format!("a {role} with {found} decimals"), format!("{expected} decimals"), mend)
    }

    pub(super) fn owner(claim: &PoolClaim, owner: Address, delegated: bool, contract: bool) -> Self {
        let (kind, mend) = if delegated {
            ("Balancer's governance", "This pool is run by governance; no key can be its keeper.")
        } else if contract {
            (
                "a contract",
                "A pool's owner never changes. A pool that a contract owns needs that contract's consent for each change.",
            )
        } else {
            ("another account", "Use the key of this account as the chain's keeper. A pool's owner never changes.")
        };
        let expected = format!("the keeper {} as its owner", claim.keeper);
        Self::new(&claim.place, format!("a pool owned by {kind}, {owner}"), expected, mend)
    }

    /// Compares what the vault lists with what is configured; the pool's own token comes first in every managed pool.
    pub(super) fn tokens(claim: &PoolClaim, listed: &[Address]) -> Option<Self> {
        let Some((_, listed)) = listed.split_first().filter(|(own, _)| **own == claim.pool) else {
            let found = format!("a pool that the vault lists without its own token: {}", list(listed));
            let mend = "Use the address of a managed pool of Balancer V2; other kinds of pools are not supported.";
            return Some(Self::new(&claim.place, found, format!("{} in the first place", claim.pool), mend));
        };
        let expected: Vec<Address> = claim.tokens.iter().map(|token| token.token).collect();
        let mend = "List the pool's assets exactly as the vault does, in its order.";
        (listed != expected).then(|| {
            Self::new(&claim.place, format!("a pool of {}", list(listed)), format!("a pool of {}", list(&expected)), mend)
        })
    }
}

fn list(tokens: &[Address]) -> String {
    let tokens: Vec<String> = tokens.iter().map(Address::to_string).collect();
    if tokens.is_empty() { "nothing".to_owned() } else { tokens.join(", ") }
}
