use super::*;
use crate::domain::decide::{Latch, Missing, Served};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::trigger::Class;
use crate::observe::metrics::samples::{all, dear, depeg, drift, inclusion, pool, settlement, usdc};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn settled(trigger: crate::domain::trigger::Trigger, outcome: Outcome) -> Option<Alert> {
    alert_of(&Event::Settled(Box::new(settlement(trigger, outcome))), NOW)
}

fn held(hold: Hold) -> Option<Alert> {
    alert_of(&Event::Decided { pool: pool(), decision: Decision::Hold(hold), block: None }, NOW)
}

#[test]
fn a_rebalance_tells_its_whole_story() {
    let alert = settled(drift(), Outcome::Done(inclusion())).unwrap();
    let tx = "0xabababababababababababababababababababababababababababababababab";
    let facts = [
        ("Pool", "treasury"),
        ("Chain", "demo"),
        ("Trigger", "drift: DAI is 2.00 % off its target"),
        ("DAI", "42.00 % → 40.00 %"),
        ("USDC", "58.00 % → 60.00 %"),
        ("Ramp", "6h"),
        ("Gas", "93000 at 12.00 gwei"),
        ("Cost", "0.001116 ETH ($3.35)"),
        ("Attempts", "2"),
        ("Block", "101"),
        ("Transaction", tx),
        ("From trigger to settlement", "14s"),
    ];
    let expected = Alert {
        severity: Severity::Info,
        key: format!("pool/treasury/done/{tx}"),
        title: "treasury rebalances".to_owned(),
        facts: facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        link: Some("https://explorer.invalid/tx/0xabab".to_owned()),
        at: NOW,
    };
    assert_eq!(alert, expected);
}

#[test]
fn a_failed_order_is_as_loud_as_it_is_lasting() {
    let loud = |outcome| settled(drift(), outcome).map(|alert| (alert.severity, alert.key));
    let key = |word: &str| format!("pool/treasury/{word}");
    let deviates = Outcome::Deviates { inclusion: inclusion(), difference: "it ends later".to_owned() };
    assert_eq!(loud(deviates), Some((Severity::Critical, key("deviates"))));
    assert_eq!(loud(Outcome::Reverted(inclusion())), Some((Severity::Critical, key("reverted"))));
    assert_eq!(loud(Outcome::Cancelled(inclusion())), Some((Severity::Warning, key("cancelled"))));
    assert_eq!(loud(Outcome::Refused(Refusal::NonceTaken)), Some((Severity::Critical, key("nonce_taken"))));
    assert_eq!(loud(Outcome::Refused(Refusal::Unreachable("x".to_owned()))), Some((Severity::Warning, key("unreachable"))));
    let unwritten = Refusal::JournalFailed("database or disk is full".to_owned());
    assert_eq!(loud(Outcome::Refused(unwritten)), Some((Severity::Critical, key("journal_failed"))));
    assert_eq!(loud(Outcome::Refused(Refusal::GasAboveCap)), None, "a routine order tries again by itself");
    assert_eq!(loud(Outcome::Refused(Refusal::ShuttingDown)), None);
    let defence = settled(depeg(), Outcome::Refused(Refusal::GasAboveCap)).unwrap();
    assert_eq!(
        (defence.severity, defence.facts[3].clone()),
        (Severity::Warning, ("Reason".to_owned(), "gas above cap".to_owned()))
    );
}

#[test]
fn only_holds_that_need_a_look_are_told() {
    assert_eq!(held(Hold::OnTarget(Served::default())), None);
    assert_eq!(held(Hold::BlocksDiffer), None);
    let unknown = held(Hold::Unknown(Missing::PriceOf(usdc()))).unwrap();
    assert_eq!((unknown.severity, unknown.key.as_str()), (Severity::Warning, "pool/treasury/unknown/price/USDC"));
    let latched = held(Hold::Latched(Latch::ForeignChange)).unwrap();
    assert_eq!((latched.severity, latched.key.as_str()), (Severity::Critical, "pool/treasury/foreign_change"));
    assert!(latched.facts[1].1.contains("someone else changed the weights"));
}

#[test]
fn a_peg_is_told_when_it_moves() {
    let moved = |from, to| alert_of(&Event::PegMoved { asset: usdc(), from, to, price: Some(dear()), episode: 3 }, NOW);
    let off = moved(PegState::Sound, PegState::Depegged).unwrap();
    assert_eq!((off.severity, off.title.as_str()), (Severity::Critical, "USDC is off its peg"));
    assert_eq!(off.facts[1], ("Price".to_owned(), "$0.9700".to_owned()));
    assert_eq!(off.facts[2], ("State".to_owned(), "sound → depegged".to_owned()));
    assert_eq!(moved(PegState::Recovering, PegState::Sound).unwrap().severity, Severity::Info);
    assert_eq!(moved(PegState::Depegged, PegState::Depegged), None, "recalled from the journal");
}

#[test]
fn a_defence_without_a_turn_is_louder_than_a_routine_without_one() {
    let expired = |class| alert_of(&Event::TurnExpired { pool: pool(), class }, NOW).unwrap().severity;
    assert_eq!((expired(Class::Depeg), expired(Class::Schedule)), (Severity::Critical, Severity::Warning));
}

#[test]
fn alerts_say_when_and_which_and_do_not_share_keys() {
    let alerts: Vec<Alert> = all().iter().filter_map(|event| alert_of(event, NOW)).collect();
    let keys: std::collections::BTreeSet<&str> = alerts.iter().map(|alert| alert.key.as_str()).collect();
    assert_eq!((alerts.len(), keys.len()), (24, 24));
    assert!(alerts.iter().all(|alert| alert.at == NOW && !alert.title.is_empty() && !alert.facts.is_empty()));
}

#[test]
fn cheap_gas_is_not_shown_as_free() {
    let mut cheap = inclusion();
    cheap.cost.price = crate::domain::units::GasPrice::from_wei(5);
    cheap.cost_usd = None;
    let alert = settled(drift(), Outcome::Done(cheap)).unwrap();
    assert!(alert.facts.contains(&("Cost".to_owned(), "0.000000000000465000 ETH (in dollars unknown)".to_owned())), "{alert:?}");
    assert_eq!(human(Duration::from_millis(250)), "250ms");
}
