//! Aggregators over a websocket, and without one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alloy::sol_types::SolCall;
use alloy_primitives::aliases::U80;
use alloy_primitives::{Address, B256, Bytes, I256, U256};
use futures::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

use super::Requests;
use super::anvil::{Anvil, CHAIN_ID, READER, Reply, contract};
use crate::chain::announcement::tests::ocr2;
use crate::chain::chainlink::ChainlinkFeed;
use crate::chain::contracts::IAggregator;
use crate::chain::link::{LinkSettings, NodeLink};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::FeedRule;
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::Price;
use crate::ports::{Announcement, Announcements, ChainLink, ChainSession, Head, News, PriceSource};

/// Tells the rest of its input under the two topics that it begins with.
const TELLS: &str = "602035600035604036038060406000376000a200";
const PROXY: Address = Address::repeat_byte(0x11);
const OLD: Address = Address::repeat_byte(0xa1);
const NEW: Address = Address::repeat_byte(0xa2);
const SOON: Duration = Duration::from_secs(5);
/// Long enough for what will not come.
const AWHILE: Duration = Duration::from_millis(300);

fn link(anvil: &Anvil, ws: Option<SecretString>, requests: &Requests) -> NodeLink {
    let settings = LinkSettings {
        chain_id: CHAIN_ID,
        ws_url: ws,
        http_url: anvil.http(),
        block_time: Duration::from_millis(200),
        timeout: SOON,
        reader: READER,
    };
    NodeLink::new(settings, requests.hook()).unwrap()
}

impl Anvil {
    async fn aggregators(&self) {
        for at in [OLD, NEW] {
            self.put(at, TELLS).await;
        }
    }

    /// A block in which an aggregator tells of a round.
    async fn transmit(&self, at: Address, round: u32, answer: i64, observations: &[i64]) {
        let (topics, data) = ocr2(round, answer, observations);
        let input: Bytes = topics.iter().flat_map(|topic| topic.0).chain(data).collect::<Vec<u8>>().into();
        let accounts: Vec<Address> = self.node().ask("eth_accounts", ()).await.unwrap();
        let _: B256 =
            self.node().ask("eth_sendTransaction", (json!({ "from": accounts[0], "to": at, "input": input }),)).await.unwrap();
    }
}

/// The next announcement, and the newest head of before or after it.
async fn announcement(session: &mut dyn ChainSession) -> Announcement {
    let heard = async {
        loop {
            if let News::Announced(announcement) = session.next().await.unwrap() {
                return announcement;
            }
        }
    };
    timeout(SOON, heard).await.unwrap()
}

/// Follows, and waits until the node has taken the subscription: it answers the read that comes after it.
async fn follow(session: &mut dyn ChainSession, aggregators: &[Address], requests: &Requests) {
    let before = requests.count("eth_subscribe");
    session.follow(&aggregators.iter().copied().collect::<BTreeSet<_>>());
    // The task that subscribes has its turn while this one waits for an answer over the same wire.
    while requests.count("eth_subscribe") == before {
        session.head_at(0).await.unwrap();
    }
    session.head_at(0).await.unwrap();
}

fn feed() -> ChainlinkFeed {
    let rule = FeedRule {
        decimals: 8,
        heartbeat: Duration::from_secs(86_400),
        grace: Duration::ZERO,
        low: Price::from_wad(200_000_000_000_000_000).unwrap(),
        high: Price::from_wad(2_000_000_000_000_000_000).unwrap(),
        deviation_bps: 25,
    };
    let source = Source {
        id: SourceId::new("chainlink:USDC"),
        asset: AssetId::new("USDC"),
        unit: Unit::Usd,
        group: Group::Chainlink,
        advisory: false,
        good_for: Duration::from_secs(60),
    };
    ChainlinkFeed::new(Arc::new(source), PROXY, rule)
}

/// A proxy at round 42 of the aggregator's phase, that says a dollar.
fn proxy(aggregator: Address, updated_at: u64) -> String {
    let round = IAggregator::latestRoundDataReturn {
        roundId: U80::from((3u128 << 64) + 42),
        answer: I256::try_from(100_000_000).unwrap(),
        startedAt: U256::from(updated_at),
        updatedAt: U256::from(updated_at),
        answeredInRound: U80::from(42),
    };
    contract(&[
        (IAggregator::latestRoundDataCall::SELECTOR, Reply::Return(IAggregator::latestRoundDataCall::abi_encode_returns(&round))),
        (IAggregator::decimalsCall::SELECTOR, Reply::Return(IAggregator::decimalsCall::abi_encode_returns(&8))),
        (IAggregator::aggregatorCall::SELECTOR, Reply::Return(IAggregator::aggregatorCall::abi_encode_returns(&aggregator))),
    ])
}

#[tokio::test]
async fn a_transmission_on_a_chain_widens_the_quote_of_its_round() {
    let anvil = Anvil::start(&[]);
    anvil.aggregators().await;
    let Head { stamp, .. } = anvil.mine(1).await;
    anvil.put(PROXY, &proxy(OLD, stamp.timestamp.secs())).await;
    let requests = Requests::default();
    let link = link(&anvil, Some(anvil.ws()), &requests);
    let mut session = link.connect().await.unwrap();
    let (feed, first) = (feed(), session.next_head().await.unwrap());
    let answers = session.read(first.stamp.hash, &feed.calls()).await.unwrap();
    assert_eq!(feed.aggregator(&answers), Some(OLD), "as the batch of the block says");
    follow(session.as_mut(), &[OLD], &requests).await;

    anvil.transmit(OLD, 42, 100_000_000, &[20_000_000, 98_000_000, 100_000_000, 101_000_000]).await;
    let told = announcement(session.as_mut()).await;
    assert_eq!((told.aggregator, told.block), (OLD, first.stamp.number + 1));
    let mut heard = Announcements::default();
    heard.hear(told.aggregator, told.transmission.unwrap());
    let block = anvil.mine(1).await;
    let answers = session.read(block.stamp.hash, &feed.calls()).await.unwrap();
    let quote = feed.quote(&answers, &block.stamp).unwrap();
    let wide = feed.widen(quote, &answers, &heard);
    assert_eq!((wide.price, wide.low.wad(), wide.high), (Price::PAR, 980_000_000_000_000_000, quote.high));

    // What contradicts the protocol is not told, and the next is.
    anvil.transmit(OLD, 43, 98_000_000, &[100_000_000, 99_000_000, 98_000_000]).await;
    anvil.transmit(OLD, 44, 99_000_000, &[99_000_000]).await;
    assert!(announcement(session.as_mut()).await.transmission.unwrap().is_of(44, I256::try_from(99_000_000).unwrap()));

    // More than alloy's own buffer holds, while nobody looks.
    for round in 45..85 {
        anvil.transmit(OLD, round, 1, &[1]).await;
    }
    for round in 45..85 {
        assert!(announcement(session.as_mut()).await.transmission.unwrap().is_of(round, I256::ONE));
    }
    assert_eq!(requests.count("eth_subscribe"), 2, "one for heads and one for all aggregators, however many blocks");
    assert_eq!(requests.count("eth_getLogs") + requests.count("eth_unsubscribe"), 0);
}

#[tokio::test]
async fn another_set_of_aggregators_renews_the_subscription() {
    let anvil = Anvil::start(&[]);
    anvil.aggregators().await;
    let requests = Requests::default();
    let link = link(&anvil, Some(anvil.ws()), &requests);
    let mut session = link.connect().await.unwrap();
    follow(session.as_mut(), &[OLD], &requests).await;
    anvil.transmit(NEW, 1, 7, &[7]).await;
    anvil.transmit(OLD, 2, 7, &[7]).await;
    assert_eq!(announcement(session.as_mut()).await.aggregator, OLD, "the other is not listened to yet");
    follow(session.as_mut(), &[NEW], &requests).await;
    anvil.transmit(OLD, 3, 7, &[7]).await;
    anvil.transmit(NEW, 1, 7, &[7]).await;
    assert_eq!(announcement(session.as_mut()).await.aggregator, NEW);
    assert_eq!((requests.count("eth_subscribe"), requests.count("eth_unsubscribe")), (3, 1));
    session.follow(&BTreeSet::new());
    anvil.transmit(NEW, 2, 7, &[7]).await;
    let more = async { while let News::Head(_) = session.next().await.unwrap() {} };
    assert!(timeout(AWHILE, more).await.is_err(), "nobody is listened to");
    assert_eq!(requests.count("eth_subscribe"), 3);
}

#[tokio::test]
async fn without_a_websocket_nothing_is_announced_and_all_else_goes_on() {
    let anvil = Anvil::start(&[]);
    anvil.aggregators().await;
    let requests = Requests::default();
    let mut session = link(&anvil, None, &requests).connect().await.unwrap();
    session.next_head().await.unwrap();
    session.follow(&BTreeSet::from([OLD]));
    anvil.transmit(OLD, 1, 7, &[7]).await;
    assert!(matches!(session.next().await.unwrap(), News::Head(head) if head.stamp.number == 1));
    assert!(timeout(AWHILE, session.next()).await.is_err());
    assert_eq!(requests.count("eth_subscribe"), 0);
}

/// A websocket to the node behind that refuses to push logs.
async fn deaf(anvil: &Anvil) -> SecretString {
    let (gate, port) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), anvil.port);
    let at = gate.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut out, mut requests) = accept_async(gate.accept().await.unwrap().0).await.unwrap().split();
        let (mut up, mut answers) = connect_async(format!("ws://127.0.0.1:{port}")).await.unwrap().0.split();
        loop {
            tokio::select! {
                Some(Ok(Message::Text(text))) = requests.next() => {
                    let request: Value = serde_json::from_str(&text).unwrap();
                    if request["params"][0] == "logs" {
                        let error = json!({ "code": -32601, "message": "logs are not offered" });
                        let refusal = json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
                        out.send(Message::text(refusal.to_string())).await.unwrap();
                    } else {
                        up.send(Message::Text(text)).await.unwrap();
                    }
                }
                Some(Ok(message)) = answers.next() => out.send(message).await.unwrap(),
                else => return,
            }
        }
    });
    format!("ws://{at}").into()
}

#[tokio::test]
async fn a_node_that_pushes_heads_and_no_logs_is_as_good_as_before() {
    let anvil = Anvil::start(&[]);
    anvil.aggregators().await;
    let requests = Requests::default();
    let mut session = link(&anvil, Some(deaf(&anvil).await), &requests).connect().await.unwrap();
    assert_eq!(session.transport(), "websocket");
    session.next_head().await.unwrap();
    follow(session.as_mut(), &[OLD], &requests).await;
    for number in 1..=3 {
        anvil.transmit(OLD, 1, 7, &[7]).await;
        let News::Head(head) = timeout(SOON, session.next()).await.unwrap().unwrap() else { panic!("an announcement") };
        assert_eq!(head.stamp.number, number);
        assert!(session.read(head.stamp.hash, &feed().calls()).await.unwrap()[0].is_err(), "there is no proxy");
    }
    assert_eq!(requests.count("eth_subscribe"), 2, "it is not asked again in every block");
}
