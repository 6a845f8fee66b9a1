//! A journal that is older than the chain, or is gone: the lane says what it misses, and nothing is sent twice.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ballast::clock::WallClock;
use ballast::devnet::{Coin, World};
use ballast::domain::operation::State;
use ballast::journal;
use ballast::ports::{Clock, Journal};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::stage::operations;
use crate::support::{Child, Script, carried_out, in_mempool, off_target, on_target, world_of_today};

const FILES: [&str; 2] = ["ballast.db", "ballast.db-wal"];

/// A policy for a world in real time.
fn script(journal: &Path) -> Script {
    let mut script = Script::default()
        .edit("policies/demo.toml", "min = \"5m\"", "min = \"5s\"")
        .edit("policies/demo.toml", "max = \"20m\"", "max = \"5s\"")
        .edit("policies/demo.toml", "max_velocity_per_hour = \"65%\"", "max_velocity_per_hour = \"10000%\"");
    script.files.journal = Some(format!("sqlite:{}", journal.join(FILES[0]).display()));
    script
}

/// A world with a pool off its target and one on it, and a folder for the journal.
async fn scene() -> (World, TempDir) {
    let pools = vec![off_target("grants"), on_target("payroll", Coin::Usdc, Coin::Usdt)];
    // Long enough that a block is young while a busy machine works on it.
    (world_of_today(pools, Duration::from_secs(5)).await, tempfile::tempdir().unwrap())
}

/// Replaces a journal whose process has ended by another: the database, and the log that it may have left beside it.
fn put(from: &Path, to: &Path) {
    for name in FILES {
        let _ = std::fs::remove_file(to.join(name));
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    // An index of a log that is not there any more.
    let _ = std::fs::remove_file(to.join("ballast.db-shm"));
}

async fn open(journal: &Path) -> Arc<dyn Journal> {
    let url = format!("sqlite:{}", journal.join(FILES[0]).display());
    journal::open(&url.into(), journal).await.unwrap()
}

async fn ends(child: Child) -> Vec<Value> {
    child.terminate().await;
    let (status, log) = child.end().await;
    assert_eq!(status.code(), Some(0));
    log
}

fn sends(log: &[Value]) -> usize {
    log.iter().filter(|line| line["message"] == "transaction sent").count()
}

/// Blocks by hand, each read before the next.
async fn blocks(world: &World, child: &mut Child, count: u32) {
    for _ in 0..count {
        world.mine().await.unwrap();
        child.until("block read").await;
    }
}

/// The process runs until the operation of `grants` is final.
async fn carry_out(world: &World, journal: &Path) {
    let mut child = Child::run(world, script(journal)).await;
    child.until("block read").await;
    let book = open(journal).await;
    for _ in 0..40 {
        blocks(world, &mut child, 1).await;
        if operations(book.as_ref(), "grants").await.iter().any(|operation| operation.state == State::FinalOk) {
            assert_eq!(sends(&ends(child).await), 1);
            return;
        }
    }
    panic!("forty blocks, and the order is not final: {:#?}", child.log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_the_journal_stops_the_lane_until_an_operator_has_looked() {
    let (world, folder) = scene().await;
    let (backup, journal) = (tempfile::tempdir().unwrap(), folder.path());
    // A night's copy: the lane has been met, and nothing was sent.
    let mut child = Child::run(&world, script(journal)).await;
    child.until("block read").await;
    let next = async || open(journal).await.lanes().await.unwrap().first().and_then(|lane| lane.next_nonce);
    while next().await.is_none() {}
    assert_eq!(sends(&ends(child).await), 0);
    put(journal, backup.path());
    carry_out(&world, journal).await;
    let first = carried_out(&world, "grants").await;
    assert_eq!((first.len(), next().await), (1, Some(1)));

    put(backup.path(), journal);
    let mut child = Child::run(&world, script(journal)).await;
    let stopped = child.until("lane stands still").await;
    assert_eq!(stopped["label"], "journal_behind", "{stopped}");
    // Whatever happens on the chain, it sends nothing.
    world.set_price(Coin::Usdc, 0.97).await;
    blocks(&world, &mut child, 6).await;
    assert_eq!((child.said("transaction sent"), child.said("lane goes on")), (0, 0));
    assert!(child.log.iter().any(|line| line["message"] == "peg state moved"), "the depeg was seen");
    let book = open(journal).await;
    let lane = book.lanes().await.unwrap().remove(0);
    let why = lane.stopped.unwrap();
    assert!(
        why.contains("every nonce below 1, the journal knows of those below 0") && why.contains("ballast ops reconcile"),
        "{why}"
    );

    book.accept_nonces(&lane.key, 1, "ann", WallClock::read().now()).await.unwrap();
    child.until("lane goes on").await;
    while child.said("transaction sent") == 0 {
        blocks(&world, &mut child, 1).await;
    }
    for _ in 0..40 {
        blocks(&world, &mut child, 1).await;
        if child.said("order settled") > 0 {
            break;
        }
    }
    // What the older journal does not know of was done all the same: to this program somebody has changed the pool by hand.
    let log = ends(child).await;
    assert!(log.iter().any(|line| line["decision"] == "foreign_change" && line["pool"] == "grants"), "{log:#?}");
    assert_eq!((sends(&log), carried_out(&world, "grants").await), (1, first));
    assert_eq!(carried_out(&world, "payroll").await.len(), 1, "the defence of the other pool");
    assert_eq!(open(journal).await.lanes().await.unwrap()[0].stopped, None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_lost_with_everything_done_begins_again_where_the_chain_is() {
    let (world, folder) = scene().await;
    let journal = folder.path();
    carry_out(&world, journal).await;
    let first = carried_out(&world, "grants").await;
    put(tempfile::tempdir().unwrap().path(), journal);

    let mut child = Child::run(&world, script(journal)).await;
    child.until("block read").await;
    blocks(&world, &mut child, 6).await;
    let lane = open(journal).await.lanes().await.unwrap().remove(0);
    assert_eq!((lane.next_nonce, lane.stopped), (Some(1), None), "it takes the chain's word for where it begins");
    let log = ends(child).await;
    let last = log.iter().rfind(|line| line["pool"] == "grants" && !line["decision"].is_null()).unwrap();
    assert_eq!(last["decision"], "ramp_in_flight", "the ramp that it found is its past, and no stranger's: {last}");
    assert_eq!((sends(&log), carried_out(&world, "grants").await), (0, first));
    world.stop().await;
}

/// The worst moment: what was sent is at the node, and nobody remembers it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_lost_with_a_transaction_in_flight_stops_the_lane_until_it_has_landed() {
    let (world, folder) = scene().await;
    let journal = folder.path();
    let mut child = Child::run(&world, script(journal)).await;
    child.until("block read").await;
    world.mine().await.unwrap();
    let sent = child.until("transaction sent").await;
    in_mempool(&world, sent["nonce"].as_u64().unwrap()).await;
    drop(child.kill().await);
    put(tempfile::tempdir().unwrap().path(), journal);

    let mut child = Child::run(&world, script(journal)).await;
    let stopped = child.until("lane stands still").await;
    assert_eq!(stopped["label"], "foreign_pending", "{stopped}");
    world.mine().await.unwrap();
    child.until("lane goes on").await;
    blocks(&world, &mut child, 8).await;
    let log = ends(child).await;
    let hash: alloy_primitives::B256 = sent["hash"].as_str().unwrap().parse().unwrap();
    assert_eq!((sends(&log), carried_out(&world, "grants").await), (0, vec![hash]), "{log:#?}");
    world.stop().await;
}
