//! What can go wrong in the world.

use std::path::PathBuf;

use thiserror::Error;

use super::anvil::AnvilError;

/// Why the world could not do what was asked.
#[derive(Debug, Error)]
pub enum WorldError {
    /// The node could not be run.
    #[error(transparent)]
    Node(#[from] AnvilError),
    /// The node could not be asked, or refused.
    #[error("{method}: {fault}")]
    Rpc {
        /// The JSON-RPC method.
        method: &'static str,
        /// What came back instead of an answer.
        fault: String,
    },
    /// An answer could not be understood.
    #[error("{what} cannot be decoded: {fault}")]
    Decode {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        fault: String,
    },
    /// A contract's byte code is not where it belongs.
    #[error("the byte code {} cannot be used: {fault}", path.display())]
    Bytecode {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: String,
    },
    /// A transaction of the set-up did not do its work.
    #[error("{0} failed on the chain")]
    Reverted(String),
    /// There is no pool of that name.
    #[error("there is no pool named `{0}`")]
    NoSuchPool(String),
    /// The pool does not hold that coin.
    #[error("the pool `{pool}` holds no {coin}")]
    NoSuchToken {
        /// The pool.
        pool: String,
        /// The coin.
        coin: &'static str,
    },
    /// A value that makes no sense.
    #[error("{what}: found {found}, expected {expected}")]
    Value {
        /// Which.
        what: &'static str,
        /// As given.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A file could not be written.
    #[error("{} cannot be written: {fault}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
}

impl WorldError {
    pub(super) fn decode(what: &'static str) -> impl FnOnce(alloy::sol_types::Error) -> Self {
        move |fault| Self::Decode { what, fault: fault.to_string() }
    }
}
