//! Columns by their names, and all that is wrong with them at once.

use std::fmt;
use std::path::Path;

use chrono::DateTime;
use csv::{ErrorKind, ReaderBuilder, StringRecord};

use crate::domain::units::{Price, Timestamp, decimal_wad};

/// How much of a value a fault repeats.
const MOST_CHARS: usize = 60;

/// A place in a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFault {
    /// The name of the file.
    pub file: String,
    /// Its line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// The column; empty for the line as a whole.
    pub column: String,
    /// What is there.
    pub found: String,
    /// What would be accepted.
    pub expected: String,
}

impl fmt::Display for DataFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, ", {}", self.column)?;
        }
        write!(f, ": found {}, expected {}", self.found, self.expected)
    }
}

/// One row of a file. Asking for a value that is not what it should be records a fault.
#[derive(Debug)]
pub struct Row<'a> {
    file: &'a str,
    line: u64,
    names: &'a [(&'static str, usize)],
    record: &'a StringRecord,
    faults: &'a mut Vec<DataFault>,
}

impl Row<'_> {
    /// A value as it stands there; `None` when the row is too short.
    pub fn text(&mut self, column: &'static str) -> Option<&str> {
        let at = self.names.iter().find(|(name, _)| *name == column).map(|(_, at)| *at);
        let text = at.and_then(|at| self.record.get(at));
        if text.is_none() {
            self.refuse(column, "nothing", "a value");
        }
        text
    }

    /// A price, in whole units of what it is counted in.
    pub fn price(&mut self, column: &'static str) -> Option<Price> {
        self.parsed(column, Price::parse, "a plain decimal above zero")
    }

    /// An amount, 1e18-scaled.
    pub fn amount(&mut self, column: &'static str) -> Option<u128> {
        self.parsed(column, decimal_wad, "a plain decimal, not below zero")
    }

    /// A time on a whole multiple of `every` seconds.
    pub fn time(&mut self, column: &'static str, every: u64) -> Option<Timestamp> {
        let time = |text: &str| {
            let seconds = u64::try_from(DateTime::parse_from_rfc3339(text).ok()?.timestamp()).ok()?;
            seconds.is_multiple_of(every).then(|| Timestamp::from_secs(seconds))
        };
        let expected = match every {
            3_600 => "the beginning of an hour, as 2023-03-10T22:00:00Z",
            60 => "the beginning of a minute, as 2023-03-10T22:47:00Z",
            _ => "a time, as 2023-03-10T22:47:09Z",
        };
        self.parsed(column, time, expected)
    }

    /// What a parser makes of a value.
    pub fn parsed<T>(&mut self, column: &'static str, parse: impl Fn(&str) -> Option<T>, expected: &str) -> Option<T> {
        let text = self.text(column)?.to_owned();
        let value = parse(&text);
        if value.is_none() {
            self.refuse(column, &quoted(&text), expected);
        }
        value
    }

    /// Records that a value is not accepted.
    pub fn refuse(&mut self, column: &str, found: &str, expected: &str) {
        self.faults.push(fault(self.file, self.line, column, found, expected));
    }
}

/// Reads the rows of a file. `columns` must all be there; `row` makes of each row what it likes, and asks for every value before it
/// gives up, so that all faults of a row are told.
///
/// # Errors
/// All faults of the file.
pub fn read<T>(
    path: &Path,
    columns: &[&'static str],
    mut row: impl FnMut(&mut Row<'_>) -> Option<T>,
) -> Result<Vec<T>, Vec<DataFault>> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    // Rows of any length, so that a short one is a fault of its own and not the end of the file.
    let mut reader = match ReaderBuilder::new().flexible(true).from_path(path) {
        Ok(reader) => reader,
        Err(error) => return Err(vec![unreadable(&file, &error)]),
    };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return Err(vec![unreadable(&file, &error)]),
    };
    let mut names = Vec::with_capacity(columns.len());
    for column in columns {
        match header.iter().position(|name| name == *column) {
            Some(at) => names.push((*column, at)),
            None => faults.push(fault(&file, 1, column, "no such column", "a column of this name")),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let mut values = Row { file: &file, line, names: &names, record: &record, faults: &mut faults };
                rows.extend(row(&mut values));
            }
            Err(error) => faults.push(unreadable(&file, &error)),
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

fn unreadable(file: &str, error: &csv::Error) -> DataFault {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::Utf8 { .. } => fault(file, line, "", "bytes that are not UTF-8", "UTF-8"),
        _ => fault(file, line, "", &error.to_string(), "a file of comma-separated values that can be read"),
    }
}

fn fault(file: &str, line: u64, column: &str, found: &str, expected: &str) -> DataFault {
    let (column, found, expected) = (column.to_owned(), found.to_owned(), expected.to_owned());
    DataFault { file: file.to_owned(), line, column, found, expected }
}

/// A foreign value on one line.
fn quoted(text: &str) -> String {
    let plain: String = text.chars().take(MOST_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{plain}`")
}
