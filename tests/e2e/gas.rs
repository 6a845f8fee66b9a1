//! Gas is dear: what can wait waits, and holds nobody up.

use ballast::devnet::Coin;
use ballast::domain::trigger::Class;
use ballast::domain::units::GasPrice;
use ballast::observe::Event;

use crate::support::{Script, Stage, assert_on_target, on_target, two_off_target, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drift_waits_for_cheap_gas_while_a_depeg_passes_it() {
    let world =
        world(vec![two_off_target("grants", Coin::Dai, Coin::Usdt), on_target("payroll", Coin::Usdc, Coin::Usdt)], 100.0).await;
    world.set_base_fee(120).await;
    // The first block after the set-up still has the old fee.
    world.mine_many(2).await.unwrap();
    let mut stage = Stage::open(world, Script::default()).await;
    let held = |event: &Event| {
        matches!(event, Event::TurnHeldForGas { pool, class: Class::Drift, gas: Some(gas), cap }
            if pool.as_str() == "grants" && gas > cap && *cap == GasPrice::from_gwei(30))
    };
    stage.until("the drift is held", held).await;

    stage.world.set_price(Coin::Usdc, 0.97).await;
    let depeg = stage.done("payroll").await;
    assert_eq!(depeg.trigger.class(), Class::Depeg);
    let price = depeg.outcome.inclusion().unwrap().cost.price;
    assert!(price > GasPrice::from_gwei(120), "gas was not dear: {price}");
    assert_eq!(stage.sent("grants"), 0, "it waits");
    assert_eq!(stage.world.weight_updates("grants").await.unwrap(), []);
    assert_eq!(stage.heard(|event| matches!(event, Event::TurnExpired { .. })), 0, "it still waits");

    stage.world.set_base_fee(3).await;
    let drift = stage.done("grants").await;
    assert_eq!(drift.trigger.class(), Class::Drift);
    assert!(drift.outcome.inclusion().unwrap().cost.price < GasPrice::from_gwei(30));
    assert_eq!(
        stage.heard(|event| matches!(event, Event::TurnRequested { pool, .. } if pool.as_str() == "grants")),
        1,
        "one request waited"
    );
    let ramp = stage.world.gradual_update("grants").await.unwrap();
    stage.block_at(ramp.end).await;
    stage.blocks(1).await;
    assert_on_target(&stage.world, "grants").await;
    assert_eq!(stage.world.weight_updates("grants").await.unwrap().len(), 1);
    stage.close().await;
}
