//! What the policies would have done in March 2023, and on five paths that it could have taken: `cargo test --test march`.
//!
//! The minutes lie beside the project, because the right to pass them on is unclear; without them these tests say so and prove nothing.
//! They are no part of `cargo test`, because they take two minutes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use ballast::backtest::Span;
use ballast::backtest::trial::run::{How, run_as};
use ballast::backtest::trial::study::{Row, compare};
use ballast::backtest::trial::{Archive, Contender, Course, Law, Setup, World, story};
use ballast::chain::managed_pool::NEEDS;
use ballast::cli::backtest::contenders::named;
use ballast::config::peg_defaults;
use ballast::domain::units::Timestamp;

fn law() -> Law {
    let (rule, votes) = peg_defaults().unwrap();
    Law { rule, votes, operator: Some(Duration::from_hours(24)) }
}

/// `../shared/data`; from a second work tree it is further up.
fn recorded() -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    above.map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir())
}

/// March 2023 as it happened, and the paths that it could have taken.
fn worlds() -> Option<&'static Vec<(&'static str, World)>> {
    static WORLDS: OnceLock<Option<Vec<(&'static str, World)>>> = OnceLock::new();
    let worlds = WORLDS.get_or_init(|| {
        let archive = Archive::load(&recorded()?).unwrap_or_else(|fault| panic!("{fault}"));
        let from = Timestamp::from_secs(1_677_715_200);
        let until = Timestamp::from_secs(1_679_356_800);
        let setup = Setup::example(NEEDS).unwrap();
        let span = Span { from, until, step: Duration::from_mins(1) };
        let history = World::of_history(&archive, span, &setup.mandate, law()).unwrap();
        let mut worlds = vec![("as it happened", history)];
        for story in &story::MARCH {
            worlds.push((story.name, World::of_branch(&archive, story, from, &setup.mandate, law(), 1).unwrap()));
        }
        Some(worlds)
    });
    if worlds.is_none() {
        eprintln!("!!! NOT REPLAYED: there is no shared/data, so nothing holds the policies against March 2023");
    }
    worlds.as_ref()
}

/// Everybody who is compared.
fn contenders() -> Vec<Contender> {
    let names = ["hold", "pool", "freeze-only", "breakers-only", "exit", "article-uncapped", "guarded"];
    names.iter().map(|name| named(name).unwrap()).collect()
}

/// What became of everybody on each path.
fn march() -> Option<&'static Vec<(&'static str, Vec<Row>)>> {
    static MARCH: OnceLock<Vec<(&'static str, Vec<Row>)>> = OnceLock::new();
    let worlds = worlds()?;
    let rows = |world: &World| compare(world, &Setup::example(NEEDS).unwrap(), &contenders(), |_| {}).unwrap().0.rows;
    Some(MARCH.get_or_init(|| worlds.iter().map(|(name, world)| (*name, rows(world))).collect()))
}

fn of<'a>(rows: &'a [Row], name: &str) -> &'a Row {
    rows.iter().find(|row| row.name == name).unwrap()
}

/// The difference of two contenders in basis points of the pool.
fn ahead(rows: &[Row], one: &str, other: &str) -> f64 {
    (of(rows, one).measures.net - of(rows, other).measures.net) * 1e4
}

#[test]
fn the_default_policy_beats_a_mere_freeze_where_coins_fall_and_loses_little_elsewhere() {
    let Some(march) = march() else { return };
    let ahead: Vec<(&str, f64)> = march.iter().map(|(path, rows)| (*path, ahead(rows, "guarded", "freeze-only"))).collect();
    assert!(ahead.iter().filter(|(_, ahead)| *ahead > 0.0).count() >= 3, "{ahead:?}");
    assert!(ahead.iter().all(|(_, ahead)| *ahead > -5.0), "{ahead:?}");
}

#[test]
fn the_default_policy_costs_little_when_a_coin_recovers_and_halves_the_loss_when_it_dies() {
    let Some(march) = march() else { return };
    let rows = |path: &str| &march.iter().find(|(name, _)| *name == path).unwrap().1;
    let happened = rows("as it happened");
    assert!(ahead(happened, "guarded", "hold") > -5.0, "{}", ahead(happened, "guarded", "hold"));
    let fell = |name: &str| of(happened, name).measures.max_drawdown;
    assert!(fell("guarded") > fell("hold") - 0.001, "{} {}", fell("guarded"), fell("hold"));
    let dies = rows("dies");
    assert!(of(dies, "guarded").measures.net > -0.34, "{}", of(dies, "guarded").measures.net);
    assert!(of(dies, "pool").measures.net < -0.6, "{}", of(dies, "pool").measures.net);
}

#[test]
fn whoever_sells_at_any_price_loses_more_than_whoever_stops() {
    let Some(march) = march() else { return };
    for path in ["as it happened", "dies", "jumps"] {
        let rows = &march.iter().find(|(name, _)| *name == path).unwrap().1;
        assert!(ahead(rows, "guarded", "article-uncapped") > 50.0, "{path}: {}", ahead(rows, "guarded", "article-uncapped"));
        assert!(of(rows, "article-uncapped").books.ramp < -500.0, "{path}");
    }
}

#[test]
fn floats_decide_as_the_contracts_numbers_do_on_every_path() {
    let Some(worlds) = worlds() else { return };
    let setup = Setup::example(NEEDS).unwrap();
    for (path, world) in worlds {
        for contender in contenders() {
            let as_ = |how| run_as(world, &setup, &contender, how).unwrap();
            let (exact, fast) = (as_(How::EXACT), as_(How::FAST));
            let said = |course: &Course| course.said.iter().map(|said| (said.at, said.code)).collect::<Vec<_>>();
            let acts = |course: &Course| course.acts.iter().map(|act| (act.at, act.plan, act.outcome)).collect::<Vec<_>>();
            assert_eq!((said(&exact), acts(&exact)), (said(&fast), acts(&fast)), "{path}: {}", contender.name);
            let apart = exact.books.ended - fast.books.ended;
            assert!(apart.abs() < 0.01, "{path}: {} by ${apart}", contender.name);
        }
    }
}
