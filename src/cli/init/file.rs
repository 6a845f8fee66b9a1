//! The pool file that is written, and what is said of its risks.

use std::fmt::Write;
use std::path::Path;

use crate::chain::survey::{Owner, PoolSurvey, SurveyedToken};
use crate::config::ChainSettings;
use crate::domain::ids::{AssetId, ChainName};
use crate::domain::units::WAD;

/// A hundredth of a percent.
const STEP: u128 = WAD / 10_000;

/// The whole file.
pub(super) fn text(found: &PoolSurvey, chain: &ChainSettings, assets: &[AssetId], dir: &Path, name: &str) -> String {
    let mut text = String::new();
    // A string takes everything.
    let mut say = |line: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{line}");
    };
    say(format_args!("# A managed pool of Balancer V2, as it was in block {} of {} ({}).", found.block, chain.name, found.at));
    say(format_args!("#"));
    for risk in risks(found) {
        say(format_args!("# - {risk}"));
    }
    say(format_args!("#"));
    say(format_args!("# Next: `ballast check --config {}`; then `ballast promote {name}`, one mode at a time.", dir.display()));
    say(format_args!(""));
    say(format_args!("chain = \"{}\"", chain.name));
    say(format_args!("address = \"{}\"", found.address));
    say(format_args!("kind = \"managed-v2\""));
    say(format_args!("# \"observe\" reads and judges, \"dry-run\" simulates what it would send, \"live\" sends."));
    say(format_args!("mode = \"observe\""));
    say(format_args!("# A file in policies/ of this directory, or a built-in policy: \"guarded\" or \"article\"."));
    say(format_args!("policy = \"guarded\""));
    say(format_args!(""));
    say(format_args!(
        "# The targets are the weights that the pool had. Without min and max, a weight may go 20 points below and above its"
    ));
    say(format_args!("# target. max_loss_if_coin_dies = \"10%\" is a mandate: see [depeg.derisk] of the policy."));
    for (asset, target) in assets.iter().zip(targets(&found.tokens)) {
        say(format_args!("[[tokens]]\nasset = \"{asset}\"\ntarget = \"{target}%\"\n"));
    }
    say(format_args!("# What this pool does otherwise than its policy; the same keys as in a policy file."));
    say(format_args!("# [policy_overrides]\n# min_interval = \"2h\""));
    text
}

/// What whoever looks after the pool should know first.
pub(super) fn risks(found: &PoolSurvey) -> Vec<String> {
    let mut risks = vec![match found.owner {
        Owner::Governance => {
            "Its owner is Balancer's governance: no key can be its keeper, so it can only be observed.".to_owned()
        }
        Owner::Contract(at) => format!(
            "Its owner is the contract {at}: each change needs that contract's consent, and a keeper's key alone can only observe it."
        ),
        Owner::Key(at) => format!(
            "Its owner is the plain key {at}: nothing on the chain limits what that key may do, to its weights in one block too."
        ),
    }];
    for token in found.tokens.iter().filter(|token| token.asset_manager.is_some()) {
        let manager = token.asset_manager.unwrap_or_default();
        risks.push(format!("{manager} may move the pool's balance of {} out of the vault.", symbol(token)));
    }
    if !found.swap_enabled {
        risks.push("Trading is off, by somebody else's doing: Ballast does not start what it has not stopped.".to_owned());
    }
    if found.paused {
        risks.push("It is paused by its makers: nothing can be changed.".to_owned());
    }
    if found.pause_window_end <= found.at {
        risks.push("Its makers can pause it no more: what goes wrong in its own contract cannot be stopped by them.".to_owned());
    }
    if let Some(until) = found.ramp_until {
        risks.push(format!("A change of weights of somebody's is in flight until {until}."));
    }
    risks.push(format!("It keeps {} of a swap.", found.swap_fee));
    risks
}

/// The section of an asset that is missing.
pub(super) fn asset_section(token: &SurveyedToken, chain: &ChainName) -> String {
    let name = symbol(token);
    format!(
        "[assets.{name}.on.{chain}]\ntoken = \"{}\"\ndecimals = {}\n[assets.{name}.on.{chain}.feed]\nproxy = \"0x…\"\nheartbeat = \"24h\"\n",
        token.address, token.decimals
    )
}

/// What a token calls itself, as far as it is a name that the settings take.
fn symbol(token: &SurveyedToken) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let symbol: String = token.symbol.iter().flat_map(|symbol| symbol.chars()).filter(plain).take(32).collect();
    if symbol.starts_with(|c: char| c.is_ascii_alphanumeric()) { symbol } else { "TOKEN".to_owned() }
}

/// The weights in percent with two digits, which sum to exactly a hundred: the rest of the rounding goes to the largest.
fn targets(tokens: &[SurveyedToken]) -> Vec<String> {
    let mut parts: Vec<u128> = tokens.iter().map(|token| token.weight.wad().saturating_add(STEP / 2) / STEP).collect();
    let sum: u128 = parts.iter().sum();
    if let Some(largest) = parts.iter_mut().max() {
        *largest = largest.saturating_add(10_000).saturating_sub(sum);
    }
    parts.into_iter().map(|part| format!("{}.{:02}", part / 100, part % 100)).collect()
}
