use proptest::prelude::*;

use super::*;
use crate::sources::testing::{NO_MESSAGES, NO_PRICES, NOW, bad, heard, later, nested, top, word};

/// A ticker whose fields stand in a list.
const LISTED: &str = r#"{"channel":"ticker","type":"update","data":[["USDC/USD",0.97,5000,0.971,5000,null]]}"#;
const BEAT: &str = r#"{"channel":"heartbeat"}"#;

/// A ticker with sizes of 5000.
fn ticker(kind: &str, bid: &str, ask: &str, at: &str) -> String {
    full(kind, "\"USDC/USD\"", bid, "5000.0", ask, "5000.0", &format!("\"{at}\""))
}

fn full(kind: &str, symbol: &str, bid: &str, bid_qty: &str, ask: &str, ask_qty: &str, at: &str) -> String {
    format!(
        r#"{{"channel":"ticker","type":"{kind}","data":[{{"symbol":{symbol},"bid":{bid},"bid_qty":{bid_qty},"ask":{ask},"ask_qty":{ask_qty},"last":0.5,"volume":1.0,"timestamp":{at}}}]}}"#
    )
}

fn at(secs: u64) -> String {
    let at = chrono::DateTime::from_timestamp(i64::try_from(later(secs).secs()).unwrap(), 0).unwrap();
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

fn snapshot() -> String {
    ticker("snapshot", "0.9990", "0.9992", &at(0))
}

/// One that has had its snapshot.
fn begun() -> Kraken {
    let mut kraken = Kraken::new("USDC/USD");
    assert_eq!(kraken.hear(&snapshot(), NOW), Heard::Top(top("0.9990", "0.9992", NOW)));
    kraken
}

fn begun_with(message: &str) -> Kraken {
    let mut kraken = begun();
    assert!(matches!(kraken.hear(message, later(5)), Heard::Top(_)));
    kraken
}

#[test]
fn it_asks_for_every_change_of_the_best_bid_and_offer() {
    let asked: serde_json::Value = serde_json::from_str(&Kraken::new("USDC/USD").greet().unwrap()).unwrap();
    let params = serde_json::json!({"channel": "ticker", "symbol": ["USDC/USD"], "event_trigger": "bbo", "snapshot": true});
    assert_eq!(asked, serde_json::json!({"method": "subscribe", "params": params}));
}

#[test]
fn a_snapshot_an_update_and_a_heartbeat_are_a_book() {
    let mut kraken = Kraken::new("USDC/USD");
    let status = r#"{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2"}]}"#;
    assert_eq!(kraken.hear(status, NOW), Heard::Nothing);
    let granted = r#"{"method":"subscribe","result":{"channel":"ticker"},"success":true,"time_in":"","time_out":""}"#;
    assert_eq!(kraken.hear(granted, NOW), Heard::Alive);
    assert_eq!(kraken.hear(BEAT, NOW), Heard::Alive, "there is nothing yet that could stand");
    assert_eq!(kraken.hear(&snapshot(), NOW), Heard::Top(top("0.9990", "0.9992", NOW)));
    let update = ticker("update", "0.9800", "0.9802", &at(3));
    assert_eq!(kraken.hear(&update, later(4)), Heard::Top(top("0.9800", "0.9802", later(3))));
    assert_eq!(
        kraken.hear(BEAT, later(9)),
        Heard::Still(top("0.9800", "0.9802", later(8))),
        "it still stands, on the venue's clock"
    );
}

#[test]
fn before_the_snapshot_nothing_is_believed_and_other_pairs_never_are() {
    let mut kraken = Kraken::new("USDC/USD");
    assert_eq!(kraken.hear(&ticker("update", "0.9800", "0.9802", &at(0)), NOW), Heard::Nothing);
    assert_eq!(kraken.hear(BEAT, NOW), Heard::Alive);
    let mut kraken = begun();
    let other = full("update", "\"USDT/USD\"", "0.9", "1", "0.9", "1", &format!("\"{}\"", at(1)));
    assert_eq!(kraken.hear(&other, later(1)), Heard::Nothing);
    assert_eq!(kraken.hear(BEAT, later(2)), Heard::Still(top("0.9990", "0.9992", later(2))));
}

#[test]
fn a_name_may_be_written_with_escapes() {
    let mut kraken = Kraken::new("USDC/USD");
    let escaped = snapshot().replace("USDC/USD", r"\u0055SDC\/USD").replace("ticker", r"tick\u0065r");
    assert_eq!(kraken.hear(&escaped, NOW), Heard::Top(top("0.9990", "0.9992", NOW)));
}

#[test]
fn a_refused_subscription_ends_the_connection() {
    let refused = r#"{"error":"Currency pair not supported USDC/XXX","method":"subscribe","success":false,"symbol":"USDC/XXX"}"#;
    let heard = Kraken::new("USDC/XXX").hear(refused, NOW);
    assert!(matches!(&heard, Heard::End(ReadingFault::Garbled(words)) if words.contains("symbol")), "{heard:?}");
}

#[test]
fn whatever_is_no_number_is_refused_in_every_place_and_the_last_word_falls_with_it() {
    let stamp = format!("\"{}\"", at(1));
    for number in NO_PRICES {
        for place in 0..2 {
            let (bid, ask) = if place == 0 { (number, "0.9992") } else { ("0.9990", number) };
            let mut kraken = begun();
            bad(kraken.hear(&full("update", "\"USDC/USD\"", bid, "1.0", ask, "1.0", &stamp), later(1)), (number, place));
            assert_eq!(kraken.hear(BEAT, later(2)), Heard::Alive, "after {number} the last word does not stand");
        }
    }
    for number in NO_PRICES.into_iter().filter(|number| !["0", "\"0.000\""].contains(number)) {
        for (bid_qty, ask_qty) in [(number, "1.0"), ("1.0", number)] {
            bad(begun().hear(&full("update", "\"USDC/USD\"", "0.999", bid_qty, "0.999", ask_qty, &stamp), later(1)), number);
        }
    }
}

#[test]
fn garbage_is_refused_and_the_last_word_falls_with_it() {
    for message in NO_MESSAGES.into_iter().chain([nested().as_str(), r#"{"channel":"ticker","type":"update","data":{}}"#, LISTED])
    {
        let mut kraken = begun();
        bad(kraken.hear(message, later(1)), &message[..message.len().min(40)]);
        assert_eq!(kraken.hear(BEAT, later(2)), Heard::Alive, "after {:?}", &message[..message.len().min(40)]);
    }
    for symbol in ["7", "null", "[\"USDC/USD\"]", "{}"] {
        bad(begun().hear(&full("update", symbol, "1", "1", "1", "1", "null"), later(1)), symbol);
    }
    for stamp in ["7", "\"\"", "\"yesterday\"", "\"2023-13-01T00:00:00Z\"", "\"1960-01-01T00:00:00Z\"", "[]"] {
        let mut kraken = begun();
        bad(kraken.hear(&full("update", "\"USDC/USD\"", "0.9", "1", "0.9", "1", stamp), later(1)), stamp);
        assert_eq!(kraken.hear(BEAT, later(2)), Heard::Alive, "after {stamp}");
    }
}

#[test]
fn what_was_overtaken_changes_nothing_and_what_comes_twice_says_the_same() {
    let mut kraken = begun();
    let (newer, older) = (ticker("update", "0.98", "0.981", &at(5)), ticker("update", "0.99", "0.991", &at(4)));
    assert_eq!(kraken.hear(&newer, later(5)), Heard::Top(top("0.98", "0.981", later(5))));
    assert_eq!(kraken.hear(&older, later(6)), Heard::Nothing);
    assert_eq!(kraken.hear(BEAT, later(7)), Heard::Still(top("0.98", "0.981", later(7))));
    bad(kraken.hear(&ticker("update", "\"x\"", "0.9", &at(9)), later(9)), "x");
    assert_eq!(
        kraken.hear(&ticker("update", "0.9", "0.9", &at(8)), later(8)),
        Heard::Nothing,
        "older than one that was not understood"
    );
    assert_eq!(begun_with(&newer).hear(&newer, later(8)), Heard::Top(top("0.98", "0.981", later(5))));
}

#[test]
fn a_stamp_of_the_future_is_passed_on_and_shuts_nothing_out() {
    let mut kraken = begun();
    let wrong = ticker("update", "0.97", "0.971", &at(100_000));
    assert_eq!(
        kraken.hear(&wrong, later(1)),
        Heard::Top(top("0.97", "0.971", later(100_000))),
        "the caller holds it against a clock"
    );
    let right = ticker("update", "0.98", "0.981", &at(2));
    assert_eq!(kraken.hear(&right, later(2)), Heard::Top(top("0.98", "0.981", later(2))));
    assert_eq!(kraken.hear(&wrong, later(3)), Heard::Top(top("0.97", "0.971", later(100_000))));
    assert_eq!(
        kraken.hear(BEAT, later(4)),
        Heard::Still(top("0.97", "0.971", later(100_001))),
        "a heartbeat makes nothing of now"
    );
}

#[test]
fn a_snapshot_is_of_now_though_the_book_changed_long_ago_and_what_lags_is_not() {
    let mut kraken = Kraken::new("USDC/USD");
    assert_eq!(kraken.hear(&snapshot(), later(600)), Heard::Top(top("0.9990", "0.9992", later(600))));
    assert_eq!(kraken.hear(BEAT, later(603)), Heard::Still(top("0.9990", "0.9992", later(603))));
    // It was written a minute before it comes, and so was the heartbeat behind it.
    assert_eq!(
        kraken.hear(&ticker("update", "0.98", "0.981", &at(610)), later(670)),
        Heard::Top(top("0.98", "0.981", later(610)))
    );
    assert_eq!(kraken.hear(BEAT, later(671)), Heard::Still(top("0.98", "0.981", later(611))));
}

#[test]
fn a_clock_of_ours_that_is_ahead_makes_no_ticker_older_than_the_snapshot() {
    let mut kraken = Kraken::new("USDC/USD");
    assert_eq!(kraken.hear(&snapshot(), later(4)), Heard::Top(top("0.9990", "0.9992", later(4))));
    assert_eq!(kraken.hear(&ticker("update", "0.98", "0.981", &at(1)), later(5)), Heard::Top(top("0.98", "0.981", later(4))));
    assert_eq!(kraken.hear(BEAT, later(8)), Heard::Still(top("0.98", "0.981", later(7))));
    assert_eq!(kraken.hear(&ticker("update", "0.97", "0.971", &at(6)), later(9)), Heard::Top(top("0.97", "0.971", later(7))));
}

#[test]
fn after_a_new_snapshot_an_earlier_stamp_counts_again() {
    let mut kraken = begun();
    let messages = [
        ticker("update", "0.98", "0.981", &at(9)),
        ticker("snapshot", "0.97", "0.971", &at(3)),
        ticker("update", "0.96", "0.961", &at(4)),
    ];
    let messages = messages.each_ref().map(String::as_str);
    assert_eq!(heard(&mut kraken, &messages), Heard::Top(top("0.96", "0.961", later(4))));
}

proptest! {
    #[test]
    fn a_ticker_is_a_book_if_and_only_if_all_of_it_is(words in proptest::collection::vec(word(), 4), text in ".{0,200}", cut in 0usize..300) {
        let stamp = format!("\"{}\"", at(1));
        let [bid, bid_qty, ask, ask_qty] = &words[..] else { unreachable!() };
        let whole = full("update", "\"USDC/USD\"", &bid.0, &bid_qty.0, &ask.0, &ask_qty.0, &stamp);
        let heard = begun().hear(&whole, later(1));
        prop_assert_eq!(matches!(heard, Heard::Top(_)), words.iter().all(|word| word.1), "{}", whole);
        let cut = &whole[..cut.min(whole.len() - 1)];
        for text in [text.as_str(), cut] {
            let mut kraken = begun();
            let heard = kraken.hear(text, later(1));
            prop_assert!(matches!(heard, Heard::Bad(_)), "{:?} of {:?}", heard, text);
            prop_assert_eq!(kraken.hear(BEAT, later(2)), Heard::Alive);
        }
    }

    #[test]
    fn the_newest_word_stands_whatever_the_order(mut seconds in Just((1u64..12).collect::<Vec<_>>()).prop_shuffle()) {
        let mut kraken = begun();
        for second in &seconds {
            kraken.hear(&ticker("update", &format!("0.98{second:02}"), "0.9900", &at(*second)), later(20));
        }
        seconds.sort_unstable();
        prop_assert_eq!(kraken.hear(BEAT, later(21)), Heard::Still(top("0.9811", "0.9900", later(12))));
    }
}
