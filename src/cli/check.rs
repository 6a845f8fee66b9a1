//! `ballast check`: reads the settings, says what they are or what is wrong with them, and opens no socket.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::{self, EXIT_CODE, Environment, Settings, voting_groups};

/// Checks the settings in `dir` under the environment of this process.
///
/// Prints a summary and returns 0, or prints every fault to standard error and returns [`EXIT_CODE`].
#[must_use]
pub fn run(dir: &Path) -> ExitCode {
    // A reader that closed the pipe has seen enough; the exit code still tells.
    match config::load(dir, &Environment::process()) {
        Ok(settings) => {
            let _ = summarise(&settings, &mut io::stdout().lock());
            ExitCode::SUCCESS
        }
        Err(faults) => {
            let _ = write!(io::stderr().lock(), "{faults}");
            ExitCode::from(EXIT_CODE)
        }
    }
}

fn summarise(settings: &Settings, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "The settings are in order.")?;
    for chain in settings.chains.values() {
        let pools = settings.pools.values().filter(|pool| pool.chain == chain.name).count();
        writeln!(out, "\nchain {} (id {}), pools: {pools}", chain.name, chain.chain_id)?;
        for pool in settings.pools.values().filter(|pool| pool.chain == chain.name) {
            writeln!(out, "  pool {} at {}, policy {}", pool.id, pool.address, pool.policy_name)?;
            for (asset, weight) in pool.mandate.assets.iter().zip(pool.mandate.base_target.weights()) {
                writeln!(out, "    {asset} {weight}")?;
            }
        }
    }
    writeln!(out)?;
    for asset in settings.assets.values() {
        let groups: Vec<&str> = voting_groups(&asset.sources, &asset.on).iter().map(|group| group.label()).collect();
        let (defend, reenter) = (asset.votes.defend, asset.votes.reenter);
        let (id, count, names) = (&asset.id, groups.len(), groups.join(", "));
        writeln!(out, "asset {id}: {count} groups have a vote ({names}); {defend} defend it, {reenter} let it back")?;
    }
    writeln!(out, "\nhttp on {}", settings.http.listen)?;
    for note in config::notes(settings) {
        writeln!(out, "\nnote: {note}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The summary of the example, spoilt by one variable if there is one.
    fn summary(variable: Option<(&str, &str)>) -> String {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example");
        let settings = config::load(&example, &variable.into_iter().collect::<Environment>()).unwrap();
        let mut out = Vec::new();
        summarise(&settings, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_summary_names_chains_pools_and_policies() {
        let text = summary(None);
        for part in ["chain mainnet (id 1), pools: 1", "pool treasury", "policy guarded", "DAI 40.00 %", "http on 127.0.0.1:9464"]
        {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
        let usdt = "asset USDT: 4 groups have a vote (chainlink, push, pyth, usd_books); 2 defend it, 3 let it back";
        assert!(text.contains(usdt), "{text}");
    }

    #[test]
    fn a_server_that_wants_a_key_and_gets_none_is_noted_once() {
        let notes = |text: String| text.matches("note: defaults.source.pyth.key").count();
        assert_eq!(notes(summary(None)), 1);
        assert_eq!(notes(summary(Some(("BALLAST__DEFAULTS__SOURCE__PYTH__KEY", "KEY")))), 0);
        assert_eq!(notes(summary(Some(("BALLAST__DEFAULTS__SOURCE__PYTH__URL", "https://hermes.example")))), 0);
    }

    #[test]
    fn a_chain_with_one_endpoint_is_noted_and_its_address_is_not_shown() {
        let text = summary(Some(("BALLAST__CHAINS__MAINNET__RPC", "https://node.example/TOKEN")));
        assert!(text.contains("note: chains.mainnet.rpc: one endpoint only: negative facts rest on one node's word"), "{text}");
        assert!(!text.contains("node.example") && !text.contains("TOKEN"), "{text}");
    }
}
