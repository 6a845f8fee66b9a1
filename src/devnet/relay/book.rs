//! What a relay holds, and what became of the rest.

use std::collections::HashMap;

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, Bytes, U256};

use super::Mood;
use crate::domain::route::RelayKind;

/// A transaction that was handed over.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) hash: B256,
    pub(super) raw: Bytes,
    pub(super) sender: Address,
    pub(super) nonce: u64,
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) gas_limit: u64,
    pub(super) input: Bytes,
    /// Maximum fee and tip: what is replaced is less in both.
    offer: (u128, u128),
    /// Who handed it over.
    identity: Address,
    /// The first block that it may be in; none if it is never to be included.
    from_block: Option<u64>,
    /// The last.
    pub(super) until_block: u64,
    /// It is in the public pool, and stays there.
    pub(super) public: bool,
    /// It is in the pool for the block that is being made.
    offered: bool,
}

/// What became of a transaction that is not held any more and is in no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Failed,
    Cancelled,
}

/// The relay's memory.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) mood: Mood,
    pub(super) held: Vec<Held>,
    pub(super) ends: HashMap<B256, End>,
    pub(super) seen: Vec<Address>,
}

impl Book {
    /// Somebody has shown who they are.
    pub(super) fn greet(&mut self, identity: Address) {
        if !self.seen.contains(&identity) {
            self.seen.push(identity);
        }
    }

    /// Takes a transaction in the mood of the moment.
    ///
    /// # Errors
    /// The bytes are no signed transaction.
    pub(super) fn take(&mut self, raw: Bytes, identity: Address, newest: u64, until: Option<u64>) -> Result<Held, &'static str> {
        let signed = TxEnvelope::decode_2718_exact(&raw).map_err(|_| "failed to decode signed transaction")?;
        let sender = signed.recover_signer().map_err(|_| "invalid signature")?;
        let from_block = match self.mood {
            Mood::Drops => None,
            Mood::Delays(blocks) => Some(newest.saturating_add(1).saturating_add(blocks)),
            Mood::Honest | Mood::Leaks | Mood::Lies(_) => Some(newest.saturating_add(1)),
        };
        let held = Held {
            hash: *signed.tx_hash(),
            raw,
            sender,
            nonce: signed.nonce(),
            to: signed.to(),
            value: signed.value(),
            gas_limit: signed.gas_limit(),
            input: signed.input().clone(),
            offer: (signed.max_fee_per_gas(), signed.max_priority_fee_per_gas().unwrap_or_default()),
            identity,
            from_block,
            until_block: RelayKind::Flashbots.last_block(newest, until),
            public: self.mood == Mood::Leaks,
            offered: self.mood == Mood::Leaks,
        };
        self.remove(held.hash);
        self.ends.remove(&held.hash);
        self.held.push(held.clone());
        Ok(held)
    }

    /// Forgets a transaction, if it was handed over by this identity.
    pub(super) fn cancel(&mut self, hash: B256, identity: Address) -> bool {
        let own = self.held.iter().any(|held| held.hash == hash && held.identity == identity);
        if own {
            self.remove(hash);
            self.ends.insert(hash, End::Cancelled);
        }
        own
    }

    /// What may be in block `next`: by sender in the order of nonces, and of one nonce the best offer only. What has come too late is
    /// given up.
    pub(super) fn due(&mut self, next: u64) -> Vec<Held> {
        let late: Vec<B256> = self.held.iter().filter(|held| held.until_block < next).map(|held| held.hash).collect();
        for hash in late {
            self.fail(hash);
        }
        let in_time = |held: &&Held| held.from_block.is_some_and(|from| from <= next) && !held.public;
        let mut due: Vec<Held> = self.held.iter().filter(in_time).cloned().collect();
        due.sort_by_key(|held| (held.sender, held.nonce, std::cmp::Reverse(held.offer)));
        due.dedup_by_key(|held| (held.sender, held.nonce));
        due
    }

    /// It will not be included.
    pub(super) fn fail(&mut self, hash: B256) {
        self.remove(hash);
        self.ends.insert(hash, End::Failed);
    }

    pub(super) fn remove(&mut self, hash: B256) {
        self.held.retain(|held| held.hash != hash);
    }

    pub(super) fn mark_offered(&mut self, hash: B256, offered: bool) {
        for held in self.held.iter_mut().filter(|held| held.hash == hash) {
            held.offered = offered;
        }
    }

    /// What the node has in its pool.
    pub(super) fn offered(&self) -> Vec<Held> {
        self.held.iter().filter(|held| held.offered).cloned().collect()
    }
}
