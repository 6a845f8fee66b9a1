//! What the program tells, in order, so that a story can wait for a word and a failure can show the last ones.

use std::fmt::Write;

use ballast::observe::Event;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use super::PATIENCE;

/// How much of the past a failure shows.
const LAST_WORDS: usize = 40;

/// The events of one program.
pub(crate) struct Told {
    events: UnboundedReceiver<Event>,
    begun: Instant,
    heard: Vec<(Instant, Event)>,
}

impl Told {
    pub(crate) fn new(events: UnboundedReceiver<Event>) -> Self {
        Self { events, begun: Instant::now(), heard: Vec::new() }
    }

    /// The next event that is wanted. Events before it are heard and passed by.
    pub(crate) async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        let limit = Instant::now() + PATIENCE;
        loop {
            let event = match timeout_at(limit, self.events.recv()).await {
                Ok(Some(event)) => event,
                Ok(None) => panic!("the program ended before: {what}\n{}", self.last_words()),
                Err(tokio::time::error::Elapsed { .. }) => panic!("nothing after {PATIENCE:?}: {what}\n{}", self.last_words()),
            };
            let found = wanted(&event);
            self.heard.push((Instant::now(), event.clone()));
            if found {
                return event;
            }
        }
    }

    /// Everything heard so far.
    pub(crate) fn heard(&self) -> impl Iterator<Item = &Event> {
        self.heard.iter().map(|(_, event)| event)
    }

    /// The same with the moment at which it was heard.
    pub(crate) fn moments(&self) -> &[(Instant, Event)] {
        &self.heard
    }

    fn last_words(&self) -> String {
        let mut text = String::new();
        let words: Vec<_> = self.heard.iter().filter(|(_, event)| !is_routine(event)).collect();
        for (at, event) in words.iter().skip(words.len().saturating_sub(LAST_WORDS)) {
            writeln!(text, "{:>9.3} s  {event:?}", (*at - self.begun).as_secs_f64()).unwrap();
        }
        text
    }
}

/// What happens in every block.
fn is_routine(event: &Event) -> bool {
    match event {
        Event::ReadingTaken { result, .. } => result.is_ok(),
        Event::BlockRead { .. } | Event::PoolSeen { .. } | Event::QueueSeen { .. } | Event::GasMoved { .. } => true,
        _ => false,
    }
}
