//! What the venues that speak over a WebSocket have in common: the handshake, the moods, and who is heard when. What is said in
//! between is the venue's [`Dialect`].

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, interval_at, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, Uri};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::mood::{GARBAGE, VenueMood};
use super::tape::Tape;

/// How long a client may take to say hello, and to read what it is sent: a slow one is cut off, as everywhere.
const SLOW: Duration = Duration::from_secs(5);
/// The pause after a connection could not be taken, as when there are too many.
const PAUSE: Duration = Duration::from_millis(100);

/// One connection in the language of a venue.
pub(super) trait Dialect: Send + Sized + 'static {
    /// How long a client may take to subscribe, on the machine.
    const PATIENCE: Option<Duration> = None;
    /// How often the venue pings, on the machine.
    const PING: Option<Duration> = None;

    /// A connection to an address; nothing where there is none.
    fn open(address: &Uri) -> Option<Self>;
    /// The first words.
    fn greet(&mut self, tape: &Tape) -> Vec<String>;
    /// What it answers.
    fn hear(&mut self, text: &str, tape: &Tape) -> Vec<String>;
    /// What it says when there is a new tape.
    fn tell(&mut self, tape: &Tape) -> Vec<String>;
    /// Whether the client has subscribed in time.
    fn is_subscribed(&self) -> bool {
        true
    }
}

/// Takes connections until it is dropped, and its connections with it.
pub(super) async fn serve<D: Dialect>(listener: TcpListener, tape: watch::Receiver<Tape>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let tape = tape.clone();
                    connections.spawn(async move {
                        if let Some(mut connection) = Connection::<D>::open(stream, tape).await {
                            // How it ended is the client's business.
                            let _ = connection.talk().await;
                        }
                    });
                }
                Err(fault) => {
                    tracing::debug!(%fault, "a venue could not take a connection");
                    sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The connection is over.
struct Over;

struct Connection<D> {
    socket: WebSocketStream<TcpStream>,
    dialect: D,
    tape: watch::Receiver<Tape>,
}

impl<D: Dialect> Connection<D> {
    /// Shakes hands, if the mood allows.
    async fn open(stream: TcpStream, tape: watch::Receiver<Tape>) -> Option<Self> {
        let mood = tape.borrow().mood;
        let mut dialect = None;
        #[expect(clippy::result_large_err, reason = "the library wants it so")]
        let answer = |request: &Request, response: Response| {
            if mood == VenueMood::Refuses {
                return Err(refusal(StatusCode::TOO_MANY_REQUESTS));
            }
            dialect = D::open(request.uri());
            if dialect.is_some() { Ok(response) } else { Err(refusal(StatusCode::NOT_FOUND)) }
        };
        let socket = timeout(SLOW, accept_hdr_async(stream, answer)).await.ok()?.ok()?;
        Some(Self { socket, dialect: dialect?, tape })
    }

    async fn talk(&mut self) -> Result<(), Over> {
        let tape = self.tape.borrow_and_update().clone();
        let greeting = self.dialect.greet(&tape);
        self.say(greeting, tape.mood).await?;
        let deadline = D::PATIENCE.map(|patience| Instant::now() + patience);
        let mut pings = D::PING.map(|every| interval_at(Instant::now() + every, every));
        loop {
            let mood = self.tape.borrow().mood;
            // A silent venue does not read either: its answer to a ping would be a sign of life.
            let silent = mood == VenueMood::Silent;
            tokio::select! {
                changed = self.tape.changed() => {
                    changed.map_err(|_| Over)?;
                    self.tell().await?;
                }
                message = self.socket.next(), if !silent => match message {
                    Some(Ok(Message::Text(text))) => {
                        let answer = self.dialect.hear(&text, &self.tape.borrow());
                        self.say(answer, mood).await?;
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Over),
                    Some(Ok(_)) => {}
                },
                () = at(deadline), if !silent && !self.dialect.is_subscribed() => {
                    let _ = timeout(SLOW, self.socket.close(None)).await;
                    return Err(Over);
                }
                () = next(&mut pings), if !silent => {
                    let now = self.tape.borrow().at.millis().to_string();
                    self.send(Message::Ping(now.into_bytes().into())).await?;
                }
            }
        }
    }

    /// There is a new tape.
    async fn tell(&mut self) -> Result<(), Over> {
        let tape = self.tape.borrow_and_update().clone();
        let news = match tape.mood {
            VenueMood::Refuses => return Err(Over),
            VenueMood::Silent => return Ok(()),
            VenueMood::Garbage => vec![GARBAGE.to_owned()],
            VenueMood::Honest | VenueMood::Lies(_) | VenueMood::Skewed(_) => self.dialect.tell(&tape),
        };
        self.say(news, tape.mood).await
    }

    /// Says something as the mood allows.
    async fn say(&mut self, texts: Vec<String>, mood: VenueMood) -> Result<(), Over> {
        for text in texts {
            let text = match mood {
                VenueMood::Silent => return Ok(()),
                VenueMood::Refuses => return Err(Over),
                VenueMood::Garbage => GARBAGE.to_owned(),
                VenueMood::Honest | VenueMood::Lies(_) | VenueMood::Skewed(_) => text,
            };
            self.send(Message::text(text)).await?;
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        match timeout(SLOW, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Over),
        }
    }
}

fn refusal(status: StatusCode) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Waits until an instant; for ever, if there is none.
async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits for the next tick; for ever, if there are none.
async fn next(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}
