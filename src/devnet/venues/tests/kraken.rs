//! Kraken.

use serde_json::json;

use super::*;

fn subscribe(symbols: &[&str]) -> Value {
    let params = json!({ "channel": "ticker", "symbol": symbols, "event_trigger": "bbo", "snapshot": true });
    json!({ "method": "subscribe", "params": params, "req_id": 7 })
}

#[tokio::test]
async fn a_client_is_greeted_subscribed_and_told_a_snapshot_of_each_book() {
    let fair = Fair::open().await;
    fair.set_price(Coin::Dai, 0.998);
    let mut client = Client::connect(&fair.urls().kraken).await;
    let status = client.json().await;
    assert_eq!((&status["channel"], &status["data"][0]["system"]), (&json!("status"), &json!("online")));
    let dai = |said: &Value| said["data"][0]["symbol"] == "DAI/USD" && nearish(&said["data"][0]["bid"], 0.998);

    client.say(&subscribe(&["USDC/USD", "USDT/USD", "DAI/USD"])).await;
    for symbol in ["USDC/USD", "USDT/USD", "DAI/USD"] {
        let granted = client.json().await;
        assert_eq!((&granted["method"], &granted["success"]), (&json!("subscribe"), &json!(true)));
        assert_eq!((&granted["req_id"], &granted["result"]["symbol"]), (&json!(7), &json!(symbol)));
        assert!(granted["time_in"].as_str().unwrap().ends_with('Z'));
        let first = client.json().await;
        assert_eq!((&first["channel"], &first["type"]), (&json!("ticker"), &json!("snapshot")));
        let book = &first["data"][0];
        assert_eq!(book["symbol"], symbol);
        assert!(book["bid"].is_f64() && book["bid"].as_f64() < book["ask"].as_f64(), "{book}");
        assert!(symbol.starts_with("DAI") || (near(&book["bid"], 1.0) && near(&book["ask"], 1.0)), "{book}");
        assert!((200_000.0..=300_000.0).contains(&number(&book["bid_qty"])), "{book}");
    }
    let moved = client.json_with(dai).await;
    assert!(nearish(&moved["data"][0]["ask"], 0.998), "{moved}");
}

#[tokio::test]
async fn an_update_follows_a_move_and_a_heartbeat_follows_none() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&fair.urls().kraken).await;
    client.say(&subscribe(&["USDC/USD"])).await;
    let quiet = client.json_with(|said| said["channel"] == "heartbeat").await;
    assert_eq!(quiet, json!({ "channel": "heartbeat" }));
    fair.set_price(Coin::Usdc, 0.9);
    let update = |said: &Value| said["type"] == "update" && nearish(&said["data"][0]["bid"], 0.9);
    let moved = client.json_with(update).await;
    let (bid, ask) = (number(&moved["data"][0]["bid"]), number(&moved["data"][0]["ask"]));
    // Wider in stress, and no wider than anybody believes.
    assert!((0.001..0.005).contains(&(ask - bid)), "{moved}");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_words() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&fair.urls().kraken).await;
    client.json().await;
    client.say(&subscribe(&["FOO/BAR"])).await;
    let refused = client.json().await;
    assert_eq!((&refused["success"], &refused["symbol"]), (&json!(false), &json!("FOO/BAR")));
    assert_eq!(refused["error"], "Currency pair not supported FOO/BAR");
    client.say(&subscribe(&["DAI/USD"])).await;
    client.say(&subscribe(&["DAI/USD"])).await;
    let again = client.json_with(|said| said["success"] == false).await;
    assert_eq!(again["error"], "Already subscribed");
    client.say(&json!({ "method": "subscribe", "params": { "channel": "level9", "symbol": ["DAI/USD"] } })).await;
    assert_eq!(client.json_with(|said| said["success"] == false).await["error"], "Channel not supported");
    client.say(&json!("what?")).await;
    assert_eq!(client.json_with(|said| said["success"] == false).await["error"], "Malformed request");
    let host = fair.urls().kraken.trim_end_matches("/v2");
    assert_eq!(self::refused(&format!("{host}/v1")).await, Some(404));
}

#[tokio::test]
async fn a_client_may_ping_and_unsubscribe() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&fair.urls().kraken).await;
    client.say(&json!({ "method": "ping", "req_id": 3 })).await;
    assert_eq!(client.json_with(|said| said["method"] == "pong").await["req_id"], 3);
    client.say(&subscribe(&["DAI/USD"])).await;
    let params = json!({ "channel": "ticker", "symbol": ["DAI/USD"] });
    client.say(&json!({ "method": "unsubscribe", "params": params })).await;
    assert_eq!(client.json_with(|said| said["method"] == "unsubscribe").await["success"], true);
    client.drain().await;
}
