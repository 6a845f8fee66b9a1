//! The disk is full, the server is gone, or it hangs: a fault in time, nothing written, and back to work when the trouble is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alloy_primitives::Bytes;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::support::{Place, Writer, at, everything, lane, launch, order, prepare, reserve, signed, wei};
use crate::devnet::postgres::Cluster;
use crate::domain::operation::{Attempt, AttemptKind, Entry};
use crate::journal::sql::SqlJournal;
use crate::journal::sql::open::{Tuning, open_tuned};
use crate::ports::JournalFault;
use crate::ports::journal::Operations;

fn is_failure<T>(done: &Result<T, JournalFault>) -> bool {
    matches!(done, Err(JournalFault::Failed(_)))
}

/// Says how many pages the file may have, at least as many as it has: the disk fills up, or is emptied. The limit belongs to a
/// connection, so it is said to the one that is open and to those that will be.
async fn limit(journal: &SqlJournal, pages: &AtomicU32, to: u32) {
    pages.store(to, Ordering::Release);
    journal.execute(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {to}"))).await.unwrap();
}

const ROOM: u32 = 1_000_000;

#[tokio::test]
async fn a_full_disk_fails_writes_nothing_and_recovers_when_there_is_space_again() {
    let place = Place::sqlite();
    let pages = Arc::new(AtomicU32::new(ROOM));
    let tuning = Tuning { max_pages: pages.clone(), ..Tuning::default() };
    let journal = open_tuned(&place.url, place.path(), tuning).await.unwrap();
    let writer = Writer::of(&journal, lane(1)).await;
    let mut record = writer.launched(&order("a", 1), 0).await;
    for full in 1..4 {
        limit(&journal, &pages, 1).await;
        let before = everything(&journal).await;
        let dearer = Attempt { raw: Bytes::from(vec![7; 100_000]), ..signed(&full.to_string(), full, AttemptKind::Replacement) };
        let entry = Entry::Replace { attempt: dearer, reserve: wei(u128::from(full) * 10_000) };
        for _ in 0..3 {
            let done = writer.try_step(&record, &entry).await;
            assert!(is_failure(&done) && done.as_ref().unwrap_err().to_string().contains("full"), "{done:?}");
            assert_eq!(everything(&journal).await, before, "not the attempt, not its line in the log, not what was set aside");
        }
        limit(&journal, &pages, ROOM).await;
        record = writer.step(&record, &entry).await;
    }
    assert_eq!(writer.read().await.open, [record]);
    drop(journal);
    assert_eq!(Writer::of(place.open().await.as_ref(), lane(1)).await.read().await.open.len(), 1);
}

/// The server of this test alone: it is killed.
#[tokio::test]
async fn a_server_that_is_killed_fails_and_is_found_again_with_all_that_was_committed() {
    let mut cluster = Cluster::start().await.unwrap_or_else(|fault| panic!("{fault}"));
    let place = Place { url: cluster.database("journal").await.unwrap().into(), folder: tempfile::tempdir().unwrap() };
    let tuning = Tuning { patience: Duration::from_secs(2), ..Tuning::default() };
    let journal = open_tuned(&place.url, place.path(), tuning).await.unwrap();
    let writer = Writer::of(&journal, lane(1)).await;
    let mut record = writer.launched(&order("a", 1), 0).await;
    for kill in 1..3 {
        // The kill comes at any moment of a stream of steps.
        let mut confirmed = record.clone();
        let (steps, killed) = tokio::join!(
            async {
                loop {
                    let entry = Entry::Cancel { attempt: None, reserve: wei(kill) };
                    match writer.try_step(&confirmed, &entry).await {
                        Ok(written) => confirmed = written,
                        Err(fault) => break (confirmed, fault),
                    }
                }
            },
            async {
                while writer.read().await.open[0].seq < record.seq + 20 {}
                cluster.kill()
            }
        );
        killed.unwrap();
        let (confirmed, fault) = steps;
        assert!(is_failure::<()>(&Err(fault.clone())), "{fault}");
        assert!(is_failure(&journal.reread_lane(&writer.pen).await), "and stays a fault while it is away");
        cluster.restart().await.unwrap();
        record = writer.read().await.open.remove(0);
        let unknown = record.seq - confirmed.seq;
        assert!(confirmed.seq >= 20 && unknown <= 1, "what was confirmed is there; only the step that failed is not known");
        record = writer.step(&record, &Entry::Cancel { attempt: None, reserve: wei(kill) }).await;
    }
    assert_eq!(u64::try_from(journal.log(&record.id).await.unwrap().len()).unwrap(), record.seq + 1);
}

/// A wire that can be told to carry nothing.
async fn wire(to: u16) -> (u16, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (hang, hangs) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut hangs = hangs.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                loop {
                    if *hangs.borrow_and_update() {
                        hangs.changed().await.unwrap();
                        continue;
                    }
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => break,
                        _ = hangs.changed() => {}
                    }
                }
            });
        }
    });
    (port, hang)
}

#[tokio::test]
async fn a_server_that_hangs_is_a_fault_in_time_and_is_used_again_when_it_answers() {
    let place = Place::postgres().await;
    let direct = secrecy::ExposeSecret::expose_secret(&place.url).to_owned();
    let port = direct.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    let (wired, hang) = wire(port.parse().unwrap()).await;
    let tuning = Tuning { patience: Duration::from_secs(1), ..Tuning::default() };
    let journal = open_tuned(&direct.replace(port, &wired.to_string()).into(), place.path(), tuning).await.unwrap();
    let writer = Writer::of(&journal, lane(1)).await;
    let record = writer.enqueue(&order("a", 1)).await;
    hang.send_replace(true);
    for _ in 0..6 {
        // More often than there are connections: none is waited for again.
        let done = writer.try_step(&record, &reserve(0)).await;
        assert!(is_failure(&done), "{done:?}");
    }
    hang.send_replace(false);
    let record = writer.step(&record, &reserve(0)).await;
    let record = writer.step(&record, &prepare("first")).await;
    writer.step(&record, &launch()).await;
}

#[tokio::test]
async fn what_vanished_in_the_middle_of_a_transaction_does_not_keep_its_successor_out() {
    let place = Place::postgres().await;
    let lost = open_tuned(&place.url, place.path(), Tuning::default()).await.unwrap();
    let successor = place.open().await;
    let writer = Writer::of(&lost, lane(1)).await;
    let record = writer.enqueue(&order("a", 1)).await;
    // With the lane's lock in its hand the writer stops: like a process that is suspended.
    let stopped = lost.suspended(&writer.pen).await.unwrap();
    let mut kept_out = 0;
    let opened = loop {
        // The server ends the idle transaction after ten seconds; until then the lane is a fault, not a hang.
        match successor.open_lane(&lane(1), "successor", at(1)).await {
            Ok(opened) => break opened,
            Err(fault) => assert!(is_failure::<()>(&Err(fault.clone())), "{fault}"),
        }
        kept_out += 1;
    };
    assert!((1..4).contains(&kept_out), "kept out {kept_out} times");
    assert_eq!((opened.pen.epoch, opened.open), (2, vec![record.clone()]));
    assert!(stopped.await.is_err(), "what wakes up too late cannot commit");
}
