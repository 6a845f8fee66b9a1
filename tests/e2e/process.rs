//! The program as a process: how it starts, what its pages say, and how it ends.

use std::process::Stdio;
use std::time::Duration;

use ballast::devnet::{Coin, World};
use serde_json::json;
use tokio::time::Instant;

use crate::support::child::PROGRAM;
use crate::support::{Child, Script, assert_on_target, in_mempool, off_target, on_target, page, soon, world_of_today};

/// Long enough that a block which a story makes is young for as long as a busy machine needs.
const BLOCK: Duration = Duration::from_secs(5);

/// A policy for a world in real time.
fn quick() -> Script {
    Script::default()
        .edit("policies/demo.toml", "min = \"5m\"", "min = \"5s\"")
        .edit("policies/demo.toml", "max = \"20m\"", "max = \"5s\"")
        .edit("policies/demo.toml", "max_velocity_per_hour = \"65%\"", "max_velocity_per_hour = \"10000%\"")
}

/// Blocks by hand until the child says something.
async fn mine_until(world: &World, child: &mut Child, message: &str) -> serde_json::Value {
    world.mine().await.unwrap();
    child.until(message).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_with_a_transaction_in_flight_it_waits_for_the_inclusion() {
    let world = world_of_today(vec![off_target("grants")], BLOCK).await;
    let mut child = Child::run(&world, quick()).await;
    child.until("block read").await;
    let sent = mine_until(&world, &mut child, "transaction sent").await;
    let nonce = sent["nonce"].as_u64().unwrap();
    in_mempool(&world, nonce).await;

    child.terminate().await;
    child.until("stopping: what is in flight is finished first").await;
    let (status, body) = page::get(child.http, "/readyz").await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(child.said("order settled"), 0, "{:?}", child.log);
    world.mine().await.unwrap();
    let settled = child.until("order settled").await;
    assert_eq!((&settled["pool"], &settled["outcome"]), (&"grants".into(), &"done".into()));
    child.until("stopped, nothing is in flight").await;
    let (status, log) = child.end().await;
    assert_eq!(status.code(), Some(0));
    let sent = log.iter().filter(|line| line["message"] == "transaction sent").count();
    let updates = world.weight_updates("grants").await.unwrap();
    assert_eq!((sent, updates.len()), (1, 1), "{updates:?}");
    assert!(updates[0].success);
    world.stop().await;
}

/// The journal remembers the order, and its successor carries it to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_a_transaction_in_flight_its_successor_sends_no_second_one() {
    let world = world_of_today(vec![off_target("grants")], BLOCK).await;
    let mut child = Child::run(&world, quick()).await;
    child.until("block read").await;
    let sent = mine_until(&world, &mut child, "transaction sent").await;
    in_mempool(&world, sent["nonce"].as_u64().unwrap()).await;
    let dir = child.kill().await;

    let mut successor = Child::run_in(dir, &world, quick()).await;
    let found = successor.until("operation moved").await;
    assert_eq!((&found["state"], &found["nonce"]), (&json!("inflight"), &sent["nonce"]), "what was sent is in the journal");
    // Until it is final, and the ramp has arrived.
    while !successor.log.iter().any(|line| line["message"] == "operation moved" && line["state"] == "final_ok") {
        mine_until(&world, &mut successor, "block read").await;
    }
    successor.terminate().await;
    let (status, log) = successor.end().await;
    let last = log.iter().rfind(|line| !line["decision"].is_null()).unwrap();
    assert!(last["decision"] == "ramp_in_flight" || last["decision"] == "on_target", "its own doing is no stranger's: {last}");
    assert_eq!(status.code(), Some(0));
    assert_eq!(log.iter().filter(|line| line["message"] == "transaction sent").count(), 0, "it sent one of its own: {log:#?}");
    let updates = world.weight_updates("grants").await.unwrap();
    assert_eq!(updates.len(), 1, "{updates:?}");
    assert_eq!(updates[0].hash.to_string(), sent["hash"].as_str().unwrap());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_pages_answer_and_with_nothing_in_flight_it_ends_at_once() {
    let world = world_of_today(vec![on_target("payroll", Coin::Usdc, Coin::Usdt)], BLOCK).await;
    let mut child = Child::run(&world, quick()).await;
    child.until("every chain has been heard").await;
    while mine_until(&world, &mut child, "pool holds").await["decision"] != "on_target" {}
    let (ready, alive) = (page::get(child.http, "/readyz").await, page::get(child.http, "/healthz").await);
    assert_eq!((ready.0, alive.0), (200, 200), "{ready:?} {alive:?}");
    let (status, text) = page::get(child.http, "/metrics").await;
    assert_eq!(status, 200);
    for (coin, weight) in [("USDC", 0.6), ("USDT", 0.4)] {
        let found = page::metric(&text, "ballast_pool_weight_ratio", &[("pool", "payroll"), ("asset", coin)]);
        assert!(found.is_some_and(|found| (found - weight).abs() < 1e-9), "{coin}: {found:?}");
    }

    let asked = Instant::now();
    child.terminate().await;
    let (status, log) = child.end().await;
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0), "{log:?}");
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    assert_eq!(world.weight_updates("payroll").await.unwrap(), []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_of_the_real_process_arrives() {
    let world = world_of_today(vec![off_target("grants")], Duration::from_secs(1)).await;
    let script = quick().edit("policies/demo.toml", "start_lead = \"90s\"", "start_lead = \"6s\"");
    let mut child = Child::run(&world, script).await;
    let blocks = world.run();
    child.until("order settled").await;
    let ramp = world.gradual_update("grants").await.unwrap();
    loop {
        let read = child.until("block read").await;
        if read["timestamp"].as_str().unwrap() > ramp.end.to_string().as_str() {
            break;
        }
    }
    blocks.stop().await;
    assert_on_target(&world, "grants").await;
    child.terminate().await;
    assert_eq!(child.end().await.0.code(), Some(0));
    world.stop().await;
}

/// Three faults in two files, and a node that nobody may talk to.
fn broken(node: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let main = format!(
        "[http]\nlisten = \"nowhere\"\n\n[chains.demo]\nchain_id = 31337\nrpc = [\"{node}\"]\nblock_time = \"soon\"\n\
         [chains.demo.keeper]\nenv = \"BALLAST_DEMO_KEY\"\n"
    );
    std::fs::write(dir.path().join("ballast.toml"), main).unwrap();
    std::fs::create_dir(dir.path().join("pools")).unwrap();
    std::fs::write(dir.path().join("pools/grants.toml"), "chain = \"demo\"\naddress = \"0x12\"\ntokens = []\n").unwrap();
    dir
}

#[tokio::test]
async fn broken_settings_are_refused_with_every_fault_and_no_socket() {
    let node = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dir = broken(&format!("http://{}", node.local_addr().unwrap()));
    for command in ["check", "run"] {
        let mut process = tokio::process::Command::new(PROGRAM);
        process.args([command, "--config"]).arg(dir.path()).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::select! {
            output = soon("the process ends", process.output()) => output.unwrap(),
            _ = node.accept() => panic!("`{command}` has opened a connection"),
        };
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{command}: {text}");
        for part in ["http.listen", "nowhere", "block_time", "soon", "0x12", "BALLAST_DEMO_KEY", "mend"] {
            assert!(text.contains(part), "{command} does not say {part}:\n{text}");
        }
    }
}

#[tokio::test]
async fn good_settings_pass_the_check_without_a_node() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example");
    let mut process = tokio::process::Command::new(PROGRAM);
    let output = process.args(["check", "--config"]).arg(dir).stdin(Stdio::null()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("The settings are in order."));
}
