//! Replacement at a node that enforces what real nodes do: ten per cent more, on both fields. Anvil takes anything.

use alloy_primitives::{B256, Bytes, U64, U256, keccak256};
use serde_json::Value;

use super::network::{Stage, key, landed, public, sender_of, settings};
use super::unheard;
use crate::chain::provider::Node;
use crate::chain::sender::NetworkSender;
use crate::devnet::hardhat::Hardhat;
use crate::devnet::toolbox;
use crate::domain::fees::{Bump, Fees};
use crate::domain::units::GasPrice;
use crate::ports::{Broadcast, Call, Sighting, SignedTx, TransactionSender, TxDraft};

const CHAIN_ID: u64 = 31_337;
/// Above whatever is asked for here.
const CAP: GasPrice = GasPrice::from_gwei(1_000_000);

struct Strict {
    _hardhat: Hardhat,
    node: Node,
    sender: NetworkSender,
}

impl Strict {
    async fn start() -> Self {
        let hardhat = Hardhat::start(&toolbox::for_tests().contracts).await.unwrap();
        let node = Node::http(&hardhat.http_url().into(), std::time::Duration::from_secs(10), unheard()).unwrap();
        let Stage { sender, .. } = sender_of(vec![node.clone()], settings(CHAIN_ID), key(1));
        let wealth = U256::from(10).pow(U256::from(24));
        let _: bool = node.ask("hardhat_setBalance", (sender.address(), wealth)).await.unwrap();
        Self { _hardhat: hardhat, node, sender }
    }

    async fn sign(&self, nonce: u64, fees: Fees) -> SignedTx {
        // What it does is nobody's business here; a cancellation is told from it by its gas.
        let call = Call { target: self.sender.address(), data: Bytes::from_static(&[1]) };
        self.sender.sign(&TxDraft { call, nonce, fees, gas_limit: 100_000 }).await.unwrap()
    }

    async fn cancellation(&self, nonce: u64, fees: Fees) -> SignedTx {
        let call = Call { target: self.sender.address(), data: Bytes::new() };
        self.sender.sign(&TxDraft { call, nonce, fees, gas_limit: 22_000 }).await.unwrap()
    }

    async fn hand_over(&self, tx: &SignedTx) -> Broadcast {
        public(&self.sender, tx).await
    }

    /// What waits for a block under this hash offers, on both fields.
    async fn waiting(&self, hash: B256) -> Option<Fees> {
        let found: Value = self.node.ask("eth_getTransactionByHash", (hash,)).await.unwrap();
        let field = |name: &str| GasPrice::from_wei(found[name].as_str().unwrap().parse::<U256>().unwrap().to());
        (!found.is_null()).then(|| Fees { max_fee: field("maxFeePerGas"), tip: field("maxPriorityFeePerGas") })
    }

    /// Makes a block that has room for everything and asks for no base fee.
    async fn mine(&self) {
        let _: bool = self.node.ask("hardhat_setNextBlockBaseFeePerGas", ("0x0",)).await.unwrap();
        let none: [(); 0] = [];
        let _: Value = self.node.ask("evm_mine", none).await.unwrap();
    }
}

/// What would be offered now, if the market asked for nothing more.
fn raised(old: Fees) -> Fees {
    match Fees::bump(&old, &old, CAP) {
        Bump::Replace(fees) => fees,
        Bump::AtCap => panic!("{old:?} has no replacement below the cap"),
    }
}

/// So many hundredths more, rounded down.
fn dearer(price: GasPrice, hundredths: u128) -> GasPrice {
    GasPrice::from_wei(price.wei() * (100 + hundredths) / 100)
}

/// Offers of all sizes, from a few wei to a bad hour: the rounding of the rule shows at the small ones.
fn offers() -> Vec<Fees> {
    let wei = |max_fee: u128, tip: u128| Fees { max_fee: GasPrice::from_wei(max_fee), tip: GasPrice::from_wei(tip) };
    let drawn = (0u64..24).map(|number| {
        let draw = keccak256(number.to_be_bytes());
        let (size, below) = (u128::from(draw[0]) % 40, u128::from(u64::from_be_bytes(draw[1..9].try_into().unwrap())));
        let max_fee = (below % (1 << (size + 1))) + 1;
        wei(max_fee, u128::from(u64::from_be_bytes(draw[9..17].try_into().unwrap())) % max_fee + 1)
    });
    [wei(1, 1), wei(9, 1), wei(10, 10), wei(11, 1), wei(30_000_000_001, 1_000_000_007)].into_iter().chain(drawn).collect()
}

#[tokio::test]
async fn nine_per_cent_more_is_refused_and_what_is_bid_instead_is_taken_on_both_fields() {
    let strict = Strict::start().await;
    for (nonce, old) in (0u64..).zip(offers()) {
        let first = strict.sign(nonce, old).await;
        assert_eq!(strict.hand_over(&first).await, Broadcast::Accepted, "{old:?}");
        assert_eq!(strict.hand_over(&first).await, Broadcast::AlreadyKnown, "{old:?}");
        let new = raised(old);
        let nine = Fees { max_fee: dearer(old.max_fee, 9), tip: dearer(old.tip, 9) };
        let (one_field, other_field) = (Fees { tip: old.tip, ..new }, Fees { max_fee: old.max_fee, ..new });
        for too_little in [nine, one_field, other_field] {
            // The same offer again is another matter: the very same bytes.
            if too_little != old && too_little.tip <= too_little.max_fee {
                let tx = strict.sign(nonce, too_little).await;
                assert_eq!(strict.hand_over(&tx).await, Broadcast::Underpriced, "{old:?} -> {too_little:?}");
            }
        }
        assert_eq!(strict.waiting(first.hash).await, Some(old), "it is still there");
        let second = strict.sign(nonce, new).await;
        assert_eq!(strict.hand_over(&second).await, Broadcast::Accepted, "{old:?} -> {new:?}");
        assert_eq!((strict.waiting(first.hash).await, strict.waiting(second.hash).await), (None, Some(new)));
    }
}

#[tokio::test]
async fn a_cancellation_takes_the_place_of_what_it_cancels() {
    let strict = Strict::start().await;
    let mut cancelled = Vec::new();
    for (nonce, old) in (0u64..).zip(offers()) {
        let (first, second) = (strict.sign(nonce, old).await, strict.sign(nonce, raised(old)).await);
        let cancellation = strict.cancellation(nonce, raised(raised(old))).await;
        let cheap = strict.cancellation(nonce, raised(old)).await;
        for (tx, answer) in [
            (&first, Broadcast::Accepted),
            (&second, Broadcast::Accepted),
            (&cheap, Broadcast::Underpriced),
            (&cancellation, Broadcast::Accepted),
        ] {
            assert_eq!(strict.hand_over(tx).await, answer, "{old:?}");
        }
        cancelled.push([cancellation, second, first]);
    }
    strict.mine().await;
    for attempts in &cancelled {
        let hashes = attempts.each_ref().map(|tx| tx.hash);
        let seen = strict.sender.sight(&hashes).await.unwrap();
        assert!(matches!(seen, Sighting::Included { hash, receipt, .. } if hash == hashes[0] && receipt.success), "{seen:?}");
        assert_eq!(landed(&strict.sender, hashes[1]).await, Ok(None));
        let spent = strict.hand_over(&attempts[2]).await;
        assert!(matches!(spent, Broadcast::NonceSpent), "{spent:?}");
    }
    let next: U64 = strict.node.ask("eth_getTransactionCount", (strict.sender.address(), "latest")).await.unwrap();
    assert_eq!(next, U64::from(cancelled.len()));
}
