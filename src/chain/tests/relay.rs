//! The client of the private relay, against the local relay on a real node.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::{Value, json};

use super::anvil::{Anvil, BLOCK_NUMBER, CHAIN_ID, REVERTS};
use super::{Requests, unheard};
use crate::chain::relay::{FlashbotsRelay, RelayAuth, RelaySettings, RelayStatus};
use crate::chain::signer::LocalSigner;
use crate::chain::signer::testing::secret;
use crate::devnet::relay::{Lie, LocalRelay, Mood};
use crate::devnet::rpc::Rpc;
use crate::domain::fees::Fees;
use crate::domain::units::GasPrice;
use crate::ports::{Broadcast, Call, LinkFault, Relay, SignedTx, TransactionSigner, TxDraft};

const TARGET: Address = Address::repeat_byte(0x11);
const TRAP: Address = Address::repeat_byte(0x22);

/// A node, its relay, and somebody with money.
struct Stage {
    anvil: Anvil,
    rpc: Rpc,
    relay: LocalRelay,
    signer: LocalSigner,
    keys: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let anvil = Anvil::start(&["--no-mining"]);
        let url = format!("http://127.0.0.1:{}", anvil.port);
        let signer = LocalSigner::from_key(&secret(&format!("{:064x}", 0xba11_0007u64))).unwrap();
        let ether = U256::from(10).pow(U256::from(18));
        let _: Value = anvil.node().ask("anvil_setBalance", (signer.address(), ether)).await.unwrap();
        anvil.put(TARGET, BLOCK_NUMBER).await;
        anvil.put(TRAP, REVERTS).await;
        let (rpc, relay) = (Rpc::connect(&url).unwrap(), LocalRelay::start(&url).await.unwrap());
        Self { anvil, rpc, relay, signer, keys: tempfile::tempdir().unwrap() }
    }

    fn auth(&self, file: &str) -> RelayAuth {
        RelayAuth::from_file_or_create(&self.keys.path().join(file)).unwrap()
    }

    /// A client that starts anew, with the key in that file.
    fn client(&self, file: &str) -> FlashbotsRelay {
        self.client_within(file, Duration::from_secs(5))
    }

    fn client_within(&self, file: &str, timeout: Duration) -> FlashbotsRelay {
        let settings =
            RelaySettings { url: secret(self.relay.url()), status_url: Some(secret(&self.relay.status_url())), timeout };
        FlashbotsRelay::new(&settings, self.auth(file), unheard()).unwrap()
    }

    async fn signed(&self, to: Address, nonce: u64, max_fee: u64) -> SignedTx {
        let fees = Fees { max_fee: GasPrice::from_gwei(max_fee), tip: GasPrice::from_gwei(1) };
        let call = Call { target: to, data: Bytes::from_static(&[1]) };
        self.signer.sign(&TxDraft { call, nonce, fees, gas_limit: 100_000 }, CHAIN_ID).await.unwrap()
    }

    async fn tx(&self, nonce: u64) -> SignedTx {
        self.signed(TARGET, nonce, 30).await
    }

    async fn height(&self) -> u64 {
        self.rpc.height().await.unwrap()
    }

    async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            self.relay.mine(&self.rpc).await.unwrap();
        }
    }

    /// What everybody can see of the pool.
    async fn is_public(&self, hash: B256) -> bool {
        let pool: Value = self.anvil.node().ask("txpool_content", ()).await.unwrap();
        let known: Option<Value> = self.anvil.node().ask("eth_getTransactionByHash", (hash,)).await.unwrap();
        let listed = pool.to_string().contains(&hash.to_string());
        assert_eq!(listed, known.is_some_and(|tx| tx["blockNumber"].is_null()), "{pool}");
        listed
    }

    /// The block that it is in.
    async fn block_of(&self, hash: B256) -> Option<u64> {
        let receipt: Option<Value> = self.anvil.node().ask("eth_getTransactionReceipt", (hash,)).await.unwrap();
        let number = receipt?["blockNumber"].as_str().unwrap().to_owned();
        Some(u64::from_str_radix(number.strip_prefix("0x").unwrap(), 16).unwrap())
    }
}

#[tokio::test]
async fn a_private_transaction_is_in_no_public_pool_before_its_block_and_in_the_block_after() {
    let stage = Stage::new().await;
    let client = stage.client("a");
    let tx = stage.tx(0).await;
    assert_eq!(client.status(tx.hash).await, Ok(RelayStatus::Unknown));
    assert_eq!(client.submit(&tx, Some(stage.height().await + 3)).await, Broadcast::Accepted);
    assert_eq!(client.submit(&tx, Some(stage.height().await + 3)).await, Broadcast::Accepted, "the same bytes again");
    assert_eq!((stage.relay.held(), stage.is_public(tx.hash).await), (vec![tx.hash], false));
    assert_eq!(client.status(tx.hash).await, Ok(RelayStatus::Pending));
    let _: Value = stage.rpc.ask("evm_mine", ()).await.unwrap();
    assert_eq!(stage.block_of(tx.hash).await, None, "a block that the relay knows nothing of");

    stage.mine(1).await;
    assert_eq!((stage.block_of(tx.hash).await, stage.relay.held()), (Some(2), Vec::new()));
    assert_eq!(client.status(tx.hash).await, Ok(RelayStatus::Included));
    assert!(client.name().starts_with("127.0.0.1"), "{}", client.name());
    assert_eq!(stage.relay.seen_auth(), vec![stage.auth("a").identity()]);
}

#[tokio::test]
async fn what_is_dropped_is_never_included_and_what_is_delayed_is_included_late() {
    let stage = Stage::new().await;
    let client = stage.client("a");
    stage.relay.set_mood(Mood::Drops);
    let dropped = stage.tx(0).await;
    assert_eq!(client.submit(&dropped, None).await, Broadcast::Accepted);
    stage.relay.set_mood(Mood::Honest);
    stage.mine(26).await;
    assert_eq!((stage.block_of(dropped.hash).await, stage.is_public(dropped.hash).await), (None, false));
    assert_eq!(client.status(dropped.hash).await, Ok(RelayStatus::Failed), "25 blocks are over");

    stage.relay.set_mood(Mood::Delays(2));
    let delayed = stage.tx(0).await;
    assert_eq!(delayed.hash, dropped.hash);
    let head = stage.height().await;
    assert_eq!(client.submit(&delayed, Some(head + 5)).await, Broadcast::Accepted);
    stage.mine(4).await;
    assert_eq!(stage.block_of(delayed.hash).await, Some(head + 3));
}

#[tokio::test]
async fn a_relay_that_leaks_shows_a_transaction_to_everybody() {
    let stage = Stage::new().await;
    stage.relay.set_mood(Mood::Leaks);
    let tx = stage.tx(0).await;
    assert_eq!(stage.client("a").submit(&tx, None).await, Broadcast::Accepted);
    assert!(stage.is_public(tx.hash).await);
    let _: Value = stage.rpc.ask("evm_mine", ()).await.unwrap();
    assert_eq!(stage.block_of(tx.hash).await, Some(1), "without the relay's doing");
}

#[tokio::test]
async fn whatever_a_relay_says_instead_of_the_hash_the_transaction_may_be_included() {
    let stage = Stage::new().await;
    let client = stage.client_within("a", Duration::from_millis(500));
    let lies = [Lie::Number, Lie::Null, Lie::OtherHash, Lie::NonceSpent, Lie::NoFunds, Lie::OutOfOrder, Lie::Silence];
    for (nonce, lie) in (0..).zip(lies) {
        stage.relay.set_mood(Mood::Lies(lie));
        let tx = stage.tx(nonce).await;
        let answer = client.submit(&tx, None).await;
        assert!(matches!(answer, Broadcast::MaybeSent(_)), "{lie:?}: {answer:?}");
        stage.mine(1).await;
        assert_eq!(stage.block_of(tx.hash).await, Some(nonce + 1), "{lie:?}");
    }
    assert!(matches!(client.status(B256::ZERO).await, Err(LinkFault::TimedOut(_))), "it is silent still");

    stage.relay.set_mood(Mood::Lies(Lie::PendingForEver));
    let tx = stage.tx(7).await;
    assert_eq!(client.submit(&tx, None).await, Broadcast::Accepted);
    stage.mine(1).await;
    assert_eq!(stage.block_of(tx.hash).await, Some(8));
    assert_eq!(client.status(tx.hash).await, Ok(RelayStatus::Pending), "so it says");
}

#[tokio::test]
async fn only_the_identity_that_handed_it_over_takes_it_back_and_that_survives_a_restart() {
    let stage = Stage::new().await;
    let tx = stage.tx(0).await;
    assert_eq!(stage.client("a").submit(&tx, None).await, Broadcast::Accepted);
    let fault = stage.client("b").forget(tx.hash).await.unwrap_err();
    assert!(matches!(&fault, LinkFault::Refused(words) if words.contains("for this identity")), "{fault}");
    assert_eq!(stage.relay.held(), [tx.hash]);

    let restarted = stage.client("a");
    assert_eq!(restarted.forget(tx.hash).await, Ok(()));
    assert_eq!(restarted.status(tx.hash).await, Ok(RelayStatus::Cancelled));
    assert!(restarted.forget(tx.hash).await.is_err(), "it is gone already");
    stage.mine(2).await;
    assert_eq!(stage.block_of(tx.hash).await, None);
    assert_eq!(stage.relay.seen_auth(), [stage.auth("a").identity(), stage.auth("b").identity()]);
}

#[tokio::test]
async fn past_its_last_block_it_is_not_included_and_nobody_gets_more_than_25_blocks() {
    let stage = Stage::new().await;
    let client = stage.client("a");
    let head = stage.height().await;
    let tx = stage.tx(0).await;
    assert_eq!(client.submit(&tx, Some(head + 2)).await, Broadcast::Accepted);
    // Two blocks by somebody else.
    for _ in 0..2 {
        let _: Value = stage.rpc.ask("evm_mine", ()).await.unwrap();
    }
    stage.mine(1).await;
    assert_eq!((stage.block_of(tx.hash).await, stage.is_public(tx.hash).await), (None, false));
    assert_eq!(client.status(tx.hash).await, Ok(RelayStatus::Failed));

    assert_eq!(client.submit(&tx, Some(head + 1_000)).await, Broadcast::Accepted);
    let _: Value = stage.anvil.node().ask("anvil_mine", ("0x19",)).await.unwrap();
    stage.mine(1).await;
    assert_eq!(stage.block_of(tx.hash).await, None);
}

#[tokio::test]
async fn what_a_block_leaves_out_is_in_no_public_pool_afterwards() {
    let stage = Stage::new().await;
    let client = stage.client("a");
    let reverting = stage.signed(TRAP, 0, 30).await;
    assert_eq!(client.submit(&reverting, None).await, Broadcast::Accepted);
    stage.mine(1).await;
    assert_eq!((stage.block_of(reverting.hash).await, stage.is_public(reverting.hash).await), (None, false));
    assert_eq!(client.forget(reverting.hash).await, Ok(()));

    // The node takes it into its pool, and the block has no room for it.
    let cheap = stage.signed(TARGET, 0, 30).await;
    assert_eq!(client.submit(&cheap, None).await, Broadcast::Accepted);
    stage.relay.before_block(&stage.rpc).await.unwrap();
    assert!(stage.is_public(cheap.hash).await, "for the moment in which the block is made");
    let room = async |gas: u64| {
        let _: Value = stage.rpc.ask("evm_setBlockGasLimit", (U256::from(gas),)).await.unwrap();
    };
    room(50_000).await;
    let _: Value = stage.rpc.ask("evm_mine", ()).await.unwrap();
    stage.relay.after_block(&stage.rpc).await.unwrap();
    room(30_000_000).await;
    assert_eq!((stage.block_of(cheap.hash).await, stage.is_public(cheap.hash).await), (None, false));
    assert_eq!(stage.relay.held(), [cheap.hash], "it is tried again");

    // The better offer for the same nonce is the one that counts, and the other is given up.
    let better = stage.signed(TARGET, 0, 60).await;
    assert_eq!(client.submit(&better, None).await, Broadcast::Accepted);
    stage.mine(2).await;
    assert!(stage.block_of(better.hash).await.is_some());
    assert_eq!((stage.block_of(cheap.hash).await, stage.relay.held()), (None, Vec::new()));
}

#[tokio::test]
async fn a_request_without_a_signature_or_with_somebody_elses_is_turned_away() {
    let stage = Stage::new().await;
    let tx = stage.tx(0).await;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendPrivateTransaction", "params": [{ "tx": tx.raw }] });
    let body = body.to_string();
    let key = alloy::signers::local::PrivateKeySigner::random();
    let good = alloy::providers::ext::sign_flashbots_payload(body.clone(), &key).await.unwrap();
    let (_, signature) = good.split_once(':').unwrap();
    let stolen = format!("{}:{signature}", stage.signer.address());
    let post = async |header: Option<&str>| {
        let request = reqwest::Client::new().post(stage.relay.url()).body(body.clone());
        let request = match header {
            Some(header) => request.header("X-Flashbots-Signature", header),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };
    for header in [None, Some("nonsense"), Some(stolen.as_str())] {
        assert_eq!(post(header).await, 403, "{header:?}");
    }
    assert!(stage.relay.held().is_empty() && stage.relay.seen_auth().is_empty());
    assert_eq!(post(Some(&good)).await, 200);
    assert_eq!((stage.relay.held(), stage.relay.seen_auth()), (vec![tx.hash], vec![key.address()]));
}

#[tokio::test]
async fn bytes_that_are_no_transaction_are_refused_and_a_relay_that_is_away_leaves_it_open() {
    let stage = Stage::new().await;
    let garbage = SignedTx { hash: B256::repeat_byte(1), raw: Bytes::from_static(&[2, 1, 2, 3]) };
    assert!(matches!(stage.client("a").submit(&garbage, None).await, Broadcast::Refused(words) if words.contains("decode")));

    let requests = Requests::default();
    let settings =
        RelaySettings { url: secret("http://127.0.0.1:9/0123456789abcdef"), status_url: None, timeout: Duration::from_secs(1) };
    let away = FlashbotsRelay::new(&settings, stage.auth("a"), requests.hook()).unwrap();
    let tx = stage.tx(0).await;
    let answer = away.submit(&tx, None).await;
    assert!(matches!(&answer, Broadcast::MaybeSent(words) if words.contains("127.0.0.1")), "{answer:?}");
    let fault = away.forget(tx.hash).await.unwrap_err();
    assert_eq!((fault.label(), away.status(tx.hash).await), ("unreachable", Ok(RelayStatus::Unknown)));
    for text in [format!("{answer:?}"), fault.to_string(), format!("{away:?}")] {
        assert!(!text.contains("0123456789abcdef"), "{text}");
    }
    assert_eq!(requests.count("eth_sendPrivateTransaction"), 1);
}
