//! Several endpoints of one chain, some of them dead, behind, busy or elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::anvil::{Anvil, BLOCK_NUMBER, CHAIN_ID, READER};
use super::unheard;
use crate::chain::endpoints::{EndpointHook, EndpointSettings, Endpoints, Notice, Out};
use crate::chain::provider::Node;
use crate::chain::sender::NetworkSender;
use crate::chain::signer::LocalSigner as Signer;
use crate::clock::WallClock;
use crate::devnet::proxy::{ANY, Fault};
use crate::domain::fees::Fees;
use crate::domain::route::Via;
use crate::domain::units::{GasPrice, Wei};
use crate::ports::{
    Broadcast, Call, LinkFault, Receipt, Relay, SendFault, Sighting, SignedTx, TransactionSender, TransactionSigner, TxDraft,
};

pub(super) const TARGET: Address = Address::repeat_byte(0x11);
const RECEIPT: &str = "eth_getTransactionReceipt";
const SEND: &str = "eth_sendRawTransaction";
const NONCE: &str = "eth_getTransactionCount";

/// What the endpoints are said to have done, in words: `contradiction receipt`.
#[derive(Clone)]
pub(super) struct Told(Arc<watch::Sender<Vec<String>>>);

impl Told {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    fn hook(&self) -> EndpointHook {
        let told = self.0.clone();
        Arc::new(move |notice| {
            let words = match notice {
                Notice::Failed { endpoint, label } => format!("failed {endpoint} {label}"),
                Notice::Seen { endpoint, healthy, height } => format!("seen {endpoint} {healthy} {height:?}"),
                Notice::Broadcast { endpoint, outcome } => format!("broadcast {endpoint} {outcome}"),
                Notice::Contradiction { kind } => format!("contradiction {kind}"),
            };
            told.send_modify(|told| told.push(words));
        })
    }

    pub(super) fn count(&self, words: &str) -> usize {
        self.0.borrow().iter().filter(|told| *told == words).count()
    }

    pub(super) fn all(&self) -> String {
        self.0.borrow().join("\n")
    }

    /// Waits until that was told.
    pub(super) async fn hear(&self, words: &str) {
        let mut told = self.0.subscribe();
        let heard = told.wait_for(|told| told.iter().any(|told| told == words));
        timeout(Duration::from_secs(10), heard).await.unwrap_or_else(|_| panic!("`{words}` in {}", self.all())).unwrap();
    }
}

pub(super) struct Stage {
    pub(super) sender: NetworkSender,
    pub(super) endpoints: Endpoints,
    pub(super) told: Told,
}

/// A private key that nobody uses in earnest.
pub(super) fn key(number: u64) -> String {
    format!("{:064x}", 0xba11_0000 + number)
}

pub(super) fn settings(chain_id: u64) -> EndpointSettings {
    EndpointSettings { survey_every: Duration::from_secs(3_600), ..EndpointSettings::of(chain_id) }
}

fn signer(key: String) -> Arc<dyn TransactionSigner> {
    Arc::new(Signer::from_key(&SecretString::from(key)).unwrap())
}

pub(super) fn sender_of(nodes: Vec<Node>, settings: EndpointSettings, key: String) -> Stage {
    let told = Told::new();
    let endpoints = Endpoints::new(nodes, settings, Arc::new(WallClock::read()), told.hook());
    Stage { sender: NetworkSender::new(endpoints.clone(), signer(key), None, READER), endpoints, told }
}

/// A sender with ten ether and something to call, made for this test.
pub(super) async fn funded(anvil: &Anvil, nodes: Vec<Node>) -> Stage {
    let stage = sender_of(nodes, settings(CHAIN_ID), key(1));
    let ether = U256::from(10).pow(U256::from(19));
    let _: Value = anvil.node().ask("anvil_setBalance", (stage.sender.address(), ether)).await.unwrap();
    anvil.put(TARGET, BLOCK_NUMBER).await;
    stage
}

pub(super) fn draft(nonce: u64, max_fee: u64) -> TxDraft {
    let fees = Fees { max_fee: GasPrice::from_gwei(max_fee), tip: GasPrice::from_gwei(1) };
    TxDraft { call: Call { target: TARGET, data: Bytes::from_static(&[1]) }, nonce, fees, gas_limit: 100_000 }
}

/// The receipt of a transaction, in a block that is on the chain.
pub(super) async fn landed(sender: &NetworkSender, hash: B256) -> Result<Option<Receipt>, SendFault> {
    Ok(match sender.sight(&[hash]).await? {
        Sighting::Included { receipt, .. } => Some(receipt),
        Sighting::Absent { .. } => None,
    })
}

pub(super) async fn public(sender: &NetworkSender, tx: &SignedTx) -> Broadcast {
    sender.broadcast(tx, Via::Public, None).await
}

fn node(url: String) -> Node {
    Node::http(&url.into(), Duration::from_secs(10), unheard()).unwrap()
}

/// A node at a port where nobody listens.
pub(super) fn dead() -> Node {
    // Bound, and nobody listens: the port refuses, and no other test's node can be given it meanwhile.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port();
    std::mem::forget(taken);
    node(format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn with_one_of_two_endpoints_dead_everything_works() {
    let anvil = Anvil::start(&["--no-mining"]);
    let Stage { sender, .. } = funded(&anvil, vec![dead(), anvil.node()]).await;
    assert_eq!(sender.endpoints(), 2);
    let view = sender.account().await.unwrap();
    assert_eq!((view.next_nonce, view.pending_nonce, view.balance), (0, 0, Wei::new(10_000_000_000_000_000_000)));
    assert!(sender.simulate(&draft(0, 30).call).await.unwrap() > 21_000);
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(public(&sender, &tx).await, Broadcast::Accepted);
    anvil.mine(1).await;
    let Sighting::Included { hash, receipt, head } = sender.sight(&[tx.hash]).await.unwrap() else { panic!("not seen") };
    assert!(hash == tx.hash && receipt.success && head.stamp.hash == receipt.block_hash);
    assert_eq!(sender.head(receipt.block_hash).await, Ok(Some(head)));
    assert_eq!(sender.read(receipt.block_hash, &[draft(0, 30).call]).await.map(|answers| answers.len()), Ok(1));
    assert_eq!((sender.next_nonce().await, sender.finalized().await.is_ok()), (Ok(1), true));
    let spent = public(&sender, &tx).await;
    assert!(matches!(spent, Broadcast::MaybeSent(_)), "the dead one may have it: {spent:?}");
}

#[tokio::test]
async fn an_endpoint_of_another_chain_stops_the_lane_and_is_named() {
    let (anvil, other) = (Anvil::start(&["--no-mining"]), Anvil::start(&["--chain-id", "5"]));
    let Stage { sender, .. } = funded(&anvil, vec![anvil.node(), other.node()]).await;
    let expected = SendFault::WrongChain { endpoint: format!("127.0.0.1:{}", other.port), found: 5, expected: CHAIN_ID };
    assert_eq!(sender.account().await, Err(expected.clone()));
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(public(&sender, &tx).await, Broadcast::Refused(expected.to_string()));
    let waiting: U64 = anvil.node().ask(NONCE, (sender.address(), "pending")).await.unwrap();
    assert_eq!(waiting, U64::ZERO, "nothing was sent to the right one either");
    assert_eq!(sender.next_nonce().await, Ok(0), "the right one still answers");
}

#[tokio::test]
async fn an_endpoint_is_on_another_chain_when_it_comes_back_from_being_out() {
    let anvil = Anvil::start(&[]);
    let (proxy, behind) = anvil.proxied().await;
    let Stage { sender, endpoints, .. } = funded(&anvil, vec![anvil.node(), behind]).await;
    sender.account().await.unwrap();
    proxy.faults().always(ANY, Fault::Broken);
    while endpoints.health()[1].1.out().is_none() {
        sender.account().await.unwrap();
    }
    assert_eq!(endpoints.health()[1].1.out(), Some(Out::Failing));
    proxy.faults().clear();
    proxy.faults().always("eth_chainId", Fault::Say("0x1".into()));
    let fault = sender.account().await.unwrap_err();
    assert!(matches!(fault, SendFault::WrongChain { found: 1, .. }), "{fault}");
}

#[tokio::test]
async fn nobody_to_ask_is_a_fault_and_no_answer() {
    let Stage { sender, .. } = sender_of(vec![dead(), dead()], settings(CHAIN_ID), key(1));
    let link = |fault: SendFault| matches!(fault, SendFault::Link(LinkFault::Unreachable(_)));
    assert!(link(sender.account().await.unwrap_err()) && link(sender.next_nonce().await.unwrap_err()));
    assert!(link(sender.sight(&[B256::ZERO]).await.unwrap_err()) && link(sender.head(B256::ZERO).await.unwrap_err()));
    assert!(link(sender.simulate(&draft(0, 30).call).await.unwrap_err()));
    assert!(link(sender.finalized().await.unwrap_err()));
}

#[tokio::test]
async fn an_answer_that_is_lost_says_nothing_and_the_transaction_is_found() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, behind) = anvil.proxied().await;
    let Stage { sender, .. } = funded(&anvil, vec![behind]).await;
    proxy.faults().next(SEND, 1, Fault::LoseAnswer);
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert!(matches!(public(&sender, &tx).await, Broadcast::MaybeSent(_)));
    assert_eq!(proxy.faults().seen(SEND), 1, "a send is never repeated on its own");
    anvil.mine(1).await;
    assert!(landed(&sender, tx.hash).await.unwrap().is_some());
}

#[tokio::test]
async fn whoever_swallows_a_transaction_is_outdone_by_whoever_keeps_it() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, behind) = anvil.proxied().await;
    proxy.faults().always(SEND, Fault::Swallow);
    let Stage { sender, told, .. } = funded(&anvil, vec![behind, anvil.node()]).await;
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(public(&sender, &tx).await, Broadcast::Accepted);
    // It returns with the first who has it; the other has it soon after.
    told.hear(&format!("broadcast 127.0.0.1:{} accepted", anvil.port)).await;
    anvil.mine(1).await;
    assert!(landed(&sender, tx.hash).await.unwrap().is_some());
}

#[tokio::test]
async fn a_slow_endpoint_does_not_hold_up_a_broadcast_and_is_served_all_the_same() {
    let (anvil, other) = (Anvil::start(&["--no-mining"]), Anvil::start(&["--no-mining"]));
    let (proxy, slow) = other.proxied().await;
    let pause = Duration::from_millis(600);
    proxy.faults().always(SEND, Fault::Late(pause));
    let Stage { sender, told, .. } = funded(&anvil, vec![slow, anvil.node()]).await;
    let ether = U256::from(10).pow(U256::from(19));
    let _: Value = other.node().ask("anvil_setBalance", (sender.address(), ether)).await.unwrap();
    sender.account().await.unwrap();
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    let start = Instant::now();
    assert_eq!(public(&sender, &tx).await, Broadcast::Accepted);
    assert!(start.elapsed() < pause, "{:?}", start.elapsed());
    told.hear(&format!("broadcast {} accepted", proxy.address())).await;
    let waiting: U64 = other.node().ask(NONCE, (sender.address(), "pending")).await.unwrap();
    assert_eq!(waiting, U64::from(1));
}

#[tokio::test]
async fn a_busy_endpoint_is_asked_again_after_its_pause_and_is_not_dead() {
    let anvil = Anvil::start(&[]);
    let (proxy, behind) = anvil.proxied().await;
    let Stage { sender, endpoints, .. } = funded(&anvil, vec![behind.clone()]).await;
    sender.account().await.unwrap();
    let before = proxy.faults().seen(NONCE);
    proxy.faults().next(NONCE, 1, Fault::Busy { pause_secs: 1 });
    let start = Instant::now();
    assert_eq!(sender.next_nonce().await, Ok(0));
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(proxy.faults().seen(NONCE) - before, 2);
    let (_, health) = &endpoints.health()[0];
    assert_eq!((health.out(), health.counted().1), (None, 0));

    // With another endpoint at hand nobody waits for the pause.
    let Stage { sender, .. } = funded(&anvil, vec![behind, anvil.node()]).await;
    sender.account().await.unwrap();
    proxy.faults().always(ANY, Fault::Busy { pause_secs: 3 });
    let start = Instant::now();
    assert!(sender.simulate(&draft(0, 30).call).await.is_ok());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_endpoint_that_says_nothing_costs_a_moment() {
    let anvil = Anvil::start(&[]);
    let (proxy, behind) = anvil.proxied().await;
    let Stage { sender, .. } = funded(&anvil, vec![behind, anvil.node()]).await;
    sender.account().await.unwrap();
    proxy.faults().always(ANY, Fault::Hang);
    let start = Instant::now();
    assert!(sender.simulate(&draft(0, 30).call).await.is_ok());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(sender.next_nonce().await, Ok(0));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let sighting = sender.sight(&[B256::ZERO]).await.unwrap();
    assert!(matches!(sighting, Sighting::Absent { witnesses: 1, .. }), "silence bears no witness: {sighting:?}");
}

#[tokio::test]
async fn an_endpoint_that_is_behind_is_not_believed_until_it_has_caught_up() {
    let anvil = Anvil::start(&[]);
    anvil.mine(20).await;
    let (proxy, behind) = anvil.proxied().await;
    let (second, third) = (anvil.node(), anvil.proxied().await);
    let Stage { sender, endpoints, .. } = funded(&anvil, vec![behind, second, third.1]).await;
    proxy.faults().lag(10);
    proxy.faults().always("eth_estimateGas", Fault::error("execution reverted: BAL#402"));
    let height = async || match sender.sight(&[B256::ZERO]).await.unwrap() {
        Sighting::Absent { witnesses, height, .. } => (witnesses, height),
        included @ Sighting::Included { .. } => panic!("{included:?}"),
    };
    sender.account().await.unwrap();
    assert_eq!(endpoints.health()[0].1.out(), Some(Out::Behind));
    assert_eq!(height().await, (2, 20), "it is not even asked");
    assert!(sender.simulate(&draft(0, 30).call).await.is_ok(), "what reverts ten blocks ago need not revert now");
    proxy.faults().clear();
    sender.account().await.unwrap();
    sender.account().await.unwrap();
    assert_eq!(endpoints.health()[0].1.out(), Some(Out::Behind), "two good looks are not three");
    sender.account().await.unwrap();
    assert_eq!((endpoints.health()[0].1.out(), height().await), (None, (3, 20)));
}

#[tokio::test]
async fn a_revert_in_an_old_state_is_no_fact() {
    let mut anvil = Anvil::start(&[]);
    anvil.mine(20).await;
    let (other, behind) = (Anvil::start(&[]), anvil.node());
    let Stage { sender, .. } = funded(&other, vec![behind, other.proxied().await.1]).await;
    let revert = Call { target: Address::repeat_byte(0x33), data: Bytes::new() };
    for node in [&anvil, &other] {
        node.put(revert.target, super::anvil::REVERTS).await;
    }
    sender.account().await.unwrap();
    let believed = sender.simulate(&revert).await.unwrap_err();
    assert!(matches!(believed, SendFault::WouldRevert(_)), "the one that is far ahead is in step: {believed}");
    anvil.kill();
    let doubted = sender.simulate(&revert).await.unwrap_err();
    assert!(matches!(doubted, SendFault::Link(_)), "the other is twenty blocks behind: {doubted}");
}

#[tokio::test]
async fn what_is_final_for_the_slowest_is_final() {
    let (anvil, other) = (Anvil::start(&[]), Anvil::start(&[]));
    let (fast, slow) = (anvil.mine(200).await, other.mine(150).await);
    let Stage { sender, .. } = funded(&anvil, vec![anvil.node(), other.node()]).await;
    let finalized = sender.finalized().await.unwrap().stamp;
    assert!(finalized.number < slow.stamp.number && slow.stamp.number < fast.stamp.number, "{finalized:?}");
    let lone = funded(&anvil, vec![anvil.node()]).await.sender.finalized().await.unwrap().stamp;
    assert_eq!(lone.number - finalized.number, 50);
}

/// Writes down what it is asked.
#[derive(Default)]
struct Notes {
    submitted: Mutex<HashMap<B256, Option<u64>>>,
    forgotten: Mutex<Vec<B256>>,
}

#[async_trait]
impl Relay for Notes {
    fn name(&self) -> &'static str {
        "relay.example.org"
    }

    async fn submit(&self, tx: &SignedTx, until_block: Option<u64>) -> Broadcast {
        self.submitted.lock().unwrap().insert(tx.hash, until_block);
        Broadcast::Accepted
    }

    async fn forget(&self, hash: B256) -> Result<(), LinkFault> {
        self.forgotten.lock().unwrap().push(hash);
        Ok(())
    }
}

#[tokio::test]
async fn what_is_private_goes_to_the_relay_and_to_nobody_else() {
    let anvil = Anvil::start(&["--no-mining"]);
    let Stage { sender, endpoints, told } = funded(&anvil, vec![anvil.node()]).await;
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    let private = async |sender: &NetworkSender| sender.broadcast(&tx, Via::Private, Some(25)).await;
    assert_eq!(private(&sender).await, Broadcast::Refused("no relay is configured".to_owned()));
    assert_eq!(sender.forget(tx.hash).await, Ok(()));
    let relay = Arc::new(Notes::default());
    let sender = NetworkSender::new(endpoints, signer(key(1)), Some(relay.clone()), READER);
    assert_eq!(private(&sender).await, Broadcast::Accepted);
    sender.forget(tx.hash).await.unwrap();
    assert_eq!(relay.submitted.lock().unwrap()[&tx.hash], Some(25));
    assert_eq!(*relay.forgotten.lock().unwrap(), [tx.hash]);
    assert_eq!(told.count("broadcast relay.example.org accepted"), 1);
    let waiting: U64 = anvil.node().ask(NONCE, (sender.address(), "pending")).await.unwrap();
    assert_eq!(waiting, U64::ZERO);
}

#[tokio::test]
async fn a_look_costs_a_request_for_each_hash_and_two_more_at_each_endpoint() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (one, two) = (anvil.proxied().await, anvil.proxied().await);
    let Stage { sender, .. } = funded(&anvil, vec![one.1, two.1]).await;
    sender.account().await.unwrap();
    let seen =
        || [&one.0, &two.0].map(|proxy| ["eth_getBlockByNumber", NONCE, RECEIPT].map(|method| proxy.faults().seen(method)));
    let before = seen();
    let newest = sender.sign(&draft(0, 60)).await.unwrap();
    sender.sight(&[newest.hash, B256::repeat_byte(2), B256::repeat_byte(3)]).await.unwrap();
    for (after, before) in seen().iter().zip(before) {
        assert_eq!([0, 1, 2].map(|at| after[at] - before[at]), [1, 1, 3]);
    }
    assert_eq!(public(&sender, &newest).await, Broadcast::Accepted);
    anvil.mine(1).await;
    let before = seen();
    assert!(landed(&sender, newest.hash).await.unwrap().is_some());
    assert!(matches!(sender.sight(&[newest.hash, B256::repeat_byte(2)]).await, Ok(Sighting::Included { .. })));
    for (after, before) in seen().iter().zip(before) {
        assert_eq!(after[2] - before[2], 2, "the newest attempt is asked for first, and nothing after it");
    }
}

#[tokio::test]
async fn no_word_of_it_shows_more_of_an_address_than_its_host() {
    let anvil = Anvil::start(&[]);
    let (proxy, _) = anvil.proxied().await;
    let secret = "0123456789abcdef";
    let with_key = |url: &str| node(format!("{url}/v3/{secret}?token=s3cr3tt0ken"));
    let nodes = vec![with_key(&proxy.http_url()), with_key("http://user:hunter22@127.0.0.1:9")];
    let Stage { sender, endpoints, told } = funded(&anvil, nodes).await;
    let leak = Fault::error(&format!("project {secret} with s3cr3tt0ken is over its limit"));
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    let mut words = vec![format!("{sender:?} {endpoints:?} {:?}", endpoints.health())];
    for faults in ["nothing", "errors", "another chain"] {
        match faults {
            "errors" => proxy.faults().always(ANY, leak.clone()),
            "another chain" => proxy.faults().always("eth_chainId", Fault::Say("0x5".into())),
            _ => {}
        }
        words.push(format!("{:?} {:?}", sender.account().await, sender.account().await.map_err(|fault| fault.to_string())));
        words.push(format!("{:?} {:?}", public(&sender, &tx).await, sender.sight(&[tx.hash]).await));
        words.push(format!("{:?} {:?}", sender.simulate(&draft(0, 30).call).await, sender.head(tx.hash).await));
    }
    words.push(told.all());
    let words = words.join("\n");
    assert!(words.contains("127.0.0.1:9") && words.contains("project ***"), "{words}");
    for secret in [secret, "s3cr3tt0ken", "hunter22", "user"] {
        assert!(!words.contains(secret), "{secret} in {words}");
    }
}
