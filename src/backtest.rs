//! Replays history through the real decision, and says how it would have done: when it would first have sounded the alarm, how often
//! for nothing, and how often it would have come back too early. Every asset is judged by the [`Panel`](crate::domain::peg::Panel)
//! that runs in production, at every minute, whether or not anybody speaks.
//!
//! [`files`] finds the files of a folder, [`columns`] reads their columns, [`tape`] turns them into readings in the order in which
//! they become known, [`court`] judges, [`score`] counts, [`mod@report`] holds all of it for programs and [`table`] shows it to people.
//!
//! # The files
//!
//! Every `*.csv` whose name is one of these is read; `PERIOD` is any text. All times are UTC, such as `2023-03-10T22:47:00Z`; prices
//! and amounts are plain decimals. Columns are found by their names; others may stand beside them.
//!
//! | file | columns | known |
//! |---|---|---|
//! | `VENUE_PAIR_1m_PERIOD.csv` | `minute_start_utc`, `high`, `low`, `close`, `volume_base` | at the end of the minute |
//! | `chainlink_implied_hourly_PERIOD.csv` | `snapshot_utc`, `asset`, `price_usd` | at `snapshot_utc` |
//! | `uniswap_v3_hourly_PERIOD.csv` | `hour_start_utc`, `pool`, `price_base_in_quote` | at the end of the hour |
//! | `cmc_usd_hourly_PERIOD.csv` | `label_utc`, `usdc_usd`, `usdt_usd`, `dai_usd` | an hour after `label_utc` |
//!
//! `PAIR` is `usdc`, `usdt` or `dai`, followed by `usd` or another of the three. `pool` is `univ3_BASE_QUOTE`. A file that is not
//! there is a source that is absent. A row that cannot be read spoils the replay, and all of them are told at once.
//!
//! # What a row says
//!
//! - A minute bar says its close, to one basis point in both directions: it has neither bid nor ask. It stands for ten minutes. When
//!   less than 100 000 tokens have changed hands in that time, the book is too thin to say anything. What is traded stands in for what is
//!   offered: a quiet hour looks thin here and need not be, so that a replay is blinder than the program. See [`BARS`].
//! - A Chainlink price stands for its heartbeat and grace, and is as wide as the feed's threshold: the feed did not have to write.
//! - The close of a pool is the price of one block, and within a block it can be moved: it warns and does not vote.
//! - The aggregator does not say whom it asks: it has no vote. It is the yardstick of what really happened, and it is replayed alone.
//!
//! # Windows
//!
//! A price that is sampled each minute has been below for up to a minute when it is first seen there. So the windows of an alarm are
//! shortened by one minute: "five minutes" is five closes in a row, and a judgement is never dated before its last close is known. The
//! windows of the way back stay as they are, and so does that of `watch`, which serves both. The report gives both: the windows in
//! closes, and as configured.
//!
//! # What it does not prove
//!
//! Lines, windows and sizes are held against the same 21 days that they were chosen by. A relapse is counted after a depeg only: an
//! alarm that is called off and comes again is two episodes.

pub mod columns;
pub mod court;
pub mod files;
pub mod report;
pub mod score;
pub mod table;
pub mod tape;
pub mod trial;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::domain::units::Timestamp;

pub use columns::DataFault;
pub use court::{Course, Judge, Moment, Span, replay};
pub use files::{History, Role, Series};
pub use report::{Report, report};
pub use score::{Episode, Score, Yardstick};
pub use tape::{BARS, BarRule};

/// Why nothing can be replayed.
#[derive(Debug, Error)]
pub enum ReplayFault {
    /// The folder cannot be looked into.
    #[error("{}: {fault}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        fault: std::io::Error,
    },
    /// No file of the folder is one that can be replayed.
    #[error(
        "{}: there is no file to replay, expected one of VENUE_PAIR_1m_PERIOD.csv, chainlink_implied_hourly_PERIOD.csv, \
         uniswap_v3_hourly_PERIOD.csv, cmc_usd_hourly_PERIOD.csv",
        .0.display()
    )]
    Nothing(PathBuf),
    /// A recording without a reading.
    #[error("{}: nothing was recorded", .0.display())]
    Silence(PathBuf),
    /// More judgements than a right stamp would lead to.
    #[error("it reaches from {from} to {until}, expected {most} judgements of {step:?} at most: is a time stamp wrong?")]
    Endless {
        /// The first stamp.
        from: Timestamp,
        /// The last.
        until: Timestamp,
        /// Between two judgements.
        step: Duration,
        /// So many are made.
        most: u32,
    },
    /// Rows that cannot be read: all of them, in all files.
    #[error("{}", Lines(.0))]
    Data(Vec<DataFault>),
}

/// One fault a line.
struct Lines<'a>(&'a [DataFault]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "fault" } else { "faults" };
        write!(f, "{} {plural} in the data", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}
