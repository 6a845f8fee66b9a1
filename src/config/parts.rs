//! Parts of the settings by themselves, for whoever has no directory of them: what is built in, and a policy file.

use std::path::Path;

use super::environment::Environment;
use super::fault::Faults;
use super::inspection::Inspection;
use super::load::{DEFAULTS, POLICIES, file, text};
use super::read::{peg, policy};
use super::section::Section;
use crate::domain::peg::{PegRule, VoteRule};
use crate::domain::policy::Policy;

/// The lines, windows and quorum of `[defaults.asset]` as built in: what an asset is judged by of which nothing else is written.
///
/// # Errors
/// None in a build whose tests have passed: the built-in file is the only one that is read.
pub fn peg_defaults() -> Result<(PegRule, VoteRule), Faults> {
    let environment = Environment::default();
    let inspection = Inspection::new(Path::new(""), &environment);
    let tree = text(&inspection, DEFAULTS.0, DEFAULTS.1);
    let mut root = Section::new(&inspection, DEFAULTS.0.to_owned(), String::new(), tree);
    let asset = root.section("defaults", None).and_then(|mut defaults| defaults.section("asset", None));
    let read = asset.and_then(|mut at| {
        let (rule, votes) = (peg::rule(&mut at), at.section("quorum", None).and_then(peg::votes));
        Ok((rule?, votes?))
    });
    read.map_err(|_| inspection.into_faults())
}

/// A policy as built in: `guarded` or `article`. `None` for a name that is none of them.
#[must_use]
pub fn built_in_policy(name: &str) -> Option<Result<Policy, Faults>> {
    let (_, home, toml) = POLICIES.iter().find(|(built_in, ..)| *built_in == name)?;
    let environment = Environment::default();
    let inspection = Inspection::new(Path::new(""), &environment);
    let table = text(&inspection, home, toml);
    let read = policy::policy(Section::new(&inspection, (*home).to_owned(), String::new(), table));
    Some(read.map_err(|_| inspection.into_faults()))
}

/// A policy file, `NAME.toml`.
///
/// # Errors
/// Everything that is wrong in it.
pub fn policy_in(path: &Path) -> Result<Policy, Faults> {
    let (environment, home) = (Environment::default(), path.display().to_string());
    let inspection = Inspection::new(path.parent().unwrap_or(Path::new("")), &environment);
    let read = file(&inspection, path);
    let read = read.and_then(|table| policy::policy(Section::new(&inspection, home, String::new(), table)));
    let faults = inspection.into_faults();
    read.ok().filter(|_| faults.0.is_empty()).ok_or(faults)
}

/// The text of a policy as built in.
#[must_use]
pub fn built_in_text(name: &str) -> Option<&'static str> {
    POLICIES.iter().find(|(built_in, ..)| *built_in == name).map(|(_, _, toml)| *toml)
}

/// A policy by its text; `home` is what faults name as its place.
///
/// # Errors
/// Everything that is wrong in it.
pub fn policy_of(toml: &str, home: &str) -> Result<Policy, Faults> {
    let environment = Environment::default();
    let inspection = Inspection::new(Path::new(""), &environment);
    let table = text(&inspection, home, toml);
    let read = policy::policy(Section::new(&inspection, home.to_owned(), String::new(), table));
    let faults = inspection.into_faults();
    read.ok().filter(|_| faults.0.is_empty()).ok_or(faults)
}
