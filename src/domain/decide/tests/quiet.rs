//! A quiet pool: targets, yields, what is worth it, the limits of a day, and swaps and brakes.

use super::*;
use crate::domain::moves::{Move, Moves};
use crate::domain::policy::{BrakeRule, SwapRule, VolatilityRule, WorthRule, YieldRule};
use crate::domain::position::Breaker;
use crate::domain::testing::usd;

const DAY: Duration = Duration::from_hours(24);

fn worth() -> WorthRule {
    WorthRule { horizon: 30 * DAY, multiple_bps: 20_000, reversal_multiple_bps: 40_000, misplaced_bps: 500 }
}

fn yields() -> YieldRule {
    YieldRule { gap_bps: 50, release_bps: 30, persist: DAY, uncaptured: false, benchmark_bps: 400 }
}

/// Six points off.
fn drifted() -> Scene {
    Scene::at(&[4_600, 3_500, 1_900])
}

/// A pool whose DAI is a share that earns five percent, with weights that follow yields.
fn earning() -> Scene {
    let mut scene = Scene::at(&[4_000, 3_500, 2_500]).with(|p| {
        p.yields = Some(yields());
        p.tilt.yield_gain_bps = 20_000;
    });
    scene.mandate.accrues = vec![true, false, false];
    scene.rates = vec![Rate::Share(WAD), Rate::Par, Rate::Par];
    scene.earns = vec![Some(500), Some(450), Some(300)];
    scene.memory.yield_gap_since = Some(NOW.minus(DAY));
    scene
}

#[test]
fn the_threshold_itself_does_not_fire_and_a_wei_more_does() {
    let mut scene = Scene::at(&[4_500, 3_500, 2_000]);
    assert_eq!(scene.word(), "on_target");
    let weights = &mut scene.position.as_mut().unwrap().weights;
    (weights[0], weights[2]) = (Weight::from_wad(weights[0].wad() + 1), Weight::from_wad(weights[2].wad() - 1));
    assert_eq!(scene.act().0.code(), "drift");
}

#[test]
fn a_move_is_made_when_it_pays_and_not_when_gas_is_dear() {
    let at = |gwei| Scene { gas: Some(GasPrice::from_gwei(gwei)), ..drifted().with(|p| p.worth = Some(worth())) };
    assert_eq!(at(1).word(), "reweight");
    assert_eq!(at(200).word(), "not_worth_it");
    let Decision::Hold(hold) = at(200).decide() else { panic!("acts") };
    assert_eq!(hold.numbers().iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["benefit", "cost", "asked"]);
    assert_eq!(Scene { gas: None, ..at(1) }.word(), "unknown", "nobody knows what it costs");
    let mut small = at(1);
    small.position.as_mut().unwrap().balances.iter_mut().for_each(|balance| balance.raw /= 1_000);
    assert_eq!(small.word(), "not_worth_it", "$500 are not worth a transaction");
}

#[test]
fn a_way_back_needs_to_bring_more() {
    let with_past = |gwei, protective| {
        let mut scene = Scene { gas: Some(GasPrice::from_gwei(gwei)), ..drifted().with(|p| p.worth = Some(worth())) };
        let moved =
            Move { at: NOW.minus(2 * DAY), from: bps(&[4_000, 3_500, 2_500]), to: bps(&[4_600, 3_500, 1_900]), protective };
        scene.memory.moves = Moves::new(vec![moved]);
        scene.word()
    };
    let gwei = (1..200).find(|gwei| with_past(*gwei, false) != "reweight").unwrap();
    assert_eq!(with_past(gwei, false), "would_oscillate");
    assert_eq!(with_past(gwei, true), "reweight", "the way home from a defence is no oscillation");
}

#[test]
fn a_day_has_room_for_so_many_moves_and_so_much_weight() {
    let with_past = |moves: &[(u64, u32)], limits: DailyLimits| {
        let mut scene = drifted().with(|p| p.limits = limits);
        let moved = |(hours, bps_moved): &(u64, u32)| Move {
            at: NOW.minus(Duration::from_hours(*hours)),
            from: bps(&[4_000, 3_500, 2_500]),
            to: bps(&[4_000 + bps_moved, 3_500 - bps_moved, 2_500]),
            protective: false,
        };
        scene.memory.moves = Moves::new(moves.iter().map(moved).collect());
        scene.word()
    };
    let limits = |moves, weight| DailyLimits { moves, weight: Weight::from_bps(weight) };
    assert_eq!(with_past(&[(2, 100), (5, 100)], limits(2, 10_000)), "daily_limit");
    assert_eq!(with_past(&[(2, 100), (5, 100)], limits(3, 10_000)), "reweight");
    assert_eq!(with_past(&[(2, 100), (24, 100)], limits(2, 10_000)), "reweight", "a day ago is not today");
    assert_eq!(with_past(&[(2, 400)], limits(9, 1_000)), "reweight", "four and six are ten");
    assert_eq!(with_past(&[(2, 401)], limits(9, 1_000)), "daily_limit");
}

#[test]
fn a_human_who_asks_is_served_once_and_does_not_wait_for_the_hour() {
    let mut scene = Scene::at(&[4_200, 3_500, 2_300]).with(|p| p.worth = Some(worth())).ramp(-60, -10, &[4_200, 3_500, 2_300]);
    scene.gas = Some(GasPrice::from_gwei(500));
    assert_eq!(scene.word(), "on_target", "two points are no drift");
    scene.memory.manual_asked = Some(NOW.minus(MINUTE));
    assert_eq!(scene.act().0, Trigger::Manual { asked: NOW.minus(MINUTE) });
    scene.memory.manual_served = scene.memory.manual_asked;
    assert_eq!(scene.word(), "on_target");
    let mut there = Scene::at(&[4_000, 3_500, 2_500]);
    there.memory.manual_asked = Some(NOW);
    assert_eq!(there.decide(), Decision::Hold(Hold::OnTarget(Served { slot: None, wish: Some(NOW) })));
}

#[test]
fn yields_that_the_pool_earns_are_followed_once_they_have_lasted() {
    let scene = earning();
    let (trigger, plan) = scene.act();
    assert_eq!(trigger, Trigger::Yield { asset: AssetId::new("DAI"), gap_bps: 500 });
    assert!(plan.target.weights()[0] > Weight::from_bps(4_100), "{:?}", plan.target);
    let mut young = earning();
    young.memory.yield_gap_since = Some(NOW.minus(DAY).plus(Duration::from_millis(1)));
    assert_eq!(young.word(), "on_target");
    let mut unknown = earning();
    unknown.earns[0] = None;
    assert_eq!(unknown.word(), "on_target", "what is not known moves nothing");
    let mut dear = earning().with(|p| p.worth = Some(worth()));
    dear.gas = Some(GasPrice::from_gwei(100));
    assert_eq!(dear.word(), "not_worth_it");
}

#[test]
fn yields_of_raw_coins_bring_nothing_and_the_article_follows_them_all_the_same() {
    let mut raw = earning();
    raw.mandate.accrues = vec![false; 3];
    let Decision::Hold(Hold::YieldNotCaptured { asset, gap_bps, idle }) = raw.decide() else { panic!("{}", raw.word()) };
    assert_eq!((asset.as_str(), gap_bps, idle), ("DAI", 200, usd(20_000)), "four percent of half a million");
    raw.policy.yields = Some(YieldRule { uncaptured: true, persist: Duration::ZERO, ..yields() });
    assert_eq!(raw.act().0.code(), "yield");
}

#[test]
fn a_share_is_worth_its_coin_times_its_rate_and_one_that_fell_is_not_bought() {
    assert_eq!((Rate::of(WAD, WAD), Rate::of(WAD - 1, WAD)), (Rate::Share(WAD), Rate::Share(WAD - 1)), "a wei is rounding");
    assert_eq!(Rate::of(WAD - WAD / 1_000, WAD), Rate::Fallen(WAD - WAD / 1_000));
    let mut scene = Scene::at(&[4_000, 3_500, 2_500]);
    scene.rates = vec![Rate::Share(2 * WAD), Rate::Par, Rate::Par];
    assert_eq!(scene.facts().valuation().unwrap().total, usd(700_000), "forty points are worth twice as much");
    let mut fallen = Scene::at(&[3_400, 3_800, 2_800]);
    fallen.rates = vec![Rate::Fallen(WAD), Rate::Par, Rate::Par];
    assert_eq!(fallen.hold(), "awaiting_recovery");
    fallen.rates = vec![Rate::Unknown, Rate::Par, Rate::Par];
    assert_eq!(fallen.hold(), "unknown", "nobody knows what it is worth");
    fallen.rates = vec![Rate::Late, Rate::Par, Rate::Par];
    assert_eq!(fallen.hold(), "blocks_differ");
}

#[test]
fn the_clock_of_a_gap_has_hysteresis() {
    let mut memory = Memory::default();
    let mut watch = |gap: u64| {
        let scene = Scene { earns: vec![Some(gap), Some(0), Some(0)], ..earning() };
        memory.watch(&scene.facts(), &scene.policy, &scene.mandate);
        memory.yield_gap_since.is_some()
    };
    assert!(!watch(50), "exactly the gap");
    assert!(watch(51));
    assert!(watch(30), "exactly the line of release");
    assert!(!watch(29));
    assert!(!watch(40), "and it takes the gap to begin anew");
}

#[test]
fn a_restless_coin_weighs_less() {
    let rule = VolatilityRule { half_life: DAY, window: HOUR, gain_bps: 20_000, cap: Weight::from_bps(5_000) };
    let mut scene = Scene::at(&[4_000, 3_500, 2_500]).with(|p| p.tilt.volatility = Some(rule));
    scene.deviations = vec![Some(Weight::ZERO), Some(Weight::from_bps(1_000)), Some(Weight::ZERO)];
    let (trigger, plan) = scene.with(|p| p.drift_threshold = Weight::from_bps(300)).act();
    assert_eq!(trigger.code(), "drift");
    // 35 less a fifth, of 93.
    assert!((plan.target.weights()[1].as_fraction() - 28.0 / 93.0).abs() < 1e-6);
}

#[test]
fn at_constant_prices_a_pool_comes_to_rest() {
    let mut scene = earning().with(|p| p.drift_threshold = Weight::from_bps(100));
    let mut moves = 0;
    while let Decision::Act { plan: Plan::Reweight(plan), .. } = scene.decide() {
        let position = scene.position.as_mut().unwrap();
        position.weights = plan.target.weights().to_vec();
        position.balances = position.weights.iter().map(|w| TokenAmount { raw: w.wad() * 500_000, decimals: 18 }).collect();
        moves += 1;
        assert!(moves < 10, "it moves for ever");
    }
    assert!(moves > 0);
}

#[test]
fn no_target_fits_is_said_and_not_guessed() {
    let mut scene = drifted();
    let group = crate::domain::ids::GroupId::new("usdc");
    scene.mandate.groups = vec![Some(group.clone()), Some(group.clone()), None];
    scene.mandate.group_max = [(group, Weight::from_bps(4_000))].into();
    assert_eq!(scene.hold(), "no_target");
}

fn swapping() -> Scene {
    let rule = SwapRule {
        slippage: Weight::from_bps(50),
        max_slippage: Weight::from_bps(200),
        volatility_gain_bps: 10_000,
        most: usd(100_000),
        accept_third_parties: false,
    };
    let mut scene = Scene { treasury: true, ..Scene::at(&[4_000, 3_500, 2_500]).with(|p| p.swap = Some(rule)) };
    scene.deviations = vec![Some(Weight::ZERO); 3];
    scene.position.as_mut().unwrap().balances[0].raw = 164_500 * WAD;
    scene.position.as_mut().unwrap().purse = vec![u128::MAX; 3];
    scene.memory.composition_off_since = Some(NOW.minus(10 * MINUTE));
    scene
}

#[test]
fn a_pool_that_nobody_trades_back_is_traded_back_if_that_pays() {
    let Decision::Act { trigger, plan: Plan::Swap(swap), .. } = swapping().decide() else { panic!("{}", swapping().word()) };
    assert_eq!((trigger.code(), swap.asset_in), ("composition", 0));
    assert_eq!(Scene { treasury: false, ..swapping() }.word(), "composition_drift");
    assert_eq!(Scene { gas: Some(GasPrice::from_gwei(20_000)), ..swapping() }.word(), "composition_drift", "gas takes it all");
    assert_eq!(Scene { gas: None, ..swapping() }.word(), "unknown");
    let mut shared = swapping();
    shared.position.as_mut().unwrap().ownership.treasury = 400_000 * WAD;
    assert!(matches!(shared.decide(), Decision::Hold(Hold::CompositionDrift { because: NoSwap::ThirdParties(_), .. })));
    let mut poor = swapping();
    poor.position.as_mut().unwrap().purse = vec![0; 3];
    assert!(matches!(poor.decide(), Decision::Hold(Hold::CompositionDrift { because: NoSwap::Unfunded, .. })));
    let mut new = swapping();
    new.memory.composition_off_since = Some(NOW.minus(9 * MINUTE));
    assert_eq!(new.word(), "on_target", "arbitrage needs a few blocks");
}

#[test]
fn brakes_are_set_on_a_quiet_pool_and_on_no_other() {
    let unset = Breaker { reference_price: 0, reference_weight: Weight::ZERO, lower: Weight::ZERO, upper: Weight::ZERO };
    let rule = BrakeRule { fall: Weight::from_bps(300), rise: Weight::from_bps(500), tolerance: Weight::from_bps(100) };
    let mut scene = Scene::at(&[4_000, 3_500, 2_500]).with(|p| p.brakes = Some(rule));
    assert_eq!(scene.word(), "on_target", "a position that has none");
    scene.position.as_mut().unwrap().breakers = vec![unset; 3];
    assert_eq!(scene.word(), "brake");
    let mut pushed = scene;
    pushed.position.as_mut().unwrap().balances[0].raw = 164_500 * WAD;
    assert_eq!(pushed.word(), "on_target", "prices that somebody has pushed are no reference");
    let stressed = pushed.peg("DAI", PegState::Stressed, 9_940);
    assert_ne!(stressed.word(), "brake");
}

#[test]
fn every_answer_can_be_explained() {
    let (scene, drifted) = (Scene::at(&[4_000, 3_500, 2_500]), drifted());
    let told = |scene: &Scene| deliberate(&scene.facts(), &scene.memory, &scene.policy, &scene.mandate);
    let quiet = told(&scene);
    assert_eq!((quiet.decision.code(), quiet.decision.to_string().as_str()), ("on_target", "on target"));
    let words: Vec<&str> = quiet.considered.iter().map(|considered| considered.what).collect();
    assert_eq!(words, ["pegs", "target", "drift", "schedule"]);
    let acts = told(&drifted);
    assert_eq!(acts.decision.code(), "drift");
    assert!(acts.decision.numbers().iter().any(|(name, value)| *name == "ramp_seconds" && !value.is_empty()));
    assert!(acts.decision.to_string().contains("6.00 % off its target: move the weights"), "{}", acts.decision);
}
