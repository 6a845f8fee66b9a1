//! A journal that fails at each step, before or after it has written: nobody knows which.

use super::Bench;
use crate::actors::pool::PoolMsg;
use crate::actors::testing::chain::Orphans;
use crate::actors::testing::journal::Fails;
use crate::actors::testing::secs;
use crate::domain::operation::State;
use crate::domain::trigger::Class;

/// A life of one order in which the step comes up: stuck for a while where it needs that.
async fn live(bench: &mut Bench, step: &str) {
    bench.lead = if step == "cancel" { secs(60) } else { secs(3_600) };
    let stuck = match step {
        "replace" => 3,
        "cancel" => 6,
        _ => 0,
    };
    bench.chain.with(|state| state.includes = stuck == 0);
    if step == "release" || step == "reject" {
        bench.sender.behave(|node| node.signings = [crate::actors::testing::sender::Signing::Away].into());
    }
    bench.give("a", Class::Drift).await;
    bench.blocks(stuck).await;
    bench.chain.with(|state| state.includes = true);
    bench.blocks(2).await;
    if step == "unwind" {
        bench.reorganise(2, Orphans::Forgotten).await;
    }
    bench.blocks(8).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_or_seems_to_sends_nothing_unwritten_nothing_twice_and_leaves_no_gap() {
    let steps =
        ["queue", "reserve", "release", "reject", "prepare", "launch", "replace", "cancel", "include", "unwind", "finalise"];
    for step in steps {
        for fails in [Fails::Before, Fails::After] {
            let mut bench = Bench::start().await;
            bench.disk.behave(|moods| moods.breaks = Some((step, fails)));
            live(&mut bench, step).await;
            let story = || format!("{step} {fails:?}\n{}", bench.events.story());
            assert!(!bench.disk.is_broken(), "the step never came up: {}", story());
            bench.is_sound().await;

            // What it comes to depends on how far it had come, and on nothing else.
            let states = bench.states("a").await;
            let end = match (step, fails) {
                ("queue", Fails::Before) => vec![],
                ("queue" | "reserve" | "release", _) | ("reject" | "prepare", Fails::Before) => {
                    vec![State::Expired]
                }
                ("reject", Fails::After) => vec![State::Rejected],
                ("cancel", _) => vec![State::FinalCancelled],
                _ => vec![State::FinalOk],
            };
            assert_eq!(states, end, "{}", story());
            let carried_out = usize::from(end == [State::FinalOk]);
            assert_eq!(bench.chain.mined_for("a").len(), carried_out, "{}", story());
            if carried_out == 1 {
                assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")), "{}", story());
            }

            // The pool has heard one answer.
            let label = bench.label("a").await;
            let expected = match step {
                "replace" | "include" | "unwind" | "finalise" => "done",
                "cancel" => "cancelled",
                _ => "journal_failed",
            };
            assert_eq!(label, expected, "{}", bench.events.story());
            assert!(bench.pools.get_mut("a").unwrap().1.try_recv().is_err(), "{step} {fails:?}: a second answer");

            bench.is_open_to("b").await;
            bench.blocks(3).await;
            assert_eq!(bench.states("b").await, [State::FinalOk]);
            bench.is_sound().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stays_full_sends_nothing_and_the_lane_goes_on_when_there_is_space() {
    let mut bench = Bench::start().await;
    bench.disk.behave(|moods| moods.fails = true);
    bench.give("a", Class::Depeg).await;
    assert_eq!(bench.label("a").await, "journal_failed");
    bench.blocks(5).await;
    bench.give("a", Class::Depeg).await;
    assert_eq!((bench.label("a").await, bench.sender.signed()), ("lane_not_ready", 0));
    bench.disk.behave(|moods| moods.fails = false);
    tokio::time::sleep(secs(2)).await;
    bench.is_open_to("a").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_when_the_disk_is_full_lands_and_is_written_down_when_there_is_space() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Drift).await;
    bench.disk.behave(|moods| moods.fails = true);
    bench.blocks(4).await;
    assert_eq!(bench.states("a").await, [State::InFlight]);
    assert!(bench.pools.get_mut("a").unwrap().1.try_recv().is_err(), "an end that is not written down is told to nobody");
    bench.disk.behave(|moods| moods.fails = false);
    bench.blocks(2).await;
    assert_eq!((bench.label("a").await, bench.known_ramp("a").await), ("done", Some(bench.chain.ramp("a"))));
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_never_answers_has_failed_after_thirty_seconds() {
    let mut bench = Bench::start().await;
    bench.lead = secs(600);
    bench.disk.behave(|moods| moods.writes_take = vec![secs(3_600)]);
    bench.give("a", Class::Drift).await;
    tokio::time::sleep(secs(31)).await;
    assert_eq!((bench.label("a").await, bench.sender.signed()), ("journal_failed", 0));
    bench.block().await;
    bench.is_open_to("a").await;
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_dies_with_an_order_tells_the_pool_that_it_is_lost() {
    let mut bench = Bench::start().await;
    bench.disk.behave(|moods| moods.writes_take = vec![secs(0), secs(20)]);
    bench.give("a", Class::Drift).await;
    bench.crash().await;
    assert!(matches!(bench.pools.get_mut("a").unwrap().1.recv().await, Some(PoolMsg::OrderLost(1))));
    assert_eq!(bench.states("a").await, [State::Expired]);
    bench.block().await;
    bench.is_open_to("b").await;
    // The write of the dead comes too late for anything.
    bench.blocks(4).await;
    assert_eq!(bench.states("a").await, [State::Expired]);
    bench.is_sound().await;
}
