use std::sync::{Arc, PoisonError, RwLock};

/// Whether the process is ready to do its work, and what stands in the way. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<RwLock<Option<String>>>);

impl Readiness {
    /// Not ready, because it starts.
    #[must_use]
    pub fn starting() -> Self {
        Self(Arc::new(RwLock::new(Some("starting".to_owned()))))
    }

    /// From now on ready.
    pub fn ready(&self) {
        self.set(None);
    }

    /// From now on not ready. The reason is shown to whoever asks, so it names no secret.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    /// What stands in the way; `None` when ready.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, obstacle: Option<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = obstacle;
    }
}
