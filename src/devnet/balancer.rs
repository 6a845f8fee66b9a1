//! Deploys Balancer V2 from its published byte code, and creates managed pools on it.

use std::path::Path;

use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::{Address, B256, U256};

use super::batch::wad_of_bps;
use super::bytecode;
use super::contracts::{IManagedPool, IManagedPoolFactory, IVault};
use super::deployer::{Deployer, events};
use super::fault::WorldError;
use super::rpc::{Account, Rpc};

const POOL_TASK: &str = "20221021-managed-pool";
const BREAKERS: (&str, &str) = ("CircuitBreakerLib", "contracts/lib/CircuitBreakerLib.sol:CircuitBreakerLib");
const TOKEN_LIST: (&str, &str) =
    ("ManagedPoolAddRemoveTokenLib", "contracts/managed/ManagedPoolAddRemoveTokenLib.sol:ManagedPoolAddRemoveTokenLib");
/// How long the makers of the Vault could pause it, and how long a pause could last: as on the main network.
const PAUSE_WINDOW: u64 = 90 * 86_400;
const PAUSE_BUFFER: u64 = 30 * 86_400;
/// Highest protocol fee that the provider may ever set: half.
const MOST_FEE_BPS: u32 = 5_000;
/// The provider's number of the fee on assets under management.
const AUM_FEE: u8 = 3;

/// Balancer's own contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// Holds all tokens of all pools.
    pub vault: Address,
    /// Answers what a swap would give.
    pub queries: Address,
    /// Makes managed pools.
    pub factory: Address,
}

/// A pool to be made. Its lists have one entry for each token, tokens in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPool {
    /// Its name.
    pub name: String,
    /// Its tokens.
    pub tokens: Vec<Address>,
    /// Weights at the beginning, 1e18 = all; they sum to exactly that.
    pub weights: Vec<U256>,
    /// Smallest units that the first provider of liquidity brings.
    pub amounts: Vec<U256>,
    /// Fee on what goes in, 1e18 = all.
    pub swap_fee: U256,
    /// Who may change it, for ever.
    pub owner: Address,
}

/// Sends all contracts. They exist once the deployer has settled.
///
/// # Errors
/// Byte code is missing, or the node refuses.
pub async fn deploy(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    contracts: &Path,
    wrapped_ether: Address,
) -> Result<Balancer, WorldError> {
    let code = |task: &str, name: &str, libraries: &[_]| bytecode::balancer(contracts, task, name, libraries);
    let authorizer = code("20210418-authorizer", "Authorizer", &[])?;
    let authorizer = deployer.deploy(from, "Authorizer", authorizer, from.address.abi_encode()).await?;
    let arguments = (authorizer, wrapped_ether, U256::from(PAUSE_WINDOW), U256::from(PAUSE_BUFFER)).abi_encode_params();
    let vault = deployer.deploy(from, "Vault", code("20210418-vault", "Vault", &[])?, arguments).await?;

    let provider = code("20220725-protocol-fee-percentages-provider", "ProtocolFeePercentagesProvider", &[])?;
    let arguments = (vault, wad_of_bps(MOST_FEE_BPS), wad_of_bps(MOST_FEE_BPS)).abi_encode_params();
    let provider = deployer.deploy(from, "ProtocolFeePercentagesProvider", provider, arguments).await?;
    let queries = code("20220721-balancer-queries", "BalancerQueries", &[])?;
    let queries = deployer.deploy(from, "BalancerQueries", queries, vault.abi_encode()).await?;

    let mut libraries = Vec::new();
    for (name, full_name) in [BREAKERS, TOKEN_LIST] {
        let library = deployer.deploy(from, name, code(POOL_TASK, name, &[])?, Vec::new()).await?;
        libraries.push((full_name, library));
    }
    let factory = code(POOL_TASK, "ManagedPoolFactory", &libraries)?;
    let factory = deployer.deploy(from, "ManagedPoolFactory", factory, (vault, provider).abi_encode_params()).await?;
    Ok(Balancer { vault, queries, factory })
}

/// Asks the factory for pools. They exist once the deployer has settled; [`created`] then tells where.
///
/// # Errors
/// The node refuses.
pub async fn create(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    balancer: &Balancer,
    pools: &[NewPool],
) -> Result<(), WorldError> {
    for pool in pools {
        let params = IManagedPoolFactory::NewPoolParams {
            name: format!("Ballast demo: {}", pool.name),
            symbol: format!("B-{}", pool.name),
            tokens: pool.tokens.clone(),
            normalizedWeights: pool.weights.clone(),
            assetManagers: vec![Address::ZERO; pool.tokens.len()],
            swapFeePercentage: pool.swap_fee,
            swapEnabledOnStart: true,
            mustAllowlistLPs: false,
            managementAumFeePercentage: U256::ZERO,
            aumFeeId: U256::from(AUM_FEE),
        };
        let call = IManagedPoolFactory::createCall { poolParams: params, owner: pool.owner };
        deployer.call(from, balancer.factory, &call).await?;
    }
    Ok(())
}

/// Address and id of each pool that a block created, in the order of their creation.
///
/// # Errors
/// The node is down or a pool does not answer.
pub async fn created(rpc: &Rpc, receipts: &[TransactionReceipt]) -> Result<Vec<(Address, B256)>, WorldError> {
    let places: Vec<Address> = events::<IManagedPoolFactory::PoolCreated>(receipts).iter().map(|event| event.pool).collect();
    let ask_id = |place: &Address| (*place, IManagedPool::getPoolIdCall {}.abi_encode());
    let ids = rpc.read(places.iter().map(ask_id).collect()).await?;
    let decode = |(place, id): (Address, &alloy_primitives::Bytes)| {
        let id = IManagedPool::getPoolIdCall::abi_decode_returns(id).map_err(WorldError::decode("a pool id"))?;
        Ok((place, id))
    };
    places.into_iter().zip(&ids).map(decode).collect()
}

/// Puts the first liquidity into a pool. The provider must have approved the Vault.
///
/// # Errors
/// The node refuses.
pub async fn initialise(
    deployer: &mut Deployer<'_>,
    provider: &mut Account,
    balancer: &Balancer,
    (place, id): (Address, B256),
    pool: &NewPool,
) -> Result<(), WorldError> {
    // The pool's own share token is the first of its tokens, and the only one that the user data leaves out.
    let request = IVault::JoinPoolRequest {
        assets: std::iter::once(place).chain(pool.tokens.iter().copied()).collect(),
        maxAmountsIn: std::iter::once(U256::MAX).chain(pool.amounts.iter().copied()).collect(),
        userData: (U256::ZERO, pool.amounts.clone()).abi_encode_params().into(),
        fromInternalBalance: false,
    };
    let call = IVault::joinPoolCall { poolId: id, sender: provider.address, recipient: provider.address, request };
    deployer.call(provider, balancer.vault, &call).await
}

/// The call that swaps an exact amount through the Vault.
#[must_use]
pub fn swap(
    trader: Address,
    id: B256,
    (from, to): (Address, Address),
    amount: U256,
    least_out: U256,
    deadline: U256,
) -> IVault::swapCall {
    let single =
        IVault::SingleSwap { poolId: id, kind: 0, assetIn: from, assetOut: to, amount, userData: alloy_primitives::Bytes::new() };
    let funds =
        IVault::FundManagement { sender: trader, fromInternalBalance: false, recipient: trader, toInternalBalance: false };
    IVault::swapCall { singleSwap: single, funds, limit: least_out, deadline }
}
