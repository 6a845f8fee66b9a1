//! What coins earn elsewhere is read with the same batch as everything else, and a vault that loses money is told at once.

use alloy_primitives::U256;
use ballast::devnet::config_files::{CHAIN, FileOptions};
use ballast::devnet::deployer::Deployer;
use ballast::devnet::rpc::Account;
use ballast::devnet::{Coin, savings, yields};
use ballast::domain::ids::AssetId;
use ballast::domain::units::GasPrice;
use ballast::observe::Event;

use crate::support::page::{self, metric};
use crate::support::{Script, Stage, on_target, world};

/// A hundredth of the million coins that are in the vault, with six digits.
const LOSS: u64 = 10_000_000_000;

fn is(event: &Event, id: &str, wanted: impl Fn(Result<u128, &str>, bool) -> bool) -> bool {
    matches!(event, Event::YieldTaken { asset, result, share, .. }
        if *asset == AssetId::new(id) && wanted(result.map(|found| found.smooth.wad() / 10_000_000_000_000), share.is_some()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yields_are_read_and_a_loss_is_told() {
    // Two minutes of policy time are a second: an hour of a share's growth takes half a minute.
    let world = world(vec![on_target("treasury", Coin::Dai, Coin::Usdc)], 400.0).await;
    let places = world.open_savings().await.unwrap();
    let script = Script::default();
    let script = Script { files: FileOptions { savings: Some(places.clone()), ..script.files }, ..script };
    let mut stage = Stage::open(world, script).await;

    let young = |event: &Event| is(event, "DAI", |found, _| found == Err("too_young"));
    stage.until("the yield of DAI is too young", young).await;
    // 4 % with interest on interest, in thousandths of a percent.
    stage.until("DAI earns 4.08 %", |event| is(event, "DAI", |found, _| found == Ok(4_081))).await;
    let share = |event: &Event| is(event, "sUSDC", |found, share| share && found == Err("too_young"));
    stage.until("a share of USDC is worth something", share).await;
    let grown = |event: &Event| is(event, "sUSDC", |found, _| found.is_ok_and(|found| (4_900..=5_100).contains(&found)));
    stage.until("a share of USDC earns 5 %", grown).await;

    let (_, text) = page::get(stage.http, "/metrics").await;
    let at = |asset| [("chain", CHAIN), ("asset", asset)];
    let about = |name, asset, expected: f64, off: f64| {
        let found = metric(&text, name, &at(asset)).unwrap_or_else(|| panic!("{name} of {asset} in:\n{text}"));
        assert!((found - expected).abs() < off, "{name} of {asset} is {found}");
    };
    about("ballast_yield_apy", "DAI", 0.0408, 0.0001);
    about("ballast_yield_utilisation_ratio", "DAI", 0.5, 0.001);
    about("ballast_share_rate", "sUSDC", 1.0, 0.001);
    assert_eq!(metric(&text, "ballast_share_rate", &at("DAI")), None, "a reserve has no shares");

    let rpc = stage.world.rpc();
    let mut deployer = Deployer::new(&rpc, 0, GasPrice::from_gwei(3));
    let mut saver = Account::new(savings::SAVER);
    yields::lose(&mut deployer, &mut saver, places.vault, U256::from(LOSS)).await.unwrap();
    let fell = |event: &Event| matches!(event, Event::ShareRateFell { asset, from, to, .. } if *asset == AssetId::new("sUSDC") && to < from);
    stage.until("the loss is told", fell).await;
    let forgotten = |event: &Event| is(event, "sUSDC", |found, share| share && found == Err("too_young"));
    stage.until("what was paid before it counts no more", forgotten).await;
    stage.close().await;
}
