//! Against a real server on the loopback. What each exchange says is tested with its protocol; here it is what becomes of a connection.

mod endings;
mod secrets;
mod server;

use std::sync::Mutex;

use server::{Act, Life, Venue};

use super::*;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::Quote;
use crate::domain::source::{Group, Unit};
use crate::domain::units::Timestamp;
use crate::sources::testing::{NOW, price, top};
use crate::sources::{binance, coinbase, kraken};

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

/// Long enough that only a broken test waits for it.
const PATIENT: SocketTimes =
    SocketTimes { connect: Duration::from_secs(20), silence: Duration::from_secs(20), ping: Duration::from_millis(50) };
const BRISK: Duration = Duration::from_millis(300);
const IMPATIENT: SocketTimes = SocketTimes { connect: BRISK, silence: BRISK, ..PATIENT };

const SNAPSHOT: &str = r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"USDC/USD","bid":0.9990,"bid_qty":5000,"ask":0.9992,"ask_qty":5000}]}"#;
const BEAT: &str = r#"{"channel":"heartbeat"}"#;

fn settings(url: &str, symbol: &str, times: SocketTimes) -> BookSettings {
    let source = Source {
        id: SourceId::new("venue:USDC"),
        asset: AssetId::new("USDC"),
        unit: Unit::Usd,
        group: Group::UsdBooks,
        advisory: false,
        good_for: Duration::from_secs(60),
    };
    let rule = BookRule { spread_bps: 20, size: 1_000 * 10u128.pow(18), low: price("0.2"), high: price("2") };
    BookSettings { url: url.into(), symbol: symbol.to_owned(), source: Arc::new(source), rule, times, clock: Arc::new(Still) }
}

/// What was heard of a connection, and how it ended.
struct Heard {
    said: Vec<Result<Quote, ReadingFault>>,
    end: ReadingFault,
}

async fn listen(stream: &BookStream) -> Heard {
    let said = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&said);
    let hear = move |quote| hears.lock().unwrap().push(quote);
    let end = tokio::time::timeout(Duration::from_secs(60), stream.listen(&hear)).await.expect("a connection that never ends");
    let said = said.lock().unwrap().clone();
    Heard { said, end }
}

/// Kraken's book at a venue where every connection becomes a websocket and does this.
async fn kraken(acts: Vec<Act>, times: SocketTimes) -> (Venue, BookStream) {
    let venue = Venue::open(Life::Socket(acts)).await;
    let stream = kraken::stream(settings(&format!("ws://{}/v2", venue.address), "USDC/USD", times)).unwrap();
    (venue, stream)
}

fn say(text: &str) -> Act {
    Act::Say(text.to_owned())
}

fn quote(bid: &str, ask: &str) -> Result<Quote, ReadingFault> {
    let rule = settings("ws://x", "", PATIENT).rule;
    book(&top(bid, ask, NOW), &rule)
}

#[tokio::test]
async fn krakens_book_is_asked_for_and_heard() {
    let update = SNAPSHOT.replace("snapshot", "update").replace("0.9990", "0.9800").replace("0.9992", "0.9802");
    let (venue, stream) = kraken(vec![Act::Hear, say(SNAPSHOT), say(BEAT), say(&update), Act::Close], PATIENT).await;
    let heard = listen(&stream).await;
    assert_eq!(heard.said, [quote("0.9990", "0.9992"), quote("0.9990", "0.9992"), quote("0.9800", "0.9802")]);
    assert!(matches!(heard.end, ReadingFault::Disconnected(_)), "{:?}", heard.end);
    assert_eq!(venue.paths(), ["/v2"]);
    assert_eq!(venue.heard(), [kraken::Kraken::new("USDC/USD").greet().unwrap()]);
}

#[tokio::test]
async fn coinbases_book_is_asked_for_and_heard() {
    let ticker = r#"{"type":"ticker","sequence":7,"product_id":"USDT-USD","best_bid":"0.9990","best_bid_size":"5000","best_ask":"0.9992","best_ask_size":"5000","time":"2023-11-14T22:13:20Z","trade_id":1}"#;
    let venue = Venue::open(Life::Socket(vec![Act::Hear, say(ticker), Act::Close])).await;
    let stream = coinbase::stream(settings(&format!("ws://{}", venue.address), "USDT-USD", PATIENT)).unwrap();
    assert_eq!(listen(&stream).await.said, [quote("0.9990", "0.9992")]);
    assert_eq!(
        (venue.paths(), venue.heard()),
        (vec!["/".to_owned()], vec![coinbase::Coinbase::new("USDT-USD").greet().unwrap()])
    );
}

#[tokio::test]
async fn binances_book_is_asked_for_by_its_address_and_stands_while_pings_are_answered() {
    let ticker = r#"{"u":7,"s":"USDCUSDT","b":"0.9990","B":"5000","a":"0.9992","A":"5000"}"#;
    let venue = Venue::open(Life::Socket(vec![say(ticker), Act::Ping, Act::Ping, Act::Close])).await;
    let stream = binance::stream(settings(&format!("ws://{}/base/", venue.address), "USDCUSDT", PATIENT)).unwrap();
    let heard = listen(&stream).await;
    assert!(heard.said.len() >= 2 && heard.said.iter().all(|said| *said == quote("0.9990", "0.9992")), "{:?}", heard.said);
    assert_eq!(venue.paths(), ["/base/ws/usdcusdt@bookTicker"]);
}

#[tokio::test]
async fn a_book_that_cannot_be_believed_is_told_and_the_connection_stays() {
    let top = |bid: &str, ask: &str, size: &str| {
        let text = SNAPSHOT.replace("0.9990", bid).replace("0.9992", ask);
        say(&text.replace("\"ask_qty\":5000", &format!("\"ask_qty\":{size}")))
    };
    let acts = vec![
        Act::Hear,
        top("0.9990", "0.9989", "5000"),
        top("0.9990", "1.0100", "5000"),
        top("0.9990", "0.9992", "999.9"),
        top("2.5", "2.5", "5000"),
        top("0.9990", "0.9992", "1000"),
        Act::Close,
    ];
    let heard = listen(&kraken(acts, PATIENT).await.1).await;
    let labels: Vec<&str> = heard.said.iter().map(|said| said.as_ref().map_or_else(ReadingFault::label, |_| "good")).collect();
    assert_eq!(labels, ["spread", "spread", "thin", "out_of_bounds", "good"]);
}
