//! Reading one table: every key is asked for by its type, every fault is recorded, and what nobody asked for is unknown.

mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use config::{Value, ValueKind};

use super::fault::{Fault, hidden, looks_secret, names_a_secret, shown};
use super::inspection::{Inspection, Read, Reported};
use super::layers::{Table, as_table, as_text, is_from_environment, origin, overlay};
use super::parse::{self, Parsed, Refusal, did_you_mean};

/// One table of the tree.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    pub(super) inspection: &'a Inspection<'a>,
    /// The file where a missing key belongs.
    home: String,
    path: String,
    table: Table,
    known: BTreeSet<String>,
}

impl<'a> Section<'a> {
    pub(super) const fn new(inspection: &'a Inspection<'a>, home: String, path: String, table: Table) -> Self {
        Self { inspection, home, path, table, known: BTreeSet::new() }
    }

    /// Full name of a key, as a fault tells it; of no key, the name of the section.
    pub(super) fn name(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", name) | (name, "") => name.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// The value under a dotted path of keys, as written.
    fn value(&self, key: &str) -> Option<&Value> {
        let mut keys = key.split('.');
        let first = self.table.get(keys.next()?);
        keys.fold(first, |value, key| value.and_then(as_table)?.get(key))
    }

    /// Whether a key is written at all. Asking makes it known.
    pub(super) fn has(&mut self, key: &str) -> bool {
        self.known.insert(key.to_owned());
        self.table.contains_key(key)
    }

    /// Whether a key holds a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.value(key).and_then(as_table).is_some()
    }

    /// Whether a key is written in an environment variable.
    fn is_from_environment(&self, key: &str) -> bool {
        self.value(key).is_some_and(is_from_environment)
    }

    /// Records that the value of `key` (which may be a dotted path) is not accepted.
    pub(super) fn refuse(&self, key: &str, expected: impl Into<String>, mend: impl Into<String>) -> Reported {
        let name = self.name(key);
        let found = self.value(key).map_or_else(|| "nothing".into(), |value| found(&name, value));
        self.refuse_found(key, found, expected, mend)
    }

    /// The same with its own words for what was found.
    pub(super) fn refuse_found(
        &self,
        key: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
        mend: impl Into<String>,
    ) -> Reported {
        let refusal = Refusal { expected: expected.into(), mend: mend.into() };
        self.refuse_value(key, self.value(key), found.into(), refusal)
    }

    fn refuse_value(&self, key: &str, value: Option<&Value>, found: String, refusal: Refusal) -> Reported {
        let place = value.and_then(origin).unwrap_or(&self.home).to_owned();
        self.inspection.report(Fault { place, key: self.name(key), found, expected: refusal.expected, mend: refusal.mend })
    }

    fn missing(&self, key: &str, expected: impl Into<String>) -> Reported {
        let mend = match self.path.as_str() {
            "" => format!("add `{key} = …`"),
            path => format!("add `{key} = …` under [{path}]"),
        };
        self.refuse(key, expected, mend)
    }

    /// A value that may be absent.
    pub(super) fn optional<T>(&mut self, key: &str, parse: impl Fn(&str) -> Parsed<T>) -> Read<Option<T>> {
        self.known.insert(key.to_owned());
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let parsed = match as_text(value) {
            Some(text) => parse(&text),
            None => parse("").and_then(|_| Err(Refusal { expected: "one value".into(), mend: "write one value".into() })),
        };
        parsed.map(Some).map_err(|refusal| self.refuse(key, refusal.expected, refusal.mend))
    }

    /// A value that must be there.
    pub(super) fn required<T>(&mut self, key: &str, parse: impl Fn(&str) -> Parsed<T>) -> Read<T> {
        match self.optional(key, &parse)? {
            Some(value) => Ok(value),
            None => Err(self.missing(key, parse("").err().map_or_else(|| "a value".into(), |refusal| refusal.expected))),
        }
    }

    /// A path to an existing file; a relative one begins at the configuration directory.
    pub(super) fn path_to_file(&mut self, key: &str) -> Read<PathBuf> {
        let path = self.inspection.dir.join(self.required(key, parse::text)?);
        if path.is_file() {
            return Ok(path);
        }
        // The path is only repeated when `found` may show it too.
        let mend = format!("put the file there or correct the path; relative paths begin at {}", self.inspection.dir.display());
        Err(self.refuse(key, "the path of an existing file", mend))
    }

    /// A path where a file lies or will lie; a relative one begins at the configuration directory.
    pub(super) fn path_of_file(&mut self, key: &str) -> Read<PathBuf> {
        let path = self.inspection.dir.join(self.required(key, parse::text)?);
        if path.is_dir() {
            return Err(self.refuse(key, "the path of a file, which need not exist yet", "add the name of a file to the folder"));
        }
        Ok(path)
    }

    /// A table that must be there, laid over defaults if there are any.
    pub(super) fn section(&mut self, key: &str, defaults: Option<&Table>) -> Read<Self> {
        match self.optional_section(key, defaults)? {
            Some(section) => Ok(section),
            None => Err(self.refuse(key, "a table", format!("add [{}]", self.name(key)))),
        }
    }

    /// A table that may be absent.
    pub(super) fn optional_section(&mut self, key: &str, defaults: Option<&Table>) -> Read<Option<Self>> {
        self.known.insert(key.to_owned());
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let Some(table) = as_table(value) else {
            return Err(self.refuse(key, "a table", format!("write it as [{}] and its keys below", self.name(key))));
        };
        let table = defaults.map_or_else(|| table.clone(), |base| overlay(base, table));
        Ok(Some(Self::new(self.inspection, self.home.clone(), self.name(key), table)))
    }

    /// A list of tables, each laid over the defaults.
    pub(super) fn list(&mut self, key: &str, defaults: &Table) -> Read<Vec<Self>> {
        self.known.insert(key.to_owned());
        let expected = "a list of tables";
        let mend = format!("begin each entry with [[{}]]", self.name(key));
        let Some(ValueKind::Array(list)) = self.table.get(key).map(|value| &value.kind) else {
            return Err(self.refuse(key, expected, mend));
        };
        let mut sections = Vec::new();
        for (at, value) in list.iter().enumerate() {
            let Some(table) = as_table(value) else { return Err(self.refuse(key, expected, mend)) };
            let path = format!("{}[{at}]", self.name(key));
            let table = overlay(defaults, table);
            sections.push(Self::new(self.inspection, self.home.clone(), path, table));
        }
        Ok(sections)
    }

    /// The tables of a section whose keys are names, in order of the names.
    pub(super) fn entries(&self) -> BTreeMap<String, Read<Table>> {
        let read = |(name, value): (&String, &Value)| {
            let table = as_table(value).cloned().ok_or_else(|| {
                let mend = format!("write it as [{}] and its keys below", self.name(name));
                let refusal = Refusal { expected: "a table".into(), mend };
                self.refuse_value(name, Some(value), found(&self.name(name), value), refusal)
            });
            (name.clone(), table)
        };
        self.table.iter().map(read).collect()
    }

    /// A part of this section's table, as a section of its own with another home and path.
    pub(super) fn part(&self, home: String, path: String, table: Table) -> Self {
        Self::new(self.inspection, home, path, table)
    }

    /// The file where a missing key belongs.
    pub(super) fn home(&self) -> &str {
        &self.home
    }

    /// The table as it stands.
    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        let unknown: BTreeMap<&String, &Value> = self.table.iter().filter(|(key, _)| !self.known.contains(*key)).collect();
        for (key, value) in unknown {
            let secret = names_a_secret(key) || as_text(value).is_some_and(|text| looks_secret(&text));
            // A variable of another program, or one chosen to hold a key, may begin like ours.
            let found = if secret || is_from_environment(value) { hidden() } else { found(&self.name(key), value) };
            let hint = did_you_mean(key, &known);
            let refusal = if secret && hint.is_none() {
                let mend = "keep keys in an encrypted keystore; [chains.NAME.keeper] names it and its password file";
                Refusal { expected: "no such key: key material never stands in the settings".into(), mend: mend.into() }
            } else {
                let mend = hint.unwrap_or_else(|| "remove it, or write one of the known keys".into());
                Refusal { expected: format!("a known key: {}", known.join(", ")), mend }
            };
            self.refuse_value(key, Some(value), found, refusal);
        }
    }
}

fn found(name: &str, value: &Value) -> String {
    match &value.kind {
        ValueKind::Table(_) => "a table".into(),
        ValueKind::Array(_) => "a list".into(),
        _ => shown(name, &as_text(value).unwrap_or_default()),
    }
}
