//! From the tree of values to typed settings, one file for each part.

pub(super) mod asset;
pub(super) mod chain;
pub(super) mod peg;
pub(super) mod policy;
pub(super) mod pool;
pub(super) mod sending;
pub(super) mod service;
pub(super) mod share;
pub(super) mod signer;
pub(super) mod source;
pub(super) mod yields;
