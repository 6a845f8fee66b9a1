//! A price feed on a board that the test fills, and a probe for the peg watch.

use std::sync::Arc;

use ractor::Actor;

use super::{PriceFeed, PriceFeedArgs};
use crate::actors::board::{Address, Board};
use crate::actors::facts::{BlockFact, BlockFacts, ReadPlan};
use crate::actors::peg_watch::PegWatchMsg;
use crate::actors::testing::chain::SimChain;
use crate::actors::testing::position::FakeSource;
use crate::actors::testing::{FakeClock, Probe, next, observer, secs};
use crate::domain::reading::{Reading, ReadingFault};
use crate::domain::units::Price;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{Clock, PriceSource};

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
        blocks.publish(Some(Arc::new(BlockFacts { head, answers: answers.into() })));
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
    blocks.publish(Some(Arc::new(BlockFacts { head, answers: Vec::new().into() })));
    assert_eq!(reading(&mut readings).await.quote.unwrap_err().label(), "unreadable");
}
