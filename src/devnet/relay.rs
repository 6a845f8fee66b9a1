//! A private relay of our own: it speaks the protocol of Flashbots, keeps what it is given away from the node's pool, and brings it
//! into the node's blocks. Whoever makes the blocks calls [`LocalRelay::before_block`] and [`LocalRelay::after_block`] around each
//! of them; the world does so by itself once a relay is plugged in ([`WorldHandle::open_relay`]).
//!
//! Like its model it believes nobody without a signature, keeps a transaction for at most 25 blocks, leaves out what would revert,
//! and lets only the identity that handed a transaction over take it back. For tests it has [`Mood`]s: it drops, delays, leaks and
//! lies.
//!
//! A node takes transactions by its pool only, so for the moment in which a block is made they do stand there; what the block left
//! out is taken out of the pool again.

mod book;
mod door;

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, B256, U64, hex};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::book::{Book, Held};
use super::anvil::AnvilError;
use super::fault::WorldError;
use super::handle::WorldHandle;
use super::rpc::Rpc;

/// How a relay behaves to what is handed to it from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As it promises.
    #[default]
    Honest,
    /// Takes a transaction and never includes it.
    Drops,
    /// Includes a transaction this many blocks later than it could.
    Delays(u64),
    /// Also hands a transaction to the public pool, at once.
    Leaks,
    /// Includes a transaction as it promises, and says something else.
    Lies(Lie),
}

/// What a relay says instead of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// `200` instead of a hash.
    Number,
    /// Nothing instead of a hash.
    Null,
    /// The hash of another transaction.
    OtherHash,
    /// That the nonce is spent.
    NonceSpent,
    /// That the account has no money.
    NoFunds,
    /// That it is out of order (HTTP status 503).
    OutOfOrder,
    /// Nothing at all, neither to a submission nor to a question.
    Silence,
    /// Of the status of a transaction: `PENDING`, for ever.
    PendingForEver,
}

/// A running relay. Clones steer the same one; the last one stops it.
#[derive(Clone)]
pub struct LocalRelay {
    shared: Arc<Shared>,
    _server: Arc<Server>,
}

#[derive(Debug)]
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the door and the maker of blocks share.
struct Shared {
    url: String,
    upstream: Rpc,
    book: Mutex<Book>,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LocalRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRelay").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

impl LocalRelay {
    /// Opens a relay on a free port of the loopback interface, for the node at `upstream`.
    ///
    /// # Errors
    /// The address makes no sense, or there is no port.
    pub async fn start(upstream: &str) -> Result<Self, WorldError> {
        let upstream = Rpc::connect(upstream)?;
        let port = |fault| WorldError::Node(AnvilError::Port(fault));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(port)?;
        let url = format!("http://{}", listener.local_addr().map_err(port)?);
        let shared = Arc::new(Shared { url, upstream, book: Mutex::default() });
        let router = door::router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(fault) = axum::serve(listener, router).await {
                tracing::warn!(%fault, "the local relay has stopped");
            }
        });
        Ok(Self { shared, _server: Arc::new(Server(server)) })
    }

    /// Where transactions are handed over.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Where it tells what became of a transaction; `/HASH` follows.
    #[must_use]
    pub fn status_url(&self) -> String {
        format!("{}/tx", self.shared.url)
    }

    /// How it behaves to what is handed to it from now on.
    pub fn set_mood(&self, mood: Mood) {
        self.shared.book().mood = mood;
    }

    /// The transactions that it has taken and not seen in a block, in the order in which they came.
    #[must_use]
    pub fn held(&self) -> Vec<B256> {
        self.shared.book().held.iter().map(|held| held.hash).collect()
    }

    /// The identities that have signed requests, each once, in the order in which they came.
    #[must_use]
    pub fn seen_auth(&self) -> Vec<Address> {
        self.shared.book().seen.clone()
    }

    /// Hands the node what may be in its next block. To be called right before that block is made.
    ///
    /// # Errors
    /// The node is down.
    pub async fn before_block(&self, rpc: &Rpc) -> Result<(), WorldError> {
        let next = rpc.height().await?.saturating_add(1);
        let due = self.shared.book().due(next);
        for held in due {
            if !self.can_be_included(rpc, &held).await? {
                continue;
            }
            // Marked first: whatever the node answers, it may have it.
            self.shared.book().mark_offered(held.hash, true);
            match rpc.ask::<_, B256>("eth_sendRawTransaction", (held.raw,)).await {
                Ok(_) => {}
                Err(fault) => tracing::debug!(hash = %held.hash, %fault, "the node does not take a private transaction"),
            }
        }
        Ok(())
    }

    /// Looks what the block has taken, and takes the rest out of the node's pool again. To be called right after a block was made.
    ///
    /// # Errors
    /// The node is down.
    pub async fn after_block(&self, rpc: &Rpc) -> Result<(), WorldError> {
        let offered = self.shared.book().offered();
        for held in offered {
            let receipt: Option<Value> = rpc.ask("eth_getTransactionReceipt", (held.hash,)).await?;
            if receipt.is_some() {
                self.shared.book().remove(held.hash);
            } else if !held.public {
                let _: Value = rpc.ask("anvil_dropTransaction", (held.hash,)).await?;
                self.shared.book().mark_offered(held.hash, false);
            }
        }
        Ok(())
    }

    /// Makes one block, for nodes that no world steers.
    ///
    /// # Errors
    /// The node is down.
    pub async fn mine(&self, rpc: &Rpc) -> Result<(), WorldError> {
        self.before_block(rpc).await?;
        let _: Value = rpc.ask("evm_mine", ()).await?;
        self.after_block(rpc).await
    }

    /// Its turn has come by its nonce, and it would not revert in the newest state.
    async fn can_be_included(&self, rpc: &Rpc, held: &Held) -> Result<bool, WorldError> {
        let nonce = async |at: &'static str| {
            rpc.ask::<_, U64>("eth_getTransactionCount", (held.sender, at)).await.map(|nonce| nonce.to::<u64>())
        };
        if nonce("latest").await? > held.nonce {
            self.shared.book().fail(held.hash);
            return Ok(false);
        }
        if nonce("pending").await? < held.nonce {
            return Ok(false);
        }
        let call = json!({
            "from": held.sender,
            "to": held.to,
            "value": held.value,
            "gas": U64::from(held.gas_limit),
            "data": hex::encode_prefixed(&held.input),
        });
        Ok(rpc.ask::<_, Value>("eth_call", (call, "latest")).await.is_ok())
    }
}

impl WorldHandle {
    /// Opens a relay for this world and plugs it into the making of blocks.
    ///
    /// # Errors
    /// There is no port.
    pub async fn open_relay(&self) -> Result<LocalRelay, WorldError> {
        let relay = LocalRelay::start(self.http_url()).await?;
        self.shared.engine.lock().await.relay = Some(relay.clone());
        Ok(relay)
    }

    /// How this world's relay behaves to what is handed to it from now on. Nothing happens in a world without one.
    pub async fn set_relay_mood(&self, mood: Mood) {
        if let Some(relay) = &self.shared.engine.lock().await.relay {
            relay.set_mood(mood);
        }
    }
}
