//! Venues of our own: they speak the protocols of Kraken (WebSocket, version 2), Coinbase Exchange, Binance (spot) and Pyth's Hermes,
//! and quote the market of the world, each with its lag, its spread and a little noise. The world opens them with
//! [`WorldHandle::open_venues`](super::handle::WorldHandle::open_venues).
//!
//! A lag is a stretch of the policy clock, and so is every stamp in a message. What the protocols promise in machine time stays in
//! machine time: Coinbase hangs up on whoever does not subscribe within five seconds.
//!
//! For stories and tests each venue has a [`VenueMood`]: it falls silent, lies, refuses, sends garbage, or has a wrong clock.

mod binance;
mod coinbase;
mod handle;
mod hermes;
mod kraken;
mod mood;
mod socket;
mod tape;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

pub use self::mood::{VenueMood, VenueName};
use self::tape::Board;
pub(super) use self::tape::pyth_feed;
use super::anvil::AnvilError;
use super::coins::PerCoin;
use super::fault::WorldError;
use crate::domain::units::Timestamp;
use crate::ports::Clock;

/// The key that the world's Hermes wants, sent as a bearer token. It is public and worth nothing.
pub const HERMES_KEY: &str = "demo-key-of-hermes";

/// Policy time between two looks at the market: a third of a block, so that a venue moves before the chain does.
const TICK: Duration = Duration::from_secs(4);
/// The shortest tick on the machine. With a very fast policy clock the venues would do nothing but tick.
const SHORTEST_TICK: Duration = Duration::from_millis(20);

/// Where the venues are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueUrls {
    /// Kraken's WebSocket, whole: `ws://…/v2`.
    pub kraken: String,
    /// Coinbase's WebSocket, whole: `ws://…`.
    pub coinbase: String,
    /// Binance's WebSocket, without `/ws/…` or `/stream?streams=…`.
    pub binance: String,
    /// Hermes, without the routes: `http://…/hermes`.
    pub hermes: String,
}

/// The running venues. Clones steer the same ones; the last one stops them.
#[derive(Clone)]
pub struct Venues {
    inner: Arc<Inner>,
}

struct Inner {
    urls: VenueUrls,
    boards: Vec<Arc<Board>>,
    /// These end when they are aborted.
    tasks: Vec<JoinHandle<()>>,
    /// Never used: Hermes sees it go, and hangs up on everybody.
    _open: oneshot::Sender<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for Venues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Venues").field("urls", &self.inner.urls).finish_non_exhaustive()
    }
}

impl Venues {
    /// Opens all venues, each on a free port of the loopback interface. `prices` tells what the coins cost at a time that is as much
    /// in the past as a venue lags behind; with a `hermes_key`, Hermes answers only those who show it.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(
        clock: Arc<dyn Clock>,
        prices: impl Fn(Timestamp) -> PerCoin<f64> + Send + Sync + 'static,
        hermes_key: Option<&'static str>,
    ) -> Result<Self, WorldError> {
        let tick = clock.machine(TICK).max(SHORTEST_TICK);
        let prices: Arc<tape::Prices> = Arc::new(prices);
        let board = |name| Arc::new(Board::new(name, Arc::clone(&prices), Arc::clone(&clock)));
        let (kraken, coinbase) = (board(VenueName::Kraken), board(VenueName::Coinbase));
        let (binance, pyth) = (board(VenueName::Binance), board(VenueName::Pyth));

        let (kraken_door, kraken_at) = door().await?;
        let (coinbase_door, coinbase_at) = door().await?;
        let (binance_door, binance_at) = door().await?;
        let (hermes_door, hermes_at) = door().await?;
        let urls = VenueUrls {
            kraken: format!("ws://{kraken_at}{}", kraken::PATH),
            coinbase: format!("ws://{coinbase_at}"),
            binance: format!("ws://{binance_at}"),
            hermes: format!("http://{hermes_at}{}", hermes::PATH),
        };
        let mut tasks = vec![
            tokio::spawn(socket::serve::<kraken::Kraken>(kraken_door, kraken.listen())),
            tokio::spawn(socket::serve::<coinbase::Coinbase>(coinbase_door, coinbase.listen())),
            tokio::spawn(socket::serve::<binance::Binance>(binance_door, binance.listen())),
        ];
        let (open, closed) = oneshot::channel();
        tokio::spawn(hermes::serve(hermes_door, pyth.listen(), hermes_key, closed));
        let boards = vec![kraken, coinbase, binance, pyth];
        tasks.push(tokio::spawn(draw(boards.clone(), tick)));
        Ok(Self { inner: Arc::new(Inner { urls, boards, tasks, _open: open }) })
    }

    /// Where they are.
    #[must_use]
    pub fn urls(&self) -> &VenueUrls {
        &self.inner.urls
    }

    /// How a venue behaves from now on, on the connections that are open too.
    pub fn set_mood(&self, venue: VenueName, mood: VenueMood) {
        for board in self.inner.boards.iter().filter(|board| board.name() == venue) {
            board.set_mood(mood);
        }
    }
}

/// A listener and its address.
async fn door() -> Result<(TcpListener, std::net::SocketAddr), WorldError> {
    let port = |fault| WorldError::Node(AnvilError::Port(fault));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(port)?;
    let at = listener.local_addr().map_err(port)?;
    Ok((listener, at))
}

/// Looks at the market at every tick.
async fn draw(boards: Vec<Arc<Board>>, tick: Duration) {
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for board in &boards {
            board.draw();
        }
    }
}
