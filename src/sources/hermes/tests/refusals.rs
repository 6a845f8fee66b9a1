//! Answers that are none, and what is asked instead.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::*;

fn busy(retry_after: Option<&'static str>) -> Response {
    match retry_after {
        Some(value) => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, value)]).into_response(),
        None => StatusCode::TOO_MANY_REQUESTS.into_response(),
    }
}

async fn refusing(refusal: impl Fn(&HeaderMap) -> Response + Send + Sync + 'static) -> Server {
    Server::acting(refusal, |_| unreachable!("this refusal is not about the stream")).await
}

#[tokio::test]
async fn a_pause_holds_for_as_long_as_it_is_asked_for_and_for_every_feed() {
    let server = refusing(|_| busy(Some("7"))).await;
    let hermes = hermes(&server.base, PATIENT);
    assert_eq!(listen(&feed(&hermes)).await.end, ReadingFault::RateLimited(Duration::from_secs(7)));
    for _ in 0..5 {
        let ReadingFault::RateLimited(rest) = listen(&feed(&hermes)).await.end else { panic!("no pause") };
        assert!(rest <= Duration::from_secs(7) && rest > Duration::from_secs(1), "{rest:?}");
    }
    assert_eq!(server.seen().len(), 1, "nothing is asked during the pause");
}

#[tokio::test]
async fn after_the_pause_it_is_asked_again() {
    let asked = AtomicUsize::new(0);
    let act = move |_: &HeaderMap| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => busy(Some("0")),
        _ => server::events(vec![say(&update(9_990, 0))]),
    };
    let server = refusing(act).await;
    let feed = feed(&hermes(&server.base, PATIENT));
    let ReadingFault::RateLimited(pause) = listen(&feed).await.end else { panic!("no pause") };
    assert_eq!(pause, Duration::from_secs(1), "no pause at all is not believed");
    sleep(pause).await;
    assert_eq!(listen(&feed).await.words(), ["9990"]);
}

#[tokio::test]
async fn a_pause_that_makes_no_sense_is_the_usual_one() {
    let cases = [
        (None, 60),
        (Some("Wed, 21 Oct 2026 07:28:00 GMT"), 60),
        (Some("-5"), 60),
        (Some("NaN"), 60),
        (Some("1e300"), 60),
        (Some("99999999"), 3_600),
        (Some(" 2.5 "), 2),
    ];
    for (value, secs) in cases {
        let server = refusing(move |_| busy(value)).await;
        let ReadingFault::RateLimited(pause) = heard(&server, PATIENT).await.end else { panic!("no pause") };
        assert_eq!(pause.as_secs(), secs, "{value:?}");
    }
}

#[tokio::test]
async fn a_shorter_pause_does_not_end_a_longer_one() {
    let server = Server::streaming(vec![]).await;
    let hermes = hermes(&server.base, PATIENT);
    for value in ["100", "1"] {
        let answer = axum::http::Response::builder().status(429).header("retry-after", value).body("").unwrap();
        assert!(hermes.judge(answer.into()).is_err());
    }
    assert!(hermes.pause().unwrap() > Duration::from_secs(90));
}

#[tokio::test]
async fn a_key_that_is_refused_is_a_fault_of_its_own() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let server = refusing(move |_| status.into_response()).await;
        assert_eq!(heard(&server, PATIENT).await.end, ReadingFault::Unauthorised);
        assert_eq!(server.routes(), ["stream"]);
    }
}

#[tokio::test]
async fn other_refusals_are_no_reason_to_poll() {
    for status in [400, 408, 500, 502, 503, 504] {
        let server = refusing(move |_| StatusCode::from_u16(status).unwrap().into_response()).await;
        let heard = heard(&server, PATIENT).await;
        assert_eq!(heard.end, ReadingFault::Disconnected(format!("Hermes answers {status}")));
    }
}

#[tokio::test]
async fn where_there_is_no_stream_the_newest_update_is_polled() {
    for refusal in [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED] {
        let texts = vec![update(9_990, -3), update(9_990, -3), update(9_980, -9), "garbage".to_owned(), update(9_970, -2)];
        let server = Server::polled(refusal, texts).await;
        let heard = heard(&server, HermesTimes { silence: BRISK, ..PATIENT }).await;
        assert_eq!(heard.words(), ["9990", "garbled", "9970"]);
        assert_eq!(heard.end, ReadingFault::Silent(BRISK), "the last update again and again is no news");
        let seen = server.seen();
        assert_eq!(seen[1].route, "/hermes/v2/updates/price/latest");
        assert_eq!(seen[1].query, format!("ids[]={FEED}&parsed=true"));
        assert_eq!((seen[1].accept.as_str(), seen[1].key.as_str()), ("application/json", "Bearer very-secret-key"));
    }
}

#[tokio::test]
async fn polling_keeps_its_distance() {
    let server = Server::polled(StatusCode::NOT_FOUND, vec![update(9_990, 0)]).await;
    let times = HermesTimes { poll: Duration::from_millis(60), silence: Duration::from_millis(200), ..PATIENT };
    assert_eq!(heard(&server, times).await.end.label(), "silent");
    assert!(server.seen().len() <= 6, "{:?}", server.routes());
}

#[tokio::test]
async fn polling_ends_so_that_the_stream_is_tried_again() {
    let server = Server::polled(StatusCode::NOT_FOUND, vec![update(9_990, 0)]).await;
    let heard = heard(&server, HermesTimes { poll_for: Duration::from_millis(50), ..PATIENT }).await;
    assert_eq!((heard.words(), heard.end.label()), (vec!["9990".to_owned()], "disconnected"));
}

#[tokio::test]
async fn refusals_of_the_newest_update_end_the_polling() {
    let none = |_: &HeaderMap| StatusCode::NOT_FOUND.into_response();
    let server = Server::acting(none, none).await;
    assert_eq!(heard(&server, PATIENT).await.end.to_string(), answers(StatusCode::NOT_FOUND).to_string());
    assert_eq!(server.routes(), ["stream", "latest"]);

    let server = Server::acting(none, |_| busy(Some("7"))).await;
    let hermes = hermes(&server.base, PATIENT);
    assert_eq!(listen(&feed(&hermes)).await.end, ReadingFault::RateLimited(Duration::from_secs(7)));
    assert_eq!(listen(&feed(&hermes)).await.end.label(), "rate_limited");
    assert_eq!(server.routes(), ["stream", "latest"]);

    let server = Server::acting(none, |_| StatusCode::UNAUTHORIZED.into_response()).await;
    assert_eq!(heard(&server, PATIENT).await.end, ReadingFault::Unauthorised);
}

#[tokio::test]
async fn an_update_that_is_polled_has_a_length_and_a_time() {
    let none = |_: &HeaderMap| StatusCode::NOT_FOUND.into_response();
    let endless = |_: &HeaderMap| server::body(vec![Step::Say(vec![b'x'; 16 * 1024]); 64]).into_response();
    let server = Server::acting(none, endless).await;
    let long = heard(&server, HermesTimes { poll_for: Duration::from_millis(1), ..PATIENT }).await;
    assert_eq!(long.words(), ["garbled"]);
    let binary = |_: &HeaderMap| server::body(vec![Step::Say(vec![0xFF; 10])]).into_response();
    let server = Server::acting(none, binary).await;
    let binary = heard(&server, HermesTimes { poll_for: Duration::from_millis(1), ..PATIENT }).await;
    assert_eq!(binary.words(), ["garbled"]);
    let slow = |_: &HeaderMap| server::body(vec![Step::Say(b"{".to_vec()), hold()]).into_response();
    let server = Server::acting(none, slow).await;
    let slow = heard(&server, IMPATIENT).await;
    assert_eq!(slow.end, ReadingFault::Disconnected("Hermes did not answer within 250ms".to_owned()));
    let broken = |_: &HeaderMap| server::body(vec![Step::Say(b"{".to_vec()), Step::Break]).into_response();
    let server = Server::acting(none, broken).await;
    assert_eq!(heard(&server, PATIENT).await.end.label(), "disconnected");
}
