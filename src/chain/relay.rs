//! The private relay: Flashbots, and whoever speaks its `eth_sendPrivateTransaction` and `eth_cancelPrivateTransaction`. It hands a
//! transaction to builders and not to the public pool, it does not bring a transaction that reverts into a block, and it knows its
//! users by a key that signs their requests ([`auth`]).
//! <https://docs.flashbots.net/flashbots-auction/advanced/rpc-endpoint>
//!
//! What a relay says proves nothing, neither that a transaction will be included nor that it will not be: it may have handed it on
//! before it answered, it may be wrong about the account, and a builder may keep what the relay has forgotten. Only a spent nonce ends
//! a transaction. [`answer`] therefore makes of its answers what is safe to believe, and [`status`] is for people.
//!
//! It keeps a transaction for 25 blocks at most and cuts down who asks for more, without a word: ask
//! [`RelayKind::last_block`](crate::domain::route::RelayKind::last_block) for the block that goes into
//! [`Relay::submit`].

pub(super) mod answer;
pub mod auth;
pub mod status;

use std::fmt;
use std::time::Duration;

use alloy::providers::ext::MevApi;
use alloy::rpc::types::mev::{EthSendPrivateTransaction, PrivateTransactionPreferences};
use alloy_primitives::B256;
use async_trait::async_trait;
use secrecy::SecretString;

use crate::chain::provider::{Node, RequestHook};
use crate::ports::{Broadcast, LinkFault, Relay, SignedTx};

pub use self::auth::{RelayAuth, RelayAuthFault};
pub use self::status::RelayStatus;

use self::status::StatusPage;

/// Where a relay is.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// Its HTTP address: `https://relay.flashbots.net`.
    pub url: SecretString,
    /// Where it tells what became of a transaction, if it does: `https://protect.flashbots.net/tx`.
    pub status_url: Option<SecretString>,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// A relay that speaks the protocol of Flashbots.
#[derive(Clone)]
pub struct FlashbotsRelay {
    node: Node,
    auth: RelayAuth,
    page: Option<StatusPage>,
}

impl fmt::Debug for FlashbotsRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlashbotsRelay").field("host", &self.node.host()).field("auth", &self.auth).finish_non_exhaustive()
    }
}

impl FlashbotsRelay {
    /// Connects to nobody. A transaction can be taken back only by the identity that it was handed over with.
    ///
    /// # Errors
    /// An address is no URL, or the client cannot be built.
    pub fn new(settings: &RelaySettings, auth: RelayAuth, on_request: RequestHook) -> Result<Self, LinkFault> {
        let node = Node::http(&settings.url, settings.timeout, on_request)?;
        let page = settings.status_url.as_ref().map(|url| StatusPage::new(url, settings.timeout)).transpose()?;
        Ok(Self { node, auth, page })
    }

    /// What the relay says has become of a transaction; `Unknown` where it does not tell. Nothing may depend on it.
    ///
    /// # Errors
    /// It could not be asked.
    pub async fn status(&self, hash: B256) -> Result<RelayStatus, LinkFault> {
        match &self.page {
            Some(page) => page.ask(hash).await,
            None => Ok(RelayStatus::Unknown),
        }
    }
}

#[async_trait]
impl Relay for FlashbotsRelay {
    fn name(&self) -> &str {
        self.node.host()
    }

    async fn submit(&self, tx: &SignedTx, until_block: Option<u64>) -> Broadcast {
        let order = EthSendPrivateTransaction {
            tx: tx.raw.clone(),
            max_block_number: until_block,
            preferences: PrivateTransactionPreferences::default(),
        };
        let asked = self
            .node
            .carry("eth_sendPrivateTransaction", |relay| relay.send_private_transaction(order).with_auth(self.auth.key()));
        answer::of_submission(tx.hash, asked.await)
    }

    async fn forget(&self, hash: B256) -> Result<(), LinkFault> {
        let asked = self
            .node
            .carry("eth_cancelPrivateTransaction", |relay| relay.cancel_private_transaction(hash).with_auth(self.auth.key()));
        if asked.await? {
            return Ok(());
        }
        Err(LinkFault::Refused(format!("{} does not hold {hash} for this identity", self.node.host())))
    }
}
