//! What is done when a coin is off its peg.

use std::time::Duration;

use super::{DAY, MONTH, SECOND, factor};
use crate::config::check;
use crate::config::inspection::Read;
use crate::config::parse;
use crate::config::section::Section;
use crate::domain::policy::{AfterDerisk, BrakeRule, DepegAnswer, DepegRule, DeriskRule, ExitRule, ReopenRule};
use crate::domain::units::SwapFee;

const ANSWERS: [(&str, DepegAnswer); 4] = [
    (DepegAnswer::Freeze.label(), DepegAnswer::Freeze),
    (DepegAnswer::Derisk.label(), DepegAnswer::Derisk),
    (DepegAnswer::Exit.label(), DepegAnswer::Exit),
    (DepegAnswer::Hold.label(), DepegAnswer::Hold),
];

const THEN: [(&str, AfterDerisk); 2] = [("freeze", AfterDerisk::Freeze), ("hold", AfterDerisk::Hold)];

/// `[depeg]`.
pub(super) fn depeg(mut at: Section<'_>) -> Read<DepegRule> {
    let answer = at.required("answer", parse::one_of(ANSWERS.as_slice()));
    let gas_multiple_bps = factor(&mut at, "gas_multiple", 1, 10_000_000);
    let reopen = at.section("reopen", None).and_then(reopen);
    let derisk = at.section("derisk", None).and_then(derisk);
    let exit = at.section("exit", None).and_then(exit);
    at.finish();
    Ok(DepegRule { answer: answer?, reopen: reopen?, derisk: derisk?, exit: exit?, gas_multiple_bps: gas_multiple_bps? })
}

fn reopen(mut at: Section<'_>) -> Read<ReopenRule> {
    let settled = at.required("settled", parse::duration(Duration::ZERO, MONTH));
    // The chain takes no more than 95 %.
    let fee = at.required("fee", parse::percent(1, 9_500));
    let fee_ramp = at.required("fee_ramp", parse::duration(SECOND, 7 * DAY));
    at.finish();
    Ok(ReopenRule { settled: settled?, fee: SwapFee::from_wad(fee?.wad()), fee_ramp: fee_ramp? })
}

fn derisk(mut at: Section<'_>) -> Read<DeriskRule> {
    let max_loss = at.required("max_loss_if_coin_dies", parse::percent(0, 10_000));
    let (recovery_floor, least_price) =
        (at.required("recovery_floor", parse::dollars), at.required("least_price", parse::dollars));
    let budget = at.required("budget", parse::percent(1, 10_000));
    let then = at.required("then", parse::one_of(THEN.as_slice()));
    let accept_third_parties = at.required("accept_third_party_lps", parse::flag);
    check::at_most(&at, ("recovery_floor", recovery_floor), ("least_price", least_price));
    at.finish();
    Ok(DeriskRule {
        max_loss: max_loss?,
        recovery_floor: recovery_floor?,
        least_price: least_price?,
        budget: budget?,
        then: then?,
        accept_third_parties: accept_third_parties?,
    })
}

fn exit(mut at: Section<'_>) -> Read<ExitRule> {
    let slippage = at.required("slippage", parse::percent(0, 5_000));
    at.finish();
    Ok(ExitRule { slippage: slippage? })
}

/// `[breakers]`.
pub(super) fn brakes(mut at: Section<'_>) -> Read<BrakeRule> {
    let (fall, rise) = (at.required("fall", parse::percent(1, 9_000)), at.required("rise", parse::percent(1, 90_000)));
    let tolerance = at.required("tolerance", parse::percent(1, 10_000));
    at.finish();
    Ok(BrakeRule { fall: fall?, rise: rise?, tolerance: tolerance? })
}
