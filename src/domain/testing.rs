//! Positions and numbers for the tests of the core.

use alloy_primitives::B256;

use crate::domain::policy::Policy;
use crate::domain::position::{BlockStamp, Controls, FeeRamp, Ownership, PositionFacts, Ramp};
use crate::domain::schedule::Schedule;
use crate::domain::units::{SwapFee, Timestamp, TokenAmount, Usd, WAD, Weight};

/// A Wednesday.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_049_600);

pub(crate) fn bps(weights: &[u32]) -> Vec<Weight> {
    weights.iter().map(|w| Weight::from_bps(*w)).collect()
}

pub(crate) fn usd(dollars: u128) -> Usd {
    Usd::from_wad(dollars * WAD)
}

/// What an owner has set who has not changed anything for a day.
pub(crate) fn still(weights: &[u32]) -> Controls {
    let yesterday = Timestamp::from_secs(NOW.secs() - 86_400);
    let fee = SwapFee::from_bps(5);
    Controls {
        ramp: Ramp { start: yesterday, end: yesterday, end_weights: bps(weights) },
        fee: FeeRamp { start: yesterday, end: yesterday, from: fee, to: fee },
        swap_enabled: true,
    }
}

/// A pool of $500k at `weights`, arbitraged at par (shares equal weights), that was never changed.
pub(crate) fn facts(weights: &[u32]) -> PositionFacts {
    let worth = |w: &u32| TokenAmount { raw: u128::from(*w) * 50 * WAD, decimals: 18 };
    PositionFacts {
        block: BlockStamp { number: 100, hash: B256::repeat_byte(1), timestamp: NOW },
        weights: bps(weights),
        balances: weights.iter().map(worth).collect(),
        controls: still(weights),
        swap_fee: SwapFee::from_bps(5),
        paused: false,
        touched: 90,
        ownership: Ownership { supply: 500_000 * WAD, treasury: 500_000 * WAD },
        breakers: Vec::new(),
        purse: Vec::new(),
    }
}

/// The rules that [`Policy::permissive`] has, every Sunday night too.
pub(crate) fn policy() -> Policy {
    Policy { schedule: Some(Schedule::parse("0 2 * * SUN", "Etc/UTC").unwrap()), ..Policy::permissive() }
}

/// What an owner has set whose last change of weights is this one.
pub(crate) fn set(ramp: Ramp) -> Controls {
    let (at, fee) = (Timestamp::from_secs(0), SwapFee::from_bps(5));
    Controls { ramp, fee: FeeRamp { start: at, end: at, from: fee, to: fee }, swap_enabled: true }
}
