//! `[chains.NAME]`, laid over `[defaults.chain]`.

use std::time::Duration;

use crate::config::check;
use crate::config::fault::{hidden, looks_secret};
use crate::config::inspection::Read;
use crate::config::layers::Table;
use crate::config::parse::{self, Parsed};
use crate::config::read::asset::feed;
use crate::config::section::Section;
use crate::config::settings::{ChainSettings, SignerSettings};
use crate::domain::ids::ChainName;
use crate::domain::trigger::PerClass;
use crate::domain::units::GasPrice;
use secrecy::ExposeSecret;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Chain ids of local development nodes, the only ones where a key may come from an environment variable.
const LOCAL: [u64; 2] = [31_337, 1_337];

/// Reads one chain.
pub(in crate::config) fn chain(name: &str, mut at: Section<'_>, ether_feed: &Table) -> Read<ChainSettings> {
    let chain_id = at.required("chain_id", parse::whole(1, u64::MAX));
    let ws_url = at.secret("ws_url", true, parse::url(&["ws", "wss"]));
    let http_url = at.required_secret("http_url", parse::url(&["http", "https"]));
    let block_time = at.required("block_time", parse::duration(Duration::from_millis(100), HOUR));
    let read_every = at.required("read_every", parse::whole(1, 10_000));
    let priority_fee = at.required("priority_fee_gwei", parse::gwei(GasPrice::from_wei(0), GasPrice::from_gwei(1_000)));
    let explorer_tx = at.optional("explorer_tx", parse::url(&["http", "https"]));
    let ether_usd = at.optional_section("ether_usd", Some(ether_feed)).and_then(|found| found.map(feed).transpose());
    let spacing = at.section("spacing", None).and_then(spacing);
    let ageing = at.required("ageing", parse::duration(Duration::from_secs(1), DAY));
    let bump_after_blocks = at.required("bump_after_blocks", parse::whole(1, 1_000));
    let cancel_cap = at.required("cancel_cap_gwei", parse::gwei(GasPrice::from_wei(1), GasPrice::from_gwei(100_000)));
    let reader_gas_per_call = at.required("reader_gas_per_call", parse::whole(21_000, 1_000_000_000));
    let reader_gas = at.required("reader_gas", parse::whole(21_000, 1_000_000_000));
    let keeper = at.section("keeper", None).and_then(|section| keeper(section, chain_id.ok()));
    let named = check::name(&at, "chain", name, "-_");
    check::at_most(&at, ("reader_gas_per_call", reader_gas_per_call), ("reader_gas", reader_gas));
    check::at_most(&at, ("priority_fee_gwei", priority_fee), ("cancel_cap_gwei", cancel_cap));
    at.finish();
    named?;
    Ok(ChainSettings {
        name: ChainName::new(name),
        chain_id: chain_id?,
        ws_url: ws_url?,
        http_url: http_url?,
        block_time: block_time?,
        read_every: read_every?,
        priority_fee: priority_fee?,
        explorer_tx: explorer_tx?,
        ether_usd: ether_usd?,
        spacing: spacing?,
        ageing: ageing?,
        bump_after_blocks: bump_after_blocks?,
        cancel_cap: cancel_cap?,
        reader_gas_per_call: reader_gas_per_call?,
        reader_gas: reader_gas?,
        keeper: keeper?,
    })
}

fn spacing(mut at: Section<'_>) -> Read<PerClass<Duration>> {
    let range = || parse::duration(Duration::ZERO, HOUR);
    let (depeg, drift) = (at.required("depeg", range()), at.required("drift", range()));
    let schedule = at.required("schedule", range());
    at.finish();
    Ok(PerClass { depeg: depeg?, drift: drift?, schedule: schedule? })
}

/// A keystore and its password file, or (on a local chain) the name of an environment variable.
fn keeper(mut at: Section<'_>, chain_id: Option<u64>) -> Read<SignerSettings> {
    let (env, keystore, password) = (at.has("env"), at.has("keystore"), at.has("password_file"));
    let signer = if env && (keystore || password) {
        Err(at.refuse_found("env", "`env` beside a keystore", "one source of the key", "remove `env`, or both other keys"))
    } else if env {
        from_environment(&mut at, chain_id)
    } else {
        let (path, password_file) = (at.path_to_file("keystore"), at.path_to_file("password_file"));
        path.and_then(|path| Ok(SignerSettings::Keystore { path, password_file: password_file? }))
    };
    at.finish();
    signer
}

fn from_environment(at: &mut Section<'_>, chain_id: Option<u64>) -> Read<SignerSettings> {
    let var = at.required("env", variable_name)?;
    if chain_id.is_some_and(|id| !LOCAL.contains(&id)) {
        let mend = "create an encrypted keystore and name it in `keystore` and `password_file`";
        return Err(at.refuse("env", "a keystore: a key from the environment is accepted on chains 31337 and 1337 only", mend));
    }
    let Some(key) = at.inspection.environment.get(&var) else {
        return Err(at.refuse("env", "the name of a variable that is set", format!("set {var}")));
    };
    let digits = key.expose_secret().strip_prefix("0x").unwrap_or(key.expose_secret());
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(SignerSettings::Env { var, key: key.clone() });
    }
    let expected = format!("64 hexadecimal digits in {var}, with or without 0x");
    Err(at.refuse_found("env", hidden(), expected, format!("set {var} to a private key of a test account")))
}

fn variable_name(text: &str) -> Parsed<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(good) || looks_secret(text) {
        return parse::refuse("the name of an environment variable, never a key", "write a name such as BALLAST_TEST_KEY");
    }
    Ok(text.to_owned())
}
