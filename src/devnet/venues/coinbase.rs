//! Coinbase Exchange: the channels `ticker` and `heartbeat`, with prices as strings. Its own ticker speaks at each trade; here each
//! change of bid or ask is a trade.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::Uri;

use super::socket::Dialect;
use super::tape::{Quote, Tape};

/// Where the counters of a product begin: it has a long past.
const FIRST_SEQUENCE: u64 = 8_000_000_000;
const FIRST_TRADE: u64 = 150_000_000;
/// Orders that come and go between two tapes: the sequence counts them, and so never rises by one.
const ORDERS: u64 = 37;

/// A connection.
#[derive(Default)]
pub(super) struct Coinbase {
    /// By product, how far the client is: the number of the last move that it was told.
    tickers: BTreeMap<&'static str, u64>,
    heartbeats: BTreeSet<&'static str>,
    subscribed: bool,
}

/// A channel and a product, as a client asks for them.
type Wish = (Channel, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Channel {
    Ticker,
    Heartbeat,
}

impl Dialect for Coinbase {
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

    fn open(address: &Uri) -> Option<Self> {
        (address.path() == "/").then(Self::default)
    }

    fn greet(&mut self, _tape: &Tape) -> Vec<String> {
        Vec::new()
    }

    fn hear(&mut self, text: &str, tape: &Tape) -> Vec<String> {
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return vec![json!({ "type": "error", "message": "Malformed JSON" }).to_string()];
        };
        let subscribes = match request.get("type").and_then(Value::as_str) {
            Some("subscribe") => true,
            Some("unsubscribe") => false,
            _ => {
                let message = "Type has to be either subscribe or unsubscribe";
                return vec![json!({ "type": "error", "message": message }).to_string()];
            }
        };
        let wishes = match wishes(&request, tape) {
            Ok(wishes) => wishes,
            Err(reason) => {
                return vec![json!({ "type": "error", "message": "Failed to subscribe", "reason": reason }).to_string()];
            }
        };
        self.subscribed |= subscribes;
        for (channel, product) in wishes {
            match (channel, subscribes) {
                (Channel::Ticker, true) => {
                    // No move is told yet: the first one follows at once.
                    self.tickers.entry(product).or_default();
                }
                (Channel::Ticker, false) => {
                    self.tickers.remove(product);
                }
                (Channel::Heartbeat, true) => {
                    self.heartbeats.insert(product);
                }
                (Channel::Heartbeat, false) => {
                    self.heartbeats.remove(product);
                }
            }
        }
        let mut lines = vec![self.subscriptions()];
        lines.extend(self.news(tape));
        lines
    }

    fn tell(&mut self, tape: &Tape) -> Vec<String> {
        let mut lines = self.news(tape);
        lines.extend(tape.quotes.iter().filter(|quote| self.heartbeats.contains(quote.pair.name)).map(|quote| {
            json!({
                "type": "heartbeat",
                "sequence": sequence(tape),
                "last_trade_id": trade(quote),
                "product_id": quote.pair.name,
                "time": tape.time(),
            })
            .to_string()
        }));
        lines
    }

    fn is_subscribed(&self) -> bool {
        self.subscribed
    }
}

impl Coinbase {
    /// Everything that the client is subscribed to, after each request.
    fn subscriptions(&self) -> String {
        let tickers: Vec<&str> = self.tickers.keys().copied().collect();
        let channels = [("ticker", tickers), ("heartbeat", self.heartbeats.iter().copied().collect())];
        let channels: Vec<Value> = channels
            .into_iter()
            .filter(|(_, products)| !products.is_empty())
            .map(|(name, products)| json!({ "name": name, "product_ids": products, "account_ids": null }))
            .collect();
        json!({ "type": "subscriptions", "channels": channels }).to_string()
    }

    /// The tickers that have moved since the client was told.
    fn news(&mut self, tape: &Tape) -> Vec<String> {
        let mut lines = Vec::new();
        for quote in &tape.quotes {
            if let Some(told) = self.tickers.get_mut(quote.pair.name)
                && *told != quote.moves
            {
                *told = quote.moves;
                lines.push(ticker(quote, tape));
            }
        }
        lines
    }
}

/// What a request asks for: channels by name for the products of the request, or with products of their own.
fn wishes(request: &Value, tape: &Tape) -> Result<Vec<Wish>, String> {
    let mut wishes = Vec::new();
    let channels = request.get("channels").and_then(Value::as_array).ok_or("channels is missing")?;
    for entry in channels {
        let name = entry.as_str().or_else(|| entry.get("name")?.as_str()).unwrap_or_default();
        let channel = match name {
            "ticker" => Channel::Ticker,
            "heartbeat" => Channel::Heartbeat,
            other => return Err(format!("{other} is not a valid channel")),
        };
        let products = entry.get("product_ids").or_else(|| request.get("product_ids")).and_then(Value::as_array);
        let products = products.filter(|products| !products.is_empty());
        for product in products.ok_or_else(|| format!("You need to specify at least one product ID for channel {name}"))? {
            let product = product.as_str().unwrap_or_default();
            let quote = tape.quote(product).ok_or_else(|| format!("{product} is not a valid product"))?;
            wishes.push((channel, quote.pair.name));
        }
    }
    Ok(wishes)
}

const fn sequence(tape: &Tape) -> u64 {
    FIRST_SEQUENCE.saturating_add(tape.number.saturating_mul(ORDERS))
}

const fn trade(quote: &Quote) -> u64 {
    FIRST_TRADE.saturating_add(quote.moves)
}

fn ticker(quote: &Quote, tape: &Tape) -> String {
    let price = |price: f64| format!("{price:.5}");
    let size = |size: f64| format!("{size:.2}");
    json!({
        "type": "ticker",
        "sequence": sequence(tape),
        "product_id": quote.pair.name,
        "price": price(quote.bid),
        "open_24h": price(1.0),
        "volume_24h": "18204511.37",
        "low_24h": price(quote.bid),
        "high_24h": price(quote.ask),
        "volume_30d": "561204488.02",
        "best_bid": price(quote.bid),
        "best_bid_size": size(quote.bid_size),
        "best_ask": price(quote.ask),
        "best_ask_size": size(quote.ask_size),
        "side": "sell",
        "time": tape.time(),
        "trade_id": trade(quote),
        "last_size": "1204.55",
    })
    .to_string()
}
