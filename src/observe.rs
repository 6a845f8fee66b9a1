//! What Ballast says about itself. [`event`] is the vocabulary; [`Observer`] is the one place where an event becomes a log line, a
//! metric and an alert, so the three never disagree.

pub mod alert;
pub mod event;
pub mod heartbeat;
pub mod metrics;
pub mod observer;
pub mod spans;

pub use event::Event;
pub use observer::Observer;

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Once;

    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;

    /// To be called before a test reads what is logged. While a process has one subscriber only, a place in the code that is first
    /// reached by a thread without it is silenced for everyone; a second one that hears everything and says nothing prevents that.
    pub(crate) fn keep_everyone_audible() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let silent = tracing_subscriber::registry().with(LevelFilter::TRACE);
            // A subscriber that is already there does the same.
            let _ = tracing::subscriber::set_global_default(silent);
        });
    }
}
