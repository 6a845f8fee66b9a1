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
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, Once};

    use tracing::level_filters::LevelFilter;
    use tracing::subscriber::DefaultGuard;
    use tracing_subscriber::layer::SubscriberExt;

    /// Log lines, kept.
    #[derive(Clone, Default)]
    pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// Everything that this thread logs up to this level, until the guard is dropped.
        pub(crate) fn kept(most: tracing::Level) -> (Self, DefaultGuard) {
            keep_everyone_audible();
            let lines = Self::default();
            let writer = lines.clone();
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(most).with_writer(move || writer.clone());
            (lines, tracing::subscriber::set_default(subscriber.finish()))
        }

        /// What has been logged so far.
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        /// The same, and it is forgotten.
        pub(crate) fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

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
