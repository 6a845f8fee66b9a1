//! A venue of the tests: a real websocket server that does with each connection what the test lays down for it.

use std::sync::{Arc, Mutex};

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// What is done once the websocket is open.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Wait for a text, and keep it.
    Hear,
    /// Say this.
    Say(String),
    /// Send bytes.
    Bytes(Vec<u8>),
    /// Bytes that belong to no frame.
    Raw(&'static [u8]),
    /// Ping, and wait for the answer.
    Ping,
    /// Say this again and again, until the other end goes.
    Repeat(String),
    /// Answer pings and be silent, until the other end goes.
    Live,
    /// Read nothing and say nothing, until the test ends.
    Deaf,
    /// End the connection as one should.
    Close,
    /// End it as one should not: this is also what happens after the last act.
    Cut,
}

/// What is done with a connection.
#[derive(Clone, Debug)]
pub(super) enum Life {
    /// It becomes a websocket.
    Socket(Vec<Act>),
    /// The request for one is answered with this.
    Refuses(&'static str),
    /// The request for one is read and never answered.
    Stares,
}

#[derive(Default)]
struct Kept {
    paths: Vec<String>,
    heard: Vec<String>,
}

pub(super) struct Venue {
    pub(super) address: String,
    kept: Arc<Mutex<Kept>>,
    _serving: JoinSet<()>,
}

impl Venue {
    /// Every connection has the same life.
    pub(super) async fn open(life: Life) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (mut serving, keeps) = (JoinSet::new(), Arc::clone(&kept));
        serving.spawn(async move {
            let mut lives = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                lives.spawn(live(stream, life.clone(), Arc::clone(&keeps)));
            }
        });
        Self { address, kept, _serving: serving }
    }

    /// The paths that were asked for.
    pub(super) fn paths(&self) -> Vec<String> {
        self.kept.lock().unwrap().paths.clone()
    }

    /// The texts that were waited for.
    pub(super) fn heard(&self) -> Vec<String> {
        self.kept.lock().unwrap().heard.clone()
    }
}

async fn live(mut stream: TcpStream, life: Life, kept: Arc<Mutex<Kept>>) {
    match life {
        Life::Stares => {
            let mut bytes = [0; 1_024];
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
        }
        Life::Refuses(answer) => {
            let mut bytes = [0; 4_096];
            let _ = stream.read(&mut bytes).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Life::Socket(acts) => {
            #[expect(clippy::result_large_err, reason = "the library's own callback")]
            let keep = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
                kept.lock().unwrap().paths.push(request.uri().to_string());
                Ok(response)
            };
            let Ok(mut socket) = accept_hdr_async(stream, keep).await else { return };
            for act in acts {
                if perform(&mut socket, act, &kept).await.is_none() {
                    return;
                }
            }
        }
    }
}

/// `None`: the other end has gone.
async fn perform(socket: &mut WebSocketStream<TcpStream>, act: Act, kept: &Mutex<Kept>) -> Option<()> {
    match act {
        Act::Hear => loop {
            if let Message::Text(text) = socket.next().await?.ok()? {
                kept.lock().unwrap().heard.push(text.to_string());
                return Some(());
            }
        },
        Act::Say(text) => socket.send(Message::text(text)).await.ok(),
        Act::Bytes(bytes) => socket.send(Message::binary(bytes)).await.ok(),
        Act::Raw(bytes) => socket.get_mut().write_all(bytes).await.ok(),
        Act::Ping => {
            socket.send(Message::Ping(vec![7].into())).await.ok()?;
            loop {
                if let Message::Pong(answer) = socket.next().await?.ok()? {
                    assert_eq!(answer.as_ref(), [7]);
                    return Some(());
                }
            }
        }
        Act::Repeat(text) => loop {
            socket.send(Message::text(text.clone())).await.ok()?;
        },
        Act::Live => {
            while socket.next().await?.is_ok() {}
            None
        }
        Act::Deaf => std::future::pending().await,
        Act::Close => socket.close(None).await.ok(),
        Act::Cut => None,
    }
}
