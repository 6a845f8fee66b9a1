//! What programs are told: the JSON of operations and lanes. Amounts of wei and weights are texts, because they do not fit into the
//! numbers of most readers; times are UTC. The signed bytes are left out: whoever has them can send them.

use serde::Serialize;

use super::OpsFault;
use super::names::{LaneName, Names};
use crate::config::Settings;
use crate::domain::ids::AssetId;
use crate::domain::operation::{Attempt, Landing, OperationRecord};
use crate::domain::plan::{BrakeBounds, Plan};
use crate::domain::position::Ramp;
use crate::domain::units::Weight;
use crate::ports::journal::{Happened, LaneRecord};

/// A lane.
#[derive(Debug, Serialize)]
pub(super) struct LaneView {
    lane: String,
    chain: Option<String>,
    chain_id: u64,
    role: Option<&'static str>,
    account: String,
    next_nonce: Option<u64>,
    writer: String,
    writers: u64,
    stopped: Option<String>,
}

/// An operation.
#[derive(Debug, Serialize)]
pub(super) struct OperationView {
    id: String,
    lane: String,
    chain_id: u64,
    account: String,
    pool: String,
    class: &'static str,
    why: String,
    plan: PlanView,
    gas_cap: CapView,
    created: String,
    state: &'static str,
    over: bool,
    nonce: Option<u64>,
    deadline: Option<String>,
    ramp: Option<RampView>,
    attempts: Vec<AttemptView>,
    landing: Option<LandingView>,
    cancel_requested: bool,
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Vec<LineView>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum PlanView {
    Reweight { target: Vec<WeightView>, duration_seconds: f64, start_lead_seconds: f64, expected_loss_wad: Option<String> },
    Freeze,
    FeeRamp { from_wad: String, to_wad: String, duration_seconds: f64, start_lead_seconds: f64 },
    Open,
    Brake { bounds: Vec<BrakeView> },
    Swap { asset_in: usize, asset_out: usize, amount_in: String, least_out: String, expected_gain_wad: String },
    Exit { shares: String, least_out: Vec<String> },
}

#[derive(Debug, Serialize)]
struct BrakeView {
    reference_price: String,
    lower_wad: String,
    upper_wad: String,
}

#[derive(Debug, Serialize)]
struct WeightView {
    asset: Option<String>,
    weight_wad: String,
}

#[derive(Debug, Serialize)]
struct CapView {
    from: String,
    until: String,
    low_wei: String,
    high_wei: String,
}

#[derive(Debug, Serialize)]
struct RampView {
    start: String,
    end: String,
    end_weights: Vec<WeightView>,
}

#[derive(Debug, Serialize)]
struct AttemptView {
    number: u32,
    kind: &'static str,
    hash: String,
    max_fee_wei: String,
    tip_wei: String,
    gas_limit: u64,
    via: &'static str,
    launched: Option<String>,
}

#[derive(Debug, Serialize)]
struct LandingView {
    hash: String,
    block: u64,
    block_hash: String,
    block_time: String,
    fate: &'static str,
    gas_used: u64,
    gas_price_wei: String,
    cost_wei: Option<String>,
}

#[derive(Debug, Serialize)]
struct LineView {
    line: u64,
    at: String,
    step: String,
    state: &'static str,
    writer: u64,
    detail: String,
}

impl LaneView {
    pub(super) fn of(lane: &LaneRecord, name: &LaneName) -> Self {
        Self {
            lane: name.to_string(),
            chain: name.chain.as_ref().map(ToString::to_string),
            chain_id: lane.key.chain_id,
            role: name.role.map(crate::domain::operation::LaneRole::label),
            account: lane.key.signer.to_string(),
            next_nonce: lane.next_nonce,
            writer: lane.holder.clone(),
            writers: lane.epoch,
            stopped: lane.stopped.clone(),
        }
    }
}

impl OperationView {
    pub(super) fn of(record: &OperationRecord, names: &Names, settings: &Settings) -> Self {
        let OperationRecord { id, lane, new, state, nonce, deadline, attempts, cancel_requested, reason, .. } = record;
        let assets = assets(record, settings);
        let cap = new.cap;
        Self {
            id: id.0.to_string(),
            lane: names.name(lane).to_string(),
            chain_id: lane.chain_id,
            account: lane.signer.to_string(),
            pool: new.pool.to_string(),
            class: new.class.label(),
            why: new.why.clone(),
            plan: PlanView::of(&new.plan, assets),
            gas_cap: CapView {
                from: cap.from.to_string(),
                until: cap.until.to_string(),
                low_wei: cap.low.wei().to_string(),
                high_wei: cap.high.wei().to_string(),
            },
            created: new.created.to_string(),
            state: state.label(),
            over: state.is_final(),
            nonce: *nonce,
            deadline: deadline.map(|deadline| deadline.to_string()),
            ramp: record.ramp.as_ref().map(|ramp| RampView::of(ramp, assets)),
            attempts: attempts.iter().map(AttemptView::of).collect(),
            landing: record.landing.as_ref().map(LandingView::of),
            cancel_requested: *cancel_requested,
            reason: reason.clone(),
            log: None,
        }
    }

    /// With its log.
    pub(super) fn with_log(mut self, log: &[Happened]) -> Self {
        self.log = Some(log.iter().map(LineView::of).collect());
        self
    }
}

impl PlanView {
    fn of(plan: &Plan, assets: Option<&[AssetId]>) -> Self {
        match plan {
            Plan::Freeze => Self::Freeze,
            Plan::Open => Self::Open,
            Plan::FeeRamp(change) => Self::FeeRamp {
                from_wad: change.from.wad().to_string(),
                to_wad: change.to.wad().to_string(),
                duration_seconds: change.duration.as_secs_f64(),
                start_lead_seconds: change.start_lead.as_secs_f64(),
            },
            Plan::Brake(brakes) => {
                let bound = |bounds: &BrakeBounds| BrakeView {
                    reference_price: bounds.reference_price.to_string(),
                    lower_wad: bounds.lower.wad().to_string(),
                    upper_wad: bounds.upper.wad().to_string(),
                };
                Self::Brake { bounds: brakes.bounds.iter().map(bound).collect() }
            }
            Plan::Swap(swap) => Self::Swap {
                asset_in: swap.asset_in,
                asset_out: swap.asset_out,
                amount_in: swap.amount_in.to_string(),
                least_out: swap.least_out.to_string(),
                expected_gain_wad: swap.expected_gain.wad().to_string(),
            },
            Plan::Exit(exit) => Self::Exit {
                shares: exit.shares.to_string(),
                least_out: exit.least_out.iter().map(ToString::to_string).collect(),
            },
            Plan::Reweight(reweight) => Self::Reweight {
                target: weights(reweight.target.weights(), assets),
                duration_seconds: reweight.duration.as_secs_f64(),
                start_lead_seconds: reweight.start_lead.as_secs_f64(),
                expected_loss_wad: reweight.expected_loss.map(|loss| loss.wad().to_string()),
            },
        }
    }
}

impl RampView {
    fn of(ramp: &Ramp, assets: Option<&[AssetId]>) -> Self {
        Self { start: ramp.start.to_string(), end: ramp.end.to_string(), end_weights: weights(&ramp.end_weights, assets) }
    }
}

fn weights(weights: &[Weight], assets: Option<&[AssetId]>) -> Vec<WeightView> {
    let names = assets.filter(|assets| assets.len() == weights.len());
    let one = |(place, weight): (usize, &Weight)| WeightView {
        asset: names.and_then(|names| names.get(place)).map(ToString::to_string),
        weight_wad: weight.wad().to_string(),
    };
    weights.iter().enumerate().map(one).collect()
}

impl AttemptView {
    fn of(attempt: &Attempt) -> Self {
        Self {
            number: attempt.number,
            kind: attempt.kind.label(),
            hash: attempt.hash.to_string(),
            max_fee_wei: attempt.fees.max_fee.wei().to_string(),
            tip_wei: attempt.fees.tip.wei().to_string(),
            gas_limit: attempt.gas_limit,
            via: attempt.via.label(),
            launched: attempt.launched.map(|launched| launched.to_string()),
        }
    }
}

impl LandingView {
    fn of(landing: &Landing) -> Self {
        Self {
            hash: landing.hash.to_string(),
            block: landing.block.number,
            block_hash: landing.block.hash.to_string(),
            block_time: landing.block.timestamp.to_string(),
            fate: landing.fate.label(),
            gas_used: landing.cost.gas_used,
            gas_price_wei: landing.cost.price.wei().to_string(),
            cost_wei: landing.cost.wei().map(|wei| wei.to_string()),
        }
    }
}

impl LineView {
    fn of(line: &Happened) -> Self {
        Self {
            line: line.line,
            at: line.at.to_string(),
            step: line.step.clone(),
            state: line.state.label(),
            writer: line.epoch,
            detail: line.detail.clone(),
        }
    }
}

/// The assets of an operation's pool, as it is configured now.
pub(super) fn assets<'a>(record: &OperationRecord, settings: &'a Settings) -> Option<&'a [AssetId]> {
    settings.pools.get(&record.new.pool).map(|pool| pool.mandate.assets.as_slice())
}

/// As text, with a line break at its end.
pub(super) fn json(value: &impl Serialize) -> Result<String, OpsFault> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|fault| OpsFault::Refused(format!("the answer cannot be written as JSON: {fault}")))
}
