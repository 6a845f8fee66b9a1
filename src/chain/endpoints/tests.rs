//! How they are asked, without a network: in paused time.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::clock::WallClock;

fn endpoints(count: usize) -> Endpoints {
    let node = || Node::http(&"http://127.0.0.1:9/v3/0123456789abcdef".to_owned().into(), LATE, Arc::new(|_| {})).unwrap();
    let nodes = (0..count).map(|_| node()).collect();
    let endpoints = Endpoints::new(nodes, EndpointSettings::of(1), Arc::new(WallClock::read()), Arc::new(|_| {}));
    for endpoint in endpoints.all() {
        endpoint.state().chain = Chain::Right;
    }
    endpoints
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Answers with this after so many faults.
async fn after(faults: u32, fault: AskFault, endpoint: &Endpoint) -> Result<u32, AskFault> {
    let asked = AtomicU32::new(0);
    let ask = |_| {
        let (so_far, fault) = (asked.fetch_add(1, Ordering::Relaxed), fault.clone());
        async move { if so_far < faults { Err(fault) } else { Ok(so_far) } }
    };
    endpoint.read(ask).await
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_kept_unless_it_is_too_long() {
    let endpoints = endpoints(1);
    let endpoint = &endpoints.all()[0];
    let start = Instant::now();
    assert_eq!(after(1, AskFault::Busy { pause: Some(secs(4)) }, endpoint).await, Ok(1));
    assert_eq!(start.elapsed().as_secs(), 4);
    assert_eq!(after(1, AskFault::Busy { pause: None }, endpoint).await, Ok(1));
    assert_eq!(start.elapsed().as_secs(), 5, "a second, where none is named");
    let busy = after(9, AskFault::Busy { pause: Some(secs(60)) }, endpoint).await.unwrap_err();
    assert!(matches!(busy, AskFault::Busy { .. }));
    assert!(start.elapsed() < secs(6), "nobody waits for a minute");
    assert!(after(0, busy, endpoint).await.is_err(), "and nobody asks before it is over");
    tokio::time::advance(secs(60)).await;
    assert_eq!(after(0, AskFault::TimedOut(LATE), endpoint).await, Ok(0));
    assert_eq!((endpoint.is_healthy(), endpoint.state().health.counted().1), (true, 0));
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_tried_again_and_counts_once() {
    let endpoints = endpoints(1);
    let endpoint = &endpoints.all()[0];
    let broken = AskFault::Unreachable("refused".to_owned());
    assert_eq!(after(2, broken.clone(), endpoint).await, Ok(2));
    let answered = AskFault::Answered { code: 3, message: "execution reverted".to_owned(), data: None };
    assert_eq!(after(1, answered.clone(), endpoint).await, Err(answered), "an error that was answered is an answer");
    assert_eq!(endpoint.state().health.counted(), (1, 0));
    for failures in 1..=3 {
        assert!(endpoint.is_healthy());
        assert!(after(9, broken.clone(), endpoint).await.is_err());
        assert_eq!(endpoint.state().health.counted().1, failures);
    }
    assert_eq!(endpoint.state().health.out(), Some(Out::Failing));
    assert_eq!(endpoint.state().chain, Chain::Unknown, "it may come back as another node");
    assert!(endpoints.fittest().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_thinks_for_too_long_is_overtaken() {
    let endpoints = endpoints(3);
    let names: Vec<String> = endpoints.all().iter().map(|endpoint| endpoint.name().to_owned()).collect();
    assert_eq!(names, ["127.0.0.1:9", "127.0.0.1:9#2", "127.0.0.1:9#3"]);
    let ask = |endpoint: Arc<Endpoint>| async move {
        match endpoint.name() {
            "127.0.0.1:9" => std::future::pending().await,
            "127.0.0.1:9#2" => Err(AskFault::TimedOut(LATE)),
            name => Ok(name.to_owned()),
        }
    };
    let start = Instant::now();
    assert_eq!(endpoints.first(ask).await.unwrap(), names[2]);
    assert_eq!(start.elapsed().as_millis(), HEDGE.as_millis(), "and whoever fails, at once");
    let all = endpoints.every(endpoints.all(), ask).await;
    assert_eq!(start.elapsed().as_millis(), (HEDGE + LATE).as_millis());
    assert_eq!(all.iter().map(|(_, said)| said.is_ok()).collect::<Vec<_>>(), [false, false, true]);
    let failures = endpoints.health().iter().map(|(_, health)| health.counted().1).collect::<Vec<_>>();
    assert_eq!(failures, [1, 0, 0], "only the late one is noted here: the fault of the other was noted where it happened");
}

#[tokio::test(start_paused = true)]
async fn the_fit_and_idle_come_first_and_two_bear_witness_when_there_are_two() {
    let endpoints = endpoints(4);
    let names = |list: Vec<Arc<Endpoint>>| list.iter().map(|one| one.name().replace("127.0.0.1:9", "")).collect::<Vec<_>>();
    let put_out = |at: usize| {
        let mut state = endpoints.all()[at].state();
        (0..3).for_each(|_| state.health.failed(&HealthRule::default()));
    };
    endpoints.all()[0].state().busy_until = Some(Instant::now() + secs(1));
    put_out(1);
    assert_eq!(names(endpoints.fittest()), ["#3", "#4", "", "#2"]);
    assert_eq!(names(endpoints.witnesses()), ["#3", "#4", ""]);
    put_out(2);
    put_out(3);
    assert_eq!(names(endpoints.witnesses()), ["", "#2"], "one that is out stands in for a second witness");
    endpoints.all()[1].state().chain = Chain::Wrong(5);
    assert_eq!(names(endpoints.witnesses()), ["", "#3"], "one of another chain never does");
}
