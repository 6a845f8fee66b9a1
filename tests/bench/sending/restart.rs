//! From the start of the process to its first broadcast, over a journal that another life has filled: thousands of operations that are
//! over, and some that were in flight when it ended, whose transactions the node has never seen.
//!
//! The process is `ballast run` in the demo's world with its five pools. What counts is the moment at which a request to send arrives at
//! a proxy before the node.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U64, keccak256};
use ballast::chain::signer::LocalSigner;
use ballast::clock::WallClock;
use ballast::devnet::anvil::CHAIN_ID;
use ballast::devnet::config_files::{self, FileOptions};
use ballast::devnet::proxy::{Faults, Proxy};
use ballast::devnet::toolbox::Toolbox;
use ballast::devnet::{World, WorldOptions};
use ballast::domain::fees::Fees;
use ballast::domain::gas::GasCap;
use ballast::domain::ids::PoolId;
use ballast::domain::operation::{Attempt, AttemptKind, Entry, IntentId, LaneKey, NewOperation};
use ballast::domain::plan::Plan;
use ballast::domain::route::Via;
use ballast::domain::trigger::Class;
use ballast::domain::units::{GasPrice, Timestamp, Wei};
use ballast::ports::journal::{Enqueued, Pen};
use ballast::ports::{Call, Clock, Journal, TransactionSigner, TxDraft};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::DISK;
use crate::lane::KEY;

/// Operations that the former life had in flight.
pub(crate) const OPEN: u64 = 20;
const ROUNDS: usize = 5;
const JOURNAL: &str = "journal.db";
const SEND: &str = "eth_sendRawTransaction";
const GAS: u64 = 60_000;
const FEES: Fees = Fees { max_fee: GasPrice::from_gwei(20), tip: GasPrice::from_gwei(1) };
/// How finely the proxy is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(60);

/// Since the process was started.
#[derive(Clone, Copy)]
pub(crate) struct Restart {
    /// Until the first request to send.
    pub(crate) first: Duration,
    /// Until the last of the open operations was sent again.
    pub(crate) all: Duration,
}

/// Adds the open operations to a journal in `folder`, and starts the process over copies of it on the disk.
pub(crate) async fn restarts(tools: &Toolbox, journal: &Arc<dyn Journal>, folder: &Path) -> Vec<Restart> {
    let now = WallClock::read().now();
    let world = World::start(WorldOptions { speed: 1.0, ..WorldOptions::new(tools.clone(), now) }).await.unwrap();
    let (next, hashes) = leave_open(journal, now).await;
    let keeper = world.addresses().keeper;
    let _: Value = world.rpc().ask("anvil_setNonce", (keeper, U64::from(next))).await.unwrap();
    let mut restarts = Vec::new();
    for _ in 0..ROUNDS {
        restarts.push(restart(&world, folder).await);
        for hash in &hashes {
            let found: Value = world.rpc().ask("eth_getTransactionByHash", (hash,)).await.unwrap();
            assert!(found.is_object(), "{hash} was not sent again as it was");
        }
        let _: Value = world.rpc().ask("anvil_dropAllTransactions", ()).await.unwrap();
    }
    world.stop().await;
    restarts
}

/// Operations in flight, each of a pool of its own, and the first of their nonces.
async fn leave_open(journal: &Arc<dyn Journal>, now: Timestamp) -> (u64, Vec<B256>) {
    let signer = LocalSigner::from_key(&KEY.into()).unwrap();
    let lane = LaneKey { chain_id: CHAIN_ID, signer: signer.address() };
    let opened = journal.open_lane(&lane, "a former life", now).await.unwrap();
    let next = opened.next_nonce.unwrap();
    let mut hashes = Vec::new();
    for nonce in next..next + OPEN {
        let attempt = attempt(&signer, nonce).await;
        hashes.push(attempt.hash);
        launch(journal, &opened.pen, nonce, attempt, now).await;
    }
    (next, hashes)
}

async fn attempt(signer: &LocalSigner, nonce: u64) -> Attempt {
    let call = Call { target: Address::repeat_byte(0x5e), data: Bytes::from(vec![0xab; 388]) };
    let tx = signer.sign(&TxDraft { call, nonce, fees: FEES, gas_limit: GAS }, CHAIN_ID).await.unwrap();
    Attempt {
        number: 0,
        kind: AttemptKind::First,
        hash: tx.hash,
        raw: tx.raw,
        fees: FEES,
        gas_limit: GAS,
        via: Via::Public,
        launched: None,
    }
}

async fn launch(journal: &Arc<dyn Journal>, pen: &Pen, nonce: u64, attempt: Attempt, at: Timestamp) {
    let deadline = at.plus(Duration::from_secs(24 * 3_600));
    let new = NewOperation {
        intent: IntentId(keccak256(nonce.to_be_bytes())),
        pool: PoolId::new(&format!("former {nonce}")),
        class: Class::Depeg,
        why: "USDC is below its band".to_owned(),
        plan: Plan::Freeze,
        cap: GasCap { from: at, until: deadline, low: FEES.max_fee, high: FEES.max_fee },
        created: at,
    };
    let Enqueued::New(mut record) = journal.enqueue(pen, &new).await.unwrap() else { panic!("nonce {nonce} is known") };
    let reserve = Wei::of_gas(GAS, FEES.max_fee).unwrap();
    let entries = [Entry::Reserve { nonce, reserve, at }, Entry::Prepare { attempt, ramp: None, deadline }, Entry::Launch { at }];
    for entry in entries {
        record = journal.commit(pen, &record.id, record.seq, &entry, at).await.unwrap();
    }
}

async fn restart(world: &World, folder: &Path) -> Restart {
    let dir = tempfile::tempdir_in(DISK).unwrap();
    copy(folder, dir.path()).await;
    let node: SocketAddr = world.http_url().strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = Proxy::start(node, Faults::none()).await.unwrap();
    let files = FileOptions {
        listen: "127.0.0.1:0".to_owned(),
        journal: Some(format!("sqlite:{JOURNAL}")),
        rpc: Some(vec![proxy.http_url()]),
        ..FileOptions::default()
    };
    config_files::write(dir.path(), world, &files).unwrap();
    // So that the newest block is young.
    world.mine().await.unwrap();
    let log = dir.path().join("log");
    let start = Instant::now();
    let mut process = run(world, dir.path(), &log);
    let first = sent(&proxy, 1, start, &log).await;
    let all = sent(&proxy, OPEN, start, &log).await;
    process.kill().await.unwrap();
    Restart { first, all }
}

/// The way to copy a journal that is in use.
async fn copy(from: &Path, to: &Path) {
    let options = SqliteConnectOptions::new().filename(from.join(JOURNAL));
    let into = format!("VACUUM INTO '{}'", to.join(JOURNAL).display());
    options.connect().await.unwrap().execute(sqlx::AssertSqlSafe(into)).await.unwrap();
}

fn run(world: &World, dir: &Path, log: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
    command
        .args(["run", "--config"])
        .arg(dir)
        .env(config_files::KEY_VARIABLE, world.keeper_key())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log).unwrap())
        .kill_on_drop(true);
    command.spawn().unwrap()
}

/// How long it took until so many transactions were handed over.
async fn sent(proxy: &Proxy, count: u64, start: Instant, log: &Path) -> Duration {
    let counting = async {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        while proxy.faults().seen(SEND) < count {
            looks.tick().await;
        }
    };
    let counted = tokio::time::timeout(PATIENCE, counting).await.is_ok();
    assert!(counted, "{count} broadcasts: not within {PATIENCE:?}\n{}", std::fs::read_to_string(log).unwrap_or_default());
    start.elapsed()
}
