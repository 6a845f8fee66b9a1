//! One for each source off the chain. It keeps the source connected, and sends what it hears to the asset's peg watch: by mailbox, not
//! by board, because hysteresis must see every value. The adapter connects once; when to connect again is decided here and nowhere
//! else, so that no storm of reconnections can begin anywhere.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinSet;

use crate::actors::board::Address;
use crate::actors::peg_watch::PegWatchMsg;
use crate::actors::pulse::Pulse;
use crate::domain::reading::{Quote, Reading, ReadingFault, timely};
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, PriceStream};

/// Between two attempts to connect, on the policy clock, doubled each time. Venues ban an address that comes more often than every few
/// seconds for long.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST: Duration = Duration::from_secs(60);
/// A key that is refused now is refused in a minute too; whoever mends it restarts the process or waits that long.
const KEY_REFUSED: Duration = Duration::from_secs(600);
/// A connection that held for so long was a good one: the next attempt follows at once.
const HELD: Duration = Duration::from_secs(60);

/// What it works with.
#[derive(Clone)]
pub struct PriceStreamArgs {
    /// The source.
    pub stream: Arc<dyn PriceStream>,
    /// The oldest stamp that is believed when it arrives.
    pub max_age: Duration,
    /// How far ahead of our clock a stamp may be.
    pub max_ahead: Duration,
    /// Who hears the readings.
    pub watch: Address<PegWatchMsg>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct PriceStreamer;

/// What it hears.
pub enum PriceStreamMsg {
    /// Connect.
    Listen,
    /// The connection has ended, or the adapter has crashed.
    Ended(Result<ReadingFault, String>),
    /// Beat.
    Beat,
}

/// What it remembers.
pub struct PriceStreamState {
    args: PriceStreamArgs,
    pulse: Pulse,
    /// The connection; it ends when this actor does.
    listening: JoinSet<()>,
    since: Duration,
    pauses: ExponentialBackoff,
}

impl Actor for PriceStreamer {
    type Msg = PriceStreamMsg;
    type State = PriceStreamState;
    type Arguments = PriceStreamArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: PriceStreamArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("price stream {}", args.stream.source().id));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || PriceStreamMsg::Beat);
        myself.cast(PriceStreamMsg::Listen)?;
        Ok(PriceStreamState { args, pulse, listening: JoinSet::new(), since: Duration::ZERO, pauses: pauses() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PriceStreamMsg::Listen => state.listen(myself),
            PriceStreamMsg::Ended(Ok(fault)) => state.ended(&myself, fault),
            // A crash of the adapter is a bug, and the supervisor's.
            PriceStreamMsg::Ended(Err(crash)) => return Err(crash.into()),
            PriceStreamMsg::Beat => state.pulse.beat(&myself, || PriceStreamMsg::Beat),
        }
        Ok(())
    }
}

impl PriceStreamState {
    fn listen(&mut self, myself: ActorRef<PriceStreamMsg>) {
        self.since = self.args.clock.uptime();
        let args = self.args.clone();
        self.listening.spawn(async move {
            let mut connection = JoinSet::new();
            let stream = Arc::clone(&args.stream);
            connection.spawn(async move { stream.listen(&move |quote| take_reading(&args, quote)).await });
            let ended = match connection.join_next().await {
                Some(Ok(fault)) => Ok(fault),
                Some(Err(crash)) => Err(crash.to_string()),
                None => Err("nobody listened".to_owned()),
            };
            // An actor that is gone needs no word of its connection.
            let _ = myself.cast(PriceStreamMsg::Ended(ended));
        });
    }

    fn ended(&mut self, myself: &ActorRef<PriceStreamMsg>, fault: ReadingFault) {
        // What has ended is reaped, so that a life of reconnections needs no more memory than one.
        while self.listening.try_join_next().is_some() {}
        let clock = &self.args.clock;
        if clock.uptime().saturating_sub(self.since) >= clock.machine(HELD) {
            self.pauses = pauses();
        }
        let pause = clock.machine(self.pauses.next().unwrap_or(LONGEST));
        let pause = match fault {
            // The venue's own word, in the venue's time.
            ReadingFault::RateLimited(asked) => pause.max(asked),
            ReadingFault::Unauthorised => clock.machine(KEY_REFUSED),
            _ => pause,
        };
        let source = self.args.stream.source();
        let (label, words) = (fault.label(), fault.to_string());
        self.args.observer.record(Event::SourceLost { source: source.id.clone(), label, fault: words, retry_in: pause });
        say(&self.args, Err(fault));
        myself.send_after(pause, || PriceStreamMsg::Listen);
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default().with_min_delay(SHORTEST).with_max_delay(LONGEST).with_jitter().without_max_times().build()
}

/// Holds a quote against our own clock and passes it on.
fn take_reading(args: &PriceStreamArgs, quote: Result<Quote, ReadingFault>) {
    let now = args.clock.now();
    say(args, quote.and_then(|quote| timely(&quote, now, args.max_age, args.max_ahead).map(|()| quote)));
}

fn say(args: &PriceStreamArgs, quote: Result<Quote, ReadingFault>) {
    let source = Arc::clone(args.stream.source());
    args.observer.record(Event::ReadingTaken {
        source: source.id.clone(),
        asset: source.asset.clone(),
        result: quote.as_ref().map(|quote| quote.price).map_err(ReadingFault::label),
        detail: quote.as_ref().err().map(ToString::to_string),
    });
    let as_of = args.clock.now();
    // A peg watch that is being restarted misses this reading and gets the next.
    args.watch.cast(PegWatchMsg::Reading(Reading { source, quote, as_of, block: None }));
}
