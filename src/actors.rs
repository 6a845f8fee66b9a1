//! The actors: thin, one file each. An actor receives, asks the domain, acts through a port, says what happened, and re-arms its
//! timer. It does no I/O in a handler: every request is a spawned task that answers with a message, so whoever supervises hears of
//! a death at once and an executor hears of a depeg while it waits for a receipt.
//!
//! The tree: [`root`] has the alerter, a [`peg_watch`] for each asset, a [`price_stream`] for each source off the chain and a [`chain`] for
//! each chain; a chain has a
//! [`block_reader`], a [`price_feed`] for each on-chain source, a [`yield_feed`] for each yield (and a [`yield_check`], where somebody
//! else publishes it), a [`gas_oracle`], an [`executor`] for each lane, and the
//! [`rebalance_queue`], which has the [`pool`]s. Facts travel on [`board`]s, orders in mailboxes, and permission to send is a
//! value, the [`turn`].

pub mod alerter;
pub mod block_reader;
pub mod board;
pub mod chain;
pub mod executor;
pub mod facts;
pub mod gas_oracle;
pub mod peg_watch;
pub mod pool;
pub mod price_feed;
pub mod price_stream;
pub mod pulse;
pub mod rebalance_queue;
pub mod root;
pub mod supervise;
pub mod turn;
pub mod yield_check;
pub mod yield_feed;

#[cfg(test)]
mod testing;
