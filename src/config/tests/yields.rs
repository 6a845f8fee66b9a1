//! What loads of yields and shares, and what it becomes.

use std::time::Duration;

use super::*;
use crate::config::{YieldKind, YieldSettings};
use crate::domain::ids::{AssetId, ChainName, PoolId};
use crate::domain::units::Weight;
use crate::domain::yields::{Apy, GrowthRule, YieldRule};

const VAULT: &str = "0x83F20F44975D03b1b09e64809B757c47f942BEeA";

/// The rule that the documents tell.
fn usual(max_utilisation: u32) -> YieldRule {
    YieldRule {
        half_life: Duration::from_hours(24),
        warm_up: Duration::from_hours(6),
        cap: Apy::from_bps(2_000).unwrap(),
        max_utilisation: Weight::from_bps(max_utilisation),
        growth: GrowthRule::USUAL,
    }
}

fn of_dai(yields: &str) -> YieldSettings {
    let settings = Copy::new().append("ballast.toml", &format!("[assets.DAI.on.mainnet.yield]\n{yields}")).settings();
    settings.assets[&AssetId::new("DAI")].on[&ChainName::new("mainnet")].yields.clone().unwrap()
}

#[test]
fn every_kind_of_yield_has_its_defaults() {
    let address = |text: &str| text.parse().unwrap();
    let vault = address(VAULT);
    let pool = "0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2";
    for (written, kind, max_utilisation) in [
        (
            format!("kind = \"aave-v3\"\npool = \"{pool}\"\na_token = \"{VAULT}\""),
            YieldKind::AaveV3 { pool: address(pool), a_token: vault },
            9_500,
        ),
        (format!("kind = \"compound-v3\"\ncomet = \"{VAULT}\""), YieldKind::CompoundV3 { comet: vault }, 9_500),
        (format!("kind = \"dsr\"\npot = \"{VAULT}\""), YieldKind::Dsr { pot: vault }, 10_000),
        (format!("kind = \"ssr\"\nvault = \"{VAULT}\""), YieldKind::Ssr { vault }, 10_000),
        (format!("kind = \"erc4626\"\nvault = \"{VAULT}\"\ndecimals = 24"), YieldKind::Erc4626 { vault, decimals: 24 }, 10_000),
    ] {
        let found = of_dai(&written);
        assert_eq!((found.kind, found.rule), (kind, usual(max_utilisation)), "{written}");
        assert!(found.check.is_none() && written.contains(kind.label()));
    }
    assert!(Copy::new().settings().assets.values().all(|asset| asset.on.values().all(|place| place.yields.is_none())));
}

#[test]
fn what_is_written_lies_over_the_defaults() {
    let llama = "[assets.DAI.on.mainnet.yield.defi_llama]\npool = \"AA70268E-4b52-42bf-a116-608b370f9501\"\ndiffer_bps = 50";
    let copy = Copy::new()
        .append("ballast.toml", "[defaults.yield.erc4626]\nwindow = \"7d\"\n[assets.DAI.on.mainnet.yield]\nkind = \"erc4626\"")
        .append("ballast.toml", &format!("vault = \"{VAULT}\"\ndecimals = 18\ncap = \"8.5%\"\nhalf_life = \"12h\"\n{llama}"))
        .env("BALLAST__DEFAULTS__DEFI_LLAMA__URL", "https://pro.example/KEY");
    let settings = copy.settings();
    let found = settings.assets[&AssetId::new("DAI")].on[&ChainName::new("mainnet")].yields.clone().unwrap();
    let growth = GrowthRule { window: Duration::from_hours(7 * 24), ..GrowthRule::USUAL };
    let (half_life, cap) = (Duration::from_hours(12), Apy::from_bps(850).unwrap());
    assert_eq!(found.rule, YieldRule { half_life, cap, growth, ..usual(10_000) });
    let check = found.check.as_ref().unwrap();
    assert_eq!((check.pool.as_str(), check.differ_bps), ("aa70268e-4b52-42bf-a116-608b370f9501", 50));
    assert_eq!((check.every, check.max_age), (Duration::from_mins(30), Duration::from_hours(36)));
    assert!(!format!("{settings:?}").contains("KEY"), "an address may carry a key");
}

#[test]
fn a_share_is_no_asset_with_a_peg() {
    let share = format!(
        "[assets.sDAI]\nshare_of = \"DAI\"\n[assets.sDAI.on.mainnet]\ntoken = \"{VAULT}\"\ndecimals = 18\nrate = {{ vault = \"{VAULT}\" }}"
    );
    let settings = Copy::new().append("ballast.toml", &share).settings();
    let sdai = &settings.shares[&AssetId::new("sDAI")];
    assert_eq!((sdai.id.as_str(), sdai.of.as_str(), settings.assets.len()), ("sDAI", "DAI", 3));
    let place = &sdai.on[&ChainName::new("mainnet")];
    let vault = VAULT.parse().unwrap();
    assert_eq!((place.token, place.decimals), (vault, 18));
    assert_eq!((place.rate.kind, place.rate.rule), (YieldKind::Erc4626 { vault, decimals: 18 }, usual(10_000)));
}

#[test]
fn a_pool_that_holds_a_share_earns_by_it_and_falls_with_its_coin() {
    let share = format!(
        "[assets.sDAI]\nshare_of = \"DAI\"\n[assets.sDAI.on.mainnet]\ntoken = \"{VAULT}\"\ndecimals = 18\nrate = {{ vault = \"{VAULT}\" }}"
    );
    let settings = Copy::new().append("ballast.toml", &share).pool("asset = \"DAI\"", "asset = \"sDAI\"").settings();
    let mandate = &settings.pools[&PoolId::new("treasury")].mandate;
    let at = mandate.position_of(&AssetId::new("sDAI")).unwrap();
    let others = mandate.accrues.iter().filter(|accrues| **accrues).count();
    assert_eq!((mandate.accrues[at], others), (true, 1));
    assert_eq!(mandate.groups[at].as_ref().map(crate::domain::ids::GroupId::as_str), Some("usdc"), "the group of DAI");
}
