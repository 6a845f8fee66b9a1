//! The pools of a chain: which are looked after, by which settings, and how they come, change and go while the chain runs. A change
//! is held against the chain whole before any of it counts, and then counts all at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::{ChainPlan, max_age};
use crate::actors::facts::Lease;
use crate::actors::pool::{Earning, PoolArgs};
use crate::app::keys::Keys;
use crate::chain::preflight::{self, Cleared, PreflightFault};
use crate::config::{PoolSettings, Settings};
use crate::domain::ids::{AssetId, ChainName, PoolId};
use crate::observe::Event;
use crate::ports::Position;

/// The pools of a chain by the newest settings.
pub(in crate::app) type Wanted = Arc<BTreeMap<PoolId, PoolSettings>>;

/// The pools of a chain in some settings.
pub(in crate::app) fn wanted(settings: &Settings, chain: &ChainName) -> Wanted {
    let here = settings.pools.iter().filter(|(_, pool)| pool.chain == *chain);
    Arc::new(here.map(|(id, pool)| (id.clone(), pool.clone())).collect())
}

/// What has been made of the settings so far.
#[derive(Default)]
pub(super) struct Present {
    of: Wanted,
    pools: BTreeMap<PoolId, Judged>,
}

/// A pool as it was last held against the chain.
struct Judged {
    settings: PoolSettings,
    /// Whether they hold. If not, they are judged again with every reading: what was wrong may have been mended on the chain.
    hold: bool,
    /// What it runs by: its settings of before when these do not hold, and nothing when there were none.
    runs: Option<Arc<PoolArgs>>,
}

impl ChainPlan {
    /// From now on these pools. Those that are new or changed are held against the chain first.
    pub(in crate::app) fn want(&self, pools: Wanted) {
        self.wanted.publish(pools);
    }

    /// Waits for other settings than those that are in force.
    pub(super) async fn news(&self, present: &Present) {
        self.wanted.wait_for(|wanted| !Arc::ptr_eq(wanted, &present.of)).await;
    }

    /// Brings the newest settings into force.
    pub(super) async fn catch_up(&self, present: &mut Present) {
        loop {
            let wanted = self.wanted.read();
            let verdicts = tokio::select! {
                verdicts = self.judge(&wanted, present) => verdicts,
                // What a node that is away has not answered need not be asked any more.
                () = self.wanted.wait_for(|newer| !Arc::ptr_eq(newer, &wanted)) => continue,
            };
            return self.apply(&wanted, verdicts, present);
        }
    }

    /// Holds what is new or changed against the chain.
    async fn judge(&self, wanted: &Wanted, present: &Present) -> Vec<(PoolSettings, Result<Cleared, String>)> {
        let mut verdicts = Vec::new();
        for (id, pool) in wanted.iter() {
            if present.pools.get(id).is_none_or(|known| !known.hold || known.settings != *pool) {
                verdicts.push((pool.clone(), self.verdict(pool).await));
            }
        }
        verdicts
    }

    async fn verdict(&self, pool: &PoolSettings) -> Result<Cleared, String> {
        let name = &self.settings.name;
        if let Some(asset) = pool.mandate.assets.iter().find(|asset| !self.tokens.has(asset)) {
            return Err(format!("{asset} on {name} is not among the assets that this process was started with: restart it"));
        }
        // What nobody could sign would silently never happen.
        if pool.policy.needs_treasury() && self.treasury.is_none() {
            return Err(format!(
                "its policy needs the treasury's key, and this process was started without one for {name}: restart it"
            ));
        }
        self.clear(pool).await.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    /// Lets it count. Nothing here waits, so nobody sees half of it.
    fn apply(&self, wanted: &Wanted, verdicts: Vec<(PoolSettings, Result<Cleared, String>)>, present: &mut Present) {
        let observer = &self.shared.wiring.observer;
        for (settings, verdict) in verdicts {
            let pool = settings.id.clone();
            let before = present.pools.remove(&pool).and_then(|known| known.runs);
            let (changed, hold) = (before.is_some(), verdict.is_ok());
            let runs = match verdict {
                Ok(cleared) => {
                    observer.record(Event::PoolJoined { pool: pool.clone(), changed });
                    Some(self.pool(settings.clone(), cleared))
                }
                Err(reason) if changed => {
                    observer.record(Event::PoolKept { pool: pool.clone(), reason });
                    before
                }
                Err(reason) => {
                    observer.record(Event::PoolParked { pool: pool.clone(), reason });
                    None
                }
            };
            present.pools.insert(pool, Judged { settings, hold, runs });
        }
        for (pool, gone) in present.pools.extract_if(.., |id, _| !wanted.contains_key(id)) {
            // Of one that runs the queue says so, when what it has begun is finished.
            if gone.runs.is_none() {
                observer.record(Event::PoolLeft { pool });
            }
        }
        present.of = Arc::clone(wanted);
        let roster: Vec<Arc<PoolArgs>> = present.pools.values().filter_map(|pool| pool.runs.clone()).collect();
        self.boards.positions.modify(|positions| {
            positions.extend(roster.iter().map(|pool| (pool.id.clone(), pool.position.clone())));
        });
        let same = self.boards.roster.look(|before| {
            before.len() == roster.len() && before.iter().zip(&roster).all(|(before, now)| Arc::ptr_eq(before, now))
        });
        if !same {
            self.boards.roster.publish(roster.into());
        }
    }

    /// Asks until the node answers: a node that is away says nothing of the pool.
    async fn clear(&self, pool: &PoolSettings) -> Result<Cleared, Vec<PreflightFault>> {
        let claim = self.tokens.claim(&self.settings, pool, pool.mode, self.keeper.address());
        let again = ExponentialBuilder::default().with_max_delay(Duration::from_secs(10)).without_max_times();
        (|| preflight::clear(&self.http, &self.reader, &claim))
            .retry(again)
            .when(|faults| faults.iter().any(PreflightFault::is_unreachable))
            .notify(|faults, pause| {
                let fault = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                let chain = self.settings.name.clone();
                self.shared.wiring.observer.record(Event::LinkLost { chain, label: "unreachable", fault, retry_in: pause });
            })
            .await
    }

    /// What a pool works with.
    fn pool(&self, pool: PoolSettings, cleared: Cleared) -> Arc<PoolArgs> {
        let (shared, boards) = (&self.shared, &self.boards);
        let wiring = &shared.wiring;
        // The peg of a share is that of its coin.
        let board_of = |id: &AssetId| shared.pegs.get(self.tokens.coin_of(id)).map(|(board, _)| board.clone());
        let earning =
            |id: &AssetId| Earning { boards: boards.yields.get(id).cloned(), share: self.tokens.shares.contains_key(id) };
        let position = cleared.pool.with_brakes(pool.policy.brakes.is_some());
        let position = position.owned_by(self.treasury.as_ref().map(Keys::address)).with_purse(pool.policy.swap.is_some());
        Arc::new(PoolArgs {
            id: pool.id,
            lease: Lease::of(&boards.plan, position.calls()),
            position: Arc::new(position),
            pegs: pool.mandate.assets.iter().filter_map(board_of).collect(),
            earnings: pool.mandate.assets.iter().map(earning).collect(),
            mode: pool.mode,
            mandate: pool.mandate,
            policy: pool.policy,
            max_age: max_age(wiring.clock.as_ref(), self.settings.block_time),
            block_time: self.settings.block_time,
            blocks: boards.blocks.clone(),
            gas: boards.gas.clone(),
            lanes: self.lanes.clone(),
            executors: boards.executors.clone(),
            journal: wiring.journal.clone(),
            clock: wiring.clock.clone(),
            observer: wiring.observer.clone(),
            hearts: shared.hearts.clone(),
            drill: wiring.drill.clone(),
        })
    }
}
