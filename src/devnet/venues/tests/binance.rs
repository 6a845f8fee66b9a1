//! Binance.

use serde_json::json;

use super::*;

#[tokio::test]
async fn the_book_of_usdc_is_in_usdt() {
    let fair = Fair::open().await;
    fair.set_price(Coin::Usdc, 0.96);
    fair.set_price(Coin::Usdt, 0.98);
    let ratio = 0.96 / 0.98;
    let mut client = Client::connect(&format!("{}/ws/usdcusdt@bookTicker", fair.urls().binance)).await;
    let said = client.json_with(|said| nearish(&said["b"], ratio)).await;
    assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), ["A", "B", "a", "b", "s", "u"]);
    assert_eq!(said["s"], "USDCUSDT");
    assert!(nearish(&said["a"], ratio) && number(&said["b"]) < number(&said["a"]), "{said}");
    assert!(said["b"].as_str().unwrap().len() == "0.97959000".len() && number(&said["B"]) > 199_999.0, "{said}");
    let next = client.json().await;
    assert!(next["u"].as_u64() > said["u"].as_u64(), "{next} after {said}");
}

#[tokio::test]
async fn a_combined_stream_names_its_parts() {
    let fair = Fair::open().await;
    let url = format!("{}/stream?streams=foobar@bookTicker/usdcusdt%40bookTicker", fair.urls().binance);
    let said = Client::connect(&url).await.json().await;
    assert_eq!(said["stream"], "usdcusdt@bookTicker");
    assert!(near(&said["data"]["b"], 1.0), "{said}");
}

#[tokio::test]
async fn a_stream_can_be_asked_for_later() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&format!("{}/ws", fair.urls().binance)).await;
    client.say(&json!({ "method": "SUBSCRIBE", "params": ["usdcusdt@bookTicker"], "id": 1 })).await;
    assert_eq!(client.json().await, json!({ "result": null, "id": 1 }));
    assert_eq!(client.json().await["s"], "USDCUSDT");
    client.say(&json!({ "method": "UNSUBSCRIBE", "params": ["usdcusdt@bookTicker"], "id": 2 })).await;
    client.json_with(|said| said["id"] == 2).await;
    client.drain().await;
    client.say(&json!({ "method": "SING" })).await;
    assert_eq!(client.json().await["error"]["code"], 2);
    assert_eq!(refused(&format!("{}/api", fair.urls().binance)).await, Some(404));
}

#[tokio::test(start_paused = true)]
async fn it_pings_every_twenty_seconds() {
    let fair = Fair::open().await;
    let mut client = Client::connect(&format!("{}/ws", fair.urls().binance)).await;
    let began = tokio::time::Instant::now();
    for pings in 1..4 {
        let ping = timeout(2 * PATIENCE, client.0.next()).await.unwrap().unwrap().unwrap();
        assert!(ping.is_ping(), "{ping}");
        assert_eq!(began.elapsed().as_secs() / 20, pings);
    }
}
