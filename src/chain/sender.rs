//! Sends. Nonces are given, never fetched behind the caller's back; the raw bytes are the record.
//!
//! [`network`] sends by all endpoints; [`merge`] says what their answers to a broadcast mean together, [`sight`] what they know of a
//! transaction, [`rejection`] what a node means by its words.

mod merge;
mod network;
mod receipt;
pub(in crate::chain) mod rejection;
mod sight;

pub use self::network::NetworkSender;
