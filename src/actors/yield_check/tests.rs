//! A check with a witness that says what the test wants.

use std::sync::{Arc, Mutex};

use alloy_primitives::B256;
use async_trait::async_trait;
use ractor::Actor;

use super::*;
use crate::actors::testing::{BEGINNING, Events, FakeClock, observer, open, secs, settle};
use crate::domain::ids::{AssetId, ChainName, SourceId};
use crate::domain::yields::Yield;

struct FakeWitness {
    says: Mutex<Result<Testimony, YieldFault>>,
    asked: Mutex<usize>,
}

#[async_trait]
impl YieldWitness for FakeWitness {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn ask(&self) -> Result<Testimony, YieldFault> {
        *open(&self.asked) += 1;
        open(&self.says).clone()
    }
}

fn apy(bps: u32) -> Apy {
    Apy::from_bps(bps).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_witness_is_asked_now_and_then_and_only_a_difference_is_told() {
    let clock = FakeClock::new(1);
    let observer = observer(&clock);
    let events = Events::of(&observer, &clock);
    let (asset, chain) = (AssetId::new("DAI"), ChainName::new("test"));
    let says = |bps, at: u64| Ok(Testimony { apy: apy(bps), at: BEGINNING.plus(secs(at)) });
    let witness = Arc::new(FakeWitness { says: Mutex::new(says(400, 0)), asked: Mutex::new(0) });
    let unknown = YieldFact { asset: asset.clone(), yields: Err(YieldFault::ChainSilent), as_of: BEGINNING, block: None };
    let yields = Board::new(unknown);
    let payer = Payer { id: SourceId::new("fake:DAI@test"), asset, chain };
    let args = YieldCheckArgs {
        payer: Arc::new(payer),
        witness: witness.clone(),
        yields: yields.clone(),
        every: secs(1_800),
        least_pause: secs(10),
        max_age: secs(3_600),
        differ_bps: 100,
        clock: clock.clone(),
        observer,
        hearts: Heartbeats::default(),
    };
    let (_check, _) = Actor::spawn(None, YieldCheck, args).await.unwrap();
    settle().await;
    assert_eq!(*open(&witness.asked), 0, "nothing is known yet");
    let differ = || events.count(|event| matches!(event, Event::YieldsDiffer { .. }));
    let round = async || {
        tokio::time::sleep(secs(1_800)).await;
        settle().await;
        let last = events.pick(|event| match event {
            Event::YieldCompared { theirs, ours, .. } => Some((*theirs, *ours)),
            _ => None,
        });
        last.last().map(|(_, last)| *last).unwrap()
    };
    assert_eq!(round().await, (Ok(apy(400)), None), "the chain says nothing, so there is nothing to compare");
    assert_eq!((*open(&witness.asked), differ()), (1, 0));

    let earns = Yield { spot: apy(900), smooth: apy(480), utilisation: None, as_of: BEGINNING, block: B256::ZERO };
    yields.modify(|fact| fact.yields = Ok(earns));
    *open(&witness.says) = says(380, 3_600);
    assert_eq!((round().await, differ()), ((Ok(apy(380)), Some(apy(480))), 0), "at the limit");
    *open(&witness.says) = says(379, 5_400);
    assert_eq!((round().await, differ()), ((Ok(apy(379)), Some(apy(480))), 1));
    *open(&witness.says) = says(880, 7_190);
    assert_eq!((round().await, differ()), ((Ok(apy(880)), Some(apy(900))), 1), "it means the moment");

    assert_eq!((round().await, differ()), ((Ok(apy(880)), Some(apy(900))), 1));
    assert_eq!(round().await.0, Err("stale"), "it says the same for too long");
    *open(&witness.says) = Err(YieldFault::Unreachable("no connection".to_owned()));
    assert_eq!(round().await, (Err("unreachable"), None));
    assert_eq!((*open(&witness.asked), differ()), (7, 1));
}
