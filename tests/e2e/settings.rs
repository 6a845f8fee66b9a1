//! Settings that contradict the chain: the pool is parked with its reason, and the others run.

use ballast::app::{App, Wiring};
use ballast::config::{self, Environment};
use ballast::devnet::{Coin, config_files};
use ballast::observe::Event;

use crate::support::{Script, Stage, off_target, on_target, two_off_target, world};

fn parked(stage: &Stage, pool: &str) -> String {
    let reasons: Vec<&String> = stage
        .told
        .heard()
        .filter_map(|event| match event {
            Event::PoolParked { pool: who, reason } if who.as_str() == pool => Some(reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons.len(), 1, "{pool}: {reasons:?}");
    reasons[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_decimals_and_a_wrong_address_park_their_pools_and_no_other() {
    let pools =
        vec![off_target("grants"), on_target("payroll", Coin::Dai, Coin::Usdt), two_off_target("trading", Coin::Dai, Coin::Usdt)];
    let world = world(pools, 60.0).await;
    let address = |pool: &str| world.pool(pool).unwrap().address.to_checksum(None);
    let token = world.addresses().tokens.dai.to_checksum(None);
    let (payroll, usdc) = (address("payroll"), world.addresses().tokens.usdc.to_checksum(None));
    let decimals = |decimals: u8| format!("token = \"{usdc}\"\ndecimals = {decimals}");
    let script = Script::default().edit("ballast.toml", &decimals(6), &decimals(8)).edit("pools/payroll.toml", &payroll, &token);
    let mut stage = Stage::open(world, script).await;
    stage.done("trading").await;
    let reason = parked(&stage, "grants");
    assert!(reason.contains("6 decimals") && reason.contains("8 decimals") && reason.contains("assets.USDC.on.demo"), "{reason}");
    let reason = parked(&stage, "payroll");
    assert!(reason.contains("pools/payroll.toml") && reason.contains(&token), "{reason}");
    assert_eq!(stage.heard(|event| matches!(event, Event::PoolParked { .. })), 2);
    for pool in ["grants", "payroll"] {
        assert_eq!(stage.world.weight_updates(pool).await.unwrap(), []);
    }
    assert_eq!(stage.world.weight_updates("trading").await.unwrap().len(), 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_own_the_pool_parks_it() {
    // Everybody's fourth development key.
    const STRANGER: &str = "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a";
    let world = world(vec![off_target("grants")], 60.0).await;
    let script = Script::default().variable(ballast::devnet::config_files::KEY_VARIABLE, STRANGER);
    let keeper = world.addresses().keeper;
    let mut stage = Stage::open(world, script).await;
    stage.until("the pool is parked", |event| matches!(event, Event::PoolParked { .. })).await;
    let reason = parked(&stage, "grants");
    assert!(reason.contains("a pool owned by another account") && reason.contains(&keeper.to_string()), "{reason}");
    stage.blocks(3).await;
    assert_eq!(stage.world.weight_updates("grants").await.unwrap(), []);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardian_whose_account_is_the_keepers_is_refused_before_anything_runs() {
    let world = world(vec![off_target("grants")], 60.0).await;
    let keeper = world.addresses().keeper.to_checksum(None);
    let dir = Script::default().write(&world);
    // Another holder of keys, so that the settings alone cannot tell; nobody has to answer there.
    let guardian = format!("\n[chains.demo.guardian]\nweb3signer = \"http://127.0.0.1:1\"\naddress = \"{keeper}\"\n");
    let file = dir.path().join("ballast.toml");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &guardian).unwrap();
    let environment: Environment = [(config_files::KEY_VARIABLE, world.keeper_key())].into_iter().collect();
    let settings = config::load(dir.path(), &environment).unwrap_or_else(|faults| panic!("{faults}"));
    let wiring = Wiring::durable(&settings, world.clock()).await.unwrap();
    let fault = App::start(&settings, wiring).await.err().unwrap().to_string();
    assert!(fault.contains("chains.demo.guardian") && fault.contains(&keeper), "{fault}");
}
