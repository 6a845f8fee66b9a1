//! Secrets. Each is written in a key itself, or in the file that `KEY_file` names. No fault shows one.

use std::collections::BTreeMap;

use config::{Value, ValueKind};
use reqwest::Url;
use secrecy::SecretString;

use crate::config::fault::hidden;
use crate::config::inspection::Read;
use crate::config::layers::{as_text, is_built_in};
use crate::config::parse::{self, Parsed, Refusal};

use super::Section;

/// Where a secret is written.
enum Written {
    Nowhere,
    Here,
    InFile,
}

/// One of several addresses, and where it is written.
struct Entry {
    /// Its own key, or that of the whole list.
    key: String,
    /// Its own value, where it has one.
    value: Option<Value>,
    /// Which it is, for people: `address 2`.
    which: String,
    text: String,
}

impl Section<'_> {
    /// A secret from `KEY` itself or from the file named by `KEY_file`.
    ///
    /// With `inline` false, `KEY` itself is accepted from the environment only. When one of the two is written in the
    /// environment and the other in a file, the environment wins.
    pub(in crate::config) fn secret(
        &mut self,
        key: &str,
        inline: bool,
        parse: impl Fn(&str) -> Parsed<String>,
    ) -> Read<Option<SecretString>> {
        match self.written(key, inline)? {
            Written::Nowhere => Ok(None),
            Written::Here => {
                let text = self.value(key).and_then(as_text).unwrap_or_default();
                let refused = |refusal: Refusal| self.refuse_found(key, hidden(), refusal.expected, refusal.mend);
                parse(text.trim()).map(|secret| Some(secret.into())).map_err(refused)
            }
            Written::InFile => {
                let file_key = format!("{key}_file");
                let text = self.text_of_file(&file_key)?;
                parse(text.trim()).map(|secret| Some(secret.into())).map_err(|refusal| {
                    self.refuse(&file_key, format!("a file that holds {}", refusal.expected), "write it as the file's only line")
                })
            }
        }
    }

    /// Like [`Self::secret`], but it must be there.
    pub(in crate::config) fn required_secret(&mut self, key: &str, parse: impl Fn(&str) -> Parsed<String>) -> Read<SecretString> {
        let found = self.secret(key, true, &parse)?;
        found.ok_or_else(|| {
            let expected = parse("").err().map_or_else(String::new, |refusal| refusal.expected);
            self.missing(key, format!("{expected}, or a file that holds it in `{key}_file`"))
        })
    }

    /// One to `most` addresses, no two alike: a list, a text with commas or white space between them (as in a variable), or a file
    /// with one a line, where empty lines and those that begin with `#` do not count.
    pub(in crate::config) fn addresses(
        &mut self,
        key: &str,
        most: usize,
        schemes: &'static [&'static str],
    ) -> Read<Vec<SecretString>> {
        let parse = parse::url(schemes);
        let count = format!("1 to {most} addresses");
        let (key, entries) = match self.written(key, true)? {
            Written::Nowhere => {
                let each = parse("").err().map_or_else(String::new, |refusal| refusal.expected);
                let expected = format!("{count}, each {each}, or a file with one a line in `{key}_file`");
                return Err(self.missing(key, expected));
            }
            Written::Here => (key.to_owned(), self.entries_of(key)),
            Written::InFile => {
                let key = format!("{key}_file");
                let text = self.text_of_file(&key)?;
                let lines = (1usize..).zip(text.lines().map(str::trim));
                let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
                let entry = |(number, line): (usize, &str)| Entry {
                    key: key.clone(),
                    value: self.value(&key).cloned(),
                    which: format!("line {number}"),
                    text: line.to_owned(),
                };
                let entries = lines.map(entry).collect();
                (key, entries)
            }
        };
        if entries.is_empty() || entries.len() > most {
            let found = if entries.is_empty() { "none".to_owned() } else { format!("{} of them", entries.len()) };
            return Err(self.refuse_found(&key, found, count, format!("name at least one node, and at most {most}")));
        }
        let mut seen = BTreeMap::new();
        let addresses: Vec<Read<SecretString>> = entries.iter().map(|entry| self.address(entry, &parse, &mut seen)).collect();
        addresses.into_iter().collect()
    }

    /// One of several addresses, which is unlike all that were `seen` before.
    fn address<'e>(
        &self,
        entry: &'e Entry,
        parse: impl Fn(&str) -> Parsed<String>,
        seen: &mut BTreeMap<String, &'e str>,
    ) -> Read<SecretString> {
        let refuse = |found: String, refusal: Refusal| self.refuse_value(&entry.key, entry.value.as_ref(), found, refusal);
        let text = parse(&entry.text).map_err(|refusal| refuse(format!("{}: {}", entry.which, hidden()), refusal))?;
        // The same in another spelling is the same: case of the host, the usual port, a slash at the end.
        let same = Url::parse(&text).map_or_else(|_| text.clone(), |url| url.as_str().trim_end_matches('/').to_owned());
        match seen.insert(same, &entry.which) {
            None => Ok(text.into()),
            Some(other) => {
                let expected = "each address once: a node that is asked twice is still one witness".into();
                let mend = "remove it, or name another node".into();
                Err(refuse(format!("{}, the same as {other}", entry.which), Refusal { expected, mend }))
            }
        }
    }

    /// The entries of a list, or of a text.
    fn entries_of(&self, key: &str) -> Vec<Entry> {
        let which = |number: usize| format!("address {number}");
        match self.value(key).map(|value| (&value.kind, value)) {
            Some((ValueKind::Array(list), _)) => (1usize..)
                .zip(list)
                .map(|(number, value)| Entry {
                    key: format!("{key}[{}]", number.saturating_sub(1)),
                    value: Some(value.clone()),
                    which: which(number),
                    text: as_text(value).unwrap_or_default().trim().to_owned(),
                })
                .collect(),
            Some((_, value)) => {
                let text = as_text(value).unwrap_or_default();
                let texts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty());
                let entry = |(number, text): (usize, &str)| Entry {
                    key: key.to_owned(),
                    value: Some(value.clone()),
                    which: which(number),
                    text: text.to_owned(),
                };
                (1usize..).zip(texts).map(entry).collect()
            }
            None => Vec::new(),
        }
    }

    /// Where a secret is written, when it is written in one place and in one that it may stand in.
    fn written(&mut self, key: &str, inline: bool) -> Read<Written> {
        let file_key = format!("{key}_file");
        let (here, file) = (self.has(key), self.has(&file_key));
        // A default gives way to a file that somebody has named.
        let here = here && !(file && self.value(key).is_some_and(is_built_in));
        match (here, file, self.is_from_environment(key), self.is_from_environment(&file_key)) {
            (false, false, ..) => Ok(Written::Nowhere),
            (true, true, false, false) | (true, true, true, true) => {
                let expected = format!("either `{key}` or `{file_key}`");
                Err(self.refuse_found(key, "both", expected, "remove one of the two"))
            }
            (true, _, false, false) if !inline => {
                let expected = "nothing: this secret never stands in a TOML file";
                let mend = format!("move it to a file and name that in `{file_key}`, or set the environment variable");
                Err(self.refuse_found(key, hidden(), expected, mend))
            }
            (true, false, ..) | (true, true, true, false) => Ok(Written::Here),
            (false, true, ..) | (true, true, false, true) => Ok(Written::InFile),
        }
    }

    fn text_of_file(&mut self, key: &str) -> Read<String> {
        let path = self.path_to_file(key)?;
        std::fs::read_to_string(&path)
            .map_err(|error| self.refuse(key, "a text file that can be read", format!("{}: {error}", path.display())))
    }
}
