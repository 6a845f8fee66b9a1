//! What is computed swiftly is what the plain way says.

use proptest::prelude::*;

use super::*;
use crate::domain::peg::consensus::{Interval, middle, middle_of_points};
use crate::domain::peg::evidence::times;

fn tether() -> AssetId {
    AssetId::new("USDT")
}

/// What a source says: how many basis points from par, how wide, and how many seconds after the beginning; `None`: a fault.
type Said = (Group, usize, Option<(i128, u32)>, u64);

fn said() -> impl Strategy<Value = Said> {
    let word = prop_oneof![9 => (-300i128..400, 0u32..200).prop_map(Some), 1 => Just(None)];
    (0..Group::ALL.len(), 0usize..8, word, 0u64..400).prop_map(|(group, number, word, at)| (Group::ALL[group], number, word, at))
}

/// Sources of every kind: some quote in another asset, some only warn, and they are good for different times.
fn heard((group, number, word, at): Said) -> Reading {
    let at = BEGINNING.plus(Duration::from_secs(at));
    let unit = if number % 3 == 2 { Unit::Asset(tether()) } else { Unit::Usd };
    let good_for = Duration::from_secs(60 + 20 * u64::try_from(number).unwrap());
    let of = Arc::new(Source { unit, advisory: number == 7, good_for, ..(*source(group, number)).clone() });
    let quote = word
        .map(|(bps, width)| Quote::within(price(u128::try_from(10i128.pow(18) - bps * 10i128.pow(14)).unwrap()), width, at))
        .ok_or_else(|| if number % 2 == 0 { ReadingFault::ChainSilent } else { ReadingFault::Disconnected("test".to_owned()) });
    reading(&of, quote, at)
}

/// The votes of all groups from sorted votes and the middle of intervals, each of them a point.
fn plainly(evidence: &Evidence, now: Timestamp, dollars: &dyn Fn(&AssetId) -> Option<Price>) -> Vec<(Group, Vote, usize)> {
    let mut votes: Vec<(Group, Vote)> =
        evidence.seats().iter().filter_map(|seat| Some((seat.source.group, seat.vote(now, dollars).ok()?))).collect();
    votes.sort_by_key(|(group, vote)| (*group, vote.price));
    let group = |votes: &[(Group, Vote)]| {
        let of = |pick: fn(&Vote) -> Price| {
            let point = |vote| Interval { low: pick(vote), high: pick(vote), weight: 1 };
            middle(&votes.iter().map(|(_, vote)| point(vote)).collect::<Vec<_>>()).unwrap()
        };
        let weight = votes.iter().map(|(_, vote)| vote.weight).max().unwrap();
        let vote = Vote { price: of(|vote| vote.price), low: of(|vote| vote.low), high: of(|vote| vote.high), weight };
        (votes[0].0, vote, votes.len())
    };
    votes.chunk_by(|one, other| one.0 == other.0).map(group).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn groups_vote_as_the_plain_way_says_at_every_time(
        said in proptest::collection::vec(said(), 0..80),
        times in proptest::collection::vec(0u64..700, 1..12),
        rate in proptest::option::of(900_000_000_000_000_000u128..1_100_000_000_000_000_000),
    ) {
        let dollars = |asset: &AssetId| rate.filter(|_| *asset == tether()).map(price);
        let mut evidence = Evidence::default();
        for reading in said.into_iter().map(heard) {
            evidence.take(&reading);
        }
        for now in times.into_iter().map(|at| BEGINNING.plus(Duration::from_secs(at))) {
            let verdict = weigh(&evidence, now, &votes(), &dollars);
            let swift: Vec<_> = verdict.groups.iter().map(|group| (group.group, group.vote, group.sources)).collect();
            prop_assert_eq!(swift, plainly(&evidence, now, &dollars));
        }
    }

    #[test]
    fn the_middle_of_points_is_the_middle_of_intervals_without_a_width(
        mut points in proptest::collection::vec(prop_oneof![1u128..9, 1..u128::MAX / 2].prop_map(price), 0..40),
    ) {
        let intervals: Vec<Interval> = points.iter().map(|point| Interval { low: *point, high: *point, weight: 1 }).collect();
        prop_assert_eq!(middle_of_points(&mut points), middle(&intervals));
    }

    #[test]
    fn a_product_is_rounded_down_to_the_last_digit(one in 1..10u128.pow(27), other in 1..10u128.pow(27)) {
        // By halves of nine digits.
        let unit = 1_000_000_000;
        let cross = (one / unit) * (other % unit) + (one % unit) * (other / unit);
        let wad = (one / unit) * (other / unit) + (cross + (one % unit) * (other % unit) / unit) / unit;
        prop_assert_eq!(times(price(one), price(other)), Price::from_wad(wad));
    }

    #[test]
    fn who_follows_becomes_the_same(
        shown in proptest::collection::vec(said(), 0..12),
        newer in proptest::collection::vec(said(), 0..12),
    ) {
        let peg = |said: Vec<Said>| {
            let mut scene = Scene::new();
            for said in said {
                let reading = heard(said);
                scene.peg.blocks.insert(reading.id().clone(), B256::repeat_byte(u8::try_from(said.3 % 256).unwrap()));
                (scene.now, scene.peg.episode) = (reading.as_of.max(scene.now), said.3);
                scene.evidence.take(&reading);
                scene.judge(None);
            }
            scene.peg
        };
        let (mut shown, newer) = (peg(shown), peg(newer));
        shown.follow(&newer);
        prop_assert_eq!(&shown, &newer);
        shown.follow(&newer);
        prop_assert_eq!(shown, newer);
    }
}
