//! What moves the treasury's own money, on a lane of its own: a pool that nobody trades back is traded back by its owner, within
//! bounds, and an owner who has said so leaves when a coin falls.

use ballast::devnet::config_files::{CHAIN, FileOptions};
use ballast::devnet::{Coin, PerCoin, PoolSpec, TokenSpec};
use ballast::domain::operation::AttemptKind;
use ballast::domain::outcome::Outcome;
use ballast::observe::Event;

use crate::support::{Script, Stage, pool, world};

const POLICY: &str = "policies/demo.toml";
const KEY: &str = "TREASURY_KEY";
const SWAP: &str = "swap = { slippage = \"0.5%\", max_slippage = \"2%\", volatility_gain = \"100%\", most_usd = \"50000\", \
                    accept_third_party_lps = false }";

fn vault() -> PoolSpec {
    let token = TokenSpec::percent;
    pool("vault", vec![token(Coin::Dai, 40, 15, 60), token(Coin::Usdc, 35, 10, 55), token(Coin::Usdt, 25, 10, 50)])
}

/// With the key of the world's liquidity provider, who owns all shares of all pools.
fn script(key: &str) -> Script {
    let script = Script::default();
    let files = FileOptions { treasury_variable: Some(KEY.to_owned()), ..script.files };
    Script { files, ..script }.variable(KEY, key)
}

fn dollars(coins: &PerCoin<u128>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for a comparison")]
    Coin::ALL.iter().map(|coin| *coins.get(*coin) as f64 / 10f64.powi(i32::from(coin.decimals()))).sum()
}

/// The largest distance of a value share from its weight, in points.
async fn drift(stage: &Stage) -> f64 {
    let (shares, weights) = (stage.world.shares("vault").await.unwrap(), stage.world.weights("vault").await.unwrap());
    let off = |((_, share), (_, weight)): (&(Coin, f64), &(Coin, ballast::domain::units::Weight))| {
        (share - weight.as_fraction()).abs() * 100.0
    };
    shares.iter().zip(&weights).map(off).fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_nobody_trades_back_is_traded_back_by_its_owner_who_earns_it() {
    let world = world(vec![vault()], 120.0).await;
    let script = script(world.provider_key()).edit(POLICY, "swap = false", SWAP);
    let mut stage = Stage::open(world, script).await;
    stage.holds("vault", "on_target").await;
    let treasury = stage.world.addresses().provider;
    let before = stage.world.coins_of(treasury).await.unwrap();
    stage.world.pause_arbitrage("vault").await.unwrap();
    stage.world.skew("vault", Coin::Usdc, Coin::Usdt, 0.2).await.unwrap();
    stage.until("the push is seen", |event| matches!(event, Event::PoolSeen { .. })).await;
    while drift(&stage).await < 2.0 {
        stage.until("another block", |event| matches!(event, Event::PoolSeen { .. })).await;
    }
    let off = drift(&stage).await;

    let order = stage.done("vault").await;
    assert_eq!((order.deed, order.trigger.code()), ("swap", "composition"));
    let after = drift(&stage).await;
    assert!(after < off / 4.0, "{off} → {after} points off");
    let earned = dollars(&stage.world.coins_of(treasury).await.unwrap()) - dollars(&before);
    assert!(earned > 50.0, "the treasury earned ${earned}");
    assert_eq!(stage.world.weight_updates("vault").await.unwrap().len(), 0, "no weight has moved");
    let record = stage.operations("vault").await.remove(0);
    assert_eq!(record.lane.signer, treasury, "on a lane of its own");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_that_would_slip_is_refused_and_the_pool_is_looked_after_all_the_same() {
    let world = world(vec![vault()], 120.0).await;
    // Whoever pays a larger tip is first in the block.
    let script = script(world.provider_key())
        .edit(POLICY, "swap = false", SWAP)
        .edit(POLICY, "persist = \"5m\"", "persist = \"0s\"")
        .edit("ballast.toml", "priority_fee_gwei = 1", "priority_fee_gwei = 0.001")
        .without_blocks();
    let mut stage = Stage::open(world, script).await;
    stage.mine().await;
    stage.mine().await;
    let treasury = stage.world.addresses().provider;
    let before = stage.world.coins_of(treasury).await.unwrap();
    stage.world.pause_arbitrage("vault").await.unwrap();
    stage.world.skew("vault", Coin::Usdc, Coin::Usdt, 0.2).await.unwrap();
    stage.mine().await;
    stage.sends("vault", AttemptKind::First).await;
    // Somebody else trades it back in the same block, a little earlier.
    stage.world.skew("vault", Coin::Usdt, Coin::Usdc, 0.2).await.unwrap();
    stage.mine().await;
    let order = stage.settlement("vault").await;
    assert!(matches!(order.outcome, Outcome::Slipped(_)), "{:?}", order.outcome);
    assert_eq!(stage.world.coins_of(treasury).await.unwrap(), before, "nothing but gas was lost");

    // The next one that pays is made: a market that moves is no reason to wait for a human.
    let blocks = stage.world.run();
    stage.world.skew("vault", Coin::Usdc, Coin::Usdt, 0.2).await.unwrap();
    assert_eq!(stage.done("vault").await.deed, "swap");
    blocks.stop().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_the_treasurys_key_takes_no_settings_that_need_it() {
    let world = world(vec![vault()], 20.0).await;
    let variable = Script::default().variable(KEY, world.provider_key());
    let mut stage = Stage::open(world, variable).await;
    stage.follow_files();
    // The key is in the settings now, and the process was started before.
    let keeper = format!("[chains.{CHAIN}.keeper]");
    stage.edit("ballast.toml", &keeper, &format!("[chains.{CHAIN}.treasury]\nenv = \"{KEY}\"\n\n{keeper}"));
    stage.edit(POLICY, "answer = \"derisk\"", "answer = \"exit\"");
    let kept = stage.until("the change is not taken", |event| matches!(event, Event::PoolKept { .. })).await;
    let Event::PoolKept { reason, .. } = kept else { unreachable!() };
    assert!(reason.contains("treasury's key") && reason.contains("restart"), "{reason}");
    assert_eq!(stage.heard(|event| matches!(event, Event::SettingsRead { restart: true, .. })), 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_has_said_so_leaves_with_all_it_has_when_a_coin_falls() {
    let world = world(vec![vault()], 120.0).await;
    let script = script(world.provider_key()).edit(POLICY, "answer = \"derisk\"", "answer = \"exit\"");
    let mut stage = Stage::open(world, script).await;
    stage.holds("vault", "on_target").await;
    let treasury = stage.world.addresses().provider;
    let before = stage.world.coins_of(treasury).await.unwrap();
    let shares = stage.world.pool_shares_of("vault", treasury).await.unwrap();
    let pooled: f64 = stage.world.state("vault").await.unwrap().holdings.iter().map(|held| held.side().balance).sum();
    stage.world.set_price(Coin::Usdc, 0.95).await;

    let order = stage.done("vault").await;
    assert_eq!((order.deed, order.trigger.class().label()), ("exit", "depeg"));
    assert!(shares > 0 && stage.world.pool_shares_of("vault", treasury).await.unwrap() == 0);
    let got = dollars(&stage.world.coins_of(treasury).await.unwrap()) - dollars(&before);
    // Between the fall and the exit arbitrage had its blocks: what came in is more of the coin that fell, counted here at a dollar.
    assert!((0.97..1.05).contains(&(got / pooled)), "{got} of {pooled}");
    stage.holds("vault", "defended").await;
    assert_eq!(stage.sent("vault"), 1);
    assert!(stage.world.swap_enabled("vault").await.unwrap(), "others go on as they like");
    stage.close().await;
}
