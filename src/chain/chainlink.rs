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
use crate::ports::{Answer, Call, PriceSource};

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
        let phase: U80 = round >> 64usize;
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

    /// The newest round, and the decimals in the same block: a proxy can be pointed at another feed at any time.
    fn calls(&self) -> Vec<Call> {
        let feed =
            [question(self.proxy, &IAggregator::latestRoundDataCall {}), question(self.proxy, &IAggregator::decimalsCall {})];
        let sequencer = self.sequencer.map(|sequencer| question(sequencer.proxy, &IAggregator::latestRoundDataCall {}));
        feed.into_iter().chain(sequencer).collect()
    }

    fn quote(&self, answers: &[Answer], at: &BlockStamp) -> Result<Quote, ReadingFault> {
        if let Some(sequencer) = &self.sequencer {
            sequencer.check(answers.get(2), at.timestamp)?;
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
}

#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use alloy::sol_types::{Revert, SolCall, SolError};
    use alloy_primitives::{B256, Bytes, I256, U256};

    use super::*;
    use crate::domain::ids::{AssetId, SourceId};
    use crate::domain::source::{Group, Unit};
    use crate::domain::units::Price;
    use crate::ports::CallFault;

    const NOW: u64 = 1_700_000_000;

    fn feed() -> ChainlinkFeed {
        let rule = FeedRule {
            decimals: 8,
            heartbeat: Duration::from_secs(86_400),
            grace: Duration::from_secs(300),
            low: Price::from_wad(200_000_000_000_000_000).unwrap(),
            high: Price::from_wad(2_000_000_000_000_000_000).unwrap(),
            deviation_bps: 35,
        };
        let source = Source {
            id: SourceId::new("chainlink:USDC"),
            asset: AssetId::new("USDC"),
            unit: Unit::Usd,
            group: Group::Chainlink,
            advisory: false,
            good_for: Duration::from_secs(60),
        };
        ChainlinkFeed::new(Arc::new(source), Address::repeat_byte(7), rule)
    }

    fn round(answer: i64, updated_at: U256) -> Answer {
        numbered(U80::from(1u8), answer, updated_at, updated_at)
    }

    fn numbered(number: U80, answer: i64, started_at: U256, updated_at: U256) -> Answer {
        let round = IAggregator::latestRoundDataReturn {
            roundId: number,
            answer: I256::try_from(answer).unwrap(),
            startedAt: started_at,
            updatedAt: updated_at,
            answeredInRound: number,
        };
        Ok(IAggregator::latestRoundDataCall::abi_encode_returns(&round).into())
    }

    fn decimals(places: u8) -> Answer {
        Ok(IAggregator::decimalsCall::abi_encode_returns(&places).into())
    }

    const AT: BlockStamp = BlockStamp { number: 1, hash: B256::ZERO, timestamp: Timestamp::from_secs(NOW) };

    fn quote(answers: &[Answer]) -> Result<Quote, ReadingFault> {
        feed().quote(answers, &AT)
    }

    #[test]
    fn a_round_becomes_a_quote() {
        let quote = quote(&[round(97_000_000, U256::from(NOW - 60)), decimals(8)]).unwrap();
        assert_eq!((quote.price.wad(), quote.updated_at), (970_000_000_000_000_000, Timestamp::from_secs(NOW - 60)));
        assert_eq!(feed().calls().len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_and_never_a_price() {
        let good = round(100_000_000, U256::from(NOW));
        let label = |answers: &[Answer]| quote(answers).unwrap_err().label();
        let failed = |reason: &str| -> Answer { Err(CallFault::Failed(Revert::from(reason).abi_encode().into())) };
        assert_eq!(label(&[failed("No data present"), decimals(8)]), "no_round");
        assert_eq!(label(&[failed("Access denied"), decimals(8)]), "unreadable");
        assert_eq!(label(&[Err(CallFault::Failed(Bytes::new())), decimals(8)]), "unreadable");
        assert_eq!(label(&[Err(CallFault::NotReached), decimals(8)]), "unreadable");
        assert_eq!(label(&[Ok(Bytes::new()), decimals(8)]), "unreadable");
        assert_eq!(label(&[Ok(Bytes::from(vec![0; 159])), decimals(8)]), "unreadable");
        assert_eq!(label(std::slice::from_ref(&good)), "unreadable");
        assert_eq!(label(&[good.clone(), Err(CallFault::Failed(Bytes::new()))]), "unreadable");
        assert_eq!(label(&[good.clone(), decimals(18)]), "wrong_decimals");
        assert_eq!(label(&[round(100_000_000, U256::MAX), decimals(8)]), "unreadable");
        assert_eq!(label(&[]), "unreadable");
    }

    const GRACE: u64 = 3_600;

    /// What a feed on a roll-up says when its sequencer says this.
    fn behind(sequencer: Answer) -> Result<Quote, ReadingFault> {
        let feed = feed().behind(Sequencer { proxy: Address::repeat_byte(9), grace: Duration::from_secs(GRACE) });
        feed.quote(&[round(100_000_000, U256::from(NOW - 60)), decimals(8), sequencer], &AT)
    }

    fn status(answer: i64, started_at: u64) -> Answer {
        // Reported half a minute ago, whenever it changed.
        numbered(U80::from(1u8), answer, U256::from(started_at), U256::from(NOW - 30))
    }

    #[test]
    fn a_feed_on_a_roll_up_is_believed_while_the_sequencer_is_up() {
        let down = Err(ReadingFault::Sequencer(Duration::from_secs(GRACE)));
        assert!(behind(status(0, NOW - 86_400)).is_ok());
        assert!(behind(status(0, NOW - GRACE - 1)).is_ok());
        assert_eq!(behind(status(0, NOW - GRACE)), down, "up for exactly the grace is not yet long enough");
        assert_eq!(behind(status(0, NOW)), down);
        assert_eq!(behind(status(0, NOW + 1)), down, "a start after the block");
        assert_eq!(behind(status(0, 0)), down, "never reported");
        assert_eq!(behind(numbered(U80::from(1u8), 0, U256::MAX, U256::from(NOW))), down);
        for answer in [1, 2, -1, i64::MAX] {
            assert_eq!(behind(status(answer, NOW - 86_400)), down, "{answer}");
        }
    }

    #[test]
    fn a_sequencer_that_cannot_be_asked_is_not_taken_for_up() {
        let label = |answer: Answer| behind(answer).unwrap_err().label();
        assert_eq!(label(Err(CallFault::Failed(Bytes::new()))), "unreadable");
        assert_eq!(label(Err(CallFault::NotReached)), "unreadable");
        assert_eq!(label(Ok(Bytes::new())), "unreadable");
        let feed = feed().behind(Sequencer { proxy: Address::repeat_byte(9), grace: Duration::from_secs(GRACE) });
        let unasked = feed.quote(&[round(100_000_000, U256::from(NOW)), decimals(8)], &AT);
        assert_eq!(unasked.unwrap_err().label(), "unreadable");
        let targets: Vec<Address> = feed.calls().iter().map(|call| call.target).collect();
        assert_eq!(targets, [Address::repeat_byte(7), Address::repeat_byte(7), Address::repeat_byte(9)]);
    }

    #[test]
    fn others_who_push_rounds_are_read_alike() {
        // RedStone without rounds: always number 1, 8 decimals. Chronicle: number 1 too, 18 decimals. API3: number 0.
        for (number, places, answer) in [(1u8, 8, 97_000_000), (1, 18, 970_000_000_000_000_000), (0, 18, 970_000_000_000_000_000)]
        {
            let mut feed = feed();
            feed.source = Arc::new(Source { group: Group::Push, ..Source::clone(&feed.source) });
            feed.rule.decimals = places;
            let stamp = U256::from(NOW - 60);
            let answers = [numbered(U80::from(number), answer, stamp, stamp), decimals(places)];
            assert_eq!(feed.quote(&answers, &AT).unwrap().price.wad(), 970_000_000_000_000_000);
            assert_eq!(feed.source().group, Group::Push);
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_change_of_phase_is_told_once_and_refuses_nothing() {
        crate::observe::testing::keep_everyone_audible();
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let (feed, stamp) = (feed(), U256::from(NOW - 60));
        let told = |phase: u64, round: u64| {
            let number = U80::from((u128::from(phase) << 64) | u128::from(round));
            let answers = [numbered(number, 100_000_000, stamp, stamp), decimals(8)];
            assert!(feed.clone().quote(&answers, &AT).is_ok(), "phase {phase}");
            let log = String::from_utf8(std::mem::take(&mut *log.0.lock().unwrap())).unwrap();
            log.lines().map(|line| line.split("source=").nth(1).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert!(told(4, 900).is_empty(), "the first phase that is seen is no change");
        assert!(told(4, 901).is_empty());
        assert_eq!(told(5, 1), ["chainlink:USDC from=4 to=5"], "the new aggregator counts from one");
        assert!(told(5, 2).is_empty());
        assert_eq!(told(65_535, u64::MAX), ["chainlink:USDC from=5 to=65535"]);
        assert_eq!(told(4, 902), ["chainlink:USDC from=65535 to=4"], "as after a reorganisation");
    }

    #[test]
    fn a_change_of_phase_to_other_decimals_is_caught_by_them() {
        let feed = feed();
        let stamp = U256::from(NOW - 60);
        let read = |phase: u128, places: u8| {
            let number = U80::from((phase << 64) | 1);
            feed.quote(&[numbered(number, 100_000_000, stamp, stamp), decimals(places)], &AT).map_err(|fault| fault.label())
        };
        assert!(read(4, 8).is_ok());
        assert_eq!(read(5, 18), Err("wrong_decimals"));
    }
}
