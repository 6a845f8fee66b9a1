//! What coins earn elsewhere is read with the same batch as everything else, and a vault that loses money is told at once.

use alloy::sol;
use alloy_primitives::{Address, U256, address};
use ballast::devnet::config_files::CHAIN;
use ballast::devnet::deployer::Deployer;
use ballast::devnet::rpc::Account;
use ballast::devnet::{Coin, World, yields};
use ballast::domain::ids::AssetId;
use ballast::domain::units::GasPrice;
use ballast::observe::Event;

use crate::support::page::{self, metric};
use crate::support::{Script, Stage, on_target, world};

sol! {
    interface IToken {
        function mint(address to, uint256 value) external;
    }
}

/// The last of the node's unlocked accounts: nobody else in the world uses it.
const SAVER: Address = address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720");
/// A million coins with six digits, and with eighteen.
const MILLION: [u128; 2] = [1_000_000_000_000, 1_000_000_000_000_000_000_000_000];

/// Where DAI and USDC earn.
struct Places {
    pool: Address,
    a_token: Address,
    vault: Address,
}

/// Sends some transactions and makes a block of them.
macro_rules! block {
    ($world:ident, $account:ident, |$deployer:ident| $($body:tt)*) => {{
        let rpc = $world.rpc();
        let mut sending = Deployer::new(&rpc, 0, GasPrice::from_gwei(3));
        let $deployer = &mut sending;
        let found = { $($body)* };
        $world.mine().await.unwrap();
        found
    }};
}

/// A reserve of DAI that pays 4 % and has lent out half, and a vault of USDC that pays 5 %.
async fn build(world: &World, saver: &mut Account) -> Places {
    let (dai, usdc) = (*world.addresses().tokens.get(Coin::Dai), *world.addresses().tokens.get(Coin::Usdc));
    let [six, eighteen] = MILLION.map(U256::from);
    let (pool, vault) = block!(world, saver, |deployer| {
        let pool = yields::deploy_pool(deployer, saver).await.unwrap();
        (pool, yields::deploy_vault(deployer, saver, usdc, "USDC").await.unwrap())
    });
    block!(world, saver, |deployer| {
        deployer.call(saver, dai, &IToken::mintCall { to: SAVER, value: eighteen }).await.unwrap();
        deployer.call(saver, usdc, &IToken::mintCall { to: SAVER, value: six }).await.unwrap();
    });
    block!(world, saver, |deployer| yields::list(deployer, saver, pool, dai).await.unwrap());
    block!(world, saver, |deployer| yields::supply(deployer, saver, pool, dai, eighteen).await.unwrap());
    block!(world, saver, |deployer| {
        yields::set_reserve_apr(deployer, saver, pool, dai, 0.04).await.unwrap();
        yields::borrow(deployer, saver, pool, dai, eighteen / U256::from(2)).await.unwrap();
    });
    block!(world, saver, |deployer| yields::deposit(deployer, saver, usdc, vault, six).await.unwrap());
    block!(world, saver, |deployer| yields::set_vault_apy(deployer, saver, vault, 0.05).await.unwrap());
    let a_token = yields::lender_token(&world.rpc(), pool, dai).await.unwrap();
    Places { pool, a_token, vault }
}

/// The world's settings with two yields: one of a coin, one of a share.
fn script(places: &Places) -> Script {
    let keeper = format!("[chains.{CHAIN}.keeper]");
    let Places { pool, a_token, vault } = places;
    let more = format!(
        r#"
[assets.DAI.on.{CHAIN}.yield]
kind = "aave-v3"
pool = "{pool}"
a_token = "{a_token}"
warm_up = "1m"

[assets.sUSDC]
share_of = "USDC"
[assets.sUSDC.on.{CHAIN}]
token = "{vault}"
decimals = 6
rate = {{ vault = "{vault}", warm_up = "1m" }}

{keeper}"#
    );
    Script::default().edit("ballast.toml", &keeper, &more)
}

fn is(event: &Event, id: &str, wanted: impl Fn(Result<u128, &str>, bool) -> bool) -> bool {
    matches!(event, Event::YieldTaken { asset, result, share, .. }
        if *asset == AssetId::new(id) && wanted(result.map(|found| found.smooth.wad() / 10_000_000_000_000), share.is_some()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yields_are_read_and_a_loss_is_told() {
    // Two minutes of policy time are a second: an hour of a share's growth takes half a minute.
    let world = world(vec![on_target("treasury", Coin::Dai, Coin::Usdc)], 400.0).await;
    let mut saver = Account::new(SAVER);
    let places = build(&world, &mut saver).await;
    let mut stage = Stage::open(world, script(&places)).await;

    let young = |event: &Event| is(event, "DAI", |found, _| found == Err("too_young"));
    stage.until("the yield of DAI is too young", young).await;
    // 4 % with interest on interest, in thousandths of a percent.
    stage.until("DAI earns 4.08 %", |event| is(event, "DAI", |found, _| found == Ok(4_081))).await;
    let share = |event: &Event| is(event, "sUSDC", |found, share| share && found == Err("too_young"));
    stage.until("a share of USDC is worth something", share).await;
    let grown = |event: &Event| is(event, "sUSDC", |found, _| found.is_ok_and(|found| (4_900..=5_100).contains(&found)));
    stage.until("a share of USDC earns 5 %", grown).await;

    let (_, text) = page::get(stage.http, "/metrics").await;
    let at = |asset| [("chain", CHAIN), ("asset", asset)];
    let about = |name, asset, expected: f64, off: f64| {
        let found = metric(&text, name, &at(asset)).unwrap_or_else(|| panic!("{name} of {asset} in:\n{text}"));
        assert!((found - expected).abs() < off, "{name} of {asset} is {found}");
    };
    about("ballast_yield_apy", "DAI", 0.0408, 0.0001);
    about("ballast_yield_utilisation_ratio", "DAI", 0.5, 0.001);
    about("ballast_share_rate", "sUSDC", 1.0, 0.001);
    assert_eq!(metric(&text, "ballast_share_rate", &at("DAI")), None, "a reserve has no shares");

    let rpc = stage.world.rpc();
    let mut deployer = Deployer::new(&rpc, 0, GasPrice::from_gwei(3));
    let loss = U256::from(MILLION[0] / 100);
    yields::lose(&mut deployer, &mut saver, places.vault, loss).await.unwrap();
    let fell = |event: &Event| matches!(event, Event::ShareRateFell { asset, from, to, .. } if *asset == AssetId::new("sUSDC") && to < from);
    stage.until("the loss is told", fell).await;
    let forgotten = |event: &Event| is(event, "sUSDC", |found, share| share && found == Err("too_young"));
    stage.until("what was paid before it counts no more", forgotten).await;
    stage.close().await;
}
