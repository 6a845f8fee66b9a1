//! What is left of the story: a table for people, and the same as JSON.
//!
//! The JSON: `version` of this form; `scenario`, `prices` (always `synthetic`), `speed`; `passed` and `complaints`; `policy_seconds`
//! and `wall_seconds` since the world was ready; `blocks` read, `requests_per_idle_block` (a push is not a request),
//! `resident_bytes` of this process, which holds the demo's own world too, `restart_ms` of each actor that came back; and `pools`,
//! each with its `tokens` (`before`, `target`, `after` as weights from 0 to 1, `share` of the value), `turns`, `transactions`,
//! `shown` of them to everybody before they were in a block, `weight_changes` on the chain, `failures`, `gas_used`, `gas_ether`,
//! `gas_usd`, `restarts`, and `reaction` from the market's crossing of 0.99 to the first protective transaction in
//! `policy_seconds` and `wall_seconds`.

use std::path::Path;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::judge::Verdict;
use super::ledger::{Ledger, PoolCount};
use crate::devnet::handle::WorldHandle;
use crate::devnet::scenario::Scenario;
use crate::devnet::{Coin, PoolSpec, WorldError};
use crate::domain::units::Weight;
use crate::ports::Clock;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    scenario: String,
    prices: &'static str,
    speed: f64,
    passed: bool,
    complaints: Vec<String>,
    policy_seconds: f64,
    wall_seconds: f64,
    blocks: u64,
    requests_per_idle_block: Option<f64>,
    resident_bytes: Option<u64>,
    restart_ms: Vec<f64>,
    pools: Vec<PoolReport>,
}

#[derive(Debug, Serialize)]
struct PoolReport {
    name: String,
    value_usd: u32,
    tokens: Vec<TokenReport>,
    turns: u32,
    transactions: usize,
    shown: usize,
    weight_changes: usize,
    failures: Vec<&'static str>,
    gas_used: u64,
    gas_ether: f64,
    gas_usd: f64,
    restarts: u32,
    reaction: Option<Reaction>,
}

#[derive(Debug, Serialize)]
struct TokenReport {
    asset: &'static str,
    before: f64,
    target: f64,
    after: f64,
    share: f64,
}

#[derive(Debug, Serialize)]
struct Reaction {
    policy_seconds: f64,
    wall_seconds: f64,
}

impl Report {
    /// Reads the end from the chain and the rest from the ledger.
    pub(super) async fn new(
        story: &Scenario,
        world: &WorldHandle,
        ledger: &Ledger,
        verdict: &Verdict,
        speed: f64,
    ) -> Result<Self, WorldError> {
        let mut pools = Vec::new();
        for spec in world.specs() {
            let count = ledger.count().pools.get(&spec.name).cloned().unwrap_or_default();
            pools.push(PoolReport::new(spec, world, count).await?);
        }
        let resident_bytes = ledger.resident_bytes();
        let count = ledger.count();
        let (requests, idle) = count.idle;
        Ok(Self {
            version: 1,
            scenario: story.name.to_owned(),
            prices: "synthetic",
            speed,
            passed: verdict.passed(),
            complaints: verdict.complaints.clone(),
            policy_seconds: world.clock().elapsed().as_secs_f64(),
            wall_seconds: world.clock().uptime().as_secs_f64(),
            blocks: count.blocks,
            requests_per_idle_block: (idle > 0).then(|| ratio(requests, idle)),
            resident_bytes,
            restart_ms: count.restarts.iter().map(|took| took.as_secs_f64() * 1e3).collect(),
            pools,
        })
    }

    /// Writes the JSON.
    pub(super) fn write(&self, file: &Path) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        std::fs::write(file, text + "\n")
    }

    /// The table, the figures below it, and the verdict.
    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([
            "pool",
            "worth",
            "weights before → target → after",
            "turns",
            "tx (shown)",
            "gas",
            "restarts",
            "price move → tx",
        ]);
        for pool in &self.pools {
            table.add_row(pool.row());
        }
        for column in 3..7 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let requests = self.requests_per_idle_block.map_or_else(|| "unknown".to_owned(), |requests| format!("{requests:.2}"));
        let memory = self.resident_bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
        let restarts: Vec<String> = self.restart_ms.iter().map(|ms| format!("{ms:.2} ms")).collect();
        let mut text = format!(
            "{table}\n{} blocks in {:.1} s. Requests per idle block: {requests} (and one push). Memory: {memory}. Restarts: {}.\n",
            self.blocks,
            self.wall_seconds,
            if restarts.is_empty() { "none".to_owned() } else { restarts.join(", ") },
        );
        if self.passed {
            text.push_str("Every pool is at its target, at rest, and nothing was sent twice.\n");
        }
        for complaint in &self.complaints {
            text.push_str("NOT WELL: ");
            text.push_str(complaint);
            text.push('\n');
        }
        text
    }
}

impl PoolReport {
    async fn new(spec: &PoolSpec, world: &WorldHandle, count: PoolCount) -> Result<Self, WorldError> {
        let name = &spec.name;
        let (weights, shares) = (world.weights(name).await?, world.shares(name).await?);
        let weight_in =
            |list: &[(Coin, Weight)], coin| list.iter().find(|(c, _)| *c == coin).map_or(0.0, |(_, w)| w.as_fraction());
        let token = |token: &crate::devnet::TokenSpec| TokenReport {
            asset: token.coin.name(),
            before: weight_in(&count.before, token.coin),
            target: token.target.as_fraction(),
            after: weight_in(&weights, token.coin),
            share: shares.iter().find(|(coin, _)| *coin == token.coin).map_or(0.0, |(_, share)| *share),
        };
        let updates = world.weight_updates(name).await?;
        let seconds = |(policy, wall): (Duration, Duration)| Reaction {
            policy_seconds: policy.as_secs_f64(),
            wall_seconds: wall.as_secs_f64(),
        };
        Ok(Self {
            name: name.clone(),
            value_usd: spec.value,
            tokens: spec.tokens.iter().map(token).collect(),
            turns: count.turns,
            transactions: count.sent.len(),
            shown: count.shown.len(),
            weight_changes: updates.iter().filter(|update| update.success).count(),
            failures: count.failures,
            gas_used: count.gas_used,
            gas_ether: ether(count.gas_wei),
            gas_usd: count.gas_usd,
            restarts: count.restarts,
            reaction: count.reaction.map(seconds),
        })
    }

    fn row(&self) -> Vec<Cell> {
        let percent = |weight: f64| format!("{:.1}", weight * 100.0);
        let line = |token: &TokenReport| {
            format!("{:<4} {} → {} → {}", token.asset, percent(token.before), percent(token.target), percent(token.after))
        };
        let weights: Vec<String> = self.tokens.iter().map(line).collect();
        let reaction = self.reaction.as_ref().map_or_else(
            || "no depeg".to_owned(),
            |reaction| format!("{:.0} s of the story\n{:.2} s on the wall", reaction.policy_seconds, reaction.wall_seconds),
        );
        let gas = format!("{}\n${:.2}", self.gas_used, self.gas_usd);
        vec![
            Cell::new(&self.name),
            Cell::new(format!("${}k", self.value_usd / 1_000)),
            Cell::new(weights.join("\n")),
            Cell::new(self.turns),
            Cell::new(format!("{} ({})", self.transactions, self.shown)),
            Cell::new(gas),
            Cell::new(self.restarts),
            Cell::new(reaction),
        ]
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn ether(wei: u128) -> f64 {
    wei as f64 / 1e18
}
