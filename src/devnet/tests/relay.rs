//! A relay that is plugged into the world.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Bytes;
use secrecy::SecretString;
use serde_json::Value;

use super::world;
use crate::chain::relay::{FlashbotsRelay, RelayAuth, RelaySettings};
use crate::chain::signer::LocalSigner;
use crate::devnet::anvil::CHAIN_ID;
use crate::domain::fees::Fees;
use crate::domain::units::GasPrice;
use crate::ports::{Broadcast, Call, Relay, TransactionSigner, TxDraft};

#[tokio::test]
async fn the_world_brings_private_transactions_into_its_blocks() {
    let world = world().await;
    let relay = world.open_relay().await.unwrap();
    let keys = tempfile::tempdir().unwrap();
    let auth = RelayAuth::from_file_or_create(&keys.path().join("relay.key")).unwrap();
    let settings = RelaySettings { url: relay.url().to_owned().into(), status_url: None, timeout: Duration::from_secs(5) };
    let client = FlashbotsRelay::new(&settings, auth, Arc::new(|_| {})).unwrap();

    let keeper = LocalSigner::from_key(&SecretString::from(world.keeper_key())).unwrap();
    let fees = Fees { max_fee: GasPrice::from_gwei(30), tip: GasPrice::from_gwei(1) };
    let call = Call { target: keeper.address(), data: Bytes::new() };
    let tx = keeper.sign(&TxDraft { call, nonce: 0, fees, gas_limit: 22_000 }, CHAIN_ID).await.unwrap();
    assert_eq!(client.submit(&tx, None).await, Broadcast::Accepted);
    let pool: Value = world.rpc().ask("txpool_content", ()).await.unwrap();
    assert!(!pool.to_string().contains(&tx.hash.to_string()));

    let block = world.mine().await.unwrap();
    let receipt: Value = world.rpc().ask("eth_getTransactionReceipt", (tx.hash,)).await.unwrap();
    assert_eq!(receipt["blockNumber"], format!("0x{:x}", block.number));
    assert!(relay.held().is_empty());
}
