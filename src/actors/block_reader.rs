//! One for each chain. On each head it reads the whole batch in one request at that block's hash and publishes the raw answers;
//! their owners decode them. It owns the connection: when heads stay away for three block times everything on the chain is unknown,
//! and the connection is opened anew.
//!
//! What aggregators announce comes in beside the blocks and goes onto a board of its own. It replaces no read: where not every block is
//! read, it makes the block that it is in, or the first head after it, worth reading.

mod session;
#[cfg(test)]
#[allow(clippy::unchecked_time_subtraction, reason = "a test may panic")]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Address;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinHandle;

use crate::actors::board::Board;
use crate::actors::facts::{BlockFact, BlockFacts, ReadPlan, Slot};
use crate::actors::pulse::Pulse;
use crate::domain::ids::ChainName;
use crate::domain::transmission::Transmission;
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Announcements, ChainLink, Clock, Head, LinkFault, PriceSource};

use self::session::{Following, Session};

/// A silence shorter than this cannot be told from a busy machine, whatever the block time.
const LEAST_SILENCE: Duration = Duration::from_secs(2);
/// How long a connection may take to open, whatever the block time.
const OPENS_WITHIN: Duration = Duration::from_secs(10);

/// What it works with.
#[derive(Clone)]
pub struct BlockReaderArgs {
    /// The chain.
    pub chain: ChainName,
    /// How to connect.
    pub link: Arc<dyn ChainLink>,
    /// The batch, which changes when pools come and go.
    pub plan: Board<ReadPlan>,
    /// The sources whose aggregators are listened to, with the places of their answers in the batch.
    pub sources: Arc<[(Slot, Arc<dyn PriceSource>)]>,
    /// Where the blocks go.
    pub blocks: Board<BlockFact>,
    /// Where announcements go.
    pub announcements: Board<Announcements>,
    /// Time between two blocks, on the policy clock.
    pub block_time: Duration,
    /// Every how many blocks to read; 1 on chains with slow blocks.
    pub read_every: u64,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct BlockReader;

/// What it hears. The generation tells messages of the living session from those of an aborted one.
pub enum BlockReaderMsg {
    /// Open a connection.
    Connect(u64),
    /// The session of this generation is open.
    Opened(u64, &'static str),
    /// It has heard of a block that it does not read.
    Heard(u64),
    /// It has read a block.
    Read(u64, Box<BlockFacts>, Duration),
    /// It listens to other aggregators than before.
    Followed(u64, BTreeSet<Address>),
    /// It has heard an aggregator.
    Announced(u64, Address, Box<Transmission>),
    /// It has ended.
    Lost(u64, LinkFault),
    /// Look whether heads still come.
    Watch,
    /// Beat.
    Beat,
}

/// What it remembers.
pub struct BlockReaderState {
    args: BlockReaderArgs,
    pulse: Pulse,
    generation: u64,
    session: Option<JoinHandle<()>>,
    backoff: ExponentialBackoff,
    /// Whether the session is open; otherwise it is being opened.
    opened: bool,
    /// When the session last gave a sign of life.
    last_sign: Duration,
    /// When the last head came.
    last_heard: Duration,
    last_number: Option<u64>,
    silent: bool,
}

impl Drop for BlockReaderState {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.abort();
        }
    }
}

impl Actor for BlockReader {
    type Msg = BlockReaderMsg;
    type State = BlockReaderState;
    type Arguments = BlockReaderArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: BlockReaderArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("block reader {}", args.chain));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || BlockReaderMsg::Beat);
        let last_heard = args.clock.uptime();
        myself.cast(BlockReaderMsg::Connect(1))?;
        myself.cast(BlockReaderMsg::Watch)?;
        let last_number = args.blocks.read().map(|block| block.head.stamp.number);
        Ok(BlockReaderState {
            args,
            pulse,
            generation: 1,
            session: None,
            backoff: fresh_backoff(),
            opened: false,
            last_sign: last_heard,
            last_heard,
            last_number,
            silent: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            BlockReaderMsg::Connect(generation) if generation == state.generation => state.connect(&myself),
            BlockReaderMsg::Opened(generation, transport) if generation == state.generation => {
                (state.opened, state.last_sign) = (true, state.args.clock.uptime());
                state.args.observer.record(Event::LinkOpened { chain: state.args.chain.clone(), transport });
            }
            BlockReaderMsg::Heard(generation) if generation == state.generation => state.heard(),
            BlockReaderMsg::Read(generation, facts, took) if generation == state.generation => state.publish(*facts, took),
            BlockReaderMsg::Followed(generation, aggregators) if generation == state.generation => {
                state.args.announcements.modify(|heard| heard.keep(&aggregators));
            }
            BlockReaderMsg::Announced(generation, aggregator, transmission) if generation == state.generation => {
                state.args.announcements.modify(|heard| heard.hear(aggregator, *transmission));
            }
            BlockReaderMsg::Lost(generation, fault) if generation == state.generation => state.reconnect(&myself, &fault),
            // A message of an aborted session.
            BlockReaderMsg::Connect(_)
            | BlockReaderMsg::Opened(..)
            | BlockReaderMsg::Heard(_)
            | BlockReaderMsg::Read(..)
            | BlockReaderMsg::Followed(..)
            | BlockReaderMsg::Announced(..)
            | BlockReaderMsg::Lost(..) => {}
            BlockReaderMsg::Watch => {
                state.watch(&myself);
                myself.send_after(state.patience() / 3, || BlockReaderMsg::Watch);
            }
            BlockReaderMsg::Beat => state.pulse.beat(&myself, || BlockReaderMsg::Beat),
        }
        Ok(())
    }
}

impl BlockReaderState {
    fn connect(&mut self, myself: &ActorRef<BlockReaderMsg>) {
        let session = Session {
            link: self.args.link.clone(),
            plan: self.args.plan.clone(),
            read_every: self.args.read_every.max(1),
            generation: self.generation,
            last_number: self.last_number,
            following: Following::new(self.args.sources.clone()),
            clock: self.args.clock.clone(),
            reader: myself.clone(),
        };
        (self.opened, self.last_sign) = (false, self.args.clock.uptime());
        self.session = Some(tokio::spawn(session.run()));
    }

    fn heard(&mut self) {
        self.last_heard = self.args.clock.uptime();
        self.last_sign = self.last_heard;
    }

    fn publish(&mut self, facts: BlockFacts, took: Duration) {
        self.backoff = fresh_backoff();
        self.heard();
        self.silent = false;
        let Head { stamp, .. } = facts.head;
        self.last_number = Some(stamp.number);
        let (chain, calls) = (self.args.chain.clone(), facts.answers().len());
        self.args.blocks.publish(Some(Arc::new(facts)));
        self.args.observer.record(Event::BlockRead { chain, number: stamp.number, timestamp: stamp.timestamp, calls, took });
    }

    fn reconnect(&mut self, myself: &ActorRef<BlockReaderMsg>, fault: &LinkFault) {
        if let Some(session) = self.session.take() {
            session.abort();
        }
        self.generation = self.generation.saturating_add(1);
        let retry_in = self.backoff.next().unwrap_or(LEAST_SILENCE);
        let (chain, label) = (self.args.chain.clone(), fault.label());
        self.args.observer.record(Event::LinkLost { chain, label, fault: fault.to_string(), retry_in });
        let generation = self.generation;
        myself.send_after(retry_in, move || BlockReaderMsg::Connect(generation));
    }

    fn watch(&mut self, myself: &ActorRef<BlockReaderMsg>) {
        let (now, patience) = (self.args.clock.uptime(), self.patience());
        if now.saturating_sub(self.last_heard) > patience && !self.silent {
            self.silent = true;
            self.args.blocks.publish(None);
            self.args.observer.record(Event::ChainSilent { chain: self.args.chain.clone() });
        }
        // A connection that is open and says nothing is worth no more than none; one that is being opened gets its time, however
        // long the chain has been silent.
        let allowed = if self.opened { patience } else { patience.max(OPENS_WITHIN) };
        let silence = now.saturating_sub(self.last_sign);
        if silence > allowed && self.session.as_ref().is_some_and(|session| !session.is_finished()) {
            self.reconnect(myself, &LinkFault::TimedOut(silence));
        }
    }

    fn patience(&self) -> Duration {
        self.args.clock.machine(self.args.block_time.saturating_mul(3)).max(LEAST_SILENCE)
    }
}

fn fresh_backoff() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .with_jitter()
        .without_max_times()
        .build()
}
