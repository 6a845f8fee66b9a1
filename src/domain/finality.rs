//! When a block counts as final: nothing that lies in it is undone any more.

use std::fmt;

/// The rule of one chain.
///
/// Ethereum's nodes name the block that two thirds of the validators stand behind (`finalized`, some 13 minutes behind the head), and
/// that is the rule to have. Elsewhere the tag may mean less, or come too late to be of use: an OP-stack chain takes it from its
/// batches on Ethereum, which lie a quarter of an hour and more behind while its own blocks are hardly ever undone; a chain of
/// development has nobody who votes. Such a chain sets a depth, at best one that its own history has never reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Finality {
    /// What the node calls `finalized`.
    #[default]
    Tag,
    /// So many blocks lie on it.
    Depth(u64),
}

impl Finality {
    /// The word of the settings for [`Finality::Tag`], which is also the chain's own.
    pub const TAG: &'static str = "finalized";

    /// Whether a block of height `included` is final when the head is at `head`; `None` when only the node can say.
    #[must_use]
    pub const fn by_depth(self, included: u64, head: u64) -> Option<bool> {
        match self {
            Self::Tag => None,
            Self::Depth(depth) => Some(match head.checked_sub(included) {
                Some(above) => above >= depth,
                None => false,
            }),
        }
    }
}

impl fmt::Display for Finality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag => f.write_str(Self::TAG),
            Self::Depth(depth) => write!(f, "{depth} blocks"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_counts_the_blocks_above_and_a_tag_is_the_nodes_to_give() {
        let three = Finality::Depth(3);
        assert_eq!([10, 12, 13, 99].map(|head| three.by_depth(10, head)), [false, false, true, true].map(Some));
        assert_eq!(three.by_depth(10, 9), Some(false), "a head that fell back is above nothing");
        assert_eq!(Finality::Tag.by_depth(0, u64::MAX), None);
    }
}
