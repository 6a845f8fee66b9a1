//! A scenario: what happens when, in policy time since it began, and the words for it. [`play`] makes it happen in a world.

use std::time::Duration;

use super::coins::Coin;
use super::fault::WorldError;
use super::handle::WorldHandle;
use super::market::Path;
use super::relay::Mood;
use super::venues::{VenueMood, VenueName};
use crate::ports::Clock;

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A coin's price goes its way from now on.
    PricePath {
        /// The coin.
        coin: Coin,
        /// Its way.
        path: Path,
    },
    /// Gas costs this many gwei from now on.
    BaseFee(u64),
    /// The arbitrageur leaves a pool alone.
    PauseArbitrage(&'static str),
    /// The arbitrageur comes back to it.
    ResumeArbitrage(&'static str),
    /// One big swap pushes a pool off its prices.
    Skew {
        /// The pool.
        pool: &'static str,
        /// What goes in.
        from: Coin,
        /// What comes out.
        to: Coin,
        /// Part of the pool's balance of what goes in.
        part: f64,
    },
    /// The actor of a pool panics the next time it holds a turn.
    PanicPool(&'static str),
    /// The private relay behaves like this from now on.
    Relay(Mood),
    /// A venue behaves like this from now on.
    Venue(VenueName, VenueMood),
    /// The node dies.
    KillNode,
    /// The node comes back.
    RestartNode,
    /// Only words.
    Note,
}

/// Something that happens at a time, and what to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Policy time since the beginning.
    pub at: Duration,
    /// For the audience.
    pub narration: &'static str,
    /// What happens.
    pub action: Action,
}

/// A story.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// In order of time.
    pub steps: Vec<Step>,
    /// Policy time from the beginning to the end.
    pub length: Duration,
}

impl Scenario {
    /// How long it takes on the machine.
    #[must_use]
    pub fn machine_length(&self, clock: &dyn Clock) -> Duration {
        clock.machine(self.length)
    }
}

/// Plays a scenario to its end, paced by the world's policy clock; it begins now. `on_step` hears of each step as it is taken.
/// `panic_pool` is asked to make a pool's actor panic: the world knows nothing of actors.
///
/// # Errors
/// A step cannot be taken: it names a pool that is not there, or the node refuses.
pub async fn play(
    scenario: &Scenario,
    world: &WorldHandle,
    mut on_step: impl FnMut(&Step),
    mut panic_pool: impl FnMut(&str),
) -> Result<(), WorldError> {
    let clock = world.clock();
    let begin = clock.now();
    let until = async |at: Duration| {
        let left = begin.plus(at).since(clock.now());
        tokio::time::sleep(clock.machine(left)).await;
    };
    for step in &scenario.steps {
        until(step.at).await;
        on_step(step);
        match &step.action {
            Action::PricePath { coin, path } => world.set_path(*coin, path.clone()).await,
            Action::BaseFee(gwei) => world.set_base_fee(*gwei).await,
            Action::PauseArbitrage(pool) => world.pause_arbitrage(pool).await?,
            Action::ResumeArbitrage(pool) => world.resume_arbitrage(pool).await?,
            Action::Skew { pool, from, to, part } => drop(world.skew(pool, *from, *to, *part).await?),
            Action::PanicPool(pool) => panic_pool(pool),
            Action::Relay(mood) => world.set_relay_mood(*mood).await,
            Action::Venue(venue, mood) => world.set_venue_mood(*venue, *mood).await,
            Action::KillNode => world.kill_node().await?,
            Action::RestartNode => world.restart_node().await?,
            Action::Note => {}
        }
    }
    until(scenario.length).await;
    Ok(())
}
