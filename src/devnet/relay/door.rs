//! The relay's door: JSON-RPC with signed requests, and the page that tells what became of a transaction.

use std::sync::Arc;

use alloy::providers::ext::{FLASHBOTS_SIGNATURE_HEADER, verify_flashbots_signature};
use alloy::rpc::types::mev::{EthCancelPrivateTransaction, EthSendPrivateTransaction};
use alloy_primitives::{Address, B256};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::book::End;
use super::{Lie, Mood, Shared};

/// JSON-RPC codes.
const INVALID_REQUEST: i64 = -32_600;
const METHOD_NOT_FOUND: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;
const SERVER_ERROR: i64 = -32_000;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/", post(rpc)).route("/tx/{hash}", get(status)).with_state(shared)
}

#[derive(Deserialize)]
struct Request {
    id: Value,
    method: String,
    params: Vec<Value>,
}

/// A refusal: the JSON-RPC code and words for people.
struct Refusal(i64, String);

impl Refusal {
    fn params(words: &impl ToString) -> Self {
        Self(INVALID_PARAMS, words.to_string())
    }
}

async fn rpc(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let identity = headers
        .get(FLASHBOTS_SIGNATURE_HEADER)
        .ok_or_else(|| format!("{FLASHBOTS_SIGNATURE_HEADER} is missing"))
        .and_then(|value| value.to_str().map_err(|fault| fault.to_string()))
        .and_then(|value| verify_flashbots_signature(value, &body).map_err(|fault| fault.to_string()));
    let identity = match identity {
        Ok(identity) => identity,
        Err(words) => return (StatusCode::FORBIDDEN, fault(&Value::Null, &Refusal(INVALID_REQUEST, words))).into_response(),
    };
    shared.book().greet(identity);
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return fault(&Value::Null, &Refusal(INVALID_REQUEST, error.to_string())).into_response(),
    };
    let answer = match request.method.as_str() {
        "eth_sendPrivateTransaction" => match submit(&shared, &request.params, identity).await {
            Ok(hash) => return said_in_mood(&shared, &request.id, hash).await,
            Err(refusal) => Err(refusal),
        },
        "eth_cancelPrivateTransaction" => parameter::<EthCancelPrivateTransaction>(&request.params)
            .map(|order| json!(shared.book().cancel(order.tx_hash, identity))),
        other => Err(Refusal(METHOD_NOT_FOUND, format!("the method {other} does not exist"))),
    };
    match answer {
        Ok(result) => good(&request.id, &result).into_response(),
        Err(refusal) => fault(&request.id, &refusal).into_response(),
    }
}

async fn submit(shared: &Shared, params: &[Value], identity: Address) -> Result<B256, Refusal> {
    let order: EthSendPrivateTransaction = parameter(params)?;
    let away = |fault: super::WorldError| Refusal(SERVER_ERROR, fault.to_string());
    let newest = shared.upstream.height().await.map_err(away)?;
    let taken = shared.book().take(order.tx, identity, newest, order.max_block_number);
    let held = taken.map_err(|words| Refusal::params(&words))?;
    if held.public {
        shared.upstream.ask::<_, B256>("eth_sendRawTransaction", (held.raw,)).await.map_err(away)?;
    }
    Ok(held.hash)
}

/// What it says to a submission that it has taken.
async fn said_in_mood(shared: &Shared, id: &Value, hash: B256) -> Response {
    let mood = shared.book().mood;
    let Mood::Lies(lie) = mood else { return good(id, &json!(hash)).into_response() };
    let refuse = |words: &str| fault(id, &Refusal(SERVER_ERROR, words.to_owned())).into_response();
    match lie {
        Lie::Number => good(id, &json!(200)).into_response(),
        Lie::Null => good(id, &Value::Null).into_response(),
        Lie::OtherHash => good(id, &json!(!hash)).into_response(),
        Lie::NonceSpent => refuse("nonce too low: next nonce 1000000042, tx nonce 0"),
        Lie::NoFunds => refuse("insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1"),
        Lie::OutOfOrder => (StatusCode::SERVICE_UNAVAILABLE, "out of order").into_response(),
        Lie::Silence => std::future::pending().await,
        Lie::PendingForEver => good(id, &json!(hash)).into_response(),
    }
}

async fn status(State(shared): State<Arc<Shared>>, Path(hash): Path<B256>) -> Response {
    let mood = shared.book().mood;
    let receipt = shared.upstream.ask::<_, Option<Value>>("eth_getTransactionReceipt", (hash,)).await;
    let word = {
        let book = shared.book();
        match (mood, receipt, book.ends.get(&hash)) {
            (Mood::Lies(Lie::PendingForEver), ..) => "PENDING",
            (Mood::Lies(Lie::Silence), ..) => "",
            (_, Ok(Some(_)), _) => "INCLUDED",
            (_, Ok(None), Some(End::Cancelled)) => "CANCELLED",
            (_, Ok(None), Some(End::Failed)) => "FAILED",
            (_, Ok(None), None) if book.held.iter().any(|held| held.hash == hash) => "PENDING",
            (_, Ok(None) | Err(_), _) => "UNKNOWN",
        }
    };
    if word.is_empty() {
        std::future::pending::<()>().await;
    }
    Json(json!({ "status": word, "hash": hash })).into_response()
}

fn parameter<T: DeserializeOwned>(params: &[Value]) -> Result<T, Refusal> {
    let first = params.first().cloned().ok_or_else(|| Refusal::params(&"a parameter is missing"))?;
    serde_json::from_value(first).map_err(|fault| Refusal::params(&fault))
}

fn good(id: &Value, result: &Value) -> Json<Value> {
    Json(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn fault(id: &Value, Refusal(code, message): &Refusal) -> Json<Value> {
    Json(json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }))
}
