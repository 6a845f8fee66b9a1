use proptest::prelude::*;

use super::*;

/// Half a day counts for half, and a value stands for an hour.
fn mean() -> Mean {
    Mean::new(12 * HOUR, HOUR)
}

fn fed(values: impl IntoIterator<Item = (Duration, f64)>) -> Mean {
    let mut mean = mean();
    values.into_iter().for_each(|(after, value)| mean.take(percent(value), BEGIN.plus(after)));
    mean
}

fn minutes(minutes: std::ops::RangeInclusive<u32>, value: f64) -> impl Iterator<Item = (Duration, f64)> {
    minutes.map(move |minute| (Duration::from_secs(60) * minute, value))
}

#[test]
fn a_mean_is_young_until_it_has_been_seen_for_long_enough() {
    assert_eq!(mean().value(HOUR), Err(YieldFault::TooYoung { known: Duration::ZERO, wanted: HOUR }));
    assert_eq!(fed([(Duration::ZERO, 4.0)]).value(Duration::ZERO).unwrap_err().label(), "too_young", "one value is no mean");
    let almost = fed(minutes(0..=59, 4.0));
    assert_eq!(almost.value(HOUR), Err(YieldFault::TooYoung { known: 59 * Duration::from_secs(60), wanted: HOUR }));
    about(fed(minutes(0..=60, 4.0)).value(HOUR).unwrap(), 4.0);
}

#[test]
fn what_was_half_a_life_ago_counts_for_half() {
    // For ever at 4 %, then for a half-life at 8 %.
    let long = fed(minutes(0..=20_000, 4.0).chain(minutes(20_001..=20_720, 8.0)));
    about(long.value(HOUR).unwrap(), 6.0);
}

#[test]
fn it_does_not_begin_with_its_first_value() {
    let spike = fed(minutes(0..=30, 20.0).chain(minutes(31..=360, 2.0)));
    // Half an hour of six: what counts is its share of the time, a little less because it is older.
    about(spike.value(HOUR).unwrap(), 3.27);
}

#[test]
fn a_silence_is_not_filled_with_what_comes_after_it() {
    let after = |value| fed(minutes(0..=720, 4.0).chain([(36 * HOUR, value)]));
    // A day of silence: two half-lives, of which an hour is seen.
    let silent = after(20.0);
    let hours = silent.known().as_secs_f64() / 3_600.0;
    assert!((3.0..4.0).contains(&hours), "{hours} hours are known");
    about(silent.value(HOUR).unwrap(), 4.0 + 16.0 * 0.3098);
    assert_eq!(silent.value(4 * HOUR).unwrap_err().label(), "too_young");
}

#[test]
fn a_block_that_replaces_another_adds_no_time() {
    let mut mean = fed(minutes(0..=60, 4.0));
    let before = mean;
    mean.take(percent(20.0), BEGIN.plus(HOUR));
    mean.take(percent(20.0), BEGIN);
    assert_eq!(mean, before);
}

proptest! {
    #[test]
    fn a_mean_lies_among_its_values(values in prop::collection::vec((1u64..100_000, 0.0f64..20.0), 2..60)) {
        let (mut mean, mut at) = (mean(), BEGIN);
        for (secs, value) in &values {
            at = at.plus(Duration::from_secs(*secs));
            mean.take(percent(*value), at);
        }
        let found = mean.value(Duration::ZERO).unwrap().as_fraction() * 100.0;
        // The first has no time of its own.
        let (low, high) = values[1..].iter().fold((f64::MAX, 0.0f64), |(low, high), (_, value)| (low.min(*value), high.max(*value)));
        prop_assert!(found >= low - 1e-9 && found <= high + 1e-9, "{found} is not from {low} to {high}");
    }

    #[test]
    fn how_often_a_steady_value_is_seen_makes_no_difference(cuts in prop::collection::vec(1u64..3_600, 1..200), value in 0.0f64..20.0) {
        let (mut often, mut at) = (mean(), BEGIN);
        often.take(percent(value), at);
        for secs in &cuts {
            at = at.plus(Duration::from_secs(*secs));
            often.take(percent(value), at);
        }
        let seen = Duration::from_secs(cuts.iter().sum());
        // Beyond some half-lives all is known, and a float has no digits left for the rest.
        if seen < 100 * HOUR {
            prop_assert!(often.known().abs_diff(seen) <= Duration::from_secs(2), "{:?} {seen:?}", often.known());
        }
        prop_assert!((often.value(Duration::ZERO).unwrap().as_fraction() * 100.0 - value).abs() < 1e-9);
    }
}
