//! A small world to show and to test Ballast in: a local chain with the real Balancer V2, tokens, price feeds, an arbitrageur and a
//! market whose prices follow a script. No network, no keys that are worth anything.
//!
//! In reading order: [`toolbox`] finds what must be installed, [`anvil`] runs the node, [`balancer`] deploys, [`market`]
//! has the prices, [`oracle`] publishes them, [`arbitrageur`] trades on them, [`world`] puts all of it
//! together and makes the blocks, [`handle`] steers it, [`relay`] brings private transactions into its blocks, [`venues`] quote its
//! prices off the chain, [`yields`] pay on its coins, [`scenario`] tells stories with it. For tests there are [`proxy`], which stands between a node and whoever believes it, and lies, [`hardhat`], a node
//! with stricter rules, and [`postgres`], a database server. Floats are fine here: this is a simulation, and nothing of it reaches a
//! decision but through the chain.

pub mod anvil;
pub mod arbitrageur;
pub mod balancer;
pub mod batch;
pub mod bytecode;
pub mod catalogue;
pub mod coins;
pub mod config_files;
pub(crate) mod contracts;
pub mod deployer;
mod engine;
pub mod fault;
pub mod handle;
pub mod hardhat;
pub mod market;
pub mod oracle;
mod outage;
pub mod postgres;
pub mod proxy;
pub mod relay;
mod reorg;
pub mod rpc;
pub mod savings;
pub mod scenario;
pub mod stories;
pub mod toolbox;
mod updates;
pub mod venues;
mod views;

pub mod world;
pub mod yields;

#[cfg(test)]
mod tests;

pub use catalogue::{Owner, PoolSpec, TokenSpec};
pub use coins::{Coin, PerCoin};
pub use fault::WorldError;
pub use handle::WorldHandle;
pub use market::{Curve, Path};
pub use world::{World, WorldOptions};
