//! Price feeds in Chainlink's form: Chainlink's own, and those of others who answer the same question (`RedStone`, Chronicle, and the
//! proxies of API3). What differs between them is in [`FeedRule`] and in the source's group.
//!
//! On a roll-up the feeds stand still while its sequencer is down, and for a while after it is up again they hold prices of before that
//! nobody could act on. A feed can be given the roll-up's *sequencer feed*, which has the same form: 0 means up, anything else down, and
//! the round's start is the time of the change.
//!
//! The upper bits of a round's number are the *phase*: it rises when Chainlink puts another aggregator behind the proxy. A change of phase
//! is told, once, and refuses nothing. The first answer of the new aggregator passes the same tests as any other, decimals of the same
//! block included, and no test compares two rounds; a fault would take away a vote, perhaps in the very hour that it is needed, and the
//! next block would bring the same round without one. What people have to look at, and no program can, is whether the new aggregator
//! still keeps to the configured heartbeat and deviation: hence a line in the log that is shown by default, not a trace. Oracles without
//! phases number their rounds below 2^64 and stay in phase 0.

#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alloy_primitives::{Address, aliases::U80};
use tracing::info;

use crate::chain::contracts::{IAggregator, answered, question};
use crate::domain::position::BlockStamp;
use crate::domain::reading::{FeedRule, Quote, RawRound, ReadingFault, judge};
use crate::domain::source::Source;
use crate::domain::units::Timestamp;
use crate::ports::{Announcements, Answer, Call, PriceSource};

/// How much of a round's number the aggregator counts; the rest is the phase.
const AGGREGATOR_BITS: usize = 64;

/// What Chainlink's proxies revert with before the first round.
pub(super) const NO_ROUND: &str = "No data present";

/// No phase has been seen: more than the 16 bits that one has.
const NO_PHASE: u32 = u32::MAX;

/// The feed that tells whether a roll-up's sequencer is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequencer {
    /// Its proxy.
    pub proxy: Address,
    /// For how long it must have been up.
    pub grace: Duration,
}

impl Sequencer {
    /// # Errors
    /// It is down, has not been up for long enough, or says nothing that can be understood: then nobody knows.
    fn check(&self, answer: Option<&Answer>, now: Timestamp) -> Result<(), ReadingFault> {
        let round = answered::<IAggregator::latestRoundDataCall>(answer)
            .map_err(|fault| ReadingFault::Unreadable(format!("the sequencer's feed: {fault}")))?;
        // Nothing has been reported yet where the start is zero, and a start after the block is none.
        let since = u64::try_from(round.startedAt).ok().filter(|secs| *secs > 0).map(Timestamp::from_secs);
        let up_for = since.filter(|since| round.answer.is_zero() && *since <= now).map(|since| now.since(since));
        match up_for {
            Some(time) if time > self.grace => Ok(()),
            _ => Err(ReadingFault::Sequencer(self.grace)),
        }
    }
}

/// One feed.
#[derive(Clone, Debug)]
pub struct ChainlinkFeed {
    source: Arc<Source>,
    proxy: Address,
    rule: FeedRule,
    sequencer: Option<Sequencer>,
    /// The phase of the last round; shared by clones, so that a change is told once.
    phase: Arc<AtomicU32>,
}

impl ChainlinkFeed {
    /// A feed at the contract `proxy` that is believed by `rule`.
    #[must_use]
    pub fn new(source: Arc<Source>, proxy: Address, rule: FeedRule) -> Self {
        Self { source, proxy, rule, sequencer: None, phase: Arc::new(AtomicU32::new(NO_PHASE)) }
    }

    /// The same feed on a roll-up: it is believed only while the sequencer is up.
    #[must_use]
    pub fn behind(self, sequencer: Sequencer) -> Self {
        Self { sequencer: Some(sequencer), ..self }
    }

    /// Tells when another aggregator has taken over.
    fn watch_phase(&self, round: U80) {
        let phase: U80 = round >> AGGREGATOR_BITS;
        let phase = phase.to::<u32>();
        let before = self.phase.swap(phase, Ordering::Relaxed);
        if before != NO_PHASE && before != phase {
            info!(
                source = %self.source.id,
                from = before,
                to = phase,
                "another aggregator answers for the feed: check that its heartbeat and deviation are as configured"
            );
        }
    }
}

impl PriceSource for ChainlinkFeed {
    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The newest round, and the decimals and the aggregator in the same block: a proxy can be pointed at another feed at any time.
    fn calls(&self) -> Vec<Call> {
        let feed = [
            question(self.proxy, &IAggregator::latestRoundDataCall {}),
            question(self.proxy, &IAggregator::decimalsCall {}),
            question(self.proxy, &IAggregator::aggregatorCall {}),
        ];
        let sequencer = self.sequencer.map(|sequencer| question(sequencer.proxy, &IAggregator::latestRoundDataCall {}));
        feed.into_iter().chain(sequencer).collect()
    }

    fn quote(&self, answers: &[Answer], at: &BlockStamp) -> Result<Quote, ReadingFault> {
        if let Some(sequencer) = &self.sequencer {
            sequencer.check(answers.get(3), at.timestamp)?;
        }
        let round = answered::<IAggregator::latestRoundDataCall>(answers.first()).map_err(|fault| match fault.as_str() {
            NO_ROUND => ReadingFault::NoRound,
            _ => ReadingFault::Unreadable(fault),
        })?;
        self.watch_phase(round.roundId);
        let decimals = answered::<IAggregator::decimalsCall>(answers.get(1)).map_err(ReadingFault::Unreadable)?;
        let updated_at = u64::try_from(round.updatedAt)
            .map_err(|_| ReadingFault::Unreadable(format!("the round is stamped {}, which is no time", round.updatedAt)))?;
        judge(&RawRound { answer: round.answer, updated_at, decimals }, &self.rule, at.timestamp)
    }

    /// Not everyone who answers as Chainlink does has an aggregator behind its proxy. A feed without one has no announcements, and is
    /// as good as before.
    fn aggregator(&self, answers: &[Answer]) -> Option<Address> {
        answered::<IAggregator::aggregatorCall>(answers.get(2)).ok().filter(|aggregator| !aggregator.is_zero())
    }

    fn widen(&self, quote: Quote, answers: &[Answer], heard: &Announcements) -> Quote {
        let transmission = || {
            let aggregator = self.aggregator(answers)?;
            let round = answered::<IAggregator::latestRoundDataCall>(answers.first()).ok()?;
            let number: U80 = round.roundId & U80::from(u64::MAX);
            heard.of(aggregator, number.to(), round.answer)
        };
        transmission().map_or(quote, |transmission| transmission.widen(quote, &self.rule))
    }
}
