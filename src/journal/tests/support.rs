//! Journals to test, and operations to write in them.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::devnet::postgres::Cluster;
use crate::domain::allocation::Allocation;
use crate::domain::fees::Fees;
use crate::domain::gas::GasCap;
use crate::domain::ids::PoolId;
use crate::domain::operation::{Attempt, AttemptKind, Entry, Fate, IntentId, Landing, LaneKey, NewOperation, OperationRecord};
use crate::domain::plan::{Plan, Reweight};
use crate::domain::position::{BlockStamp, Controls, Ramp};
use crate::domain::route::Via;
use crate::domain::trigger::Class;
use crate::domain::units::{GasCost, GasPrice, Timestamp, Usd, WAD, Wei, Weight};
use crate::journal::open;
use crate::ports::journal::{Enqueued, Opened, Pen};
use crate::ports::{Journal, JournalFault};

/// One server for the whole test binary. It goes when the binary goes.
static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A new database on the shared server.
pub(super) async fn database() -> SecretString {
    let cluster = CLUSTER.get_or_init(|| async { Cluster::start().await.unwrap_or_else(|fault| panic!("{fault}")) }).await;
    let name = format!("journal_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    cluster.database(&name).await.unwrap().into()
}

/// A place for a journal that is closed and opened again.
pub(super) struct Place {
    pub(super) url: SecretString,
    pub(super) folder: TempDir,
}

impl Place {
    pub(super) fn sqlite() -> Self {
        Self { url: "sqlite:journal.db".to_owned().into(), folder: tempfile::tempdir().unwrap() }
    }

    pub(super) async fn postgres() -> Self {
        Self { url: database().await, folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) async fn open(&self) -> Arc<dyn Journal> {
        open(&self.url, self.path()).await.unwrap_or_else(|fault| panic!("{fault}"))
    }
}

pub(super) const fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

pub(super) const fn lane(signer: u8) -> LaneKey {
    LaneKey { chain_id: 31_337, signer: Address::repeat_byte(signer) }
}

pub(super) const fn wei(wei: u128) -> Wei {
    Wei::new(wei)
}

/// What an owner has set whose last ramp ends then.
pub(super) fn set(end: u64) -> Controls {
    crate::domain::testing::set(ramp(end))
}

pub(super) fn ramp(end: u64) -> Ramp {
    Ramp { start: at(end - 60), end: at(end), end_weights: vec![Weight::from_wad(WAD / 4), Weight::from_wad(WAD - WAD / 4)] }
}

/// An operation of a pool, called for by a piece of evidence.
pub(super) fn order(pool: &str, evidence: u64) -> NewOperation {
    NewOperation {
        intent: IntentId(keccak256(format!("{pool} {evidence}"))),
        pool: PoolId::new(pool),
        class: Class::Drift,
        why: format!("USDC is {evidence} % off its target"),
        plan: Plan::Reweight(Reweight {
            target: Allocation::exact(vec![Weight::from_wad(1), Weight::from_wad(WAD - 1)]).unwrap(),
            duration: Duration::new(3_600, 7),
            start_lead: Duration::from_secs(300),
            expected_loss: Some(Usd::from_wad(u128::MAX)),
        }),
        cap: GasCap { from: at(0), until: at(7_200), low: GasPrice::from_gwei(30), high: GasPrice::from_wei(u128::MAX) },
        created: at(1),
    }
}

pub(super) fn hash(text: &str) -> B256 {
    keccak256(text)
}

/// A signed transaction, told apart by `text`.
pub(super) fn signed(text: &str, number: u32, kind: AttemptKind) -> Attempt {
    Attempt {
        number,
        kind,
        hash: hash(text),
        raw: Bytes::from(text.as_bytes().to_vec()),
        fees: Fees { max_fee: GasPrice::from_wei(u128::MAX - u128::from(number)), tip: GasPrice::from_gwei(2) },
        gas_limit: 150_000,
        via: if number == 0 { Via::Private } else { Via::Public },
        launched: (kind != AttemptKind::First).then(|| at(100 + u64::from(number))),
    }
}

pub(super) fn landing(text: &str, fate: Fate) -> Landing {
    Landing {
        hash: hash(text),
        block: BlockStamp { number: 17, hash: hash("block"), timestamp: at(40) },
        fate,
        cost: GasCost { gas_used: 93_000, price: GasPrice::from_gwei(31) },
    }
}

pub(super) const fn reserve(nonce: u64) -> Entry {
    Entry::Reserve { nonce, reserve: wei(1_000), at: at(10) }
}

pub(super) fn prepare(text: &str) -> Entry {
    Entry::Prepare { attempt: signed(text, 0, AttemptKind::First), ramp: Some(ramp(3_600)), deadline: at(600) }
}

pub(super) const fn launch() -> Entry {
    Entry::Launch { at: at(30) }
}

pub(super) fn include(text: &str) -> Entry {
    Entry::Include { landing: landing(text, Fate::CarriedOut), controls: Some(set(3_600)) }
}

/// A writer at work: it has a pen, and takes steps with what it has just read.
pub(super) struct Writer<'j> {
    pub(super) journal: &'j dyn Journal,
    pub(super) pen: Pen,
}

impl<'j> Writer<'j> {
    pub(super) async fn of(journal: &'j dyn Journal, lane: LaneKey) -> Self {
        Self { journal, pen: journal.open_lane(&lane, "test", at(0)).await.unwrap().pen }
    }

    pub(super) async fn enqueue(&self, new: &NewOperation) -> OperationRecord {
        match self.journal.enqueue(&self.pen, new).await.unwrap() {
            Enqueued::New(record) => record,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn try_step(&self, record: &OperationRecord, entry: &Entry) -> Result<OperationRecord, JournalFault> {
        self.journal.commit(&self.pen, &record.id, record.seq, entry, at(record.seq + 2)).await
    }

    pub(super) async fn step(&self, record: &OperationRecord, entry: &Entry) -> OperationRecord {
        self.try_step(record, entry).await.unwrap_or_else(|fault| panic!("{entry:?}: {fault}"))
    }

    /// Queued, reserved, prepared and launched.
    pub(super) async fn launched(&self, new: &NewOperation, nonce: u64) -> OperationRecord {
        let text = format!("{} {nonce}", self.pen.lane);
        let mut record = self.enqueue(new).await;
        for entry in [reserve(nonce), prepare(&text), launch()] {
            record = self.step(&record, &entry).await;
        }
        record
    }

    /// The name that [`Writer::launched`] signs with.
    pub(super) fn text(&self, nonce: u64) -> String {
        format!("{} {nonce}", self.pen.lane)
    }

    pub(super) async fn read(&self) -> Opened {
        self.journal.reread_lane(&self.pen).await.unwrap()
    }
}

/// Everything that a journal says of itself, to see that nothing was written.
pub(super) async fn everything(journal: &dyn Journal) -> String {
    let selection = crate::ports::journal::Selection { limit: 1_000, ..Default::default() };
    let mut text = format!("{:#?}", journal.lanes().await.unwrap());
    for record in journal.list(&selection).await.unwrap() {
        let (log, pool) = (journal.log(&record.id).await.unwrap(), journal.recall_pool(&record.new.pool).await.unwrap());
        write!(text, "{record:#?}{log:#?}{pool:?}").unwrap();
    }
    for lane in journal.lanes().await.unwrap() {
        write!(text, "{:?}", journal.spent(&lane.key, at(10)).await.unwrap()).unwrap();
    }
    text
}
