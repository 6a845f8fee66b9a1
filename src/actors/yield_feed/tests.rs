//! A yield feed on a board that the test fills.
#![expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use ractor::{Actor, ActorRef};

use super::*;
use crate::actors::facts::{BlockFacts, ReadPlan};
use crate::actors::testing::{BEGINNING, Events, FakeClock, observer, secs, settle};
use crate::domain::ids::{AssetId, ChainName, SourceId};
use crate::domain::position::BlockStamp;
use crate::domain::units::{GasPrice, WAD, Weight};
use crate::domain::yields::{Apy, GrowthRule, Payer, Rate, Said, YieldReading};
use crate::ports::{Answer, Call, CallFault, Head};

/// Pays 4 %; its answer is what a share is worth, in thousandths.
struct FakePayer(Arc<Payer>);

impl FakePayer {
    fn new() -> Self {
        let (id, asset, chain) = (SourceId::new("fake:DAI@test"), AssetId::new("DAI"), ChainName::new("test"));
        Self(Arc::new(Payer { id, asset, chain }))
    }
}

impl YieldSource for FakePayer {
    fn payer(&self) -> &Arc<Payer> {
        &self.0
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call { target: alloy_primitives::Address::ZERO, data: Bytes::new() }]
    }

    fn reading(&self, answers: &[Answer], at: &BlockStamp) -> Result<YieldReading, YieldFault> {
        let answer = answers.first().ok_or_else(|| YieldFault::Unreadable("nothing".to_owned()))?;
        let text = answer.as_ref().map_err(|fault| YieldFault::Unreadable(fault.to_string()))?;
        let thousandths: u128 = std::str::from_utf8(text).unwrap().parse().unwrap();
        let apy = Apy::from_bps(400).unwrap();
        let share = Rate::from_wad(thousandths * WAD / 1_000);
        Ok(YieldReading { said: Said::Rate { apy, share }, utilisation: None, block: *at })
    }
}

struct Stage {
    blocks: Board<BlockFact>,
    boards: YieldBoards,
    events: Events,
    args: YieldFeedArgs,
    feed: ActorRef<YieldFeedMsg>,
}

impl Stage {
    async fn open() -> Self {
        let clock = FakeClock::new(1);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let source = Arc::new(FakePayer::new());
        let blocks: Board<BlockFact> = Board::new(None);
        let boards = YieldBoards::unheard(AssetId::new("DAI"), clock.now());
        let args = YieldFeedArgs {
            slot: ReadPlan::default().reserve(source.calls()),
            source,
            rule: YieldRule {
                half_life: secs(3_600),
                warm_up: secs(60),
                cap: Apy::from_bps(2_000).unwrap(),
                max_utilisation: Weight::ONE,
                growth: GrowthRule::USUAL,
            },
            reach: secs(60),
            blocks: blocks.clone(),
            boards: boards.clone(),
            clock,
            observer,
            hearts: Heartbeats::default(),
        };
        let (feed, _) = Actor::spawn(None, YieldFeed, args.clone()).await.unwrap();
        settle().await;
        Self { blocks, boards, events, args, feed }
    }

    /// A block so many seconds after the beginning.
    async fn block(&self, after: u64, answer: Answer) -> BlockStamp {
        let hash = B256::from(alloy_primitives::U256::from(after + 1));
        let stamp = BlockStamp { number: after, hash, timestamp: BEGINNING.plus(secs(after)) };
        let price = GasPrice::from_gwei(1);
        let head = Head { stamp, parent: B256::ZERO, base_fee: price, gas_used: 0, gas_limit: 1 };
        self.blocks.publish(Some(Arc::new(BlockFacts::to_the_first(head, vec![answer]))));
        settle().await;
        stamp
    }
}

fn share(thousandths: u128) -> Answer {
    Ok(Bytes::from(thousandths.to_string().into_bytes()))
}

#[tokio::test(start_paused = true)]
async fn a_yield_is_unknown_until_it_has_been_seen_for_long_enough_and_whenever_it_is_not_read() {
    let stage = Stage::open().await;
    let fact = stage.boards.yields.read();
    assert_eq!((fact.yields, fact.block), (Err(YieldFault::ChainSilent), None));
    assert_eq!(stage.boards.share.read(), Err(YieldFault::ChainSilent));

    stage.block(12, share(1_000)).await;
    assert_eq!(stage.boards.yields.read().yields.unwrap_err().label(), "too_young");
    assert_eq!(stage.boards.share.read().unwrap().rate, Rate::ONE, "a share is worth something at once");
    let stamp = stage.block(72, share(1_000)).await;
    let fact = stage.boards.yields.read();
    assert_eq!((fact.as_of, fact.block, fact.asset.as_str()), (stamp.timestamp, Some(stamp.hash), "DAI"));
    assert_eq!(fact.yields.unwrap().smooth, Apy::from_bps(400).unwrap());
    assert_eq!(stage.boards.share.read().unwrap().block, stamp.hash);

    let stamp = stage.block(84, Err(CallFault::NotReached)).await;
    let fact = stage.boards.yields.read();
    assert_eq!((fact.yields.unwrap_err().label(), fact.block), ("failed_call", Some(stamp.hash)));
    assert_eq!(stage.boards.share.read().unwrap_err().label(), "failed_call");
    stage.block(96, share(1_000)).await;
    assert!(stage.boards.yields.read().yields.is_ok(), "what was seen before is not forgotten");

    stage.blocks.publish(None);
    settle().await;
    assert_eq!(stage.boards.yields.read().yields, Err(YieldFault::ChainSilent));
    assert_eq!(stage.boards.share.read(), Err(YieldFault::ChainSilent));
    let told = stage.events.pick(|event| match event {
        Event::YieldTaken { result, .. } => Some(result.map(|found| found.smooth).err()),
        _ => None,
    });
    let told: Vec<_> = told.into_iter().map(|(_, label)| label).collect();
    let silent = Some("chain_silent");
    assert_eq!(told, [silent, Some("too_young"), None, Some("failed_call"), None, silent]);
}

#[tokio::test(start_paused = true)]
async fn a_share_that_falls_or_leaps_is_told_once() {
    let stage = Stage::open().await;
    for (after, worth) in [(12, 1_000), (72, 1_000), (84, 1_010), (96, 1_010), (108, 990), (120, 990)] {
        stage.block(after, share(worth)).await;
    }
    let moved = stage.events.pick(|event| match event {
        Event::ShareRateFell { from, to, .. } => Some(("fell", from.to_string(), to.to_string())),
        Event::ShareRateJumped { from, to, .. } => Some(("jumped", from.to_string(), to.to_string())),
        _ => None,
    });
    let moved: Vec<_> = moved.into_iter().map(|(_, moved)| moved).collect();
    let number = |text: &str| text.to_owned();
    let expected = [("jumped", number("1.000000"), number("1.010000")), ("fell", number("1.010000"), number("0.990000"))];
    assert_eq!(moved, expected);
    assert_eq!(stage.boards.yields.read().yields.unwrap_err().label(), "too_young", "what was paid before a loss is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_restart_begins_anew() {
    let stage = Stage::open().await;
    stage.block(12, share(1_000)).await;
    stage.block(72, share(1_000)).await;
    assert!(stage.boards.yields.read().yields.is_ok());
    stage.feed.stop(None);
    settle().await;
    let (_feed, _) = Actor::spawn(None, YieldFeed, stage.args.clone()).await.unwrap();
    settle().await;
    assert_eq!(stage.boards.yields.read().yields.unwrap_err().label(), "too_young");
}
