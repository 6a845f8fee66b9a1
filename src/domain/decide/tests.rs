//! One pool of $500k at 40/35/25, and everything that may happen to it.

mod depegs;
mod quiet;

use std::time::Duration;

use alloy_primitives::B256;
use proptest::prelude::*;

use super::*;
use crate::domain::allocation::Allocation;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::peg::Trust;
use crate::domain::plan::Reweight;
use crate::domain::policy::{AfterDerisk, DailyLimits, DepegAnswer};
use crate::domain::position::Ramp;
use crate::domain::ramp;
use crate::domain::testing::{NOW, bps, facts, policy};
use crate::domain::units::{GasPrice, Price, SwapFee, Timestamp, TokenAmount, WAD, Weight};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn mandate() -> Mandate {
    let assets = ["DAI", "USDC", "USDT"].map(AssetId::new).to_vec();
    let base = Allocation::exact(bps(&[4_000, 3_500, 2_500])).unwrap();
    Mandate::plain(assets, base, bps(&[2_000, 1_500, 500]), bps(&[6_000, 5_500, 4_500]))
}

/// A scene: what is known of the pool and the world, and the rules. Each test changes what it is about.
struct Scene {
    position: Option<PositionFacts>,
    pegs: Vec<Peg>,
    memory: Memory,
    policy: Policy,
    mandate: Mandate,
    rates: Vec<Rate>,
    earns: Vec<Option<u64>>,
    deviations: Vec<Option<Weight>>,
    gas: Option<GasPrice>,
    treasury: bool,
    now: Timestamp,
}

impl Scene {
    /// The pool at `weights`, arbitraged (shares equal weights), all pegs sound, never changed before.
    fn at(weights: &[u32]) -> Self {
        let position = facts(weights);
        let peg = |asset: &AssetId| Peg {
            state: PegState::Sound,
            trust: Trust::Trusted,
            level: Some(Price::PAR),
            blocks: [(SourceId::new("feed"), position.block.hash)].into(),
            ..Peg::unheard(asset.clone(), NOW)
        };
        let known = Some(position.controls.clone());
        let memory = Memory { first_seen: NOW.minus(HOUR), known, ..Memory::default() };
        Self {
            pegs: mandate().assets.iter().map(peg).collect(),
            position: Some(position),
            memory,
            policy: policy(),
            mandate: mandate(),
            rates: Vec::new(),
            earns: Vec::new(),
            deviations: Vec::new(),
            gas: Some(GasPrice::from_gwei(20)),
            treasury: false,
            now: NOW,
        }
    }

    /// Under other rules.
    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn peg(mut self, asset: &str, state: PegState, price_bps: u128) -> Self {
        for peg in self.pegs.iter_mut().filter(|peg| peg.asset == AssetId::new(asset)) {
            (peg.state, peg.episode) = (state, 1);
            peg.level = Price::from_wad(price_bps * WAD / 10_000);
        }
        self
    }

    fn blind(mut self, asset: &str) -> Self {
        self.pegs.iter_mut().filter(|peg| peg.asset == AssetId::new(asset)).for_each(|peg| peg.trust = Trust::Blind);
        self
    }

    /// A ramp of our own from `start` to `end`, seconds relative to now.
    fn ramp(mut self, start: i64, end: i64, to: &[u32]) -> Self {
        let at = |offset: i64| Timestamp::from_secs(NOW.secs().checked_add_signed(offset).unwrap());
        let ramp = Ramp { start: at(start), end: at(end), end_weights: bps(to) };
        let position = self.position.as_mut().unwrap();
        position.controls.ramp = ramp;
        self.memory.known = Some(position.controls.clone());
        self
    }

    /// Trading was stopped by us, so many seconds ago.
    fn frozen(mut self, age: u64) -> Self {
        let position = self.position.as_mut().unwrap();
        position.controls.swap_enabled = false;
        self.memory.known = Some(position.controls.clone());
        self.memory.frozen = Some(Frozen { at: NOW.minus(Duration::from_secs(age)), fee: SwapFee::from_bps(5) });
        self
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            now: self.now,
            position: self.position.as_ref(),
            pegs: &self.pegs,
            rates: &self.rates,
            earns: &self.earns,
            deviations: &self.deviations,
            max_age: 3 * Duration::from_secs(12),
            block_time: Duration::from_secs(12),
            gas: self.gas,
            ether: Price::from_wad(3_000 * WAD),
            needs: GasNeeds { reweight: 97_000, switch: 32_000, fee: 35_000, brake: 157_000, swap: 142_000, exit: 215_000 },
            treasury: self.treasury,
        }
    }

    fn decide(&self) -> Decision {
        let Deliberation { decision, considered } = deliberate(&self.facts(), &self.memory, &self.policy, &self.mandate);
        assert_eq!(
            decide(&self.facts(), &self.memory, &self.policy, &self.mandate),
            decision,
            "notes change nothing: {considered:?}"
        );
        decision
    }

    fn hold(&self) -> &'static str {
        match self.decide() {
            Decision::Hold(hold) => hold.label(),
            Decision::Act { trigger, .. } => panic!("acts: {trigger}"),
        }
    }

    fn act(&self) -> (Trigger, Reweight) {
        match self.decide() {
            Decision::Act { trigger, plan: Plan::Reweight(reweight), .. } => (trigger, reweight),
            other => panic!("{other}"),
        }
    }

    /// What it does, in a word; a hold by its label.
    fn word(&self) -> &'static str {
        match self.decide() {
            Decision::Act { plan, .. } => plan.label(),
            Decision::Hold(hold) => hold.label(),
        }
    }
}

#[test]
fn on_target_is_left_alone() {
    assert_eq!(Scene::at(&[4_000, 3_500, 2_500]).hold(), "on_target");
    assert_eq!(Scene::at(&[4_500, 3_500, 2_000]).hold(), "on_target", "exactly five points do not fire");
}

#[test]
fn drift_beyond_five_points_goes_back_to_the_target_slowly() {
    let (trigger, plan) = Scene::at(&[4_600, 3_500, 1_900]).act();
    assert!(matches!(&trigger, Trigger::Drift { drift, .. } if *drift == Weight::from_bps(600)));
    assert_eq!(plan.target, mandate().base_target);
    assert!(plan.duration >= 10 * MINUTE && plan.duration <= HOUR, "{:?}", plan.duration);
    assert!(plan.expected_loss.is_some());
}

#[test]
fn a_long_way_takes_equal_legs_and_the_last_one_still_fires() {
    let (_, plan) = Scene::at(&[5_200, 3_500, 1_300]).act();
    assert_eq!(plan.target.weights(), bps(&[4_600, 3_500, 1_900]));
    let (_, plan) = Scene::at(&[4_600, 3_500, 1_900]).act();
    assert_eq!(plan.target, mandate().base_target);
}

#[test]
fn the_interval_counts_from_the_start_of_the_last_change() {
    let scene = |age: i64| Scene::at(&[4_600, 3_500, 1_900]).ramp(-age, -age + 1_200, &[4_600, 3_500, 1_900]);
    assert_eq!(scene(3_599).hold(), "too_soon");
    scene(3_600).act();
    let newborn = Scene::at(&[4_600, 3_500, 1_900]).ramp(-60, -60, &[4_600, 3_500, 1_900]);
    newborn.act();
}

#[test]
fn a_ramp_that_ended_after_the_block_was_read_has_not_arrived_in_what_is_known() {
    let mut scene = Scene::at(&[4_600, 3_500, 1_900]).ramp(-7_200, -5, &[4_000, 3_500, 2_500]);
    assert!(matches!(scene.decide(), Decision::Act { .. }), "it has arrived elsewhere");
    scene.position.as_mut().unwrap().block.timestamp = scene.now.minus(Duration::from_secs(6));
    assert_eq!(scene.hold(), "ramp_in_flight");
    scene.position.as_mut().unwrap().block.timestamp = scene.now.minus(Duration::from_secs(5));
    assert!(matches!(scene.decide(), Decision::Act { .. }), "the block of its end shows the end");
}

#[test]
fn a_ramp_in_flight_is_left_to_arrive() {
    assert_eq!(Scene::at(&[4_600, 3_500, 1_900]).ramp(-60, 600, &[4_000, 3_500, 2_500]).hold(), "ramp_in_flight");
    assert_eq!(Scene::at(&[4_600, 3_500, 1_900]).ramp(60, 600, &[4_000, 3_500, 2_500]).hold(), "ramp_in_flight", "not begun yet");
}

#[test]
fn a_depeg_sells_the_token_below_its_band_at_once() {
    let scene = Scene::at(&[4_000, 3_500, 2_500]).peg("USDC", PegState::Depegged, 9_700).ramp(-120, -60, &[4_000, 3_500, 2_500]);
    let (trigger, plan) = scene.act();
    assert_eq!(trigger.class().label(), "depeg");
    assert_eq!(trigger.episode().unwrap().to_string(), "USDC#1");
    let weights = plan.target.weights();
    assert_eq!(weights[1], Weight::from_bps(2_500), "one step of ten points, whatever the interval says");
    assert!(weights[0] > Weight::from_bps(4_000) && weights[2] > Weight::from_bps(2_500));
}

#[test]
fn a_ramp_that_buys_the_falling_token_is_replaced_and_another_is_not() {
    let towards = |to: &[u32]| Scene::at(&[4_300, 3_000, 2_700]).peg("USDC", PegState::Depegged, 9_700).ramp(-60, 600, to);
    let (_, plan) = towards(&[4_000, 3_500, 2_500]).act();
    assert!(plan.target.weights()[1] < Weight::from_bps(3_000));
    assert_eq!(towards(&[4_600, 2_500, 2_900]).hold(), "ramp_in_flight");
}

#[test]
fn a_defence_that_can_go_no_further_says_so() {
    assert_eq!(Scene::at(&[5_000, 1_500, 3_500]).peg("USDC", PegState::Depegged, 9_000).hold(), "defended");
    let all = ["DAI", "USDC", "USDT"].iter().fold(Scene::at(&[4_000, 3_500, 2_500]), |s, a| s.peg(a, PegState::Depegged, 9_000));
    assert_eq!(all.hold(), "infeasible");
}

#[test]
fn what_is_not_known_is_never_acted_on() {
    let off = || Scene::at(&[4_600, 3_500, 1_900]);
    assert_eq!(off().blind("USDT").hold(), "unknown");
    assert_eq!(Scene { position: None, ..off() }.hold(), "unknown");
    assert_eq!(Scene { now: NOW.plus(Duration::from_secs(37)), ..off() }.hold(), "unknown", "older than three blocks");
    let mut elsewhere = off();
    elsewhere.pegs[0].blocks = [(SourceId::new("feed"), B256::repeat_byte(9))].into();
    assert_eq!(elsewhere.hold(), "blocks_differ");
    elsewhere.pegs[0].blocks.insert(SourceId::new("feed on this chain"), B256::repeat_byte(1));
    elsewhere.act();
    let mut short = off();
    short.position.as_mut().unwrap().weights.pop();
    assert_eq!(short.hold(), "unknown");
}

#[test]
fn a_blind_asset_neither_gains_in_a_defence_nor_counts_as_depegged() {
    let scene = Scene::at(&[4_000, 3_500, 2_500]).peg("USDC", PegState::Depegged, 9_700).blind("USDT");
    let (_, plan) = scene.act();
    assert_eq!(plan.target.weights()[2], Weight::from_bps(2_500));
    assert_eq!(Scene::at(&[4_000, 3_500, 2_500]).peg("USDC", PegState::Depegged, 9_700).blind("USDC").hold(), "unknown");
}

#[test]
fn the_way_back_waits_until_the_token_is_sound() {
    let scene = |state| Scene::at(&[4_600, 2_500, 2_900]).peg("USDC", state, 9_980);
    assert_eq!(scene(PegState::Recovering).hold(), "awaiting_recovery");
    assert_eq!(scene(PegState::Sound).act().1.target, mandate().base_target);
}

#[test]
fn composition_drift_holds_once_it_has_lasted() {
    let mut scene = Scene::at(&[4_600, 3_500, 1_900]);
    scene.position.as_mut().unwrap().balances[0].raw *= 2;
    scene.memory.composition_off_since = Some(NOW.minus(9 * MINUTE));
    scene.act();
    scene.memory.composition_off_since = Some(NOW.minus(10 * MINUTE));
    assert_eq!(scene.hold(), "composition_drift");
    scene = scene.peg("USDC", PegState::Depegged, 9_700);
    assert_eq!(scene.act().0.class().label(), "depeg", "protection does not wait for arbitrage");
}

#[test]
fn the_calendar_is_served_once_and_only_since_first_sight() {
    let off = |first_seen, served| {
        let mut scene = Scene::at(&[4_300, 3_500, 2_200]);
        (scene.memory.first_seen, scene.memory.schedule_served) = (first_seen, served);
        scene
    };
    let week_ago = NOW.minus(24 * HOUR * 7);
    let (trigger, _) = off(week_ago, None).act();
    let Trigger::Schedule { due } = trigger else { panic!("{trigger}") };
    assert_eq!(due.to_string(), "2023-11-12T02:00:00Z");
    assert_eq!(off(week_ago, Some(due)).hold(), "on_target");
    assert_eq!(off(NOW.minus(HOUR), None).hold(), "on_target", "a slot before first sight is not caught up");
    let mut on_target = Scene::at(&[4_000, 3_500, 2_500]);
    on_target.memory.first_seen = week_ago;
    assert_eq!(on_target.decide(), Decision::Hold(Hold::OnTarget(Served { slot: Some(due), wish: None })));
}

#[test]
fn a_ramp_of_someone_else_is_not_fought() {
    let mut scene = Scene::at(&[4_600, 3_500, 1_900]).ramp(-7_200, -3_700, &[4_600, 3_500, 1_900]);
    scene.memory.known = Scene::at(&[4_600, 3_500, 1_900]).memory.known;
    assert_eq!(scene.hold(), "foreign_change");
    scene.memory.known = None;
    scene.act();
}

#[test]
fn a_latch_and_a_pause_stop_even_a_defence() {
    let mut scene = Scene::at(&[4_000, 3_500, 2_500]).peg("USDC", PegState::Depegged, 9_700);
    scene.position.as_mut().unwrap().paused = true;
    assert_eq!(scene.hold(), "paused");
    scene.memory.latch = Some(Latch::Outcome("reverted"));
    assert_eq!(scene.hold(), "needs_operator");
}

#[test]
fn weights_do_not_move_while_nobody_can_trade() {
    let frozen = |mut scene: Scene| {
        scene.position.as_mut().unwrap().controls.swap_enabled = false;
        scene.memory.known = None;
        scene.hold()
    };
    assert_eq!(frozen(Scene::at(&[4_600, 3_500, 1_900])), "swaps_off");
    assert_eq!(frozen(Scene::at(&[4_000, 3_500, 2_500]).peg("USDC", PegState::Depegged, 9_700)), "swaps_off");
}

#[test]
fn without_a_price_of_gas_the_ramp_takes_its_longest() {
    let (_, plan) = Scene { gas: None, ..Scene::at(&[4_600, 3_500, 1_900]) }.act();
    assert_eq!((plan.duration, plan.expected_loss), (HOUR, None));
}

proptest! {
    #[test]
    fn whatever_it_decides_is_exact_bounded_and_slow_enough(
        raw in prop::collection::vec(500u32..6_000, 3),
        states in prop::collection::vec(0u8..4, 3),
    ) {
        let weights = Allocation::normalised(&bps(&raw)).unwrap();
        let mut scene = Scene::at(&[4_000, 3_500, 2_500]);
        let facts = scene.position.as_mut().unwrap();
        facts.weights = weights.weights().to_vec();
        facts.balances = facts.weights.iter().map(|w| TokenAmount { raw: w.wad() * 500_000, decimals: 18 }).collect();
        for (asset, state) in ["DAI", "USDC", "USDT"].iter().zip(&states) {
            scene = match state {
                0 => scene.peg(asset, PegState::Depegged, 9_500),
                1 => scene.peg(asset, PegState::Recovering, 9_970),
                2 => scene.blind(asset),
                _ => scene,
            };
        }
        if let Decision::Act { trigger, plan: Plan::Reweight(plan), .. } = scene.decide() {
            let from = weights.weights();
            prop_assert_eq!(plan.target.weights().iter().map(|w| w.wad()).sum::<u128>(), WAD);
            prop_assert!(ramp::velocity_ok(from, plan.target.weights(), plan.duration, policy().ramp.max_velocity_per_hour));
            for (i, (before, after)) in from.iter().zip(plan.target.weights()).enumerate() {
                prop_assert!(before.abs_diff(*after) <= Weight::from_wad(policy().max_step.wad() + 3));
                if states[i] < 3 {
                    prop_assert!(after.saturating_sub(*before) <= policy().dead_band, "{trigger}: token {i} gains");
                }
            }
        }
    }
}
