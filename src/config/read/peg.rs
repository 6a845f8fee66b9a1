//! When an asset counts as off its peg, and how many witnesses that takes.

use std::time::Duration;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::parse;
use crate::config::section::Section;
use crate::domain::peg::{Band, PegRule, VoteRule};

const MONTH: Duration = Duration::from_hours(30 * 24);
/// The lowest line that a stablecoin can be held against.
const LOWEST_BPS: u32 = 5_000;

/// Reads the lines and windows of an asset.
pub(in crate::config) fn rule(at: &mut Section<'_>) -> Read<PegRule> {
    let watch = band(at, "watch_bps", "watch_for");
    let stressed = band(at, "stressed_bps", "stressed_for");
    let depegged = band(at, "depeg_bps", "confirm");
    let crashed = band(at, "crash_bps", "crash_for");
    let reenter = band(at, "reenter_bps", "recover");
    let reenter_slow = band(at, "reenter_slow_bps", "recover_slow");
    let mut window = |key| at.required(key, parse::duration(Duration::ZERO, MONTH));
    let (settle, disable_after, gap) = (window("settle"), window("disable_after"), window("gap"));
    let bps = |band: &Read<Band>| band.as_ref().ok().map(|band| band.below_bps);
    check::reentry(at, "reenter_bps", bps(&depegged), bps(&reenter));
    check::reentry(at, "reenter_slow_bps", bps(&depegged), bps(&reenter_slow));
    check::order(
        at,
        &[
            ("watch_bps", bps(&watch)),
            ("stressed_bps", bps(&stressed)),
            ("depeg_bps", bps(&depegged)),
            ("crash_bps", bps(&crashed)),
        ],
    );
    Ok(PegRule {
        watch: watch?,
        stressed: stressed?,
        depegged: depegged?,
        crashed: crashed?,
        reenter: reenter?,
        reenter_slow: reenter_slow?,
        settle: settle?,
        disable_after: disable_after?,
        gap: gap?,
    })
}

fn band(at: &mut Section<'_>, line: &str, window: &str) -> Read<Band> {
    let below_bps = at.required(line, parse::whole(0, LOWEST_BPS));
    let hold = at.required(window, parse::duration(Duration::ZERO, MONTH));
    Ok(Band { below_bps: below_bps?, hold: hold? })
}

/// Reads the table `quorum` of an asset.
pub(in crate::config) fn votes(mut at: Section<'_>) -> Read<VoteRule> {
    let (defend, reenter) = (at.required("defend", parse::whole(1usize, 6)), at.required("reenter", parse::whole(1usize, 6)));
    let mut bps = |key| at.required(key, parse::whole(0, 10_000));
    let (agree_bps, untrusted_bps, outlier_bps) = (bps("agree_bps"), bps("untrusted_bps"), bps("outlier_bps"));
    let outlier_mads = at.required("outlier_mads", parse::whole(1, 100));
    check::at_most(&at, ("defend", defend), ("reenter", reenter));
    check::at_most(&at, ("agree_bps", agree_bps), ("untrusted_bps", untrusted_bps));
    at.finish();
    Ok(VoteRule {
        defend: defend?,
        reenter: reenter?,
        agree_bps: agree_bps?,
        untrusted_bps: untrusted_bps?,
        outlier_bps: outlier_bps?,
        outlier_mads: outlier_mads?,
    })
}
