use alloy_primitives::Bytes;
use futures::future::join_all;

use crate::domain::operation::{Attempt, AttemptKind, Entry, Fate, NewOperation, State};
use crate::domain::plan::{Plan, Reweight};
use crate::domain::trigger::Class;
use crate::journal::tests::support::{
    Writer, at, everything, include, landing, lane, launch, order, prepare, reserve, set, signed, wei,
};
use crate::ports::{Journal, JournalFault};

pub(super) async fn everything_about_an_operation_comes_back(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let Plan::Reweight(plan) = order("treasury", 1).plan else { panic!("not a ramp") };
    let plan = Plan::Reweight(Reweight { expected_loss: None, ..plan });
    let new = NewOperation { class: Class::Depeg, plan, ..order("treasury", 1) };
    let mut record = writer.enqueue(&new).await;
    assert_eq!(record.new, new);
    let replacement = Attempt { raw: Bytes::from(vec![7; 40_000]), ..signed("replacement", 1, AttemptKind::Replacement) };
    let why = "nobody knows".to_owned();
    for entry in [
        reserve(u64::from(u32::MAX) + 1),
        prepare("first"),
        launch(),
        Entry::Replace { attempt: replacement, reserve: wei(2) },
        Entry::Cancel { attempt: Some(signed("cancellation", 2, AttemptKind::Cancellation)), reserve: wei(3) },
        Entry::Cancel { attempt: None, reserve: wei(3) },
        Entry::Quarantine { why },
        Entry::Include { landing: landing("replacement", Fate::Reverted), controls: None },
        Entry::Finalise { spent: wei(1) },
    ] {
        let mut expected = record.clone();
        expected.apply(&entry).unwrap();
        record = writer.step(&record, &entry).await;
        assert_eq!(record, expected, "what a commit gives");
        assert_eq!(journal.find(&record.id.to_string()).await.unwrap(), expected, "what is read afterwards");
    }
    assert_eq!((record.state, record.attempts.len(), record.seq), (State::FinalReverted, 3, 9));
    assert_eq!(record.attempts.first().unwrap().launched, Some(at(30)));
    assert_eq!(record.reason.as_deref(), Some("nobody knows"));
}

pub(super) async fn a_wrong_counter_writes_nothing(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let queued = writer.enqueue(&order("a", 1)).await;
    let reserved = writer.step(&queued, &reserve(0)).await;
    let before = everything(journal).await;
    for seq in [0, 2, u64::from(u32::MAX)] {
        let done = journal.commit(&writer.pen, &reserved.id, seq, &prepare("first"), at(9)).await;
        assert!(matches!(done, Err(JournalFault::Conflict(_))), "{done:?}");
    }
    assert_eq!(everything(journal).await, before);
}

pub(super) async fn an_illegal_step_writes_nothing(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let record = writer.launched(&order("a", 1), 0).await;
    let before = everything(journal).await;
    for entry in [
        reserve(1),
        Entry::Release,
        prepare("again"),
        launch(),
        Entry::Finalise { spent: wei(1) },
        Entry::Abandon { why: "no".to_owned() },
        Entry::Expire { why: "no".to_owned() },
        Entry::Unwind,
    ] {
        let done = writer.try_step(&record, &entry).await;
        assert!(matches!(done, Err(JournalFault::Illegal(_))), "{entry:?}: {done:?}");
    }
    assert_eq!(everything(journal).await, before);
}

pub(super) async fn a_transaction_is_written_down_once(journal: &dyn Journal) {
    let (writer, other) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    let first = writer.launched(&order("a", 1), 0).await;
    let second = other.enqueue(&order("b", 1)).await;
    let second = other.step(&second, &reserve(0)).await;
    let before = everything(journal).await;
    let same = Entry::Replace { attempt: signed(&writer.text(0), 1, AttemptKind::Replacement), reserve: wei(9_999) };
    for done in [writer.try_step(&first, &same).await, other.try_step(&second, &prepare(&writer.text(0))).await] {
        assert!(matches!(done, Err(JournalFault::Conflict(_))), "{done:?}");
    }
    assert_eq!(everything(journal).await, before);
}

pub(super) async fn a_writer_that_was_replaced_writes_nothing(journal: &dyn Journal) {
    let old = Writer::of(journal, lane(1)).await;
    let record = old.enqueue(&order("a", 1)).await;
    let new = Writer::of(journal, lane(1)).await;
    assert_eq!((old.pen.epoch, new.pen.epoch), (1, 2));
    let before = everything(journal).await;
    let fenced = Some(JournalFault::Fenced(lane(1)));
    assert_eq!(old.try_step(&record, &reserve(0)).await.err(), fenced);
    assert_eq!(journal.enqueue(&old.pen, &order("b", 1)).await.err(), fenced);
    assert_eq!(journal.note_stop(&old.pen, Some("no")).await.err(), fenced);
    assert_eq!(journal.reread_lane(&old.pen).await.err(), fenced);
    assert_eq!(everything(journal).await, before);
    assert_eq!(new.read().await.open, std::slice::from_ref(&record));
    new.step(&record, &reserve(0)).await;
}

pub(super) async fn a_pen_writes_its_own_lane_only(journal: &dyn Journal) {
    let (writer, other) = (Writer::of(journal, lane(1)).await, Writer::of(journal, lane(2)).await);
    let record = writer.enqueue(&order("a", 1)).await;
    let before = everything(journal).await;
    assert!(matches!(other.try_step(&record, &reserve(0)).await, Err(JournalFault::Conflict(_))));
    assert_eq!(everything(journal).await, before);
}

pub(super) async fn an_inclusion_makes_the_ramp_ours_in_the_same_commit(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let record = writer.launched(&order("a", 1), 0).await;
    let pool = &record.new.pool;
    journal.meet_pool(pool, at(1), &set(100)).await.unwrap();
    let (stale, entry) = (&record, include(&writer.text(0)));
    let included = writer.step(stale, &entry).await;
    let memory = journal.recall_pool(pool).await.unwrap().unwrap();
    assert_eq!((memory.known, memory.former), (Some(set(3_600)), Some(set(100))));
    // A refused inclusion teaches nothing.
    let other = Entry::Include { landing: landing("first", Fate::CarriedOut), controls: Some(set(9_999)) };
    assert!(writer.try_step(stale, &other).await.is_err());
    assert_eq!(journal.recall_pool(pool).await.unwrap().unwrap().known, Some(set(3_600)));
    // The same ramp again, after a reorganisation, pushes nothing out.
    let unwound = writer.step(&included, &Entry::Unwind).await;
    writer.step(&unwound, &entry).await;
    assert_eq!(journal.recall_pool(pool).await.unwrap().unwrap().former, Some(set(100)));
}

pub(super) async fn the_log_tells_the_whole_life_in_order(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let mut record = writer.enqueue(&order("a", 1)).await;
    for entry in [reserve(0), Entry::Release, reserve(0), prepare("first"), launch()] {
        record = writer.step(&record, &entry).await;
    }
    journal.request_cancel(&record.id, "ann", at(35)).await.unwrap();
    for entry in [include("first"), Entry::Unwind, include("first"), Entry::Finalise { spent: wei(1) }] {
        record = writer.step(&record, &entry).await;
    }
    let log = journal.log(&record.id).await.unwrap();
    let told: Vec<_> = log.iter().map(|line| (line.step.as_str(), line.state, line.epoch)).collect();
    let expected = [
        ("queue", State::Queued, 1),
        ("reserve", State::Reserved, 1),
        ("release", State::Queued, 1),
        ("reserve", State::Reserved, 1),
        ("prepare", State::Prepared, 1),
        ("launch", State::InFlight, 1),
        ("request_cancel", State::InFlight, 0),
        ("include", State::Included, 1),
        ("unwind", State::InFlight, 1),
        ("include", State::Included, 1),
        ("finalise", State::FinalOk, 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(log.iter().map(|line| line.line).collect::<Vec<_>>(), (0..11).collect::<Vec<_>>());
    let details: Vec<_> = [0, 1, 6, 10].into_iter().map(|line: usize| log[line].detail.as_str()).collect();
    assert_eq!(details, ["USDC is 1 % off its target", "nonce 0, 0.000000 ETH set aside", "ann", "0.000000 ETH spent"]);
    assert_eq!((log[1].at, log[6].at), (at(2), at(35)));
}

pub(super) async fn fifty_operations_take_their_steps_at_the_same_time(journal: &dyn Journal) {
    let lanes: Vec<_> = join_all((0..50).map(|signer| Writer::of(journal, lane(signer)))).await;
    let new = |signer: usize| order(&signer.to_string(), 1);
    let records = join_all(lanes.iter().enumerate().map(|(signer, writer)| async move {
        let record = writer.launched(&new(signer), 0).await;
        writer.step(&record, &include(&writer.text(0))).await
    }))
    .await;
    for (writer, record) in lanes.iter().zip(records) {
        assert_eq!(writer.read().await.open, [record]);
    }
}

pub(super) async fn a_lane_knows_when_it_launched_last(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    assert_eq!((writer.read().await.last_launched, writer.read().await.next_nonce), (None, None));
    let record = writer.launched(&order("a", 1), 0).await;
    let replacement = Entry::Replace { attempt: signed("dearer", 1, AttemptKind::Replacement), reserve: wei(1) };
    writer.step(&record, &replacement).await;
    assert_eq!(writer.read().await.last_launched, Some(at(30)), "a replacement is no new launch");
}

pub(super) async fn words_from_outside_may_hold_anything(journal: &dyn Journal) {
    let writer = Writer::of(journal, lane(1)).await;
    let record = writer.enqueue(&order("O'Neill\"; DROP TABLE operation; --", 1)).await;
    let why = "the node said \u{0}\u{1f4a5} 'x' $1 ? \\".to_owned();
    writer.step(&record, &Entry::Reject { why: why.clone() }).await;
    let told = journal.find(&record.id.to_string()).await.unwrap();
    assert_eq!(told.new.pool, record.new.pool);
    assert_eq!(told.reason.unwrap().replace('\0', "\u{fffd}"), why.replace('\0', "\u{fffd}"));
    journal.note_stop(&writer.pen, Some("\0")).await.unwrap();
}
