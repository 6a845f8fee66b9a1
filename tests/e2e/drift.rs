//! A pool is off its target: one transaction brings it there, and nothing follows.

use std::time::Duration;

use ballast::devnet::Coin;
use ballast::domain::decide::{Decision, Hold};
use ballast::domain::outcome::Outcome;
use ballast::domain::plan::Plan;
use ballast::domain::trigger::Trigger;
use ballast::domain::units::Weight;
use ballast::observe::Event;

use crate::support::{STORAGE, Script, Stage, assert_on_target, off_target, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_transaction_brings_a_pool_to_its_target_exactly() {
    let mut stage = Stage::open(world(vec![off_target("grants")], 100.0).await, Script::default()).await;
    let decided = stage
        .until("the pool decides to act", |event| matches!(event, Event::Decided { decision: Decision::Act { .. }, .. }))
        .await;
    let Event::Decided { decision: Decision::Act { trigger, plan: Plan::Reweight(plan), .. }, .. } = decided else {
        unreachable!()
    };
    assert_eq!(trigger, Trigger::Drift { asset: Coin::Dai.asset(), drift: Weight::from_bps(600) });

    let order = stage.done("grants").await;
    let ramp = stage.world.gradual_update("grants").await.unwrap();
    assert_eq!(order.target, plan.target.weights());
    for (ordered, stored) in order.target.iter().zip(&ramp.end_weights) {
        assert!(ordered.abs_diff(*stored) <= STORAGE, "ordered {ordered}, the chain has {stored}");
    }
    assert_eq!(ramp.end.since(ramp.start), order.ramp, "the ramp on the chain lasts as long as the one ordered");
    let Outcome::Done(inclusion) = &order.outcome else { unreachable!() };
    assert!(ramp.start > inclusion.block.timestamp, "no part of the ramp was over when it was included");

    stage.block_at(ramp.end).await;
    assert_on_target(&stage.world, "grants").await;
    // Longer than the least interval between two changes.
    stage.policy_time(Duration::from_mins(12)).await;
    let updates = stage.world.weight_updates("grants").await.unwrap();
    assert_eq!(updates.len(), 1, "{updates:?}");
    assert_eq!((updates[0].hash, updates[0].nonce, updates[0].success), (inclusion.tx, inclusion.nonce, true));
    assert_eq!(stage.sent("grants"), 1);
    assert_on_target(&stage.world, "grants").await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_way_takes_legs_and_each_waits_for_the_least_interval() {
    let script = Script::default().edit("policies/demo.toml", "drift_threshold = \"5%\"", "drift_threshold = \"1.5%\"").edit(
        "policies/demo.toml",
        "max_step = \"13%\"",
        "max_step = \"3.5%\"",
    );
    let mut stage = Stage::open(world(vec![off_target("grants")], 120.0).await, script).await;
    stage.done("grants").await;
    let first = stage.world.gradual_update("grants").await.unwrap();
    let halfway: Vec<Weight> = stage
        .world
        .pool("grants")
        .unwrap()
        .coins
        .iter()
        .map(|coin| match coin {
            Coin::Dai => Weight::from_bps(4_300),
            Coin::Usdc => Weight::from_bps(3_350),
            Coin::Usdt => Weight::from_bps(2_350),
        })
        .collect();
    for (wanted, stored) in halfway.iter().zip(&first.end_weights) {
        assert!(wanted.abs_diff(*stored) <= STORAGE, "half of the way is {wanted}, the chain has {stored}");
    }

    let holds = |event: &Event| matches!(event, Event::Decided { decision: Decision::Hold(Hold::TooSoon { .. }), .. });
    let held = stage.until("the second leg waits", holds).await;
    let Event::Decided { decision: Decision::Hold(Hold::TooSoon { until }), .. } = held else { unreachable!() };
    assert_eq!(until, first.start.plus(Duration::from_mins(10)));
    let second = stage.done("grants").await;
    assert!(second.triggered_at >= until, "acted at {}, not before {until}", second.triggered_at);

    let ramp = stage.world.gradual_update("grants").await.unwrap();
    stage.block_at(ramp.end).await;
    stage.blocks(2).await;
    assert_on_target(&stage.world, "grants").await;
    assert_eq!(stage.world.weight_updates("grants").await.unwrap().len(), 2);
    stage.close().await;
}
