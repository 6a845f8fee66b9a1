//! The pool that is put on trial, and how the chain treats it.

use std::time::Duration;

use super::market::Market;
use crate::domain::allocation::{Allocation, AllocationFault};
use crate::domain::decide::GasNeeds;
use crate::domain::ids::{AssetId, GroupId};
use crate::domain::policy::Policy;
use crate::domain::position::Mandate;
use crate::domain::units::{Price, Rounding, SwapFee, Usd, WAD, Weight, mul_div};
use crate::simulation::pool::{Pool, Token};

/// Shares that belong to nobody for ever: what the contracts keep of the first join.
const LOCKED: u128 = 1_000_000;

/// The pool, and its surroundings.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The assets, their targets and bounds.
    pub mandate: Mandate,
    /// Decimal places of each asset.
    pub decimals: Vec<u8>,
    /// What the pool is worth at the beginning.
    pub value: Usd,
    /// Its swap fee.
    pub fee: SwapFee,
    /// Time between two blocks.
    pub block_time: Duration,
    /// Blocks from a decision to the inclusion of its transaction.
    pub inclusion_blocks: u32,
    /// What arbitrageurs pay for one trade, in units of gas.
    pub arbitrage_gas: u64,
    /// The part of the market's turnover that this pool sees.
    pub volume_share: Weight,
    /// Facts older than this are not known any more.
    pub max_age: Duration,
    /// What transactions use.
    pub needs: GasNeeds,
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What it is called.
    pub name: String,
    /// What it does.
    pub acts: Acts,
}

/// What a contender does.
#[derive(Clone, Debug)]
pub enum Acts {
    /// Nothing, with coins in an account and no pool.
    Outside,
    /// Nothing, with coins in a pool.
    Never,
    /// What a policy decides.
    By(Box<Policy>),
    /// What would have been best, by whoever knows the future.
    Foresight,
}

impl Setup {
    /// The pool of the examples: 40/35/25 of DAI, USDC and USDT, each twenty points up or down, DAI and USDC at risk together.
    ///
    /// # Errors
    /// None: the targets sum to one.
    pub fn example(needs: GasNeeds) -> Result<Self, AllocationFault> {
        let bps = |all: [u32; 3]| all.map(Weight::from_bps).to_vec();
        let assets = ["DAI", "USDC", "USDT"].map(AssetId::new).to_vec();
        let target = Allocation::exact(bps([4_000, 3_500, 2_500]))?;
        let mandate = Mandate::plain(assets, target, bps([2_000, 1_500, 500]), bps([6_000, 5_500, 4_500]));
        let usdc = Some(GroupId::new("usdc"));
        Ok(Self::usual(Mandate { groups: vec![usdc.clone(), usdc, None], ..mandate }, vec![18, 6, 6], needs))
    }

    /// A pool of half a million dollars and five basis points, on a chain with a block every twelve seconds.
    #[must_use]
    pub fn usual(mandate: Mandate, decimals: Vec<u8>, needs: GasNeeds) -> Self {
        Self {
            mandate,
            decimals,
            value: Usd::from_wad(500_000 * WAD),
            fee: SwapFee::from_bps(5),
            block_time: Duration::from_secs(12),
            inclusion_blocks: 2,
            arbitrage_gas: 130_000,
            volume_share: Weight::from_bps(1_000),
            max_age: Duration::from_mins(2),
            needs,
        }
    }

    /// What the pool begins with: of each asset its target part, at the prices of the first tick. `None` where a number has no place.
    #[must_use]
    pub fn basket(&self, market: &Market) -> Option<Vec<u128>> {
        let mut prices = Vec::new();
        market.look(0, &mut prices);
        let weights = self.mandate.base_target.weights().iter();
        let amount = |((weight, price), decimals): ((&Weight, &Price), &u8)| {
            let dollars = self.value.share(*weight)?;
            let whole = mul_div(dollars.wad(), WAD, price.wad(), Rounding::Down)?;
            whole.checked_div(10u128.checked_pow(u32::from(18u8.checked_sub(*decimals)?))?)
        };
        weights.zip(&prices).zip(&self.decimals).map(amount).collect()
    }

    /// The pool with this basket in it, made at `now`.
    #[must_use]
    pub fn pool(&self, basket: &[u128], now: u64) -> Pool {
        let tokens = basket.iter().zip(&self.decimals).zip(self.mandate.base_target.weights());
        let tokens = tokens.map(|((raw, decimals), weight)| Token::still(*decimals, *raw, weight.wad())).collect();
        Pool::born(tokens, self.fee.wad(), self.value.wad().max(LOCKED), now)
    }

    /// The treasury's shares of it: all that are not locked.
    #[must_use]
    pub fn shares(&self) -> u128 {
        self.value.wad().saturating_sub(LOCKED)
    }
}
