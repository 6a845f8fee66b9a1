//! Building the world, moving its market, paying its gas.

use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::U256;
use tokio::time::Instant;

use super::{START, children, gone, tools, world};
use crate::devnet::coins::Coin;
use crate::devnet::contracts::IManagedPool;
use crate::devnet::handle::WorldHandle;
use crate::devnet::rpc::{Account, Order};
use crate::devnet::world::{World, WorldOptions};
use crate::domain::units::{GasPrice, Timestamp, Weight};
use crate::ports::Clock;

async fn off(world: &WorldHandle, pool: &str) -> f64 {
    let (shares, weights) = (world.shares(pool).await.unwrap(), world.weights(pool).await.unwrap());
    shares.iter().zip(weights).map(|((_, share), (_, weight))| (share - weight.as_fraction()).abs()).fold(0.0, f64::max)
}

#[tokio::test]
async fn a_world_starts_soon_with_five_pools_at_their_weights() {
    let tools = tools();
    let begin = Instant::now();
    let world = World::start(WorldOptions::new(tools, START)).await.unwrap();
    let took = begin.elapsed();
    println!("started in {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    for spec in world.specs() {
        let state = world.state(&spec.name).await.unwrap();
        assert_eq!(state.holdings.len(), spec.tokens.len());
        for token in &spec.tokens {
            let held = state.holdings.iter().find(|held| held.coin == token.coin).unwrap();
            assert_eq!(held.weight, token.initial, "{} {}", spec.name, token.coin);
        }
        let value = state.value(&world.prices().await);
        assert!((value - f64::from(spec.value)).abs() < 0.01, "{value}");
        assert!(state.swap_enabled && off(&world, &spec.name).await < 1e-9);
    }
    assert_eq!(world.weight_updates("grants").await.unwrap(), []);
    assert!(world.state("nothing").await.is_err() && world.pause_arbitrage("nothing").await.is_err());
}

#[tokio::test]
async fn arbitrage_follows_the_market_except_where_it_is_paused() {
    let world = world().await;
    world.pause_arbitrage("reserve").await.unwrap();
    world.set_price(Coin::Usdc, 0.98).await;
    world.mine_many(4).await.unwrap();
    assert!(world.arbitrage_swaps().await > 4);
    for spec in world.specs() {
        let off = off(&world, &spec.name).await;
        println!("{}: {off:.5}", spec.name);
        if spec.name == "reserve" {
            assert!(off > 0.004, "{off}");
        } else {
            assert!(off < 0.003, "{} {off}", spec.name);
        }
    }
    world.pause_arbitrage("treasury").await.unwrap();
    world.skew("treasury", Coin::Usdc, Coin::Usdt, 0.2).await.unwrap();
    world.mine_many(3).await.unwrap();
    assert!(off(&world, "treasury").await > 0.05, "a paused pool stays where it was pushed");
    world.resume_arbitrage("treasury").await.unwrap();
    world.mine_many(3).await.unwrap();
    assert!(off(&world, "treasury").await < 0.005);
    for wrong in [0.0, 0.31, f64::NAN] {
        assert!(world.skew("treasury", Coin::Usdc, Coin::Usdt, wrong).await.is_err());
    }
    assert!(world.skew("payroll", Coin::Dai, Coin::Usdt, 0.1).await.is_err(), "payroll holds no DAI");
}

#[tokio::test]
async fn time_and_base_fee_of_every_block_are_ours() {
    let world = world().await;
    world.set_base_fee(120).await;
    let running = world.run();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    running.stop().await;
    let (height, clock) = (world.rpc().height().await.unwrap(), world.clock());
    assert!(height > 10, "{height}");
    let mut last = 0u64;
    for number in 3..=height {
        let block: serde_json::Value = world.rpc().ask("eth_getBlockByNumber", (format!("{number:#x}"), false)).await.unwrap();
        let field = |name: &str| u64::from_str_radix(block[name].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
        assert_eq!(field("baseFeePerGas"), 120_000_000_000);
        assert_eq!(field("gasLimit"), 30_000_000);
        let time = field("timestamp");
        assert!(time > last && (last == 0 || time - last < 90), "{last} {time}");
        last = time;
    }
    assert!(clock.now().since(Timestamp::from_secs(last)) < Duration::from_mins(1), "the chain keeps up with the policy clock");
    let before = world.rpc().height().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.rpc().height().await.unwrap(), before, "a stopped world makes no blocks");
}

#[tokio::test]
async fn the_keeper_owns_the_pools_and_every_update_is_counted() {
    let world = world().await;
    let pool = world.pool("grants").unwrap().clone();
    let now = world.mine().await.unwrap().timestamp;
    let (start, end) = (now.plus(Duration::from_mins(1)), now.plus(Duration::from_mins(11)));
    let target = |dai: u128| -> Vec<U256> {
        let weight = |coin: Coin| {
            U256::from(
                10u128.pow(16)
                    * match coin {
                        Coin::Dai => dai,
                        Coin::Usdc => 35,
                        Coin::Usdt => 25,
                    },
            )
        };
        pool.coins.iter().map(|coin| weight(*coin)).collect()
    };
    let call = |weights: Vec<U256>| IManagedPool::updateWeightsGraduallyCall {
        startTime: U256::from(start.secs()),
        endTime: U256::from(end.secs()),
        tokens: pool.coins.iter().map(|coin| *world.addresses().tokens.get(*coin)).collect(),
        endWeights: weights,
    };
    let (rpc, gas) = (world.rpc(), GasPrice::from_gwei(3));
    let mut keeper = Account::new(world.addresses().keeper);
    for weights in [target(40), target(41)] {
        rpc.send(&mut keeper, &Order::at(pool.address, &call(weights), 300_000, gas)).await.unwrap();
        world.mine().await.unwrap();
    }
    let updates = world.weight_updates("grants").await.unwrap();
    assert_eq!(updates.iter().map(|update| (update.nonce, update.success)).collect::<Vec<_>>(), [(0, true), (1, false)]);
    assert!(updates.iter().all(|update| update.from == world.addresses().keeper));
    assert_eq!(world.weight_updates("treasury").await.unwrap(), []);
    let update = world.gradual_update("grants").await.unwrap();
    assert_eq!((update.start, update.end), (start, end));
    assert_eq!(update.end_weights.iter().copied().fold(Weight::ZERO, Weight::saturating_add), Weight::ONE);
    let signer: alloy::signers::local::PrivateKeySigner = world.keeper_key().parse().unwrap();
    assert_eq!(signer.address(), world.addresses().keeper, "the key is the owner's");
}

#[tokio::test]
async fn feeds_follow_the_market_unless_they_are_held() {
    let world = world().await;
    let feed = world.addresses().feeds.usdc;
    let ask = async || -> (u64, u64, u8) {
        let field = async |data: &str, at: usize| {
            let answer: alloy_primitives::Bytes =
                world.rpc().ask("eth_call", (serde_json::json!({ "to": feed.proxy, "data": data }), "latest")).await.unwrap();
            U256::from_be_slice(&answer[at * 32..(at + 1) * 32]).to::<u64>()
        };
        let decimals = field("0x313ce567", 0).await;
        (field("0xfeaf968c", 1).await, field("0xfeaf968c", 3).await, u8::try_from(decimals).unwrap())
    };
    assert_eq!(ask().await.0, 100_000_000);
    world.set_price(Coin::Usdc, 0.97).await;
    world.mine().await.unwrap();
    assert_eq!(ask().await.0, 100_000_000, "a block late");
    let block = world.mine().await.unwrap();
    assert_eq!(ask().await, (97_000_000, block.timestamp.secs(), 8));
    world.hold_oracle(Coin::Usdc, true).await;
    world.set_price(Coin::Usdc, 0.90).await;
    world.mine_many(3).await.unwrap();
    assert_eq!(ask().await.0, 97_000_000);
    world.push_round(Coin::Usdc, 12_345, Timestamp::from_secs(7)).await.unwrap();
    world.set_feed_decimals(Coin::Usdc, 6).await.unwrap();
    world.mine().await.unwrap();
    assert_eq!(ask().await, (12_345, 7, 6));
    world.hold_oracle(Coin::Usdc, false).await;
    world.mine_many(2).await.unwrap();
    assert_eq!(ask().await.0, 90_000_000);
}

/// Where a node keeps its old states.
fn states_of(pid: u32) -> Option<PathBuf> {
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    command.split('\0').skip_while(|word| *word != "--cache-path").nth(1).map(PathBuf::from)
}

#[tokio::test]
async fn a_dropped_world_leaves_no_process_and_no_file() {
    for stop in [false, true] {
        let world = world().await;
        let watchman = world.node_pid().unwrap();
        let mut pids = children(watchman);
        assert!(!pids.is_empty());
        let states: Vec<_> = pids.iter().filter_map(|pid| states_of(*pid)).collect();
        assert!(states.len() == 1 && states[0].is_dir(), "{states:?}");
        pids.push(watchman);
        let handle = world.handle();
        if stop {
            world.stop().await;
        } else {
            drop(world);
        }
        assert!(gone(&pids).await, "{pids:?}");
        assert!(!states[0].exists(), "{states:?}");
        assert!(handle.mine().await.is_err() && handle.restart_node().await.is_err());
    }
}
