//! From what sources say to their common word.

use super::*;

fn weighed(words: &[(Group, u128)]) -> Verdict {
    let mut evidence = Evidence::default();
    for (group, wad) in words {
        evidence.take(&says(*group, *wad, BEGINNING));
    }
    weigh(&evidence, BEGINNING, &votes(), &nobody)
}

#[test]
fn trust_goes_by_how_far_the_groups_are_apart() {
    let cases = [
        (below(30, 0), Trust::Trusted),
        (below(30, 0) - 1, Trust::Disputed),
        (below(150, 0), Trust::Disputed),
        (below(150, 0) - 1, Trust::Blind),
    ];
    for (other, trust) in cases {
        let verdict = weighed(&[(Group::Chainlink, below(0, 0)), (Group::UsdBooks, other)]);
        assert_eq!(verdict.trust, trust, "{other}");
        assert!(verdict.level.is_some(), "two are a quorum");
    }
    let alone = weighed(&[(Group::Chainlink, below(0, 0))]);
    assert_eq!((alone.trust, alone.level), (Trust::Blind, None));
}

#[test]
fn a_group_that_is_far_from_the_others_says_nothing_about_the_level() {
    let verdict = weighed(&[(Group::Chainlink, below(0, 0)), (Group::Pyth, below(2, 0)), (Group::UsdBooks, below(1_800, 0))]);
    assert_eq!((verdict.trust, verdict.level), (Trust::Trusted, Some(price(below(2, 0)))));
    let outliers: Vec<Group> = verdict.groups.iter().filter(|group| group.outlier).map(|group| group.group).collect();
    assert_eq!(outliers, [Group::UsdBooks]);
    assert_eq!(verdict.below(price(below(100, 0))), Certainty::No);
}

#[test]
fn many_sources_of_a_group_are_one_vote_and_their_middle_counts() {
    let mut evidence = Evidence::default();
    for (number, bps) in [0, 10, 500].into_iter().enumerate() {
        let quote = Quote::exact(price(below(bps, 0)), BEGINNING);
        evidence.take(&reading(&source(Group::UsdBooks, number), Ok(quote), BEGINNING));
    }
    let verdict = weigh(&evidence, BEGINNING, &votes(), &nobody);
    let found: Vec<(usize, Price)> = verdict.groups.iter().map(|group| (group.sources, group.vote.price)).collect();
    assert_eq!(found, [(3, price(below(10, 0)))]);
    assert_eq!(verdict.below(Price::PAR), Certainty::Unknown, "three books are one witness");
}

#[test]
fn two_old_words_outweigh_a_fresh_one() {
    let mut evidence = Evidence::default();
    evidence.take(&says(Group::Chainlink, below(0, 0), BEGINNING));
    evidence.take(&says(Group::Pyth, below(0, 0), BEGINNING));
    let later = BEGINNING.plus(MINUTE + MILLI);
    evidence.take(&says(Group::UsdBooks, below(5_000, 0), later));
    let verdict = weigh(&evidence, later, &votes(), &nobody);
    let weights: Vec<u32> = verdict.groups.iter().map(|group| group.vote.weight).collect();
    assert_eq!((weights, verdict.level, verdict.trust), (vec![2, 2, 3], Some(Price::PAR), Trust::Trusted));
}

#[test]
fn a_wide_word_opposes_nobody() {
    let mut evidence = Evidence::default();
    for (group, bps, width) in [(Group::Chainlink, 90, 35), (Group::UsdBooks, 110, 0), (Group::CrossBooks, 110, 0)] {
        let quote = Quote::within(price(below(bps, 0)), width, BEGINNING);
        evidence.take(&reading(&source(group, 0), Ok(quote), BEGINNING));
    }
    let verdict = weigh(&evidence, BEGINNING, &votes(), &nobody);
    assert_eq!(verdict.below(price(below(100, 0))), Certainty::Yes);
    assert_eq!((verdict.gap_bps, verdict.trust), (0, Trust::Trusted));
}

#[test]
fn a_quote_in_another_asset_is_worth_what_that_asset_is() {
    let usdt = AssetId::new("USDT");
    let in_usdt = |group| Arc::new(Source { unit: Unit::Asset(usdt.clone()), ..(*source(group, 0)).clone() });
    let mut evidence = Evidence::default();
    let quote = Quote::within(price(below(200, 0)), 10, BEGINNING);
    evidence.take(&reading(&in_usdt(Group::CrossBooks), Ok(quote), BEGINNING));
    evidence.take(&says(Group::UsdBooks, below(0, 0), BEGINNING));
    let rate = |asset: &AssetId| (*asset == usdt).then(|| price(1_020_000_000_000_000_000));
    let verdict = weigh(&evidence, BEGINNING, &votes(), &rate);
    let cross = verdict.groups.iter().find(|group| group.group == Group::CrossBooks).unwrap().vote;
    assert_eq!(cross.price, price(999_600_000_000_000_000), "0.98 times 1.02");
    assert_eq!((cross.low, cross.high), (price(998_600_400_000_000_000), price(1_000_599_600_000_000_000)));
    let unknown = weigh(&evidence, BEGINNING, &votes(), &nobody);
    assert_eq!((unknown.groups.len(), unknown.trust), (1, Trust::Blind), "a stablecoin is never taken for a dollar");
    let ballots = ballots(&evidence, &unknown, &nobody);
    let labels: Vec<_> = ballots.iter().map(|ballot| ballot.vote.as_ref().map_err(Dismissal::label).err()).collect();
    assert_eq!(labels, [Some("no_unit"), None]);
}

#[test]
fn every_source_learns_why_it_has_no_vote() {
    let mut evidence = Evidence::default();
    for group in THREE {
        evidence.take(&says(group, below(0, 0), BEGINNING));
    }
    let now = BEGINNING.plus(2 * MINUTE);
    evidence.take(&says(Group::Chainlink, below(0, 0), now));
    evidence.take(&says(Group::Pyth, below(10, 0), now));
    evidence.take(&says(Group::CrossBooks, below(600, 0), now));
    evidence.take(&reading(&source(Group::Push, 0), Err(ReadingFault::NoRound), now));
    let advisory = Arc::new(Source { advisory: true, ..(*source(Group::Dex, 0)).clone() });
    evidence.take(&reading(&advisory, Ok(Quote::exact(price(below(900, 0)), now)), now));
    let told = |now| {
        let verdict = weigh(&evidence, now, &votes(), &nobody);
        let word = |ballot: &Ballot| (ballot.source.group, ballot.vote.as_ref().map_or_else(Dismissal::label, |_| "votes"));
        ballots(&evidence, &verdict, &nobody).iter().map(word).collect::<BTreeMap<Group, &str>>()
    };
    let heard = told(now);
    let expected = [
        (Group::Chainlink, "votes"),
        (Group::Push, "no_round"),
        (Group::Pyth, "votes"),
        (Group::UsdBooks, "votes"),
        (Group::CrossBooks, "outlier"),
        (Group::Dex, "advisory"),
    ];
    assert_eq!(heard, BTreeMap::from(expected), "exactly as old as it may be is not too old");
    assert_eq!(told(now.plus(MILLI))[&Group::UsdBooks], "expired");
}

#[test]
fn an_overtaken_word_is_passed_over() {
    let mut evidence = Evidence::default();
    let (feed, later) = (source(Group::Pyth, 0), BEGINNING.plus(MINUTE));
    let quote = |wad, at| Ok(Quote::exact(price(wad), at));
    evidence.take(&reading(&feed, quote(below(1, 0), later), later));
    evidence.take(&reading(&feed, quote(below(2, 0), BEGINNING), BEGINNING));
    evidence.take(&reading(&feed, quote(below(3, 0), BEGINNING), later.plus(MINUTE)));
    assert_eq!(evidence.of(&feed.id), Some((&quote(below(1, 0), later), later)), "heard earlier, or written earlier");
    evidence.take(&reading(&feed, Err(ReadingFault::Gap), later));
    assert_eq!(evidence.of(&feed.id), Some((&Err(ReadingFault::Gap), later)));
}

#[test]
fn silence_takes_a_vote_when_it_is_not_good_any_more_and_doubt_takes_it_at_once() {
    let source = source(Group::UsdBooks, 0);
    let (good, lost) = (Quote::exact(price(below(1, 0)), BEGINNING), ReadingFault::Disconnected("test".to_owned()));
    let vote_after = |fault: ReadingFault, after: Duration| {
        let mut evidence = Evidence::default();
        evidence.take(&reading(&source, Ok(good), BEGINNING));
        evidence.take(&reading(&source, Err(fault), BEGINNING.plus(MILLI)));
        let now = BEGINNING.plus(after);
        let verdict = weigh(&evidence, now, &votes(), &nobody);
        ballots(&evidence, &verdict, &nobody).remove(0).vote.map(|vote| vote.price)
    };
    assert_eq!(vote_after(lost.clone(), 2 * MINUTE), Ok(good.price), "what it said is good for two minutes");
    assert_eq!(vote_after(lost.clone(), 2 * MINUTE + MILLI), Err(Dismissal::Fault(lost)), "and the reason is told");
    assert_eq!(vote_after(ReadingFault::Gap, MILLI), Err(Dismissal::Fault(ReadingFault::Gap)));
}
