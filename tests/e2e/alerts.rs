//! People hear of a rebalance, with everything that they would ask; and nothing waits until they have.

use std::time::Duration;

use ballast::devnet::Coin;
use ballast::devnet::config_files::CHAIN;
use ballast::observe::Event;

use crate::support::discord::{self, Discord};
use crate::support::{Script, Stage, off_target, on_target, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_rebalance_is_told_in_full() {
    let discord = Discord::open().await;
    let script = Script::default().variable(discord::VARIABLE, &discord.webhook()).edit(
        "ballast.toml",
        "priority_fee_gwei = 1",
        "priority_fee_gwei = 1\nexplorer_tx = \"https://explorer.invalid/tx/\"",
    );
    let mut stage = Stage::open(world(vec![off_target("grants")], 60.0).await, script).await;
    let order = stage.done("grants").await;
    let embed = discord.embed("the rebalance", |embed| embed["title"] == "grants rebalances").await;
    let inclusion = order.outcome.inclusion().unwrap();
    assert_eq!(embed["url"], format!("https://explorer.invalid/tx/{}", inclusion.tx));
    for (name, value) in [
        ("Pool", "grants"),
        ("Chain", CHAIN),
        ("Trigger", "drift: DAI is 6.00 % off its target"),
        ("DAI", "46.00 % → 40.00 %"),
        ("USDC", "32.00 % → 35.00 %"),
        ("USDT", "22.00 % → 25.00 %"),
        ("Block", &inclusion.block.number.to_string()),
        ("Transaction", &inclusion.tx.to_string()),
    ] {
        assert_eq!(discord::field(&embed, name), value, "{embed:#}");
    }
    let gas = discord::field(&embed, "Gas");
    assert!(gas.starts_with(&inclusion.cost.gas_used.to_string()) && gas.contains("gwei"), "{gas}");
    assert!(discord::field(&embed, "Cost").contains(" ETH ($"), "{embed:#}");
    assert!(!discord::field(&embed, "Ramp").is_empty());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_wants_a_pause_gets_it_and_the_defence_does_not_wait() {
    const PAUSE: Duration = Duration::from_secs(5);
    let discord = Discord::open().await;
    discord.refuse(1, PAUSE);
    let script = Script::default().variable(discord::VARIABLE, &discord.webhook());
    let mut stage = Stage::open(world(vec![on_target("payroll", Coin::Usdc, Coin::Usdt)], 60.0).await, script).await;
    stage.holds("payroll", "on_target").await;
    stage.world.set_price(Coin::Usdc, 0.97).await;
    stage.done("payroll").await;
    assert_eq!(discord.embeds(), [] as [serde_json::Value; 0], "the channel was still in its pause");

    let delivered = |event: &Event| matches!(event, Event::AlertDelivered { .. });
    stage.until("the first message is delivered", delivered).await;
    let waited = discord.refusals()[0].elapsed();
    assert!(waited >= PAUSE, "it came again after {waited:?}");
    discord.embed("the rebalance", |embed| embed["title"] == "payroll rebalances").await;
    let titles: Vec<String> = discord.embeds().iter().map(|embed| embed["title"].as_str().unwrap().to_owned()).collect();
    let told = |title: &str| titles.iter().filter(|told| *told == title).count();
    assert_eq!((told("USDC is off its peg"), told("payroll rebalances")), (1, 1), "{titles:?}");
    assert_eq!(discord.refusals().len(), 1);
    assert_eq!(stage.heard(|event| matches!(event, Event::AlertFailed { dropped: true, .. })), 0);
    stage.close().await;
}
