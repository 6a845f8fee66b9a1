//! Settings that change while the process runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::chain::{self, ChainPlan};
use crate::config::{Faults, Reread, Settings, Watch};
use crate::observe::{Event, Observer};

/// How often the files are looked at. What has changed counts after two looks: the second shows that nobody is still writing.
const EVERY: Duration = Duration::from_secs(2);

/// Takes newer settings for a running process.
#[derive(Clone)]
pub struct Follower {
    pub(super) plans: Vec<Arc<ChainPlan>>,
    pub(super) observer: Observer,
}

impl Follower {
    /// Pools that are new come, those that have changed go on by their new settings, those that are not there any more finish what
    /// they have begun and go. Each is held against its chain before it counts. Everything else in the settings counts at the next
    /// start; `restart` says that some of it has changed.
    pub fn take(&self, settings: &Settings, restart: bool) {
        self.observer.record(Event::SettingsRead { pools: settings.pools.len(), restart });
        for plan in &self.plans {
            plan.want(chain::wanted(settings, plan.chain()));
        }
    }

    /// Says that newer settings have faults. Nothing changes.
    pub fn refuse(&self, faults: &Faults) {
        self.observer.record(Event::SettingsRefused { faults: faults.to_string(), count: faults.0.len() });
    }

    /// Looks at the files for ever, every so often and whenever somebody insists.
    pub async fn watch(self, watch: Watch, insists: Arc<Notify>) {
        let mut watch = Some(watch);
        loop {
            let insisted = tokio::select! {
                () = tokio::time::sleep(EVERY) => false,
                () = insists.notified() => true,
            };
            let Some(mut held) = watch.take() else { return };
            // Disks may be slow, and actors share this thread.
            let looked = tokio::task::spawn_blocking(move || {
                let news = if insisted { held.insist() } else { held.look() };
                (held, news)
            });
            // A look that panics is a bug that everything but the following of files survives.
            let Ok((held, news)) = looked.await else {
                tracing::error!("the settings are not followed any more: the look at their files has crashed");
                return;
            };
            watch = Some(held);
            match news {
                Some(Ok(Reread { settings, restart })) => self.take(&settings, restart),
                Some(Err(faults)) => self.refuse(&faults),
                None => {}
            }
        }
    }
}
