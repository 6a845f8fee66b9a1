//! A managed pool of Balancer V2 as a position.

use std::time::Duration;

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, U256};

use crate::chain::contracts::{IManagedPool, IVault, answered, question};
use crate::domain::plan::Plan;
use crate::domain::position::{BlockStamp, Capabilities, PositionFacts, Ramp};
use crate::domain::units::{Timestamp, TokenAmount, Weight};
use crate::ports::{Answer, Call, Position, PositionFault};

/// One token of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolToken {
    /// Its contract.
    pub address: Address,
    /// Its decimal places.
    pub decimals: u8,
}

/// One pool. The vault also lists the pool's own share token, always first; weights and orders know nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPool {
    address: Address,
    pool_id: B256,
    vault: Address,
    tokens: Vec<PoolToken>,
}

impl ManagedPool {
    /// A pool, by what does not change in its life: the number the vault knows it by, the vault, and its tokens in the vault's
    /// order without the pool's own.
    #[must_use]
    pub const fn new(address: Address, pool_id: B256, vault: Address, tokens: Vec<PoolToken>) -> Self {
        Self { address, pool_id, vault, tokens }
    }

    /// Its contract.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Its tokens, in order.
    #[must_use]
    pub fn tokens(&self) -> &[PoolToken] {
        &self.tokens
    }

    fn balances(&self, answer: Option<&Answer>) -> Result<Vec<TokenAmount>, PositionFault> {
        const WHAT: &str = "getPoolTokens";
        let listed: IVault::getPoolTokensReturn = read::<IVault::getPoolTokensCall>(WHAT, answer)?;
        let expected = std::iter::once(self.address).chain(self.tokens.iter().map(|token| token.address));
        if !listed.tokens.iter().copied().eq(expected) || listed.balances.len() != listed.tokens.len() {
            return Err(fault(WHAT, "the vault lists other tokens for the pool than at the start"));
        }
        let amounts = listed.balances.iter().skip(1).zip(&self.tokens);
        amounts
            .map(|(balance, token)| {
                let raw = u128::try_from(*balance).map_err(|_| fault(WHAT, "a balance does not fit"))?;
                Ok(TokenAmount { raw, decimals: token.decimals })
            })
            .collect()
    }

    fn weights(&self, what: &'static str, weights: &[U256]) -> Result<Vec<Weight>, PositionFault> {
        if weights.len() != self.tokens.len() {
            return Err(fault(what, &format!("{} weights for {} tokens", weights.len(), self.tokens.len())));
        }
        let to_weight =
            |weight: &U256| u128::try_from(*weight).map(Weight::from_wad).map_err(|_| fault(what, "a weight does not fit"));
        weights.iter().map(to_weight).collect()
    }

    fn ramp(&self, answer: Option<&Answer>) -> Result<Ramp, PositionFault> {
        const WHAT: &str = "getGradualWeightUpdateParams";
        let ramp: IManagedPool::getGradualWeightUpdateParamsReturn =
            read::<IManagedPool::getGradualWeightUpdateParamsCall>(WHAT, answer)?;
        let time = |secs: U256| u64::try_from(secs).map(Timestamp::from_secs).map_err(|_| fault(WHAT, "a time does not fit"));
        Ok(Ramp { start: time(ramp.startTime)?, end: time(ramp.endTime)?, end_weights: self.weights(WHAT, &ramp.endWeights)? })
    }
}

impl Position for ManagedPool {
    /// Leaving is left to its owner.
    fn capabilities(&self) -> Capabilities {
        Capabilities { read: true, reweight: true, halt: true, ..Capabilities::default() }
    }

    fn calls(&self) -> Vec<Call> {
        vec![
            question(self.address, &IManagedPool::getNormalizedWeightsCall {}),
            question(self.address, &IManagedPool::getGradualWeightUpdateParamsCall {}),
            question(self.address, &IManagedPool::getSwapEnabledCall {}),
            question(self.address, &IManagedPool::getPausedStateCall {}),
            question(self.vault, &IVault::getPoolTokensCall { poolId: self.pool_id }),
            question(self.vault, &IVault::getPausedStateCall {}),
        ]
    }

    fn facts(&self, answers: &[Answer], at: &BlockStamp) -> Result<PositionFacts, PositionFault> {
        let weights = read::<IManagedPool::getNormalizedWeightsCall>("getNormalizedWeights", answers.first())?;
        let pool_pause: IManagedPool::getPausedStateReturn =
            read::<IManagedPool::getPausedStateCall>("getPausedState of the pool", answers.get(3))?;
        let vault_pause: IVault::getPausedStateReturn =
            read::<IVault::getPausedStateCall>("getPausedState of the vault", answers.get(5))?;
        Ok(PositionFacts {
            block: *at,
            weights: self.weights("getNormalizedWeights", &weights)?,
            balances: self.balances(answers.get(4))?,
            ramp: self.ramp(answers.get(1))?,
            swap_enabled: read::<IManagedPool::getSwapEnabledCall>("getSwapEnabled", answers.get(2))?,
            paused: pool_pause.paused || vault_pause.paused,
        })
    }

    /// The chain counts whole seconds: the start is rounded down and the end up, so that a change is never faster than planned.
    fn order(&self, plan: &Plan, start: Timestamp, end: Timestamp) -> Call {
        let reweight = match plan {
            Plan::Reweight(reweight) => reweight,
            Plan::Freeze => return question(self.address, &IManagedPool::setSwapEnabledCall { swapEnabled: false }),
        };
        let end = end.plus(Duration::from_millis(999));
        let call = IManagedPool::updateWeightsGraduallyCall {
            startTime: U256::from(start.secs()),
            endTime: U256::from(end.secs()),
            tokens: self.tokens.iter().map(|token| token.address).collect(),
            endWeights: reweight.target.weights().iter().map(|weight| U256::from(weight.wad())).collect(),
        };
        question(self.address, &call)
    }
}

fn read<C: SolCall>(what: &'static str, answer: Option<&Answer>) -> Result<C::Return, PositionFault> {
    answered::<C>(answer).map_err(|fault| PositionFault { what, fault })
}

fn fault(what: &'static str, words: &str) -> PositionFault {
    PositionFault { what, fault: words.to_owned() }
}

#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;
    use crate::domain::allocation::Allocation;
    use crate::domain::plan::Reweight;
    use crate::ports::CallFault;

    const POOL: Address = Address::repeat_byte(1);
    const DAI: PoolToken = PoolToken { address: Address::repeat_byte(2), decimals: 18 };
    const USDC: PoolToken = PoolToken { address: Address::repeat_byte(3), decimals: 6 };
    const AT: BlockStamp = BlockStamp { number: 7, hash: B256::repeat_byte(7), timestamp: Timestamp::from_secs(1_000) };

    fn pool() -> ManagedPool {
        ManagedPool::new(POOL, B256::repeat_byte(9), Address::repeat_byte(8), vec![DAI, USDC])
    }

    fn listed(tokens: &[Address], balances: &[u64]) -> Answer {
        let listed = IVault::getPoolTokensReturn {
            tokens: tokens.to_vec(),
            balances: balances.iter().map(|balance| U256::from(*balance)).collect(),
            lastChangeBlock: U256::from(1),
        };
        Ok(IVault::getPoolTokensCall::abi_encode_returns(&listed).into())
    }

    fn weights(bps: &[u64]) -> Vec<U256> {
        bps.iter().map(|bps| U256::from(bps * 100_000_000_000_000)).collect()
    }

    fn paused(paused: bool) -> Answer {
        let state = IVault::getPausedStateReturn { paused, pauseWindowEndTime: U256::ZERO, bufferPeriodEndTime: U256::ZERO };
        Ok(IVault::getPausedStateCall::abi_encode_returns(&state).into())
    }

    fn answers() -> Vec<Answer> {
        let ramp = IManagedPool::getGradualWeightUpdateParamsReturn {
            startTime: U256::from(900),
            endTime: U256::from(1_500),
            startWeights: weights(&[5_000, 5_000]),
            endWeights: weights(&[7_000, 3_000]),
        };
        vec![
            Ok(IManagedPool::getNormalizedWeightsCall::abi_encode_returns(&weights(&[6_000, 4_000])).into()),
            Ok(IManagedPool::getGradualWeightUpdateParamsCall::abi_encode_returns(&ramp).into()),
            Ok(IManagedPool::getSwapEnabledCall::abi_encode_returns(&true).into()),
            paused(false),
            listed(&[POOL, DAI.address, USDC.address], &[u64::MAX, 5, 6]),
            paused(false),
        ]
    }

    #[test]
    fn facts_are_all_of_it() {
        let facts = pool().facts(&answers(), &AT).unwrap();
        assert_eq!(facts.weights, [Weight::from_bps(6_000), Weight::from_bps(4_000)]);
        assert_eq!(facts.balances, [TokenAmount { raw: 5, decimals: 18 }, TokenAmount { raw: 6, decimals: 6 }]);
        assert_eq!((facts.ramp.start, facts.ramp.end), (Timestamp::from_secs(900), Timestamp::from_secs(1_500)));
        assert_eq!(facts.ramp.end_weights, [Weight::from_bps(7_000), Weight::from_bps(3_000)]);
        assert_eq!((facts.swap_enabled, facts.paused, facts.block), (true, false, AT));
        for at in [3, 5] {
            let mut answers = answers();
            answers[at] = paused(true);
            assert!(pool().facts(&answers, &AT).unwrap().paused, "answer {at}");
        }
    }

    #[test]
    fn one_failed_read_is_a_fault_that_names_it_and_no_facts() {
        let named = [
            "getNormalizedWeights",
            "getGradualWeightUpdateParams",
            "getSwapEnabled",
            "getPausedState of the pool",
            "getPoolTokens",
            "getPausedState of the vault",
        ];
        let broken: [Answer; 4] =
            [Err(CallFault::Failed(Bytes::new())), Err(CallFault::NotReached), Ok(Bytes::new()), Ok(Bytes::from(vec![0xff; 32]))];
        for (at, what) in named.into_iter().enumerate() {
            for broken in &broken {
                let mut answers = answers();
                answers[at] = broken.clone();
                assert_eq!(pool().facts(&answers, &AT).unwrap_err().what, what);
            }
        }
        assert!(pool().facts(&answers()[..5], &AT).is_err(), "a missing answer");
    }

    #[test]
    fn a_pool_with_other_tokens_is_not_this_pool() {
        for (tokens, balances) in [
            (vec![POOL, USDC.address, DAI.address], vec![1, 5, 6]),
            (vec![DAI.address, USDC.address], vec![5, 6]),
            (vec![POOL, DAI.address, USDC.address, Address::repeat_byte(4)], vec![1, 5, 6, 7]),
            (vec![POOL, DAI.address, USDC.address], vec![1, 5]),
        ] {
            let mut answers = answers();
            answers[4] = listed(&tokens, &balances);
            assert_eq!(pool().facts(&answers, &AT).unwrap_err().what, "getPoolTokens");
        }
        let mut answers = answers();
        answers[0] = Ok(IManagedPool::getNormalizedWeightsCall::abi_encode_returns(&weights(&[10_000])).into());
        assert_eq!(pool().facts(&answers, &AT).unwrap_err().fault, "1 weights for 2 tokens");
    }

    #[test]
    fn an_order_names_tokens_and_never_runs_faster_than_planned() {
        let target = Allocation::exact(vec![Weight::from_bps(7_000), Weight::from_bps(3_000)]).unwrap();
        let plan = Plan::Reweight(Reweight {
            target,
            duration: Duration::from_secs(600),
            start_lead: Duration::from_secs(120),
            expected_loss: None,
        });
        let order = pool().order(&plan, Timestamp::from_millis(1_000_900), Timestamp::from_millis(1_600_900));
        assert_eq!(order.target, POOL);
        let call = IManagedPool::updateWeightsGraduallyCall::abi_decode(&order.data).unwrap();
        assert_eq!((call.startTime, call.endTime), (U256::from(1_000), U256::from(1_601)));
        assert_eq!(call.tokens, [DAI.address, USDC.address]);
        assert_eq!(call.endWeights, weights(&[7_000, 3_000]));
        assert_eq!(
            IManagedPool::updateWeightsGraduallyCall::SIGNATURE,
            "updateWeightsGradually(uint256,uint256,address[],uint256[])"
        );
    }
}
