//! Our weighted maths against the contracts' own.

use alloy::sol_types::SolValue;
use alloy_primitives::{Address, U256, address};

use super::{START, tools};
use crate::devnet::anvil::{Anvil, AnvilOptions};
use crate::devnet::balancer::{self, NewPool};
use crate::devnet::batch::{raw, whole};
use crate::devnet::bytecode;
use crate::devnet::contracts::{IManagedPool, IToken, IVault};
use crate::devnet::deployer::Deployer;
use crate::devnet::rpc::{Account, Rpc};
use crate::domain::units::GasPrice;
use crate::simulation::arbitrage::{Side, out_given_in};

const DEPLOYER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
const POOLS: usize = 12;
const TRADES: usize = 5;

/// A small generator of our own (splitmix64): the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
}

/// Relative error allowed: the contracts' power function rounds by up to 1e-14 against the trader, and on a trade of a thousandth of
/// the balance that is 1e-11; the rest is one smallest unit of a token of 6 decimals, which comes on top.
const TOLERANCE: f64 = 1e-9;

#[tokio::test]
async fn sixty_random_swaps_give_what_the_contracts_say() {
    let tools = tools();
    let base_fee = GasPrice::from_gwei(1);
    let node = Anvil::start(&tools.anvil, AnvilOptions { genesis: START, gas_limit: 1_000_000_000, base_fee, history: true })
        .await
        .unwrap();
    let rpc = Rpc::connect(&node.http_url()).unwrap();
    let (mut deployer, mut from) = (Deployer::new(&rpc, START.secs() + 1, base_fee), Account::new(DEPLOYER));
    let mut dice = Dice(7);

    let weth = bytecode::creation(bytecode::WRAPPED_ETHER).unwrap();
    let weth = deployer.deploy(&mut from, "WETH", weth, Vec::new()).await.unwrap();
    let balancer = balancer::deploy(&mut deployer, &mut from, &tools.contracts, weth).await.unwrap();
    let mut tokens = Vec::new();
    for decimals in [6u8, 6, 8, 18, 18] {
        let arguments = ("Token".to_owned(), "T".to_owned(), U256::from(decimals)).abi_encode_params();
        let code = bytecode::creation(bytecode::TEST_TOKEN).unwrap();
        let token = deployer.deploy(&mut from, "token", code, arguments).await.unwrap();
        deployer
            .call(&mut from, token, &IToken::mintCall { to: DEPLOYER, value: U256::from(raw(1e12, decimals)) })
            .await
            .unwrap();
        deployer.call(&mut from, token, &IToken::approveCall { spender: balancer.vault, value: U256::MAX }).await.unwrap();
        tokens.push((token, decimals));
    }
    tokens.sort_unstable();
    let mut pools = Vec::new();
    for number in 0..POOLS {
        let skip = number % tokens.len();
        let held: Vec<(Address, u8)> = tokens.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, token)| *token).collect();
        let parts: Vec<u128> = held.iter().map(|_| raw(dice.between(0.05, 1.0), 15)).collect();
        let sum: u128 = parts.iter().sum();
        let mut weights: Vec<u128> = parts.iter().map(|part| part * 1_000_000_000_000_000_000 / sum).collect();
        weights[0] += 1_000_000_000_000_000_000 - weights.iter().sum::<u128>();
        let amount = |dice: &mut Dice, decimals| U256::from(raw(10f64.powf(dice.between(4.0, 7.0)), decimals));
        pools.push(NewPool {
            name: format!("p{number}"),
            tokens: held.iter().map(|(token, _)| *token).collect(),
            weights: weights.into_iter().map(U256::from).collect(),
            amounts: held.iter().map(|(_, decimals)| amount(&mut dice, *decimals)).collect(),
            swap_fee: U256::from(raw(dice.between(0.0001, 0.01), 18)),
            owner: DEPLOYER,
        });
    }
    balancer::create(&mut deployer, &mut from, &balancer, &pools).await.unwrap();
    let places = balancer::created(&rpc, &deployer.settle().await.unwrap()).await.unwrap();
    for (pool, place) in pools.iter().zip(&places) {
        balancer::initialise(&mut deployer, &mut from, &balancer, *place, pool).await.unwrap();
    }
    deployer.settle().await.unwrap();

    let mut worst = 0.0f64;
    for (pool, (place, id)) in pools.iter().zip(places) {
        let weights = rpc.call(place, &IManagedPool::getNormalizedWeightsCall {}).await.unwrap();
        let held = rpc.call(balancer.vault, &IVault::getPoolTokensCall { poolId: id }).await.unwrap();
        let decimals = |at: usize| tokens.iter().find(|(token, _)| *token == pool.tokens[at]).unwrap().1;
        let side =
            |at: usize| Side { balance: whole(held.balances[at + 1].to(), decimals(at)), weight: whole(weights[at].to(), 18) };
        for trade in 0..TRADES {
            let (i, o) = (trade % 4, (trade + 1 + trade / 4) % 4);
            let amount = raw(side(i).balance * 10f64.powf(dice.between(-3.0, -0.53)), decimals(i));
            let ours = out_given_in(side(i), side(o), whole(amount, decimals(i)), whole(pool.swap_fee.to(), 18));
            let call = IVault::querySwapCall {
                singleSwap: IVault::SingleSwap {
                    poolId: id,
                    kind: 0,
                    assetIn: pool.tokens[i],
                    assetOut: pool.tokens[o],
                    amount: U256::from(amount),
                    userData: alloy_primitives::Bytes::new(),
                },
                funds: IVault::FundManagement {
                    sender: DEPLOYER,
                    fromInternalBalance: false,
                    recipient: DEPLOYER,
                    toInternalBalance: false,
                },
            };
            let ours = ours.unwrap();
            let theirs = whole(rpc.call(balancer.queries, &call).await.unwrap().to(), decimals(o));
            let unit = 10f64.powi(-i32::from(decimals(o)));
            let error = ((ours - theirs).abs() - unit).max(0.0) / theirs;
            worst = worst.max(error);
            assert!(error < TOLERANCE, "{ours} {theirs} {error:e}");
        }
    }
    println!("worst relative error beyond one unit: {worst:e}");
}
