use std::time::Duration;

use super::*;
use crate::domain::units::Timestamp;
use crate::observe::metrics::samples::all;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1)
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

fn observer() -> Observer {
    Observer::new(Metrics::new().unwrap(), Arc::new(Still))
}

/// What a subscriber for everything writes.
fn logged(work: impl FnOnce()) -> Vec<serde_json::Value> {
    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    crate::observe::testing::keep_everyone_audible();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    tracing::subscriber::with_default(subscriber.finish(), work);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_event_is_one_line_of_lower_case_with_fields() {
    for event in all() {
        let lines = logged(|| observer().record(event.clone()));
        let last = lines.last().unwrap_or_else(|| panic!("{event:?} is not logged"));
        let message = last["fields"]["message"].as_str().unwrap();
        assert!(message.starts_with(|c: char| c.is_ascii_lowercase()) && !message.ends_with('.'), "{message}");
        assert!(last["fields"].as_object().unwrap().len() > 1, "{message} has no fields");
        let lines_of_tokens = if matches!(event, Event::PoolSeen { .. }) { 2 } else { 0 };
        assert_eq!(lines.len(), 1 + lines_of_tokens, "{lines:?}");
    }
}

#[test]
fn an_unknown_fact_is_no_field() {
    let lines = logged(|| observer().record(all().swap_remove(12)));
    let fields = lines[0]["fields"].as_object().unwrap();
    assert_eq!(fields["message"], "turn held for cheaper gas");
    assert_eq!((fields.get("gas"), &fields["cap"]), (None, &"30.00 gwei".into()));
}

#[test]
fn every_tap_hears_everything_in_order_and_finds_it_counted() {
    let observer = observer();
    let (mut one, mut other) = (observer.tap(), observer.tap());
    for event in all() {
        observer.record(event.clone());
        assert_eq!((one.try_recv(), other.try_recv()), (Ok(event.clone()), Ok(event)));
    }
    let text = observer.metrics().render(Timestamp::from_secs(2), Duration::ZERO).unwrap();
    assert!(text.contains("ballast_journal_failures_total 1"));
}

#[test]
fn a_dropped_tap_is_forgotten_and_disturbs_nobody() {
    let observer = observer();
    let (gone, mut stays, also_gone) = (observer.tap(), observer.tap(), observer.tap());
    drop((gone, also_gone));
    observer.record(all().swap_remove(0));
    assert_eq!(observer.0.taps.read().unwrap().len(), 1);
    observer.record(all().swap_remove(1));
    assert_eq!((stays.try_recv().is_ok(), stays.try_recv().is_ok()), (true, true));
    drop(stays);
    observer.record(all().swap_remove(2));
    assert_eq!(observer.0.taps.read().unwrap().len(), 0);
}

#[test]
fn nothing_is_lost_between_threads() {
    let observer = observer();
    let mut tap = observer.tap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(|_| observer.record(all().swap_remove(26))));
        }
        scope.spawn(|| (0..50).for_each(|_| drop(observer.tap())));
    });
    let heard = std::iter::from_fn(|| tap.try_recv().ok()).count();
    assert_eq!(heard, 1_000);
}
