//! Random lives of many operations, by writers that are up to date and by others that are not: what a journal may never let happen
//! is looked for after every step, and what it has to let happen is asked for.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::support::{Place, at, landing, lane, order, ramp, signed, wei};
use crate::domain::operation::{AttemptKind, Entry, Fate, LaneKey, OperationId, OperationRecord, State, Step};
use crate::journal::memory::MemoryJournal;
use crate::ports::journal::{Enqueued, Pen, Selection};
use crate::ports::{Journal, JournalFault};

const STEPS: [Step; 14] = [
    Step::Reserve,
    Step::Release,
    Step::Prepare,
    Step::Launch,
    Step::Replace,
    Step::Cancel,
    Step::Include,
    Step::Unwind,
    Step::Finalise(Fate::CarriedOut),
    Step::Quarantine,
    Step::Abandon,
    Step::Expire,
    Step::Supersede,
    Step::Reject,
];

/// What is wrong with a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// It was replaced.
    OldPen,
    /// It has missed a step.
    OldSeq,
    /// The operation is another lane's.
    OtherLane,
}

#[derive(Clone, Debug)]
enum Act {
    /// Another writer takes a lane over.
    Open {
        lane: u8,
    },
    Enqueue {
        lane: u8,
        pool: u8,
        evidence: u64,
        flaw: Flaw,
    },
    /// A step of the operation at `place`: any, or one that its state allows.
    Step {
        place: usize,
        step: usize,
        legal: bool,
        nonce: u64,
        flaw: Flaw,
    },
    /// An operator accounts for nonces.
    Accept {
        lane: u8,
        further: u64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let flaw =
        || prop_oneof![20 => Just(Flaw::None), 1 => Just(Flaw::OldPen), 1 => Just(Flaw::OldSeq), 1 => Just(Flaw::OtherLane)];
    prop_oneof![
        1 => (1..3u8).prop_map(|lane| Act::Open { lane }),
        8 => (1..3u8, 0..3u8, 0..4u64, flaw())
            .prop_map(|(lane, pool, evidence, flaw)| Act::Enqueue { lane, pool, evidence, flaw }),
        // The nonce is one below what the journal expects, that, or one above.
        40 => (0..12usize, 0..64usize, prop::bool::weighted(0.8), prop_oneof![1 => Just(0), 8 => Just(1), 1 => Just(2)], flaw())
            .prop_map(|(place, step, legal, nonce, flaw)| Act::Step { place, step, legal, nonce, flaw }),
        1 => (1..3u8, 0..2u64).prop_map(|(lane, further)| Act::Accept { lane, further }),
    ]
}

/// What the test knows, from the answers alone.
struct Watcher<'j> {
    journal: &'j dyn Journal,
    pens: BTreeMap<LaneKey, Pen>,
    old_pens: Vec<Pen>,
    known: Vec<OperationRecord>,
    /// The operations that keep others out of their pool.
    claims: BTreeSet<OperationId>,
    /// The nonces that something of an operation was signed for.
    signed_for: BTreeMap<OperationId, BTreeSet<u64>>,
    /// How many transactions there are: each has a name of its own.
    names: u32,
}

impl<'j> Watcher<'j> {
    async fn new(journal: &'j dyn Journal) -> Self {
        let mut watcher = Self {
            journal,
            pens: BTreeMap::new(),
            old_pens: Vec::new(),
            known: Vec::new(),
            claims: BTreeSet::new(),
            signed_for: BTreeMap::new(),
            names: 0,
        };
        for signer in 1..3 {
            watcher.open(lane(signer)).await;
            journal.accept_nonces(&lane(signer), 7, "the chain", at(0)).await.unwrap();
        }
        watcher
    }

    async fn open(&mut self, lane: LaneKey) {
        let opened = self.journal.open_lane(&lane, "fuzz", at(0)).await.unwrap();
        let finals = |record: &&OperationRecord| record.lane == lane && !record.state.is_final();
        assert_eq!(
            opened.open.len(),
            self.known.iter().filter(finals).count(),
            "the new writer is told of everything that is open"
        );
        self.old_pens.extend(self.pens.insert(lane, opened.pen));
    }

    /// Everything, as the journal has it.
    async fn all(&self) -> (Vec<OperationRecord>, String) {
        let mut all = self.journal.list(&Selection { limit: 1_000, ..Selection::default() }).await.unwrap();
        all.reverse();
        (all, format!("{:?}", self.journal.lanes().await.unwrap()))
    }

    async fn next_nonce(&self, lane: LaneKey) -> u64 {
        let pen = self.pens[&lane];
        self.journal.reread_lane(&pen).await.unwrap().next_nonce.unwrap()
    }

    fn pen(&self, lane: LaneKey, flaw: Flaw) -> Option<Pen> {
        match flaw {
            Flaw::OldPen => self.old_pens.iter().rev().find(|pen| pen.lane == lane).copied(),
            Flaw::OtherLane => self.pens.values().find(|pen| pen.lane != lane).copied(),
            Flaw::None | Flaw::OldSeq => self.pens.get(&lane).copied(),
        }
    }

    async fn play(&mut self, act: &Act) {
        match act {
            Act::Open { lane: signer } => self.open(lane(*signer)).await,
            Act::Enqueue { lane: signer, pool, evidence, flaw } => self.enqueue(lane(*signer), *pool, *evidence, *flaw).await,
            Act::Step { place, step, legal, nonce, flaw } => {
                let Some(record) = self.known.get(place % self.known.len().max(1)).cloned() else { return };
                let allowed = |step: &&Step| record.state.after(**step).is_ok();
                let possible: Vec<Step> = STEPS.iter().filter(|step| !legal || allowed(step)).copied().collect();
                let Some(step) = possible.get(step % possible.len().max(1)) else { return };
                self.step(&record, *step, *nonce, *flaw).await;
            }
            Act::Accept { lane: signer, further } => {
                let next = self.next_nonce(lane(*signer)).await + further;
                self.journal.accept_nonces(&lane(*signer), next, "an operator", at(0)).await.unwrap();
                assert_eq!(self.next_nonce(lane(*signer)).await, next);
            }
        }
        self.is_sound().await;
    }

    async fn enqueue(&mut self, lane: LaneKey, pool: u8, evidence: u64, flaw: Flaw) {
        if flaw == Flaw::OtherLane {
            return;
        }
        let Some(pen) = self.pen(lane, flaw) else { return };
        let (new, before) = (order(&pool.to_string(), evidence), self.all().await);
        let live = self.known.iter().find(|record| record.new.intent == new.intent && !record.state.frees_intent()).cloned();
        let busy =
            self.known.iter().find(|record| record.new.pool == new.pool && self.claims.contains(&record.id)).map(|kept| kept.id);
        match self.journal.enqueue(&pen, &new).await {
            Ok(Enqueued::New(record)) => {
                assert!(flaw == Flaw::None || flaw == Flaw::OldSeq, "an old pen has written");
                assert_eq!((live, busy), (None, None), "one live operation for an intent, and for a pool");
                self.claims.insert(record.id);
                self.known.push(record);
                return;
            }
            Ok(Enqueued::Known(id, state)) => assert_eq!(live.map(|kept| (kept.id, kept.state)), Some((id, state))),
            Ok(Enqueued::PoolBusy(id)) => assert_eq!((live, busy), (None, Some(id))),
            Err(JournalFault::Fenced(_)) => assert_eq!(flaw, Flaw::OldPen),
            Err(fault) => panic!("{fault}"),
        }
        assert_eq!(self.all().await, before, "what is refused changes nothing");
    }

    fn entry(&mut self, record: &OperationRecord, step: Step, nonce: u64) -> Entry {
        self.names += 1;
        let (text, why) = (self.names.to_string(), "fuzz".to_owned());
        let number = u32::try_from(record.attempts.len()).unwrap();
        let attempt = |kind| signed(&text, number, kind);
        match step {
            Step::Reserve => Entry::Reserve { nonce, reserve: wei(1_000), at: at(10) },
            Step::Release => Entry::Release,
            Step::Prepare => Entry::Prepare { attempt: attempt(AttemptKind::First), ramp: Some(ramp(3_600)), deadline: at(600) },
            Step::Launch => Entry::Launch { at: at(20) },
            Step::Replace => Entry::Replace { attempt: attempt(AttemptKind::Replacement), reserve: wei(2_000) },
            Step::Cancel => Entry::Cancel { attempt: Some(attempt(AttemptKind::Cancellation)), reserve: wei(2_000) },
            Step::Include => {
                let mut landing = landing(&text, Fate::ALL[usize::try_from(self.names % 3).unwrap()]);
                landing.hash = record.attempts.first().map_or(landing.hash, |attempt| attempt.hash);
                Entry::Include { landing, controls: None }
            }
            Step::Unwind => Entry::Unwind,
            Step::Finalise(_) => Entry::Finalise { spent: wei(900) },
            Step::Quarantine => Entry::Quarantine { why },
            Step::Abandon => Entry::Abandon { why },
            Step::Expire => Entry::Expire { why },
            Step::Supersede => Entry::Supersede { why },
            Step::Reject => Entry::Reject { why },
        }
    }

    /// Whether the journal has to take a step, by its own rules: nothing else is an excuse.
    fn is_due(&self, record: &OperationRecord, entry: &Entry, next: u64) -> bool {
        let Ok(state) = entry.step(record.landing.as_ref()).and_then(|step| record.state.after(step)) else { return false };
        let held = |state| matches!(state, State::Reserved | State::Prepared);
        let other_held = self.known.iter().any(|other| other.id != record.id && other.lane == record.lane && held(other.state));
        let nonce_free = !matches!(entry, Entry::Reserve { nonce, .. } if *nonce < next);
        nonce_free && !(held(state) && other_held)
    }

    async fn step(&mut self, record: &OperationRecord, step: Step, nonce: u64, flaw: Flaw) {
        let Some(pen) = self.pen(record.lane, flaw) else { return };
        let next = self.next_nonce(record.lane).await;
        let entry = self.entry(record, step, (next + nonce).saturating_sub(1));
        let seq = record.seq + u64::from(flaw == Flaw::OldSeq);
        let (due, before) = (flaw == Flaw::None && self.is_due(record, &entry, next), self.all().await);
        match self.journal.commit(&pen, &record.id, seq, &entry, at(30)).await {
            Ok(after) => {
                assert!(due, "{entry:?} of {record:?} by a writer with {flaw:?}");
                let mut expected = record.clone();
                expected.apply(&entry).unwrap();
                assert_eq!(after, expected);
                self.note(after);
                if step == Step::Release {
                    self.takes_again(record).await;
                }
            }
            Err(fault) => {
                assert!(!due, "{entry:?} of {record:?}: {fault}");
                assert!(!matches!(fault, JournalFault::Failed(_)), "{fault}");
                assert_eq!(self.all().await, before, "what is refused changes nothing");
            }
        }
    }

    fn note(&mut self, after: OperationRecord) {
        if let (Some(nonce), false) = (after.nonce, after.attempts.is_empty()) {
            self.signed_for.entry(after.id).or_default().insert(nonce);
        }
        if !OperationRecord::claims_pool(after.state) {
            self.claims.remove(&after.id);
        }
        if let Some(kept) = self.known.iter_mut().find(|kept| kept.id == after.id) {
            *kept = after;
        }
    }

    /// A nonce that was given back serves the next that asks for it.
    async fn takes_again(&mut self, released: &OperationRecord) {
        let nonce = released.nonce.unwrap();
        if self.next_nonce(released.lane).await != nonce {
            // An operator has accounted for it.
            return;
        }
        let waiting = |record: &&OperationRecord| record.lane == released.lane && record.state == State::Queued;
        let record = self.known.iter().rev().find(waiting).cloned().unwrap();
        let entry = Entry::Reserve { nonce, reserve: wei(1_000), at: at(10) };
        let commit = self.journal.commit(&self.pens[&record.lane], &record.id, record.seq, &entry, at(30)).await;
        self.note(commit.unwrap());
    }

    /// What must be true of every state that can be reached.
    async fn is_sound(&self) {
        let all = self.all().await.0;
        assert_eq!(all, self.known, "the journal has what it said");
        let (mut nonces, mut held, mut pools, mut intents) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for record in &all {
            if let Some(nonce) = record.nonce {
                assert!(nonces.insert((record.lane, nonce)), "two operations with nonce {nonce}: {all:?}");
            }
            if matches!(record.state, State::Reserved | State::Prepared) {
                assert!(held.insert(record.lane), "two operations that are reserved or prepared: {all:?}");
            }
            if self.claims.contains(&record.id) {
                assert!(pools.insert(&record.new.pool), "two live operations of a pool: {all:?}");
            }
            if !record.state.frees_intent() {
                assert!(intents.insert(record.new.intent), "two live operations of an intent: {all:?}");
            }
            let signed_for = self.signed_for.get(&record.id).map_or(0, BTreeSet::len);
            assert!(signed_for <= 1, "signed for {signed_for} nonces: {record:?}");
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_random_life_in_memory_breaks_a_rule(acts in prop::collection::vec(act(), 20..120)) {
        runtime().block_on(async {
            let journal = MemoryJournal::default();
            let mut watcher = Watcher::new(&journal).await;
            for act in &acts {
                watcher.play(act).await;
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_random_life_on_disk_breaks_a_rule(acts in prop::collection::vec(act(), 30..60)) {
        runtime().block_on(async {
            let place = Place::sqlite();
            let journal = place.open().await;
            let mut watcher = Watcher::new(journal.as_ref()).await;
            for act in &acts {
                watcher.play(act).await;
            }
        });
    }
}
