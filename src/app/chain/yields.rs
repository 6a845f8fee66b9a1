//! The yields that are read with a chain's blocks, and who else is asked for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ChainPlan;
use crate::actors::facts::YieldBoards;
use crate::actors::yield_check::YieldCheckArgs;
use crate::actors::yield_feed::YieldFeedArgs;
use crate::chain::token::Token;
use crate::chain::yields::aave_v3::AaveReserve;
use crate::chain::yields::compound_v3::CompoundMarket;
use crate::chain::yields::erc4626::ShareVault;
use crate::chain::yields::savings_rate::{SavingsKind, SavingsRate};
use crate::config::{DefiLlamaSettings, ShareOnChain, YieldKind, YieldSettings};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::yields::Payer;
use crate::ports::{YieldSource, YieldWitness};
use crate::sources::defi_llama::DefiLlama;

/// A mean is not interrupted by less than this.
const LEAST_REACH: Duration = Duration::from_mins(10);
/// No server is asked more often than this on the machine, however fast the policy clock runs.
const LEAST_PAUSE: Duration = Duration::from_secs(10);

/// Who earns, in which token, and by whom.
struct Earner<'a> {
    asset: &'a AssetId,
    /// The coin that is paid on: for a share, what it is a share of.
    coin: Token,
    settings: &'a YieldSettings,
}

impl ChainPlan {
    /// Boards for everything that earns on this chain.
    pub(super) fn yield_boards(&self) -> BTreeMap<AssetId, YieldBoards> {
        let now = self.shared.wiring.clock.now();
        self.earners().map(|earner| (earner.asset.clone(), YieldBoards::unheard(earner.asset.clone(), now))).collect()
    }

    /// A feed for each yield, with its place in the batch, and a check where somebody else publishes it.
    pub(super) fn yields(&self) -> (Vec<YieldFeedArgs>, Vec<YieldCheckArgs>) {
        let boards = &self.boards;
        let (mut feeds, mut checks) = (Vec::new(), Vec::new());
        for earner in self.earners() {
            let Some(boards_of) = boards.yields.get(earner.asset) else { continue };
            let payer = self.payer(&earner);
            let source = match source(&payer, &earner) {
                Ok(source) => source,
                Err(fault) => {
                    tracing::error!(source = %payer.id, fault, "a yield cannot be asked for and is left out");
                    continue;
                }
            };
            checks.extend(earner.settings.check.as_ref().and_then(|check| self.check(&payer, boards_of, check)));
            feeds.push(YieldFeedArgs {
                slot: self.reserve(source.calls()),
                source,
                rule: earner.settings.rule,
                reach: self.settings.block_time.saturating_mul(self.settings.read_every).saturating_mul(3).max(LEAST_REACH),
                blocks: boards.blocks.clone(),
                boards: boards_of.clone(),
                clock: self.shared.wiring.clock.clone(),
                observer: self.shared.wiring.observer.clone(),
                hearts: self.shared.hearts.clone(),
            });
        }
        (feeds, checks)
    }

    fn earners<'a>(&'a self) -> impl Iterator<Item = Earner<'a>> {
        let token =
            move |id: &AssetId| self.tokens.assets.get(id).map(|coin| Token { address: coin.token, decimals: coin.decimals });
        let of_asset =
            move |asset| Some(Earner { asset, coin: token(asset)?, settings: self.tokens.assets.get(asset)?.yields.as_ref()? });
        // The settings hold the coin of a share to this chain, so that it is never missing.
        let of_share = move |(asset, (of, share)): (&'a AssetId, &'a (AssetId, ShareOnChain))| {
            Some(Earner { asset, coin: token(of)?, settings: &share.rate })
        };
        self.tokens.assets.keys().filter_map(of_asset).chain(self.tokens.shares.iter().filter_map(of_share))
    }

    fn payer(&self, earner: &Earner<'_>) -> Arc<Payer> {
        let (kind, asset, chain) = (earner.settings.kind.label(), earner.asset, &self.settings.name);
        let id = SourceId::new(&format!("{kind}:{asset}@{chain}"));
        Arc::new(Payer { id, asset: asset.clone(), chain: chain.clone() })
    }

    fn check(&self, payer: &Arc<Payer>, boards: &YieldBoards, settings: &DefiLlamaSettings) -> Option<YieldCheckArgs> {
        let clock = self.shared.wiring.clock.clone();
        let witness: Arc<dyn YieldWitness> = match DefiLlama::new(&settings.url, &settings.pool) {
            Ok(witness) => Arc::new(witness),
            Err(fault) => {
                tracing::error!(source = %payer.id, fault, "a witness of a yield cannot be asked and is left out");
                return None;
            }
        };
        Some(YieldCheckArgs {
            payer: Arc::clone(payer),
            witness,
            yields: boards.yields.clone(),
            every: settings.every,
            least_pause: LEAST_PAUSE,
            max_age: settings.max_age,
            differ_bps: settings.differ_bps,
            clock,
            observer: self.shared.wiring.observer.clone(),
            hearts: self.shared.hearts.clone(),
        })
    }
}

fn source(payer: &Arc<Payer>, earner: &Earner<'_>) -> Result<Arc<dyn YieldSource>, String> {
    let (payer, coin) = (Arc::clone(payer), earner.coin);
    Ok(match earner.settings.kind {
        YieldKind::AaveV3 { pool, a_token } => Arc::new(AaveReserve::new(payer, pool, coin.address, a_token)),
        YieldKind::CompoundV3 { comet } => Arc::new(CompoundMarket::new(payer, comet, coin.address)),
        YieldKind::Dsr { pot } => Arc::new(SavingsRate::new(payer, pot, SavingsKind::Dsr)),
        YieldKind::Ssr { vault } => Arc::new(SavingsRate::new(payer, vault, SavingsKind::Ssr(coin.address))),
        YieldKind::Erc4626 { vault, decimals } => Arc::new(ShareVault::new(payer, Token { address: vault, decimals }, coin)?),
    })
}
