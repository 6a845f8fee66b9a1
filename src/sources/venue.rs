//! What a protocol of an exchange is: pure, text in, the top of the book out.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::reading::{BookTop, ReadingFault};
use crate::domain::units::{Price, Timestamp, decimal_wad};

/// A protocol with what it remembers of one connection.
pub trait Protocol: Send {
    /// What to say once the connection is open.
    fn greet(&self) -> Option<String>;
    /// Understands a message.
    fn hear(&mut self, text: &str, now: Timestamp) -> Heard;
    /// Something has come that cannot be read. It may have been a price: what was said before it does not stand any more.
    fn forget(&mut self) {}
    /// The server has answered a ping, or sent one. For most protocols that proves a server and not that prices still come; one that has
    /// no other sign of life repeats its last word.
    fn pong(&mut self, _now: Timestamp) -> Heard {
        Heard::Nothing
    }
}

/// What a message was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that concerns us.
    Nothing,
    /// A sign of life.
    Alive,
    /// The best bid and ask.
    Top(BookTop),
    /// Nothing has changed: the last best bid and ask still stand.
    Still(BookTop),
    /// It cannot be believed; the next one may.
    Bad(ReadingFault),
    /// Nothing good can come of this connection any more.
    End(ReadingFault),
}

/// A number as the venue wrote it, within quotes or without: no digit of it passes through a float.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Number<'a>(#[serde(borrow)] &'a RawValue);

impl Number<'_> {
    fn text(&self) -> &str {
        let text = self.0.get();
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
    }

    /// A price above zero.
    pub(super) fn price(&self, what: &str) -> Result<Price, ReadingFault> {
        Price::parse(self.text()).ok_or_else(|| self.refuse(what, "a price above zero"))
    }

    /// A size in 1e18-scaled tokens; zero is one.
    pub(super) fn size(&self, what: &str) -> Result<u128, ReadingFault> {
        decimal_wad(self.text()).ok_or_else(|| self.refuse(what, "a size"))
    }

    fn refuse(&self, what: &str, expected: &str) -> ReadingFault {
        // What a stranger wrote is repeated only where it looks like a number, and then in part: it may be a secret of ours, or long.
        let digits = |c: char| c.is_ascii_digit() || "\"+-.eE".contains(c);
        let found = match self.0.get() {
            text if text.chars().all(digits) => format!("`{}`", text.chars().take(24).collect::<String>()),
            text if text.starts_with('"') => "another text".to_owned(),
            text if text.starts_with('{') => "an object".to_owned(),
            text if text.starts_with('[') => "a list".to_owned(),
            _ => "null, true or false".to_owned(),
        };
        ReadingFault::Garbled(format!("{what} is {found}, expected {expected}"))
    }
}

/// A JSON object. serde would take a list for one as well, by the places of its fields, which no venue means.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ReadingFault> {
    let parsed = serde_json::from_str(text).map_err(|fault| garbled(&fault))?;
    if text.trim_ascii_start().starts_with('{') {
        Ok(parsed)
    } else {
        Err(ReadingFault::Garbled("a message that is no object".to_owned()))
    }
}

/// What serde says of a message that it cannot read, without the message.
pub(super) fn garbled(fault: &serde_json::Error) -> ReadingFault {
    let what = match fault.classify() {
        serde_json::error::Category::Data => "a message of another form",
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "no JSON",
        serde_json::error::Category::Io => "nothing that can be read",
    };
    ReadingFault::Garbled(format!("{what}, at line {} column {}", fault.line(), fault.column()))
}

/// A stamp in the form of RFC 3339.
pub(super) fn stamp(text: &str) -> Result<Timestamp, ReadingFault> {
    let millis = chrono::DateTime::parse_from_rfc3339(text).ok().and_then(|at| u64::try_from(at.timestamp_millis()).ok());
    millis.map(Timestamp::from_millis).ok_or_else(|| ReadingFault::Garbled("its time is none".to_owned()))
}
