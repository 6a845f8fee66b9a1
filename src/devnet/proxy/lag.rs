//! A request as a node answers it that is some blocks behind: what happened in the blocks that it does not have has not happened.

use alloy_primitives::U64;
use serde_json::{Value, json};

use super::{Upstream, at, refusal, result};

/// Where a request names the block whose state it asks for.
fn state_at(method: &str) -> Option<usize> {
    match method {
        "eth_call" | "eth_estimateGas" | "eth_getBalance" | "eth_getTransactionCount" | "eth_getCode" => Some(1),
        "eth_getStorageAt" => Some(2),
        _ => None,
    }
}

/// Hands a request on to a node, and answers as if that were `lag` blocks behind.
pub(super) async fn forward(node: &Upstream, request: &Value, lag: u64) -> Value {
    if lag == 0 {
        return node.forward(request).await;
    }
    let method = at(request, "/method").as_str().unwrap_or_default();
    let newest = number(&node.ask("eth_blockNumber", json!([])).await).unwrap_or_default().saturating_sub(lag);
    match method {
        "eth_blockNumber" => result(request, &json!(U64::from(newest))),
        "eth_getBlockByNumber" => match at(request, "/params/0") {
            tag if is_newest(tag) => node.forward(&with(request, 0, json!(U64::from(newest)))).await,
            tag if number(tag).is_some_and(|number| number > newest) => result(request, &Value::Null),
            _ => node.forward(request).await,
        },
        "eth_getBlockByHash" => unless_younger(node.forward(request).await, "/result/number", newest),
        "eth_getTransactionReceipt" | "eth_getTransactionByHash" => {
            unless_younger(node.forward(request).await, "/result/blockNumber", newest)
        }
        _ => match state_at(method) {
            Some(place) => state(node, request, place, newest).await,
            None => node.forward(request).await,
        },
    }
}

async fn state(node: &Upstream, request: &Value, place: usize, newest: u64) -> Value {
    let block = at(request, &format!("/params/{place}"));
    if block.is_null() || is_newest(block) {
        return node.forward(&with(request, place, json!(U64::from(newest)))).await;
    }
    let height = match block.get("blockHash") {
        Some(hash) => number(at(&node.ask("eth_getBlockByHash", json!([hash, false])).await, "/number")),
        None => number(block),
    };
    if height.is_some_and(|height| height > newest) {
        return refusal(request, -32_000, "header not found");
    }
    node.forward(request).await
}

fn is_newest(tag: &Value) -> bool {
    tag == "latest" || tag == "pending"
}

fn number(value: &Value) -> Option<u64> {
    value.as_str()?.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok())
}

/// The request with another parameter.
fn with(request: &Value, place: usize, value: Value) -> Value {
    let mut request = request.clone();
    if let Some(params) = request.get_mut("params").and_then(Value::as_array_mut) {
        params.resize(params.len().max(place.saturating_add(1)), Value::Null);
        if let Some(param) = params.get_mut(place) {
            *param = value;
        }
    }
    request
}

/// Nothing, when what was found is in a block that the node does not have.
fn unless_younger(mut answer: Value, field: &str, newest: u64) -> Value {
    if number(at(&answer, field)).is_some_and(|number| number > newest)
        && let Some(result) = answer.get_mut("result")
    {
        *result = Value::Null;
    }
    answer
}
