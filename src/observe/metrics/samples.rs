//! One of each kind of event, for the tests of this room.

use std::time::Duration;

use alloy_primitives::B256;

use crate::domain::decide::{Decision, Hold};
use crate::domain::ids::{AssetId, ChainName, EpisodeId, PoolId, SourceId};
use crate::domain::operation::{LaneRole, OperationId, State};
use crate::domain::outcome::{Inclusion, Outcome};
use crate::domain::peg::{PegState, Trust};
use crate::domain::position::BlockStamp;
use crate::domain::route::Via;
use crate::domain::trigger::{Class, Trigger};
use crate::domain::units::{GasCost, GasPrice, Price, Timestamp, Usd, WAD, Wei, Weight};
use crate::domain::yields::{Apy, Rate, Yield};
use crate::observe::event::{AttemptKind, BallotView, Event, Settlement, TokenView};

pub(in crate::observe) fn pool() -> PoolId {
    PoolId::new("treasury")
}

pub(in crate::observe) fn chain() -> ChainName {
    ChainName::new("demo")
}

pub(in crate::observe) fn usdc() -> AssetId {
    AssetId::new("USDC")
}

pub(in crate::observe) fn source() -> SourceId {
    SourceId::new("chainlink:USDC")
}

pub(in crate::observe) fn dear() -> Price {
    Price::from_wad(WAD * 97 / 100).unwrap()
}

pub(in crate::observe) fn inclusion() -> Inclusion {
    Inclusion {
        tx: B256::repeat_byte(0xab),
        nonce: 7,
        block: BlockStamp { number: 101, hash: B256::repeat_byte(1), timestamp: Timestamp::from_secs(1_700_000_000) },
        cost: GasCost { gas_used: 93_000, price: GasPrice::from_gwei(12) },
        cost_usd: Some(Usd::from_wad(3_348 * WAD / 1_000)),
        sent_at: Timestamp::from_secs(1_699_999_988),
        attempts: 2,
    }
}

pub(in crate::observe) fn settlement(trigger: Trigger, outcome: Outcome) -> Settlement {
    Settlement {
        deed: "reweight",
        pool: pool(),
        chain: chain(),
        trigger,
        assets: vec![AssetId::new("DAI"), usdc()],
        before: vec![Weight::from_bps(4_200), Weight::from_bps(5_800)],
        target: vec![Weight::from_bps(4_000), Weight::from_bps(6_000)],
        ramp: Duration::from_hours(6),
        outcome,
        triggered_at: Timestamp::from_secs(1_699_999_900),
        took: Duration::from_millis(14_250),
        link: Some("https://explorer.invalid/tx/0xabab".to_owned()),
    }
}

pub(in crate::observe) fn drift() -> Trigger {
    Trigger::Drift { asset: AssetId::new("DAI"), drift: Weight::from_bps(200) }
}

pub(in crate::observe) fn depeg() -> Trigger {
    Trigger::Depeg { episode: EpisodeId { asset: usdc(), number: 3 }, below: vec![(usdc(), dear())] }
}

pub(in crate::observe) fn tokens(priced: bool) -> Event {
    let token = |asset: &str, weight, target, share: u32| TokenView {
        asset: AssetId::new(asset),
        weight: Weight::from_bps(weight),
        target: Weight::from_bps(target),
        share: priced.then(|| Weight::from_bps(share)),
    };
    let tokens = vec![token("DAI", 4_250, 4_000, 4_375), token("USDC", 5_750, 6_000, 5_625)];
    Event::PoolSeen { pool: pool(), tokens, value: priced.then(|| Usd::from_wad(1_000_000 * WAD)) }
}

/// One source that votes, and one that does not.
fn votes() -> Event {
    let ballot = |source, dismissed, distance_bps| BallotView { source, dismissed, distance_bps };
    Event::VotesCounted {
        asset: usdc(),
        level: Some(dear()),
        trust: Trust::Disputed,
        groups: 2,
        ballots: vec![ballot(source(), None, Some(12)), ballot(SourceId::new("kraken:USDC"), Some("thin"), None)],
    }
}

fn apy(bps: u32) -> Apy {
    Apy::from_bps(bps).unwrap()
}

fn share(thousandths: u128) -> Rate {
    Rate::from_wad(thousandths * WAD / 1_000).unwrap()
}

fn earns() -> Yield {
    Yield {
        spot: apy(425),
        smooth: apy(400),
        utilisation: Some(Weight::from_bps(8_000)),
        as_of: Timestamp::from_secs(1_700_000_000),
        block: B256::repeat_byte(1),
    }
}

/// One of each; [`number`] proves it.
pub(in crate::observe) fn all() -> Vec<Event> {
    let (class, took) = (Class::Drift, Duration::from_millis(250));
    let (actor, kind) = ("pool treasury".to_owned(), "pool");
    let timestamp = Timestamp::from_secs(1_700_000_000);
    let waiting = [1, 2, 3, 4, 5];
    let (hash, max_fee) = (B256::repeat_byte(0xab), GasPrice::from_gwei(40));
    let (role, operation) = (LaneRole::Keeper, OperationId(B256::repeat_byte(0xcd)));
    vec![
        Event::LinkOpened { chain: chain(), transport: "websocket" },
        Event::LinkLost { chain: chain(), label: "unreachable", fault: "no connection".to_owned(), retry_in: took },
        Event::ChainSilent { chain: chain() },
        Event::BlockRead { chain: chain(), number: 101, timestamp, calls: 12, took },
        Event::GasMoved { chain: chain(), price: GasPrice::from_gwei(12) },
        Event::ReadingTaken { source: source(), asset: usdc(), result: Ok(dear()), detail: None },
        Event::PegMoved { asset: usdc(), from: PegState::Sound, to: PegState::Depegged, price: Some(dear()), episode: 3 },
        Event::TrustMoved { asset: usdc(), to: Trust::Blind, fault: Some("the answer is old".to_owned()) },
        Event::Decided { pool: pool(), decision: Decision::Hold(Hold::Paused), block: Some(101) },
        tokens(true),
        Event::TurnRequested { pool: pool(), trigger: drift() },
        Event::TurnGranted { pool: pool(), class, episode: None, waited: Duration::from_secs(20) },
        Event::TurnHeldForGas { pool: pool(), class, gas: None, cap: GasPrice::from_gwei(30) },
        Event::TurnExpired { pool: pool(), class },
        Event::TurnEnded { pool: pool(), class, took },
        Event::HolderOverdue { pool: pool() },
        Event::QueueStarted { chain: chain(), epoch: 2 },
        Event::QueueSeen { chain: chain(), waiting, out: 1, oldest: Duration::from_secs(90) },
        Event::TxSent {
            pool: pool(),
            chain: chain(),
            class,
            kind: AttemptKind::Replacement,
            hash,
            nonce: 7,
            max_fee,
            via: Via::Private,
        },
        Event::Settled(Box::new(settlement(drift(), Outcome::Done(inclusion())))),
        Event::ActorDied { actor: actor.clone(), kind, reason: "panic".to_owned(), restart_in: Duration::from_secs(1) },
        Event::ActorRestarted { actor: actor.clone(), kind, took },
        Event::ActorQuarantined { actor, kind },
        Event::PoolParked { pool: pool(), reason: "the node is on another chain".to_owned() },
        Event::AlertDelivered { sink: "discord" },
        Event::AlertFailed { sink: "discord", fault: "Discord answers 503".to_owned(), dropped: true },
        Event::JournalFailed { fault: "the disk is full".to_owned() },
        Event::TxAnswered { chain: chain(), role, hash, answer: "maybe_sent", detail: Some("bad gateway".to_owned()) },
        Event::OperationMoved { chain: chain(), role, pool: pool(), class, operation, nonce: Some(7), state: State::InFlight },
        Event::Reorganised { chain: chain(), pool: pool(), height: 101 },
        Event::LaneStopped { chain: chain(), role, label: "journal_behind", reason: "the journal is an old copy".to_owned() },
        Event::LaneResumed { chain: chain(), role },
        Event::LaneUnsurveyed { chain: chain(), role, fault: "no connection".to_owned() },
        Event::SigningFailed { chain: chain(), role, fault: "the key is away".to_owned() },
        Event::BalanceSeen { chain: chain(), role, balance: Wei::new(40_000_000_000_000_000), low: true },
        Event::SourceLost { source: source(), label: "silent", fault: "nothing came".to_owned(), retry_in: took },
        Event::SourceDown {
            source: source(),
            asset: usdc(),
            label: "silent",
            reason: "nothing came".to_owned(),
            lasted: Duration::from_mins(5),
        },
        Event::SourceBack { source: source(), asset: AssetId::new("DAI") },
        Event::ClockSkewed { source: source(), ahead: Duration::from_secs(90) },
        votes(),
        Event::YieldTaken { chain: chain(), asset: usdc(), result: Ok(earns()), detail: None, share: Some(share(1_050)) },
        Event::ShareRateFell { chain: chain(), asset: usdc(), from: share(1_050), to: share(1_049) },
        Event::ShareRateJumped { chain: chain(), asset: usdc(), from: share(1_050), to: share(1_060) },
        Event::YieldCompared {
            chain: chain(),
            asset: usdc(),
            witness: "defi_llama",
            theirs: Ok(apy(350)),
            ours: Some(apy(425)),
            detail: None,
        },
        Event::YieldsDiffer { chain: chain(), asset: usdc(), witness: "defi_llama", ours: apy(425), theirs: apy(350) },
        Event::PoolJoined { pool: pool(), changed: true },
        Event::PoolKept { pool: pool(), reason: "the keeper does not own it".to_owned() },
        Event::PoolLeft { pool: pool() },
        Event::SettingsRead { pools: 3, restart: false },
        Event::SettingsRefused { faults: "pools/a.toml: no valid TOML".to_owned(), count: 1 },
    ]
}

/// The place of an event in [`all`]. A new kind does not compile until it has one.
pub(in crate::observe) fn number(event: &Event) -> usize {
    match event {
        Event::LinkOpened { .. } => 0,
        Event::LinkLost { .. } => 1,
        Event::ChainSilent { .. } => 2,
        Event::BlockRead { .. } => 3,
        Event::GasMoved { .. } => 4,
        Event::ReadingTaken { .. } => 5,
        Event::PegMoved { .. } => 6,
        Event::TrustMoved { .. } => 7,
        Event::Decided { .. } => 8,
        Event::PoolSeen { .. } => 9,
        Event::TurnRequested { .. } => 10,
        Event::TurnGranted { .. } => 11,
        Event::TurnHeldForGas { .. } => 12,
        Event::TurnExpired { .. } => 13,
        Event::TurnEnded { .. } => 14,
        Event::HolderOverdue { .. } => 15,
        Event::QueueStarted { .. } => 16,
        Event::QueueSeen { .. } => 17,
        Event::TxSent { .. } => 18,
        Event::Settled(_) => 19,
        Event::ActorDied { .. } => 20,
        Event::ActorRestarted { .. } => 21,
        Event::ActorQuarantined { .. } => 22,
        Event::PoolParked { .. } => 23,
        Event::AlertDelivered { .. } => 24,
        Event::AlertFailed { .. } => 25,
        Event::JournalFailed { .. } => 26,
        Event::TxAnswered { .. } => 27,
        Event::OperationMoved { .. } => 28,
        Event::Reorganised { .. } => 29,
        Event::LaneStopped { .. } => 30,
        Event::LaneResumed { .. } => 31,
        Event::LaneUnsurveyed { .. } => 32,
        Event::SigningFailed { .. } => 33,
        Event::BalanceSeen { .. } => 34,
        Event::SourceLost { .. } => 35,
        Event::SourceDown { .. } => 36,
        Event::SourceBack { .. } => 37,
        Event::ClockSkewed { .. } => 38,
        Event::VotesCounted { .. } => 39,
        Event::YieldTaken { .. } => 40,
        Event::ShareRateFell { .. } => 41,
        Event::ShareRateJumped { .. } => 42,
        Event::YieldCompared { .. } => 43,
        Event::YieldsDiffer { .. } => 44,
        Event::PoolJoined { .. } => 45,
        Event::PoolKept { .. } => 46,
        Event::PoolLeft { .. } => 47,
        Event::SettingsRead { .. } => 48,
        Event::SettingsRefused { .. } => 49,
    }
}
