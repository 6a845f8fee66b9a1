//! What holds for all sources and all prices.

use proptest::prelude::*;

use super::*;

/// The lines of the rule and what lies beyond, in basis points below par, from the top. Between two of them all lines give one answer.
const LINES: [u128; 6] = [0, 25, 50, 100, 200, 1_000];

/// A word: how many basis points below par (above, if negative), how wide, and how many seconds ago it was heard.
type Word = (i128, u32, u64);

fn words() -> impl Strategy<Value = Word> {
    (prop_oneof![-100i128..300, -9_000i128..7_900], 0u32..200, 0u64..119)
}

fn wad(bps: i128) -> u128 {
    u128::try_from(10i128.pow(18) - bps * 10i128.pow(14)).unwrap()
}

fn spoken(group: Group, number: usize, (bps, width, age): Word, now: Timestamp) -> Reading {
    let at = now.minus(Duration::from_secs(age));
    reading(&source(group, number), Ok(Quote::within(price(wad(bps)), width, at)), at)
}

/// Three or two groups that lie between the same two lines, within 30 bp of each other, and how old their words are.
fn agreeing(count: usize) -> impl Strategy<Value = Vec<Word>> {
    (0..LINES.len() - 1).prop_flat_map(move |at| {
        let (from, to) = (LINES[at] + 1, LINES[at + 1]);
        (from..=to, proptest::collection::vec((0u128..24, 0u64..119), count)).prop_map(move |(first, others)| {
            let word = |(more, age): (u128, u64)| (i128::try_from((first + more).min(to)).unwrap(), 0, age);
            others.into_iter().map(word).collect()
        })
    })
}

fn lines() -> impl Iterator<Item = Price> {
    LINES.into_iter().map(|bps| price(below(bps, 0)))
}

/// How bad a state is.
const fn badness(state: PegState) -> u8 {
    match state {
        PegState::Sound => 0,
        PegState::Watch => 1,
        PegState::Stressed => 2,
        PegState::Recovering => 3,
        PegState::Depegged => 4,
        PegState::Disabled => 5,
    }
}

/// Short windows, so that random stories are full of events: as many steps of ten seconds.
fn hasty() -> PegRule {
    let band = |below_bps, steps| Band { below_bps, hold: Duration::from_secs(10) * steps };
    PegRule {
        watch: band(25, 3),
        stressed: band(50, 2),
        depegged: band(100, 2),
        crashed: band(200, 1),
        reenter: band(25, 2),
        reenter_slow: band(50, 4),
        settle: Duration::from_secs(60),
        disable_after: Duration::from_secs(150),
        gap: Duration::from_secs(20),
    }
}

/// One step of a story: what each of some groups says, if it says anything.
type Step = Vec<Option<(i128, u32)>>;

/// Prices as they are around the lines, and sometimes a silence of everybody.
fn story(groups: usize) -> impl Strategy<Value = Vec<Step>> {
    let word = prop_oneof![4 => (-20i128..260, 0u32..60).prop_map(Some), 1 => Just(None)];
    let loud = (-20i128..260, proptest::collection::vec(word, groups), 1usize..9).prop_map(|(level, mut step, times)| {
        for word in step.iter_mut().flatten() {
            word.0 = level + word.0 / 20;
        }
        vec![step; times]
    });
    let silent = (1usize..5).prop_map(move |times| vec![vec![None; groups]; times]);
    let wild = proptest::collection::vec(proptest::option::of((-20i128..260, 0u32..90)), groups).prop_map(|step| vec![step]);
    let stretch = prop_oneof![6 => loud, 1 => silent, 2 => wild];
    proptest::collection::vec(stretch, 1..12).prop_map(|stretches| stretches.concat())
}

/// The states along a story.
fn played(story: &[Step], extra: Option<&[Word]>) -> Vec<Peg> {
    let mut scene = Scene { rule: hasty(), ..Scene::new() };
    let states = story.iter().enumerate().map(|(at, step)| {
        scene.wait(Duration::from_secs(10));
        let now = scene.now;
        for (group, word) in Group::ALL.into_iter().zip(step) {
            let quote = word.map(|(bps, width)| Quote::within(price(wad(bps)), width, now)).ok_or(ReadingFault::ChainSilent);
            scene.evidence.take(&reading(&source(group, 0), quote, now));
        }
        for (number, (bps, width, _)) in extra.into_iter().flatten().enumerate() {
            // It changes its tale all the time.
            let bps = if at % 5 < 3 { *bps } else { -*bps / 2 };
            scene.evidence.take(&spoken(Group::Dex, number, (bps, *width, 0), now));
        }
        scene.judge(None);
        scene.peg.clone()
    });
    states.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn one_group_however_many_sources_neither_creates_nor_blocks_a_verdict(
        honest in (2usize..=4).prop_flat_map(agreeing),
        liars in proptest::collection::vec(words(), 1..12),
    ) {
        let now = BEGINNING.plus(HOUR);
        let mut evidence = Evidence::default();
        // Of both kinds from the second on.
        for (group, word) in [Group::Chainlink, Group::Pyth, Group::UsdBooks, Group::Push].into_iter().zip(&honest) {
            evidence.take(&spoken(group, 0, *word, now));
        }
        let without = weigh(&evidence, now, &votes(), &nobody);
        for (number, word) in liars.iter().enumerate() {
            evidence.take(&spoken(Group::Dex, number, *word, now));
        }
        let with = weigh(&evidence, now, &votes(), &nobody);
        for line in lines() {
            prop_assert_eq!(with.below(line), without.below(line), "below {}", line);
            prop_assert_eq!(with.above(line), without.above(line), "above {}", line);
            if honest.len() >= 3 {
                prop_assert_eq!(with.back_above(line), without.back_above(line), "back above {}", line);
            }
        }
        let level = with.level.unwrap();
        let said = || honest.iter().map(|(bps, ..)| price(wad(*bps)));
        prop_assert!(said().min().unwrap() <= level && level <= said().max().unwrap(), "{} is the liars' level", level);
        prop_assert_ne!(with.trust, Trust::Blind);
    }

    #[test]
    fn one_group_changes_no_state_against_three_that_agree(
        levels in proptest::collection::vec((agreeing(3), 1usize..9), 1..12),
        liars in proptest::collection::vec(words(), 1..6),
    ) {
        // Chainlink, another oracle on the chain, and Pyth.
        let step = |words: &Vec<Word>| words.iter().map(|(bps, ..)| Some((*bps, 0))).collect::<Step>();
        let story: Vec<Step> = levels.iter().flat_map(|(words, times)| vec![step(words); *times]).collect();
        let states = |pegs: Vec<Peg>| pegs.into_iter().map(|peg| (peg.state, peg.since, peg.episode)).collect::<Vec<_>>();
        prop_assert_eq!(states(played(&story, Some(&liars))), states(played(&story, None)));
    }

    #[test]
    fn the_order_of_readings_changes_nothing(
        said in proptest::collection::vec((0usize..6, 0usize..3, words()), 1..24).prop_shuffle(),
        seed in any::<u64>(),
    ) {
        let now = BEGINNING.plus(HOUR);
        // No source says two things at once.
        let mut seen = std::collections::BTreeSet::new();
        let mut readings: Vec<Reading> = said
            .into_iter()
            .filter(|(group, number, word)| seen.insert((*group, *number, word.2)))
            .map(|(group, number, word)| spoken(Group::ALL[group], number, word, now))
            .collect();
        let verdict = |readings: &[Reading]| {
            let mut evidence = Evidence::default();
            for reading in readings {
                evidence.take(reading);
            }
            let verdict = weigh(&evidence, now, &votes(), &nobody);
            (ballots(&evidence, &verdict, &nobody), verdict)
        };
        let before = verdict(&readings);
        fastrand::Rng::with_seed(seed).shuffle(&mut readings);
        prop_assert_eq!(verdict(&readings), before);
    }

    #[test]
    fn what_too_few_say_never_acts(story in story(1)) {
        for peg in played(&story, None) {
            prop_assert_eq!((peg.state, peg.episode, peg.trust, peg.price()), (PegState::Sound, 0, Trust::Blind, None));
            prop_assert!(!peg.may_gain());
        }
    }

    #[test]
    fn a_premium_never_fires(steps in proptest::collection::vec((0i128..5_000, 0i128..5_000, 0i128..5_000), 1..100)) {
        let word = |bps: i128| Some((-bps, 0));
        let story: Vec<Step> = steps.into_iter().map(|(one, two, three)| vec![word(one), word(two), word(three)]).collect();
        prop_assert!(played(&story, None).iter().all(|peg| peg.state == PegState::Sound));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn a_better_price_never_makes_a_state_worse(
        story in (2usize..=6).prop_flat_map(story),
        at in any::<prop::sample::Index>(),
        whose in any::<prop::sample::Index>(),
        times in 1usize..12,
        better in 1i128..300,
    ) {
        let mut raised = story.clone();
        let at = at.index(story.len());
        for step in raised.iter_mut().skip(at).take(times) {
            let whose = whose.index(step.len());
            if let Some((bps, _)) = &mut step[whose] {
                *bps -= better;
            }
        }
        let states = |story: &[Step]| played(story, None).into_iter().map(|peg| peg.state).collect::<Vec<_>>();
        let (before, after) = (states(&story), states(&raised));
        for (step, (before, after)) in before.iter().zip(&after).enumerate() {
            prop_assert!(badness(*after) <= badness(*before), "step {}: {:?} became {:?}", step, before, after);
        }
    }
}
