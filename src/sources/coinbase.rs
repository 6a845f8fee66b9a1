//! Coinbase Exchange's websocket: the channels `ticker`, told at every trade with the best bid and offer after it, and `heartbeat`, once a
//! second. Prices are texts.
//!
//! Between two trades the book may move and nobody tells, so a heartbeat repeats nothing; it only proves that the feed is alive, and by
//! naming the last trade that none is missing.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Deserialize;

use super::socket::{BookSettings, BookStream};
use super::venue::{Heard, Number, Protocol, object, stamp};
use crate::domain::reading::{BookTop, ReadingFault};
use crate::domain::units::Timestamp;

/// The address of the real one.
pub const COINBASE: &str = "wss://ws-feed.exchange.coinbase.com";

/// So many heartbeats in a row that name a trade of which no ticker has told mean that tickers are missing. One may overtake its ticker.
const BEHIND: u32 = 2;

/// The book of one product: `USDT-USD`.
///
/// # Errors
/// The address is none of a websocket.
pub fn stream(settings: BookSettings) -> Result<BookStream, String> {
    BookStream::new(settings, "", |symbol| Box::new(Coinbase::new(symbol)))
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    product_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    sequence: u64,
    trade_id: Option<u64>,
    #[serde(borrow)]
    best_bid: Number<'a>,
    #[serde(borrow)]
    best_bid_size: Number<'a>,
    #[serde(borrow)]
    best_ask: Number<'a>,
    #[serde(borrow)]
    best_ask_size: Number<'a>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Heartbeat {
    last_trade_id: Option<u64>,
}

/// One product on one connection.
pub struct Coinbase {
    product: String,
    sequence: Option<u64>,
    trade: Option<u64>,
    behind: u32,
}

impl Coinbase {
    /// The protocol of one product.
    #[must_use]
    pub fn new(product: &str) -> Self {
        Self { product: product.to_owned(), sequence: None, trade: None, behind: 0 }
    }

    fn understand(&mut self, text: &str) -> Result<Heard, ReadingFault> {
        let message: Kind<'_> = object(text)?;
        let ours = message.product_id.as_deref() == Some(self.product.as_str());
        match message.kind.as_ref() {
            "ticker" if ours => self.ticker(&object(text)?),
            "heartbeat" if ours => Ok(self.heartbeat(&object(text)?)),
            "subscriptions" => Ok(Heard::Alive),
            "error" => Ok(Heard::End(ReadingFault::Garbled("it refuses the subscription: is the symbol right?".to_owned()))),
            _ => Ok(Heard::Nothing),
        }
    }

    fn ticker(&mut self, ticker: &Ticker<'_>) -> Result<Heard, ReadingFault> {
        if self.sequence.is_some_and(|last| ticker.sequence <= last) {
            // It was overtaken, or comes twice.
            return Ok(Heard::Nothing);
        }
        (self.sequence, self.trade, self.behind) = (Some(ticker.sequence), ticker.trade_id.or(self.trade), 0);
        let top = BookTop {
            bid: ticker.best_bid.price("best_bid")?,
            bid_size: ticker.best_bid_size.size("best_bid_size")?,
            ask: ticker.best_ask.price("best_ask")?,
            ask_size: ticker.best_ask_size.size("best_ask_size")?,
            at: stamp(&ticker.time)?,
        };
        Ok(Heard::Top(top))
    }

    fn heartbeat(&mut self, beat: &Heartbeat) -> Heard {
        let missing = beat.last_trade_id.zip(self.trade).is_some_and(|(named, told)| named > told);
        self.behind = if missing { self.behind.saturating_add(1) } else { 0 };
        if self.behind >= BEHIND { Heard::End(ReadingFault::Gap) } else { Heard::Alive }
    }
}

impl Protocol for Coinbase {
    fn greet(&self) -> Option<String> {
        let channels = ["ticker", "heartbeat"];
        Some(serde_json::json!({ "type": "subscribe", "product_ids": [self.product], "channels": channels }).to_string())
    }

    fn hear(&mut self, text: &str, _now: Timestamp) -> Heard {
        self.understand(text).unwrap_or_else(Heard::Bad)
    }
}
