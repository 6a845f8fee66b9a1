//! Two processes with the same settings and one journal: the later one has the lane, the other says so and sends nothing, and whatever
//! dies, no pool is changed twice.

use std::time::Duration;

use ballast::devnet::postgres::Cluster;
use ballast::devnet::{Coin, World};
use ballast::domain::operation::State;
use ballast::journal;
use ballast::ports::Journal;
use serde_json::Value;

use crate::support::stage::operations;
use crate::support::{Child, Script, carried_out, in_mempool, off_target, two_off_target, world_of_today};

const POOLS: [&str; 3] = ["grants", "payroll", "trading"];

/// A policy for a world in real time, in which the pools do not wait for one another.
fn script(journal: &str) -> Script {
    let mut script = Script::default()
        .edit("policies/demo.toml", "min = \"5m\"", "min = \"5s\"")
        .edit("policies/demo.toml", "max = \"20m\"", "max = \"5s\"")
        .edit("policies/demo.toml", "max_velocity_per_hour = \"65%\"", "max_velocity_per_hour = \"10000%\"")
        .edit("ballast.toml", "[chains.demo.keeper]", "[chains.demo.spacing]\ndrift = \"0s\"\n\n[chains.demo.keeper]");
    script.files.journal = Some(journal.to_owned());
    script
}

async fn pools_off_target() -> World {
    let pools = vec![
        off_target("grants"),
        two_off_target("payroll", Coin::Usdc, Coin::Usdt),
        two_off_target("trading", Coin::Dai, Coin::Usdc),
    ];
    // Long enough that a block is young while a busy machine works on it.
    world_of_today(pools, Duration::from_secs(5)).await
}

/// Blocks, until every pool's operation is final.
async fn all_final(world: &World, child: &mut Child, journal: &dyn Journal) {
    for _ in 0..40 {
        world.mine().await.unwrap();
        child.until("block read").await;
        let mut over = 0;
        for pool in POOLS {
            over += operations(journal, pool).await.iter().filter(|operation| operation.state == State::FinalOk).count();
        }
        if over == POOLS.len() {
            return;
        }
    }
    panic!("forty blocks, and an order is not final: {:#?}", child.log)
}

fn fenced(line: &Value) -> bool {
    line["message"] == "lane stands still" && line["label"] == "fenced"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_start_together_one_writes_and_its_death_doubles_nothing() {
    let cluster = Cluster::start().await.unwrap();
    let url = cluster.database("duel").await.unwrap();
    let world = pools_off_target().await;
    let (mut one, mut other) = tokio::join!(Child::run(&world, script(&url)), Child::run(&world, script(&url)));
    // Both have taken the lane, one after the other, and neither has seen a young block.
    tokio::join!(one.until("block read"), other.until("block read"));
    let journal = journal::open(&url.clone().into(), std::path::Path::new("/")).await.unwrap();
    while journal.lanes().await.unwrap().first().is_none_or(|lane| lane.epoch < 2) {}

    world.mine().await.unwrap();
    let sent = tokio::select! {
        sent = one.until("transaction sent") => sent,
        sent = other.until("transaction sent") => {
            std::mem::swap(&mut one, &mut other);
            sent
        }
    };
    let (writer, mut loser) = (one, other);
    let stopped = loser.hears("lane stands still").await;
    assert!(fenced(&stopped), "{stopped}");
    let nonce = sent["nonce"].as_u64().unwrap();
    in_mempool(&world, nonce).await;
    assert_eq!(loser.said("transaction sent"), 0);

    // In the middle of its work the writer dies and comes again.
    let mut writer = Child::run_in(writer.kill().await, &world, script(&url)).await;
    let found = writer.until("operation moved").await;
    assert_eq!((&found["state"], &found["nonce"]), (&"inflight".into(), &sent["nonce"]));
    all_final(&world, &mut writer, journal.as_ref()).await;

    let mut nonces = Vec::new();
    for pool in POOLS {
        let operations = operations(journal.as_ref(), pool).await;
        let landed: Vec<_> =
            operations.iter().filter_map(|operation| Some((operation.nonce?, operation.landing?.hash))).collect();
        assert_eq!(landed.len(), 1, "{operations:#?}");
        assert_eq!(carried_out(&world, pool).await, [landed[0].1], "{pool}");
        nonces.push(landed[0].0);
    }
    nonces.sort_unstable();
    assert_eq!(nonces, [nonce, nonce + 1, nonce + 2]);
    let lanes = journal.lanes().await.unwrap();
    assert_eq!((lanes.len(), lanes[0].epoch, lanes[0].stopped.as_deref()), (1, 3, None), "three writers, one after another");
    loser.terminate().await;
    writer.terminate().await;
    let (status, log) = loser.end().await;
    assert_eq!((status.code(), log.iter().filter(|line| line["message"] == "transaction sent").count()), (Some(0), 0));
    assert_eq!(log.iter().filter(|line| fenced(line)).count(), 1, "said once");
    let (status, log) = writer.end().await;
    assert_eq!((status.code(), log.iter().any(fenced)), (Some(0), false));
    world.stop().await;
}
