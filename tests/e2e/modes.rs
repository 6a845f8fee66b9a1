//! A pool comes in by its address, is observed, rehearsed, and then looked after: one mode at a time, each by its owner's word.

use std::process::Stdio;
use std::time::Duration;

use ballast::devnet::{Coin, Owner, PoolSpec};
use ballast::domain::outcome::Outcome;
use ballast::observe::Event;

use crate::support::child::PROGRAM;
use crate::support::{Child, Script, Stage, off_target, on_target, two_off_target, world, world_of_today};

/// A command's exit code and everything that it said.
async fn told(dir: &std::path::Path, key: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(PROGRAM);
    command.args(arguments).arg("--config").arg(dir).env(ballast::devnet::config_files::KEY_VARIABLE, key).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_simulates_what_it_would_send_and_an_observer_asks_for_nothing() {
    let pools = vec![off_target("rehearsed"), off_target("observed"), two_off_target("live", Coin::Usdc, Coin::Usdt)];
    let script = Script::default().edit("pools/rehearsed.toml", "mode = \"live\"", "mode = \"dry-run\"").edit(
        "pools/observed.toml",
        "mode = \"live\"",
        "mode = \"observe\"",
    );
    let mut stage = Stage::open(world(pools, 60.0).await, script).await;
    stage.done("live").await;
    if stage.heard(|event| matches!(event, Event::Settled(order) if order.pool.as_str() == "rehearsed")) == 0 {
        stage.settlement("rehearsed").await;
    }
    stage.blocks(20).await;
    let mut rehearsals = 0;
    for event in stage.told.heard() {
        if let Event::Settled(order) = event
            && order.pool.as_str() == "rehearsed"
        {
            let Outcome::Rehearsed { gas_used } = order.outcome else { panic!("{:?}", order.outcome) };
            assert!((70_000..200_000).contains(&gas_used), "{gas_used}");
            rehearsals += 1;
        }
    }
    assert_eq!(rehearsals, 1, "nothing changes by a rehearsal, so it is not repeated at once");
    let asked = |pool: &str| stage.heard(|e| matches!(e, Event::TurnRequested { pool: who, .. } if who.as_str() == pool));
    assert_eq!((asked("observed"), asked("rehearsed")), (0, 1));
    let judged = stage.heard(|e| matches!(e, Event::Decided { pool, .. } if pool.as_str() == "observed"));
    assert!(judged > 0, "but it is judged");
    for pool in ["rehearsed", "observed"] {
        assert_eq!(stage.world.weight_updates(pool).await.unwrap().len(), 0, "{pool}");
        assert_eq!(stage.sent(pool), 0, "{pool}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_comes_in_by_its_address_and_goes_up_one_mode_at_a_time() {
    let strangers = PoolSpec { owner: Owner::Numbered(7), ..on_target("strangers", Coin::Dai, Coin::Usdt) };
    let pools = vec![on_target("first", Coin::Dai, Coin::Usdc), on_target("second", Coin::Usdc, Coin::Usdt), strangers];
    let world = world_of_today(pools, Duration::from_secs(1)).await;
    let blocks = world.run();
    let script = Script::default().edit("pools/strangers.toml", "mode = \"live\"", "mode = \"observe\"");
    let dir = script.write(&world);
    std::fs::remove_file(dir.path().join("pools/second.toml")).unwrap();
    let address = world.pool("second").unwrap().address.to_string();
    let key = world.keeper_key().to_owned();

    let (code, words) = told(dir.path(), &key, &["init", &address, "--rpc", world.http_url(), "--name", "second"]).await;
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("Its owner is the plain key") && words.contains("ballast promote second"), "{words}");
    let file = std::fs::read_to_string(dir.path().join("pools/second.toml")).unwrap();
    assert!(file.contains("mode = \"observe\"") && file.contains("target = \"60.00%\""), "{file}");
    let (code, words) = told(dir.path(), &key, &["init", &address, "--rpc", world.http_url()]).await;
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("is looked after already, as `second`"), "{words}");

    let mut child = Child::run_in(dir, &world, Script::default()).await;
    // It is judged by the same policy as ever, which finds that nobody has set its circuit breakers, and asks for nothing.
    while child.until("pool decided to act").await["pool"] != "second" {}
    while !child.log.iter().any(|line| line["pool"] == "strangers" && line["decision"].is_string()) {
        child.until("block read").await;
    }
    // What was decided is written down a moment after it is told.
    child.until("block read").await;
    child.until("block read").await;
    let dir = child.kill().await;

    for (from, to) in [("observe", "dry-run"), ("dry-run", "live")] {
        let (code, words) = told(dir.path(), &key, &["promote", "second"]).await;
        assert_eq!(code, Some(0), "{words}");
        assert!(words.contains(&format!("second: {from} → {to}")), "{words}");
        let file = std::fs::read_to_string(dir.path().join("pools/second.toml")).unwrap();
        assert!(file.contains(&format!("mode = \"{to}\"")) && file.contains("# A managed pool of Balancer V2"), "{file}");
    }
    let (code, words) = told(dir.path(), &key, &["promote", "second"]).await;
    assert_eq!((code, words.contains("second is live already")), (Some(1), true), "{words}");
    // What is somebody else's can be observed and rehearsed, and never goes live.
    let (code, words) = told(dir.path(), &key, &["promote", "strangers"]).await;
    assert_eq!(code, Some(0), "{words}");
    let (code, words) = told(dir.path(), &key, &["promote", "strangers"]).await;
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("strangers stays in dry-run") && words.contains("a pool owned by another account"), "{words}");
    let (code, words) = told(dir.path(), &key, &["explain", "second"]).await;
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("circuit breaker") && words.contains("What was considered:"), "{words}");
    blocks.stop().await;
    world.stop().await;
}
