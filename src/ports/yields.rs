//! Where yields are read: on a chain, as part of the block's batch, and off it, by whoever watches the same contracts.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Answer, Call};
use crate::domain::position::BlockStamp;
use crate::domain::units::Timestamp;
use crate::domain::yields::{Apy, Payer, YieldFault, YieldReading};

/// A contract that pays on a coin, read as part of the block's batch.
pub trait YieldSource: Send + Sync + 'static {
    /// Who it is.
    fn payer(&self) -> &Arc<Payer>;
    /// What to ask in each block: the same in every block, and no question can use the answer to another.
    fn calls(&self) -> Vec<Call>;
    /// Judges the answers to [`YieldSource::calls`], taken at block `at`. What a single block can show is judged here; what takes
    /// several is [`crate::domain::yields::YieldTrack`]'s.
    ///
    /// # Errors
    /// A call failed, the contracts are not those that were meant, or a number makes no sense.
    fn reading(&self, answers: &[Answer], at: &BlockStamp) -> Result<YieldReading, YieldFault>;
}

/// What a witness says of a yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// The yield.
    pub apy: Apy,
    /// When the witness saw it.
    pub at: Timestamp,
}

/// Somebody off the chain who publishes yields. It is asked to find our own mistakes, and decides nothing.
#[async_trait]
pub trait YieldWitness: Send + Sync + 'static {
    /// Its kind, for metrics: `defi_llama`.
    fn name(&self) -> &'static str;
    /// Asks for one yield, once.
    ///
    /// # Errors
    /// It does not answer, or with something that cannot be understood.
    async fn ask(&self) -> Result<Testimony, YieldFault>;
}
