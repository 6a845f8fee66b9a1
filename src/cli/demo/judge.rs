//! Whether the story ended well: every pool at its target, arbitraged, at rest, open for trade at its own fee, and nothing sent
//! twice. What the chain says counts,
//! not what the program believes.

use std::collections::HashSet;
use std::time::Duration;

use super::ledger::Ledger;
use crate::devnet::WorldError;
use crate::devnet::handle::WorldHandle;
use crate::ports::Clock;

/// A weight may be off by a tenth of a point.
const WEIGHT_TOLERANCE: f64 = 0.001;
/// A value share may be off by half a point: arbitrage stops where it does not pay.
const SHARE_TOLERANCE: f64 = 0.005;
/// A fee is what it was.
const FEE_TOLERANCE: f64 = 1e-9;

/// The end of the story.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// What is wrong; nothing, if all is well.
    pub(super) complaints: Vec<String>,
}

impl Verdict {
    /// The audience left.
    pub(super) fn interrupted() -> Self {
        Self { complaints: vec!["interrupted before the end".to_owned()] }
    }

    /// Whether all is well.
    pub(super) fn passed(&self) -> bool {
        self.complaints.is_empty()
    }
}

/// Looks until all is well, or `overtime` of policy time has passed.
pub(super) async fn wait(world: &WorldHandle, ledger: &Ledger, overtime: Duration) -> Result<Verdict, WorldError> {
    let clock = world.clock();
    let limit = clock.now().plus(overtime);
    loop {
        let verdict = look(world, ledger).await?;
        if verdict.passed() || clock.now() >= limit {
            return Ok(verdict);
        }
        tokio::time::sleep(clock.machine(world.block_time().saturating_mul(5))).await;
    }
}

async fn look(world: &WorldHandle, ledger: &Ledger) -> Result<Verdict, WorldError> {
    let mut complaints = Vec::new();
    for spec in world.specs() {
        let name = &spec.name;
        let (weights, shares) = (world.weights(name).await?, world.shares(name).await?);
        for token in &spec.tokens {
            let target = token.target.as_fraction();
            let weight = weights.iter().find(|(coin, _)| *coin == token.coin).map_or(0.0, |(_, weight)| weight.as_fraction());
            let share = shares.iter().find(|(coin, _)| *coin == token.coin).map_or(0.0, |(_, share)| *share);
            if (weight - target).abs() > WEIGHT_TOLERANCE {
                complaints.push(format!("{name}: the weight of {} is {weight:.4}, its target {target:.4}", token.coin.name()));
            }
            if (share - weight).abs() > SHARE_TOLERANCE {
                complaints
                    .push(format!("{name}: the value share of {} is {share:.4}, its weight {weight:.4}", token.coin.name()));
            }
        }
        if world.gradual_update(name).await?.end > world.clock().now() {
            complaints.push(format!("{name}: a ramp is in flight"));
        }
        let state = world.state(name).await?;
        if !state.swap_enabled {
            complaints.push(format!("{name}: trading is off"));
        }
        let fee = f64::from(spec.fee_bps) / 10_000.0;
        if (state.fee - fee).abs() > FEE_TOLERANCE {
            complaints.push(format!("{name}: the swap fee is {:.4} %, and was {:.4} %", state.fee * 100.0, fee * 100.0));
        }
        let updates = world.weight_updates(name).await?;
        let included = updates.iter().filter(|update| update.success).count();
        let nonces: HashSet<u64> = updates.iter().map(|update| update.nonce).collect();
        let done = ledger.count().pools.get(name).map_or(0, |pool| pool.moved);
        if nonces.len() != updates.len() || usize::try_from(done).ok() != Some(included) {
            complaints.push(format!("{name}: {included} weight changes on the chain, {done} were ordered and done"));
        }
        if included != updates.len() {
            complaints.push(format!("{name}: {} weight changes reverted", updates.len().saturating_sub(included)));
        }
    }
    Ok(Verdict { complaints })
}
