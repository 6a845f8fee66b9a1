//! Contracts that pay on the world's coins: vaults with shares, and a lending pool. [`super::savings`] puts them to use.

use alloy::sol_types::SolValue;
use alloy_primitives::{Address, U256};

use super::bytecode;
use super::contracts::{ILendingReserve, ISavingsVault, IToken};
use super::deployer::Deployer;
use super::fault::WorldError;
use super::rpc::{Account, Rpc};

/// 10^27: the scale of what they pay.
const RAY: f64 = 1e27;
const YEAR: f64 = 31_536_000.0;

/// Sends a vault for a coin. Nobody has shares of it yet.
///
/// # Errors
/// The node refuses.
pub async fn deploy_vault(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    coin: Address,
    name: &str,
) -> Result<Address, WorldError> {
    let arguments = (coin, format!("Savings {name}"), format!("s{name}")).abi_encode_params();
    deployer.deploy(from, name, bytecode::creation(bytecode::SAVINGS_VAULT)?, arguments).await
}

/// Puts coins of the account into a vault.
///
/// # Errors
/// The node refuses.
pub async fn deposit(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    coin: Address,
    vault: Address,
    assets: U256,
) -> Result<(), WorldError> {
    deployer.call(from, coin, &IToken::approveCall { spender: vault, value: assets }).await?;
    deployer.call(from, vault, &ISavingsVault::depositCall { assets, receiver: from.address }).await
}

/// Makes a vault pay so much a year, interest on interest: 0.05 are 5 %.
///
/// # Errors
/// The node refuses.
pub async fn set_vault_apy(deployer: &mut Deployer<'_>, from: &mut Account, vault: Address, apy: f64) -> Result<(), WorldError> {
    let gain = (apy.ln_1p() / YEAR).exp_m1();
    let factor = U256::from(gain * RAY).saturating_add(U256::from(RAY));
    deployer.call(from, vault, &ISavingsVault::setRateCall { factor }).await
}

/// Makes a vault lose coins.
///
/// # Errors
/// The node refuses.
pub async fn lose(deployer: &mut Deployer<'_>, from: &mut Account, vault: Address, assets: U256) -> Result<(), WorldError> {
    deployer.call(from, vault, &ISavingsVault::loseCall { assets }).await
}

/// Sends a lending pool without reserves.
///
/// # Errors
/// The node refuses.
pub async fn deploy_pool(deployer: &mut Deployer<'_>, from: &mut Account) -> Result<Address, WorldError> {
    deployer.deploy(from, "LendingReserve", bytecode::creation(bytecode::LENDING_RESERVE)?, Vec::new()).await
}

/// Opens a reserve for a coin.
///
/// # Errors
/// The node refuses.
pub async fn list(deployer: &mut Deployer<'_>, from: &mut Account, pool: Address, coin: Address) -> Result<(), WorldError> {
    deployer.call(from, pool, &ILendingReserve::listCall { asset: coin }).await
}

/// The token that lenders of a coin get, once the reserve is open.
///
/// # Errors
/// The node is down.
pub async fn lender_token(rpc: &Rpc, pool: Address, coin: Address) -> Result<Address, WorldError> {
    Ok(rpc.call(pool, &ILendingReserve::getReserveDataCall { asset: coin }).await?.aTokenAddress)
}

/// Makes a reserve pay so much a year, without interest on interest: 0.05 are 5 %.
///
/// # Errors
/// The node refuses.
pub async fn set_reserve_apr(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    pool: Address,
    coin: Address,
    apr: f64,
) -> Result<(), WorldError> {
    let rate = U256::from(apr * RAY).saturating_to::<u128>();
    deployer.call(from, pool, &ILendingReserve::setLiquidityRateCall { asset: coin, rate }).await
}

/// Lends coins of the account to a reserve.
///
/// # Errors
/// The node refuses.
pub async fn supply(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    pool: Address,
    coin: Address,
    amount: U256,
) -> Result<(), WorldError> {
    deployer.call(from, coin, &IToken::approveCall { spender: pool, value: amount }).await?;
    let supply = ILendingReserve::supplyCall { asset: coin, amount, onBehalfOf: from.address, referralCode: 0 };
    deployer.call(from, pool, &supply).await
}

/// Borrows coins from a reserve.
///
/// # Errors
/// The node refuses.
pub async fn borrow(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    pool: Address,
    coin: Address,
    amount: U256,
) -> Result<(), WorldError> {
    let (mode, borrower) = (U256::from(2u8), from.address);
    let borrow =
        ILendingReserve::borrowCall { asset: coin, amount, interestRateMode: mode, referralCode: 0, onBehalfOf: borrower };
    deployer.call(from, pool, &borrow).await
}

/// Closes a reserve, or opens it again.
///
/// # Errors
/// The node refuses.
pub async fn set_paused(
    deployer: &mut Deployer<'_>,
    from: &mut Account,
    pool: Address,
    coin: Address,
    paused: bool,
) -> Result<(), WorldError> {
    deployer.call(from, pool, &ILendingReserve::setPausedCall { asset: coin, paused }).await
}
