use futures::future::join_all;

use crate::domain::operation::{Entry, State};
use crate::journal::tests::support::{Writer, at, include, lane, launch, order, prepare, reserve, wei};
use crate::ports::{Journal, JournalFault};

fn is_conflict<T>(done: &Result<T, JournalFault>) -> bool {
    matches!(done, Err(JournalFault::Conflict(_)))
}

pub(super) async fn a_nonce_is_used_once(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let first = writer.launched(&order("a", 1), 7).await;
    let second = writer.enqueue(&order("b", 1)).await;
    for taken in [7, 6, 0] {
        assert!(is_conflict(&writer.try_step(&second, &reserve(taken)).await), "nonce {taken}");
    }
    // Not even when the one that used it is over.
    let first = writer.step(&first, &include(&writer.text(7))).await;
    writer.step(&first, &Entry::Finalise { spent: wei(1) }).await;
    assert!(is_conflict(&writer.try_step(&second, &reserve(7)).await));
    assert_eq!(writer.read().await.next_nonce, Some(8));
    assert_eq!(writer.step(&second, &reserve(8)).await.nonce, Some(8));
    // A lane's nonces are its own.
    let other = Writer::of(journal, lane(2)).await;
    other.launched(&order("c", 1), 7).await;
}

pub(super) async fn a_nonce_that_was_given_back_is_used_again(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let first = writer.enqueue(&order("a", 1)).await;
    let first = writer.step(&first, &reserve(3)).await;
    let first = writer.step(&first, &Entry::Release).await;
    assert_eq!((first.state, first.nonce, writer.read().await.next_nonce), (State::Queued, None, Some(3)));
    writer.launched(&order("b", 1), 3).await;
    assert!(is_conflict(&writer.try_step(&first, &reserve(3)).await));
    assert_eq!(writer.step(&first, &reserve(4)).await.nonce, Some(4));
}

pub(super) async fn a_lane_has_one_operation_that_is_reserved_or_prepared(journal: &dyn Journal) {
    let (writer, other) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    let waiting = writer.enqueue(&order("b", 1)).await;
    let mut first = writer.enqueue(&order("a", 1)).await;
    for entry in [reserve(0), prepare("first")] {
        first = writer.step(&first, &entry).await;
        assert!(is_conflict(&writer.try_step(&waiting, &reserve(1)).await), "while one is {}", first.state);
    }
    let elsewhere = other.enqueue(&order("c", 1)).await;
    other.step(&elsewhere, &reserve(0)).await;
    // What is in flight may be followed by the next nonce.
    writer.step(&first, &launch()).await;
    writer.step(&waiting, &reserve(1)).await;
    let order: Vec<_> = writer.read().await.open.iter().map(|open| open.nonce).collect();
    assert_eq!(order, [Some(0), Some(1)]);
}

pub(super) async fn of_many_who_want_one_nonce_one_gets_it(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let mut queued = Vec::new();
    for pool in 0..8 {
        queued.push(writer.enqueue(&order(&pool.to_string(), 1)).await);
    }
    let entry = reserve(5);
    let done = join_all(queued.iter().map(|record| writer.try_step(record, &entry))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(done.iter().filter(|done| is_conflict(done)).count(), 7);
    assert_eq!(writer.read().await.open.iter().filter(|open| open.nonce.is_some()).count(), 1);
}

pub(super) async fn nonces_that_an_operator_accepts_are_not_given_to_operations(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    writer.launched(&order("a", 1), 4).await;
    journal.accept_nonces(&lane(1), 9, "ann", at(50)).await.unwrap();
    let record = writer.enqueue(&order("b", 1)).await;
    for taken in [5, 8] {
        assert!(is_conflict(&writer.try_step(&record, &reserve(taken)).await));
    }
    assert!(is_conflict(&journal.accept_nonces(&lane(1), 8, "ann", at(51)).await));
    journal.accept_nonces(&lane(1), 9, "ann", at(52)).await.unwrap();
    assert_eq!(writer.step(&record, &reserve(9)).await.nonce, Some(9));
    // So many that they are not written down one by one.
    journal.accept_nonces(&lane(1), 1_000_000, "ann", at(53)).await.unwrap();
    assert_eq!(writer.read().await.next_nonce, Some(1_000_000));
    let fresh = Writer::of(journal, lane(3)).await;
    journal.accept_nonces(&lane(3), 2, "ann", at(54)).await.unwrap();
    let record = fresh.enqueue(&order("c", 1)).await;
    assert!(is_conflict(&fresh.try_step(&record, &reserve(1)).await));
    fresh.step(&record, &reserve(2)).await;
}

pub(super) async fn what_is_given_back_does_not_undo_what_an_operator_accepted(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let record = writer.enqueue(&order("a", 1)).await;
    let record = writer.step(&record, &reserve(3)).await;
    journal.accept_nonces(&lane(1), 6, "ann", at(50)).await.unwrap();
    let record = writer.step(&record, &Entry::Release).await;
    assert_eq!(writer.read().await.next_nonce, Some(6));
    assert!(is_conflict(&writer.try_step(&record, &reserve(4)).await));
}
