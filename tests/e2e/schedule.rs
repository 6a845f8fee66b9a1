//! The calendar: what was due while nobody was there is done once, by whoever comes next.

use ballast::devnet::{Coin, TokenSpec};
use ballast::domain::units::Timestamp;
use ballast::observe::Event;
use ballast::ports::Clock;

use crate::support::{START, Script, Stage, assert_on_target, pool, world};

/// The story begins on a Thursday at 20:26:40, so this week's slot is twenty-three minutes away.
const WEEKLY: &str = "schedule = { cron = \"50 20 * * THU\", zone = \"Etc/UTC\" }";
const SLOT: Timestamp = Timestamp::from_secs(1_780_001_400);

fn script() -> Script {
    Script::default().edit("policies/demo.toml", "schedule = false", WEEKLY)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weekly_slot_that_was_missed_during_downtime_is_caught_up_once() {
    assert_eq!(SLOT.since(START).as_secs(), 23 * 60 + 20);
    // Three points off: below the threshold of drift, so that only the calendar brings it home.
    let token = |coin, target, born| TokenSpec::percent(coin, target, 20, 80).born_at(born);
    let pools = vec![pool("vault", vec![token(Coin::Usdc, 60, 63), token(Coin::Usdt, 40, 37)])];
    let mut first = Stage::open(world(pools, 400.0).await, script()).await;
    first.holds("vault", "on_target").await;
    let (dir, world) = first.leave().await;
    assert!(world.clock().now() < SLOT, "it was gone before the slot");
    while world.clock().now() < SLOT.plus(world.block_time() * 5) {
        world.mine().await.unwrap();
    }
    assert_eq!(world.weight_updates("vault").await.unwrap().len(), 0);

    let mut second = Stage::open_in(dir, world, script()).await;
    let order = second.done("vault").await;
    assert_eq!((order.trigger.code(), order.deed), ("schedule", "reweight"));
    second.holds("vault", "on_target").await;
    assert_on_target(&second.world, "vault").await;
    let (dir, world) = second.leave().await;

    let mut third = Stage::open_in(dir, world, script()).await;
    third.holds("vault", "on_target").await;
    third.blocks(20).await;
    assert_eq!(third.heard(|event| matches!(event, Event::TurnRequested { .. })), 0, "it was served, and the journal knows");
    assert_eq!(third.world.weight_updates("vault").await.unwrap().len(), 1);
    third.close().await;
}
