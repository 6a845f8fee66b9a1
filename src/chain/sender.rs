//! Sends. Nonces are given, never fetched behind the caller's back; the raw bytes are the record.

mod public;
pub(in crate::chain) mod rejection;

pub use self::public::PublicSender;
