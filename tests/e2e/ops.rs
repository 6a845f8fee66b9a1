//! Operators at their desk, beside the process that sends: what they are shown, what they can ask for, and that a lane which stands
//! still goes on by their word and without a restart.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use alloy_primitives::{B256, Bytes, U64, U256};
use ballast::clock::WallClock;
use ballast::devnet::config_files::{self, FileOptions};
use ballast::devnet::rpc::{Account, Order};
use ballast::devnet::{Coin, World, WorldHandle};
use ballast::domain::gas::GasCap;
use ballast::domain::ids::PoolId;
use ballast::domain::operation::{IntentId, LaneKey, NewOperation};
use ballast::domain::plan::Plan;
use ballast::domain::trigger::Class;
use ballast::domain::units::GasPrice;
use ballast::ports::Clock;
use ballast::ports::journal::Enqueued;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::child::PROGRAM;
use crate::support::{Child, Script, in_mempool, off_target, soon, world_of_today};

/// One settings folder, and a journal that outlives every process of the story.
struct Desk {
    settings: TempDir,
    journal: TempDir,
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    /// The output of a command that was carried out.
    fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// Why a command was refused. Nothing is told as data.
    fn refused(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{}", self.err);
        self.err
    }
}

impl Desk {
    fn new(world: &WorldHandle) -> Self {
        let journal = tempfile::tempdir().unwrap();
        Self { settings: script(journal.path()).write(world), journal }
    }

    /// The process that sends.
    async fn run(&self, world: &WorldHandle) -> Child {
        Child::run(world, script(self.journal.path())).await
    }

    /// A command of an operator called Ann.
    async fn ops(&self, world: &WorldHandle, arguments: &[&str]) -> Said {
        let variables = [(config_files::KEY_VARIABLE, world.keeper_key())];
        ops(self.settings.path(), &variables, arguments).await
    }

    /// The only operation that is not over.
    async fn open_operation(&self, world: &WorldHandle) -> Value {
        let listed = self.ops(world, &["list", "--open", "--json"]).await.json();
        let operations = listed["operations"].as_array().unwrap();
        assert_eq!(operations.len(), 1, "{listed:#}");
        operations[0].clone()
    }
}

async fn ops(settings: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
    let mut command = tokio::process::Command::new(PROGRAM);
    command
        .arg("ops")
        .args(arguments)
        .arg("--config")
        .arg(settings)
        .envs([("USER", "ann"), ("HOSTNAME", "desk")])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = soon("the command ends", command.output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A policy for a world in real time.
fn script(journal: &Path) -> Script {
    let journal = Some(format!("sqlite:{}", journal.join("ballast.db").display()));
    let usual = Script::default();
    Script { files: FileOptions { journal, ..usual.files.clone() }, ..usual }
        .edit("policies/demo.toml", "min = \"5m\"", "min = \"5s\"")
        .edit("policies/demo.toml", "max = \"20m\"", "max = \"5s\"")
        .edit("policies/demo.toml", "max_velocity_per_hour = \"65%\"", "max_velocity_per_hour = \"10000%\"")
}

/// A world with a pool off its target, whose blocks come every second once they are asked for.
async fn grants() -> World {
    world_of_today(vec![off_target("grants")], Duration::from_secs(1)).await
}

/// A process whose first transaction is with the node, and not in a block. Gives its nonce.
async fn in_flight(world: &World, desk: &Desk) -> (Child, u64) {
    let mut child = desk.run(world).await;
    child.until("block read").await;
    world.mine().await.unwrap();
    let nonce = child.until("transaction sent").await["nonce"].as_u64().unwrap();
    in_mempool(world, nonce).await;
    (child, nonce)
}

/// Blocks by hand, each read before the next, until the child says something.
async fn mine_until(world: &World, child: &mut Child, message: &str) -> Value {
    for _ in 0..40 {
        world.mine().await.unwrap();
        child.until("block read").await;
        if let Some(line) = child.log.iter().find(|line| line["message"] == message) {
            return line.clone();
        }
    }
    panic!("forty blocks, and no {message:?}: {:#?}", child.log)
}

/// Somebody else sends with the keeper's key.
async fn stranger(world: &World) -> B256 {
    let mut keeper = Account::new(world.addresses().keeper);
    let price = GasPrice::from_gwei(500);
    let order = Order { to: Some(world.addresses().keeper), data: Vec::new(), gas: 21_000, max_fee: price, tip: price };
    world.rpc().send(&mut keeper, &order).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_has_done_is_listed_and_shown() {
    let world = grants().await;
    let desk = Desk::new(&world);
    let missing = desk.ops(&world, &["list"]).await.refused();
    assert!(missing.contains("there is no journal at") && missing.contains("ballast.db"), "{missing}");

    let mut child = desk.run(&world).await;
    let blocks = world.run();
    let settled = child.until("order settled").await;
    let update = world.weight_updates("grants").await.unwrap().remove(0);
    assert_eq!(settled["tx"].as_str().unwrap(), update.hash.to_string());
    // Two blocks later it is final.
    while child.until("operation moved").await["state"] != "final_ok" {}
    blocks.stop().await;

    let listed = desk.ops(&world, &["list", "--pool", "grants", "--json"]).await.json();
    let operation = &listed["operations"][0];
    assert_eq!((&operation["pool"], &operation["class"]), (&"grants".into(), &"drift".into()));
    assert_eq!((&operation["state"], &operation["over"]), (&"final_ok".into(), &true.into()));
    assert_eq!(operation["lane"], "keeper@demo");
    assert_eq!(operation["nonce"], update.nonce);
    assert_eq!(operation["landing"]["hash"], update.hash.to_string());
    assert_eq!(operation["attempts"][0]["hash"], update.hash.to_string());
    assert_eq!(operation["ramp"]["end_weights"].as_array().unwrap().len(), 3);
    let lane = &listed["lanes"][0];
    assert_eq!(
        (&lane["lane"], &lane["next_nonce"], &lane["stopped"]),
        (&"keeper@demo".into(), &(update.nonce + 1).into(), &Value::Null)
    );
    assert_eq!(desk.ops(&world, &["list", "--open", "--json"]).await.json()["operations"], json!([]));
    assert_eq!(desk.ops(&world, &["list", "--pool", "payroll", "--json"]).await.json()["operations"], json!([]));

    let id = &operation["id"].as_str().unwrap()[2..14];
    let table = desk.ops(&world, &["list", "--lane", "keeper@demo", "--limit", "1"]).await.done();
    for part in [id, "grants", "final_ok", "off its target", "lane keeper@demo: next nonce"] {
        assert!(table.contains(part), "{part} is not in:\n{table}");
    }
    let shown = desk.ops(&world, &["show", id]).await.done();
    let hash = update.hash.to_string();
    let asset = if shown.contains("DAI 40.00 %") { "DAI 40.00 %" } else { "the target with its assets" };
    for part in [
        asset,
        "keeper@demo, account 0x70997970",
        &hash,
        "carried_out",
        "queue",
        "reserve",
        "prepare",
        "launch",
        "include",
        "finalise",
    ] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    let shown = desk.ops(&world, &["show", &format!("0x{id}"), "--json"]).await.json();
    assert_eq!(shown["id"], operation["id"]);
    let log: Vec<&str> = shown["log"].as_array().unwrap().iter().map(|line| line["step"].as_str().unwrap()).collect();
    assert_eq!((log[0], log.last().copied()), ("queue", Some("finalise")));
    let refused = desk.ops(&world, &["cancel", id]).await.refused();
    assert!(refused.contains("is over: final_ok"), "{refused}");
    let refused = desk.ops(&world, &["reconcile", "--abandon", id]).await.refused();
    assert!(refused.contains("only a quarantined one"), "{refused}");
    // The commands have fenced nobody off: the same writer has the lane.
    assert_eq!(desk.ops(&world, &["list", "--json"]).await.json()["lanes"][0]["writers"], 1);
    child.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_in_flight_is_taken_back_for_an_operator() {
    let world = grants().await;
    let desk = Desk::new(&world);
    let (mut child, nonce) = in_flight(&world, &desk).await;
    // Dearer than a drift may pay: only a cancellation can be included.
    world.set_base_fee(50).await;
    let operation = desk.open_operation(&world).await;
    assert_eq!((&operation["state"], &operation["nonce"]), (&"inflight".into(), &nonce.into()));
    let id = &operation["id"].as_str().unwrap()[2..14];

    let blocks = world.run();
    let said = desk.ops(&world, &["cancel", id, "--wait"]).await.done();
    for part in ["for ann@desk", "wanted back", "It is inflight", "is final_cancelled"] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    child.until("order not carried out").await;
    blocks.stop().await;
    let shown = desk.ops(&world, &["show", id, "--json"]).await.json();
    assert_eq!((&shown["state"], &shown["cancel_requested"]), (&"final_cancelled".into(), &true.into()));
    assert_eq!(shown["landing"]["fate"], "cancelled");
    let kinds: Vec<&str> = shown["attempts"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds.last().copied()), ("first", Some("cancellation")));
    let wish = shown["log"].as_array().unwrap().iter().find(|line| line["step"] == "request_cancel").unwrap();
    assert_eq!((&wish["detail"], &wish["writer"]), (&"ann@desk".into(), &0.into()));
    assert_eq!(world.weight_updates("grants").await.unwrap(), []);
    child.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_on_the_key_stops_the_lane_until_an_operator_accepts_the_nonce() {
    let world = grants().await;
    let desk = Desk::new(&world);
    let mut child = desk.run(&world).await;
    let blocks = world.run();
    child.until("order settled").await;
    while child.until("operation moved").await["state"] != "final_ok" {}
    child.terminate().await;
    assert_eq!(child.end().await.0.code(), Some(0));
    let before = desk.ops(&world, &["reconcile", "--json"]).await.json()["lanes"][0].clone();
    assert_eq!(before["verdict"], "goes", "{before:#}");
    let nonce = before["next_nonce"].as_u64().unwrap();
    let refused = desk.ops(&world, &["reconcile", "--accept"]).await.refused();
    assert!(refused.contains("no nonce that could be accepted") && refused.contains("keeper@demo"), "{refused}");

    let hash = stranger(&world).await.to_string();
    let mut child = desk.run(&world).await;
    let stopped = child.until("lane stands still").await;
    assert_eq!(stopped["label"], "journal_behind", "{stopped}");
    let told = desk.ops(&world, &["reconcile", "--lane", "keeper@demo"]).await.done();
    for part in ["verdict: the chain has spent nonces", &hash, "said last: the chain has spent", "--lane keeper@demo --accept"] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    assert!(desk.ops(&world, &["list"]).await.done().contains("STANDS STILL: the chain has spent"));
    let looked = desk.ops(&world, &["reconcile", "--json"]).await.json()["lanes"][0].clone();
    assert_eq!(
        (&looked["verdict"], &looked["journal"]["next_nonce"]),
        (&"journal_behind".into(), &nonce.into()),
        "nothing has changed"
    );
    assert_eq!((&looked["spent_on"][0]["hash"], &looked["spent_on"][0]["nonce"]), (&hash.into(), &nonce.into()));
    assert_eq!(child.said("lane goes on"), 0);

    let accepted = desk.ops(&world, &["reconcile", "--accept"]).await.done();
    let wanted = format!("by ann@desk: all nonces of keeper@demo below {} are accounted for (before: {nonce})", nonce + 1);
    assert!(accepted.contains(&wanted) && accepted.contains("journal and chain agree"), "{accepted}");
    child.until("lane goes on").await;
    // The same process sends again, behind the stranger.
    world.set_price(Coin::Usdc, 0.97).await;
    let sent = child.until("transaction sent").await;
    assert_eq!((&sent["nonce"], &sent["class"]), (&(nonce + 1).into(), &"depeg".into()));
    assert!(!desk.ops(&world, &["list"]).await.done().contains("STANDS STILL"));
    blocks.stop().await;
    child.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_whose_nonce_was_taken_is_closed_by_an_operators_word() {
    let world = world_of_today(vec![off_target("grants")], Duration::from_secs(5)).await;
    let desk = Desk::new(&world);
    let (mut child, nonce) = in_flight(&world, &desk).await;
    let id = desk.open_operation(&world).await["id"].as_str().unwrap()[2..14].to_owned();
    let refused = desk.ops(&world, &["reconcile", "--abandon", &id]).await.refused();
    assert!(refused.contains("is inflight: only a quarantined one"), "{refused}");
    // Somebody else takes the nonce with a better offer.
    let price = U256::from(500_000_000_000u64);
    let keeper = world.addresses().keeper;
    let robbery = json!({
        "from": keeper, "to": keeper, "data": Bytes::new(), "gas": U64::from(21_000u64), "nonce": U64::from(nonce),
        "maxFeePerGas": price, "maxPriorityFeePerGas": price,
    });
    let hash: B256 = world.rpc().ask("eth_sendTransaction", (robbery,)).await.unwrap();
    let stopped = mine_until(&world, &mut child, "lane stands still").await;
    assert_eq!(stopped["label"], "quarantined", "{stopped}");

    let told = desk.ops(&world, &["reconcile"]).await.done();
    for part in [&format!("nonce {nonce}: {hash}"), &format!("--abandon {id}"), "(quarantined, nonce", "verdict: nonce"] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    let refused = desk.ops(&world, &["reconcile", "--accept"]).await.refused();
    assert!(refused.contains("no nonce that could be accepted"), "{refused}");
    let refused = desk.ops(&world, &["cancel", &id]).await.refused();
    assert!(refused.contains("is quarantined"), "{refused}");
    let abandoned = desk.ops(&world, &["reconcile", "--abandon", &id, "--by", "Ann of Operations"]).await.done();
    assert!(
        abandoned.contains("by Ann of Operations") && abandoned.contains(&format!("Nonce {nonce} of keeper@demo stays spent")),
        "{abandoned}"
    );
    child.until("lane goes on").await;
    let shown = desk.ops(&world, &["show", &id, "--json"]).await.json();
    assert_eq!((&shown["state"], &shown["reason"]), (&"abandoned".into(), &"abandoned by Ann of Operations".into()));
    child.kill().await;
    world.stop().await;
}

/// The example's settings, with a journal that has seventeen operations: of their names two begin with the same digit.
async fn seventeen() -> (PathBuf, TempDir, String, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("ballast.db").display());
    let journal = ballast::journal::open(&url.clone().into(), dir.path()).await.unwrap();
    let now = WallClock::read().now();
    let lane = LaneKey { chain_id: 1, signer: alloy_primitives::Address::repeat_byte(7) };
    let pen = journal.open_lane(&lane, "test", now).await.unwrap().pen;
    let mut ids = Vec::new();
    for evidence in 0..17 {
        let cap = GasCap { from: now, until: now, low: GasPrice::from_gwei(30), high: GasPrice::from_gwei(30) };
        let (pool, why) = (PoolId::new(&format!("pool-{evidence}")), "a test".to_owned());
        let intent = IntentId(B256::repeat_byte(evidence));
        let new = NewOperation { intent, pool, class: Class::Drift, why, plan: Plan::Freeze, cap, created: now };
        let Enqueued::New(record) = journal.enqueue(&pen, &new).await.unwrap() else { panic!("not new") };
        ids.push(record.id.to_string());
    }
    (Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example"), dir, url, ids)
}

#[tokio::test]
async fn ids_that_name_nothing_or_several_are_refused_and_faulty_settings_have_their_own_code() {
    let (example, _dir, url, ids) = seventeen().await;
    let variables = [("BALLAST__JOURNAL", url.as_str())];
    let command = async |arguments: &[&str]| ops(&example, &variables, arguments).await;
    let digit = |digit: &char| ids.iter().filter(|id| id.starts_with(*digit)).count() > 1;
    let ambiguous = "0123456789abcdef".chars().find(digit).unwrap().to_string();
    for (arguments, why) in [
        (["show", ambiguous.as_str()], "several operations begin with"),
        (["cancel", ambiguous.as_str()], "several operations begin with"),
        (["show", "fedcba9876543210"], "no operation begins with `fedcba9876543210`"),
        (["cancel", "fedcba9876543210"], "no operation begins with"),
        (["show", "grants"], "`grants` is no id"),
        (["show", ""], "is no id"),
    ] {
        let refused = command(&arguments).await.refused();
        assert!(refused.contains(why), "{arguments:?}: {refused}");
    }
    assert_eq!(command(&["list", "--json"]).await.json()["operations"].as_array().unwrap().len(), 17);
    assert_eq!(command(&["list", "--json", "--limit", "3"]).await.json()["operations"][0]["pool"], "pool-16");
    let refused = command(&["list", "--lane", "guardian@mainnet"]).await.refused();
    assert!(refused.contains("no lane `guardian@mainnet`; it has 0x0707"), "{refused}");
    let noted = command(&["cancel", &ids[3]]).await.done();
    assert!(noted.contains("of pool-3 on") && noted.contains("It is queued. Nothing of it is signed."), "{noted}");
    assert!(command(&["list"]).await.done().contains("queued (wanted back)"));

    let faulty = ops(&example, &[("BALLAST__HTTP__LISTEN", "nowhere"), variables[0]], &["list"]).await;
    assert_eq!((faulty.code, faulty.out.as_str()), (Some(78), ""), "{}", faulty.err);
    assert!(faulty.err.contains("http.listen"), "{}", faulty.err);
}
