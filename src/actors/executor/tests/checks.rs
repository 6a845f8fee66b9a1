//! When a lane stands still, what lets it go on, and what operators say.

use alloy_primitives::{B256, Bytes};
use ractor::Actor;

use super::{Bench, NONCE};
use crate::actors::board::Board;
use crate::actors::executor::{Executor, ExecutorArgs};
use crate::actors::facts::Lane;
use crate::actors::pool::PoolMsg;
use crate::actors::testing::chain::{Held, address};
use crate::actors::testing::{secs, settle};
use crate::domain::fees::Fees;
use crate::domain::lane::Stop;
use crate::domain::operation::State;
use crate::domain::trigger::Class;
use crate::domain::units::GasPrice;
use crate::observe::Event;
use crate::observe::event::AttemptKind;
use crate::ports::{Call, Operations, TxDraft};

/// Somebody else's transaction with our key.
fn foreign(nonce: u64) -> Held {
    let fees = Fees { max_fee: GasPrice::from_gwei(20), tip: GasPrice::from_gwei(1) };
    let call = Call { target: address("elsewhere"), data: Bytes::new() };
    Held { hash: B256::repeat_byte(9), draft: TxDraft { call, nonce, fees, gas_limit: 21_000 } }
}

impl Bench {
    fn stopped(&self) -> Option<Stop> {
        match self.args.lane.read() {
            Lane::Stopped { reason, .. } => Some(reason),
            _ => None,
        }
    }

    async fn stays_stopped(&mut self, reason: Stop) {
        assert_eq!(self.stopped().as_ref(), Some(&reason), "{:?}", self.args.lane.read());
        tokio::time::sleep(secs(30)).await;
        assert_eq!(self.stopped(), Some(reason.clone()));
        let noted = self.journal.lanes().await.unwrap().remove(0).stopped;
        assert_eq!(noted, Some(reason.to_string()), "operators read why");
        let signed = self.sender.signed();
        self.give("c", Class::Depeg).await;
        assert_eq!((self.label("c").await, self.sender.signed()), ("lane_not_ready", signed));
    }

    async fn goes_on(&mut self) {
        tokio::time::sleep(secs(2)).await;
        assert_eq!(self.stopped(), None);
        assert_eq!(self.events.count(|event| matches!(event, Event::LaneResumed { .. })), 1);
        assert_eq!(self.journal.lanes().await.unwrap()[0].stopped, None);
        self.is_open_to("b").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_strange_transaction_that_waits_stops_the_lane_until_it_is_gone() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| (state.includes, _) = (false, state.keeper().mempool.insert(NONCE, foreign(NONCE))));
    bench.crash().await;
    bench.stays_stopped(Stop::ForeignPending { first: NONCE, pending: NONCE + 1 }).await;
    bench.chain.with(|state| (state.includes, _) = (true, state.keeper().mempool.remove(&NONCE)));
    bench.goes_on().await;
    assert_eq!(bench.nonces(), [NONCE], "it was dropped, and its nonce is free");
}

#[tokio::test(start_paused = true)]
async fn a_strange_transaction_that_an_operator_accepts_lets_the_lane_go_on_behind_it_when_it_has_landed() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| (state.includes, _) = (false, state.keeper().mempool.insert(NONCE, foreign(NONCE))));
    bench.crash().await;
    assert!(matches!(bench.stopped(), Some(Stop::ForeignPending { .. })));
    bench.journal.accept_nonces(&bench.key(), NONCE + 1, "a test", bench.now()).await.unwrap();
    tokio::time::sleep(secs(2)).await;
    assert!(bench.stopped().is_some(), "it has not landed");
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    bench.goes_on().await;
    assert_eq!(bench.nonces(), [NONCE + 1]);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_restored_from_an_older_copy_stops_the_lane_until_an_operator_accepts() {
    let mut bench = Bench::start().await;
    // What the copy does not know of: three transactions.
    bench.chain.with(|state| state.keeper().nonce += 3);
    bench.crash().await;
    bench.stays_stopped(Stop::JournalBehind { journal: NONCE, chain: NONCE + 3 }).await;
    bench.journal.accept_nonces(&bench.key(), NONCE + 3, "a test", bench.now()).await.unwrap();
    bench.goes_on().await;
    assert_eq!(bench.nonces(), [NONCE + 3]);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_far_behind_stop_the_lane_until_they_have_caught_up() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Drift).await;
    bench.blocks(4).await;
    assert_eq!((bench.label("a").await, bench.states("a").await), ("done", vec![State::FinalOk]));
    bench.sender.behave(|node| node.lags_at = Some(NONCE));
    bench.crash().await;
    bench.stays_stopped(Stop::ChainBehind { journal: NONCE + 1, chain: NONCE }).await;
    bench.sender.behave(|node| node.lags_at = None);
    bench.goes_on().await;
    assert_eq!(bench.nonces(), [NONCE, NONCE + 1]);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_of_another_chain_stops_the_lane_until_it_is_mended() {
    let mut bench = Bench::start().await;
    bench.sender.behave(|node| node.wrong_chain = Some(1));
    bench.crash().await;
    let Some(Stop::WrongChain(words)) = bench.stopped() else { panic!("{:?}", bench.args.lane.read()) };
    assert!(words.contains("node.invalid") && words.contains("31337"), "{words}");
    bench.stays_stopped(Stop::WrongChain(words)).await;
    bench.sender.behave(|node| node.wrong_chain = None);
    bench.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_stands_still_finishes_what_is_in_flight() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.chain.with(|state| state.keeper().mempool.insert(NONCE + 1, foreign(NONCE + 1)));
    bench.crash().await;
    assert!(matches!(bench.stopped(), Some(Stop::ForeignPending { first, .. }) if first == NONCE + 1));
    assert!(bench.args.lane.read().carries(&crate::domain::ids::PoolId::new("a")));
    bench.blocks(4).await;
    assert_eq!(bench.states("a").await, [State::Cancelling], "and takes it back when it is late");
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_taken_over_once_however_long_its_endpoints_say_nothing() {
    let mut bench = Bench::start().await;
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    bench.sender.behave(|node| node.unreachable = true);
    let epoch = async |bench: &Bench| bench.journal.lanes().await.unwrap()[0].epoch;
    let before = epoch(&bench).await;
    bench.crash().await;
    tokio::time::sleep(secs(30)).await;
    assert_eq!(epoch(&bench).await, before + 1, "another writer would be fenced off each time");
    let lane = bench.args.lane.read();
    assert!(matches!(lane, Lane::Recovering { .. }) && lane.carries(&crate::domain::ids::PoolId::new("a")), "{lane:?}");
}

/// The other process.
async fn successor(bench: &Bench) -> ExecutorArgs {
    let args = ExecutorArgs { lane: Board::new(Lane::UNKNOWN), holder: "another".to_owned(), ..bench.args.clone() };
    let (_, handle) = Actor::spawn(None, Executor, args.clone()).await.unwrap();
    drop(handle);
    settle().await;
    args
}

#[tokio::test(start_paused = true)]
async fn of_two_writers_the_first_is_fenced_off_and_sends_nothing_more() {
    // Once with a raise to write down, once with nothing but the same bytes to hand over again.
    for cap in [30, 21] {
        let mut bench = Bench::start().await;
        (bench.lead, bench.cap) = (secs(3_600), GasPrice::from_gwei(cap));
        bench.chain.with(|state| state.includes = false);
        bench.give("a", Class::Drift).await;
        // A writer that does nothing, so that whatever is sent is the first one's.
        bench.journal.open_lane(&bench.key(), "another", bench.now()).await.unwrap();
        bench.blocks(3).await;
        assert_eq!(bench.stopped(), Some(Stop::Fenced), "cap {cap}");
        assert!(matches!(bench.pools.get_mut("a").unwrap().1.recv().await, Some(PoolMsg::OrderLost(1))));
        let sent = bench.sender.broadcasts();
        assert!(sent.iter().all(|(hash, _)| *hash == sent[0].0), "nothing that is not in the journal");
        bench.blocks(20).await;
        assert_eq!(bench.sender.broadcasts(), sent);
        bench.give("b", Class::Depeg).await;
        assert_eq!((bench.label("b").await, bench.stopped()), ("lane_not_ready", Some(Stop::Fenced)));
        bench.is_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_writer_that_was_replaced_learns_it_at_its_next_order_and_the_other_carries_on() {
    let mut bench = Bench::start().await;
    let other = successor(&bench).await;
    assert!(matches!(other.lane.read(), Lane::Idle { .. }));
    bench.give("a", Class::Drift).await;
    assert_eq!((bench.label("a").await, bench.sender.signed()), ("journal_failed", 0));
    tokio::time::sleep(secs(2)).await;
    assert_eq!(bench.stopped(), Some(Stop::Fenced));
    assert!(matches!(other.lane.read(), Lane::Idle { .. }), "nobody has fenced off the successor");
}

#[tokio::test(start_paused = true)]
async fn a_successor_takes_up_what_the_first_has_sent_under_the_same_nonce() {
    let mut bench = Bench::start().await;
    bench.lead = secs(600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Drift).await;
    let other = successor(&bench).await;
    assert!(matches!(other.lane.read(), Lane::Busy { .. }));
    bench.blocks(6).await;
    assert_eq!(bench.stopped(), Some(Stop::Fenced));
    bench.chain.with(|state| state.includes = true);
    bench.blocks(2).await;
    assert!(matches!(other.lane.read(), Lane::Idle { .. }));
    assert!(bench.nonces().iter().all(|nonce| *nonce == NONCE));
    assert_eq!(bench.states("a").await, [State::Included]);
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_wants_back_is_taken_back_at_the_next_block() {
    let mut bench = Bench::start().await;
    bench.lead = secs(3_600);
    bench.chain.with(|state| state.includes = false);
    bench.give("a", Class::Depeg).await;
    let id = bench.operations("a").await[0].id;
    bench.journal.request_cancel(&id, "a test", bench.now()).await.unwrap();
    assert_eq!(bench.attempts(), [AttemptKind::First]);
    bench.block().await;
    assert_eq!(bench.attempts(), [AttemptKind::First, AttemptKind::Cancellation]);
    bench.chain.with(|state| state.includes = true);
    bench.block().await;
    assert_eq!(bench.label("a").await, "cancelled");
    assert_eq!(bench.nonces(), [NONCE, NONCE]);
    bench.is_open_to("b").await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_comes_too_late_changes_nothing() {
    let mut bench = Bench::start().await;
    bench.give("a", Class::Drift).await;
    bench.block().await;
    assert_eq!(bench.label("a").await, "done");
    let id = bench.operations("a").await[0].id;
    bench.journal.request_cancel(&id, "a test", bench.now()).await.unwrap();
    bench.blocks(3).await;
    assert_eq!((bench.states("a").await, bench.attempts().len()), (vec![State::FinalOk], 1));
}
