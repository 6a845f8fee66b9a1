//! The venues as their clients see them: real connections, and a market without a world.

mod binance;
mod coinbase;
mod hermes;
mod kraken;
mod moods;
mod tape;

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::clock::ScaledClock;
use crate::devnet::coins::Coin;
use crate::devnet::market::{Market, Path, SharedMarket};

const START: Timestamp = Timestamp::from_secs(1_780_000_000);
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough that somebody who says something at each tick has said it, and short enough for a test.
const MANY_TICKS: Duration = Duration::from_millis(250);

/// The venues, and the market that they quote.
struct Fair {
    venues: Venues,
    market: SharedMarket,
    clock: Arc<ScaledClock>,
}

impl Fair {
    /// As fast as the demo's world.
    async fn open() -> Self {
        let clock = Arc::new(ScaledClock::new(START, 120.0).unwrap());
        let market = SharedMarket::new(Market::at_par(START, 3_000.0));
        let seen = market.clone();
        let policy = Arc::clone(&clock);
        let venues = Venues::start(policy, move |at| seen.past_prices(at), Some(HERMES_KEY)).await.unwrap();
        Self { venues, market, clock }
    }

    fn set_price(&self, coin: Coin, price: f64) {
        self.market.set_path(coin, Path::constant(price), self.clock.now());
    }

    fn urls(&self) -> &VenueUrls {
        self.venues.urls()
    }
}

/// A client of a venue that speaks over a WebSocket.
struct Client(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>);

impl Client {
    async fn connect(url: &str) -> Self {
        let connecting = Box::pin(connect_async(url));
        Self(Box::new(timeout(PATIENCE, connecting).await.unwrap().unwrap().0))
    }

    async fn say(&mut self, request: &Value) {
        self.0.send(Message::text(request.to_string())).await.unwrap();
    }

    /// The next text; nothing when the connection has ended.
    async fn text(&mut self) -> Option<String> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await.unwrap()).unwrap()
    }

    /// The first message of that sort; what comes before it is skipped.
    async fn json_with(&mut self, sort: impl Fn(&Value) -> bool) -> Value {
        timeout(PATIENCE, async {
            loop {
                let said = self.json().await;
                if sort(&said) {
                    return said;
                }
            }
        })
        .await
        .unwrap()
    }

    /// Whether nothing at all comes for many ticks.
    async fn hears_nothing(&mut self) -> bool {
        timeout(MANY_TICKS, self.0.next()).await.is_err()
    }

    /// Reads what is on its way, until nothing comes for many ticks.
    async fn drain(&mut self) {
        let draining = async { while let Ok(Some(Ok(_))) = timeout(MANY_TICKS, self.0.next()).await {} };
        timeout(PATIENCE, draining).await.unwrap();
        assert!(self.hears_nothing().await);
    }
}

/// The status with which a venue refuses a connection.
async fn refused(url: &str) -> Option<u16> {
    match timeout(PATIENCE, connect_async(url)).await.unwrap() {
        Err(Error::Http(response)) => Some(response.status().as_u16()),
        _ => None,
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

/// As near as noise, spread and the steps of a book allow on a quiet day.
fn near(found: &Value, price: f64) -> bool {
    (number(found) - price).abs() < 0.000_45
}

/// As near as in stress.
fn nearish(found: &Value, price: f64) -> bool {
    (number(found) - price).abs() < 0.002_5
}
