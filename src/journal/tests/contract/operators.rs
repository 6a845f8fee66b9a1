use crate::domain::ids::PoolId;
use crate::domain::operation::{Entry, OperationId, OperationRecord, State};
use crate::journal::tests::support::{Writer, at, hash, lane, order, reserve};
use crate::ports::journal::Selection;
use crate::ports::{Journal, JournalFault};

pub(super) async fn lists_show_the_youngest_first_and_what_was_asked_for(journal: &dyn Journal) {
    let (writer, other) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    let over = writer.enqueue(&order("a", 1)).await;
    let over = writer.step(&over, &Entry::Expire { why: "late".to_owned() }).await;
    let open = writer.launched(&order("a", 2), 0).await;
    let elsewhere = other.launched(&order("b", 1), 0).await;
    let all = Selection { limit: 10, ..Selection::default() };
    let listed = |selection: Selection| async move { journal.list(&selection).await.unwrap() };
    let expect = |listed: Vec<OperationRecord>, expected: &[&OperationRecord]| {
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
    };
    expect(listed(all.clone()).await, &[&elsewhere, &open, &over]);
    expect(listed(Selection { limit: 2, ..all.clone() }).await, &[&elsewhere, &open]);
    expect(listed(Selection { open: true, ..all.clone() }).await, &[&elsewhere, &open]);
    expect(listed(Selection { pool: Some(PoolId::new("a")), ..all.clone() }).await, &[&open, &over]);
    expect(listed(Selection { lane: Some(lane(2)), ..all.clone() }).await, &[&elsewhere]);
    let none = Selection { pool: Some(PoolId::new("b")), lane: Some(lane(1)), ..all };
    expect(listed(none).await, &[]);
}

pub(super) async fn an_operation_is_found_by_the_first_digits_of_its_name(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let mut names = std::collections::BTreeMap::<String, Vec<OperationRecord>>::new();
    for pool in 0..17 {
        let record = writer.enqueue(&order(&pool.to_string(), 1)).await;
        names.entry(record.id.to_string()[..1].to_owned()).or_default().push(record);
    }
    // Of seventeen names two begin with the same digit.
    let (digit, several) = names.iter().find(|(_, records)| records.len() > 1).unwrap();
    assert!(matches!(journal.find(digit).await, Err(JournalFault::Conflict(_))));
    for record in several {
        let full = record.id.0.to_string();
        for spelt in [record.id.to_string(), full.to_uppercase().replace("0X", "0x"), full] {
            assert_eq!(journal.find(&spelt).await.unwrap(), *record, "{spelt}");
        }
    }
    assert!(matches!(journal.find("").await, Err(JournalFault::Conflict(_))));
    for nobody in ["g", "%", "_", &"0".repeat(64), &"0".repeat(65)] {
        assert!(matches!(journal.find(nobody).await, Err(JournalFault::Unknown(_))), "{nobody}");
    }
}

pub(super) async fn a_wish_to_cancel_reaches_the_writer_and_moves_no_counter(journal: &dyn Journal) {
    let (writer, other) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    let record = writer.launched(&order("a", 1), 0).await;
    other.launched(&order("b", 1), 0).await;
    assert_eq!(journal.cancel_requests(&lane(1)).await.unwrap(), []);
    journal.request_cancel(&record.id, "ann", at(40)).await.unwrap();
    assert_eq!(journal.cancel_requests(&lane(1)).await.unwrap(), [record.id]);
    assert_eq!(journal.cancel_requests(&lane(2)).await.unwrap(), []);
    // The writer goes on with what it has read before.
    let record = writer.step(&record, &Entry::Quarantine { why: "why not".to_owned() }).await;
    assert!(record.cancel_requested);
    let record = journal.abandon(&record.id, "ann", at(50)).await.unwrap();
    assert_eq!(journal.cancel_requests(&lane(1)).await.unwrap(), []);
    assert!(matches!(journal.request_cancel(&record.id, "ann", at(60)).await, Err(JournalFault::Conflict(_))));
}

pub(super) async fn a_quarantined_operation_is_closed_by_an_operators_word(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let record = writer.launched(&order("a", 1), 0).await;
    assert!(matches!(journal.abandon(&record.id, "ann", at(40)).await, Err(JournalFault::Illegal(_))));
    let record = writer.step(&record, &Entry::Quarantine { why: "nobody knows".to_owned() }).await;
    let record = journal.abandon(&record.id, "ann", at(50)).await.unwrap();
    assert_eq!((record.state, record.reason.as_deref()), (State::Abandoned, Some("abandoned by ann")));
    let line = journal.log(&record.id).await.unwrap().pop().unwrap();
    assert_eq!((line.step.as_str(), line.epoch, line.at, line.detail.as_str()), ("abandon", 0, at(50), "abandoned by ann"));
    assert_eq!(writer.read().await.open, []);
    // Its nonce stays spent, and its evidence may call for another operation.
    let next = writer.enqueue(&order("a", 1)).await;
    assert!(matches!(writer.try_step(&next, &reserve(0)).await, Err(JournalFault::Conflict(_))));
}

pub(super) async fn a_lane_says_who_holds_it_and_why_it_stands_still(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(2)).await;
    Writer::of(journal, lane(1)).await;
    let opened = journal.open_lane(&lane(1), "host-b 4711", at(5)).await.unwrap();
    journal.note_stop(&writer.pen, Some("the chain is ahead")).await.unwrap();
    let lanes = journal.lanes().await.unwrap();
    let told: Vec<_> =
        lanes.iter().map(|lane| (lane.key, lane.epoch, lane.holder.as_str(), lane.next_nonce, lane.stopped.as_deref())).collect();
    let expected = [(lane(1), 2, "host-b 4711", None, None), (lane(2), 1, "test", None, Some("the chain is ahead"))];
    assert_eq!(told, expected);
    assert_eq!((opened.pen.epoch, opened.open), (2, Vec::new()));
    for _ in 0..2 {
        journal.note_stop(&writer.pen, None).await.unwrap();
        assert_eq!(journal.lanes().await.unwrap()[1].stopped, None);
    }
}

pub(super) async fn what_is_not_there_is_unknown(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let nobody = OperationId(hash("nobody"));
    let unknown = |fault: JournalFault| assert!(matches!(fault, JournalFault::Unknown(_)), "{fault}");
    unknown(journal.log(&nobody).await.unwrap_err());
    unknown(journal.request_cancel(&nobody, "ann", at(1)).await.unwrap_err());
    unknown(journal.abandon(&nobody, "ann", at(1)).await.unwrap_err());
    unknown(journal.commit(&writer.pen, &nobody, 0, &reserve(0), at(1)).await.unwrap_err());
    unknown(journal.accept_nonces(&lane(9), 1, "ann", at(1)).await.unwrap_err());
    let stranger = crate::ports::journal::Pen { lane: lane(9), epoch: 1 };
    unknown(journal.enqueue(&stranger, &order("a", 1)).await.unwrap_err());
    unknown(journal.reread_lane(&stranger).await.unwrap_err());
}
