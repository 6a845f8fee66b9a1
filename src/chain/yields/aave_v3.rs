//! A reserve of Aave v3.
//!
//! The rate is linear interest for a year, and holds until somebody brings or takes something; an old time of the last change is no
//! fault. What can be taken out is what lies in the reserve's token: of the coin that it holds, and of what it owes.

use std::sync::Arc;

use alloy_primitives::{Address, U256};

use super::contracts::IAavePool;
use super::{amount, lent_out, read};
use crate::chain::contracts::{IERC20, question};
use crate::domain::position::BlockStamp;
use crate::domain::yields::{Apr, Payer, Said, YieldFault, YieldReading};
use crate::ports::{Answer, Call, YieldSource};

/// Bits of the reserve's configuration.
const ACTIVE: usize = 56;
const PAUSED: usize = 60;

/// One reserve.
#[derive(Clone, Debug)]
pub struct AaveReserve {
    payer: Arc<Payer>,
    pool: Address,
    asset: Address,
    a_token: Address,
}

impl AaveReserve {
    /// The reserve of the token `asset` in `pool`, where `a_token` is what lenders get for it.
    #[must_use]
    pub const fn new(payer: Arc<Payer>, pool: Address, asset: Address, a_token: Address) -> Self {
        Self { payer, pool, asset, a_token }
    }
}

impl YieldSource for AaveReserve {
    fn payer(&self) -> &Arc<Payer> {
        &self.payer
    }

    fn calls(&self) -> Vec<Call> {
        vec![
            question(self.pool, &IAavePool::getReserveDataCall { asset: self.asset }),
            question(self.asset, &IERC20::balanceOfCall { account: self.a_token }),
            question(self.a_token, &IERC20::totalSupplyCall {}),
        ]
    }

    fn reading(&self, answers: &[Answer], at: &BlockStamp) -> Result<YieldReading, YieldFault> {
        let reserve = read::<IAavePool::getReserveDataCall>(answers, 0)?;
        // The balances that were asked for are those of the configured token: of another one they would say nothing.
        if reserve.aTokenAddress != self.a_token {
            let found = reserve.aTokenAddress;
            return Err(YieldFault::Mismatched(format!("the reserve's token is {found}, {} is configured", self.a_token)));
        }
        let is_set = |bit: usize| (reserve.configuration >> bit) & U256::from(1u8) == U256::from(1u8);
        if !is_set(ACTIVE) {
            return Err(YieldFault::Closed("the reserve is not active"));
        }
        if is_set(PAUSED) {
            return Err(YieldFault::Closed("the reserve is paused"));
        }
        let there = amount(read::<IERC20::balanceOfCall>(answers, 1)?, "what the reserve holds")?;
        let owed = amount(read::<IERC20::totalSupplyCall>(answers, 2)?, "what the reserve owes")?;
        let rate = reserve.currentLiquidityRate;
        let apy = Apr::from_ray(rate).compounded();
        let apy = apy.ok_or_else(|| YieldFault::Implausible(format!("a rate of {rate} in units of 1e-27 a year")))?;
        let said = Said::Rate { apy, share: None };
        Ok(YieldReading { said, utilisation: Some(lent_out(there, owed)), block: *at })
    }
}
