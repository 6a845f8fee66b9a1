//! Heads and reads of one chain: pushed over a websocket where the node offers one, polled over HTTP where it does not. What aggregators
//! announce is pushed or not heard at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alloy::pubsub::RawSubscription;
use alloy_primitives::{Address, B256, U64};
use async_trait::async_trait;
use secrecy::SecretString;
use tokio::select;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::chain::head::{self, RawHead};
use crate::chain::listening::Listening;
use crate::chain::provider::{AskFault, Node, RequestHook};
use crate::chain::reader::{self, ReaderSettings};
use crate::ports::{Answer, Call, ChainLink, ChainSession, Head, LinkFault, News};

/// Polling more often than this says nothing new.
const LEAST_POLL: Duration = Duration::from_millis(50);
/// So many polls in a row may fail before the session ends.
const MOST_FAILED_POLLS: u32 = 3;
/// While polling stands in for a websocket, the websocket is tried again after so many time limits; so is a refused subscription.
const RETRY: u32 = 6;

/// What a link needs to know.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// EIP-155 number; a node of another chain is not listened to.
    pub chain_id: u64,
    /// Where heads are pushed; without it they are polled.
    pub ws_url: Option<SecretString>,
    /// Where heads are polled, and where a read goes that failed over the websocket.
    pub http_url: SecretString,
    /// Usual machine time between two blocks: a quarter of it passes between two polls.
    pub block_time: Duration,
    /// The most that one request may take.
    pub timeout: Duration,
    /// The batched read.
    pub reader: ReaderSettings,
}

/// A chain behind one node.
pub struct NodeLink {
    wiring: Arc<Wiring>,
}

struct Wiring {
    settings: LinkSettings,
    http: Node,
    on_request: RequestHook,
}

impl NodeLink {
    /// A link that opens no connection yet. `on_request` hears the method of every request.
    ///
    /// # Errors
    /// The HTTP address is no URL.
    pub fn new(settings: LinkSettings, on_request: RequestHook) -> Result<Self, LinkFault> {
        let http = Node::http(&settings.http_url, settings.timeout, on_request.clone())?;
        Ok(Self { wiring: Arc::new(Wiring { settings, http, on_request }) })
    }
}

#[async_trait]
impl ChainLink for NodeLink {
    async fn connect(&self) -> Result<Box<dyn ChainSession>, LinkFault> {
        let wiring = self.wiring.clone();
        let Some(url) = wiring.settings.ws_url.clone() else {
            wiring.check_chain(&wiring.http).await?;
            return Ok(Box::new(NodeSession::polling(wiring)));
        };
        if let Ok(push) = wiring.push(&url).await {
            return Ok(Box::new(NodeSession { source: Source::Push(Box::new(push)), ..NodeSession::polling(wiring) }));
        }
        wiring.check_chain(&wiring.http).await?;
        let mut session = NodeSession::polling(wiring);
        session.retry_websocket(url);
        Ok(Box::new(session))
    }
}

impl Wiring {
    async fn push(&self, url: &SecretString) -> Result<Push, AskFault> {
        let node = Node::websocket(url, self.settings.timeout, self.on_request.clone()).await?;
        self.check_chain(&node).await?;
        let heads = node.subscribe_heads().await?;
        let first = head::newest(&node).await?;
        let logs = Listening::new(node.clone(), self.again());
        Ok(Push { node, heads, logs, first: Some(first) })
    }

    async fn check_chain(&self, node: &Node) -> Result<(), AskFault> {
        let found: U64 = node.ask("eth_chainId", ()).await?;
        if found == U64::from(self.settings.chain_id) {
            return Ok(());
        }
        Err(AskFault::Garbled(format!("the node is on chain {found}; expected chain {}", self.settings.chain_id)))
    }

    /// How long to wait before asking again for what a node has refused, and the rest does without.
    fn again(&self) -> Duration {
        self.settings.timeout.saturating_mul(RETRY)
    }

    fn poll_interval(&self) -> Duration {
        (self.settings.block_time / 4).max(LEAST_POLL)
    }
}

struct NodeSession {
    wiring: Arc<Wiring>,
    source: Source,
    /// Whose announcements are wanted.
    followed: BTreeSet<Address>,
    /// The websocket that is to take over from polling; ends with the session.
    upgrade: JoinSet<Result<Push, AskFault>>,
}

enum Source {
    Push(Box<Push>),
    Poll(Poll),
}

struct Push {
    node: Node,
    heads: RawSubscription,
    logs: Listening,
    /// The head that was the newest at the start: the first push may be a block time away.
    first: Option<Head>,
}

#[derive(Default)]
struct Poll {
    last: Option<B256>,
    failed: u32,
}

#[async_trait]
impl ChainSession for NodeSession {
    fn transport(&self) -> &'static str {
        match self.source {
            Source::Push(_) => "websocket",
            Source::Poll(_) => "polling",
        }
    }

    async fn next(&mut self) -> Result<News, LinkFault> {
        loop {
            match &mut self.source {
                Source::Push(push) => return Ok(push.next().await?),
                Source::Poll(poll) => {
                    if let Some(head) = poll.look(&self.wiring).await? {
                        return Ok(News::Head(head));
                    }
                }
            }
            self.upgrade();
        }
    }

    fn follow(&mut self, aggregators: &BTreeSet<Address>) {
        self.followed.clone_from(aggregators);
        if let Source::Push(push) = &mut self.source {
            push.logs.follow(aggregators);
        }
    }

    async fn head_at(&mut self, number: u64) -> Result<Option<Head>, LinkFault> {
        if let Source::Push(push) = &self.source
            && let Ok(Some(head)) = head::at_height(&push.node, number).await
        {
            return Ok(Some(head));
        }
        Ok(head::at_height(&self.wiring.http, number).await?)
    }

    async fn read(&mut self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, LinkFault> {
        let (http, settings) = (&self.wiring.http, &self.wiring.settings.reader);
        let Source::Push(push) = &self.source else {
            return Ok(reader::read(http, settings, at, calls).await?);
        };
        match reader::read(&push.node, settings, at, calls).await {
            Ok(answers) => Ok(answers),
            // The fault of the connection that the head came from says more than that of the stand-in.
            Err(fault) => reader::read(http, settings, at, calls).await.map_err(|_| fault.into()),
        }
    }
}

impl NodeSession {
    fn polling(wiring: Arc<Wiring>) -> Self {
        Self { wiring, source: Source::Poll(Poll::default()), followed: BTreeSet::new(), upgrade: JoinSet::new() }
    }

    /// Goes over to the websocket when it can be had again.
    fn upgrade(&mut self) {
        match (self.upgrade.try_join_next(), &self.wiring.settings.ws_url) {
            (Some(Ok(Ok(mut push))), _) => {
                push.logs.follow(&self.followed);
                self.source = Source::Push(Box::new(push));
            }
            (Some(_), Some(url)) => self.retry_websocket(url.clone()),
            _ => {}
        }
    }

    fn retry_websocket(&mut self, url: SecretString) {
        let wiring = self.wiring.clone();
        self.upgrade.spawn(async move {
            sleep(wiring.again()).await;
            wiring.push(&url).await
        });
    }
}

impl Push {
    async fn next(&mut self) -> Result<News, AskFault> {
        if let Some(first) = self.first.take()
            && self.heads.is_empty()
        {
            return Ok(News::Head(first));
        }
        select! {
            head = newest(&mut self.heads) => head.map(News::Head),
            announcement = self.logs.next() => Ok(News::Announced(announcement)),
        }
    }
}

/// The newest of the heads that have come, or the next.
async fn newest(heads: &mut RawSubscription) -> Result<Head, AskFault> {
    let mut newest = loop {
        match heads.recv().await {
            Ok(raw) => break raw,
            // Heads that nobody fetched in time were dropped; the newest is still there.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Err(AskFault::Unreachable("the websocket is closed".to_owned())),
        }
    };
    while let Ok(raw) = heads.try_recv() {
        newest = raw;
    }
    let head: RawHead = serde_json::from_str(newest.get())
        .map_err(|error| AskFault::Garbled(format!("a pushed head does not decode: {error}")))?;
    head.try_into()
}

impl Poll {
    /// One look: a head that was not seen before, or nothing.
    async fn look(&mut self, wiring: &Wiring) -> Result<Option<Head>, AskFault> {
        if self.last.is_some() || self.failed > 0 {
            sleep(wiring.poll_interval()).await;
        }
        match head::newest(&wiring.http).await {
            Ok(head) => {
                self.failed = 0;
                let seen = self.last.replace(head.stamp.hash);
                Ok(Some(head).filter(|head| seen != Some(head.stamp.hash)))
            }
            Err(fault) => {
                self.failed = self.failed.saturating_add(1);
                if self.failed < MOST_FAILED_POLLS { Ok(None) } else { Err(fault) }
            }
        }
    }
}
