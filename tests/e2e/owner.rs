//! The owner acts by hand: Ballast lets go of the pool, says so, and never fights.

use std::time::Duration;

use ballast::devnet::Coin;
use ballast::domain::decide::{Decision, Hold, Latch};
use ballast::observe::Event;
use ballast::ports::Clock;

use crate::support::discord::{self, Discord};
use crate::support::{Script, Stage, by_hand, on_target, weight, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_change_is_left_alone() {
    let discord = Discord::open().await;
    let world = world(vec![on_target("payroll", Coin::Usdc, Coin::Usdt)], 120.0).await;
    let mut stage = Stage::open(world, Script::default().variable(discord::VARIABLE, &discord.webhook())).await;
    stage.holds("payroll", "on_target").await;

    // Ten points off the target: twice what Ballast would act on.
    let coins = stage.world.pool("payroll").unwrap().coins.clone();
    let percents: Vec<u32> = coins.iter().map(|_| 50).collect();
    by_hand(&stage.world, "payroll", &percents, Duration::from_mins(5)).await;
    stage.holds("payroll", "foreign_change").await;
    let alarm = discord.embed("somebody acted by hand", |embed| discord::field(embed, "Pool") == "payroll").await;
    assert_eq!(alarm["title"], "payroll holds and needs a look");
    assert!(discord::field(&alarm, "Reason").contains("someone else changed the weights"), "{alarm:#}");
    assert_eq!(discord.embeds().len(), 1, "the start alarmed somebody: {:#?}", discord.embeds());

    let ramp = stage.world.gradual_update("payroll").await.unwrap();
    stage.block_at(ramp.end.plus(Duration::from_mins(12))).await;
    // Not even a depeg makes it take the pool out of its owner's hands.
    stage.world.set_price(Coin::Usdc, 0.97).await;
    stage.until("USDC is off its peg", |event| matches!(event, Event::PegMoved { .. })).await;
    stage.blocks(10).await;
    assert_eq!(stage.heard(|event| matches!(event, Event::TurnRequested { .. })), 0);
    assert_eq!(stage.world.weight_updates("payroll").await.unwrap().len(), 1, "the owner's, and nobody else's");
    for coin in coins {
        let found = weight(&stage.world, "payroll", coin).await;
        assert!((found.as_fraction() - 0.5).abs() < 1e-6, "{coin} is at {found}");
    }
    let latched = Decision::Hold(Hold::Latched(Latch::ForeignChange));
    let last = stage.told.heard().filter_map(|event| match event {
        Event::Decided { decision, .. } => Some(decision),
        _ => None,
    });
    assert_eq!(last.last(), Some(&latched));
    stage.close().await;
}

/// The owner's transaction spends a nonce that the journal knows nothing of. It might as well be another Ballast, or a thief: the lane
/// stands still until an operator has said that it is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_pools_of_the_key_go_on_when_an_operator_has_looked() {
    let pools = vec![on_target("payroll", Coin::Usdc, Coin::Usdt), on_target("trading", Coin::Dai, Coin::Usdt)];
    let mut stage = Stage::open(world(pools, 60.0).await, Script::default()).await;
    stage.holds("trading", "on_target").await;
    let percents: Vec<u32> = stage.world.pool("payroll").unwrap().coins.iter().map(|_| 50).collect();
    by_hand(&stage.world, "payroll", &percents, Duration::from_mins(5)).await;
    stage.holds("payroll", "foreign_change").await;

    stage.world.set_price(Coin::Dai, 0.97).await;
    let stopped = stage.until("the lane stands still", |event| matches!(event, Event::LaneStopped { .. })).await;
    assert!(matches!(stopped, Event::LaneStopped { label: "journal_behind", .. }), "{stopped:?}");
    stage.blocks(3).await;
    assert_eq!(stage.sent("trading"), 0);
    let lane = stage.journal.lanes().await.unwrap().remove(0);
    assert!(lane.stopped.is_some_and(|reason| reason.contains("ballast ops reconcile --accept")));
    let next = lane.next_nonce.unwrap() + 1;
    stage.journal.accept_nonces(&lane.key, next, "the owner", stage.world.clock().now()).await.unwrap();
    stage.until("the lane goes on", |event| matches!(event, Event::LaneResumed { .. })).await;
    let order = stage.done("trading").await;
    assert_eq!(stage.world.weight_updates("trading").await.unwrap().len(), 1, "{order:?}");
    stage.close().await;
}
