//! The arrows, and what no sequence of steps can do to an operation.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::allocation::Allocation;
use crate::domain::plan::Reweight;
use crate::domain::units::{GasPrice, Weight};

/// Every step, finality with each fate.
fn steps() -> Vec<Step> {
    use Step as T;
    let others = [
        T::Reserve,
        T::Release,
        T::Prepare,
        T::Launch,
        T::Replace,
        T::Cancel,
        T::Include,
        T::Unwind,
        T::Quarantine,
        T::Abandon,
        T::Expire,
        T::Supersede,
        T::Reject,
    ];
    others.into_iter().chain(Fate::ALL.map(T::Finalise)).collect()
}

#[test]
fn there_are_the_arrows_of_the_header_and_no_others() {
    use State as S;
    let mut arrows = BTreeSet::new();
    for from in State::ALL {
        for step in steps() {
            match from.after(step) {
                Ok(to) => {
                    arrows.insert((from, to));
                }
                Err(refused) => assert_eq!(refused, IllegalStep { from, step }),
            }
        }
    }
    let mut header = BTreeSet::from([
        (S::Queued, S::Reserved),
        (S::Reserved, S::Prepared),
        (S::Prepared, S::InFlight),
        (S::InFlight, S::Included),
        (S::Reserved, S::Queued),
        (S::Cancelling, S::Included),
        (S::Included, S::InFlight),
        (S::Quarantined, S::Included),
        (S::Quarantined, S::Abandoned),
        // Another attempt: the state stays.
        (S::InFlight, S::InFlight),
        (S::Cancelling, S::Cancelling),
    ]);
    header.extend([S::FinalOk, S::FinalReverted, S::FinalCancelled].map(|to| (S::Included, to)));
    header.extend([S::Expired, S::Superseded, S::Rejected].map(|to| (S::Queued, to)));
    header.extend([S::Prepared, S::InFlight].map(|from| (from, S::Cancelling)));
    header.extend([S::InFlight, S::Cancelling].map(|from| (from, S::Quarantined)));
    assert_eq!(arrows, header);
}

#[test]
fn a_step_is_one_thing_wherever_it_is_taken() {
    // Only so can the log tell from its name what a step did.
    for step in steps() {
        let ends: BTreeSet<State> = State::ALL.into_iter().filter_map(|from| from.after(step).ok()).collect();
        assert_eq!(ends.len(), 1, "{step:?} leads to {ends:?}");
    }
}

fn attempt(name: u8, kind: AttemptKind) -> Attempt {
    let fees = Fees { max_fee: GasPrice::from_gwei(30), tip: GasPrice::from_gwei(1) };
    let launched = (kind != AttemptKind::First).then(|| Timestamp::from_secs(u64::from(name)));
    let (hash, raw) = (B256::repeat_byte(name), Bytes::from(vec![name]));
    Attempt { number: 0, kind, hash, raw, fees, gas_limit: 100_000, via: Via::Public, launched }
}

fn entry() -> impl Strategy<Value = Entry> {
    let at = Timestamp::from_secs(1);
    let why = String::new;
    let landing = move |(name, fate)| {
        let block = BlockStamp { number: 1, hash: B256::ZERO, timestamp: at };
        let landing = Landing { hash: B256::repeat_byte(name), block, fate, cost: GasCost::default() };
        Entry::Include { landing, controls: None }
    };
    let fate = prop_oneof![Just(Fate::CarriedOut), Just(Fate::Reverted), Just(Fate::Cancelled)];
    // What leads on is likelier than what ends.
    prop_oneof![
        6 => (0..4u64).prop_map(move |nonce| Entry::Reserve { nonce, reserve: Wei::new(1), at }),
        1 => Just(Entry::Release),
        6 => any::<u8>().prop_map(move |name| Entry::Prepare { attempt: attempt(name, AttemptKind::First), ramp: None, deadline: at }),
        6 => Just(Entry::Launch { at }),
        2 => any::<u8>().prop_map(|name| Entry::Replace { attempt: attempt(name, AttemptKind::Replacement), reserve: Wei::new(1) }),
        2 => any::<u8>().prop_map(|name| {
            Entry::Cancel { attempt: Some(attempt(name, AttemptKind::Cancellation)), reserve: Wei::new(1) }
        }),
        4 => (any::<u8>(), fate).prop_map(landing),
        2 => Just(Entry::Unwind),
        2 => Just(Entry::Finalise { spent: Wei::new(1) }),
        1 => Just(Entry::Quarantine { why: why() }),
        1 => Just(Entry::Abandon { why: why() }),
        1 => Just(Entry::Expire { why: why() }),
        1 => Just(Entry::Supersede { why: why() }),
        1 => Just(Entry::Reject { why: why() }),
    ]
}

fn queued() -> OperationRecord {
    let plan = Plan::Reweight(Reweight {
        target: Allocation::exact(vec![Weight::from_bps(4_000), Weight::from_bps(6_000)]).unwrap(),
        duration: std::time::Duration::from_secs(600),
        start_lead: std::time::Duration::from_secs(60),
        expected_loss: None,
    });
    let (at, price) = (Timestamp::from_secs(1), GasPrice::from_gwei(30));
    let new = NewOperation {
        intent: IntentId(B256::ZERO),
        pool: PoolId::new("a"),
        class: Class::Drift,
        why: String::new(),
        plan,
        cap: GasCap { from: at, until: at, low: price, high: price },
        created: at,
    };
    OperationRecord::queued(new.intent.operation(0), LaneKey { chain_id: 1, signer: Address::ZERO }, new)
}

/// Whether every life of an operation is told apart from every other by its records alone.
fn is_sound(record: &OperationRecord) -> Result<(), TestCaseError> {
    use State as S;
    let state = record.state;
    let never_had_one = matches!(state, S::Queued | S::Expired | S::Superseded | S::Rejected);
    prop_assert_eq!(record.nonce.is_none(), never_had_one, "{}", state);
    let unsigned = never_had_one || state == S::Reserved;
    prop_assert_eq!(record.attempts.is_empty(), unsigned, "{}", state);
    prop_assert_eq!(record.deadline.is_none(), unsigned, "{}", state);
    let in_a_block = matches!(state, S::Included | S::FinalOk | S::FinalReverted | S::FinalCancelled);
    prop_assert_eq!(record.landing.is_some(), in_a_block, "{}", state);
    let end = record.landing.map(|landing| landing.fate);
    match state {
        S::FinalOk => prop_assert_eq!(end, Some(Fate::CarriedOut)),
        S::FinalReverted => prop_assert_eq!(end, Some(Fate::Reverted)),
        S::FinalCancelled => prop_assert_eq!(end, Some(Fate::Cancelled)),
        _ => {}
    }
    if state.may_be_on_chain() {
        prop_assert!(record.attempts.iter().any(|attempt| attempt.launched.is_some()), "{} without a launch", state);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_steps_gives_an_operation_a_second_nonce_or_forgets_what_was_signed(
        entries in prop::collection::vec(entry(), 1..80)
    ) {
        let mut record = queued();
        for entry in &entries {
            let before = record.clone();
            if record.apply(entry).is_err() {
                prop_assert_eq!(&record, &before, "a step that is refused changes nothing");
                continue;
            }
            prop_assert!(!before.state.is_final(), "{} is no end", before.state);
            prop_assert_eq!(record.seq, before.seq + 1);
            prop_assert_eq!((record.id, record.lane, &record.new), (before.id, before.lane, &before.new));
            if !before.attempts.is_empty() {
                prop_assert_eq!(record.nonce, before.nonce, "what is signed for a nonce keeps it");
            }
            prop_assert_eq!(record.attempts.len().min(before.attempts.len()), before.attempts.len());
            for (known, now) in before.attempts.iter().zip(&record.attempts) {
                prop_assert_eq!((known.hash, &known.raw), (now.hash, &now.raw), "every byte is kept");
            }
            is_sound(&record)?;
        }
    }
}
