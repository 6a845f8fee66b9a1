use proptest::prelude::*;

use super::*;
use crate::sources::testing::{NO_MESSAGES, NO_PRICES, NOW, bad, later, nested, top, word};

const AT: [&str; 3] = ["2023-11-14T22:13:20.000000Z", "2023-11-14T22:13:21.000000Z", "2023-11-14T22:13:22.000000Z"];

/// A ticker with sizes of 5000 after the trade of the same number.
fn ticker(number: u64, bid: &str, ask: &str, at: &str) -> String {
    full(&number.to_string(), bid, "\"5000.0\"", ask, "\"5000.0\"", &format!("\"{at}\""))
}

fn full(sequence: &str, bid: &str, bid_size: &str, ask: &str, ask_size: &str, at: &str) -> String {
    format!(
        r#"{{"type":"ticker","sequence":{sequence},"product_id":"USDT-USD","price":"0.5","best_bid":{bid},"best_bid_size":{bid_size},"best_ask":{ask},"best_ask_size":{ask_size},"side":"buy","time":{at},"trade_id":{sequence},"last_size":"1"}}"#
    )
}

fn beat(trade: &str) -> String {
    format!(r#"{{"type":"heartbeat","sequence":1,"last_trade_id":{trade},"product_id":"USDT-USD","time":"{}"}}"#, AT[0])
}

fn begun() -> Coinbase {
    let mut coinbase = Coinbase::new("USDT-USD");
    let first = coinbase.hear(&ticker(100, "\"0.9990\"", "\"0.9992\"", AT[0]), NOW);
    assert_eq!(first, Heard::Top(top("0.9990", "0.9992", NOW)));
    coinbase
}

#[test]
fn it_asks_for_tickers_and_for_heartbeats() {
    let asked: serde_json::Value = serde_json::from_str(&Coinbase::new("USDT-USD").greet().unwrap()).unwrap();
    let expected = serde_json::json!({"type": "subscribe", "product_ids": ["USDT-USD"], "channels": ["ticker", "heartbeat"]});
    assert_eq!(asked, expected);
}

#[test]
fn tickers_are_a_book_and_a_heartbeat_repeats_none_of_it() {
    let mut coinbase = Coinbase::new("USDT-USD");
    let subscribed = r#"{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["USDT-USD"]}]}"#;
    assert_eq!(coinbase.hear(subscribed, NOW), Heard::Alive);
    assert_eq!(coinbase.hear(&beat("100"), NOW), Heard::Alive);
    let first = coinbase.hear(&ticker(100, "\"0.9990\"", "\"0.9992\"", AT[0]), NOW);
    assert_eq!(first, Heard::Top(top("0.9990", "0.9992", NOW)), "the middle of bid and ask, never the last trade");
    assert_eq!(coinbase.hear(&ticker(101, "\"0.98\"", "\"0.981\"", AT[1]), later(3)), Heard::Top(top("0.98", "0.981", later(1))));
    assert_eq!(coinbase.hear(&beat("101"), later(9)), Heard::Alive, "between two trades the book may move");
}

#[test]
fn other_products_are_passed_over() {
    let mut coinbase = begun();
    for message in [ticker(101, "\"0.5\"", "\"0.5\"", AT[1]), beat("999"), beat("999")] {
        assert_eq!(coinbase.hear(&message.replace("USDT-USD", "DAI-USD"), later(1)), Heard::Nothing);
    }
    assert_eq!(coinbase.hear(r#"{"type":"match","product_id":"USDT-USD"}"#, later(1)), Heard::Nothing);
}

#[test]
fn a_name_may_be_written_with_escapes() {
    let escaped = ticker(101, "\"0.98\"", "\"0.981\"", AT[1])
        .replace("USDT-USD", r"\u0055SDT-USD")
        .replace("\"ticker\"", r#""tick\u0065r""#);
    assert_eq!(begun().hear(&escaped, later(1)), Heard::Top(top("0.98", "0.981", later(1))));
}

#[test]
fn heartbeats_that_name_a_trade_nobody_told_of_end_the_connection() {
    let mut coinbase = begun();
    assert_eq!(coinbase.hear(&beat("101"), later(1)), Heard::Alive, "it may have overtaken its ticker");
    assert_eq!(coinbase.hear(&ticker(101, "\"0.98\"", "\"0.981\"", AT[1]), later(1)), Heard::Top(top("0.98", "0.981", later(1))));
    assert_eq!(coinbase.hear(&beat("102"), later(2)), Heard::Alive);
    assert_eq!(coinbase.hear(&beat("102"), later(3)), Heard::End(ReadingFault::Gap));
}

#[test]
fn a_refused_subscription_ends_the_connection() {
    let refused = r#"{"type":"error","message":"Failed to subscribe","reason":"XXX-USD is not a valid product"}"#;
    let heard = Coinbase::new("XXX-USD").hear(refused, NOW);
    assert!(matches!(&heard, Heard::End(ReadingFault::Garbled(words)) if words.contains("symbol")), "{heard:?}");
}

#[test]
fn whatever_is_no_number_is_refused_in_every_place() {
    let at = format!("\"{}\"", AT[1]);
    for number in NO_PRICES {
        for (bid, ask) in [(number, "\"0.9992\""), ("\"0.9990\"", number)] {
            bad(begun().hear(&full("101", bid, "\"1\"", ask, "\"1\"", &at), later(1)), number);
        }
    }
    for number in NO_PRICES.into_iter().filter(|number| !["0", "\"0.000\""].contains(number)) {
        for (bid, ask) in [(number, "\"1\""), ("\"1\"", number)] {
            bad(begun().hear(&full("101", "\"0.99\"", bid, "\"0.99\"", ask, &at), later(1)), number);
        }
    }
}

#[test]
fn garbage_is_refused() {
    for message in
        NO_MESSAGES.into_iter().chain([nested().as_str(), r#"{"type":7}"#, "{}", r#"{"type":"ticker","product_id":7}"#])
    {
        bad(begun().hear(message, later(1)), &message[..message.len().min(40)]);
    }
    for sequence in ["-1", "\"101\"", "1.5", "18446744073709551616", "null", "{}"] {
        bad(begun().hear(&full(sequence, "\"1\"", "\"1\"", "\"1\"", "\"1\"", &format!("\"{}\"", AT[1])), later(1)), sequence);
    }
    for at in ["7", "null", "\"\"", "\"yesterday\"", "\"2023-13-01T00:00:00Z\"", "\"1960-01-01T00:00:00Z\"", "[]"] {
        bad(begun().hear(&full("101", "\"1\"", "\"1\"", "\"1\"", "\"1\"", at), later(1)), at);
    }
    for trade in ["\"100\"", "-1", "1.5", "{}"] {
        bad(begun().hear(&beat(trade), later(1)), trade);
    }
    assert_eq!(begun().hear(&beat("null"), later(1)), Heard::Alive, "a product that has never traded names none");
}

#[test]
fn what_was_overtaken_or_comes_twice_changes_nothing() {
    let mut coinbase = begun();
    for number in [99, 100, 0] {
        assert_eq!(coinbase.hear(&ticker(number, "\"0.5\"", "\"0.6\"", AT[2]), later(2)), Heard::Nothing);
    }
}

#[test]
fn what_is_older_than_a_ticker_that_was_not_understood_is_not_taken_in_its_place() {
    let mut coinbase = begun();
    bad(coinbase.hear(&ticker(102, "\"x\"", "\"0.981\"", AT[1]), later(1)), "x");
    assert_eq!(coinbase.hear(&ticker(101, "\"0.98\"", "\"0.981\"", AT[1]), later(1)), Heard::Nothing);
    assert_eq!(coinbase.hear(&beat("102"), later(2)), Heard::Alive, "that trade was told of, badly");
}

#[test]
fn stamps_are_the_venues_and_are_passed_on() {
    for (at, stamp) in [("2033-05-18T03:33:20Z", 2_000_000_000), ("2001-09-09T01:46:40Z", 1_000_000_000)] {
        let expected = top("0.98", "0.981", Timestamp::from_secs(stamp));
        let heard = begun().hear(&ticker(101, "\"0.98\"", "\"0.981\"", at), later(1));
        assert_eq!(heard, Heard::Top(expected), "the caller holds it against a clock");
    }
}

proptest! {
    #[test]
    fn a_ticker_is_a_book_if_and_only_if_all_of_it_is(words in proptest::collection::vec(word(), 4), text in ".{0,200}", cut in 0usize..300) {
        let [bid, bid_size, ask, ask_size] = &words[..] else { unreachable!() };
        let whole = full("101", &bid.0, &bid_size.0, &ask.0, &ask_size.0, &format!("\"{}\"", AT[1]));
        let heard = begun().hear(&whole, later(1));
        prop_assert_eq!(matches!(heard, Heard::Top(_)), words.iter().all(|word| word.1), "{}", whole);
        for text in [text.as_str(), &whole[..cut.min(whole.len() - 1)]] {
            let heard = begun().hear(text, later(1));
            prop_assert!(matches!(heard, Heard::Bad(_)), "{:?} of {:?}", heard, text);
        }
    }

    #[test]
    fn a_later_number_is_the_only_one_that_counts(numbers in proptest::collection::vec(50u64..150, 0..20)) {
        let (mut coinbase, mut last) = (begun(), 100);
        for number in numbers {
            let heard = coinbase.hear(&ticker(number, "\"0.98\"", "\"0.981\"", AT[1]), later(1));
            prop_assert_eq!(matches!(heard, Heard::Top(_)), number > last);
            last = last.max(number);
        }
    }
}
