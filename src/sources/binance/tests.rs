use proptest::prelude::*;

use super::*;
use crate::sources::testing::{NO_MESSAGES, NO_PRICES, NOW, bad, later, nested, top, word};

/// A book that names no pair.
const NAMELESS: &str = r#"{"u":101,"b":"0.98","B":"1","a":"0.98","A":"1"}"#;
/// A ticker whose fields stand in a list.
const LISTED: &str = r#"[null,"USDCUSDT",101,null]"#;

fn ticker(update: &str, bid: &str, ask: &str) -> String {
    full(update, "\"USDCUSDT\"", bid, "\"5000.00\"", ask, "\"5000.00\"")
}

fn full(update: &str, symbol: &str, bid: &str, bid_size: &str, ask: &str, ask_size: &str) -> String {
    format!(r#"{{"u":{update},"s":{symbol},"b":{bid},"B":{bid_size},"a":{ask},"A":{ask_size}}}"#)
}

fn begun() -> Binance {
    let mut binance = Binance::new("usdcusdt");
    assert_eq!(binance.hear(&ticker("100", "\"0.9990\"", "\"0.9992\""), NOW), Heard::Top(top("0.9990", "0.9992", NOW)));
    binance
}

#[test]
fn the_address_says_what_is_asked_for() {
    assert_eq!(Binance::new("USDCUSDT").greet(), None);
}

#[test]
fn a_ticker_is_of_the_moment_at_which_it_comes_and_stands_while_pings_are_answered() {
    let mut binance = Binance::new("USDCUSDT");
    assert_eq!(binance.pong(NOW), Heard::Nothing, "there is nothing yet that could stand");
    assert_eq!(binance.hear(&ticker("1", "\"0.98\"", "\"0.981\""), later(1)), Heard::Top(top("0.98", "0.981", later(1))));
    assert_eq!(binance.pong(later(5)), Heard::Still(top("0.98", "0.981", later(5))));
    let wrapped = format!(r#"{{"stream":"usdcusdt@bookTicker","data":{}}}"#, ticker("2", "\"0.97\"", "\"0.971\""));
    assert_eq!(
        binance.hear(&wrapped, later(6)),
        Heard::Top(top("0.97", "0.971", later(6))),
        "in the wrapping of combined streams"
    );
    assert_eq!(binance.hear(r#"{"result":null,"id":1}"#, later(7)), Heard::Nothing);
}

#[test]
fn other_pairs_and_other_events_are_passed_over() {
    let mut binance = begun();
    assert_eq!(binance.hear(&full("101", "\"USDCUSDC\"", "\"0.5\"", "\"1\"", "\"0.5\"", "\"1\""), later(1)), Heard::Nothing);
    let trade = ticker("101", "\"0.5\"", "\"0.5\"").replacen('{', r#"{"e":"trade","#, 1);
    assert_eq!(binance.hear(&trade, later(1)), Heard::Nothing);
    assert_eq!(binance.pong(later(2)), Heard::Still(top("0.9990", "0.9992", later(2))));
}

#[test]
fn a_name_may_be_written_with_escapes() {
    let escaped = ticker("101", "\"0.98\"", "\"0.981\"").replace("USDCUSDT", r"\u0055SDCUSDT");
    assert_eq!(begun().hear(&escaped, later(1)), Heard::Top(top("0.98", "0.981", later(1))));
}

#[test]
fn a_server_that_shuts_down_says_so() {
    let heard = begun().hear(r#"{"e":"serverShutdown","E":1770123456789}"#, later(1));
    assert!(matches!(heard, Heard::End(ReadingFault::Disconnected(_))), "{heard:?}");
}

#[test]
fn whatever_is_no_number_is_refused_in_every_place_and_the_last_word_falls_with_it() {
    for number in NO_PRICES {
        for (bid, ask) in [(number, "\"0.9992\""), ("\"0.9990\"", number)] {
            let mut binance = begun();
            bad(binance.hear(&ticker("101", bid, ask), later(1)), number);
            assert_eq!(binance.pong(later(2)), Heard::Nothing, "after {number} the last word does not stand");
        }
    }
    for number in NO_PRICES.into_iter().filter(|number| !["0", "\"0.000\""].contains(number)) {
        for (bid, ask) in [(number, "\"1\""), ("\"1\"", number)] {
            bad(begun().hear(&full("101", "\"USDCUSDT\"", "\"0.99\"", bid, "\"0.99\"", ask), later(1)), number);
        }
    }
}

#[test]
fn garbage_is_refused_and_the_last_word_falls_with_it() {
    for message in NO_MESSAGES.into_iter().chain([
        nested().as_str(),
        r#"{"s":7,"u":101}"#,
        r#"{"s":"USDCUSDT"}"#,
        "[]",
        "7",
        "null",
        NAMELESS,
        LISTED,
    ]) {
        let mut binance = begun();
        bad(binance.hear(message, later(1)), &message[..message.len().min(40)]);
        assert_eq!(binance.pong(later(2)), Heard::Nothing, "after {:?}", &message[..message.len().min(40)]);
    }
    for update in ["-1", "\"101\"", "1.5", "18446744073709551616", "null", "{}"] {
        bad(begun().hear(&ticker(update, "\"0.98\"", "\"0.981\""), later(1)), update);
    }
}

#[test]
fn what_was_overtaken_or_comes_twice_changes_nothing() {
    let mut binance = begun();
    for update in ["99", "100", "0"] {
        assert_eq!(binance.hear(&ticker(update, "\"0.5\"", "\"0.6\""), later(1)), Heard::Nothing);
    }
    assert_eq!(binance.pong(later(2)), Heard::Still(top("0.9990", "0.9992", later(2))));
}

#[test]
fn what_is_older_than_a_ticker_that_was_not_understood_is_not_taken_in_its_place() {
    let mut binance = begun();
    bad(binance.hear(&ticker("102", "\"x\"", "\"0.981\""), later(1)), "x");
    assert_eq!(binance.hear(&ticker("101", "\"0.98\"", "\"0.981\""), later(2)), Heard::Nothing);
    assert_eq!(binance.hear(&ticker("103", "\"0.98\"", "\"0.981\""), later(2)), Heard::Top(top("0.98", "0.981", later(2))));
}

proptest! {
    #[test]
    fn a_ticker_is_a_book_if_and_only_if_all_of_it_is(words in proptest::collection::vec(word(), 4), text in ".{0,200}", cut in 0usize..100) {
        let [bid, bid_size, ask, ask_size] = &words[..] else { unreachable!() };
        let whole = full("101", "\"USDCUSDT\"", &bid.0, &bid_size.0, &ask.0, &ask_size.0);
        let heard = begun().hear(&whole, later(1));
        prop_assert_eq!(matches!(heard, Heard::Top(_)), words.iter().all(|word| word.1), "{}", whole);
        let cut = &whole[..cut.min(whole.len() - 1)];
        for text in [text.as_str(), cut] {
            let mut binance = begun();
            let heard = binance.hear(text, later(1));
            prop_assert!(matches!(heard, Heard::Bad(_)), "{:?} of {:?}", heard, text);
            prop_assert_eq!(binance.pong(later(2)), Heard::Nothing);
        }
    }

    #[test]
    fn the_newest_word_stands_whatever_the_order(updates in Just((101u64..112).collect::<Vec<_>>()).prop_shuffle()) {
        let mut binance = begun();
        for update in updates {
            binance.hear(&ticker(&update.to_string(), &format!("\"0.9{update}\""), "\"0.9999\""), later(1));
        }
        prop_assert_eq!(binance.pong(later(2)), Heard::Still(top("0.9111", "0.9999", later(2))));
    }
}
