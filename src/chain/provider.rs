//! JSON-RPC to one node. Every request goes through [`Node::ask`]: counted, limited in time, and with errors that name the host at
//! most, because providers put access tokens into their addresses.

mod pace;
mod scrub;

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{ProviderBuilder, RootProvider};
use alloy::pubsub::{ConnectionHandle, PubSubConnect, RawSubscription};
use alloy::rpc::client::{ClientBuilder, RpcClient, WsConnect};
use alloy::transports::{RpcError, TransportError, TransportErrorKind, TransportResult};
use alloy_primitives::{Address, B256, Bytes};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::timeout;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::ports::LinkFault;

use self::pace::Pace;
use self::scrub::Scrubber;

/// A time limit for requests that suits public providers.
pub const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A websocket whose other side does not answer a ping within this time is dead.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// So many logs are kept for a listener who is busy.
const LOGS_AT_ONCE: usize = 256;

/// HTTP status of a node that wants fewer requests.
const TOO_MANY: u16 = 429;

/// Told the method of every request before it goes out, subscriptions included.
pub type RequestHook = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Why a request gave no answer. Holds no part of the node's address but its host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskFault {
    /// No connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The node is there and wants fewer requests (HTTP status 429): it is busy, not dead.
    #[error("the node asks for fewer requests (HTTP status 429){}", pause.map_or_else(String::new, |pause| format!(", again after {pause:?}")))]
    Busy {
        /// How long it wants to be left alone, if it says so.
        pause: Option<Duration>,
    },
    /// The node answered with an error.
    #[error("{message} (code {code})")]
    Answered {
        /// JSON-RPC code; nodes do not agree on them.
        code: i64,
        /// The node's words; nodes do not agree on them either.
        message: String,
        /// Revert data, if the error carries some.
        data: Option<Bytes>,
    },
    /// The answer is not what the protocol promises.
    #[error("{0}")]
    Garbled(String),
}

impl AskFault {
    /// A finite, stable word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::Busy { .. } => "busy",
            Self::Answered { .. } => "answered",
            Self::Garbled(_) => "garbled",
        }
    }
}

impl From<AskFault> for LinkFault {
    fn from(fault: AskFault) -> Self {
        match fault {
            AskFault::Unreachable(what) => Self::Unreachable(what),
            AskFault::TimedOut(limit) => Self::TimedOut(limit),
            AskFault::Busy { .. } | AskFault::Answered { .. } | AskFault::Garbled(_) => Self::Refused(fault.to_string()),
        }
    }
}

/// One node, over one transport. Clones share the connection.
#[derive(Clone)]
pub struct Node {
    client: RpcClient,
    limit: Duration,
    on_request: RequestHook,
    scrubber: Arc<Scrubber>,
    pace: Option<Arc<Pace>>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("host", &self.scrubber.host()).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Node {
    /// A node over HTTP. Nothing is sent yet.
    ///
    /// # Errors
    /// The address is no URL, or the client cannot be built.
    pub fn http(url: &SecretString, limit: Duration, on_request: RequestHook) -> Result<Self, AskFault> {
        Self::http_with_token(url, None, limit, on_request)
    }

    /// The same for a service that wants to know who asks: the token goes into the `Authorization` header of every request.
    ///
    /// # Errors
    /// The address is no URL, the token cannot stand in a header, or the client cannot be built.
    pub fn http_with_token(
        url: &SecretString,
        token: Option<&SecretString>,
        limit: Duration,
        on_request: RequestHook,
    ) -> Result<Self, AskFault> {
        let url = parse(url)?;
        let scrubber = Arc::new(Scrubber::of(&url).and(token.map(ExposeSecret::expose_secret)));
        let client = reqwest::Client::builder()
            .default_headers(token.map(authorization).transpose()?.unwrap_or_default())
            .timeout(limit)
            .connect_timeout(limit)
            .build()
            .map_err(|error| AskFault::Unreachable(scrubber.clean(&chain_of(&error.without_url()))))?;
        Ok(Self { client: ClientBuilder::default().http_with_client(client, url), limit, on_request, scrubber, pace: None })
    }

    /// A node over a new websocket. The connection is never renewed: when it breaks, every request fails at once and subscriptions
    /// end, so that whoever listens knows that heads were missed.
    ///
    /// # Errors
    /// The address is no URL, or nobody answers there in time.
    pub async fn websocket(url: &SecretString, limit: Duration, on_request: RequestHook) -> Result<Self, AskFault> {
        let scrubber = Arc::new(Scrubber::of(&parse(url)?));
        let connect = WsConnect::new(url.expose_secret()).with_max_retries(0).with_keepalive_interval(KEEPALIVE);
        let client = match timeout(limit, ClientBuilder::default().pubsub(OneConnection(connect))).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(fault(error, &scrubber, limit)),
            Err(_) => return Err(AskFault::TimedOut(limit)),
        };
        Ok(Self { client, limit, on_request, scrubber, pace: None })
    }

    /// The same node, asked at most so many times a second. Requests beyond that wait; those made by [`Node::hand_over`] never do.
    #[must_use]
    pub fn paced(self, per_second: NonZeroU32) -> Self {
        Self { pace: Some(Arc::new(Pace::new(per_second))), ..self }
    }

    /// Its host, with the port when the address names one: all of the address that may be shown.
    #[must_use]
    pub fn host(&self) -> &str {
        self.scrubber.place()
    }

    /// Sends one request and decodes its answer.
    ///
    /// # Errors
    /// See [`AskFault`].
    pub async fn ask<P, R>(&self, method: &'static str, params: P) -> Result<R, AskFault>
    where
        P: Serialize + Clone + fmt::Debug + Send + Sync + Unpin + 'static,
        R: DeserializeOwned + fmt::Debug + Send + Sync + Unpin + 'static,
    {
        if let Some(pace) = &self.pace {
            pace.wait().await;
        }
        self.hand_over(method, params).await
    }

    /// The same without waiting for the pace: for what cannot wait, the handing over of a transaction.
    ///
    /// # Errors
    /// See [`AskFault`].
    pub async fn hand_over<P, R>(&self, method: &'static str, params: P) -> Result<R, AskFault>
    where
        P: Serialize + Clone + fmt::Debug + Send + Sync + Unpin + 'static,
        R: DeserializeOwned + fmt::Debug + Send + Sync + Unpin + 'static,
    {
        (self.on_request)(method);
        self.within(self.client.request(method, params)).await
    }

    /// Sends one request that alloy builds, because its extension of the protocol puts something into the headers. The provider that it
    /// is built with has no fillers: nothing is added to what is asked.
    ///
    /// # Errors
    /// See [`AskFault`].
    pub(in crate::chain) async fn carry<C, R>(
        &self,
        method: &'static str,
        build: impl FnOnce(RootProvider) -> C,
    ) -> Result<R, AskFault>
    where
        C: IntoFuture<Output = TransportResult<R>>,
    {
        (self.on_request)(method);
        let provider = ProviderBuilder::new().disable_recommended_fillers().connect_client(self.client.clone());
        self.within(build(provider)).await
    }

    /// Subscribes to new heads; only over a websocket.
    ///
    /// # Errors
    /// See [`AskFault`].
    pub async fn subscribe_heads(&self) -> Result<RawSubscription, AskFault> {
        self.subscribe(("newHeads",)).await
    }

    /// Subscribes to the logs of any of `addresses` with any of `topics` first; only over a websocket.
    ///
    /// # Errors
    /// See [`AskFault`].
    pub async fn subscribe_logs(&self, addresses: &BTreeSet<Address>, topics: &[B256]) -> Result<RawSubscription, AskFault> {
        if let Some(pubsub) = self.client.pubsub_frontend() {
            // One block brings the logs of many contracts at once.
            pubsub.set_channel_size(LOGS_AT_ONCE);
        }
        self.subscribe(("logs", json!({ "address": addresses, "topics": [topics] }))).await
    }

    /// Asks the node to forget a subscription; does not wait for it. On a connection that is over there is nothing to forget.
    pub(in crate::chain) fn unsubscribe(&self, subscription: &RawSubscription) {
        if let Some(pubsub) = self.client.pubsub_frontend() {
            (self.on_request)("eth_unsubscribe");
            let _ = pubsub.unsubscribe(*subscription.local_id());
        }
    }

    async fn subscribe<P>(&self, to: P) -> Result<RawSubscription, AskFault>
    where
        P: Serialize + Clone + fmt::Debug + Send + Sync + Unpin + 'static,
    {
        let Some(pubsub) = self.client.pubsub_frontend() else {
            return Err(AskFault::Garbled("this transport has no subscriptions".to_owned()));
        };
        (self.on_request)("eth_subscribe");
        let mut call = self.client.request::<_, B256>("eth_subscribe", to);
        call.set_is_subscription();
        let id = self.within(call).await?;
        self.within(pubsub.get_subscription(id)).await
    }

    async fn within<T>(&self, answer: impl IntoFuture<Output = TransportResult<T>>) -> Result<T, AskFault> {
        // alloy writes the whole address into a tracing span of every HTTP request.
        let untold = answer.into_future().with_subscriber(Dispatch::none());
        match timeout(self.limit, untold).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(fault(error, &self.scrubber, self.limit)),
            Err(_) => Err(AskFault::TimedOut(self.limit)),
        }
    }
}

/// alloy renews a broken websocket once even when told not to, and subscribes again behind the listener's back. This one cannot.
struct OneConnection(WsConnect);

impl PubSubConnect for OneConnection {
    fn is_local(&self) -> bool {
        self.0.is_local()
    }

    async fn connect(&self) -> TransportResult<ConnectionHandle> {
        self.0.connect().await
    }

    async fn try_reconnect(&self) -> TransportResult<ConnectionHandle> {
        Err(TransportErrorKind::non_retryable_str("the connection is over"))
    }
}

fn parse(url: &SecretString) -> Result<Url, AskFault> {
    Url::parse(url.expose_secret()).map_err(|_| AskFault::Unreachable("the configured address is no URL".to_owned()))
}

/// The header, marked so that nothing prints it.
fn authorization(token: &SecretString) -> Result<HeaderMap, AskFault> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| AskFault::Unreachable("the configured token cannot stand in a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// Takes alloy's error apart: its own texts contain the address.
fn fault(error: TransportError, scrubber: &Scrubber, limit: Duration) -> AskFault {
    match error {
        RpcError::ErrorResp(payload) => {
            let data = payload.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
            let data = data.as_ref().and_then(revert_data);
            AskFault::Answered { code: payload.code, message: scrubber.clean(&payload.message), data }
        }
        RpcError::Transport(kind) => transport_fault(kind, scrubber, limit),
        RpcError::DeserError { err, .. } => AskFault::Garbled(scrubber.clean(&format!("an answer that does not decode: {err}"))),
        RpcError::NullResp => AskFault::Garbled("an empty answer".to_owned()),
        RpcError::SerError(_) | RpcError::LocalUsageError(_) | RpcError::UnsupportedFeature(_) => {
            AskFault::Garbled("the request cannot be built".to_owned())
        }
    }
}

fn transport_fault(kind: TransportErrorKind, scrubber: &Scrubber, limit: Duration) -> AskFault {
    match kind {
        TransportErrorKind::HttpError(error) if error.status == TOO_MANY => AskFault::Busy { pause: None },
        TransportErrorKind::HttpErrorWithRetryAfter { error, retry_after } if error.status == TOO_MANY => {
            AskFault::Busy { pause: Some(retry_after) }
        }
        TransportErrorKind::HttpError(error) | TransportErrorKind::HttpErrorWithRetryAfter { error, .. } => {
            AskFault::Garbled(scrubber.clean(&format!("HTTP status {}: {}", error.status, error.body)))
        }
        TransportErrorKind::Custom(error) => match error.downcast::<reqwest::Error>() {
            Ok(error) if error.is_timeout() => AskFault::TimedOut(limit),
            Ok(error) => AskFault::Unreachable(scrubber.at_host(&chain_of(&error.without_url()))),
            Err(error) => AskFault::Unreachable(scrubber.at_host(&chain_of(error.as_ref()))),
        },
        TransportErrorKind::BackendGone => AskFault::Unreachable(scrubber.at_host("the websocket is closed")),
        other => AskFault::Unreachable(scrubber.at_host(&other.to_string())),
    }
}

/// An error and all its causes, in one line.
fn chain_of(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// Finds revert data in an error's `data`, which is a hexadecimal string (geth, reth, anvil), one after the word `Reverted`
/// (`OpenEthereum`'s children), or an object around it (hardhat).
fn revert_data(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(text) => text.strip_prefix("Reverted ").unwrap_or(text).parse().ok().filter(|_| text.contains("0x")),
        Value::Object(fields) => fields.get("data").and_then(|inner| match inner {
            Value::String(_) => revert_data(inner),
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::testing::Lines;

    #[test]
    fn revert_data_is_found_in_every_wrapping() {
        let found = |json: &str| revert_data(&serde_json::from_str(json).unwrap());
        let expected = Some(Bytes::from_static(&[0x08, 0xc3, 0x79, 0xa0]));
        assert_eq!(found(r#""0x08c379a0""#), expected);
        assert_eq!(found(r#""Reverted 0x08c379a0""#), expected);
        assert_eq!(found(r#"{"message":"x","data":"0x08c379a0"}"#), expected);
        assert_eq!(found(r#""0x""#), Some(Bytes::new()));
        assert_eq!(found(r#""out of gas""#), None);
        assert_eq!(found(r#"{"rate":{"backoff_seconds":1}}"#), None);
    }

    #[tokio::test]
    async fn the_most_talkative_log_does_not_show_the_address() {
        let (log, _guard) = Lines::kept(tracing::Level::TRACE);
        let url = SecretString::from("http://127.0.0.1:9/v3/0123456789abcdef".to_owned());
        let node = Node::http(&url, Duration::from_secs(1), Arc::new(|_| {})).unwrap();
        tracing::info!("asking");
        assert!(node.ask::<_, Value>("eth_chainId", ()).await.is_err());
        let url = SecretString::from("ws://127.0.0.1:9/v3/0123456789abcdef".to_owned());
        assert!(Node::websocket(&url, Duration::from_secs(1), Arc::new(|_| {})).await.is_err());
        let log = log.text();
        assert!(log.contains("asking") && !log.contains("0123456789abcdef"), "{log}");
    }

    #[tokio::test]
    async fn no_fault_names_more_than_the_host() {
        let url = SecretString::from("http://user:hunter22@127.0.0.1:9/v3/0123456789abcdef?token=s3cr3tt0ken".to_owned());
        let node = Node::http(&url, Duration::from_secs(1), Arc::new(|_| {})).unwrap();
        let fault = node.ask::<_, Value>("eth_chainId", ()).await.unwrap_err();
        for text in [fault.to_string(), format!("{fault:?}"), format!("{node:?}"), LinkFault::from(fault).to_string()] {
            assert!(text.contains("127.0.0.1"), "{text}");
            for secret in ["hunter22", "0123456789abcdef", "s3cr3tt0ken", "user"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        let bad = Node::http(&SecretString::from("hunter22 no url".to_owned()), USUAL_TIMEOUT, Arc::new(|_| {})).unwrap_err();
        assert!(!format!("{bad:?}").contains("hunter22"));
    }
}
