//! A connection to the chain in memory that can fail in every way a connection fails.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use tokio::sync::watch;

use super::chain::SimChain;
use super::open;
use crate::ports::{Announcement, Answer, Call, ChainLink, ChainSession, Head, LinkFault, News};

/// What an attempt to connect meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meets {
    Refusal,
    Silence,
    /// Opens, after this long.
    Slowness(Duration),
}

#[derive(Default)]
pub(crate) struct Line {
    /// For the next attempts, in order; then all is well.
    pub(crate) meets: VecDeque<Meets>,
    pub(crate) attempts: usize,
    /// Blocks that were read, in order.
    pub(crate) reads: Vec<u64>,
    /// Reads fail from now on.
    pub(crate) reads_fail: bool,
    /// What is announced next, before the next head.
    announced: VecDeque<Announcement>,
    /// Whose announcements were wanted, at every change.
    pub(crate) followed: Vec<BTreeSet<Address>>,
}

/// The state of the open connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wire {
    /// Every connection made before this count is broken.
    cuts: usize,
    /// No head comes through.
    deaf: bool,
}

#[derive(Clone)]
pub(crate) struct FakeLink {
    chain: SimChain,
    line: Arc<Mutex<Line>>,
    wire: Arc<watch::Sender<Wire>>,
}

impl FakeLink {
    pub(crate) fn new(chain: &SimChain) -> Self {
        Self { chain: chain.clone(), line: Arc::default(), wire: Arc::default() }
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Line) -> T) -> T {
        change(&mut open(&self.line))
    }

    /// Breaks the open connection.
    pub(crate) fn cut(&self) {
        self.wire.send_modify(|wire| wire.cuts += 1);
    }

    /// An aggregator speaks.
    pub(crate) fn announce(&self, announcement: Announcement) {
        self.with(|line| line.announced.push_back(announcement));
        self.wire.send_modify(|_| {});
    }

    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.wire.send_modify(|wire| wire.deaf = deaf);
    }
}

#[async_trait]
impl ChainLink for FakeLink {
    async fn connect(&self) -> Result<Box<dyn ChainSession>, LinkFault> {
        let meets = self.with(|line| {
            line.attempts += 1;
            line.meets.pop_front()
        });
        match meets {
            Some(Meets::Refusal) => return Err(LinkFault::Unreachable("refused".to_owned())),
            Some(Meets::Silence) => std::future::pending().await,
            Some(Meets::Slowness(wait)) => tokio::time::sleep(wait).await,
            None => {}
        }
        let wire = self.wire.subscribe();
        let cuts = wire.borrow().cuts;
        // A subscription tells of the blocks to come, not of those that are there.
        let seen = *self.chain.height().borrow();
        Ok(Box::new(FakeSession { link: self.clone(), wire, cuts, seen }))
    }
}

struct FakeSession {
    link: FakeLink,
    wire: watch::Receiver<Wire>,
    cuts: usize,
    seen: usize,
}

#[async_trait]
impl ChainSession for FakeSession {
    fn transport(&self) -> &'static str {
        "polling"
    }

    async fn next(&mut self) -> Result<News, LinkFault> {
        let mut height = self.link.chain.height();
        loop {
            let wire = *self.wire.borrow_and_update();
            if wire.cuts > self.cuts {
                return Err(LinkFault::Unreachable("cut".to_owned()));
            }
            if let Some(announcement) = self.link.with(|line| line.announced.pop_front()) {
                return Ok(News::Announced(announcement));
            }
            let count = *height.borrow_and_update();
            if count > self.seen && !wire.deaf {
                self.seen = count;
                return Ok(News::Head(self.link.chain.newest()));
            }
            tokio::select! {
                _ = height.changed() => {}
                _ = self.wire.changed() => {}
            }
        }
    }

    fn follow(&mut self, aggregators: &BTreeSet<Address>) {
        self.link.with(|line| line.followed.push(aggregators.clone()));
    }

    async fn head_at(&mut self, number: u64) -> Result<Option<Head>, LinkFault> {
        Ok(self.link.chain.with(|state| state.heads.iter().find(|head| head.stamp.number == number).copied()))
    }

    async fn read(&mut self, at: B256, calls: &[Call]) -> Result<Vec<Answer>, LinkFault> {
        let head = self.link.chain.with(|state| state.heads.iter().find(|head| head.stamp.hash == at).copied());
        if self.link.with(|line| line.reads_fail) {
            return Err(LinkFault::Refused("out of memory".to_owned()));
        }
        self.link.with(|line| line.reads.extend(head.map(|head| head.stamp.number)));
        self.link.chain.read(at, calls).ok_or_else(|| LinkFault::Refused("unknown block".to_owned()))
    }
}
