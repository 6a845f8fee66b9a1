//! By which way a transaction goes to the network: the public pool of transactions, or a private relay that hands it to builders
//! only.

use std::fmt;
use std::str::FromStr;

/// The policy of one class on one chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Route {
    /// The public pool.
    #[default]
    Public,
    /// The relay and nothing else: what the relay does not bring into a block in time is cancelled.
    Private,
    /// The relay for so many blocks, then the public pool as well.
    PrivateThenPublic {
        /// Blocks after the first launch.
        after_blocks: u64,
    },
}

impl Route {
    /// The way of an attempt that is launched so many blocks after the first.
    #[must_use]
    pub const fn via(self, blocks_since_first: u64) -> Via {
        match self {
            Self::Public => Via::Public,
            Self::Private => Via::Private,
            Self::PrivateThenPublic { after_blocks } => {
                if blocks_since_first >= after_blocks {
                    Via::Public
                } else {
                    Via::Private
                }
            }
        }
    }

    /// Whether it asks for a relay.
    #[must_use]
    pub const fn needs_relay(self) -> bool {
        !matches!(self, Self::Public)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Private => f.write_str("private"),
            Self::PrivateThenPublic { after_blocks } => write!(f, "private-then-public-after-{after_blocks}-blocks"),
        }
    }
}

impl FromStr for Route {
    type Err = String;

    /// As [`Route`] is displayed. No blocks at all would be `public` under another name, so at least one is asked for.
    fn from_str(text: &str) -> Result<Self, String> {
        let blocks = || text.strip_prefix("private-then-public-after-")?.strip_suffix("-blocks");
        // `parse` takes a sign, and leading zeros.
        let plain = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            _ => blocks()
                .filter(plain)
                .and_then(|digits| digits.parse().ok())
                .map(|after_blocks| Self::PrivateThenPublic { after_blocks })
                .ok_or_else(|| {
                    format!("`{text}` is no route; expected `public`, `private` or `private-then-public-after-N-blocks` (N at least 1)")
                }),
        }
    }
}

/// A private relay that Ballast can speak with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayKind {
    /// Flashbots, and relays that speak its `eth_sendPrivateTransaction`.
    Flashbots,
}

impl RelayKind {
    /// No relay keeps a transaction for more blocks: whoever wants it for as long as it goes asks for this much.
    pub const LONGEST: u64 = 25;

    /// All kinds.
    pub const ALL: [Self; 1] = [Self::Flashbots];

    /// A finite, stable word for the settings and the metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Flashbots => "flashbots",
        }
    }

    /// Whether it brings transactions into the blocks of a chain. Flashbots does so on Ethereum and Sepolia, and the local relay on
    /// local chains; not on Polygon or any other chain. A policy that asks for a relay on a chain that none serves is refused at the
    /// start: it would mean "never".
    #[must_use]
    pub fn serves(self, chain_id: u64) -> bool {
        self.chains().contains(&chain_id) || [31_337, 1_337].contains(&chain_id)
    }

    /// The public chains that it serves, by their EIP-155 numbers.
    #[must_use]
    pub const fn chains(self) -> &'static [u64] {
        match self {
            Self::Flashbots => &[1, 11_155_111],
        }
    }

    /// How many blocks after the newest it keeps a transaction at most. More is cut down without a word, so that whoever asks for more
    /// would wait for something that the relay has long forgotten.
    #[must_use]
    pub const fn keeps_for(self) -> u64 {
        match self {
            Self::Flashbots => Self::LONGEST,
        }
    }

    /// The last block that it may be asked for, when the newest is `head` and the owner wants it until `wanted`, or as long as it goes.
    #[must_use]
    pub const fn last_block(self, head: u64, wanted: Option<u64>) -> u64 {
        let last = head.saturating_add(self.keeps_for());
        match wanted {
            Some(wanted) if wanted < last => wanted,
            _ => last,
        }
    }
}

impl fmt::Display for RelayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for RelayKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.label() == text)
            .ok_or_else(|| format!("`{text}` is no relay; expected `flashbots`"))
    }
}

/// The way that an attempt took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// Everybody could see it.
    #[default]
    Public,
    /// Only the relay and its builders could.
    Private,
}

impl Via {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::Private];

    /// A finite, stable word for the journal and the metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_attempt_becomes_public_after_its_blocks_and_not_before() {
        let route = Route::PrivateThenPublic { after_blocks: 3 };
        assert_eq!([0, 2, 3, 9].map(|blocks| route.via(blocks)), [Via::Private, Via::Private, Via::Public, Via::Public]);
        assert_eq!(Route::Private.via(1_000), Via::Private);
        assert_eq!(Route::Public.via(0), Via::Public);
        assert!(Route::Private.needs_relay() && route.needs_relay() && !Route::Public.needs_relay());
    }

    #[test]
    fn a_route_is_read_as_it_is_written() {
        for (text, route) in [
            ("public", Route::Public),
            ("private", Route::Private),
            ("private-then-public-after-1-blocks", Route::PrivateThenPublic { after_blocks: 1 }),
            ("private-then-public-after-10-blocks", Route::PrivateThenPublic { after_blocks: 10 }),
        ] {
            assert_eq!((text.parse(), route.to_string().as_str()), (Ok(route), text));
        }
        for text in [
            "",
            "Public",
            "private ",
            "private-then-public",
            "private-then-public-after--blocks",
            "private-then-public-after-0-blocks",
            "private-then-public-after-03-blocks",
            "private-then-public-after-+3-blocks",
            "private-then-public-after-99999999999999999999-blocks",
            "private-then-public-after-3-blocks-or-so",
        ] {
            let fault = text.parse::<Route>().unwrap_err();
            assert!(fault.contains("private-then-public-after-N-blocks"), "{fault}");
        }
    }

    #[test]
    fn a_relay_serves_its_chains_and_no_others() {
        let flashbots: RelayKind = "flashbots".parse().unwrap();
        for chain in [1, 11_155_111, 31_337, 1_337] {
            assert!(flashbots.serves(chain), "{chain}");
        }
        for chain in [0, 5, 10, 100, 137, 8_453, 42_161] {
            assert!(!flashbots.serves(chain), "{chain}");
        }
        assert_eq!((flashbots.to_string().as_str(), "mev-share".parse::<RelayKind>().is_err()), ("flashbots", true));
    }

    #[test]
    fn a_relay_is_never_asked_for_more_blocks_than_it_keeps_a_transaction() {
        let last = |wanted| RelayKind::Flashbots.last_block(100, wanted);
        assert_eq!([Some(103), Some(125), Some(126), None].map(last), [103, 125, 125, 125]);
        assert_eq!(RelayKind::Flashbots.last_block(u64::MAX, None), u64::MAX);
    }
}
