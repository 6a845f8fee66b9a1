//! Feeds whose answers the test makes.

use alloy::sol_types::{Revert, SolCall, SolError};
use alloy_primitives::{B256, Bytes, I256, U256};

use super::*;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::source::{Group, Unit};
use crate::domain::transmission::Transmission;
use crate::domain::units::Price;
use crate::observe::testing::Lines;
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

const AGGREGATOR: Address = Address::repeat_byte(0xa9);

fn aggregator(current: Address) -> Answer {
    Ok(IAggregator::aggregatorCall::abi_encode_returns(&current).into())
}

const AT: BlockStamp = BlockStamp { number: 1, hash: B256::ZERO, timestamp: Timestamp::from_secs(NOW) };

fn quote(answers: &[Answer]) -> Result<Quote, ReadingFault> {
    feed().quote(answers, &AT)
}

#[test]
fn a_round_becomes_a_quote() {
    let quote = quote(&[round(97_000_000, U256::from(NOW - 60)), decimals(8)]).unwrap();
    assert_eq!((quote.price.wad(), quote.updated_at), (970_000_000_000_000_000, Timestamp::from_secs(NOW - 60)));
    assert_eq!(feed().calls().len(), 3);
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
    feed.quote(&[round(100_000_000, U256::from(NOW - 60)), decimals(8), aggregator(AGGREGATOR), sequencer], &AT)
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
    let unasked = feed.quote(&[round(100_000_000, U256::from(NOW)), decimals(8), aggregator(AGGREGATOR)], &AT);
    assert_eq!(unasked.unwrap_err().label(), "unreadable");
    let targets: Vec<Address> = feed.calls().iter().map(|call| call.target).collect();
    assert_eq!(targets, [7, 7, 7, 9].map(Address::repeat_byte));
}

#[test]
fn others_who_push_rounds_are_read_alike() {
    // RedStone without rounds: always number 1, 8 decimals. Chronicle: number 1 too, 18 decimals. API3: number 0.
    for (number, places, answer) in [(1u8, 8, 97_000_000), (1, 18, 970_000_000_000_000_000), (0, 18, 970_000_000_000_000_000)] {
        let mut feed = feed();
        feed.source = Arc::new(Source { group: Group::Push, ..Source::clone(&feed.source) });
        feed.rule.decimals = places;
        let stamp = U256::from(NOW - 60);
        let answers = [numbered(U80::from(number), answer, stamp, stamp), decimals(places)];
        assert_eq!(feed.quote(&answers, &AT).unwrap().price.wad(), 970_000_000_000_000_000);
        assert_eq!(feed.source().group, Group::Push);
    }
}

#[test]
fn a_change_of_phase_is_told_once_and_refuses_nothing() {
    let (log, _guard) = Lines::kept(tracing::Level::INFO);
    let (feed, stamp) = (feed(), U256::from(NOW - 60));
    let told = |phase: u64, round: u64| {
        let number = U80::from((u128::from(phase) << 64) | u128::from(round));
        let answers = [numbered(number, 100_000_000, stamp, stamp), decimals(8)];
        assert!(feed.clone().quote(&answers, &AT).is_ok(), "phase {phase}");
        log.take().lines().map(|line| line.split("source=").nth(1).unwrap().to_owned()).collect::<Vec<_>>()
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

fn heard(by: Address, round: u32, answer: i64, observations: &[i64]) -> Announcements {
    let number = |number: i64| I256::try_from(number).unwrap();
    let observations: Vec<I256> = observations.iter().map(|observation| number(*observation)).collect();
    let mut heard = Announcements::default();
    heard.hear(by, Transmission::new(round, number(answer), &observations).unwrap());
    heard
}

#[test]
fn a_quote_is_as_wide_as_its_deviation_and_the_middle_of_its_observations() {
    let (feed, stamp) = (feed(), U256::from(NOW - 60));
    let phased = U80::from((6u128 << 64) + 42);
    let answers = [numbered(phased, 100_000_000, stamp, stamp), decimals(8), aggregator(AGGREGATOR)];
    let plain = feed.quote(&answers, &AT).unwrap();
    let wide = |heard: &Announcements| {
        let wide = feed.widen(plain, &answers, heard);
        assert_eq!((wide.price, wide.updated_at), (plain.price, plain.updated_at));
        [wide.low, wide.high].map(|price| price.wad() / 100_000_000_000_000)
    };
    assert_eq!(wide(&Announcements::default()), [9_965, 10_035]);
    let four = [20_000_000, 98_000_000, 100_000_000, 199_000_000];
    assert_eq!(wide(&heard(AGGREGATOR, 42, 100_000_000, &four)), [9_800, 10_035], "the outermost of four do not count");
    assert_eq!(wide(&heard(AGGREGATOR, 42, 100_000_000, &[99_990_000, 100_000_000, 102_000_000])), [9_965, 10_200]);
    assert_eq!(wide(&heard(AGGREGATOR, 42, 100_000_000, &[100_000_000; 31])), [9_965, 10_035], "never narrower");
    assert_eq!(wide(&heard(AGGREGATOR, 42, 100_000_000, &[1, 100_000_000, i64::MAX])), [2_000, 20_000]);
    for other in [
        heard(AGGREGATOR, 41, 100_000_000, &four),
        heard(AGGREGATOR, 42, 98_000_000, &four[..2]),
        heard(Address::repeat_byte(1), 42, 100_000_000, &four),
    ] {
        assert_eq!(wide(&other), [9_965, 10_035], "of another round, answer or aggregator");
    }
}

#[test]
fn a_proxy_without_an_aggregator_is_read_as_before() {
    let (feed, good) = (feed(), round(100_000_000, U256::from(NOW - 60)));
    let all = heard(AGGREGATOR, 1, 100_000_000, &[98_000_000, 100_000_000, 102_000_000]);
    for none in [
        Err(CallFault::Failed(Bytes::new())),
        Err(CallFault::NotReached),
        Ok(Bytes::new()),
        Ok(Bytes::from(vec![0xff; 32])),
        aggregator(Address::ZERO),
    ] {
        let answers = [good.clone(), decimals(8), none];
        assert_eq!(feed.aggregator(&answers), None);
        let quote = feed.quote(&answers, &AT).unwrap();
        assert_eq!(feed.widen(quote, &answers, &all), quote);
    }
    assert_eq!(feed.aggregator(&[good, decimals(8), aggregator(AGGREGATOR)]), Some(AGGREGATOR));
}
