//! What must hold of every trial.

use std::time::Duration;

use proptest::prelude::*;

use super::story::{self, Story};
use super::study::compare;
use super::*;
use crate::chain::managed_pool::NEEDS;
use crate::cli::backtest::contenders::{self, named};
use crate::config::peg_defaults;
use crate::domain::units::{SwapFee, Weight};

fn setup() -> Setup {
    Setup::example(NEEDS).unwrap()
}

fn law() -> Law {
    let (rule, votes) = peg_defaults().unwrap();
    Law { rule, votes, operator: Some(Duration::from_hours(24)) }
}

/// A day in which USDC falls in its tenth hour, and goes on as `later` says from its fifteenth.
fn short(later: &'static [(&'static str, &'static [(Duration, u32)])]) -> Story<'static> {
    Story { name: "short", words: "short", branch: story::SYNTHETIC.branch, lasts: Duration::from_hours(24), coins: later }
}

const HOUR: Duration = Duration::from_hours(1);
const FALLS: [(Duration, u32); 2] = [(HOUR.saturating_mul(10), 10_000), (HOUR.saturating_mul(12), 9_300)];
const RECOVERS: &[(&str, &[(Duration, u32)])] =
    &[("USDC", &[FALLS[0], FALLS[1], (HOUR.saturating_mul(15), 9_300), (HOUR.saturating_mul(16), 10_000)])];
const DIES: &[(&str, &[(Duration, u32)])] =
    &[("USDC", &[FALLS[0], FALLS[1], (HOUR.saturating_mul(15), 9_300), (HOUR.saturating_mul(16), 3_000)])];

fn world(story: &Story<'_>, seed: u64) -> World {
    World::of_story(story, &setup().mandate, law(), seed)
}

#[test]
fn nothing_of_the_future_is_in_what_was_done_before_it() {
    let (recovers, dies) = (world(&short(RECOVERS), 3), world(&short(DIES), 3));
    let parted = 15 * 60;
    assert_ne!(recovers.market.prices, dies.market.prices);
    for name in ["guarded", "article-uncapped", "derisk-only", "exit", "pool"] {
        let contender = named(name).unwrap();
        let (one, other) = (run(&recovers, &setup(), &contender).unwrap(), run(&dies, &setup(), &contender).unwrap());
        assert_eq!(one.equity[..parted], other.equity[..parted], "{name}");
        let before = |course: &Course| {
            let until = recovers.time(parted);
            let acts: Vec<_> = course.acts.iter().filter(|act| act.at < until).cloned().collect();
            let said: Vec<_> = course.said.iter().filter(|said| said.at < until).cloned().collect();
            (acts, said)
        };
        assert_eq!(before(&one), before(&other), "{name}");
        assert_ne!(one.equity.last(), other.equity.last(), "{name}: the futures differ");
    }
}

#[test]
fn looking_when_it_matters_sees_all_that_looking_always_sees() {
    for (story, seed) in [(short(DIES), 4), (short(RECOVERS), 5)] {
        let world = world(&story, seed);
        for (name, _) in contenders::NAMES {
            let at = |how| run::run_as(&world, &setup(), &named(name).unwrap(), how).unwrap();
            let always = at(run::How { pace: run::Pace::Always, ..run::How::EXACT });
            let rested = at(run::How::EXACT);
            assert_eq!((&always.said, &always.acts), (&rested.said, &rested.acts), "{name}");
            assert_eq!((&always.equity, always.waits), (&rested.equity, rested.waits), "{name}");
        }
    }
}

#[test]
fn floats_decide_as_the_contracts_numbers_do_and_lose_no_cent() {
    for (story, seed) in [(short(DIES), 4), (short(RECOVERS), 5), (story::SYNTHETIC, 6)] {
        let world = world(&story, seed);
        for (name, _) in contenders::NAMES {
            let as_ = |how| run::run_as(&world, &setup(), &named(name).unwrap(), how).unwrap();
            let (exact, fast) = (as_(run::How::EXACT), as_(run::How::FAST));
            let said = |course: &Course| course.said.iter().map(|said| (said.at, said.code)).collect::<Vec<_>>();
            let acts = |course: &Course| course.acts.iter().map(|act| (act.at, act.plan, act.outcome)).collect::<Vec<_>>();
            assert_eq!((said(&exact), acts(&exact), exact.waits), (said(&fast), acts(&fast), fast.waits), "{name}");
            assert!((exact.books.ended - fast.books.ended).abs() < 0.01, "{name}: {:?} {:?}", exact.books, fast.books);
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let contenders: Vec<Contender> = contenders::USUAL.iter().map(|name| named(name).unwrap()).collect();
    let bytes = |seed| {
        let (study, _) = compare(&world(&short(RECOVERS), seed), &setup(), &contenders, |_| {}).unwrap();
        serde_json::to_string(&study).unwrap()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn a_frozen_pool_buys_no_more_of_a_dying_coin() {
    let world = world(&short(DIES), 1);
    let ended = |name: &str| *run(&world, &setup(), &named(name).unwrap()).unwrap().equity.last().unwrap();
    let (held, frozen, alone) = (ended("hold"), ended("freeze-only"), ended("pool"));
    assert!(frozen > alone + 10_000.0 && (frozen - held).abs() < 5_000.0, "{held} {frozen} {alone}");
    assert!((ended("guarded") - frozen).abs() < 20.0, "it freezes as well, and pays for breakers: {} {frozen}", ended("guarded"));
    assert!(ended("foresight") > held);
}

#[test]
fn a_pool_that_is_left_alone_is_worth_what_its_books_say() {
    let world = world(&short(RECOVERS), 2);
    let course = run(&world, &setup(), &named("pool").unwrap()).unwrap();
    let books = course.books;
    let sum = books.began + books.market + books.arbitrage + books.ramp + books.volume + books.gas;
    assert!((sum - books.ended).abs() < 1e-6, "{books:?}");
    assert!(books.arbitrage < 0.0 && books.volume > 0.0 && books.gas == 0.0 && books.ramp == 0.0, "{books:?}");
    assert!(course.trades > 2, "{}", course.trades);
}

#[test]
fn gas_that_is_too_dear_is_waited_for_and_counted() {
    // In a story gas costs 100 gwei while a coin is down: the article's cap is 30.
    let world = world(&short(DIES), 1);
    let course = run(&world, &setup(), &named("article").unwrap()).unwrap();
    assert!(course.waits > 60, "{}", course.waits);
    assert!(course.acts.iter().all(|act| act.trigger != "depeg"), "{:?}", course.acts);
}

#[test]
fn whoever_is_included_late_pays_for_the_fee_of_a_reopening_once() {
    // Five minutes: longer than a change of weights waits for its block.
    let setup = Setup { inclusion_blocks: 25, ..setup() };
    let course = run(&world(&story::SYNTHETIC, 1), &setup, &named("freeze-only").unwrap()).unwrap();
    let acts: Vec<_> = course.acts.iter().map(|act| (act.plan, act.outcome)).collect();
    assert_eq!(acts, [("freeze", "done"), ("fee_ramp", "done"), ("open", "done")]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// A run whose books do not balance to the wei is an error.
    #[test]
    fn the_books_balance_in_every_run(
        seed in any::<u64>(), fee in 1u32..100, volume in 0u32..10_000, blocks in 1u32..20, place in 0usize..contenders::NAMES.len(),
        dies in any::<bool>(),
    ) {
        let setup = Setup {
            fee: SwapFee::from_bps(fee), volume_share: Weight::from_bps(volume), inclusion_blocks: blocks, ..setup()
        };
        let world = world(&short(if dies { DIES } else { RECOVERS }), seed);
        let course = run(&world, &setup, &named(contenders::NAMES[place].0).unwrap());
        prop_assert!(course.is_ok(), "{:?}", course.err());
        prop_assert_eq!(course.unwrap().equity.len(), world.ticks());
    }
}
