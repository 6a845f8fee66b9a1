//! The process environment, read once. Tests bring their own.

use std::collections::BTreeMap;
use std::ffi::OsString;

use secrecy::{ExposeSecret, SecretString};

/// Every variable of the settings begins with this.
pub(super) const PREFIX: &str = "BALLAST__";

/// Environment variables, frozen at one moment. Values are treated as secrets: `Debug` shows names only.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, SecretString>,
    unreadable: Vec<String>,
}

impl Environment {
    /// The variables of this process. The only place in the project that reads them.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn process() -> Self {
        Self::from_raw(std::env::vars_os())
    }

    fn from_raw(raw: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in raw {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    environment.variables.insert(name, value.into());
                }
                (Ok(name), Err(_)) => environment.unreadable.push(name),
                (Err(_), _) => {}
            }
        }
        environment.unreadable.sort_unstable();
        environment
    }

    /// The value of a variable that is set, is not empty and is valid Unicode.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.variables.get(name).filter(|value| !value.expose_secret().is_empty())
    }

    /// Variables that belong to the settings, in order of their names.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.variables.iter().filter(|(name, _)| is_setting(name)).map(|(name, value)| (name.as_str(), value))
    }

    /// Names of variables that belong to the settings and are not valid Unicode.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.unreadable.iter().map(String::as_str).filter(|name| is_setting(name))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    /// An environment of one's own choosing, for tests and for worlds built in code.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), SecretString::from(value.into()))).collect();
        Self { variables, unreadable: Vec::new() }
    }
}

fn is_setting(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_prefixed_variables_are_settings_and_empty_ones_count_as_unset() {
        let environment: Environment =
            [("PATH", "/bin"), ("BALLAST__HTTP__LISTEN", "x"), ("ballast__telemetry__log", "json"), ("EMPTY", "")]
                .into_iter()
                .collect();
        let names: Vec<&str> = environment.settings().map(|(name, _)| name).collect();
        assert_eq!(names, ["BALLAST__HTTP__LISTEN", "ballast__telemetry__log"]);
        assert!(environment.get("EMPTY").is_none());
        assert!(!format!("{environment:?}").contains("/bin"), "values stay out of Debug");
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_remembered_by_name() {
        use std::os::unix::ffi::OsStringExt;
        let raw = [("BALLAST__X".into(), OsString::from_vec(vec![0xff])), ("OTHER".into(), OsString::from_vec(vec![0xff]))];
        let environment = Environment::from_raw(raw);
        assert_eq!(environment.unreadable().collect::<Vec<_>>(), ["BALLAST__X"]);
    }
}
