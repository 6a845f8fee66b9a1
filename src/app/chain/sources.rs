//! The sources of prices that are read with a chain's blocks.

use std::sync::Arc;

use super::{ChainPlan, max_age};
use crate::actors::price_feed::PriceFeedArgs;
use crate::chain::chainlink::{ChainlinkFeed, Sequencer};
use crate::chain::curve::{Coin, CurveAsk, CurvePair};
use crate::chain::token::Token;
use crate::chain::uniswap_v3::{TwapRule, UniswapV3Twap};
use crate::config::{AssetOnChain, FeedSettings, PoolSourceKind, PoolSourceSettings, SequencerSettings};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::source::{Group, Source, Unit};
use crate::ports::PriceSource;

impl ChainPlan {
    /// A price feed for each source of each asset, with its place in the batch.
    pub(super) fn feeds(&self) -> Vec<PriceFeedArgs> {
        let boards = &self.boards;
        let mut feeds = Vec::new();
        for (id, asset) in &self.tokens.assets {
            let Some((_, watch)) = self.shared.pegs.get(id) else { continue };
            let feed: Arc<dyn PriceSource> = Arc::new(self.source(id, &asset.feed));
            let others = asset.sources.iter().filter_map(|source| self.other_source(id, asset, source));
            for source in std::iter::once(feed).chain(others) {
                feeds.push(PriceFeedArgs {
                    slot: self.reserve(source.calls()),
                    source,
                    blocks: boards.blocks.clone(),
                    announcements: boards.announcements.clone(),
                    watch: watch.clone(),
                    clock: self.shared.wiring.clock.clone(),
                    observer: self.shared.wiring.observer.clone(),
                    hearts: self.shared.hearts.clone(),
                });
            }
        }
        feeds
    }

    /// A feed in dollars of Chainlink's own.
    pub(super) fn source(&self, asset: &AssetId, feed: &FeedSettings) -> ChainlinkFeed {
        let source = self.identity(asset, "chainlink", Unit::Usd, Group::Chainlink);
        self.rounds(source, feed)
    }

    /// A feed that answers as Chainlink does.
    fn rounds(&self, source: Source, feed: &FeedSettings) -> ChainlinkFeed {
        let feed = ChainlinkFeed::new(Arc::new(source), feed.proxy, feed.rule);
        match self.settings.sequencer {
            Some(SequencerSettings { proxy, grace }) => feed.behind(Sequencer { proxy, grace }),
            None => feed,
        }
    }

    /// A source beside the asset's own feed. The settings hold the other asset of a pair to this chain, so that `None` is never the case.
    fn other_source(&self, id: &AssetId, asset: &AssetOnChain, source: &PoolSourceSettings) -> Option<Arc<dyn PriceSource>> {
        let token = |asset: &AssetOnChain| Token { address: asset.token, decimals: asset.decimals };
        let unit = source.against().map_or(Unit::Usd, |against| Unit::Asset(against.clone()));
        let who = self.identity(id, &source.name, unit, source.group().unwrap_or(Group::Dex));
        let source: Arc<dyn PriceSource> = match &source.kind {
            PoolSourceKind::Push(feed) => Arc::new(self.rounds(who, feed)),
            PoolSourceKind::UniswapV3 { pool, against, window, observations, low, high } => {
                let (window, observations, low, high) = (*window, *observations, *low, *high);
                let rule = TwapRule { window, observations, low, high };
                Arc::new(UniswapV3Twap::new(Arc::new(who), *pool, token(asset), token(self.tokens.assets.get(against)?), rule))
            }
            PoolSourceKind::Curve { pool, index, against, against_index, average, rule } => {
                let coin = Coin { token: token(asset), index: *index };
                let other = Coin { token: token(self.tokens.assets.get(against)?), index: *against_index };
                let ask = if *average { CurveAsk::Average { low: rule.low, high: rule.high } } else { CurveAsk::Trade(*rule) };
                match CurvePair::new(who, *pool, coin, other, ask) {
                    Ok(pair) => Arc::new(pair),
                    Err(fault) => {
                        tracing::error!(source = %source.name, asset = %id, fault, "a source cannot be asked and is left out");
                        return None;
                    }
                }
            }
        };
        Some(source)
    }

    fn identity(&self, asset: &AssetId, name: &str, unit: Unit, group: Group) -> Source {
        Source {
            id: SourceId::new(&format!("{name}:{asset}@{}", self.settings.name)),
            asset: asset.clone(),
            unit,
            group,
            advisory: false,
            // It is read in every block; what nobody reads any more stands for as long as what a pool decides on.
            good_for: max_age(self.shared.wiring.clock.as_ref(), self.settings.block_time),
        }
    }
}
