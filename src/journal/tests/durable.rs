//! What a journal with a database promises beyond the sentences: it survives the process, and it is safe against another one.

use std::sync::Arc;

use futures::future::join_all;

use super::support::{Place, Writer, at, everything, include, lane, launch, order, prepare, reserve, set, signed, wei};
use crate::domain::decide::Latch;
use crate::domain::operation::{AttemptKind, Entry, NewOperation, OperationId, OperationRecord, State};
use crate::journal::sql::open::{Tuning, open_tuned};
use crate::ports::journal::{Enqueued, Opened, Operations, Pen};
use crate::ports::{Journal, JournalFault};

async fn places() -> [Place; 2] {
    [Place::sqlite(), Place::postgres().await]
}

#[tokio::test]
async fn what_was_committed_is_there_after_closing_and_opening_again() {
    for place in places().await {
        let journal = place.open().await;
        let writer = Writer::of(journal.as_ref(), lane(1)).await;
        let record = writer.launched(&order("a", 1), 0).await;
        let dearer = Entry::Replace { attempt: signed("dearer", 1, AttemptKind::Replacement), reserve: wei(2_000) };
        let in_flight = writer.step(&record, &dearer).await;
        let queued = writer.enqueue(&order("b", 1)).await;
        let prepared = writer.enqueue(&order("c", 1)).await;
        let prepared = writer.step(&prepared, &reserve(1)).await;
        let prepared = writer.step(&prepared, &prepare("written ahead")).await;
        journal.meet_pool(&record.new.pool, at(1), &set(100)).await.unwrap();
        journal.latch_pool(&record.new.pool, &Latch::Outcome("reverted")).await.unwrap();
        let before = everything(journal.as_ref()).await;
        drop(journal);

        let journal = place.open().await;
        assert_eq!(everything(journal.as_ref()).await, before);
        let opened = journal.open_lane(&lane(1), "the next one", at(60)).await.unwrap();
        assert_eq!(opened.open, [in_flight, prepared, queued]);
        assert_eq!((opened.pen.epoch, opened.next_nonce, opened.last_launched), (2, Some(2), Some(at(30))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_processes_that_race_for_a_pool_a_piece_of_evidence_and_a_nonce_one_wins() {
    for place in places().await {
        let (here, there) = (place.open().await, place.open().await);
        let (keeper, guardian) = (open(&here, 1).await, open(&there, 2).await);
        for round in 0..10 {
            let new = order(&format!("pool {round}"), 1);
            let other = order(&format!("pool {round}"), 2);
            let done = join_all([
                enqueue(&here, keeper, &new),
                enqueue(&there, guardian, &other),
                enqueue(&here, keeper, &new),
                enqueue(&there, guardian, &other),
            ])
            .await;
            let entered: Vec<_> = done.iter().map(|done| matches!(done, Enqueued::New(_))).collect();
            assert_eq!(entered.iter().filter(|new| **new).count(), 1, "{done:?}");
        }
        // One lane, one pen, two processes that both believe to have it.
        let mut ids = Vec::new();
        for pool in ["left", "right"] {
            match enqueue(&here, keeper, &order(pool, 1)).await {
                Enqueued::New(record) => ids.push(record.id),
                other => panic!("{other:?}"),
            }
        }
        let sides = [(&here, ids[0]), (&there, ids[1])];
        let done = join_all(sides.map(|(journal, id)| commit(journal, keeper, id, 0, reserve(7)))).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
        assert!(done.iter().any(|done| matches!(done, Err(JournalFault::Conflict(_)))), "{done:?}");
        // The same step of one operation.
        let winner = ids[usize::from(done[0].is_err())];
        let sides = [&here, &there, &here, &there].map(|journal| commit(journal, keeper, winner, 1, prepare("once")));
        let done = join_all(sides).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
    }
}

async fn open(journal: &Arc<dyn Journal>, signer: u8) -> Pen {
    journal.open_lane(&lane(signer), "racer", at(0)).await.unwrap().pen
}

async fn enqueue(journal: &Arc<dyn Journal>, pen: Pen, new: &NewOperation) -> Enqueued {
    let (journal, new) = (journal.clone(), new.clone());
    tokio::spawn(async move { journal.enqueue(&pen, &new).await.unwrap() }).await.unwrap()
}

async fn commit(
    journal: &Arc<dyn Journal>,
    pen: Pen,
    id: OperationId,
    seq: u64,
    entry: Entry,
) -> Result<OperationRecord, JournalFault> {
    let journal = journal.clone();
    tokio::spawn(async move { journal.commit(&pen, &id, seq, &entry, at(9)).await }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lane_that_changes_hands_all_the_time_keeps_every_nonce_unique() {
    for place in places().await {
        let journal = place.open().await;
        let lives = (0..4).map(|process| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let mut launched = Vec::new();
                for round in 0..8 {
                    let Ok(opened) = journal.open_lane(&lane(1), &process.to_string(), at(0)).await else { continue };
                    let writer = Writer { journal: journal.as_ref(), pen: opened.pen };
                    launched.extend(live(&writer, &opened, &format!("{process} {round}")).await);
                }
                launched
            })
        });
        let launched: Vec<u64> = join_all(lives).await.into_iter().flat_map(Result::unwrap).collect();
        let mut unique = launched.clone();
        unique.sort_unstable();
        unique.dedup();
        assert!(!unique.is_empty());
        assert_eq!(unique.len(), launched.len(), "{launched:?}");
    }
}

/// One operation of its own, and nothing of what another has left behind but to let go of it.
async fn live(writer: &Writer<'_>, opened: &Opened, name: &str) -> Option<u64> {
    for left in &opened.open {
        if let Some(step) = match left.state {
            State::Reserved => Some(Entry::Release),
            State::Prepared => Some(launch()),
            _ => None,
        } {
            writer.try_step(left, &step).await.ok()?;
        }
    }
    let new = order(name, 1);
    let Ok(Enqueued::New(mut record)) = writer.journal.enqueue(&writer.pen, &new).await else { return None };
    let nonce = writer.journal.reread_lane(&writer.pen).await.ok()?.next_nonce.unwrap_or(0);
    for entry in [reserve(nonce), prepare(name), launch(), include(name)] {
        record = writer.try_step(&record, &entry).await.ok()?;
    }
    record.nonce
}

#[tokio::test]
async fn a_caller_that_goes_away_in_the_middle_leaves_nothing_half_written() {
    for place in places().await {
        let journal = place.open().await;
        let writer = Writer::of(journal.as_ref(), lane(1)).await;
        let mut record = writer.enqueue(&order("a", 1)).await;
        for polls in 0..60 {
            let entry = if record.state == State::Queued { reserve(0) } else { Entry::Release };
            {
                let mut work = Box::pin(writer.try_step(&record, &entry));
                for _ in 0..polls {
                    if futures::poll!(work.as_mut()).is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            // A commit that was on its way when its caller went may still arrive: the lane's lock waits for it.
            journal.note_stop(&writer.pen, None).await.unwrap();
            // Either all of it was written or nothing, and the journal goes on.
            let found = writer.read().await.open.remove(0);
            if found.seq != record.seq {
                record.apply(&entry).unwrap();
            }
            assert_eq!(found, record);
            let aside = if record.nonce.is_some() { wei(1_000) } else { wei(0) };
            assert_eq!(journal.spent(&lane(1), at(10)).await.unwrap(), aside);
            let lines = u64::try_from(journal.log(&record.id).await.unwrap().len()).unwrap();
            assert_eq!(lines, record.seq + 1);
        }
    }
}

#[tokio::test]
async fn logs_and_signed_transactions_cannot_be_changed_or_deleted_by_anyone() {
    for place in places().await {
        let journal = open_tuned(&place.url, place.path(), Tuning::default()).await.unwrap();
        let writer = Writer::of(&journal, lane(1)).await;
        writer.launched(&order("a", 1), 0).await;
        for statement in [
            "DELETE FROM operation_event",
            "UPDATE operation_event SET detail = 'it was someone else'",
            "DELETE FROM lane_event",
            "UPDATE lane_event SET detail = 'it was someone else'",
            "DELETE FROM attempt",
            "UPDATE attempt SET raw = '0x'",
            // And what the program would never write is refused by the tables themselves.
            "UPDATE operation SET nonce = NULL",
            "UPDATE operation SET state = 'sent'",
            "UPDATE operation SET state = 'included'",
            "INSERT INTO nonce_slot (lane, nonce, op, kind) SELECT lane, 9, op, kind FROM nonce_slot",
            "INSERT INTO nonce_slot (lane, nonce, op, kind) SELECT lane, nonce, NULL, 'accepted' FROM nonce_slot",
        ] {
            let before = everything(&journal).await;
            assert!(journal.execute(statement).await.is_err(), "{statement}");
            assert_eq!(everything(&journal).await, before);
        }
        assert!(journal.find("").await.is_ok());
    }
}
