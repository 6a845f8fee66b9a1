//! A transaction is stuck: its fee is raised, and when it is too late it is taken back. Whichever of its attempts a block takes, the
//! pool is changed once.

use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy_primitives::{B256, U256};
use ballast::devnet::proxy::{Fault, Faults, Proxy};
use ballast::devnet::{Coin, World};
use ballast::domain::operation::{Attempt, AttemptKind, State};
use ballast::domain::outcome::Outcome;
use ballast::domain::trigger::Class;
use ballast::domain::units::GasPrice;
use ballast::observe::Event;
use serde_json::Value;

use crate::support::{Script, Stage, carried_out, in_mempool, off_target, on_target, public_pool, two_off_target, world};

/// A world with one block, from which the program can see everything.
async fn quiet(pools: Vec<ballast::devnet::PoolSpec>) -> World {
    let world = world(pools, 60.0).await;
    world.mine().await.unwrap();
    world
}

/// The drift of `grants` is at the node, at the price of three gwei.
async fn handed_over(stage: &mut Stage) -> u64 {
    let nonce = stage.sends("grants", AttemptKind::First).await;
    in_mempool(&stage.world, nonce).await;
    nonce
}

fn signed(attempt: &Attempt) -> TxEnvelope {
    TxEnvelope::decode_2718_exact(&attempt.raw).unwrap()
}

/// Maximum and tip, as they are signed.
fn offer(attempt: &Attempt) -> [u128; 2] {
    let signed = signed(attempt);
    [signed.max_fee_per_gas(), signed.max_priority_fee_per_gas().unwrap()]
}

fn kinds(attempts: &[Attempt]) -> Vec<AttemptKind> {
    attempts.iter().map(|attempt| attempt.kind).collect()
}

fn inclusion(outcome: &Outcome) -> (B256, u64) {
    let inclusion = outcome.inclusion().unwrap();
    (inclusion.tx, inclusion.block.number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_rising_base_fee_it_is_raised_taken_back_at_its_deadline_and_ordered_again() {
    use AttemptKind::{Cancellation, First, Replacement};
    let script = Script::default().without_blocks().edit("policies/demo.toml", "start_lead = \"90s\"", "start_lead = \"5m\"");
    let mut stage = Stage::open(quiet(vec![off_target("grants")]).await, script).await;
    let nonce = handed_over(&mut stage).await;
    // Each time the market is above what the last attempt may pay, and the raise follows it up to the cap of 30 gwei.
    for base_fee in [10, 24] {
        stage.world.set_base_fee(base_fee).await;
        for _ in 0..3 {
            stage.mine().await;
        }
        assert_eq!(stage.sends("grants", Replacement).await, nonce);
    }
    stage.world.set_base_fee(50).await;
    stage.make_blocks();
    // No raise fits under the cap: the same bytes go again, because the node may have dropped what it cannot include.
    let last = stage.operations("grants").await[0].attempts[2].hash;
    for _ in 0..2 {
        let answered = |event: &Event| matches!(event, Event::TxAnswered { hash, .. } if *hash == last);
        stage.until("the same bytes go to the node, and go again", answered).await;
    }
    assert_eq!(stage.sends("grants", Cancellation).await, nonce);
    let cancelled = stage.settlement("grants").await;
    assert!(matches!(cancelled.outcome, Outcome::Cancelled(_)), "{:?}", cancelled.outcome);
    stage.reaches("grants", State::FinalCancelled).await;
    assert_eq!(carried_out(&stage.world, "grants").await, [B256::ZERO; 0]);

    stage.world.set_base_fee(3).await;
    let done = stage.done_at_last("grants").await;
    stage.reaches("grants", State::FinalOk).await;
    assert_eq!(carried_out(&stage.world, "grants").await, [inclusion(&done.outcome).0]);

    let operations = stage.operations("grants").await;
    let states: Vec<State> = operations.iter().map(|operation| operation.state).collect();
    assert_eq!(states, [State::FinalCancelled, State::FinalOk]);
    let attempts = &operations[0].attempts;
    assert_eq!(kinds(attempts), [First, Replacement, Replacement, Cancellation]);
    for two in attempts.windows(2) {
        for (old, new) in offer(&two[0]).into_iter().zip(offer(&two[1])) {
            assert!(new > old + old.div_ceil(8), "{old} became {new}: no eighth more");
        }
    }
    assert!(attempts.iter().all(|attempt| signed(attempt).nonce() == nonce));
    assert!(attempts[..3].iter().all(|attempt| offer(attempt)[0] <= GasPrice::from_gwei(30).wei()), "the cap of the class");
    assert_eq!(signed(&attempts[3]).to(), Some(stage.world.addresses().keeper));
    stage.close().await;
}

/// As a node that mines for its own: no block has room for the order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_block_has_room_for_it_the_cancellation_is_what_lands() {
    const ROOM: u64 = 60_000;
    let mut stage = Stage::open(quiet(vec![off_target("grants")]).await, Script::default().without_blocks()).await;
    handed_over(&mut stage).await;
    // Nobody else has room either.
    stage.world.pause_arbitrage("grants").await.unwrap();
    let limit = async |stage: &Stage, gas: u64| {
        let _: bool = stage.world.rpc().ask("evm_setBlockGasLimit", (U256::from(gas),)).await.unwrap();
    };
    limit(&stage, ROOM).await;
    stage.make_blocks();
    let cancelled = stage.settlement("grants").await;
    assert!(matches!(cancelled.outcome, Outcome::Cancelled(_)), "{:?}", cancelled.outcome);
    limit(&stage, 30_000_000).await;
    stage.reaches("grants", State::FinalCancelled).await;

    let operation = stage.operations("grants").await.remove(0);
    let (tx, block) = inclusion(&cancelled.outcome);
    let block: Value = stage.world.rpc().ask("eth_getBlockByNumber", (format!("0x{block:x}"), false)).await.unwrap();
    assert_eq!(block["gasLimit"], format!("0x{ROOM:x}"));
    let (order, cancellation) = (&operation.attempts[0], operation.attempts.last().unwrap());
    assert!(order.gas_limit > ROOM && signed(order).gas_limit() > ROOM, "the order would have had room");
    assert_eq!((cancellation.hash, cancellation.kind), (tx, AttemptKind::Cancellation));
    assert_eq!((operation.state, operation.landing.unwrap().hash), (State::FinalCancelled, tx));

    stage.world.resume_arbitrage("grants").await.unwrap();
    let done = stage.done_at_last("grants").await;
    assert_eq!(carried_out(&stage.world, "grants").await, [inclusion(&done.outcome).0]);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_depeg_pushes_a_stuck_drift_out_at_its_own_price_and_lands_with_it() {
    // The cancellation alone could not pay what the market asks, and the drift is not raised.
    let chain = "priority_fee_gwei = 1\nbump_after_blocks = 100\ncancel_cap_gwei = 10";
    let script = Script::default().without_blocks().edit("ballast.toml", "priority_fee_gwei = 1", chain).edit(
        "policies/demo.toml",
        "start_lead = \"90s\"",
        "start_lead = \"1h\"",
    );
    let pools = vec![two_off_target("grants", Coin::Dai, Coin::Usdt), on_target("payroll", Coin::Usdc, Coin::Usdt)];
    let mut stage = Stage::open(quiet(pools).await, script).await;
    let nonce = handed_over(&mut stage).await;
    stage.world.set_base_fee(28).await;
    for _ in 0..4 {
        stage.mine().await;
    }
    assert_eq!(stage.sent("grants"), 1, "it is stuck");

    stage.world.set_price(Coin::Usdc, 0.97).await;
    // The feed sees it in one block and says so in the next.
    stage.mine().await;
    stage.mine().await;
    assert_eq!(stage.sends("grants", AttemptKind::Cancellation).await, nonce);
    assert_eq!(stage.sends("payroll", AttemptKind::First).await, nonce + 1);
    in_mempool(&stage.world, nonce + 1).await;
    stage.make_blocks();
    let (mut drift, mut depeg) = (None, None);
    while drift.is_none() || depeg.is_none() {
        let event = stage.until("both orders are settled", |event| matches!(event, Event::Settled(_))).await;
        let Event::Settled(order) = event else { unreachable!() };
        let place = if order.pool.as_str() == "grants" { &mut drift } else { &mut depeg };
        *place = Some(*order);
    }
    let (drift, depeg) = (drift.unwrap(), depeg.unwrap());
    assert_eq!((drift.outcome.label(), drift.trigger.class()), ("cancelled", Class::Drift));
    assert_eq!((depeg.outcome.label(), depeg.trigger.class()), ("done", Class::Depeg));
    let (out, after) = (inclusion(&drift.outcome).1, inclusion(&depeg.outcome).1);
    assert!((out..=out + 1).contains(&after), "the drift left in block {out}, the depeg came in block {after}");
    let cancellation = stage.operations("grants").await[0].attempts.last().unwrap().clone();
    let pays = cancellation.fees.max_fee;
    assert!(
        pays > GasPrice::from_gwei(28) && pays <= GasPrice::from_gwei(300),
        "more than its own cap, no more than the depeg's"
    );
    assert_eq!(carried_out(&stage.world, "payroll").await, [inclusion(&depeg.outcome).0]);
    assert_eq!(carried_out(&stage.world, "grants").await, [B256::ZERO; 0]);

    stage.world.set_base_fee(3).await;
    let again = stage.done_at_last("grants").await;
    assert_eq!(carried_out(&stage.world, "grants").await, [inclusion(&again.outcome).0]);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_attempt_that_lands_after_a_reorganisation_is_as_good_as_the_newest() {
    let world = quiet(vec![off_target("grants")]).await;
    let node = world.http_url().trim_start_matches("http://").parse().unwrap();
    let proxy = Proxy::start(node, Faults::none()).await.unwrap();
    let mut script = Script::default().without_blocks().edit("policies/demo.toml", "start_lead = \"90s\"", "start_lead = \"5m\"");
    script.files.rpc = Some(vec![proxy.http_url()]);
    script.files.finality = 4;
    let mut stage = Stage::open(world, script).await;
    handed_over(&mut stage).await;
    stage.world.set_base_fee(10).await;
    for _ in 0..3 {
        stage.mine().await;
    }
    let nonce = stage.sends("grants", AttemptKind::Replacement).await;
    let operation = stage.operations("grants").await.remove(0);
    let [old, new] = &operation.attempts[..] else { panic!("{:?}", operation.attempts) };
    soon_in_pool(&stage, new.hash).await;
    stage.mine().await;
    let done = stage.done("grants").await;
    assert_eq!(inclusion(&done.outcome).0, new.hash);

    // Its block is gone. The program sends the newest attempt again, and this time the node says yes and forgets it; somebody else has
    // kept the old one, and the market is low enough for it.
    proxy.faults().always("eth_sendRawTransaction", Fault::Swallow);
    stage.world.reorg(1).await.unwrap();
    stage.world.set_base_fee(3).await;
    stage.mine().await;
    let accepted: B256 = stage.world.rpc().ask("eth_sendRawTransaction", (&old.raw,)).await.unwrap();
    assert_eq!(accepted, old.hash);
    stage.mine().await;
    stage.make_blocks();
    stage.reaches("grants", State::FinalOk).await;
    assert_eq!(stage.heard(|event| matches!(event, Event::Reorganised { .. })), 1);

    let operations = stage.operations("grants").await;
    assert_eq!((operations.len(), operations[0].state, operations[0].nonce), (1, State::FinalOk, Some(nonce)));
    assert_eq!(operations[0].landing.unwrap().hash, old.hash);
    assert_eq!(carried_out(&stage.world, "grants").await, [old.hash]);
    let ramp = stage.world.gradual_update("grants").await.unwrap();
    stage.block_at(ramp.end).await;
    stage.blocks(2).await;
    crate::support::assert_on_target(&stage.world, "grants").await;
    assert_eq!(carried_out(&stage.world, "grants").await, [old.hash], "nothing followed");
    stage.close().await;
}

/// The node has this very transaction.
async fn soon_in_pool(stage: &Stage, hash: B256) {
    let hash = hash.to_string();
    let asking = async { while !public_pool(&stage.world).await.contains(&hash) {} };
    crate::support::soon("the node has the transaction", asking).await;
}
