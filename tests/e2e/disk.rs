//! The journal's disk is full: nothing is sent that cannot be written down first, somebody hears of it, and nothing is lost or doubled
//! when there is space again.

use std::time::Duration;

use alloy_primitives::U64;
use ballast::devnet::World;
use ballast::journal;
use serde_json::Value;

use crate::support::discord::{self, Discord};
use crate::support::disk::{Disk, HEARS_OF_LIMITS};
use crate::support::stage::operations;
use crate::support::{Child, Script, carried_out, in_mempool, off_target, world_of_today};

/// A policy for a world in real time, and a journal on the disk.
fn script(disk: &Disk, discord: &Discord) -> Script {
    let mut script = Script { launcher: HEARS_OF_LIMITS, ..Script::default() }
        .variable(discord::VARIABLE, &discord.webhook())
        .edit("policies/demo.toml", "min = \"5m\"", "min = \"5s\"")
        .edit("policies/demo.toml", "max = \"20m\"", "max = \"5s\"")
        .edit("policies/demo.toml", "max_velocity_per_hour = \"65%\"", "max_velocity_per_hour = \"10000%\"");
    script.files.journal = Some(url(disk));
    script
}

fn url(disk: &Disk) -> String {
    format!("sqlite:{}", disk.path().join("ballast.db").display())
}

/// Blocks by hand until the child has said something so many times.
async fn mine_until(world: &World, child: &mut Child, times: usize, wanted: impl Fn(&Value) -> bool) {
    for _ in 0..60 {
        if child.log.iter().filter(|line| wanted(line)).count() >= times {
            return;
        }
        world.mine().await.unwrap();
        child.until("block read").await;
    }
    panic!("sixty blocks, and nothing of what was wanted: {:#?}", child.log)
}

fn says<'a>(message: &'a str, outcome: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |line| line["message"] == message && line["outcome"] == outcome
}

/// The keeper's nonce, with what waits for a block.
async fn pending(world: &World) -> u64 {
    let keeper = world.addresses().keeper;
    world.rpc().ask::<_, U64>("eth_getTransactionCount", (keeper, "pending")).await.unwrap().to()
}

async fn a_full_disk(disk: Disk) {
    let discord = Discord::open().await;
    // Long enough that a block is young while a busy machine works on it.
    let world = world_of_today(vec![off_target("grants")], Duration::from_secs(5)).await;
    let mut child = Child::run(&world, script(&disk, &discord)).await;
    child.until("block read").await;
    // The lane is open.
    child.hears("balance seen").await;

    disk.fill(&child);
    mine_until(&world, &mut child, 2, says("order not carried out", "journal_failed")).await;
    assert_eq!((child.said("transaction sent"), pending(&world).await), (0, 0), "nothing was written down, so nothing was sent");
    let alarm = discord.embed("nothing is sent", |embed| embed["title"] == "grants: not sent").await;
    let reason = discord::field(&alarm, "Reason");
    assert!(reason.starts_with("the journal failed: "), "{alarm:#}");

    disk.empty(&child);
    mine_until(&world, &mut child, 1, |line| line["message"] == "transaction sent").await;
    in_mempool(&world, 0).await;
    // It fills up again while the order is with the node: what became of it cannot be written down, and is not forgotten.
    disk.fill(&child);
    let before = child.said("journal failed");
    world.mine().await.unwrap();
    assert_eq!(carried_out(&world, "grants").await.len(), 1, "it is in that block");
    mine_until(&world, &mut child, before + 1, |line| line["message"] == "journal failed").await;
    assert_eq!(child.log.iter().filter(|line| says("order settled", "done")(line)).count(), 0);
    let refuses = "The journal refuses: nothing is sent without it";
    discord.embed("the journal refuses", |embed| embed["title"] == refuses).await;
    disk.empty(&child);
    mine_until(&world, &mut child, 1, |line| line["message"] == "operation moved" && line["state"] == "final_ok").await;

    let book = journal::open(&url(&disk).into(), disk.path()).await.unwrap();
    let operations = operations(book.as_ref(), "grants").await;
    drop(book);
    let landed: Vec<_> = operations.iter().filter_map(|operation| Some(operation.landing?.hash)).collect();
    assert_eq!(carried_out(&world, "grants").await, landed);
    assert_eq!((landed.len(), child.said("transaction sent"), pending(&world).await), (1, 1, 1), "once, and never raised");
    child.terminate().await;
    assert_eq!(child.end().await.0.code(), Some(0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_may_write_no_more_sends_nothing_and_goes_on_when_it_may() {
    a_full_disk(Disk::limited()).await;
}

/// Where the test may not mount a disk, the other story has to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_space_sends_nothing_and_goes_on_when_there_is_some() {
    if let Some(disk) = Disk::small() {
        a_full_disk(disk).await;
    }
}
