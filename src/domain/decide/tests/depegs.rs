//! The answers to a depeg, and the way back from a freeze.

use super::*;
use crate::domain::moves::{Move, Moves};

fn off() -> Scene {
    Scene::at(&[4_000, 3_500, 2_500]).peg("USDC", PegState::Depegged, 9_700)
}

fn answering(answer: DepegAnswer) -> Scene {
    off().with(|policy| policy.depeg.answer = answer)
}

/// A mandate: USDC at 0.97 that may fall to a cent loses 98.97 % of its weight.
fn mandated(max_loss: u32) -> Scene {
    off().with(|policy| {
        policy.depeg.derisk.max_loss = Weight::from_bps(max_loss);
        policy.depeg.derisk.then = AfterDerisk::Freeze;
    })
}

#[test]
fn each_answer_does_what_it_says() {
    assert_eq!(answering(DepegAnswer::Freeze).word(), "freeze");
    assert_eq!(answering(DepegAnswer::Hold).word(), "left_alone");
    assert_eq!(answering(DepegAnswer::Derisk).word(), "reweight");
    assert_eq!(answering(DepegAnswer::Exit).word(), "defended", "nobody can leave");
    let Decision::Act { plan: Plan::Exit(exit), .. } = (Scene { treasury: true, ..answering(DepegAnswer::Exit) }).decide() else {
        panic!("stays")
    };
    assert_eq!(exit.shares, 500_000 * WAD);
    assert_eq!(exit.least_out[0], 4_000 * 50 * WAD / 1_000 * 995, "half a percent less than its share");
}

#[test]
fn a_freeze_stops_a_ramp_that_is_in_flight_and_says_what_it_saves() {
    let scene = answering(DepegAnswer::Freeze).ramp(-60, 600, &[4_600, 2_500, 2_900]);
    let Decision::Act { trigger, plan: Plan::Freeze, benefit } = scene.decide() else { panic!("trades on") };
    assert_eq!(trigger.class().label(), "depeg");
    let saved = benefit.unwrap().as_f64();
    assert!((1_000.0..10_000.0).contains(&saved), "3 % of what a dead coin would cost a trading pool more: {saved}");
    let frozen = scene.frozen(60);
    let (trigger, plan) = frozen.act();
    assert_eq!((trigger.code(), plan.target.weights()), ("reopen", bps(&[4_000, 3_500, 2_500]).as_slice()), "where it is now");
    let stopped = frozen.ramp(-60, 600, &[4_000, 3_500, 2_500]).frozen(60);
    assert_eq!(stopped.hold(), "frozen");
}

#[test]
fn only_what_the_mandate_does_not_allow_is_sold_and_then_trading_stops() {
    // 30 % of the position may be lost: 30.31 points of USDC.
    let (_, plan) = mandated(3_000).act();
    let left = plan.target.weights()[1];
    assert!(left > Weight::from_bps(3_030) && left < Weight::from_bps(3_032), "{left}");
    assert_eq!(mandated(3_500).word(), "freeze", "nothing is above the mandate");
    assert_eq!(mandated(3_500).with(|p| p.depeg.derisk.then = AfterDerisk::Hold).word(), "defended");
    let moving = mandated(3_000).ramp(-60, 600, &[4_500, 2_500, 3_000]);
    assert_eq!(moving.hold(), "ramp_in_flight", "one tranche at a time");
}

#[test]
fn a_tokens_own_limit_and_that_of_its_group_bind_too() {
    let mut scene = mandated(3_500);
    scene.mandate.max_loss[1] = Some(Weight::from_bps(2_970));
    let (_, plan) = scene.act();
    assert!(plan.target.weights()[1] < Weight::from_bps(3_005), "its own 29.7 %: {}", plan.target.weights()[1]);
    let mut scene = mandated(3_500);
    let group = crate::domain::ids::GroupId::new("usdc");
    scene.mandate.groups = vec![Some(group.clone()), Some(group.clone()), None];
    scene.mandate.group_max_loss = [(group, Weight::from_bps(7_000))].into();
    let (_, plan) = scene.act();
    // DAI at par loses 39.6, USDC 34.64: 4.24 too much, all of it sold from the coin that is off its peg.
    let left = plan.target.weights()[1];
    assert!(left > Weight::from_bps(3_060) && left < Weight::from_bps(3_080), "{left}");
}

#[test]
fn selling_ends_at_the_least_price_and_with_the_budget() {
    let cheap = mandated(0).with(|p| p.depeg.derisk.least_price = Price::from_wad(WAD / 100 * 98).unwrap());
    assert_eq!(cheap.word(), "freeze");
    let at = mandated(0).with(|p| p.depeg.derisk.least_price = Price::from_wad(WAD / 100 * 97).unwrap());
    assert_eq!(at.word(), "reweight", "exactly the least price still sells");
    let budget = |spent: u32| {
        let mut scene = mandated(0).with(|p| p.depeg.derisk.budget = Weight::from_bps(1_500));
        scene.pegs[1].since = NOW.minus(HOUR);
        let to = [4_000 + spent, 3_500 - spent, 2_500];
        let moved = Move { at: NOW.minus(MINUTE), from: bps(&[4_000, 3_500, 2_500]), to: bps(&to), protective: true };
        scene.memory.moves = Moves::new(vec![moved]);
        scene
    };
    assert_eq!(budget(1_500).word(), "freeze");
    let (_, plan) = budget(1_000).act();
    assert_eq!(plan.target.weights()[1], Weight::from_bps(3_000), "five points are left");
}

#[test]
fn others_are_not_traded_out_of_a_coin_unless_the_owner_says_so() {
    let with_others = |treasury: u128, accept: bool| {
        let mut scene = mandated(0).with(|p| p.depeg.derisk.accept_third_parties = accept);
        scene.position.as_mut().unwrap().ownership.treasury = treasury * WAD;
        scene.word()
    };
    assert_eq!(with_others(475_000, false), "reweight", "exactly five percent are not above five percent");
    assert_eq!(with_others(474_999, false), "freeze");
    assert_eq!(with_others(0, true), "reweight");
}

#[test]
fn a_move_that_would_lose_too_much_is_not_made() {
    let tight = mandated(0).with(|p| p.ramp.max_loss = Some(Weight::from_bps(1)));
    assert_eq!(tight.word(), "freeze");
    let mild = Scene::at(&[4_600, 3_500, 1_900]).with(|p| p.ramp.max_loss = Some(Weight::from_bps(1)));
    assert_eq!(mild.hold(), "too_dear");
}

#[test]
fn nothing_is_opened_that_ballast_did_not_close() {
    let mut scene = Scene::at(&[4_000, 3_500, 2_500]).frozen(7_200);
    scene.memory.sound_since = Some(NOW.minus(2 * HOUR));
    assert_eq!(scene.word(), "fee_ramp");
    scene.memory.frozen = None;
    assert_eq!(scene.word(), "swaps_off");
}

#[test]
fn trading_opens_with_a_high_fee_when_all_coins_have_settled() {
    let mut scene = Scene::at(&[4_000, 3_500, 2_500]).frozen(7_200);
    assert_eq!(scene.hold(), "frozen", "nobody knows for how long they have been sound");
    scene.memory.sound_since = Some(NOW.minus(30 * MINUTE).plus(Duration::from_millis(1)));
    assert_eq!(scene.hold(), "frozen");
    scene.memory.sound_since = Some(NOW.minus(30 * MINUTE));
    let Decision::Act { trigger, plan: Plan::FeeRamp(change), .. } = scene.decide() else { panic!("no fee") };
    assert_eq!((trigger.class().label(), change.from, change.to), ("drift", SwapFee::from_bps(500), SwapFee::from_bps(5)));
    assert_eq!(change.start_lead, HOUR, "it stays for as long as the transaction that opens may wait for its gas");
    scene.position.as_mut().unwrap().swap_fee = SwapFee::from_bps(500);
    assert_eq!(scene.word(), "open");
    scene.position.as_mut().unwrap().swap_fee = SwapFee::from_bps(499);
    assert_eq!(scene.word(), "fee_ramp", "it came too late: the fee is falling already");
    let modest = scene.with(|p| p.depeg.reopen.fee = SwapFee::from_bps(5));
    assert_eq!(modest.word(), "open", "a fee no higher than before needs no ramp");
}

#[test]
fn coming_back_is_stricter_than_leaving() {
    for (state, price) in
        [(PegState::Recovering, 9_990), (PegState::Stressed, 9_950), (PegState::Disabled, 10_000), (PegState::Depegged, 9_700)]
    {
        let mut scene = Scene::at(&[4_000, 3_500, 2_500]).frozen(7_200).peg("USDC", state, price);
        scene.memory.sound_since = Some(NOW.minus(2 * HOUR));
        assert_eq!(scene.hold(), "frozen", "{state:?}");
    }
    let mut blind = Scene::at(&[4_000, 3_500, 2_500]).frozen(7_200).blind("USDT");
    blind.memory.sound_since = Some(NOW.minus(2 * HOUR));
    assert_eq!(blind.hold(), "frozen");
    let mut fallen = Scene::at(&[4_000, 3_500, 2_500]).frozen(7_200);
    fallen.memory.sound_since = Some(NOW.minus(2 * HOUR));
    fallen.rates = vec![Rate::Par, Rate::Fallen(WAD / 2), Rate::Par];
    assert!(matches!(fallen.decide(), Decision::Hold(Hold::Frozen { waits_for: Thaw::FallenRate(_), .. })));
}

#[test]
fn what_somebody_else_changes_holds_the_pool_whatever_it_is() {
    let changed = |change: fn(&mut PositionFacts)| {
        let mut scene = off();
        change(scene.position.as_mut().unwrap());
        scene.hold()
    };
    assert_eq!(changed(|p| p.controls.swap_enabled = false), "foreign_change");
    assert_eq!(changed(|p| p.controls.fee.to = SwapFee::from_bps(100)), "foreign_change");
    assert_eq!(changed(|p| p.controls.ramp.end_weights = bps(&[3_000, 4_500, 2_500])), "foreign_change");
    let mut behind = off().frozen(60);
    behind.memory.former = Some(Scene::at(&[4_000, 3_500, 2_500]).position.unwrap().controls);
    behind.position.as_mut().unwrap().controls.swap_enabled = true;
    assert_eq!(behind.hold(), "awaiting_chain");
}

proptest! {
    /// No answer ever raises a token below its band, or one that is not known to be sound.
    #[test]
    fn nothing_that_falls_is_ever_bought(
        answer in 0usize..4, loss in 0u32..5_000, states in prop::collection::vec(0u8..5, 3), budget in 1u32..10_000,
    ) {
        let mut scene = Scene::at(&[4_000, 3_500, 2_500]).with(|p| {
            p.depeg.answer = DepegAnswer::ALL[answer];
            p.depeg.derisk.max_loss = Weight::from_bps(loss);
            p.depeg.derisk.budget = Weight::from_bps(budget);
        });
        for (asset, state) in ["DAI", "USDC", "USDT"].iter().zip(&states) {
            scene = match state {
                0 => scene.peg(asset, PegState::Depegged, 9_500),
                1 => scene.peg(asset, PegState::Stressed, 9_940),
                2 => scene.blind(asset),
                _ => scene,
            };
        }
        if let Decision::Act { plan: Plan::Reweight(plan), .. } = scene.decide() {
            for (at, (from, to)) in scene.position.unwrap().weights.iter().zip(plan.target.weights()).enumerate() {
                prop_assert!(states[at] > 2 || to.saturating_sub(*from) <= scene.policy.dead_band);
            }
        }
    }
}
