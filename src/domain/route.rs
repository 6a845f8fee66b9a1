//! By which way a transaction goes to the network: the public pool of transactions, or a private relay that hands it to builders
//! only.

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
}
