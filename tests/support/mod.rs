//! What the stories share: worlds, a stage on which the program plays in one of them, the program as a process of its own, and the
//! places where its messages arrive.

pub(crate) mod child;
pub(crate) mod collector;
pub(crate) mod discord;
#[cfg(target_os = "linux")]
pub(crate) mod disk;
pub(crate) mod drill;
pub(crate) mod page;
pub(crate) mod stage;
pub(crate) mod told;

use std::future::Future;
use std::time::Duration;

use alloy::sol;
use alloy_primitives::{B256, U256};
use ballast::devnet::rpc::{Account, Order};
use ballast::devnet::toolbox::{self, ToolboxOptions};
use ballast::devnet::{Coin, Owner, PoolSpec, TokenSpec, World, WorldHandle, WorldOptions};
use ballast::domain::units::{Timestamp, Weight};

pub(crate) use child::Child;
pub(crate) use stage::{Script, Stage};

/// When the policy clock of a story begins, unless it is the machine's.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_780_000_000);
/// The chain stores the end weights of a ramp with fewer digits than it is given.
pub(crate) const STORAGE: Weight = Weight::from_wad(100_000_000_000);
/// No story takes this long on a machine that is merely busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

sol! {
    interface IOwned {
        function updateWeightsGradually(uint256 startTime, uint256 endTime, address[] memory tokens, uint256[] memory endWeights)
            external;
    }
}

/// A world of these pools, so many times as fast as the machine.
pub(crate) async fn world(pools: Vec<PoolSpec>, speed: f64) -> World {
    World::start(WorldOptions { pools, speed, ..options(START).await }).await.unwrap()
}

/// A world that keeps the machine's time, for the program as a process of its own.
pub(crate) async fn world_of_today(pools: Vec<PoolSpec>, block_time: Duration) -> World {
    let now = ballast::ports::Clock::now(&ballast::clock::WallClock::read());
    World::start(WorldOptions { pools, speed: 1.0, block_time, ..options(now).await }).await.unwrap()
}

async fn options(start: Timestamp) -> WorldOptions {
    let search_path = Some("/usr/local/bin:/usr/bin:/bin".into());
    let tools = toolbox::find(&ToolboxOptions { search_path, ..ToolboxOptions::default() }).await.unwrap();
    WorldOptions::new(tools, start)
}

/// A pool with a name.
pub(crate) fn pool(name: &str, tokens: Vec<TokenSpec>) -> PoolSpec {
    PoolSpec { name: name.to_owned(), tokens, value: 100_000, fee_bps: 10, owner: Owner::Keeper, answer: None }
}

/// Three coins, six points off the target of 40 / 35 / 25.
pub(crate) fn off_target(name: &str) -> PoolSpec {
    let token = TokenSpec::percent;
    let tokens = vec![
        token(Coin::Dai, 40, 20, 60).born_at(46),
        token(Coin::Usdc, 35, 15, 55).born_at(32),
        token(Coin::Usdt, 25, 10, 50).born_at(22),
    ];
    pool(name, tokens)
}

/// Two coins on their target of 60 / 40.
pub(crate) fn on_target(name: &str, first: Coin, second: Coin) -> PoolSpec {
    pool(name, vec![TokenSpec::percent(first, 60, 40, 80), TokenSpec::percent(second, 40, 20, 60)])
}

/// Two coins, six points off the target of 60 / 40.
pub(crate) fn two_off_target(name: &str, first: Coin, second: Coin) -> PoolSpec {
    let tokens = vec![TokenSpec::percent(first, 60, 40, 80).born_at(66), TokenSpec::percent(second, 40, 20, 60).born_at(34)];
    pool(name, tokens)
}

/// The weight of a coin on the chain.
pub(crate) async fn weight(world: &WorldHandle, pool: &str, coin: Coin) -> Weight {
    let weights = world.weights(pool).await.unwrap();
    weights.into_iter().find(|(held, _)| *held == coin).map(|(_, weight)| weight).unwrap()
}

/// Holds that the chain has every weight of a pool at its target.
pub(crate) async fn assert_on_target(world: &WorldHandle, pool: &str) {
    let spec = world.specs().iter().find(|spec| spec.name == pool).unwrap();
    for token in &spec.tokens {
        let found = weight(world, pool, token.coin).await;
        assert!(found.abs_diff(token.target) <= STORAGE, "{pool}: {} is at {found}, its target is {}", token.coin, token.target);
    }
}

/// What the owner does by hand: moves the weights of a pool, in percent and in the order of the chain, from the next block on.
pub(crate) async fn by_hand(world: &WorldHandle, pool: &str, percents: &[u32], lasts: Duration) {
    let place = world.pool(pool).unwrap();
    let start = ballast::ports::Clock::now(world.clock().as_ref()).plus(world.block_time() * 5);
    let call = IOwned::updateWeightsGraduallyCall {
        startTime: U256::from(start.secs()),
        endTime: U256::from(start.plus(lasts).secs()),
        tokens: place.coins.iter().map(|coin| *world.addresses().tokens.get(*coin)).collect(),
        endWeights: percents.iter().map(|percent| U256::from(Weight::from_bps(percent * 100).wad())).collect(),
    };
    let order = Order::at(place.address, &call, 500_000, world.base_fee().await);
    world.rpc().send(&mut Account::new(world.addresses().keeper), &order).await.unwrap();
}

/// The node holds a transaction of the keeper with this nonce.
pub(crate) async fn in_mempool(world: &WorldHandle, nonce: u64) {
    let asking = async {
        let mut keeper = Account::new(world.addresses().keeper);
        while world.rpc().nonce(&mut keeper).await.unwrap() <= nonce {
            keeper.forget();
        }
    };
    soon("the node has the transaction", asking).await;
}

/// The transactions that changed the weights of a pool, in the order of the chain. None of them reverted.
pub(crate) async fn carried_out(world: &WorldHandle, pool: &str) -> Vec<B256> {
    let updates = world.weight_updates(pool).await.unwrap();
    assert!(updates.iter().all(|update| update.success), "{updates:?}");
    updates.into_iter().map(|update| update.hash).collect()
}

/// What waits at the node for a block, as text.
pub(crate) async fn public_pool(world: &WorldHandle) -> String {
    let pool: serde_json::Value = world.rpc().ask("txpool_content", ()).await.unwrap();
    pool.to_string()
}

/// What comes, unless it takes longer than a machine can be busy.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: nothing after {PATIENCE:?}"))
}
