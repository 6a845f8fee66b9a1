//! A price feed on a board that the test fills, and a probe for the peg watch.

use std::sync::Arc;

use alloy_primitives::{Address as Contract, I256};
use ractor::Actor;

use super::{PriceFeed, PriceFeedArgs};
use crate::actors::board::{Address, Board};
use crate::actors::facts::{BlockFact, BlockFacts, ReadPlan};
use crate::actors::peg_watch::PegWatchMsg;
use crate::actors::testing::chain::SimChain;
use crate::actors::testing::position::FakeSource;
use crate::actors::testing::{FakeClock, Probe, next, observer, secs, settle};
use crate::domain::reading::{Reading, ReadingFault};
use crate::domain::transmission::Transmission;
use crate::domain::units::Price;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{Announcements, Clock, PriceSource};

async fn reading(readings: &mut tokio::sync::mpsc::UnboundedReceiver<PegWatchMsg>) -> Reading {
    match next(readings, secs(1)).await {
        PegWatchMsg::Reading(reading) => reading,
        _ => panic!("not a reading"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_is_as_old_as_its_block_and_a_silent_chain_is_unknown_now() {
    let clock = FakeClock::new(1);
    let chain = SimChain::new(&clock);
    chain.set_price("USDC", 999);
    let (watch, (probe, mut readings)) = (Address::default(), Probe::spawn().await);
    watch.moved_in(probe);
    let source = Arc::new(FakeSource::new("USDC"));
    let blocks: Board<BlockFact> = Board::new(None);
    let args = PriceFeedArgs {
        slot: ReadPlan::default().reserve(source.calls()),
        source: source.clone(),
        blocks: blocks.clone(),
        announcements: Board::new(Announcements::default()),
        watch,
        clock: clock.clone(),
        observer: observer(&clock),
        hearts: Heartbeats::default(),
    };
    let (_feed, _) = Actor::spawn(None, PriceFeed, args).await.unwrap();
    let first = reading(&mut readings).await;
    assert_eq!((first.quote, first.block), (Err(ReadingFault::ChainSilent), None));

    let head = chain.mine();
    let publish = || {
        let answers = chain.read(head.stamp.hash, &source.calls()).unwrap();
        blocks.publish(Some(Arc::new(BlockFacts::to_the_first(head, answers))));
    };
    tokio::time::sleep(secs(5)).await;
    publish();
    let read = reading(&mut readings).await;
    assert_eq!((read.as_of, read.block), (head.stamp.timestamp, Some(head.stamp.hash)));
    assert_eq!(read.quote.unwrap().price, Price::from_wad(999_000_000_000_000_000).unwrap());

    tokio::time::sleep(secs(5)).await;
    blocks.publish(None);
    let silent = reading(&mut readings).await;
    assert_eq!((silent.quote, silent.as_of), (Err(ReadingFault::ChainSilent), clock.now()));

    // A batch that is too short is a failed read, and never someone else's answer.
    blocks.publish(Some(Arc::new(BlockFacts::to_the_first(head, Vec::new()))));
    assert_eq!(reading(&mut readings).await.quote.unwrap_err().label(), "unreadable");
}

#[tokio::test(start_paused = true)]
async fn an_announcement_widens_the_reading_of_its_round_and_takes_it_again_where_it_comes_late() {
    const AGGREGATOR: Contract = Contract::repeat_byte(0xa9);
    let clock = FakeClock::new(1);
    let chain = SimChain::new(&clock);
    let (watch, (probe, mut readings)) = (Address::default(), Probe::spawn().await);
    watch.moved_in(probe);
    let source = Arc::new(FakeSource::new("USDC"));
    *source.aggregator.lock().unwrap() = Some(AGGREGATOR);
    let blocks: Board<BlockFact> = Board::new(None);
    let announcements = Board::new(Announcements::default());
    let args = PriceFeedArgs {
        slot: ReadPlan::default().reserve(source.calls()),
        source: source.clone(),
        blocks: blocks.clone(),
        announcements: announcements.clone(),
        watch,
        clock: clock.clone(),
        observer: observer(&clock),
        hearts: Heartbeats::default(),
    };
    let (_feed, _) = Actor::spawn(None, PriceFeed, args).await.unwrap();
    assert!(reading(&mut readings).await.quote.is_err());
    let announce = |by: Contract, observations: [u128; 3]| {
        let seen = observations.map(|thousandths| I256::try_from(thousandths * 1_000_000_000_000_000).unwrap());
        announcements.modify(|heard| heard.hear(by, Transmission::new(1, seen[1], &seen).unwrap()));
    };
    let publish = |price| {
        chain.set_price("USDC", price);
        let head = chain.mine();
        let answers = chain.read(head.stamp.hash, &source.calls()).unwrap();
        blocks.publish(Some(Arc::new(BlockFacts::to_the_first(head, answers))));
        head
    };
    let interval = |reading: &Reading| {
        let quote = reading.quote.clone().unwrap();
        [quote.low, quote.price, quote.high].map(|price| price.wad() / 1_000_000_000_000_000)
    };

    announce(AGGREGATOR, [990, 1_000, 1_005]);
    settle().await;
    assert!(readings.try_recv().is_err(), "a silent chain is not heard through its aggregators");
    publish(1_000);
    assert_eq!(interval(&reading(&mut readings).await), [990, 1_000, 1_005], "heard before its block");
    let head = publish(999);
    assert_eq!(interval(&reading(&mut readings).await), [999; 3], "of another round");

    announce(AGGREGATOR, [980, 998, 999]);
    announce(Contract::repeat_byte(1), [980, 999, 1_100]);
    settle().await;
    assert!(readings.try_recv().is_err(), "what makes no difference is not told again");
    announce(AGGREGATOR, [997, 999, 1_002]);
    let again = reading(&mut readings).await;
    assert_eq!(interval(&again), [997, 999, 1_002], "heard after its block");
    assert_eq!((again.block, again.as_of), (Some(head.stamp.hash), head.stamp.timestamp));
    announce(AGGREGATOR, [997, 999, 1_002]);
    settle().await;
    assert!(readings.try_recv().is_err(), "told once");

    // The block is taken back, and with it the round: what was announced of it is of no quote any more.
    publish(1_001);
    assert_eq!(interval(&reading(&mut readings).await), [1_001; 3]);
    // A block that cannot be judged gets no price from an announcement.
    blocks.publish(Some(Arc::new(BlockFacts::to_the_first(head, Vec::new()))));
    assert!(reading(&mut readings).await.quote.is_err());
    announce(AGGREGATOR, [900, 1_001, 1_100]);
    settle().await;
    assert!(readings.try_recv().is_err());
}
