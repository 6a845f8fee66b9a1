//! What the journal costs: `cargo bench --bench journal` prints one line of JSON.
//!
//! - `sqlite`, `postgres`: microseconds of one durable commit, over the four commits that come before a send (queue, reserve, prepare,
//!   launch) of 500 operations. PostgreSQL is left out where none is installed.
//! - `restart_ms`: to open a journal with 10 000 operations that are over and 20 that are open, and take its lane over.
//! - `rss_kib`: resident memory after 1 000 operations and after 10 000 more.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use ballast::devnet::postgres::Cluster;
use ballast::domain::allocation::Allocation;
use ballast::domain::fees::Fees;
use ballast::domain::gas::GasCap;
use ballast::domain::ids::PoolId;
use ballast::domain::operation::{Attempt, AttemptKind, Entry, Fate, IntentId, Landing, LaneKey, NewOperation, OperationRecord};
use ballast::domain::plan::{Plan, Reweight};
use ballast::domain::position::{BlockStamp, Controls, FeeRamp, Ramp};
use ballast::domain::route::Via;
use ballast::domain::trigger::Class;
use ballast::domain::units::{GasCost, GasPrice, SwapFee, Timestamp, WAD, Wei, Weight};
use ballast::journal::open;
use ballast::ports::Journal;
use ballast::ports::journal::{Enqueued, Pen};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use tokio::time::Instant;

const TIMED: u64 = 500;
const OVER: u64 = 10_000;
const OPEN: u64 = 20;
const LANE: LaneKey = LaneKey { chain_id: 1, signer: Address::repeat_byte(7) };

const fn at(number: u64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + number * 60)
}

fn order(number: u64) -> NewOperation {
    let target = Allocation::exact(vec![Weight::from_wad(WAD / 4), Weight::from_wad(WAD - WAD / 4)]).unwrap();
    let (duration, start_lead) = (Duration::from_secs(3_600), Duration::from_secs(300));
    NewOperation {
        intent: IntentId(keccak256(number.to_be_bytes())),
        pool: PoolId::new(&format!("pool {number}")),
        class: Class::Drift,
        why: "USDC is 1.20 % off its target".to_owned(),
        plan: Plan::Reweight(Reweight { target, duration, start_lead, expected_loss: None }),
        cap: GasCap { from: at(number), until: at(number + 60), low: GasPrice::from_gwei(30), high: GasPrice::from_gwei(30) },
        created: at(number),
    }
}

fn hash(number: u64) -> B256 {
    keccak256(format!("tx {number}"))
}

/// What an owner has set whose last ramp is this one.
fn controls(number: u64) -> Controls {
    let (at, fee) = (Timestamp::from_secs(0), SwapFee::from_bps(5));
    Controls { ramp: ramp(number), fee: FeeRamp { start: at, end: at, from: fee, to: fee }, swap_enabled: true }
}

fn ramp(number: u64) -> Ramp {
    Ramp {
        start: at(number),
        end: at(number + 60),
        end_weights: vec![Weight::from_wad(WAD / 4), Weight::from_wad(WAD - WAD / 4)],
    }
}

/// The commits before the send.
fn sending(number: u64) -> [Entry; 3] {
    let attempt = Attempt {
        number: 0,
        kind: AttemptKind::First,
        hash: hash(number),
        raw: Bytes::from(vec![0xab; 600]),
        fees: Fees { max_fee: GasPrice::from_gwei(30), tip: GasPrice::from_gwei(1) },
        gas_limit: 150_000,
        via: Via::Public,
        launched: None,
    };
    [
        Entry::Reserve { nonce: number, reserve: Wei::new(1_000_000), at: at(number) },
        Entry::Prepare { attempt, ramp: Some(ramp(number)), deadline: at(number + 10) },
        Entry::Launch { at: at(number) },
    ]
}

/// The commits after it.
fn ending(number: u64) -> [Entry; 2] {
    let block = BlockStamp { number, hash: hash(number), timestamp: at(number) };
    let cost = GasCost { gas_used: 93_000, price: GasPrice::from_gwei(25) };
    let landing = Landing { hash: hash(number), block, fate: Fate::CarriedOut, cost };
    [Entry::Include { landing, controls: Some(controls(number)) }, Entry::Finalise { spent: Wei::new(900_000) }]
}

async fn steps<const N: usize>(
    journal: &Arc<dyn Journal>,
    pen: &Pen,
    mut record: OperationRecord,
    entries: [Entry; N],
    times: &mut Vec<Duration>,
) -> OperationRecord {
    for entry in entries {
        let start = Instant::now();
        record = journal.commit(pen, &record.id, record.seq, &entry, at(0)).await.unwrap();
        times.push(start.elapsed());
    }
    record
}

async fn send(journal: &Arc<dyn Journal>, pen: &Pen, number: u64, times: &mut Vec<Duration>) -> OperationRecord {
    let start = Instant::now();
    let Enqueued::New(record) = journal.enqueue(pen, &order(number)).await.unwrap() else { panic!("{number} is known") };
    times.push(start.elapsed());
    steps(journal, pen, record, sending(number), times).await
}

async fn whole(journal: &Arc<dyn Journal>, pen: &Pen, numbers: std::ops::Range<u64>) {
    let mut ignored = Vec::new();
    for number in numbers {
        let record = send(journal, pen, number, &mut ignored).await;
        steps(journal, pen, record, ending(number), &mut ignored).await;
        ignored.clear();
    }
}

async fn commits(url: &str, folder: &Path) -> Value {
    let journal = open(&url.to_owned().into(), folder).await.unwrap();
    let pen = journal.open_lane(&LANE, "bench", at(0)).await.unwrap().pen;
    let mut times = Vec::new();
    for number in 0..TIMED {
        send(&journal, &pen, number, &mut times).await;
    }
    times.sort_unstable();
    let micros = |percent: usize| u64::try_from(times[(times.len() - 1) * percent / 100].as_micros()).unwrap();
    json!({ "commits": times.len(), "p50_us": micros(50), "p99_us": micros(99), "max_us": micros(100) })
}

fn resident_kib() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4)
}

/// Fills a journal where a sync costs nothing, for what is measured here is not the disk.
async fn filled(folder: &Path) -> Value {
    let journal = open(&"sqlite:filled.db".to_owned().into(), folder).await.unwrap();
    let pen = journal.open_lane(&LANE, "bench", at(0)).await.unwrap().pen;
    whole(&journal, &pen, 0..1_000).await;
    let before = resident_kib();
    whole(&journal, &pen, 1_000..1_000 + OVER).await;
    let after = resident_kib();
    for number in 1_000 + OVER..1_000 + OVER + OPEN {
        send(&journal, &pen, number, &mut Vec::new()).await;
    }
    json!({ "before": before, "after": after })
}

/// The way to copy a journal that is in use.
async fn copy(from: &Path, to: &Path) {
    let options = SqliteConnectOptions::new().filename(from.join("filled.db"));
    let into = format!("VACUUM INTO '{}'", to.join("filled.db").display());
    options.connect().await.unwrap().execute(sqlx::AssertSqlSafe(into)).await.unwrap();
}

async fn restart(folder: &Path) -> u64 {
    let start = Instant::now();
    let journal = open(&"sqlite:filled.db".to_owned().into(), folder).await.unwrap();
    let opened = journal.open_lane(&LANE, "bench", at(0)).await.unwrap();
    let took = start.elapsed();
    assert_eq!(u64::try_from(opened.open.len()).unwrap(), OPEN);
    u64::try_from(took.as_millis()).unwrap()
}

#[tokio::main]
async fn main() {
    let memory = Some(PathBuf::from("/dev/shm")).filter(|place| place.is_dir()).unwrap_or_else(std::env::temp_dir);
    let (light, durable) = (tempfile::tempdir_in(memory).unwrap(), tempfile::tempdir().unwrap());
    let rss = filled(light.path()).await;
    copy(light.path(), durable.path()).await;
    let restart_ms = restart(durable.path()).await;
    let sqlite = commits("sqlite:timed.db", durable.path()).await;
    let postgres = match Cluster::start().await {
        Ok(cluster) => commits(&cluster.database("timed").await.unwrap(), durable.path()).await,
        Err(fault) => json!(fault.to_string()),
    };
    let line = json!({
        "bench": "journal",
        "optimised": !cfg!(debug_assertions),
        "sqlite": sqlite,
        "postgres": postgres,
        "restart_ms": restart_ms,
        "rss_kib": rss,
    });
    println!("{line}");
}
