//! Binance, spot: the stream `usdcusdt@bookTicker`, raw at `/ws/…` and wrapped with its name at `/stream?streams=…`. Streams are named
//! in the address or asked for later. A stream that does not exist is taken, and nothing ever comes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::Uri;

use super::socket::Dialect;
use super::tape::{Quote, Tape};

/// Where the counter of updates begins: the book has a long past.
const FIRST_UPDATE: u64 = 11_000_000_000;

/// A connection.
pub(super) struct Binance {
    streams: BTreeSet<String>,
    /// Whether the name of its stream stands around a message.
    wrapped: bool,
}

impl Dialect for Binance {
    const PING: Option<Duration> = Some(Duration::from_secs(20));

    fn open(address: &Uri) -> Option<Self> {
        // A client may write the sign between symbol and channel either way.
        let streams =
            |list: &str| list.replace("%40", "@").split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let path = address.path();
        if path == "/stream" {
            let list = address.query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("streams="));
            return Some(Self { streams: streams(list.unwrap_or_default()), wrapped: true });
        }
        let list = path.strip_prefix("/ws").filter(|list| list.is_empty() || list.starts_with('/'))?;
        Some(Self { streams: streams(list), wrapped: false })
    }

    fn greet(&mut self, tape: &Tape) -> Vec<String> {
        self.tell(tape)
    }

    fn hear(&mut self, text: &str, _tape: &Tape) -> Vec<String> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let names = request.get("params").and_then(Value::as_array).into_iter().flatten();
        let names = names.filter_map(Value::as_str).map(str::to_owned);
        let result = match request.get("method").and_then(Value::as_str) {
            Some("SUBSCRIBE") => {
                self.streams.extend(names);
                Value::Null
            }
            Some("UNSUBSCRIBE") => {
                for name in names {
                    self.streams.remove(&name);
                }
                Value::Null
            }
            Some("LIST_SUBSCRIPTIONS") => json!(self.streams),
            _ => return vec![json!({ "error": { "code": 2, "msg": "Invalid request: unknown variant" } }).to_string()],
        };
        vec![json!({ "result": result, "id": request.get("id") }).to_string()]
    }

    fn tell(&mut self, tape: &Tape) -> Vec<String> {
        let mut lines = Vec::new();
        for quote in &tape.quotes {
            let stream = format!("{}@bookTicker", quote.pair.name.to_ascii_lowercase());
            if self.streams.contains(&stream) {
                let data = book_ticker(quote, tape);
                lines.push(if self.wrapped { json!({ "stream": stream, "data": data }) } else { data }.to_string());
            }
        }
        lines
    }
}

fn book_ticker(quote: &Quote, tape: &Tape) -> Value {
    // Everything has eight digits after the decimal point, whatever the smallest step of the book.
    let number = |number: f64| format!("{number:.8}");
    json!({
        "u": FIRST_UPDATE.saturating_add(tape.number),
        "s": quote.pair.name,
        "b": number(quote.bid),
        "B": number(quote.bid_size.round()),
        "a": number(quote.ask),
        "A": number(quote.ask_size.round()),
    })
}
