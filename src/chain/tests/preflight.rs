//! The check at the start, against made-up contracts.

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, I256, U256, aliases::U80};

use super::anvil::{Anvil, CHAIN_ID, READER, Reply, contract};
use crate::chain::contracts::{IAggregator, IERC20, IManagedPool, IVault};
use crate::chain::preflight::{FeedClaim, PoolClaim, TokenClaim, clear, clear_all};
use crate::ports::Position;

const POOL: Address = Address::repeat_byte(0x10);
const VAULT: Address = Address::repeat_byte(0x20);
const DAI: Address = Address::repeat_byte(0x31);
const USDC: Address = Address::repeat_byte(0x32);
const FEED: Address = Address::repeat_byte(0x40);
const KEEPER: Address = Address::repeat_byte(0x50);
const STRANGER: Address = Address::repeat_byte(0x60);
const NOWHERE: Address = Address::repeat_byte(0x70);

fn reply<C: SolCall>(answer: &C::Return) -> ([u8; 4], Reply) {
    (C::SELECTOR, Reply::Return(C::abi_encode_returns(answer)))
}

async fn world(owner: Address) -> Anvil {
    let anvil = Anvil::start(&[]);
    let halves = vec![U256::from(500_000_000_000_000_000u64); 2];
    let (zero, one) = (U256::ZERO, U80::from(1u8));
    let pause = IVault::getPausedStateReturn { paused: false, pauseWindowEndTime: zero, bufferPeriodEndTime: zero };
    let ramp = IManagedPool::getGradualWeightUpdateParamsReturn {
        startTime: U256::from(1),
        endTime: U256::from(1),
        startWeights: halves.clone(),
        endWeights: halves.clone(),
    };
    let fee = IManagedPool::getGradualSwapFeeUpdateParamsReturn {
        startTime: U256::from(1),
        endTime: U256::from(1),
        startFee: U256::from(7),
        endFee: U256::from(7),
    };
    let pool = contract(&[
        reply::<IManagedPool::getPoolIdCall>(&B256::repeat_byte(9)),
        reply::<IManagedPool::getVaultCall>(&VAULT),
        reply::<IManagedPool::getOwnerCall>(&owner),
        reply::<IManagedPool::getNormalizedWeightsCall>(&halves),
        reply::<IManagedPool::getGradualWeightUpdateParamsCall>(&ramp),
        reply::<IManagedPool::getSwapEnabledCall>(&true),
        reply::<IVault::getPausedStateCall>(&pause),
        reply::<IManagedPool::getGradualSwapFeeUpdateParamsCall>(&fee),
        reply::<IManagedPool::getSwapFeePercentageCall>(&U256::from(7)),
        reply::<IManagedPool::getActualSupplyCall>(&U256::from(11)),
        reply::<IManagedPool::balanceOfCall>(&zero),
    ]);
    let listed = IVault::getPoolTokensReturn {
        tokens: vec![POOL, DAI, USDC],
        balances: vec![U256::MAX, U256::from(5), U256::from(6)],
        lastChangeBlock: zero,
    };
    let vault = contract(&[reply::<IVault::getPoolTokensCall>(&listed), reply::<IVault::getPausedStateCall>(&pause)]);
    let round = IAggregator::latestRoundDataReturn {
        roundId: one,
        answer: I256::try_from(100_000_000).unwrap(),
        startedAt: zero,
        updatedAt: U256::from(1),
        answeredInRound: one,
    };
    let feed = contract(&[
        reply::<IAggregator::decimalsCall>(&8),
        reply::<IAggregator::descriptionCall>(&"USDC / USD".to_owned()),
        reply::<IAggregator::latestRoundDataCall>(&round),
    ]);
    for (at, code) in [
        (POOL, pool),
        (VAULT, vault),
        (DAI, contract(&[reply::<IERC20::decimalsCall>(&18)])),
        (USDC, contract(&[reply::<IERC20::decimalsCall>(&6)])),
        (FEED, feed),
    ] {
        anvil.put(at, &code).await;
    }
    anvil.mine(1).await;
    anvil
}

fn claim() -> PoolClaim {
    let token = |name: &str, token, decimals| TokenClaim { place: format!("assets.{name}"), token, decimals };
    PoolClaim {
        place: "pools/alpha.toml".to_owned(),
        chain_id: CHAIN_ID,
        pool: POOL,
        keeper: KEEPER,
        sends: true,
        tokens: vec![token("DAI", DAI, 18), token("USDC", USDC, 6)],
        feeds: vec![FeedClaim { place: "assets.USDC.feed".to_owned(), proxy: FEED, decimals: 8 }],
    }
}

async fn faults(anvil: &Anvil, claim: &PoolClaim) -> Vec<String> {
    clear(&anvil.node(), &READER, claim).await.unwrap_err().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_true_claim_gives_a_pool_that_can_be_read() {
    let anvil = world(KEEPER).await;
    let cleared = clear(&anvil.node(), &READER, &claim()).await.unwrap();
    assert_eq!(cleared.feeds, ["USDC / USD"]);
    assert_eq!((cleared.pool.address(), cleared.pool.tokens().len(), cleared.pool.calls().len()), (POOL, 2, 10));
    assert_eq!(clear_all(&anvil.node(), &READER, &[claim(), claim()]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let anvil = world(STRANGER).await;
    let mut claim = claim();
    claim.tokens[0].decimals = 6;
    claim.tokens[1].token = NOWHERE;
    claim.feeds[0].decimals = 18;
    claim.feeds.push(FeedClaim { place: "assets.DAI.feed".to_owned(), proxy: DAI, decimals: 18 });
    let faults = faults(&anvil, &claim).await;
    let starts = [
        "assets.DAI: found a token with 18 decimals; expected 6 decimals. ",
        "assets.USDC: found no contract at 0x7070707070707070707070707070707070707070; expected the contract of the token. ",
        "assets.USDC.feed: found a feed with 8 decimals; expected 18 decimals. ",
        "assets.DAI.feed: found 0x3131313131313131313131313131313131313131, whose latestRoundData cannot be read: it failed without a reason; ",
        "assets.DAI.feed: found 0x3131313131313131313131313131313131313131, whose description cannot be read: ",
        "pools/alpha.toml: found a pool owned by another account, 0x6060606060606060606060606060606060606060; expected the keeper ",
        "pools/alpha.toml: found a pool of 0x3131313131313131313131313131313131313131, 0x3232323232323232323232323232323232323232; ",
    ];
    assert_eq!(faults.len(), starts.len(), "{faults:#?}");
    for (fault, start) in faults.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}\n{start}");
    }
}

#[tokio::test]
async fn an_owner_is_told_by_its_kind_and_a_stranger_for_a_pool() {
    let delegate: Address = "0xBA1BA1ba1BA1bA1bA1Ba1BA1ba1BA1bA1ba1ba1B".parse().unwrap();
    for (owner, kind) in [(delegate, "Balancer's governance"), (VAULT, "a contract"), (STRANGER, "another account")] {
        let anvil = world(owner).await;
        let faults = faults(&anvil, &claim()).await;
        assert!(faults.len() == 1 && faults[0].contains(&format!("owned by {kind}")), "{faults:?}");
    }
    let anvil = world(KEEPER).await;
    let other = faults(&anvil, &PoolClaim { pool: DAI, ..claim() }).await;
    assert!(other.len() == 1 && other[0].contains("whose getPoolId cannot be read"), "{other:?}");
    let nothing = faults(&anvil, &PoolClaim { pool: NOWHERE, ..claim() }).await;
    assert!(nothing.len() == 1 && nothing[0].contains("no contract at"), "{nothing:?}");
    let mut swapped = claim();
    swapped.tokens.reverse();
    let swapped = faults(&anvil, &swapped).await;
    assert!(swapped.len() == 1 && swapped[0].contains("in its order"), "{swapped:?}");
}

#[tokio::test]
async fn on_another_chain_or_none_only_that_is_told() {
    let mut anvil = world(STRANGER).await;
    let other = faults(&anvil, &PoolClaim { chain_id: 1, ..claim() }).await;
    assert!(other.len() == 1 && other[0].starts_with("the node of chain 1: found a node of chain 31337; "), "{other:?}");
    anvil.kill();
    let dead = clear_all(&anvil.node(), &READER, &[claim(), claim()]).await.unwrap_err();
    assert!(dead.len() == 1 && dead[0].place == "the node of chain 31337", "{dead:?}");
}
