//! What a venue does in each mood, on connections that are open and on new ones.

use serde_json::json;

use super::*;

fn kraken() -> Value {
    json!({ "method": "subscribe", "params": { "channel": "ticker", "symbol": ["USDC/USD"] } })
}

fn coinbase() -> Value {
    json!({ "type": "subscribe", "product_ids": ["DAI-USD"], "channels": ["ticker", "heartbeat"] })
}

/// A client of each venue with a WebSocket that hears its prices.
async fn listening(fair: &Fair) -> [(VenueName, String, Client); 3] {
    let binance = format!("{}/ws/usdcusdt@bookTicker", fair.urls().binance);
    let mut clients = [
        (VenueName::Kraken, fair.urls().kraken.clone(), Client::connect(&fair.urls().kraken).await),
        (VenueName::Coinbase, fair.urls().coinbase.clone(), Client::connect(&fair.urls().coinbase).await),
        (VenueName::Binance, binance.clone(), Client::connect(&binance).await),
    ];
    clients[0].2.say(&kraken()).await;
    clients[1].2.say(&coinbase()).await;
    for (name, _, client) in &mut clients {
        client.json_with(|said| carries_a_price(*name, said)).await;
    }
    clients
}

fn carries_a_price(name: VenueName, said: &Value) -> bool {
    match name {
        VenueName::Kraken => said["data"][0]["bid"].is_f64(),
        VenueName::Coinbase => said["best_bid"].is_string(),
        VenueName::Binance => said["b"].is_string(),
        VenueName::Pyth => said["parsed"].is_array(),
    }
}

#[tokio::test]
async fn a_silent_venue_stays_connected_and_says_nothing_until_it_is_honest_again() {
    let fair = Fair::open().await;
    for (name, url, mut client) in listening(&fair).await {
        fair.venues.set_mood(name, VenueMood::Silent);
        client.drain().await;
        client.0.send(Message::Ping("are you there?".into())).await.unwrap();
        assert!(client.hears_nothing().await, "{name:?} answers a ping");
        let mut other = Client::connect(&url).await;
        assert!(other.hears_nothing().await, "{name:?} greets");

        fair.set_price(Coin::Usdc, 0.97);
        fair.set_price(Coin::Dai, 0.97);
        fair.venues.set_mood(name, VenueMood::Honest);
        client.json_with(|said| carries_a_price(name, said)).await;
    }
}

#[tokio::test]
async fn a_venue_that_is_not_silent_answers_a_ping() {
    let fair = Fair::open().await;
    for (name, _, mut client) in listening(&fair).await {
        client.0.send(Message::Ping("are you there?".into())).await.unwrap();
        let pong = async {
            loop {
                if let Message::Pong(said) = client.0.next().await.unwrap().unwrap() {
                    return said;
                }
            }
        };
        assert_eq!(timeout(PATIENCE, pong).await.unwrap(), "are you there?", "{name:?}");
    }
}

#[tokio::test]
async fn a_lying_venue_quotes_usdc_at_its_lie_and_the_others_at_the_market() {
    let fair = Fair::open().await;
    fair.set_price(Coin::Usdc, 0.9);
    let [(_, _, mut kraken), _, (_, _, mut binance)] = listening(&fair).await;
    kraken.json_with(|said| carries_a_price(VenueName::Kraken, said) && nearish(&said["data"][0]["bid"], 0.9)).await;
    fair.venues.set_mood(VenueName::Kraken, VenueMood::Lies(1.0));
    kraken.json_with(|said| carries_a_price(VenueName::Kraken, said) && near(&said["data"][0]["bid"], 1.0)).await;
    for _ in 0..5 {
        let honest = binance.json().await;
        assert!(nearish(&honest["b"], 0.9) || near(&honest["b"], 1.0), "{honest}");
    }
    fair.venues.set_mood(VenueName::Binance, VenueMood::Lies(1.05));
    binance.json_with(|said| nearish(&said["b"], 1.05)).await;
}

#[tokio::test]
async fn a_venue_that_refuses_hangs_up_and_answers_429() {
    let fair = Fair::open().await;
    for (name, url, mut client) in listening(&fair).await {
        fair.venues.set_mood(name, VenueMood::Refuses);
        while client.text().await.is_some() {}
        assert_eq!(refused(&url).await, Some(429), "{name:?}");
        fair.venues.set_mood(name, VenueMood::Honest);
        Client::connect(&url).await;
    }
}

#[tokio::test]
async fn garbage_is_no_json() {
    let fair = Fair::open().await;
    for (name, url, mut client) in listening(&fair).await {
        fair.venues.set_mood(name, VenueMood::Garbage);
        let garbage = async |client: &mut Client| {
            while serde_json::from_str::<Value>(&client.text().await.unwrap()).is_ok() {}
        };
        timeout(PATIENCE, garbage(&mut client)).await.unwrap();
        timeout(PATIENCE, garbage(&mut Client::connect(&url).await)).await.unwrap();
        fair.venues.set_mood(name, VenueMood::Honest);
        while serde_json::from_str::<Value>(&client.text().await.unwrap()).is_err() {}
    }
}

#[tokio::test]
async fn a_skewed_venue_has_a_wrong_clock() {
    let fair = Fair::open().await;
    let [_, (_, _, mut coinbase), _] = listening(&fair).await;
    fair.venues.set_mood(VenueName::Coinbase, VenueMood::Skewed(-86_400));
    coinbase
        .json_with(|said| {
            let at = chrono::DateTime::parse_from_rfc3339(said["time"].as_str().unwrap()).unwrap().timestamp();
            (85_000..90_000).contains(&fair.clock.now().secs().saturating_sub(at.unsigned_abs()))
        })
        .await;
}

#[tokio::test]
async fn everything_ends_with_the_last_handle() {
    let fair = Fair::open().await;
    let urls = fair.urls().clone();
    let hermes = reqwest::Client::new();
    let page = format!("{}/v2/updates/price/stream?ids[]={}", urls.hermes, hermes::USDC);
    let mut events = hermes.get(page).bearer_auth(HERMES_KEY).send().await.unwrap();
    assert!(events.chunk().await.unwrap().is_some());
    let clients = listening(&fair).await;
    let twin = fair.venues.clone();
    drop(fair);
    let [(_, _, mut kraken), (_, _, mut coinbase), (_, _, mut binance)] = clients;
    coinbase.json_with(|said| said["type"] == "heartbeat").await;
    drop(twin);
    for client in [&mut kraken, &mut coinbase, &mut binance] {
        while client.text().await.is_some() {}
    }
    while matches!(timeout(PATIENCE, events.chunk()).await.unwrap(), Ok(Some(_))) {}
    for url in [urls.kraken, urls.coinbase, urls.binance] {
        assert!(matches!(connect_async(url).await, Err(Error::Io(_))));
    }
    let gone = async {
        while hermes.get(&urls.hermes).send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}
