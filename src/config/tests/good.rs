//! What loads, and what it becomes.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::config::{LogFormat, PoolKind, PoolSourceSettings, SignerSettings, StreamKind, StreamSettings, Venue, peg_defaults};
use crate::domain::ids::{AssetId, ChainName, PoolId};
use crate::domain::peg::{Band, PegRule, VoteRule};
use crate::domain::policy::{CompositionRule, RampRule};
use crate::domain::schedule::Schedule;
use crate::domain::source::{Group, Unit};
use crate::domain::trigger::PerClass;
use crate::domain::units::{GasPrice, WAD, Weight};

/// What is hidden in secrets.
pub(super) fn texts(secrets: &[SecretString]) -> Vec<&str> {
    secrets.iter().map(ExposeSecret::expose_secret).collect()
}

const fn mins(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

#[test]
fn an_asset_that_says_nothing_is_judged_by_the_defaults() {
    let settings = load(&shipped().join("example"), &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    let usdc = &settings.assets[&AssetId::new("USDC")];
    assert_eq!(peg_defaults(), Ok((usdc.peg, usdc.votes)));
}

#[test]
fn the_example_loads_as_it_is_shipped() {
    let settings = load(&shipped().join("example"), &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    let pool = &settings.pools[&PoolId::new("treasury")];
    assert_eq!((pool.chain.as_str(), pool.kind, pool.policy_name.as_str()), ("mainnet", PoolKind::ManagedV2, "guarded"));
    let chain = &settings.chains[&ChainName::new("mainnet")];
    assert_eq!((chain.chain_id, chain.block_time), (1, Duration::from_secs(12)));
    assert!(chain.ether_usd.is_some() && chain.ws_url.is_some());
    assert_eq!(chain.explorer_tx.as_deref(), Some("https://etherscan.io/tx/"));
    let SignerSettings::Keystore { path, password_file } = &chain.keeper else { panic!("a keystore is configured") };
    assert!(path.is_file() && password_file.is_file(), "relative paths begin at the directory");
    assert_eq!(settings.telemetry.log, LogFormat::Json);
    assert_eq!(settings.assets.len(), 3);
}

#[test]
fn every_default_is_what_the_documents_say() {
    let settings = Copy::new().main("[telemetry]\nlog = \"json\"\n", "").main(LISTEN, "").settings();
    assert_eq!((settings.http.listen.to_string().as_str(), settings.http.allow_remote), ("127.0.0.1:9464", false));
    assert_eq!((settings.telemetry.log, settings.telemetry.filter.as_str()), (LogFormat::Pretty, "info"));
    assert!(settings.telemetry.otlp_endpoint.is_none() && settings.alerts.discord_webhook.is_none());

    let chain = &settings.chains[&ChainName::new("mainnet")];
    let half_minute = Duration::from_secs(30);
    assert_eq!(chain.spacing, PerClass::urgent_and(Duration::ZERO, half_minute));
    assert_eq!((chain.read_every, chain.bump_after_blocks, chain.ageing), (1, 3, mins(10)));
    assert_eq!((chain.priority_fee, chain.cancel_cap), (GasPrice::from_gwei(1), GasPrice::from_gwei(300)));
    assert_eq!((chain.reader_gas_per_call, chain.reader_gas), (500_000, 30_000_000));
    let ether = chain.ether_usd.as_ref().unwrap();
    assert_eq!((ether.rule.low.to_string(), ether.rule.high.to_string()), ("$10.0000".into(), "$1000000.0000".into()));

    let usdc = &settings.assets[&AssetId::new("USDC")];
    let band = |below_bps, minutes| Band { below_bps, hold: mins(minutes) };
    let peg = PegRule {
        watch: band(25, 15),
        stressed: band(50, 5),
        depegged: band(100, 5),
        crashed: band(200, 1),
        reenter: band(25, 30),
        reenter_slow: band(50, 240),
        settle: mins(24 * 60),
        disable_after: mins(72 * 60),
        gap: mins(1),
    };
    assert_eq!(usdc.peg, peg);
    let votes = VoteRule { defend: 2, reenter: 3, agree_bps: 30, untrusted_bps: 150, outlier_bps: 30, outlier_mads: 4 };
    assert_eq!((usdc.votes, usdc.risk_group.as_deref()), (votes, Some("usdc")));
    let place = &usdc.on[&ChainName::new("mainnet")];
    let rule = place.feed.rule;
    assert_eq!((rule.decimals, rule.heartbeat, rule.grace), (8, mins(23 * 60), mins(5)));
    assert_eq!((rule.low.wad(), rule.high.wad()), (200_000_000_000_000_000, 2_000_000_000_000_000_000));
}

#[test]
fn the_examples_sources_are_of_as_many_groups_as_it_says() {
    let settings = Copy::new().settings();
    let usdc = &settings.assets[&AssetId::new("USDC")];
    let groups: Vec<Group> = usdc.sources.iter().map(StreamSettings::group).collect();
    assert_eq!(groups, [Group::CrossBooks, Group::UsdBooks, Group::Pyth]);
    let on_chain: Vec<_> = usdc.on[&ChainName::new("mainnet")].sources.iter().map(PoolSourceSettings::group).collect();
    assert_eq!(on_chain, [Some(Group::Push), None, Some(Group::Dex)], "a pool that can be moved within a block only warns");
    let binance = &usdc.sources[0];
    assert_eq!((&binance.unit, binance.max_age), (&Unit::Asset(AssetId::new("USDT")), Duration::from_secs(30)));
    let StreamKind::Book { venue, symbol, rule, .. } = &binance.kind else { panic!("an exchange") };
    assert_eq!((*venue, symbol.as_str(), rule.spread_bps, rule.size), (Venue::Binance, "USDCUSDT", 50, 10_000 * WAD));
    let StreamKind::Pyth { key: None, limit_bps: 50, .. } = &usdc.sources[2].kind else { panic!("Pyth without a key") };
}

#[test]
fn a_key_for_a_source_comes_from_a_file_or_from_the_environment() {
    let file = Copy::new().write("secrets/pyth-key", "sesame\n");
    let file = file.append("ballast.toml", "[defaults.source.pyth]\nkey_file = \"secrets/pyth-key\"").settings();
    let variable = Copy::new().env("BALLAST__DEFAULTS__SOURCE__PYTH__KEY", "sesame").settings();
    for settings in [file, variable] {
        for asset in settings.assets.values() {
            let pyth = asset.sources.iter().find(|source| source.name == "pyth").unwrap();
            let StreamKind::Pyth { key: Some(key), .. } = &pyth.kind else { panic!("a key") };
            assert_eq!(key.expose_secret(), "sesame");
            assert!(!format!("{pyth:?}").contains("sesame"));
        }
    }
}

#[test]
fn the_article_policy_carries_the_numbers_of_the_article() {
    let settings = Copy::new().settings();
    let policy = &settings.pools[&PoolId::new("treasury")].policy;
    assert_eq!((policy.drift_threshold, policy.dead_band), (Weight::from_bps(500), Weight::from_bps(10)));
    assert_eq!((policy.min_interval, policy.max_step), (mins(60), Weight::from_bps(1_000)));
    assert_eq!(policy.schedule, Some(Schedule::parse("0 2 * * SUN", "Etc/UTC").unwrap()));
    assert_eq!(policy.composition, CompositionRule { threshold: Weight::from_bps(200), persist: mins(10) });
    let ramp = RampRule {
        min: mins(10),
        max: mins(60),
        max_velocity_per_hour: Weight::from_bps(6_000),
        start_lead: mins(3),
        arbitrage_gas: 130_000,
        max_loss: None,
        max_legs: 1,
    };
    assert_eq!(policy.ramp, ramp);
    let caps = |rule: &crate::domain::gas::GasRule| (rule.cap.wei() / 1_000_000_000, rule.cap_at_deadline.wei() / 1_000_000_000);
    assert_eq!((caps(&policy.gas.depeg), policy.gas.depeg.deadline), ((30, 30), mins(30)));
    assert_eq!((caps(&policy.gas.drift), policy.gas.drift.deadline), ((30, 30), mins(120)));
    assert_eq!((caps(&policy.gas.schedule), policy.gas.schedule.deadline), ((30, 30), mins(24 * 60)));
}

#[test]
fn a_mandate_follows_the_token_addresses_and_its_bounds_have_defaults() {
    let settings = Copy::new().settings();
    let mandate = &settings.pools[&PoolId::new("treasury")].mandate;
    let names: Vec<&str> = mandate.assets.iter().map(AssetId::as_str).collect();
    assert_eq!(names, ["DAI", "USDC", "USDT"], "0x6b…, 0xa0…, 0xda…");
    let percents = |weights: &[Weight]| weights.iter().map(|w| w.wad() / 10_000_000_000_000_000).collect::<Vec<_>>();
    assert_eq!(percents(mandate.base_target.weights()), [40, 35, 25]);
    assert_eq!((percents(&mandate.min), percents(&mandate.max)), (vec![20, 5, 5], vec![60, 55, 45]));

    let lopsided = Copy::new().pool("\"40%\"", "\"10%\"").pool("\"35%\"\nmin", "\"5%\"\nmin").pool("\"25%\"", "\"85%\"");
    let settings = lopsided.settings();
    let mandate = &settings.pools[&PoolId::new("treasury")].mandate;
    assert_eq!((percents(&mandate.min), percents(&mandate.max)), (vec![1, 5, 65], vec![30, 55, 97]), "clamped to 1 and 97");
}

#[test]
fn the_order_in_the_file_does_not_matter() {
    let text = "chain = \"mainnet\"\naddress = \"0x2222222222222222222222222222222222222222\"\n\
                [[tokens]]\nasset = \"USDT\"\ntarget = \"50.5%\"\n[[tokens]]\nasset = \"DAI\"\ntarget = \"49.5%\"\n";
    let settings = Copy::new().write("pools/two-coins.toml", text).settings();
    let mandate = &settings.pools[&PoolId::new("two-coins")].mandate;
    assert_eq!(mandate.assets, [AssetId::new("DAI"), AssetId::new("USDT")]);
    assert_eq!(mandate.base_target.weights().first(), Some(&Weight::from_bps(4_950)));
}

#[test]
fn overrides_lie_over_the_policy_and_own_policies_replace_built_in_ones() {
    let over = "[policy_overrides]\nschedule = false\nmin_interval = \"2h\"\n[policy_overrides.gas.drift]\ncap_gwei = 20.5\n";
    let settings = Copy::new().append("pools/treasury.toml", over).settings();
    let policy = &settings.pools[&PoolId::new("treasury")].policy;
    assert!(policy.schedule.is_none());
    assert_eq!(policy.min_interval, mins(120));
    assert_eq!(policy.gas.drift.cap, GasPrice::from_wei(20_500_000_000));
    assert_eq!((policy.gas.drift.cap_at_deadline, policy.gas.drift.deadline), (policy.gas.drift.cap, mins(120)));

    let article = fs::read_to_string(shipped().join("policies/article.toml")).unwrap();
    let settings = Copy::new().write("policies/article.toml", article.replace("\"1h\"\n# Return", "\"3h\"\n# Return")).settings();
    assert_eq!(settings.pools[&PoolId::new("treasury")].policy.min_interval, mins(180));
    let copy = Copy::new().write("policies/calm.toml", article).pool("policy = \"article\"", "policy = \"calm\"");
    assert_eq!(copy.settings().pools[&PoolId::new("treasury")].policy_name, "calm");
}

#[test]
fn the_environment_lies_over_the_files() {
    let copy = Copy::new()
        .env("BALLAST__CHAINS__MAINNET__RPC", "https://other.example/token")
        .env("BALLAST__ASSETS__USDC__DEPEG_BPS", "150")
        .env("BALLAST__POOLS__TREASURY__POLICY_OVERRIDES__GAS__DRIFT__CAP_GWEI", "25")
        .env("BALLAST__HTTP__ALLOW_REMOTE", "true")
        .env("BALLAST__HTTP__LISTEN", "0.0.0.0:80")
        .env("BALLAST__DEFAULTS__CHAIN__AGEING", "5m")
        .env("BALLAST__ALERTS__DISCORD_WEBHOOK", "https://discord.example/hook")
        .env("BALLAST__TELEMETRY__FILTER", "")
        .env("BALLAST_UNRELATED", "x");
    let settings = copy.settings();
    let chain = &settings.chains[&ChainName::new("mainnet")];
    assert_eq!(texts(&chain.rpc), ["https://other.example/token"], "the variable replaces the whole list");
    assert_eq!(chain.ageing, mins(5));
    assert_eq!(settings.assets[&AssetId::new("USDC")].peg.depegged.below_bps, 150);
    assert_eq!(settings.pools[&PoolId::new("treasury")].policy.gas.drift.cap, GasPrice::from_gwei(25));
    assert_eq!((settings.http.listen.port(), settings.http.allow_remote), (80, true));
    assert_eq!(settings.alerts.discord_webhook.unwrap().expose_secret(), "https://discord.example/hook");
    assert_eq!(settings.telemetry.filter, "info", "an empty variable counts as unset");
}

#[test]
fn secrets_come_from_files_and_never_reach_debug() {
    let copy = Copy::new()
        .main(RPC, "rpc_file = \"secrets/http\"")
        .main("# discord_webhook_file", "discord_webhook_file")
        .write("secrets/http", "# ours\nhttps://node.example/FROM-FILE\r\n\n  https://other.example/FROM-FILE\n")
        .write("secrets/discord-webhook", "https://discord.example/HOOK\r\n");
    let settings = copy.settings();
    let rpc = &settings.chains[&ChainName::new("mainnet")].rpc;
    assert_eq!(texts(rpc), ["https://node.example/FROM-FILE", "https://other.example/FROM-FILE"]);
    let debug = format!("{settings:?}");
    for secret in ["FROM-FILE", "HOOK", "YOUR-TOKEN"] {
        assert!(!debug.contains(secret), "{secret} is in Debug");
    }
    let over = copy.env("BALLAST__CHAINS__MAINNET__RPC", "http://a.example, http://b.example\nhttp://c.example");
    let rpc = &over.settings().chains[&ChainName::new("mainnet")].rpc;
    assert_eq!(texts(rpc), ["http://a.example", "http://b.example", "http://c.example"]);
}

#[test]
fn a_test_chain_may_take_its_key_from_the_environment() {
    let key = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let copy = Copy::new().main("chain_id = 1", "chain_id = 31337").main(KEYSTORE, "env = \"TEST_KEY\"").env("TEST_KEY", key);
    let settings = copy.settings();
    let SignerSettings::Env { var, key: held } = &settings.chains[&ChainName::new("mainnet")].keeper else { panic!() };
    assert_eq!((var.as_str(), held.expose_secret()), ("TEST_KEY", key));
    assert!(!format!("{settings:?}").contains("ac0974"));
}

#[test]
fn hidden_and_foreign_files_are_nobodys_pools() {
    let copy = Copy::new().write("pools/.#treasury.toml", "x").write("pools/notes.txt", "x").write("pools/old.toml.off", "x");
    assert_eq!(copy.settings().pools.len(), 1);
}
