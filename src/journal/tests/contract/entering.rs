use crate::domain::operation::{AttemptKind, Entry, Fate, LaneKey, State};
use crate::journal::tests::support::{Writer, at, include, landing, lane, launch, order, prepare, reserve, signed, wei};
use crate::ports::Journal;
use crate::ports::journal::Enqueued;

pub(super) async fn the_same_evidence_enters_once(journal: &dyn Journal) {
    let (writer, other) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    let record = writer.enqueue(&order("treasury", 1)).await;
    assert_eq!(record.id, record.new.intent.operation(0));
    let again = journal.enqueue(&writer.pen, &order("treasury", 1)).await.unwrap();
    assert_eq!(again, Enqueued::Known(record.id, State::Queued));
    let elsewhere = journal.enqueue(&other.pen, &order("treasury", 1)).await.unwrap();
    assert_eq!(elsewhere, Enqueued::Known(record.id, State::Queued), "another lane is no other evidence");
    assert_eq!(writer.read().await.open, [record]);
}

pub(super) async fn evidence_whose_operation_was_taken_back_enters_again_under_another_name(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let first = writer.enqueue(&order("treasury", 1)).await;
    writer.step(&first, &Entry::Expire { why: "gas was dear".to_owned() }).await;

    let mut second = writer.launched(&order("treasury", 1), 0).await;
    assert_eq!(second.id, first.new.intent.operation(1));
    let attempt = signed("cancellation", 1, AttemptKind::Cancellation);
    let cancelled = Entry::Include { landing: landing("cancellation", Fate::Cancelled), controls: None };
    for entry in [Entry::Cancel { attempt: Some(attempt), reserve: wei(1) }, cancelled, Entry::Finalise { spent: wei(1) }] {
        second = writer.step(&second, &entry).await;
    }
    assert_eq!(second.state, State::FinalCancelled);
    assert_eq!(writer.enqueue(&order("treasury", 1)).await.id, first.new.intent.operation(2));
}

pub(super) async fn what_was_carried_out_does_not_enter_again(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let record = writer.launched(&order("treasury", 1), 0).await;
    let record = writer.step(&record, &include(&writer.text(0))).await;
    let known = |state| Enqueued::Known(record.id, state);
    assert_eq!(journal.enqueue(&writer.pen, &order("treasury", 1)).await.unwrap(), known(State::Included));
    writer.step(&record, &Entry::Finalise { spent: wei(1) }).await;
    assert_eq!(journal.enqueue(&writer.pen, &order("treasury", 1)).await.unwrap(), known(State::FinalOk));
    writer.enqueue(&order("treasury", 2)).await;
}

pub(super) async fn a_pool_has_one_live_operation_whichever_lane_it_goes_by(journal: &dyn Journal) {
    let (keeper, guardian) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    let mut record = keeper.enqueue(&order("treasury", 1)).await;
    for entry in [reserve(0), prepare("first"), launch()] {
        for writer in [&keeper, &guardian] {
            let busy = journal.enqueue(&writer.pen, &order("treasury", 2)).await.unwrap();
            assert_eq!(busy, Enqueued::PoolBusy(record.id), "while it is {}", record.state);
        }
        record = keeper.step(&record, &entry).await;
    }
    guardian.enqueue(&order("reserve", 1)).await;
    keeper.step(&record, &include("first")).await;
    guardian.enqueue(&order("treasury", 2)).await;
}

pub(super) async fn a_pool_of_another_chain_is_another_pool(journal: &dyn Journal) {
    let here = Writer::of(journal, lane(1)).await;
    let there = Writer::of(journal, LaneKey { chain_id: 1, ..lane(1) }).await;
    here.enqueue(&order("treasury", 1)).await;
    there.enqueue(&order("treasury", 2)).await;
}

pub(super) async fn an_operation_that_was_unwound_does_not_take_its_pool_back(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let first = writer.launched(&order("treasury", 1), 0).await;
    let first = writer.step(&first, &include(&writer.text(0))).await;
    let second = writer.enqueue(&order("treasury", 2)).await;
    let first = writer.step(&first, &Entry::Unwind).await;
    assert_eq!((first.state, first.landing), (State::InFlight, None));
    let busy = journal.enqueue(&writer.pen, &order("treasury", 3)).await.unwrap();
    assert_eq!(busy, Enqueued::PoolBusy(second.id));
    writer.step(&second, &Entry::Reject { why: "no".to_owned() }).await;
    // Nobody claims the pool now: what follows has a higher nonce.
    let third = writer.enqueue(&order("treasury", 3)).await;
    assert_eq!(writer.read().await.open.iter().map(|open| open.id).collect::<Vec<_>>(), [first.id, third.id]);
    assert_eq!(journal.log(&third.id).await.unwrap().first().unwrap().at, at(1));
}
