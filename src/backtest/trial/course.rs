//! What became of one contender: its value at every tick, what it did and why, and where the difference comes from.

use serde::Serialize;

use super::ledger::{Cause, Ledger, dollars};
use super::world::World;
use crate::domain::units::Timestamp;

/// A run from beginning to end.
#[derive(Clone, Debug)]
pub struct Course {
    /// The contender.
    pub name: String,
    /// Value in dollars at every tick, less the gas that was paid until then.
    pub equity: Vec<f64>,
    /// Weights and shares, once an hour.
    pub samples: Vec<Sample>,
    /// Every change of what was decided.
    pub said: Vec<Said>,
    /// Every transaction.
    pub acts: Vec<Act>,
    /// Where the difference comes from.
    pub books: Books,
    /// At how many looks gas was too dear for what was due.
    pub waits: u64,
    /// Trades of arbitrageurs.
    pub trades: u64,
    /// The parts of the pool that its changes of weights moved, added up.
    pub turnover: f64,
}

/// How a pool stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub tick: usize,
    /// The weights of the pool.
    pub weights: Vec<f64>,
    /// The part of each asset in the value of all that is held.
    pub shares: Vec<f64>,
    /// Whether trading was on.
    pub trading: bool,
}

/// A decision that differs from the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// When.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// Its code.
    pub code: &'static str,
    /// In words.
    pub line: String,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Act {
    /// The time of its block.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// The code of its trigger.
    pub trigger: &'static str,
    /// What it did.
    pub plan: &'static str,
    /// In words.
    pub line: String,
    /// `done`, `cancelled` or `slipped`.
    pub outcome: &'static str,
    /// What gas cost.
    pub gas_gwei: f64,
    /// What it paid.
    pub gas_usd: f64,
    /// What it was expected to bring or to avoid.
    pub expected: Option<f64>,
}

/// Where a difference comes from, in dollars. All but `forgone` add up to the difference between the last and the first value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Books {
    /// The first value.
    pub began: f64,
    /// The last value, less gas.
    pub ended: f64,
    /// Prices moved.
    pub market: f64,
    /// Arbitrageurs followed the market.
    pub arbitrage: f64,
    /// Arbitrageurs traded while weights moved.
    pub ramp: f64,
    /// Fees of everybody else.
    pub volume: f64,
    /// Gas.
    pub gas: f64,
    /// Fees that were not earned because nobody could trade. Not part of the sum.
    pub forgone: f64,
}

impl Course {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(name: &str, world: &World) -> Self {
        Self {
            name: name.to_owned(),
            equity: Vec::with_capacity(world.ticks()),
            samples: Vec::new(),
            said: Vec::new(),
            acts: Vec::new(),
            books: Books::default(),
            waits: 0,
            trades: 0,
            turnover: 0.0,
        }
    }

    /// Takes the books over at the end.
    pub fn settle(&mut self, ledger: &Ledger) {
        let sum = |cause| dollars(ledger.sum(cause));
        let gas = dollars(ledger.gas().1);
        self.books = Books {
            began: dollars(ledger.began()),
            ended: dollars(ledger.now()) - gas,
            market: sum(Cause::Market),
            arbitrage: sum(Cause::Arbitrage),
            ramp: sum(Cause::Ramp),
            volume: sum(Cause::Volume),
            gas: -gas,
            forgone: ledger.forgone,
        };
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn as_text<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}
