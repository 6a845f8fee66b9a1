//! Sending by all endpoints of a chain, and knowing what became of it by what several of them say.
//!
//! The rules: one endpoint that took a transaction has it; only all together can say that it was not sent. One endpoint and a
//! canonical block prove that something happened; only several can say that it did not. An error is never a "no".

use std::fmt;
use std::sync::Arc;

use alloy::rpc::types::TransactionRequest;
use alloy_primitives::{Address, B256, U64, U128};
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::chain::endpoints::{ChainCheck, Endpoint, Endpoints, Notice, fault_of};
use crate::chain::head::{self, Whereabouts};
use crate::chain::provider::{AskFault, Node};
use crate::chain::reader::{self, ReaderSettings};
use crate::chain::sender::merge::{contradict, decides, label, merge};
use crate::chain::sender::rejection;
use crate::chain::sender::sight::{self, nonce};
use crate::domain::route::Via;
use crate::domain::units::Wei;
use crate::ports::{
    AccountView, Answer, Broadcast, Call, Head, LinkFault, Relay, SendFault, Sighting, SignedTx, TransactionSender,
    TransactionSigner, TxDraft,
};

/// Sends by all endpoints at once, or by the relay.
#[derive(Clone)]
pub struct NetworkSender {
    endpoints: Endpoints,
    signer: Arc<dyn TransactionSigner>,
    relay: Option<Arc<dyn Relay>>,
    reader: ReaderSettings,
}

impl fmt::Debug for NetworkSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkSender")
            .field("endpoints", &self.endpoints)
            .field("address", &self.signer.address())
            .field("relay", &self.relay.as_ref().map(|relay| relay.name()))
            .finish_non_exhaustive()
    }
}

impl NetworkSender {
    /// A sender for one key.
    #[must_use]
    pub fn new(
        endpoints: Endpoints,
        signer: Arc<dyn TransactionSigner>,
        relay: Option<Arc<dyn Relay>>,
        reader: ReaderSettings,
    ) -> Self {
        Self { endpoints, signer, relay, reader }
    }

    /// Hands it to every endpoint, and returns as soon as the answers decide. The others are heard to the end in the background:
    /// each of them is one more way into a block.
    async fn broadcast_to_all(&self, tx: &SignedTx) -> Broadcast {
        // Nothing was handed to anybody, so this is the one refusal that needs no second opinion.
        if let Some(wrong) = self.endpoints.wrong() {
            return Broadcast::Refused(wrong.to_string());
        }
        let (says, mut hears) = mpsc::unbounded_channel();
        for endpoint in self.endpoints.all() {
            let (endpoints, endpoint, tx, says) = (self.endpoints.clone(), endpoint.clone(), tx.clone(), says.clone());
            tokio::spawn(async move {
                let answer = hand_over(&endpoint, endpoints.chain_id(), &tx).await;
                endpoints.tell(Notice::Broadcast { endpoint: endpoint.name(), outcome: label(&answer) });
                // Nobody listens any more when the runtime ends.
                let _ = says.send(answer);
            });
        }
        drop(says);
        let (decided, verdict) = oneshot::channel();
        let endpoints = self.endpoints.clone();
        tokio::spawn(async move {
            let (mut answers, mut decided) = (Vec::new(), Some(decided));
            while let Some(answer) = hears.recv().await {
                if decides(&answer)
                    && let Some(decided) = decided.take()
                {
                    let _ = decided.send(answer.clone());
                }
                answers.push(answer);
            }
            if contradict(&answers) {
                endpoints.contradiction("broadcast", &format!("{answers:?}"));
            }
            if let Some(decided) = decided {
                let _ = decided.send(merge(&answers));
            }
        });
        verdict.await.unwrap_or_else(|_| Broadcast::MaybeSent("the broadcast was broken off".to_owned()))
    }

    async fn broadcast_privately(&self, tx: &SignedTx, until_block: Option<u64>) -> Broadcast {
        let Some(relay) = &self.relay else { return Broadcast::Refused("no relay is configured".to_owned()) };
        let answer = relay.submit(tx, until_block).await;
        self.endpoints.tell(Notice::Broadcast { endpoint: relay.name(), outcome: label(&answer) });
        answer
    }
}

/// Hands it to one endpoint. One whose chain is not known yet is asked for that first; where that cannot be had, it is handed over
/// all the same: the chain's number is signed with the transaction, so no other chain takes it.
async fn hand_over(endpoint: &Endpoint, chain_id: u64, tx: &SignedTx) -> Broadcast {
    if let Ok(ChainCheck::Other(found)) = endpoint.check_chain(chain_id).await {
        return Broadcast::Refused(format!("{} is on chain {found}; expected chain {chain_id}", endpoint.name()));
    }
    match endpoint.hand_over(tx.raw.clone()).await {
        Ok(hash) if hash == tx.hash => Broadcast::Accepted,
        Ok(hash) => Broadcast::MaybeSent(format!("{} answered with another hash, {hash}", endpoint.name())),
        Err(fault) => rejection::of_broadcast(&fault),
    }
}

/// What a simulation came to at one endpoint.
enum Simulated {
    Gas(u64),
    Reverts(SendFault),
}

async fn simulate(endpoint: Arc<Endpoint>, request: TransactionRequest) -> Result<Simulated, AskFault> {
    let ask = |node: Node| {
        let request = request.clone();
        async move { node.ask::<_, U64>("eth_estimateGas", (request, "latest")).await }
    };
    let answer = endpoint.read(ask).await;
    match answer {
        Ok(gas) => Ok(Simulated::Gas(gas.to())),
        Err(fault) => match rejection::of_simulation(fault.clone()) {
            // What reverts in an old state need not revert in the new one.
            SendFault::WouldRevert(why) if !endpoint.is_healthy() => {
                Err(AskFault::Garbled(format!("{}, which is out, says that the call reverts: {why}", endpoint.name())))
            }
            reverts @ SendFault::WouldRevert(_) => Ok(Simulated::Reverts(reverts)),
            _ => Err(fault),
        },
    }
}

#[async_trait]
impl TransactionSender for NetworkSender {
    fn address(&self) -> Address {
        self.signer.address()
    }

    fn endpoints(&self) -> u32 {
        self.endpoints.count()
    }

    /// The highest nonces, because an endpoint can be behind the chain and never ahead of it. The lowest balance, because it decides
    /// what may be spent: an endpoint that has not seen our last transaction yet names more than there is.
    async fn account(&self) -> Result<AccountView, SendFault> {
        self.endpoints.survey().await?;
        if let Some(wrong) = self.endpoints.wrong() {
            return Err(wrong);
        }
        let account = self.address();
        let view = |endpoint: Arc<Endpoint>| async move {
            let balance = endpoint.read(move |node| async move { node.ask("eth_getBalance", (account, "latest")).await });
            let latest = endpoint.read(move |node| async move { nonce(&node, account, "latest").await });
            let pending = endpoint.read(move |node| async move { nonce(&node, account, "pending").await });
            let (balance, next_nonce, pending_nonce): (U128, _, _) = tokio::try_join!(balance, latest, pending)?;
            Ok(AccountView { next_nonce, pending_nonce, balance: Wei::new(balance.to()) })
        };
        let views = self.endpoints.every(&self.endpoints.fittest(), view).await;
        let (views, faults) = parted(views);
        let together = |all: AccountView, one: AccountView| AccountView {
            next_nonce: all.next_nonce.max(one.next_nonce),
            pending_nonce: all.pending_nonce.max(one.pending_nonce),
            balance: all.balance.min(one.balance),
        };
        views.into_iter().reduce(together).ok_or_else(|| link(fault_of(faults)))
    }

    async fn next_nonce(&self) -> Result<u64, SendFault> {
        self.endpoints.ready().await?;
        let account = self.address();
        let latest = |endpoint: Arc<Endpoint>| async move {
            endpoint.read(move |node| async move { nonce(&node, account, "latest").await }).await
        };
        let (nonces, faults) = parted(self.endpoints.every(&self.endpoints.witnesses(), latest).await);
        nonces.into_iter().max().ok_or_else(|| link(fault_of(faults)))
    }

    /// Adds a fifth to the node's estimate: the state may have moved by the time the transaction is included.
    async fn simulate(&self, call: &Call) -> Result<u64, SendFault> {
        self.endpoints.ready().await?;
        let request = TransactionRequest::default().from(self.address()).to(call.target).input(call.data.clone().into());
        match self.endpoints.first(|endpoint| simulate(endpoint, request.clone())).await.map_err(link)? {
            Simulated::Reverts(why) => Err(why),
            Simulated::Gas(gas) => gas
                .checked_add(gas.div_ceil(5))
                .ok_or_else(|| link(AskFault::Garbled(format!("an estimate of {gas} gas is out of all proportion")))),
        }
    }

    async fn sign(&self, draft: &TxDraft) -> Result<SignedTx, SendFault> {
        self.signer.sign(draft, self.endpoints.chain_id()).await
    }

    async fn broadcast(&self, tx: &SignedTx, via: Via, until_block: Option<u64>) -> Broadcast {
        match via {
            Via::Public => self.broadcast_to_all(tx).await,
            Via::Private => self.broadcast_privately(tx, until_block).await,
        }
    }

    async fn forget(&self, hash: B256) -> Result<(), SendFault> {
        match &self.relay {
            Some(relay) => relay.forget(hash).await.map_err(SendFault::Link),
            None => Ok(()),
        }
    }

    /// `hashes` are asked for in their order: the newest attempt should stand first.
    async fn sight(&self, hashes: &[B256]) -> Result<Sighting, SendFault> {
        sight::sight(&self.endpoints, self.address(), hashes).await
    }

    /// An endpoint that has the block on its chain is enough. That it is on no chain, one must say that has another block there; to
    /// have never heard of it proves only together with all others that answer that no endpoint is merely behind.
    async fn head(&self, hash: B256) -> Result<Option<Head>, SendFault> {
        self.endpoints.ready().await?;
        let ask = |endpoint: Arc<Endpoint>| async move {
            endpoint.read(move |node| async move { head::whereabouts(&node, hash).await }).await
        };
        match self.endpoints.until(ask, |there| matches!(there, Whereabouts::OnChain(_))).await {
            Ok(Whereabouts::OnChain(head)) => Ok(Some(head)),
            Ok(Whereabouts::Replaced | Whereabouts::Unheard) => Ok(None),
            Err(said) => {
                let replaced = said.iter().any(|said| matches!(said, Ok(Whereabouts::Replaced)));
                let mut faults = said.into_iter().filter_map(Result::err).peekable();
                if replaced || faults.peek().is_none() { Ok(None) } else { Err(link(fault_of(faults))) }
            }
        }
    }

    /// The lowest that any endpoint names: what is final for the slowest is final for all.
    async fn finalized(&self) -> Result<Head, SendFault> {
        self.endpoints.ready().await?;
        let ask =
            |endpoint: Arc<Endpoint>| async move { endpoint.read(|node| async move { head::finalized(&node).await }).await };
        let (heads, faults) = parted(self.endpoints.every(&self.endpoints.witnesses(), ask).await);
        heads.into_iter().min_by_key(|head| head.stamp.number).ok_or_else(|| link(fault_of(faults)))
    }

    async fn read(&self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, SendFault> {
        self.endpoints.ready().await?;
        let (settings, calls): (ReaderSettings, Arc<[Call]>) = (self.reader, calls.into());
        let ask = |endpoint: Arc<Endpoint>| {
            let calls = calls.clone();
            async move {
                let read = |node: Node| {
                    let calls = calls.clone();
                    async move { reader::read(&node, &settings, at, &calls).await }
                };
                endpoint.read(read).await
            }
        };
        self.endpoints.first(ask).await.map_err(link)
    }
}

/// Answers, and the faults of those who gave none.
fn parted<T>(said: Vec<(Arc<Endpoint>, Result<T, AskFault>)>) -> (Vec<T>, Vec<AskFault>) {
    let (mut answers, mut faults) = (Vec::new(), Vec::new());
    for (_, said) in said {
        match said {
            Ok(answer) => answers.push(answer),
            Err(fault) => faults.push(fault),
        }
    }
    (answers, faults)
}

fn link(fault: AskFault) -> SendFault {
    SendFault::Link(LinkFault::from(fault))
}
