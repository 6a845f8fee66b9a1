//! A node that lies. The proxy stands before a real node, hands requests on, and does wrong what [`Faults`] say: it hides receipts,
//! lags, loses answers, swallows transactions. Tests put it between Ballast and its nodes.
//!
//! Over HTTP only: a websocket is relayed byte by byte to the node behind, honestly, because that is how the two differ in earnest
//! (pushed heads come from one machine, answers from another).

mod faults;
mod lag;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy_primitives::{Bytes, keccak256};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::anvil::AnvilError;
use super::fault::WorldError;
use faults::Treatment;

pub use faults::{ANY, Fault, Faults};

/// Longer than any client waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running proxy. It ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: Faults,
    closed: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

impl Proxy {
    /// Stands before the node at `upstream` (`127.0.0.1:8545`), on a free port of the loopback interface.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(upstream: SocketAddr, faults: Faults) -> Result<Self, WorldError> {
        let port = |fault| WorldError::Node(AnvilError::Port(fault));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(port)?;
        let address = listener.local_addr().map_err(port)?;
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|fault| WorldError::Rpc { method: "connect", fault: fault.to_string() })?;
        let closed = Arc::new(AtomicBool::new(false));
        let node = Upstream { client, url: format!("http://{upstream}") };
        let app = App { node, faults: faults.clone(), closed: closed.clone() };
        let router = Router::new().fallback(answer).with_state(app);
        let (sorted, connections) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        tasks.spawn(sort(listener, upstream, sorted));
        tasks.spawn(async move {
            let _ = axum::serve(Sorted { address, connections }, router).await;
        });
        Ok(Self { address, faults, closed, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its HTTP address.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The WebSocket address of the same.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Steers it.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// Tells websockets from JSON-RPC over HTTP, which knows no method but POST, and relays the former.
async fn sort(listener: TcpListener, upstream: SocketAddr, sorted: mpsc::Sender<(TcpStream, SocketAddr)>) {
    let mut relays = JoinSet::new();
    loop {
        let Ok((mut outside, peer)) = listener.accept().await else { continue };
        let sorted = sorted.clone();
        relays.spawn(async move {
            let mut first = [0];
            if matches!(outside.peek(&mut first).await, Ok(1)) && first == *b"G" {
                if let Ok(mut inside) = TcpStream::connect(upstream).await {
                    let _ = copy_bidirectional(&mut outside, &mut inside).await;
                }
            } else {
                let _ = sorted.send((outside, peer)).await;
            }
        });
        while relays.try_join_next().is_some() {}
    }
}

/// The connections that are not relayed.
struct Sorted {
    address: SocketAddr,
    connections: mpsc::Receiver<(TcpStream, SocketAddr)>,
}

impl axum::serve::Listener for Sorted {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

#[derive(Clone)]
struct App {
    node: Upstream,
    faults: Faults,
    closed: Arc<AtomicBool>,
}

/// The node behind.
#[derive(Clone)]
struct Upstream {
    client: reqwest::Client,
    url: String,
}

impl Upstream {
    /// Hands a request on; an answer that is no JSON-RPC becomes a JSON-RPC error.
    async fn forward(&self, request: &Value) -> Value {
        let failed = |fault: reqwest::Error| refusal(request, -32_603, &fault.without_url().to_string());
        match self.client.post(&self.url).json(request).send().await {
            Ok(answer) => answer.json().await.unwrap_or_else(failed),
            Err(fault) => failed(fault),
        }
    }

    /// A question of the proxy's own.
    async fn ask(&self, method: &str, params: Value) -> Value {
        let mut answer = self.forward(&json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params })).await;
        answer.get_mut("result").map(Value::take).unwrap_or_default()
    }
}

/// What becomes of one request.
enum Reply {
    Json(Value),
    Status(StatusCode, Option<u64>),
    /// The connection is closed.
    None,
}

async fn answer(State(app): State<App>, body: axum::body::Bytes) -> Response {
    let request: Value = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(fault) => return (StatusCode::BAD_REQUEST, fault.to_string()).into_response(),
    };
    let reply = match request {
        Value::Array(requests) => {
            let mut answers = Vec::with_capacity(requests.len());
            for request in &requests {
                match app.treat(request).await {
                    Reply::Json(answer) => answers.push(answer),
                    other => return other.into_response(),
                }
            }
            Reply::Json(answers.into())
        }
        request => app.treat(&request).await,
    };
    if app.closed.load(Ordering::Relaxed) { Reply::None.into_response() } else { reply.into_response() }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Json(answer) => axum::Json(answer).into_response(),
            Self::Status(status, None) => (status, "the proxy says so").into_response(),
            Self::Status(status, Some(pause)) => {
                (status, [(header::RETRY_AFTER, pause.to_string())], "the proxy says so").into_response()
            }
            // A body that breaks takes the connection with it.
            Self::None => {
                let broken = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
                Body::from_stream(stream::iter([Err::<Vec<u8>, _>(broken)])).into_response()
            }
        }
    }
}

impl App {
    async fn treat(&self, request: &Value) -> Reply {
        if self.closed.load(Ordering::Relaxed) {
            return Reply::None;
        }
        let Treatment { fault, lag } = self.faults.treat(at(request, "/method").as_str().unwrap_or_default());
        let honest = async || Reply::Json(lag::forward(&self.node, request, lag).await);
        let Some(fault) = fault else { return honest().await };
        match fault {
            Fault::Null => Reply::Json(result(request, &Value::Null)),
            Fault::Say(said) => Reply::Json(result(request, &said)),
            Fault::Error { code, message } => Reply::Json(refusal(request, code, &message)),
            Fault::Busy { pause_secs } => Reply::Status(StatusCode::TOO_MANY_REQUESTS, Some(pause_secs)),
            Fault::Broken => Reply::Status(StatusCode::INTERNAL_SERVER_ERROR, None),
            Fault::Hang => match std::future::pending::<Infallible>().await {},
            Fault::HangUp => Reply::None,
            Fault::LoseAnswer => {
                honest().await;
                Reply::None
            }
            Fault::Swallow => match swallowed(request) {
                Some(answer) => Reply::Json(answer),
                None => honest().await,
            },
            Fault::Twice => {
                honest().await;
                honest().await
            }
            Fault::Late(pause) => {
                tokio::time::sleep(pause).await;
                honest().await
            }
            Fault::Stale(blocks) => Reply::Json(lag::forward(&self.node, request, lag.max(blocks)).await),
        }
    }
}

/// A part of it, or `null`.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// The hash of a transaction that nobody hears of.
fn swallowed(request: &Value) -> Option<Value> {
    let is_send = at(request, "/method") == "eth_sendRawTransaction";
    let raw: Bytes = at(request, "/params/0").as_str().filter(|_| is_send)?.parse().ok()?;
    Some(result(request, &json!(keccak256(&raw))))
}

fn result(request: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": at(request, "/id"), "result": result })
}

fn refusal(request: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": at(request, "/id"), "error": { "code": code, "message": message } })
}
