//! Pyth's server, Hermes: the newest update at `/v2/updates/price/latest`, and all of them as server-sent events at
//! `/v2/updates/price/stream`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response, Sse};
use axum::routing::get;
use axum::{Json, Router};
use futures::{Stream, stream};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::mood::{GARBAGE, VenueMood};
use super::tape::{Quote, Tape};

/// Where the routes begin.
pub(super) const PATH: &str = "/hermes";
/// How a signed update begins; what follows has no signatures in this world, and nobody here checks them.
const BINARY: &str = "504e41550100000000";

struct Shared {
    tape: watch::Receiver<Tape>,
    /// What a client has to show.
    bearer: Option<String>,
}

/// Serves until `closed` is, and hangs up then.
pub(super) async fn serve(
    listener: TcpListener,
    tape: watch::Receiver<Tape>,
    key: Option<&'static str>,
    closed: oneshot::Receiver<()>,
) {
    let shared = Arc::new(Shared { tape, bearer: key.map(|key| format!("Bearer {key}")) });
    let routes = Router::new().route("/latest", get(latest)).route("/stream", get(events));
    let app = Router::new().nest(&format!("{PATH}/v2/updates/price"), routes).with_state(shared);
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = closed.await;
    });
    if let Err(fault) = server.await {
        tracing::warn!(%fault, "the local Hermes has stopped");
    }
}

/// What a client asks for.
struct Wish {
    feeds: Vec<String>,
    parsed: bool,
}

async fn latest(State(shared): State<Arc<Shared>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let wish = match admit(&shared, &headers, query) {
        Ok(wish) => wish,
        Err(refusal) => return refusal.into_response(),
    };
    let mut tape = shared.tape.clone();
    // A silent server leaves the question open until its mood changes.
    let Ok(tape) = tape.wait_for(|tape| tape.mood != VenueMood::Silent).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match tape.mood {
        VenueMood::Garbage => GARBAGE.into_response(),
        VenueMood::Refuses => too_many().into_response(),
        _ => Json(update(&wish, &tape)).into_response(),
    }
}

async fn events(State(shared): State<Arc<Shared>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    match admit(&shared, &headers, query) {
        Ok(wish) => {
            let mut tape = shared.tape.clone();
            tape.mark_changed();
            Sse::new(updates(wish, tape)).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// An event for each tape, until the server closes or its mood ends it.
fn updates(wish: Wish, tape: watch::Receiver<Tape>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((wish, tape), |(wish, mut tape)| async move {
        loop {
            tape.changed().await.ok()?;
            let text = {
                let tape = tape.borrow_and_update();
                match tape.mood {
                    VenueMood::Silent => continue,
                    VenueMood::Refuses => return None,
                    VenueMood::Garbage => GARBAGE.to_owned(),
                    VenueMood::Honest | VenueMood::Lies(_) | VenueMood::Skewed(_) => update(&wish, &tape).to_string(),
                }
            };
            return Some((Ok(Event::default().data(text)), (wish, tape)));
        }
    })
}

/// A refusal: a status, words for people, and how long to wait, if that helps.
struct Refusal {
    status: StatusCode,
    words: String,
    retry_after: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), retry_after: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let headers = self.retry_after.map(|secs| [(RETRY_AFTER, secs)]);
        let response = (self.status, self.words).into_response();
        match headers {
            Some(headers) => (headers, response).into_response(),
            None => response,
        }
    }
}

fn too_many() -> Refusal {
    Refusal { retry_after: Some("1"), ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded") }
}

/// Lets a request in, or says why not.
fn admit(shared: &Shared, headers: &HeaderMap, query: Option<String>) -> Result<Wish, Refusal> {
    let tape = shared.tape.borrow();
    if tape.mood == VenueMood::Refuses {
        return Err(too_many());
    }
    if let Some(bearer) = &shared.bearer
        && headers.get(AUTHORIZATION).is_none_or(|shown| shown.as_bytes() != bearer.as_bytes())
    {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized"));
    }
    let bad = |words: &str| Refusal::new(StatusCode::BAD_REQUEST, format!("Failed to deserialize query string: {words}"));
    let url = Url::parse(&format!("http://hermes/?{}", query.unwrap_or_default())).map_err(|_| bad("it is none"))?;
    let mut wish = Wish { feeds: Vec::new(), parsed: true };
    let mut unknown = Vec::new();
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("ids[]", id) => {
                let id = id.strip_prefix("0x").unwrap_or(id).to_ascii_lowercase();
                if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(bad("ids[] is no identifier of a feed"));
                }
                if tape.quote(&id).is_some() { wish.feeds.push(id) } else { unknown.push(format!("0x{id}")) }
            }
            ("parsed", "false") => wish.parsed = false,
            ("encoding", encoding) if encoding != "hex" => return Err(bad("encoding is not hex")),
            _ => {}
        }
    }
    if !unknown.is_empty() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("Price ids not found: {}", unknown.join(", "))));
    }
    if wish.feeds.is_empty() { Err(bad("missing field `ids`")) } else { Ok(wish) }
}

fn update(wish: &Wish, tape: &Tape) -> Value {
    let quotes = wish.feeds.iter().filter_map(|feed| tape.quote(feed));
    let mut payload = json!({ "binary": { "encoding": "hex", "data": [BINARY] } });
    if wish.parsed
        && let Some(payload) = payload.as_object_mut()
    {
        payload.insert("parsed".to_owned(), quotes.map(|quote| entry(quote, tape)).collect());
    }
    payload
}

fn entry(quote: &Quote, tape: &Tape) -> Value {
    // Whole numbers of 1e-8, in strings.
    let raw = |number: f64| format!("{:.0}", number * 1e8);
    let at = tape.at.secs();
    let price = json!({ "price": raw(quote.price), "conf": raw(quote.half), "expo": -8, "publish_time": at });
    json!({
        "id": quote.pair.name,
        // Over an hour Pyth smooths a price; what stands in for that here is the price.
        "ema_price": price,
        "price": price,
        // A slot of Pyth's chain takes 400 milliseconds.
        "metadata": { "slot": tape.at.millis() / 400, "proof_available_time": at, "prev_publish_time": at.saturating_sub(1) },
    })
}
