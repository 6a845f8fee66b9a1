//! A market of Compound v3.
//!
//! `getSupplyRate` wants to be told the utilisation, which `getUtilization` gives in the same block, and a batch cannot hand the one to
//! the other. The utilisation of the block before would do most of the time, and be wrong when it matters. So the market is asked for
//! the four numbers that its curve is made of, which are as public, and the curve is drawn here. That it is drawn right is not taken for
//! granted: the market says in the same batch what it pays at points on either side of the bend, and where it says another number than
//! the curve, to the last digit, there is no yield. A market with another curve is one of those.

use std::sync::Arc;

use alloy_primitives::{Address, U256};

use super::contracts::IComet;
use super::{amount, is_for, read};
use crate::chain::contracts::question;
use crate::domain::position::BlockStamp;
use crate::domain::units::{Rounding, WAD, Weight, mul_div};
use crate::domain::yields::{Apr, Payer, Said, YieldFault, YieldReading};
use crate::ports::{Answer, Call, YieldSource};

/// Utilisations at which the curve is held against the market's own word: below every bend that is in use, above it, and at its end.
const PROBES: [u128; 3] = [WAD / 2, WAD * 97 / 100, WAD];

/// One market.
#[derive(Clone, Debug)]
pub struct CompoundMarket {
    payer: Arc<Payer>,
    comet: Address,
    asset: Address,
}

/// What lenders are paid for each second, in units of 1e-18: a line with a bend.
#[derive(Clone, Copy, Debug)]
struct Curve {
    kink: u128,
    base: u128,
    low: u128,
    high: u128,
}

impl Curve {
    /// The rate at a utilisation, rounded as the contract does.
    fn at(&self, utilisation: u128) -> Option<u128> {
        let part = |slope, of| mul_div(slope, of, WAD, Rounding::Down);
        let below = self.base.checked_add(part(self.low, utilisation.min(self.kink))?)?;
        below.checked_add(part(self.high, utilisation.saturating_sub(self.kink))?)
    }
}

impl CompoundMarket {
    /// The market `comet` for the token `asset`.
    #[must_use]
    pub const fn new(payer: Arc<Payer>, comet: Address, asset: Address) -> Self {
        Self { payer, comet, asset }
    }

    /// The market's curve, once it has said the same at every probe.
    fn curve(answers: &[Answer]) -> Result<Curve, YieldFault> {
        let curve = Curve {
            kink: amount(read::<IComet::supplyKinkCall>(answers, 3)?, "the bend of the curve")?,
            base: amount(read::<IComet::supplyPerSecondInterestRateBaseCall>(answers, 4)?, "the base rate")?,
            low: amount(read::<IComet::supplyPerSecondInterestRateSlopeLowCall>(answers, 5)?, "the lower slope")?,
            high: amount(read::<IComet::supplyPerSecondInterestRateSlopeHighCall>(answers, 6)?, "the upper slope")?,
        };
        for (place, probe) in (7..).zip(PROBES) {
            let told = read::<IComet::getSupplyRateCall>(answers, place)?;
            let drawn = curve.at(probe);
            if drawn != Some(u128::from(told)) {
                let drawn = drawn.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
                let at = Weight::from_wad(probe);
                return Err(YieldFault::Mismatched(format!("it pays {told} a second at {at}, by its own curve {drawn}")));
            }
        }
        Ok(curve)
    }
}

impl YieldSource for CompoundMarket {
    fn payer(&self) -> &Arc<Payer> {
        &self.payer
    }

    fn calls(&self) -> Vec<Call> {
        let market = [
            question(self.comet, &IComet::baseTokenCall {}),
            question(self.comet, &IComet::isWithdrawPausedCall {}),
            question(self.comet, &IComet::getUtilizationCall {}),
            question(self.comet, &IComet::supplyKinkCall {}),
            question(self.comet, &IComet::supplyPerSecondInterestRateBaseCall {}),
            question(self.comet, &IComet::supplyPerSecondInterestRateSlopeLowCall {}),
            question(self.comet, &IComet::supplyPerSecondInterestRateSlopeHighCall {}),
        ];
        let probe = |probe| question(self.comet, &IComet::getSupplyRateCall { utilization: U256::from(probe) });
        market.into_iter().chain(PROBES.map(probe)).collect()
    }

    fn reading(&self, answers: &[Answer], at: &BlockStamp) -> Result<YieldReading, YieldFault> {
        is_for(read::<IComet::baseTokenCall>(answers, 0)?, self.asset)?;
        if read::<IComet::isWithdrawPausedCall>(answers, 1)? {
            return Err(YieldFault::Closed("withdrawals are paused"));
        }
        let utilisation = amount(read::<IComet::getUtilizationCall>(answers, 2)?, "the utilisation")?;
        let rate = Self::curve(answers)?.at(utilisation).and_then(|rate| u64::try_from(rate).ok());
        let apy = rate.and_then(|rate| Apr::from_per_second(rate).compounded());
        let utilisation = Weight::from_wad(utilisation);
        let apy = apy.ok_or_else(|| YieldFault::Implausible(format!("the rate at a utilisation of {utilisation}")))?;
        Ok(YieldReading { said: Said::Rate { apy, share: None }, utilisation: Some(utilisation), block: *at })
    }
}
