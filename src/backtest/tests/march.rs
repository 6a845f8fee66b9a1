//! 1 to 21 March 2023. The minutes lie beside the project, because the right to pass them on is unclear; without them these tests say
//! so and prove nothing.

use std::sync::OnceLock;

use super::*;
use crate::domain::peg::{PegState, Trust};
use crate::domain::reading::ReadingFault;
use crate::domain::source::Group;
use crate::domain::units::Price;

/// `../shared/data`; from a second work tree it is further up.
fn recorded() -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    above.map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir())
}

/// The history and what the quorum makes of it.
fn march() -> Option<&'static (History, Vec<Course>)> {
    static MARCH: OnceLock<Option<(History, Vec<Course>)>> = OnceLock::new();
    let march = MARCH.get_or_init(|| {
        let history = load(&recorded()?);
        let courses = quorum(&history, history.tape());
        Some((history, courses))
    });
    if march.is_none() {
        eprintln!("NOT TESTED: ../shared/data is absent, so nothing is proved on the minutes of March 2023");
    }
    march.as_ref()
}

fn scored(asset: &str) -> Option<Score> {
    march().map(|(history, courses)| score(history, of(courses, asset)))
}

/// The tape without a source.
fn without(history: &History, source: &str) -> Vec<(Timestamp, Reading)> {
    history.tape().into_iter().filter(|(_, reading)| reading.id().as_str() != source).collect()
}

/// Only what these sources said of USDC; everything of the others.
fn usdc_by(history: &History, sources: &[&str]) -> Vec<(Timestamp, Reading)> {
    let usdc = AssetId::new("USDC");
    let stays = |reading: &Reading| *reading.asset() != usdc || sources.contains(&reading.id().as_str());
    history.tape().into_iter().filter(|(_, reading)| stays(reading)).collect()
}

const THIN: &str = "binanceus:USDC/USDT";

#[test]
fn the_first_alarm_comes_by_22_52_on_the_tenth() {
    let Some(score) = scored("USDC") else { return };
    let alarm = score.first_alarm().unwrap();
    assert!(alarm.at < time("2023-03-10T22:53:00Z"), "{}", alarm.at);
    assert!(matches!(alarm.to, PegState::Stressed | PegState::Depegged));
    assert_eq!(alarm.trust, Trust::Trusted, "it is acted on");
    let below = alarm.votes.iter().filter(|group| group.vote.price < rules().0.stressed.line()).count();
    assert!(below >= rules().1.defend, "{:?}", alarm.votes);
}

#[test]
fn the_windows_as_configured_are_one_close_later_and_no_more() {
    let (Some((history, _)), Some(score)) = (march(), scored("USDC")) else { return };
    let (rule, votes) = peg_defaults().unwrap();
    let courses = replay(history.tape(), history.span, &bench(&history.assets, rule, votes, None));
    let (as_configured, in_closes) = (Score::of(of(&courses, "USDC"), &history.yardstick, rule.stressed.line()), score);
    let (later, sooner) = (as_configured.first_alarm().unwrap().at, in_closes.first_alarm().unwrap().at);
    assert!(later > sooner && later.since(sooner) <= history.span.step, "{sooner} and {later}");
    assert_eq!(as_configured.false_episodes(), Some(0));
    assert_eq!(as_configured.relapses(), 0);
}

#[test]
fn nothing_of_the_future_is_in_an_alarm() {
    let (Some((history, _)), Some(score)) = (march(), scored("USDC")) else { return };
    let alarm = score.first_alarm().unwrap();
    let known: Vec<_> = history.tape().into_iter().filter(|(known, _)| *known <= alarm.at).collect();
    let courses = replay(known, Span { until: alarm.at, ..history.span }, &bench(&history.assets, rules().0, rules().1, None));
    assert_eq!(of(&courses, "USDC").moments.last(), Some(alarm), "it knows what was known then and no more");
}

#[test]
fn no_alarm_is_for_nothing() {
    let Some((history, courses)) = march() else { return };
    for course in courses {
        let score = score(history, course);
        assert_eq!(score.false_episodes(), Some(0), "{}: {:?}", course.asset, score.episodes);
    }
    let trouble = time("2023-03-10T00:00:00Z")..time("2023-03-14T00:00:00Z");
    for episode in score(history, of(courses, "USDC")).episodes {
        assert!(trouble.contains(&episode.alarm.at), "{}", episode.alarm.at);
    }
}

#[test]
fn the_way_back_is_found_and_is_not_gone_twice() {
    let (Some((_, courses)), Some(score)) = (march(), scored("USDC")) else { return };
    let back = score.episodes.iter().find_map(|episode| episode.recovering).unwrap();
    assert_eq!(score.relapses(), 0);
    let moments = &of(courses, "USDC").moments;
    assert!(moments.iter().all(|moment| moment.at <= back || moment.to != PegState::Depegged));
    let turn = moments.iter().find(|moment| moment.to == PegState::Recovering).unwrap();
    let above: Vec<_> = turn.votes.iter().filter(|group| group.vote.price >= rules().0.home()).collect();
    let on_chain = above.iter().filter(|group| group.group.is_on_chain()).count();
    assert!(above.len() >= rules().1.reenter && on_chain > 0 && on_chain < above.len(), "{:?}", turn.votes);
}

#[test]
fn the_premium_of_usdt_is_never_sold() {
    let Some((history, courses)) = march() else { return };
    let usdt = AssetId::new("USDT");
    let high = Price::parse("1.01").unwrap();
    let said = history.tape();
    let premium = |reading: &Reading| *reading.asset() == usdt && reading.quote.as_ref().is_ok_and(|quote| quote.price > high);
    assert!(said.iter().any(|(_, reading)| premium(reading)), "there is a premium to be tempted by");
    let course = of(courses, "USDT");
    assert!(course.moments.iter().all(|moment| matches!(moment.to, PegState::Sound | PegState::Watch)), "{:?}", course.moments);
    assert!(!course.is_unknown());
}

#[test]
fn the_thin_book_alone_moves_nothing() {
    let Some((history, _)) = march() else { return };
    let course = quorum(history, usdc_by(history, &[THIN]));
    let course = of(&course, "USDC");
    assert!(course.moments.is_empty() && course.is_unknown(), "one group is no quorum: {:?}", course.moments);
}

#[test]
fn the_thin_book_beside_others_alarms_nobody() {
    let Some((history, _)) = march() else { return };
    // The only other witness says that all is well: a quorum is there, and the thin book has to convince it.
    let calm = time("2023-03-10T20:00:00Z");
    let tape: Vec<_> = usdc_by(history, &[THIN, "chainlink:USDC"]).into_iter().filter(|(known, _)| *known <= calm).collect();
    let courses = replay(tape, Span { until: calm, ..history.span }, &bench(&history.assets, rules().0, rules().1, None));
    assert!(of(&courses, "USDC").moments.iter().all(|moment| !moment.to.is_episode()));
    // Beside everybody, it neither makes an episode nor hides one, nor moves its beginning.
    let (with, without) = (quorum(history, history.tape()), quorum(history, without(history, THIN)));
    let began = |courses: &[Course]| -> Vec<Timestamp> {
        score(history, of(courses, "USDC")).episodes.iter().map(|episode| episode.alarm.at).collect()
    };
    assert_eq!(began(&with), began(&without));
}

#[test]
fn the_first_alarm_does_not_hang_on_the_size_of_the_real_books() {
    let (Some(folder), Some(score)) = (recorded(), scored("USDC")) else { return };
    for least_traded in [0, BARS.least_traded / 4] {
        let history = History::load(&folder, &BarRule { least_traded, ..BARS }).unwrap();
        let courses = quorum(&history, without(&history, THIN));
        let other = super::score(&history, of(&courses, "USDC"));
        assert_eq!(other.first_alarm().unwrap().at, score.first_alarm().unwrap().at, "at least {least_traded}");
    }
}

#[test]
fn most_words_of_the_thin_book_are_refused() {
    let Some((history, _)) = march() else { return };
    let series = history.series.iter().find(|series| series.source.id.as_str() == THIN).unwrap();
    let thin = series.readings.iter().filter(|reading| matches!(reading.quote, Err(ReadingFault::Thin { .. }))).count();
    assert!(thin * 5 > series.readings.len() * 4, "{thin} of {}", series.readings.len());
}

#[test]
fn an_asset_without_a_quorum_is_unknown_and_not_sound() {
    let Some((history, courses)) = march() else { return };
    let groups = |asset: &str| -> std::collections::BTreeSet<Group> {
        let votes =
            history.series.iter().filter(|series| series.role == Role::Votes && series.source.asset == AssetId::new(asset));
        votes.map(|series| series.source.group).collect()
    };
    assert!(groups("DAI").len() < rules().1.defend);
    assert!(of(courses, "DAI").is_unknown());
    assert!(groups("USDC").len() >= rules().1.reenter && !of(courses, "USDC").is_unknown());
}

#[test]
fn two_replays_are_equal() {
    let Some((history, courses)) = march() else { return };
    assert_eq!(&quorum(history, history.tape()), courses);
}
