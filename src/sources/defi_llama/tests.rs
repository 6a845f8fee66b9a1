use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const POOL: &str = "aa70268e-4b52-42bf-a116-608b370f9501";
const KEY: &str = "very-secret-key";

fn history(days: &serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "status": "success", "data": days }))
}

async fn answering(response: ResponseTemplate) -> (MockServer, DefiLlama) {
    let server = MockServer::start().await;
    Mock::given(method("GET")).and(path(format!("/{KEY}/chart/{POOL}"))).respond_with(response).mount(&server).await;
    let llama = DefiLlama::new(&format!("{}/{KEY}", server.uri()).into(), POOL).unwrap();
    (server, llama)
}

async fn asked(response: ResponseTemplate) -> Result<Testimony, YieldFault> {
    let (_server, llama) = answering(response).await;
    llama.ask().await
}

#[tokio::test]
async fn the_newest_day_counts_without_its_rewards() {
    let day = |timestamp: &str, apy, base: Option<f64>| json!({ "timestamp": timestamp, "tvlUsd": 412_345_678, "apy": apy, "apyBase": base, "apyReward": 1.0, "il7d": null });
    let days = json!([
        day("2023-03-10T23:01:27.000Z", 2.1, Some(2.1)),
        day("2023-03-12T22:01:27.500Z", 5.4, Some(4.4)),
        day("2023-03-11T23:01:27.000Z", 69.0, Some(68.0)),
    ]);
    let said = asked(history(&days)).await.unwrap();
    assert_eq!((said.apy.to_string(), said.at.to_string()), ("4.40 %".to_owned(), "2023-03-12T22:01:27Z".to_owned()));
    let plain = asked(history(&json!([day("2023-03-12T22:01:27.500Z", 3.25, None)]))).await.unwrap();
    assert_eq!(plain.apy.to_string(), "3.25 %", "not every pool tells the two apart");
}

#[tokio::test]
async fn the_servers_address_may_end_with_a_slash_or_not() {
    let (server, _) = answering(history(&json!([{ "timestamp": "2023-03-12T22:01:27.500Z", "apy": 1.0 }]))).await;
    for base in [format!("{}/{KEY}", server.uri()), format!("{}/{KEY}/", server.uri())] {
        assert!(DefiLlama::new(&base.into(), POOL).unwrap().ask().await.is_ok());
    }
    assert!(DefiLlama::new(&"mailto:x".to_owned().into(), POOL).is_err());
    assert!(DefiLlama::new(&"x".to_owned().into(), POOL).is_err());
}

#[tokio::test]
async fn every_broken_answer_is_told_by_name() {
    let day = |apy: serde_json::Value| history(&json!([{ "timestamp": "2023-03-12T22:01:27.500Z", "apy": apy }]));
    let text = |text: &str| ResponseTemplate::new(200).set_body_string(text);
    for (what, response, label) in [
        ("an error", ResponseTemplate::new(503), "unreachable"),
        ("too many requests", ResponseTemplate::new(429), "unreachable"),
        ("a redirect", ResponseTemplate::new(302).insert_header("location", "https://elsewhere.example"), "unreachable"),
        ("nothing", ResponseTemplate::new(200), "failed_call"),
        ("a page", text("<html>"), "failed_call"),
        ("no success", text(r#"{"status":"error"}"#), "failed_call"),
        ("no days", history(&json!([])), "failed_call"),
        ("a day without a time", history(&json!([{ "timestamp": "yesterday", "apy": 1.0 }])), "failed_call"),
        ("a day before all time", history(&json!([{ "timestamp": "1969-01-01T00:00:00Z", "apy": 1.0 }])), "failed_call"),
        ("a day without a yield", day(json!(null)), "failed_call"),
        ("a text for a yield", day(json!("4.4")), "failed_call"),
        ("less than nothing", day(json!(-0.5)), "implausible"),
        ("more than any yield", day(json!(1e9)), "implausible"),
        ("a history without an end", text(&" ".repeat(MOST_BYTES + 1)), "failed_call"),
    ] {
        assert_eq!(asked(response).await.unwrap_err().label(), label, "{what}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_told_without_its_address() {
    let (server, llama) = answering(ResponseTemplate::new(500)).await;
    let mut faults = vec![llama.ask().await.unwrap_err()];
    drop(server);
    faults.push(DefiLlama::new(&format!("http://127.0.0.1:1/{KEY}").into(), POOL).unwrap().ask().await.unwrap_err());
    for fault in faults {
        assert_eq!(fault.label(), "unreachable");
        assert!(!format!("{fault} {fault:?} {llama:?}").contains(KEY), "{fault:?}");
    }
}
