//! Coinbase.

use chrono::DateTime;
use serde_json::json;

use super::*;

#[tokio::test]
async fn tickers_and_heartbeats_follow_a_subscription() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&fair.urls().coinbase).await;
    client
        .say(&json!({ "type": "subscribe", "product_ids": ["USDT-USD", "DAI-USD"], "channels": ["ticker", "heartbeat"] }))
        .await;
    let granted = client.json().await;
    assert_eq!(granted["type"], "subscriptions");
    let channel = |name: &str| json!({ "name": name, "product_ids": ["DAI-USD", "USDT-USD"], "account_ids": null });
    assert_eq!(granted["channels"], json!([channel("ticker"), channel("heartbeat")]));

    for product in ["USDT-USD", "DAI-USD"] {
        let first = client.json().await;
        assert_eq!((&first["type"], &first["product_id"]), (&json!("ticker"), &json!(product)));
        assert!(first["best_bid"].is_string() && near(&first["best_bid"], 1.0) && near(&first["best_ask"], 1.0), "{first}");
        assert!(number(&first["best_bid"]) < number(&first["best_ask"]) && number(&first["best_ask_size"]) > 200_000.0);
        let time = DateTime::parse_from_rfc3339(first["time"].as_str().unwrap()).unwrap();
        assert!(time.timestamp().unsigned_abs().abs_diff(fair.clock.now().secs()) < 3_600, "{first}");
    }
}

#[tokio::test]
async fn a_heartbeat_names_the_trade_of_the_last_ticker() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&fair.urls().coinbase).await;
    let channels = json!([{ "name": "ticker", "product_ids": ["DAI-USD"] }, { "name": "heartbeat", "product_ids": ["DAI-USD"] }]);
    client.say(&json!({ "type": "subscribe", "channels": channels })).await;
    let mut last = (client.json_with(|said| said["type"] == "ticker").await["trade_id"].clone(), 0);
    fair.set_price(Coin::Dai, 0.95);
    let (mut beats, mut moved) = (0, false);
    while beats < 8 || !moved {
        let said = client.json().await;
        let sequence = said["sequence"].as_u64().unwrap();
        assert!(sequence >= last.1);
        last.1 = sequence;
        if said["type"] == "heartbeat" {
            assert_eq!(said["last_trade_id"], last.0);
            beats += 1;
        } else {
            assert!(said["trade_id"].as_u64() > last.0.as_u64());
            last.0 = said["trade_id"].clone();
            moved = nearish(&said["best_bid"], 0.95);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_words() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&fair.urls().coinbase).await;
    client.say(&json!({ "type": "subscribe", "product_ids": ["USDC-USD"], "channels": ["ticker"] })).await;
    let refused = json!({ "type": "error", "message": "Failed to subscribe", "reason": "USDC-USD is not a valid product" });
    assert_eq!(client.json().await, refused);
    client.say(&json!({ "type": "subscribe", "product_ids": ["DAI-USD"], "channels": ["rumours"] })).await;
    assert_eq!(client.json().await["reason"], "rumours is not a valid channel");
    client.say(&json!({ "type": "subscribe", "channels": ["heartbeat"] })).await;
    assert_eq!(client.json().await["reason"], "You need to specify at least one product ID for channel heartbeat");
    client.say(&json!({ "type": "sing" })).await;
    assert_eq!(client.json().await["type"], "error");
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_subscribe_within_five_seconds_is_hung_up_on() {
    let fair = Fair::open().await;
    let began = tokio::time::Instant::now();
    let mut idle = Client::connect(&fair.urls().coinbase).await;
    assert_eq!(idle.text().await, None);
    assert!(began.elapsed() >= Duration::from_secs(5));
}
