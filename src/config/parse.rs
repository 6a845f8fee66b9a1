//! From text to one typed value, exactly: no number passes through a float. A parser says what it expects and how to mend what
//! it refuses; the empty text is always refused, which is how a missing key learns what it should have been.

pub(super) mod keys;

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use alloy_primitives::Address;
use reqwest::Url;

use crate::domain::finality::Finality;
use crate::domain::route::Route;
use crate::domain::units::{GasPrice, Price, Wei, Weight};

/// What the address of a journal in a file begins with; a plain path follows.
pub(super) const SQLITE: &str = "sqlite:";

/// Why a text is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What would be.
    pub(super) expected: String,
    /// What to do.
    pub(super) mend: String,
}

/// A value, or why there is none.
pub(super) type Parsed<T> = Result<T, Refusal>;

pub(super) fn refuse<T>(expected: impl Into<String>, mend: impl Into<String>) -> Parsed<T> {
    Err(Refusal { expected: expected.into(), mend: mend.into() })
}

/// A text that is not empty.
pub(super) fn text(text: &str) -> Parsed<String> {
    if text.trim().is_empty() { refuse("a text", "write a value") } else { Ok(text.to_owned()) }
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Parsed<bool> {
    text.parse().or_else(|_| refuse("true or false", "write true or false, without quotes"))
}

/// A whole number from `low` to `high`.
pub(super) fn whole<T: FromStr + PartialOrd + Display + Copy>(low: T, high: T) -> impl Fn(&str) -> Parsed<T> {
    move |text| match text.parse::<T>() {
        Ok(number) if number >= low && number <= high => Ok(number),
        _ => refuse(format!("a whole number from {low} to {high}"), "write a number in that range"),
    }
}

/// A duration with its unit, from `low` to `high`.
pub(super) fn duration(low: Duration, high: Duration) -> impl Fn(&str) -> Parsed<Duration> {
    move |text| {
        let range = format!("from {} to {}", humantime::format_duration(low), humantime::format_duration(high));
        let expected = format!("a duration with its unit such as 30s, 10m or 4h, {range}");
        match humantime::parse_duration(text) {
            Ok(duration) if duration >= low && duration <= high && text != "0" => Ok(duration),
            Ok(_) if text != "0" => refuse(expected, "write a duration in that range"),
            _ if is_digits(text) => refuse(expected, format!("write \"{text}s\" if {text} seconds are meant")),
            _ => refuse(expected, "write a number and its unit: ms, s, m, h or d"),
        }
    }
}

/// A percentage with its sign, exact to 16 decimals, from `low` to `high` in basis points.
pub(super) fn percent(low: u32, high: u32) -> impl Fn(&str) -> Parsed<Weight> {
    let (low, high) = (Weight::from_bps(low), Weight::from_bps(high));
    move |text| {
        let expected = format!("a percentage with its sign such as 5%, from {} to {}", exactly(low), exactly(high));
        let Some(number) = text.strip_suffix('%') else {
            let plain = decimal(text, 16).is_some();
            let mend =
                if plain { format!("write \"{text}%\" if {text} percent is meant") } else { "write a number and a %".into() };
            return refuse(expected, mend);
        };
        match decimal(number.trim_end(), 16).map(Weight::from_wad) {
            Some(weight) if weight >= low && weight <= high => Ok(weight),
            Some(_) => refuse(expected, "write a percentage in that range"),
            None => refuse(expected, "write digits with at most 16 decimals and a %"),
        }
    }
}

/// Gwei for one unit of gas, exact to the wei, from `low` to `high`.
pub(super) fn gwei(low: GasPrice, high: GasPrice) -> impl Fn(&str) -> Parsed<GasPrice> {
    move |text| match decimal(text, 9).map(GasPrice::from_wei) {
        Some(price) if price >= low && price <= high => Ok(price),
        _ => refuse(
            format!("gwei as a plain number, from {} to {}", plain(low.wei(), 9), plain(high.wei(), 9)),
            "write a number such as 30 or 0.5, without a unit: the key names it",
        ),
    }
}

/// An amount of the chain's own coin, exact to the wei, from `low` to `high`.
pub(super) fn ether(low: Wei, high: Wei) -> impl Fn(&str) -> Parsed<Wei> {
    move |text| match decimal(text, 18).map(Wei::new) {
        Some(amount) if amount >= low && amount <= high => Ok(amount),
        _ => refuse(
            format!("ether as a decimal number, from {} to {}", plain(low.get(), 18), plain(high.get(), 18)),
            "write a number such as \"0.5\", without a unit: the key names it",
        ),
    }
}

/// Dollars for one token, more than none, exact to 18 decimals.
pub(super) fn dollars(text: &str) -> Parsed<Price> {
    decimal(text, 18)
        .and_then(Price::from_wad)
        .map_or_else(|| refuse("dollars as a decimal number above zero", "write a number such as \"0.2\""), Ok)
}

/// An address with its checksum, not zero.
pub(super) fn address(text: &str) -> Parsed<Address> {
    let expected = "a checksummed address: 0x and 40 hexadecimal digits in the EIP-55 mix of cases";
    let Ok(address) = Address::from_str(text) else {
        return refuse(expected, "copy the address from the chain's explorer, in quotes");
    };
    if address == Address::ZERO {
        return refuse(expected, "the zero address is nobody's; copy the real one");
    }
    let checksummed = address.to_checksum(None);
    if checksummed == text {
        Ok(address)
    } else {
        refuse(expected, format!("compare it with its source, then write {checksummed}"))
    }
}

/// A URL of one of the given schemes, with a host. Neither refusal repeats the text: it may carry an access token.
pub(super) fn url(schemes: &'static [&'static str]) -> impl Fn(&str) -> Parsed<String> {
    move |text| {
        let host = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)?.strip_prefix("://"));
        let good = host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', ':', '?', '#']));
        let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if good && plain && Url::parse(text).is_ok() {
            return Ok(text.to_owned());
        }
        refuse(format!("a URL that begins with {}", schemes.join(":// or ") + "://"), "write the whole URL, in quotes")
    }
}

/// Where a journal lies. No refusal repeats the text: it may hold a password.
pub(super) fn journal(text: &str) -> Parsed<String> {
    let expected = "sqlite:PATH, or the URL of a PostgreSQL database: postgres://USER@HOST/DATABASE";
    if let Some(path) = text.strip_prefix(SQLITE) {
        return match path {
            "" => refuse(expected, "write the path of a file after `sqlite:`, such as sqlite:ballast.db"),
            ":memory:" => refuse(expected, "a journal in memory forgets what was sent: write the path of a file"),
            path if path.starts_with("//") => refuse(expected, "write the path after `sqlite:`, with no `//` before it"),
            // How the file is opened decides whether it can be relied on, and is no setting.
            path if path.contains(['?', '#', '%']) || path.contains(char::is_control) => {
                refuse(expected, "write a plain path, without `?`, `#` and `%`: there are no parameters")
            }
            _ => Ok(text.to_owned()),
        };
    }
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return refuse(expected, "begin it with sqlite: or with postgres://");
    }
    // A socket in the file system is named in the query, and then there may be no host.
    let host = |url: &Url| url.host_str().is_some_and(|host| !host.is_empty()) || url.query_pairs().any(|(key, _)| key == "host");
    match Url::parse(text) {
        Ok(url) if host(&url) && !text.contains(char::is_whitespace) => Ok(text.to_owned()),
        _ => refuse(expected, "write the whole URL; what is no letter or digit in a password is written as % and two digits"),
    }
}

/// By which way the transactions of a class go.
pub(super) fn route(text: &str) -> Parsed<Route> {
    let blocks = text.strip_prefix("private-then-public-after-").and_then(|rest| rest.strip_suffix("-blocks"));
    match (text, blocks.map(whole(1, 1_000))) {
        ("public", _) => Ok(Route::Public),
        ("private", _) => Ok(Route::Private),
        (_, Some(Ok(after_blocks))) => Ok(Route::PrivateThenPublic { after_blocks }),
        _ => refuse(
            "public, private, or private-then-public-after-N-blocks with N from 1 to 1000",
            did_you_mean(text, &["public", "private"]).unwrap_or_else(|| "write one of the three".into()),
        ),
    }
}

/// When a block is final.
pub(super) fn finality(text: &str) -> Parsed<Finality> {
    if text == Finality::TAG {
        return Ok(Finality::Tag);
    }
    whole(1, 10_000)(text).map(Finality::Depth).or_else(|_| {
        refuse(
            format!("\"{}\", or a depth in blocks from 1 to 10000", Finality::TAG),
            "write the tag in quotes, or a number of blocks such as 64",
        )
    })
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        refuse(format!("one of: {}", list.join(", ")), did_you_mean(text, &list).unwrap_or_else(|| "write one of them".into()))
    }
}

/// Letters, digits and a few marks: what a name may be made of, so that metrics, URLs and variables can carry it.
pub(super) fn is_name(text: &str, marks: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    !text.is_empty() && text.len() <= 64 && text.chars().all(good) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// `digits` or `digits.digits` times 10^scale; `None` for anything else, for lost digits and for overflow.
pub(super) fn decimal(text: &str, scale: usize) -> Option<u128> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(units) || !is_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let padding = scale.checked_sub(fraction.len())?;
    format!("{units}{fraction}{}", "0".repeat(padding)).parse().ok()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A percentage as it would be written, without a digit too many or too few.
pub(super) fn exactly(weight: Weight) -> String {
    format!("{}%", plain(weight.wad(), 16))
}

/// The inverse of [`decimal`].
fn plain(number: u128, scale: usize) -> String {
    let digits = format!("{number:0>width$}", width = scale.saturating_add(1));
    let (units, fraction) = digits.split_at_checked(digits.len().saturating_sub(scale)).unwrap_or((&digits, ""));
    match fraction.trim_end_matches('0') {
        "" => units.to_owned(),
        fraction => format!("{units}.{fraction}"),
    }
}

/// A hint for a name that is close to one of those known.
pub(super) fn did_you_mean<S: AsRef<str>>(name: &str, known: &[S]) -> Option<String> {
    let reach = name.chars().count().div_ceil(3);
    let name = name.to_lowercase();
    known
        .iter()
        .map(|known| (distance(&name, &known.as_ref().to_lowercase()), known.as_ref()))
        .filter(|(distance, _)| *distance <= reach)
        .min()
        .map(|(_, known)| format!("did you mean `{known}`?"))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, from) in a.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at.saturating_add(1);
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let swap = diagonal.saturating_add(usize::from(from != *to));
            left = swap.min(left.saturating_add(1)).min(above.saturating_add(1));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
