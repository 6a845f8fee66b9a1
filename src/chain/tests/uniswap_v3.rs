//! The time-weighted price on Uniswap's own byte code.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::aliases::{I24, U24, U160};
use alloy_primitives::{Address, Bytes, U64, U256};
use serde_json::{Value, json};

use super::anvil::{Anvil, READER};
use crate::chain::reader;
use crate::chain::token::Token;
use crate::chain::uniswap_v3::{TwapRule, UniswapV3Twap};
use crate::chain::{head, provider::Node};
use crate::devnet::{bytecode, toolbox};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::{Quote, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::Price;
use crate::ports::{Head, PriceSource};

sol! {
    interface IFactory {
        function createPool(address tokenA, address tokenB, uint24 fee) external returns (address pool);
        function getPool(address tokenA, address tokenB, uint24 fee) external view returns (address pool);
    }
    interface IPool {
        function initialize(uint160 sqrtPriceX96) external;
        function increaseObservationCardinalityNext(uint16 next) external;
    }
    interface ITrader {
        function provide(address pool, int24 lower, int24 upper, uint128 liquidity) external;
        function push(address pool, bool zeroForOne, uint160 limit) external;
    }
    interface IMint {
        function mint(address to, uint256 value) external;
    }
}

const WINDOW: u64 = 600;
/// Hundredths of a basis point.
const FEE: u32 = 500;
/// In the fee's spacing, as far as ticks go.
const EDGE: i32 = 887_270;

/// A node, a pool of two tokens with 6 and 18 decimals at par, and somebody who trades in it.
struct Market {
    anvil: Anvil,
    node: Node,
    began: u64,
    account: Address,
    pool: Address,
    trader: Address,
    six: Token,
    eighteen: Token,
}

impl Market {
    /// The pool has a price, and neither liquidity nor room to remember.
    async fn open() -> Self {
        // Every block is ordered, so that its time is known.
        let anvil = Anvil::start(&["--no-mining"]);
        let node = anvil.node();
        let accounts: Vec<Address> = node.ask("eth_accounts", ()).await.unwrap();
        let account = accounts[0];
        let began = head::newest(&node).await.unwrap().stamp.timestamp.secs();
        let token = |name: &str, decimals: u8| {
            [bytecode::creation(bytecode::TEST_TOKEN).unwrap(), (name, name, U256::from(decimals)).abi_encode_params()].concat()
        };
        let six = Token { address: deploy(&node, account, token("SIX", 6)).await, decimals: 6 };
        let eighteen = Token { address: deploy(&node, account, token("EIGHTEEN", 18)).await, decimals: 18 };
        let factory = deploy(&node, account, bytecode::uniswap_factory(&toolbox::for_tests().contracts).unwrap()).await;
        let trader = deploy(&node, account, bytecode::creation(bytecode::UNISWAP_TRADER).unwrap()).await;
        let (a, b, fee) = (six.address, eighteen.address, U24::from(FEE));
        send(&node, account, factory, IFactory::createPoolCall { tokenA: a, tokenB: b, fee }.abi_encode()).await;
        let pool = IFactory::getPoolCall { tokenA: a, tokenB: b, fee }.abi_encode();
        let pool: Bytes = node.ask("eth_call", (json!({"to": factory, "data": Bytes::from(pool)}), "latest")).await.unwrap();
        let pool = IFactory::getPoolCall::abi_decode_returns(&pool).unwrap();
        for token in [a, b] {
            let value = U256::from(10).pow(U256::from(36));
            send(&node, account, token, IMint::mintCall { to: trader, value }.abi_encode()).await;
        }
        let market = Self { anvil, node, began, account, pool, trader, six, eighteen };
        market.call(pool, IPool::initializeCall { sqrtPriceX96: market.root(1.0) }.abi_encode()).await;
        market
    }

    async fn call(&self, to: Address, data: Vec<u8>) {
        send(&self.node, self.account, to, data).await;
    }

    /// Room for so many observations, which the pool takes with the next trade or change of liquidity.
    async fn make_room(&self, next: u16) {
        self.call(self.pool, IPool::increaseObservationCardinalityNextCall { next }.abi_encode()).await;
    }

    async fn provide(&self) {
        let (lower, upper) = (I24::try_from(-EDGE).unwrap(), I24::try_from(EDGE).unwrap());
        let data = ITrader::provideCall { pool: self.pool, lower, upper, liquidity: 10u128.pow(20) };
        self.call(self.trader, data.abi_encode()).await;
    }

    /// The square root of the pool's price when a token with 6 decimals is worth so many with 18: in units of 2^-96.
    fn root(&self, price: f64) -> U160 {
        let raw = if self.six_is_first() { price * 1e12 } else { 1.0 / (price * 1e12) };
        format!("{:.0}", raw.sqrt() * 2f64.powi(96)).parse().unwrap()
    }

    fn six_is_first(&self) -> bool {
        self.six.address < self.eighteen.address
    }

    /// Sells the token with 6 decimals until one is worth this.
    async fn push_down_to(&self, price: f64) {
        let data = ITrader::pushCall { pool: self.pool, zeroForOne: self.six_is_first(), limit: self.root(price) };
        self.call(self.trader, data.abi_encode()).await;
    }

    /// Whatever comes next happens so many seconds after the beginning.
    async fn next_at(&self, secs: u64) {
        let _: Value = self.node.ask("evm_setNextBlockTimestamp", (self.began + secs,)).await.unwrap();
    }

    async fn block_at(&self, secs: u64) -> Head {
        self.next_at(secs).await;
        self.anvil.mine(1).await
    }

    /// What the pool says at a block of one token's price in the other.
    async fn quote(&self, asset: Token, other: Token, at: &Head) -> Result<Quote, ReadingFault> {
        let source = Source {
            id: SourceId::new("uniswap"),
            asset: AssetId::new("USDC"),
            unit: Unit::Asset(AssetId::new("USDT")),
            group: Group::Dex,
            advisory: false,
            good_for: Duration::from_secs(60),
        };
        let price = |text: &str| Price::parse(text).unwrap();
        let window = NonZeroU32::new(u32::try_from(WINDOW).unwrap()).unwrap();
        let rule = TwapRule { window, observations: 100, low: price("0.2"), high: price("2") };
        let twap = UniswapV3Twap::new(Arc::new(source), self.pool, asset, other, rule);
        let answers = reader::read(&self.node, &READER, at.stamp.hash, &twap.calls()).await.unwrap();
        twap.quote(&answers, &at.stamp)
    }

    /// The price of the token with 6 decimals.
    async fn price(&self, at: &Head) -> f64 {
        self.quote(self.six, self.eighteen, at).await.unwrap().price.as_f64()
    }
}

async fn send(node: &Node, from: Address, to: Address, data: Vec<u8>) {
    carried_out(node, json!({"from": from, "to": to, "data": Bytes::from(data)})).await;
}

async fn deploy(node: &Node, from: Address, code: Vec<u8>) -> Address {
    let receipt = carried_out(node, json!({"from": from, "data": Bytes::from(code)})).await;
    receipt["contractAddress"].as_str().unwrap().parse().unwrap()
}

async fn carried_out(node: &Node, mut transaction: Value) -> Value {
    // An estimate is made for a block of now, in which the pool has nothing to write down.
    transaction["gas"] = json!("0x989680");
    let hash: Value = node.ask("eth_sendTransaction", (transaction,)).await.unwrap();
    let _: Value = node.ask("evm_mine", ()).await.unwrap();
    let receipt: Value = node.ask("eth_getTransactionReceipt", (hash,)).await.unwrap();
    assert_eq!(receipt["status"].as_str().unwrap().parse(), Ok(U64::from(1)), "{receipt}");
    receipt
}

#[track_caller]
fn about(found: f64, expected: f64) {
    // A tick is a basis point, and the mean is rounded to one.
    assert!((found / expected - 1.0).abs() < 2e-4, "{found} is not about {expected}");
}

#[tokio::test]
async fn the_mean_follows_the_price_by_its_share_of_the_window() {
    let market = Market::open().await;
    market.make_room(150).await;
    market.next_at(100).await;
    market.provide().await;

    let at_par = market.block_at(1_000).await;
    let quote = market.quote(market.six, market.eighteen, &at_par).await.unwrap();
    about(quote.price.as_f64(), 1.0);
    let width = quote.high.as_f64() / quote.low.as_f64() - 1.0;
    assert!((0.0005..0.002).contains(&width), "as wide as the fee: {width}");
    assert_eq!(quote.updated_at, at_par.stamp.timestamp);
    about(market.quote(market.eighteen, market.six, &at_par).await.unwrap().price.as_f64(), 1.0);

    market.next_at(1_100).await;
    market.push_down_to(0.95).await;
    let a_minute_later = market.block_at(1_160).await;
    about(market.price(&a_minute_later).await, 0.95f64.powf(60.0 / 600.0));
    let other_way = market.quote(market.eighteen, market.six, &a_minute_later).await.unwrap();
    about(other_way.price.as_f64(), 0.95f64.powf(-60.0 / 600.0));
    let half = market.block_at(1_400).await;
    about(market.price(&half).await, 0.95f64.sqrt());
    let all = market.block_at(1_700).await;
    about(market.price(&all).await, 0.95);
    about(market.price(&at_par).await, 1.0);
}

#[tokio::test]
async fn a_pool_without_a_past_is_not_believed() {
    let market = Market::open().await;
    market.next_at(100).await;
    market.provide().await;
    let forgetful = market.block_at(1_000).await;
    let fault = market.quote(market.six, market.eighteen, &forgetful).await.unwrap_err();
    assert_eq!(fault, ReadingFault::ShortMemory { found: 1, wanted: 100 });

    // With room it remembers from now on, and from the only thing that it knew.
    market.make_room(150).await;
    market.next_at(1_100).await;
    market.push_down_to(0.999).await;
    about(market.price(&market.block_at(1_150).await).await, 0.999f64.powf(50.0 / 600.0));

    let market = Market::open().await;
    market.make_room(150).await;
    market.next_at(100).await;
    market.provide().await;
    let young = market.block_at(300).await;
    let fault = market.quote(market.six, market.eighteen, &young).await.unwrap_err();
    assert_eq!(fault, ReadingFault::ShortMemory { found: 150, wanted: 151 }, "it is younger than the window");
}

#[tokio::test]
async fn a_pool_of_another_token_is_not_believed() {
    let market = Market::open().await;
    market.make_room(150).await;
    market.next_at(100).await;
    market.provide().await;
    let at = market.block_at(1_000).await;
    let stranger = Token { address: Address::repeat_byte(9), decimals: 6 };
    assert_eq!(market.quote(stranger, market.eighteen, &at).await.unwrap_err().label(), "unreadable");
    assert_eq!(market.quote(market.six, stranger, &at).await.unwrap_err().label(), "unreadable");
}
