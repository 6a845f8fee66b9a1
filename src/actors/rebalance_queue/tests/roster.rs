//! Pools come, change and go while the tree runs.

use std::sync::Arc;

use super::{OFF, about, disturbed};
use crate::actors::pool::PoolArgs;
use crate::actors::testing::drill::Break;
use crate::actors::testing::secs;
use crate::actors::testing::words::{decided, died, first_sent, requested, sends, settled};
use crate::actors::testing::world::{Spec, World};
use crate::domain::mode::Mode;
use crate::observe::Event;

fn left(event: &Event, name: &str) -> bool {
    matches!(event, Event::PoolLeft { pool } if pool.as_str() == name)
}

fn entry(world: &World, name: &str) -> Arc<PoolArgs> {
    world.roster.read().iter().find(|entry| entry.id.as_str() == name).unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn while_one_is_in_flight_others_come_change_and_go_and_it_finishes_before_it_goes() {
    let world = World::start(Spec::pools(&["a", "b", "d"])).await;
    world.chain.with(|state| state.includes = false);
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| first_sent(event, "a")).await;
    let calls = world.plan.look(|plan| plan.calls().len());

    world.chain.birth("c", &[5_000, 5_000]);
    let (observed, new) = (world.another("b", |pool| pool.mode = Mode::Observe), world.another("c", |_| {}));
    world.roster.publish(Arc::from([observed, new]));
    world.events.first(secs(60), |event| decided(event, "c", "on_target")).await;
    world.events.first(secs(1), |event| left(event, "d")).await;
    world.chain.push_off("b", &OFF);
    tokio::time::sleep(secs(15)).await;
    assert_eq!(world.events.count(|event| left(event, "a")), 0, "its transaction is under way");
    assert_eq!(world.events.count(|event| requested(event, "b")), 0, "it is only observed now");

    world.chain.with(|state| state.includes = true);
    let done = world.events.first(secs(120), |event| settled(event, "a", "done")).await;
    let gone = world.events.first(secs(60), |event| left(event, "a")).await;
    assert!(about(gone, done), "{done:?} {gone:?}");
    world.chain.push_off("a", &[3_000, 7_000]);
    world.chain.push_off("c", &OFF);
    world.events.first(secs(120), |event| settled(event, "c", "done")).await;
    assert_eq!(sends(&world.events).len(), 2, "nobody looks after it any more");
    assert_eq!(world.plan.look(|plan| plan.calls().len()), calls - 1, "three were asked about, and two are");
    let deaths = world.events.count(|event| matches!(event, Event::ActorDied { .. }));
    assert_eq!((deaths, disturbed(&world, "")), (0, Vec::new()), "who is dismissed has not died");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_keeps_crashing_starts_at_once_when_its_settings_are_mended() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.drill.break_pool("a", Break::PanicForEver);
    world.events.nth(5, secs(60), |event| died(event, "pool a")).await;
    tokio::time::sleep(secs(1)).await;
    world.drill.mend();
    world.events.clear();
    world.roster.publish(Arc::from([entry(&world, "b"), world.another("a", |_| {})]));
    // A block is read that asks for it; the pause of its quarantine would be 256 s.
    world.events.first(secs(13), |event| decided(event, "a", "on_target")).await;
    tokio::time::sleep(secs(300)).await;
    let decisions = world.events.count(|event| decided(event, "a", "on_target"));
    assert_eq!(decisions, 1, "the restart that was armed finds it alive");
    assert_eq!(world.events.count(|event| matches!(event, Event::ActorDied { .. })), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_goes_and_comes_back_is_never_two() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.chain.with(|state| state.includes = false);
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| first_sent(event, "a")).await;
    let (a, b) = (entry(&world, "a"), entry(&world, "b"));
    world.roster.publish(Arc::from([b.clone()]));
    tokio::time::sleep(secs(1)).await;
    world.roster.publish(Arc::from([world.another("a", |_| {}), b]));
    drop(a);
    tokio::time::sleep(secs(30)).await;
    world.chain.with(|state| state.includes = true);
    world.events.first(secs(120), |event| settled(event, "a", "done")).await;
    tokio::time::sleep(secs(1_500)).await;
    assert_eq!(world.events.count(|event| left(event, "a")), 0);
    assert!(world.pool_is_on_target("a"));
    assert_eq!(sends(&world.events).len(), 1, "the one that follows knows what the one before has done");
    assert_eq!(world.events.count(|event| decided(event, "a", "foreign_change")), 0);
    assert_eq!(world.plan.look(|plan| plan.calls().len()), 4, "two pools and two assets");
}
