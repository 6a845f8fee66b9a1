//! What Ballast says to a chain and how it understands the answers: every word of Ethereum, Balancer and Chainlink is in here.
//!
//! [`provider`] speaks JSON-RPC: one request, one time limit, one count, no secret in any error. [`reader`] asks many contracts in
//! one request. On these stand [`link`] (heads, reads, and what aggregators announce), [`managed_pool`] and, for prices, [`chainlink`], [`uniswap_v3`] and
//! [`curve`] (what the answers mean), for yields [`yields`],
//! [`endpoints`] (several nodes, and which of them to believe), [`signer`] (keys, here and elsewhere), [`sender`] (to the public),
//! [`relay`] (to builders only), [`preflight`] (whether the configuration is true) and [`witness`] (what operators ask of an endpoint
//! without a key).
//!
//! Of alloy only the codecs, the transports, the signers and the calls of its MEV extension are used. Its provider layers are not: fillers assign nonces before
//! anything is sent, the fallback layer takes the fastest answer for the true one, and watching a transaction outlives its removal
//! by a reorganisation.

mod announcement;
pub mod chainlink;
pub mod contracts;
pub mod curve;
pub mod endpoints;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
pub mod link;
mod listening;
pub mod managed_pool;
pub mod preflight;
pub mod provider;
pub mod reader;
pub mod relay;
mod revert;
pub mod sender;
pub mod signer;
pub mod survey;
#[cfg(test)]
mod tests;
pub mod token;
pub mod uniswap_v3;
pub mod witness;
pub mod yields;
