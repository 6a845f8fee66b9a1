//! How a lane begins, and when it stands still. The journal says what was written down, the endpoints say what the account has done;
//! where they disagree the lane stops with its reason, and looks again every second: what passes by itself lets it go on, and so
//! does an operator's word.

use ractor::ActorRef;

use super::operation::{Operation, Stage};
use super::{ASK_AGAIN, ExecutorMsg, ExecutorState, LONGEST_SILENCE, Miscarriage, OpId, in_time, watched, written};
use crate::crash;
use crate::domain::lane::{self, LaneFacts, Stop};
use crate::domain::operation::{Entry, OperationRecord, State};
use crate::observe::Event;
use crate::ports::journal::Opened;
use crate::ports::{AccountView, JournalFault, SendFault};

/// What the lane is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It reads the journal and asks the endpoints.
    Surveying,
    /// What a former life had in flight is still on its way, or has landed in the newest block: the pools must see a later block than
    /// this before they order anything.
    Settling {
        /// The block.
        after: u64,
    },
    /// It may send.
    Open,
    /// It stands still.
    Stopped(Stop),
}

/// What the journal and the endpoints said.
pub struct Surveyed {
    opened: Opened,
    account: Result<AccountView, Unsurveyed>,
}

/// Why they said nothing that lets the lane open.
pub enum Unsurveyed {
    /// Somebody could not be asked, which says nothing of the lane.
    Silence(String),
    /// One of them says that the lane has to stand still.
    Stop(Stop),
}

impl ExecutorState {
    /// From here on nothing is known: the journal has failed, or says something else than was thought.
    pub(super) fn recover(&mut self, myself: &ActorRef<ExecutorMsg>) {
        self.next_nonce = None;
        if matches!(self.phase, Phase::Open | Phase::Settling { .. }) {
            self.phase = Phase::Surveying;
            self.survey(myself);
        }
    }

    /// The lane stands still from here on. It is looked at again until the reason is gone.
    pub(super) fn stop(&mut self, myself: &ActorRef<ExecutorMsg>, reason: Stop) {
        let looked_at = matches!(self.phase, Phase::Stopped(_) | Phase::Surveying);
        self.halt(reason);
        if !looked_at {
            myself.send_after(ASK_AGAIN, || ExecutorMsg::Survey);
        }
    }

    fn halt(&mut self, reason: Stop) {
        self.next_nonce = None;
        if self.phase == Phase::Stopped(reason.clone()) {
            return;
        }
        let (chain, role) = (self.args.chain.clone(), self.args.role);
        self.args.observer.record(Event::LaneStopped { chain, role, label: reason.label(), reason: reason.to_string() });
        self.note_stop(Some(reason.to_string()));
        self.phase = Phase::Stopped(reason);
    }

    /// Operators read in the journal why a lane stands still. A note that is lost is no harm.
    fn note_stop(&self, reason: Option<String>) {
        let Some(pen) = self.pen else { return };
        let journal = self.args.journal.clone();
        tokio::spawn(async move {
            let _ = written(journal.note_stop(&pen, reason.as_deref())).await;
        });
    }

    /// Asks both. One survey is under way at a time, and none while the lane is open: an old answer would name a nonce that is taken.
    pub(super) fn survey(&mut self, myself: &ActorRef<ExecutorMsg>) {
        if self.surveying || !matches!(self.phase, Phase::Surveying | Phase::Stopped(_)) {
            return;
        }
        self.surveying = true;
        let (journal, sender, myself) = (self.args.journal.clone(), self.args.sender.clone(), myself.clone());
        let (key, holder, pen, now) = (self.args.key(), self.args.holder.clone(), self.pen, self.args.clock.now());
        watched(myself.clone(), async move {
            let opened = async {
                let opened = match pen {
                    Some(pen) => written(journal.reread_lane(&pen)).await,
                    None => written(journal.open_lane(&key, &holder, now)).await,
                };
                opened.map_err(|fault| match fault {
                    JournalFault::Fenced(_) => Unsurveyed::Stop(Stop::Fenced),
                    other => Unsurveyed::Silence(other.to_string()),
                })
            };
            let account = async {
                in_time(sender.account()).await.map_err(|fault| match fault {
                    SendFault::WrongChain { .. } => Unsurveyed::Stop(Stop::WrongChain(fault.to_string())),
                    other => Unsurveyed::Silence(other.to_string()),
                })
            };
            // The journal first: an account that is read before it could be older than what is written down.
            let surveyed = match opened.await {
                Ok(opened) => Ok(Box::new(Surveyed { opened, account: account.await })),
                Err(fault) => Err(fault),
            };
            let _ = myself.cast(ExecutorMsg::Surveyed(surveyed));
        });
    }

    pub(super) fn surveyed(&mut self, myself: &ActorRef<ExecutorMsg>, surveyed: Result<Box<Surveyed>, Unsurveyed>) {
        self.surveying = false;
        if !matches!(self.phase, Phase::Surveying | Phase::Stopped(_)) {
            return;
        }
        // What is being written down at this moment may or may not be in the answer.
        if self.operations.values().any(|operation| operation.writing || operation.stage == Stage::Launching) {
            myself.send_after(ASK_AGAIN, || ExecutorMsg::Survey);
            return;
        }
        let verdict = match surveyed {
            Ok(surveyed) => {
                self.silences = 0;
                let Surveyed { opened, account } = *surveyed;
                // Whatever the endpoints say, the lane is taken over once and no more: another writer would be fenced off each time.
                self.pen = Some(opened.pen);
                match account {
                    Ok(account) => {
                        self.account_seen(&Ok(account));
                        if self.adopt(myself, &opened) {
                            // What is being closed gives its nonce back; the survey after that knows.
                            return;
                        }
                        let first_sight = opened.next_nonce.is_none();
                        judge(&opened, &account).map(|next_nonce| (next_nonce, first_sight)).map_err(Unsurveyed::Stop)
                    }
                    Err(fault) => Err(fault),
                }
            }
            Err(fault) => Err(fault),
        };
        match verdict {
            Ok((next_nonce, first_sight)) => {
                // A test that shows what happens when nothing is written down ahead goes without this too.
                if first_sight && crash::write_ahead() {
                    self.meet_account(next_nonce);
                }
                self.open(next_nonce);
                self.begin_unblocked(myself);
            }
            Err(Unsurveyed::Stop(Stop::Fenced)) => self.fenced(),
            Err(Unsurveyed::Stop(stop)) => {
                self.halt(stop);
                myself.send_after(ASK_AGAIN, || ExecutorMsg::Survey);
            }
            Err(Unsurveyed::Silence(fault)) => {
                self.args.observer.record(Event::LaneUnsurveyed { chain: self.args.chain.clone(), role: self.args.role, fault });
                let pause = ASK_AGAIN.saturating_mul(2u32.saturating_pow(self.silences)).min(LONGEST_SILENCE);
                self.silences = self.silences.saturating_add(1);
                myself.send_after(pause, || ExecutorMsg::Survey);
            }
        }
    }

    /// Whoever was replaced looks no more: to open the lane again would fence off its successor. What its operations are about is the
    /// other's business now. The orders are lost, and say so.
    pub(super) fn fenced(&mut self) {
        self.halt(Stop::Fenced);
        self.operations.clear();
    }

    /// A lane without a past begins where the chain is. From then on every nonce has to be accounted for.
    fn meet_account(&self, next_nonce: u64) {
        let (journal, key, now) = (self.args.journal.clone(), self.args.key(), self.args.clock.now());
        tokio::spawn(async move {
            // Lost, it is met again at the next start.
            let _ = written(journal.accept_nonces(&key, next_nonce, "the chain, at first sight", now)).await;
        });
    }

    fn open(&mut self, next_nonce: u64) {
        if matches!(self.phase, Phase::Stopped(_)) {
            self.args.observer.record(Event::LaneResumed { chain: self.args.chain.clone(), role: self.args.role });
            self.note_stop(None);
        }
        self.next_nonce = Some(next_nonce);
        self.phase = if self.has_strangers() { Phase::Settling { after: self.newest.0 } } else { Phase::Open };
        self.forget_suspects();
    }

    /// Whether something that a former life has sent is still on its way.
    fn has_strangers(&self) -> bool {
        self.operations.values().any(|operation| operation.order.is_none() && operation.occupies_lane())
    }

    fn forget_suspects(&mut self) {
        if self.phase == Phase::Open {
            self.suspects = Some(Vec::new());
        }
    }

    pub(super) fn settle_strangers(&mut self) {
        let Phase::Settling { after } = self.phase else { return };
        if self.has_strangers() {
            self.phase = Phase::Settling { after: self.newest.0 };
        } else if self.newest.0 > after {
            self.phase = Phase::Open;
            self.forget_suspects();
        }
    }

    /// Takes up what the journal has and this life does not know, corrects what it thinks of the others, and lets go of what is over.
    /// True when something is being closed, after which another survey follows.
    fn adopt(&mut self, myself: &ActorRef<ExecutorMsg>, opened: &Opened) -> bool {
        self.adopted = true;
        self.last_sent = self.last_sent.max(opened.last_launched);
        self.suspects.get_or_insert_default();
        self.operations.retain(|_, operation| {
            let over = |record: &OperationRecord| opened.open.iter().all(|open| open.id != record.id);
            !operation.record.as_ref().is_some_and(over)
        });
        let mut closing = false;
        for record in &opened.open {
            let known = self.operations.iter().find_map(|(op, operation)| {
                operation.record.as_ref().filter(|known| known.id == record.id).map(|known| (*op, known.seq))
            });
            if let Some((op, seq)) = known {
                if seq < record.seq {
                    self.catch_up(myself, op, record);
                }
                continue;
            }
            match record.state {
                // It is this life's own, and about to say so.
                State::Queued if self.is_beginning(record) => {}
                // Nobody holds its turn any more. The pool sees what the trigger saw, and asks again if it is still there.
                State::Queued | State::Reserved => {
                    closing = true;
                    self.close_left_behind(myself, record);
                }
                _ => self.take_up(myself, record),
            }
        }
        closing
    }

    fn is_beginning(&self, record: &OperationRecord) -> bool {
        let begins = |operation: &Operation| operation.record.is_none() && operation.stage != Stage::Blocked;
        self.operations.values().any(|operation| begins(operation) && operation.pool == record.new.pool)
    }

    /// A step was written down, and its writer was told that it failed: what follows from it is done now.
    fn catch_up(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId, record: &OperationRecord) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        operation.record = Some(record.clone());
        operation.resend = true;
        self.tell_moved(op);
        match (self.operations.get(&op).map(|operation| &operation.stage), record.state, record.landing) {
            (Some(Stage::Landed), State::InFlight, _) => self.unwind(myself, op),
            (Some(Stage::Watching), State::Included, Some(landing)) => self.land(myself, op, landing),
            (Some(Stage::Watching), ..) => self.look_for_receipts(myself, op),
            _ => {}
        }
    }

    /// One operation of a former life.
    fn take_up(&mut self, myself: &ActorRef<ExecutorMsg>, record: &OperationRecord) {
        let position = self.args.positions.look(|positions| positions.get(&record.new.pool).cloned());
        let op = self.next_op;
        self.next_op = self.next_op.saturating_add(1);
        self.operations.insert(op, Operation::left_behind(record.clone(), position, self.newest.0));
        if let Some(suspects) = &mut self.suspects {
            suspects.push(record.new.pool.clone());
        }
        self.tell_moved(op);
        match record.state {
            State::Prepared => self.relaunch(myself, op),
            State::Included => self.check(myself, op),
            _ => self.look_for_receipts(myself, op),
        }
    }

    fn close_left_behind(&self, myself: &ActorRef<ExecutorMsg>, record: &OperationRecord) {
        let Some(pen) = self.pen else { return };
        let (journal, clock, myself, record) =
            (self.args.journal.clone(), self.args.clock.clone(), myself.clone(), record.clone());
        watched(myself.clone(), async move {
            let close = async {
                let mut seq = record.seq;
                if record.state == State::Reserved {
                    seq = written(journal.commit(&pen, &record.id, seq, &Entry::Release, clock.now())).await?.seq;
                }
                let why = "the process ended before it was launched".to_owned();
                written(journal.commit(&pen, &record.id, seq, &Entry::Expire { why }, clock.now())).await
            };
            // What fails here is found again by the next survey.
            if close.await.is_ok() {
                let _ = myself.cast(ExecutorMsg::Survey);
            } else {
                myself.send_after(ASK_AGAIN, || ExecutorMsg::Survey);
            }
        });
    }

    /// Signed, written down, and never handed over. In time it still is; too late, its nonce is taken away from it.
    pub(super) fn relaunch(&mut self, myself: &ActorRef<ExecutorMsg>, op: OpId) {
        match self.lateness(op) {
            Some(false) => {}
            Some(true) => return self.take_back(myself, op),
            // The first block decides.
            None => return,
        }
        let Some(pen) = self.pen else { return };
        let (journal, clock, myself) = (self.args.journal.clone(), self.args.clock.clone(), myself.clone());
        let Some(operation) = self.operation(op) else { return };
        let Some(record) = operation.record.clone() else { return };
        operation.writing = true;
        watched(myself.clone(), async move {
            let at = clock.now();
            let launched = written(journal.commit(&pen, &record.id, record.seq, &Entry::Launch { at }, at)).await;
            crash::reach("c4-after");
            let _ = myself.cast(ExecutorMsg::Pushed(op, launched.map(Box::new).map_err(Miscarriage::Journal)));
        });
    }

    /// Whether the newest block is past the operation's deadline; `None` while no block is known, when nobody can say.
    pub(super) fn lateness(&self, op: OpId) -> Option<bool> {
        let deadline = self.operations.get(&op)?.deadline;
        self.args.blocks.read().map(|block| block.head.stamp.timestamp >= deadline)
    }

    pub(super) fn account_seen(&self, view: &Result<AccountView, SendFault>) {
        let Ok(view) = view else { return };
        let (chain, role, balance) = (self.args.chain.clone(), self.args.role, view.balance);
        self.args.observer.record(Event::BalanceSeen { chain, role, balance, low: balance < self.args.budget.low_balance });
    }
}

fn judge(opened: &Opened, account: &AccountView) -> Result<u64, Stop> {
    if let Some(record) = opened.open.iter().find(|record| record.state == State::Quarantined) {
        return Err(Stop::Quarantined { operation: record.id.to_string(), nonce: record.nonce.unwrap_or_default() });
    }
    let open: Vec<u64> = opened.open.iter().filter_map(|record| record.nonce).collect();
    let (latest, pending) = (account.next_nonce, account.pending_nonce);
    lane::next_nonce(&LaneFacts { journal_next: opened.next_nonce, open: &open, latest, pending })
}
