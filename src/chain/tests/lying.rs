//! Endpoints that say what is not true, fast, and what becomes of it.

use alloy_primitives::B256;
use serde_json::{Value, json};

use super::anvil::Anvil;
use super::network::{Stage, dead, draft, funded, landed, public};
use crate::devnet::proxy::Fault;
use crate::domain::truth::{Absence, AbsenceRule, Look};
use crate::ports::{Broadcast, SendFault, Sighting, TransactionSender};

const RECEIPT: &str = "eth_getTransactionReceipt";
const SEND: &str = "eth_sendRawTransaction";
const NONCE: &str = "eth_getTransactionCount";

async fn reorg(anvil: &Anvil, depth: u64) {
    let _: Value = anvil.node().ask("anvil_reorg", (depth, Vec::<Value>::new())).await.unwrap();
}

async fn raw_receipt(anvil: &Anvil, hash: B256) -> Value {
    anvil.node().ask(RECEIPT, (hash,)).await.unwrap()
}

#[tokio::test]
async fn a_fast_liar_never_beats_the_true_endpoint() {
    let anvil = Anvil::start(&["--no-mining"]);
    // It answers at once, because the truth comes late.
    let (liar, lies) = anvil.proxied().await;
    let (honest, slow) = anvil.proxied().await;
    let Stage { sender, told, .. } = funded(&anvil, vec![lies, slow]).await;
    sender.account().await.unwrap();
    liar.faults().always(RECEIPT, Fault::Null);
    liar.faults().always(NONCE, Fault::Say("0x0".into()));
    liar.faults().always(SEND, Fault::error("nonce too low: next nonce 9, tx nonce 0"));
    for method in [RECEIPT, NONCE, SEND] {
        honest.faults().always(method, Fault::Late(std::time::Duration::from_millis(150)));
    }
    for nonce in 0..2 {
        assert_eq!(sender.next_nonce().await, Ok(nonce));
        let tx = sender.sign(&draft(nonce, 30)).await.unwrap();
        assert_eq!(public(&sender, &tx).await, Broadcast::Accepted);
        anvil.mine(1).await;
        assert!(landed(&sender, tx.hash).await.unwrap().is_some());
    }
    let view = sender.account().await.unwrap();
    assert_eq!((view.next_nonce, view.pending_nonce), (2, 2));
    assert_eq!((told.count("contradiction receipt"), told.count("contradiction nonce")), (2, 2), "{}", told.all());
}

#[tokio::test]
async fn one_takes_it_and_one_refuses_for_good_and_that_is_counted() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, behind) = anvil.proxied().await;
    proxy.faults().always(SEND, Fault::error("insufficient funds for gas * price + value"));
    let Stage { sender, told, .. } = funded(&anvil, vec![behind.clone(), anvil.node()]).await;
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(public(&sender, &tx).await, Broadcast::Accepted);
    told.hear("contradiction broadcast").await;
    // Both refuse: that is what refused means.
    let Stage { sender, .. } = funded(&anvil, vec![behind.clone(), behind.clone()]).await;
    assert!(matches!(public(&sender, &tx).await, Broadcast::Refused(_)));
    // One refuses and one cannot be reached: nobody knows.
    let Stage { sender, .. } = funded(&anvil, vec![behind, dead()]).await;
    assert!(matches!(public(&sender, &tx).await, Broadcast::MaybeSent(_)));
}

#[tokio::test]
async fn a_receipt_in_a_block_that_was_reorganised_away_is_worth_nothing() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, behind) = anvil.proxied().await;
    let Stage { sender, .. } = funded(&anvil, vec![behind.clone()]).await;
    anvil.mine(3).await;
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(public(&sender, &tx).await, Broadcast::Accepted);
    let gone = anvil.mine(1).await;
    assert!(landed(&sender, tx.hash).await.unwrap().is_some());
    let old = raw_receipt(&anvil, tx.hash).await;
    let block: Value = anvil.node().ask("eth_getBlockByHash", (gone.stamp.hash, false)).await.unwrap();
    reorg(&anvil, 1).await;

    let height = gone.stamp.number;
    let sighting = sender.sight(&[tx.hash]).await.unwrap();
    assert_eq!(sighting, Sighting::Absent { witnesses: 1, height, next_nonce: 0 }, "the node itself knows of none");
    // A node whose index lags behind its own reorganisation, and one that goes on serving the block by its hash.
    proxy.faults().always(RECEIPT, Fault::Say(old));
    assert_eq!(sender.sight(&[tx.hash]).await, Ok(Sighting::Absent { witnesses: 0, height, next_nonce: 0 }));
    proxy.faults().always("eth_getBlockByHash", Fault::Say(block));
    assert_eq!(sender.sight(&[tx.hash]).await, Ok(Sighting::Absent { witnesses: 0, height, next_nonce: 0 }));
    assert_eq!(sender.head(gone.stamp.hash).await, Ok(None));
    // Beside an honest one it neither proves nor denies.
    let Stage { sender, .. } = funded(&anvil, vec![behind, anvil.node()]).await;
    assert_eq!(sender.sight(&[tx.hash]).await, Ok(Sighting::Absent { witnesses: 1, height, next_nonce: 0 }));
    // What was reorganised away can be included again, and is seen again.
    // Both endpoints lead to one node: whichever comes second knows it already.
    assert!(matches!(public(&sender, &tx).await, Broadcast::Accepted | Broadcast::AlreadyKnown));
    anvil.mine(1).await;
    assert!(landed(&sender, tx.hash).await.unwrap().is_some());
}

#[tokio::test]
async fn two_blocks_at_one_height_conclude_nothing() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, fork) = anvil.proxied().await;
    let Stage { sender, told, .. } = funded(&anvil, vec![anvil.node(), fork]).await;
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(public(&sender, &tx).await, Broadcast::Accepted);
    anvil.mine(1).await;
    assert!(landed(&sender, tx.hash).await.unwrap().is_some());
    let mut block: Value = anvil.node().ask("eth_getBlockByNumber", ("latest", false)).await.unwrap();
    block["hash"] = json!(B256::repeat_byte(7));
    proxy.faults().always("eth_getBlockByNumber", Fault::Say(block));
    proxy.faults().hide_receipts();
    assert_eq!(sender.sight(&[tx.hash]).await, Ok(Sighting::Absent { witnesses: 0, height: 1, next_nonce: 1 }));
    assert_eq!(told.count("contradiction block"), 1);
    // An endpoint that has not come as far has no say.
    proxy.faults().clear();
    proxy.faults().lag(1);
    assert!(landed(&sender, tx.hash).await.unwrap().is_some());
    assert_eq!(told.count("contradiction block"), 1);
}

#[tokio::test]
async fn an_absence_is_proven_by_two_over_several_blocks_and_never_by_errors() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, behind) = anvil.proxied().await;
    let Stage { sender, .. } = funded(&anvil, vec![anvil.node(), behind]).await;
    // Something else spends the nonce.
    let foreign = sender.sign(&draft(0, 40)).await.unwrap();
    let ours = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(public(&sender, &foreign).await, Broadcast::Accepted);
    anvil.mine(1).await;
    let mut absence = Absence::new(AbsenceRule::of(sender.endpoints(), 3), 0);
    let mut look = async || match sender.sight(&[ours.hash]).await {
        Ok(Sighting::Absent { witnesses, height, next_nonce }) => absence.look(Look { witnesses, height, next_nonce }),
        Ok(Sighting::Included { .. }) | Err(_) => {
            absence.broken();
            false
        }
    };
    assert!(!look().await && !look().await, "the same block twice");
    anvil.mine(1).await;
    assert!(!look().await);
    proxy.faults().next(RECEIPT, 1, Fault::error("transaction indexing is in progress"));
    anvil.mine(1).await;
    assert!(!look().await, "one was silent: it begins anew");
    for proven in [false, false, true] {
        anvil.mine(1).await;
        assert_eq!(look().await, proven);
    }
}

#[tokio::test]
async fn errors_are_no_witnesses() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, behind) = anvil.proxied().await;
    let unknown = B256::repeat_byte(5);
    let Stage { sender, .. } = funded(&anvil, vec![behind.clone(), anvil.node()]).await;
    let height = anvil.mine(2).await.stamp.number;
    assert_eq!(sender.sight(&[unknown]).await, Ok(Sighting::Absent { witnesses: 2, height, next_nonce: 0 }));
    for fault in [Fault::error("internal error"), Fault::Broken, Fault::HangUp] {
        proxy.faults().always(RECEIPT, fault);
        assert_eq!(sender.sight(&[unknown]).await, Ok(Sighting::Absent { witnesses: 1, height, next_nonce: 0 }));
    }
    let Stage { sender, .. } = funded(&anvil, vec![behind]).await;
    assert!(matches!(sender.sight(&[unknown]).await, Err(SendFault::Link(_))), "an error alone is no absence");
}

#[tokio::test]
async fn a_block_is_gone_only_when_someone_says_so_who_knows_better() {
    let anvil = Anvil::start(&["--no-mining"]);
    let (proxy, behind) = anvil.proxied().await;
    let (other, honest) = anvil.proxied().await;
    let Stage { sender, .. } = funded(&anvil, vec![behind, honest]).await;
    let head = anvil.mine(3).await;
    sender.account().await.unwrap();
    proxy.faults().lag(1);
    assert_eq!(sender.head(head.stamp.hash).await, Ok(Some(head)), "one has not heard of it yet, the other has");
    other.faults().always("eth_getBlockByHash", Fault::error("internal error"));
    assert!(sender.head(head.stamp.hash).await.is_err(), "whoever is behind proves nothing");
    other.faults().clear();
    assert_eq!(sender.head(B256::repeat_byte(9)).await, Ok(None), "nobody has ever heard of it");
}
