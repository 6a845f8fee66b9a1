//! Replays of recorded minutes and of hand-written ones.

mod faults;
mod march;
mod small;

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::report::bench;
use super::*;
use crate::config::peg_defaults;
use crate::domain::ids::AssetId;
use crate::domain::peg::{PegRule, VoteRule};
use crate::domain::reading::Reading;
use crate::domain::units::Timestamp;

/// The header of a file of bars.
const BAR: &str = "minute_start_utc,open,high,low,close,volume_base\n";

/// The built-in rule with its windows in closes, and the built-in quorum.
fn rules() -> (PegRule, VoteRule) {
    let (rule, votes) = peg_defaults().unwrap();
    (court::in_closes(rule, Duration::from_mins(1)), votes)
}

/// All sources together, by the built-in quorum.
fn quorum(history: &History, tape: Vec<(Timestamp, Reading)>) -> Vec<Course> {
    let (rule, votes) = rules();
    replay(tape, history.span, &bench(&history.assets, rule, votes, None))
}

/// The course of an asset.
fn of<'a>(courses: &'a [Course], asset: &str) -> &'a Course {
    courses.iter().find(|course| course.asset == AssetId::new(asset)).unwrap()
}

fn score(history: &History, course: &Course) -> Score {
    Score::of(course, &history.yardstick, rules().0.stressed.line())
}

/// A time of 2023-03-10 and after, as the files have it.
fn time(text: &str) -> Timestamp {
    let at = chrono::DateTime::parse_from_rfc3339(text).unwrap();
    Timestamp::from_secs(u64::try_from(at.timestamp()).unwrap())
}

/// A folder of files.
fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(folder: &Path) -> History {
    History::load(folder, &BARS).unwrap_or_else(|fault| panic!("{fault}"))
}
