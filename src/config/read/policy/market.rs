//! What the market may do to a pool: tilt its target, offer better yields, leave it off its weights; and what that must be worth.

use std::time::Duration;

use super::{DAY, MONTH, factor, switch};
use crate::config::check;
use crate::config::inspection::Read;
use crate::config::parse;
use crate::config::section::Section;
use crate::domain::policy::{SwapRule, TiltRule, VolatilityRule, WorthRule, YieldRule};
use crate::domain::units::Usd;
use crate::domain::worth::YEAR;

const MINUTE: Duration = Duration::from_secs(60);

/// `[tilt]`.
pub(super) fn tilt(mut at: Section<'_>) -> Read<TiltRule> {
    let volatility = switch(&mut at, "volatility", volatility);
    let yield_gain_bps = factor(&mut at, "yield_gain", 0, 10_000_000);
    let dead_band = at.required("dead_band", parse::percent(0, 10_000));
    at.finish();
    Ok(TiltRule { volatility: volatility?, yield_gain_bps: yield_gain_bps?, dead_band: dead_band? })
}

fn volatility(mut at: Section<'_>) -> Read<VolatilityRule> {
    let half_life = at.required("half_life", parse::duration(MINUTE, MONTH));
    let window = at.required("window", parse::duration(MINUTE, MONTH));
    let gain_bps = factor(&mut at, "gain", 0, 10_000_000);
    let cap = at.required("cap", parse::percent(0, 9_900));
    at.finish();
    Ok(VolatilityRule { half_life: half_life?, window: window?, gain_bps: gain_bps?, cap: cap? })
}

/// `[yields]`.
pub(super) fn yields(mut at: Section<'_>) -> Read<YieldRule> {
    let gap_bps = at.required("gap_bps", parse::whole(1, 100_000));
    let release_bps = at.required("release_bps", parse::whole(1, 100_000));
    let persist = at.required("persist", parse::duration(Duration::ZERO, MONTH));
    let uncaptured = at.required("uncaptured", parse::flag);
    let benchmark_bps = at.required("benchmark_bps", parse::whole(0, 100_000));
    check::at_most(&at, ("release_bps", release_bps), ("gap_bps", gap_bps));
    at.finish();
    Ok(YieldRule {
        gap_bps: gap_bps?,
        release_bps: release_bps?,
        persist: persist?,
        uncaptured: uncaptured?,
        benchmark_bps: benchmark_bps?,
    })
}

/// `[worth]`.
pub(super) fn worth(mut at: Section<'_>) -> Read<WorthRule> {
    let horizon = at.required("horizon", parse::duration(DAY, YEAR));
    let multiple_bps = factor(&mut at, "multiple", 1, 10_000_000);
    let reversal_multiple_bps = factor(&mut at, "reversal_multiple", 1, 10_000_000);
    let misplaced_bps = factor(&mut at, "misplaced_per_year", 0, 10_000);
    check::at_most(&at, ("multiple", multiple_bps), ("reversal_multiple", reversal_multiple_bps));
    at.finish();
    Ok(WorthRule {
        horizon: horizon?,
        multiple_bps: multiple_bps?,
        reversal_multiple_bps: reversal_multiple_bps?,
        misplaced_bps: misplaced_bps?,
    })
}

/// `[swap]`.
pub(super) fn swap(mut at: Section<'_>) -> Read<SwapRule> {
    let slippage = at.required("slippage", parse::percent(1, 5_000));
    let max_slippage = at.required("max_slippage", parse::percent(1, 5_000));
    let volatility_gain_bps = factor(&mut at, "volatility_gain", 0, 10_000_000);
    let most = at.required("most_usd", parse::dollars);
    let accept_third_parties = at.required("accept_third_party_lps", parse::flag);
    check::at_most(&at, ("slippage", slippage), ("max_slippage", max_slippage));
    at.finish();
    Ok(SwapRule {
        slippage: slippage?,
        max_slippage: max_slippage?,
        volatility_gain_bps: volatility_gain_bps?,
        most: Usd::from_wad(most?.wad()),
        accept_third_parties: accept_third_parties?,
    })
}
