//! The settings that are written are settings that load.

use secrecy::ExposeSecret;

use super::world;
use crate::config::{Environment, PoolKind, SignerSettings, load};
use crate::devnet::coins::Coin;
use crate::devnet::config_files::{self, FileOptions, KEY_VARIABLE};
use crate::domain::finality::Finality;
use crate::domain::ids::{AssetId, ChainName, PoolId};
use crate::domain::route::Route;
use crate::domain::trigger::Class;

#[tokio::test]
async fn the_written_settings_pass_the_loader_and_name_the_world() {
    let world = world().await;
    let dir = tempfile::tempdir().unwrap();
    config_files::write(dir.path(), &world, &FileOptions::default()).unwrap();
    let environment: Environment = [(KEY_VARIABLE, world.keeper_key())].into_iter().collect();
    let settings = load(dir.path(), &environment).unwrap_or_else(|faults| panic!("{faults}"));
    let chain = &settings.chains[&ChainName::new(config_files::CHAIN)];
    assert_eq!((chain.chain_id, chain.block_time), (31_337, world.block_time()));
    assert!(matches!(&chain.keeper, SignerSettings::Env { var, .. } if var == KEY_VARIABLE));
    assert_eq!(chain.ether_usd.as_ref().unwrap().proxy, world.addresses().ether_feed.proxy);
    assert_eq!(settings.pools.len(), 5);
    for (spec, place) in world.specs().iter().zip(&world.addresses().pools) {
        let pool = &settings.pools[&PoolId::new(&spec.name)];
        assert_eq!((pool.address, pool.kind, pool.policy_name.as_str()), (place.address, PoolKind::ManagedV2, "demo"));
        let order: Vec<AssetId> = place.coins.iter().map(|coin| coin.asset()).collect();
        assert_eq!(pool.mandate.assets, order, "{}: the order of the chain", spec.name);
        for (at, coin) in place.coins.iter().enumerate() {
            let token = spec.tokens.iter().find(|token| token.coin == *coin).unwrap();
            let found = (pool.mandate.base_target.weights()[at], pool.mandate.min[at], pool.mandate.max[at]);
            assert_eq!(found, (token.target, token.min, token.max));
        }
    }
    for coin in Coin::ALL {
        let asset = &settings.assets[&coin.asset()].on[&ChainName::new(config_files::CHAIN)];
        assert_eq!((asset.token, asset.decimals), (*world.addresses().tokens.get(coin), coin.decimals()));
        assert_eq!(asset.feed.proxy, world.addresses().feeds.get(coin).proxy);
        assert_eq!(asset.feed.rule.heartbeat, world.heartbeat());
    }
    assert_eq!((settings.journal.expose_secret(), settings.directory.as_path()), ("sqlite:ballast.db", dir.path()));
    assert_eq!((chain.rpc[0].expose_secret(), chain.finality), (world.http_url(), Finality::Depth(2)));
    assert!(chain.guardian.is_none() && chain.relay.is_none() && chain.route.depeg == Route::Public);
    assert!(load(dir.path(), &Environment::default()).is_err(), "without its key there is no keeper");
}

#[tokio::test]
async fn every_option_reaches_the_settings() {
    let world = world().await;
    let dir = tempfile::tempdir().unwrap();
    let options = FileOptions {
        journal: Some("postgres://ballast@127.0.0.1:5433/journal".to_owned()),
        finality: 5,
        rpc: Some(vec!["http://127.0.0.1:1".to_owned(), "http://127.0.0.1:2".to_owned()]),
        guardian_variable: Some("GUARDIAN".to_owned()),
        relay_url: Some("http://127.0.0.1:3".to_owned()),
        route: Some("private-then-public-after-4-blocks".to_owned()),
        ..FileOptions::default()
    };
    config_files::write(dir.path(), &world, &options).unwrap();
    let guardian = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
    let environment: Environment = [(KEY_VARIABLE, world.keeper_key()), ("GUARDIAN", guardian)].into_iter().collect();
    let settings = load(dir.path(), &environment).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(settings.journal.expose_secret(), "postgres://ballast@127.0.0.1:5433/journal");
    let chain = &settings.chains[&ChainName::new(config_files::CHAIN)];
    assert_eq!([&chain.rpc[0], &chain.rpc[1]].map(ExposeSecret::expose_secret), ["http://127.0.0.1:1", "http://127.0.0.1:2"]);
    assert_eq!(chain.finality, Finality::Depth(5));
    assert!(matches!(&chain.guardian, Some(SignerSettings::Env { var, .. }) if var == "GUARDIAN"));
    let relay = chain.relay.as_ref().unwrap();
    assert_eq!((relay.url.expose_secret(), &relay.auth_key_file), ("http://127.0.0.1:3", &dir.path().join("relay-auth")));
    for class in Class::ALL {
        assert_eq!(*chain.route.get(class), Route::PrivateThenPublic { after_blocks: 4 });
    }
}
