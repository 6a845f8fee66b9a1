//! A real node behind a proxy.

use std::path::Path;

use alloy_primitives::{Address, B256, U64, U256};
use serde_json::Value;
use tokio::time::{Duration, Instant, timeout};

use super::*;
use crate::chain::provider::{AskFault, Node};
use crate::devnet::anvil::{Anvil, AnvilOptions};
use crate::devnet::toolbox;
use crate::domain::units::{GasPrice, Timestamp};

const RECEIPT: &str = "eth_getTransactionReceipt";

struct Pair {
    anvil: Anvil,
    proxy: Proxy,
    honest: Node,
    lying: Node,
}

fn node(url: &str) -> Node {
    Node::http(&url.to_owned().into(), Duration::from_secs(5), Arc::new(|_| {})).unwrap()
}

async fn pair() -> Pair {
    let program: &Path = &toolbox::for_tests().anvil;
    let genesis = Timestamp::from_secs(1_700_000_000);
    let options = AnvilOptions { genesis, gas_limit: 30_000_000, base_fee: GasPrice::from_gwei(1), history: true };
    let anvil = Anvil::start(program, options).await.unwrap();
    let proxy = Proxy::start(anvil.address(), Faults::none()).await.unwrap();
    let (honest, lying) = (node(&anvil.http_url()), node(&proxy.http_url()));
    Pair { anvil, proxy, honest, lying }
}

impl Pair {
    /// Sends a transfer from the node's first account, without a block.
    async fn transfer(&self, by: &Node) -> Result<B256, AskFault> {
        let accounts: Vec<Address> = self.honest.ask("eth_accounts", ()).await.unwrap();
        let order = json!({ "from": accounts[0], "to": Address::repeat_byte(9), "value": U256::from(1) });
        by.ask("eth_sendTransaction", (order,)).await
    }

    async fn mine(&self, blocks: u64) {
        let _: Value = self.lying.ask("anvil_mine", (U64::from(blocks),)).await.unwrap();
    }

    async fn nonce(&self, by: &Node) -> u64 {
        let accounts: Vec<Address> = self.honest.ask("eth_accounts", ()).await.unwrap();
        by.ask::<_, U64>("eth_getTransactionCount", (accounts[0], "latest")).await.unwrap().to()
    }
}

#[tokio::test]
async fn without_faults_it_says_what_the_node_says() {
    let pair = pair().await;
    pair.mine(3).await;
    let newest = async |node: &Node| node.ask::<_, Value>("eth_getBlockByNumber", ("latest", false)).await.unwrap();
    assert_eq!(newest(&pair.lying).await, newest(&pair.honest).await);
    let fault = pair.lying.ask::<_, Value>("eth_nonsense", ()).await.unwrap_err();
    assert!(matches!(fault, AskFault::Answered { .. }), "{fault:?}");
    assert_eq!(pair.proxy.faults().seen("anvil_mine"), 1);
}

#[tokio::test]
async fn a_node_that_lags_has_not_seen_what_happened_since() {
    let pair = pair().await;
    pair.mine(4).await;
    let hash = pair.transfer(&pair.honest).await.unwrap();
    pair.mine(1).await;
    let receipt: Value = pair.lying.ask(RECEIPT, (hash,)).await.unwrap();
    let block = receipt["blockHash"].clone();
    pair.proxy.faults().lag(2);
    assert_eq!(pair.lying.ask::<_, U64>("eth_blockNumber", ()).await, Ok(U64::from(3)));
    assert_eq!(pair.lying.ask::<_, Value>("eth_getBlockByNumber", ("latest", false)).await.unwrap()["number"], "0x3");
    assert_eq!(pair.lying.ask("eth_getBlockByNumber", ("0x5", false)).await, Ok(Value::Null));
    assert_eq!(pair.lying.ask("eth_getBlockByHash", (block.clone(), false)).await, Ok(Value::Null));
    assert_eq!(pair.lying.ask(RECEIPT, (hash,)).await, Ok(Value::Null));
    assert_eq!((pair.nonce(&pair.lying).await, pair.nonce(&pair.honest).await), (0, 1));
    let call = json!({ "to": Address::repeat_byte(9) });
    let unknown = pair.lying.ask::<_, Value>("eth_call", (call.clone(), json!({ "blockHash": block }))).await.unwrap_err();
    assert!(unknown.to_string().contains("header not found"), "{unknown}");
    assert!(pair.lying.ask::<_, Value>("eth_call", (call, "latest")).await.is_ok());
    pair.mine(2).await;
    assert_eq!(pair.lying.ask::<_, Value>(RECEIPT, (hash,)).await.unwrap(), receipt, "it catches up");
    pair.proxy.faults().next("eth_getTransactionCount", 1, Fault::Stale(6));
    assert_eq!((pair.nonce(&pair.lying).await, pair.nonce(&pair.lying).await), (0, 1));
}

#[tokio::test]
async fn each_fault_is_what_it_is_called() {
    let pair = pair().await;
    let faults = pair.proxy.faults();
    let chain = async || pair.lying.ask::<_, U64>("eth_chainId", ()).await;
    let once = |fault| faults.next("eth_chainId", 1, fault);
    once(Fault::Say(json!("0x5")));
    assert_eq!(chain().await, Ok(U64::from(5)));
    once(Fault::error("boom"));
    assert!(matches!(chain().await, Err(AskFault::Answered { message, .. }) if message == "boom"));
    once(Fault::Busy { pause_secs: 7 });
    assert_eq!(chain().await, Err(AskFault::Busy { pause: Some(Duration::from_secs(7)) }));
    once(Fault::Broken);
    assert!(matches!(chain().await, Err(AskFault::Garbled(what)) if what.starts_with("HTTP status 500")));
    once(Fault::HangUp);
    assert!(matches!(chain().await, Err(AskFault::Unreachable(_))));
    once(Fault::Hang);
    assert!(timeout(Duration::from_millis(200), chain()).await.is_err());
    once(Fault::Late(Duration::from_millis(150)));
    let start = Instant::now();
    assert_eq!(chain().await, Ok(U64::from(31_337)));
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(faults.injected().len(), 7);
}

#[tokio::test]
async fn an_answer_is_lost_after_the_deed_and_a_proxy_that_is_dropped_is_gone() {
    let pair = pair().await;
    pair.proxy.faults().next("eth_sendTransaction", 1, Fault::LoseAnswer);
    assert!(matches!(pair.transfer(&pair.lying).await, Err(AskFault::Unreachable(_))));
    pair.mine(1).await;
    assert_eq!(pair.nonce(&pair.honest).await, 1, "and yet it was sent");
    pair.proxy.faults().next("eth_sendTransaction", 1, Fault::Twice);
    pair.transfer(&pair.lying).await.unwrap();
    pair.mine(1).await;
    assert_eq!(pair.nonce(&pair.honest).await, 3);
    let Pair { proxy, lying, anvil: _anvil, .. } = pair;
    drop(proxy);
    assert!(matches!(lying.ask::<_, U64>("eth_chainId", ()).await, Err(AskFault::Unreachable(_))));
}

#[tokio::test]
async fn a_websocket_goes_through_to_the_node() {
    let pair = pair().await;
    pair.proxy.faults().always(ANY, Fault::Broken);
    let url = pair.proxy.ws_url().into();
    let pushing = Node::websocket(&url, Duration::from_secs(5), Arc::new(|_| {})).await.unwrap();
    let mut heads = pushing.subscribe_heads().await.unwrap();
    let _: Value = pair.honest.ask("anvil_mine", ("0x1",)).await.unwrap();
    let head = timeout(Duration::from_secs(5), heads.recv()).await.unwrap().unwrap();
    assert!(head.get().contains(r#""number":"0x1""#), "{}", head.get());
}
