//! A coin falls and the owner has said: stop trading. Trading stops on the chain and nothing is sold; when the coin is back and has stayed
//! it for a while, trading starts with a high fee that falls to what it was. Whoever has a mandate sells what is too much of the coin
//! first. And the chain's own brakes are set before anything happens.

use ballast::chain::managed_pool::{ManagedPool, PoolToken};
use ballast::devnet::rpc::{Account, Order};
use ballast::devnet::{Coin, TokenSpec};
use ballast::domain::peg::PegState;
use ballast::domain::plan::{Exit, Plan};
use ballast::domain::units::{GasPrice, Timestamp, Weight};
use ballast::observe::Event;
use ballast::ports::Position;

use crate::support::{Script, Stage, assert_on_target, pool, soon, world};

const POLICY: &str = "policies/demo.toml";

fn treasury() -> ballast::devnet::PoolSpec {
    let token = TokenSpec::percent;
    pool("treasury", vec![token(Coin::Dai, 40, 15, 60), token(Coin::Usdc, 35, 10, 55), token(Coin::Usdt, 25, 10, 50)])
}

fn value(state: &ballast::devnet::batch::PoolState) -> f64 {
    state.holdings.iter().map(|h| h.side().balance).sum()
}

/// Somebody who has shares takes a tenth of them out, in proportion, as anybody may while trading is off.
async fn redeem_a_tenth(stage: &Stage) {
    let (world, account) = (&stage.world, stage.world.addresses().provider);
    let place = world.pool("treasury").unwrap();
    let token = |coin: &Coin| PoolToken { address: *world.addresses().tokens.get(*coin), decimals: coin.decimals() };
    let pool = ManagedPool::new(place.address, place.id, world.addresses().vault, place.coins.iter().map(token).collect());
    let (shares, before) =
        (world.pool_shares_of("treasury", account).await.unwrap() / 10, value(&world.state("treasury").await.unwrap()));
    let exit = Plan::Exit(Exit { shares, least_out: vec![1; place.coins.len()] });
    let call = pool.owned_by(Some(account)).order(&exit, Timestamp::default(), Timestamp::default());
    let max_fee = GasPrice::from_gwei(100_000);
    let order = Order { to: Some(call.target), data: call.data.to_vec(), gas: 500_000, max_fee, tip: GasPrice::from_gwei(2) };
    world.rpc().send(&mut Account::new(account), &order).await.unwrap();
    let left = async { while world.pool_shares_of("treasury", account).await.unwrap() > shares * 9 + 10 {} };
    soon("the shares are redeemed", left).await;
    let part = 1.0 - value(&world.state("treasury").await.unwrap()) / before;
    assert!((part - 0.1).abs() < 0.001, "{part} of the pool was paid out for a tenth of the shares");
}

async fn falls_and_recovers(stage: &mut Stage) {
    stage.world.set_price(Coin::Usdc, 1.0).await;
    let sound = |event: &Event| matches!(event, Event::PegMoved { to: PegState::Sound, .. });
    stage.until("USDC is sound", sound).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trading_stops_while_a_coin_is_off_its_peg_and_starts_again_behind_a_falling_fee() {
    let script = Script::default().edit(POLICY, "answer = \"derisk\"", "answer = \"freeze\"");
    let mut stage = Stage::open(world(vec![treasury()], 120.0).await, script).await;
    stage.holds("treasury", "on_target").await;
    let before = stage.world.state("treasury").await.unwrap();
    stage.world.set_price(Coin::Usdc, 0.95).await;

    let order = stage.done("treasury").await;
    assert_eq!((order.deed, order.trigger.class().label()), ("freeze", "depeg"));
    let frozen = stage.world.state("treasury").await.unwrap();
    assert!(!frozen.swap_enabled);
    assert_eq!(stage.world.weight_updates("treasury").await.unwrap().len(), 0, "nothing is sold");
    stage.holds("treasury", "frozen").await;
    redeem_a_tenth(&stage).await;
    let frozen = stage.world.state("treasury").await.unwrap();
    assert!(!frozen.swap_enabled, "leaving in proportion opens nothing");

    falls_and_recovers(&mut stage).await;
    let order = stage.done("treasury").await;
    assert_eq!((order.deed, order.trigger.code()), ("fee_ramp", "reopen"));
    let order = stage.done("treasury").await;
    assert_eq!((order.deed, order.trigger.code()), ("open", "reopen"));
    let open = stage.world.state("treasury").await.unwrap();
    assert!(open.swap_enabled && open.fee > before.fee * 10.0, "{} after {}", open.fee, before.fee);

    stage.holds("treasury", "on_target").await;
    let usual = |fee: f64| (fee - before.fee).abs() < 1e-9;
    for _ in 0..200 {
        if usual(stage.world.state("treasury").await.unwrap().fee) {
            break;
        }
        stage.until("another block", |event| matches!(event, Event::PoolSeen { .. })).await;
    }
    let after = stage.world.state("treasury").await.unwrap();
    assert!(usual(after.fee), "the fee stays at {}", after.fee);
    assert_on_target(&stage.world, "treasury").await;
    // Between the fall and the freeze arbitrage had its two or three blocks; nothing was lost after that.
    let lost = 1.0 - value(&after) / value(&frozen);
    assert!(lost < 0.0005, "reopening cost {lost}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_a_mandate_sells_what_is_too_much_and_then_stops_trading() {
    let script = Script::default().edit(POLICY, "max_loss_if_coin_dies = \"0%\"", "max_loss_if_coin_dies = \"25%\"").edit(
        POLICY,
        "then = \"hold\"",
        "then = \"freeze\"",
    );
    let mut stage = Stage::open(world(vec![treasury()], 120.0).await, script).await;
    stage.holds("treasury", "on_target").await;
    stage.world.set_price(Coin::Usdc, 0.95).await;

    let order = stage.done("treasury").await;
    assert_eq!(order.deed, "reweight");
    let usdc = order.assets.iter().position(|asset| *asset == Coin::Usdc.asset()).unwrap();
    // At 0.95 with a floor of 0.05 a dead coin loses 94.7 % of its weight: 26.4 points lose a quarter of the pool.
    let left = order.target[usdc];
    assert!(left > Weight::from_bps(2_600) && left < Weight::from_bps(2_680), "USDC goes to {left}");
    let order = stage.done("treasury").await;
    assert_eq!((order.deed, order.trigger.class().label()), ("freeze", "depeg"), "the tranche has arrived");

    falls_and_recovers(&mut stage).await;
    let deeds = [stage.done("treasury").await.deed, stage.done("treasury").await.deed, stage.done("treasury").await.deed];
    assert_eq!(deeds, ["fee_ramp", "open", "reweight"], "open first, then home");
    stage.holds("treasury", "ramp_in_flight").await;
    stage.holds("treasury", "on_target").await;
    assert_on_target(&stage.world, "treasury").await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chains_own_brakes_are_set_and_hold_a_fall_that_nobody_has_answered() {
    let breakers = "breakers = { fall = \"3%\", rise = \"5%\", tolerance = \"2%\" }";
    // Nobody answers the fall: only the brakes do.
    let script = Script::default().edit(POLICY, "breakers = false", breakers).edit(POLICY, "\"derisk\"", "\"hold\"");
    let mut stage = Stage::open(world(vec![treasury()], 120.0).await, script).await;
    let order = stage.done("treasury").await;
    assert_eq!((order.deed, order.trigger.code()), ("brake", "breakers"));
    stage.holds("treasury", "on_target").await;
    let before = stage.world.state("treasury").await.unwrap();

    stage.world.set_price(Coin::Usdc, 0.80).await;
    stage.holds("treasury", "left_alone").await;
    for _ in 0..15 {
        stage.until("another block", |event| matches!(event, Event::PoolSeen { .. })).await;
    }
    let after = stage.world.state("treasury").await.unwrap();
    let held = |state: &ballast::devnet::batch::PoolState| {
        state.holdings.iter().find(|h| h.coin == Coin::Usdc).map(|h| h.side().balance).unwrap()
    };
    // A fall of 20 % would have the pool buy 15 % more USDC; three percent are 2 %.
    let bought = held(&after) / held(&before) - 1.0;
    assert!((0.0..0.025).contains(&bought), "the pool has bought {bought} more");
    stage.close().await;
}
