//! Places where the world's coins earn: a reserve of DAI that speaks Aave's interface, and a vault of USDC that speaks ERC-4626.

use alloy_primitives::{Address, U256, address};

use super::coins::Coin;
use super::contracts::IToken;
use super::deployer::Deployer;
use super::fault::WorldError;
use super::handle::WorldHandle;
use super::rpc::Account;
use super::yields;
use crate::domain::units::GasPrice;

/// The last of the node's unlocked accounts: nobody else in the world uses it.
pub const SAVER: Address = address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720");
/// Well above what a block of a quiet world charges.
const BASE_FEE: GasPrice = GasPrice::from_gwei(30);
/// What the reserve pays in a year, without interest on interest.
const RESERVE_APR: f64 = 0.04;
/// What the vault pays in a year, with it.
const VAULT_APY: f64 = 0.05;
/// Coins in each of them.
const SAVED: u64 = 1_000_000;

/// Where coins earn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Savings {
    /// The lending pool: DAI earns 4 % in it, and half of it is lent out.
    pub pool: Address,
    /// What lenders of DAI hold.
    pub a_token: Address,
    /// The vault, whose shares earn 5 % in USDC.
    pub vault: Address,
}

impl WorldHandle {
    /// Builds both, in a few blocks that it makes itself.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn open_savings(&self) -> Result<Savings, WorldError> {
        let (rpc, mut saver) = (self.rpc(), Account::new(SAVER));
        let saver = &mut saver;
        let (dai, usdc) = (*self.addresses().tokens.get(Coin::Dai), *self.addresses().tokens.get(Coin::Usdc));
        let coins = |decimals: u8| U256::from(SAVED).saturating_mul(U256::from(10).saturating_pow(U256::from(decimals)));
        let (dais, usdcs) = (coins(Coin::Dai.decimals()), coins(Coin::Usdc.decimals()));
        // What a transaction needs of the one before is in a block before it is sent.
        let mut first = Deployer::new(&rpc, 0, BASE_FEE);
        let pool = yields::deploy_pool(&mut first, saver).await?;
        let vault = yields::deploy_vault(&mut first, saver, usdc, "USDC").await?;
        first.call(saver, dai, &IToken::mintCall { to: SAVER, value: dais }).await?;
        first.call(saver, usdc, &IToken::mintCall { to: SAVER, value: usdcs }).await?;
        self.mine().await?;
        let mut second = Deployer::new(&rpc, 0, BASE_FEE);
        yields::list(&mut second, saver, pool, dai).await?;
        yields::deposit(&mut second, saver, usdc, vault, usdcs).await?;
        self.mine().await?;
        let mut third = Deployer::new(&rpc, 0, BASE_FEE);
        yields::supply(&mut third, saver, pool, dai, dais).await?;
        yields::set_vault_apy(&mut third, saver, vault, VAULT_APY).await?;
        self.mine().await?;
        let mut fourth = Deployer::new(&rpc, 0, BASE_FEE);
        yields::set_reserve_apr(&mut fourth, saver, pool, dai, RESERVE_APR).await?;
        yields::borrow(&mut fourth, saver, pool, dai, dais.div_ceil(U256::from(2))).await?;
        self.mine().await?;
        let a_token = yields::lender_token(&rpc, pool, dai).await?;
        Ok(Savings { pool, a_token, vault })
    }
}
