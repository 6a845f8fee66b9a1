//! USDC loses its peg: everybody who holds it moves away from it at once, nobody buys it before it is back, and then the weights go
//! home.

use std::time::Duration;

use ballast::devnet::{Coin, TokenSpec, WorldHandle};
use ballast::domain::peg::PegState;
use ballast::domain::trigger::Class;
use ballast::domain::units::Weight;
use ballast::observe::Event;
use ballast::observe::event::Settlement;

use crate::support::{STORAGE, Script, Stage, assert_on_target, on_target, pool, world};

const HOLDERS: [&str; 3] = ["treasury", "payroll", "trading"];

/// Bounds, step and direction of an answer to the depeg.
fn assert_defends(world: &WorldHandle, order: &Settlement) {
    let spec = world.specs().iter().find(|spec| spec.name == order.pool.as_str()).unwrap();
    let mut sold = Weight::ZERO;
    for ((asset, before), target) in order.assets.iter().zip(&order.before).zip(&order.target) {
        let token = spec.tokens.iter().find(|token| token.coin.asset() == *asset).unwrap();
        assert!((token.min..=token.max).contains(target), "{}: {asset} goes to {target}", order.pool);
        let step = before.abs_diff(*target);
        assert!(step <= Weight::from_bps(1_300), "{}: {asset} moves by {step}", order.pool);
        if token.coin == Coin::Usdc {
            assert!(target < before, "{}: USDC goes from {before} to {target}", order.pool);
            sold = step;
        } else {
            assert!(target >= before, "{}: {asset} is sold too", order.pool);
        }
    }
    assert!(sold > Weight::ZERO, "{} sells nothing", order.pool);
}

/// From the first sight of the depeg on, no block shows more USDC in a pool than the block before.
fn assert_never_bought(stage: &Stage) {
    for holder in HOLDERS {
        let after = stage.told.heard().skip_while(|event| !matches!(event, Event::PegMoved { to: PegState::Depegged, .. }));
        let weights = after.filter_map(|event| match event {
            Event::PoolSeen { pool, tokens, .. } if pool.as_str() == holder => {
                tokens.iter().find(|token| token.asset == Coin::Usdc.asset()).map(|token| token.weight)
            }
            _ => None,
        });
        let weights: Vec<Weight> = weights.collect();
        assert!(weights.len() > 5 && weights.is_sorted_by(|before, after| after <= before), "{holder}: {weights:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_holder_moves_away_at_once_and_comes_home_when_the_coin_is_back() {
    let token = TokenSpec::percent;
    let pools = vec![
        pool("treasury", vec![token(Coin::Dai, 40, 15, 60), token(Coin::Usdc, 35, 10, 55), token(Coin::Usdt, 25, 10, 50)]),
        on_target("payroll", Coin::Usdc, Coin::Usdt),
        on_target("trading", Coin::Dai, Coin::Usdc),
        on_target("bystander", Coin::Dai, Coin::Usdt),
    ];
    let mut stage = Stage::open(world(pools, 120.0).await, Script::default()).await;
    stage.holds("bystander", "on_target").await;
    stage.world.set_price(Coin::Usdc, 0.97).await;

    let mut orders = Vec::new();
    while orders.len() < HOLDERS.len() {
        let event = stage.until("a holder has answered", |event| matches!(event, Event::Settled(_))).await;
        let Event::Settled(order) = event else { unreachable!() };
        assert_eq!((order.outcome.label(), order.trigger.class()), ("done", Class::Depeg), "{order:?}");
        assert_defends(&stage.world, &order);
        orders.push(*order);
    }
    // Spaced, they would lie 30 s of policy time apart: two blocks and a half.
    let mut updates = Vec::new();
    for holder in HOLDERS {
        let sent = stage.world.weight_updates(holder).await.unwrap();
        assert_eq!(sent.len(), 1, "{holder}: {sent:?}");
        assert!(orders.iter().any(|order| order.pool.as_str() == holder));
        updates.extend(sent);
    }
    updates.sort_by_key(|update| update.nonce);
    assert!(updates.windows(2).all(|two| two[1].nonce == two[0].nonce + 1), "{updates:?}");
    let blocks: Vec<u64> = updates.iter().map(|update| update.block).collect();
    assert!(blocks.iter().max().unwrap() - blocks.iter().min().unwrap() <= 1, "not one batch: {updates:?}");

    // The price is back before the ramps have arrived: no second step is due.
    stage.world.set_price(Coin::Usdc, 1.0).await;
    let sound = |event: &Event| matches!(event, Event::PegMoved { to: PegState::Sound, .. });
    stage.until("USDC is sound", sound).await;
    assert_never_bought(&stage);
    let bought_early = stage.heard(|event| matches!(event, Event::TxSent { class, .. } if !class.is_protective()));
    assert_eq!(bought_early, 0, "somebody bought USDC before it was sound");

    for _ in HOLDERS {
        let event = stage.until("a pool is on its way home", |event| matches!(event, Event::Settled(_))).await;
        let Event::Settled(order) = event else { unreachable!() };
        assert_eq!((order.outcome.label(), order.trigger.class()), ("done", Class::Drift), "{order:?}");
    }
    for holder in HOLDERS {
        let ramp = stage.world.gradual_update(holder).await.unwrap();
        stage.block_at(ramp.end).await;
    }
    stage.blocks(1).await;
    for holder in HOLDERS {
        assert_on_target(&stage.world, holder).await;
        assert_eq!(stage.world.weight_updates(holder).await.unwrap().len(), 2, "{holder}: once away and once home");
    }
    assert_eq!(stage.world.weight_updates("bystander").await.unwrap(), [], "the bystander holds no USDC");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ramp_that_buys_the_falling_coin_is_turned_around() {
    // The way to the target raises USDC from 34 to 40.
    let mut stage =
        Stage::open(world(vec![crate::support::two_off_target("payroll", Coin::Dai, Coin::Usdc)], 40.0).await, Script::default())
            .await;
    let home = stage.done("payroll").await;
    assert_eq!(home.trigger.class(), Class::Drift);
    let ramp = stage.world.gradual_update("payroll").await.unwrap();
    stage.block_at(ramp.start.plus(Duration::from_mins(1))).await;
    stage.world.set_price(Coin::Usdc, 0.97).await;
    let away = stage.done("payroll").await;
    assert_eq!(away.trigger.class(), Class::Depeg);
    assert_defends(&stage.world, &away);
    let turned = stage.world.gradual_update("payroll").await.unwrap();
    assert!(turned.start < ramp.end, "the first ramp had arrived before it was replaced");
    let usdc = stage.world.pool("payroll").unwrap().coins.iter().position(|coin| *coin == Coin::Usdc).unwrap();
    assert!(turned.end_weights[usdc] < turned.start_weights[usdc]);
    assert!(turned.start_weights[usdc] < ramp.end_weights[usdc].saturating_sub(STORAGE), "USDC was bought to the end");
    stage.close().await;
}
