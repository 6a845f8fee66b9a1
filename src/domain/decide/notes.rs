//! What was considered on the way to a decision, for whoever asks why.

/// One thing that was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// What: a finite, stable word.
    pub what: &'static str,
    /// What came of it, in words.
    pub found: String,
}

/// Takes notes, or does not: a decision that nobody asks about does not write essays.
#[derive(Debug)]
pub(super) struct Notes(Option<Vec<Considered>>);

impl Notes {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    pub(super) const fn taken() -> Self {
        Self(Some(Vec::new()))
    }

    pub(super) fn add(&mut self, what: &'static str, found: impl FnOnce() -> String) {
        if let Some(notes) = &mut self.0 {
            notes.push(Considered { what, found: found() });
        }
    }

    pub(super) fn into_vec(self) -> Vec<Considered> {
        self.0.unwrap_or_default()
    }
}
