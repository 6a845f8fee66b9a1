//! Maker's savings rate for DAI (`dsr`, in the Pot) and Sky's for USDS (`ssr`, in the savings token).
//!
//! The rate is a factor for each second. What a share is worth is written down only now and then (`chi`, at the time `rho`), and grows by
//! the factor from there: the same sum that the contracts make. Nothing is lent out, and everybody can leave.

use std::sync::Arc;

use alloy_primitives::{Address, U256};

use super::contracts::{IERC4626, ISavingsRate};
use super::{is_for, read};
use crate::chain::contracts::question;
use crate::domain::position::BlockStamp;
use crate::domain::units::{Timestamp, WAD};
use crate::domain::yields::{Apy, Payer, RAY, Rate, Said, YieldFault, YieldReading, ray_power};
use crate::ports::{Answer, Call, YieldSource};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavingsKind {
    /// Maker's: the Pot cannot be asked which coin it is for.
    Dsr,
    /// Sky's, for the coin with this token.
    Ssr(Address),
}

/// One contract.
#[derive(Clone, Debug)]
pub struct SavingsRate {
    payer: Arc<Payer>,
    place: Address,
    kind: SavingsKind,
}

impl SavingsRate {
    /// The rate that the contract at `place` pays.
    #[must_use]
    pub const fn new(payer: Arc<Payer>, place: Address, kind: SavingsKind) -> Self {
        Self { payer, place, kind }
    }

    fn factor(&self, answers: &[Answer]) -> Result<U256, YieldFault> {
        match self.kind {
            SavingsKind::Dsr => read::<ISavingsRate::dsrCall>(answers, 0),
            SavingsKind::Ssr(asset) => {
                is_for(read::<IERC4626::assetCall>(answers, 3)?, asset)?;
                read::<ISavingsRate::ssrCall>(answers, 0)
            }
        }
    }

    /// What a share is worth now.
    fn share(factor: U256, answers: &[Answer], at: &BlockStamp) -> Result<Rate, YieldFault> {
        let (chi, rho) = (read::<ISavingsRate::chiCall>(answers, 1)?, read::<ISavingsRate::rhoCall>(answers, 2)?);
        let written = u64::try_from(rho).ok().map(Timestamp::from_secs).filter(|written| *written <= at.timestamp);
        let written = written.ok_or_else(|| YieldFault::Implausible(format!("a share's worth was written down at {rho}")))?;
        let worth = ray_power(factor, at.timestamp.since(written).as_secs()).and_then(|growth| growth.checked_mul(chi));
        let wad = worth.and_then(|worth| u128::try_from(worth / U256::from(RAY) / U256::from(RAY / WAD)).ok());
        let rate = wad.and_then(Rate::from_wad);
        rate.ok_or_else(|| YieldFault::Implausible(format!("a share that was worth {chi} in units of 1e-27 at {rho}")))
    }
}

impl YieldSource for SavingsRate {
    fn payer(&self) -> &Arc<Payer> {
        &self.payer
    }

    fn calls(&self) -> Vec<Call> {
        let (chi, rho) = (question(self.place, &ISavingsRate::chiCall {}), question(self.place, &ISavingsRate::rhoCall {}));
        match self.kind {
            SavingsKind::Dsr => vec![question(self.place, &ISavingsRate::dsrCall {}), chi, rho],
            SavingsKind::Ssr(_) => {
                vec![question(self.place, &ISavingsRate::ssrCall {}), chi, rho, question(self.place, &IERC4626::assetCall {})]
            }
        }
    }

    fn reading(&self, answers: &[Answer], at: &BlockStamp) -> Result<YieldReading, YieldFault> {
        let factor = self.factor(answers)?;
        let implausible = || YieldFault::Implausible(format!("a factor of {factor} a second in units of 1e-27"));
        let apy = Apy::from_factor(factor).ok_or_else(implausible)?;
        let share = Self::share(factor, answers, at)?;
        Ok(YieldReading { said: Said::Rate { apy, share: Some(share) }, utilisation: None, block: *at })
    }
}
