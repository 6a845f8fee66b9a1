//! Who is compared: the policies by their names, and the baselines that show what a part of a policy is worth by itself.

use std::path::Path;

use crate::backtest::trial::{Acts, Contender};
use crate::config::{self, Faults};
use crate::domain::gas::GasRule;
use crate::domain::policy::{AfterDerisk, DepegAnswer, Policy, TiltRule};
use crate::domain::trigger::PerClass;
use crate::domain::units::{GasPrice, Weight};

/// What can be named, and what it is.
pub const NAMES: [(&str, &str); 11] = [
    ("hold", "the coins in an account, and nobody touches them"),
    ("pool", "the coins in a pool that nobody looks after"),
    ("periodic", "the pool, brought back to its target every week"),
    ("article", "the article's rules at their word"),
    ("article-uncapped", "the same, whatever gas costs"),
    ("guarded", "the default policy"),
    ("freeze-only", "of the default policy nothing but the freeze"),
    ("breakers-only", "of the default policy nothing but the circuit breakers"),
    ("derisk-only", "of the default policy nothing but its derisking, which is not its default answer"),
    ("exit", "of the default policy nothing, and the treasury leaves in a depeg"),
    ("foresight", "whoever knows the future: an upper bound"),
];

/// Who is compared when nobody is named.
pub const USUAL: [&str; 8] = ["hold", "pool", "periodic", "article", "guarded", "freeze-only", "derisk-only", "foresight"];

/// Why there is no such contender.
#[derive(Debug, thiserror::Error)]
pub enum ContenderFault {
    /// Neither a name nor a file.
    #[error("--policy: found `{0}`; expected a policy file, or one of {names}", names = names())]
    Unknown(String),
    /// The file has faults.
    #[error("{0}")]
    File(Faults),
}

fn names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

/// A contender by its name, or by its policy file.
///
/// # Errors
/// It is neither.
pub fn named(name: &str) -> Result<Contender, ContenderFault> {
    let guarded = || built_in("guarded");
    let by = |policy: Policy| Ok(Acts::By(Box::new(policy)));
    let acts = match name {
        "hold" => Ok(Acts::Outside),
        "pool" => Ok(Acts::Never),
        "foresight" => Ok(Acts::Foresight),
        "article" | "guarded" => by(built_in(name)?),
        "article-uncapped" => by(uncapped(built_in("article")?)),
        "freeze-only" => by(only(&guarded()?, DepegAnswer::Freeze)),
        "derisk-only" => by(derisk_only(&guarded()?)),
        "exit" => by(only(&guarded()?, DepegAnswer::Exit)),
        "breakers-only" => {
            let guarded = guarded()?;
            by(Policy { brakes: guarded.brakes, ..only(&guarded, DepegAnswer::Hold) })
        }
        "periodic" => {
            let guarded = guarded()?;
            by(Policy { schedule: guarded.schedule.clone(), ..only(&guarded, DepegAnswer::Hold) })
        }
        file if Path::new(file).is_file() => by(config::policy_in(Path::new(file)).map_err(ContenderFault::File)?),
        unknown => Err(ContenderFault::Unknown(unknown.to_owned())),
    }?;
    let short = Path::new(name).file_stem().map_or(name.to_owned(), |stem| stem.to_string_lossy().into_owned());
    Ok(Contender { name: short, acts })
}

fn built_in(name: &str) -> Result<Policy, ContenderFault> {
    let policy = config::built_in_policy(name).ok_or_else(|| ContenderFault::Unknown(name.to_owned()))?;
    policy.map_err(ContenderFault::File)
}

/// A policy that does nothing but answer a depeg.
fn only(policy: &Policy, answer: DepegAnswer) -> Policy {
    let mut depeg = policy.depeg.clone();
    depeg.answer = answer;
    Policy {
        drift_threshold: Weight::ONE,
        schedule: None,
        tilt: TiltRule { volatility: None, yield_gain_bps: 0, dead_band: Weight::ZERO },
        yields: None,
        brakes: None,
        swap: None,
        depeg,
        ..policy.clone()
    }
}

/// Whoever sells also buys back when it is over, by the calendar.
fn derisk_only(policy: &Policy) -> Policy {
    let (drift_threshold, schedule) = (policy.drift_threshold, policy.schedule.clone());
    let mut only = only(policy, DepegAnswer::Derisk);
    only.depeg.derisk.then = AfterDerisk::Hold;
    Policy { drift_threshold, schedule, ..only }
}

fn uncapped(policy: Policy) -> Policy {
    let dear = GasPrice::from_gwei(1_000_000);
    let free = |rule: &GasRule| GasRule { cap: dear, cap_at_deadline: dear, ..*rule };
    let PerClass { depeg, drift, yields, schedule, manual } = &policy.gas;
    let gas =
        PerClass { depeg: free(depeg), drift: free(drift), yields: free(yields), schedule: free(schedule), manual: free(manual) };
    let mut depeg = policy.depeg.clone();
    depeg.gas_multiple_bps = u32::MAX;
    Policy { depeg, gas, ..policy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_who_is_named_exists_and_nobody_else() {
        for (name, _) in NAMES {
            assert_eq!(named(name).unwrap().name, name);
        }
        assert!(USUAL.iter().all(|usual| NAMES.iter().any(|(name, _)| name == usual)));
        let fault = named("guardd").unwrap_err().to_string();
        assert!(fault.contains("found `guardd`") && fault.contains("breakers-only"), "{fault}");
    }

    #[test]
    fn a_file_is_a_contender_and_its_faults_are_told() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("mine.toml");
        let guarded = include_str!("../../../config/policies/guarded.toml");
        std::fs::write(&path, guarded).unwrap();
        assert_eq!(named(path.to_str().unwrap()).unwrap().name, "mine");
        std::fs::write(&path, guarded.replace("answer = \"freeze\"", "answer = \"pray\"")).unwrap();
        let fault = named(path.to_str().unwrap()).unwrap_err().to_string();
        assert!(fault.contains("pray") && fault.contains("mine.toml"), "{fault}");
    }
}
