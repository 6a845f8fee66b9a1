//! Plans, and what they set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Decimal, RampText, Read, decimals, ramp_of, ramp_text, read, unreadable, weights, write};
use crate::domain::allocation::Allocation;
use crate::domain::decide::Frozen;
use crate::domain::moves::{Move, Moves};
use crate::domain::plan::{BrakeBounds, Brakes, Exit, FeeChange, Plan, Reweight, Swap};
use crate::domain::position::{Controls, FeeRamp};
use crate::domain::units::{SwapFee, Timestamp, Usd, Weight};
use crate::ports::JournalFault;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PlanText {
    Reweight(ReweightText),
    Freeze,
    FeeRamp(FeeChangeText),
    Open,
    Brake(Vec<BrakeText>),
    Swap(SwapText),
    Exit(ExitText),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReweightText {
    target: Vec<Decimal>,
    duration: Duration,
    start_lead: Duration,
    expected_loss: Option<Decimal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeChangeText {
    from: Decimal,
    to: Decimal,
    duration: Duration,
    start_lead: Duration,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BrakeText {
    reference_price: Decimal,
    lower: Decimal,
    upper: Decimal,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SwapText {
    asset_in: usize,
    asset_out: usize,
    amount_in: Decimal,
    least_out: Decimal,
    expected_gain: Decimal,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExitText {
    shares: Decimal,
    least_out: Vec<Decimal>,
}

pub(in crate::journal::sql) fn write_plan(plan: &Plan) -> Result<String, JournalFault> {
    write(&match plan {
        Plan::Reweight(Reweight { target, duration, start_lead, expected_loss }) => PlanText::Reweight(ReweightText {
            target: decimals(target.weights()),
            duration: *duration,
            start_lead: *start_lead,
            expected_loss: expected_loss.map(|loss| Decimal(loss.wad())),
        }),
        Plan::Freeze => PlanText::Freeze,
        Plan::FeeRamp(FeeChange { from, to, duration, start_lead }) => PlanText::FeeRamp(FeeChangeText {
            from: Decimal(from.wad()),
            to: Decimal(to.wad()),
            duration: *duration,
            start_lead: *start_lead,
        }),
        Plan::Open => PlanText::Open,
        Plan::Brake(Brakes { bounds }) => PlanText::Brake(
            bounds
                .iter()
                .map(|BrakeBounds { reference_price, lower, upper }| BrakeText {
                    reference_price: Decimal(*reference_price),
                    lower: Decimal(lower.wad()),
                    upper: Decimal(upper.wad()),
                })
                .collect(),
        ),
        Plan::Swap(Swap { asset_in, asset_out, amount_in, least_out, expected_gain }) => PlanText::Swap(SwapText {
            asset_in: *asset_in,
            asset_out: *asset_out,
            amount_in: Decimal(*amount_in),
            least_out: Decimal(*least_out),
            expected_gain: Decimal(expected_gain.wad()),
        }),
        Plan::Exit(Exit { shares, least_out }) => {
            PlanText::Exit(ExitText { shares: Decimal(*shares), least_out: least_out.iter().copied().map(Decimal).collect() })
        }
    })
}

pub(in crate::journal::sql) fn read_plan(text: &str) -> Read<Plan> {
    Ok(match read("a plan", text)? {
        PlanText::Reweight(ReweightText { target, duration, start_lead, expected_loss }) => {
            let target = Allocation::exact(weights(&target)).map_err(|why| unreadable("a plan's target", why))?;
            let expected_loss = expected_loss.map(|loss| Usd::from_wad(loss.0));
            Plan::Reweight(Reweight { target, duration, start_lead, expected_loss })
        }
        PlanText::Freeze => Plan::Freeze,
        PlanText::FeeRamp(FeeChangeText { from, to, duration, start_lead }) => {
            let (from, to) = (SwapFee::from_wad(from.0), SwapFee::from_wad(to.0));
            Plan::FeeRamp(FeeChange { from, to, duration, start_lead })
        }
        PlanText::Open => Plan::Open,
        PlanText::Brake(bounds) => {
            let bound = |BrakeText { reference_price, lower, upper }: BrakeText| BrakeBounds {
                reference_price: reference_price.0,
                lower: Weight::from_wad(lower.0),
                upper: Weight::from_wad(upper.0),
            };
            Plan::Brake(Brakes { bounds: bounds.into_iter().map(bound).collect() })
        }
        PlanText::Swap(SwapText { asset_in, asset_out, amount_in, least_out, expected_gain }) => Plan::Swap(Swap {
            asset_in,
            asset_out,
            amount_in: amount_in.0,
            least_out: least_out.0,
            expected_gain: Usd::from_wad(expected_gain.0),
        }),
        PlanText::Exit(ExitText { shares, least_out }) => {
            Plan::Exit(Exit { shares: shares.0, least_out: least_out.into_iter().map(|least| least.0).collect() })
        }
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlsText {
    ramp: RampText,
    fee: FeeRampText,
    swap_enabled: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeRampText {
    start: u64,
    end: u64,
    from: Decimal,
    to: Decimal,
}

pub(in crate::journal::sql) fn write_controls(controls: &Controls) -> Result<String, JournalFault> {
    let Controls { ramp, fee: FeeRamp { start, end, from, to }, swap_enabled } = controls;
    let fee = FeeRampText { start: start.millis(), end: end.millis(), from: Decimal(from.wad()), to: Decimal(to.wad()) };
    write(&ControlsText { ramp: ramp_text(ramp), fee, swap_enabled: *swap_enabled })
}

pub(in crate::journal::sql) fn read_controls(text: &str) -> Read<Controls> {
    let ControlsText { ramp, fee, swap_enabled } = read("what a pool's owner has set", text)?;
    let FeeRampText { start, end, from, to } = fee;
    let (start, end) = (Timestamp::from_millis(start), Timestamp::from_millis(end));
    let fee = FeeRamp { start, end, from: SwapFee::from_wad(from.0), to: SwapFee::from_wad(to.0) };
    Ok(Controls { ramp: ramp_of(ramp), fee, swap_enabled })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveText {
    at: u64,
    from: Vec<Decimal>,
    to: Vec<Decimal>,
    protective: bool,
}

pub(in crate::journal::sql) fn write_moves(moves: &Moves) -> Result<String, JournalFault> {
    let text = |Move { at, from, to, protective }: &Move| MoveText {
        at: at.millis(),
        from: decimals(from),
        to: decimals(to),
        protective: *protective,
    };
    write(&moves.all().iter().map(text).collect::<Vec<_>>())
}

pub(in crate::journal::sql) fn read_moves(text: &str) -> Read<Moves> {
    let moves: Vec<MoveText> = read("a pool's moves", text)?;
    let one = |MoveText { at, from, to, protective }: MoveText| Move {
        at: Timestamp::from_millis(at),
        from: weights(&from),
        to: weights(&to),
        protective,
    };
    Ok(Moves::new(moves.into_iter().map(one).collect()))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrozenText {
    at: u64,
    fee: Decimal,
}

pub(in crate::journal::sql) fn write_frozen(frozen: &Frozen) -> Result<String, JournalFault> {
    let Frozen { at, fee } = frozen;
    write(&FrozenText { at: at.millis(), fee: Decimal(fee.wad()) })
}

pub(in crate::journal::sql) fn read_frozen(text: &str) -> Read<Frozen> {
    let FrozenText { at, fee } = read("a pool's freeze", text)?;
    Ok(Frozen { at: Timestamp::from_millis(at), fee: SwapFee::from_wad(fee.0) })
}
