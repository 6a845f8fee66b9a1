//! Pyth's prices, from a server of the kind that Pyth calls Hermes.
//!
//! Hermes pushes each update of a feed as a server-sent event (`/v2/updates/price/stream`). Where the stream is refused, as by a proxy
//! that knows only the other route, the newest update is asked for again and again (`/v2/updates/price/latest`).
//!
//! One [`Hermes`] is shared by all feeds that are heard from it, because its limit (10 requests in 10 seconds for Pyth's own) counts
//! the requests of an address and not those of a feed: a pause that it asks of one feed holds for all.
//!
//! The key and the address, which may carry a key too, appear in no error and in no log: faults are told in our own words, never in the
//! HTTP client's, which name the address, and never in the server's, which may repeat what it was sent. No redirect is followed, for
//! the key belongs to the address that was configured.

mod payload;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy_primitives::B256;
use async_trait::async_trait;
use eventsource_stream::{EventStreamError, Eventsource};
use futures::{Stream, StreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::domain::reading::{Estimate, Quote, ReadingFault, estimate};
use crate::domain::source::Source;
use crate::domain::units::{Price, Timestamp};
use crate::ports::{Clock, Hear, PriceStream};

/// A door for the fuzz targets. Nothing of it is in any other build.
///
/// # Errors
/// The message is not what the protocol promises.
#[cfg(fuzzing)]
pub fn understood(text: &str, feed: B256) -> Result<Option<Estimate>, ReadingFault> {
    payload::parse(text, feed)
}

/// Where Pyth's own Hermes is. It wants a key since August 2026.
pub const PYTH: &str = "https://pyth.dourolabs.app/hermes";

const STREAM: &str = "stream";
const LATEST: &str = "latest";
/// The pause when Hermes asks for one without saying how long: what Pyth's own takes to forget.
const PAUSE: Duration = Duration::from_secs(60);
/// The shortest and the longest pause that is believed.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));
/// The longest message that is read; those of one feed have some thousand bytes.
const MOST_BYTES: usize = 256 * 1024;

/// How long the machine waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HermesTimes {
    /// For an answer: until its head is there for the stream, until it is whole for the newest update.
    pub connect: Duration,
    /// For anything new of the feed. Signs of life without a price do not count.
    pub silence: Duration,
    /// Between two questions, where the stream is refused.
    pub poll: Duration,
    /// Until polling ends and the stream is tried again. Pyth's own ends its streams after as long.
    pub poll_for: Duration,
}

impl Default for HermesTimes {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            poll: Duration::from_secs(5),
            poll_for: Duration::from_hours(24),
        }
    }
}

/// What a Hermes is configured with.
pub struct HermesSettings {
    /// Its address, without the routes: [`PYTH`].
    pub base: Url,
    /// The key, sent as a bearer token.
    pub key: Option<SecretString>,
    /// How long to wait.
    pub times: HermesTimes,
}

/// One server.
pub struct Hermes {
    client: Client,
    settings: HermesSettings,
    /// Until when it asked to be left alone.
    paused: Mutex<Option<Instant>>,
}

impl fmt::Debug for Hermes {
    /// Without the address and the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hermes").field("times", &self.settings.times).finish_non_exhaustive()
    }
}

/// Why a request brought nothing.
enum Refusal {
    /// There is no such route, or no such feed: Hermes says the same for both.
    Missing(StatusCode),
    /// Anything else.
    Fault(ReadingFault),
}

impl From<Refusal> for ReadingFault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing(status) => answers(status),
            Refusal::Fault(fault) => fault,
        }
    }
}

/// Why the bytes of a stream ended early.
enum Broken {
    Connection,
    TooLong,
    Marked,
}

impl Hermes {
    /// Talks to the server of `settings`. Nothing is sent yet.
    ///
    /// # Errors
    /// The address cannot have routes, the key cannot stand in a header or is one of two, or there is no TLS; without the address
    /// and the key.
    pub fn new(settings: HermesSettings) -> Result<Self, String> {
        if !matches!(settings.base.scheme(), "http" | "https") || settings.base.cannot_be_a_base() {
            return Err("the address of Hermes is neither http nor https".to_owned());
        }
        if let Some(key) = &settings.key
            && (key.expose_secret().is_empty() || HeaderValue::from_str(key.expose_secret()).is_err())
        {
            return Err("the key for Hermes is empty or has characters that no header may have".to_owned());
        }
        // The client would send both, and the server would pick one.
        if settings.key.is_some() && !(settings.base.username().is_empty() && settings.base.password().is_none()) {
            return Err("the address of Hermes carries a user of its own beside the key".to_owned());
        }
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(settings.times.connect);
        let client = client.build().map_err(|_| "no HTTP client can be made".to_owned())?;
        Ok(Self { client, settings, paused: Mutex::new(None) })
    }

    fn route(&self, route: &str, feed: B256) -> Url {
        let mut url = self.settings.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v2", "updates", "price", route]);
        }
        url.set_query(Some(&format!("ids[]={}&parsed=true", alloy_primitives::hex::encode(feed))));
        url
    }

    /// Asks, and waits for the head of the answer. Asks nothing during a pause.
    async fn ask(&self, route: &str, accept: &'static str, feed: B256) -> Result<Response, Refusal> {
        if let Some(rest) = self.pause() {
            return Err(Refusal::Fault(ReadingFault::RateLimited(rest)));
        }
        let mut request = self.client.get(self.route(route, feed)).header(ACCEPT, accept);
        if let Some(key) = &self.settings.key {
            request = request.bearer_auth(key.expose_secret());
        }
        match timeout(self.settings.times.connect, request.send()).await {
            Err(_) => Err(Refusal::Fault(self.late())),
            Ok(Err(fault)) => Err(Refusal::Fault(words(&fault))),
            Ok(Ok(response)) => self.judge(response),
        }
    }

    fn judge(&self, response: Response) -> Result<Response, Refusal> {
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::TOO_MANY_REQUESTS => {
                let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
                let asked = header.and_then(|secs| Duration::try_from_secs_f64(secs).ok()).unwrap_or(PAUSE);
                let pause = asked.clamp(PAUSES.0, PAUSES.1);
                let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
                *paused = (*paused).max(Some(Instant::now() + pause));
                Err(Refusal::Fault(ReadingFault::RateLimited(pause)))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Refusal::Fault(ReadingFault::Unauthorised)),
            status @ (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) => {
                Err(Refusal::Missing(status))
            }
            status => Err(Refusal::Fault(answers(status))),
        }
    }

    /// What is left of the pause that it asked for.
    fn pause(&self) -> Option<Duration> {
        let until = (*self.paused.lock().unwrap_or_else(PoisonError::into_inner))?;
        until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
    }

    /// The newest update, whole.
    async fn latest(&self, feed: B256) -> Result<Result<String, ReadingFault>, ReadingFault> {
        let ask = async {
            let mut response = self.ask(LATEST, "application/json", feed).await?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|fault| words(&fault))? {
                body.extend_from_slice(&chunk);
                if body.len() > MOST_BYTES {
                    return Ok(Err(too_long()));
                }
            }
            Ok(String::from_utf8(body).map_err(|_| ReadingFault::Garbled("it is no text".to_owned())))
        };
        timeout(self.settings.times.connect, ask).await.unwrap_or_else(|_| Err(self.late()))
    }

    fn late(&self) -> ReadingFault {
        ReadingFault::Disconnected(format!("Hermes did not answer within {:?}", self.settings.times.connect))
    }
}

/// What makes an estimate of a feed believable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HermesRule {
    /// The widest confidence interval, in basis points of the price.
    pub limit_bps: u32,
    /// Lowest believable price.
    pub low: Price,
    /// Highest believable price.
    pub high: Price,
}

/// One feed of one server.
pub struct HermesFeed {
    hermes: Arc<Hermes>,
    source: Arc<Source>,
    feed: B256,
    rule: HermesRule,
    clock: Arc<dyn Clock>,
}

impl HermesFeed {
    /// Hears the feed `feed` of `hermes`, believed by `rule`.
    #[must_use]
    pub fn new(hermes: Arc<Hermes>, source: Arc<Source>, feed: B256, rule: HermesRule, clock: Arc<dyn Clock>) -> Self {
        Self { hermes, source, feed, rule, clock }
    }

    /// What a message has to say, if anything.
    fn understand(&self, text: &str, order: &mut Order) -> Option<Result<Quote, ReadingFault>> {
        match payload::parse(text, self.feed) {
            Err(fault) => Some(Err(fault)),
            Ok(None) => None,
            Ok(Some(found)) => order
                .takes(&found, self.clock.now())
                .then(|| estimate(&found, self.rule.limit_bps, self.rule.low, self.rule.high)),
        }
    }

    async fn follow(&self, response: Response, hear: &Hear) -> ReadingFault {
        if !is_event_stream(&response) {
            return ReadingFault::Garbled("its answer is no stream of events".to_owned());
        }
        let silence = self.hermes.settings.times.silence;
        let unread = AtomicUsize::new(0);
        let events = bytes_of(response, &unread).eventsource();
        let mut events = std::pin::pin!(events);
        let (mut order, mut heard) = (Order::default(), Instant::now());
        // A stream that is always ready would never let the time-out look at the clock.
        while heard.elapsed() < silence {
            let event = match timeout_at(heard + silence, events.next()).await {
                Err(_) => break,
                Ok(None) => return ReadingFault::Disconnected("Hermes ended the stream".to_owned()),
                Ok(Some(Err(fault))) => return broken(&fault),
                Ok(Some(Ok(event))) => event,
            };
            unread.store(0, Ordering::Relaxed);
            let said = match event.event.as_str() {
                "message" => self.understand(&event.data, &mut order),
                "error" => Some(Err(ReadingFault::Garbled("it tells of an error instead of a price".to_owned()))),
                _ => None,
            };
            if let Some(said) = said {
                hear(said);
                heard = Instant::now();
            }
        }
        ReadingFault::Silent(silence)
    }

    async fn poll(&self, hear: &Hear) -> ReadingFault {
        let HermesTimes { silence, poll, poll_for, .. } = self.hermes.settings.times;
        let began = Instant::now();
        let (mut order, mut heard) = (Order::default(), began);
        while began.elapsed() < poll_for {
            let said = match self.hermes.latest(self.feed).await {
                Err(fault) => return fault,
                Ok(Err(garbled)) => Some(Err(garbled)),
                Ok(Ok(text)) => self.understand(&text, &mut order),
            };
            if let Some(said) = said {
                hear(said);
                heard = Instant::now();
            } else if heard.elapsed() >= silence {
                return ReadingFault::Silent(silence);
            }
            sleep(poll).await;
        }
        ReadingFault::Disconnected("polled for long enough: the stream is tried again".to_owned())
    }
}

#[async_trait]
impl PriceStream for HermesFeed {
    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Ends with [`ReadingFault::RateLimited`] without a word to the server when it is called during a pause.
    async fn listen(&self, hear: &Hear) -> ReadingFault {
        match self.hermes.ask(STREAM, "text/event-stream", self.feed).await {
            Ok(response) => self.follow(response, hear).await,
            Err(Refusal::Missing(_)) => self.poll(hear).await,
            Err(Refusal::Fault(fault)) => fault,
        }
    }
}

/// What of a feed has been heard on one connection: the same update comes more than once, and polling asks servers that are not
/// equally far.
#[derive(Default)]
struct Order {
    last: Option<Estimate>,
    newest: Timestamp,
}

impl Order {
    /// Whether an update is news. Stamps are whole seconds and updates come faster, so another price with the same stamp is news.
    ///
    /// A stamp of the future is taken, for the caller to judge, and then remembered as now: one wrong stamp must not shut out the right
    /// ones that follow.
    fn takes(&mut self, update: &Estimate, now: Timestamp) -> bool {
        if update.at < self.newest || self.last.as_ref() == Some(update) {
            return false;
        }
        self.newest = self.newest.max(update.at.min(now));
        self.last = Some(*update);
        true
    }
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// The bytes of an answer, as long as no more than [`MOST_BYTES`] come without an event: whoever hears one sets `unread` back.
///
/// A stream that begins with a byte order mark ends at once. The specification allows one, and Hermes sends none; `eventsource-stream`
/// 0.2.3 cuts its three bytes after the first and panics.
fn bytes_of(response: Response, unread: &AtomicUsize) -> impl Stream<Item = Result<impl AsRef<[u8]> + use<>, Broken>> {
    stream::try_unfold((response, true), move |(mut response, first)| async move {
        let Some(chunk) = response.chunk().await.map_err(|_| Broken::Connection)? else { return Ok(None) };
        if first && chunk.first() == Some(&0xEF) {
            return Err(Broken::Marked);
        }
        if unread.fetch_add(chunk.len(), Ordering::Relaxed).saturating_add(chunk.len()) > MOST_BYTES {
            return Err(Broken::TooLong);
        }
        let first = first && chunk.is_empty();
        Ok(Some((chunk, (response, first))))
    })
}

fn broken(fault: &EventStreamError<Broken>) -> ReadingFault {
    match fault {
        EventStreamError::Transport(Broken::Connection) => {
            ReadingFault::Disconnected("the connection to Hermes broke".to_owned())
        }
        EventStreamError::Transport(Broken::TooLong) => too_long(),
        EventStreamError::Transport(Broken::Marked) | EventStreamError::Utf8(_) | EventStreamError::Parser(_) => {
            ReadingFault::Garbled("its stream is no stream of events".to_owned())
        }
    }
}

fn too_long() -> ReadingFault {
    ReadingFault::Garbled(format!("a message has more than {MOST_BYTES} bytes"))
}

fn answers(status: StatusCode) -> ReadingFault {
    let meaning = match status {
        StatusCode::NOT_FOUND => ": it knows no such feed, or no such route",
        status if status.is_redirection() => ": it is elsewhere, and the key is not sent after it",
        _ => "",
    };
    ReadingFault::Disconnected(format!("Hermes answers {}{meaning}", status.as_u16()))
}

/// The client's fault without its words, which name the address.
fn words(fault: &reqwest::Error) -> ReadingFault {
    let what = if fault.is_timeout() {
        "Hermes did not answer in time"
    } else if fault.is_connect() {
        "Hermes cannot be reached"
    } else if fault.is_builder() {
        "the address of Hermes is none that can be asked"
    } else {
        "the connection to Hermes broke"
    };
    ReadingFault::Disconnected(what.to_owned())
}
