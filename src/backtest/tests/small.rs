//! Minutes by hand: what is known when, and what follows.

use super::*;
use crate::domain::peg::{PegState, Trust};
use crate::domain::reading::ReadingFault;
use crate::domain::units::Price;

const NOON: &str = "2023-03-10T12:00:00Z";

/// So many minutes after noon.
fn at(minute: u64) -> Timestamp {
    time(NOON).plus(Duration::from_mins(minute))
}

/// Bars of these minutes after noon, each with its close; a million tokens change hands in each.
fn bars(closes: impl IntoIterator<Item = (u64, &'static str)>) -> String {
    let row = |(minute, close): (u64, &str)| format!("{},{close},{close},{close},{close},1000000\n", at(minute));
    closes.into_iter().fold(BAR.to_owned(), |text, bar| text + &row(bar))
}

/// One price in every minute of an hour, and another one from a minute on.
fn hour(price: &'static str, from: u64, then: &'static str) -> String {
    bars((0..60).map(|minute| (minute, if minute < from { price } else { then })))
}

/// Chainlink at one dollar for all three, an hour before noon.
fn at_par() -> (&'static str, String) {
    let rows = ["USDC", "USDT", "DAI"].map(|asset| format!("2023-03-10T11:00:00Z,{asset},1.0,\n"));
    ("chainlink_implied_hourly_x.csv", format!("snapshot_utc,asset,price_usd,block\n{}", rows.concat()))
}

/// What the aggregator saw: one price for USDC in every hour, par for the others.
fn aggregator(usdc: &str) -> (&'static str, String) {
    let rows: Vec<String> = (10..20).map(|hour| format!("2023-03-10T{hour}:00:00Z,{usdc},1.0,1.0\n")).collect();
    ("cmc_usd_hourly_x.csv", format!("label_utc,usdc_usd,usdt_usd,dai_usd\n{}", rows.concat()))
}

/// USDC falls at both venues with the bar that begins half past twelve.
fn fall() -> Vec<(&'static str, String)> {
    vec![
        at_par(),
        ("k_usdtusd_1m_x.csv", hour("1.0", 60, "1.0")),
        ("k_usdcusd_1m_x.csv", hour("1.0", 30, "0.994")),
        ("k_usdcusdt_1m_x.csv", hour("1.0", 30, "0.994")),
    ]
}

fn usdc(history: &History) -> Course {
    of(&quorum(history, history.tape()), "USDC").clone()
}

fn series<'a>(history: &'a History, source: &str) -> &'a Series {
    history.series.iter().find(|series| series.source.id.as_str() == source).unwrap()
}

#[test]
fn a_wick_of_one_source_is_no_alarm() {
    let folder = folder(&[at_par(), ("k_usdcusd_1m_x.csv", hour("1.0", 30, "0.90"))]);
    let history = load(folder.path());
    let course = usdc(&history);
    assert!(course.moments.iter().all(|moment| !moment.to.is_episode()), "{:?}", course.moments);
    assert!(course.judged.contains_key(&Trust::Trusted), "there was a quorum to say so");
    // Followed alone, it sells with the first close of it.
    let (rule, votes) = rules();
    let alone = series(&history, "k:USDC/USD");
    let courses =
        replay(history.tape_of_one(alone), history.span, &bench(&history.assets, rule, votes, Some(&alone.source.asset)));
    let moment = of(&courses, "USDC").moments.first().unwrap();
    assert_eq!((moment.at, moment.to), (at(31), PegState::Depegged));
}

#[test]
fn five_closes_in_a_row_are_an_alarm_when_the_fifth_is_known() {
    let folder = folder(&fall());
    let history = load(folder.path());
    let alarm = score(&history, &usdc(&history)).first_alarm().unwrap().clone();
    // The bars that begin at 12:30 to 12:34; the last of them is known at 12:35.
    assert_eq!((alarm.at, alarm.to), (at(35), PegState::Stressed));
    let (rule, votes) = peg_defaults().unwrap();
    let courses = replay(history.tape(), history.span, &bench(&history.assets, rule, votes, None));
    assert_eq!(score(&history, of(&courses, "USDC")).first_alarm().unwrap().at, at(36), "five whole minutes, as configured");
}

#[test]
fn an_alarm_knows_nothing_that_is_not_known_yet() {
    let folder = folder(&fall());
    let history = load(folder.path());
    let all = usdc(&history);
    for end in 25..45 {
        // Whatever is known later may be anything else: what has been concluded until then is the same.
        let known: Vec<_> = history.tape().into_iter().filter(|(known, _)| *known <= at(end)).collect();
        let courses = replay(known, Span { until: at(end), ..history.span }, &bench(&history.assets, rules().0, rules().1, None));
        let until: Vec<&Moment> = all.moments.iter().filter(|moment| moment.at <= at(end)).collect();
        assert_eq!(of(&courses, "USDC").moments.iter().collect::<Vec<_>>(), until, "until minute {end}");
    }
}

#[test]
fn every_kind_of_row_is_known_when_it_is_over() {
    let pool = "hour_start_utc,pool,price_base_in_quote\n2023-03-10T12:00:00Z,univ3_DAI_USDC,0.9\n".to_owned();
    let files =
        [at_par(), aggregator("0.9"), ("uniswap_v3_hourly_x.csv", pool), ("k_usdcusd_1m_x.csv", bars([(0, "0.9"), (7, "0.9")]))];
    let folder = folder(&files);
    let history = load(folder.path());
    for (source, known) in [
        ("k:USDC/USD", at(1)),
        ("chainlink:USDC", time("2023-03-10T11:00:00Z")),
        ("uniswap_v3:DAI/USDC", at(60)),
        ("cmc:USDC", time("2023-03-10T11:00:00Z")),
    ] {
        let first = series(&history, source).readings.first().unwrap().clone();
        assert_eq!((first.as_of, first.quote.unwrap().updated_at), (known, known), "{source}");
    }
    // A second before its end, a bar is not there.
    let span = Span { from: at(0), until: at(1).minus(Duration::from_secs(1)), step: Duration::from_secs(1) };
    let alone = history.tape_of_one(series(&history, "k:USDC/USD"));
    let judged = |span| replay(alone.clone(), span, &bench(&history.assets, rules().0, rules().1, Some(&AssetId::new("USDC"))));
    assert!(of(&judged(span), "USDC").is_unknown());
    assert!(!of(&judged(Span { until: at(1), ..span }), "USDC").is_unknown());
}

#[test]
fn a_close_stands_for_ten_minutes_of_silence_and_not_for_eleven() {
    for (gap, blind) in [(10, 0), (11, 1), (13, 3)] {
        // Known at minute 1, and then again after the gap.
        let folder = folder(&[("k_usdcusd_1m_x.csv", bars([(0, "1.0"), (gap + 1, "1.0")]))]);
        let history = load(folder.path());
        let alone = series(&history, "k:USDC/USD");
        let courses = replay(
            history.tape_of_one(alone),
            history.span,
            &bench(&history.assets, rules().0, rules().1, Some(&alone.source.asset)),
        );
        assert_eq!(of(&courses, "USDC").judged.get(&Trust::Blind).copied().unwrap_or(0), blind, "a gap of {gap}");
    }
}

#[test]
fn a_book_that_hardly_trades_says_nothing() {
    // The first ten minutes together are one token short of enough.
    let volume = |minute| if minute < 9 { 10_000 } else { 9_999 };
    let rows: Vec<String> = (0..10).map(|minute| format!("{},1,1,1,1,{}\n", at(minute), volume(minute))).collect();
    let rest = format!("{},1,1,1,1,10001\n{},1,1,1,1,0\n", at(10), at(11));
    let folder = folder(&[("k_usdcusd_1m_x.csv", format!("{BAR}{}{rest}", rows.concat()))]);
    let history = load(folder.path());
    let words: Vec<_> = series(&history, "k:USDC/USD").readings.iter().map(|reading| reading.quote.clone()).collect();
    let thin = |found: &str| Err(ReadingFault::Thin { found: found.to_owned(), least: "100000".to_owned() });
    assert_eq!(words[0], thin("10000"));
    assert_eq!(words[9], thin("99999"));
    assert_eq!(words[10].as_ref().unwrap().price, Price::PAR, "exactly enough: the first minute is past");
    assert_eq!(words[11], thin("90000"));
}

#[test]
fn false_is_what_the_aggregator_never_saw() {
    for (seen, is_false) in [(Some("1.0"), Some(1)), (Some("0.995"), Some(1)), (Some("0.9949"), Some(0)), (None, None)] {
        let mut files = fall();
        files.extend(seen.map(aggregator));
        let folder = folder(&files);
        let history = load(folder.path());
        assert_eq!(score(&history, &usdc(&history)).false_episodes(), is_false, "{seen:?}");
    }
}

#[test]
fn a_relapse_is_a_return_from_the_way_back() {
    let states = [
        PegState::Sound,
        PegState::Stressed,
        PegState::Depegged,
        PegState::Recovering,
        PegState::Depegged,
        PegState::Recovering,
        PegState::Watch,
        PegState::Sound,
        PegState::Depegged,
        PegState::Disabled,
    ];
    let moment = |(minute, states): (u64, &[PegState])| {
        let (from, to) = (states[0], states[1]);
        Moment { at: at(minute), from, to, level: None, trust: Trust::Trusted, votes: Vec::new() }
    };
    let moments = (1..).zip(states.windows(2)).map(moment).collect();
    let course = Course { asset: AssetId::new("USDC"), moments, judged: [(Trust::Trusted, 10)].into(), last: PegState::Disabled };
    let score = Score::of(&course, &Yardstick::default(), Price::PAR);
    let [first, second] = score.episodes.as_slice() else { panic!("{:?}", score.episodes) };
    assert_eq!((first.alarm.at, first.depegged, first.recovering, first.ended), (at(1), Some(at(2)), Some(at(3)), Some(at(6))));
    assert_eq!((first.relapses, first.disabled, second.relapses, second.disabled), (1, false, 0, true));
    assert_eq!((score.relapses(), second.alarm.at, second.ended), (1, at(8), None));
}

#[test]
fn a_pool_warns_and_does_not_vote() {
    let pool = (12..14).map(|hour| format!("2023-03-10T{hour}:00:00Z,univ3_USDC_USDT,0.8\n")).collect::<Vec<_>>().concat();
    let mut files = vec![at_par(), ("k_usdcusd_1m_x.csv", bars((0..180).map(|minute| (minute, "0.8"))))];
    files.push(("uniswap_v3_hourly_x.csv", format!("hour_start_utc,pool,price_base_in_quote\n{pool}")));
    let folder = folder(&files);
    let history = load(folder.path());
    assert!(usdc(&history).moments.iter().all(|moment| !moment.to.is_episode()), "one vote is no quorum");
}

#[test]
fn the_report_tells_what_nobody_knows() {
    let folder = folder(&fall());
    let history = load(folder.path());
    let (rule, votes) = peg_defaults().unwrap();
    let report = report("DIR", &history, rule, votes);
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    let quorum = json["quorum"]["rows"].as_array().unwrap();
    let row = |asset: &str| quorum.iter().find(|row| row["asset"] == asset).unwrap();
    assert_eq!(row("USDC")["first_alarm"], at(35).to_string());
    assert_eq!(row("USDC")["price"], "0.9940994", "the end of the books' interval that is nearer to Chainlink");
    assert_eq!((&row("DAI")["unknown"], &row("DAI")["last"]), (&true.into(), &"unknown".into()));
    assert_eq!(json["quorum"]["stressed_hold_seconds"], 240);
    assert_eq!(json["quorum_as_configured"]["stressed_hold_seconds"], 300);
    let sources: Vec<_> = json["rows"].as_array().unwrap().iter().map(|row| row["source"].as_str().unwrap()).collect();
    assert_eq!(
        sources,
        ["chainlink:DAI", "chainlink:USDC", "chainlink:USDT", "k:USDC/USD", "k:USDC/USDT", "k:USDT/USD"],
        "each of them alone"
    );
    let text = table::table(&report);
    for part in ["2023-03-10 12:35:00", "unknown", "absent: cmc_usd_hourly_PERIOD.csv", "windows as configured", "too thin"] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
}

#[test]
fn two_replays_of_one_folder_are_equal() {
    let folder = folder(&fall());
    let one = || {
        let (rule, votes) = peg_defaults().unwrap();
        report("DIR", &load(folder.path()), rule, votes)
    };
    assert_eq!(one(), one());
}
