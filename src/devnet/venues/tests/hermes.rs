//! Hermes, asked by hand and by the client that Ballast has for it.

use alloy_primitives::B256;
use reqwest::{Client as Http, Response};
use tokio::sync::mpsc;

use super::*;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::{Quote, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{Price, WAD};
use crate::ports::PriceStream;
use crate::sources::hermes::{Hermes, HermesFeed, HermesRule, HermesSettings, HermesTimes};

pub(super) const USDC: &str = "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a";
const DAI: &str = "b0948a5e5313200c632b51bb5ca32f6de0d36e9950a942d19751e833f70dabfd";

async fn ask(fair: &Fair, route: &str) -> Response {
    let request = Http::new().get(format!("{}/v2/updates/price/{route}", fair.urls().hermes)).bearer_auth(HERMES_KEY);
    timeout(PATIENCE, request.send()).await.unwrap().unwrap()
}

/// The next event of a stream; nothing when it has ended.
async fn event(stream: &mut Response) -> Option<String> {
    let chunk = timeout(PATIENCE, stream.chunk()).await.unwrap().ok().flatten()?;
    let text = String::from_utf8(chunk.to_vec()).unwrap();
    Some(text.strip_prefix("data: ").unwrap().split("\n\n").next().unwrap().to_owned())
}

fn feed(fair: &Fair, key: Option<&str>, silence: Duration) -> HermesFeed {
    let settings = HermesSettings {
        base: fair.urls().hermes.parse().unwrap(),
        key: key.map(Into::into),
        times: HermesTimes { connect: PATIENCE, silence, ..HermesTimes::default() },
    };
    let source = Source {
        id: SourceId::new("pyth:USDC"),
        asset: AssetId::new("USDC"),
        unit: Unit::Usd,
        group: Group::Pyth,
        advisory: false,
        good_for: Duration::from_secs(60),
    };
    let price = |thousandths: u128| Price::from_wad(thousandths * WAD / 1_000).unwrap();
    let rule = HermesRule { limit_bps: 50, low: price(200), high: price(2_000) };
    let hermes = Arc::new(Hermes::new(settings).unwrap());
    let clock: Arc<dyn Clock> = Arc::<ScaledClock>::clone(&fair.clock);
    HermesFeed::new(hermes, Arc::new(source), USDC.parse::<B256>().unwrap(), rule, clock)
}

/// Listens until it hears something of that sort; why the connection ended, if it did before.
async fn hear(feed: &HermesFeed, sort: impl Fn(&Result<Quote, ReadingFault>) -> bool) -> Result<(), ReadingFault> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let listening = async {
        let hear = move |said| drop(tell.send(said));
        feed.listen(&hear).await
    };
    let hearing = async {
        loop {
            if sort(&told.recv().await.unwrap()) {
                return;
            }
        }
    };
    let either = async {
        tokio::select! {
            fault = listening => Err(fault),
            () = hearing => Ok(()),
        }
    };
    timeout(PATIENCE, either).await.unwrap()
}

fn is_at(bps: u128) -> impl Fn(&Result<Quote, ReadingFault>) -> bool {
    move |said| said.as_ref().is_ok_and(|quote| (quote.price.wad() / (WAD / 10_000)).abs_diff(bps) <= 3)
}

#[tokio::test]
async fn the_newest_update_is_as_pyth_writes_it() {
    let fair = Fair::open().await;
    let answer = ask(&fair, &format!("latest?ids%5B%5D={USDC}&ids[]=0x{}&encoding=hex", DAI.to_uppercase())).await;
    let update: Value = answer.json().await.unwrap();
    assert_eq!(update["binary"]["encoding"], "hex");
    assert!(update["binary"]["data"][0].as_str().unwrap().starts_with("504e4155"));
    for (entry, id) in update["parsed"].as_array().unwrap().iter().zip([USDC, DAI]) {
        assert_eq!((entry["id"].as_str(), entry["price"]["expo"].as_i64()), (Some(id), Some(-8)));
        let (price, conf) = (number(&entry["price"]["price"]) / 1e8, number(&entry["price"]["conf"]) / 1e8);
        assert!((price - 1.0).abs() < 0.000_3 && (0.000_05..0.000_2).contains(&conf), "{entry}");
        let at = entry["price"]["publish_time"].as_u64().unwrap();
        assert!(at >= START.secs() && at <= fair.clock.now().secs(), "{entry}");
        assert!(entry["ema_price"]["price"].is_string() && entry["metadata"]["prev_publish_time"].as_u64() < Some(at));
    }
    let unparsed: Value = ask(&fair, &format!("latest?ids[]={USDC}&parsed=false")).await.json().await.unwrap();
    assert_eq!(unparsed.get("parsed"), None);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused() {
    let fair = Fair::open().await;
    let unknown = "00".repeat(32);
    for (route, status) in [
        (format!("latest?ids[]={unknown}"), 404),
        (format!("stream?ids[]={unknown}"), 404),
        ("latest?ids[]=usdc".to_owned(), 400),
        ("latest".to_owned(), 400),
        (format!("latest?ids[]={USDC}&encoding=base64"), 400),
        (format!("soon?ids[]={USDC}"), 404),
    ] {
        assert_eq!(ask(&fair, &route).await.status(), status, "{route}");
    }
    let page = format!("{}/v2/updates/price/latest?ids[]={USDC}", fair.urls().hermes);
    for key in [None, Some("wrong")] {
        let request = Http::new().get(&page);
        let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn ballast_hears_the_price_and_its_moves() {
    let fair = Fair::open().await;
    let feed = feed(&fair, Some(HERMES_KEY), PATIENCE);
    hear(&feed, is_at(10_000)).await.unwrap();
    fair.set_price(Coin::Usdc, 0.88);
    hear(&feed, is_at(8_800)).await.unwrap();
    fair.venues.set_mood(VenueName::Pyth, VenueMood::Lies(1.0));
    hear(&feed, is_at(10_000)).await.unwrap();
}

#[tokio::test]
async fn ballast_is_not_let_in_without_the_key() {
    let fair = Fair::open().await;
    assert_eq!(hear(&feed(&fair, None, PATIENCE), |_| true).await, Err(ReadingFault::Unauthorised));
    assert_eq!(hear(&feed(&fair, Some("wrong"), PATIENCE), |_| true).await, Err(ReadingFault::Unauthorised));
}

#[tokio::test]
async fn ballast_notices_silence_garbage_and_refusal() {
    let fair = Fair::open().await;
    let feed = feed(&fair, Some(HERMES_KEY), Duration::from_secs(1));
    fair.venues.set_mood(VenueName::Pyth, VenueMood::Silent);
    assert_eq!(hear(&feed, Result::is_ok).await.map_err(|fault| fault.label()), Err("silent"));
    fair.venues.set_mood(VenueName::Pyth, VenueMood::Garbage);
    hear(&feed, |said| matches!(said, Err(ReadingFault::Garbled(_)))).await.unwrap();
    fair.venues.set_mood(VenueName::Pyth, VenueMood::Refuses);
    assert_eq!(hear(&feed, |_| true).await, Err(ReadingFault::RateLimited(Duration::from_secs(1))));
}

#[tokio::test]
async fn a_mood_is_felt_on_an_open_stream() {
    let fair = Fair::open().await;
    let mut stream = ask(&fair, &format!("stream?ids[]={USDC}")).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let first: Value = serde_json::from_str(&event(&mut stream).await.unwrap()).unwrap();
    assert_eq!(first["parsed"][0]["id"], USDC);

    fair.venues.set_mood(VenueName::Pyth, VenueMood::Garbage);
    while serde_json::from_str::<Value>(&event(&mut stream).await.unwrap()).is_ok() {}
    fair.venues.set_mood(VenueName::Pyth, VenueMood::Skewed(7_200));
    let ahead = async |stream: &mut Response| {
        loop {
            let text = event(stream).await.unwrap();
            let said = serde_json::from_str::<Value>(&text).unwrap_or_default();
            let at = said["parsed"][0]["price"]["publish_time"].as_u64().unwrap_or_default();
            if at > fair.clock.now().secs() + 3_600 {
                return;
            }
        }
    };
    timeout(PATIENCE, ahead(&mut stream)).await.unwrap();

    fair.venues.set_mood(VenueName::Pyth, VenueMood::Silent);
    let draining = async { while let Ok(Ok(Some(_))) = timeout(MANY_TICKS, stream.chunk()).await {} };
    timeout(PATIENCE, draining).await.unwrap();
    assert!(timeout(MANY_TICKS, stream.chunk()).await.is_err());
    fair.venues.set_mood(VenueName::Pyth, VenueMood::Refuses);
    while event(&mut stream).await.is_some() {}
}
