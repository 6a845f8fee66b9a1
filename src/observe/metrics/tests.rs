use std::collections::{BTreeMap, BTreeSet};

use super::samples::{all, dear, drift, inclusion, number, pool, settlement, source, tokens, usdc};
use super::*;
use crate::domain::decide::{Decision, Hold};
use crate::domain::ids::AssetId;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::peg::{PegState, Trust};

const DASHBOARD: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/grafana/dashboards/ballast.json"));

fn counted(events: &[Event]) -> Metrics {
    let metrics = Metrics::new().unwrap();
    for event in events {
        metrics.count(event, Timestamp::from_secs(1_700_000_000), Duration::from_mins(1));
    }
    metrics
}

fn text(metrics: &Metrics) -> String {
    metrics.render(Timestamp::from_secs(1_700_000_012), Duration::from_secs(72)).unwrap()
}

/// Series by name and labels.
fn series(metrics: &Metrics) -> BTreeMap<String, String> {
    let text = text(metrics);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Everything there is: all events, and what the chain adapter counts.
fn full() -> Metrics {
    // What a pool that has left takes along has a test of its own.
    let stays = |event: &Event| !matches!(event, Event::PoolLeft { .. });
    let metrics = counted(&all().into_iter().filter(stays).collect::<Vec<_>>());
    let fault = Event::ReadingTaken { source: source(), asset: AssetId::new("DAI"), result: Err("stale"), detail: None };
    metrics.count(&fault, Timestamp::default(), Duration::ZERO);
    metrics.rpc_requests().with_label_values(&["demo", "eth_call"]).inc();
    let endpoints = metrics.endpoints();
    endpoints.failed("demo", "rpc.example.org", "timed_out");
    endpoints.seen("demo", "rpc.example.org", false, Some(101));
    endpoints.broadcast("demo", "rpc.example.org", "accepted");
    endpoints.contradiction("demo", "receipt");
    metrics
}

#[test]
fn what_endpoints_do_is_counted_by_their_host() {
    let series = series(&full());
    for (name, value) in [
        (r#"ballast_endpoint_failures_total{chain="demo",endpoint="rpc.example.org",label="timed_out"}"#, "1"),
        (r#"ballast_endpoint_up{chain="demo",endpoint="rpc.example.org"}"#, "0"),
        (r#"ballast_endpoint_head_number{chain="demo",endpoint="rpc.example.org"}"#, "101"),
        (r#"ballast_endpoint_broadcasts_total{chain="demo",endpoint="rpc.example.org",outcome="accepted"}"#, "1"),
        (r#"ballast_endpoint_contradictions_total{chain="demo",kind="receipt"}"#, "1"),
    ] {
        assert_eq!(series.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn every_kind_of_event_moves_its_series() {
    // In the order of `all`.
    let moved: [&[(&str, &str)]; 35] = [
        &[(r#"ballast_chain_links_opened_total{chain="demo",transport="websocket"}"#, "1")],
        &[
            (r#"ballast_chain_links_lost_total{chain="demo",label="unreachable"}"#, "1"),
            (r#"ballast_chain_up{chain="demo"}"#, "0"),
        ],
        &[(r#"ballast_chain_silences_total{chain="demo"}"#, "1"), (r#"ballast_chain_up{chain="demo"}"#, "0")],
        &[
            (r#"ballast_chain_up{chain="demo"}"#, "1"),
            (r#"ballast_chain_head_number{chain="demo"}"#, "101"),
            (r#"ballast_chain_head_timestamp_seconds{chain="demo"}"#, "1700000000"),
            (r#"ballast_chain_head_age_seconds{chain="demo"}"#, "12"),
            (r#"ballast_chain_blocks_read_total{chain="demo"}"#, "1"),
            (r#"ballast_chain_block_calls{chain="demo"}"#, "12"),
            (r#"ballast_chain_block_read_seconds_sum{chain="demo"}"#, "0.25"),
        ],
        &[(r#"ballast_gas_price_gwei{chain="demo"}"#, "12")],
        &[
            (r#"ballast_asset_price_usd{asset="USDC",source="chainlink:USDC"}"#, "0.97"),
            (r#"ballast_reading_age_seconds{asset="USDC",source="chainlink:USDC"}"#, "12"),
        ],
        &[
            (r#"ballast_peg_state{asset="USDC",state="depegged"}"#, "1"),
            (r#"ballast_peg_moves_total{asset="USDC",state="depegged"}"#, "1"),
            (r#"ballast_peg_episode{asset="USDC"}"#, "3"),
        ],
        &[(r#"ballast_peg_trusted{asset="USDC"}"#, "0")],
        &[
            (r#"ballast_pool_decision_state{pool="treasury",reason="paused"}"#, "1"),
            (r#"ballast_pool_decisions_total{pool="treasury",reason="paused"}"#, "1"),
        ],
        &[
            (r#"ballast_pool_weight_ratio{asset="DAI",pool="treasury"}"#, "0.425"),
            (r#"ballast_pool_target_ratio{asset="DAI",pool="treasury"}"#, "0.4"),
            (r#"ballast_pool_value_share_ratio{asset="DAI",pool="treasury"}"#, "0.4375"),
            (r#"ballast_pool_policy_drift_ratio{pool="treasury"}"#, "0.025"),
            (r#"ballast_pool_composition_drift_ratio{pool="treasury"}"#, "0.0125"),
            (r#"ballast_pool_value_usd{pool="treasury"}"#, "1000000"),
        ],
        &[(r#"ballast_turns_requested_total{class="drift",pool="treasury"}"#, "1")],
        &[
            (r#"ballast_turns_granted_total{class="drift",pool="treasury"}"#, "1"),
            (r#"ballast_turn_wait_seconds_sum{class="drift"}"#, "20"),
        ],
        &[(r#"ballast_turns_held_for_gas_total{class="drift",pool="treasury"}"#, "1")],
        &[(r#"ballast_turns_expired_total{class="drift",pool="treasury"}"#, "1")],
        &[(r#"ballast_turn_hold_seconds_sum{class="drift"}"#, "0.25")],
        &[(r#"ballast_turn_holders_overdue_total{pool="treasury"}"#, "1")],
        &[(r#"ballast_queue_epoch{chain="demo"}"#, "2")],
        &[
            (r#"ballast_queue_waiting_requests{chain="demo",class="depeg"}"#, "1"),
            (r#"ballast_queue_waiting_requests{chain="demo",class="yield"}"#, "3"),
            (r#"ballast_queue_waiting_requests{chain="demo",class="schedule"}"#, "4"),
            (r#"ballast_queue_turns_out{chain="demo"}"#, "1"),
            (r#"ballast_queue_oldest_wait_seconds{chain="demo"}"#, "90"),
        ],
        &[(r#"ballast_transactions_sent_total{chain="demo",class="drift",kind="replacement",via="private"}"#, "1")],
        &[
            (r#"ballast_settlements_total{class="drift",outcome="done",pool="treasury"}"#, "1"),
            (r#"ballast_gas_spent_ether_total{chain="demo"}"#, "0.001116"),
            (r#"ballast_gas_spent_usd_total{chain="demo"}"#, "3.348"),
            (r#"ballast_trigger_to_inclusion_seconds_sum{class="drift"}"#, "14.25"),
        ],
        &[(r#"ballast_actor_deaths_total{kind="pool"}"#, "1"), ("ballast_actors_down", "1")],
        &[(r#"ballast_actor_restarts_total{kind="pool"}"#, "1"), (r#"ballast_actor_restart_seconds_sum{kind="pool"}"#, "0.25")],
        &[("ballast_actors_quarantined", "1")],
        &[("ballast_pools_parked", "1")],
        &[(r#"ballast_alerts_delivered_total{sink="discord"}"#, "1")],
        &[(r#"ballast_alerts_failed_total{sink="discord"}"#, "1"), (r#"ballast_alerts_dropped_total{sink="discord"}"#, "1")],
        &[("ballast_journal_failures_total", "1")],
        &[(r#"ballast_broadcast_answers_total{answer="maybe_sent",chain="demo",lane="keeper"}"#, "1")],
        &[(r#"ballast_operation_steps_total{chain="demo",class="drift",lane="keeper",state="inflight"}"#, "1")],
        &[(r#"ballast_reorganised_operations_total{chain="demo"}"#, "1")],
        &[
            (r#"ballast_lane_stopped{chain="demo",lane="keeper"}"#, "1"),
            (r#"ballast_lane_stops_total{chain="demo",lane="keeper",reason="journal_behind"}"#, "1"),
        ],
        &[(r#"ballast_lane_stopped{chain="demo",lane="keeper"}"#, "0")],
        &[(r#"ballast_lane_stops_total{chain="demo",lane="keeper",reason="unsurveyed"}"#, "1")],
        &[(r#"ballast_signing_failures_total{chain="demo",lane="keeper"}"#, "1")],
        &[(r#"ballast_lane_balance_ether{chain="demo",lane="keeper"}"#, "0.04")],
    ];
    for (at, (event, moved)) in all().into_iter().zip(moved).enumerate() {
        assert_eq!(number(&event), at);
        let series = series(&counted(&[event]));
        for (name, value) in moved {
            assert_eq!(series.get(*name).map(String::as_str), Some(*value), "{name} in {series:#?}");
        }
    }
}

#[test]
fn yields_and_shares_are_shown_while_they_are_known() {
    let events: Vec<Event> = all().into_iter().skip(40).take(5).collect();
    assert_eq!(events.iter().map(number).collect::<Vec<_>>(), [40, 41, 42, 43, 44]);
    let known = series(&counted(&events));
    for (name, value) in [
        (r#"ballast_yield_apy{asset="USDC",chain="demo"}"#, "0.04"),
        (r#"ballast_yield_spot_apy{asset="USDC",chain="demo"}"#, "0.0425"),
        (r#"ballast_yield_utilisation_ratio{asset="USDC",chain="demo"}"#, "0.8"),
        (r#"ballast_share_rate{asset="USDC",chain="demo"}"#, "1.05"),
        (r#"ballast_share_rate_falls_total{asset="USDC",chain="demo"}"#, "1"),
        (r#"ballast_share_rate_jumps_total{asset="USDC",chain="demo"}"#, "1"),
        (r#"ballast_yield_witness_apy{asset="USDC",chain="demo",witness="defi_llama"}"#, "0.035"),
        (r#"ballast_yield_witness_differs_total{asset="USDC",chain="demo",witness="defi_llama"}"#, "1"),
    ] {
        assert_eq!(known.get(name).map(String::as_str), Some(value), "{name} in {known:#?}");
    }
    let apart: f64 =
        known[r#"ballast_yield_witness_difference_bps{asset="USDC",chain="demo",witness="defi_llama"}"#].parse().unwrap();
    assert!((apart - 75.0).abs() < 1e-6, "{apart}");

    let (chain, asset) = (crate::domain::ids::ChainName::new("demo"), usdc());
    let fault =
        Event::YieldTaken { chain: chain.clone(), asset: asset.clone(), result: Err("trapped"), detail: None, share: None };
    let theirs = Event::YieldCompared { chain, asset, witness: "defi_llama", theirs: Err("stale"), ours: None, detail: None };
    let unknown = series(&counted(&[events[0].clone(), events[3].clone(), fault, theirs]));
    for absent in [
        "ballast_yield_apy",
        "ballast_yield_spot",
        "ballast_share_rate",
        "ballast_yield_witness_apy",
        "ballast_yield_witness_diff",
    ] {
        assert!(!unknown.keys().any(|name| name.starts_with(absent)), "{absent} in {unknown:#?}");
    }
    assert_eq!(unknown[r#"ballast_yield_faults_total{asset="USDC",chain="demo",reason="trapped"}"#], "1");
    assert_eq!(
        unknown[r#"ballast_yield_witness_faults_total{asset="USDC",chain="demo",reason="stale",witness="defi_llama"}"#],
        "1"
    );
}

#[test]
fn of_a_pool_that_has_left_nothing_is_shown_but_what_was_counted() {
    let held = Event::Decided { pool: pool(), decision: Decision::Hold(Hold::Paused), block: Some(101) };
    let parked = Event::PoolParked { pool: pool(), reason: "the node is on another chain".to_owned() };
    let shown = |series: &BTreeMap<String, String>| {
        series.keys().filter(|name| name.contains("pool=\"treasury\"") && !name.contains("_total{")).count()
    };
    let before = series(&counted(&[tokens(true), held.clone(), parked.clone()]));
    assert!(shown(&before) > 8 && before["ballast_pools_parked"] == "1", "{before:#?}");
    let after = series(&counted(&[tokens(true), held, parked, Event::PoolLeft { pool: pool() }]));
    assert_eq!((shown(&after), after["ballast_pools_parked"].as_str()), (0, "0"), "{after:#?}");
    assert_eq!(after[r#"ballast_pool_decisions_total{pool="treasury",reason="paused"}"#], "1");
}

#[test]
fn what_was_last_read_of_the_settings_is_shown() {
    let (read, refused) =
        (Event::SettingsRead { pools: 3, restart: false }, Event::SettingsRefused { faults: String::new(), count: 1 });
    let now = series(&counted(&[read.clone(), refused.clone()]));
    assert_eq!(now["ballast_config_last_read_successful"], "0");
    assert_eq!(now["ballast_config_last_success_timestamp_seconds"], "1700000000");
    let now = series(&counted(&[refused, read]));
    assert_eq!(now["ballast_config_last_read_successful"], "1");
    assert_eq!(now[r#"ballast_config_reads_total{result="refused"}"#], "1");
}

#[test]
fn what_is_not_known_is_absent() {
    let fault = Event::ReadingTaken { source: source(), asset: usdc(), result: Err("stale"), detail: None };
    let priced = Event::ReadingTaken { source: source(), asset: usdc(), result: Ok(dear()), detail: None };
    let series = series(&counted(&[tokens(true), tokens(false), priced, fault]));
    for absent in ["ballast_pool_value", "ballast_pool_composition_drift", "ballast_asset_price"] {
        assert!(!series.keys().any(|name| name.starts_with(absent)), "{absent} in {series:#?}");
    }
    assert_eq!(series[r#"ballast_pool_policy_drift_ratio{pool="treasury"}"#], "0.025");
    assert_eq!(series[r#"ballast_reading_faults_total{asset="USDC",reason="stale",source="chainlink:USDC"}"#], "1");
}

#[test]
fn a_subject_is_in_one_state_at_a_time() {
    let decided = |hold: Hold| Event::Decided { pool: pool(), decision: Decision::Hold(hold), block: None };
    let moved = |from: PegState, to: PegState| Event::PegMoved { asset: usdc(), from, to, price: None, episode: 0 };
    let series = series(&counted(&[
        decided(Hold::Paused),
        decided(Hold::BlocksDiffer),
        moved(PegState::Depegged, PegState::Depegged),
        Event::TrustMoved { asset: usdc(), to: Trust::Trusted, fault: None },
    ]));
    assert_eq!(series[r#"ballast_pool_decision_state{pool="treasury",reason="paused"}"#], "0");
    assert_eq!(series[r#"ballast_pool_decision_state{pool="treasury",reason="blocks_differ"}"#], "1");
    assert_eq!(series[r#"ballast_peg_state{asset="USDC",state="depegged"}"#], "1", "recalled from the journal");
    assert!(!series.keys().any(|name| name.starts_with("ballast_peg_moves")), "to be recalled is not to move");
    assert_eq!(series[r#"ballast_peg_trusted{asset="USDC"}"#], "1");
}

#[test]
fn a_quarantine_ends_after_ten_healthy_minutes() {
    let quarantined = |metrics: &Metrics, uptime| {
        let text = metrics.render(Timestamp::default(), Duration::from_secs(uptime)).unwrap();
        text.lines().find_map(|line| line.strip_prefix("ballast_actors_quarantined ")).unwrap().to_owned()
    };
    let metrics = Metrics::new().unwrap();
    let count = |number: usize, uptime| metrics.count(&all()[number], Timestamp::default(), Duration::from_secs(uptime));
    count(20, 100);
    count(22, 100);
    count(21, 400);
    assert_eq!(quarantined(&metrics, 999), "1", "it lives, but for how long?");
    count(20, 999);
    count(21, 1_300);
    assert_eq!((quarantined(&metrics, 1_899), quarantined(&metrics, 1_900)), ("1".to_owned(), "0".to_owned()));
}

#[test]
fn only_what_was_paid_is_counted_as_paid() {
    let outcomes = [Outcome::Refused(Refusal::GasAboveCap), Outcome::Cancelled(inclusion()), Outcome::Reverted(inclusion())];
    let settled = outcomes.map(|outcome| Event::Settled(Box::new(settlement(drift(), outcome))));
    let series = series(&counted(&settled));
    assert_eq!(series[r#"ballast_gas_spent_ether_total{chain="demo"}"#], "0.002232");
    assert_eq!(series[r#"ballast_settlements_total{class="drift",outcome="gas_above_cap",pool="treasury"}"#], "1");
    assert_eq!(series[r#"ballast_trigger_to_inclusion_seconds_count{class="drift"}"#], "1", "a cancellation includes no order");
}

#[test]
fn the_text_is_clean() {
    let text = text(&full());
    let mut helped = BTreeSet::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("#"), Some("HELP")) => {
                let name = words.next().unwrap();
                assert!(words.next().is_some(), "{name} has no help");
                assert!(helped.insert(name.to_owned()), "{name} is declared twice");
            }
            (Some("#"), Some("TYPE")) => {
                let (name, kind) = (words.next().unwrap(), words.next().unwrap());
                assert!(helped.contains(name), "{name} has no help");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
                assert!(name.starts_with("ballast_") || name.starts_with("process_"), "{name}");
                assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            }
            _ => {}
        }
    }
    assert!(helped.len() > 50, "{helped:?}");
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist() {
    let series = series(&full());
    let exist: BTreeSet<&str> = series.keys().map(|name| name.split('{').next().unwrap()).collect();
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut asked = BTreeSet::new();
    queries(&dashboard, &mut asked);
    let asked: BTreeSet<&str> = asked.iter().flat_map(|query| names(query)).collect();
    assert!(asked.len() > 25, "the dashboard is almost empty: {asked:?}");
    assert_eq!(asked.difference(&exist).collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// All strings under `expr` and `query`.
fn queries(json: &serde_json::Value, found: &mut BTreeSet<String>) {
    match json {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(query) if ["expr", "query"].contains(&key.as_str()) => {
                        found.insert(query.to_owned());
                    }
                    _ => queries(value, found),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

fn names(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("ballast_") || word.starts_with("process_"))
}
