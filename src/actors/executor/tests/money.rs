//! What a lane may spend, and what a transaction may pay.

use super::{Bench, NONCE};
use crate::actors::testing::secs;
use crate::domain::budget::Budget;
use crate::domain::trigger::Class;
use crate::domain::units::{GasPrice, Wei};
use crate::observe::Event;
use crate::ports::Operations;

/// An order sets 100,000 gas at 21 gwei aside, and costs 10 gwei in the end.
const ASIDE: u128 = 100_000 * 21_000_000_000;
const COST: u128 = 100_000 * 10_000_000_000;

impl Bench {
    async fn with_budget(daily: u128, protective: u128) -> Self {
        let mut bench = Self::start().await;
        bench.args.budget = Budget { daily: Wei::new(daily), protective: Wei::new(protective), low_balance: Wei::ZERO };
        bench.crash().await;
        bench
    }

    async fn spent(&self) -> u128 {
        self.journal.spent(&self.key(), self.now()).await.unwrap().get()
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_has_its_limit_which_a_crash_does_not_lift_and_only_a_defence_goes_beyond() {
    let mut bench = Bench::with_budget(ASIDE + 1, ASIDE).await;
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!((bench.label("a").await, bench.spent().await), ("done", ASIDE));
    bench.give("b", Class::Drift).await;
    assert_eq!(bench.label("b").await, "budget_spent");
    bench.blocks(3).await;
    assert_eq!(bench.spent().await, COST, "final, it counts with what it cost");

    bench.crash().await;
    bench.give("b", Class::Drift).await;
    assert_eq!(bench.label("b").await, "budget_spent", "the rest of the day is too little");
    bench.give("b", Class::Depeg).await;
    bench.block().await;
    assert_eq!(bench.label("b").await, "done");
    bench.give("c", Class::Depeg).await;
    assert_eq!(bench.label("c").await, "budget_spent", "the reserve has a limit too");
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1], "what is refused takes no nonce");

    // The tests begin at 22:13:20 UTC.
    tokio::time::sleep(secs(2 * 3_600)).await;
    bench.publish();
    assert_eq!(bench.spent().await, 0);
    bench.is_open_to("c").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_set_aside_follows_the_raised_fee() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.blocks(2).await;
    let dearest = bench.sender.broadcasts().iter().map(|(_, draft)| draft.fees.max_fee.wei()).max().unwrap();
    assert!(dearest > 21_000_000_000);
    assert_eq!(bench.spent().await, 100_000 * dearest);
}

#[tokio::test(start_paused = true)]
async fn what_gave_its_nonce_back_has_spent_nothing() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.signings = [crate::actors::testing::sender::Signing::Away].into());
    bench.give("a", Class::Drift).await;
    assert_eq!((bench.label("a").await, bench.spent().await), ("unreachable", 0));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_runs_low_is_reported_after_it_has_paid() {
    let mut bench = Bench::start().await;
    bench.args.budget.low_balance = Wei::new(1_000);
    bench.sender.behave(|node| node.balance = Some(Wei::new(1_000)));
    bench.crash().await;
    let low = |bench: &Bench, is: bool| bench.events.count(|event| matches!(event, Event::BalanceSeen { low, .. } if *low == is));
    assert_eq!(low(&bench, true), 0, "the limit itself is enough");
    bench.give("a", Class::Drift).await;
    bench.sender.behave(|node| node.balance = Some(Wei::new(999)));
    bench.block().await;
    assert_eq!((bench.label("a").await, low(&bench, true)), ("done", 1));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_of_an_order_ever_offers_more_than_its_cap() {
    let mut bench = Bench::start().await;
    (bench.lead, bench.cap) = (secs(3_600), GasPrice::from_gwei(15));
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    assert_eq!(bench.sender.broadcasts()[0].1.fees.max_fee, bench.cap, "twice the base fee and a tip would be 21");
    // The market runs away.
    bench.chain.with(|state| state.base_fee = GasPrice::from_gwei(200));
    bench.blocks(20).await;
    let sent = bench.sender.broadcasts();
    assert!(sent.len() > 5 && sent.iter().all(|(_, draft)| draft.fees.max_fee <= bench.cap), "{sent:?}");
}
