use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::domain::units::Timestamp;
use crate::ports::Severity;

const TOKEN: &str = "very-secret-token";

fn alert() -> Alert {
    Alert {
        severity: Severity::Critical,
        key: "peg/USDC/depegged".to_owned(),
        title: "USDC is off its peg".to_owned(),
        facts: vec![("Asset".to_owned(), "USDC".to_owned()), ("Price".to_owned(), "$0.9700".to_owned())],
        link: Some("https://explorer.invalid/tx/0x01".to_owned()),
        at: Timestamp::from_secs(1_700_000_000),
    }
}

fn sink(server: &str) -> DiscordSink {
    DiscordSink::new(format!("{server}/api/webhooks/1/{TOKEN}").into(), Client::new())
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let webhook = Mock::given(method("POST")).and(path(format!("/api/webhooks/1/{TOKEN}"))).and(query_param("wait", "true"));
    webhook.respond_with(response).mount(&server).await;
    server
}

async fn fault(response: ResponseTemplate) -> AlertFault {
    let server = answering(response).await;
    sink(&server.uri()).deliver(&alert()).await.unwrap_err()
}

async fn delivered(alert: &Alert) -> Value {
    let server = answering(ResponseTemplate::new(200)).await;
    sink(&server.uri()).deliver(alert).await.unwrap();
    server.received_requests().await.unwrap()[0].body_json().unwrap()
}

#[tokio::test]
async fn an_alert_is_one_embed() {
    let expected = json!({
        "username": "Ballast",
        "allowed_mentions": { "parse": [] },
        "embeds": [{
            "title": "USDC is off its peg",
            "color": 0xE7_4C3C,
            "url": "https://explorer.invalid/tx/0x01",
            "timestamp": "2023-11-14T22:13:20Z",
            "footer": { "text": "peg/USDC/depegged" },
            "fields": [
                { "name": "Asset", "value": "USDC", "inline": true },
                { "name": "Price", "value": "$0.9700", "inline": true },
            ],
        }],
    });
    assert_eq!(delivered(&alert()).await, expected);
}

#[tokio::test]
async fn no_limit_of_discord_is_passed() {
    let long = "🏦".repeat(5_000);
    let facts = (0..40).map(|_| (long.clone(), long.clone())).collect();
    let body = delivered(&Alert { title: long.clone(), key: long.clone(), facts, link: None, ..alert() }).await;
    let embed = &body["embeds"][0];
    let length = |text: &Value| text.as_str().unwrap().encode_utf16().count();
    let fields = embed["fields"].as_array().unwrap();
    assert!(length(&embed["title"]) <= 256 && embed["title"].as_str().unwrap().ends_with('…'));
    assert!(fields.len() <= 25 && fields.iter().all(|field| length(&field["name"]) <= 256 && length(&field["value"]) <= 1_024));
    let texts: usize = fields.iter().map(|field| length(&field["name"]) + length(&field["value"])).sum();
    assert!(texts + length(&embed["title"]) + length(&embed["footer"]["text"]) <= 6_000);

    let many = (0..40).map(|n| (format!("fact {n}"), String::new())).collect();
    let body = delivered(&Alert { facts: many, ..alert() }).await;
    let fields = body["embeds"][0]["fields"].as_array().unwrap();
    assert_eq!((fields.len(), &fields[0]["value"]), (25, &json!("–")), "an empty value is refused by Discord");
}

#[tokio::test]
async fn a_rate_limit_is_honoured_from_header_and_body() {
    let limited = |template: ResponseTemplate| fault(template);
    let body = json!({ "message": "You are being rate limited.", "retry_after": 1.5, "global": false });
    let both = ResponseTemplate::new(429).insert_header("Retry-After", "1").set_body_json(body);
    assert_eq!(limited(both).await, AlertFault::RateLimited(Duration::from_millis(1_500)));
    let header = ResponseTemplate::new(429).insert_header("Retry-After", "65");
    assert_eq!(limited(header).await, AlertFault::RateLimited(Duration::from_secs(65)));
    let neither = ResponseTemplate::new(429).set_body_string("<html>");
    assert_eq!(limited(neither).await, AlertFault::RateLimited(PAUSE));
    let absurd = ResponseTemplate::new(429).insert_header("Retry-After", "1e300").set_body_json(json!({ "retry_after": 1e9 }));
    assert_eq!(limited(absurd).await, AlertFault::RateLimited(LONGEST_PAUSE));
}

#[tokio::test]
async fn a_refusal_is_final_and_a_breakdown_is_not() {
    let gone = ResponseTemplate::new(404).set_body_json(json!({ "message": "Unknown Webhook", "code": 10_015 }));
    assert_eq!(fault(gone).await, AlertFault::Refused("Discord answers 404 with code 10015".to_owned()));
    assert_eq!(fault(ResponseTemplate::new(400)).await, AlertFault::Refused("Discord answers 400".to_owned()));
    assert_eq!(fault(ResponseTemplate::new(503)).await, AlertFault::Unreachable("Discord answers 503".to_owned()));
    assert!(matches!(fault(ResponseTemplate::new(408)).await, AlertFault::Unreachable(_)));
}

#[tokio::test]
async fn slowness_and_absence_are_unreachable() {
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(5))).await;
    let slow = DiscordSink { timeout: Duration::from_millis(50), ..sink(&server.uri()) };
    let fault = slow.deliver(&alert()).await.unwrap_err();
    assert_eq!(fault, AlertFault::Unreachable("Discord did not answer in time".to_owned()));
    let fault = sink("http://127.0.0.1:1").deliver(&alert()).await.unwrap_err();
    assert_eq!(fault, AlertFault::Unreachable("Discord cannot be reached".to_owned()));
}

#[tokio::test]
async fn nothing_that_is_shown_holds_the_webhook() {
    for address in ["http://127.0.0.1:1", "ftp://127.0.0.1", "no address"] {
        let sink = sink(address);
        let fault = sink.deliver(&alert()).await.unwrap_err();
        let shown = format!("{fault} {fault:?} {sink:?}");
        assert!(!shown.contains(TOKEN) && !shown.contains("webhooks"), "{shown}");
    }
}
