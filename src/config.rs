//! Settings, read once and whole before any socket is opened.
//!
//! Four layers, each over the one before: the built-in `config/default.toml`, `DIR/ballast.toml`, `DIR/pools/*.toml` and
//! `DIR/policies/*.toml` (one file a pool, one file a policy), and environment variables that begin with `BALLAST__`. Every
//! value remembers where it was written. [`load()`] either gives typed [`Settings`] or *all* [`Faults`] at once, each with its
//! place, key, value, expectation and mend.
//!
//! This room is the only one that reads the process environment, and it does so in one function, [`Environment::process`].

mod check;
mod environment;
mod fault;
mod inspection;
mod layers;
mod load;
mod notes;
mod parse;
mod parts;
mod read;
mod section;
mod settings;
#[cfg(test)]
mod tests;
mod watch;

pub use environment::Environment;
pub use fault::{EXIT_CODE, Fault, Faults};
pub use load::{Pools, load, load_with};
pub use notes::{Note, notes};
pub use parts::{built_in_policy, built_in_text, peg_defaults, policy_in, policy_of};
pub use settings::{
    AlertSettings, AssetOnChain, AssetSettings, ChainSettings, DefiLlamaSettings, FeedSettings, GcpKey, HttpSettings,
    LOCAL_CHAINS, LogFormat, PoolKind, PoolSettings, PoolSourceKind, PoolSourceSettings, RelaySettings, SequencerSettings,
    Settings, ShareOnChain, ShareSettings, SignerSettings, StreamKind, StreamSettings, TelemetrySettings, Venue, YieldKind,
    YieldSettings, voting_groups,
};
pub use watch::{Reread, Watch};
