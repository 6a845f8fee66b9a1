//! Price feeds in Chainlink's form.

use std::sync::Arc;

use alloy_primitives::Address;

use crate::chain::contracts::{IAggregator, answered, question};
use crate::domain::position::BlockStamp;
use crate::domain::reading::{FeedRule, Quote, RawRound, ReadingFault, judge};
use crate::domain::source::Source;
use crate::ports::{Answer, Call, PriceSource};

/// What Chainlink's proxies revert with before the first round.
pub(super) const NO_ROUND: &str = "No data present";

/// One feed.
#[derive(Clone, Debug)]
pub struct ChainlinkFeed {
    source: Arc<Source>,
    proxy: Address,
    rule: FeedRule,
}

impl ChainlinkFeed {
    /// A feed at the contract `proxy` that is believed by `rule`.
    #[must_use]
    pub const fn new(source: Arc<Source>, proxy: Address, rule: FeedRule) -> Self {
        Self { source, proxy, rule }
    }
}

impl PriceSource for ChainlinkFeed {
    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The newest round, and the decimals in the same block: a proxy can be pointed at another feed at any time.
    fn calls(&self) -> Vec<Call> {
        vec![question(self.proxy, &IAggregator::latestRoundDataCall {}), question(self.proxy, &IAggregator::decimalsCall {})]
    }

    fn quote(&self, answers: &[Answer], at: &BlockStamp) -> Result<Quote, ReadingFault> {
        let round = answered::<IAggregator::latestRoundDataCall>(answers.first()).map_err(|fault| match fault.as_str() {
            NO_ROUND => ReadingFault::NoRound,
            _ => ReadingFault::Unreadable(fault),
        })?;
        let decimals = answered::<IAggregator::decimalsCall>(answers.get(1)).map_err(ReadingFault::Unreadable)?;
        let updated_at = u64::try_from(round.updatedAt)
            .map_err(|_| ReadingFault::Unreadable(format!("the round is stamped {}, which is no time", round.updatedAt)))?;
        judge(&RawRound { answer: round.answer, updated_at, decimals }, &self.rule, at.timestamp)
    }
}

#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]
mod tests {
    use std::time::Duration;

    use alloy::sol_types::{Revert, SolCall, SolError};
    use alloy_primitives::{B256, Bytes, I256, U256, aliases::U80};

    use super::*;
    use crate::domain::ids::{AssetId, SourceId};
    use crate::domain::source::{Group, Unit};
    use crate::domain::units::{Price, Timestamp};
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
        let one = U80::from(1u8);
        let round = IAggregator::latestRoundDataReturn {
            roundId: one,
            answer: I256::try_from(answer).unwrap(),
            startedAt: updated_at,
            updatedAt: updated_at,
            answeredInRound: one,
        };
        Ok(IAggregator::latestRoundDataCall::abi_encode_returns(&round).into())
    }

    fn decimals(places: u8) -> Answer {
        Ok(IAggregator::decimalsCall::abi_encode_returns(&places).into())
    }

    fn quote(answers: &[Answer]) -> Result<Quote, ReadingFault> {
        let at = BlockStamp { number: 1, hash: B256::ZERO, timestamp: Timestamp::from_secs(NOW) };
        feed().quote(answers, &at)
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
}
