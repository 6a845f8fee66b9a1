//! Neither the key nor the address is told to anybody else.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::*;
use crate::observe::testing::Lines;

/// Repeats the key in every place where an answer has room.
fn echo(status: StatusCode, kind: &'static str, headers: &HeaderMap) -> Response {
    let key = headers.get(header::AUTHORIZATION).unwrap().to_str().unwrap().to_owned();
    let text = format!("event: error\ndata: {key}\n\ndata: {key}\n\ndata: {{\"parsed\":\"{key}\"}}\n\n");
    (status, [(header::CONTENT_TYPE, kind), (header::RETRY_AFTER, "soon")], text).into_response()
}

#[tokio::test]
async fn neither_the_key_nor_the_address_is_in_any_fault_or_log() {
    let (log, _guard) = Lines::kept(tracing::Level::TRACE);
    tracing::info!("listening");
    let mut told = Vec::new();
    for status in [200, 302, 400, 401, 403, 404, 405, 429, 500, 501, 503] {
        for kind in ["text/event-stream", "application/json", "text/html"] {
            let status = StatusCode::from_u16(status).unwrap();
            let act = move |headers: &HeaderMap| echo(status, kind, headers);
            let server = Server::acting(act, move |headers| echo(StatusCode::OK, kind, headers)).await;
            let hermes = hermes(&server.base, HermesTimes { poll_for: Duration::from_millis(1), ..PATIENT });
            let heard = listen(&feed(&hermes)).await;
            assert!(!server.seen().is_empty());
            told.push(format!("{:?} {} {hermes:?}", heard.end, heard.end));
            for said in heard.said {
                let fault = said.unwrap_err();
                told.push(format!("{fault:?} {fault}"));
            }
        }
    }
    let base = "http://user:hidden-password@127.0.0.1:1/hidden-path".parse().unwrap();
    let dead = Arc::new(Hermes::new(HermesSettings { base, key: None, times: PATIENT }).unwrap());
    told.push(format!("{:?}", listen(&feed(&dead)).await.end));
    let told = told.join("\n");
    let log = log.text();
    assert!(log.contains("listening") && told.contains("Garbled") && told.contains("cannot be reached"), "{told}");
    for text in [told, log] {
        for secret in [KEY, "hidden-password", "hidden-path"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let elsewhere = Server::streaming(vec![say(&update(9_990, 0))]).await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/v2/updates/price/stream", elsewhere.base);
        let act =
            move |_: &HeaderMap| (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, target.clone())]).into_response();
        let server = Server::acting(act, |_| unreachable!()).await;
        let end = heard(&server, PATIENT).await.end.to_string();
        assert_eq!(
            end,
            format!("the source is not connected: Hermes answers {status}: it is elsewhere, and the key is not sent after it")
        );
    }
    assert!(elsewhere.seen().is_empty());
}

#[test]
fn settings_that_cannot_work_are_refused_without_their_secrets() {
    let refused = |base: &str, key: Option<&str>| {
        let settings = HermesSettings { base: base.parse().unwrap(), key: key.map(Into::into), times: PATIENT };
        Hermes::new(settings).unwrap_err()
    };
    for fault in [
        refused("ftp://host/hidden", None),
        refused("data:hidden", None),
        refused(PYTH, Some("hidden\nkey")),
        refused(PYTH, Some("")),
        refused("https://user:hidden@host/", Some("key")),
    ] {
        assert!(!fault.contains("hidden"), "{fault}");
    }
    let settings = HermesSettings { base: PYTH.parse().unwrap(), key: None, times: HermesTimes::default() };
    let route = Hermes::new(settings).unwrap().route(STREAM, feed_id());
    assert_eq!(route.as_str(), format!("https://pyth.dourolabs.app/hermes/v2/updates/price/stream?ids[]={FEED}&parsed=true"));
}
