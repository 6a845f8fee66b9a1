//! Kraken's websocket, version 2: the channel `ticker`, told at every change of the best bid or offer. Prices are JSON numbers.
//!
//! While nothing changes there is a heartbeat about once a second; it says that the last word still stands.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::socket::{BookSettings, BookStream};
use super::venue::{Heard, Number, Protocol, garbled, object, stamp};
use crate::domain::reading::{BookTop, ReadingFault};
use crate::domain::units::Timestamp;

/// The address of the real one.
pub const KRAKEN: &str = "wss://ws.kraken.com/v2";

/// The book of one pair: `USDC/USD`.
///
/// # Errors
/// The address is none of a websocket.
pub fn stream(settings: BookSettings) -> Result<BookStream, String> {
    BookStream::new(settings, "", |symbol| Box::new(Kraken::new(symbol)))
}

#[derive(Deserialize)]
struct Message<'a> {
    channel: Option<Cow<'a, str>>,
    method: Option<Cow<'a, str>>,
    success: Option<bool>,
    #[serde(rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    bid: Number<'a>,
    #[serde(borrow)]
    bid_qty: Number<'a>,
    #[serde(borrow)]
    ask: Number<'a>,
    #[serde(borrow)]
    ask_qty: Number<'a>,
    timestamp: Option<Cow<'a, str>>,
}

/// One pair on one connection.
pub struct Kraken {
    symbol: String,
    /// There has been a snapshot.
    begun: bool,
    /// The last word, if it could be understood, and when it came.
    last: Option<(BookTop, Timestamp)>,
    /// When the venue wrote it.
    written: Timestamp,
    /// What it was told to be of.
    told: Timestamp,
}

impl Kraken {
    /// The protocol of one pair.
    #[must_use]
    pub fn new(symbol: &str) -> Self {
        Self { symbol: symbol.to_owned(), begun: false, last: None, written: Timestamp::default(), told: Timestamp::default() }
    }

    fn understand(&mut self, text: &str, now: Timestamp) -> Result<Heard, ReadingFault> {
        let message: Message<'_> = object(text)?;
        match (message.channel.as_deref(), message.method.as_deref()) {
            (Some("heartbeat"), _) => Ok(match self.last {
                // It has lain on its way for as long as the word that it repeats.
                Some((last, heard)) => {
                    let at = last.at.plus(now.since(heard));
                    self.told = at.min(now);
                    Heard::Still(BookTop { at, ..last })
                }
                None => Heard::Alive,
            }),
            (Some("ticker"), _) => self.ticker(&message, now),
            (_, Some("subscribe")) if message.success == Some(false) => {
                Ok(Heard::End(ReadingFault::Garbled("it refuses the subscription: is the symbol right?".to_owned())))
            }
            (_, Some("subscribe")) => Ok(Heard::Alive),
            _ => Ok(Heard::Nothing),
        }
    }

    fn ticker(&mut self, message: &Message<'_>, now: Timestamp) -> Result<Heard, ReadingFault> {
        let data = message.data.map_or("null", RawValue::get);
        let tickers: Vec<&RawValue> = serde_json::from_str(data).map_err(|fault| garbled(&fault))?;
        let tickers: Vec<Ticker<'_>> = tickers.into_iter().map(|ticker| object(ticker.get())).collect::<Result<_, _>>()?;
        let Some(ticker) = tickers.iter().rfind(|ticker| ticker.symbol == self.symbol) else { return Ok(Heard::Nothing) };
        let snapshot = message.kind.as_deref() == Some("snapshot");
        if !self.begun && !snapshot {
            // It changes something that we have never heard of.
            return Ok(Heard::Nothing);
        }
        self.begun = true;
        let stamped = ticker.timestamp.as_deref().map(stamp).transpose()?;
        if !snapshot && stamped.is_some_and(|at| at < self.written) {
            // It was overtaken by a later word.
            return Ok(Heard::Nothing);
        }
        let stamped = stamped.unwrap_or(now);
        // One wrong stamp of the future must not shut out the right ones that follow.
        self.written = stamped.min(now);
        // A snapshot answers us now, however long ago the book last changed. After that no time is before one that was told: our clock
        // may be ahead of the venue's, and some messages are quicker than others.
        let at = stamped.max(if snapshot { now } else { self.told });
        self.told = at.min(now);
        let top = BookTop {
            bid: ticker.bid.price("bid")?,
            bid_size: ticker.bid_qty.size("bid_qty")?,
            ask: ticker.ask.price("ask")?,
            ask_size: ticker.ask_qty.size("ask_qty")?,
            at,
        };
        self.last = Some((top, now));
        Ok(Heard::Top(top))
    }
}

impl Protocol for Kraken {
    fn greet(&self) -> Option<String> {
        let params = serde_json::json!({
            "channel": "ticker", "symbol": [self.symbol], "event_trigger": "bbo", "snapshot": true,
        });
        Some(serde_json::json!({ "method": "subscribe", "params": params }).to_string())
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
}
