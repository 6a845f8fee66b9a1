//! A node that takes transactions into the chain in memory, and can do so badly.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use async_trait::async_trait;

use super::chain::{Held, SimChain, address};
use super::{drilled_panic, open};
use crate::domain::fees::Fees;
use crate::domain::route::Via;
use crate::domain::units::Wei;
use crate::ports::{
    AccountView, Answer, Broadcast, Call, Head, LinkFault, SendFault, Sighting, SignedTx, TransactionSender, TxDraft,
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
    pub(crate) unreachable: bool,
    /// The node is behind: this is the nonce that it knows.
    pub(crate) lags_at: Option<u64>,
}

pub(crate) struct FakeSender {
    chain: SimChain,
    drafts: Mutex<HashMap<B256, TxDraft>>,
    behaviour: Mutex<Behaviour>,
    broadcasts: Mutex<Vec<(B256, TxDraft)>>,
}

impl FakeSender {
    pub(crate) fn new(chain: &SimChain) -> Self {
        Self { chain: chain.clone(), drafts: Mutex::default(), behaviour: Mutex::default(), broadcasts: Mutex::default() }
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut open(&self.behaviour));
    }

    /// Everything that was handed over, in order.
    pub(crate) fn broadcasts(&self) -> Vec<(B256, TxDraft)> {
        open(&self.broadcasts).clone()
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
            if draft.nonce < state.nonce {
                return Broadcast::NonceSpent;
            }
            match state.mempool.get(&draft.nonce) {
                Some(held) if held.hash == hash => Broadcast::AlreadyKnown,
                Some(held) if !enough(&draft.fees, &held.draft.fees) => Broadcast::Underpriced,
                _ => {
                    state.mempool.insert(draft.nonce, Held { hash, draft });
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
        address("keeper")
    }

    fn endpoints(&self) -> u32 {
        2
    }

    async fn account(&self) -> Result<AccountView, SendFault> {
        self.reach()?;
        let follows = |next, nonce: &u64| if next == *nonce { next + 1 } else { next };
        let pending_nonce = self.chain.with(|state| state.mempool.keys().fold(state.nonce, follows));
        Ok(AccountView { next_nonce: self.next_nonce().await?, pending_nonce, balance: Wei::new(u128::MAX) })
    }

    async fn next_nonce(&self) -> Result<u64, SendFault> {
        self.reach()?;
        let known = open(&self.behaviour).lags_at;
        Ok(known.unwrap_or_else(|| self.chain.with(|state| state.nonce)))
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
        let raw = format!("{draft:?}").into_bytes();
        let hash = keccak256(&raw);
        open(&self.drafts).insert(hash, draft.clone());
        Ok(SignedTx { hash, raw: Bytes::from(raw) })
    }

    async fn broadcast(&self, tx: &SignedTx, _via: Via, _until_block: Option<u64>) -> Broadcast {
        let draft = open(&self.drafts)[&tx.hash].clone();
        open(&self.broadcasts).push((tx.hash, draft.clone()));
        let mood = open(&self.behaviour).moods.pop_front();
        match mood {
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

    async fn forget(&self, _hash: B256) -> Result<(), SendFault> {
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
            let (height, next_nonce) =
                self.chain.with(|state| (state.heads.last().map_or(0, |head| head.stamp.number), state.nonce));
            Sighting::Absent { witnesses: 2, height, next_nonce }
        };
        Ok(found.unwrap_or_else(absent))
    }

    async fn head(&self, hash: B256) -> Result<Option<Head>, SendFault> {
        Ok(self.chain.with(|state| state.heads.iter().find(|head| head.stamp.hash == hash).copied()))
    }

    async fn finalized(&self) -> Result<Head, SendFault> {
        Ok(self.chain.newest())
    }

    async fn read(&self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, SendFault> {
        let hides = open(&self.behaviour).hides_blocks;
        let unknown = || SendFault::Link(LinkFault::Refused("unknown block".to_owned()));
        self.chain.read(at, calls).filter(|_| !hides).ok_or_else(unknown)
    }
}
