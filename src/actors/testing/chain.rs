//! A chain in memory: pools with ramps, prices, accounts with their nonces and mempools, and blocks that a test mines and takes back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use alloy_primitives::{Address, B256, U256};
use tokio::sync::watch;

use super::position::{FREEZE, Snapshot, decode_order, encode_price};
use super::{BEGINNING, FakeClock, open};
use crate::domain::position::{BlockStamp, Controls, Ramp};
use crate::domain::ramp;
use crate::domain::testing::set;
use crate::domain::units::{GasCost, GasPrice, Timestamp, Weight};
use crate::ports::{Answer, Call, CallFault, Clock, Head, Receipt, TxDraft};

/// Where something lives on the chain.
pub(crate) fn address(name: &str) -> Address {
    Address::left_padding_from(name.as_bytes())
}

/// A transaction that the node holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) hash: B256,
    pub(crate) draft: TxDraft,
}

/// An account, with what the node holds for it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The next nonce in the newest block.
    pub(crate) nonce: u64,
    pub(crate) mempool: BTreeMap<u64, Held>,
}

impl Default for Account {
    fn default() -> Self {
        Self { nonce: 7, mempool: BTreeMap::new() }
    }
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub(crate) struct Mined {
    pub(crate) hash: B256,
    pub(crate) success: bool,
    pub(crate) nonce: u64,
    pub(crate) target: Address,
    pub(crate) at: Timestamp,
}

/// A pool on the chain.
#[derive(Clone, Debug)]
pub(crate) struct PoolState {
    from: Vec<Weight>,
    /// Where a test has pushed the weights, until the next ramp.
    pushed: Option<Vec<Weight>>,
    pub(crate) ramp: Ramp,
    pub(crate) paused: bool,
    pub(crate) frozen: bool,
    /// Value shares, where nobody arbitrages them back to the weights.
    pub(crate) shares: Option<Vec<Weight>>,
}

impl PoolState {
    pub(crate) fn weights(&self, now: Timestamp) -> Vec<Weight> {
        if let Some(pushed) = &self.pushed {
            return pushed.clone();
        }
        ramp::interpolate(self.ramp.start, self.ramp.end, &self.from, &self.ramp.end_weights, now).unwrap()
    }
}

pub(crate) struct State {
    pub(crate) heads: Vec<Head>,
    reads: HashMap<B256, HashMap<Address, Answer>>,
    pub(crate) prices: BTreeMap<String, u128>,
    pub(crate) pools: BTreeMap<Address, PoolState>,
    pub(crate) base_fee: GasPrice,
    accounts: BTreeMap<Address, Account>,
    pub(crate) receipts: HashMap<B256, Receipt>,
    pub(crate) mined: Vec<Mined>,
    /// What each block found, to go back to.
    before: Vec<Before>,
    /// How often the chain has gone back: the blocks after that have other hashes.
    fork: u64,
    /// Transactions are included at all.
    pub(crate) includes: bool,
    /// The next included transaction reverts.
    pub(crate) reverts: bool,
    /// The chain stores a ramp that ends this much later than ordered.
    pub(crate) ends_later: std::time::Duration,
    /// An order to stop trading is carried out, and trading goes on.
    pub(crate) ignores_freeze: bool,
}

/// What a block changes, as it was before.
#[derive(Clone)]
struct Before {
    accounts: BTreeMap<Address, Account>,
    pools: BTreeMap<Address, PoolState>,
    receipts: HashMap<B256, Receipt>,
    mined: Vec<Mined>,
}

/// What becomes of the transactions in blocks that are taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Orphans {
    /// The node forgets them, as anvil does.
    Forgotten,
    /// The node takes them into its pool again, as go-ethereum does.
    Pooled,
}

/// The chain. Cheap to clone; all clones are the same chain.
#[derive(Clone)]
pub(crate) struct SimChain {
    state: Arc<Mutex<State>>,
    clock: Arc<FakeClock>,
    /// How many blocks there are.
    height: Arc<watch::Sender<usize>>,
}

impl SimChain {
    pub(crate) fn new(clock: &Arc<FakeClock>) -> Self {
        let state = State {
            heads: Vec::new(),
            reads: HashMap::new(),
            prices: BTreeMap::new(),
            pools: BTreeMap::new(),
            base_fee: GasPrice::from_gwei(10),
            accounts: BTreeMap::new(),
            receipts: HashMap::new(),
            mined: Vec::new(),
            before: Vec::new(),
            fork: 0,
            includes: true,
            reverts: false,
            ends_later: std::time::Duration::ZERO,
            ignores_freeze: false,
        };
        Self { state: Arc::new(Mutex::new(state)), clock: clock.clone(), height: Arc::new(watch::Sender::new(0)) }
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut open(&self.state))
    }

    pub(crate) fn height(&self) -> watch::Receiver<usize> {
        self.height.subscribe()
    }

    pub(crate) fn set_price(&self, asset: &str, thousandths: u128) {
        self.with(|state| state.prices.insert(asset.to_owned(), thousandths * 1_000_000_000_000_000));
    }

    /// Makes a pool that has never moved.
    pub(crate) fn birth(&self, pool: &str, weights: &[u32]) {
        let weights: Vec<Weight> = weights.iter().map(|bps| Weight::from_bps(*bps)).collect();
        let ramp = Ramp { start: BEGINNING, end: BEGINNING, end_weights: weights.clone() };
        self.with(|state| {
            state.pools.insert(
                address(pool),
                PoolState { from: weights, pushed: None, ramp, paused: false, frozen: false, shares: None },
            )
        });
    }

    /// Moves the weights of a pool without a ramp, as no real chain does: the shortest way to policy drift.
    pub(crate) fn push_off(&self, pool: &str, weights: &[u32]) {
        let weights = weights.iter().map(|bps| Weight::from_bps(*bps)).collect();
        self.with(|state| state.pools.get_mut(&address(pool)).unwrap().pushed = Some(weights));
    }

    /// Someone else starts a ramp.
    pub(crate) fn foreign_ramp(&self, pool: &str, weights: &[u32], duration: std::time::Duration) {
        let (now, end_weights) = (self.clock.now(), weights.iter().map(|bps| Weight::from_bps(*bps)).collect());
        self.with(|state| {
            let pool = state.pools.get_mut(&address(pool)).unwrap();
            pool.from = pool.weights(now);
            pool.pushed = None;
            pool.ramp = Ramp { start: now, end: now.plus(duration), end_weights };
        });
    }

    pub(crate) fn weights(&self, pool: &str) -> Vec<Weight> {
        let now = self.clock.now();
        self.with(|state| state.pools[&address(pool)].weights(now))
    }

    /// What the owner of a pool has set.
    pub(crate) fn controls(&self, pool: &str) -> Controls {
        self.with(|state| {
            let pool = &state.pools[&address(pool)];
            Controls { swap_enabled: !pool.frozen, ..set(pool.ramp.clone()) }
        })
    }

    pub(crate) fn ramp(&self, pool: &str) -> Ramp {
        self.with(|state| state.pools[&address(pool)].ramp.clone())
    }

    pub(crate) fn newest(&self) -> Head {
        self.with(|state| *state.heads.last().unwrap())
    }

    /// A block at the present time of the policy clock.
    pub(crate) fn mine(&self) -> Head {
        let now = Timestamp::from_secs(self.clock.now().secs());
        let head = self.with(|state| {
            let number = 100 + state.heads.len() as u64;
            let hash = B256::from(U256::from(number) | (U256::from(state.fork) << 64));
            let stamp = BlockStamp { number, hash, timestamp: now };
            let parent = state.heads.last().map_or(B256::ZERO, |head| head.stamp.hash);
            let before = Before {
                accounts: state.accounts.clone(),
                pools: state.pools.clone(),
                receipts: state.receipts.clone(),
                mined: state.mined.clone(),
            };
            state.before.push(before);
            state.include(&stamp);
            let head = Head { stamp, parent, base_fee: state.base_fee, gas_used: 15_000_000, gas_limit: 30_000_000 };
            state.heads.push(head);
            let answers = state.answers(now);
            state.reads.insert(hash, answers);
            head
        });
        self.height.send_modify(|height| *height += 1);
        head
    }

    /// Takes the newest `depth` blocks back, with all that they did, and puts as many empty ones but one in their place: the next that
    /// is mined has the height of the last that is gone.
    pub(crate) fn reorganise(&self, depth: usize, orphans: Orphans) {
        let includes = self.with(|state| {
            let kept = state.heads.len() - depth;
            for head in state.heads.split_off(kept) {
                state.reads.remove(&head.stamp.hash);
            }
            let Before { mut accounts, pools, receipts, mined } = state.before.split_off(kept).swap_remove(0);
            for (from, account) in &mut accounts {
                let waits = std::mem::take(&mut state.account(*from).mempool);
                if orphans == Orphans::Forgotten {
                    account.mempool.clear();
                }
                account.mempool.extend(waits);
            }
            (state.accounts, state.pools, state.receipts, state.mined) = (accounts, pools, receipts, mined);
            state.fork += 1;
            std::mem::replace(&mut state.includes, false)
        });
        for _ in 1..depth {
            self.mine();
        }
        self.with(|state| state.includes = includes);
    }

    /// What is in the blocks for a pool, or for an account's own address.
    pub(crate) fn mined_for(&self, target: &str) -> Vec<Mined> {
        self.with(|state| state.mined.iter().filter(|tx| tx.target == address(target)).cloned().collect())
    }

    /// Answers to calls in the state after a block; `None` for a block that is not known.
    pub(crate) fn read(&self, at: B256, calls: &[Call]) -> Option<Vec<Answer>> {
        self.with(|state| {
            let answers = state.reads.get(&at)?;
            let nothing = || Err(CallFault::Failed(alloy_primitives::Bytes::new()));
            Some(calls.iter().map(|call| answers.get(&call.target).cloned().unwrap_or_else(nothing)).collect())
        })
    }
}

impl State {
    /// The account of an address; one that has never sent begins at nonce 7.
    pub(crate) fn account(&mut self, at: Address) -> &mut Account {
        self.accounts.entry(at).or_default()
    }

    /// The account that most tests are about.
    pub(crate) fn keeper(&mut self) -> &mut Account {
        self.account(address("keeper"))
    }

    fn include(&mut self, stamp: &BlockStamp) {
        let accounts: Vec<Address> = self.accounts.keys().copied().collect();
        for from in accounts {
            while self.includes && self.include_next(from, stamp) {}
        }
    }

    fn include_next(&mut self, from: Address, stamp: &BlockStamp) -> bool {
        let base_fee = self.base_fee;
        let account = self.account(from);
        let nonce = account.nonce;
        if account.mempool.get(&nonce).is_none_or(|held| held.draft.fees.max_fee < base_fee) {
            return false;
        }
        let Some(held) = account.mempool.remove(&nonce) else { return false };
        account.nonce += 1;
        let success = !std::mem::take(&mut self.reverts) && self.execute(&held, stamp.timestamp);
        let cost = GasCost { gas_used: held.draft.gas_limit, price: base_fee };
        let receipt = Receipt { block_number: stamp.number, block_hash: stamp.hash, success, cost };
        self.receipts.insert(held.hash, receipt);
        let target = held.draft.call.target;
        self.mined.push(Mined { hash: held.hash, success, nonce, target, at: stamp.timestamp });
        true
    }

    /// Carries out a call, as a pool does: a start in the past becomes now, an end in the past reverts.
    fn execute(&mut self, held: &Held, now: Timestamp) -> bool {
        let Some(pool) = self.pools.get_mut(&held.draft.call.target) else { return true };
        if held.draft.call.data.as_ref() == FREEZE {
            pool.frozen = !self.ignores_freeze;
            return true;
        }
        let order = decode_order(&held.draft.call.data);
        if order.end < now || pool.paused {
            return false;
        }
        pool.from = pool.weights(now);
        pool.pushed = None;
        pool.ramp = Ramp { start: order.start.max(now), end: order.end.plus(self.ends_later), ..order };
        true
    }

    fn answers(&self, now: Timestamp) -> HashMap<Address, Answer> {
        let prices = self.prices.iter().map(|(asset, price)| (address(asset), Ok(encode_price(*price))));
        let pools = self.pools.iter().map(|(at, pool)| {
            let weights = pool.weights(now);
            let shares = pool.shares.clone().unwrap_or_else(|| weights.clone());
            (*at, Ok(Snapshot { weights, shares, ramp: pool.ramp.clone(), paused: pool.paused, frozen: pool.frozen }.encode()))
        });
        prices.chain(pools).collect()
    }
}
