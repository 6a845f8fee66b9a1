//! A pool that nobody has configured yet, read whole: what it is, who may change it, and what that means for whoever looks after it.

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use thiserror::Error;

use crate::chain::contracts::{IERC20, IManagedPool, IVault, answered, question};
use crate::chain::head;
use crate::chain::provider::{AskFault, Node};
use crate::chain::reader::{self, ReaderSettings};
use crate::domain::units::{SwapFee, Timestamp, Weight};
use crate::ports::{Answer, Call};

/// The owner of pools that governance runs.
const DELEGATE: Address = alloy_primitives::address!("BA1BA1ba1BA1bA1bA1Ba1BA1ba1BA1bA1ba1ba1B");

/// A pool as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSurvey {
    /// The chain's EIP-155 number.
    pub chain_id: u64,
    /// The block that was read.
    pub block: u64,
    /// Its time.
    pub at: Timestamp,
    /// The pool's contract.
    pub address: Address,
    /// The vault that holds its tokens.
    pub vault: Address,
    /// Who may change it.
    pub owner: Owner,
    /// Its tokens in the vault's order, without the pool's own.
    pub tokens: Vec<SurveyedToken>,
    /// What it keeps of a swap.
    pub swap_fee: SwapFee,
    /// Whether it can be traded with.
    pub swap_enabled: bool,
    /// Whether its makers have paused it, or the vault.
    pub paused: bool,
    /// When its makers can pause it no more.
    pub pause_window_end: Timestamp,
    /// When a change of weights that is in flight arrives.
    pub ramp_until: Option<Timestamp>,
}

/// One token of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedToken {
    /// Its contract.
    pub address: Address,
    /// What it calls itself, if it does so in a way that can be read.
    pub symbol: Option<String>,
    /// Its decimal places.
    pub decimals: u8,
    /// Its weight.
    pub weight: Weight,
    /// Who else may move the pool's balance of it, if anybody.
    pub asset_manager: Option<Address>,
}

/// Who may change a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Balancer's governance: no key can be its keeper.
    Governance,
    /// A contract, such as a multi-signature wallet.
    Contract(Address),
    /// A plain key: nothing on the chain limits what it may do.
    Key(Address),
}

/// Why a pool could not be read.
#[derive(Debug, Error)]
pub enum SurveyFault {
    /// The node could not be asked.
    #[error("the node could not be asked: {0}")]
    Node(#[from] AskFault),
    /// A contract did not answer as a managed pool of Balancer V2 does.
    #[error("{at} does not answer {what} ({why}): expected a managed pool of Balancer V2, by its own contract's address")]
    NoPool {
        /// The contract.
        at: Address,
        /// What it was asked.
        what: &'static str,
        /// What it did instead.
        why: String,
    },
}

/// Reads a pool at the newest block.
///
/// # Errors
/// The node cannot be asked, or the contract is no managed pool.
pub async fn survey(node: &Node, settings: &ReaderSettings, address: Address) -> Result<PoolSurvey, SurveyFault> {
    let chain_id: U64 = node.ask("eth_chainId", ()).await?;
    let head = head::newest(node).await?;
    let asked = Asked { node, settings, at: head.stamp.hash, pool: address };
    let own = asked.read(vec![
        question(address, &IManagedPool::getPoolIdCall {}),
        question(address, &IManagedPool::getVaultCall {}),
        question(address, &IManagedPool::getOwnerCall {}),
        question(address, &IManagedPool::getNormalizedWeightsCall {}),
        question(address, &IManagedPool::getGradualWeightUpdateParamsCall {}),
        question(address, &IManagedPool::getSwapFeePercentageCall {}),
        question(address, &IManagedPool::getSwapEnabledCall {}),
        question(address, &IManagedPool::getPausedStateCall {}),
    ]);
    let own = own.await?;
    let pool_id: B256 = asked.answer::<IManagedPool::getPoolIdCall>("getPoolId", own.first())?;
    let vault: Address = asked.answer::<IManagedPool::getVaultCall>("getVault", own.get(1))?;
    let owner: Address = asked.answer::<IManagedPool::getOwnerCall>("getOwner", own.get(2))?;
    let weights: Vec<U256> = asked.answer::<IManagedPool::getNormalizedWeightsCall>("getNormalizedWeights", own.get(3))?;
    let ramp = asked.answer::<IManagedPool::getGradualWeightUpdateParamsCall>("getGradualWeightUpdateParams", own.get(4))?;
    let fee: U256 = asked.answer::<IManagedPool::getSwapFeePercentageCall>("getSwapFeePercentage", own.get(5))?;
    let swap_enabled = asked.answer::<IManagedPool::getSwapEnabledCall>("getSwapEnabled", own.get(6))?;
    let pause = asked.answer::<IManagedPool::getPausedStateCall>("getPausedState", own.get(7))?;
    let of_vault =
        vec![question(vault, &IVault::getPoolTokensCall { poolId: pool_id }), question(vault, &IVault::getPausedStateCall {})];
    let of_vault = asked.read(of_vault).await?;
    let listed = asked.answer::<IVault::getPoolTokensCall>("getPoolTokens", of_vault.first())?;
    let vault_pause = asked.answer::<IVault::getPausedStateCall>("getPausedState of the vault", of_vault.get(1))?;
    let fits = |what, number: U256| u128::try_from(number).map_err(|_| asked.no_pool(what, "a number does not fit"));
    let time = |what, number: U256| {
        u64::try_from(number).map(Timestamp::from_secs).map_err(|_| asked.no_pool(what, "a time does not fit"))
    };
    let end = time("getGradualWeightUpdateParams", ramp.endTime)?;
    Ok(PoolSurvey {
        chain_id: chain_id.to(),
        block: head.stamp.number,
        at: head.stamp.timestamp,
        address,
        vault,
        owner: asked.owner(owner).await?,
        tokens: asked.tokens(pool_id, vault, &listed.tokens, &weights).await?,
        swap_fee: SwapFee::from_wad(fits("getSwapFeePercentage", fee)?),
        swap_enabled,
        paused: pause.paused || vault_pause.paused,
        pause_window_end: time("getPausedState", pause.pauseWindowEndTime)?,
        ramp_until: (end > head.stamp.timestamp).then_some(end),
    })
}

struct Asked<'a> {
    node: &'a Node,
    settings: &'a ReaderSettings,
    at: B256,
    pool: Address,
}

impl Asked<'_> {
    async fn read(&self, calls: Vec<Call>) -> Result<Vec<Answer>, SurveyFault> {
        Ok(reader::read(self.node, self.settings, self.at, &calls).await?)
    }

    fn answer<C: SolCall>(&self, what: &'static str, answer: Option<&Answer>) -> Result<C::Return, SurveyFault> {
        answered::<C>(answer).map_err(|why| self.no_pool(what, &why))
    }

    fn no_pool(&self, what: &'static str, why: &str) -> SurveyFault {
        SurveyFault::NoPool { at: self.pool, what, why: why.to_owned() }
    }

    async fn owner(&self, owner: Address) -> Result<Owner, SurveyFault> {
        if owner == DELEGATE {
            return Ok(Owner::Governance);
        }
        let code: Bytes = self.node.ask("eth_getCode", (owner, "latest")).await?;
        Ok(if code.is_empty() { Owner::Key(owner) } else { Owner::Contract(owner) })
    }

    /// The pool's own token comes first in every managed pool.
    async fn tokens(
        &self,
        pool_id: B256,
        vault: Address,
        listed: &[Address],
        weights: &[U256],
    ) -> Result<Vec<SurveyedToken>, SurveyFault> {
        let tokens = match listed.split_first() {
            Some((own, tokens)) if *own == self.pool && tokens.len() == weights.len() => tokens,
            _ => return Err(self.no_pool("getPoolTokens", "the vault lists no managed pool's tokens for it")),
        };
        let calls = tokens.iter().flat_map(|token| {
            [
                question(*token, &IERC20::decimalsCall {}),
                question(*token, &IERC20::symbolCall {}),
                question(vault, &IVault::getPoolTokenInfoCall { poolId: pool_id, token: *token }),
            ]
        });
        let answers = self.read(calls.collect()).await?;
        let token = |((address, weight), answers): ((&Address, &U256), &[Answer])| {
            let info = self.answer::<IVault::getPoolTokenInfoCall>("getPoolTokenInfo", answers.get(2))?;
            let weight = u128::try_from(*weight).map_err(|_| self.no_pool("getNormalizedWeights", "a weight does not fit"))?;
            Ok(SurveyedToken {
                address: *address,
                symbol: answered::<IERC20::symbolCall>(answers.get(1)).ok(),
                decimals: self.answer::<IERC20::decimalsCall>("decimals", answers.first())?,
                weight: Weight::from_wad(weight),
                asset_manager: (info.assetManager != Address::ZERO).then_some(info.assetManager),
            })
        };
        tokens.iter().zip(weights).zip(answers.chunks(3)).map(token).collect()
    }
}
