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
