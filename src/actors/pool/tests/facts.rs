//! What a pool makes of its facts and of its memory.

use super::{Bench, OFF, policy};
use crate::actors::testing::chain::address;
use crate::actors::testing::words::decided;
use crate::actors::testing::{millis, secs, settle};
use crate::domain::ids::PoolId;
use crate::domain::peg::PegState;
use crate::domain::policy::Policy;
use crate::domain::schedule::Schedule;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::Weight;
use crate::observe::Event;
use crate::ports::{Clock, Memories};

#[tokio::test(start_paused = true)]
async fn a_change_by_someone_else_holds_the_pool_through_restarts() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.block().await;
    bench.request().await;
    bench.chain.foreign_ramp("a", &[7_000, 3_000], secs(60));
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 1);
    assert_eq!(bench.heard(), ["withdrawn"]);
    bench.lives_for(secs(240)).await;
    bench.respawn().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 1);
    bench.lives_for(secs(60)).await;
    assert!(!bench.heard().contains(&"requested"), "Ballast never fights its owner");
}

#[tokio::test(start_paused = true)]
async fn a_ramp_of_our_own_is_found_in_the_journal_however_slow_it_is() {
    let bench = Bench::start().await;
    bench.journal.behave(|journal| journal.recall_takes = millis(300));
    bench.chain.foreign_ramp("a", &[5_000, 5_000], secs(60));
    bench
        .journal
        .account_controls(&bench.args.id, &bench.chain.controls("a"), crate::actors::testing::BEGINNING, false)
        .await
        .unwrap();
    // Every board of the block wakes the pool again while it waits for the answer.
    bench.block().await;
    for _ in 0..5 {
        bench.args.pegs[1].modify(|_| {});
        tokio::time::sleep(millis(20)).await;
    }
    tokio::time::sleep(secs(1)).await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 0, "{}", bench.events.story());
    assert_eq!(bench.events.count(|event| decided(event, "a", "ramp_in_flight")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_held_goes_on_when_an_operator_lets_go_of_it() {
    let bench = Bench::start().await;
    bench.chain.foreign_ramp("a", &[5_000, 5_000], secs(60));
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 1);
    bench.block().await;
    bench.events.clear();
    bench.journal.release_pool(&PoolId::new("a"), "a test", bench.clock.now()).await.unwrap();
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "ramp_in_flight")), 1, "{}", bench.events.story());
    // The ramp is accepted, and the next strange one is not.
    bench.chain.foreign_ramp("a", &[6_000, 4_000], secs(60));
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_between_a_rebalance_and_its_block_is_not_a_foreign_change() {
    let mut bench = Bench::start().await;
    bench.respawn().await;
    bench.chain.foreign_ramp("a", &[5_000, 5_000], secs(60));
    bench
        .journal
        .account_controls(&bench.args.id, &bench.chain.controls("a"), crate::actors::testing::BEGINNING, false)
        .await
        .unwrap();
    bench.lives_for(secs(24)).await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 0);
    assert_eq!(bench.events.count(|event| decided(event, "a", "ramp_in_flight")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_knows_less_than_the_pool_makes_nobody_forget() {
    let mut bench = Bench::begin(policy()).await;
    settle().await;
    bench.journal.behave(|journal| journal.fails = true);
    bench.publish();
    bench.events.first(secs(5), |event| decided(event, "a", "on_target")).await;
    // The pool is met, and the journal was not told. When it is asked about a strange ramp it knows nothing at all.
    bench.journal.behave(|journal| journal.fails = false);
    bench.chain.foreign_ramp("a", &[7_000, 3_000], secs(60));
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "foreign_change")), 1);
    assert!(bench.heard().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_its_memory_a_pool_does_nothing_and_keeps_asking() {
    let mut bench = Bench::start().await;
    bench.journal.behave(|journal| journal.fails = true);
    bench.chain.push_off("a", &OFF);
    bench.respawn().await;
    bench.lives_for(secs(36)).await;
    assert!(bench.heard().is_empty());
    let faults = bench.events.count(|event| matches!(event, Event::JournalFailed { .. }));
    assert!((30..=40).contains(&faults), "once a second: {faults}");
    bench.journal.behave(|journal| journal.fails = false);
    tokio::time::sleep(secs(2)).await;
    bench.request().await;
}

#[tokio::test(start_paused = true)]
async fn composition_drift_holds_when_it_persists_and_blindness_does_not_restart_its_clock() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.chain.with(|state| {
        let pool = state.pools.get_mut(&address("a")).unwrap();
        pool.shares = Some(vec![Weight::from_bps(5_000), Weight::from_bps(5_000)]);
    });
    bench.block().await;
    assert_eq!(bench.request().await.class, Class::Drift, "arbitrage needs a few blocks");
    bench.block().await;
    bench.prices = [None; 2];
    bench.lives_for(secs(24)).await;
    bench.prices = [Some(1_000); 2];
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "composition_drift")), 0, "48 s");
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "composition_drift")), 1, "60 s");
    assert_eq!(bench.heard().last(), Some(&"withdrawn"));

    bench.chain.with(|state| state.pools.get_mut(&address("a")).unwrap().shares = None);
    bench.block().await;
    assert_eq!(bench.heard(), ["requested"], "arbitraged again");
}

/// Every hour; the tests begin at 22:13:20.
fn hourly() -> Policy {
    Policy { schedule: Some(Schedule::parse("0 * * * *", "UTC").unwrap()), ..policy() }
}

#[tokio::test(start_paused = true)]
async fn a_slot_of_the_calendar_is_served_once_and_nothing_before_the_first_sight_is_owed() {
    let mut bench = Bench::with(hourly()).await;
    bench.lives_for(secs(60)).await;
    assert_eq!(bench.journal.writes(), ["meet a"], "22:00 was before its time");
    bench.lives_for(secs(2_760)).await;
    assert_eq!(bench.journal.writes()[1..], ["serve a 2023-11-14T23:00:00Z"], "on target: served by that");
    // A new life does not serve it again.
    bench.respawn().await;
    bench.lives_for(secs(60)).await;
    assert_eq!(bench.journal.writes().len(), 2);

    bench.chain.push_off("a", &[5_200, 4_800]);
    bench.lives_for(secs(60)).await;
    assert!(bench.heard().is_empty(), "two per cent are no drift");
    bench.lives_for(secs(3_600)).await;
    assert_eq!(bench.request().await.class, Class::Schedule);
    bench.grant(Class::Schedule).await;
    let Trigger::Schedule { due } = bench.order().await.trigger else { panic!("another trigger") };
    assert_eq!(due.to_string(), "2023-11-15T00:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_position_that_cannot_be_read_is_unknown_and_an_old_one_too() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &OFF);
    bench.args.blocks.publish(None);
    settle().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "unknown")), 1);
    bench.block().await;
    bench.request().await;
    // No block for longer than the facts are good, and then a turn.
    tokio::time::sleep(secs(61)).await;
    bench.grant(Class::Drift).await;
    assert_eq!(bench.heard(), ["ended"], "given back");
    assert!(bench.orders.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_unheard_price_holds_and_a_token_on_its_way_back_is_not_raised() {
    let mut bench = Bench::start().await;
    bench.chain.push_off("a", &[4_000, 6_000]);
    bench.prices[0] = None;
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "unknown")), 1);
    (bench.prices[0], bench.states[0]) = (Some(998), PegState::Recovering);
    bench.block().await;
    assert_eq!(bench.events.count(|event| decided(event, "a", "awaiting_recovery")), 1);
    assert!(!bench.heard().contains(&"requested"));
}
