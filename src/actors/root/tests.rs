//! The whole tree: who restarts whom, and how it closes.

use std::collections::BTreeSet;

use ractor::ActorCell;

use crate::actors::alerter::AlerterMsg;
use crate::actors::block_reader::BlockReaderMsg;
use crate::actors::chain::ChainMsg;
use crate::actors::executor::ExecutorMsg;
use crate::actors::gas_oracle::GasOracleMsg;
use crate::actors::peg_watch::PegWatchMsg;
use crate::actors::price_feed::PriceFeedMsg;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::root::RootMsg;
use crate::actors::testing::drill::Break;
use crate::actors::testing::words::{died, first_sent, restarted, sends, settled};
use crate::actors::testing::world::{Spec, World};
use crate::actors::testing::{millis, secs, settle};
use crate::observe::Event;

const OFF: [u32; 2] = [6_000, 4_000];

fn ids(children: &[ActorCell]) -> BTreeSet<String> {
    children.iter().map(|cell| cell.get_id().to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_drifts_is_brought_back() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| first_sent(event, "a")).await;
    world.events.first(secs(60), |event| settled(event, "a", "done")).await;
    tokio::time::sleep(secs(180)).await;
    assert!(world.pool_is_on_target("a"));
    assert_eq!(world.chain.with(|state| state.mined.len()), 1);
}

/// Kills one child of a supervisor: it alone is replaced, after a second.
async fn replaced_alone(world: &World, supervisor: &ActorCell, child: &ActorCell, name: &str) {
    let before = ids(&supervisor.get_children());
    world.events.clear();
    child.kill();
    let death = world.events.first(secs(5), |event| died(event, name)).await;
    let back = world.events.first(secs(5), |event| restarted(event, name)).await;
    assert!(back - death >= secs(1) && back - death < millis(1_050), "{name}");
    let after = ids(&supervisor.get_children());
    assert_eq!(after.len(), before.len(), "{name}");
    let gone: Vec<&String> = before.difference(&after).collect();
    assert_eq!(gone, [&child.get_id().to_string()], "{name} and nobody else");
    assert_eq!(world.events.count(|event| matches!(event, Event::ActorDied { .. })), 1, "{name}");
}

#[tokio::test(start_paused = true)]
async fn every_supervisor_restarts_each_child_alone() {
    let world = World::start(Spec::pools(&["a"])).await;
    let root = world.root.get_cell();
    let chain = world.cell_of::<ChainMsg>().unwrap();
    let queue = world.cell_of::<QueueMsg>().unwrap();
    let pool = queue.get_children().pop().unwrap();
    replaced_alone(&world, &queue, &pool, "pool a").await;
    replaced_alone(&world, &chain, &queue, "rebalance queue test").await;
    replaced_alone(&world, &chain, &world.cell_of::<BlockReaderMsg>().unwrap(), "block reader test").await;
    replaced_alone(&world, &chain, &world.cell_of::<GasOracleMsg>().unwrap(), "gas oracle test").await;
    replaced_alone(&world, &chain, &world.cell_of::<ExecutorMsg>().unwrap(), "executor test keeper").await;
    let feed = chain.get_children().into_iter().find(|cell| cell.is_message_type_of::<PriceFeedMsg>() == Some(true)).unwrap();
    world.events.clear();
    feed.kill();
    world.events.first(secs(5), |event| matches!(event, Event::ActorRestarted { kind: "price_feed", .. })).await;
    replaced_alone(&world, &root, &world.cell_of::<AlerterMsg>().unwrap(), "alerter").await;
    let watch = world.cell_of::<PegWatchMsg>().unwrap();
    world.events.clear();
    watch.kill();
    world.events.first(secs(5), |event| matches!(event, Event::ActorRestarted { kind: "peg_watch", .. })).await;
    replaced_alone(&world, &root, &chain, "chain test").await;

    // All of them work, and find each other.
    world.chain.push_off("a", &OFF);
    world.events.first(secs(120), |event| settled(event, "a", "done")).await;
}

#[tokio::test(start_paused = true)]
async fn a_graceful_close_finishes_what_is_in_flight_and_brings_nobody_back() {
    let world = World::start(Spec::pools(&["a", "b", "c"])).await;
    world.chain.with(|state| state.includes = false);
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| first_sent(event, "a")).await;
    world.chain.push_off("b", &OFF);
    // One is dead at the moment of the close, and one dies after it.
    world.drill.break_pool("c", Break::Panic);
    world.events.first(secs(60), |event| died(event, "pool c")).await;
    ractor::call_t!(world.root, RootMsg::Close, 1_000).unwrap();
    settle().await;
    let living = world.children();
    world.cell_of::<QueueMsg>().unwrap().get_children()[0].kill();
    world.cell_of::<GasOracleMsg>().unwrap().kill();
    world.chain.with(|state| state.includes = true);
    world.events.first(secs(60), |event| settled(event, "a", "done")).await;
    tokio::time::sleep(secs(300)).await;
    assert_eq!(world.children(), (living.0 - 1, living.1 - 1));
    assert_eq!(world.events.count(|event| matches!(event, Event::ActorRestarted { .. })), 0);
    assert_eq!(world.events.count(|event| matches!(event, Event::ActorDied { .. })), 1, "an end after the close is no death");
    assert_eq!(sends(&world.events).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_dead_at_the_close_stays_dead() {
    let world = World::start(Spec::pools(&["a"])).await;
    world.drill.break_queue();
    world.events.first(secs(60), |event| died(event, "rebalance queue test")).await;
    world.cell_of::<AlerterMsg>().unwrap().kill();
    world.events.first(secs(60), |event| died(event, "alerter")).await;
    ractor::call_t!(world.root, RootMsg::Close, 1_000).unwrap();
    world.chain.push_off("a", &OFF);
    tokio::time::sleep(secs(300)).await;
    assert_eq!(world.events.count(|event| matches!(event, Event::QueueStarted { .. })), 1);
    assert_eq!(world.events.count(|event| matches!(event, Event::ActorRestarted { .. })), 0);
    assert_eq!(sends(&world.events).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_dies_with_a_transaction_on_its_way_sends_it_no_second_time() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.chain.with(|state| state.includes = false);
    world.chain.push_off("a", &OFF);
    world.events.first(secs(60), |event| first_sent(event, "a")).await;
    world.cell_of::<ChainMsg>().unwrap().kill();
    world.events.first(secs(60), |event| restarted(event, "chain test")).await;
    world.chain.push_off("b", &OFF);
    tokio::time::sleep(secs(24)).await;
    assert_eq!(sends(&world.events).len(), 1, "the lane waits");
    world.chain.with(|state| state.includes = true);
    world.events.first(secs(120), |event| settled(event, "b", "done")).await;
    tokio::time::sleep(secs(300)).await;
    assert_eq!(sends(&world.events).len(), 2);
    assert!(world.pool_is_on_target("a"));
}

#[tokio::test(start_paused = true)]
async fn an_outage_makes_everything_unknown_and_passes() {
    let world = World::start(Spec::pools(&["a"])).await;
    world.link.set_deaf(true);
    world.events.first(secs(60), |event| matches!(event, Event::ChainSilent { .. })).await;
    settle().await;
    assert!(world.blocks.read().is_none());
    world.chain.push_off("a", &OFF);
    tokio::time::sleep(secs(120)).await;
    assert_eq!(sends(&world.events).len(), 0);
    world.link.set_deaf(false);
    world.events.first(secs(120), |event| settled(event, "a", "done")).await;
}

#[tokio::test(start_paused = true)]
async fn timers_of_the_dead_disturb_nobody() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    // Every life arms timers: beats, looks, restarts. None of them may reach another life.
    for _ in 0..3 {
        world.drill.break_queue();
        let deaths = world.events.count(|event| died(event, "rebalance queue test"));
        world.events.nth(deaths + 1, secs(60), |event| died(event, "rebalance queue test")).await;
        tokio::time::sleep(secs(10)).await;
    }
    tokio::time::sleep(secs(60)).await;
    assert_eq!(world.children().1, 2, "each pool lives once");
    world.events.clear();
    tokio::time::sleep(secs(36)).await;
    for pool in ["a", "b"] {
        let seen = |event: &Event| matches!(event, Event::PoolSeen { pool: name, .. } if name.as_str() == pool);
        assert_eq!(world.events.count(seen), 3, "once a block");
    }
    for pool in ["a", "b"] {
        world.chain.push_off(pool, &OFF);
    }
    world.events.first(secs(60), |event| settled(event, "a", "done")).await;
    world.events.first(secs(90), |event| settled(event, "b", "done")).await;
    assert_eq!(sends(&world.events).len(), 2);
}
