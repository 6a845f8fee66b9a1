//! A place where alerts arrive, as Discord would take them.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The environment variable that names the webhook.
pub(crate) const VARIABLE: &str = "BALLAST__ALERTS__DISCORD_WEBHOOK";

/// The channel.
pub(crate) struct Discord {
    server: MockServer,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    taken: Mutex<Vec<Value>>,
    refused: Mutex<Vec<Instant>>,
    refuse: Mutex<Option<(usize, Duration)>>,
    news: Notify,
}

struct Channel(Arc<Inner>);

impl Respond for Channel {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut refuse = self.0.refuse.lock().unwrap();
        if let Some((left, pause)) = refuse.as_mut().filter(|(left, _)| *left > 0) {
            *left -= 1;
            self.0.refused.lock().unwrap().push(Instant::now());
            let secs = pause.as_secs_f64();
            return ResponseTemplate::new(429).insert_header("Retry-After", secs.to_string().as_str()).set_body_json(
                serde_json::json!({ "message": "You are being rate limited.", "retry_after": secs, "global": false }),
            );
        }
        self.0.taken.lock().unwrap().push(request.body_json().unwrap());
        self.0.news.notify_one();
        ResponseTemplate::new(200).set_body_json(serde_json::json!({ "id": "1" }))
    }
}

impl Discord {
    /// Takes everything.
    pub(crate) async fn open() -> Self {
        let (server, inner) = (MockServer::start().await, Arc::<Inner>::default());
        Mock::given(method("POST")).and(path("/api/webhooks/1/token")).respond_with(Channel(inner.clone())).mount(&server).await;
        Self { server, inner }
    }

    /// Refuses so many messages first, each with a pause.
    pub(crate) fn refuse(&self, messages: usize, pause: Duration) {
        *self.inner.refuse.lock().unwrap() = Some((messages, pause));
    }

    pub(crate) fn webhook(&self) -> String {
        format!("{}/api/webhooks/1/token", self.server.uri())
    }

    /// The embeds that were taken, oldest first.
    pub(crate) fn embeds(&self) -> Vec<Value> {
        self.inner.taken.lock().unwrap().iter().map(|message| message["embeds"][0].clone()).collect()
    }

    /// When messages were refused.
    pub(crate) fn refusals(&self) -> Vec<Instant> {
        self.inner.refused.lock().unwrap().clone()
    }

    /// The first embed that is wanted, now or when it comes.
    pub(crate) async fn embed(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let news = self.inner.news.notified();
                if let Some(embed) = self.embeds().into_iter().find(|embed| wanted(embed)) {
                    return embed;
                }
                news.await;
            }
        };
        let found = tokio::time::timeout(super::PATIENCE, wait).await;
        found.unwrap_or_else(|_| panic!("no message: {what}; there are {:#?}", self.embeds()))
    }
}

/// The value of a field of an embed; empty if there is none.
pub(crate) fn field(embed: &Value, name: &str) -> String {
    let fields = embed["fields"].as_array().cloned().unwrap_or_default();
    let found = fields.iter().find(|field| field["name"] == name);
    found.and_then(|field| field["value"].as_str()).unwrap_or_default().to_owned()
}
