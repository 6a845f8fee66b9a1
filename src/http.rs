//! The listener for machines that watch: `/metrics`, `/healthz`, `/readyz` and `/prices`. It reads what is in memory and asks nobody
//! outside of the process, so it answers while every node is away.

mod prices;
mod readiness;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use crate::observe::heartbeat::{Heartbeats, WEDGED_AFTER};
use crate::observe::metrics::Metrics;
use crate::ports::{Clock, Explains};

pub use prices::{AssetLines, GroupLine, PricesPage, SourceLine};
pub use readiness::Readiness;

/// How long a request may take on after the shutdown began.
const GRACE: Duration = Duration::from_secs(2);

/// What the pages show.
#[derive(Clone)]
pub struct HttpState {
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/healthz`.
    pub heartbeats: Heartbeats,
    /// For `/readyz`.
    pub readiness: Readiness,
    /// For `/prices`.
    pub prices: Arc<dyn Explains>,
    /// The time of all pages.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for HttpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpState").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

/// The pages.
pub fn router(state: HttpState) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/prices", get(prices_page))
        .fallback(|| async { fault(StatusCode::NOT_FOUND, "there is no such page") })
        .method_not_allowed_fallback(|| async { fault(StatusCode::METHOD_NOT_ALLOWED, "pages are read with GET") })
        .with_state(state)
}

/// Answers on `listener` until `shutdown` completes, and then finishes the requests under way, for at most two seconds.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: HttpState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (told, mut hears) = tokio::sync::watch::channel(());
    let signal = async move {
        shutdown.await;
        drop(told);
    };
    let overdue = async move {
        // Nothing is ever sent: this ends when the sender is gone.
        while hears.changed().await.is_ok() {}
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = axum::serve(listener, router(state)).with_graceful_shutdown(signal) => served,
        () = overdue => Ok(()),
    }
}

async fn metrics(State(state): State<HttpState>) -> Response {
    match state.metrics.render(state.clock.now(), state.clock.uptime()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(broken) => fault(StatusCode::INTERNAL_SERVER_ERROR, &format!("the metrics cannot be written: {broken}")),
    }
}

/// Whether the process makes progress. Nodes, prices and sinks have no say: restarting this process mends none of them.
async fn healthz(State(state): State<HttpState>) -> Response {
    let ages = state.heartbeats.oldest(state.clock.uptime());
    let wedged: Vec<_> = ages
        .iter()
        .filter(|(_, age)| *age > WEDGED_AFTER)
        .map(|(actor, age)| json!({ "actor": actor, "silent_seconds": age.as_secs() }))
        .collect();
    if wedged.is_empty() {
        Json(json!({ "status": "alive", "actors": ages.len() })).into_response()
    } else {
        let body = json!({ "error": "actors are wedged", "wedged": wedged });
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    }
}

/// It says nothing that is secret: sources are named by their settings, and faults carry no address.
async fn prices_page(State(state): State<HttpState>) -> Response {
    Json(PricesPage::of(&state.prices.explain().await)).into_response()
}

async fn readyz(State(state): State<HttpState>) -> Response {
    match state.readiness.obstacle() {
        None => Json(json!({ "status": "ready" })).into_response(),
        Some(obstacle) => fault(StatusCode::SERVICE_UNAVAILABLE, &obstacle),
    }
}

fn fault(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "error": words }))).into_response()
}
