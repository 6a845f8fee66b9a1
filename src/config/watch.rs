//! Notices that the files of the settings have changed, by what is in them: an editor, a copy and a volume that swaps a symlink all
//! look alike. Files that are still being written are left alone until they stand still.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::fault::Faults;
use super::load::{MAIN, is_settings, load};
use super::settings::Settings;

/// Settings that were read again.
#[derive(Clone, Debug)]
pub struct Reread {
    /// What they say now.
    pub settings: Settings,
    /// Whether the main file is another one than at the start: what it says beyond pools and policies counts at the next start.
    pub restart: bool,
}

/// The files of a settings directory, as they stand at one moment. What cannot be read is there with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Files(BTreeMap<PathBuf, Result<Vec<u8>, String>>);

/// Looks at the files of a settings directory again and again.
#[derive(Debug)]
pub struct Watch {
    dir: PathBuf,
    environment: Environment,
    /// As they stood at the start.
    first: Files,
    /// As they stood when they were last judged.
    judged: Files,
    /// As they stood at the last look.
    seen: Files,
}

impl Watch {
    /// Begins with the files as they are: to be called before they are loaded for the first time.
    #[must_use]
    pub fn begin(dir: &Path, environment: Environment) -> Self {
        let first = Files::read(dir);
        Self { dir: dir.to_owned(), environment, judged: first.clone(), seen: first.clone(), first }
    }

    /// What the files say, when they are others than those that were last judged and the same as at the look before.
    pub fn look(&mut self) -> Option<Result<Reread, Faults>> {
        let files = Files::read(&self.dir);
        let stands_still = files == self.seen;
        self.seen.clone_from(&files);
        (stands_still && files != self.judged).then(|| self.judge(files)).flatten()
    }

    /// What the files say now, whether they have changed or not.
    pub fn insist(&mut self) -> Option<Result<Reread, Faults>> {
        self.judge(Files::read(&self.dir))
    }

    /// Nothing when they changed while they were read: the next look sees that.
    fn judge(&mut self, files: Files) -> Option<Result<Reread, Faults>> {
        let loaded = load(&self.dir, &self.environment);
        if Files::read(&self.dir) != files {
            return None;
        }
        let restart = files.main(&self.dir) != self.first.main(&self.dir);
        self.judged = files;
        Some(loaded.map(|settings| Reread { settings, restart }))
    }
}

impl Files {
    fn read(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut read = |path: PathBuf| {
            let content = fs::read(&path).map_err(|fault| fault.to_string());
            files.insert(path, content);
        };
        read(dir.join(MAIN));
        for folder in ["pools", "policies"] {
            let entries = fs::read_dir(dir.join(folder)).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| is_settings(path)).for_each(&mut read);
        }
        Self(files)
    }

    fn main(&self, dir: &Path) -> Option<&Result<Vec<u8>, String>> {
        self.0.get(&dir.join(MAIN))
    }
}

#[cfg(test)]
mod tests;
