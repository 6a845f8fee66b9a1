//! What is not known moves nothing: silence, too few witnesses, witnesses who contradict each other, and what falls with everything.

use super::*;

#[test]
fn a_gap_up_to_the_limit_interrupts_no_window_and_a_longer_one_does() {
    for (gap, state) in [(MINUTE, PegState::Depegged), (MINUTE + MILLI, PegState::Sound)] {
        let mut scene = Scene::new();
        scene.stays(below(150, 0), 2 * MINUTE);
        scene.wait(gap);
        let rest = (3 * MINUTE).checked_sub(gap).unwrap();
        assert_eq!(scene.stays(below(150, 0), rest), state, "{gap:?}");
    }
}

#[test]
fn a_gap_that_is_watched_counts_like_one_that_is_not() {
    for (gap, state) in [(MINUTE, PegState::Depegged), (MINUTE + MILLI, PegState::Sound)] {
        let mut scene = Scene::new();
        scene.stays(below(150, 0), 2 * MINUTE);
        let until = scene.now.plus(gap);
        while scene.now < until {
            scene.now = until.min(scene.now.plus(MINUTE / 4));
            let now = scene.now;
            for group in THREE {
                scene.evidence.take(&reading(&source(group, 0), Err(ReadingFault::ChainSilent), now));
            }
            scene.judge(None);
            assert_eq!((scene.peg.state, scene.peg.trust, scene.peg.price()), (PegState::Sound, Trust::Blind, None));
        }
        let rest = (3 * MINUTE).checked_sub(gap).unwrap();
        assert_eq!(scene.stays(below(150, 0), rest), state, "{gap:?}");
    }
}

#[test]
fn nothing_happens_during_silence_though_a_window_ends_in_it() {
    let mut scene = Scene::new();
    scene.stays(below(150, 0), (5 * MINUTE).checked_sub(MILLI).unwrap());
    let now = scene.wait(MILLI).now;
    for group in [Group::Pyth, Group::UsdBooks] {
        scene.evidence.take(&reading(&source(group, 0), Err(ReadingFault::ChainSilent), now));
    }
    assert_eq!(scene.judge(None), [PegChange::Trust { from: Trust::Trusted, to: Trust::Blind }]);
    assert_eq!(scene.peg.state, PegState::Sound);
    assert_eq!(scene.wait(MILLI).at(below(150, 0)), PegState::Depegged, "as soon as there are witnesses again");
}

#[test]
fn one_witness_never_moves_a_state_and_silence_of_sources_is_no_word() {
    let mut scene = Scene::new();
    for _ in 0..200 {
        scene.wait(MINUTE / 2).hear(&[(Group::UsdBooks, below(900, 0))]);
        assert_eq!((scene.peg.state, scene.peg.trust, scene.peg.level), (PegState::Sound, Trust::Blind, None));
    }
    let mut scene = Scene::depegged();
    scene.wait(2 * MINUTE + MILLI).judge(None);
    assert_eq!(
        (scene.peg.state, scene.peg.trust, scene.peg.price()),
        (PegState::Depegged, Trust::Blind, None),
        "all has expired"
    );
    scene.wait(80 * HOUR).judge(None);
    assert_eq!(scene.peg.state, PegState::Depegged, "even the door waits for a witness");
}

#[test]
fn witnesses_on_both_sides_of_every_line_move_no_state() {
    let split = [(Group::Chainlink, below(0, 0)), (Group::UsdBooks, below(130, 0))];
    let mut scene = Scene::new();
    let mut stressed = Scene::new();
    assert_eq!(stressed.stays(below(60, 0), 5 * MINUTE), PegState::Stressed);
    stressed.evidence = Evidence::default();
    for _ in 0..600 {
        assert_eq!(scene.wait(MINUTE / 2).hear(&split), PegState::Sound);
        assert_eq!((scene.peg.trust, scene.peg.price()), (Trust::Disputed, None));
        assert_eq!(stressed.wait(MINUTE / 2).hear(&split), PegState::Stressed, "one is not enough to call it over");
    }
}

#[test]
fn a_side_is_certain_though_the_level_is_not_and_the_lowest_word_is_the_price() {
    let apart = [(Group::Chainlink, below(150, 0)), (Group::UsdBooks, below(250, 0))];
    let further = [(Group::Chainlink, below(150, 0)), (Group::UsdBooks, below(900, 0))];
    for (words, trust, lowest) in [(apart, Trust::Disputed, 250), (further, Trust::Blind, 900)] {
        let mut scene = Scene::new();
        for _ in 0..=10 {
            assert_eq!(scene.peg.state, PegState::Sound);
            assert_eq!(scene.peg.price(), None, "no price to act on before it is off its peg");
            scene.hear(&words);
            scene.wait(MINUTE / 2);
        }
        assert_eq!((scene.peg.state, scene.peg.trust), (PegState::Depegged, trust));
        assert_eq!(scene.peg.price(), Some(price(below(lowest, 0))));
        assert!(!scene.peg.may_gain());
    }
}

#[test]
fn while_everything_falls_nothing_is_concluded_and_nothing_is_acted_on() {
    let mut scene = Scene::depegged();
    for _ in 0..200 {
        scene.wait(MINUTE / 2);
        for group in THREE {
            let now = scene.now;
            scene.evidence.take(&says(group, below(0, 0), now));
        }
        assert_eq!(scene.judge(Some(Doubt::CommonMode)), []);
        assert_eq!((scene.peg.state, scene.peg.price()), (PegState::Depegged, None));
    }
    assert_eq!(scene.wait(MINUTE / 2).at(below(0, 0)), PegState::Depegged, "the window begins when the doubt ends");
}

#[test]
fn assets_fall_together_when_all_of_three_are_low_by_about_as_much() {
    let together = |levels: &[u128]| {
        let levels: Vec<Price> = levels.iter().map(|bps| price(below(*bps, 0))).collect();
        fell_together(&levels, &rule().watch, 30)
    };
    assert!(together(&[60, 75, 90]));
    assert!(!together(&[60, 75, 91]), "31 bp apart");
    assert!(!together(&[25, 30, 40]), "one is on its line");
    assert!(!together(&[60, 60]) && !together(&[]), "two are no crowd");
}

#[test]
fn only_a_change_is_told() {
    let mut scene = Scene::new();
    for group in THREE {
        scene.evidence.take(&says(group, below(150, 0), BEGINNING));
    }
    assert_eq!(scene.judge(None), [PegChange::Trust { from: Trust::Blind, to: Trust::Trusted }]);
    assert_eq!(scene.judge(None), []);
    scene.rule.depegged.hold = Duration::ZERO;
    assert_eq!(scene.judge(None), [PegChange::State { from: PegState::Sound, to: PegState::Depegged }]);
}

#[test]
fn a_fact_belongs_to_the_block_of_any_of_its_sources() {
    let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let mut peg = Peg::unheard(usdc(), BEGINNING);
    assert!(!peg.is_of_block(one), "nobody has spoken");
    peg.level = Some(Price::PAR);
    assert!(peg.is_of_block(one), "no source is on a chain");
    peg.blocks.insert(SourceId::new("feed"), one);
    assert!(peg.is_of_block(one) && !peg.is_of_block(other));
}

#[test]
fn at_the_start_the_sources_are_waited_for_and_not_for_ever() {
    let mut scene = Scene::new();
    scene.hear(&[(Group::Chainlink, below(0, 0))]);
    assert!(scene.peg.gathering, "one of two has spoken");
    scene.wait(MINUTE.saturating_sub(MILLI)).hear(&[(Group::Chainlink, below(0, 0))]);
    assert!(scene.peg.gathering);
    scene.wait(MILLI).hear(&[(Group::Chainlink, below(0, 0))]);
    assert!(!scene.peg.gathering, "that one is alone now is worth a word");

    let mut scene = Scene::new();
    scene.at(below(0, 0));
    assert!(!scene.peg.gathering);
    scene.wait(10 * MINUTE).hear(&[]);
    assert_eq!((scene.peg.trust, scene.peg.gathering), (Trust::Blind, false), "they have spoken, and are gone");
}

#[test]
fn the_block_that_ends_a_silence_is_heard_though_its_stamp_is_older() {
    let mut scene = Scene::new();
    for group in [Group::Chainlink, Group::Push] {
        let mut silent = says(group, below(0, 0), BEGINNING.plus(MINUTE));
        silent.quote = Err(ReadingFault::ChainSilent);
        scene.evidence.take(&silent);
        scene.evidence.take(&says(group, below(0, 0), BEGINNING));
    }
    scene.judge(None);
    assert_eq!(scene.peg.trust, Trust::Trusted);
}

/// Nobody else.
struct Nobody;

impl Neighbourhood for Nobody {
    fn of(&self, _: &AssetId) -> Option<Neighbour> {
        None
    }

    fn all(&self) -> Vec<Neighbour> {
        Vec::new()
    }
}

#[test]
fn who_has_spoken_badly_is_not_waited_for() {
    let mut panel = Panel::new(Peg::unheard(usdc(), BEGINNING), rule(), votes(), Vec::new());
    let mut hears = |group, said: Result<u128, ReadingFault>| {
        let mut word = says(group, said.clone().unwrap_or(1), BEGINNING);
        word.quote = said.and(word.quote);
        panel.hear(&word);
        panel.judge(BEGINNING, &Nobody);
        panel.peg.gathering
    };
    assert!(hears(Group::Chainlink, Err(ReadingFault::NoRound)));
    assert!(hears(Group::Push, Err(ReadingFault::ChainSilent)), "silence is no word");
    assert!(hears(Group::Pyth, Err(ReadingFault::Disconnected("x".to_owned()))), "nor is a connection that fails");
    assert!(!hears(Group::UsdBooks, Err(ReadingFault::NoRound)), "two have spoken, and neither can be believed");
}
