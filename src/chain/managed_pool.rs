//! A managed pool of Balancer V2 as a position.

use std::time::Duration;

use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::{Address, B256, Bytes, U256};

use crate::chain::contracts::{IERC20, IManagedPool, IVault, answered, question};
use crate::domain::decide::GasNeeds;
use crate::domain::plan::{BrakeBounds, Exit, Plan, Swap};
use crate::domain::position::{BlockStamp, Breaker, Capabilities, Controls, FeeRamp, Ownership, PositionFacts, Ramp};
use crate::domain::units::{SwapFee, Timestamp, TokenAmount, Weight};
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
    /// Whose part of the pool is told; nobody's if absent.
    treasury: Option<Address>,
    /// Whether its brakes are read.
    brakes: bool,
    /// Whether what the treasury could trade with is read.
    purse: bool,
}

/// What a pool is asked in each block, in this order; the brakes follow and then the purse, if they are.
mod answer {
    pub(super) const WEIGHTS: usize = 0;
    pub(super) const RAMP: usize = 1;
    pub(super) const SWAPS: usize = 2;
    pub(super) const PAUSE: usize = 3;
    pub(super) const TOKENS: usize = 4;
    pub(super) const VAULT_PAUSE: usize = 5;
    pub(super) const FEE_RAMP: usize = 6;
    pub(super) const FEE: usize = 7;
    pub(super) const SUPPLY: usize = 8;
    pub(super) const SHARES: usize = 9;
    pub(super) const BRAKES: usize = 10;
}

/// Units of gas on the real contracts, as measured; the brakes are those of three assets.
pub const NEEDS: GasNeeds =
    GasNeeds { reweight: 97_000, switch: 32_000, fee: 35_000, brake: 157_000, swap: 142_000, exit: 215_000 };

impl ManagedPool {
    /// A pool, by what does not change in its life: the number the vault knows it by, the vault, and its tokens in the vault's
    /// order without the pool's own.
    #[must_use]
    pub const fn new(address: Address, pool_id: B256, vault: Address, tokens: Vec<PoolToken>) -> Self {
        Self { address, pool_id, vault, tokens, treasury: None, brakes: false, purse: false }
    }

    /// Tells the part of the pool that this account holds.
    #[must_use]
    pub fn owned_by(self, treasury: Option<Address>) -> Self {
        Self { treasury, ..self }
    }

    /// Reads the brakes too: a call for each token.
    #[must_use]
    pub fn with_brakes(self, brakes: bool) -> Self {
        Self { brakes, ..self }
    }

    /// Reads what the treasury could trade with too: two calls for each token.
    #[must_use]
    pub fn with_purse(self, purse: bool) -> Self {
        Self { purse, ..self }
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

    /// What the pool holds, and the last block in which that changed.
    fn balances(&self, answer: Option<&Answer>) -> Result<(Vec<TokenAmount>, u64), PositionFault> {
        const WHAT: &str = "getPoolTokens";
        let listed: IVault::getPoolTokensReturn = read::<IVault::getPoolTokensCall>(WHAT, answer)?;
        let expected = std::iter::once(self.address).chain(self.tokens.iter().map(|token| token.address));
        if !listed.tokens.iter().copied().eq(expected) || listed.balances.len() != listed.tokens.len() {
            return Err(fault(WHAT, "the vault lists other tokens for the pool than at the start"));
        }
        let amounts = listed.balances.iter().skip(1).zip(&self.tokens);
        let amounts: Vec<TokenAmount> = amounts
            .map(|(balance, token)| Ok(TokenAmount { raw: number(WHAT, *balance)?, decimals: token.decimals }))
            .collect::<Result<_, _>>()?;
        let touched = u64::try_from(listed.lastChangeBlock).map_err(|_| fault(WHAT, "a block does not fit"))?;
        Ok((amounts, touched))
    }

    fn weights(&self, what: &'static str, weights: &[U256]) -> Result<Vec<Weight>, PositionFault> {
        if weights.len() != self.tokens.len() {
            return Err(fault(what, &format!("{} weights for {} tokens", weights.len(), self.tokens.len())));
        }
        weights.iter().map(|weight| number(what, *weight).map(Weight::from_wad)).collect()
    }

    fn ramp(&self, answer: Option<&Answer>) -> Result<Ramp, PositionFault> {
        const WHAT: &str = "getGradualWeightUpdateParams";
        let ramp: IManagedPool::getGradualWeightUpdateParamsReturn =
            read::<IManagedPool::getGradualWeightUpdateParamsCall>(WHAT, answer)?;
        let (start, end) = (time(WHAT, ramp.startTime)?, time(WHAT, ramp.endTime)?);
        Ok(Ramp { start, end, end_weights: self.weights(WHAT, &ramp.endWeights)? })
    }

    fn fee_ramp(answer: Option<&Answer>) -> Result<FeeRamp, PositionFault> {
        const WHAT: &str = "getGradualSwapFeeUpdateParams";
        let ramp: IManagedPool::getGradualSwapFeeUpdateParamsReturn =
            read::<IManagedPool::getGradualSwapFeeUpdateParamsCall>(WHAT, answer)?;
        let fee = |fee| number(WHAT, fee).map(SwapFee::from_wad);
        let (start, end) = (time(WHAT, ramp.startTime)?, time(WHAT, ramp.endTime)?);
        Ok(FeeRamp { start, end, from: fee(ramp.startFee)?, to: fee(ramp.endFee)? })
    }

    fn ownership(&self, supply: Option<&Answer>, shares: Option<&Answer>) -> Result<Ownership, PositionFault> {
        let supply = number("getActualSupply", read::<IManagedPool::getActualSupplyCall>("getActualSupply", supply)?)?;
        let treasury = match self.treasury {
            Some(_) => number("balanceOf", read::<IManagedPool::balanceOfCall>("balanceOf", shares)?)?,
            None => 0,
        };
        Ok(Ownership { supply, treasury })
    }

    fn breakers(&self, answers: &[Answer]) -> Result<Vec<Breaker>, PositionFault> {
        const WHAT: &str = "getCircuitBreakerState";
        if !self.brakes {
            return Ok(Vec::new());
        }
        let one = |at: usize| {
            let state: IManagedPool::getCircuitBreakerStateReturn =
                read::<IManagedPool::getCircuitBreakerStateCall>(WHAT, answers.get(answer::BRAKES.saturating_add(at)))?;
            let share = |value| number(WHAT, value).map(Weight::from_wad);
            Ok(Breaker {
                reference_price: number(WHAT, state.bptPrice)?,
                reference_weight: share(state.referenceWeight)?,
                lower: share(state.lowerBound)?,
                upper: share(state.upperBound)?,
            })
        };
        (0..self.tokens.len()).map(one).collect()
    }

    /// Who trades with what they own, if anybody does.
    fn trader(&self) -> Option<Address> {
        self.treasury.filter(|_| self.purse)
    }

    fn purse(&self, answers: &[Answer]) -> Result<Vec<u128>, PositionFault> {
        if self.trader().is_none() {
            return Ok(Vec::new());
        }
        let first = answer::BRAKES.saturating_add(if self.brakes { self.tokens.len() } else { 0 });
        // An allowance without end is as large as a number can be.
        let amount = |value: U256| u128::try_from(value).unwrap_or(u128::MAX);
        let one = |at: usize| {
            let place = first.saturating_add(at.saturating_mul(2));
            let has = read::<IERC20::balanceOfCall>("balanceOf the treasury", answers.get(place))?;
            let lets = read::<IERC20::allowanceCall>("allowance of the treasury", answers.get(place.saturating_add(1)))?;
            Ok(amount(has).min(amount(lets)))
        };
        (0..self.tokens.len()).map(one).collect()
    }

    fn addresses(&self) -> Vec<Address> {
        self.tokens.iter().map(|token| token.address).collect()
    }
}

fn time(what: &'static str, secs: U256) -> Result<Timestamp, PositionFault> {
    u64::try_from(secs).map(Timestamp::from_secs).map_err(|_| fault(what, "a time does not fit"))
}

fn number(what: &'static str, value: U256) -> Result<u128, PositionFault> {
    u128::try_from(value).map_err(|_| fault(what, "a number does not fit"))
}

impl Position for ManagedPool {
    fn capabilities(&self) -> Capabilities {
        Capabilities { read: true, reweight: true, halt: true, brake: true, exit: true, swap: true }
    }

    fn calls(&self) -> Vec<Call> {
        let mut calls = vec![
            question(self.address, &IManagedPool::getNormalizedWeightsCall {}),
            question(self.address, &IManagedPool::getGradualWeightUpdateParamsCall {}),
            question(self.address, &IManagedPool::getSwapEnabledCall {}),
            question(self.address, &IManagedPool::getPausedStateCall {}),
            question(self.vault, &IVault::getPoolTokensCall { poolId: self.pool_id }),
            question(self.vault, &IVault::getPausedStateCall {}),
            question(self.address, &IManagedPool::getGradualSwapFeeUpdateParamsCall {}),
            question(self.address, &IManagedPool::getSwapFeePercentageCall {}),
            question(self.address, &IManagedPool::getActualSupplyCall {}),
            question(self.address, &IManagedPool::balanceOfCall { account: self.treasury.unwrap_or_default() }),
        ];
        if self.brakes {
            let brake =
                |token: &PoolToken| question(self.address, &IManagedPool::getCircuitBreakerStateCall { token: token.address });
            calls.extend(self.tokens.iter().map(brake));
        }
        if let Some(account) = self.trader() {
            calls.extend(self.tokens.iter().flat_map(|token| {
                let allowance = IERC20::allowanceCall { owner: account, spender: self.vault };
                [question(token.address, &IERC20::balanceOfCall { account }), question(token.address, &allowance)]
            }));
        }
        calls
    }

    fn facts(&self, answers: &[Answer], at: &BlockStamp) -> Result<PositionFacts, PositionFault> {
        let get = |place: usize| answers.get(place);
        let weights = read::<IManagedPool::getNormalizedWeightsCall>("getNormalizedWeights", get(answer::WEIGHTS))?;
        let pool_pause: IManagedPool::getPausedStateReturn =
            read::<IManagedPool::getPausedStateCall>("getPausedState of the pool", get(answer::PAUSE))?;
        let vault_pause: IVault::getPausedStateReturn =
            read::<IVault::getPausedStateCall>("getPausedState of the vault", get(answer::VAULT_PAUSE))?;
        let (balances, touched) = self.balances(get(answer::TOKENS))?;
        let fee = read::<IManagedPool::getSwapFeePercentageCall>("getSwapFeePercentage", get(answer::FEE))?;
        Ok(PositionFacts {
            block: *at,
            weights: self.weights("getNormalizedWeights", &weights)?,
            balances,
            controls: Controls {
                ramp: self.ramp(get(answer::RAMP))?,
                fee: Self::fee_ramp(get(answer::FEE_RAMP))?,
                swap_enabled: read::<IManagedPool::getSwapEnabledCall>("getSwapEnabled", get(answer::SWAPS))?,
            },
            swap_fee: SwapFee::from_wad(number("getSwapFeePercentage", fee)?),
            paused: pool_pause.paused || vault_pause.paused,
            touched,
            ownership: self.ownership(get(answer::SUPPLY), get(answer::SHARES))?,
            breakers: self.breakers(answers)?,
            purse: self.purse(answers)?,
        })
    }

    fn gas_needs(&self) -> GasNeeds {
        NEEDS
    }

    /// The chain counts whole seconds: the start is rounded down and the end up, so that a change is never faster than planned.
    fn order(&self, plan: &Plan, start: Timestamp, end: Timestamp) -> Call {
        let (start, end) = (U256::from(start.secs()), U256::from(end.plus(Duration::from_millis(999)).secs()));
        match plan {
            Plan::Reweight(reweight) => {
                let end_weights = reweight.target.weights().iter().map(|weight| U256::from(weight.wad())).collect();
                let (tokens, end_weights) = (self.addresses(), end_weights);
                let call =
                    IManagedPool::updateWeightsGraduallyCall { startTime: start, endTime: end, tokens, endWeights: end_weights };
                question(self.address, &call)
            }
            Plan::Freeze => question(self.address, &IManagedPool::setSwapEnabledCall { swapEnabled: false }),
            Plan::Open => question(self.address, &IManagedPool::setSwapEnabledCall { swapEnabled: true }),
            Plan::FeeRamp(change) => {
                let (from, to) = (U256::from(change.from.wad()), U256::from(change.to.wad()));
                let call =
                    IManagedPool::updateSwapFeeGraduallyCall { startTime: start, endTime: end, startFee: from, endFee: to };
                question(self.address, &call)
            }
            Plan::Brake(brakes) => {
                let all = |value: fn(&BrakeBounds) -> u128| brakes.bounds.iter().map(|b| U256::from(value(b))).collect();
                let call = IManagedPool::setCircuitBreakersCall {
                    tokens: self.addresses(),
                    bptPrices: all(|bounds| bounds.reference_price),
                    lowerBounds: all(|bounds| bounds.lower.wad()),
                    upperBounds: all(|bounds| bounds.upper.wad()),
                };
                question(self.address, &call)
            }
            Plan::Swap(swap) => self.swap(swap, end),
            Plan::Exit(exit) => self.exit(exit),
        }
    }
}

impl ManagedPool {
    /// One swap through the vault, from the treasury's account and back to it, and not after the deadline: what was a fair price is none
    /// for ever.
    fn swap(&self, swap: &Swap, deadline: U256) -> Call {
        let token = |at: usize| self.tokens.get(at).map(|token| token.address).unwrap_or_default();
        let owner = self.treasury.unwrap_or_default();
        let single = IVault::SingleSwap {
            poolId: self.pool_id,
            kind: GIVEN_IN,
            assetIn: token(swap.asset_in),
            assetOut: token(swap.asset_out),
            amount: U256::from(swap.amount_in),
            userData: Bytes::new(),
        };
        let funds =
            IVault::FundManagement { sender: owner, fromInternalBalance: false, recipient: owner, toInternalBalance: false };
        let call = IVault::swapCall { singleSwap: single, funds, limit: U256::from(swap.least_out), deadline };
        question(self.vault, &call)
    }

    /// A proportional exit of the treasury's own shares, to its own address and to no other.
    fn exit(&self, exit: &Exit) -> Call {
        let owner = self.treasury.unwrap_or_default();
        let assets = std::iter::once(self.address).chain(self.addresses()).collect();
        let least = std::iter::once(0).chain(exit.least_out.iter().copied()).map(U256::from).collect();
        let user_data = (U256::from(EXACT_SHARES_FOR_ALL), U256::from(exit.shares)).abi_encode_params();
        let request =
            IVault::ExitPoolRequest { assets, minAmountsOut: least, userData: user_data.into(), toInternalBalance: false };
        question(self.vault, &IVault::exitPoolCall { poolId: self.pool_id, sender: owner, recipient: owner, request })
    }
}

/// The vault's word for a swap of a known amount in.
const GIVEN_IN: u8 = 0;
/// The pool's word for an exit of known shares into all tokens in proportion.
const EXACT_SHARES_FOR_ALL: u8 = 1;

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
            .owned_by(Some(Address::repeat_byte(5)))
            .with_brakes(true)
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
            Ok(IManagedPool::getGradualSwapFeeUpdateParamsCall::abi_encode_returns(&fee_ramp()).into()),
            Ok(IManagedPool::getSwapFeePercentageCall::abi_encode_returns(&U256::from(7)).into()),
            Ok(IManagedPool::getActualSupplyCall::abi_encode_returns(&U256::from(100)).into()),
            Ok(IManagedPool::balanceOfCall::abi_encode_returns(&U256::from(60)).into()),
            braked(1_000),
            braked(2_000),
        ]
    }

    fn fee_ramp() -> IManagedPool::getGradualSwapFeeUpdateParamsReturn {
        IManagedPool::getGradualSwapFeeUpdateParamsReturn {
            startTime: U256::from(800),
            endTime: U256::from(1_200),
            startFee: U256::from(9),
            endFee: U256::from(5),
        }
    }

    fn braked(price: u64) -> Answer {
        let state = IManagedPool::getCircuitBreakerStateReturn {
            bptPrice: U256::from(price),
            referenceWeight: U256::from(2),
            lowerBound: U256::from(3),
            upperBound: U256::from(4),
            lowerBptPriceBound: U256::ZERO,
            upperBptPriceBound: U256::ZERO,
        };
        Ok(IManagedPool::getCircuitBreakerStateCall::abi_encode_returns(&state).into())
    }

    #[test]
    fn what_the_treasury_trades_with_is_what_it_has_and_lets_the_vault_take() {
        let trading = pool().with_purse(true);
        let word = |value: U256| -> Answer { Ok(value.abi_encode().into()) };
        let (some, endless) = (U256::from(70), U256::MAX);
        let mut all = answers();
        all.extend([word(some), word(endless), word(U256::from(90)), word(U256::from(8))]);
        assert_eq!(trading.calls().len(), all.len());
        assert_eq!(trading.facts(&all, &AT).unwrap().purse, [70, 8]);
        assert_eq!(pool().facts(&answers(), &AT).unwrap().purse, Vec::<u128>::new());
        all.pop();
        assert!(trading.facts(&all, &AT).unwrap_err().to_string().contains("allowance"));
        assert_eq!(trading.owned_by(None).calls().len(), answers().len(), "nobody trades where there is no treasury");
    }

    #[test]
    fn facts_are_all_of_it() {
        let facts = pool().facts(&answers(), &AT).unwrap();
        assert_eq!(facts.weights, [Weight::from_bps(6_000), Weight::from_bps(4_000)]);
        assert_eq!(facts.balances, [TokenAmount { raw: 5, decimals: 18 }, TokenAmount { raw: 6, decimals: 6 }]);
        assert_eq!((facts.ramp().start, facts.ramp().end), (Timestamp::from_secs(900), Timestamp::from_secs(1_500)));
        assert_eq!(facts.ramp().end_weights, [Weight::from_bps(7_000), Weight::from_bps(3_000)]);
        assert_eq!((facts.controls.swap_enabled, facts.paused, facts.block), (true, false, AT));
        let (from, to) = (SwapFee::from_wad(9), SwapFee::from_wad(5));
        let fee = FeeRamp { start: Timestamp::from_secs(800), end: Timestamp::from_secs(1_200), from, to };
        assert_eq!((facts.controls.fee, facts.swap_fee), (fee, SwapFee::from_wad(7)));
        assert_eq!((facts.touched, facts.ownership), (1, Ownership { supply: 100, treasury: 60 }));
        let [lower, upper] = [3, 4].map(Weight::from_wad);
        let brake = |price| Breaker { reference_price: price, reference_weight: Weight::from_wad(2), lower, upper };
        assert_eq!(facts.breakers, [brake(1_000), brake(2_000)]);
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
            "getGradualSwapFeeUpdateParams",
            "getSwapFeePercentage",
            "getActualSupply",
            "balanceOf",
            "getCircuitBreakerState",
            "getCircuitBreakerState",
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
        assert!(pool().facts(&answers()[..11], &AT).is_err(), "a missing answer");
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
