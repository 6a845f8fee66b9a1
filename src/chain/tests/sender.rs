//! Signing and sending.

use alloy::sol_types::{Revert, SolError};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::Value;

use super::anvil::{Anvil, CHAIN_ID, Reply, contract};
use super::network::{draft, funded, key, landed, sender_of, settings};
use crate::domain::route::Via;
use crate::domain::units::GasPrice;
use crate::ports::{Broadcast, Call, SendFault, TransactionSender, TxDraft};

const OWNED: Address = Address::repeat_byte(0x22);

#[tokio::test]
async fn a_transaction_is_simulated_sent_and_found_in_its_block() {
    let anvil = Anvil::start(&["--no-mining"]);
    let sender = funded(&anvil, vec![anvil.node()]).await.sender;
    let gas = sender.simulate(&draft(0, 30).call).await.unwrap();
    assert!((25_000..27_000).contains(&gas), "{gas}: 21 000 and a little, and a fifth on top");
    assert_eq!(sender.next_nonce().await, Ok(0));

    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(landed(&sender, tx.hash).await, Ok(None));
    assert_eq!(sender.broadcast(&tx, Via::Public, None).await, Broadcast::Accepted);
    assert_eq!(landed(&sender, tx.hash).await, Ok(None), "not in a block yet");
    anvil.mine(1).await;
    let receipt = landed(&sender, tx.hash).await.unwrap().unwrap();
    assert!(receipt.success && receipt.cost.gas_used > 21_000 && receipt.cost.price > GasPrice::from_gwei(1), "{receipt:?}");
    let head = sender.head(receipt.block_hash).await.unwrap().unwrap();
    assert_eq!((head.stamp.number, head.stamp.hash), (receipt.block_number, receipt.block_hash));
    let answers = sender.read(receipt.block_hash, &[draft(0, 30).call]).await.unwrap();
    assert_eq!(answers, [Ok(U256::from(receipt.block_number).to_be_bytes_vec().into())]);

    assert_eq!(sender.next_nonce().await, Ok(1));
    assert_eq!(sender.broadcast(&tx, Via::Public, None).await, Broadcast::NonceSpent, "the same bytes again");
    assert_eq!(
        sender.broadcast(&sender.sign(&draft(0, 60)).await.unwrap(), Via::Public, None).await,
        Broadcast::NonceSpent,
        "a replacement too late"
    );
    assert_eq!(sender.head(B256::repeat_byte(9)).await, Ok(None));

    let _: Value = anvil.node().ask("anvil_rollback", (1u64,)).await.unwrap();
    assert_eq!(sender.head(receipt.block_hash).await, Ok(None), "the block is not on the chain any more");
    assert_eq!(landed(&sender, tx.hash).await, Ok(None));
}

#[tokio::test]
async fn a_waiting_transaction_is_known_and_replaced_only_by_a_better_offer() {
    let anvil = Anvil::start(&["--no-mining"]);
    let sender = funded(&anvil, vec![anvil.node()]).await.sender;
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    assert_eq!(sender.broadcast(&tx, Via::Public, None).await, Broadcast::Accepted);
    assert_eq!(sender.broadcast(&tx, Via::Public, None).await, Broadcast::AlreadyKnown);
    assert_eq!((sender.next_nonce().await, sender.account().await.map(|view| view.pending_nonce)), (Ok(0), Ok(1)));
    assert_eq!(sender.broadcast(&sender.sign(&draft(0, 29)).await.unwrap(), Via::Public, None).await, Broadcast::Underpriced);
    let better = sender.sign(&draft(0, 60)).await.unwrap();
    assert_eq!(sender.broadcast(&better, Via::Public, None).await, Broadcast::Accepted);
    anvil.mine(1).await;
    assert!(landed(&sender, better.hash).await.unwrap().is_some_and(|receipt| receipt.success));
    assert_eq!(landed(&sender, tx.hash).await, Ok(None));
}

#[tokio::test]
async fn what_a_node_will_never_take_is_refused() {
    let anvil = Anvil::start(&[]);
    let poor = sender_of(vec![anvil.node()], settings(CHAIN_ID), key(2)).sender;
    let refused = |outcome: Broadcast| matches!(outcome, Broadcast::Refused(_));
    let outcome = poor.broadcast(&poor.sign(&draft(0, 30)).await.unwrap(), Via::Public, None).await;
    assert!(refused(outcome.clone()), "no money: {outcome:?}");
    let rich = funded(&anvil, vec![anvil.node()]).await.sender;
    let outcome =
        rich.broadcast(&rich.sign(&TxDraft { gas_limit: 20_000, ..draft(0, 30) }).await.unwrap(), Via::Public, None).await;
    assert!(refused(outcome.clone()), "too little gas: {outcome:?}");
    assert_eq!(rich.next_nonce().await, Ok(0), "none of them was taken");
}

#[tokio::test]
async fn a_simulation_that_reverts_says_why() {
    let anvil = Anvil::start(&[]);
    let sender = funded(&anvil, vec![anvil.node()]).await.sender;
    anvil.put(OWNED, &contract(&[([0; 4], Reply::Revert(Revert::from("BAL#401").abi_encode()))])).await;
    let call = Call { target: OWNED, data: Bytes::from_static(&[0; 4]) };
    let SendFault::WouldRevert(why) = sender.simulate(&call).await.unwrap_err() else { panic!("another fault") };
    assert!(why.starts_with("BAL#401 (the sender may not do this"), "{why}");
    let bare = Call { target: OWNED, data: Bytes::from_static(&[9; 4]) };
    assert!(matches!(sender.simulate(&bare).await, Err(SendFault::WouldRevert(_))));
}

#[tokio::test]
async fn when_nobody_answers_a_transaction_may_have_been_sent() {
    let mut anvil = Anvil::start(&[]);
    let sender = funded(&anvil, vec![anvil.node()]).await.sender;
    let tx = sender.sign(&draft(0, 30)).await.unwrap();
    anvil.kill();
    assert!(matches!(sender.broadcast(&tx, Via::Public, None).await, Broadcast::MaybeSent(_)));
    assert!(matches!(sender.next_nonce().await, Err(SendFault::Link(_))));
}
