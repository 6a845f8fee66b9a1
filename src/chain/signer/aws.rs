//! A key in AWS KMS. It never leaves there; what goes there is the hash that is to be signed. KMS signs with fresh randomness, so the
//! same draft never gives the same bytes twice.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use alloy::consensus::SignableTransaction;
use alloy::signers::Signer;
use alloy::signers::aws::aws_config::{self, BehaviorVersion, Region, SdkConfig};
use alloy::signers::aws::aws_sdk_kms::Client;
use alloy::signers::aws::aws_sdk_kms::error::{DisplayErrorContext, SdkError};
use alloy::signers::aws::{AwsSigner, AwsSignerError};
use alloy_primitives::Address;
use async_trait::async_trait;
use tokio::time::timeout;

use super::{seal_bare, transaction};
use crate::ports::{SendFault, SignedTx, TransactionSigner, TxDraft};

#[cfg(test)]
mod tests;

/// Words of KMS that say "not now": too many requests, an outage, a key that is not ready, a token that ran out.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html> and the errors of `Sign`.
const PASSING: [&str; 8] = [
    "ThrottlingException",
    "ServiceUnavailable",
    "InternalFailure",
    "KMSInternalException",
    "DependencyTimeoutException",
    "KeyUnavailableException",
    "RequestExpired",
    "ExpiredTokenException",
];

/// Which key, and how to ask for it. Credentials come from where AWS's own tools find them (environment, profile, the role of the
/// instance, the task or the service account).
#[derive(Clone, Debug)]
pub struct AwsKmsSettings {
    /// Id, ARN or alias of a key of the kind `ECC_SECG_P256K1`.
    pub key: String,
    /// Its region, unless AWS's own configuration names it.
    pub region: Option<String>,
    /// Another address of KMS, such as a VPC endpoint.
    pub endpoint: Option<String>,
    /// How long an answer may take, repetitions included.
    pub timeout: Duration,
}

/// A key in AWS KMS. It shows its address and nothing else.
#[derive(Clone)]
pub struct AwsKmsSigner {
    key: AwsSigner,
    limit: Duration,
}

impl fmt::Debug for AwsKmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AwsKmsSigner").field(&self.key.address()).finish()
    }
}

impl AwsKmsSigner {
    /// Finds the credentials and asks for the public key: the account is computed from it.
    ///
    /// # Errors
    /// KMS cannot be asked, or has no such key.
    pub async fn connect(settings: &AwsKmsSettings) -> Result<Self, SendFault> {
        let mut config = aws_config::defaults(BehaviorVersion::latest());
        if let Some(region) = &settings.region {
            config = config.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        let config = within(settings.timeout, async { Ok(config.load().await) }).await?;
        Self::with_config(&config, settings).await
    }

    async fn with_config(config: &SdkConfig, settings: &AwsKmsSettings) -> Result<Self, SendFault> {
        let key = AwsSigner::new(Client::new(config), settings.key.clone(), None);
        let key = within(settings.timeout, async { key.await.map_err(of_kms) }).await?;
        Ok(Self { key, limit: settings.timeout })
    }
}

#[async_trait]
impl TransactionSigner for AwsKmsSigner {
    fn address(&self) -> Address {
        self.key.address()
    }

    async fn sign(&self, draft: &TxDraft, chain_id: u64) -> Result<SignedTx, SendFault> {
        let tx = transaction(draft, chain_id)?;
        let digest = tx.signature_hash();
        let pair = within(self.limit, async { self.key.sign_digest(&digest).await.map_err(of_kms) }).await?;
        seal_bare(&tx, pair, self.address())
    }
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, SendFault>> + Send) -> Result<T, SendFault> {
    let late = || SendFault::SignerAway(format!("AWS KMS gave no answer within {limit:?}"));
    timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}

fn of_kms(error: AwsSignerError) -> SendFault {
    match error {
        AwsSignerError::Sign(error) => of_request(&error),
        AwsSignerError::GetPublicKey(error) => of_request(&error),
        other => SendFault::Signer(format!("AWS KMS: {other}")),
    }
}

/// An answer of KMS is a refusal unless it says that it passes. Everything else never got as far as the key: no connection, and
/// credentials that could not be fetched.
fn of_request<E: StdError + 'static, R: fmt::Debug>(error: &SdkError<E, R>) -> SendFault {
    let words = format!("AWS KMS: {}", DisplayErrorContext(error));
    match error {
        SdkError::ServiceError(_) if !PASSING.iter().any(|passing| words.contains(passing)) => SendFault::Signer(words),
        _ => SendFault::SignerAway(words),
    }
}
