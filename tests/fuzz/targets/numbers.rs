//! Decimal numbers out of foreign texts: what is read is what was written, to the last digit that there is room for.
#![no_main]

use ballast::domain::units::{Price, decimal_wad};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(wad) = decimal_wad(text) else {
        assert!(Price::parse(text).is_none());
        return;
    };
    assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    let price = Price::parse(text);
    assert_eq!(price.map(Price::wad), (wad > 0).then_some(wad));
    if let Some(price) = price {
        assert_eq!(Price::parse(&price.exactly()), Some(price));
        let digits = |text: &str| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let fraction: String = fraction.chars().take(18).collect();
            (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
        };
        assert_eq!(digits(&price.exactly()), digits(text));
    }
});
