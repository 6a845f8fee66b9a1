//! One for each asset, and the only owner of its peg state. It turns readings into a verdict and publishes it; what it knows lives
//! in the journal, so that a restart forgets no episode.

mod roll_call;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::actors::board::Board;
use crate::actors::peg_watch::roll_call::RollCall;
use crate::actors::pulse::Pulse;
use crate::domain::ids::AssetId;
use crate::domain::peg::{Explanation, Neighbour, Neighbourhood, Panel, Peg, PegChange, PegRule, PegState, Trust, VoteRule};
use crate::domain::reading::Reading;
use crate::domain::units::Timestamp;
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, Journal, JournalFault, Recorder};

/// How long to wait before asking a failed journal again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What it works with.
#[derive(Clone)]
pub struct PegWatchArgs {
    /// The asset.
    pub asset: AssetId,
    /// When it counts as off its peg.
    pub rule: PegRule,
    /// How its sources vote.
    pub votes: VoteRule,
    /// The boards of all other assets: some quotes are in their units, and what falls together is doubted.
    pub others: BTreeMap<AssetId, Board<Peg>>,
    /// Those of them that are at risk together with it.
    pub risk_group: Vec<AssetId>,
    /// Where the verdict goes.
    pub board: Board<Peg>,
    /// Who keeps every reading, if anybody does.
    pub recorder: Option<Arc<dyn Recorder>>,
    /// What outlives it.
    pub journal: Arc<dyn Journal>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct PegWatch;

/// What it hears.
pub enum PegWatchMsg {
    /// A source has spoken.
    Reading(Reading),
    /// The journal has answered.
    Recalled(Result<Option<Peg>, JournalFault>),
    /// Ask the journal.
    Recall,
    /// The journal has taken a verdict, or has not.
    Remembered(Result<(), JournalFault>),
    /// Write the newest verdict, again.
    Remember,
    /// Say what every source says, and what follows from it.
    Explain(RpcReplyPort<Explanation>),
    /// The journal says whether an operator lets a disabled asset back, and since when.
    ResetAsked(Result<Option<Timestamp>, JournalFault>),
    /// Beat.
    Beat,
}

/// What it remembers.
pub struct PegWatchState {
    args: PegWatchArgs,
    pulse: Pulse,
    panel: Panel,
    /// The journal has answered: a verdict without the past could end an episode that has not ended.
    recalled: bool,
    roll_call: RollCall,
    /// A verdict is being written: two at a time could arrive in the wrong order.
    writing: bool,
    /// The newest verdict is not written yet.
    unwritten: bool,
}

impl Actor for PegWatch {
    type Msg = PegWatchMsg;
    type State = PegWatchState;
    type Arguments = PegWatchArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: PegWatchArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("peg watch {}", args.asset));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || PegWatchMsg::Beat);
        myself.cast(PegWatchMsg::Recall)?;
        let peg = Peg::unheard(args.asset.clone(), args.clock.now());
        let panel = Panel::new(peg, args.rule, args.votes, args.risk_group.clone());
        Ok(PegWatchState {
            args,
            pulse,
            panel,
            recalled: false,
            roll_call: RollCall::default(),
            writing: false,
            unwritten: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PegWatchMsg::Recall => {
                let (journal, asset) = (state.args.journal.clone(), state.args.asset.clone());
                tokio::spawn(async move {
                    let _ = myself.cast(PegWatchMsg::Recalled(journal.recall_peg(&asset).await));
                });
            }
            PegWatchMsg::Recalled(Ok(peg)) => {
                // What was said meanwhile is heard, and judged by the past only now.
                if let Some(peg) = peg {
                    state.panel.recall(peg);
                }
                state.recalled = true;
                state.judge(&myself, state.args.clock.now(), None);
            }
            PegWatchMsg::Recalled(Err(fault)) => {
                state.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
                myself.send_after(ASK_AGAIN, || PegWatchMsg::Recall);
            }
            PegWatchMsg::Reading(reading) => state.take(&myself, &reading),
            PegWatchMsg::Remembered(Err(fault)) => {
                state.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
                state.unwritten = true;
                myself.send_after(ASK_AGAIN, || PegWatchMsg::Remember);
            }
            PegWatchMsg::Remembered(Ok(())) | PegWatchMsg::Remember => {
                state.writing = false;
                state.remember(&myself);
            }
            PegWatchMsg::Explain(reply) => {
                // Whoever asked and has gone does not need to know.
                let _ = reply.send(state.explain());
            }
            PegWatchMsg::ResetAsked(asked) => state.reset(&myself, asked),
            PegWatchMsg::Beat => {
                // Silence is news too: what a source said stands only for so long.
                state.judge(&myself, state.args.clock.now(), None);
                state.look_around();
                state.ask_for_reset(&myself);
                state.pulse.beat(&myself, || PegWatchMsg::Beat);
            }
        }
        Ok(())
    }
}

impl PegWatchState {
    fn take(&mut self, myself: &ActorRef<PegWatchMsg>, reading: &Reading) {
        if let Some(recorder) = &self.args.recorder {
            recorder.record(reading);
        }
        self.panel.hear(reading);
        let fault = reading.quote.as_ref().err().map(ToString::to_string);
        self.judge(myself, reading.as_of, fault.as_deref());
    }

    /// Judges what is known at `now`; `fault` is the newest fault, for people.
    fn judge(&mut self, myself: &ActorRef<PegWatchMsg>, now: Timestamp, fault: Option<&str>) {
        if !self.recalled {
            return;
        }
        let changes = self.panel.judge(now, &Boards(&self.args.others));
        let peg = &self.panel.peg;
        self.args.board.modify(|shown| shown.follow(peg));
        for change in &changes {
            self.args.observer.record(told(peg, *change, fault));
        }
        if !changes.is_empty() {
            self.unwritten = true;
            self.remember(myself);
        }
    }

    /// Tells of the sources: who votes, who has been silent for too long, whose clock is wrong.
    fn look_around(&mut self) {
        let now = self.args.clock.now();
        for event in self.roll_call.take(&self.panel.explain(now, &Boards(&self.args.others))) {
            self.args.observer.record(event);
        }
    }

    fn explain(&self) -> Explanation {
        let now = self.args.clock.now();
        self.panel.explain(now, &Boards(&self.args.others))
    }

    /// Asks the journal whether a human lets a disabled asset back: the command runs beside this process.
    fn ask_for_reset(&self, myself: &ActorRef<PegWatchMsg>) {
        if self.panel.peg.state == PegState::Disabled {
            let (journal, asset, myself) = (self.args.journal.clone(), self.args.asset.clone(), myself.clone());
            tokio::spawn(async move {
                let _ = myself.cast(PegWatchMsg::ResetAsked(journal.peg_reset_asked(&asset).await));
            });
        }
    }

    /// Lets a disabled asset back, if that was asked for after it was disabled.
    fn reset(&mut self, myself: &ActorRef<PegWatchMsg>, asked: Result<Option<Timestamp>, JournalFault>) {
        let asked = match asked {
            Ok(asked) => asked,
            Err(fault) => {
                self.args.observer.record(Event::JournalFailed { fault: fault.to_string() });
                return;
            }
        };
        let from = self.panel.peg.state;
        if asked.is_some_and(|asked| asked >= self.panel.peg.since) && self.panel.peg.reset(self.args.clock.now()) {
            let peg = &self.panel.peg;
            self.args.board.publish(peg.clone());
            self.args.observer.record(told(peg, PegChange::State { from, to: peg.state }, None));
            self.unwritten = true;
            self.remember(myself);
        }
    }

    /// Writes the newest verdict when it is not written and nothing is being written.
    fn remember(&mut self, myself: &ActorRef<PegWatchMsg>) {
        if !self.unwritten || self.writing {
            return;
        }
        let peg = self.panel.peg.clone();
        (self.writing, self.unwritten) = (true, false);
        let (journal, myself) = (self.args.journal.clone(), myself.clone());
        tokio::spawn(async move {
            let _ = myself.cast(PegWatchMsg::Remembered(journal.remember_peg(&peg).await));
        });
    }
}

/// A change, for people and gauges.
fn told(peg: &Peg, change: PegChange, fault: Option<&str>) -> Event {
    match change {
        PegChange::State { from, to } => {
            Event::PegMoved { asset: peg.asset.clone(), from, to, price: peg.price(), episode: peg.episode }
        }
        PegChange::Trust { to, .. } => {
            let fault = fault.filter(|_| to != Trust::Trusted).map(str::to_owned);
            Event::TrustMoved { asset: peg.asset.clone(), to, fault }
        }
    }
}

/// The boards of the other assets.
struct Boards<'a>(&'a BTreeMap<AssetId, Board<Peg>>);

impl Neighbourhood for Boards<'_> {
    fn of(&self, asset: &AssetId) -> Option<Neighbour> {
        self.0.get(asset).map(|board| board.look(|peg| Neighbour::from(peg)))
    }

    fn all(&self) -> Vec<Neighbour> {
        self.0.values().map(|board| board.look(|peg| Neighbour::from(peg))).collect()
    }
}
