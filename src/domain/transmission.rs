//! What the nodes behind one round of a feed saw: the answer is the median of their observations, and how far these lie apart says how
//! sure the feed is of it.
//!
//! The protocol (OCR) holds as long as fewer than a third of its nodes are faulty. So a third of the observations, rounded down so that
//! it is less than a third, is dropped at either end: each bound of what remains lies between two observations of honest nodes, and a
//! few faulty nodes can widen the interval no further than honest ones do. With less dropped, two nodes that report nonsense would turn a
//! feed's word into one that allows everything, and take its vote.

use alloy_primitives::I256;
use thiserror::Error;

use crate::domain::reading::{FeedRule, Quote, scale};

/// The most nodes that the protocol allows.
pub const MOST_OBSERVATIONS: usize = 31;

/// One round with what its nodes leave open. In the feed's own decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmission {
    round: u32,
    answer: I256,
    low: I256,
    high: I256,
}

/// Why a transmission contradicts the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Contradiction {
    /// No observations.
    #[error("there are no observations")]
    Empty,
    /// More than there can be nodes.
    #[error("there are {0} observations, at most {MOST_OBSERVATIONS} are possible")]
    TooMany(usize),
    /// Not in rising order.
    #[error("the observations are not sorted")]
    Unsorted,
    /// The answer is not the one in the middle.
    #[error("the answer is not the median of the observations")]
    NotTheMedian,
}

impl Contradiction {
    /// A finite, stable word for logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooMany(_) => "too_many",
            Self::Unsorted => "unsorted",
            Self::NotTheMedian => "not_the_median",
        }
    }
}

impl Transmission {
    /// Holds a transmission against the protocol. `round` counts from one for each aggregator.
    ///
    /// # Errors
    /// The first test that it fails, in the order: empty, too many, sorted, median.
    pub fn new(round: u32, answer: I256, observations: &[I256]) -> Result<Self, Contradiction> {
        if observations.len() > MOST_OBSERVATIONS {
            return Err(Contradiction::TooMany(observations.len()));
        }
        if !observations.is_sorted() {
            return Err(Contradiction::Unsorted);
        }
        let last = observations.len().checked_sub(1).ok_or(Contradiction::Empty)?;
        let faulty = last / 3;
        let at = |place: usize| observations.get(place).copied().ok_or(Contradiction::Empty);
        // The contract takes the upper of the two in the middle.
        if at(observations.len() / 2)? != answer {
            return Err(Contradiction::NotTheMedian);
        }
        Ok(Self { round, answer, low: at(faulty)?, high: at(last - faulty)? })
    }

    /// Whether it is of this round of the aggregator, with this answer.
    #[must_use]
    pub fn is_of(&self, round: u64, answer: I256) -> bool {
        u64::from(self.round) == round && self.answer == answer
    }

    /// The quote that its round gave, never narrower: its interval is stretched until it holds the middle of the observations. What
    /// lies beyond the feed's bounds says no more than the bound.
    #[must_use]
    pub fn widen(&self, quote: Quote, rule: &FeedRule) -> Quote {
        let (decimals, least, most) = (rule.decimals, rule.low, rule.high);
        let low = scale(self.low, decimals).unwrap_or(least).max(least);
        let high = scale(self.high, decimals).unwrap_or(most).min(most);
        Quote { low: quote.low.min(low), high: quote.high.max(high), ..quote }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::units::{Price, Timestamp};

    const RULE: FeedRule = FeedRule {
        decimals: 8,
        heartbeat: Duration::from_secs(86_400),
        grace: Duration::ZERO,
        low: cents(20),
        high: cents(200),
        deviation_bps: 25,
    };

    const fn cents(cents: u128) -> Price {
        match Price::from_wad(cents * 10_000_000_000_000_000) {
            Some(price) => price,
            None => Price::PAR,
        }
    }

    fn all(observations: &[i64]) -> Vec<I256> {
        observations.iter().map(|cents| I256::try_from(cents * 1_000_000).unwrap()).collect()
    }

    fn transmission(answer: i64, observations: &[i64]) -> Result<Transmission, Contradiction> {
        Transmission::new(7, all(&[answer])[0], &all(observations))
    }

    /// What a round at a dollar leaves open, in whole cents.
    fn widened(observations: &[i64]) -> (Price, Price) {
        let quote = Quote::within(Price::PAR, RULE.deviation_bps, Timestamp::from_secs(1));
        let wider = transmission(100, observations).unwrap().widen(quote, &RULE);
        assert_eq!((wider.price, wider.updated_at), (quote.price, quote.updated_at));
        (wider.low, wider.high)
    }

    #[test]
    fn what_contradicts_the_protocol_is_refused_by_name() {
        let label = |answer, observations: &[i64]| transmission(answer, observations).unwrap_err().label();
        assert_eq!(label(100, &[]), "empty");
        assert_eq!(label(100, &[100; 32]), "too_many");
        assert_eq!(label(100, &[99, 101, 100]), "unsorted");
        assert_eq!(label(100, &[99, 101, 102]), "not_the_median");
        assert_eq!(label(99, &[99, 100]), "not_the_median");
        assert!(transmission(100, &[99, 100]).is_ok(), "the upper of the two in the middle");
        assert!(transmission(100, &[100; 31]).is_ok());
    }

    #[test]
    fn it_is_of_one_round_and_one_answer() {
        let transmission = transmission(100, &[100]).unwrap();
        let answer = all(&[100, 101]);
        assert!(transmission.is_of(7, answer[0]));
        assert!(!transmission.is_of(8, answer[0]) && !transmission.is_of(7, answer[1]));
        assert!(!transmission.is_of(7 + (1 << 32), answer[0]));
    }

    #[test]
    fn less_than_a_third_is_dropped_at_either_end() {
        assert_eq!(widened(&[90, 100, 110]), (cents(90), cents(110)), "three nodes can afford no fault");
        assert_eq!(widened(&[90, 97, 100, 110]), (cents(97), deviation().1), "one of four");
        let mut nodes = [100; 31];
        nodes[..10].fill(21);
        nodes[21..].fill(199);
        assert_eq!(widened(&nodes), deviation(), "ten of thirty-one");
        (nodes[10], nodes[20]) = (95, 105);
        assert_eq!(widened(&nodes), (cents(95), cents(105)));
    }

    fn deviation() -> (Price, Price) {
        let quote = Quote::within(Price::PAR, RULE.deviation_bps, Timestamp::from_secs(1));
        (quote.low, quote.high)
    }

    #[test]
    fn nodes_that_agree_make_it_no_narrower_and_nonsense_stops_at_the_bounds() {
        assert_eq!(widened(&[100; 7]), deviation());
        assert_eq!(widened(&[-100, 100, 100_000]), (RULE.low, RULE.high));
        assert_eq!(widened(&[0, 100, 250]), (RULE.low, RULE.high));
        let huge = Transmission::new(7, I256::ONE, &[I256::MIN, I256::ONE, I256::MAX]).unwrap();
        let quote = Quote::exact(Price::PAR, Timestamp::from_secs(1));
        let wider = huge.widen(quote, &RULE);
        assert_eq!((wider.low, wider.high), (RULE.low, RULE.high));
    }

    proptest! {
        #[test]
        fn whatever_the_nodes_say_the_interval_holds_the_old_one_and_the_price(
            mut said in prop::collection::vec(i64::MIN..i64::MAX, 1..=31),
            bps in 0u32..500,
        ) {
            said.sort_unstable();
            let said: Vec<I256> = said.into_iter().map(|answer| I256::try_from(answer).unwrap()).collect();
            let transmission = Transmission::new(1, said[said.len() / 2], &said).unwrap();
            let quote = Quote::within(Price::PAR, bps, Timestamp::from_secs(1));
            let wider = transmission.widen(quote, &RULE);
            prop_assert!(wider.low <= quote.low && wider.high >= quote.high && wider.price == quote.price);
            prop_assert!(wider.low >= quote.low.min(RULE.low) && wider.high <= quote.high.max(RULE.high));
        }
    }
}
