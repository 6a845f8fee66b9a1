//! A peg watch with readings made by hand.

use std::sync::Arc;

use ractor::{Actor, ActorRef};

use super::{PegWatch, PegWatchArgs, PegWatchMsg};
use crate::actors::board::Board;
use crate::actors::testing::journal::FakeJournal;
use crate::actors::testing::{BEGINNING, Events, FakeClock, millis, observer, peg_rule, secs, settle, vote_rule};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::peg::{Peg, PegState, Trust};
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::Price;
use crate::observe::Event;
use crate::observe::heartbeat::Heartbeats;
use crate::ports::{Clock, Memories};

struct Bench {
    clock: Arc<FakeClock>,
    journal: Arc<FakeJournal>,
    events: Events,
    args: PegWatchArgs,
    watch: ActorRef<PegWatchMsg>,
}

impl Bench {
    async fn start() -> Self {
        let clock = FakeClock::new(1);
        let observer = observer(&clock);
        let events = Events::of(&observer, &clock);
        let journal = Arc::new(FakeJournal::default());
        let args = PegWatchArgs {
            asset: AssetId::new("USDC"),
            rule: peg_rule(secs(10), secs(60)),
            votes: vote_rule(),
            others: std::collections::BTreeMap::new(),
            risk_group: Vec::new(),
            recorder: None,
            board: Board::new(Peg::unheard(AssetId::new("USDC"), BEGINNING)),
            journal: journal.clone(),
            clock: clock.clone(),
            observer,
            hearts: Heartbeats::default(),
        };
        let watch = Actor::spawn(None, PegWatch, args.clone()).await.unwrap().0;
        settle().await;
        Self { clock, journal, events, args, watch }
    }

    async fn respawn(&mut self) {
        self.watch.get_cell().kill_and_wait(None).await.unwrap();
        self.watch = Actor::spawn(None, PegWatch, self.args.clone()).await.unwrap().0;
        settle().await;
    }

    /// A good reading, in thousandths of a dollar.
    fn reading(&self, thousandths: u128) -> Reading {
        let (as_of, id) = (self.clock.now(), SourceId::new("test"));
        let price = Price::from_wad(thousandths * 1_000_000_000_000_000).unwrap();
        let (asset, unit, group) = (self.args.asset.clone(), Unit::Usd, Group::Chainlink);
        let source = Arc::new(Source { id, asset, unit, group, advisory: false, good_for: secs(3_600) });
        Reading { source, quote: Ok(Quote::exact(price, as_of)), as_of, block: None }
    }

    /// A reading in thousandths of a dollar; `None`: the chain is silent.
    fn tell(&self, thousandths: Option<u128>) {
        let silent = || Reading { quote: Err(ReadingFault::ChainSilent), ..self.reading(1_000) };
        let reading = thousandths.map_or_else(silent, |thousandths| self.reading(thousandths));
        self.watch.cast(PegWatchMsg::Reading(reading)).unwrap();
    }

    async fn says_nothing(&self, lasts: std::time::Duration) {
        tokio::time::sleep(lasts).await;
        settle().await;
    }

    /// The same reading every five seconds.
    async fn says(&self, thousandths: Option<u128>, times: usize) {
        for _ in 0..times {
            tokio::time::sleep(secs(5)).await;
            self.tell(thousandths);
        }
        settle().await;
    }

    fn peg(&self) -> Peg {
        self.args.board.read()
    }

    fn moves(&self) -> Vec<PegState> {
        let moves = |event: &Event| if let Event::PegMoved { to, .. } = event { Some(*to) } else { None };
        self.events.pick(moves).into_iter().map(|(_, to)| to).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn every_reading_is_heard_and_a_verdict_is_published_written_and_told() {
    let bench = Bench::start().await;
    bench.says(Some(1_000), 1).await;
    assert_eq!((bench.peg().state, bench.peg().trust), (PegState::Sound, Trust::Trusted));
    bench.says(Some(980), 2).await;
    assert_eq!(bench.peg().state, PegState::Sound, "not for long enough");
    bench.says(Some(980), 1).await;
    assert_eq!((bench.peg().state, bench.peg().episode), (PegState::Depegged, 1));
    bench.says(Some(997), 14).await;
    assert_eq!(bench.peg().state, PegState::Sound);
    assert_eq!(bench.moves(), [PegState::Depegged, PegState::Recovering, PegState::Sound]);
    assert_eq!(bench.journal.writes(), ["peg USDC sound", "peg USDC depegged", "peg USDC recovering", "peg USDC sound"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_judged_before_the_journal_has_answered() {
    let mut bench = Bench::start().await;
    bench.says(Some(980), 4).await;
    let depegged = bench.peg();
    bench.journal.behave(|journal| journal.recall_takes = secs(30));
    bench.respawn().await;
    bench.says(Some(1_000), 3).await;
    assert_eq!(bench.peg(), depegged, "a verdict without the past would call this sound");
    bench.says(Some(1_000), 5).await;
    assert_eq!((bench.peg().state, bench.peg().episode), (PegState::Recovering, 1), "the episode goes on");
}

#[tokio::test(start_paused = true)]
async fn a_failed_journal_is_asked_again_every_second() {
    let mut bench = Bench::start().await;
    bench.says(Some(980), 4).await;
    bench.journal.behave(|journal| journal.fails = true);
    bench.respawn().await;
    tokio::time::sleep(secs(10)).await;
    assert_eq!(bench.events.count(|event| matches!(event, Event::JournalFailed { .. })), 11);
    bench.journal.behave(|journal| journal.fails = false);
    bench.says(Some(1_000), 1).await;
    assert_eq!(bench.peg().state, PegState::Recovering);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_running_starts_again_after_a_gap() {
    let mut bench = Bench::start().await;
    bench.says(Some(980), 4).await;
    bench.says(Some(1_000), 2).await;
    assert_eq!(bench.peg().state, PegState::Recovering);
    bench.watch.get_cell().kill_and_wait(None).await.unwrap();
    tokio::time::sleep(secs(600)).await;
    bench.respawn().await;
    bench.says(Some(1_000), 2).await;
    assert_eq!(bench.peg().state, PegState::Recovering, "nobody watched for ten minutes");
    bench.says(Some(1_000), 12).await;
    assert_eq!(bench.peg().state, PegState::Sound);
}

#[tokio::test(start_paused = true)]
async fn a_silent_chain_is_blind_and_raises_or_ends_no_episode() {
    let bench = Bench::start().await;
    bench.says(Some(980), 4).await;
    bench.says(None, 1).await;
    assert_eq!((bench.peg().state, bench.peg().trust, bench.peg().price()), (PegState::Depegged, Trust::Blind, None));
    assert_eq!(bench.events.count(|event| matches!(event, Event::TrustMoved { to: Trust::Blind, fault: Some(_), .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn verdicts_are_written_one_after_the_other_so_that_the_newest_stays() {
    let bench = Bench::start().await;
    bench.says(Some(980), 3).await;
    // The write of the recovery takes long, and the write of the relapse would overtake it.
    bench.journal.behave(|journal| journal.writes_take = vec![secs(20)]);
    bench.says(Some(1_000), 1).await;
    bench.says(Some(980), 1).await;
    tokio::time::sleep(secs(30)).await;
    let kept = bench.journal.recall_peg(&bench.args.asset).await.unwrap().unwrap();
    assert_eq!(kept.state, bench.peg().state);
    assert_eq!(kept.state, PegState::Depegged);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_that_could_not_be_written_is_written_later() {
    let bench = Bench::start().await;
    bench.journal.behave(|journal| journal.fails = true);
    bench.says(Some(980), 4).await;
    bench.journal.behave(|journal| journal.fails = false);
    tokio::time::sleep(millis(1_100)).await;
    assert_eq!(bench.journal.writes(), ["peg USDC depegged"]);
    tokio::time::sleep(secs(5)).await;
    assert_eq!(bench.journal.writes().len(), 1, "once");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_missing_for_five_minutes_is_told_once_and_so_is_its_return() {
    let bench = Bench::start().await;
    bench.says(Some(1_000), 3).await;
    let lost = || Reading { quote: Err(ReadingFault::Disconnected("test".to_owned())), ..bench.reading(1_000) };
    bench.watch.cast(PegWatchMsg::Reading(lost())).unwrap();
    bench.says_nothing(secs(3_500)).await;
    let down = |event: &Event| matches!(event, Event::SourceDown { label: "disconnected", .. });
    assert_eq!(bench.events.count(down), 0, "what it said is good for an hour");
    bench.says_nothing(secs(1_000)).await;
    assert_eq!(bench.events.count(down), 1, "once, however long it lasts");
    bench.says(Some(1_000), 2).await;
    assert_eq!(bench.events.count(|event| matches!(event, Event::SourceBack { .. })), 1);
    let future = Reading { quote: Err(ReadingFault::FromTheFuture { ahead: secs(90) }), ..bench.reading(1_000) };
    bench.watch.cast(PegWatchMsg::Reading(future)).unwrap();
    bench.says_nothing(secs(100)).await;
    assert_eq!(bench.events.count(|event| matches!(event, Event::ClockSkewed { ahead, .. } if *ahead == secs(90))), 1);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_asset_comes_back_by_a_humans_word_and_not_by_an_old_one() {
    let mut bench = Bench::start().await;
    let disabled = Peg { state: PegState::Disabled, since: bench.clock.now(), ..bench.peg() };
    bench.journal.remember_peg(&disabled).await.unwrap();
    let before = bench.clock.now();
    tokio::time::sleep(secs(1)).await;
    let disabled = Peg { since: bench.clock.now(), ..disabled };
    bench.journal.reset_peg(&disabled.asset, "me", before).await.unwrap();
    bench.journal.remember_peg(&disabled).await.unwrap();
    bench.respawn().await;
    bench.says(Some(1_000), 4).await;
    assert_eq!(bench.peg().state, PegState::Disabled, "that word was of an earlier time");
    bench.journal.reset_peg(&disabled.asset, "me", bench.clock.now()).await.unwrap();
    bench.says_nothing(secs(6)).await;
    assert_eq!(bench.peg().state, PegState::Recovering);
    assert_eq!(bench.journal.recall_peg(&disabled.asset).await.unwrap().unwrap().state, PegState::Recovering);
    assert_eq!(bench.moves(), [PegState::Recovering]);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_hears_why_vote_by_vote() {
    let bench = Bench::start().await;
    bench.says(Some(998), 1).await;
    let explanation = ractor::call!(bench.watch, PegWatchMsg::Explain).unwrap();
    let [ballot] = explanation.ballots.as_slice() else { panic!("one source") };
    assert_eq!((ballot.source.id.as_str(), ballot.vote.clone().unwrap().price), ("test", explanation.verdict.level.unwrap()));
    assert_eq!(explanation.peg, bench.peg());
    let counted = |event: &Event| match event {
        Event::VotesCounted { groups, ballots, .. } => Some((*groups, ballots.len())),
        _ => None,
    };
    bench.says_nothing(secs(6)).await;
    assert_eq!(bench.events.pick(counted).last().unwrap().1, (1, 1), "and the gauges show it at every beat");
}
