//! Scenarios in a world.

use std::time::Duration;

use super::{START, tools};
use crate::devnet::coins::Coin;
use crate::devnet::market::{Curve, Path};
use crate::devnet::scenario::{Action, Scenario, Step, play};
use crate::devnet::world::{World, WorldOptions};
use crate::domain::units::GasPrice;

#[tokio::test]
async fn steps_are_taken_in_order_at_the_pace_of_the_policy_clock() {
    let world = World::start(WorldOptions { speed: 600.0, ..WorldOptions::new(tools(), START) }).await.unwrap();
    let step = |minute: u64, action| Step { at: Duration::from_secs(minute * 60), narration: "", action };
    let scenario = Scenario {
        name: "short",
        about: "",
        steps: vec![
            step(0, Action::PauseArbitrage("payroll")),
            step(1, Action::Skew { pool: "payroll", from: Coin::Usdc, to: Coin::Usdt, part: 0.12 }),
            step(1, Action::BaseFee(120)),
            step(2, Action::PricePath { coin: Coin::Dai, path: Path::minutes(&[(0, 1.0), (2, 0.9)], Curve::Smooth) }),
            step(4, Action::KillNode),
            step(5, Action::RestartNode),
            step(6, Action::PanicPool("reserve")),
        ],
        length: Duration::from_secs(600),
    };
    let (mut taken, mut panicked) = (Vec::new(), Vec::new());
    let running = world.run();
    let begin = tokio::time::Instant::now();
    play(&scenario, &world, |step| taken.push(step.at), |pool| panicked.push(pool.to_owned())).await.unwrap();
    let took = begin.elapsed();
    running.stop().await;
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
    assert!(taken.is_sorted() && taken.len() == 7);
    assert_eq!(panicked, ["reserve"]);
    assert!((world.prices().await.dai - 0.9).abs() < 1e-9);
    assert_eq!(world.base_fee().await, GasPrice::from_gwei(120));
    let (shares, weights) = (world.shares("payroll").await.unwrap(), world.weights("payroll").await.unwrap());
    let off = (shares[0].1 - weights[0].1.as_fraction()).abs();
    println!("payroll is {off:.4} off");
    assert!(off > 0.03, "far more than the demo's two points: {off}");
    let nonsense = Scenario { steps: vec![step(0, Action::PauseArbitrage("nothing"))], ..scenario };
    assert!(play(&nonsense, &world, |_| (), |_| ()).await.is_err());
}
