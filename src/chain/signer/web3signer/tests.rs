//! Against a server that speaks the protocol and really signs, and against liars.

use std::sync::Arc;
use std::time::Duration;

use alloy::consensus::SignableTransaction;
use alloy::network::TxSignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::U256;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::testing::{ACCOUNT, KEY, draft, secret};
use super::super::transaction;
use super::*;

const CHAIN: u64 = 31_337;
const TOKEN: &str = "s3cr3tt0ken";

/// What the server does with the transaction that it understood.
#[derive(Clone)]
enum Conduct {
    Signs,
    /// Signs something else.
    Changes(fn(&mut TxEip1559)),
    OtherKey,
    Says(Value),
    Refuses(&'static str),
    Fails,
    Hangs,
}

#[derive(Clone)]
struct Server {
    conduct: Conduct,
    key: PrivateKeySigner,
}

/// As the real one: parameters are hexadecimal texts, the call data stands in `data`, the chain id is its own.
fn understand(params: &Value) -> TxEip1559 {
    let field = |name: &str| params[0][name].as_str().unwrap_or_else(|| panic!("no {name} in {params}"));
    let number = |name: &str| u128::from_str_radix(field(name).strip_prefix("0x").unwrap(), 16).unwrap();
    assert_eq!(field("from").parse::<Address>().unwrap(), ACCOUNT);
    TxEip1559 {
        chain_id: CHAIN,
        nonce: number("nonce").try_into().unwrap(),
        gas_limit: number("gas").try_into().unwrap(),
        max_fee_per_gas: number("maxFeePerGas"),
        max_priority_fee_per_gas: number("maxPriorityFeePerGas"),
        to: field("to").parse::<Address>().unwrap().into(),
        value: U256::from(number("value")),
        input: field("data").parse().unwrap(),
        ..TxEip1559::default()
    }
}

async fn answer(State(server): State<Arc<Server>>, headers: HeaderMap, body: String) -> Response {
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        return (StatusCode::UNAUTHORIZED, format!("who is {headers:?}?")).into_response();
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(request["method"], "eth_signTransaction");
    let mut tx = understand(&request["params"]);
    let mut key = server.key.clone();
    let reply =
        |name: &str, value: Value| axum::Json(json!({ "jsonrpc": "2.0", "id": request["id"], name: value })).into_response();
    match &server.conduct {
        Conduct::Signs => {}
        Conduct::Changes(change) => change(&mut tx),
        Conduct::OtherKey => key = PrivateKeySigner::random(),
        Conduct::Says(value) => return reply("result", value.clone()),
        Conduct::Refuses(words) => return reply("error", json!({ "code": -32_000, "message": words })),
        Conduct::Fails => return (StatusCode::INTERNAL_SERVER_ERROR, "out of order").into_response(),
        Conduct::Hangs => std::future::pending().await,
    }
    let signature = key.sign_transaction_sync(&mut tx).unwrap();
    reply("result", json!(Bytes::from(tx.into_signed(signature).encoded_2718())))
}

async fn signer_with(conduct: Conduct, token: Option<&str>) -> Web3Signer {
    let server = Arc::new(Server { conduct, key: KEY.parse().unwrap() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(answer)).with_state(server);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings =
        Web3SignerSettings { url: secret(&url), token: token.map(secret), account: ACCOUNT, timeout: Duration::from_millis(500) };
    Web3Signer::new(&settings, Arc::new(|_| {})).unwrap()
}

async fn signer(conduct: Conduct) -> Web3Signer {
    signer_with(conduct, Some(TOKEN)).await
}

#[tokio::test]
async fn what_it_signs_is_the_transaction_that_was_asked_for() {
    let remote = signer(Conduct::Signs).await;
    let tx = remote.sign(&draft(30, 2), CHAIN).await.unwrap();
    assert_eq!(tx.hash, keccak256(&tx.raw));
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(&tx.raw).unwrap() else { panic!("other type") };
    assert_eq!(*signed.tx(), transaction(&draft(30, 2), CHAIN).unwrap());
    assert_eq!((remote.address(), signed.recover_signer().unwrap()), (ACCOUNT, ACCOUNT));
    // The cancellation: no data at all.
    let mut cancellation = draft(30, 2);
    cancellation.call.data = Bytes::new();
    cancellation.call.target = ACCOUNT;
    assert!(remote.sign(&cancellation, CHAIN).await.is_ok());
}

#[tokio::test]
async fn whatever_it_changes_is_noticed_and_named() {
    type Change = fn(&mut TxEip1559);
    let changes: [(&str, Change); 9] = [
        ("chain id", |tx| tx.chain_id = 1),
        ("nonce", |tx| tx.nonce = 8),
        ("gas limit", |tx| tx.gas_limit += 1),
        ("maximum fee", |tx| tx.max_fee_per_gas += 1),
        ("tip", |tx| tx.max_priority_fee_per_gas -= 1),
        ("receiver", |tx| tx.to = Address::repeat_byte(6).into()),
        ("value", |tx| tx.value = U256::from(1)),
        ("access list", |tx| tx.access_list.0.push(alloy::eips::eip2930::AccessListItem::default())),
        ("data", |tx| tx.input = Bytes::from_static(&[1, 2])),
    ];
    for (name, change) in changes {
        let fault = signer(Conduct::Changes(change)).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
        let words = format!("it signed another transaction than it was asked for: {name}");
        assert_eq!(fault, SendFault::Signer(words), "{name}");
    }
    // It is on another chain than we are.
    let fault = signer(Conduct::Signs).await.sign(&draft(30, 2), 1).await.unwrap_err();
    assert!(fault.to_string().ends_with(": chain id"), "{fault}");
}

#[tokio::test]
async fn a_signature_of_somebody_else_and_bytes_that_are_no_transaction_are_refused() {
    let fault = signer(Conduct::OtherKey).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
    assert!(matches!(&fault, SendFault::Signer(words) if words.contains("the signature is of 0x")), "{fault}");

    let good = signer(Conduct::Signs).await.sign(&draft(30, 2), CHAIN).await.unwrap().raw;
    let longer = Bytes::from([good.as_ref(), &[0]].concat());
    for garbage in [json!("0x"), json!("0x1234"), json!(longer)] {
        let fault = signer(Conduct::Says(garbage)).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
        assert_eq!(fault, SendFault::Signer("the answer is no signed EIP-1559 transaction".to_owned()));
    }
    let fault = signer(Conduct::Refuses("Signer not found for 0x008a")).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
    assert!(matches!(&fault, SendFault::Signer(words) if words.contains("Signer not found")), "{fault}");
    assert!(!fault.may_pass());
}

#[tokio::test]
async fn a_signer_that_is_away_may_be_tried_again() {
    for conduct in [Conduct::Fails, Conduct::Hangs, Conduct::Says(json!(200)), Conduct::Says(Value::Null)] {
        let fault = signer(conduct).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
        assert!(matches!(fault, SendFault::SignerAway(_)) && fault.may_pass(), "{fault:?}");
    }
    let nowhere =
        Web3SignerSettings { url: secret("http://127.0.0.1:9"), token: None, account: ACCOUNT, timeout: Duration::from_secs(1) };
    let fault = Web3Signer::new(&nowhere, Arc::new(|_| {})).unwrap().sign(&draft(30, 2), CHAIN).await.unwrap_err();
    assert!(matches!(&fault, SendFault::SignerAway(words) if words.starts_with("127.0.0.1: ")), "{fault}");
}

#[tokio::test]
async fn the_token_goes_to_the_signer_and_nowhere_else() {
    for token in [None, Some("another-token")] {
        let signer = signer_with(Conduct::Signs, token).await;
        let fault = signer.sign(&draft(30, 2), CHAIN).await.unwrap_err();
        // The server quotes the header.
        assert!(!format!("{fault} {fault:?} {signer:?}").contains("another-token"), "{fault}");
        assert!(fault.to_string().contains("401"), "{fault}");
    }
    let settings = Web3SignerSettings {
        url: secret("http://127.0.0.1:9/v1/0123456789abcdef"),
        token: Some(secret("hunter22\n")),
        account: ACCOUNT,
        timeout: Duration::from_secs(1),
    };
    let fault = Web3Signer::new(&settings, Arc::new(|_| {})).unwrap_err();
    for text in [fault.to_string(), format!("{settings:?}")] {
        assert!(!text.contains("hunter22") && !text.contains("0123456789abcdef"), "{text}");
    }
}
