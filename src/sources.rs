//! Prices off the chain, as [`crate::ports::PriceStream`] wants them. An adapter translates and judges what one source says; when to
//! connect again, and whether a quote is of now, is its caller's.
//!
//! Exchanges speak over websockets: [`socket`] holds the connection, [`venue`] is what it asks of a protocol, and [`kraken`],
//! [`coinbase`] and [`binance`] are protocols. [`hermes`] is Pyth. [`defi_llama`] publishes
//! yields.

pub mod binance;
pub mod coinbase;
pub mod defi_llama;
pub mod hermes;
pub mod kraken;
pub mod socket;
#[cfg(test)]
mod testing;
pub mod venue;
