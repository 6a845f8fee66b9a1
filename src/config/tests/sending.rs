//! What loads of the journal, the endpoints, the keys, the relay and the budget.

use secrecy::ExposeSecret;

use super::good::texts;
use super::*;
use crate::config::{ChainSettings, SignerSettings, notes};
use crate::domain::finality::Finality;
use crate::domain::ids::ChainName;
use crate::domain::route::RelayKind;
use crate::domain::route::Route;
use crate::domain::trigger::PerClass;
use crate::domain::units::Wei;

const RELAY: &str =
    "[chains.mainnet.relay]\nkind = \"flashbots\"\nurl = \"https://relay.example/KEY\"\nauth_key_file = \"secrets/auth\"\n";

fn mainnet(copy: &Copy) -> ChainSettings {
    copy.settings().chains[&ChainName::new("mainnet")].clone()
}

fn noted(copy: &Copy) -> Vec<String> {
    let pyth = "defaults.source.pyth.key";
    notes(&copy.settings()).iter().filter(|note| note.key != pyth).map(ToString::to_string).collect()
}

#[test]
fn a_journal_lies_beside_the_settings_unless_it_is_told_elsewhere() {
    let copy = Copy::new();
    let settings = copy.settings();
    assert_eq!((settings.journal.expose_secret(), settings.directory.as_path()), ("sqlite:ballast.db", copy.path()));
    assert!(!copy.path().join("ballast.db").exists(), "loading writes nothing");

    let copy = copy.main(JOURNAL, "journal_file = \"secrets/journal\"").write("secrets/journal", "postgres://u:PASS@host/db\n");
    assert_eq!(copy.settings().journal.expose_secret(), "postgres://u:PASS@host/db", "a default gives way to a file");
    assert!(!format!("{:?}", copy.settings()).contains("PASS"));
    let copy = copy.env("BALLAST__JOURNAL", "postgresql://ballast@%2Fvar%2Frun/db");
    assert_eq!(copy.settings().journal.expose_secret(), "postgresql://ballast@%2Fvar%2Frun/db", "a variable lies over a file");

    for journal in ["sqlite:/data/ballast.db", "sqlite:../state/a b.db", "postgres:///db?host=/var/run/postgresql"] {
        let copy = Copy::new().main(JOURNAL, &format!("journal = \"{journal}\""));
        assert_eq!(copy.settings().journal.expose_secret(), journal);
    }
    let copy = Copy::new().env("BALLAST__JOURNAL_FILE", "secrets/journal").write("secrets/journal", "sqlite:other.db");
    assert_eq!(copy.settings().journal.expose_secret(), "sqlite:other.db");
}

#[test]
fn the_defaults_of_sending_are_what_the_documents_say() {
    let chain = mainnet(&Copy::new());
    assert_eq!(chain.finality, Finality::Tag);
    assert_eq!(chain.route, PerClass::urgent_and(Route::Public, Route::Public));
    assert!(chain.relay.is_none() && chain.guardian.is_none() && chain.rate_limit.is_none());
    let milli = |count: u128| Wei::new(count * 1_000_000_000_000_000);
    assert_eq!((chain.budget.daily, chain.budget.protective, chain.budget.low_balance), (milli(500), milli(500), milli(50)));
    assert_eq!(texts(&chain.rpc).len(), 2);
}

#[test]
fn what_the_example_leaves_out_loads_when_it_is_let_in() {
    let text = Copy::new().read("ballast.toml");
    let lines = [
        "# [chains",
        "# [assets.DAI.on",
        "# pot",
        "# keystore",
        "# password_file",
        "# kind",
        "# url",
        "# status_url",
        "# auth_key_file",
        "# drift",
    ];
    let let_in = |line: &str| {
        let shut = lines.iter().any(|start| line.starts_with(start));
        if shut { line.trim_start_matches("# ").to_owned() } else { line.to_owned() }
    };
    let text = text.lines().map(let_in).collect::<Vec<_>>().join("\n");
    let copy = Copy::new()
        .write("ballast.toml", text)
        .write("secrets/guardian.json", "{ \"placeholder\": \"another\" }")
        .write("secrets/guardian.password", "")
        .write("secrets/treasury.json", "{ \"placeholder\": \"a third\" }")
        .write("secrets/treasury.password", "");
    let dai = &copy.settings().assets[&crate::domain::ids::AssetId::new("DAI")];
    assert!(dai.on.values().all(|place| place.yields.is_some()), "it earns Maker's savings rate");
    let chain = mainnet(&copy);
    let relay = chain.relay.unwrap();
    assert_eq!((relay.kind, relay.auth_key_file), (RelayKind::Flashbots, copy.path().join("secrets/relay-auth")));
    assert_eq!(relay.status_url.unwrap().expose_secret(), "https://protect.flashbots.net/tx/");
    assert_eq!(chain.route.drift, Route::PrivateThenPublic { after_blocks: 10 });
    let Some(SignerSettings::Keystore { path, .. }) = chain.treasury else { panic!("a keystore is configured") };
    assert_eq!(path, copy.path().join("secrets/treasury.json"));
    let Some(SignerSettings::Keystore { path, .. }) = chain.guardian else { panic!("a keystore is configured") };
    assert_eq!(path, copy.path().join("secrets/guardian.json"));
    assert!(noted(&copy).is_empty());
}

#[test]
fn a_chain_may_set_its_own_depth_limit_and_budget_to_the_last_wei() {
    let budget = "[chains.mainnet.budget]\ndaily_eth = 1.000000000000000001\nprotective_eth = \"0\"\nlow_balance_eth = 2\n";
    let copy = Copy::new().main("block_time", "finality = 64\nrate_limit = 25\nblock_time").append("ballast.toml", budget);
    let chain = mainnet(&copy);
    assert_eq!((chain.finality, chain.rate_limit.unwrap().get()), (Finality::Depth(64), 25));
    let budget = chain.budget;
    assert_eq!((budget.daily.get(), budget.protective), (1_000_000_000_000_000_001, Wei::ZERO));
    assert_eq!(budget.low_balance.get(), 2_000_000_000_000_000_000);
    let copy = Copy::new().env("BALLAST__CHAINS__MAINNET__FINALITY", "32").env("BALLAST__CHAINS__MAINNET__RATE_LIMIT", "3");
    assert_eq!((mainnet(&copy).finality, mainnet(&copy).rate_limit.unwrap().get()), (Finality::Depth(32), 3));
}

#[test]
fn a_stand_in_may_play_the_relay_of_a_local_chain() {
    let route = "[chains.mainnet.route]\ndepeg = \"private-then-public-after-3-blocks\"\nschedule = \"private\"\n";
    let copy = Copy::new().main("chain_id = 1", "chain_id = 31337").append("ballast.toml", &format!("{RELAY}{route}"));
    let chain = mainnet(&copy);
    let depeg = Route::PrivateThenPublic { after_blocks: 3 };
    let routes = PerClass { schedule: Route::Private, ..PerClass::urgent_and(depeg, Route::Public) };
    assert_eq!(chain.route, routes);
    assert!(!format!("{chain:?}").contains("relay.example"), "its address may hold a token");
    assert!([1, 11_155_111, 31_337, 1_337].iter().all(|id| RelayKind::Flashbots.serves(*id)));
    assert!([137, 10, 42_161].iter().all(|id| !RelayKind::Flashbots.serves(*id)));
}

#[test]
fn a_web3signer_is_asked_for_one_account_with_a_token_that_is_not_shown() {
    let lines = "web3signer = \"https://signer.example\"\naddress = \"0x1111111111111111111111111111111111111111\"";
    let copy = Copy::new().main(KEYSTORE, &format!("{lines}\nweb3signer_token_file = \"secrets/token\""));
    let copy = copy.write("secrets/token", "TOKEN\n");
    let chain = mainnet(&copy);
    assert!(!format!("{chain:?}").contains("TOKEN\""), "{chain:?}");
    let SignerSettings::Web3Signer { url, address, token } = chain.keeper else { panic!("a signer is configured") };
    assert_eq!((url.expose_secret(), address), ("https://signer.example", alloy_primitives::Address::repeat_byte(0x11)));
    assert_eq!(token.unwrap().expose_secret(), "TOKEN");

    let other = lines.replace('1', "2");
    let copy = copy.append("ballast.toml", &format!("[chains.mainnet.guardian]\n{other}"));
    assert!(mainnet(&copy).guardian.is_some(), "another account of the same signer");
    let copy = Copy::new().main(KEYSTORE, lines).env("BALLAST__CHAINS__MAINNET__KEEPER__WEB3SIGNER_TOKEN", "FROM-VARIABLE");
    let SignerSettings::Web3Signer { token, .. } = mainnet(&copy).keeper else { panic!("a signer is configured") };
    assert_eq!(token.unwrap().expose_secret(), "FROM-VARIABLE");
}

#[cfg(feature = "aws-kms")]
#[test]
fn a_key_in_aws_takes_its_region_from_its_arn() {
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let copy = Copy::new().main(KEYSTORE, &format!("aws_kms_key = \"{arn}\""));
    let SignerSettings::AwsKms { key, region } = mainnet(&copy).keeper else { panic!("a key in AWS is configured") };
    assert_eq!((key.as_str(), region.as_deref()), (arn, Some("eu-central-1")));
}

#[cfg(feature = "gcp-kms")]
#[test]
fn a_key_at_google_is_taken_apart() {
    let name = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/7";
    let copy = Copy::new().main(KEYSTORE, &format!("gcp_kms_key = \"{name}\""));
    let SignerSettings::GcpKms { key } = mainnet(&copy).keeper else { panic!("a key at Google is configured") };
    assert_eq!((key.version, key.to_string().as_str()), (7, name));
}

#[test]
fn one_witness_is_noted_where_something_can_be_lost() {
    assert!(noted(&Copy::new()).is_empty());
    let one = "rpc = \"https://a.example/TOKEN\"";
    let notes = noted(&Copy::new().main(RPC, one));
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with("chains.mainnet.rpc: one endpoint only: negative facts rest on one node's word"), "{notes:?}");
    let same_host = "rpc = [\"https://a.example/ONE\", \"https://a.example/TWO\"]";
    let notes = noted(&Copy::new().main(RPC, same_host));
    assert!(notes[0].contains("all endpoints are at one host") && !notes[0].contains("a.example"), "{notes:?}");
    let ports = "rpc = [\"http://127.0.0.1:8545\", \"http://127.0.0.1:8546\"]";
    assert!(noted(&Copy::new().main(RPC, ports)).is_empty());
    assert!(noted(&Copy::new().main(RPC, one).main("chain_id = 1", "chain_id = 1337")).is_empty(), "a local chain");
}

#[test]
fn a_roll_up_without_its_sequencers_feed_is_noted() {
    let base = || Copy::new().main("chain_id = 1", "chain_id = 8453");
    let notes = noted(&base());
    assert!(notes.len() == 1 && notes[0].starts_with("chains.mainnet.sequencer: a roll-up without"), "{notes:?}");
    let feed = "[chains.mainnet.sequencer]\nproxy = \"0xBCF85224fc0756B9Fa45aA7892530B47e10b6433\"\n";
    assert!(noted(&base().append("ballast.toml", feed)).is_empty());
}

#[test]
fn a_relay_that_nothing_goes_to_is_noted() {
    let notes = noted(&Copy::new().append("ballast.toml", RELAY));
    assert_eq!(notes, ["chains.mainnet.relay: no class goes by the private way, so nothing goes to this relay"]);
}
