//! The node dies and comes back.

use std::time::Duration;

use super::world;
use crate::devnet::coins::Coin;

#[tokio::test]
async fn a_node_comes_back_on_its_port_with_its_chain() {
    let world = world().await;
    world.set_price(Coin::Usdc, 0.97).await;
    world.mine_many(3).await.unwrap();
    let (height, state) = (world.rpc().height().await.unwrap(), world.state("treasury").await.unwrap());
    let block: serde_json::Value = world.rpc().ask("eth_getBlockByNumber", ("0x2", true)).await.unwrap();
    let receipt = (block["transactions"][0]["hash"].clone(),);
    world.skew("reserve", Coin::Usdc, Coin::Usdt, 0.1).await.unwrap();
    world.kill_node().await.unwrap();
    assert!(world.mine().await.is_err() && world.kill_node().await.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begin = tokio::time::Instant::now();
    world.restart_node().await.unwrap();
    println!("back after {:?}", begin.elapsed());
    assert_eq!(world.rpc().height().await.unwrap(), height);
    assert_eq!(world.state("treasury").await.unwrap(), state);
    let again: serde_json::Value = world.rpc().ask("eth_getBlockByNumber", ("0x2", true)).await.unwrap();
    assert_eq!(again["hash"], block["hash"], "the past is the same");
    let found: serde_json::Value = world.rpc().ask("eth_getTransactionReceipt", receipt).await.unwrap();
    assert_eq!(found["status"], "0x1");
    world.set_price(Coin::Usdc, 0.94).await;
    let swaps = world.arbitrage_swaps().await;
    let mined = world.mine().await.unwrap();
    assert_eq!(mined.number, height + 1);
    assert!(world.arbitrage_swaps().await > swaps, "trade goes on, with the right nonces");
    world.mine_many(2).await.unwrap();
    assert_eq!(world.weight_updates("treasury").await.unwrap(), []);
}

#[tokio::test]
async fn a_running_world_waits_for_its_node() {
    let world = world().await;
    let running = world.run();
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.kill_node().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.restart_node().await.unwrap();
    let height = world.rpc().height().await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(world.rpc().height().await.unwrap() >= height + 3);
    running.stop().await;
}
