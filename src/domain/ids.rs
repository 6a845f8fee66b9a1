//! Names of the things Ballast keeps apart. Cheap to clone, ordered, and never mixed up with one another.

use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Wraps a name.
            #[must_use]
            pub fn new(name: &str) -> Self {
                Self(name.into())
            }

            /// The name as configured.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A position that Ballast looks after, by the name of its file in `pools/`.
    PoolId
}
name! {
    /// An asset with one peg, by its configured name: `USDC` and `USDC.e` are two assets.
    AssetId
}
name! {
    /// Assets that fall together, by the configured name of their risk group.
    GroupId
}
name! {
    /// A configured chain, by name: `mainnet`, `demo`.
    ChainName
}
name! {
    /// One price source of one asset: `chainlink:USDC`.
    SourceId
}

/// One stretch of trouble of one asset: it begins when the peg state leaves [`Sound`](crate::domain::peg::PegState::Sound)
/// and ends when it returns. Numbered upwards for each asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpisodeId {
    /// The asset in trouble.
    pub asset: AssetId,
    /// 1 for the first episode of the asset.
    pub number: u64,
}

impl fmt::Display for EpisodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.asset, self.number)
    }
}
