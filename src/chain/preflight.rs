//! Whether the configuration of a pool is true: asked of the chain once, at the start, in a few requests. All that is wrong is
//! told at once, each fault with its mend.

mod faults;

use alloy_primitives::{Address, B256, U64};
use futures::future::join_all;

use crate::chain::chainlink::NO_ROUND;
use crate::chain::contracts::{IAggregator, IERC20, IManagedPool, IVault, answered, question};
use crate::chain::head;
use crate::chain::managed_pool::{ManagedPool, PoolToken};
use crate::chain::provider::{AskFault, Node};
use crate::chain::reader::{self, ReaderSettings};
use crate::ports::{Answer, Call, Head, Position};

pub use self::faults::PreflightFault;

/// The owner that hands the decision to Balancer's authorizer.
const DELEGATE: Address = alloy_primitives::address!("BA1BA1ba1BA1bA1bA1Ba1BA1ba1BA1bA1ba1ba1B");

/// What is believed of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolClaim {
    /// Where it is written: `pools/alpha.toml`.
    pub place: String,
    /// EIP-155 number of its chain.
    pub chain_id: u64,
    /// Its contract.
    pub pool: Address,
    /// The account that sends. It must own the pool itself.
    pub keeper: Address,
    /// Whether it will: a pool that is only observed, or rehearsed, may have any owner.
    pub sends: bool,
    /// Its tokens in order, without the pool's own.
    pub tokens: Vec<TokenClaim>,
    /// The price feeds that it depends on.
    pub feeds: Vec<FeedClaim>,
}

/// What is believed of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenClaim {
    /// Where it is written: `assets.USDC.on.mainnet`.
    pub place: String,
    /// Its contract.
    pub token: Address,
    /// Its decimal places.
    pub decimals: u8,
}

/// What is believed of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedClaim {
    /// Where it is written: `assets.USDC.on.mainnet.feed`.
    pub place: String,
    /// Its contract.
    pub proxy: Address,
    /// Decimals of its answers.
    pub decimals: u8,
}

/// A pool whose claims hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The pool, ready to be read.
    pub pool: ManagedPool,
    /// What each feed says it quotes, in order: `USDC / USD`. For a human to compare.
    pub feeds: Vec<String>,
}

/// Asks the chain whether a claim holds, in the state after its newest block.
///
/// # Errors
/// Everything that does not hold. When the node cannot be asked or is on another chain, only that: the rest would be noise.
pub async fn clear(node: &Node, settings: &ReaderSettings, claim: &PoolClaim) -> Result<Cleared, Vec<PreflightFault>> {
    let head = start(node, claim).await.map_err(|fault| vec![fault])?;
    let asked = Asked { node, settings, at: head.stamp.hash, claim };
    let mut faults = Vec::new();
    let own = asked.read(own_calls(claim)).await?;
    asked.check_tokens(&own, &mut faults).await;
    let feeds = asked.check_feeds(&own, &mut faults).await;
    let pool = asked.check_pool(&own, &head, &mut faults).await?;
    match pool {
        Some(pool) if faults.is_empty() => Ok(Cleared { pool, feeds }),
        _ => Err(faults),
    }
}

async fn start(node: &Node, claim: &PoolClaim) -> Result<Head, PreflightFault> {
    let found: U64 = node.ask("eth_chainId", ()).await.map_err(|fault| PreflightFault::unreachable(claim, &fault))?;
    if found != U64::from(claim.chain_id) {
        return Err(PreflightFault::other_chain(claim, found.to()));
    }
    head::newest(node).await.map_err(|fault| PreflightFault::unreachable(claim, &fault))
}

/// The calls whose targets are known before anything is read: three of the pool, one of each token, three of each feed.
fn own_calls(claim: &PoolClaim) -> Vec<Call> {
    let mut calls = vec![
        question(claim.pool, &IManagedPool::getPoolIdCall {}),
        question(claim.pool, &IManagedPool::getVaultCall {}),
        question(claim.pool, &IManagedPool::getOwnerCall {}),
    ];
    calls.extend(claim.tokens.iter().map(|token| question(token.token, &IERC20::decimalsCall {})));
    for feed in &claim.feeds {
        calls.push(question(feed.proxy, &IAggregator::decimalsCall {}));
        calls.push(question(feed.proxy, &IAggregator::descriptionCall {}));
        calls.push(question(feed.proxy, &IAggregator::latestRoundDataCall {}));
    }
    calls
}

/// One claim and the block that it is compared with.
struct Asked<'a> {
    node: &'a Node,
    settings: &'a ReaderSettings,
    at: B256,
    claim: &'a PoolClaim,
}

/// The answers to [`own_calls`], by what was asked.
struct Own {
    answers: Vec<Answer>,
    tokens: usize,
}

impl Own {
    fn pool(&self, at: usize) -> Option<&Answer> {
        self.answers.get(at)
    }

    fn token(&self, token: usize) -> Option<&Answer> {
        self.answers.get(token.saturating_add(3))
    }

    fn feed(&self, feed: usize, question: usize) -> Option<&Answer> {
        let before = self.tokens.saturating_add(3);
        self.answers.get(feed.saturating_mul(3).saturating_add(question).saturating_add(before))
    }
}

impl Asked<'_> {
    async fn read(&self, calls: Vec<Call>) -> Result<Own, Vec<PreflightFault>> {
        let answers = reader::read(self.node, self.settings, self.at, &calls).await;
        let answers = answers.map_err(|fault| vec![PreflightFault::unreachable(self.claim, &fault)])?;
        Ok(Own { answers, tokens: self.claim.tokens.len() })
    }

    async fn check_tokens(&self, own: &Own, faults: &mut Vec<PreflightFault>) {
        for (at, token) in self.claim.tokens.iter().enumerate() {
            match answered::<IERC20::decimalsCall>(own.token(at)) {
                Ok(found) if found == token.decimals => {}
                Ok(found) => faults.push(PreflightFault::decimals(&token.place, "token", found, token.decimals)),
                Err(why) => faults.push(self.unreadable(&token.place, "token", token.token, "decimals", &why).await),
            }
        }
    }

    /// Returns what the feeds say they quote.
    async fn check_feeds(&self, own: &Own, faults: &mut Vec<PreflightFault>) -> Vec<String> {
        let mut descriptions = Vec::new();
        for (at, feed) in self.claim.feeds.iter().enumerate() {
            let decimals = answered::<IAggregator::decimalsCall>(own.feed(at, 0));
            let description = answered::<IAggregator::descriptionCall>(own.feed(at, 1));
            let round = answered::<IAggregator::latestRoundDataCall>(own.feed(at, 2)).map(|_| ());
            match &decimals {
                Ok(found) if *found == feed.decimals => {}
                Ok(found) => faults.push(PreflightFault::decimals(&feed.place, "feed", *found, feed.decimals)),
                Err(why) => faults.push(self.unreadable(&feed.place, "feed", feed.proxy, "decimals", why).await),
            }
            if decimals.is_ok() {
                // A feed that has never been written is a feed; its readings are faults until it is.
                if let Err(why) = round
                    && why != NO_ROUND
                {
                    faults.push(self.unreadable(&feed.place, "feed", feed.proxy, "latestRoundData", &why).await);
                }
                if let Err(why) = &description {
                    faults.push(self.unreadable(&feed.place, "feed", feed.proxy, "description", why).await);
                }
            }
            descriptions.push(description.unwrap_or_default());
        }
        descriptions
    }

    async fn check_pool(
        &self,
        own: &Own,
        head: &Head,
        faults: &mut Vec<PreflightFault>,
    ) -> Result<Option<ManagedPool>, Vec<PreflightFault>> {
        let claim = self.claim;
        let (pool_id, vault, owner) = match (
            answered::<IManagedPool::getPoolIdCall>(own.pool(0)),
            answered::<IManagedPool::getVaultCall>(own.pool(1)),
            answered::<IManagedPool::getOwnerCall>(own.pool(2)),
        ) {
            (Ok(pool_id), Ok(vault), Ok(owner)) => (pool_id, vault, owner),
            (Err(why), _, _) => return Ok(self.no_pool("getPoolId", &why, faults).await),
            (_, Err(why), _) => return Ok(self.no_pool("getVault", &why, faults).await),
            (_, _, Err(why)) => return Ok(self.no_pool("getOwner", &why, faults).await),
        };
        if claim.sends && owner != claim.keeper {
            let code = if owner == DELEGATE { Ok(false) } else { self.has_code(owner).await };
            faults.push(PreflightFault::owner(claim, owner, owner == DELEGATE, code.unwrap_or(false)));
        }
        let tokens = claim.tokens.iter().map(|token| PoolToken { address: token.token, decimals: token.decimals }).collect();
        let pool = ManagedPool::new(claim.pool, pool_id, vault, tokens);
        let mut calls = pool.calls();
        calls.push(question(vault, &IVault::getPoolTokensCall { poolId: pool_id }));
        let Own { answers, .. } = self.read(calls).await?;
        let listed: IVault::getPoolTokensReturn = match answered::<IVault::getPoolTokensCall>(answers.last()) {
            Ok(listed) => listed,
            Err(why) => {
                faults.push(self.unreadable(&claim.place, "vault", vault, "getPoolTokens", &why).await);
                return Ok(None);
            }
        };
        if let Some(fault) = PreflightFault::tokens(claim, &listed.tokens) {
            faults.push(fault);
        } else if let Err(fault) = pool.facts(&answers, &head.stamp) {
            faults.push(PreflightFault::silent(&claim.place, "pool", claim.pool, fault.what, &fault.fault));
        }
        Ok(Some(pool))
    }

    async fn no_pool(&self, what: &str, why: &str, faults: &mut Vec<PreflightFault>) -> Option<ManagedPool> {
        faults.push(self.unreadable(&self.claim.place, "pool", self.claim.pool, what, why).await);
        None
    }

    /// A contract that does not answer: because it is none, or because it is another.
    async fn unreadable(&self, place: &str, role: &'static str, at: Address, what: &str, why: &str) -> PreflightFault {
        match self.has_code(at).await {
            Ok(true) => PreflightFault::silent(place, role, at, what, why),
            Ok(false) => PreflightFault::no_code(place, role, at),
            Err(fault) => PreflightFault::unreachable(self.claim, &fault),
        }
    }

    async fn has_code(&self, at: Address) -> Result<bool, AskFault> {
        let code: alloy_primitives::Bytes = self.node.ask("eth_getCode", (at, "latest")).await?;
        Ok(!code.is_empty())
    }
}

/// Asks for several pools at once.
///
/// # Errors
/// All faults of all pools, in the order of the claims; those that two pools share are told once.
pub async fn clear_all(
    node: &Node,
    settings: &ReaderSettings,
    claims: &[PoolClaim],
) -> Result<Vec<Cleared>, Vec<PreflightFault>> {
    let (mut cleared, mut faults) = (Vec::new(), Vec::new());
    for result in join_all(claims.iter().map(|claim| clear(node, settings, claim))).await {
        match result {
            Ok(pool) => cleared.push(pool),
            Err(found) => faults.extend(found),
        }
    }
    let mut told: Vec<PreflightFault> = Vec::new();
    for fault in faults {
        if !told.contains(&fault) {
            told.push(fault);
        }
    }
    if told.is_empty() { Ok(cleared) } else { Err(told) }
}
