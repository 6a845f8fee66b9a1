//! Reads a recording.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use thiserror::Error;

use super::{Head, Line, ReadingLine, SourceLine, VERSION};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::domain::source::{Source, Unit};
use crate::domain::units::{Price, Timestamp};

/// Why a recording cannot be read.
#[derive(Debug, Error)]
pub enum ReadFault {
    /// The file.
    #[error("{path}: cannot be read: {fault}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        fault: io::Error,
    },
    /// A line.
    #[error("{path}:{line}: {found}; expected {expected}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },
}

/// All readings of a recording, in the order in which they were taken.
///
/// A last line that was cut off, by a crash or a full disk, is passed over: what stands before it is whole.
///
/// # Errors
/// The file cannot be read, or a line is none of a recording.
pub fn read(path: &Path) -> Result<Vec<Reading>, ReadFault> {
    let failed = |fault| ReadFault::File { path: path.to_owned(), fault };
    let file = File::open(path).map_err(failed)?;
    let from: Box<dyn Read> =
        if path.extension().is_some_and(|ending| ending == "gz") { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    parse(BufReader::new(from), path)
}

/// The same from a stream, which is not compressed; `path` is for faults.
///
/// # Errors
/// The stream cannot be read, or a line is none of a recording.
pub fn parse(mut from: impl BufRead, path: &Path) -> Result<Vec<Reading>, ReadFault> {
    let mut sources: HashMap<usize, Arc<Source>> = HashMap::new();
    let mut readings = Vec::new();
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        match from.read_line(&mut text) {
            Ok(0) => break,
            Ok(_) => {}
            // A compressed file whose end is missing: what came before it is whole.
            Err(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(fault) => return Err(ReadFault::File { path: path.to_owned(), fault }),
        }
        if !text.ends_with('\n') {
            break;
        }
        let refuse = |found: String, expected| ReadFault::Line { path: path.to_owned(), line: number, found, expected };
        if number == 1 {
            match serde_json::from_str::<Head>(&text) {
                Ok(head) if head.ballast_recording == VERSION => continue,
                Ok(head) => return Err(refuse(format!("version {}", head.ballast_recording), "version 1")),
                Err(fault) => return Err(refuse(fault.to_string(), "the first line of a recording")),
            }
        }
        match serde_json::from_str::<Line>(&text).map_err(|fault| refuse(fault.to_string(), "a source or a reading"))? {
            Line::Source(line) => {
                let number = line.s;
                sources.insert(number, Arc::new(source(line).map_err(|found| refuse(found, "a source"))?));
            }
            Line::Reading(line) => {
                let source =
                    sources.get(&line.r).ok_or_else(|| refuse(format!("a reading of source {}", line.r), "a source above it"))?;
                readings.push(reading(Arc::clone(source), &line).map_err(|found| refuse(found, "a reading"))?);
            }
        }
    }
    Ok(readings)
}

fn source(line: SourceLine) -> Result<Source, String> {
    Ok(Source {
        id: SourceId::new(&line.id),
        asset: AssetId::new(&line.asset),
        unit: line.unit.map_or(Unit::Usd, |asset| Unit::Asset(AssetId::new(&asset))),
        group: line.group.parse()?,
        advisory: line.advisory,
        good_for: Duration::from_millis(line.good_for_ms),
    })
}

fn reading(source: Arc<Source>, line: &ReadingLine) -> Result<Reading, String> {
    let price = |text: &str| Price::parse(text).ok_or_else(|| format!("a price of `{text}`"));
    let quote = match (&line.p, line.u, &line.f) {
        (Some(text), Some(updated_at), None) => {
            let middle = price(text)?;
            let bound = |text: &Option<String>| text.as_deref().map_or(Ok(middle), price);
            let (low, high) = (bound(&line.l)?, bound(&line.h)?);
            if low > middle || high < middle {
                return Err(format!("a price of {middle} outside of its own interval"));
            }
            Ok(Quote { price: middle, low, high, updated_at: Timestamp::from_millis(updated_at) })
        }
        (None, None, Some(label)) => Err(fault(label, line.w.as_deref().unwrap_or_default())),
        _ => return Err("neither a price with its time nor a fault".to_owned()),
    };
    let block = line.b.as_ref().map(|block| block.parse().map_err(|_| format!("a block of `{block}`"))).transpose()?;
    Ok(Reading { source, quote, as_of: Timestamp::from_millis(line.t), block })
}

/// What the decision tells apart comes back: silence, which lets what was heard stand, and everything else, which does not.
fn fault(label: &str, words: &str) -> ReadingFault {
    match label {
        "disconnected" => ReadingFault::Disconnected(words.to_owned()),
        "silent" | "rate_limited" | "unauthorised" => ReadingFault::Disconnected(format!("{label}: {words}")),
        "chain_silent" => ReadingFault::ChainSilent,
        "gap" => ReadingFault::Gap,
        _ => ReadingFault::Unreadable(format!("{label}: {words}")),
    }
}
