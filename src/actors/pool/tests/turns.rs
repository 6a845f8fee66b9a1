//! Asking, holding, ordering, settling.

use super::{BLOCK, Bench, OFF, inclusion};
use crate::actors::executor::ExecutorMsg;
use crate::actors::facts::Lane;
use crate::actors::pool::PoolMsg;
use crate::actors::rebalance_queue::QueueMsg;
use crate::actors::testing::words::decided;
use crate::actors::testing::{millis, next, secs, settle};
use crate::domain::ids::{AssetId, EpisodeId, PoolId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::peg::PegState;
use crate::domain::plan::Plan;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::Weight;
use crate::ports::{Clock, Memories};

#[tokio::test(start_paused = true)]
async fn a_pool_asks_is_granted_orders_and_gives_the_turn_back() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    let request = bench.request().await;
    assert_eq!((request.pool.as_str(), request.class, request.episode), ("a", Class::Drift, None));
    bench.block().await;
    assert_eq!(bench.heard(), Vec::<&str>::new(), "it asks once");

    bench.grant(Class::Drift).await;
    let order = bench.order().await;
    let Plan::Reweight(plan) = &order.plan else { panic!("not a ramp") };
    assert_eq!(plan.target.weights(), [Weight::from_bps(5_000); 2]);
    assert_eq!((order.turn.id().number, order.before[0]), (1, Weight::from_bps(6_000)));
    assert!(bench.clock.now().since(order.triggered_at) >= BLOCK, "from when it was first seen");
    assert!(matches!(order.trigger, Trigger::Drift { drift, .. } if drift == Weight::from_bps(1_000)));

    bench.block().await;
    assert_eq!(bench.heard(), Vec::<&str>::new(), "while its order is out it does nothing");
    bench.chain.foreign_ramp("a", &[5_000, 5_000], secs(60));
    let head = bench.publish_block();
    bench.publish_pegs(&head);
    bench.settle_with(order, Outcome::Done(inclusion(head))).await;
    assert_eq!(bench.heard(), ["ended"]);
    assert_eq!(bench.events.count(|event| decided(event, "a", "ramp_in_flight")), 1, "the ramp is its own");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_need_not_act_any_more_drops_the_turn() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    bench.request().await;
    // The block that brings it back and the turn cross.
    bench.chain.push_off("a", &[5_000, 5_000]);
    tokio::time::sleep(BLOCK).await;
    bench.publish();
    bench.grant(Class::Drift).await;
    assert!(bench.heard().contains(&"ended"));
    assert!(bench.orders.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_cause_is_gone_is_taken_back() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    bench.request().await;
    bench.chain.push_off("a", &[5_000, 5_000]);
    bench.block().await;
    assert_eq!(bench.heard(), ["withdrawn"]);
}

#[tokio::test(start_paused = true)]
async fn facts_of_two_blocks_decide_nothing_and_the_turn_stays_in_hand() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    bench.request().await;
    tokio::time::sleep(BLOCK).await;
    let head = bench.publish_block();
    bench.grant(Class::Drift).await;
    tokio::time::sleep(millis(500)).await;
    assert_eq!(bench.heard(), Vec::<&str>::new());
    assert!(bench.orders.try_recv().is_err());
    bench.publish_pegs(&head);
    assert_eq!(bench.order().await.turn.id().number, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_order_makes_the_pool_breathe_for_a_second() {
    let mut bench = Bench::start().await;
    let order = bench.drift_until_order().await;
    bench.refuse(order, Refusal::Unreachable("down".to_owned())).await;
    let refused = bench.clock.uptime();
    bench.publish();
    tokio::time::sleep(millis(900)).await;
    assert_eq!(bench.heard(), ["ended"]);
    bench.request().await;
    let waited = bench.clock.uptime() - refused;
    assert!(waited >= millis(990) && waited < millis(1_100), "{waited:?}");
    // The trouble lasts: what follows takes its time, and not for ever.
    for pause in [2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        bench.publish();
        bench.grant(Class::Drift).await;
        let order = bench.order().await;
        bench.refuse(order, Refusal::WouldRevert("BAL#402".to_owned())).await;
        tokio::time::sleep(millis(pause - 100)).await;
        assert!(!bench.heard().contains(&"requested"), "before {pause} ms are over");
        tokio::time::sleep(millis(200)).await;
        assert_eq!(bench.heard(), ["requested"], "after {pause} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_slipped_holds_nobody_and_the_next_one_takes_its_time() {
    let mut bench = Bench::start().await;
    let mut order = bench.drift_until_order().await;
    for pause in [1_000, 2_000, 4_000] {
        let head = bench.publish_block();
        bench.publish_pegs(&head);
        bench.settle_with(order, Outcome::Slipped(inclusion(head))).await;
        tokio::time::sleep(millis(pause - 100)).await;
        assert!(!bench.heard().contains(&"requested"), "before {pause} ms are over: each attempt costs gas");
        tokio::time::sleep(millis(200)).await;
        assert_eq!(bench.heard(), ["requested"], "after {pause} ms");
        bench.publish();
        bench.grant(Class::Drift).await;
        order = bench.order().await;
    }
    assert_eq!(bench.events.count(|event| decided(event, "a", "needs_operator")), 0);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_trying_again_does_not_mend_holds_the_pool_for_a_human_through_restarts() {
    let mut bench = Bench::start().await;
    let order = bench.drift_until_order().await;
    bench.refuse(order, Refusal::NonceTaken).await;
    bench.lives_for(secs(60)).await;
    assert_eq!(bench.heard(), ["ended"]);
    assert_eq!(bench.events.count(|event| decided(event, "a", "needs_operator")), 1);
    bench.respawn().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "needs_operator")), 1);
    bench.lives_for(secs(60)).await;
    assert!(!bench.heard().contains(&"requested"));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_died_with_its_executor_is_asked_for_again() {
    let mut bench = Bench::start().await;
    let order = bench.drift_until_order().await;
    drop(order);
    tokio::time::sleep(millis(1_100)).await;
    assert_eq!(bench.heard(), ["ended", "requested"]);
    // Nobody lives at the executor's address.
    bench.args.executors.keeper.actor().unwrap().get_cell().kill_and_wait(None).await.unwrap();
    bench.grant(Class::Drift).await;
    tokio::time::sleep(millis(900)).await;
    assert_eq!(bench.heard(), ["ended"]);
    tokio::time::sleep(millis(200)).await;
    assert_eq!(bench.heard(), ["requested"]);
}

#[tokio::test(start_paused = true)]
async fn the_ramp_of_a_lost_order_is_our_own_when_the_journal_says_so() {
    let mut bench = Bench::start().await;
    let order = bench.drift_until_order().await;
    let (start, end) = (bench.clock.now().plus(secs(60)), bench.clock.now().plus(secs(120)));
    let call = order.position.order(&order.plan, start, end);
    let lost = crate::actors::testing::position::decode_order(&call.data);
    let (pools, last_sent) = (Some(vec![PoolId::new("a")]), None);
    bench.args.lanes.keeper.publish(Lane::Recovering { pools, last_sent });
    // The reply that died with its executor.
    drop(order);
    settle().await;
    bench.heard();
    bench.block().await;
    assert_eq!(bench.heard(), Vec::<&str>::new(), "while it may still be carried out the pool waits");

    bench.chain.with(|state| {
        let pool = state.pools.get_mut(&crate::actors::testing::chain::address("a")).unwrap();
        pool.ramp = lost.clone();
    });
    bench
        .journal
        .account_controls(&PoolId::new("a"), &crate::domain::testing::set(lost.clone()), crate::actors::testing::BEGINNING, false)
        .await
        .unwrap();
    bench.args.lanes.keeper.publish(Lane::Idle { last_sent });
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "ramp_in_flight")), 1);
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 0);
}

#[tokio::test(start_paused = true)]
async fn a_depeg_is_thought_of_while_a_lesser_order_is_under_way() {
    let mut bench = Bench::start().await;
    let order = bench.drift_until_order().await;
    let (pools, since) = (vec![PoolId::new("a")], bench.clock.now());
    bench.args.lanes.keeper.publish(Lane::Busy { pools, since, last_sent: None, yields: true });
    bench.block().await;
    assert_eq!(bench.heard(), Vec::<&str>::new());
    (bench.prices[0], bench.states[0]) = (Some(960), PegState::Depegged);
    bench.block().await;
    assert_eq!(bench.request().await.class, Class::Depeg);
    bench.grant(Class::Depeg).await;
    let defence = bench.order().await;
    assert!(matches!(defence.trigger, Trigger::Depeg { .. }) && defence.id != order.id);
    // What gave way is settled first, and does not end the defence.
    bench.settle_with(order, Outcome::Refused(Refusal::Superseded)).await;
    bench.block().await;
    assert_eq!(bench.heard(), ["ended"], "one defence at a time");
    drop(defence);
}

#[tokio::test(start_paused = true)]
async fn an_expired_request_is_made_again_and_an_expiry_that_comes_late_disturbs_no_order() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    bench.request().await;
    bench.pool.cast(PoolMsg::TurnExpired).unwrap();
    bench.request().await;
    bench.grant(Class::Drift).await;
    let _order = bench.order().await;
    bench.pool.cast(PoolMsg::TurnExpired).unwrap();
    bench.block().await;
    assert_eq!(bench.heard(), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_for_the_cause_it_was_given_for() {
    let mut bench = Bench::start().await;
    (bench.prices[0], bench.states[0]) = (Some(960), PegState::Depegged);
    bench.block().await;
    assert_eq!(bench.request().await.class, Class::Depeg);
    // The peg is back, and the weights are off for a reason that is not urgent.
    (bench.prices[0], bench.states[0]) = (Some(1_000), PegState::Sound);
    bench.chain.push_off("a", &OFF);
    tokio::time::sleep(BLOCK).await;
    bench.publish();
    bench.grant(Class::Depeg).await;
    assert_eq!(bench.heard(), ["ended", "requested"]);
    assert!(bench.orders.try_recv().is_err(), "a protective turn is no licence for another cause");
    bench.grant(Class::Drift).await;
    assert!(matches!(bench.order().await.trigger, Trigger::Drift { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_has_become_less_urgent_is_asked_for_anew() {
    let mut bench = Bench::start().await;
    (bench.prices[0], bench.states[0]) = (Some(960), PegState::Depegged);
    bench.block().await;
    bench.request().await;
    (bench.prices[0], bench.states[0]) = (Some(1_000), PegState::Sound);
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    assert_eq!(bench.heard(), ["withdrawn", "requested"], "the queue would keep the more urgent of two");
}

#[tokio::test(start_paused = true)]
async fn a_depeg_overtakes_the_pools_own_request() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    bench.request().await;
    (bench.prices[0], bench.states[0]) = (Some(960), PegState::Depegged);
    bench.block().await;
    let request = bench.request().await;
    let episode = EpisodeId { asset: AssetId::new("USDC"), number: 1 };
    assert_eq!((request.class, request.episode), (Class::Depeg, Some(episode)));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_does_not_ask_in_an_episode_says_so_once() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| {
        let pool = state.pools.get_mut(&crate::actors::testing::chain::address("a")).unwrap();
        pool.paused = true;
    });
    bench.block().await;
    (bench.prices[0], bench.states[0]) = (Some(960), PegState::Depegged);
    bench.block().await;
    match next(&mut bench.asked, secs(1)).await {
        QueueMsg::TurnDeclined { pool, episode } => {
            assert_eq!((pool.as_str(), episode.asset.as_str(), episode.number), ("a", "USDC", 1));
        }
        _ => panic!("not an answer"),
    }
    bench.lives_for(secs(60)).await;
    assert_eq!(bench.heard(), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn after_its_order_a_pool_looks_at_no_older_block() {
    let mut bench = Bench::start().await;
    let order = bench.drift_until_order().await;
    // The executor has seen the next block before the block reader.
    tokio::time::sleep(BLOCK).await;
    let head = bench.chain.mine();
    bench.settle_with(order, Outcome::Done(inclusion(head))).await;
    let stale = bench.args.pegs[0].read();
    bench.args.pegs[0].publish(stale);
    settle().await;
    assert_eq!(bench.heard(), ["ended"], "in the old block the weights are still off");
    assert!(matches!(bench.orders.try_recv(), Err(tokio::sync::mpsc::error::TryRecvError::Empty)));
}

#[tokio::test(start_paused = true)]
async fn a_new_life_waits_for_the_order_of_the_old_one_and_for_a_block_that_shows_it() {
    let mut bench = Bench::start().await;
    let order = bench.drift_until_order().await;
    let since = order.triggered_at;
    bench.args.lanes.keeper.publish(Lane::Busy { pools: vec![PoolId::new("a")], since, last_sent: None, yields: true });
    bench.respawn().await;
    bench.block().await;
    bench.args.lanes.keeper.publish(Lane::Idle { last_sent: None });
    // Any other fact of the same block wakes it.
    let same = bench.args.pegs[0].read();
    bench.args.pegs[0].publish(same);
    settle().await;
    assert_eq!(bench.heard(), Vec::<&str>::new(), "this block cannot show what the order did");
    bench.block().await;
    assert_eq!(bench.heard(), ["requested"]);
    drop(order);
}

#[tokio::test(start_paused = true)]
async fn a_turn_in_hand_dies_with_its_holder() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    bench.request().await;
    tokio::time::sleep(BLOCK).await;
    bench.publish_block();
    bench.grant(Class::Drift).await;
    assert_eq!(bench.heard(), Vec::<&str>::new());
    bench.respawn().await;
    assert_eq!(bench.heard(), ["ended"]);
    assert!(!matches!(bench.orders.try_recv(), Ok(ExecutorMsg::Execute(_))));
}
