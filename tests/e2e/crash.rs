//! A pool dies: it comes back alone, nothing is sent twice, and nobody else notices.

use std::sync::Arc;
use std::time::Duration;

use ballast::devnet::{Coin, catalogue};
use ballast::domain::ids::PoolId;
use ballast::observe::Event;
use tokio::time::Instant;

use crate::support::drill::{AlwaysDies, FirstHolderDies};
use crate::support::{Script, Stage, assert_on_target, off_target, on_target, world};

/// The first pause of the back-off.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

fn when(stage: &Stage, wanted: impl Fn(&Event) -> bool) -> Instant {
    stage.told.moments().iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_dies_with_its_turn_comes_back_alone_and_sends_once() {
    let mut pools = catalogue::demo();
    // `grants` is six points off by birth; with a second one there is always somebody whom the death could hold up.
    let payroll = pools.iter_mut().find(|pool| pool.name == "payroll").unwrap();
    payroll.tokens[0] = payroll.tokens[0].born_at(66);
    payroll.tokens[1] = payroll.tokens[1].born_at(34);
    let names: Vec<String> = pools.iter().map(|pool| pool.name.clone()).collect();
    let mut stage = Stage::open(world(pools, 60.0).await, Script::default().drill(Arc::new(FirstHolderDies::default()))).await;

    let granted = stage.until("the first turn", |event| matches!(event, Event::TurnGranted { .. })).await;
    let Event::TurnGranted { pool: victim, .. } = granted else { unreachable!() };
    let other = PoolId::new(if victim.as_str() == "grants" { "payroll" } else { "grants" });
    let died = stage.until("an actor dies", |event| matches!(event, Event::ActorDied { .. })).await;
    let Event::ActorDied { actor, restart_in, .. } = died else { unreachable!() };
    assert_eq!((actor, restart_in), (format!("pool {victim}"), FIRST_PAUSE));
    // The turn goes back while the dead one is still falling: the next may be granted before anybody has heard of the death.
    let next = |event: &Event| matches!(event, Event::TurnGranted { pool, .. } if *pool == other);
    if stage.heard(next) == 0 {
        stage.until("the next turn", next).await;
    }
    assert_eq!(
        stage.heard(|event| matches!(event, Event::ActorRestarted { .. })),
        0,
        "the turn of the dead was held back until it was up again"
    );
    stage.until("it is back", |event| matches!(event, Event::ActorRestarted { .. })).await;
    let down = when(&stage, |event| matches!(event, Event::ActorRestarted { .. }))
        - when(&stage, |event| matches!(event, Event::ActorDied { .. }));
    assert!(down <= FIRST_PAUSE + Duration::from_secs(1), "it was down for {down:?}");

    let order = stage.done(victim.as_str()).await;
    assert_eq!(order.outcome.inclusion().unwrap().attempts, 1);
    for pool in [&victim, &other] {
        let ramp = stage.world.gradual_update(pool.as_str()).await.unwrap();
        stage.block_at(ramp.end).await;
    }
    stage.blocks(2).await;
    for name in &names {
        assert_on_target(&stage.world, name).await;
        let moved = [victim.as_str(), other.as_str()].contains(&name.as_str());
        assert_eq!(stage.world.weight_updates(name).await.unwrap().len(), usize::from(moved), "{name}");
    }

    // The others: nobody died, nobody forgot what they had decided, and everybody kept looking.
    assert_eq!(stage.heard(|event| matches!(event, Event::ActorDied { .. })), 1);
    let (death, back) = (
        when(&stage, |event| matches!(event, Event::ActorDied { .. })),
        when(&stage, |event| matches!(event, Event::ActorRestarted { .. })),
    );
    for name in names.iter().filter(|name| ![victim.as_str(), other.as_str()].contains(&name.as_str())) {
        let decided = stage.heard(|event| matches!(event, Event::Decided { pool, .. } if pool.as_str() == name));
        assert_eq!(decided, 1, "{name}: on target from the first block to the last");
        let seen = stage.told.moments().iter().filter(|(at, event)| {
            (death..back).contains(at) && matches!(event, Event::PoolSeen { pool, .. } if pool.as_str() == name)
        });
        assert!(seen.count() >= 2, "{name} did not look while {victim} was down");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_dies_for_ever_is_quarantined_and_harms_nobody() {
    let pools =
        vec![on_target("cursed", Coin::Dai, Coin::Usdc), off_target("grants"), on_target("payroll", Coin::Usdc, Coin::Usdt)];
    let mut stage = Stage::open(world(pools, 60.0).await, Script::default().drill(Arc::new(AlwaysDies::new("cursed")))).await;
    let order = stage.done("grants").await;
    let ramp = stage.world.gradual_update("grants").await.unwrap();
    assert_eq!(ramp.end.since(ramp.start), order.ramp);

    let quarantined = stage.until("quarantine", |event| matches!(event, Event::ActorQuarantined { .. })).await;
    assert_eq!(quarantined, Event::ActorQuarantined { actor: "pool cursed".to_owned(), kind: "pool" });
    let pauses: Vec<u64> = stage
        .told
        .heard()
        .filter_map(|event| match event {
            Event::ActorDied { actor, restart_in, .. } => {
                assert_eq!(actor, "pool cursed", "nobody else dies");
                Some(restart_in.as_secs())
            }
            _ => None,
        })
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8, 256], "the fifth death in ten minutes is quarantine");
    assert_on_target(&stage.world, "grants").await;

    // The batch of an episode waits for every holder that may answer, and for the quarantined one only a moment.
    stage.world.set_price(Coin::Usdc, 0.97).await;
    for _ in 0..2 {
        let event = stage.until("a holder has answered", |event| matches!(event, Event::Settled(_))).await;
        let Event::Settled(order) = event else { unreachable!() };
        assert_eq!(order.outcome.label(), "done", "{order:?}");
    }
    assert_eq!(stage.world.weight_updates("payroll").await.unwrap().len(), 1);
    assert_eq!(stage.world.weight_updates("grants").await.unwrap().len(), 2);
    assert_eq!(stage.world.weight_updates("cursed").await.unwrap(), []);
    stage.close().await;
}
