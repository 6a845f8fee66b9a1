//! The outcomes of a search, line by line in a file, so that one that was stopped goes on where it was. The first line says of what search
//! they are: outcomes of another are refused and never mixed in.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Outcome;

/// The outcomes of all candidates in one arena.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    arena: String,
    outcomes: Vec<Outcome>,
}

/// The book.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    file: File,
    known: BTreeMap<String, Vec<Outcome>>,
}

/// Why there is no book.
#[derive(Debug, thiserror::Error)]
pub enum BookFault {
    /// The file cannot be read or written.
    #[error("{path}: {fault}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
    /// It is of another search.
    #[error(
        "{path}:1: found the outcomes of another search ({found}), expected those of this one ({expected}): name another folder, or remove it"
    )]
    Another {
        /// The file.
        path: PathBuf,
        /// What it is of.
        found: String,
        /// What is searched.
        expected: String,
    },
}

impl Book {
    /// Opens the book of a search, and makes it where there is none. A last line that was not finished is left out.
    ///
    /// # Errors
    /// It is of another search, or cannot be read or written.
    pub fn open(path: &Path, search: &str) -> Result<Self, BookFault> {
        let unreadable = |fault| BookFault::File { path: path.to_owned(), fault };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(unreadable)?;
        let mut lines = BufReader::new(file.try_clone().map_err(unreadable)?).lines();
        let mut known = BTreeMap::new();
        match lines.next().transpose().map_err(unreadable)? {
            None => writeln!(file, "{search}").map_err(unreadable)?,
            Some(found) if found != search => {
                return Err(BookFault::Another { path: path.to_owned(), found, expected: search.to_owned() });
            }
            Some(_) => {
                for line in lines {
                    if let Ok(line) = serde_json::from_str::<Line>(&line.map_err(unreadable)?) {
                        known.insert(line.arena, line.outcomes);
                    }
                }
                // What was cut off is ended, so that what follows stands on a line of its own.
                writeln!(file).map_err(unreadable)?;
            }
        }
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// What is known of an arena.
    #[must_use]
    pub fn of(&self, arena: &str) -> Option<&Vec<Outcome>> {
        self.known.get(arena)
    }

    /// Writes the outcomes of an arena down.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&mut self, arena: &str, outcomes: Vec<Outcome>) -> Result<(), BookFault> {
        let unwritten = |fault| BookFault::File { path: self.path.clone(), fault };
        let line = Line { arena: arena.to_owned(), outcomes };
        let text = serde_json::to_string(&line).map_err(std::io::Error::from).map_err(unwritten)?;
        writeln!(self.file, "{text}").map_err(|fault| BookFault::File { path: self.path.clone(), fault })?;
        self.known.insert(line.arena, line.outcomes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(growth: f64) -> Outcome {
        Outcome { growth, drawdown: -0.01, gas: 3.0, daily: vec![growth] }
    }

    #[test]
    fn what_was_written_down_is_known_again_and_a_line_that_was_cut_off_is_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("runs.jsonl");
        let mut book = Book::open(&path, "one").unwrap();
        book.note("a", vec![outcome(0.25)]).unwrap();
        drop(book);
        write!(OpenOptions::new().append(true).open(&path).unwrap(), "{{\"arena\":\"b\",\"outc").unwrap();
        let mut book = Book::open(&path, "one").unwrap();
        assert_eq!(book.of("a"), Some(&vec![outcome(0.25)]));
        assert_eq!(book.of("b"), None);
        book.note("b", vec![outcome(0.5)]).unwrap();
        drop(book);
        assert_eq!(Book::open(&path, "one").unwrap().of("b"), Some(&vec![outcome(0.5)]));
        let fault = Book::open(&path, "two").unwrap_err().to_string();
        assert!(fault.contains("runs.jsonl:1: found the outcomes of another search (one)"), "{fault}");
    }
}
