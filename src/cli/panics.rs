//! What a panic says: one line with its place. A panic in an actor is the supervisor's affair and does not end the process; the
//! usual hook would hold a worker for hundreds of milliseconds to make a backtrace, while the supervisor waits to hear of it.

use std::panic::{self, PanicHookInfo};

/// Installs the hook.
pub(super) fn install() {
    panic::set_hook(Box::new(say));
}

fn say(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, message, "panic");
}
