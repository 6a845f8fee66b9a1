//! Many sources, one verdict: one that is silent and one that lies neither hide a depeg nor make one, everybody can see why, and what
//! was heard can be kept and judged again.

use std::collections::BTreeSet;
use std::process::{Output, Stdio};
use std::time::Duration;

use ballast::devnet::config_files::{self, FileOptions};
use ballast::devnet::venues::{VenueMood, VenueName};
use ballast::devnet::{Coin, World};
use ballast::domain::ids::AssetId;
use ballast::domain::peg::{Peg, PegState};
use ballast::http::{AssetLines, PricesPage};
use ballast::journal;
use ballast::observe::Event;
use ballast::ports::Clock;
use ballast::recording;
use serde_json::json;

use crate::support::child::PROGRAM;
use crate::support::{Script, Stage, on_target, page, soon, world, world_of_today};

async fn with_venues(world: &World) -> Script {
    let venues = Some(world.open_venues().await.unwrap().urls().clone());
    let usual = Script::default();
    Script { files: FileOptions { venues, ..usual.files.clone() }, ..usual }
}

async fn command(arguments: &[&str], key: &str) -> Output {
    let mut command = tokio::process::Command::new(PROGRAM);
    command.args(arguments).env(config_files::KEY_VARIABLE, key).env("USER", "ann").stdin(Stdio::null()).kill_on_drop(true);
    soon("the command ends", command.output()).await.unwrap()
}

/// What the page says of USDC, once it says what is wanted.
async fn usdc(stage: &Stage, what: &str, wanted: impl Fn(&AssetLines) -> bool) -> AssetLines {
    let asking = async {
        loop {
            let (_, text) = page::get(stage.http, "/prices").await;
            let page: PricesPage = serde_json::from_str(&text).unwrap();
            if let Some(usdc) = page.assets.into_iter().find(|asset| asset.asset == "USDC" && wanted(asset)) {
                return usdc;
            }
        }
    };
    soon(what, asking).await
}

fn dismissed<'a>(usdc: &'a AssetLines, source: &str) -> Option<&'a str> {
    usdc.sources.iter().find(|line| line.source == source).unwrap().dismissed.as_deref()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_and_a_lying_source_neither_make_a_depeg_nor_hide_one() {
    let world = world(vec![on_target("payroll", Coin::Usdc, Coin::Usdt)], 60.0).await;
    let script = with_venues(&world).await;
    let mut stage = Stage::open(world, script).await;
    stage.holds("payroll", "on_target").await;
    let calm = usdc(&stage, "all four groups vote", |usdc| usdc.groups.len() == 4).await;
    assert_eq!((calm.state.as_str(), calm.trust.as_str()), ("sound", "trusted"), "{calm:#?}");

    // One group says that USDC has crashed. It is alone with it.
    stage.world.set_venue_mood(VenueName::Pyth, VenueMood::Lies(0.80)).await;
    let lied = usdc(&stage, "the liar is set aside", |usdc| dismissed(usdc, "pyth:USDC") == Some("outlier")).await;
    assert_eq!((lied.state.as_str(), lied.trust.as_str()), ("sound", "trusted"), "{lied:#?}");
    stage.policy_time(Duration::from_secs(1_200)).await;
    assert_eq!(stage.heard(|event| matches!(event, Event::PegMoved { .. } | Event::TurnRequested { .. })), 0);

    // Now it has really crashed; one group says nothing, and one says that all is well.
    stage.world.set_venue_mood(VenueName::Pyth, VenueMood::Lies(1.0)).await;
    stage.world.set_venue_mood(VenueName::Kraken, VenueMood::Silent).await;
    let silent = usdc(&stage, "Kraken is missed", |usdc| dismissed(usdc, "kraken:USDC").is_some()).await;
    assert_eq!(silent.groups.len(), 3, "{silent:#?}");
    stage.world.set_price(Coin::Usdc, 0.95).await;
    let order = stage.done("payroll").await;
    assert!(order.trigger.class().is_protective(), "{order:?}");
    let crashed = usdc(&stage, "the liar is alone", |usdc| dismissed(usdc, "pyth:USDC") == Some("outlier")).await;
    assert_eq!(crashed.state, "depegged", "{crashed:#?}");

    let shown = command(&["prices", "--url", &format!("http://{}", stage.http)], "").await;
    let text = String::from_utf8(shown.stdout).unwrap();
    for piece in ["USDC  depegged since", "pyth:USDC", "it is too far from the others", "kraken:USDC", "binance:USDC"] {
        assert!(text.contains(piece), "{piece} in:\n{text}");
    }
    let metrics = page::get(stage.http, "/metrics").await.1;
    let vote = |source| page::metric(&metrics, "ballast_source_vote", &[("source", source), ("asset", "USDC")]);
    assert!(vote("binance:USDC").is_some() && vote("kraken:USDC").is_some(), "{metrics}");

    // Everybody is honest again, and three groups of both kinds say that it is back.
    stage.world.set_venue_mood(VenueName::Pyth, VenueMood::Honest).await;
    stage.world.set_venue_mood(VenueName::Kraken, VenueMood::Honest).await;
    stage.world.set_price(Coin::Usdc, 1.0).await;
    stage.until("USDC is on its way back", |event| matches!(event, Event::PegMoved { to: PegState::Recovering, .. })).await;
    stage.until("USDC is sound", |event| matches!(event, Event::PegMoved { to: PegState::Sound, .. })).await;
    let ramp = stage.world.gradual_update("payroll").await.unwrap();
    stage.block_at(ramp.end).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_without_a_key_is_what_the_sources_said() {
    let world = world_of_today(vec![on_target("payroll", Coin::Usdc, Coin::Usdt)], Duration::from_secs(1)).await;
    let script = with_venues(&world).await;
    let blocks = world.run();
    let settings = script.write(&world);
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = (settings.path().display().to_string(), folder.path().join("night.jsonl.gz"));
    let before = world.clock().now();
    let arguments = ["record", "--config", &config, "--out", &file.display().to_string(), "--for", "5s"];
    let said = command(&arguments, world.keeper_key()).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));

    let readings = recording::read(&file).unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.starts_with(&format!("{} readings in ", readings.len())), "{text}");
    let good: BTreeSet<&str> =
        readings.iter().filter(|reading| reading.quote.is_ok()).map(|reading| reading.source.id.as_str()).collect();
    let expected = [
        "binance:USDC",
        "chainlink:DAI@demo",
        "chainlink:USDC@demo",
        "chainlink:USDT@demo",
        "coinbase:DAI",
        "coinbase:USDT",
        "kraken:DAI",
        "kraken:USDC",
        "kraken:USDT",
        "pyth:DAI",
        "pyth:USDC",
        "pyth:USDT",
    ];
    assert_eq!(good, BTreeSet::from(expected));
    assert!(readings.iter().all(|reading| reading.as_of.plus(Duration::from_secs(30)) > before));
    assert_eq!(world.weight_updates("payroll").await.unwrap(), []);

    // The same file through the same decision.
    let replayed = command(&["replay-prices", "--recording", &file.display().to_string(), "--json"], "").await;
    let report: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap_or_else(|fault| {
        panic!("{fault}: {} {}", String::from_utf8_lossy(&replayed.stdout), String::from_utf8_lossy(&replayed.stderr))
    });
    let rows = report["quorum"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{report:#}");
    assert!(rows.iter().all(|row| row["first_alarm"].is_null() && row["last"] == json!("sound")), "{report:#}");
    assert!(rows.iter().all(|row| row["blind_percent"].as_u64().unwrap() < 100), "the sources met: {report:#}");
    blocks.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_asset_is_let_back_by_a_command_and_no_other_is() {
    let world = world_of_today(vec![on_target("payroll", Coin::Usdc, Coin::Usdt)], Duration::from_secs(1)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("ballast.db").display());
    let usual = Script::default();
    let script = Script { files: FileOptions { journal: Some(file.clone()), ..usual.files.clone() }, ..usual };
    let settings = script.write(&world);
    let journal = journal::open(&file.into(), folder.path()).await.unwrap();
    let (usdc, now) = (AssetId::new("USDC"), world.clock().now());
    let disabled = Peg { state: PegState::Disabled, ..Peg::unheard(usdc.clone(), now) };
    journal.remember_peg(&Peg { state: PegState::Depegged, ..disabled.clone() }).await.unwrap();

    let config = settings.path().display().to_string();
    let reset = async |asset: &str| command(&["reset-peg", asset, "--config", &config], world.keeper_key()).await;
    let said = async |asset: &str| {
        let output = reset(asset).await;
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, _, err) = said("USDC").await;
    assert!(code == Some(1) && err.contains("USDC is not disabled"), "{code:?} {err}");
    let (code, _, err) = said("USDD").await;
    assert!(code == Some(1) && err.contains("there is no asset `USDD`; there are DAI, USDC, USDT"), "{code:?} {err}");
    journal.remember_peg(&disabled).await.unwrap();
    let (code, out, err) = said("USDC").await;
    assert!(code == Some(0) && out.contains("USDC may come back"), "{code:?} {out} {err}");
    assert!(journal.peg_reset_asked(&usdc).await.unwrap().is_some_and(|asked| asked >= now));
    world.stop().await;
}
