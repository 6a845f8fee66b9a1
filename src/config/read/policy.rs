//! `policies/NAME.toml`, and the same keys as a pool's `[policy_overrides]`.

mod depeg;
mod market;

use std::time::Duration;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::parse;
use crate::config::section::Section;
use crate::domain::gas::GasRule;
use crate::domain::policy::{CompositionRule, DailyLimits, Policy, RampRule};
use crate::domain::schedule::{Schedule, ScheduleError};
use crate::domain::trigger::PerClass;
use crate::domain::units::GasPrice;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);

/// Reads one policy: every key must be there, so that nothing is allowed that nobody wrote down.
pub(in crate::config) fn policy(mut at: Section<'_>) -> Read<Policy> {
    let drift_threshold = at.required("drift_threshold", parse::percent(1, 10_000));
    let dead_band = at.required("dead_band", parse::percent(0, 10_000));
    let min_interval = at.required("min_interval", parse::duration(Duration::ZERO, MONTH));
    let schedule = schedule(&mut at);
    let max_step = at.required("max_step", parse::percent(1, 10_000));
    let tilt = at.section("tilt", None).and_then(market::tilt);
    let composition = at.section("composition", None).and_then(composition);
    let yields = switch(&mut at, "yields", market::yields);
    let worth = switch(&mut at, "worth", market::worth);
    let limits = at.section("limits", None).and_then(limits);
    let ramp = at.section("ramp", None).and_then(ramp);
    let depeg = at.section("depeg", None).and_then(depeg::depeg);
    let brakes = switch(&mut at, "breakers", depeg::brakes);
    let swap = switch(&mut at, "swap", market::swap);
    let gas = at.section("gas", None).and_then(gas);
    check::less(&at, ("dead_band", dead_band), ("drift_threshold", drift_threshold));
    check::step_covers_two_thresholds(&at, max_step.ok(), drift_threshold.ok());
    at.finish();
    Ok(Policy {
        drift_threshold: drift_threshold?,
        dead_band: dead_band?,
        min_interval: min_interval?,
        schedule: schedule?,
        max_step: max_step?,
        tilt: tilt?,
        composition: composition?,
        yields: yields?,
        worth: worth?,
        limits: limits?,
        ramp: ramp?,
        depeg: depeg?,
        brakes: brakes?,
        swap: swap?,
        gas: gas?,
    })
}

/// `key = false`, or a table.
fn switch<T>(at: &mut Section<'_>, key: &str, read: impl FnOnce(Section<'_>) -> Read<T>) -> Read<Option<T>> {
    if at.has(key) && !at.is_table(key) {
        return at.required(key, |text| match text {
            "false" => Ok(None),
            _ => parse::refuse("false, or a table", "write false to switch it off; the built-in policies show the table"),
        });
    }
    at.section(key, None).and_then(read).map(Some)
}

/// A factor in percent, as basis points of one.
fn factor(at: &mut Section<'_>, key: &str, low: u32, high: u32) -> Read<u32> {
    let percent = at.required(key, parse::percent(low, high));
    percent.map(|percent| u32::try_from(percent.wad() / (crate::domain::units::WAD / 10_000)).unwrap_or(u32::MAX))
}

/// `schedule = false`, or a table with `cron` and `zone`.
fn schedule(at: &mut Section<'_>) -> Read<Option<Schedule>> {
    if at.has("schedule") && !at.is_table("schedule") {
        return at.required("schedule", |text| match text {
            "false" => Ok(None),
            _ => {
                parse::refuse("false, or a table with `cron` and `zone`", "write { cron = \"0 2 * * SUN\", zone = \"Etc/UTC\" }")
            }
        });
    }
    let mut inner = at.section("schedule", None)?;
    let (cron, zone) = (inner.required("cron", parse::text), inner.required("zone", parse::text));
    // Each is tried beside a good other, so that both may be refused at once.
    let cron = cron.and_then(|cron| match Schedule::parse(&cron, "UTC") {
        Ok(_) => Ok(cron),
        Err(error) => {
            let reason = if let ScheduleError::Cron { reason, .. } = error { reason } else { "no date ever matches".into() };
            let expected = "five fields: minute, hour, day of month, month, day of week";
            Err(inner.refuse("cron", expected, format!("{reason}; write a line such as \"0 2 * * SUN\"")))
        }
    });
    let zone = zone.and_then(|zone| match Schedule::parse("0 2 * * SUN", &zone) {
        Ok(_) => Ok(zone),
        Err(_) => Err(inner.refuse("zone", "a name of the IANA time zone database", "write a name such as \"Europe/Berlin\"")),
    });
    let schedule = cron.and_then(|cron| Ok(Schedule::parse(&cron, &zone?)));
    let schedule = schedule.and_then(|parsed| parsed.map_err(|_| inner.refuse("cron", "a cron line", "correct it")));
    inner.finish();
    schedule.map(Some)
}

fn composition(mut at: Section<'_>) -> Read<CompositionRule> {
    let threshold = at.required("threshold", parse::percent(1, 10_000));
    let persist = at.required("persist", parse::duration(Duration::ZERO, DAY));
    at.finish();
    Ok(CompositionRule { threshold: threshold?, persist: persist? })
}

fn limits(mut at: Section<'_>) -> Read<DailyLimits> {
    let moves = at.required("moves_per_day", parse::whole(1, 1_000));
    let weight = at.required("weight_per_day", parse::percent(1, 1_000_000));
    at.finish();
    Ok(DailyLimits { moves: moves?, weight: weight? })
}

fn ramp(mut at: Section<'_>) -> Read<RampRule> {
    let (min, max) = (at.required("min", parse::duration(SECOND, MONTH)), at.required("max", parse::duration(SECOND, MONTH)));
    let velocity = at.required("max_velocity_per_hour", parse::percent(1, 1_000_000));
    let start_lead = at.required("start_lead", parse::duration(SECOND, DAY));
    let arbitrage_gas = at.required("arbitrage_gas", parse::whole(21_000, 30_000_000));
    let max_loss = at.required("max_loss", |text| match text {
        "false" => Ok(None),
        text => parse::percent(1, 10_000)(text).map(Some),
    });
    let max_legs = at.required("max_legs", parse::whole(1, 4));
    check::at_most(&at, ("min", min), ("max", max));
    at.finish();
    Ok(RampRule {
        max_legs: max_legs?,
        max_loss: max_loss?,
        min: min?,
        max: max?,
        max_velocity_per_hour: velocity?,
        start_lead: start_lead?,
        arbitrage_gas: arbitrage_gas?,
    })
}

fn gas(mut at: Section<'_>) -> Read<PerClass<GasRule>> {
    let mut of = |class: &str| at.section(class, None).and_then(rule);
    let (depeg, drift, yields) = (of("depeg"), of("drift"), of("yield"));
    let (schedule, manual) = (of("schedule"), of("manual"));
    at.finish();
    Ok(PerClass { depeg: depeg?, drift: drift?, yields: yields?, schedule: schedule?, manual: manual? })
}

fn rule(mut at: Section<'_>) -> Read<GasRule> {
    let range = || parse::gwei(GasPrice::from_wei(1), GasPrice::from_gwei(100_000));
    let cap = at.required("cap_gwei", range());
    let end = at.optional("cap_at_deadline_gwei", range());
    let deadline = at.required("deadline", parse::duration(SECOND, MONTH));
    let cap_at_deadline = end.and_then(|end| end.map_or(cap, Ok));
    check::at_most(&at, ("cap_gwei", cap), ("cap_at_deadline_gwei", cap_at_deadline));
    at.finish();
    Ok(GasRule { cap: cap?, cap_at_deadline: cap_at_deadline?, deadline: deadline? })
}
