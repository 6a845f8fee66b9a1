//! The keys of a chain: whatever holds one is opened here, and nothing else of it is seen by anybody.

use std::path::Path;
use std::sync::Arc;

use alloy_primitives::Address;

use crate::app::StartFault;
use crate::chain::provider::{RequestHook, USUAL_TIMEOUT};
use crate::chain::relay::{FlashbotsRelay, RelayAuth, RelaySettings as RelayPlace};
use crate::chain::signer::{LocalSigner, Web3Signer, Web3SignerSettings};
use crate::config::{ChainSettings, GcpKey, SignerSettings};
use crate::domain::operation::LaneRole;
use crate::ports::{Relay, TransactionSigner};

/// A key that signs for one lane.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) signer: Arc<dyn TransactionSigner>,
}

impl Keys {
    pub(super) fn address(&self) -> Address {
        self.signer.address()
    }
}

/// No two roles have one account: the settings tell two sources of keys apart, not the accounts behind them, and one account has one
/// sequence of nonces.
///
/// # Errors
/// The later of two roles with one account, and why it cannot be.
pub(super) fn told_apart(all: [(LaneRole, Option<&Keys>); 3]) -> Result<(), (LaneRole, String)> {
    let mut known: Vec<(LaneRole, Address)> = Vec::new();
    for (role, account) in all.into_iter().filter_map(|(role, keys)| Some((role, keys?.address()))) {
        if let Some((owner, _)) = known.iter().find(|(_, other)| *other == account) {
            return Err((role, format!("{account} is the {owner}'s account too: give the {role} a key of its own, or none")));
        }
        known.push((role, account));
    }
    Ok(())
}

/// Opens a key. Whoever holds it elsewhere is asked for nothing but its address.
pub(super) async fn open(settings: &SignerSettings, on_request: &RequestHook) -> Result<Keys, String> {
    let signer: Arc<dyn TransactionSigner> = match settings {
        SignerSettings::PrivateKey(key) | SignerSettings::Env { key, .. } => {
            Arc::new(LocalSigner::from_key(key).map_err(|fault| fault.to_string())?)
        }
        SignerSettings::Keystore { path, password_file } => Arc::new(keystore(path, password_file).await?),
        SignerSettings::Web3Signer { url, address, token } => {
            let settings =
                Web3SignerSettings { url: url.clone(), token: token.clone(), account: *address, timeout: USUAL_TIMEOUT };
            Arc::new(Web3Signer::new(&settings, on_request.clone()).map_err(|fault| fault.to_string())?)
        }
        SignerSettings::AwsKms { key, region } => aws(key, region.as_ref()).await?,
        SignerSettings::GcpKms { key } => gcp(key).await?,
    };
    Ok(Keys { signer })
}

/// The same for a role that a chain need not have.
pub(super) async fn open_any(settings: Option<&SignerSettings>, on_request: &RequestHook) -> Result<Option<Keys>, String> {
    match settings {
        Some(settings) => open(settings, on_request).await.map(Some),
        None => Ok(None),
    }
}

/// The account of a key, for whoever only wants to know whose it is.
///
/// # Errors
/// The key cannot be opened; why, in words.
pub(super) async fn account(settings: &SignerSettings) -> Result<Address, String> {
    let unheard: RequestHook = Arc::new(|_| {});
    open(settings, &unheard).await.map(|keys| keys.address())
}

/// The chain's private relay, with the identity that it knows us by.
pub(super) fn relay(chain: &ChainSettings, on_request: &RequestHook) -> Result<Option<Arc<dyn Relay>>, StartFault> {
    let Some(settings) = &chain.relay else { return Ok(None) };
    let refused = |fault: String| StartFault::Relay { chain: chain.name.clone(), fault };
    let auth = RelayAuth::from_file_or_create(&settings.auth_key_file).map_err(|fault| refused(fault.to_string()))?;
    let page = RelayPlace { url: settings.url.clone(), status_url: settings.status_url.clone(), timeout: USUAL_TIMEOUT };
    let relay = FlashbotsRelay::new(&page, auth, on_request.clone()).map_err(|fault| refused(fault.to_string()))?;
    Ok(Some(Arc::new(relay)))
}

/// A keystore is slow on purpose, so it is opened beside the runtime.
async fn keystore(path: &Path, password_file: &Path) -> Result<LocalSigner, String> {
    let (path, password_file) = (path.to_owned(), password_file.to_owned());
    let opened = tokio::task::spawn_blocking(move || LocalSigner::from_keystore_and_password_file(&path, &password_file)).await;
    opened.map_err(|_| "opening the keystore panicked".to_owned())?.map_err(|fault| fault.to_string())
}

#[cfg(feature = "aws-kms")]
async fn aws(key: &str, region: Option<&String>) -> Result<Arc<dyn TransactionSigner>, String> {
    use crate::chain::signer::aws::{AwsKmsSettings, AwsKmsSigner};

    let settings = AwsKmsSettings { key: key.to_owned(), region: region.cloned(), endpoint: None, timeout: USUAL_TIMEOUT };
    // Boxed: the client's own futures nest deeper than the compiler follows by default.
    Ok(Arc::new(Box::pin(AwsKmsSigner::connect(&settings)).await.map_err(|fault| fault.to_string())?))
}

#[cfg(not(feature = "aws-kms"))]
#[expect(clippy::unused_async, reason = "the other one asks")]
async fn aws(_key: &str, _region: Option<&String>) -> Result<Arc<dyn TransactionSigner>, String> {
    Err("this program was built without the feature `aws-kms`".to_owned())
}

#[cfg(feature = "gcp-kms")]
async fn gcp(key: &GcpKey) -> Result<Arc<dyn TransactionSigner>, String> {
    use crate::chain::signer::gcp::{GcpKmsSettings, GcpKmsSigner};

    let GcpKey { project, location, key_ring, key, version } = key.clone();
    let settings = GcpKmsSettings { project, location, key_ring, key, version, timeout: USUAL_TIMEOUT };
    Ok(Arc::new(Box::pin(GcpKmsSigner::connect(&settings)).await.map_err(|fault| fault.to_string())?))
}

#[cfg(not(feature = "gcp-kms"))]
#[expect(clippy::unused_async, reason = "the other one asks")]
async fn gcp(_key: &GcpKey) -> Result<Arc<dyn TransactionSigner>, String> {
    Err("this program was built without the feature `gcp-kms`".to_owned())
}
