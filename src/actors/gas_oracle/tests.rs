//! The gas oracle on a board that the test fills.

use std::sync::Arc;

use alloy_primitives::Bytes;
use ractor::Actor;

use super::{GasOracle, GasOracleArgs};
use crate::actors::board::Board;
use crate::actors::facts::{BlockFact, BlockFacts, GasFact, ReadPlan};
use crate::actors::testing::chain::SimChain;
use crate::actors::testing::position::FakeSource;
use crate::actors::testing::{Events, FakeClock, observer, settle};
use crate::domain::ids::ChainName;
use crate::domain::units::GasPrice;
use crate::observe::Event;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{CallFault, PriceSource};

#[tokio::test(start_paused = true)]
async fn gas_is_that_of_the_next_block_and_unknown_while_the_chain_is() {
    let clock = FakeClock::new(1);
    let observer = observer(&clock);
    let events = Events::of(&observer, &clock);
    let chain = SimChain::new(&clock);
    chain.set_price("ETH", 3_000_000);
    let (blocks, gas): (Board<BlockFact>, Board<GasFact>) = (Board::new(None), Board::new(None));
    let ether = Arc::new(FakeSource::new("ETH"));
    let slot = ReadPlan::default().reserve(ether.calls());
    let args = GasOracleArgs {
        chain: ChainName::new("test"),
        tip: GasPrice::from_gwei(2),
        ether: Some((ether.clone(), slot)),
        blocks: blocks.clone(),
        gas: gas.clone(),
        clock: clock.clone(),
        observer,
        hearts: Heartbeats::default(),
    };
    let (_oracle, _) = Actor::spawn(None, GasOracle, args).await.unwrap();
    settle().await;
    assert_eq!(gas.read(), None);

    let full = crate::ports::Head { gas_used: 30_000_000, ..chain.mine() };
    let answers = chain.read(full.stamp.hash, &ether.calls()).unwrap();
    blocks.publish(Some(Arc::new(BlockFacts::to_the_first(full, answers))));
    settle().await;
    let facts = gas.read().unwrap();
    assert_eq!((facts.price(), facts.block), (GasPrice::from_wei(13_250_000_000), full.stamp.hash), "10 and an eighth and 2");
    assert_eq!(facts.ether.unwrap().to_string(), "$3000.0000");

    let mute = vec![Err(CallFault::Failed(Bytes::new()))];
    blocks.publish(Some(Arc::new(BlockFacts::to_the_first(full, mute))));
    settle().await;
    assert_eq!(gas.read().unwrap().ether, None, "a feed that fails takes no price of gas with it");
    assert_eq!(events.count(|event| matches!(event, Event::GasMoved { .. })), 1, "the price has not moved");

    blocks.publish(None);
    settle().await;
    assert_eq!(gas.read(), None);
}
