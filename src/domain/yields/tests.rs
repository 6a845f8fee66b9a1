//! Figures that were worked out elsewhere with sixty digits, and rules that hold for all numbers.

mod mean;
mod rates;
mod share;
mod track;

use std::time::Duration;

use alloy_primitives::B256;

use super::*;

const BEGIN: Timestamp = Timestamp::from_secs(1_700_000_000);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Between two blocks.
const BLOCK: Duration = Duration::from_secs(12);

fn percent(percent: f64) -> Apy {
    Apy::from_percent(percent).unwrap()
}

fn rate(millionths: u128) -> Rate {
    Rate::from_wad(millionths * 1_000_000_000_000).unwrap()
}

fn share_at(rate: Rate, after: Duration) -> ShareRate {
    ShareRate { rate, as_of: BEGIN.plus(after), block: B256::repeat_byte(1) }
}

/// What a share that begins at one coin and earns so much a year is worth after a time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate of a test")]
fn grown(percent: f64, after: Duration) -> Rate {
    let years = after.as_secs_f64() / 31_536_000.0;
    Rate::from_wad(((1.0 + percent / 100.0).powf(years) * 1e18) as u128).unwrap()
}

#[track_caller]
fn about(found: Apy, expected: f64) {
    let found = found.as_fraction() * 100.0;
    assert!((found - expected).abs() < 0.005, "{found} % is not about {expected} %");
}
