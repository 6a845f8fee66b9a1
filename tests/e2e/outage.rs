//! The node dies and comes back: the program says so, waits, and goes on where it was.

use ballast::devnet::Coin;
use ballast::domain::peg::Trust;
use ballast::domain::trigger::Class;
use ballast::observe::Event;

use crate::support::{Script, Stage, assert_on_target, in_mempool, off_target, on_target, world};

/// The node is gone until the program has noticed, and then back.
async fn outage(stage: &mut Stage) {
    stage.world.kill_node().await.unwrap();
    // The order in which they are told is nobody's promise.
    let (mut lost, mut silent, mut blind) = (false, false, false);
    let noticed = |event: &Event| {
        lost |= matches!(event, Event::LinkLost { .. });
        silent |= matches!(event, Event::ChainSilent { .. });
        blind |= matches!(event, Event::TrustMoved { to: Trust::Blind, .. });
        lost && silent && blind
    };
    stage.until("the link is lost, the chain silent and nothing known", noticed).await;
    stage.world.restart_node().await.unwrap();
    stage.until("the link is back", |event| matches!(event, Event::LinkOpened { .. })).await;
}

fn deaths(stage: &Stage) -> usize {
    stage.heard(|event| matches!(event, Event::ActorDied { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_is_worked_with_again_without_a_restart() {
    let mut stage = Stage::open(world(vec![on_target("payroll", Coin::Usdc, Coin::Usdt)], 60.0).await, Script::default()).await;
    stage.holds("payroll", "on_target").await;
    outage(&mut stage).await;
    stage.world.set_price(Coin::Usdc, 0.97).await;
    let order = stage.done("payroll").await;
    assert_eq!(order.trigger.class(), Class::Depeg);
    let ramp = stage.world.gradual_update("payroll").await.unwrap();
    stage.block_at(ramp.start).await;
    assert_eq!(stage.world.weight_updates("payroll").await.unwrap().len(), 1);
    assert_eq!((deaths(&stage), stage.sent("payroll")), (0, 1));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_the_node_has_forgotten_is_not_lost_and_not_doubled() {
    let script = Script::default().without_blocks();
    let mut stage = Stage::open(world(vec![off_target("grants")], 20.0).await, script).await;
    stage.until("the link is open", |event| matches!(event, Event::LinkOpened { .. })).await;
    stage.world.mine().await.unwrap();
    let sent = stage.until("the order is sent", |event| matches!(event, Event::TxSent { .. })).await;
    let Event::TxSent { nonce, .. } = sent else { unreachable!() };
    in_mempool(&stage.world, nonce).await;
    outage(&mut stage).await;
    stage.make_blocks();
    // Included late, or cancelled because it would come too late and then ordered again; either way once.
    while stage.settlement("grants").await.outcome.label() != "done" {}
    let ramp = stage.world.gradual_update("grants").await.unwrap();
    stage.block_at(ramp.end).await;
    stage.blocks(3).await;
    assert_on_target(&stage.world, "grants").await;
    let updates = stage.world.weight_updates("grants").await.unwrap();
    assert_eq!(updates.iter().filter(|update| update.success).count(), 1, "{updates:?}");
    let of_keeper: Vec<u64> = updates.iter().map(|update| update.nonce).collect();
    assert!(of_keeper.iter().all(|nonce| of_keeper.iter().filter(|other| *other == nonce).count() == 1), "{updates:?}");
    assert_eq!(deaths(&stage), 0);
    stage.close().await;
}
