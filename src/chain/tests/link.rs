//! Heads and reads.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy_primitives::{Address, Bytes};
use secrecy::SecretString;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::anvil::{Anvil, BLOCK_NUMBER, CHAIN_ID, READER};
use super::{Requests, unheard};
use crate::chain::link::{LinkSettings, NodeLink};
use crate::chain::provider::{AskFault, Node};
use crate::ports::{Call, ChainLink, LinkFault};

fn settings(ws: Option<SecretString>, http: SecretString) -> LinkSettings {
    LinkSettings {
        chain_id: CHAIN_ID,
        ws_url: ws,
        http_url: http,
        block_time: Duration::from_millis(200),
        timeout: Duration::from_secs(5),
        reader: READER,
    }
}

#[tokio::test]
async fn a_websocket_pushes_the_newest_head_and_dies_with_its_node() {
    let mut anvil = Anvil::start(&[]);
    anvil.put(Address::repeat_byte(1), BLOCK_NUMBER).await;
    let requests = Requests::default();
    let link = NodeLink::new(settings(Some(anvil.ws()), anvil.http()), requests.hook()).unwrap();
    let mut session = link.connect().await.unwrap();
    assert_eq!(session.transport(), "websocket");
    assert_eq!(requests.count("eth_subscribe"), 1);
    assert_eq!(session.next_head().await.unwrap().stamp.number, 0, "the head of the start comes at once");

    let mined = anvil.mine(1).await;
    assert_eq!(session.next_head().await.unwrap(), mined);
    let call = Call { target: Address::repeat_byte(1), data: Bytes::new() };
    assert!(session.read(mined.stamp.hash, &[call]).await.unwrap()[0].is_ok());
    assert_eq!(session.head_at(1).await.unwrap(), Some(mined));
    assert_eq!(session.head_at(99).await.unwrap(), None);

    // More than alloy's buffer holds.
    for _ in 0..20 {
        anvil.mine(1).await;
    }
    sleep(Duration::from_millis(300)).await;
    assert_eq!(session.next_head().await.unwrap().stamp.number, 21, "heads that piled up are skipped");

    anvil.kill();
    let fault = timeout(Duration::from_secs(1), session.next_head()).await.unwrap().unwrap_err();
    assert_eq!(fault.label(), "unreachable");
    assert!(timeout(Duration::from_secs(1), session.read(mined.stamp.hash, &[])).await.unwrap().is_ok(), "nothing is asked");
    let fault = timeout(Duration::from_secs(1), session.head_at(1)).await.unwrap().unwrap_err();
    assert_eq!(fault.label(), "unreachable");
    assert!(link.connect().await.is_err());
}

#[tokio::test]
async fn without_a_websocket_heads_are_polled() {
    let mut anvil = Anvil::start(&[]);
    let dead = SecretString::from("ws://127.0.0.1:9".to_owned());
    for ws in [None, Some(dead)] {
        let link = NodeLink::new(settings(ws, anvil.http()), unheard()).unwrap();
        let mut session = link.connect().await.unwrap();
        assert_eq!(session.transport(), "polling");
        let first = session.next_head().await.unwrap();
        assert!(timeout(Duration::from_millis(300), session.next_head()).await.is_err(), "the same head comes once");
        let mined = anvil.mine(2).await;
        assert_eq!(session.next_head().await.unwrap(), mined);
        assert_eq!(mined.stamp.number, first.stamp.number + 2);
        assert_eq!(session.read(mined.stamp.hash, &[]).await, Ok(Vec::new()));
    }
    let link = NodeLink::new(settings(None, anvil.http()), unheard()).unwrap();
    let mut session = link.connect().await.unwrap();
    session.next_head().await.unwrap();
    anvil.kill();
    assert!(timeout(Duration::from_secs(1), session.next_head()).await.unwrap().is_err());
}

#[tokio::test]
async fn polling_stands_in_for_a_websocket_only_until_it_is_back() {
    let anvil = Anvil::start(&[]);
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = gate.local_addr().unwrap();
    drop(gate);
    let settings =
        LinkSettings { timeout: Duration::from_millis(500), ..settings(Some(format!("ws://{at}").into()), anvil.http()) };
    let requests = Requests::default();
    let mut session = NodeLink::new(settings, requests.hook()).unwrap().connect().await.unwrap();
    let first = session.next_head().await.unwrap();
    session.follow(&BTreeSet::from([Address::repeat_byte(1)]));
    assert_eq!(session.transport(), "polling");

    let gate = TcpListener::bind(at).await.unwrap();
    let port = anvil.port;
    tokio::spawn(async move {
        let (mut outside, _) = gate.accept().await.unwrap();
        let mut inside = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let _ = copy_bidirectional(&mut outside, &mut inside).await;
    });
    assert_eq!(
        timeout(Duration::from_secs(10), session.next_head()).await.unwrap().unwrap(),
        first,
        "the websocket's first head"
    );
    assert_eq!(session.transport(), "websocket");
    let mined = anvil.mine(1).await;
    assert_eq!(session.next_head().await.unwrap(), mined);
    assert_eq!(requests.count("eth_subscribe"), 2, "heads, and the aggregators that were asked for before");
}

#[tokio::test]
async fn a_read_that_fails_over_the_websocket_goes_over_http() {
    let (pushing, reading) = (Anvil::start(&[]), Anvil::start(&["--timestamp", "1700000000"]));
    reading.put(Address::repeat_byte(1), BLOCK_NUMBER).await;
    let only_there = reading.mine(1).await;
    let link = NodeLink::new(settings(Some(pushing.ws()), reading.http()), unheard()).unwrap();
    let mut session = link.connect().await.unwrap();
    let call = Call { target: Address::repeat_byte(1), data: Bytes::new() };
    assert!(session.read(only_there.stamp.hash, std::slice::from_ref(&call)).await.unwrap()[0].is_ok());
    assert_eq!(session.head_at(1).await.unwrap(), Some(only_there));
    assert!(session.read(alloy_primitives::B256::repeat_byte(9), &[call]).await.is_err());
}

#[tokio::test]
async fn a_node_of_another_chain_is_not_listened_to() {
    let anvil = Anvil::start(&["--chain-id", "5"]);
    for ws in [None, Some(anvil.ws())] {
        let link = NodeLink::new(settings(ws, anvil.http()), unheard()).unwrap();
        let fault = link.connect().await.err().unwrap();
        assert_eq!(fault, LinkFault::Refused("the node is on chain 5; expected chain 31337".to_owned()));
    }
}

#[tokio::test]
async fn a_node_that_says_nothing_costs_one_time_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let limit = Duration::from_millis(200);
    let node = Node::http(&format!("http://127.0.0.1:{port}").into(), limit, unheard()).unwrap();
    let answer = timeout(Duration::from_secs(2), node.ask::<_, String>("eth_chainId", ())).await.unwrap();
    assert_eq!(answer, Err(AskFault::TimedOut(limit)));
    let url = format!("ws://127.0.0.1:{port}").into();
    assert_eq!(
        timeout(Duration::from_secs(2), Node::websocket(&url, limit, unheard())).await.unwrap().unwrap_err(),
        AskFault::TimedOut(limit)
    );
}
