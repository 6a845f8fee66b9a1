//! The whole tree.

use crate::actors::testing::secs;
use crate::actors::testing::world::{Spec, World, first_sent, settled};

#[tokio::test(start_paused = true)]
async fn a_pool_that_drifts_is_brought_back() {
    let world = World::start(Spec::pools(&["a", "b"])).await;
    world.chain.push_off("a", &[6_000, 4_000]);
    world.events.first(secs(60), |event| first_sent(event, "a")).await;
    world.events.first(secs(60), |event| settled(event, "a", "done")).await;
    tokio::time::sleep(secs(180)).await;
    assert!(world.pool_is_on_target("a"));
    assert_eq!(world.chain.with(|state| state.mined.len()), 1);
}
