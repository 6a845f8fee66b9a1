//! Writes a recording. Whoever has a reading hands it over and goes on; a thread of its own writes, so that no disk holds up a price.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use thiserror::Error;

use super::{Head, Line, ReadingLine, SourceLine, VERSION};
use crate::domain::ids::SourceId;
use crate::domain::reading::Reading;
use crate::domain::source::{Source, Unit};
use crate::domain::units::Price;
use crate::ports::Recorder;

/// What a crash may lose.
const FLUSH_EVERY: Duration = Duration::from_secs(5);

/// Why there is no recording.
#[derive(Debug, Error)]
pub enum RecordingFault {
    /// A recording is never written over.
    #[error("{path}: it exists already; name another file, or move it away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file.
    #[error("{path}: cannot be written: {fault}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        fault: io::Error,
    },
}

/// A recording in progress.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    /// Taken away at the end, which ends the thread.
    readings: Mutex<Option<Sender<Reading>>>,
    writer: Mutex<Option<JoinHandle<io::Result<u64>>>>,
}

impl Recording {
    /// Begins a recording in a new file.
    ///
    /// # Errors
    /// The file exists, or cannot be made.
    pub fn begin(path: &Path) -> Result<Self, RecordingFault> {
        let failed = |fault: io::Error| match fault.kind() {
            io::ErrorKind::AlreadyExists => RecordingFault::Exists { path: path.to_owned() },
            _ => RecordingFault::Write { path: path.to_owned(), fault },
        };
        let file = File::create_new(path).map_err(failed)?;
        let mut to: Box<dyn Write + Send> = if path.extension().is_some_and(|ending| ending == "gz") {
            Box::new(GzEncoder::new(BufWriter::new(file), Compression::default()))
        } else {
            Box::new(BufWriter::new(file))
        };
        put(&mut to, &Head { ballast_recording: VERSION }).map_err(failed)?;
        let (sender, receiver) = channel();
        let writer =
            std::thread::Builder::new().name("recording".to_owned()).spawn(move || write(to, &receiver)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), readings: Mutex::new(Some(sender)), writer: Mutex::new(Some(writer)) })
    }

    /// Ends it, and says how many readings are in the file.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn end(&self) -> Result<u64, RecordingFault> {
        drop(open(&self.readings).take());
        let written = open(&self.writer).take().map(JoinHandle::join);
        let failed = |fault| RecordingFault::Write { path: self.path.clone(), fault };
        match written {
            Some(Ok(written)) => written.map_err(failed),
            Some(Err(_)) => Err(failed(io::Error::other("the writer has crashed"))),
            None => Err(failed(io::Error::other("it has ended before"))),
        }
    }
}

impl Recorder for Recording {
    fn record(&self, reading: &Reading) {
        // The lock is held for a send that cannot block. A writer that has failed says so at the end.
        if let Some(readings) = open(&self.readings).as_ref() {
            let _ = readings.send(reading.clone());
        }
    }
}

fn open<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(mut to: Box<dyn Write + Send>, readings: &Receiver<Reading>) -> io::Result<u64> {
    let mut known: HashMap<SourceId, usize> = HashMap::new();
    let mut count = 0u64;
    loop {
        match readings.recv_timeout(FLUSH_EVERY) {
            Ok(reading) => {
                let next = known.len();
                let number = if let Some(number) = known.get(&reading.source.id) {
                    *number
                } else {
                    put(&mut to, &Line::Source(source_line(next, &reading.source)))?;
                    known.insert(reading.source.id.clone(), next);
                    next
                };
                put(&mut to, &Line::Reading(reading_line(number, &reading)))?;
                count = count.saturating_add(1);
            }
            Err(RecvTimeoutError::Timeout) => to.flush()?,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    to.flush()?;
    Ok(count)
}

fn put(to: &mut impl Write, line: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

fn source_line(number: usize, source: &Source) -> SourceLine {
    SourceLine {
        s: number,
        id: source.id.to_string(),
        asset: source.asset.to_string(),
        unit: match &source.unit {
            Unit::Usd => None,
            Unit::Asset(asset) => Some(asset.to_string()),
        },
        group: source.group.to_string(),
        advisory: source.advisory,
        good_for_ms: u64::try_from(source.good_for.as_millis()).unwrap_or(u64::MAX),
    }
}

fn reading_line(number: usize, reading: &Reading) -> ReadingLine {
    let quote = reading.quote.as_ref().ok();
    let other = |price: Price| quote.is_some_and(|quote| quote.price != price).then(|| price.exactly());
    let fault = reading.quote.as_ref().err();
    ReadingLine {
        r: number,
        t: reading.as_of.millis(),
        p: quote.map(|quote| quote.price.exactly()),
        l: quote.and_then(|quote| other(quote.low)),
        h: quote.and_then(|quote| other(quote.high)),
        u: quote.map(|quote| quote.updated_at.millis()),
        f: fault.map(|fault| fault.label().to_owned()),
        w: fault.map(ToString::to_string),
        b: reading.block.map(|block| block.to_string()),
    }
}
