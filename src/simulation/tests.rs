//! The simulation beside the real contracts: thousands of random swaps, joins and exits, ramps of weights and of fees, and breakers, to
//! the last digit and to the revert's number.

use std::time::Duration;

use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::{Address, U256, hex};
use serde_json::{Value, json};

use super::pool::{Pool, Span, Token, Traded};
use crate::chain::contracts::IManagedPool;
use crate::chain::managed_pool::{ManagedPool, PoolToken};
use crate::devnet::contracts::IVault;
use crate::devnet::rpc::{Account, Order, Rpc};
use crate::devnet::toolbox::{self, ToolboxOptions};
use crate::devnet::{Coin, Owner, PoolSpec, TokenSpec, World, WorldOptions};
use crate::domain::allocation::Allocation;
use crate::domain::brakes::price_in_shares;
use crate::domain::plan::{BrakeBounds, Brakes, Exit, FeeChange, Plan, Reweight, Swap};
use crate::domain::position::{BlockStamp, PositionFacts};
use crate::domain::units::{GasPrice, SwapFee, Timestamp, TokenAmount, Usd, Weight};
use crate::ports::{Call, Position};

/// So many changes of the chain's state, and so many questions after each.
const CHANGES: u32 = 360;
const QUESTIONS: u32 = 25;
/// The pool's word for a join of all tokens in proportion, for exactly so many shares.
const ALL_FOR_EXACT_SHARES: u8 = 3;
const MAX_FEE: GasPrice = GasPrice::from_gwei(100_000);

/// A pool on the chain beside the same in memory.
struct Pair {
    rpc: Rpc,
    queries: Address,
    id: alloy_primitives::B256,
    chain: ManagedPool,
    owner: Account,
    trader: Account,
    memory: Pool,
}

fn weights(rng: &mut fastrand::Rng, count: usize) -> Vec<u128> {
    let parts: Vec<u128> = (0..count).map(|_| rng.u128(5..100)).collect();
    let sum: u128 = parts.iter().sum();
    let mut all: Vec<u128> = parts.iter().map(|part| 1_000_000_000_000_000_000 / sum * part).collect();
    let rest = 1_000_000_000_000_000_000 - all.iter().sum::<u128>();
    all[0] += rest;
    all
}

impl Pair {
    async fn block(&self) -> (u64, BlockStamp) {
        let block: Value = self.rpc.ask("eth_getBlockByNumber", ("latest", false)).await.unwrap();
        let time = u64::from_str_radix(block["timestamp"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
        let hash = block["hash"].as_str().unwrap().parse().unwrap();
        (time, BlockStamp { number: 1, hash, timestamp: Timestamp::from_secs(time) })
    }

    async fn facts(&self, at: &BlockStamp) -> PositionFacts {
        let questions = self.chain.calls().into_iter().map(|call| (call.target, call.data.to_vec())).collect();
        let answers: Vec<_> = self.rpc.read(questions).await.unwrap().into_iter().map(Ok).collect();
        self.chain.facts(&answers, at).unwrap()
    }

    /// Sends, and makes the next block, some time later: ramps are met on their way. Gives its time.
    async fn settle(&mut self, by_owner: bool, call: Call, rng: &mut fastrand::Rng) -> u64 {
        self.send(by_owner, call).await;
        let (now, _) = self.block().await;
        let next = now + rng.u64(1..4_000);
        self.rpc.mine(next, GasPrice::from_gwei(1)).await.unwrap();
        next
    }

    async fn send(&mut self, by_owner: bool, call: Call) {
        let order = Order {
            to: Some(call.target),
            data: call.data.to_vec(),
            gas: 1_000_000,
            max_fee: MAX_FEE,
            tip: GasPrice::from_gwei(1),
        };
        let account = if by_owner { &mut self.owner } else { &mut self.trader };
        self.rpc.send(account, &order).await.unwrap();
    }

    /// All that the vault lists of the pool, its own share first, each with no limit.
    fn all(&self) -> (Vec<Address>, Vec<U256>) {
        let tokens = self.chain.tokens().iter().map(|token| token.address);
        let assets: Vec<Address> = std::iter::once(self.chain.address()).chain(tokens).collect();
        let most = vec![U256::from(u128::MAX); assets.len()];
        (assets, most)
    }

    /// What the chain says of a swap: an amount, or Balancer's number of a revert.
    async fn ask(&self, given_in: bool, from: usize, to: usize, amount: u128) -> Result<u128, String> {
        let token = |at: usize| self.chain.tokens()[at].address;
        let single = IVault::SingleSwap {
            poolId: self.id,
            kind: u8::from(!given_in),
            assetIn: token(from),
            assetOut: token(to),
            amount: U256::from(amount),
            userData: alloy_primitives::Bytes::new(),
        };
        let somebody = self.trader.address;
        let funds = IVault::FundManagement {
            sender: somebody,
            fromInternalBalance: false,
            recipient: somebody,
            toInternalBalance: false,
        };
        let data = hex::encode_prefixed(IVault::querySwapCall { singleSwap: single, funds }.abi_encode());
        let request = json!({ "from": somebody, "to": self.queries, "data": data });
        match self.rpc.ask::<_, alloy_primitives::Bytes>("eth_call", (request, "latest")).await {
            Ok(answer) => Ok(U256::abi_decode(&answer).unwrap().to::<u128>()),
            Err(fault) => {
                let words = fault.to_string();
                let at = words.find("BAL#").unwrap_or_else(|| panic!("a revert without a number: {words}"));
                Err(words[at..at + 7].to_owned())
            }
        }
    }

    fn simulated(&self, given_in: bool, from: usize, to: usize, amount: u128, now: u64) -> Result<u128, String> {
        let quote =
            if given_in { self.memory.quote_in(from, to, amount, now) } else { self.memory.quote_out(from, to, amount, now) };
        let other = |traded: Traded| if given_in { traded.amount_out } else { traded.amount_in };
        quote.map(other).map_err(|fault| fault.to_string()[..7].to_owned())
    }
}

async fn world(rng: &mut fastrand::Rng) -> World {
    let search_path = Some("/usr/local/bin:/usr/bin:/bin".into());
    let tools = toolbox::find(&ToolboxOptions { search_path, ..ToolboxOptions::default() }).await.unwrap();
    let mut spec = |name: &str, coins: &[(Coin, u32)], fee_bps| PoolSpec {
        name: name.to_owned(),
        tokens: coins.iter().map(|(coin, target)| TokenSpec::percent(*coin, *target, 1, 99)).collect(),
        value: rng.u32(10_000..5_000_000),
        fee_bps,
        owner: Owner::Keeper,
        answer: None,
    };
    let three = spec("three", &[(Coin::Dai, 40), (Coin::Usdc, 35), (Coin::Usdt, 25)], 5);
    let equal = spec("equal", &[(Coin::Dai, 50), (Coin::Usdc, 50)], 100);
    let double = spec("double", &[(Coin::Usdc, 80), (Coin::Usdt, 20)], 1);
    let pools = vec![three, equal, double];
    let options = WorldOptions { pools, speed: 60.0, ..WorldOptions::new(tools, Timestamp::from_secs(1_780_000_000)) };
    World::start(options).await.unwrap()
}

async fn pair(world: &World, name: &str) -> Pair {
    let place = world.pool(name).unwrap();
    let token = |coin: &Coin| PoolToken { address: *world.addresses().tokens.get(*coin), decimals: coin.decimals() };
    let chain = ManagedPool::new(place.address, place.id, world.addresses().vault, place.coins.iter().map(token).collect());
    let chain = chain.owned_by(Some(world.addresses().provider)).with_brakes(true);
    let memory = Pool::born(Vec::new(), 0, 0, 0);
    let mut pair = Pair {
        rpc: world.rpc(),
        queries: world.addresses().queries,
        id: place.id,
        chain,
        owner: Account::new(world.addresses().keeper),
        trader: Account::new(world.addresses().provider),
        memory,
    };
    let (_, stamp) = pair.block().await;
    let facts = pair.facts(&stamp).await;
    let token =
        |((balance, weight), coin): ((&TokenAmount, &Weight), &Coin)| Token::still(coin.decimals(), balance.raw, weight.wad());
    let tokens = facts.balances.iter().zip(&facts.weights).zip(&place.coins).map(token).collect();
    let born = facts.ramp().start.secs();
    pair.memory = Pool::born(tokens, facts.swap_fee.wad(), facts.ownership.supply, born);
    pair
}

/// Compares what the breakers allow.
async fn same_breakers(pair: &Pair, now: u64, what: &str) {
    for (at, token) in pair.chain.tokens().iter().enumerate() {
        let call = IManagedPool::getCircuitBreakerStateCall { token: token.address };
        let request = json!({ "to": pair.chain.address(), "data": hex::encode_prefixed(call.abi_encode()) });
        let answer: alloy_primitives::Bytes = pair.rpc.ask("eth_call", (request, "latest")).await.unwrap();
        let state = IManagedPool::getCircuitBreakerStateCall::abi_decode_returns(&answer).unwrap();
        let ours = &pair.memory.tokens[at];
        let unit = U256::from(10).pow(U256::from(18 - ours.decimals));
        let weight = pair.memory.weight(at, now).unwrap();
        let (low, high) = ours.breaker.prices(weight).unwrap();
        assert_eq!(
            (state.lowerBptPriceBound / unit, state.upperBptPriceBound / unit),
            (low, high),
            "the least and the highest price of {at} after {what}"
        );
    }
}

/// Compares everything that can be seen, and asks for swaps of all sizes.
async fn compare(pair: &Pair, rng: &mut fastrand::Rng, what: &str) -> (u32, u32) {
    let (now, stamp) = pair.block().await;
    let facts = pair.facts(&stamp).await;
    let memory = &pair.memory;
    let ours = memory.facts(stamp, facts.ownership.treasury).unwrap();
    assert_eq!(ours, PositionFacts { touched: ours.touched, ..facts }, "after {what}");
    same_breakers(pair, now, what).await;
    let (mut given, mut refused) = (0, 0);
    for _ in 0..QUESTIONS {
        let (from, given_in) = (rng.usize(0..memory.tokens.len()), rng.bool());
        let to = (from + rng.usize(1..memory.tokens.len())) % memory.tokens.len();
        // From a few units to somewhat more than a pool takes.
        let balance = memory.tokens[if given_in { from } else { to }].balance;
        let amount = match rng.u8(0..4) {
            0 => rng.u128(1..1_000),
            1 => rng.u128(1..balance / 1_000),
            2 => rng.u128(1..balance / 4),
            _ => rng.u128(balance / 4..balance / 3),
        };
        let (real, ours) = (pair.ask(given_in, from, to, amount).await, pair.simulated(given_in, from, to, amount, now));
        assert_eq!(real, ours, "{amount} of {from} to {to}, given in: {given_in}, at {now} after {what}: {memory:?}");
        if real.is_ok() { given += 1 } else { refused += 1 }
    }
    (given, refused)
}

/// A random change between two points in time, the first of which may have passed when it is included.
fn span(rng: &mut fastrand::Rng, now: u64) -> Span {
    let start = now + rng.u64(0..9_000);
    Span { start, end: start + rng.u64(60..40_000) }
}

/// A random order of the pool's owner.
async fn order(pair: &Pair, rng: &mut fastrand::Rng) -> Plan {
    let count = pair.memory.tokens.len();
    let (duration, start_lead) = (Duration::ZERO, Duration::ZERO);
    // A pool that cannot be traded teaches little.
    let kind = if !pair.memory.swap_enabled && rng.bool() { 0 } else { rng.u8(0..5) };
    match kind {
        0 if pair.memory.swap_enabled => Plan::Freeze,
        0 => Plan::Open,
        1 | 2 => {
            let target = weights(rng, count).into_iter().map(Weight::from_wad).collect();
            let target = Allocation::exact(target).unwrap();
            Plan::Reweight(Reweight { target, duration, start_lead, expected_loss: None })
        }
        3 => {
            let [from, to] = [rng.u32(1..900), rng.u32(1..900)].map(SwapFee::from_bps);
            Plan::FeeRamp(FeeChange { from, to, duration, start_lead })
        }
        _ => {
            let (_, stamp) = pair.block().await;
            let facts = pair.facts(&stamp).await;
            let bound = |at: usize| BrakeBounds {
                reference_price: price_in_shares(&facts, at).unwrap(),
                lower: Weight::from_bps(rng.u32(7_000..9_990)),
                upper: Weight::from_bps(rng.u32(10_010..14_000)),
            };
            Plan::Brake(Brakes { bounds: (0..count).map(bound).collect() })
        }
    }
}

/// A proportional join for so many shares.
fn join(world: &World, pair: &Pair, shares: u128) -> Call {
    let (assets, most) = pair.all();
    let user_data = (U256::from(ALL_FOR_EXACT_SHARES), U256::from(shares)).abi_encode_params();
    let request = IVault::JoinPoolRequest { assets, maxAmountsIn: most, userData: user_data.into(), fromInternalBalance: false };
    let who = pair.trader.address;
    let call = IVault::joinPoolCall { poolId: pair.id, sender: who, recipient: who, request };
    Call { target: world.addresses().vault, data: call.abi_encode().into() }
}

/// Changes the pool on the chain and in memory by the same random step. What reverts there must fail here.
async fn change(world: &World, pair: &mut Pair, rng: &mut fastrand::Rng) -> String {
    let count = pair.memory.tokens.len();
    let shares = rng.u128(1..pair.memory.supply / 10);
    let (before, _) = pair.block().await;
    match rng.u8(0..10) {
        0..4 => {
            let (plan, span) = (order(pair, rng).await, span(rng, before));
            let call = pair.chain.order(&plan, Timestamp::from_secs(span.start), Timestamp::from_secs(span.end));
            let now = pair.settle(true, call, rng).await;
            let obeyed = pair.memory.obey(&plan, span, now);
            format!("{plan:?} over {span:?}: {obeyed:?}")
        }
        4 => {
            let now = pair.settle(false, join(world, pair, shares), rng).await;
            format!("a join for {shares} shares: {:?}", pair.memory.join(shares, now))
        }
        5 => {
            let plan = Plan::Exit(Exit { shares, least_out: vec![0; count] });
            let call = pair.chain.order(&plan, Timestamp::default(), Timestamp::default());
            pair.settle(false, call, rng).await;
            format!("an exit of {shares} shares: {:?}", pair.memory.exit(shares))
        }
        _ => {
            let from = rng.usize(0..count);
            let to = (from + rng.usize(1..count)) % count;
            let amount_in = rng.u128(1..pair.memory.tokens[from].balance / 5);
            let plan = Plan::Swap(Swap { asset_in: from, asset_out: to, amount_in, least_out: 0, expected_gain: Usd::ZERO });
            let call = pair.chain.order(&plan, Timestamp::default(), Timestamp::from_secs(u64::from(u32::MAX)));
            let now = pair.settle(false, call, rng).await;
            let quote = pair.memory.quote_in(from, to, amount_in, now);
            let traded = quote.and_then(|traded| pair.memory.trade(from, to, traded));
            format!("a swap of {amount_in} from {from} to {to}: {traded:?}")
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_random_steps_are_the_contracts_to_the_last_digit() {
    let mut rng = fastrand::Rng::with_seed(7);
    let world = world(&mut rng).await;
    for pool in ["three", "equal", "double"] {
        world.pause_arbitrage(pool).await.unwrap();
    }
    let (mut given, mut refused) = (0, 0);
    for name in ["three", "equal", "double"] {
        let mut pair = pair(&world, name).await;
        for _ in 0..CHANGES / 3 {
            let what = format!("{name}: {}", change(&world, &mut pair, &mut rng).await);
            let (yes, no) = compare(&pair, &mut rng, &what).await;
            (given, refused) = (given + yes, refused + no);
        }
    }
    assert!(given > 3_000 && refused > 2_000, "{given} swaps and {refused} refusals were compared");
    world.stop().await;
}
