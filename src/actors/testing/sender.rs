//! A signer and a node that takes transactions into the chain in memory, and both can do so badly. Beside the node is a relay, which
//! says yes to everything.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use async_trait::async_trait;

use super::chain::{Held, SimChain, address};
use super::{drilled_panic, open};
use crate::domain::fees::Fees;
use crate::domain::operation::OperationRecord;
use crate::domain::route::Via;
use crate::domain::units::Wei;
use crate::journal::memory::MemoryJournal;
use crate::ports::journal::Selection;
use crate::ports::{
    AccountView, Answer, Broadcast, Call, Head, LinkFault, Operations, SendFault, Sighting, SignedTx, TransactionSender, TxDraft,
};

/// What the node does with one broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Refuses it for good.
    Refuse,
    /// Says yes and forgets it.
    Lose,
    /// Takes it and says nothing that helps.
    Mumble,
    /// Never answers, and has not taken it.
    Hang,
}

/// What a simulation ends in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Simulation {
    #[default]
    Works,
    Reverts,
    Hangs,
    NoNode,
}

/// What a signer does with one draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// Thinks about it for so long.
    Takes(Duration),
    /// Cannot be asked.
    Away,
}

/// The node's behaviour.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "a list of switches")]
pub(crate) struct Behaviour {
    /// For the next broadcasts, in order; then all is well.
    pub(crate) moods: VecDeque<Mood>,
    pub(crate) simulation: Simulation,
    pub(crate) hides_receipts: bool,
    pub(crate) receipts_fail: bool,
    pub(crate) hides_blocks: bool,
    /// The next signature panics, in the middle of the executor's handler.
    pub(crate) sign_panics: bool,
    /// For the next signatures, in order; then they take no time.
    pub(crate) signings: VecDeque<Signing>,
    pub(crate) unreachable: bool,
    /// The node is behind: this is the nonce that it knows.
    pub(crate) lags_at: Option<u64>,
    /// The node is on this chain, and not on the one that it should be on.
    pub(crate) wrong_chain: Option<u64>,
    /// What the account holds; `None`: more than anybody can spend.
    pub(crate) balance: Option<Wei>,
    /// The height that the chain calls final; `None`: the newest.
    pub(crate) finalized: Option<u64>,
    /// Nobody can be asked for blocks by their hash.
    pub(crate) heads_fail: bool,
    /// The relay keeps what it is given to itself.
    pub(crate) relay_drops: bool,
}

pub(crate) struct FakeSender {
    chain: SimChain,
    name: &'static str,
    drafts: Mutex<HashMap<B256, TxDraft>>,
    behaviour: Mutex<Behaviour>,
    broadcasts: Mutex<Vec<(B256, TxDraft)>>,
    ways: Mutex<Vec<Via>>,
    forgotten: Mutex<Vec<B256>>,
    /// Where everything that is handed over has to be written down.
    journal: Mutex<Option<Arc<MemoryJournal>>>,
    unwritten: Mutex<Vec<B256>>,
}

impl FakeSender {
    pub(crate) fn new(chain: &SimChain) -> Self {
        Self::named(chain, "keeper")
    }

    /// The sender of another account.
    pub(crate) fn named(chain: &SimChain, name: &'static str) -> Self {
        Self {
            chain: chain.clone(),
            name,
            drafts: Mutex::default(),
            behaviour: Mutex::default(),
            broadcasts: Mutex::default(),
            ways: Mutex::default(),
            forgotten: Mutex::default(),
            journal: Mutex::default(),
            unwritten: Mutex::default(),
        }
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut open(&self.behaviour));
    }

    /// From now on each broadcast is looked up in the journal.
    pub(crate) fn compare_with(&self, journal: &Arc<MemoryJournal>) {
        *open(&self.journal) = Some(journal.clone());
    }

    /// What was handed over and was not in the journal as launched at that moment.
    pub(crate) fn unwritten(&self) -> Vec<B256> {
        open(&self.unwritten).clone()
    }

    /// Everything that was handed over, in order.
    pub(crate) fn broadcasts(&self) -> Vec<(B256, TxDraft)> {
        open(&self.broadcasts).clone()
    }

    /// The ways that it took, in the same order.
    pub(crate) fn ways(&self) -> Vec<Via> {
        open(&self.ways).clone()
    }

    /// What the relay was asked to forget.
    pub(crate) fn forgotten(&self) -> Vec<B256> {
        open(&self.forgotten).clone()
    }

    async fn look_up(&self, hash: B256) {
        let Some(journal) = open(&self.journal).clone() else { return };
        let all = journal.list(&Selection { limit: u32::MAX, ..Selection::default() }).await.unwrap();
        let launched = |record: &OperationRecord| {
            let known = record.attempts.iter().find(|attempt| attempt.hash == hash);
            known.is_some_and(|attempt| attempt.launched.is_some()) && record.state.may_be_on_chain()
        };
        if !all.iter().any(launched) {
            open(&self.unwritten).push(hash);
        }
    }

    /// What a signature stands for.
    pub(crate) fn draft(&self, hash: B256) -> TxDraft {
        open(&self.drafts)[&hash].clone()
    }

    /// Everything that was signed.
    pub(crate) fn signed(&self) -> usize {
        open(&self.drafts).len()
    }

    /// As go-ethereum's pool: one transaction for a nonce, replaced for ten per cent more on both fields.
    fn admit(&self, hash: B256, draft: TxDraft) -> Broadcast {
        let enough = |new: &Fees, old: &Fees| {
            let more = |new: u128, old: u128| new >= old + old / 10 && new > old;
            more(new.max_fee.wei(), old.max_fee.wei()) && more(new.tip.wei(), old.tip.wei())
        };
        self.chain.with(|state| {
            let account = state.account(address(self.name));
            if draft.nonce < account.nonce {
                return Broadcast::NonceSpent;
            }
            match account.mempool.get(&draft.nonce) {
                Some(held) if held.hash == hash => Broadcast::AlreadyKnown,
                Some(held) if !enough(&draft.fees, &held.draft.fees) => Broadcast::Underpriced,
                _ => {
                    account.mempool.insert(draft.nonce, Held { hash, draft });
                    Broadcast::Accepted
                }
            }
        })
    }

    fn reach(&self) -> Result<(), SendFault> {
        let down = open(&self.behaviour).unreachable;
        if down { Err(SendFault::Link(LinkFault::Unreachable("down".to_owned()))) } else { Ok(()) }
    }
}

#[async_trait]
impl TransactionSender for FakeSender {
    fn address(&self) -> Address {
        address(self.name)
    }

    fn endpoints(&self) -> u32 {
        2
    }

    async fn account(&self) -> Result<AccountView, SendFault> {
        self.reach()?;
        let (wrong_chain, balance) = {
            let behaviour = open(&self.behaviour);
            (behaviour.wrong_chain, behaviour.balance.unwrap_or(Wei::new(u128::MAX)))
        };
        if let Some(found) = wrong_chain {
            return Err(SendFault::WrongChain { endpoint: "node.invalid".to_owned(), found, expected: 31_337 });
        }
        let follows = |next, nonce: &u64| if next == *nonce { next + 1 } else { next };
        let pending_nonce = self.chain.with(|state| {
            let account = state.account(address(self.name));
            account.mempool.keys().fold(account.nonce, follows)
        });
        Ok(AccountView { next_nonce: self.next_nonce().await?, pending_nonce, balance })
    }

    async fn next_nonce(&self) -> Result<u64, SendFault> {
        self.reach()?;
        let known = open(&self.behaviour).lags_at;
        Ok(known.unwrap_or_else(|| self.chain.with(|state| state.account(address(self.name)).nonce)))
    }

    async fn simulate(&self, _call: &Call) -> Result<u64, SendFault> {
        let simulation = open(&self.behaviour).simulation;
        match simulation {
            Simulation::Works => Ok(100_000),
            Simulation::Reverts => Err(SendFault::WouldRevert("BAL#331".to_owned())),
            Simulation::Hangs => std::future::pending().await,
            Simulation::NoNode => Err(SendFault::Link(LinkFault::TimedOut(super::secs(5)))),
        }
    }

    async fn sign(&self, draft: &TxDraft) -> Result<SignedTx, SendFault> {
        if std::mem::take(&mut open(&self.behaviour).sign_panics) {
            drilled_panic();
        }
        let signing = open(&self.behaviour).signings.pop_front();
        match signing {
            None => {}
            Some(Signing::Takes(time)) => tokio::time::sleep(time).await,
            Some(Signing::Away) => return Err(SendFault::SignerAway("signer.invalid: connection refused".to_owned())),
        }
        let raw = format!("{draft:?} {}", self.name).into_bytes();
        let hash = keccak256(&raw);
        open(&self.drafts).insert(hash, draft.clone());
        Ok(SignedTx { hash, raw: Bytes::from(raw) })
    }

    async fn broadcast(&self, tx: &SignedTx, via: Via, _until_block: Option<u64>) -> Broadcast {
        self.look_up(tx.hash).await;
        let draft = open(&self.drafts)[&tx.hash].clone();
        open(&self.broadcasts).push((tx.hash, draft.clone()));
        open(&self.ways).push(via);
        let (mood, drops) = {
            let mut behaviour = open(&self.behaviour);
            (behaviour.moods.pop_front(), behaviour.relay_drops && via == Via::Private)
        };
        match mood {
            None if drops => Broadcast::Accepted,
            None => self.admit(tx.hash, draft),
            Some(Mood::Refuse) => Broadcast::Refused("insufficient funds".to_owned()),
            Some(Mood::Lose) => Broadcast::Accepted,
            Some(Mood::Mumble) => {
                self.admit(tx.hash, draft);
                Broadcast::MaybeSent("bad gateway".to_owned())
            }
            Some(Mood::Hang) => std::future::pending().await,
        }
    }

    async fn forget(&self, hash: B256) -> Result<(), SendFault> {
        open(&self.forgotten).push(hash);
        Ok(())
    }

    async fn sight(&self, hashes: &[B256]) -> Result<Sighting, SendFault> {
        let (hides, fails) = {
            let b = open(&self.behaviour);
            (b.hides_receipts, b.receipts_fail)
        };
        if fails {
            return Err(SendFault::Link(LinkFault::Unreachable("down".to_owned())));
        }
        let found = hashes.iter().find_map(|hash| {
            let receipt = self.chain.with(|state| state.receipts.get(hash).copied()).filter(|_| !hides)?;
            let head = self.chain.with(|state| state.heads.iter().find(|head| head.stamp.hash == receipt.block_hash).copied())?;
            Some(Sighting::Included { hash: *hash, receipt, head })
        });
        let absent = || {
            let (height, next_nonce) = self
                .chain
                .with(|state| (state.heads.last().map_or(0, |head| head.stamp.number), state.account(address(self.name)).nonce));
            Sighting::Absent { witnesses: 2, height, next_nonce }
        };
        Ok(found.unwrap_or_else(absent))
    }

    async fn head(&self, hash: B256) -> Result<Option<Head>, SendFault> {
        if open(&self.behaviour).heads_fail {
            return Err(SendFault::Link(LinkFault::Unreachable("down".to_owned())));
        }
        Ok(self.chain.with(|state| state.heads.iter().find(|head| head.stamp.hash == hash).copied()))
    }

    async fn finalized(&self) -> Result<Head, SendFault> {
        let height = open(&self.behaviour).finalized.unwrap_or(u64::MAX);
        let found = |state: &mut super::chain::State| state.heads.iter().rfind(|head| head.stamp.number <= height).copied();
        self.chain.with(found).ok_or_else(|| SendFault::Link(LinkFault::Refused("no block is final".to_owned())))
    }

    async fn read(&self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, SendFault> {
        let hides = open(&self.behaviour).hides_blocks;
        let unknown = || SendFault::Link(LinkFault::Refused("unknown block".to_owned()));
        self.chain.read(at, calls).filter(|_| !hides).ok_or_else(unknown)
    }
}
