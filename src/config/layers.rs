//! TOML files and environment variables become one tree of values, each with its origin.

use std::collections::BTreeMap;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use secrecy::ExposeSecret;
use toml::de::{DeTable, DeValue};

use super::environment::{Environment, PREFIX};

/// Values by key.
pub(super) type Table = Map<String, Value>;

const FROM_ENVIRONMENT: &str = "environment variable ";

/// What the names of compiled-in files begin with.
pub(super) const BUILT_IN: &str = "built-in ";

/// A ready-made table as a source of the `config` crate. `Debug` hides the values: some are secrets.
#[derive(Clone)]
struct Layer(Table);

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Layer").field(&self.0.len()).finish()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Lays tables over one another, the last on top, and the environment over all of them.
///
/// # Errors
/// The keys that are no plain names, with their places. The `config` crate reads `x[4000000000]` at the top as a place in a list and
/// makes room for it.
pub(super) fn stack(tables: Vec<Table>, environment: &Environment) -> Result<Table, ConfigError> {
    plain(&tables)?;
    let mut files = Config::builder();
    for table in tables {
        files = files.add_source(Layer(table));
    }
    let files = files.build()?;
    let variables = variables(environment, &files.cache)?;
    plain(&variables)?;
    let mut all = Config::builder().add_source(files);
    for variable in variables {
        all = all.add_source(Layer(variable));
    }
    all.build()?.collect()
}

fn plain(tables: &[Table]) -> Result<(), ConfigError> {
    let is_plain = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let strange = tables.iter().flatten().filter(|(key, _)| !is_plain(key));
    let places: Vec<String> = strange
        .map(|(key, value)| format!("`{}` ({})", key.escape_default(), origin(value).unwrap_or("an empty table")))
        .collect();
    if places.is_empty() { Ok(()) } else { Err(ConfigError::Message(places.join(", "))) }
}

/// Lays `over` on `base`, table by table. Anything but two tables: `over` replaces.
pub(super) fn overlay(base: &Table, over: &Table) -> Table {
    let mut merged = base.clone();
    for (key, value) in over {
        let value = match (merged.get(key).map(|old| &old.kind), &value.kind) {
            (Some(ValueKind::Table(below)), ValueKind::Table(above)) => Value::new(None, overlay(below, above)),
            _ => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    merged
}

/// `{key: {…table}}`.
pub(super) fn nested(key: &str, name: &str, table: Table) -> Table {
    let inner: Table = [(name.to_owned(), Value::new(None, table))].into_iter().collect();
    [(key.to_owned(), Value::new(None, inner))].into_iter().collect()
}

/// One small table for each variable, its keys spelled as in the files.
fn variables(environment: &Environment, files: &Value) -> Result<Vec<Table>, ConfigError> {
    let mut tables = Vec::new();
    for (name, value) in environment.settings() {
        let single = [(name.to_owned(), value.expose_secret().to_owned())].into_iter().collect();
        let prefix = PREFIX.trim_end_matches('_');
        let source = config::Environment::with_prefix(prefix).separator("__").ignore_empty(true).source(Some(single));
        let origin = format!("{FROM_ENVIRONMENT}{name}");
        for (key, value) in source.collect()? {
            let path = spelled(&key, files);
            let leaf = Value::new(Some(&origin), value.kind);
            let value = path.iter().rev().fold(leaf, |inner, key| {
                let table: Table = [(key.clone(), inner)].into_iter().collect();
                Value::new(None, table)
            });
            if let ValueKind::Table(table) = value.kind {
                tables.push(table);
            }
        }
    }
    Ok(tables)
}

/// Variables know neither case nor dashes: each segment takes the spelling of the key that it stands for, if there is one.
fn spelled(key: &str, files: &Value) -> Vec<String> {
    let mut here = Some(files);
    let mut path = Vec::new();
    for segment in key.split('.') {
        let table = here.and_then(as_table);
        let known = table.and_then(|table| table.keys().filter(|known| folded(known) == folded(segment)).min());
        path.push(known.cloned().unwrap_or_else(|| segment.to_owned()));
        here = table.zip(known).and_then(|(table, known)| table.get(known));
    }
    path
}

fn folded(key: &str) -> String {
    key.to_lowercase().replace(['-', '.', ' '], "_")
}

/// The table that a value is, if it is one.
pub(super) const fn as_table(value: &Value) -> Option<&Table> {
    match &value.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    }
}

/// The text of a value that is neither a table nor a list.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Table(_) | ValueKind::Array(_) => None,
        ValueKind::Nil => Some(String::new()),
        scalar => Some(scalar.to_string()),
    }
}

/// Where a value was written; of a table, where its first leaf was.
pub(super) fn origin(value: &Value) -> Option<&str> {
    let below: Vec<&Value> = match &value.kind {
        ValueKind::Table(table) => table.values().collect(),
        ValueKind::Array(list) => list.iter().collect(),
        _ => Vec::new(),
    };
    // Lines of one file compare like numbers when the shorter text comes first.
    value.origin().or_else(|| below.into_iter().filter_map(origin).min_by_key(|origin| (origin.len(), *origin)))
}

/// Whether a value was written in an environment variable.
pub(super) fn is_from_environment(value: &Value) -> bool {
    origin(value).is_some_and(|origin| origin.starts_with(FROM_ENVIRONMENT))
}

/// Whether a value is one of the program's own defaults.
pub(super) fn is_built_in(value: &Value) -> bool {
    origin(value).is_some_and(|origin| origin.starts_with(BUILT_IN))
}

/// A line of a file that is not TOML, and why.
#[derive(Debug)]
pub(super) struct NotToml {
    /// `file:line`.
    pub(super) place: String,
    /// The parser's words. They describe the syntax and never repeat the line.
    pub(super) why: String,
}

/// Parses a file. What can be understood is returned together with the first syntax error of each line; a line with an error is
/// left out, because nobody knows what its pieces mean.
pub(super) fn parse(file: &str, text: &str) -> (Table, Vec<NotToml>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut broken = BTreeMap::new();
    let line = |offset: usize| text.get(..offset).map_or(0, |before| before.matches('\n').count()).saturating_add(1);
    for error in &errors {
        let at = error.span().map_or(1, |span| line(span.start));
        broken.entry(at).or_insert_with(|| error.message().replace('\n', ", "));
    }
    let lines = Lines { file, line: &line, broken: &broken };
    let table = lines.table(document.get_ref());
    (table, broken.into_iter().map(|(line, why)| NotToml { place: format!("{file}:{line}"), why }).collect())
}

/// Turns a document into values whose origins are lines.
struct Lines<'a, L> {
    file: &'a str,
    line: &'a L,
    broken: &'a BTreeMap<usize, String>,
}

impl<L: Fn(usize) -> usize> Lines<'_, L> {
    fn table(&self, table: &DeTable<'_>) -> Table {
        let whole = |at: usize| !self.broken.contains_key(&(self.line)(at));
        let items = table.iter().filter(|(key, _)| whole(key.span().start));
        items.map(|(key, item)| (key.get_ref().to_string(), self.value(item.get_ref(), key.span().start))).collect()
    }

    /// Numbers keep the text they were written in, so that no decimal ever passes through a float.
    fn value(&self, value: &DeValue<'_>, at: usize) -> Value {
        let kind: ValueKind = match value {
            DeValue::Table(inner) => self.table(inner).into(),
            DeValue::Array(list) => {
                list.iter().map(|item| self.value(item.get_ref(), item.span().start)).collect::<Vec<_>>().into()
            }
            DeValue::Boolean(flag) => (*flag).into(),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => number.into(),
                Err(_) => number.to_string().into(),
            },
            DeValue::Float(number) => number.as_str().into(),
            DeValue::String(text) => text.as_ref().into(),
            DeValue::Datetime(time) => time.to_string().into(),
        };
        Value::new(Some(&format!("{}:{}", self.file, (self.line)(at))), kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_line_and_decimals_stay_text() {
        let (table, faults) = parse("a.toml", "x = 1_000\n[s]\ny = 30.10\nz = 0x10\n");
        assert!(faults.is_empty());
        assert_eq!(as_text(&table["x"]).unwrap(), "1000");
        let inner = as_table(&table["s"]).unwrap();
        assert_eq!((as_text(&inner["y"]).unwrap().as_str(), origin(&inner["y"])), ("30.10", Some("a.toml:3")));
        assert_eq!(as_text(&inner["z"]).unwrap(), "16");
    }

    #[test]
    fn every_syntax_error_is_told_without_repeating_the_line() {
        let (table, faults) = parse("a.toml", "ok = 1\nws_url = \"https://node/SECRET\nx = = 2\n");
        assert!(table.contains_key("ok"));
        let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
        assert!(places.contains(&"a.toml:2") && places.contains(&"a.toml:3"), "{faults:?}");
        assert!(!format!("{faults:?}").contains("SECRET"));
    }

    #[test]
    fn a_key_that_is_no_plain_name_is_refused_before_it_takes_up_memory() {
        let refused = |text: &str, environment: &[(&str, &str)]| {
            stack(vec![parse("a.toml", text).0], &environment.iter().copied().collect()).unwrap_err().to_string()
        };
        let text = "ok = 1\n\"x[9223372036854775807]\" = 1\n\"y[4000000000]\" = 1\n\"\" = 1\n\"a.b\" = 1\n";
        let told = refused(text, &[]);
        for place in ["`x[9223372036854775807]` (a.toml:2)", "`y[4000000000]` (a.toml:3)", "`` (a.toml:4)", "`a.b` (a.toml:5)"] {
            assert!(told.contains(place), "{told}");
        }
        let told = refused("ok = 1", &[("BALLAST__X[4000000000]", "SECRET")]);
        assert!(told.contains("BALLAST__X[4000000000]") && !told.contains("SECRET"), "{told}");
    }

    #[test]
    fn variables_take_the_spelling_of_the_files() {
        let (file, _) = parse("a.toml", "[assets.USDC]\ndepeg_bps = 1\n[pools.two-coins]\nchain = \"x\"\n");
        let environment =
            [("BALLAST__ASSETS__USDC__DEPEG_BPS", "7"), ("BALLAST__POOLS__TWO_COINS__CHAIN", "y")].into_iter().collect();
        let tree = stack(vec![file], &environment).unwrap();
        let depeg = &as_table(&as_table(&tree["assets"]).unwrap()["USDC"]).unwrap()["depeg_bps"];
        assert_eq!(as_text(depeg).unwrap(), "7");
        assert_eq!(origin(depeg), Some("environment variable BALLAST__ASSETS__USDC__DEPEG_BPS"));
        assert!(is_from_environment(depeg));
        let pools = as_table(&tree["pools"]).unwrap();
        assert_eq!(as_text(&as_table(&pools["two-coins"]).unwrap()["chain"]).unwrap(), "y");
        assert_eq!(pools.len(), 1);
    }
}
