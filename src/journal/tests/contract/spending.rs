use crate::domain::operation::{AttemptKind, Entry};
use crate::domain::units::Timestamp;
use crate::journal::tests::support::{Writer, at, include, lane, launch, order, prepare, reserve, signed, wei};
use crate::ports::{Journal, JournalFault};

const DAY: u64 = 86_400;

pub(super) async fn what_is_set_aside_is_raised_settled_and_released(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let spent = || async { journal.spent(&lane(1), at(10)).await.unwrap().get() };
    assert_eq!(spent().await, 0);
    let first = writer.enqueue(&order("a", 1)).await;
    let first = writer.step(&first, &reserve(0)).await;
    assert_eq!(spent().await, 1_000);
    let first = writer.step(&first, &Entry::Release).await;
    assert_eq!(spent().await, 0, "what was released is not spent");
    let mut record = first;
    for (entry, expected) in [
        (reserve(0), 1_000),
        (prepare("first"), 1_000),
        (launch(), 1_000),
        (Entry::Replace { attempt: signed("dearer", 1, AttemptKind::Replacement), reserve: wei(1_500) }, 1_500),
        // A cheaper estimate takes nothing back: the dearer attempt may be the one that is included.
        (Entry::Cancel { attempt: Some(signed("cancel", 2, AttemptKind::Cancellation)), reserve: wei(400) }, 1_500),
        (Entry::Cancel { attempt: None, reserve: wei(1_600) }, 1_600),
        (include("dearer"), 1_600),
        (Entry::Finalise { spent: wei(77) }, 77),
    ] {
        record = writer.step(&record, &entry).await;
        assert_eq!(spent().await, expected, "after {entry:?}");
    }
    writer.launched(&order("a", 2), 1).await;
    assert_eq!(spent().await, 1_077);
}

pub(super) async fn a_day_and_a_lane_have_budgets_of_their_own(journal: &dyn Journal) {
    let (writer, other) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    // The first second and the last millisecond of a day.
    let midnight = at(0).secs() / DAY * DAY;
    let (morning, night) = (Timestamp::from_secs(midnight), Timestamp::from_millis((midnight + DAY) * 1_000 - 1));
    let record = writer.enqueue(&order("a", 1)).await;
    writer.step(&record, &Entry::Reserve { nonce: 0, reserve: wei(5), at: night }).await;
    let record = other.enqueue(&order("b", 1)).await;
    other.step(&record, &Entry::Reserve { nonce: 0, reserve: wei(7), at: morning }).await;
    let next = Timestamp::from_secs(midnight + DAY);
    assert_eq!(journal.spent(&lane(1), morning).await.unwrap(), wei(5));
    assert_eq!(journal.spent(&lane(1), next).await.unwrap(), wei(0));
    assert_eq!(journal.spent(&lane(2), night).await.unwrap(), wei(7));
    assert_eq!(journal.spent(&lane(3), night).await.unwrap(), wei(0));
}

pub(super) async fn the_largest_sum_is_still_a_sum(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let all = |nonce| Entry::Reserve { nonce, reserve: wei(u128::MAX), at: at(10) };
    let record = writer.enqueue(&order("a", 1)).await;
    let mut record = writer.step(&record, &all(0)).await;
    assert_eq!(journal.spent(&lane(1), at(10)).await.unwrap(), wei(u128::MAX));
    for entry in [prepare("first"), launch()] {
        record = writer.step(&record, &entry).await;
    }
    let second = writer.enqueue(&order("b", 1)).await;
    writer.step(&second, &all(1)).await;
    assert!(matches!(journal.spent(&lane(1), at(10)).await, Err(JournalFault::Failed(_))), "an overflow is no number");
}
