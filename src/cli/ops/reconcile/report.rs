//! What is told of a survey: both sides, the verdict, and what to do.

use comfy_table::Cell;
use serde::Serialize;

use super::Accepted;
use super::survey::{Answer, Survey, Verdict};
use crate::chain::witness::{Spender, Testimony};
use crate::cli::ops::OpsFault;
use crate::cli::ops::names::{LaneName, Names};
use crate::cli::ops::view::{self, LaneView, OperationView};
use crate::cli::ops::words::{self, or_dash, plain};
use crate::config::Settings;
use crate::domain::lane::Stop;

/// For people.
pub(super) fn text(surveys: &[Survey], names: &Names) -> String {
    if surveys.is_empty() {
        return "No lane has been opened yet: `ballast run` does that.\n".to_owned();
    }
    let one = |survey: &Survey| lane(survey, &names.name(&survey.lane.key));
    surveys.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn lane(survey: &Survey, name: &LaneName) -> String {
    let Survey { lane, open, answers, verdict, spenders } = survey;
    let mut table = words::table(["who says", "next nonce", "with what waits", "beyond that"]);
    let open: Vec<String> = open
        .iter()
        .map(|record| format!("{} {} ({}, nonce {})", record.new.pool, record.id, record.state, or_dash(record.nonce)))
        .collect();
    let open = if open.is_empty() { "nothing open".to_owned() } else { format!("open: {}", open.join("\n      ")) };
    table.add_row([Cell::new("the journal"), Cell::new(or_dash(lane.next_nonce)), Cell::new(""), Cell::new(open)]);
    for Answer { endpoint, said } in answers {
        table.add_row(match said {
            Ok(Testimony { chain_id, latest, pending }) => {
                [Cell::new(endpoint), Cell::new(latest), Cell::new(pending), Cell::new(format!("chain {chain_id}"))]
            }
            Err(fault) => [Cell::new(endpoint), Cell::new("unknown"), Cell::new("unknown"), Cell::new(plain(fault))],
        });
    }
    words::align_right(&mut table, &[1, 2]);
    let mut text = format!("lane {name}, account {} on chain {}\n{table}\n", lane.key.signer, lane.key.chain_id);
    for (nonce, Spender { hash, block }) in spenders {
        let place = block.map_or_else(|| "waits".to_owned(), |block| format!("in block {block}"));
        text.push_str(&format!("nonce {nonce}: {hash} ({place})\n"));
    }
    text.push_str(&format!("verdict: {}\n", plain(&verdict.to_string())));
    if let Some(reason) = &lane.stopped {
        text.push_str(&format!("its writer ({}) said last: {}\n", plain(&lane.holder), plain(reason)));
    }
    text.push_str(&format!("to do: {}\n", advice(verdict, name)));
    text
}

/// What to do.
pub(super) fn advice(verdict: &Verdict, lane: &LaneName) -> String {
    match verdict {
        Verdict::Goes(_) => "nothing; a running process that stood still goes on within seconds".to_owned(),
        Verdict::Unknown(_) => "mend the connection or the settings, then ask again".to_owned(),
        Verdict::Stands(stop) => match stop {
            Stop::WrongChain(_) => "correct `rpc` of this chain in the settings".to_owned(),
            Stop::JournalBehind { .. } => format!(
                "find out what spent these nonces. If the journal is an old copy, bring the newest one back. If it was you, by hand \
                 or with another program: `ballast ops reconcile --lane {lane} --accept`. If it was nobody you know, the key is in \
                 other hands: do not accept, take its powers away"
            ),
            Stop::ForeignPending { .. } => format!(
                "wait until it has landed or vanished. If it is yours: `ballast ops reconcile --lane {lane} --accept`, and the lane \
                 goes on as soon as it has landed. If it is nobody's you know, the key is in other hands: take its powers away"
            ),
            Stop::ChainBehind { .. } => {
                "nothing to accept: wait until the endpoints have caught up and what was accepted has landed; \
                 if the chain was rolled back, look at it first"
                    .to_owned()
            }
            Stop::Quarantined { operation, nonce } => format!(
                "look up nonce {nonce} of the account in an explorer. If it was spent on one of the transactions of `ballast ops show \
                 {operation}`, wait: the process finds it. If it was spent on something else: `ballast ops reconcile --abandon \
                 {operation}`"
            ),
            Stop::Fenced => "restart the process that was replaced, or leave the lane to its successor".to_owned(),
        },
    }
}

#[derive(Serialize)]
struct ReportView<'a> {
    accepted: Option<&'a Accepted>,
    lanes: Vec<SurveyView>,
}

#[derive(Serialize)]
struct SurveyView {
    journal: LaneView,
    open: Vec<OperationView>,
    endpoints: Vec<EndpointView>,
    spent_on: Vec<SpentView>,
    verdict: &'static str,
    verdict_in_words: String,
    next_nonce: Option<u64>,
    to_do: String,
}

#[derive(Serialize)]
struct EndpointView {
    endpoint: String,
    chain_id: Option<u64>,
    latest: Option<u64>,
    pending: Option<u64>,
    fault: Option<String>,
}

#[derive(Serialize)]
struct SpentView {
    nonce: u64,
    hash: String,
    block: Option<u64>,
}

/// For programs.
pub(super) fn json(
    surveys: &[Survey],
    names: &Names,
    settings: &Settings,
    accepted: Option<&Accepted>,
) -> Result<String, OpsFault> {
    let view = |survey: &Survey| {
        let name = names.name(&survey.lane.key);
        SurveyView {
            journal: LaneView::of(&survey.lane, &name),
            open: survey.open.iter().map(|record| OperationView::of(record, names, settings)).collect(),
            endpoints: survey.answers.iter().map(EndpointView::of).collect(),
            spent_on: survey.spenders.iter().map(SpentView::of).collect(),
            verdict: survey.verdict.label(),
            verdict_in_words: survey.verdict.to_string(),
            next_nonce: if let Verdict::Goes(nonce) = survey.verdict { Some(nonce) } else { None },
            to_do: advice(&survey.verdict, &name),
        }
    };
    view::json(&ReportView { accepted, lanes: surveys.iter().map(view).collect() })
}

impl EndpointView {
    fn of(answer: &Answer) -> Self {
        let said = answer.said.as_ref().ok();
        Self {
            endpoint: answer.endpoint.clone(),
            chain_id: said.map(|said| said.chain_id),
            latest: said.map(|said| said.latest),
            pending: said.map(|said| said.pending),
            fault: answer.said.as_ref().err().cloned(),
        }
    }
}

impl SpentView {
    fn of((nonce, spender): &(u64, Spender)) -> Self {
        Self { nonce: *nonce, hash: spender.hash.to_string(), block: spender.block }
    }
}
