//! Binance's spot market: the stream `bookTicker`, told at every change of the best bid or offer. Prices are texts, and there is no time
//! in them: they are of the moment at which they arrive.
//!
//! A book that does not change says nothing and there is no heartbeat of the stream's own. That the server answers a ping is all that
//! can be had, so a pong says that the last word still stands.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::socket::{BookSettings, BookStream};
use super::venue::{Heard, Number, Protocol, object};
use crate::domain::reading::{BookTop, ReadingFault};
use crate::domain::units::Timestamp;

/// The address of the real one, for market data only.
pub const BINANCE: &str = "wss://data-stream.binance.vision";

/// The book of one pair: `USDCUSDT`.
///
/// # Errors
/// The address is none of a websocket.
pub fn stream(settings: BookSettings) -> Result<BookStream, String> {
    let path = format!("/ws/{}@bookTicker", settings.symbol.to_lowercase());
    BookStream::new(settings, &path, |symbol| Box::new(Binance::new(symbol)))
}

#[derive(Deserialize)]
struct Kind<'a> {
    /// The name of an event that is not of a book.
    e: Option<Cow<'a, str>>,
    /// The pair.
    s: Option<Cow<'a, str>>,
    /// The number of an update of a book.
    #[serde(borrow)]
    u: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    u: u64,
    #[serde(borrow)]
    b: Number<'a>,
    #[serde(borrow, rename = "B")]
    bid_size: Number<'a>,
    #[serde(borrow)]
    a: Number<'a>,
    #[serde(borrow, rename = "A")]
    ask_size: Number<'a>,
}

/// One pair on one connection.
pub struct Binance {
    symbol: String,
    update: Option<u64>,
    last: Option<BookTop>,
}

impl Binance {
    /// The protocol of one pair.
    #[must_use]
    pub fn new(symbol: &str) -> Self {
        Self { symbol: symbol.to_uppercase(), update: None, last: None }
    }

    fn understand(&mut self, text: &str, now: Timestamp) -> Result<Heard, ReadingFault> {
        let kind: Kind<'_> = object(text)?;
        match kind.data {
            Some(inner) => self.event(&object(inner.get())?, inner.get(), now),
            None => self.event(&kind, text, now),
        }
    }

    fn event(&mut self, kind: &Kind<'_>, text: &str, now: Timestamp) -> Result<Heard, ReadingFault> {
        match (kind.e.as_deref(), kind.s.as_deref()) {
            (Some("serverShutdown"), _) => Ok(Heard::End(ReadingFault::Disconnected("the server shuts down".to_owned()))),
            (None | Some("bookTicker"), Some(symbol)) if symbol == self.symbol => self.ticker(&object(text)?, now),
            (None | Some("bookTicker"), None) if kind.u.is_some() => {
                Err(ReadingFault::Garbled("a book that names no pair".to_owned()))
            }
            _ => Ok(Heard::Nothing),
        }
    }

    fn ticker(&mut self, ticker: &Ticker<'_>, now: Timestamp) -> Result<Heard, ReadingFault> {
        if self.update.is_some_and(|last| ticker.u <= last) {
            // It was overtaken, or comes twice.
            return Ok(Heard::Nothing);
        }
        self.update = Some(ticker.u);
        let top = BookTop {
            bid: ticker.b.price("b")?,
            bid_size: ticker.bid_size.size("B")?,
            ask: ticker.a.price("a")?,
            ask_size: ticker.ask_size.size("A")?,
            at: now,
        };
        self.last = Some(top);
        Ok(Heard::Top(top))
    }
}

impl Protocol for Binance {
    fn greet(&self) -> Option<String> {
        None
    }

    fn hear(&mut self, text: &str, now: Timestamp) -> Heard {
        self.understand(text, now).unwrap_or_else(|fault| {
            self.forget();
            Heard::Bad(fault)
        })
    }

    fn forget(&mut self) {
        self.last = None;
    }

    fn pong(&mut self, now: Timestamp) -> Heard {
        match &mut self.last {
            Some(last) => {
                last.at = now;
                Heard::Still(*last)
            }
            None => Heard::Nothing,
        }
    }
}
