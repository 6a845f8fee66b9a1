//! What a pool goes through, as raw answers of a block and as what is known beside them.

use std::path::Path;
use std::time::Duration;

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, U256};
use ballast::chain::contracts::{IManagedPool, IVault};
use ballast::chain::managed_pool::{ManagedPool, PoolToken};
use ballast::config::{self, Environment};
use ballast::domain::decide::{Facts, Memory};
use ballast::domain::ids::{PoolId, SourceId};
use ballast::domain::peg::{Peg, PegState, Trust};
use ballast::domain::policy::Policy;
use ballast::domain::position::{BlockStamp, Mandate, PositionFacts};
use ballast::domain::units::{GasPrice, Price, Timestamp, WAD, Weight};
use ballast::ports::{Answer, Position};

const NOW: Timestamp = Timestamp::from_secs(1_700_049_600);
const BLOCK: BlockStamp = BlockStamp { number: 100, hash: B256::repeat_byte(1), timestamp: NOW };
const POOL: Address = Address::repeat_byte(9);

/// The scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing is due.
    Quiet,
    /// Weights are six points off.
    Drifted,
    /// A coin is off its peg.
    Depegged,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Quiet, Self::Drifted, Self::Depegged];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Drifted => "drifted",
            Self::Depegged => "depegged",
        }
    }

    /// What is decided.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Quiet => "on_target",
            Self::Drifted => "drift",
            Self::Depegged => "depeg",
        }
    }

    pub(crate) const fn acts(self) -> bool {
        !matches!(self, Self::Quiet)
    }
}

/// A pool with all that is known of it.
pub(crate) struct Scene {
    pool: ManagedPool,
    answers: Vec<Answer>,
    pegs: Vec<Peg>,
    deviations: Vec<Option<Weight>>,
    pub(crate) memory: Memory,
    pub(crate) policy: Policy,
    pub(crate) mandate: Mandate,
}

impl Scene {
    pub(crate) fn new(kind: Kind) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example");
        let settings = config::load(&example, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let settings = settings.pools[&PoolId::new("treasury")].clone();
        // Brakes are set once and then left alone; here they would be due in every scene.
        let policy = Policy { brakes: None, ..settings.policy };
        let weights = if kind == Kind::Drifted { [4_600, 3_500, 1_900] } else { [4_000, 3_500, 2_500] };
        let tokens = [2, 3, 4].map(|byte| PoolToken { address: Address::repeat_byte(byte), decimals: 18 }).to_vec();
        let pool = ManagedPool::new(POOL, B256::repeat_byte(9), Address::repeat_byte(8), tokens);
        let answers = answers(&weights);
        let peg = |asset: &ballast::domain::ids::AssetId| {
            let off = kind == Kind::Depegged && asset.as_str() == "USDC";
            Peg {
                state: if off { PegState::Depegged } else { PegState::Sound },
                trust: Trust::Trusted,
                level: Price::from_wad(if off { WAD / 100 * 97 } else { WAD }),
                blocks: [(SourceId::new("feed"), BLOCK.hash)].into(),
                episode: u64::from(off),
                ..Peg::unheard(asset.clone(), NOW)
            }
        };
        let pegs = settings.mandate.assets.iter().map(peg).collect();
        let known = pool.facts(&answers, &BLOCK).unwrap().controls;
        let memory = Memory { first_seen: NOW.minus(Duration::from_secs(3_600)), known: Some(known), ..Memory::default() };
        let deviations = vec![Some(Weight::from_bps(5)); 3];
        Self { pool, answers, pegs, deviations, memory, policy, mandate: settings.mandate }
    }

    /// The position, decoded.
    pub(crate) fn position(&self) -> PositionFacts {
        self.pool.facts(&self.answers, &BLOCK).unwrap()
    }

    pub(crate) fn facts<'a>(&'a self, position: &'a PositionFacts) -> Facts<'a> {
        Facts {
            now: NOW,
            position: Some(position),
            pegs: &self.pegs,
            rates: &[],
            earns: &[],
            deviations: &self.deviations,
            max_age: Duration::from_secs(36),
            block_time: Duration::from_secs(12),
            gas: Some(GasPrice::from_gwei(1)),
            ether: Price::from_wad(3_000 * WAD),
            needs: self.pool.gas_needs(),
            treasury: false,
        }
    }
}

/// What a block says of a pool of $500k that is traded at par and was last changed a day ago.
fn answers(weights: &[u64; 3]) -> Vec<Answer> {
    let wads: Vec<U256> = weights.iter().map(|bps| U256::from(bps * 100_000_000_000_000)).collect();
    let yesterday = U256::from(NOW.secs() - 86_400);
    let ramp = IManagedPool::getGradualWeightUpdateParamsReturn {
        startTime: yesterday,
        endTime: yesterday,
        startWeights: wads.clone(),
        endWeights: wads.clone(),
    };
    let fee = U256::from(500_000_000_000_000u64);
    let fees = IManagedPool::getGradualSwapFeeUpdateParamsReturn {
        startTime: yesterday,
        endTime: yesterday,
        startFee: fee,
        endFee: fee,
    };
    let pause = IVault::getPausedStateReturn { paused: false, pauseWindowEndTime: U256::ZERO, bufferPeriodEndTime: U256::ZERO };
    let balance = |bps: &u64| U256::from(*bps) * U256::from(50 * WAD);
    let listed = IVault::getPoolTokensReturn {
        tokens: std::iter::once(POOL).chain([2, 3, 4].map(Address::repeat_byte)).collect(),
        balances: std::iter::once(U256::MAX).chain(weights.iter().map(balance)).collect(),
        lastChangeBlock: U256::from(90),
    };
    vec![
        Ok(IManagedPool::getNormalizedWeightsCall::abi_encode_returns(&wads).into()),
        Ok(IManagedPool::getGradualWeightUpdateParamsCall::abi_encode_returns(&ramp).into()),
        Ok(IManagedPool::getSwapEnabledCall::abi_encode_returns(&true).into()),
        Ok(IVault::getPausedStateCall::abi_encode_returns(&pause).into()),
        Ok(IVault::getPoolTokensCall::abi_encode_returns(&listed).into()),
        Ok(IVault::getPausedStateCall::abi_encode_returns(&pause).into()),
        Ok(IManagedPool::getGradualSwapFeeUpdateParamsCall::abi_encode_returns(&fees).into()),
        Ok(IManagedPool::getSwapFeePercentageCall::abi_encode_returns(&fee).into()),
        Ok(IManagedPool::getActualSupplyCall::abi_encode_returns(&U256::from(500_000 * WAD)).into()),
        Ok(IManagedPool::balanceOfCall::abi_encode_returns(&U256::ZERO).into()),
    ]
}
