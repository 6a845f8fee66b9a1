//! The way back: two lines of re-entry, relapse, settling, and the door that only a human opens.

use super::*;

/// A line of re-entry in basis points, and for how long the price has to be at it or above.
const WAYS: [(u128, Duration); 2] = [(25, Duration::from_secs(30 * 60)), (50, Duration::from_secs(4 * 3_600))];

#[test]
fn either_line_leads_back_exactly_on_it_and_to_the_millisecond() {
    for (bps, hold) in WAYS {
        let mut scene = Scene::depegged();
        scene.wait(MILLI);
        assert_eq!(scene.stays(below(bps, 0), hold.checked_sub(MILLI).unwrap()), PegState::Depegged, "{bps} bp");
        assert_eq!(scene.wait(MILLI).at(below(bps, 0)), PegState::Recovering, "{bps} bp");
        assert_eq!(scene.peg.episode, 1);
    }
}

#[test]
fn one_wei_below_a_line_is_not_back() {
    let mut scene = Scene::depegged();
    assert_eq!(scene.wait(MILLI).stays(below(25, 0) - 1, 3 * HOUR), PegState::Depegged, "that way takes four hours");
    let mut scene = Scene::depegged();
    assert_eq!(scene.wait(MILLI).stays(below(50, 0) - 1, 48 * HOUR), PegState::Depegged);
}

#[test]
fn the_way_back_takes_three_groups_of_both_kinds() {
    use Group::{Chainlink, CrossBooks, Dex, Push, Pyth, UsdBooks};
    let cases: [(&[Group], bool); 4] = [
        (&[Chainlink, UsdBooks], false),
        (&[Pyth, UsdBooks, CrossBooks], false),
        (&[Chainlink, Push, Dex], false),
        (&[Chainlink, Push, Pyth], true),
    ];
    for (groups, back) in cases {
        let mut scene = Scene::new();
        let words = |wad| groups.iter().map(move |group| (*group, wad)).collect::<Vec<_>>();
        for _ in 0..=10 {
            scene.hear(&words(below(150, 0)));
            scene.wait(MINUTE / 2);
        }
        assert_eq!(scene.peg.state, PegState::Depegged, "{groups:?}: two are enough to defend");
        for _ in 0..=60 {
            scene.hear(&words(below(0, 0)));
            scene.wait(MINUTE / 2);
        }
        assert_eq!(scene.peg.state == PegState::Recovering, back, "{groups:?}");
    }
}

#[test]
fn a_relapse_needs_no_window_and_is_the_same_episode() {
    let mut scene = Scene::recovering();
    assert_eq!(scene.wait(MILLI).at(below(100, 0)), PegState::Recovering, "on the line");
    assert_eq!(scene.wait(MILLI).at(below(100, 0) - 1), PegState::Depegged);
    assert_eq!(scene.peg.episode, 1);
    assert_eq!(scene.wait(MILLI).stays(below(0, 0), (30 * MINUTE).checked_sub(MILLI).unwrap()), PegState::Depegged);
    assert_eq!(scene.wait(MILLI).at(below(0, 0)), PegState::Recovering, "it has to hold its window again");
}

#[test]
fn it_settles_a_day_after_it_came_home_and_the_next_trouble_has_a_new_number() {
    let mut scene = Scene::recovering();
    // Half an hour of the day has gone by above the line.
    let rest = (24 * HOUR).checked_sub(30 * MINUTE).unwrap();
    scene.wait(MILLI);
    assert_eq!(scene.stays(below(0, 0), rest.checked_sub(2 * MILLI).unwrap()), PegState::Recovering);
    assert!(!scene.peg.may_gain());
    assert_eq!(scene.wait(MILLI).at(below(0, 0)), PegState::Sound);
    assert!(scene.peg.may_gain());
    assert_eq!(scene.wait(MILLI).stays(below(150, 0), 5 * MINUTE), PegState::Depegged);
    assert_eq!(scene.peg.episode, 2);
}

#[test]
fn a_dip_below_the_lower_line_starts_the_day_again() {
    let mut scene = Scene::recovering();
    scene.wait(MILLI).stays(below(0, 0), 20 * HOUR);
    scene.wait(MILLI).at(below(50, 0) - 1);
    scene.wait(MILLI);
    assert_eq!(scene.stays(below(0, 0), (24 * HOUR).checked_sub(MILLI).unwrap()), PegState::Recovering);
    assert_eq!(scene.wait(MILLI).at(below(0, 0)), PegState::Sound);
}

#[test]
fn what_settles_a_little_below_par_is_watched() {
    let mut scene = Scene::depegged();
    assert_eq!(scene.wait(MILLI).stays(below(40, 0), 4 * HOUR), PegState::Recovering);
    assert_eq!(scene.wait(MILLI).stays(below(40, 0), 20 * HOUR), PegState::Watch);
}

#[test]
fn three_days_off_its_peg_close_the_door_and_a_human_opens_it() {
    let mut scene = Scene::depegged();
    assert!(!scene.peg.reset(scene.now), "only what is disabled is reset");
    scene.wait(MILLI);
    assert_eq!(scene.stays(below(150, 0), (72 * HOUR).checked_sub(2 * MILLI).unwrap()), PegState::Depegged);
    assert_eq!(scene.wait(MILLI).at(below(150, 0)), PegState::Disabled);
    assert_eq!(scene.wait(MILLI).stays(below(0, 0), 48 * HOUR), PegState::Disabled, "by itself it never comes back");
    assert_eq!(scene.peg.current_episode().map(|episode| episode.number), Some(1));
    assert!(scene.peg.reset(scene.now));
    assert_eq!((scene.peg.state, scene.peg.since), (PegState::Recovering, scene.now));
    scene.wait(MILLI);
    assert_eq!(scene.stays(below(0, 0), (24 * HOUR).checked_sub(MILLI).unwrap()), PegState::Recovering, "the day begins now");
    assert_eq!(scene.wait(MILLI).at(below(0, 0)), PegState::Sound);
}

#[test]
fn a_reset_asset_that_is_still_low_is_off_its_peg_at_once() {
    let mut scene = Scene::depegged();
    assert_eq!(scene.stays(below(150, 0), 72 * HOUR), PegState::Disabled);
    assert!(scene.peg.reset(scene.now));
    assert_eq!(scene.wait(MILLI).at(below(150, 0)), PegState::Depegged);
    assert_eq!(scene.peg.episode, 1);
}
