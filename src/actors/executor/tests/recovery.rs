//! What a former life has left in the journal, state by state.

use alloy_primitives::Bytes;

use super::{BLOCK, Bench, NONCE, RAMP};
use crate::actors::board::Board;
use crate::actors::executor::Positions;
use crate::actors::facts::Lane;
use crate::actors::testing::chain::{Held, Orphans, address};
use crate::actors::testing::position::FakePosition;
use crate::actors::testing::secs;
use crate::actors::testing::sender::FakeSender;
use crate::domain::allocation::Allocation;
use crate::domain::fees::Fees;
use crate::domain::gas::GasCap;
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::operation::{
    Attempt, AttemptKind, Entry, Fate, IntentId, Landing, NewOperation, OperationRecord, Seen, State,
};
use crate::domain::plan::{Plan, Reweight};
use crate::domain::position::Ramp;
use crate::domain::route::Via;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{GasCost, GasPrice, Timestamp, Wei, Weight};
use crate::ports::journal::{Enqueued, Pen};
use crate::ports::{Call, Operations, Position, TransactionSender, TxDraft};

/// Another writer of the same lane, whose steps a test takes by hand.
struct Former<'b> {
    bench: &'b Bench,
    pen: Pen,
    record: OperationRecord,
    ramp: Ramp,
}

impl<'b> Former<'b> {
    /// A drift of pool `a` is queued; its ramp starts `lead` from now.
    async fn queues(bench: &'b Bench, lead: u64) -> Self {
        let (now, pool) = (bench.now(), PoolId::new("a"));
        let pen = bench.journal.open_lane(&bench.key(), "a former life", now).await.unwrap().pen;
        let target = Allocation::exact(vec![Weight::from_bps(4_000), Weight::from_bps(6_000)]).unwrap();
        let start = Timestamp::from_secs(now.plus(secs(lead)).secs());
        let ramp = Ramp { start, end: start.plus(RAMP), end_weights: target.weights().to_vec() };
        let trigger = Trigger::Drift { asset: AssetId::new("USDC"), drift: Weight::from_bps(1_000) };
        let cap = GasPrice::from_gwei(30);
        let new = NewOperation {
            intent: IntentId::of(
                31_337,
                &pool,
                &trigger,
                &Seen { controls: bench.chain.controls("a"), touched: 0, brakes: 0, trades: false },
            ),
            pool,
            class: Class::Drift,
            why: trigger.to_string(),
            plan: Plan::Reweight(Reweight { target, duration: RAMP, start_lead: secs(lead), expected_loss: None }),
            cap: GasCap { from: now, until: now.plus(secs(3_600)), low: cap, high: cap },
            created: now,
        };
        let Enqueued::New(record) = bench.journal.enqueue(&pen, &new).await.unwrap() else { panic!("not new") };
        Self { bench, pen, record, ramp }
    }

    async fn step(&mut self, entry: Entry) {
        let commit = self.bench.journal.commit(&self.pen, &self.record.id, self.record.seq, &entry, self.bench.now()).await;
        self.record = commit.unwrap();
    }

    async fn reserves(mut self) -> Self {
        let reserve = Wei::of_gas(100_000, GasPrice::from_gwei(21)).unwrap();
        self.step(Entry::Reserve { nonce: NONCE, reserve, at: self.bench.now() }).await;
        self
    }

    async fn signs(&self, kind: AttemptKind, gwei: u64) -> Attempt {
        let fees = Fees { max_fee: GasPrice::from_gwei(gwei), tip: GasPrice::from_gwei(gwei / 10) };
        let call = if kind == AttemptKind::Cancellation {
            Call { target: address("keeper"), data: Bytes::new() }
        } else {
            FakePosition("a".to_owned()).order(&self.record.new.plan, self.ramp.start, self.ramp.end)
        };
        let draft = TxDraft { call, nonce: NONCE, fees, gas_limit: 100_000 };
        let signed = self.bench.sender.sign(&draft).await.unwrap();
        let number = u32::try_from(self.record.attempts.len()).unwrap();
        let launched = (number > 0).then(|| self.bench.now());
        Attempt { number, kind, hash: signed.hash, raw: signed.raw, fees, gas_limit: 100_000, via: Via::Public, launched }
    }

    async fn prepares(self) -> Self {
        let mut former = self.reserves().await;
        let attempt = former.signs(AttemptKind::First, 21).await;
        let (ramp, deadline) = (Some(former.ramp.clone()), former.ramp.start.minus(BLOCK));
        former.step(Entry::Prepare { attempt, ramp, deadline }).await;
        former
    }

    async fn launches(self) -> Self {
        let mut former = self.prepares().await;
        former.step(Entry::Launch { at: former.bench.now() }).await;
        former
    }

    async fn cancels(self) -> Self {
        let mut former = self.launches().await;
        let attempt = former.signs(AttemptKind::Cancellation, 40).await;
        former.step(Entry::Cancel { attempt: Some(attempt), reserve: Wei::new(1) }).await;
        former
    }

    /// The node has the attempt, whoever brought it there.
    fn is_with_the_node(&self, number: usize) {
        let hash = self.record.attempts[number].hash;
        let draft = self.bench.sender.draft(hash);
        self.bench.chain.with(|state| state.keeper().mempool.insert(NONCE, Held { hash, draft }));
    }

    async fn includes(mut self) -> Self {
        self.is_with_the_node(0);
        self.bench.publish();
        let hash = self.record.attempts[0].hash;
        let block = self.bench.chain.newest().stamp;
        let cost = GasCost { gas_used: 100_000, price: GasPrice::from_gwei(10) };
        let landing = Landing { hash, block, fate: Fate::CarriedOut, cost };
        let controls = Some(self.bench.chain.controls("a"));
        self.step(Entry::Include { landing, controls }).await;
        self
    }
}

fn hashes(sender: &FakeSender) -> Vec<alloy_primitives::B256> {
    sender.broadcasts().iter().map(|(hash, _)| *hash).collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_never_signed_expires_and_its_nonce_serves_the_next_order() {
    for reserved in [false, true] {
        let mut bench = Bench::start().await;
        let former = Former::queues(&bench, 600).await;
        if reserved {
            former.reserves().await;
        }
        bench.crash().await;
        assert_eq!(bench.states("a").await, [State::Expired]);
        bench.is_open_to("b").await;
        assert_eq!(bench.nonces(), [NONCE]);
        bench.is_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_signed_and_is_still_in_time_is_launched_as_it_is() {
    let mut bench = Bench::start().await;
    let hash = Former::queues(&bench, 600).await.prepares().await.record.attempts[0].hash;
    bench.crash().await;
    assert_eq!((bench.states("a").await, hashes(&bench.sender)), (vec![State::InFlight], vec![hash]));
    bench.blocks(2).await;
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
    assert_eq!(bench.states("a").await, [State::Included]);
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_signed_and_is_late_is_taken_back_and_never_handed_over() {
    let mut bench = Bench::start().await;
    let before = bench.chain.ramp("a");
    Former::queues(&bench, 20).await.prepares().await;
    bench.blocks(2).await;
    bench.crash().await;
    assert_eq!(bench.states("a").await, [State::Cancelling]);
    bench.blocks(2).await;
    assert!(bench.sender.broadcasts().iter().all(|(_, draft)| draft.call.target == address("keeper") && draft.nonce == NONCE));
    assert_eq!((bench.chain.ramp("a"), bench.known_ramp("a").await), (before, None));
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_lands_where_the_chain_has_it() {
    let mut bench = Bench::start().await;
    Former::queues(&bench, 600).await.launches().await.is_with_the_node(0);
    bench.block().await;
    bench.crash().await;
    assert_eq!((bench.states("a").await, bench.nonces()), (vec![State::Included], vec![]));
    assert_eq!(bench.known_ramp("a").await, Some(bench.chain.ramp("a")));
    bench.block().await;
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_goes_out_again_as_the_same_bytes_where_the_chain_has_it_not() {
    let mut bench = Bench::start().await;
    let hash = Former::queues(&bench, 600).await.launches().await.record.attempts[0].hash;
    bench.crash().await;
    assert_eq!(hashes(&bench.sender), [hash]);
    assert!(matches!(bench.args.lane.read(), Lane::Busy { pools, .. } if pools.len() == 1));
    bench.blocks(2).await;
    assert_eq!(bench.states("a").await, [State::Included]);
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_and_is_late_is_taken_back() {
    let mut bench = Bench::start().await;
    Former::queues(&bench, 20).await.launches().await;
    bench.blocks(2).await;
    bench.crash().await;
    assert_eq!(bench.states("a").await, [State::Cancelling]);
    bench.blocks(2).await;
    assert_eq!(bench.chain.mined_for("keeper").len(), 1);
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_node_is_asked_until_it_says_something() {
    let mut bench = Bench::start().await;
    Former::queues(&bench, 600).await.launches().await;
    bench.sender.behave(|node| node.receipts_fail = true);
    bench.crash().await;
    bench.blocks(6).await;
    assert!(bench.nonces().is_empty(), "before it is known that it is not in a block it is not touched");
    bench.sender.behave(|node| node.receipts_fail = false);
    bench.block().await;
    assert_eq!(bench.nonces(), [NONCE]);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_goes_out_again_and_whichever_is_included_decides() {
    for order_wins in [false, true] {
        let mut bench = Bench::start().await;
        let former = Former::queues(&bench, 600).await.cancels().await;
        let cancellation = former.record.attempts[1].hash;
        if order_wins {
            former.is_with_the_node(0);
            bench.block().await;
        }
        bench.crash().await;
        if !order_wins {
            assert_eq!(hashes(&bench.sender), [cancellation], "the order itself is not sent any more");
        }
        bench.blocks(2).await;
        let fate = bench.operations("a").await[0].landing.unwrap().fate;
        assert_eq!(fate, if order_wins { Fate::CarriedOut } else { Fate::Cancelled });
        bench.is_open_to("b").await;
        bench.is_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_included_is_looked_at_again() {
    let mut bench = Bench::start().await;
    Former::queues(&bench, 600).await.launches().await.includes().await;
    bench.crash().await;
    assert!(bench.is_idle(), "{:?}", bench.args.lane.read());
    bench.blocks(3).await;
    assert_eq!((bench.states("a").await, bench.nonces()), (vec![State::FinalOk], vec![]));

    let mut bench = Bench::start().await;
    let hash = Former::queues(&bench, 600).await.launches().await.includes().await.record.attempts[0].hash;
    // Its block is gone while nobody looks.
    bench.chain.reorganise(1, Orphans::Forgotten);
    bench.publish();
    bench.crash().await;
    assert_eq!((bench.states("a").await, hashes(&bench.sender)), (vec![State::InFlight], vec![hash]));
    bench.blocks(4).await;
    assert_eq!(bench.states("a").await, [State::FinalOk]);
    bench.is_open_to("b").await;
    bench.is_sound().await;
}

#[tokio::test(start_paused = true)]
async fn before_the_first_block_nothing_is_known_to_be_late() {
    for launched in [false, true] {
        let mut bench = Bench::start().await;
        let former = Former::queues(&bench, 600).await;
        let former = if launched { former.launches().await } else { former.prepares().await };
        let hash = former.record.attempts[0].hash;
        bench.args.blocks.publish(None);
        bench.crash().await;
        tokio::time::sleep(secs(5)).await;
        assert!(hashes(&bench.sender).is_empty(), "nobody can say whether it is late");
        bench.block().await;
        assert_eq!(hashes(&bench.sender), [hash], "it was in time all along");
        bench.blocks(2).await;
        assert_eq!(bench.states("a").await, [State::Included]);
        assert_eq!(hashes(&bench.sender), [hash], "its blocks are counted from the first that was seen");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_pool_that_is_not_configured_any_more_the_rest_is_finished_all_the_same() {
    let mut bench = Bench::start().await;
    Former::queues(&bench, 600).await.launches().await;
    bench.args.positions = Board::new(Positions::default());
    bench.crash().await;
    bench.blocks(2).await;
    assert_eq!(bench.states("a").await, [State::Included]);
    bench.is_open_to("b").await;
    bench.is_sound().await;
}
