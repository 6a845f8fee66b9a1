//! Ballast keeps stablecoin pools at their target weights, day and night.
//!
//! The rooms, in reading order. Data flows one way: facts in, decision, plan, transaction, outcome.
//!
//! - [`domain`]: what is right. Pure: weights, pegs, yields, decisions, ramps, turns, restarts. Start with [`domain::decide`].
//! - [`ports`]: what the actors need from the world, as traits.
//! - [`actors`]: who does what. Thin: the tree is in [`actors::root`], permission to send in [`actors::turn`].
//! - [`chain`]: the chain, as adapters: connections, batched reads, the managed pool, feeds, sending.
//! - [`sources`]: what prices and yields are off the chain, as adapters.
//! - [`journal`]: what outlives an actor. [`alerts`]: where people read. [`http`]: metrics and health.
//! - [`recording`]: every raw reading in a file, and out of it again.
//! - [`observe`]: the vocabulary of events, and what becomes of them.
//! - [`config`]: settings, with all faults at once.
//! - [`clock`]: the two clocks of [`ports::Clock`], for production and for accelerated worlds.
//! - [`app`]: puts it together and shuts it down. [`cli`]: the commands.
//! - [`backtest`]: history replayed through the real decision, and what it would have been worth.
//! - [`simulation`]: what the exchange's contracts would do, in memory, to the last digit.
//! - [`crash`]: where a test build can be killed between two commits.
//! - [`devnet`]: the demo world, with the real exchange contracts on a local chain.

pub mod actors;
pub mod alerts;
pub mod app;
pub mod backtest;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod devnet;
pub mod domain;
pub mod http;
pub mod journal;
pub mod observe;
pub mod ports;
pub mod recording;
pub mod simulation;
pub mod sources;
