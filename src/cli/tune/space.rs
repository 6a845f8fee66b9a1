//! What a search may try: the values of each key, and the policy files that come of them.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{DocumentMut, Item, Value};

use crate::backtest::trial::{Acts, Contender};
use crate::config;

/// The values of each key of a policy file, by its place in it: `breakers.fall`.
#[derive(Clone, Debug)]
pub(super) struct Space {
    keys: Vec<(String, Vec<Value>)>,
}

/// A policy of the search, with its file.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Its values where they are not the base's: `breakers.fall = "2%"`.
    pub(super) name: String,
    /// The file.
    pub(super) text: String,
}

impl Space {
    /// Reads it. `base` is the file whose keys it may name.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(text: &str, place: &str, base: &DocumentMut) -> Result<Self, String> {
        let document: DocumentMut = text.parse().map_err(|fault| format!("{place}: {fault}"))?;
        let (mut keys, mut faults) = (Vec::new(), Vec::new());
        for (key, item) in document.iter() {
            let values: Vec<Value> = item.as_array().map(|all| all.iter().cloned().collect()).unwrap_or_default();
            if values.is_empty() {
                faults.push(format!("{place}, {key}: found {item}, expected the values that it may have: [\"1%\", \"2%\"]"));
            } else if value_of(base, key).is_none() {
                faults.push(format!(
                    "{place}, {key}: found a key that the policy does not have, expected one such as breakers.fall"
                ));
            } else {
                keys.push((key.to_owned(), values));
            }
        }
        if keys.is_empty() && faults.is_empty() {
            faults.push(format!("{place}: found no key, expected some: \"breakers.fall\" = [\"1%\", \"2%\"]"));
        }
        if faults.is_empty() { Ok(Self { keys }) } else { Err(faults.join("\n")) }
    }

    /// The base, and as many others as there are, at most `tries`, drawn by chance. Those that are no valid policies are left out, and
    /// counted.
    pub(super) fn candidates(&self, base: &DocumentMut, tries: usize, seed: u64) -> (Vec<Candidate>, usize) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut drawn_before = BTreeSet::from([BTreeMap::new()]);
        let mut found = vec![Candidate { name: "base".to_owned(), text: base.to_string() }];
        let mut refused = 0_usize;
        // Where a space is small, chance finds the same again and again: then there are no more.
        for _ in 0..tries.saturating_mul(20) {
            if found.len() > tries {
                break;
            }
            let drawn: BTreeMap<&str, &Value> = self
                .keys
                .iter()
                .filter_map(|(key, values)| Some((key.as_str(), values.get(rng.usize(0..values.len()))?)))
                .collect();
            let (name, changed, text) = apply(base, &drawn);
            if !drawn_before.insert(changed) {
                continue;
            }
            match config::policy_of(&text, "candidate") {
                Ok(_) => found.push(Candidate { name, text }),
                Err(_) => refused = refused.saturating_add(1),
            }
        }
        (found, refused)
    }
}

impl Candidate {
    /// As a side of a comparison.
    ///
    /// # Errors
    /// The file is at fault.
    pub(super) fn contender(&self) -> Result<Contender, config::Faults> {
        config::policy_of(&self.text, &self.name)
            .map(|policy| Contender { name: self.name.clone(), acts: Acts::By(Box::new(policy)) })
    }
}

/// The base with other values: what has changed, for people and to tell candidates apart, and the file.
fn apply(base: &DocumentMut, values: &BTreeMap<&str, &Value>) -> (String, BTreeMap<String, String>, String) {
    let mut document = base.clone();
    let mut changed = BTreeMap::new();
    for (key, wanted) in values {
        let plain = |value: &Value| value.clone().decorated("", "").to_string();
        if let Some(value) = value_of_mut(&mut document, key)
            && plain(value) != plain(wanted)
        {
            let decor = value.decor().clone();
            *value = (*wanted).clone();
            *value.decor_mut() = decor;
            changed.insert((*key).to_owned(), plain(wanted));
        }
    }
    let name = changed.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ");
    (name, changed, document.to_string())
}

fn value_of<'a>(document: &'a DocumentMut, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(document.as_item(), |item, part| item.get(part)).and_then(Item::as_value)
}

fn value_of_mut<'a>(document: &'a mut DocumentMut, key: &str) -> Option<&'a mut Value> {
    key.split('.').try_fold(document.as_item_mut(), |item, part| item.get_mut(part)).and_then(Item::as_value_mut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> DocumentMut {
        config::built_in_text("guarded").unwrap().parse().unwrap()
    }

    #[test]
    fn candidates_are_valid_files_that_differ_from_each_other_and_keep_their_comments() {
        let base = base();
        let text = "\"breakers.fall\" = [\"1%\", \"2%\", \"-3%\"]\n\"depeg.reopen.settled\" = [\"30m\", \"2h\"]\n";
        let space = Space::read(text, "space.toml", &base).unwrap();
        let (found, refused) = space.candidates(&base, 100, 1);
        let names: BTreeSet<&str> = found.iter().map(|one| one.name.as_str()).collect();
        let (fall, settled) = ("breakers.fall = \"2%\"", "depeg.reopen.settled = \"2h\"");
        assert_eq!(names, BTreeSet::from(["base", fall, settled, &format!("{fall}, {settled}")]));
        assert_eq!(refused, 2, "a fall below nothing, with either time");
        let both = found.iter().find(|one| one.name.contains(fall) && one.name.contains(settled)).unwrap();
        assert!(
            both.text.contains("fall = \"2%\"") && both.text.contains("# Trading begins with this swap fee"),
            "{}",
            both.text
        );
        assert!(found.iter().all(|one| one.contender().is_ok()));
        assert_eq!(space.candidates(&base, 2, 1).0.len(), 3, "the base and as many as were asked for");
    }

    #[test]
    fn a_space_of_keys_that_are_not_there_is_refused_with_all_its_faults() {
        let fault = Space::read("\"breakers.fal\" = [\"1%\"]\nmax_step = \"5%\"\n", "space.toml", &base()).unwrap_err();
        assert!(fault.contains("space.toml, breakers.fal: found a key") && fault.contains("max_step: found"), "{fault}");
    }
}
