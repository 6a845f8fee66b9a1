//! The life of one connection, in a task of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::Address;
use ractor::ActorRef;

use super::BlockReaderMsg;
use crate::actors::board::Board;
use crate::actors::facts::{BlockFacts, ReadPlan, Slot};
use crate::ports::{Announcement, ChainLink, ChainSession, Clock, Head, LinkFault, News, PriceSource};

/// At most this many blocks of a gap are read after the fact; older ones say nothing that the newest does not.
const MOST_BACKFILL: u64 = 16;

pub(super) struct Session {
    pub(super) link: Arc<dyn ChainLink>,
    pub(super) plan: Board<ReadPlan>,
    pub(super) read_every: u64,
    pub(super) generation: u64,
    pub(super) last_number: Option<u64>,
    pub(super) following: Following,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) reader: ActorRef<BlockReaderMsg>,
}

impl Session {
    pub(super) async fn run(mut self) {
        let Err(fault) = self.listen().await;
        // The reader is gone when this fails, and so is the reason to tell it.
        let _ = self.reader.cast(BlockReaderMsg::Lost(self.generation, fault));
    }

    async fn listen(&mut self) -> Result<std::convert::Infallible, LinkFault> {
        let mut session = self.link.connect().await?;
        let _ = self.reader.cast(BlockReaderMsg::Opened(self.generation, session.transport()));
        let first = session.next_head().await?;
        self.backfill(session.as_mut(), first.stamp.number).await?;
        self.read(session.as_mut(), first).await?;
        // The block of an announcement that has not been read yet: the first head from there on is read out of turn.
        let mut announced: Option<u64> = None;
        loop {
            match session.next().await? {
                News::Head(Head { stamp, .. })
                    if stamp.number % self.read_every != 0 && announced.is_none_or(|block| stamp.number < block) =>
                {
                    let _ = self.reader.cast(BlockReaderMsg::Heard(self.generation));
                }
                News::Head(head) => {
                    self.read(session.as_mut(), head).await?;
                    announced = announced.filter(|block| *block > head.stamp.number);
                }
                News::Announced(Announcement { aggregator, block, transmission }) => {
                    if self.last_number.is_none_or(|last| block > last) {
                        announced = Some(announced.map_or(block, |earlier| earlier.min(block)));
                    }
                    if let Some(transmission) = transmission {
                        let _ = self.reader.cast(BlockReaderMsg::Announced(self.generation, aggregator, Box::new(transmission)));
                    }
                }
            }
        }
    }

    /// Reads what was missed between the last connection and this one.
    async fn backfill(&mut self, session: &mut dyn ChainSession, first: u64) -> Result<(), LinkFault> {
        let Some(last) = self.last_number else { return Ok(()) };
        let from = last.saturating_add(1).max(first.saturating_sub(MOST_BACKFILL));
        let read_every = self.read_every;
        for number in (from..first).filter(|number| number % read_every == 0) {
            if let Some(head) = session.head_at(number).await? {
                self.read(&mut *session, head).await?;
            }
        }
        Ok(())
    }

    async fn read(&mut self, session: &mut dyn ChainSession, head: Head) -> Result<(), LinkFault> {
        let began = self.clock.uptime();
        let plan = self.plan.read();
        let answers = session.read(head.stamp.hash, plan.calls()).await?;
        let took = self.clock.uptime().saturating_sub(began);
        self.last_number = Some(head.stamp.number);
        let facts = BlockFacts::new(head, plan, answers);
        if let Some(aggregators) = self.following.changed(&facts) {
            session.follow(&aggregators);
            let _ = self.reader.cast(BlockReaderMsg::Followed(self.generation, aggregators));
        }
        let _ = self.reader.cast(BlockReaderMsg::Read(self.generation, Box::new(facts), took));
        Ok(())
    }
}

/// Whose announcements the sources wait for.
pub(super) struct Following {
    sources: Arc<[(Slot, Arc<dyn PriceSource>)]>,
    /// Of each source. One that does not say in a block has not changed: a failed read must not cost a new subscription.
    known: Vec<Option<Address>>,
    followed: BTreeSet<Address>,
}

impl Following {
    pub(super) fn new(sources: Arc<[(Slot, Arc<dyn PriceSource>)]>) -> Self {
        Self { known: vec![None; sources.len()], sources, followed: BTreeSet::new() }
    }

    /// All aggregators, if they are others than in the block before.
    fn changed(&mut self, block: &BlockFacts) -> Option<BTreeSet<Address>> {
        for ((slot, source), known) in self.sources.iter().zip(&mut self.known) {
            *known = source.aggregator(slot.of(block)).or(*known);
        }
        let all: BTreeSet<Address> = self.known.iter().flatten().copied().collect();
        if all == self.followed {
            return None;
        }
        self.followed.clone_from(&all);
        Some(all)
    }
}
