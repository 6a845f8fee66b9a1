//! What is refused, and whether its reader is told enough.

use super::table::{KEYS, SENDING, SOURCES, TABLE, YIELDS};
use super::*;
use crate::config::Fault;

/// The one fault of a copy.
fn only(copy: &Copy) -> Fault {
    let mut faults = copy.faults();
    assert_eq!(faults.0.len(), 1, "{faults}");
    faults.0.remove(0)
}

#[test]
fn every_fault_is_told_with_place_key_value_expectation_and_mend() {
    for (what, spoil, [place, key, found, expected, mend]) in TABLE.iter().chain(SENDING).chain(KEYS).chain(SOURCES).chain(YIELDS)
    {
        let fault = only(&spoil(Copy::new()));
        for (name, text, piece) in [
            ("place", &fault.place, place),
            ("key", &fault.key, key),
            ("found", &fault.found, found),
            ("expected", &fault.expected, expected),
            ("mend", &fault.mend, mend),
        ] {
            assert!(text.contains(piece), "{what}: {name} should hold `{piece}`: {fault:#?}");
        }
    }
}

#[test]
fn faults_of_all_files_and_the_environment_are_told_at_once() {
    let copy = Copy::new()
        .main("block_time = \"12s\"", "block_time = \"soon\"\ncolour = \"red\"")
        .main("heartbeat = \"23h\"", "")
        .pool("\"40%\"", "\"40\"")
        .pool("0x1111", "1111")
        .write("pools/second.toml", "chain = \"main\"\n")
        .write("policies/own.toml", "drift_threshold = 5\n")
        .env("BALLAST__TELEMETRY__LOG", "xml");
    let faults = copy.faults();
    let text = faults.to_string();
    let pieces = [
        "chains.mainnet.block_time",
        "chains.mainnet.colour",
        "assets.USDC.on.mainnet.feed.heartbeat",
        "tokens[0].target",
        "treasury.toml:5",
        "second.toml:1",
        "second.toml\n   key       tokens",
        "second.toml\n   key       address",
        "own.toml:1",
        "own.toml\n   key       min_interval",
        "own.toml\n   key       ramp",
        "environment variable BALLAST__TELEMETRY__LOG",
        "one of: pretty, json",
    ];
    for piece in pieces {
        assert!(text.contains(piece), "`{piece}` in:\n{text}");
    }
    assert!(text.starts_with(&format!("{} faults in the configuration\n\n1. ", faults.0.len())), "{text}");
}

#[test]
fn a_broken_policy_is_told_once_though_a_pool_overrides_it() {
    let article = fs::read_to_string(shipped().join("policies/article.toml")).unwrap();
    let copy = Copy::new()
        .write("policies/own.toml", article.replace("min_interval = \"1h\"", "").replace("max_step = \"10%\"", "max_step = 10"))
        .pool("policy = \"article\"", "policy = \"own\"")
        .append("pools/treasury.toml", "[policy_overrides]\nschedule = 7");
    let faults = copy.faults();
    let mut keys: Vec<&str> = faults.0.iter().map(|fault| fault.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["max_step", "min_interval", "policy_overrides.schedule"], "{faults}");
}

#[test]
fn a_missing_directory_is_one_fault() {
    let gone = Path::new("/nowhere/at/all");
    let faults = load(gone, &Environment::default()).unwrap_err();
    assert_eq!(faults.0.len(), 1, "{faults}");
    assert_eq!(faults.0[0].place, "/nowhere/at/all/ballast.toml");
    assert!(faults.0[0].mend.contains("--config"));
}

#[test]
fn an_empty_pools_folder_is_a_fault() {
    let copy = Copy::new();
    fs::remove_file(copy.path().join("pools/treasury.toml")).unwrap();
    assert!(only(&copy).expected.contains("at least one"));
}

#[test]
fn no_fault_ever_shows_a_secret() {
    let phrase = "test test test test test test test test test test test junk";
    let copies = [
        Copy::new().main("chain_id = 1", &format!("chain_id = \"{KEY}\"")),
        Copy::new().main("chain_id = 1", &format!("chain_id = 1\n[chains.mainnet.signer]\nmnemonic = \"{phrase}\"")),
        Copy::new().pool("policy = \"article\"", &format!("policy = \"{phrase}\"")),
        Copy::new().pool("0x1111111111111111111111111111111111111111", KEY),
        Copy::new().main("secrets/keeper.password", phrase),
        Copy::new().main("https://mainnet", &format!("x{KEY}")),
        Copy::new().main("ws_url = \"", &format!("ws_url = \"{KEY}\nx = \"")),
        Copy::new().main(RPC, &format!("rpc = [\"{KEY}\", \"https://a.example/{KEY}\", \"https://a.example/{KEY}\"]")),
        Copy::new().env("BALLAST__CHAINS__MAINNET__RPC", &format!("https://a.example,{KEY}")),
        Copy::new().main(JOURNAL, &format!("journal = \"mysql://u:{KEY}@h/d\"")),
        Copy::new().env("BALLAST__JOURNAL", &format!("postgres:u:{KEY}@h/d")),
        Copy::new().main(KEYSTORE, &format!("aws_kms_key = \"{}\"", &KEY[2..40])),
        Copy::new().main(KEYSTORE, &format!("web3signer = \"u:{KEY}@h\"\nweb3signer_token = \"{KEY}\"")),
        Copy::new().append("pools/treasury.toml", &format!("private_key = {KEY}\nseed = {phrase}\n= {phrase}\n{KEY}")),
        Copy::new().env("BALLAST__KEEPER", KEY).env("BALLAST__CHAINS__MAINNET__KEEPER__PRIVATE_KEY", phrase),
        Copy::new().main(RPC, "rpc_file = \"secrets/url\"").write("secrets/url", KEY),
        Copy::new()
            .main("chain_id = 1", "chain_id = 1337")
            .main(KEYSTORE, "env = \"TEST_KEY\"")
            .env("TEST_KEY", &format!("{KEY}00")),
    ];
    for copy in copies {
        let faults = copy.faults();
        let text = format!("{faults}{faults:?}");
        assert!(!text.contains("ac0974") && !text.contains("test test"), "{text}");
    }
}
