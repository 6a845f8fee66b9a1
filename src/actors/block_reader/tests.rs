//! The block reader on a connection that fails in every way.

mod announced;

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Bytes;
use ractor::{Actor, ActorRef};

use super::{BlockReader, BlockReaderArgs, BlockReaderMsg};
use crate::actors::board::Board;
use crate::actors::facts::{BlockFact, BlockFacts, ReadPlan, Slot};
use crate::actors::testing::chain::{SimChain, address};
use crate::actors::testing::link::{FakeLink, Meets};
use crate::actors::testing::position::FakeSource;
use crate::actors::testing::world::BLOCK;
use crate::actors::testing::{Events, FakeClock, millis, observer, secs, settle};
use crate::domain::ids::ChainName;
use crate::observe::Event;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{Announcements, Call, Clock, LinkFault, PriceSource};

struct Bench {
    clock: Arc<FakeClock>,
    chain: SimChain,
    link: FakeLink,
    events: Events,
    args: BlockReaderArgs,
    reader: ActorRef<BlockReaderMsg>,
}

impl Bench {
    async fn start() -> Self {
        Self::with(BLOCK, 1, &[]).await
    }

    async fn with(block_time: Duration, read_every: u64, meets: &[Meets]) -> Self {
        Self::following(block_time, read_every, meets, &[]).await
    }

    async fn following(block_time: Duration, read_every: u64, meets: &[Meets], sources: &[Arc<FakeSource>]) -> Self {
        let clock = FakeClock::new(1);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let chain = SimChain::new(&clock);
        chain.birth("a", &[5_000, 5_000]);
        let link = FakeLink::new(&chain);
        link.with(|line| line.meets = meets.iter().copied().collect());
        let mut plan = ReadPlan::default();
        let sources: Vec<_> = sources.iter().map(|source| (plan.reserve(source.calls()), source.clone() as _)).collect();
        let sources: Arc<[(Slot, Arc<dyn PriceSource>)]> = sources.into();
        if sources.is_empty() {
            plan.reserve(vec![Call { target: address("a"), data: Bytes::new() }]);
        }
        let args = BlockReaderArgs {
            chain: ChainName::new("test"),
            link: Arc::new(link.clone()),
            plan: Board::new(plan),
            sources,
            announcements: Board::new(Announcements::default()),
            blocks: Board::new(None::<Arc<BlockFacts>>) as Board<BlockFact>,
            block_time,
            read_every,
            clock: clock.clone(),
            observer,
            hearts: Heartbeats::default(),
        };
        let reader = Actor::spawn(None, BlockReader, args.clone()).await.unwrap().0;
        settle().await;
        Self { clock, chain, link, events, args, reader }
    }

    async fn blocks(&self, count: usize) {
        for _ in 0..count {
            tokio::time::sleep(self.args.block_time).await;
            self.chain.mine();
        }
        settle().await;
    }

    fn on_board(&self) -> Option<u64> {
        self.args.blocks.read().map(|block| block.head.stamp.number)
    }

    fn published(&self) -> Vec<u64> {
        self.events
            .pick(|event| if let Event::BlockRead { number, .. } = event { Some(*number) } else { None })
            .into_iter()
            .map(|(_, number)| number)
            .collect()
    }

    fn silences(&self) -> usize {
        self.events.count(|event| matches!(event, Event::ChainSilent { .. }))
    }

    fn losses(&self) -> Vec<Duration> {
        let losses = |event: &Event| if let Event::LinkLost { retry_in, .. } = event { Some(*retry_in) } else { None };
        self.events.pick(losses).into_iter().map(|(_, retry_in)| retry_in).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn each_head_is_read_once_and_put_on_the_board() {
    let bench = Bench::start().await;
    bench.blocks(5).await;
    assert_eq!(bench.published(), [100, 101, 102, 103, 104]);
    assert_eq!(bench.link.with(|line| line.reads.clone()), [100, 101, 102, 103, 104]);
    assert!(bench.args.blocks.read().unwrap().answers()[0].is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lost_session_is_opened_again_and_the_gap_is_read_in_order() {
    let bench = Bench::start().await;
    bench.blocks(2).await;
    bench.link.with(|line| line.meets = [Meets::Refusal; 5].into());
    bench.link.cut();
    // The outage is shorter than three blocks; a new subscription tells only of blocks to come.
    bench.chain.mine();
    bench.chain.mine();
    tokio::time::sleep(secs(11)).await;
    assert_eq!(bench.losses().len(), 6);
    assert!(bench.losses().windows(2).all(|pair| pair[1] > pair[0]), "each pause is longer: {:?}", bench.losses());
    bench.blocks(1).await;
    assert_eq!(bench.published(), [100, 101, 102, 103, 104]);
    assert_eq!((bench.on_board(), bench.silences()), (Some(104), 0));
    bench.link.cut();
    tokio::time::sleep(secs(1)).await;
    assert!(bench.losses()[6] < millis(250), "a block that was read ends the doubling");
}

#[tokio::test(start_paused = true)]
async fn a_long_gap_is_read_from_its_last_sixteen_blocks() {
    let bench = Bench::start().await;
    bench.blocks(1).await;
    bench.link.cut();
    for _ in 0..40 {
        bench.chain.mine();
    }
    tokio::time::sleep(secs(1)).await;
    bench.chain.mine();
    settle().await;
    assert_eq!(bench.published(), std::iter::once(100).chain(125..=141).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn after_three_block_times_of_silence_nothing_is_known_and_the_connection_is_opened_anew() {
    let bench = Bench::start().await;
    bench.blocks(1).await;
    let heard = bench.clock.uptime();
    bench.link.set_deaf(true);
    bench.blocks(2).await;
    assert_eq!((bench.on_board(), bench.silences()), (Some(100), 0));
    let silent = bench.events.first(secs(60), |event| matches!(event, Event::ChainSilent { .. })).await;
    assert!(silent - heard > BLOCK * 3 - millis(2) && silent - heard < BLOCK * 4 + secs(1), "{:?}", silent - heard);
    assert_eq!(bench.on_board(), None);
    tokio::time::sleep(secs(120)).await;
    assert_eq!(bench.silences(), 1, "told once");
    assert!(bench.link.with(|line| line.attempts) >= 3, "it tries again and again");
    bench.link.set_deaf(false);
    bench.blocks(1).await;
    assert_eq!(bench.on_board(), Some(103));
    bench.link.set_deaf(true);
    tokio::time::sleep(secs(60)).await;
    assert_eq!(bench.silences(), 2, "another silence is news again");
}

#[tokio::test(start_paused = true)]
async fn on_a_fast_chain_less_than_two_seconds_are_no_silence() {
    let bench = Bench::with(millis(100), 1, &[]).await;
    bench.blocks(5).await;
    tokio::time::sleep(millis(1_900)).await;
    assert_eq!(bench.silences(), 0);
    tokio::time::sleep(millis(900)).await;
    assert_eq!(bench.silences(), 1);
}

#[tokio::test(start_paused = true)]
async fn heads_that_are_not_read_are_no_silence_either() {
    let bench = Bench::with(secs(2), 8, &[]).await;
    bench.blocks(40).await;
    assert_eq!(bench.silences(), 0, "{}", bench.events.story());
    assert_eq!(bench.published(), [100, 104, 112, 120, 128, 136]);
    assert_eq!(bench.link.with(|line| line.attempts), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_slow_to_open_is_left_to_open_however_long_the_chain_was_silent() {
    // Blocks every 200 ms: the chain counts as silent after two seconds, and the node takes five to open.
    let outage = [Meets::Refusal, Meets::Refusal, Meets::Refusal, Meets::Refusal, Meets::Refusal, Meets::Slowness(secs(5))];
    let bench = Bench::with(millis(200), 1, &outage).await;
    bench.blocks(120).await;
    assert_eq!(bench.silences(), 1);
    assert!(bench.on_board().is_some(), "{}", bench.events.story());
    assert_eq!(bench.link.with(|line| line.attempts), 6);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_opens_is_given_up() {
    let bench = Bench::with(millis(200), 1, &[Meets::Silence]).await;
    bench.blocks(100).await;
    assert_eq!(bench.link.with(|line| line.attempts), 2);
    assert!(bench.on_board().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_costs_the_session_and_not_the_reader() {
    let bench = Bench::start().await;
    bench.blocks(1).await;
    bench.link.with(|line| line.reads_fail = true);
    bench.blocks(1).await;
    assert_eq!(bench.losses().len(), 1);
    bench.link.with(|line| line.reads_fail = false);
    bench.blocks(1).await;
    assert_eq!(bench.published(), [100, 101, 102], "the block that could not be read is part of the gap");
}

#[tokio::test(start_paused = true)]
async fn messages_of_an_aborted_session_are_ignored() {
    let bench = Bench::start().await;
    bench.blocks(1).await;
    bench.link.cut();
    bench.blocks(1).await;
    let facts = bench.args.blocks.read().unwrap();
    let (lost, read) = (bench.losses().len(), bench.published().len());
    let fault = || LinkFault::Unreachable("late".to_owned());
    let old = BlockFacts::clone(&facts);
    bench.reader.cast(BlockReaderMsg::Lost(1, fault())).unwrap();
    bench.reader.cast(BlockReaderMsg::Read(1, Box::new(old), Duration::ZERO)).unwrap();
    bench.reader.cast(BlockReaderMsg::Opened(1, "late")).unwrap();
    bench.reader.cast(BlockReaderMsg::Connect(1)).unwrap();
    settle().await;
    assert_eq!((bench.losses().len(), bench.published().len()), (lost, read));
    assert_eq!(bench.events.count(|event| matches!(event, Event::LinkOpened { transport: "late", .. })), 0);
    assert_eq!(bench.link.with(|line| line.attempts), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_life_of_the_reader_reads_the_gap_of_its_death_and_its_old_session_is_gone() {
    let bench = Bench::start().await;
    bench.blocks(2).await;
    bench.reader.get_cell().kill_and_wait(None).await.unwrap();
    bench.blocks(2).await;
    assert_eq!(bench.link.with(|line| line.reads.clone()), [100, 101], "nobody reads on");
    let _reader = Actor::spawn(None, BlockReader, bench.args.clone()).await.unwrap();
    settle().await;
    bench.blocks(1).await;
    assert_eq!(bench.published(), [100, 101, 102, 103, 104]);
}
