//! Kraken, version 2 of its WebSocket: one channel, `ticker`, with prices as JSON numbers. The first message for a symbol is a
//! snapshot; after that an update follows when bid or ask has changed, and a heartbeat when nothing has.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::http::Uri;

use super::socket::Dialect;
use super::tape::{Quote, Tape};

/// Where it is.
pub(super) const PATH: &str = "/v2";
const CHANNEL: &str = "ticker";

/// A connection.
pub(super) struct Kraken {
    /// By symbol, how far the client is: the number of the last move that it was told.
    told: BTreeMap<&'static str, u64>,
}

impl Dialect for Kraken {
    fn open(address: &Uri) -> Option<Self> {
        (address.path() == PATH).then(|| Self { told: BTreeMap::new() })
    }

    fn greet(&mut self, _tape: &Tape) -> Vec<String> {
        let system = json!({ "system": "online", "api_version": "v2", "connection_id": 12_393_906_104_898_154_338_u64, "version": "2.0.10" });
        vec![json!({ "channel": "status", "type": "update", "data": [system] }).to_string()]
    }

    fn hear(&mut self, text: &str, tape: &Tape) -> Vec<String> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let (method, params) = (word(&request, "method"), request.get("params").unwrap_or(&Value::Null));
        let mut answer = Answer { lines: Vec::new(), id: request.get("req_id").cloned(), method, tape };
        match method {
            "ping" => answer.push("pong", Map::new()),
            "subscribe" | "unsubscribe" if word(params, "channel") != CHANNEL => answer.refuse("Channel not supported", None),
            "subscribe" => {
                let snapshot = params.get("snapshot").and_then(Value::as_bool).unwrap_or(true);
                let trigger = params.get("event_trigger").and_then(Value::as_str).unwrap_or("trades");
                for symbol in symbols(params) {
                    self.subscribe(symbol, trigger, snapshot, &mut answer);
                }
            }
            "unsubscribe" => {
                for symbol in symbols(params) {
                    match self.told.remove(symbol) {
                        Some(_) => answer.grant(json!({ "channel": CHANNEL, "symbol": symbol })),
                        None => answer.refuse("Subscription Not Found", Some(symbol)),
                    }
                }
            }
            _ => answer.refuse("Malformed request", None),
        }
        answer.lines
    }

    fn tell(&mut self, tape: &Tape) -> Vec<String> {
        if self.told.is_empty() {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for quote in &tape.quotes {
            if let Some(told) = self.told.get_mut(quote.pair.name)
                && *told != quote.moves
            {
                *told = quote.moves;
                lines.push(ticker("update", quote, tape));
            }
        }
        if lines.is_empty() {
            lines.push(json!({ "channel": "heartbeat" }).to_string());
        }
        lines
    }
}

impl Kraken {
    fn subscribe(&mut self, symbol: &str, trigger: &str, snapshot: bool, answer: &mut Answer<'_>) {
        let Some(quote) = answer.tape.quote(symbol) else {
            return answer.refuse(&format!("Currency pair not supported {symbol}"), Some(symbol));
        };
        if self.told.insert(quote.pair.name, quote.moves).is_some() {
            return answer.refuse("Already subscribed", Some(symbol));
        }
        let result = json!({ "channel": CHANNEL, "event_trigger": trigger, "snapshot": snapshot, "symbol": symbol });
        answer.grant(result);
        if snapshot {
            answer.lines.push(ticker("snapshot", quote, answer.tape));
        }
    }
}

/// The answer to one request: a line for each symbol.
struct Answer<'a> {
    lines: Vec<String>,
    id: Option<Value>,
    method: &'a str,
    tape: &'a Tape,
}

impl Answer<'_> {
    fn push(&mut self, method: &str, mut line: Map<String, Value>) {
        line.insert("method".to_owned(), method.into());
        if let Some(id) = &self.id {
            line.insert("req_id".to_owned(), id.clone());
        }
        for stamp in ["time_in", "time_out"] {
            line.insert(stamp.to_owned(), self.tape.time().into());
        }
        self.lines.push(Value::Object(line).to_string());
    }

    fn grant(&mut self, result: Value) {
        self.push(self.method, Map::from_iter([("result".to_owned(), result), ("success".to_owned(), true.into())]));
    }

    fn refuse(&mut self, error: &str, symbol: Option<&str>) {
        let mut line = Map::from_iter([("error".to_owned(), error.into()), ("success".to_owned(), false.into())]);
        if let Some(symbol) = symbol {
            line.insert("symbol".to_owned(), symbol.into());
        }
        self.push(self.method, line);
    }
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn symbols(params: &Value) -> impl Iterator<Item = &str> {
    params.get("symbol").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn ticker(kind: &str, quote: &Quote, tape: &Tape) -> String {
    // Sizes have eight digits after the decimal point.
    let size = |size: f64| (size * 1e8).round() / 1e8;
    let data = json!({
        "symbol": quote.pair.name,
        "bid": quote.bid,
        "bid_qty": size(quote.bid_size),
        "ask": quote.ask,
        "ask_qty": size(quote.ask_size),
        "last": quote.bid,
        "volume": 21_504_361.482_55,
        "vwap": quote.bid,
        "low": quote.bid,
        "high": quote.ask,
        "change": 0.0,
        "change_pct": 0.0,
        "timestamp": tape.time(),
    });
    json!({ "channel": CHANNEL, "type": kind, "data": [data] }).to_string()
}
