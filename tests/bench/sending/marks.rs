//! When the steps of the order under way were reached: a sender that hands everything on to the real one and looks at the watch, and a
//! drill that only watches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use ballast::domain::ids::PoolId;
use ballast::domain::route::Via;
use ballast::ports::{
    AccountView, Answer, Broadcast, Call, Drill, Head, SendFault, Sighting, SignedTx, TransactionSender, TxDraft,
};
use tokio::time::Instant;

/// The watch. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Marks(Arc<Mutex<Times>>);

#[derive(Clone, Copy, Default)]
struct Times {
    looked: Option<Instant>,
    granted: Option<Instant>,
    asked: Option<Instant>,
    answered: Option<Instant>,
    signing: Option<Instant>,
    handed_over: Option<Instant>,
    taken: Option<Instant>,
}

/// Where the time of one order went, from the grant of its turn until a node has its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// The queue grants, the pool looks again and plans, the executor admits the order.
    pub(crate) deciding: Duration,
    /// Simulation and nonce, asked together. C1 and the sum of the day's spending lie beside them.
    pub(crate) asking: Duration,
    /// What C1 took longer than that, the last look, and C2.
    pub(crate) reserving: Duration,
    /// The signature, C3 and C4.
    pub(crate) signing: Duration,
    /// From the bytes in the sender's hands to the node's answer.
    pub(crate) handing_over: Duration,
}

impl Sample {
    /// All that is not the network's: from the grant until the sender has the bytes, less the time in which a node was asked.
    pub(crate) fn overhead(&self) -> Duration {
        self.deciding + self.reserving + self.signing
    }
}

impl Marks {
    fn open(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of the last order, which has been handed over.
    pub(crate) fn sample(&self) -> Sample {
        let times = *self.open();
        let [granted, asked, answered, signing, handed_over, taken] =
            [times.granted, times.asked, times.answered, times.signing, times.handed_over, times.taken].map(Option::unwrap);
        Sample {
            deciding: asked - granted,
            asking: answered - asked,
            reserving: signing - answered,
            signing: handed_over - signing,
            handing_over: taken - handed_over,
        }
    }
}

#[async_trait]
impl Drill for Marks {
    /// The look before this was the one that granted.
    async fn turn_in_hand(&self, _pool: &PoolId) {
        let mut times = self.open();
        let looked = times.looked;
        *times = Times { looked, granted: looked, ..Times::default() };
    }

    async fn evaluating(&self, _pool: &PoolId) {}

    fn queue_looks(&self) {
        self.open().looked = Some(Instant::now());
    }
}

/// Sends by another.
pub(crate) struct Watched<S> {
    pub(crate) sender: S,
    pub(crate) marks: Marks,
}

impl<S> Watched<S> {
    fn asked(&self) {
        self.marks.open().asked.get_or_insert_with(Instant::now);
    }

    fn answered(&self) {
        self.marks.open().answered = Some(Instant::now());
    }
}

#[async_trait]
impl<S: TransactionSender> TransactionSender for Watched<S> {
    fn address(&self) -> Address {
        self.sender.address()
    }

    fn endpoints(&self) -> u32 {
        self.sender.endpoints()
    }

    async fn account(&self) -> Result<AccountView, SendFault> {
        self.sender.account().await
    }

    async fn next_nonce(&self) -> Result<u64, SendFault> {
        self.asked();
        let nonce = self.sender.next_nonce().await;
        self.answered();
        nonce
    }

    async fn simulate(&self, call: &Call) -> Result<u64, SendFault> {
        self.asked();
        let gas = self.sender.simulate(call).await;
        self.answered();
        gas
    }

    async fn sign(&self, draft: &TxDraft) -> Result<SignedTx, SendFault> {
        self.marks.open().signing = Some(Instant::now());
        self.sender.sign(draft).await
    }

    async fn broadcast(&self, tx: &SignedTx, via: Via, until_block: Option<u64>) -> Broadcast {
        self.marks.open().handed_over = Some(Instant::now());
        let answer = self.sender.broadcast(tx, via, until_block).await;
        self.marks.open().taken = Some(Instant::now());
        answer
    }

    async fn forget(&self, hash: B256) -> Result<(), SendFault> {
        self.sender.forget(hash).await
    }

    async fn sight(&self, hashes: &[B256]) -> Result<Sighting, SendFault> {
        self.sender.sight(hashes).await
    }

    async fn head(&self, hash: B256) -> Result<Option<Head>, SendFault> {
        self.sender.head(hash).await
    }

    async fn finalized(&self) -> Result<Head, SendFault> {
        self.sender.finalized().await
    }

    async fn read(&self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, SendFault> {
        self.sender.read(at, calls).await
    }
}
