//! The server: two routes, each with what it does at each request.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::{FEED, NOW};

/// What a stream does next; after the last step it ends.
#[derive(Clone)]
pub(super) enum Step {
    Say(Vec<u8>),
    Wait(Duration),
    /// The connection breaks.
    Break,
}

/// An event with data.
pub(super) fn say(data: &str) -> Step {
    Step::Say(format!("data:{data}\n\n").into_bytes())
}

/// For ever, as far as a test goes.
pub(super) fn hold() -> Step {
    Step::Wait(Duration::from_secs(60))
}

/// A price update of our feed as Hermes sends it: basis points of a dollar, and seconds after [`NOW`].
pub(super) fn update(bps: i64, after: i64) -> String {
    message(FEED, &quoted(bps, after))
}

pub(super) fn quoted(bps: i64, after: i64) -> Value {
    let at = i64::try_from(NOW).unwrap() + after;
    json!({ "price": (bps * 10_000).to_string(), "conf": "50000", "expo": -8, "publish_time": at })
}

pub(super) fn message(feed: &str, quoted: &Value) -> String {
    let metadata = json!({ "slot": 1, "proof_available_time": 2, "prev_publish_time": 3 });
    let entry = json!({ "id": feed, "price": quoted, "ema_price": quoted, "metadata": metadata });
    json!({ "binary": { "encoding": "hex", "data": ["504e4155"] }, "parsed": [entry] }).to_string()
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) route: String,
    pub(super) query: String,
    pub(super) accept: String,
    pub(super) key: String,
}

type Act = dyn Fn(&HeaderMap) -> Response + Send + Sync;

struct Inner {
    stream: Box<Act>,
    latest: Box<Act>,
    seen: Mutex<Vec<Seen>>,
}

pub(super) struct Server {
    pub(super) base: String,
    inner: Arc<Inner>,
}

impl Server {
    /// Does the steps at each request for the stream, and has no other route.
    pub(super) async fn streaming(steps: Vec<Step>) -> Self {
        Self::acting(move |_| events(steps.clone()), |_| StatusCode::NOT_FOUND.into_response()).await
    }

    /// Refuses the stream with a status, and answers the question for the newest update with the next of some texts, or the last.
    pub(super) async fn polled(refusal: StatusCode, texts: Vec<String>) -> Self {
        let asked = Mutex::new(0);
        let latest = move |_: &HeaderMap| {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            ([(header::CONTENT_TYPE, "application/json")], texts[texts.len().min(*asked) - 1].clone()).into_response()
        };
        Self::acting(move |_| refusal.into_response(), latest).await
    }

    pub(super) async fn acting(
        stream: impl Fn(&HeaderMap) -> Response + Send + Sync + 'static,
        latest: impl Fn(&HeaderMap) -> Response + Send + Sync + 'static,
    ) -> Self {
        let inner = Arc::new(Inner { stream: Box::new(stream), latest: Box::new(latest), seen: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/hermes", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, inner }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// The routes that were asked for, in order.
    pub(super) fn routes(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.route.rsplit('/').next().unwrap().to_owned()).collect()
    }
}

async fn answer(State(inner): State<Arc<Inner>>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    inner.seen.lock().unwrap().push(Seen {
        route: uri.path().to_owned(),
        query: query.unwrap_or_default(),
        accept: text(header::ACCEPT),
        key: text(header::AUTHORIZATION),
    });
    match uri.path() {
        "/hermes/v2/updates/price/stream" => (inner.stream)(&headers),
        "/hermes/v2/updates/price/latest" => (inner.latest)(&headers),
        _ => StatusCode::IM_A_TEAPOT.into_response(),
    }
}

/// An answer that is a stream of events.
pub(super) fn events(steps: Vec<Step>) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body(steps)).into_response()
}

/// An answer whose body comes step by step.
pub(super) fn body(steps: Vec<Step>) -> Body {
    Body::from_stream(stream::iter(steps).filter_map(|step| async {
        match step {
            Step::Say(bytes) => {
                // What is said at once may come at once: a chunk of its own is sent when the one before it has left.
                tokio::task::yield_now().await;
                Some(Ok(bytes))
            }
            Step::Wait(time) => {
                sleep(time).await;
                None
            }
            Step::Break => Some(Err("broken on purpose")),
        }
    }))
}
