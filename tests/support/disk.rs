//! A disk that is full when a story says so. A small one of its own, which a file fills to the last byte, takes the rights of an
//! administrator; where a test does not have them, the system is told that the process may not write past the first byte of any file,
//! which a database meets in the same place with another error.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Child;

/// What starts a process that hears an error, and does not die, when it writes more than it may.
pub(crate) const HEARS_OF_LIMITS: &[&str] = &["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];

/// A folder on such a disk.
pub(crate) struct Disk {
    place: TempDir,
    small: bool,
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let quiet = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

impl Disk {
    /// A disk of a megabyte; `None` where nobody may mount one.
    pub(crate) fn small() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().to_str().unwrap().to_owned();
        let small = succeeds("mount", &["-t", "tmpfs", "-o", "size=1m,mode=0700", "ballast-story", &path]);
        small.then_some(Self { place, small })
    }

    /// The disk that everybody has, with a limit on what one process may write.
    pub(crate) fn limited() -> Self {
        Self { place: tempfile::tempdir().unwrap(), small: false }
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// There is no space any more.
    pub(crate) fn fill(&self, child: &Child) {
        if !self.small {
            return Self::limit(child, "1:");
        }
        let mut filler = File::create(self.path().join("filler")).unwrap();
        for size in [4_096, 1] {
            while filler.write_all(&vec![7; size]).is_ok() {}
        }
    }

    /// There is space again.
    pub(crate) fn empty(&self, child: &Child) {
        if !self.small {
            return Self::limit(child, "unlimited:");
        }
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }

    /// The soft limit alone, which everybody may raise again.
    fn limit(child: &Child, bytes: &str) {
        assert!(succeeds("prlimit", &["--pid", &child.pid(), &format!("--fsize={bytes}")]), "prlimit, of util-linux, is needed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.small {
            // Lazily: the process that used it may be on its way out.
            succeeds("umount", &["-l", self.path().to_str().unwrap()]);
        }
    }
}
