//! What the tests of several exchanges share.

use std::fmt::Debug;
use std::time::Duration;

use proptest::prelude::*;

use crate::domain::reading::{BookTop, ReadingFault};
use crate::domain::units::{Price, Timestamp};
use crate::sources::venue::{Heard, Protocol};

/// What the policy clock shows: 14 November 2023, 22:13:20 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// So many seconds from now.
pub(super) fn later(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

/// JSON values that are no price.
pub(super) const NO_PRICES: [&str; 24] = [
    "null",
    "true",
    "{}",
    "[]",
    "[0.99]",
    "\"\"",
    "\"abc\"",
    "-1",
    "\"-0.99\"",
    "0",
    "\"0.000\"",
    "1e400",
    "\"1e400\"",
    "9.9e-1",
    "1000000000000000000000000000000000000000000000000000000000000",
    "\"1000000000000000\"",
    "\"NaN\"",
    "\"Infinity\"",
    "\"-Infinity\"",
    "\"0x1\"",
    "\" 0.99\"",
    "\"0,99\"",
    "\"0.99.1\"",
    "\".99\"",
];

/// What is no JSON, or none of a book.
pub(super) const NO_MESSAGES: [&str; 16] = [
    "",
    " ",
    "garbage",
    "{",
    "}",
    "[",
    "\"",
    "{\"bid\":NaN}",
    "{\"bid\":Infinity}",
    "{\"a\":1,}",
    "<html>502 Bad Gateway</html>",
    "\u{0}",
    "\u{feff}{}",
    "{} {}",
    "{\"channel\":\"ticker\"",
    "{\"type\":\"ticker\",\"type\":\"ticker\"",
];

/// The top of a book at these prices, with 5000 tokens on either side.
pub(super) fn top(bid: &str, ask: &str, at: Timestamp) -> BookTop {
    let size = 5_000_000_000_000_000_000_000;
    BookTop { bid: price(bid), bid_size: size, ask: price(ask), ask_size: size, at }
}

pub(super) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

/// Whether it is a word that cannot be believed.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "it is called with what was just heard")]
pub(super) fn bad(heard: Heard, of: impl Debug) {
    assert!(matches!(heard, Heard::Bad(ReadingFault::Garbled(_))), "{heard:?} of {of:?}");
}

/// Whatever stands in an array a hundred thousand levels deep.
pub(super) fn nested() -> String {
    format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))
}

/// A protocol that has heard all this, at one second after another, and what the last message was to it.
pub(super) fn heard(protocol: &mut dyn Protocol, messages: &[&str]) -> Heard {
    let mut last = Heard::Nothing;
    for (secs, message) in (0..).zip(messages) {
        last = protocol.hear(message, later(secs));
    }
    last
}

/// A JSON value in the place of a number, and whether it is a price.
pub(super) fn word() -> impl Strategy<Value = (String, bool)> {
    const GOOD: &[&str] = &["1", "0.9987", "\"0.9987\"", "\"1000000\"", "0.000000000000000001", "999999999999999"];
    let good = proptest::sample::select(GOOD).prop_map(|text: &str| (text.to_owned(), true));
    // Nothing is a size too.
    let no_size: Vec<&str> = NO_PRICES.into_iter().filter(|text| !["0", "\"0.000\""].contains(text)).collect();
    let poor = proptest::sample::select(no_size).prop_map(|text| (text.to_owned(), false));
    prop_oneof![4 => good, 1 => poor]
}
