//! One connection for one pair of one exchange: opens it, subscribes, keeps it alive, and says what the book is until it ends.
//!
//! A connection each, although venues would take several pairs on one: what goes wrong with one pair touches no other, and there are a
//! handful of them. Addresses appear in no fault: they may carry a token.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{SinkExt, StreamExt};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use super::venue::{Heard, Protocol};
use crate::domain::reading::{BookRule, ReadingFault, book};
use crate::domain::source::Source;
use crate::ports::{Clock, Hear, PriceStream};

/// The longest message that is read; a snapshot of one pair has some hundred bytes.
const MOST_BYTES: usize = 256 * 1024;
/// So many messages in a row that cannot be understood, and nothing good will come.
const MOST_BAD: u32 = 20;
/// So many times the silence passes at most before the first price: a heartbeat does not make up for a subscription that was lost.
const FIRST: u32 = 4;
/// The pause when a venue asks for one without saying how long, and the shortest and the longest that are believed.
const PAUSE: Duration = Duration::from_secs(60);
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3_600));

/// How long the machine waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketTimes {
    /// For the connection, its handshake included.
    pub connect: Duration,
    /// For a sign of life that concerns the prices: a connection can be open and dead.
    pub silence: Duration,
    /// Between two pings of ours.
    pub ping: Duration,
}

impl Default for SocketTimes {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), silence: Duration::from_secs(15), ping: Duration::from_secs(5) }
    }
}

/// What a book is configured with.
pub struct BookSettings {
    /// The venue's address.
    pub url: SecretString,
    /// The pair in the venue's own spelling.
    pub symbol: String,
    /// Who it is.
    pub source: Arc<Source>,
    /// What makes the top of the book believable.
    pub rule: BookRule,
    /// How long to wait.
    pub times: SocketTimes,
    /// The time of messages that carry none.
    pub clock: Arc<dyn Clock>,
}

/// Makes a protocol for a new connection.
type Make = fn(&str) -> Box<dyn Protocol>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The book of one pair.
pub struct BookStream {
    settings: BookSettings,
    url: Url,
    make: Make,
}

impl fmt::Debug for BookStream {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BookStream").field("source", &self.settings.source.id).finish_non_exhaustive()
    }
}

impl BookStream {
    /// A book at `path` of the configured address.
    ///
    /// # Errors
    /// The address is none of a websocket; without the address.
    pub fn new(settings: BookSettings, path: &str, make: Make) -> Result<Self, String> {
        let mut url = Url::parse(settings.url.expose_secret()).map_err(|_| "its address is no URL".to_owned())?;
        if !matches!(url.scheme(), "ws" | "wss") || !url.has_host() {
            return Err("its address begins neither with ws:// nor with wss://".to_owned());
        }
        if !path.is_empty() {
            let base = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{base}{path}"));
        }
        Ok(Self { settings, url, make })
    }

    async fn connect(&self) -> Result<Socket, ReadingFault> {
        let limits = WebSocketConfig::default().max_message_size(Some(MOST_BYTES)).max_frame_size(Some(MOST_BYTES));
        let connecting = connect_async_with_config(self.url.as_str(), Some(limits), true);
        // The library traces the whole request, address included.
        let untold = connecting.with_subscriber(Dispatch::none());
        match timeout(self.settings.times.connect, untold).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(fault)) => Err(words(&fault)),
            Err(_) => Err(ReadingFault::Disconnected(format!("no connection within {:?}", self.settings.times.connect))),
        }
    }

    async fn follow<S: AsyncRead + AsyncWrite + Unpin>(&self, mut socket: WebSocketStream<S>, hear: &Hear) -> ReadingFault {
        let SocketTimes { silence, ping, .. } = self.settings.times;
        let mut protocol = (self.make)(&self.settings.symbol);
        let opened = Instant::now();
        if let Some(greeting) = protocol.greet()
            && let Err(fault) = say(&mut socket, Message::text(greeting), opened + silence, silence).await
        {
            return fault;
        }
        let mut pings = interval(ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut alive, mut bad, mut begun) = (opened, 0u32, false);
        // A stream that is always ready would never let the time-out look at the clock.
        while alive.elapsed() < silence {
            let frame = tokio::select! {
                frame = timeout_at(alive + silence, socket.next()) => frame,
                _ = pings.tick() => {
                    match say(&mut socket, Message::Ping(Vec::new().into()), alive + silence, silence).await {
                        Ok(()) => continue,
                        Err(fault) => return fault,
                    }
                }
            };
            let now = self.settings.clock.now();
            let heard = match frame {
                Err(_) => break,
                Ok(None | Some(Ok(Message::Close(_)))) => {
                    return ReadingFault::Disconnected("the venue ended the connection".to_owned());
                }
                Ok(Some(Err(fault))) => return words(&fault),
                Ok(Some(Ok(Message::Text(text)))) => protocol.hear(text.as_str(), now),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => protocol.pong(now),
                Ok(Some(Ok(Message::Binary(_)))) => {
                    protocol.forget();
                    Heard::Bad(ReadingFault::Garbled("bytes instead of text".to_owned()))
                }
                Ok(Some(Ok(Message::Frame(_)))) => Heard::Nothing,
            };
            match heard {
                Heard::Alive if begun || opened.elapsed() < silence.saturating_mul(FIRST) => {}
                Heard::Nothing | Heard::Alive => continue,
                Heard::Top(top) => {
                    (begun, bad) = (true, 0);
                    hear(book(&top, &self.settings.rule));
                }
                Heard::Still(top) => hear(book(&top, &self.settings.rule)),
                Heard::Bad(fault) => {
                    // Until the next price heartbeats excuse nothing: a new connection would begin with one.
                    (begun, bad) = (false, bad.saturating_add(1));
                    hear(Err(fault.clone()));
                    if bad >= MOST_BAD {
                        return fault;
                    }
                    continue;
                }
                Heard::End(fault) => return fault,
            }
            alive = Instant::now();
        }
        ReadingFault::Silent(silence)
    }
}

#[async_trait]
impl PriceStream for BookStream {
    fn source(&self) -> &Arc<Source> {
        &self.settings.source
    }

    async fn listen(&self, hear: &Hear) -> ReadingFault {
        match self.connect().await {
            Ok(socket) => self.follow(socket, hear).await,
            Err(fault) => fault,
        }
    }
}

/// Sends. The other end may have stopped reading, and then nothing leaves any more.
async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    message: Message,
    until: Instant,
    silence: Duration,
) -> Result<(), ReadingFault> {
    match timeout_at(until, socket.send(message)).await {
        Ok(sent) => sent.map_err(|fault| words(&fault)),
        Err(_) => Err(ReadingFault::Silent(silence)),
    }
}

/// Our own words: those of the library may name the address or repeat what was sent.
fn words(fault: &Error) -> ReadingFault {
    let lost = |words: String| ReadingFault::Disconnected(words);
    match fault {
        Error::Http(answer) => refused(answer),
        Error::Io(fault) => lost(format!("the connection failed: {}", fault.kind())),
        Error::Tls(_) => lost("the TLS handshake failed".to_owned()),
        Error::Capacity(_) => ReadingFault::Garbled(format!("a message of more than {MOST_BYTES} bytes")),
        Error::Utf8(_) => ReadingFault::Garbled("it is no text".to_owned()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete) => {
            lost("the connection was cut".to_owned())
        }
        Error::Protocol(_) | Error::AttackAttempt => ReadingFault::Garbled("it is no websocket".to_owned()),
        Error::Url(_) | Error::HttpFormat(_) => lost("its address cannot be used".to_owned()),
        Error::ConnectionClosed | Error::AlreadyClosed => lost("the venue ended the connection".to_owned()),
        Error::WriteBufferFull(_) => lost("it does not read what it is sent".to_owned()),
    }
}

fn refused<B>(answer: &http::Response<B>) -> ReadingFault {
    match answer.status() {
        http::StatusCode::TOO_MANY_REQUESTS => {
            let header =
                answer.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            ReadingFault::RateLimited(header.map_or(PAUSE, Duration::from_secs).clamp(PAUSES.0, PAUSES.1))
        }
        http::StatusCode::UNAUTHORIZED | http::StatusCode::FORBIDDEN => ReadingFault::Unauthorised,
        status => ReadingFault::Disconnected(format!("it answers {} instead of opening a websocket", status.as_u16())),
    }
}
