//! The settings that are written are settings that load.

use super::world;
use crate::config::{Environment, PoolKind, SignerSettings, load};
use crate::devnet::coins::Coin;
use crate::devnet::config_files::{self, FileOptions, KEY_VARIABLE};
use crate::domain::ids::{AssetId, ChainName, PoolId};

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
    assert!(load(dir.path(), &Environment::default()).is_err(), "without its key there is no keeper");
}
