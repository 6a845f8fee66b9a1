//! What each answer to a depeg would cost, coin by coin, at the size that the pool had.

use std::time::Duration;

use comfy_table::{Table, presets};

use crate::config::PoolSettings;
use crate::domain::allocation::Allocation;
use crate::domain::defence::{AnswerCosts, BreakEven, Exposure, Outlook, allowed, implied_death, outlook};
use crate::domain::ramp::RampMarket;
use crate::domain::ramp::legs::{self, Urgency};
use crate::domain::record::{SeenAsset, SeenPool};
use crate::domain::target::{self, Standing};
use crate::domain::units::{GasCost, Price, Usd, Weight};

/// Units of gas of a freeze with the two transactions that undo it, and of an exit.
const FREEZE_GAS: u64 = 99_000;
const EXIT_GAS: u64 = 215_000;
const REWEIGHT_GAS: u64 = 97_000;

/// A headline and a table for each coin whose price and size are known.
pub(super) fn of(pool: &PoolSettings, seen: &SeenPool) -> Vec<(String, Table)> {
    let one = |(at, asset): (usize, &SeenAsset)| {
        let floor = pool.policy.depeg.derisk.recovery_floor;
        let price = asset.price?.min(Price::PAR);
        let exposure = Exposure { value: seen.value?, weight: asset.share?, price, floor };
        let costs = costs(pool, seen, at)?;
        let answers = outlook(&exposure, &costs)?;
        let implied = implied_death(price, floor)?;
        let headline = format!(
            "If {} goes from {price} back to $1, or on to {floor} (which a market at this price gives {implied}):",
            asset.asset
        );
        Some((headline, table(&answers)))
    };
    seen.assets.iter().enumerate().filter_map(one).collect()
}

/// What the answers cost beyond the prices' own doing.
fn costs(pool: &PoolSettings, seen: &SeenPool, at: usize) -> Option<AnswerCosts> {
    let gas = |gas_used| GasCost { gas_used, price: seen.gas? }.usd(seen.ether?);
    let (rule, mandate) = (&pool.policy.depeg.derisk, &pool.mandate);
    let weights: Vec<Weight> = seen.assets.iter().map(|asset| asset.weight).collect();
    let weight = *weights.get(at)?;
    let limit = mandate.max_loss.get(at).copied().flatten().unwrap_or(rule.max_loss);
    let keeps = allowed(seen.assets.get(at)?.price?, rule.recovery_floor, limit).max(*mandate.min.get(at)?).min(weight);
    // There and back: what is sold is bought again when the coin is back.
    let standing: Vec<Standing> =
        (0..weights.len()).map(|other| if other == at { Standing::Below } else { Standing::Sound }).collect();
    let mut excess = vec![Weight::ZERO; weights.len()];
    *excess.get_mut(at)? = weight.saturating_sub(keeps);
    let market = RampMarket {
        pool_value: seen.value?,
        block_time: Duration::from_secs(12),
        arbitrage_cost: gas(pool.policy.ramp.arbitrage_gas).unwrap_or(Usd::ZERO),
    };
    let from = Allocation::normalised(&weights).ok()?;
    let own = gas(REWEIGHT_GAS).unwrap_or(Usd::ZERO);
    let moved = target::defend(from.weights(), &standing, mandate, &excess, Weight::ONE).ok();
    let derisk = moved.map_or(Some(Usd::ZERO), |to| {
        let there = legs::plan(&from, &to, &market, &pool.policy.ramp, Urgency::Urgent, own).ok()?;
        let back = legs::plan(&to, &from, &market, &pool.policy.ramp, Urgency::Calm, own).ok()?;
        Some(there.whole_loss.saturating_add(back.whole_loss).saturating_add(own.times(2)))
    });
    Some(AnswerCosts {
        freeze: gas(FREEZE_GAS).unwrap_or(Usd::ZERO),
        derisk_to: keeps,
        // A move that no ramp may make is as good as none.
        derisk: derisk.unwrap_or(Usd::ZERO),
        exit: gas(EXIT_GAS).unwrap_or(Usd::ZERO),
        brakes: pool.policy.brakes,
    })
}

fn table(answers: &[Outlook]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(["answer", "if it recovers", "costs", "if it dies", "loses", "the best if it dies with"]);
    for Outlook { answer, if_recovers, if_dies, cost_if_recovers, loss_if_dies, best } in answers {
        let best = match best {
            BreakEven::Never => "never".to_owned(),
            BreakEven::Between(from, to) => format!("{from} to {to}"),
        };
        table.add_row([
            answer.label().to_owned(),
            if_recovers.to_string(),
            cost_if_recovers.to_string(),
            if_dies.to_string(),
            loss_if_dies.to_string(),
            best,
        ]);
    }
    table
}
