//! Verdicts, and what operators are told to do about them.

use alloy_primitives::B256;
use serde_json::Value;

use super::report;
use super::survey::{Answer, Survey, Verdict, judge};
use crate::chain::witness::{Spender, Testimony};
use crate::cli::ops::names::Names;
use crate::cli::ops::tests::{KEEPER, after, assert_says, lane, settings};
use crate::domain::lane::Stop;
use crate::domain::operation::{OperationRecord, State};

fn says(latest: u64, pending: u64) -> Answer {
    Answer { endpoint: "rpc[0] node.example".to_owned(), said: Ok(Testimony { chain_id: 1, latest, pending }) }
}

fn silent() -> Answer {
    Answer { endpoint: "rpc[1] other.example".to_owned(), said: Err("no answer within 10s".to_owned()) }
}

/// The journal's next nonce is 8.
fn survey(open: Vec<OperationRecord>, answers: Vec<Answer>) -> Survey {
    let lane = lane(None);
    let verdict = judge(&lane, &open, &answers);
    Survey { lane, open, answers, verdict, spenders: Vec::new() }
}

#[test]
fn the_verdict_is_the_one_of_the_lane_with_the_most_that_any_endpoint_says() {
    let verdict = |open: &[OperationRecord], answers: &[Answer]| judge(&lane(None), open, answers);
    let in_flight = [after(3)];
    assert_eq!(verdict(&[], &[says(8, 8)]), Verdict::Goes(8));
    assert_eq!(verdict(&in_flight, &[says(7, 8)]), Verdict::Goes(8));
    assert_eq!(verdict(&[], &[says(8, 8), silent()]), Verdict::Goes(8), "one is enough to ask");
    assert_eq!(verdict(&[], &[says(8, 8), says(9, 9)]), Verdict::Stands(Stop::JournalBehind { journal: 8, chain: 9 }));
    assert_eq!(verdict(&[], &[says(8, 10), says(8, 8)]), Verdict::Stands(Stop::ForeignPending { first: 8, pending: 10 }));
    assert_eq!(verdict(&[], &[says(7, 7)]), Verdict::Stands(Stop::ChainBehind { journal: 8, chain: 7 }));
    assert_eq!(verdict(&[], &[silent()]), Verdict::Unknown("no endpoint answers".to_owned()));
    assert_eq!(verdict(&[], &[]).label(), "unknown");
    let quarantined = OperationRecord { state: State::Quarantined, ..after(4) };
    let stands = verdict(&[quarantined.clone()], &[says(8, 8)]);
    assert_eq!(stands, Verdict::Stands(Stop::Quarantined { operation: quarantined.id.to_string(), nonce: 7 }));
    let elsewhere = Answer { said: Ok(Testimony { chain_id: 5, latest: 8, pending: 8 }), ..says(8, 8) };
    let Verdict::Stands(Stop::WrongChain(what)) = verdict(&[], &[says(8, 8), elsewhere]) else { panic!("another verdict") };
    assert_says(&what, &["rpc[0] node.example is on chain 5; expected chain 1"]);
}

#[test]
fn nonces_are_accepted_only_where_the_verdict_calls_for_it_and_for_one_lane() {
    let names = Names::of(&settings());
    let (behind, foreign) = (survey(vec![], vec![says(9, 9)]), survey(vec![], vec![says(8, 9)]));
    let goes = || survey(vec![], vec![says(8, 8)]);
    let acceptable = |surveys: &[Survey]| super::acceptable(surveys, &names).map_err(|fault| fault.to_string());
    assert_eq!(acceptable(&[goes(), behind]), Ok(1));
    assert_eq!(acceptable(&[foreign, goes()]), Ok(0));
    let two = [survey(vec![], vec![says(9, 9)]), survey(vec![], vec![says(9, 9)])];
    assert_says(&acceptable(&two).unwrap_err(), &["--lane", &format!("{KEEPER}@mainnet")]);
    let quarantined = OperationRecord { state: State::Quarantined, ..after(4) };
    for other in
        [goes(), survey(vec![], vec![says(7, 7)]), survey(vec![], vec![silent()]), survey(vec![quarantined], vec![says(9, 9)])]
    {
        let words = other.verdict.to_string();
        assert_says(&acceptable(&[other]).unwrap_err(), &["no nonce that could be accepted", &words]);
    }
    assert!(acceptable(&[]).is_err());
}

#[test]
fn endpoints_that_answer_agree_or_nothing_is_accepted() {
    let agreed = |answers: Vec<Answer>| survey(vec![], answers).agreed();
    assert_eq!(agreed(vec![says(9, 10), silent(), says(9, 10)]), Some((9, 10)));
    assert_eq!(agreed(vec![says(9, 10), says(9, 9)]), None);
    assert_eq!(agreed(vec![says(8, 8), says(1_000_000, 1_000_000)]), None, "one of them lies");
    assert_eq!(agreed(vec![silent()]), None);
}

#[test]
fn both_sides_the_verdict_and_what_to_do_are_told() {
    let names = Names::of(&settings());
    let spender = |block| Spender { hash: B256::repeat_byte(0xab), block };
    let mut behind = survey(vec![after(3)], vec![says(10, 10), silent()]);
    behind.spenders = vec![(8, spender(Some(77))), (9, spender(None))];
    behind.lane.stopped = Some("the chain is ahead".to_owned());
    let text = report::text(&[behind], &names);
    let name = format!("{KEEPER}@mainnet");
    let open = format!("open: treasury {} (inflight, nonce 7)", after(3).id);
    let command = format!("ballast ops reconcile --lane {name} --accept");
    assert_says(
        &text,
        &[
            &format!("lane {name}, account {KEEPER} on chain 1"),
            &open,
            "rpc[0] node.example",
            "no answer within 10s",
            &format!("nonce 8: {} (in block 77)", B256::repeat_byte(0xab)),
            &format!("nonce 9: {} (waits)", B256::repeat_byte(0xab)),
            "verdict: the chain has spent nonces up to 10, the journal knows them up to 8",
            "its writer (0.1.0 4711) said last: the chain is ahead",
            &command,
        ],
    );
    let goes = report::text(&[survey(vec![], vec![says(8, 8)])], &names);
    assert_says(&goes, &["the next operation gets nonce 8", "to do: nothing"]);
    assert_says(&report::text(&[], &names), &["No lane"]);
}

#[test]
fn only_a_verdict_that_calls_for_a_word_advises_to_give_it() {
    let name = Names::of(&settings()).name(&lane(None).key);
    let advice = |stop: Stop| report::advice(&Verdict::Stands(stop), &name);
    let quarantined = advice(Stop::Quarantined { operation: "abc".to_owned(), nonce: 7 });
    assert_says(&quarantined, &["nonce 7", "ops show abc", "--abandon abc"]);
    for (stop, accept) in [
        (Stop::JournalBehind { journal: 7, chain: 8 }, true),
        (Stop::ForeignPending { first: 7, pending: 8 }, true),
        (Stop::ChainBehind { journal: 8, chain: 7 }, false),
        (Stop::WrongChain(String::new()), false),
        (Stop::Quarantined { operation: "abc".to_owned(), nonce: 7 }, false),
        (Stop::Fenced, false),
    ] {
        let label = stop.label();
        assert_eq!(advice(stop).contains("--accept"), accept, "{label}");
    }
}

#[test]
fn programs_are_told_the_verdict_by_its_word() {
    let settings = settings();
    let names = Names::of(&settings);
    let surveys = [survey(vec![after(3)], vec![says(9, 9), silent()]), survey(vec![], vec![says(8, 8)])];
    let json: Value = serde_json::from_str(&report::json(&surveys, &names, &settings, None).unwrap()).unwrap();
    let [first, second] = [&json["lanes"][0], &json["lanes"][1]];
    assert_eq!((&first["verdict"], &first["next_nonce"]), (&"journal_behind".into(), &Value::Null));
    assert_eq!((&first["journal"]["next_nonce"], &first["endpoints"][0]["latest"]), (&8.into(), &9.into()));
    assert_eq!(first["endpoints"][1]["fault"], "no answer within 10s");
    assert_eq!(first["open"][0]["state"], "inflight");
    assert_eq!((&second["verdict"], &second["next_nonce"]), (&"goes".into(), &8.into()));
    assert_eq!(json["accepted"], Value::Null);
}
