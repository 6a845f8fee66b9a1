//! What operators are told, from operations that were taken through their steps.

use std::path::Path;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, address, keccak256};
use serde_json::Value;

use super::names::Names;
use super::view::{self, LaneView, OperationView};
use super::{ByArg, OpsFault, cancel, list, show};
use crate::config::{self, Environment, Settings};
use crate::domain::allocation::Allocation;
use crate::domain::fees::Fees;
use crate::domain::gas::GasCap;
use crate::domain::ids::PoolId;
use crate::domain::operation::{
    Attempt, AttemptKind, Entry, Fate, IntentId, Landing, LaneKey, NewOperation, OperationRecord, State,
};
use crate::domain::plan::{Plan, Reweight};
use crate::domain::position::{BlockStamp, Ramp};
use crate::domain::route::Via;
use crate::domain::trigger::Class;
use crate::domain::units::{GasCost, GasPrice, Timestamp, Wei, Weight};
use crate::journal::memory::MemoryJournal;
use crate::ports::Operations;
use crate::ports::journal::{Enqueued, Happened, LaneRecord};

pub(super) const KEEPER: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
pub(super) const LANE: LaneKey = LaneKey { chain_id: 1, signer: KEEPER };
const RAW: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];

/// Two hours before noon.
fn at(minute: u64) -> Timestamp {
    Timestamp::from_secs(1_780_000_000 + 60 * minute)
}

/// The example's settings: the chain `mainnet`, the pool `treasury` of three assets.
pub(super) fn settings() -> Settings {
    settings_with("USER", "ann")
}

/// The same with a variable of the environment over them.
pub(super) fn settings_with(variable: &str, value: &str) -> Settings {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example");
    config::load(&example, &[(variable, value)].into_iter().collect::<Environment>()).unwrap()
}

pub(super) fn new(evidence: u8) -> NewOperation {
    let target = Allocation::exact([4_000, 3_500, 2_500].map(Weight::from_bps).to_vec()).unwrap();
    let (duration, start_lead) = (Duration::from_secs(1_200), Duration::from_secs(90));
    NewOperation {
        intent: IntentId(B256::repeat_byte(evidence)),
        pool: PoolId::new("treasury"),
        class: Class::Drift,
        why: "DAI is 6.00 % off its target".to_owned(),
        plan: Plan::Reweight(Reweight { target, duration, start_lead, expected_loss: None }),
        cap: GasCap { from: at(0), until: at(30), low: GasPrice::from_gwei(30), high: GasPrice::from_gwei(30) },
        created: at(0),
    }
}

fn attempt(number: u32, kind: AttemptKind, gwei: u64, launched: Option<Timestamp>) -> Attempt {
    Attempt {
        number,
        kind,
        hash: keccak256([u8::try_from(number).unwrap()]),
        raw: Bytes::from_static(&RAW),
        fees: Fees { max_fee: GasPrice::from_gwei(gwei), tip: GasPrice::from_gwei(1) },
        gas_limit: 150_000,
        via: Via::Public,
        launched,
    }
}

/// The steps of a life: each operation takes as many as a test needs.
fn steps() -> Vec<Entry> {
    let end_weights = [4_000, 3_500, 2_500].map(Weight::from_bps).to_vec();
    let block = BlockStamp { number: 77, hash: B256::repeat_byte(0xbb), timestamp: at(4) };
    let cost = GasCost { gas_used: 100_000, price: GasPrice::from_gwei(5) };
    vec![
        Entry::Reserve { nonce: 7, reserve: Wei::ZERO, at: at(1) },
        Entry::Prepare {
            attempt: attempt(0, AttemptKind::First, 7, None),
            ramp: Some(Ramp { start: at(10), end: at(30), end_weights }),
            deadline: at(9),
        },
        Entry::Launch { at: at(2) },
        Entry::Replace { attempt: attempt(1, AttemptKind::Replacement, 9, Some(at(3))), reserve: Wei::ZERO },
        Entry::Include { landing: Landing { hash: keccak256([1]), block, fate: Fate::CarriedOut, cost }, controls: None },
        Entry::Finalise { spent: Wei::new(500_000_000_000_000) },
    ]
}

/// An operation that has taken so many steps.
pub(super) fn after(count: usize) -> OperationRecord {
    let mut record = OperationRecord::queued(IntentId(B256::repeat_byte(1)).operation(0), LANE, new(1));
    for entry in steps().iter().take(count) {
        record.apply(entry).unwrap();
    }
    record
}

/// One in a state, whatever led there.
fn in_state(state: State) -> OperationRecord {
    OperationRecord { state, ..after(6) }
}

pub(super) fn lane(stopped: Option<&str>) -> LaneRecord {
    let (holder, stopped) = ("0.1.0 4711".to_owned(), stopped.map(str::to_owned));
    LaneRecord { key: LANE, epoch: 3, holder, next_nonce: Some(8), stopped }
}

/// Holds that a text says all of this.
pub(super) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_list_shows_the_newest_attempt_the_block_and_the_wish() {
    let wanted_back = OperationRecord { cancel_requested: true, ..after(4) };
    let text = list::operations(&[wanted_back, after(6), after(0)], at(125));
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.contains("treasury"))
        .map(|line| line.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    let (id, why) = (after(0).id.to_string(), "DAI is 6.00 % off its target");
    assert_eq!(id.len(), 12);
    assert_eq!(rows[0], ["2 h", &id, "treasury", "drift", "inflight (wanted back)", "7", "2", "9.00 gwei", "-", why]);
    assert_eq!(rows[1], ["2 h", &id, "treasury", "drift", "final_ok", "7", "2", "9.00 gwei", "77", why]);
    assert_eq!(rows[2], ["2 h", &id, "treasury", "drift", "queued", "-", "0", "-", "-", why]);
    assert!(list::operations(&[], at(0)).contains("No operation"));
}

#[test]
fn lanes_say_their_next_nonce_and_why_they_stand_still() {
    let names = Names::of(&settings());
    let text = list::lines(&[lane(None), lane(Some("the chain is\nahead"))], &names);
    let name = format!("{KEEPER}@mainnet");
    assert_says(&text, &[&format!("lane {name}: next nonce 8, written by 0.1.0 4711\n"), "  STANDS STILL: the chain is ahead\n"]);
    assert_eq!(text.lines().count(), 3);
    assert_says(&list::lines(&[], &names), &["No lane", "ballast run"]);
}

#[test]
fn everything_of_an_operation_is_shown_but_its_signed_bytes() {
    let (settings, record) = (settings(), after(6));
    let assets = view::assets(&record, &settings);
    let log = [
        Happened { line: 0, step: "queue".into(), state: State::Queued, at: at(0), epoch: 3, detail: "why".into() },
        Happened { line: 1, step: "request_cancel".into(), state: State::Queued, at: at(1), epoch: 0, detail: "ann".into() },
    ];
    let facts = show::facts(&record, "keeper@mainnet", assets, at(90));
    let full = record.id.0.to_string();
    let names: Vec<String> = settings.pools[&PoolId::new("treasury")].mandate.assets.iter().map(ToString::to_string).collect();
    let target = format!("move to {} 40.00 %, {} 35.00 %, {} 25.00 % within 20m", names[0], names[1], names[2]);
    assert_says(
        &facts,
        &[
            &full,
            "final_ok",
            "treasury, class drift",
            "DAI is 6.00 % off its target",
            &target,
            &format!("{} (1 h ago)", at(0)),
            &format!("30.00 gwei, until {}", at(30)),
            &format!("keeper@mainnet, account {KEEPER} on chain 1"),
            "nonce       7\n",
            &at(9).to_string(),
            &format!("{} to {} (20m)", at(10), at(30)),
            &format!("carried_out by {} in block 77 ({}) at {}", keccak256([1]), B256::repeat_byte(0xbb), at(4)),
            "0.000500 ETH (100000 gas at 5.00 gwei)",
        ],
    );
    let attempts = show::attempts(&record);
    assert_says(&attempts, &[&keccak256([0]).to_string(), &keccak256([1]).to_string(), "first", "replacement", "7.00 gwei"]);
    assert_says(&attempts, &["9.00 gwei", "150000", "public", &at(2).to_string(), &at(3).to_string()]);
    assert_says(&show::lines(&log), &["writer 3", "an operator", "request_cancel", "ann", &at(1).to_string()]);
    let view = OperationView::of(&record, &Names::of(&settings), &settings).with_log(&log);
    for text in [facts, attempts, view::json(&view).unwrap()] {
        assert!(!text.to_lowercase().contains("cafebabe"), "the signed bytes are shown:\n{text}");
    }
}

#[test]
fn what_is_not_there_yet_is_shown_as_such() {
    assert_says(&show::facts(&after(0), "keeper@mainnet", None, at(0)), &["nonce       -", "included    -", "ramp        -"]);
    assert_says(&show::attempts(&after(0)), &["Nothing was signed."]);
    assert_says(&show::attempts(&after(2)), &["not yet"]);
    let ended = OperationRecord { reason: Some("abandoned by\u{1b}[31m ann".into()), cancel_requested: true, ..after(4) };
    assert_says(&show::facts(&ended, "keeper@mainnet", None, at(0)), &["reason      abandoned by [31m ann", "wanted back yes"]);
}

#[test]
fn programs_are_told_the_same_without_rounding() {
    let settings = settings();
    let names = Names::of(&settings);
    let text = view::json(&OperationView::of(&after(6), &names, &settings)).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["id"], after(6).id.0.to_string());
    assert_eq!((&json["state"], &json["over"], &json["nonce"]), (&"final_ok".into(), &true.into(), &7.into()));
    assert_eq!(json["plan"]["kind"], "reweight");
    assert_eq!(json["plan"]["target"][0]["weight_wad"], "400000000000000000");
    assert_eq!(json["attempts"][1]["max_fee_wei"], "9000000000");
    assert_eq!(json["attempts"][1]["launched"], at(3).to_string());
    assert_eq!(json["landing"]["cost_wei"], "500000000000000");
    assert_eq!(json["gas_cap"]["high_wei"], "30000000000");
    assert_eq!(json.get("log"), None, "only `show` has it");
    let stopped = lane(Some("why"));
    let json: Value = serde_json::from_str(&view::json(&LaneView::of(&stopped, &names.name(&LANE))).unwrap()).unwrap();
    assert_eq!((&json["chain"], &json["role"], &json["stopped"]), (&"mainnet".into(), &Value::Null, &"why".into()));
    assert_eq!((&json["account"], &json["next_nonce"]), (&KEEPER.to_string().into(), &8.into()));
}

#[test]
fn a_wish_is_taken_while_something_can_be_taken_back_and_not_later() {
    for state in State::ALL {
        let taken = cancel::prospect(&in_state(state));
        let can = matches!(state, State::Queued | State::Reserved | State::Prepared | State::InFlight | State::Cancelling);
        assert_eq!(taken.is_ok(), can, "{state}: {taken:?}");
    }
    assert_says(&cancel::prospect(&in_state(State::Included)).unwrap_err(), &["block 77"]);
    assert_says(&cancel::prospect(&in_state(State::FinalOk)).unwrap_err(), &["is over: final_ok"]);
    assert_says(&cancel::prospect(&in_state(State::Quarantined)).unwrap_err(), &["ops reconcile"]);
}

#[test]
fn a_wait_ends_when_nothing_more_can_happen_and_is_done_when_nothing_was_carried_out() {
    for state in State::ALL {
        let ended = cancel::ending(&in_state(state));
        assert_eq!(ended.is_some(), state.is_final() || state == State::Quarantined, "{state}");
        if let Some(ended) = ended {
            assert_eq!(ended.done, state.frees_intent(), "{state}: {}", ended.text);
            assert_says(&ended.text, &[state.label()]);
        }
    }
}

#[test]
fn whoever_asks_has_a_name() {
    let by = |by: Option<&str>, variables: &[(&str, &str)]| {
        let environment = variables.iter().copied().collect();
        super::who(&ByArg { by: by.map(str::to_owned) }, &environment).map_err(|fault| fault.to_string())
    };
    assert_eq!(by(Some(" Ann of Ops\n"), &[("USER", "bob")]), Ok("Ann of Ops".to_owned()));
    assert_eq!(by(None, &[("USER", "bob"), ("HOSTNAME", "web-1")]), Ok("bob@web-1".to_owned()));
    assert_eq!(by(None, &[("LOGNAME", "bob"), ("HOSTNAME", "web-1")]), Ok("bob@web-1".to_owned()));
    assert!(by(None, &[("USER", "bob")]).unwrap().starts_with("bob"));
    assert_says(&by(None, &[("HOSTNAME", "web-1")]).unwrap_err(), &["--by"]);
    assert_says(&by(Some("  "), &[("USER", "bob")]).unwrap_err(), &["--by is empty"]);
}

#[tokio::test]
async fn an_id_is_digits_that_name_one_operation() {
    let journal = MemoryJournal::default();
    let pen = journal.open_lane(&LANE, "test", at(0)).await.unwrap().pen;
    let mut ids = Vec::new();
    // Of seventeen names two begin with the same digit.
    for evidence in 0..17 {
        let new = NewOperation { pool: PoolId::new(&evidence.to_string()), ..new(evidence) };
        let Enqueued::New(record) = journal.enqueue(&pen, &new).await.unwrap() else { panic!("not new") };
        ids.push(record.id);
    }
    let shared = |digit: &char| ids.iter().filter(|id| id.to_string().starts_with(*digit)).count();
    let ambiguous = "0123456789abcdef".chars().find(|digit| shared(digit) > 1).unwrap().to_string();
    let found = async |id: &str| super::find(&journal, id).await.map(|record| record.id).map_err(|fault| fault.to_string());
    assert_eq!(found(&ids[3].to_string()).await, Ok(ids[3]));
    assert_eq!(found(&ids[3].0.to_string()).await, Ok(ids[3]));
    assert_says(&found(&ambiguous).await.unwrap_err(), &["several operations begin with", "more digits"]);
    assert_says(&found(&"f".repeat(64)).await.unwrap_err(), &["no operation begins with `ffff"]);
    // An empty one would mean the only operation there is.
    for garbage in ["", "0x", "keeper", "12 34", "0x0x12", "%"] {
        assert_says(&found(garbage).await.unwrap_err(), &["is no id"]);
    }
}

#[test]
fn a_journal_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("there.db"), "").unwrap();
    let missing = |url: &str| super::missing_file(url, dir.path());
    assert_eq!(missing("sqlite:there.db"), None);
    assert_eq!(missing("sqlite:gone.db"), Some(dir.path().join("gone.db")));
    assert_eq!(missing("sqlite:///nowhere/gone.db"), Some("/nowhere/gone.db".into()));
    assert_eq!(missing("postgres://localhost/ballast"), None);
    let refused = OpsFault::Refused("why".to_owned());
    assert_eq!(refused.to_string(), "why");
}
