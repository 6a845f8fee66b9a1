//! A feed talks nonsense: nothing is concluded, nothing is traded, and somebody hears of it.

use std::time::Duration;

use ballast::devnet::{Coin, WorldHandle};
use ballast::domain::decide::{Decision, Hold, Missing};
use ballast::domain::units::Timestamp;
use ballast::observe::Event;
use ballast::ports::Clock;

use crate::support::discord::{self, Discord};
use crate::support::{Script, Stage, assert_on_target, off_target, world};

const DOLLAR: i128 = 100_000_000;

/// What the feed of USDC says, and the word for it.
struct Nonsense {
    label: &'static str,
    answer: i128,
    /// How far its time is from the world's.
    written: fn(Timestamp) -> Timestamp,
    decimals: u8,
}

const fn now(now: Timestamp) -> Timestamp {
    now
}

fn yesterday(now: Timestamp) -> Timestamp {
    now.minus(Duration::from_hours(24))
}

fn tomorrow(now: Timestamp) -> Timestamp {
    now.plus(Duration::from_hours(24))
}

const ALL: [Nonsense; 7] = [
    Nonsense { label: "not_positive", answer: 0, written: now, decimals: 8 },
    Nonsense { label: "stale", answer: DOLLAR, written: yesterday, decimals: 8 },
    Nonsense { label: "not_positive", answer: -DOLLAR, written: now, decimals: 8 },
    Nonsense { label: "from_the_future", answer: DOLLAR, written: tomorrow, decimals: 8 },
    Nonsense { label: "wrong_decimals", answer: DOLLAR, written: now, decimals: 18 },
    // Below every price that is believed: a depeg that would be acted on, if it were true.
    Nonsense { label: "out_of_bounds", answer: DOLLAR / 10, written: now, decimals: 8 },
    Nonsense { label: "overflow", answer: i128::MAX, written: now, decimals: 8 },
];

async fn say(world: &WorldHandle, nonsense: &Nonsense) {
    world.set_feed_decimals(Coin::Usdc, nonsense.decimals).await.unwrap();
    // A moment ago, or the round would be younger than its block.
    let moment = world.clock().now().minus(Duration::from_mins(1));
    world.push_round(Coin::Usdc, nonsense.answer, (nonsense.written)(moment)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_no_price_and_moves_nothing() {
    let discord = Discord::open().await;
    let world = world(vec![off_target("grants")], 100.0).await;
    world.hold_oracle(Coin::Usdc, true).await;
    say(&world, &ALL[0]).await;
    world.mine().await.unwrap();
    let mut stage = Stage::open(world, Script::default().variable(discord::VARIABLE, &discord.webhook())).await;

    for nonsense in &ALL {
        say(&stage.world, nonsense).await;
        let is_told = |event: &Event| {
            matches!(event, Event::ReadingTaken { asset, result: Err(label), .. }
                if *asset == Coin::Usdc.asset() && *label == nonsense.label)
        };
        stage.until(nonsense.label, is_told).await;
        stage.blocks(3).await;
    }
    // Six points off and every other fact known: all that holds it back is the price.
    let last = stage.told.heard().filter_map(|event| match event {
        Event::Decided { decision, .. } => Some(decision),
        _ => None,
    });
    assert_eq!(last.last(), Some(&Decision::Hold(Hold::Unknown(Missing::PriceOf(Coin::Usdc.asset())))));
    assert_eq!(stage.heard(|event| matches!(event, Event::TurnRequested { .. })), 0);
    assert_eq!(stage.heard(|event| matches!(event, Event::PegMoved { .. })), 0, "nonsense is no depeg either");
    assert_eq!(stage.world.weight_updates("grants").await.unwrap(), []);
    let held = discord.embed("the pool holds", |embed| discord::field(embed, "Pool") == "grants").await;
    assert_eq!(held["title"], "grants holds and needs a look");
    assert_eq!(discord::field(&held, "Reason"), "unknown: no believable price of USDC");

    stage.world.set_feed_decimals(Coin::Usdc, 8).await.unwrap();
    stage.world.hold_oracle(Coin::Usdc, false).await;
    stage.done("grants").await;
    let ramp = stage.world.gradual_update("grants").await.unwrap();
    stage.block_at(ramp.end).await;
    stage.blocks(1).await;
    assert_on_target(&stage.world, "grants").await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_falls_silent_goes_blind_at_its_heartbeat_and_alarms_once() {
    let discord = Discord::open().await;
    // An hour of heartbeat and five minutes of grace are thirteen seconds here.
    let world = world(vec![off_target("grants")], 300.0).await;
    let script = Script::default().variable(discord::VARIABLE, &discord.webhook());
    let mut stage = Stage::open(world, script).await;
    stage.done("grants").await;
    stage.world.hold_oracle(Coin::Usdc, true).await;
    let blind = stage
        .until(
            "USDC goes blind",
            |event| matches!(event, Event::TrustMoved { asset, fault: Some(_), .. } if *asset == Coin::Usdc.asset()),
        )
        .await;
    let Event::TrustMoved { fault: Some(fault), .. } = blind else { unreachable!() };
    let alarm = discord.embed("USDC is blind", |embed| embed["title"] == "No believable price of USDC").await;
    assert_eq!(discord::field(&alarm, "Fault"), fault);
    stage.holds("grants", "unknown").await;
    stage.blocks(10).await;
    let alarms = discord.embeds().iter().filter(|embed| embed["title"] == "No believable price of USDC").count();
    assert_eq!(alarms, 1);
    assert_eq!(stage.world.weight_updates("grants").await.unwrap().len(), 1);
    stage.close().await;
}
