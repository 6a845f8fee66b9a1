//! What can be seen from outside: one trace for each rebalance, and what a quiet block costs.

use std::collections::BTreeMap;
use std::time::Duration;

use ballast::devnet::{Coin, PoolSpec};
use ballast::domain::decide::Decision;
use ballast::observe::Event;

use crate::support::collector::{Collector, attribute};
use crate::support::{Child, Script, Stage, off_target, on_target, page, world, world_of_today};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_is_one_trace_from_its_trigger_to_its_outcome() {
    let (collector, endpoint) = Collector::open().await;
    let world = world_of_today(vec![off_target("grants")], Duration::from_secs(1)).await;
    let mut script = Script::default();
    script.files.otlp_endpoint = Some(endpoint);
    let mut child = Child::run(&world, script).await;
    let blocks = world.run();
    child.until("order settled").await;
    blocks.stop().await;
    child.terminate().await;
    let (status, log) = child.end().await;
    assert_eq!(status.code(), Some(0), "{log:?}");

    let spans = collector.spans();
    let roots: Vec<_> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    assert_eq!(roots.len(), 1, "{roots:?}");
    let root = roots[0];
    assert_eq!(root.name, "rebalance");
    for (name, value) in
        [("pool", "grants"), ("class", "drift"), ("trigger", "DAI is 6.00 % off its target"), ("outcome", "done")]
    {
        assert_eq!(attribute(root, name), value, "{root:?}");
    }
    let mut stages: Vec<_> = spans.iter().filter(|span| span.trace_id == root.trace_id && *span != root).collect();
    assert_eq!(stages.len() + 1, spans.len(), "nothing but the rebalance is traced");
    stages.sort_by_key(|span| span.start_time_unix_nano);
    let names: Vec<&str> = stages.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["granted", "planned", "simulated", "broadcast", "included"]);
    for stage in stages {
        assert_eq!(stage.parent_span_id, root.span_id, "{stage:?}");
        assert!(stage.start_time_unix_nano >= root.start_time_unix_nano && stage.end_time_unix_nano <= root.end_time_unix_nano);
    }
    world.stop().await;
}

/// Requests to the node, by method, over so many quiet blocks.
async fn requests(pools: Vec<PoolSpec>, blocks: usize) -> BTreeMap<String, u64> {
    let count = pools.len();
    let mut stage = Stage::open(world(pools, 120.0).await, Script::default()).await;
    let mut quiet = 0;
    let on_target = |event: &Event| {
        quiet +=
            usize::from(matches!(event, Event::Decided { decision: Decision::Hold(hold), .. } if hold.label() == "on_target"));
        quiet == count
    };
    stage.until("every pool is on target", on_target).await;
    stage.blocks(2).await;
    let before = read(&stage).await;
    let first = stage.heard(|event| matches!(event, Event::BlockRead { .. }));
    stage.blocks(blocks).await;
    let after = read(&stage).await;
    let heard = stage.heard(|event| matches!(event, Event::BlockRead { .. })) - first;
    assert_eq!(heard, blocks);
    stage.close().await;
    after.into_iter().map(|(method, total)| (method.clone(), total - before.get(&method).copied().unwrap_or(0))).collect()
}

async fn read(stage: &Stage) -> BTreeMap<String, u64> {
    let (_, text) = page::get(stage.http, "/metrics").await;
    let lines = text.lines().filter_map(|line| line.strip_prefix("ballast_rpc_requests_total{"));
    lines
        .map(|line| {
            let (labels, value) = line.split_once("} ").unwrap();
            let method = labels.split("method=\"").nth(1).unwrap().trim_end_matches('"');
            (method.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_block_costs_as_many_requests_for_five_pools_as_for_one() {
    const BLOCKS: usize = 25;
    let pool = |number: u32| on_target(&format!("pool-{number}"), Coin::Usdc, Coin::Usdt);
    let one = requests(vec![pool(1)], BLOCKS).await;
    let five = requests((1..=5).map(pool).collect(), BLOCKS).await;
    println!("one pool: {one:?}, five pools: {five:?}");
    let total = |requests: &BTreeMap<String, u64>| requests.values().sum::<u64>();
    // The page is read between two blocks, so a read may be counted on the other side of the line.
    assert!(total(&one).abs_diff(total(&five)) <= 2, "{one:?} {five:?}");
    let blocks = u64::try_from(BLOCKS).unwrap();
    assert!((blocks - 1..=2 * blocks + 2).contains(&total(&five)), "more than two requests a block: {five:?}");
}
