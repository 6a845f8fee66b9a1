//! The answers to a depeg against figures that were worked out by hand, and at the corners.

use proptest::prelude::*;

use super::*;

fn usd(dollars: u128) -> Usd {
    Usd::from_wad(dollars * WAD)
}

fn price(bps: u128) -> Price {
    Price::from_wad(bps * WAD / 10_000).unwrap()
}

/// $500k at par whose share of 35 % is in a coin that stands at 0.97 now.
fn exposure() -> Exposure {
    let value = Usd::estimate(500_000.0 * 0.97f64.powf(0.35));
    Exposure { value, weight: Weight::from_bps(3_500), price: price(9_700), floor: price(5_000) }
}

fn costs() -> AnswerCosts {
    AnswerCosts { freeze: usd(10), derisk_to: Weight::from_bps(1_000), derisk: usd(1_900), exit: usd(20), brakes: None }
}

fn of(all: &[Outlook], answer: Given) -> Outlook {
    *all.iter().find(|outlook| outlook.answer == Answer::Policy(answer)).unwrap()
}

fn near(found: Usd, expected: f64) {
    assert!((found.as_f64() - expected).abs() < 1.0, "{found}, expected {expected}");
}

#[test]
fn the_ends_are_those_of_the_formulas() {
    let all = outlook(&exposure(), &costs()).unwrap();
    let hold = of(&all, Given::Hold);
    near(hold.if_recovers, 500_000.0);
    near(hold.if_dies, 500_000.0 * 0.5f64.powf(0.35));
    let value = 500_000.0 * 0.97f64.powf(0.35);
    let freeze = of(&all, Given::Freeze);
    near(freeze.if_recovers, value * (0.65 + 0.35 / 0.97) - 10.0);
    near(freeze.if_dies, value * (0.65 + 0.35 * 0.5 / 0.97) - 10.0);
    let derisk = of(&all, Given::Derisk);
    near(derisk.if_dies, (value - 1_910.0) * (0.9 + 0.1 * 0.5 / 0.97));
    let exit = of(&all, Given::Exit);
    near(exit.if_dies, freeze.if_dies.as_f64() - 10.0);
    near(exit.loss_if_dies, value - exit.if_dies.as_f64());
}

#[test]
fn break_even_is_against_the_best_of_the_others_and_not_against_nothing() {
    let all = outlook(&exposure(), &costs()).unwrap();
    let (freeze, derisk) = (of(&all, Given::Freeze), of(&all, Given::Derisk));
    let up = freeze.if_recovers.as_f64() - derisk.if_recovers.as_f64();
    let down = derisk.if_dies.as_f64() - freeze.if_dies.as_f64();
    let BreakEven::Between(from, to) = derisk.best else { panic!("never") };
    assert!((from.as_fraction() - up / (up + down)).abs() < 1e-6 && to == Weight::ONE, "{from} {to}");
    // Against doing nothing it would seem worth it much earlier.
    let hold = of(&all, Given::Hold);
    let naive = (hold.if_recovers.as_f64() - derisk.if_recovers.as_f64())
        / (hold.if_recovers.as_f64() - derisk.if_recovers.as_f64() + derisk.if_dies.as_f64() - hold.if_dies.as_f64());
    assert!(naive < from.as_fraction(), "{naive} against {from}");
    assert_eq!(of(&all, Given::Exit).best, BreakEven::Never, "a frozen pool is the same, and ten dollars cheaper");
}

/// What the corner is, how it is made, and which answers are the best at certain recovery and at certain death.
type Corner = (&'static str, fn(&mut Exposure, &mut AnswerCosts), &'static str, &'static str);

#[test]
fn corners() {
    let corners: [Corner; 6] = [
        (
            "derisking that costs nothing and sells all",
            |_, c| (c.derisk, c.derisk_to, c.freeze) = (Usd::ZERO, Weight::ZERO, Usd::ZERO),
            "freeze",
            "derisk",
        ),
        ("derisking that sells nothing is a dear freeze", |e, c| c.derisk_to = e.weight, "freeze", "freeze"),
        ("a freeze that costs more than it saves", |_, c| (c.freeze, c.exit) = (usd(400_000), usd(400_000)), "hold", "hold"),
        ("an exit that costs nothing", |_, c| (c.exit, c.derisk_to) = (Usd::ZERO, Weight::from_bps(3_500)), "exit", "exit"),
        ("a coin without a floor", |e, _| e.floor = Price::from_wad(1).unwrap(), "freeze", "derisk"),
        ("a price a hair below par", |e, c| (e.price, c.freeze) = (Price::from_wad(WAD - 1).unwrap(), usd(1)), "hold", "derisk"),
    ];
    for (what, change, alive, dead) in corners {
        let (mut exposure, mut costs) = (exposure(), costs());
        change(&mut exposure, &mut costs);
        let all = outlook(&exposure, &costs).unwrap();
        let best = |key: fn(&Outlook) -> Usd| all.iter().max_by_key(|outlook| key(outlook)).unwrap().answer.label();
        assert_eq!((best(|o| o.if_recovers), best(|o| o.if_dies)), (alive, dead), "{what}: {all:?}");
        for outlook in &all {
            if let BreakEven::Between(from, to) = outlook.best {
                assert!(from <= to && to <= Weight::ONE, "{what}: {outlook:?}");
            }
        }
        let reaches = |p: Weight| all.iter().any(|o| matches!(o.best, BreakEven::Between(from, to) if from <= p && p <= to));
        assert!(reaches(Weight::ZERO) && reaches(Weight::ONE), "{what}: somebody is the best at either end");
    }
}

#[test]
fn no_coin_in_question_has_no_outlook() {
    let of = |change: fn(&mut Exposure)| {
        let mut exposure = exposure();
        change(&mut exposure);
        outlook(&exposure, &costs())
    };
    assert!(of(|e| e.price = e.floor).is_none(), "dead already");
    assert!(of(|e| e.price = price(10_001)).is_none(), "at a premium");
    assert!(of(|e| e.weight = Weight::ZERO).is_none());
    assert!(of(|e| e.price = Price::PAR).is_some(), "what would be if it died from here");
}

#[test]
fn brakes_are_held_until_their_bound_and_frozen_from_there() {
    let brakes = BrakeRule { fall: Weight::from_bps(300), rise: Weight::from_bps(500), tolerance: Weight::from_bps(100) };
    let all = outlook(&exposure(), &AnswerCosts { brakes: Some(brakes), ..costs() }).unwrap();
    let outcome = *all.iter().find(|outlook| outlook.answer == Answer::Brakes).unwrap();
    let (hold, freeze) = (of(&all, Given::Hold), of(&all, Given::Freeze));
    assert_eq!(outcome.if_recovers, hold.if_recovers, "3 % up is within the bound");
    assert!(outcome.if_dies > hold.if_dies && outcome.if_dies < freeze.if_dies);
    let value = exposure().value.as_f64() * 0.97f64.powf(0.35);
    near(outcome.if_dies, value * (0.65 + 0.35 * 0.5 / (0.97 * 0.97)));
}

#[test]
fn the_markets_own_word() {
    let implied = |m, r| implied_death(price(m), Price::from_wad(r).unwrap()).unwrap();
    assert_eq!(implied(9_700, 1), Weight::from_wad(30_000_000_000_000_000), "3 % at 0.97");
    assert_eq!(implied(9_000, WAD / 2), Weight::from_bps(2_000));
    assert_eq!(implied(10_200, WAD / 2), Weight::ZERO, "a premium is no fear");
    assert_eq!(implied_death(price(9_000), Price::PAR), None);
}

#[test]
fn a_mandate_allows_what_may_be_lost_and_no_wei_more() {
    // A coin at par that may fall to 0.5 loses half of its weight: 10 % of the position are 20 points.
    assert_eq!(allowed(Price::PAR, price(5_000), Weight::from_bps(1_000)), Weight::from_bps(2_000));
    // At 0.8 it has less to lose: 0.3 / 0.8.
    let later = allowed(price(8_000), price(5_000), Weight::from_bps(1_000));
    assert!(later > Weight::from_bps(2_666) && later < Weight::from_bps(2_667), "{later}");
    assert_eq!(allowed(price(5_000), price(5_000), Weight::from_bps(1)), Weight::ONE, "nothing is left to lose");
    assert_eq!(allowed(Price::PAR, price(1), Weight::ZERO), Weight::ZERO, "none of it may be lost");
}

proptest! {
    #[test]
    fn what_a_mandate_allows_loses_no_more_than_it_says(m in 1_000u128..=10_000, r in 1u128..10_000, limit in 0u32..=10_000) {
        prop_assume!(r < m);
        let (m, r, limit) = (price(m), price(r), Weight::from_bps(limit));
        let weight = allowed(m, r, limit);
        let lost = weight.share(severity(m, r).unwrap());
        prop_assert!(lost <= limit);
        // One point more loses more, unless everything is allowed.
        if weight < Weight::ONE {
            let more = weight.saturating_add(Weight::from_wad(WAD / 1_000_000));
            prop_assert!(more.share(severity(m, r).unwrap()).saturating_add(Weight::from_wad(2)) > limit);
        }
    }
}
