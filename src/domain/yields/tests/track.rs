use super::*;
use crate::domain::units::Weight;

fn rule() -> YieldRule {
    YieldRule {
        half_life: DAY,
        warm_up: 6 * HOUR,
        cap: percent(20.0),
        max_utilisation: Weight::from_bps(9_500),
        growth: GrowthRule::USUAL,
    }
}

fn track() -> YieldTrack {
    YieldTrack::new(rule(), HOUR)
}

fn stamp(after: Duration) -> BlockStamp {
    BlockStamp { number: 1, hash: B256::repeat_byte(7), timestamp: BEGIN.plus(after) }
}

fn pays(apy: f64, utilisation: Option<u32>, after: Duration) -> YieldReading {
    let said = Said::Rate { apy: percent(apy), share: None };
    YieldReading { said, utilisation: utilisation.map(Weight::from_bps), block: stamp(after) }
}

fn shares(rate: Rate, after: Duration) -> YieldReading {
    YieldReading { said: Said::Share(rate), utilisation: None, block: stamp(after) }
}

fn quarters(track: &mut YieldTrack, quarters: std::ops::RangeInclusive<u32>, apy: f64) -> Look {
    quarters.map(|quarter| track.take(&pays(apy, Some(8_000), HOUR / 4 * quarter))).last().unwrap()
}

#[test]
fn a_yield_counts_once_it_has_been_watched() {
    let mut track = track();
    let young = quarters(&mut track, 0..=23, 4.0);
    assert_eq!(young.yields, Err(YieldFault::TooYoung { known: HOUR / 4 * 23, wanted: 6 * HOUR }));
    let old = quarters(&mut track, 24..=24, 4.0).yields.unwrap();
    assert_eq!((old.spot, old.utilisation), (percent(4.0), Some(Weight::from_bps(8_000))));
    assert_eq!((old.as_of, old.block), (stamp(6 * HOUR).timestamp, stamp(6 * HOUR).hash));
    about(old.smooth, 4.0);
}

#[test]
fn a_spike_is_shown_as_it_is_and_counts_up_to_the_cap() {
    let mut track = track();
    quarters(&mut track, 0..=96, 2.0);
    let spike = quarters(&mut track, 97..=108, 97.0).yields.unwrap();
    assert_eq!(spike.spot, percent(97.0));
    // Three hours of a day at 20 %, and not at 97 %.
    about(spike.smooth, 4.76);
}

#[test]
fn what_cannot_be_taken_out_does_not_count() {
    let mut track = track();
    quarters(&mut track, 0..=96, 4.0);
    let (after, limit) = (HOUR / 4 * 97, Weight::from_bps(9_500));
    assert!(track.take(&pays(4.0, Some(9_500), after)).yields.is_ok(), "at the limit somebody can still leave");
    let trapped = track.take(&pays(60.0, Some(9_501), HOUR / 4 * 98)).yields;
    assert_eq!(trapped, Err(YieldFault::Trapped { found: Weight::from_bps(9_501), limit }));
    // Nor does what was promised meanwhile.
    about(track.take(&pays(4.0, Some(9_000), HOUR / 4 * 99)).yields.unwrap().smooth, 4.0);
    // After days of it nothing is known any more.
    for hour in 25..=120 {
        assert_eq!(track.take(&pays(60.0, Some(10_000), HOUR * hour)).yields.unwrap_err().label(), "trapped");
    }
    assert_eq!(track.take(&pays(4.0, Some(9_000), HOUR * 121)).yields.unwrap_err().label(), "too_young");
}

#[test]
fn the_growth_of_a_share_is_a_yield() {
    let mut track = track();
    let mut looks = (0..=84).map(|step| {
        let after = HOUR / 12 * step;
        track.take(&shares(grown(5.0, after), after))
    });
    let first = looks.next().unwrap();
    assert_eq!(
        first.share,
        Some(share_at(Rate::ONE, Duration::ZERO)).map(|share| ShareRate { block: stamp(HOUR).hash, ..share })
    );
    assert_eq!(first.yields.unwrap_err(), YieldFault::TooYoung { known: Duration::ZERO, wanted: HOUR });
    let last = looks.last().unwrap();
    assert_eq!(last.moved, None);
    let found = last.yields.unwrap();
    about(found.spot, 5.0);
    about(found.smooth, 5.0);
}

#[test]
fn a_loss_is_told_and_what_was_paid_before_it_is_forgotten() {
    let mut track = track();
    for step in 0..=96 {
        let after = HOUR / 4 * step;
        track.take(&shares(grown(5.0, after), after));
    }
    let fallen = |after: Duration| Rate::from_wad(grown(5.0, after).wad() / 100 * 98).unwrap();
    let after = HOUR / 4 * 97;
    let look = track.take(&shares(fallen(after), after));
    assert!(matches!(look.moved, Some(ShareMove::Fell { from, to }) if from.rate > to.rate && Some(to) == look.share));
    assert_eq!(look.yields.unwrap_err().label(), "too_young");
    let mut again = (98..=128).map(|step| {
        let after = HOUR / 4 * step;
        track.take(&shares(fallen(after), after)).yields
    });
    assert!(again.by_ref().take(27).all(|look| look.is_err()), "an hour of growth, and six of its mean");
    about(again.last().unwrap().unwrap().smooth, 5.0);
}

#[test]
fn shares_beside_a_rate_are_watched_too() {
    let mut track = track();
    let says = |rate, after| YieldReading {
        said: Said::Rate { apy: percent(5.0), share: Some(rate) },
        utilisation: None,
        block: stamp(after),
    };
    assert_eq!(track.take(&says(rate(1_100_000), Duration::ZERO)).moved, None);
    let look = track.take(&says(rate(1_099_000), BLOCK));
    assert!(matches!(look.moved, Some(ShareMove::Fell { .. })));
    assert_eq!(look.share.unwrap().rate, rate(1_099_000));
}

#[test]
fn every_fault_has_a_word_of_its_own() {
    let (age, text) = (HOUR, || "why".to_owned());
    let faults = [
        YieldFault::ChainSilent,
        YieldFault::Unreadable(text()),
        YieldFault::Unreachable(text()),
        YieldFault::Mismatched(text()),
        YieldFault::Closed("why"),
        YieldFault::Stale { age, limit: age },
        YieldFault::TooYoung { known: age, wanted: age },
        YieldFault::Implausible(text()),
        YieldFault::Trapped { found: Weight::ONE, limit: Weight::ZERO },
    ];
    let labels: std::collections::BTreeSet<&str> = faults.iter().map(YieldFault::label).collect();
    assert_eq!(labels.len(), faults.len());
}
