//! Named points between two commits of an operation, at which a test build can end the process as a power cut would: with SIGKILL,
//! no word, no clean-up. In every other build a point is nothing.
//!
//! A test build (feature `failpoints`) obeys two environment variables. `BALLAST_KILL_AT=c4-after:2,sent:1` kills at the second time
//! that `c4-after` is reached, and at the first of `sent`. `BALLAST_WRITE_AHEAD=off` hands transactions over *before* they are
//! written down, to show that the tests would notice.

/// Every point, in the order in which an operation passes them.
pub const POINTS: [&str; 20] = [
    "c1-before",     // nothing is known of the intent
    "c1-after",      // QUEUED
    "simulated",     // QUEUED, the node has simulated it
    "c2-before",     // QUEUED, the nonce is chosen
    "c2-after",      // RESERVED
    "signed",        // RESERVED, a signature exists in memory
    "c3-after",      // PREPARED
    "c4-after",      // INFLIGHT, nothing is handed over yet
    "sent",          // INFLIGHT, the network has it, the answer is not noted
    "c5-after",      // INFLIGHT, the answer is noted
    "c6-before",     // a replacement is signed
    "c6-after",      // a replacement is written down
    "cancel-before", // a cancellation is signed
    "cancel-after",  // CANCELLING, the cancellation is written down
    "c7-before",     // a receipt was found
    "c7-after",      // INCLUDED
    "unwind-after",  // INFLIGHT again after a reorganisation
    "c8-before",     // the block is final
    "c8-after",      // over
    "settled",       // over or included, the pool is about to hear
];

/// The process is at this point.
#[inline]
#[cfg_attr(not(feature = "failpoints"), expect(clippy::missing_const_for_fn, reason = "not const in a test build"))]
pub fn reach(point: &'static str) {
    fail::fail_point!(point);
    let _ = point;
}

/// Whether transactions are written down before they are handed over. Always, but for a test that shows why.
#[cfg(not(feature = "failpoints"))]
#[must_use]
pub const fn write_ahead() -> bool {
    true
}

#[cfg(feature = "failpoints")]
pub use armed::{arm, write_ahead};

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use rustix::process::{Signal, getpid, kill_process};
    use secrecy::ExposeSecret;

    use super::POINTS;
    use crate::config::Environment;

    static WRITE_AHEAD: AtomicBool = AtomicBool::new(true);

    /// See [`super::write_ahead`].
    #[must_use]
    pub fn write_ahead() -> bool {
        WRITE_AHEAD.load(Ordering::Relaxed)
    }

    /// Does what the environment asks for.
    ///
    /// # Errors
    /// A point that does not exist, or a count that is none.
    pub fn arm(environment: &Environment) -> Result<(), String> {
        if environment.get("BALLAST_WRITE_AHEAD").is_some_and(|word| word.expose_secret() == "off") {
            WRITE_AHEAD.store(false, Ordering::Relaxed);
        }
        let Some(points) = environment.get("BALLAST_KILL_AT") else { return Ok(()) };
        for wish in points.expose_secret().split(',').filter(|wish| !wish.is_empty()) {
            let (name, count) = wish.split_once(':').unwrap_or((wish, "1"));
            let point = POINTS.iter().find(|point| **point == name);
            let point = *point.ok_or_else(|| format!("BALLAST_KILL_AT: there is no point `{name}`"))?;
            let count: u32 = count.parse().map_err(|_| format!("BALLAST_KILL_AT: `{count}` is no count"))?;
            let left = AtomicU32::new(count);
            fail::cfg_callback(point, move || {
                if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                    // Nobody is left to hear whether it worked.
                    let _ = kill_process(getpid(), Signal::KILL);
                }
            })
            .map_err(|fault| format!("BALLAST_KILL_AT: {fault}"))?;
        }
        Ok(())
    }
}
