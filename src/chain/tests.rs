//! Against a real node: anvil, as the contracts folder installs it. Without it these tests say so and pass.

mod announcements;
mod anvil;
mod link;
mod lying;
mod network;
mod preflight;
mod reader;
mod relay;
mod sender;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod strict;

mod uniswap_v3;
mod yields;

use std::sync::{Arc, Mutex};

use crate::chain::provider::RequestHook;

/// Counts requests by method.
#[derive(Clone, Default)]
struct Requests(Arc<Mutex<Vec<&'static str>>>);

impl Requests {
    fn hook(&self) -> RequestHook {
        let seen = self.0.clone();
        Arc::new(move |method| seen.lock().unwrap().push(method))
    }

    fn count(&self, method: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|seen| **seen == method).count()
    }
}

/// A hook that listens to nothing.
fn unheard() -> RequestHook {
    Arc::new(|_| {})
}
