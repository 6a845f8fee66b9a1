//! Venues that quote the market of a world.

use std::time::Duration;

use serde_json::Value;

use super::world;
use crate::devnet::coins::Coin;
use crate::devnet::scenario::{Action, Scenario, Step, play};
use crate::devnet::venues::{HERMES_KEY, VenueMood, VenueName};

const USDC: &str = "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a";

#[tokio::test]
async fn the_venues_quote_the_worlds_market_and_a_story_sets_their_moods() {
    let world = world().await;
    let venues = world.open_venues().await.unwrap();
    let page = format!("{}/v2/updates/price/latest?ids[]={USDC}", venues.urls().hermes);
    let client = reqwest::Client::new();
    let hears = async |low: f64, high: f64| {
        let asking = async {
            loop {
                let answer = client.get(&page).bearer_auth(HERMES_KEY).send().await.unwrap();
                let update: Value = answer.json().await.unwrap();
                let price: f64 = update["parsed"][0]["price"]["price"].as_str().unwrap().parse().unwrap();
                if (low..high).contains(&(price / 1e8)) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.unwrap();
    };
    hears(0.999, 1.001).await;
    world.set_price(Coin::Usdc, 0.9).await;
    hears(0.899, 0.901).await;
    let action = Action::Venue(VenueName::Pyth, VenueMood::Lies(0.99));
    let steps = vec![Step { at: Duration::ZERO, narration: "Pyth lies.", action }];
    let story = Scenario { name: "lie", about: "A lie.", steps, length: Duration::from_secs(1) };
    play(&story, &world, |_| {}, |_| {}).await.unwrap();
    hears(0.989, 0.991).await;
}
