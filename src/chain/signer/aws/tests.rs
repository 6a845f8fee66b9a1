//! Against an endpoint over HTTP that speaks KMS's protocol and holds a real key. It signs with fresh randomness, as KMS does.

use std::sync::Arc;

use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Decodable2718;
use alloy::signers::aws::aws_sdk_kms::config::Credentials;
use alloy::signers::k256::ecdsa::signature::hazmat::RandomizedPrehashSigner;
use alloy::signers::k256::ecdsa::{Signature, SigningKey};
use alloy::signers::k256::elliptic_curve::rand_core::OsRng;
use alloy_primitives::{hex, keccak256};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::testing::{ACCOUNT, KEY, draft};
use super::*;

const CHAIN: u64 = 31_337;
/// What stands before the point in a public key of this curve (RFC 5480, SEC 2).
const SPKI: [u8; 23] = hex!("3056301006072a8648ce3d020106052b8104000a034200");

#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    Signs,
    /// Another key than the one it showed.
    OtherKey,
    Refuses(StatusCode, &'static str),
    Hangs,
}

async fn answer(State(conduct): State<Arc<Conduct>>, headers: HeaderMap, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    assert!(headers["authorization"].to_str().unwrap().contains("AKIDTEST"), "signed by the caller");
    assert_eq!(request["KeyId"], "alias/keeper");
    let key = SigningKey::from_slice(&hex::decode(KEY).unwrap()).unwrap();
    let reply = |status: StatusCode, body: Value| {
        (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
    };
    if headers["x-amz-target"] == "TrentService.GetPublicKey" {
        let point = key.verifying_key().to_encoded_point(false);
        let public = BASE64_STANDARD.encode([&SPKI, point.as_bytes()].concat());
        return reply(StatusCode::OK, json!({ "KeyId": "k", "PublicKey": public, "KeySpec": "ECC_SECG_P256K1" }));
    }
    assert_eq!(headers["x-amz-target"], "TrentService.Sign");
    assert_eq!((&request["MessageType"], &request["SigningAlgorithm"]), (&json!("DIGEST"), &json!("ECDSA_SHA_256")));
    let digest = BASE64_STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
    let key = match *conduct {
        Conduct::Signs => key,
        Conduct::OtherKey => SigningKey::random(&mut OsRng),
        Conduct::Refuses(status, kind) => return reply(status, json!({ "__type": kind, "message": "no" })),
        Conduct::Hangs => std::future::pending().await,
    };
    let signature: Signature = key.sign_prehash_with_rng(&mut OsRng, &digest).unwrap();
    let der = BASE64_STANDARD.encode(signature.to_der());
    reply(StatusCode::OK, json!({ "KeyId": "k", "Signature": der, "SigningAlgorithm": "ECDSA_SHA_256" }))
}

async fn signer(conduct: Conduct) -> AwsKmsSigner {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(answer)).with_state(Arc::new(conduct));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"));
    let config = config.load().await;
    let settings =
        AwsKmsSettings { key: "alias/keeper".to_owned(), region: None, endpoint: None, timeout: Duration::from_secs(5) };
    let mut signer = AwsKmsSigner::with_config(&config, &settings).await.unwrap();
    if conduct == Conduct::Hangs {
        signer.limit = Duration::from_millis(300);
    }
    signer
}

#[tokio::test]
async fn the_same_draft_gives_other_bytes_each_time_and_all_of_them_are_the_accounts() {
    let signer = signer(Conduct::Signs).await;
    assert_eq!((signer.address(), format!("{signer:?}")), (ACCOUNT, format!("AwsKmsSigner({ACCOUNT:?})")));
    let mut hashes = Vec::new();
    for _ in 0..8 {
        let tx = signer.sign(&draft(30, 2), CHAIN).await.unwrap();
        assert_eq!(tx.hash, keccak256(&tx.raw));
        let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(&tx.raw).unwrap() else { panic!("other type") };
        assert_eq!(
            (signed.recover_signer().unwrap(), signed.tx().clone()),
            (ACCOUNT, transaction(&draft(30, 2), CHAIN).unwrap())
        );
        hashes.push(tx.hash);
    }
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

#[tokio::test]
async fn a_signature_of_another_key_is_refused_and_ends_nothing() {
    let fault = signer(Conduct::OtherKey).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
    assert!(matches!(&fault, SendFault::Signer(words) if words.contains("the signature is of")), "{fault}");
}

#[tokio::test]
async fn what_kms_says_tells_whether_it_may_be_tried_again() {
    for (status, kind, again) in [
        (StatusCode::BAD_REQUEST, "AccessDeniedException", false),
        (StatusCode::BAD_REQUEST, "DisabledException", false),
        (StatusCode::BAD_REQUEST, "ThrottlingException", true),
        (StatusCode::INTERNAL_SERVER_ERROR, "KMSInternalException", true),
    ] {
        let fault = signer(Conduct::Refuses(status, kind)).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
        assert_eq!(fault.may_pass(), again, "{fault}");
        assert!(fault.to_string().contains(kind), "{fault}");
    }
    let fault = signer(Conduct::Hangs).await.sign(&draft(30, 2), CHAIN).await.unwrap_err();
    assert!(matches!(fault, SendFault::SignerAway(_)), "{fault}");
}
