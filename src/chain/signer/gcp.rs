//! A key in Google Cloud KMS. It never leaves there; what goes there is the hash that is to be signed. The same draft need not give the
//! same bytes twice.
//!
//! No test of ours runs this against a server: Google's client speaks gRPC with tokens of its own. What is tested is what happens to
//! its answers (`seal_bare`, shared with AWS KMS) and to its faults.

use std::fmt;
use std::time::Duration;

use alloy::consensus::SignableTransaction;
use alloy::signers::Signer;
use alloy::signers::gcp::gcloud_sdk::GoogleApi;
use alloy::signers::gcp::gcloud_sdk::google::cloud::kms::v1::key_management_service_client::KeyManagementServiceClient;
use alloy::signers::gcp::gcloud_sdk::tonic::{Code, Status};
use alloy::signers::gcp::{GcpKeyRingRef, GcpSigner, GcpSignerError, KeySpecifier};
use alloy_primitives::Address;
use async_trait::async_trait;
use tokio::time::timeout;

use super::{seal_bare, transaction};
use crate::ports::{SendFault, SignedTx, TransactionSigner, TxDraft};

const SERVICE: &str = "https://cloudkms.googleapis.com";

/// Which key. Credentials come from where Google's own tools find them (`GOOGLE_APPLICATION_CREDENTIALS`, the metadata server, the
/// service account of the workload).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpKmsSettings {
    /// The project's id.
    pub project: String,
    /// Where the key ring is, such as `europe-west1` or `global`.
    pub location: String,
    /// The key ring.
    pub key_ring: String,
    /// A key of the algorithm `EC_SIGN_SECP256K1_SHA256`.
    pub key: String,
    /// Its version.
    pub version: u64,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// A key in Google Cloud KMS. It shows its address and nothing else.
#[derive(Clone)]
pub struct GcpKmsSigner {
    key: GcpSigner,
    limit: Duration,
}

impl fmt::Debug for GcpKmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GcpKmsSigner").field(&self.key.address()).finish()
    }
}

impl GcpKmsSigner {
    /// Finds the credentials and asks for the public key: the account is computed from it.
    ///
    /// # Errors
    /// KMS cannot be asked, or has no such key.
    pub async fn connect(settings: &GcpKmsSettings) -> Result<Self, SendFault> {
        let GcpKmsSettings { project, location, key_ring, key, version, timeout } = settings;
        let connected = async {
            let client = GoogleApi::from_function(KeyManagementServiceClient::new, SERVICE, None).await;
            let client = client.map_err(|error| of_kms(GcpSignerError::GoogleKmsError(error)))?;
            let key = KeySpecifier::new(GcpKeyRingRef::new(project, location, key_ring), key, *version);
            GcpSigner::new(client, key, None).await.map_err(of_kms)
        };
        Ok(Self { key: within(*timeout, connected).await?, limit: *timeout })
    }
}

#[async_trait]
impl TransactionSigner for GcpKmsSigner {
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
    let late = || SendFault::SignerAway(format!("Google Cloud KMS gave no answer within {limit:?}"));
    timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}

fn of_kms(error: GcpSignerError) -> SendFault {
    let words = format!("Google Cloud KMS: {error}");
    match error {
        GcpSignerError::RequestError(status) if !passes(&status) => SendFault::Signer(words),
        // A token that could not be fetched may be fetched later.
        GcpSignerError::RequestError(_) | GcpSignerError::GoogleKmsError(_) => SendFault::SignerAway(words),
        GcpSignerError::Spki(_) | GcpSignerError::K256(_) | GcpSignerError::SignatureRecoveryFailed => SendFault::Signer(words),
    }
}

/// <https://grpc.io/docs/guides/status-codes/>
fn passes(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted | Code::Internal | Code::Cancelled
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_a_service_that_is_away() {
        for (code, again) in [(Code::PermissionDenied, false), (Code::NotFound, false), (Code::Unavailable, true)] {
            let fault = of_kms(GcpSignerError::RequestError(Status::new(code, "no")));
            assert_eq!(fault.may_pass(), again, "{fault}");
        }
    }
}
