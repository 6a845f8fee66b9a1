//! The parser alone.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::server::message;
use super::*;

fn parsed(quoted: &Value) -> Result<Estimate, ReadingFault> {
    payload::parse(&message(FEED, quoted), feed_id()).map(|found| found.expect("it is about our feed"))
}

fn good() -> Value {
    json!({ "price": "99990000", "conf": "50000", "expo": -8, "publish_time": NOW })
}

fn with(name: &str, value: Value) -> Value {
    let mut quoted = good();
    quoted[name] = value;
    quoted
}

#[test]
fn numbers_are_scaled_by_their_exponent() {
    let wad = |price: &str, conf: &str, expo: i64| {
        let found = parsed(&json!({ "price": price, "conf": conf, "expo": expo, "publish_time": NOW })).unwrap();
        (found.price.wad(), found.confidence)
    };
    assert_eq!(wad("99990000", "50000", -8), (999_900_000_000_000_000, 500_000_000_000_000));
    assert_eq!(wad("1", "0", 0), (WAD, 0));
    assert_eq!(wad("1", "1", -18), (1, 1));
    assert_eq!(wad("0000100", "007", -2), (WAD, 7 * WAD / 100));
    assert_eq!(wad(&u128::MAX.to_string(), &u128::MAX.to_string(), -18), (u128::MAX, u128::MAX));
    assert_eq!(parsed(&good()).unwrap().at, Timestamp::from_secs(NOW));
}

#[test]
fn what_is_no_price_is_a_fault_by_name() {
    let label = |quoted: Value| parsed(&quoted).unwrap_err().label();
    let huge = "9".repeat(76);
    for (name, value, expected) in [
        ("price", json!("0"), "not_positive"),
        ("price", json!("-0"), "not_positive"),
        ("price", json!("-99990000"), "not_positive"),
        ("price", json!(format!("-{huge}")), "not_positive"),
        ("price", json!(huge), "overflow"),
        ("price", json!(u128::MAX.to_string()), "overflow"),
        ("price", json!("9".repeat(77)), "garbled"),
        ("price", json!("9".repeat(100_000)), "garbled"),
        ("price", json!(99_990_000), "garbled"),
        ("price", json!(0.9999), "garbled"),
        ("price", json!(null), "garbled"),
        ("price", json!([]), "garbled"),
        ("price", json!({}), "garbled"),
        ("price", json!(true), "garbled"),
        ("price", json!(""), "garbled"),
        ("price", json!("-"), "garbled"),
        ("price", json!("--1"), "garbled"),
        ("price", json!("+1"), "garbled"),
        ("price", json!(" 1"), "garbled"),
        ("price", json!("1_000"), "garbled"),
        ("price", json!("0x10"), "garbled"),
        ("price", json!("1.0"), "garbled"),
        ("price", json!("1e8"), "garbled"),
        ("price", json!("NaN"), "garbled"),
        ("price", json!("١"), "garbled"),
        ("conf", json!(huge), "overflow"),
        ("conf", json!("-1"), "garbled"),
        ("conf", json!(50_000), "garbled"),
        ("conf", json!("x"), "garbled"),
        ("expo", json!(1), "garbled"),
        ("expo", json!(-19), "garbled"),
        ("expo", json!(i64::MIN), "garbled"),
        ("expo", json!(u64::MAX), "garbled"),
        ("expo", json!("-8"), "garbled"),
        ("expo", json!(-8.0), "garbled"),
        ("expo", json!(null), "garbled"),
        ("publish_time", json!(0), "no_round"),
        ("publish_time", json!(-1), "garbled"),
        ("publish_time", json!(u64::MAX), "garbled"),
        ("publish_time", json!(253_402_300_800u64), "garbled"),
        ("publish_time", json!("1700000000"), "garbled"),
        ("publish_time", json!(1.5), "garbled"),
    ] {
        assert_eq!(
            label(with(name, value.clone())),
            expected,
            "{name} {}",
            value.to_string().chars().take(90).collect::<String>()
        );
    }
    for name in ["price", "conf", "expo", "publish_time"] {
        let mut quoted = good();
        quoted.as_object_mut().unwrap().remove(name);
        assert_eq!(label(quoted), "garbled", "without {name}");
    }
    for quoted in [json!(null), json!("1"), json!([1]), json!(1)] {
        assert_eq!(label(quoted), "garbled");
    }
    assert!(parsed(&with("publish_time", json!(253_402_300_799u64))).is_ok());
}

#[test]
fn a_message_about_nobody_or_others_says_nothing() {
    let parse = |text: &str| payload::parse(text, feed_id());
    assert_eq!(parse("{\"parsed\":[]}"), Ok(None));
    assert_eq!(parse(&message(OTHER, &good())), Ok(None));
    assert_eq!(parse("{\"parsed\":[null,1,\"x\",[],{},{\"id\":1},{\"id\":\"eaa0\"}]}"), Ok(None));
    assert!(parse(&format!("{{\"parsed\":[{{\"id\":\"{FEED}\"}}]}}")).is_err());
    for text in ["", " ", "null", "1", "\"\"", "[]", "{", "{\"parsed\":{}}", "{\"parsed\":1e999}", "\u{feff}{}"] {
        assert_eq!(parse(text).unwrap_err().label(), "garbled", "{text}");
    }
    let deep = format!("{{\"parsed\":[{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse(&deep).unwrap_err().label(), "garbled");
}

proptest! {
    #[test]
    fn whatever_comes_it_does_not_panic(text in ".*", quoted in "[-+0-9eE.]{0,90}", expo in any::<i64>(), at in any::<i64>()) {
        let _ = payload::parse(&text, feed_id());
        let _ = parsed(&json!({ "price": quoted, "conf": quoted, "expo": expo, "publish_time": at }));
    }

    #[test]
    fn scaling_loses_no_digit(price in 1u64.., conf in any::<u64>(), decimals in 0u32..=18) {
        let quoted = json!({
            "price": price.to_string(), "conf": conf.to_string(), "expo": -i64::from(decimals), "publish_time": NOW
        });
        let found = parsed(&quoted).unwrap();
        let scale = 10u128.pow(18 - decimals);
        prop_assert_eq!((found.price.wad() / scale, found.price.wad() % scale), (u128::from(price), 0));
        prop_assert_eq!((found.confidence / scale, found.confidence % scale), (u128::from(conf), 0));
    }
}
