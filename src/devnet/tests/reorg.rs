//! Blocks that are replaced, and pools that have owners of their own.

use std::time::Duration;

use alloy_primitives::{B256, U256};
use serde_json::json;

use super::{START, tools};
use crate::devnet::catalogue::{Owner, PoolSpec, TokenSpec};
use crate::devnet::coins::Coin;
use crate::devnet::contracts::IManagedPool;
use crate::devnet::handle::WorldHandle;
use crate::devnet::rpc::{Account, Order};
use crate::devnet::world::{World, WorldOptions};
use crate::domain::units::{GasPrice, Weight};
use crate::ports::Clock;

fn pool(name: &str, owner: Owner) -> PoolSpec {
    let tokens = vec![TokenSpec::percent(Coin::Usdc, 60, 20, 80), TokenSpec::percent(Coin::Usdt, 40, 20, 80)];
    PoolSpec { name: name.to_owned(), tokens, value: 100_000, fee_bps: 10, owner, answer: None }
}

/// The owner of a pool moves it to 40 / 60, signed by the node in its name.
async fn move_weights(world: &WorldHandle, name: &str, nonce: u64) -> B256 {
    let (place, now) = (world.pool(name).unwrap(), world.clock().now());
    let call = IManagedPool::updateWeightsGraduallyCall {
        startTime: U256::from(now.plus(Duration::from_hours(1)).secs()),
        endTime: U256::from(now.plus(Duration::from_hours(2)).secs()),
        tokens: place.coins.iter().map(|coin| *world.addresses().tokens.get(*coin)).collect(),
        endWeights: [4_000, 6_000].map(|bps| U256::from(Weight::from_bps(bps).wad())).to_vec(),
    };
    let owner = world.owner(name).unwrap().address().unwrap();
    let _: serde_json::Value = world.rpc().ask("anvil_impersonateAccount", (owner,)).await.unwrap();
    let mut account = Account::new(owner);
    assert_eq!(world.rpc().nonce(&mut account).await.unwrap(), nonce);
    world.rpc().send(&mut account, &Order::at(place.address, &call, 300_000, GasPrice::from_gwei(3))).await.unwrap()
}

#[tokio::test]
async fn a_ramp_in_a_block_that_is_replaced_did_not_happen_and_everybody_goes_on() {
    let pools = vec![pool("first", Owner::Numbered(1)), pool("second", Owner::Numbered(2))];
    let world = World::start(WorldOptions { pools, ..WorldOptions::new(tools(), START) }).await.unwrap();
    // The arbitrageur has a transaction in the block that goes.
    world.set_price(Coin::Usdc, 0.97).await;
    world.mine_many(2).await.unwrap();
    let from = world.rpc().height().await.unwrap() + 1;
    let first = move_weights(&world, "first", 0).await;
    let block = world.mine().await.unwrap();
    let ramps = world.scheduled_ramps("first", from).await.unwrap();
    assert_eq!(ramps.iter().map(|ramp| (ramp.block, ramp.hash)).collect::<Vec<_>>(), [(block.number, first)]);
    assert_eq!(ramps[0].end_weights, world.gradual_update("first").await.unwrap().end_weights);
    assert_eq!(world.weight_updates("first").await.unwrap().len(), 1);

    world.reorg(2).await.unwrap();
    assert_eq!(world.rpc().height().await.unwrap(), block.number);
    assert_eq!(world.scheduled_ramps("first", from).await.unwrap(), []);
    assert_eq!(world.weight_updates("first").await.unwrap(), []);
    let receipt: Option<serde_json::Value> = world.rpc().ask("eth_getTransactionReceipt", (first,)).await.unwrap();
    assert_eq!(receipt, None);

    // Trade, feeds and owners find their nonces again.
    let again = move_weights(&world, "first", 0).await;
    move_weights(&world, "second", 0).await;
    let swaps = world.arbitrage_swaps().await;
    world.set_price(Coin::Usdc, 0.95).await;
    let next = world.mine().await.unwrap();
    world.mine_many(2).await.unwrap();
    assert_eq!(next.number, block.number + 1);
    assert!(world.arbitrage_swaps().await > swaps);
    let pending: serde_json::Value = world.rpc().ask("txpool_status", json!([])).await.unwrap();
    assert_eq!(pending, json!({ "pending": "0x0", "queued": "0x0" }), "nobody is stuck");
    let ramps = world.scheduled_ramps("first", from).await.unwrap();
    assert_eq!(ramps.iter().map(|ramp| (ramp.block, ramp.hash)).collect::<Vec<_>>(), [(next.number, again)]);
    assert_eq!(world.scheduled_ramps("second", from).await.unwrap().len(), 1);
}

#[test]
fn a_numbered_owner_is_the_account_of_its_key_and_zero_is_none() {
    let signer: alloy::signers::local::PrivateKeySigner = Owner::Numbered(7).key().parse().unwrap();
    assert_eq!(signer.address(), Owner::Numbered(7).address().unwrap());
    assert!(Owner::Numbered(0).address().is_err());
}
