//! Pool files that come, change and go while the program runs.

use std::time::Duration;

use ballast::devnet::Coin;
use ballast::domain::operation::State;
use ballast::observe::Event;

use crate::support::{Child, Script, Stage, off_target, on_target, two_off_target, world, world_of_today};

fn joined(event: &Event, name: &str) -> bool {
    matches!(event, Event::PoolJoined { pool, .. } if pool.as_str() == name)
}

fn left(event: &Event, name: &str) -> bool {
    matches!(event, Event::PoolLeft { pool } if pool.as_str() == name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_come_change_and_go_while_another_has_its_transaction_in_flight() {
    let pools = vec![
        off_target("flying"),
        two_off_target("newcomer", Coin::Usdc, Coin::Usdt),
        on_target("observed", Coin::Dai, Coin::Usdc),
        on_target("leaver", Coin::Dai, Coin::Usdt),
    ];
    let script = Script::default().without_blocks();
    let (world, aside) = (world(pools, 5.0).await, tempfile::tempdir().unwrap());
    let newcomer = aside.path().join("newcomer.toml");
    // Slowly: no block comes while everything changes, and that must not look like a chain that is silent.
    // The settings of all pools are written by the world; the newcomer's is kept aside until its time has come.
    let all = script.write(&world);
    std::fs::copy(all.path().join("pools/newcomer.toml"), &newcomer).unwrap();
    let mut stage = Stage::open(world, script.later("pools/newcomer.toml")).await;
    stage.follow_files();
    stage.mine().await;
    stage.reaches("flying", State::InFlight).await;

    // While its transaction waits for a block, everything around it changes.
    std::fs::copy(&newcomer, stage.dir.path().join("pools/newcomer.toml")).unwrap();
    std::fs::remove_file(stage.dir.path().join("pools/leaver.toml")).unwrap();
    std::fs::remove_file(stage.dir.path().join("pools/flying.toml")).unwrap();
    stage.edit("pools/observed.toml", "mode = \"live\"", "mode = \"observe\"");
    stage.until("the newcomer is looked after", |event| joined(event, "newcomer")).await;
    stage.until("the leaver has left", |event| left(event, "leaver")).await;
    assert_eq!(stage.heard(|event| left(event, "flying")), 0, "its transaction is under way");

    let blocks = stage.world.run();
    stage.done("flying").await;
    stage.until("it leaves when it is done", |event| left(event, "flying")).await;
    stage.done("newcomer").await;
    for pool in ["flying", "newcomer"] {
        assert_eq!(stage.world.weight_updates(pool).await.unwrap().len(), 1, "{pool}");
    }
    for pool in ["leaver", "observed"] {
        assert_eq!(stage.sent(pool), 0, "{pool}");
    }
    assert_eq!(stage.heard(|event| matches!(event, Event::ActorDied { .. })), 0);
    blocks.stop().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_changes_nothing_and_says_why() {
    let pools = vec![on_target("first", Coin::Dai, Coin::Usdc), on_target("second", Coin::Usdc, Coin::Usdt)];
    let mut stage = Stage::open(world(pools, 20.0).await, Script::default()).await;
    stage.follow_files();
    stage.edit("pools/first.toml", "mode = \"live\"", "mode = \"asleep\"");
    std::fs::remove_file(stage.dir.path().join("pools/second.toml")).unwrap();
    let refused = stage.until("the file is refused", |event| matches!(event, Event::SettingsRefused { .. })).await;
    let Event::SettingsRefused { faults, .. } = refused else { unreachable!() };
    assert!(faults.contains("pools/first.toml") && faults.contains("asleep") && faults.contains("dry-run"), "{faults}");
    stage.blocks(5).await;
    assert_eq!(stage.heard(|event| left(event, "second")), 0, "half of it does not count either");

    // A file that is sound by itself and does not hold on the chain: the pool goes on by what it had.
    let others = stage.world.pool("second").unwrap().address.to_string();
    let own = stage.world.pool("first").unwrap().address.to_string();
    stage.edit("pools/first.toml", "mode = \"asleep\"", "mode = \"live\"");
    stage.edit("pools/first.toml", &own, &others);
    let kept = stage.until("the change does not hold", |event| matches!(event, Event::PoolKept { .. })).await;
    let Event::PoolKept { pool, reason } = kept else { unreachable!() };
    assert!(pool.as_str() == "first" && reason.contains("List the pool's assets"), "{reason}");
    stage.until("the other file is gone", |event| left(event, "second")).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_follows_its_files_and_shows_it() {
    let pools = vec![on_target("first", Coin::Dai, Coin::Usdc), on_target("second", Coin::Usdc, Coin::Usdt)];
    let world = world_of_today(pools, Duration::from_secs(1)).await;
    let blocks = world.run();
    let mut child = Child::run(&world, Script::default()).await;
    child.until("every chain has been heard").await;
    let metrics = |http: std::net::SocketAddr| async move {
        reqwest::get(format!("http://{http}/metrics")).await.unwrap().text().await.unwrap()
    };
    let file = child.dir().join("pools/second.toml");
    let content = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "chain = [").unwrap();
    child.until("settings have faults and nothing has changed").await;
    assert!(metrics(child.http).await.contains("ballast_config_last_read_successful 0"));
    std::fs::write(&file, content).unwrap();
    child.until("settings are in force").await;
    assert!(metrics(child.http).await.contains("ballast_config_last_read_successful 1"));
    std::fs::remove_file(&file).unwrap();
    child.until("pool is not looked after any more").await;
    let shown = metrics(child.http).await;
    assert!(!shown.contains("ballast_pool_weight_ratio{asset=\"USDC\",pool=\"second\"}"), "{shown}");
    child.terminate().await;
    assert!(child.end().await.0.success());
    blocks.stop().await;
    world.stop().await;
}
