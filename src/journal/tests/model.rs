//! The same random life in all three journals, legal steps and illegal ones: what one says, all say, and what one remembers, all
//! remember. So what actors are tested with, in memory, is what they get.

use proptest::prelude::*;

use super::support::{Place, at, everything, landing, lane, order, ramp, set, signed, wei};
use crate::domain::operation::{AttemptKind, Entry, Fate, OperationRecord};
use crate::journal::memory::MemoryJournal;
use crate::ports::journal::{Operations, Pen, Selection};
use crate::ports::{Journal, JournalFault};

#[derive(Clone, Debug)]
enum Act {
    Open { lane: u8 },
    Enqueue { lane: u8, pool: u8, evidence: u64 },
    Step { lane: u8, place: usize, off: bool, kind: u8, nonce: u64, name: u8 },
    Wish { place: usize },
    Accept { lane: u8, nonce: u64 },
    Abandon { place: usize },
    Stop { lane: u8, why: bool },
}

fn act() -> impl Strategy<Value = Act> {
    let lanes = 1..3u8;
    prop_oneof![
        1 => lanes.clone().prop_map(|lane| Act::Open { lane }),
        6 => (lanes.clone(), 0..3u8, 0..3u64).prop_map(|(lane, pool, evidence)| Act::Enqueue { lane, pool, evidence }),
        40 => (lanes.clone(), 0..6usize, prop::bool::weighted(0.03), 0..14u8, 0..3u64, any::<u8>())
            .prop_map(|(lane, place, off, kind, nonce, name)| Act::Step { lane, place, off, kind, nonce, name }),
        1 => (0..6usize).prop_map(|place| Act::Wish { place }),
        1 => (lanes.clone(), 0..8u64).prop_map(|(lane, nonce)| Act::Accept { lane, nonce }),
        1 => (0..6usize).prop_map(|place| Act::Abandon { place }),
        1 => (lanes, any::<bool>()).prop_map(|(lane, why)| Act::Stop { lane, why }),
    ]
}

fn entry(kind: u8, nonce: u64, name: u8, record: &OperationRecord) -> Entry {
    let text = format!("{} {name}", record.id);
    let number = u32::try_from(record.attempts.len()).unwrap();
    let attempt = |kind| signed(&text, number, kind);
    let reserve = wei(u128::from(name) * 100);
    let why = text.clone();
    match kind {
        0 | 1 => Entry::Reserve { nonce, reserve, at: at(u64::from(name) * 1_000) },
        2 => Entry::Release,
        3 | 4 => Entry::Prepare { attempt: attempt(AttemptKind::First), ramp: Some(ramp(3_600)), deadline: at(600) },
        5 | 6 => Entry::Launch { at: at(u64::from(name)) },
        7 => Entry::Replace { attempt: attempt(AttemptKind::Replacement), reserve },
        8 => Entry::Cancel { attempt: (name > 99).then(|| attempt(AttemptKind::Cancellation)), reserve },
        9 => Entry::Include {
            landing: landing(&text, Fate::ALL[usize::from(name % 3)]),
            controls: (name > 99).then(|| set(60 + u64::from(name))),
        },
        10 => Entry::Unwind,
        11 => Entry::Finalise { spent: reserve },
        12 => Entry::Quarantine { why },
        _ if name > 170 => Entry::Expire { why },
        _ if name > 85 => Entry::Supersede { why: "another".to_owned() },
        _ => Entry::Reject { why },
    }
}

/// What a journal says to an act. The words of a refusal may differ, its kind may not.
async fn play(journal: &dyn Journal, pens: &mut [Option<Pen>; 3], act: &Act, moment: u64) -> String {
    let selection = Selection { limit: 100, ..Selection::default() };
    let listed = journal.list(&selection).await.unwrap();
    let chosen = |place: usize| listed.get(place % listed.len().max(1));
    let said = |text: Result<String, JournalFault>| text.unwrap_or_else(|fault| fault.label().to_owned());
    let moment = at(moment);
    match act {
        Act::Open { lane: signer } => {
            let opened = journal.open_lane(&lane(*signer), "model", moment).await;
            // One in a while writes on with the pen that it had.
            if !moment.secs().is_multiple_of(3)
                && let Ok(opened) = &opened
            {
                pens[usize::from(*signer)] = Some(opened.pen);
            }
            said(opened.map(|opened| format!("{opened:?}")))
        }
        Act::Enqueue { lane: signer, pool, evidence } => {
            let pen = pens[usize::from(*signer)].unwrap_or(Pen { lane: lane(*signer), epoch: 1 });
            said(journal.enqueue(&pen, &order(&pool.to_string(), *evidence)).await.map(|done| format!("{done:?}")))
        }
        Act::Step { lane: signer, place, off, kind, nonce, name } => {
            let Some(record) = chosen(*place) else { return String::new() };
            let pen = pens[usize::from(*signer)].unwrap_or(Pen { lane: lane(*signer), epoch: 1 });
            let next = journal.reread_lane(&pen).await.ok().and_then(|opened| opened.next_nonce).unwrap_or(0);
            let entry = entry(*kind, (next + nonce).saturating_sub(1), *name, record);
            let seq = record.seq + u64::from(*off);
            said(journal.commit(&pen, &record.id, seq, &entry, moment).await.map(|done| format!("{done:?}")))
        }
        Act::Wish { place } => {
            let Some(record) = chosen(*place) else { return String::new() };
            said(journal.request_cancel(&record.id, "ann", moment).await.map(|()| String::new()))
        }
        Act::Accept { lane: signer, nonce } => {
            said(journal.accept_nonces(&lane(*signer), *nonce, "ann", moment).await.map(|()| String::new()))
        }
        Act::Abandon { place } => {
            let Some(record) = chosen(*place) else { return String::new() };
            said(journal.abandon(&record.id, "ann", moment).await.map(|done| format!("{done:?}")))
        }
        Act::Stop { lane: signer, why } => {
            let pen = pens[usize::from(*signer)].unwrap_or(Pen { lane: lane(*signer), epoch: 1 });
            said(journal.note_stop(&pen, why.then_some("why")).await.map(|()| String::new()))
        }
    }
}

/// What must be true of every state that can be reached.
fn sound(records: &[OperationRecord]) {
    for (place, record) in records.iter().enumerate() {
        for other in &records[place + 1..] {
            assert!(
                record.nonce.is_none() || record.lane != other.lane || record.nonce != other.nonce,
                "one nonce, two operations"
            );
            let one_intent = record.new.intent != other.new.intent || record.state.frees_intent() || other.state.frees_intent();
            assert!(one_intent, "one intent, two operations");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_three_journals_live_the_same_life(acts in prop::collection::vec(act(), 40..160)) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let (sqlite, postgres) = (Place::sqlite(), Place::postgres().await);
            let (sqlite, postgres, memory) = (sqlite.open().await, postgres.open().await, MemoryJournal::default());
            let journals: [&dyn Journal; 3] = [&memory, sqlite.as_ref(), postgres.as_ref()];
            let mut pens = [[None; 3]; 3];
            for (moment, act) in acts.iter().enumerate() {
                let mut said = Vec::new();
                for (journal, pens) in journals.iter().zip(&mut pens) {
                    said.push(play(*journal, pens, act, u64::try_from(moment).unwrap()).await);
                }
                assert_eq!(said[0], said[1], "memory and SQLite, {act:?}");
                assert_eq!(said[0], said[2], "memory and PostgreSQL, {act:?}");
            }
            sound(&memory.list(&Selection { limit: 1_000, ..Selection::default() }).await.unwrap());
            let remembered = everything(&memory).await;
            assert_eq!(everything(sqlite.as_ref()).await, remembered);
            assert_eq!(everything(postgres.as_ref()).await, remembered);
        });
    }
}
