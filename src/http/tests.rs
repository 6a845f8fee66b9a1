use std::net::SocketAddr;

use async_trait::async_trait;
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::domain::ids::{AssetId, ChainName, SourceId};
use crate::domain::peg::{Band, Explanation, Neighbour, Neighbourhood, Panel, Peg, PegRule, VoteRule};
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{Price, Timestamp};
use crate::observe::{Event, Observer};

struct At(Duration);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_000).plus(self.0)
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy
    }

    fn uptime(&self) -> Duration {
        self.0
    }
}

/// One asset with a source that votes and one that is silent, and an asset whose watch does not answer.
struct Said;

#[async_trait]
impl Explains for Said {
    async fn explain(&self) -> Vec<(AssetId, Option<Explanation>)> {
        let now = Timestamp::from_secs(1_000);
        let usdc = AssetId::new("USDC");
        let votes = VoteRule { defend: 1, reenter: 1, agree_bps: 30, untrusted_bps: 150, outlier_bps: 30, outlier_mads: 4 };
        let band = |below_bps| Band { below_bps, hold: Duration::ZERO };
        let rule = PegRule {
            watch: band(25),
            stressed: band(50),
            depegged: band(100),
            crashed: band(200),
            reenter: band(25),
            reenter_slow: band(50),
            settle: Duration::ZERO,
            disable_after: Duration::from_secs(3_600),
            gap: Duration::from_secs(60),
        };
        let mut panel = Panel::new(Peg::unheard(usdc.clone(), now), rule, votes, Vec::new());
        let source = |id: &str, group| {
            let (id, asset, unit) = (SourceId::new(id), usdc.clone(), Unit::Usd);
            Arc::new(Source { id, asset, unit, group, advisory: false, good_for: Duration::from_secs(60) })
        };
        let reading = |source, quote| Reading { source, quote, as_of: now, block: None };
        let quote = Quote::exact(Price::parse("0.99876").unwrap(), Timestamp::from_secs(997));
        panel.hear(&reading(source("kraken:USDC", Group::UsdBooks), Ok(quote)));
        panel.hear(&reading(source("pyth:USDC", Group::Pyth), Err(ReadingFault::Unauthorised)));
        panel.judge(now, &Nobody);
        vec![(AssetId::new("DAI"), None), (usdc, Some(panel.explain(now, &Nobody)))]
    }
}

struct Nobody;

impl Neighbourhood for Nobody {
    fn of(&self, _: &AssetId) -> Option<Neighbour> {
        None
    }

    fn all(&self) -> Vec<Neighbour> {
        Vec::new()
    }
}

struct Served {
    address: SocketAddr,
    state: HttpState,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

async fn served(uptime: Duration) -> Served {
    let clock = Arc::new(At(uptime));
    let (heartbeats, readiness) = (Heartbeats::new(), Readiness::starting());
    let prices = Arc::new(Said);
    let state = HttpState { metrics: Metrics::new().unwrap(), heartbeats, readiness, prices, clock };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(serve(listener, state.clone(), async move { drop(stopped.await) }));
    Served { address, state, stop, task }
}

impl Served {
    async fn ask(&self, method: Method, page: &str) -> (u16, String, String) {
        let response = Client::new().request(method, format!("http://{}{page}", self.address)).send().await.unwrap();
        let content_type = response.headers().get("content-type").map_or(String::new(), |kind| kind.to_str().unwrap().to_owned());
        (response.status().as_u16(), content_type, response.text().await.unwrap())
    }

    async fn json(&self, page: &str) -> (u16, Value) {
        let (status, _, body) = self.ask(Method::GET, page).await;
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[tokio::test]
async fn metrics_are_shown_with_their_ages() {
    let served = served(Duration::from_secs(30)).await;
    let observer = Observer::new(served.state.metrics.clone(), served.state.clock.clone());
    let (chain, timestamp) = (ChainName::new("demo"), Timestamp::from_secs(1_018));
    observer.record(Event::BlockRead { chain, number: 7, timestamp, calls: 3, took: Duration::from_millis(20) });
    let (status, kind, text) = served.ask(Method::GET, "/metrics").await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4"));
    assert!(text.contains("ballast_chain_head_age_seconds{chain=\"demo\"} 12\n"), "{text}");
}

#[tokio::test]
async fn health_is_about_wedged_actors_only() {
    let served = served(Duration::from_secs(100)).await;
    let observer = Observer::new(served.state.metrics.clone(), served.state.clock.clone());
    observer.record(Event::ChainSilent { chain: ChainName::new("demo") });
    let (queue, pool) = (served.state.heartbeats.register("rebalance queue demo"), served.state.heartbeats.register("pool a"));
    queue.beat(Duration::from_secs(95));
    pool.beat(Duration::from_secs(95));
    assert_eq!(served.json("/healthz").await, (200, json!({ "status": "alive", "actors": 2 })));
    queue.beat(Duration::from_secs(40));
    let wedged = json!([{ "actor": "rebalance queue demo", "silent_seconds": 60 }]);
    assert_eq!(served.json("/healthz").await, (503, json!({ "error": "actors are wedged", "wedged": wedged })));
    drop(queue);
    assert_eq!(served.json("/healthz").await.0, 200, "a dead actor is not a wedged one");
}

#[tokio::test]
async fn readiness_says_what_stands_in_the_way() {
    let served = served(Duration::ZERO).await;
    assert_eq!(served.json("/readyz").await, (503, json!({ "error": "starting" })));
    served.state.readiness.ready();
    assert_eq!(served.json("/readyz").await, (200, json!({ "status": "ready" })));
    served.state.readiness.not_ready("shutting down");
    assert_eq!(served.json("/readyz").await, (503, json!({ "error": "shutting down" })));
}

#[tokio::test]
async fn faults_are_json_too() {
    let served = served(Duration::ZERO).await;
    assert_eq!(served.json("/nothing").await, (404, json!({ "error": "there is no such page" })));
    let (status, kind, body) = served.ask(Method::POST, "/metrics").await;
    assert_eq!((status, kind.as_str()), (405, "application/json"));
    assert_eq!(body, r#"{"error":"pages are read with GET"}"#);
}

#[tokio::test]
async fn shutdown_ends_the_listener_though_a_client_hangs() {
    let served = served(Duration::ZERO).await;
    let mut hanging = tokio::net::TcpStream::connect(served.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut hanging, b"GET /metrics HTTP/1.1\r\n").await.unwrap();
    assert_eq!(served.ask(Method::GET, "/readyz").await.0, 503, "it answers others");
    served.stop.send(()).unwrap();
    tokio::time::timeout(GRACE * 3, served.task).await.unwrap().unwrap().unwrap();
    assert!(Client::new().get(format!("http://{}/readyz", served.address)).send().await.is_err());
}

#[tokio::test]
async fn prices_are_told_vote_by_vote_and_what_is_unknown_is_absent() {
    let served = served(Duration::ZERO).await;
    let (status, _, body) = served.ask(Method::GET, "/prices").await;
    let page: PricesPage = serde_json::from_str(&body).unwrap();
    assert_eq!((status, page.unanswered.as_slice()), (200, ["DAI".to_owned()].as_slice()));
    let usdc = &page.assets[0];
    assert_eq!((usdc.state.as_str(), usdc.trust.as_str(), usdc.level.as_deref()), ("sound", "trusted", Some("0.99876")));
    let [kraken, pyth] = usdc.sources.as_slice() else { panic!("{body}") };
    assert_eq!((kraken.vote.as_deref(), kraken.written_ago, kraken.distance_bps), (Some("0.99876"), Some(3.0), Some(0)));
    assert_eq!((pyth.quote.as_deref(), pyth.vote.as_deref(), pyth.dismissed.as_deref()), (None, None, Some("unauthorised")));
    assert_eq!(pyth.reason.as_deref(), Some("the source refuses the key, or wants one"));
}
