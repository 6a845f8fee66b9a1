//! What settings claim of the contracts of a chain, for the preflight to hold against it: once by whoever runs, and once by whoever
//! moves a pool to another mode.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;

use crate::app::keys;
use crate::chain::preflight::{self, FeedClaim, PoolClaim, TokenClaim};
use crate::chain::provider::Node;
use crate::chain::reader::{ReaderSettings, USUAL_CALLS_PER_REQUEST};
use crate::config::{AssetOnChain, ChainSettings, PoolSettings, Settings, ShareOnChain};
use crate::domain::ids::{AssetId, ChainName};
use crate::domain::mode::Mode;

/// The assets that live on one chain.
pub(super) struct Tokens {
    pub(super) assets: BTreeMap<AssetId, AssetOnChain>,
    /// Shares, each with what it is a share of.
    pub(super) shares: BTreeMap<AssetId, (AssetId, ShareOnChain)>,
}

impl Tokens {
    /// Those of some settings.
    pub(super) fn on(settings: &Settings, chain: &ChainName) -> Self {
        let assets = settings.assets.iter().filter_map(|(id, asset)| Some((id.clone(), asset.on.get(chain)?.clone())));
        let shares =
            settings.shares.iter().filter_map(|(id, share)| Some((id.clone(), (share.of.clone(), share.on.get(chain)?.clone()))));
        Self { assets: assets.collect(), shares: shares.collect() }
    }

    /// Whether it is one of them.
    pub(super) fn has(&self, id: &AssetId) -> bool {
        self.assets.contains_key(id) || self.shares.contains_key(id)
    }

    /// What it is, or what it is a share of.
    pub(super) fn coin_of<'a>(&'a self, id: &'a AssetId) -> &'a AssetId {
        self.shares.get(id).map_or(id, |(of, _)| of)
    }

    /// What the settings say of a pool and of what it depends on, in this mode.
    pub(super) fn claim(&self, chain: &ChainSettings, pool: &PoolSettings, mode: Mode, keeper: Address) -> PoolClaim {
        let place = |id: &AssetId| format!("assets.{id}.on.{}", chain.name);
        let token = |id: &AssetId| {
            let asset = self.assets.get(id).map(|asset| (asset.token, asset.decimals));
            let share = || self.shares.get(id).map(|(_, share)| (share.token, share.decimals));
            let (token, decimals) = asset.or_else(share)?;
            Some(TokenClaim { place: place(id), token, decimals })
        };
        // A share has no feed of its own: the pool depends on its coin's.
        let coins: BTreeSet<&AssetId> = pool.mandate.assets.iter().map(|id| self.coin_of(id)).collect();
        let feed = |id: &AssetId| {
            let asset = self.assets.get(id)?;
            let (proxy, decimals) = (asset.feed.proxy, asset.feed.rule.decimals);
            Some(FeedClaim { place: format!("{}.feed", place(id)), proxy, decimals })
        };
        PoolClaim {
            place: format!("pools/{}.toml", pool.id),
            chain_id: chain.chain_id,
            pool: pool.address,
            keeper,
            sends: mode == Mode::Live,
            tokens: pool.mandate.assets.iter().filter_map(token).collect(),
            feeds: coins.into_iter().filter_map(feed).collect(),
        }
    }
}

/// What a chain's batched reads may use.
#[must_use]
pub const fn reader(chain: &ChainSettings) -> ReaderSettings {
    ReaderSettings { gas_per_call: chain.reader_gas_per_call, gas: chain.reader_gas, calls_per_request: USUAL_CALLS_PER_REQUEST }
}

/// The keeper's account, and what would not hold on the chain if a pool were in this mode: empty when all does.
///
/// # Errors
/// The keeper's key cannot be opened; why, in words.
pub async fn faults_of(
    settings: &Settings,
    chain: &ChainSettings,
    pool: &PoolSettings,
    mode: Mode,
    node: &Node,
) -> Result<(Address, Vec<String>), String> {
    let keeper = keys::account(&chain.keeper).await?;
    let claim = Tokens::on(settings, &chain.name).claim(chain, pool, mode, keeper);
    let faults = preflight::clear(node, &reader(chain), &claim).await.err().unwrap_or_default();
    Ok((keeper, faults.iter().map(ToString::to_string).collect()))
}
