//! The calendar of a pool: a cron expression read in a time zone. Pure: which slots there are, and which of them still waits to
//! be served.
//!
//! Around a change of the clocks a slot with one fixed time of day happens exactly once. A time that does not exist (02:00 on the
//! night the clock jumps from 02:00 to 03:00) moves to the first moment after the gap; a time that happens twice counts the first
//! time. With a wildcard, step, range or list in its minutes or hours an expression follows the wall clock instead: its slots are
//! left out in the gap and happen again in the repeated hour.

use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::domain::units::Timestamp;

/// Why a schedule was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The cron expression does not parse.
    #[error(
        "cron expression: found `{found}` ({reason}); expected five fields, minute hour day-of-month month day-of-week, \
         such as `0 2 * * SUN`"
    )]
    Cron {
        /// The expression as given.
        found: String,
        /// What the parser says about it.
        reason: String,
    },
    /// The cron expression parses, but no date ever matches.
    #[error("cron expression: found `{found}`, which no date ever matches; expected one that comes up, such as `0 2 * * SUN`")]
    Never {
        /// The expression as given.
        found: String,
    },
    /// The zone is not in the IANA database.
    #[error(
        "time zone: found `{found}`; expected a name of the IANA database in its exact spelling, such as `UTC` or `Europe/Berlin`"
    )]
    Zone {
        /// The zone as given.
        found: String,
    },
}

/// Recurring slots on the policy clock. Two schedules are equal when their texts are.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    cron: Cron,
    zone: Tz,
}

impl Schedule {
    /// Reads a cron expression of five fields (or a nickname such as `@weekly`) in an IANA time zone.
    ///
    /// # Errors
    /// The expression does not parse or never comes up, or the zone is unknown; the error says which and what was expected.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, ScheduleError> {
        let text = cron.trim().to_owned();
        let zone: Tz = zone.trim().parse().map_err(|_| ScheduleError::Zone { found: zone.to_owned() })?;
        // Slots are minutes at the finest, and recur: seconds and years are refused rather than half supported.
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(&text).map_err(|error| ScheduleError::Cron {
            found: text.clone(),
            reason: error.to_string().trim_end_matches('.').to_owned(),
        })?;
        let schedule = Self { text, cron, zone };
        match schedule.next_due(Timestamp::from_secs(0)) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never { found: schedule.text }),
        }
    }

    /// The latest slot at or before `now`; `None` when there is none since 1970.
    #[must_use]
    pub fn last_due(&self, now: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_previous_occurrence(&self.local(now)?, true).ok()?;
        timestamp(&found)
    }

    /// The first slot after `now`; `None` past the end of the calendar.
    #[must_use]
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_next_occurrence(&self.local(now)?, false).ok()?;
        timestamp(&found)
    }

    /// The slot that waits to be served at `now`: the latest one after both `served` (the last slot that was) and `since` (when
    /// the pool was first seen). Slots missed in a row are caught up once, by the latest of them; a new pool owes nothing to the
    /// past.
    #[must_use]
    pub fn unserved(&self, served: Option<Timestamp>, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let after = served.map_or(since, |served| served.max(since));
        self.last_due(now).filter(|due| *due > after)
    }

    fn local(&self, now: Timestamp) -> Option<DateTime<Tz>> {
        // Whole seconds: a slot is never in the middle of one, so rounding down changes neither search.
        DateTime::<Utc>::from_timestamp(i64::try_from(now.secs()).ok()?, 0).map(|utc| utc.with_timezone(&self.zone))
    }
}

fn timestamp(at: &DateTime<Tz>) -> Option<Timestamp> {
    u64::try_from(at.timestamp()).ok().map(Timestamp::from_secs)
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Eq for Schedule {}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({self})")
    }
}

impl fmt::Display for Schedule {
    /// The expression and its zone: `0 2 * * SUN Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, self.zone.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const WEEKLY: &str = "0 2 * * SUN";

    fn utc(text: &str) -> Timestamp {
        let at = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap().and_utc();
        Timestamp::from_secs(at.timestamp().try_into().unwrap())
    }

    /// Every slot that gets served in a stretch of time by someone who looks each half-hour.
    fn served(schedule: &Schedule, from: Timestamp, to: Timestamp) -> Vec<String> {
        let (mut now, mut last, mut slots) = (from, None, Vec::new());
        while now <= to {
            if let Some(due) = schedule.unserved(last, from, now) {
                assert_eq!(due, now, "a slot is seen when it is due");
                slots.push(due.to_string());
                last = Some(due);
            }
            now = now.plus(Duration::from_mins(30));
        }
        slots
    }

    #[test]
    fn weekly_in_utc() {
        let weekly = Schedule::parse(WEEKLY, "UTC").unwrap();
        let slot = utc("2026-03-29 02:00:00");
        assert_eq!(weekly.last_due(slot), Some(slot), "the slot itself counts");
        assert_eq!(weekly.next_due(slot), Some(utc("2026-04-05 02:00:00")), "and is not its own successor");
        let just_before = slot.minus(Duration::from_millis(1));
        assert_eq!(weekly.last_due(just_before), Some(utc("2026-03-22 02:00:00")));
        assert_eq!(weekly.next_due(just_before), Some(slot));
        assert_eq!(weekly.next_due(slot.plus(Duration::from_millis(1))), Some(utc("2026-04-05 02:00:00")));
        assert_eq!(weekly.last_due(slot.plus(Duration::from_millis(1))), Some(slot));
    }

    #[test]
    fn a_time_that_does_not_exist_is_served_once_at_the_end_of_the_gap() {
        // Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC. New York, 8 March 2026: the same at 07:00 UTC.
        let berlin = Schedule::parse(WEEKLY, "Europe/Berlin").unwrap();
        assert_eq!(
            served(&berlin, utc("2026-03-25 00:00:00"), utc("2026-04-06 00:00:00")),
            ["2026-03-29T01:00:00Z", "2026-04-05T00:00:00Z"]
        );
        let new_york = Schedule::parse(WEEKLY, "America/New_York").unwrap();
        assert_eq!(
            served(&new_york, utc("2026-03-04 00:00:00"), utc("2026-03-16 00:00:00")),
            ["2026-03-08T07:00:00Z", "2026-03-15T06:00:00Z"]
        );
    }

    #[test]
    fn a_time_that_happens_twice_is_served_once_the_first_time() {
        // Berlin, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC, so 02:00 is at 00:00 and at 01:00 UTC.
        let berlin = Schedule::parse(WEEKLY, "Europe/Berlin").unwrap();
        assert_eq!(
            served(&berlin, utc("2026-10-20 00:00:00"), utc("2026-11-02 00:00:00")),
            ["2026-10-25T00:00:00Z", "2026-11-01T01:00:00Z"]
        );
        // New York, 1 November 2026: 02:00 becomes 01:00 at 06:00 UTC; 01:30 happens twice, 02:00 once.
        let half_past_one = Schedule::parse("30 1 * * SUN", "America/New_York").unwrap();
        assert_eq!(
            served(&half_past_one, utc("2026-10-28 00:00:00"), utc("2026-11-09 00:00:00")),
            ["2026-11-01T05:30:00Z", "2026-11-08T06:30:00Z"]
        );
        let two = Schedule::parse(WEEKLY, "America/New_York").unwrap();
        assert_eq!(served(&two, utc("2026-10-28 00:00:00"), utc("2026-11-07 00:00:00")), ["2026-11-01T07:00:00Z"]);
    }

    #[test]
    fn more_than_one_time_a_day_follows_the_wall_clock() {
        let twice = Schedule::parse("30 2,14 * * *", "Europe/Berlin").unwrap();
        assert_eq!(served(&twice, utc("2026-03-28 23:00:00"), utc("2026-03-29 21:59:59")), ["2026-03-29T12:30:00Z"]);
        assert_eq!(
            served(&twice, utc("2026-10-24 22:00:00"), utc("2026-10-25 22:59:59")),
            ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T13:30:00Z"]
        );
    }

    #[test]
    fn last_and_next_agree_on_every_slot_of_a_year_with_both_changes() {
        for (cron, zone) in
            [(WEEKLY, "Europe/Berlin"), ("30 2 * * *", "America/New_York"), ("15 */3 * * *", "Australia/Lord_Howe")]
        {
            let schedule = Schedule::parse(cron, zone).unwrap();
            let mut slot = schedule.next_due(utc("2026-01-01 00:00:00")).unwrap();
            while slot < utc("2027-01-01 00:00:00") {
                let next = schedule.next_due(slot).unwrap();
                assert!(next > slot);
                assert_eq!(schedule.last_due(next), Some(next), "{cron} {zone}");
                assert_eq!(schedule.last_due(next.minus(Duration::from_secs(1))), Some(slot), "{cron} {zone}");
                slot = next;
            }
        }
    }

    #[test]
    fn missed_slots_are_caught_up_once_by_the_latest() {
        let weekly = Schedule::parse(WEEKLY, "UTC").unwrap();
        let (since, now) = (utc("2026-01-01 00:00:00"), utc("2026-03-04 12:00:00"));
        let latest = utc("2026-03-01 02:00:00");
        assert_eq!(weekly.unserved(Some(utc("2026-01-04 02:00:00")), since, now), Some(latest), "eight missed, one caught up");
        assert_eq!(weekly.unserved(Some(latest), since, now), None);
    }

    #[test]
    fn a_new_pool_does_not_catch_up_with_the_past() {
        let weekly = Schedule::parse(WEEKLY, "UTC").unwrap();
        let since = utc("2026-03-04 12:00:00");
        assert_eq!(weekly.unserved(None, since, since), None);
        assert_eq!(weekly.unserved(Some(utc("2026-01-04 02:00:00")), since, since), None, "first seen outranks an older slot");
        assert_eq!(weekly.unserved(None, since, utc("2026-03-08 02:00:00")), Some(utc("2026-03-08 02:00:00")));
        assert_eq!(weekly.unserved(None, utc("2026-03-08 02:00:00"), utc("2026-03-08 02:00:00")), None, "since is exclusive");
    }

    #[test]
    fn errors_say_which_part_what_was_found_and_what_is_expected() {
        let cron = Schedule::parse("0 2 * *", "UTC").unwrap_err();
        assert!(matches!(&cron, ScheduleError::Cron { found, .. } if found == "0 2 * *"));
        let text = cron.to_string();
        assert!(text.starts_with("cron expression: found `0 2 * *`") && text.contains("expected five fields"), "{text}");
        for wrong in ["", "61 2 * * *", "0 0 2 * * SUN", "0 2 * * SUN 2026", "nonsense"] {
            assert!(matches!(Schedule::parse(wrong, "UTC"), Err(ScheduleError::Cron { .. })), "{wrong}");
        }
        assert_eq!(Schedule::parse("0 0 30 2 *", "UTC"), Err(ScheduleError::Never { found: "0 0 30 2 *".to_owned() }));
        let zone = Schedule::parse(WEEKLY, "Mars/Olympus").unwrap_err();
        assert_eq!(zone, ScheduleError::Zone { found: "Mars/Olympus".to_owned() });
        assert!(zone.to_string().contains("`Mars/Olympus`; expected a name of the IANA database"));
    }

    #[test]
    fn equal_by_text_and_zone() {
        let berlin = Schedule::parse(WEEKLY, "Europe/Berlin").unwrap();
        assert_eq!(berlin, Schedule::parse(" 0 2 * * SUN ", "Europe/Berlin").unwrap());
        assert_ne!(berlin, Schedule::parse(WEEKLY, "UTC").unwrap());
        assert_ne!(berlin, Schedule::parse("0 3 * * SUN", "Europe/Berlin").unwrap());
        assert_eq!(format!("{berlin:?}"), "Schedule(0 2 * * SUN Europe/Berlin)");
    }
}
